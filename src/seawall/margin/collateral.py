"""What an account's holdings are worth as collateral: market value less haircuts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from seawall.margin.classes import UnderlyingClass, class_of
from seawall.margin.parameters import Rates
from seawall.products.instruments import STABLECOINS, Cash, Instrument
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
    Unrealised profit is cut like what it is paid in. ``locked`` names values that back nothing but
    their own position and are cut whole.
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
            self._money(position.instrument, float(position.quantity) * price)
            for position, price in book.money
        ]
        for part in book.underlyings:
            values += self._underlying(part, class_of(part.underlying, classes))
        return tuple(values)

    def _outside(self, floor: float, daily_vol: float, liquidity: float) -> float:
        stressed = self.z * daily_vol * math.sqrt(self.horizon_days) + liquidity
        return min(1.0, max(floor, stressed))

    def _stablecoin_rate(self) -> float:
        s = self.stablecoin
        return self._outside(s.floor_rel, s.daily_vol_rel, s.liquidity_rel)

    def _money(self, held: Instrument, value: float) -> HoldingValue:
        if isinstance(held, Cash):
            return HoldingValue(f"cash/{held.name}", value, 0.0)
        haircut = self._stablecoin_rate() * max(value, 0.0)
        return HoldingValue(f"stablecoin/{held.name}", value, haircut)

    def _underlying(self, book: UnderlyingBook, numbers: UnderlyingClass) -> list[HoldingValue]:
        spot = numbers.spot_haircut_rel
        if self.spot == "outside":
            spot = self._outside(numbers.price_range_down_rel, numbers.daily_vol_rel, spot)
        # A profit is worth what it will be paid in: coin, a stablecoin or cash.
        in_stablecoin = np.array(
            [position.instrument.settlement in STABLECOINS for position in book.positions]
        )
        profit = np.where(book.inverse, spot, np.where(in_stablecoin, self._stablecoin_rate(), 0.0))
        if "unrealised-profit" in self.locked:
            profit = np.ones_like(profit)
        options = float("long-options" in self.locked)
        future = ~book.is_spot & ~book.is_option
        groups = (
            ("spot", book.is_spot, np.full_like(profit, spot)),
            ("options", book.is_option, np.full_like(profit, options)),
            ("unrealised", future, profit),
        )
        return [
            HoldingValue(
                f"{path}/{book.underlying}",
                float(book.value_usd[rows].sum()),
                float(np.maximum(book.value_usd[rows], 0.0) @ rate[rows]),
            )
            for path, rows, rate in groups
            if rows.any()
        ]
