"""Charges of single positions: percentages of a notional, without netting."""

from __future__ import annotations

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
from seawall.market.needs import Need
from seawall.risk.book import CALL, FUTURE, PERPETUAL, SPOT

Floats = NDArray[np.float64]


class NotionalCharge(NamedCharge, frozen=True, kw_only=True, tag="notional"):
    """A percentage of the notional of each future, perpetual and spot debt, without netting.

    The percentage is the class's price range times ``initial_multiple`` or
    ``maintenance_multiple``.
    """

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

    def amounts(self, on: Charged) -> tuple[ChargeAmount, ...]:
        """One amount per position."""
        return amounts_by_position("notional", on.book, *self._costs_usd(on))

    def shares(self, on: Charged, worst_shares: Floats) -> ChargeShares:
        """Wholly each position's own."""
        return _own(*self._costs_usd(on))

    def _costs_usd(self, on: Charged) -> tuple[NDArray[np.bool_], Floats, Floats]:
        """Which rows are charged, and what each would be, initial and maintenance; shapes [M]."""
        book = on.book
        notional = book.notional_usd * on.numbers.price_range_rel
        charged = np.isin(book.kind, (PERPETUAL, FUTURE)) | (
            (book.kind == SPOT) & (book.quantity < 0.0)
        )
        return charged, self.initial_multiple * notional, self.maintenance_multiple * notional


class StandardOptionCharge(NamedCharge, frozen=True, kw_only=True, tag="standard-option"):
    """Each short option by Deribit's standard rule, less the mark that equity already holds.

    Call: initial max(``initial_rel`` − OTM/S, ``initial_floor_rel``), maintenance
    ``maintenance_rel``, of S. Put: the same initial but at least its maintenance, which is
    max(``maintenance_rel``, ``maintenance_rel``·mark/S) of S. Long options cost nothing more.
    Source: section "Standard margin" of Deribit's published margin rules.
    """

    needs: ClassVar[frozenset[Need]] = frozenset()
    initial_rel: float
    initial_floor_rel: float
    maintenance_rel: float

    def amounts(self, on: Charged) -> tuple[ChargeAmount, ...]:
        """One amount per short option."""
        return amounts_by_position("standard_option", on.book, *self._costs_usd(on))

    def shares(self, on: Charged, worst_shares: Floats) -> ChargeShares:
        """Wholly each position's own."""
        return _own(*self._costs_usd(on))

    def _costs_usd(self, on: Charged) -> tuple[NDArray[np.bool_], Floats, Floats]:
        """Which rows are charged, and what each would be, initial and maintenance; shapes [M]."""
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
        size = -book.quantity * level
        initial = np.maximum(initial, maintenance)
        return book.is_option & (book.quantity < 0.0), size * initial, size * maintenance


def _own(charged: NDArray[np.bool_], initial: Floats, maintenance: Floats) -> ChargeShares:
    """Every row's own amounts, nothing where it is not charged."""
    return ChargeShares.of_degree_one(
        np.where(charged, initial, 0.0), np.where(charged, maintenance, 0.0)
    )
