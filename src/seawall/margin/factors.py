"""Collateral factors: every asset counts for a share of its value, as on lending protocols.

Factors go by the name of an asset held outright, where it stands among them, else by *kind*:
``cash``, ``foreign-cash``, ``stablecoin``, ``long-options``, or the class of the underlying. An
unrealised profit or loss is of the kind in which it is paid, a wrapper of the kind of what it
wraps. Formulas: docs/models/collateral-factor.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import BadParameter
from seawall.margin.accounts.collateral import (
    CutRates,
    Divided,
    HoldingValues,
    cut_holdings_of_accounts,
    money_of_accounts,
)
from seawall.margin.classes import UnderlyingClass, class_of
from seawall.margin.collateral import HoldingValue, holdings_of, kind_path
from seawall.market.needs import Need
from seawall.products.instruments import CASH, STABLECOINS, Cash, Instrument
from seawall.risk.accounts import Accounts
from seawall.risk.book import Book, UnderlyingBook

Floats = NDArray[np.float64]

OPTIONS = "long-options"


class CollateralFactors(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="factors"
):
    """The share of its value for which each kind counts; debts are left to a charge.

    Raises BadParameter for a factor outside 0 to 1.
    """

    needs: ClassVar[frozenset[Need]] = frozenset()
    factors: Mapping[str, float]

    def __post_init__(self) -> None:
        check_factors(self.factors, 0.0, "collateral.factors")

    def holdings(
        self, book: Book, classes: tuple[UnderlyingClass, ...]
    ) -> tuple[HoldingValue, ...]:
        """Everything the account holds, valued and cut; values add up to equity.

        Raises BadParameter for a kind without a factor.
        """
        rows: list[HoldingValue] = []
        for position, value in book.money:
            cut = self.money_cut(position.instrument)[0] * max(value, 0.0)
            rows.append(HoldingValue(kind_path(position.instrument), value, cut))
        for part in book.underlyings:
            rows += holdings_of(part, self._cuts(part, classes))
        return tuple(rows)

    def of_accounts(
        self, accounts: Accounts, parts: Divided, classes: tuple[UnderlyingClass, ...]
    ) -> tuple[HoldingValues, ...]:
        """What :meth:`holdings` says, of each of many accounts. Raises the same."""
        money = [position.instrument for position, _ in accounts.instruments.book.money]
        rates = [self.money_cut(held)[0] for held in money]
        rows = money_of_accounts(accounts, rates, [False] * len(money))
        for part in accounts.underlyings:
            rows += cut_holdings_of_accounts(part, self.cut_rates(part.book, classes))
        return tuple(rows)

    def money_cut(self, held: Instrument) -> tuple[float, bool, float]:
        """Of cash, a stablecoin or a claim on one: the rate, whether negative values are cut too,
        and what its peg cuts off either. Raises BadParameter.
        """
        return 1.0 - self._factor(held, money_kind(held)), False, 0.0

    def cut_rates(self, book: UnderlyingBook, classes: tuple[UnderlyingClass, ...]) -> CutRates:
        """Of what can be held, long, in an underlying. Raises BadParameter."""
        rate = self._cuts(book, classes)
        return CutRates(rate, np.zeros(rate.size), 0.0)

    def _cuts(self, book: UnderlyingBook, classes: tuple[UnderlyingClass, ...]) -> Floats:
        """What is cut off a positive value of each row; shape [M]."""
        kinds = kinds_of(book, class_of(book.underlying, classes))
        held = (position.instrument for position in book.positions)
        return 1.0 - np.array([self._factor(*each) for each in zip(held, kinds, strict=True)])

    def _factor(self, held: Instrument, kind: str) -> float:
        """Of an asset by its own name, else of its kind."""
        own = held.name if held.name in self.factors else kind
        return factor_of(self.factors, own, "collateral.factors")


def money_kind(held: Instrument) -> str:
    """The kind of cash, a stablecoin or a claim on one."""
    if isinstance(held, Cash):
        return "cash" if held.name == CASH else "foreign-cash"
    return "stablecoin"


def kinds_of(book: UnderlyingBook, numbers: UnderlyingClass) -> list[str]:
    """The kind of each position's value; shape [M]."""
    found: list[str] = []
    for row, position in enumerate(book.positions):
        paid_in = position.instrument.settlement
        if book.is_option[row]:
            found.append(OPTIONS if book.quantity[row] > 0.0 else numbers.name)
        elif book.is_spot[row] or book.inverse[row]:
            found.append(numbers.name)
        else:
            found.append(_paid_kind(paid_in))
    return found


def _paid_kind(currency: str) -> str:
    """The kind of money in which a linear contract pays."""
    if currency in STABLECOINS:
        return "stablecoin"
    return "cash" if currency == CASH else "foreign-cash"


def factor_of(factors: Mapping[str, float], kind: str, where: str) -> float:
    """The factor of a kind. Raises BadParameter where there is none."""
    if kind not in factors:
        raise BadParameter(
            f"no factor of {kind}", where=where, remedy=f"Add {kind} = 0.5, say, to it."
        )
    return factors[kind]


def check_factors(factors: Mapping[str, float], least: float, where: str) -> None:
    """Raises BadParameter for a factor that is below ``least``, above 1 or no number."""
    for kind, factor in factors.items():
        if not (math.isfinite(factor) and least <= factor <= 1.0):
            raise BadParameter(
                f"the factor of {kind} is {factor}",
                where=where,
                remedy=f"Give a share between {least:g} and 1.",
            )
