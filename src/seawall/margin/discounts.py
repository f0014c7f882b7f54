"""What a fold does to the options of an expiry before expiries are added up, and beside that."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import BadParameter
from seawall.margin.parameters import Rates
from seawall.pricing.discounting import rate_per_year
from seawall.risk.book import UnderlyingBook
from seawall.risk.revaluation import RiskArray
from seawall.risk.shocks import VolMove

Floats = NDArray[np.float64]


class StaticDiscount(Rates, frozen=True, kw_only=True, tag="static-discount"):
    """The options of an expiry count for less where they are worth something together, and for more
    where they are owed.

    In a cell where they are worth V ≥ 0, V·``long_base``·e^{−T(r·``long_rate_mult`` +
    ``long_rate_add``)}; where V < 0, V·min(1/D, ``short_base``·e^{T(r·``short_rate_mult`` +
    ``short_rate_add``)}). T and r are the expiry's time in years and rate, at least 0, D = e^{−rT};
    r is that of the discount factor, where no other is told. Source: Derive's portfolio margin,
    docs/models/derive-pm2.md.
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
            rate = _rate_per_year(book, int(rows[0]))
            long = self.long_base * np.exp(
                -tenor * (rate * self.long_rate_mult + self.long_rate_add)
            )
            short = self.short_base * np.exp(
                tenor * (rate * self.short_rate_mult + self.short_rate_add)
            )
            out[rows] = np.where(value >= 0.0, long, min(np.exp(rate * tenor), short))
        return out


def _rate_per_year(book: UnderlyingBook, row: int) -> float:
    """The rate of an option's expiry, at least 0."""
    told = book.slices[int(book.slice[row])].rate_per_year
    if told is None:
        told = float(rate_per_year(book.discount[row], book.tenor_years[row]))
    return max(0.0, told)


class ExpiriesApart(Rates, frozen=True, kw_only=True, tag="expiries-apart"):
    """Forwards of different expiries that move apart: the least that scanning risk may be.

    Σ over expiries of max(0, what its options lose at ``price_up_rel``, what they lose at
    −``price_down_rel``)·(``factor`` + ``factor_per_year``·T), volatilities as they are, both moves
    cells of the scenarios. Source: the basis contingency of Derive's portfolio margin,
    docs/models/derive-pm2.md.
    """

    price_up_rel: float
    price_down_rel: float
    factor: float
    factor_per_year: float

    def shares(self, array: RiskArray) -> Floats:
        """What each row brings to it, which adds up; shape [M] in USD.

        Raises BadParameter where the scenarios lack one of the moves.
        """
        book = array.book
        columns = [self._column(array, move) for move in (self.price_up_rel, -self.price_down_rel)]
        gains = book.quantity[:, None] * array.unit_pnl_usd[:, columns]
        out = np.zeros(book.quantity.size)
        for bucket in np.unique(book.bucket[book.is_option]).tolist():
            rows = np.flatnonzero(book.is_option & (book.bucket == bucket))
            worst = gains[rows][:, int(gains[rows].sum(axis=0).argmin())]
            if worst.sum() < 0.0:
                tenor = book.tenor_years[rows[0]]
                out[rows] = -worst * (self.factor + self.factor_per_year * tenor)
        return out

    def _column(self, array: RiskArray, move: float) -> int:
        cells = array.scenarios
        for cell in np.flatnonzero(
            np.isclose(cells.price_rel, move, rtol=0.0, atol=1e-12)
        ).tolist():
            if cells.vol_move(cell) is VolMove.NONE:
                return cell
        raise BadParameter(
            f"no scenario moves the price by {move:g} alone",
            where="fold.apart_by",
            remedy="Add such a cell, with damping 0 where it is to count for nothing.",
        )
