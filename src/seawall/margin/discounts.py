"""What a fold does to the options of an expiry before expiries are added up."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seawall.margin.parameters import Rates
from seawall.pricing.discounting import rate_per_year
from seawall.risk.book import UnderlyingBook

Floats = NDArray[np.float64]


class StaticDiscount(Rates, frozen=True, kw_only=True, tag="static-discount"):
    """The options of an expiry count for less where they are worth something together, and for more
    where they are owed.

    In a cell where they are worth V ≥ 0, V·``long_base``·e^{−T(r·``long_rate_mult`` +
    ``long_rate_add``)}; where V < 0, V·min(1/D, ``short_base``·e^{T(r·``short_rate_mult`` +
    ``short_rate_add``)}). T and r are the expiry's time in years and rate, at least 0, D = e^{−rT}.
    Source: Derive's portfolio margin, docs/models/derive-pm2.md.
    """

    long_base: float
    long_rate_mult: float
    long_rate_add: float
    short_base: float
    short_rate_mult: float
    short_rate_add: float

    def factors(self, book: UnderlyingBook, unit_pnl_usd: Floats) -> Floats:
        """What the value of each row counts for in each cell; shape [M, S], 1 but for options.

        ``unit_pnl_usd`` [M, S] is what one unit of each row gains in each cell.
        """
        out = np.ones(unit_pnl_usd.shape)
        for bucket in np.unique(book.bucket[book.is_option]).tolist():
            rows = np.flatnonzero(book.is_option & (book.bucket == bucket))
            quantity = book.quantity[rows]
            value = quantity @ (book.mark_usd[rows][:, None] + unit_pnl_usd[rows])
            tenor = float(book.tenor_years[rows[0]])
            rate = max(0.0, float(rate_per_year(book.discount[rows[0]], tenor)))
            long = self.long_base * np.exp(
                -tenor * (rate * self.long_rate_mult + self.long_rate_add)
            )
            short = self.short_base * np.exp(
                tenor * (rate * self.short_rate_mult + self.short_rate_add)
            )
            out[rows] = np.where(value >= 0.0, long, min(np.exp(rate * tenor), short))
        return out
