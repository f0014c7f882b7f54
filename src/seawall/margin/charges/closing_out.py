"""Charges for closing a book out: its spreads and impact, and its expiries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seawall.margin.charges.base import (
    Charged,
    ChargeShares,
    Holder,
    UnderlyingCharge,
)
from seawall.market.needs import Need
from seawall.risk.book import SPOT_BUCKET, UnderlyingBook
from seawall.risk.sums import PerBucket, PerUnit, Total, greater

Floats = NDArray[np.float64]

# Less than any delta: nothing is hedged of nothing.
_NO_DELTA_COINS = 1e-300


class LiquidityCharge(UnderlyingCharge, frozen=True, kw_only=True, tag="liquidity"):
    """Close-out cost: half-spreads of the options, and spread and impact of the net delta.

    Coins held are left out of the net delta, since their liquidity is their haircut; coins owed
    are in it.
    """

    head: ClassVar[str] = "liquidity"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.VOLUME, Need.SPREAD})
    option_half_spread_of_mark: float
    half_spread_rel: float
    impact_factor: float

    def terms(self, on: Holder) -> tuple[PerUnit, ...]:
        """Half-spreads of the options in USD, the net delta of contracts and the balance of coins
        held outright in coins.
        """
        book = on.book
        contracts = np.where(book.is_spot, 0.0, book.delta)
        return self._half_spreads_usd(book), PerUnit.net(contracts), PerUnit.net(book.unit_coins)

    def cost_usd(self, on: Holder, sums: Sequence[Total]) -> Total:
        """Of the options, and of the notional of the net delta."""
        options, contracts, outright = sums
        debt = greater(0.0, -(outright + on.earned_coins))
        notional = on.book.level_usd * abs(contracts - debt)
        return options + (self.half_spread_rel + self._impact_rel(on, notional)) * notional

    def shares(self, on: Charged, worst_shares: Floats) -> ChargeShares:
        """Spreads are of degree one. Impact is N^1.5: shared as N is, its slope 1.5 times that."""
        book = on.book
        coins = np.where(book.is_spot, 0.0, book.quantity * book.delta)
        if book.coin_balance < 0.0:
            coins = coins + book.coins
        net = float(coins.sum())
        notional = book.level_usd * np.sign(net) * coins
        impact = self._impact_rel(on, book.level_usd * abs(net)) * notional
        options = self._half_spreads_usd(book).of(book.quantity)
        share = options + self.half_spread_rel * notional + impact
        slope = share + 0.5 * impact
        return ChargeShares(share, share, slope, slope)

    def _half_spreads_usd(self, book: UnderlyingBook) -> PerUnit:
        """Half-spread of an option, at most the mark of one held long."""
        mark = book.mark_usd
        spread = self.option_half_spread_of_mark * mark + self.half_spread_rel * book.level_usd
        spread = np.where(book.is_option, spread, 0.0)
        return PerUnit(np.minimum(spread, mark), spread)

    def _impact_rel(self, on: Holder, notional_usd: Total) -> Total:
        """Market impact as a share of the notional closed out."""
        adv_usd = on.liquidity.adv_usd.get(on.book.underlying, on.numbers.adv_usd)
        return self.impact_factor * on.numbers.daily_vol_rel * (notional_usd / adv_usd) ** 0.5


class BasisCharge(UnderlyingCharge, frozen=True, kw_only=True, tag="basis"):
    """Deltas hedged across expiries lose when the futures curve moves.

    Σ|Δ_e|·S·m_e times the hedged share 1 − |ΣΔ_e| / Σ|Δ_e|, m_e = max(``min_move_rel``,
    ``annual_move_rel``·√T_e). Perpetuals are a bucket with T = 0, spot one with m = 0.
    """

    head: ClassVar[str] = "basis"
    needs: ClassVar[frozenset[Need]] = frozenset()
    min_move_rel: float
    annual_move_rel: float

    def terms(self, on: Holder) -> tuple[PerBucket, ...]:
        """Σ|Δ_e|, ΣΔ_e and Σ|Δ_e|·m_e, in coins."""
        once, moves = np.ones(len(on.book.buckets)), self.moves_rel(on.book)
        return PerBucket(once, net=False), PerBucket(once, net=True), PerBucket(moves, net=False)

    def cost_usd(self, on: Holder, sums: Sequence[Total]) -> Total:
        """Nothing where there is no delta in any bucket."""
        gross, net, moved = sums
        hedged = 1.0 - abs(net) / greater(gross, _NO_DELTA_COINS)
        return greater(0.0, hedged) * on.book.level_usd * moved

    def shares(self, on: Charged, worst_shares: Floats) -> ChargeShares:
        """Shares of S·h·W with W = Σ|Δ_e|·m_e, h = 1 − |n| / G, n = ΣΔ_e and G = Σ|Δ_e|.

        ∂/∂Δ_e = S·(h·sgn Δ_e·m_e + W/G·(|n|/G·sgn Δ_e − sgn n)), and a leg brings q·Δ to its
        bucket and its coin profit to spot.
        """
        book = on.book
        delta, move = book.net_delta_by_bucket, self.moves_rel(book)
        gross, net = float(np.abs(delta).sum()), float(delta.sum())
        if gross == 0.0:
            return ChargeShares.of_degree_one(*np.zeros((2, book.quantity.size)))
        spot, side = book.buckets.index(SPOT_BUCKET), np.sign(delta)
        hedged = max(0.0, 1.0 - abs(net) / gross)
        # Quotients of like sizes: the square of a small G would vanish.
        tilt = float(np.abs(delta) @ move) / gross * (abs(net) / gross * side - np.sign(net))
        slope = hedged * side * move + tilt
        brought = book.quantity * book.delta * slope[book.bucket]
        share = book.level_usd * (brought + book.quantity * book.coin_profit * slope[spot])
        return ChargeShares.of_degree_one(share, share)

    def moves_rel(self, book: UnderlyingBook) -> Floats:
        """m_e of each bucket of the book; shape [buckets]."""
        tenor = np.zeros(len(book.buckets))
        tenor[book.bucket] = book.tenor_years
        move = np.maximum(self.min_move_rel, self.annual_move_rel * np.sqrt(tenor))
        move[book.buckets.index(SPOT_BUCKET)] = 0.0
        return move
