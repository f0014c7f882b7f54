"""Charges of single positions: percentages of a notional, without netting."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import BadParameter
from seawall.margin.charges.base import Holder, PositionCharge
from seawall.market.needs import Need
from seawall.risk.book import CALL, FUTURE, PERPETUAL, UnderlyingBook
from seawall.risk.sums import PerUnit

Floats = NDArray[np.float64]


class NotionalCharge(PositionCharge, frozen=True, kw_only=True, tag="notional"):
    """A percentage of the notional of each future, perpetual and spot debt, without netting.

    The percentage is the class's price range times ``initial_multiple`` or
    ``maintenance_multiple``. Debts or contracts are left out where ``debts`` or ``contracts`` says
    that something else has them.
    """

    head: ClassVar[str] = "notional"
    needs: ClassVar[frozenset[Need]] = frozenset()
    initial_multiple: float
    maintenance_multiple: float
    debts: bool = True
    contracts: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.initial_multiple < self.maintenance_multiple:
            raise BadParameter(
                "initial margin would be below maintenance",
                where="NotionalCharge",
                remedy="Give an initial_multiple of at least the maintenance_multiple.",
            )

    def rates(self, on: Holder) -> tuple[PerUnit, PerUnit]:
        """Of contracts of either side, and of debts."""
        long, short = contracts_and_debts_usd(on.book, debts=self.debts, contracts=self.contracts)
        initial = self.initial_multiple * on.numbers.price_range_rel
        maintenance = self.maintenance_multiple * on.numbers.price_range_rel
        return (
            PerUnit(initial * long, initial * short),
            PerUnit(maintenance * long, maintenance * short),
        )


def contracts_and_debts_usd(
    book: UnderlyingBook, *, debts: bool = True, contracts: bool = True
) -> tuple[Floats, Floats]:
    """The notional of one unit held long and of one held short: with ``contracts``, of futures and
    perpetuals of either side, and, with ``debts``, of assets of what is owed; shapes [M].
    """
    contract = np.isin(book.kind, (PERPETUAL, FUTURE)) & contracts
    notional = book.unit_notional_usd
    long = np.where(contract, notional, 0.0)
    return long, np.where(contract | (book.is_spot & debts), notional, 0.0)


class StandardOptionCharge(PositionCharge, frozen=True, kw_only=True, tag="standard-option"):
    """Each short option by Deribit's standard rule, less the mark that equity already holds.

    Call: initial max(``initial_rel`` − OTM/S, ``initial_floor_rel``), maintenance
    ``maintenance_rel``, of S. Put: the same initial but at least its maintenance, which is
    max(``maintenance_rel``, ``maintenance_rel``·mark/S) of S. Long options cost nothing more.
    Source: section "Standard margin" of Deribit's published margin rules.
    """

    head: ClassVar[str] = "standard_option"
    needs: ClassVar[frozenset[Need]] = frozenset()
    initial_rel: float
    initial_floor_rel: float
    maintenance_rel: float

    def rates(self, on: Holder) -> tuple[PerUnit, PerUnit]:
        """Of short options."""
        book, spot, level = on.book, on.book.spot_usd, on.book.level_usd
        strike_usd, call = book.strike_usd, book.kind == CALL
        out_of_money = np.maximum(np.where(call, strike_usd - spot, spot - strike_usd), 0.0)
        initial = np.maximum(self.initial_rel - out_of_money / level, self.initial_floor_rel)
        of_mark = self.maintenance_rel * book.mark_usd / level
        maintenance = np.where(
            call, self.maintenance_rel, np.maximum(self.maintenance_rel, of_mark)
        )
        size = np.where(book.is_option, level, 0.0)
        initial = np.maximum(initial, maintenance)
        return PerUnit.short_only(size * initial), PerUnit.short_only(size * maintenance)
