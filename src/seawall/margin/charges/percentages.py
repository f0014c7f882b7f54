"""Charges of single positions: percentages of a notional, without netting."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from seawall.basics.errors import BadParameter
from seawall.margin.charges.base import Holder, PositionCharge
from seawall.market.needs import Need
from seawall.risk.book import CALL, FUTURE, PERPETUAL
from seawall.risk.sums import PerUnit


class NotionalCharge(PositionCharge, frozen=True, kw_only=True, tag="notional"):
    """A percentage of the notional of each future, perpetual and spot debt, without netting.

    The percentage is the class's price range times ``initial_multiple`` or
    ``maintenance_multiple``.
    """

    head: ClassVar[str] = "notional"
    needs: ClassVar[frozenset[Need]] = frozenset()
    initial_multiple: float
    maintenance_multiple: float

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
        book = on.book
        notional = book.unit_notional_usd * on.numbers.price_range_rel
        contract = np.isin(book.kind, (PERPETUAL, FUTURE))
        long = np.where(contract, notional, 0.0)
        short = np.where(contract | book.is_spot, notional, 0.0)
        return (
            PerUnit(self.initial_multiple * long, self.initial_multiple * short),
            PerUnit(self.maintenance_multiple * long, self.maintenance_multiple * short),
        )


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
        # A strike is in the quote currency; a linear contract's is worth its stablecoin.
        strike_usd = book.strike * np.where(book.inverse, 1.0, book.unit_usd)
        call = book.kind == CALL
        out_of_money = np.maximum(np.where(call, strike_usd - spot, spot - strike_usd), 0.0)
        initial = np.maximum(self.initial_rel - out_of_money / level, self.initial_floor_rel)
        of_mark = self.maintenance_rel * book.mark_usd / level
        maintenance = np.where(
            call, self.maintenance_rel, np.maximum(self.maintenance_rel, of_mark)
        )
        size = np.where(book.is_option, level, 0.0)
        initial = np.maximum(initial, maintenance)
        return PerUnit.short_only(size * initial), PerUnit.short_only(size * maintenance)
