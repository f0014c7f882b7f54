"""Contracts that hedge each other in different currencies, of which one may lose its peg."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seawall.margin.charges.base import Charged, ChargeShares, Holder, UnderlyingCharge
from seawall.margin.charges.tiers import Tier, by_tiers, check_tiers, rate_at
from seawall.market.needs import Need
from seawall.products.instruments import STABLECOINS
from seawall.risk.book import UnderlyingBook
from seawall.risk.sums import PerUnit, Total, greater

Floats = NDArray[np.float64]


class StablecoinHedgeCharge(UnderlyingCharge, frozen=True, kw_only=True, tag="stablecoin-hedge"):
    """Deltas of one underlying in contracts of different currencies hedge each other only as long
    as stablecoins keep their peg.

    H is the delta in USD that contracts of one currency hold against those of another, currencies
    being each stablecoin and, for all else, dollars: ½(Σ_c|Δ_c| − |Σ_c Δ_c|). The charge is H by
    ``tiers``. What is held outright is in no currency.
    """

    head: ClassVar[str] = "stablecoin_hedge"
    needs: ClassVar[frozenset[Need]] = frozenset()
    tiers: tuple[Tier, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        check_tiers(self.tiers, "stablecoin-hedge.tiers")

    def terms(self, on: Holder) -> tuple[PerUnit, ...]:
        """Δ_c of each currency, in coins."""
        masks = _by_currency(on.book)
        return tuple(PerUnit.net(np.where(mask, on.book.delta, 0.0)) for mask in masks)

    def cost_usd(self, on: Holder, sums: Sequence[Total]) -> Total:
        """Of what is hedged."""
        return by_tiers(on.book.level_usd * _hedged(sums), self.tiers)

    def shares(self, on: Charged, worst_shares: Floats) -> ChargeShares:
        """What each leg brings to what is hedged; its slope that of the last tier."""
        book = on.book
        sums = on.sums(self.terms(on))
        brought, net = np.zeros(book.quantity.size), np.sign(sum(sums))
        for mask, own in zip(_by_currency(book), sums, strict=True):
            side = 0.5 * (np.sign(own) - net)
            brought += np.where(mask, side * book.level_usd * book.quantity * book.delta, 0.0)
        hedged = book.level_usd * float(_hedged(sums))
        mean = float(by_tiers(hedged, self.tiers)) / hedged if hedged > 0.0 else 0.0
        share, slope = mean * brought, rate_at(hedged, self.tiers) * brought
        return ChargeShares(share, share, slope, slope)


def _hedged(sums: Sequence[Total]) -> Total:
    """What of the deltas is held one way in some currencies and the other way in others."""
    gross, net = sum(map(abs, sums), 0.0), sum(sums, 0.0)
    return greater(0.0 * gross, 0.5 * (gross - abs(net)))


def _by_currency(book: UnderlyingBook) -> tuple[NDArray[np.bool_], ...]:
    """Rows of contracts of each stablecoin, and of dollars; shapes [M]."""
    of = np.array(
        [
            own if (own := held.instrument.settlement) in STABLECOINS else "USD"
            for held in book.positions
        ]
    )
    return tuple((of == own) & ~book.is_spot for own in (*sorted(STABLECOINS), "USD"))
