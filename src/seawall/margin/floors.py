"""Floors under scanning risk: what a book costs however well it hedges itself.

Floors are not additive: a unit's losses are raised to the greatest of them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seawall.margin.parameters import Rates
from seawall.risk.book import CALL, PUT, UnderlyingBook

__all__ = ["Floor", "GrossFloor", "ShortOptionMinimum", "floor_shares", "greatest_floor"]

Floats = NDArray[np.float64]


class ShortOptionMinimum(Rates, frozen=True, kw_only=True, tag="short-option-minimum"):
    """``rate_rel`` · S · the greater of calls and puts held short, in coins.

    Each instrument counts by itself: a long option of another strike does not reduce it.
    """

    rate_rel: float

    def amount(self, book: UnderlyingBook) -> float:
        """The floor in USD."""
        return float(self.shares(book).sum())

    def shares(self, book: UnderlyingBook) -> Floats:
        """Each row's part of it, which is leg times slope; shape [M] in USD."""
        short = np.maximum(-book.quantity, 0.0)
        calls, puts = (np.where(book.kind == kind, short, 0.0) for kind in (CALL, PUT))
        return self.rate_rel * book.level_usd * (calls if calls.sum() >= puts.sum() else puts)


class GrossFloor(Rates, frozen=True, kw_only=True, tag="gross-floor"):
    """``rate_rel`` · S · Σ|q| over everything in the array, options at the index.

    Coins held, owed and earned but not yet settled count as one balance.
    """

    rate_rel: float

    def amount(self, book: UnderlyingBook) -> float:
        """The floor in USD."""
        contracts = float(np.abs(book.quantity[~book.is_spot]).sum())
        return self.rate_rel * book.level_usd * (contracts + abs(book.coin_balance))

    def shares(self, book: UnderlyingBook) -> Floats:
        """Each row's part of it, which is leg times slope; shape [M] in USD."""
        contracts = np.where(book.is_spot, 0.0, np.abs(book.quantity))
        coins = contracts + np.sign(book.coin_balance) * book.coins
        return self.rate_rel * book.level_usd * coins


Floor = ShortOptionMinimum | GrossFloor


def greatest_floor(floors: tuple[Floor, ...], book: UnderlyingBook) -> float:
    """The least that scanning risk of a book may be, in USD; 0 without floors."""
    return max((floor.amount(book) for floor in floors), default=0.0)


def floor_shares(floors: tuple[Floor, ...], book: UnderlyingBook) -> Floats:
    """Each row's part of the greatest floor, of equal ones the first; shape [M] in USD."""
    if not floors:
        return np.zeros(book.quantity.size)
    return max(floors, key=lambda floor: floor.amount(book)).shares(book)
