"""Debts that may grow dearer: the borrow factors of lending protocols."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

import numpy as np

from seawall.basics.errors import BadParameter
from seawall.margin.charges.base import ChargeAmount, ChargeAmounts, Holder, PositionCharge
from seawall.margin.factors import check_factors, factor_of, kinds_of, money_kind
from seawall.market.needs import Need
from seawall.products.instruments import Instrument
from seawall.products.portfolio import Position
from seawall.risk.accounts import Accounts
from seawall.risk.sums import PerUnit

# A debt divided by less would be a hundred times itself.
_LEAST = 0.01


class BorrowFactorCharge(PositionCharge, frozen=True, kw_only=True, tag="borrow-factor"):
    """Every negative value is a debt d that must be covered as d / factor.

    Equity already holds −d, so the charge is d · (1 / factor − 1). Factors by kind, at each level;
    what is owed in a short option is of the kind of its underlying. Options and futures are left
    out where ``contracts`` is false: other rules have them. Raises BadParameter for a factor that
    is not above 0 and at most 1, or an initial one above that of maintenance.
    """

    head: ClassVar[str] = "borrow"
    of_value: ClassVar[bool] = True
    needs: ClassVar[frozenset[Need]] = frozenset()
    initial: Mapping[str, float]
    maintenance: Mapping[str, float]
    contracts: bool = True

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

    def on_money(self, money: Iterable[tuple[Position, float]]) -> tuple[ChargeAmount, ...]:
        """One amount per debt in cash or a stablecoin."""
        found: list[ChargeAmount] = []
        for position, value in money:
            if value < 0.0:
                kind = money_kind(position.instrument)
                costs = (-value * self._extra(level, kind) for level in ("initial", "maintenance"))
                found.append(ChargeAmount(f"{self.head}/{position.instrument.name}", *costs))
        return tuple(found)

    def amounts_on_money_of_accounts(self, accounts: Accounts) -> ChargeAmounts:
        """One amount per debt in cash or a stablecoin."""
        owed = np.flatnonzero(accounts.money_usd < 0.0)
        debt, place = -accounts.money_usd[owed], accounts.money_place[owed]
        owing, kind = np.unique(place, return_inverse=True)
        money = accounts.instruments.book.money
        places: list[int] = owing.tolist()
        rates = self.money_rates([money[each][0].instrument for each in places])
        initial, maintenance = (debt * rate.short[kind] for rate in rates)
        return ChargeAmounts(accounts.money_account[owed], initial, maintenance)

    def money_rates(self, money: Sequence[Instrument]) -> tuple[PerUnit, PerUnit]:
        """Of debts. Raises BadParameter for a kind without a factor."""
        initial, maintenance = (
            PerUnit.short_only(np.array([self._extra(level, money_kind(held)) for held in money]))
            for level in ("initial", "maintenance")
        )
        return initial, maintenance

    def rates(self, on: Holder) -> tuple[PerUnit, PerUnit]:
        """Of values below zero; an option is worth less than nothing to who is short of it alone.

        Raises BadParameter for a kind without a factor.
        """
        kinds = [
            on.numbers.name if option else kind
            for option, kind in zip(on.book.is_option, kinds_of(on.book, on.numbers), strict=True)
        ]
        counts = on.book.is_spot | self.contracts
        initial, maintenance = (
            PerUnit.short_only(
                np.array(
                    [
                        self._extra(level, kind) if counted else 0.0
                        for kind, counted in zip(kinds, counts.tolist(), strict=True)
                    ]
                )
            )
            for level in ("initial", "maintenance")
        )
        return initial, maintenance

    def _extra(self, level: str, kind: str) -> float:
        """1 / factor − 1."""
        return 1.0 / factor_of(getattr(self, level), kind, f"borrow-factor.{level}") - 1.0
