"""Shares of the index for contracts of either side, and for options held short."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seawall.margin.charges.base import Charged, ChargeShares, Holder, UnderlyingCharge
from seawall.market.needs import Need
from seawall.risk.book import CALL, FUTURE, PERPETUAL, PUT
from seawall.risk.sums import PerUnit, Total, greater

Floats = NDArray[np.float64]


class IndexNotionalCharge(UnderlyingCharge, frozen=True, kw_only=True, tag="index-notional"):
    """``future_rel``·S·Σ|q| over futures and perpetuals, and ``short_option_rel``·S times the calls
    that are held short beyond those held long, and the puts.
    """

    head: ClassVar[str] = "index_notional"
    needs: ClassVar[frozenset[Need]] = frozenset()
    future_rel: float
    short_option_rel: float

    def terms(self, on: Holder) -> tuple[PerUnit, ...]:
        """Futures and perpetuals of either side, net calls and net puts, in coins."""
        kind = on.book.kind
        contracts = np.isin(kind, (PERPETUAL, FUTURE)).astype(np.float64)
        options = (np.where(kind == right, 1.0, 0.0) for right in (CALL, PUT))
        return (PerUnit.gross(contracts), *map(PerUnit.net, options))

    def cost_usd(self, on: Holder, sums: Sequence[Total]) -> Total:
        """Of futures, and of short calls and puts."""
        futures, calls, puts = sums
        short = greater(0.0 * calls, -calls) + greater(0.0 * puts, -puts)
        return on.book.level_usd * (self.future_rel * futures + self.short_option_rel * short)

    def shares(self, on: Charged, worst_shares: Floats) -> ChargeShares:
        """Each contract's own, and of a right that is short each option's; of one that is neither
        long nor short half of that, the slope between the two.
        """
        book = on.book
        futures, *options = (term.of(book.quantity) for term in self.terms(on))
        short = np.zeros(book.quantity.size)
        for own in options:
            short -= 0.5 * (1.0 - np.sign(own.sum())) * own
        share = book.level_usd * (self.future_rel * futures + self.short_option_rel * short)
        return ChargeShares.of_degree_one(share, share)
