"""What an account's holdings are worth as collateral: market value less haircuts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from seawall.margin.classes import UnderlyingClass, class_of
from seawall.margin.parameters import Rates
from seawall.products.instruments import Cash
from seawall.risk.book import Book, UnderlyingBook


@dataclass(frozen=True, slots=True)
class HoldingValue:
    """Market value in USD of one kind of holding and the haircut on it (≥ 0)."""

    path: str
    value: float
    haircut: float


class StablecoinHaircut(Rates, frozen=True, kw_only=True):
    """max(floor, z·σ·√horizon + liquidity), for coins that aim at one USD."""

    floor_rel: float
    daily_vol_rel: float
    liquidity_rel: float


class Haircuts(Rates, frozen=True, kw_only=True):
    """How holdings count as collateral. Only positive values are cut.

    ``spot`` ``in-array`` when scenarios already shock it (only the class's liquidity haircut is
    taken), ``outside`` when nothing does: then max(price range, z·σ·√horizon + liquidity).
    ``locked`` names values that back nothing but their own position and are cut whole.
    """

    z: float
    horizon_days: float
    stablecoin: StablecoinHaircut
    spot: Literal["in-array", "outside"]
    locked: tuple[Literal["long-options", "unrealised-profit"], ...] = ()

    def holdings(
        self, book: Book, classes: tuple[UnderlyingClass, ...]
    ) -> tuple[HoldingValue, ...]:
        """Everything the account holds, valued and cut; values add up to equity."""
        values = [
            self._money(position.instrument.name, float(position.quantity) * price, is_cash)
            for position, price in book.money
            for is_cash in (isinstance(position.instrument, Cash),)
        ]
        for part in book.underlyings:
            values += self._underlying(part, class_of(part.underlying, classes))
        return tuple(values)

    def _outside(self, floor: float, daily_vol: float, liquidity: float) -> float:
        stressed = self.z * daily_vol * math.sqrt(self.horizon_days) + liquidity
        return min(1.0, max(floor, stressed))

    def _money(self, name: str, value: float, is_cash: bool) -> HoldingValue:
        if is_cash:
            return HoldingValue(f"cash/{name}", value, 0.0)
        s = self.stablecoin
        rate = self._outside(s.floor_rel, s.daily_vol_rel, s.liquidity_rel)
        return HoldingValue(f"stablecoin/{name}", value, rate * max(value, 0.0))

    def _underlying(self, book: UnderlyingBook, numbers: UnderlyingClass) -> list[HoldingValue]:
        rate = numbers.spot_haircut_rel
        if self.spot == "outside":
            rate = self._outside(numbers.price_range_down_rel, numbers.daily_vol_rel, rate)
        groups = (
            ("spot", book.is_spot, rate),
            ("options", book.is_option, float("long-options" in self.locked)),
            (
                "unrealised",
                ~book.is_spot & ~book.is_option,
                float("unrealised-profit" in self.locked),
            ),
        )
        return [
            HoldingValue(
                f"{path}/{book.underlying}",
                float(book.value_usd[rows].sum()),
                cut * float(np.maximum(book.value_usd[rows], 0.0).sum()),
            )
            for path, rows, cut in groups
            if rows.any()
        ]
