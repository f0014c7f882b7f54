"""Weights that turn against whoever holds or owes much of one thing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import BadParameter
from seawall.margin.charges.base import ChargeAmount, Charged, ChargeShares, NamedCharge
from seawall.margin.charges.by_class import of_class
from seawall.margin.parameters import Rates
from seawall.market.needs import Need
from seawall.risk.book import FUTURE, PERPETUAL

Floats = NDArray[np.float64]

# Source: calculate_size_premium_liability_weight and calculate_size_discount_asset_weight.
_KEPT_OF_LIABILITY = 0.8
_MOST_OF_ASSET = 1.1


class LevelWeights(Rates, frozen=True, kw_only=True):
    """The weights of one level at no size: of a coin held, of one owed, of a contract's notional.

    Raises BadParameter for an asset's above 1 or a debt's below.
    """

    asset: float
    liability: float
    contract: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.asset > 1.0 or self.liability < 1.0:
            raise BadParameter(
                f"asset {self.asset} and liability {self.liability}",
                where="size-weight.classes",
                remedy="Give an asset at most 1, and a liability at least 1.",
            )


class SizeWeights(Rates, frozen=True, kw_only=True):
    """Weights at both levels, and ``size_factor``: how fast they turn with the root of a size in
    coins. Raises BadParameter where initial margin would be below maintenance.
    """

    initial: LevelWeights
    maintenance: LevelWeights
    size_factor: float

    def __post_init__(self) -> None:
        super().__post_init__()
        one, other = self.initial, self.maintenance
        least = (other.liability, other.contract) <= (one.liability, one.contract)
        if one.asset > other.asset or one.contract < other.contract or not least:
            raise BadParameter(
                "initial margin would be below maintenance",
                where="size-weight.classes",
                remedy="Give initial margin an asset no higher, and a liability and a contract no "
                "lower than maintenance.",
            )


class SizeWeightCharge(NamedCharge, frozen=True, kw_only=True, tag="size-weight"):
    """Assets count for less, debts and contracts cost more, the larger each of them is.

    Of a size s in coins and a weight w: an asset counts for min(w, 1.1/(1 + f√s)), a debt and a
    contract for max(w, 0.8w + f√s), f the ``size_factor``. The collateral of the model counts coins
    at the asset's weight of maintenance and debts in full; the charge is what is beyond that.
    ``classes`` by class of the underlying. Source: math/margin.rs of drift-labs/protocol-v2.
    """

    needs: ClassVar[frozenset[Need]] = frozenset()
    classes: Mapping[str, SizeWeights]

    def amounts(self, on: Charged) -> tuple[ChargeAmount, ...]:
        """One amount per position that costs something. Raises BadParameter for a class without
        weights.
        """
        initial, _, maintenance, _ = self._costs_usd(on)
        return tuple(
            ChargeAmount(
                f"size_weight/{on.book.positions[row].instrument.name}",
                float(initial[row]),
                float(maintenance[row]),
            )
            for row in np.flatnonzero(initial).tolist()
        )

    def shares(self, on: Charged, worst_shares: Floats) -> ChargeShares:
        """Wholly each position's own; its slope is steeper, since its weight turns with it."""
        initial, initial_slope, maintenance, maintenance_slope = self._costs_usd(on)
        return ChargeShares(initial, maintenance, initial_slope, maintenance_slope)

    def _costs_usd(self, on: Charged) -> tuple[Floats, Floats, Floats, Floats]:
        """Cost and size times slope of each row, initial and then maintenance; shapes [M]."""
        book = on.book
        weights = of_class(self.classes, on.numbers.name, "size-weight.classes")
        value = np.where(book.is_spot, np.abs(book.value_usd), 0.0)
        contract = np.isin(book.kind, (PERPETUAL, FUTURE))
        notional = np.where(contract, book.notional_usd, 0.0)
        owed = book.quantity < 0.0
        turn = weights.size_factor * np.sqrt(np.abs(book.quantity))
        found: list[Floats] = []
        for level in (weights.initial, weights.maintenance):
            asset, asset_slope = _asset(level.asset, turn)
            debt, debt_slope = _liability(level.liability, turn)
            ratio, ratio_slope = _liability(level.contract, turn)
            full = weights.maintenance.asset
            for own, due, of_contract in (
                (full - asset, debt - 1.0, ratio),
                (full - asset_slope, debt_slope - 1.0, ratio_slope),
            ):
                found.append(value * np.where(owed, due, own) + notional * of_contract)
        return found[0], found[1], found[2], found[3]


def _asset(weight: float, turn: Floats) -> tuple[Floats, Floats]:
    """The weight of a size, and the slope of size times weight; ``turn`` is f√s."""
    turned = _MOST_OF_ASSET / (1.0 + turn)
    binds = (turn > 0.0) & (turned < weight)
    slope = turned - 0.5 * turned * turn / (1.0 + turn)
    return np.where(binds, turned, weight), np.where(binds, slope, weight)


def _liability(weight: float, turn: Floats) -> tuple[Floats, Floats]:
    """The weight of a size, and the slope of size times weight; ``turn`` is f√s."""
    turned = _KEPT_OF_LIABILITY * weight + turn
    binds = (turn > 0.0) & (turned > weight)
    return np.where(binds, turned, weight), np.where(binds, turned + 0.5 * turn, weight)
