"""Floors under scanning risk: what a book costs however well it hedges itself.

Floors are not additive: a unit's losses are raised to the greatest of them.
"""

from __future__ import annotations

import numpy as np

from seawall.margin.parameters import Rates
from seawall.risk.book import CALL, PUT, UnderlyingBook

__all__ = ["Floor", "GrossFloor", "ShortOptionMinimum"]


class ShortOptionMinimum(Rates, frozen=True, kw_only=True, tag="short-option-minimum"):
    """``rate_rel`` · S · the greater of calls and puts held short, in coins.

    Each instrument counts by itself: a long option of another strike does not reduce it.
    """

    rate_rel: float

    def amount(self, book: UnderlyingBook) -> float:
        """The floor in USD."""
        short = np.maximum(-book.quantity, 0.0)
        most = max(float(short[book.kind == kind].sum()) for kind in (CALL, PUT))
        return self.rate_rel * book.spot_usd * most


class GrossFloor(Rates, frozen=True, kw_only=True, tag="gross-floor"):
    """``rate_rel`` · S · Σ|q| over everything in the array, options at the index.

    Coins held, owed and earned but not yet settled count as one balance.
    """

    rate_rel: float

    def amount(self, book: UnderlyingBook) -> float:
        """The floor in USD."""
        contracts = float(np.abs(book.quantity[~book.is_spot]).sum())
        return self.rate_rel * book.spot_usd * (contracts + abs(book.coin_balance))


Floor = ShortOptionMinimum | GrossFloor
