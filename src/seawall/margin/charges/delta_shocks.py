"""Charges on net deltas, unit by unit of what settles in one currency.

A delta here is that to the price of the contract's own expiry: a future's is 1 whatever its basis.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import BadParameter
from seawall.margin.charges.base import ChargeAmount, Charged, ChargeShares, NamedCharge
from seawall.margin.charges.by_class import of_class
from seawall.margin.currencies import of_currency, rows_by_currency
from seawall.margin.parameters import Rates
from seawall.market.needs import Need
from seawall.risk.book import UnderlyingBook

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

# A year's move of a curve beyond e^10 is no number of a margin.
_MOST_PER_YEAR = 10.0


class RollNumbers(Rates, frozen=True, kw_only=True):
    """How a futures curve moves: exp(``annual_move``·T) − 1, at least ``min_move_rel``."""

    annual_move: float
    min_move_rel: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.annual_move > _MOST_PER_YEAR:
            raise BadParameter(
                f"annual_move is {self.annual_move}",
                where="roll-shock",
                remedy=f"Give a share a year, at most {_MOST_PER_YEAR:g}.",
            )


@dataclass(frozen=True, slots=True)
class _UnitDeltas:
    """Contracts on an underlying that settle in ``currency``: rows of the book, and each one's
    delta in coins; shapes [U].
    """

    currency: str
    rows: Places
    delta: Floats


class RollShockCharge(NamedCharge, frozen=True, kw_only=True, tag="roll-shock"):
    """Σ over expiries of |Δ_e|·S·max(``min_move_rel``, exp(``annual_move``·T_e) − 1), unhedged by
    other expiries; perpetuals are an expiry with T = 0.

    ``numbers`` by settlement currency as in :class:`seawall.margin.currencies.CurrencyUnits`. In
    initial and maintenance. Source: Deribit's private/pme/simulate,
    docs/models/deribit-pm-2024-06.md.
    """

    needs: ClassVar[frozenset[Need]] = frozenset()
    numbers: Mapping[str, RollNumbers]

    def amounts(self, on: Charged) -> tuple[ChargeAmount, ...]:
        """One amount per unit. Raises BadParameter for a currency without numbers."""
        return tuple(
            ChargeAmount(_path("roll_shock", on.book, unit), cost, cost)
            for unit in _units(on.book)
            for cost in [float(self._leg_costs_usd(on.book, unit).sum())]
        )

    def shares(self, on: Charged, worst_shares: Floats) -> ChargeShares:
        """What each leg brings to the net delta of its expiry."""
        found = np.zeros(on.book.quantity.size)
        for unit in _units(on.book):
            found[unit.rows] = self._leg_costs_usd(on.book, unit)
        return ChargeShares.of_degree_one(found, found)

    def _leg_costs_usd(self, book: UnderlyingBook, unit: _UnitDeltas) -> Floats:
        """What each row of a unit adds to its charge; shape [U]."""
        numbers = of_currency(self.numbers, unit.currency, book.underlying, "roll-shock.numbers")
        bucket = book.bucket[unit.rows]
        net = np.bincount(bucket, unit.delta, len(book.buckets))
        curve = np.expm1(numbers.annual_move * book.tenor_years[unit.rows])
        move = np.maximum(numbers.min_move_rel, curve)
        return np.sign(net)[bucket] * unit.delta * move * book.level_usd


class DeltaShockNumbers(Rates, frozen=True, kw_only=True):
    """Above ``threshold_usd`` of net delta each coin more costs ``increment_per_coin`` of it all,
    ``most_rel`` at most.
    """

    threshold_usd: float
    increment_per_coin: float
    most_rel: float


class DeltaShockCharge(NamedCharge, frozen=True, kw_only=True, tag="delta-shock"):
    """min((|Δ| − threshold/S)⁺·increment, most)·|Δ|·S, Δ what a large book must sell or buy.

    With δ₁ the delta of long options and δ₂ that of futures and short options: where δ₂ < 0,
    Δ = min(max(δ₁ + δ₂, δ₂), 0), else max(min(δ₁ + δ₂, δ₂), 0): long options may hedge the rest,
    and need no closing. ``classes`` by class of the underlying. In initial and maintenance.
    Source: docs/models/deribit-pm-2024-06.md.
    """

    needs: ClassVar[frozenset[Need]] = frozenset()
    classes: Mapping[str, DeltaShockNumbers]

    def amounts(self, on: Charged) -> tuple[ChargeAmount, ...]:
        """One amount per unit. Raises BadParameter for a class without numbers."""
        found: list[ChargeAmount] = []
        for unit in _units(on.book):
            share, _ = self._leg_costs_usd(on, unit)
            cost = float(share.sum())
            found.append(ChargeAmount(_path("delta_shock", on.book, unit), cost, cost))
        return tuple(found)

    def shares(self, on: Charged, worst_shares: Floats) -> ChargeShares:
        """By what each leg brings to Δ; the rate grows with Δ up to the most."""
        share, slope = np.zeros((2, on.book.quantity.size))
        for unit in _units(on.book):
            share[unit.rows], slope[unit.rows] = self._leg_costs_usd(on, unit)
        return ChargeShares(share, share, slope, slope)

    def _leg_costs_usd(self, on: Charged, unit: _UnitDeltas) -> tuple[Floats, Floats]:
        """What each row of a unit adds to its charge, and leg times slope of that; shapes [U]."""
        book, numbers = on.book, of_class(self.classes, on.numbers.name, "delta-shock.classes")
        hedging = book.is_option[unit.rows] & (book.quantity[unit.rows] > 0.0)
        hedges = float(unit.delta[hedging].sum())
        rest = float(unit.delta[~hedging].sum())
        # Long options of the other sign take away, of the same sign they add nothing.
        helps = hedges * rest < 0.0
        coins = np.where(hedging & (not helps), 0.0, unit.delta)
        net = rest + (hedges if helps else 0.0)
        if net * rest <= 0.0:
            return np.zeros(coins.size), np.zeros(coins.size)
        beyond = max(0.0, abs(net) - numbers.threshold_usd / book.level_usd)
        rate = min(beyond * numbers.increment_per_coin, numbers.most_rel)
        growing = numbers.increment_per_coin * abs(net) if 0.0 < rate < numbers.most_rel else 0.0
        part = np.sign(net) * coins * book.level_usd
        return rate * part, (rate + growing) * part


def _path(head: str, book: UnderlyingBook, unit: _UnitDeltas) -> str:
    own = unit.currency == book.underlying
    return f"{head}/{book.underlying}" if own else f"{head}/{book.underlying}/{unit.currency}"


def _units(book: UnderlyingBook) -> Iterator[_UnitDeltas]:
    """The contracts of each currency."""
    slope = np.ones(book.quantity.size)
    if not book.is_signed:
        slope = book.unit_usd * book.forward / book.spot_usd
    delta = np.where(book.is_option, book.delta / slope, 1.0) * book.quantity
    for currency, listed in rows_by_currency(book).items():
        rows = np.array([row for row in listed if not book.is_spot[row]], dtype=np.intp)
        if rows.size:
            yield _UnitDeltas(currency, rows, delta[rows])
