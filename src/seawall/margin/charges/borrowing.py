"""Debts that may grow dearer: the borrow factors of lending protocols."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import BadParameter
from seawall.margin.charges.base import (
    ChargeAmount,
    Charged,
    ChargeShares,
    NamedCharge,
    amounts_by_position,
)
from seawall.margin.factors import check_factors, factor_of, kinds_of, money_kind
from seawall.market.needs import Need
from seawall.products.portfolio import Position

Floats = NDArray[np.float64]

# A debt divided by less would be a hundred times itself.
_LEAST = 0.01


class BorrowFactorCharge(NamedCharge, frozen=True, kw_only=True, tag="borrow-factor"):
    """Every negative value is a debt d that must be covered as d / factor.

    Equity already holds −d, so the charge is d · (1 / factor − 1). Factors by kind, at each level;
    what is owed in a short option is of the kind of its underlying. Raises BadParameter for a
    factor that is not above 0 and at most 1, or an initial one above that of maintenance.
    """

    needs: ClassVar[frozenset[Need]] = frozenset()
    initial: Mapping[str, float]
    maintenance: Mapping[str, float]

    def __post_init__(self) -> None:
        for level in ("initial", "maintenance"):
            check_factors(getattr(self, level), _LEAST, f"borrow-factor.{level}")
        dearer = [k for k, factor in self.initial.items() if factor > self.maintenance.get(k, 0.0)]
        if dearer or self.initial.keys() != self.maintenance.keys():
            raise BadParameter(
                f"initial factors above those of maintenance, or of other kinds: "
                f"{', '.join(dearer or sorted(self.initial.keys() ^ self.maintenance.keys()))}",
                where="borrow-factor",
                remedy="Give both levels the same kinds, initial no higher than maintenance.",
            )

    def amounts(self, on: Charged) -> tuple[ChargeAmount, ...]:
        """One amount per position that is worth less than nothing."""
        owed = on.book.value_usd < 0.0
        return amounts_by_position("borrow", on.book, owed, *self._costs_usd(on))

    def on_money(self, money: Iterable[tuple[Position, float]]) -> tuple[ChargeAmount, ...]:
        """One amount per debt in cash or a stablecoin."""
        found: list[ChargeAmount] = []
        for position, value in money:
            if value < 0.0:
                kind = money_kind(position.instrument)
                costs = (-value * self._extra(level, kind) for level in ("initial", "maintenance"))
                found.append(ChargeAmount(f"borrow/{position.instrument.name}", *costs))
        return tuple(found)

    def shares(self, on: Charged, worst_shares: Floats) -> ChargeShares:
        """Wholly each position's own."""
        return ChargeShares.of_degree_one(*self._costs_usd(on))

    def _costs_usd(self, on: Charged) -> tuple[Floats, Floats]:
        """What each position's debt costs, initial and maintenance; shapes [M]."""
        debt = np.maximum(-on.book.value_usd, 0.0)
        kinds = kinds_of(on.book, on.numbers)
        initial, maintenance = (
            np.array(
                [
                    self._extra(level, kind) if owed else 0.0
                    for kind, owed in zip(kinds, debt, strict=True)
                ]
            )
            for level in ("initial", "maintenance")
        )
        return debt * initial, debt * maintenance

    def _extra(self, level: str, kind: str) -> float:
        """1 / factor − 1."""
        return 1.0 / factor_of(getattr(self, level), kind, f"borrow-factor.{level}") - 1.0
