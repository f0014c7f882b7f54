"""Charges on what is hedged, or held, expiry by expiry: volatilities, prices and rates that move
apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seawall.margin.charges.base import (
    ChargeAmount,
    Charged,
    ChargeShares,
    Holder,
    NamedCharge,
    UnderlyingCharge,
)
from seawall.margin.charges.by_class import of_class
from seawall.margin.parameters import Rates
from seawall.market.needs import Need
from seawall.risk.book import SPOT_BUCKET, UnderlyingBook
from seawall.risk.sums import PerBucket, PerUnit, Total

Floats = NDArray[np.float64]


class VegaAcrossExpiriesCharge(NamedCharge, frozen=True, kw_only=True, tag="vega-across-expiries"):
    """Volatilities of expiries that hedge each other move apart by ``points`` volatility points.

    ``points``·½(Σ_e|V_e| − |Σ_e V_e|), V_e the net vega of expiry e in USD per point: the vega that
    is held one way in some expiries and the other way in others.
    """

    needs: ClassVar[frozenset[Need]] = frozenset()
    points: float

    def amounts(self, on: Charged) -> tuple[ChargeAmount, ...]:
        """One amount per underlying."""
        vega = _vega_by_bucket(on.book)
        cost = self.points * 0.5 * max(0.0, float(np.abs(vega).sum()) - abs(float(vega.sum())))
        return (ChargeAmount(f"vega_across_expiries/{on.book.underlying}", cost, cost),)

    def shares(self, on: Charged, worst_shares: Floats) -> ChargeShares:
        """Each leg's own vega, less than nothing where it hedges within its expiry or unhedges
        across them.
        """
        book, vega = on.book, _vega_by_bucket(on.book)
        side = 0.5 * (np.sign(vega) - np.sign(vega.sum()))
        share = self.points * side[book.bucket] * book.quantity * book.vega_usd
        return ChargeShares.of_degree_one(share, share)


def _vega_by_bucket(book: UnderlyingBook) -> Floats:
    """V_e of each bucket of the book, USD per volatility point; shape [buckets]."""
    vega = np.bincount(book.bucket, book.quantity * book.vega_usd, len(book.buckets))
    return np.asarray(vega, dtype=np.float64)


class BasisMove(Rates, frozen=True, kw_only=True):
    """How far an expiry's price moves apart from the index: ``annual_move_rel``·T, at least
    ``min_move_rel``.
    """

    min_move_rel: float
    annual_move_rel: float


class ExpiryBasisCharge(UnderlyingCharge, frozen=True, kw_only=True, tag="expiry-basis"):
    """The price of every expiry moves apart from the index, each against the account.

    Σ_e |Δ_e|·S·max(``min_move_rel``, ``annual_move_rel``·T_e), by class of the underlying.
    Perpetuals are a bucket with T = 0; what is held outright stands at the index and pays nothing.
    Raises BadParameter for a class without numbers.
    """

    head: ClassVar[str] = "expiry_basis"
    needs: ClassVar[frozenset[Need]] = frozenset()
    classes: Mapping[str, BasisMove]

    def terms(self, on: Holder) -> tuple[PerBucket, ...]:
        """Σ|Δ_e|·m_e, in coins."""
        return (PerBucket(self._moves_rel(on), net=False),)

    def cost_usd(self, on: Holder, sums: Sequence[Total]) -> Total:
        """Of the deltas of all expiries."""
        (moved,) = sums
        return on.book.level_usd * moved

    def shares(self, on: Charged, worst_shares: Floats) -> ChargeShares:
        """What each leg brings to the delta of its expiry."""
        book = on.book
        slope = np.sign(book.net_delta_by_bucket) * self._moves_rel(on)
        share = book.level_usd * slope[book.bucket] * book.quantity * book.delta
        return ChargeShares.of_degree_one(share, share)

    def _moves_rel(self, on: Holder) -> Floats:
        """m_e of each bucket of the book; shape [buckets]."""
        move = of_class(self.classes, on.numbers.name, "expiry-basis.classes")
        book = on.book
        tenor = np.zeros(len(book.buckets))
        tenor[book.bucket] = book.tenor_years
        moves = np.maximum(move.min_move_rel, move.annual_move_rel * tenor)
        moves[book.buckets.index(SPOT_BUCKET)] = 0.0
        return moves


class RateShiftCharge(UnderlyingCharge, frozen=True, kw_only=True, tag="rate-shift"):
    """The interest rate of all expiries moves by ``shift_per_year``, forwards staying as they are.

    ``shift_per_year``·|Σ q·T·value| over the options: what discounting at another rate makes of
    them, ∂(e^{−rT}·B)/∂r = −T·value.
    """

    head: ClassVar[str] = "rate_shift"
    needs: ClassVar[frozenset[Need]] = frozenset()
    shift_per_year: float

    def terms(self, on: Holder) -> tuple[PerUnit, ...]:
        """Σ q·T·value, in USD times years."""
        return (PerUnit.net(_value_years(on.book)),)

    def cost_usd(self, on: Holder, sums: Sequence[Total]) -> Total:
        """Either way of the shift, the one that costs."""
        (years,) = sums
        return self.shift_per_year * abs(years)

    def shares(self, on: Charged, worst_shares: Floats) -> ChargeShares:
        """What each option brings to the sum."""
        years = on.book.quantity * _value_years(on.book)
        share = self.shift_per_year * np.sign(years.sum()) * years
        return ChargeShares.of_degree_one(share, share)


def _value_years(book: UnderlyingBook) -> Floats:
    """T·value of one unit of each option, USD times years; shape [M], 0 of all else."""
    return np.where(book.is_option, book.tenor_years * book.mark_usd, 0.0)
