"""Charges on what the state of the market adds: funding, a doubtful index, a pool used up.

All of them count in initial margin only.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import BadParameter
from seawall.basics.time import DAY_SECONDS
from seawall.margin.charges.base import ChargeAmount, Charged, ChargeShares, NamedCharge
from seawall.market.needs import Need
from seawall.risk.book import PERPETUAL

Floats = NDArray[np.float64]


class FundingCharge(NamedCharge, frozen=True, kw_only=True, tag="funding"):
    """Perpetuals that pay funding may pay ``shock_per_day`` more of their notional over the
    horizon.

    Longs pay at a rate above zero, shorts below; at zero, or without a known rate, either may.
    """

    needs: ClassVar[frozenset[Need]] = frozenset({Need.FUNDING})
    shock_per_day: float
    horizon_days: float

    def amounts(self, on: Charged) -> tuple[ChargeAmount, ...]:
        """One amount per underlying, in initial margin only."""
        cost = float(self._costs_usd(on).sum())
        return (ChargeAmount(f"funding/{on.book.underlying}", cost, 0.0),)

    def shares(self, on: Charged, worst_shares: Floats) -> ChargeShares:
        """Each perpetual's own cost."""
        return _initial_only(self._costs_usd(on))

    def _costs_usd(self, on: Charged) -> Floats:
        """What each row may pay; shape [M]."""
        book = on.book
        cost = np.zeros(book.quantity.size)
        for row in np.flatnonzero(book.kind == PERPETUAL).tolist():
            rate = on.liquidity.funding_per_day.get(book.positions[row].instrument.name, 0.0)
            if rate * book.quantity[row] >= 0.0:
                cost[row] = float(book.notional_usd[row]) * self.shock_per_day * self.horizon_days
        return cost


class OracleCharge(NamedCharge, frozen=True, kw_only=True, tag="oracle"):
    """An index that is doubtful or old may be wrong by a share of the notional.

    (1 − confidence) plus ``stale_sd`` daily standard deviations times the square root of the
    days by which the index is older than ``grace_s`` seconds, times Σ|q|·S of contracts and debts.
    """

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

    def amounts(self, on: Charged) -> tuple[ChargeAmount, ...]:
        """One amount per underlying, in initial margin only."""
        # Coins of profit and of debt cancel but for rounding: that is no credit.
        cost = max(0.0, float(self._costs_usd(on).sum()))
        return (ChargeAmount(f"oracle/{on.book.underlying}", cost, 0.0),)

    def shares(self, on: Charged, worst_shares: Floats) -> ChargeShares:
        """Each contract's own cost, and of the debt what the row brings to it."""
        return _initial_only(self._costs_usd(on))

    def _costs_usd(self, on: Charged) -> Floats:
        """What the index may be wrong by on each row; shape [M]."""
        book, told = on.book, on.liquidity
        confidence = told.confidence.get(book.underlying, self.default_confidence)
        late_s = max(0.0, told.index_age_s.get(book.underlying, 0.0) - self.grace_s)
        stale = self.stale_sd * on.numbers.daily_vol_rel * math.sqrt(late_s / DAY_SECONDS)
        coins = np.where(book.is_spot, 0.0, np.abs(book.quantity))
        if book.coin_balance < 0.0:
            coins = coins - book.coins
        return (1.0 - confidence + stale) * book.level_usd * coins


class UtilisationCharge(NamedCharge, frozen=True, kw_only=True, tag="utilisation"):
    """A pool that is nearly used up can lend or insure little more.

    M · ``factor_when_full`` · the share of the way from ``knee`` to full that the pool's
    utilisation has gone. Nothing where no pool is told.
    """

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

    def amounts(self, on: Charged) -> tuple[ChargeAmount, ...]:
        """One amount per underlying, in initial margin only."""
        cost = on.worst_loss * self._rate_rel(on)
        return (ChargeAmount(f"utilisation/{on.book.underlying}", cost, 0.0),)

    def shares(self, on: Charged, worst_shares: Floats) -> ChargeShares:
        """As the worst loss is shared."""
        return _initial_only(worst_shares * self._rate_rel(on))

    def _rate_rel(self, on: Charged) -> float:
        """What is charged on each USD of worst loss."""
        used = on.liquidity.pool_utilisation.get(on.book.underlying, 0.0)
        way = max(0.0, used - self.knee) / (1.0 - self.knee)
        return self.factor_when_full * way


def _initial_only(initial: Floats) -> ChargeShares:
    return ChargeShares.of_degree_one(initial, np.zeros_like(initial))
