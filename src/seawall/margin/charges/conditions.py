"""Charges on what the state of the market adds: funding, a doubtful index, a pool used up.

All of them count in initial margin only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import BadParameter
from seawall.basics.time import DAY_SECONDS
from seawall.margin.charges.base import Charged, ChargeShares, Holder, UnderlyingCharge
from seawall.market.needs import Need
from seawall.risk.book import PERPETUAL
from seawall.risk.sums import PerUnit, Total, greater

Floats = NDArray[np.float64]


class FundingCharge(UnderlyingCharge, frozen=True, kw_only=True, tag="funding"):
    """Perpetuals that pay funding may pay ``shock_per_day`` more of their notional over the
    horizon.

    Longs pay at a rate above zero, shorts below; at zero, or without a known rate, either may.
    """

    head: ClassVar[str] = "funding"
    in_maintenance: ClassVar[bool] = False
    needs: ClassVar[frozenset[Need]] = frozenset({Need.FUNDING})
    shock_per_day: float
    horizon_days: float

    def terms(self, on: Holder) -> tuple[PerUnit, ...]:
        """What may be paid, in USD."""
        book = on.book
        told = on.liquidity.funding_per_day
        rate = np.array([told.get(p.instrument.name, 0.0) for p in book.positions])
        cost = book.unit_notional_usd * self.shock_per_day * self.horizon_days
        cost = np.where(book.kind == PERPETUAL, cost, 0.0)
        return (PerUnit(np.where(rate >= 0.0, cost, 0.0), np.where(rate <= 0.0, cost, 0.0)),)

    def cost_usd(self, on: Holder, sums: Sequence[Total]) -> Total:
        """The sum itself."""
        return sums[0]

    def shares(self, on: Charged, worst_shares: Floats) -> ChargeShares:
        """Each perpetual's own cost."""
        return _initial_only(self.terms(on)[0].of(on.book.quantity))


class OracleCharge(UnderlyingCharge, frozen=True, kw_only=True, tag="oracle"):
    """An index that is doubtful or old may be wrong by a share of the notional.

    (1 − confidence) plus ``stale_sd`` daily standard deviations times the square root of the
    days by which the index is older than ``grace_s`` seconds, times Σ|q|·S of contracts and debts.
    """

    head: ClassVar[str] = "oracle"
    in_maintenance: ClassVar[bool] = False
    needs: ClassVar[frozenset[Need]] = frozenset({Need.CONFIDENCE})
    default_confidence: float
    stale_sd: float
    grace_s: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.default_confidence > 1.0:
            raise BadParameter(
                f"default_confidence is {self.default_confidence}",
                where="OracleCharge",
                remedy="Give a share between 0 and 1.",
            )

    def terms(self, on: Holder) -> tuple[PerUnit, ...]:
        """Contracts of either side and the balance of coins held outright, in coins."""
        contracts = PerUnit.gross(np.where(on.book.is_spot, 0.0, 1.0))
        return contracts, PerUnit.net(on.book.unit_coins)

    def cost_usd(self, on: Holder, sums: Sequence[Total]) -> Total:
        """Of contracts, and of what the balance of coins is below zero."""
        contracts, outright = sums
        debt = greater(0.0, -(outright + on.earned_coins))
        return self._doubt_rel(on) * on.book.level_usd * (contracts + debt)

    def shares(self, on: Charged, worst_shares: Floats) -> ChargeShares:
        """Each contract's own cost, and of the debt what the row brings to it."""
        book = on.book
        coins = np.where(book.is_spot, 0.0, np.abs(book.quantity))
        if book.coin_balance < 0.0:
            coins = coins - book.coins
        return _initial_only(self._doubt_rel(on) * book.level_usd * coins)

    def _doubt_rel(self, on: Holder) -> float:
        """What the index may be wrong by."""
        told, underlying = on.liquidity, on.book.underlying
        confidence = told.confidence.get(underlying, self.default_confidence)
        late_s = max(0.0, told.index_age_s.get(underlying, 0.0) - self.grace_s)
        stale = self.stale_sd * on.numbers.daily_vol_rel * math.sqrt(late_s / DAY_SECONDS)
        return 1.0 - confidence + stale


class UtilisationCharge(UnderlyingCharge, frozen=True, kw_only=True, tag="utilisation"):
    """A pool that is nearly used up can lend or insure little more.

    M · ``factor_when_full`` · the share of the way from ``knee`` to full that the pool's
    utilisation has gone. Nothing where no pool is told.
    """

    head: ClassVar[str] = "utilisation"
    in_maintenance: ClassVar[bool] = False
    needs: ClassVar[frozenset[Need]] = frozenset({Need.UTILISATION})
    knee: float
    factor_when_full: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.knee >= 1.0:
            raise BadParameter(
                f"knee is {self.knee}",
                where="UtilisationCharge",
                remedy="Give a share below 1, from which utilisation counts.",
            )

    def cost_usd(self, on: Holder, sums: Sequence[Total]) -> Total:
        """The worst loss times the rate."""
        return on.worst_loss * self._rate_rel(on)

    def shares(self, on: Charged, worst_shares: Floats) -> ChargeShares:
        """As the worst loss is shared."""
        return _initial_only(worst_shares * self._rate_rel(on))

    def _rate_rel(self, on: Holder) -> float:
        """What is charged on each USD of worst loss."""
        used = on.liquidity.pool_utilisation.get(on.book.underlying, 0.0)
        way = max(0.0, used - self.knee) / (1.0 - self.knee)
        return self.factor_when_full * way


def _initial_only(initial: Floats) -> ChargeShares:
    return ChargeShares.of_degree_one(initial, np.zeros_like(initial))
