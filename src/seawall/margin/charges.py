"""Named charges: what a position or a book costs beside its scanning risk.

Each has one formula, one home and a section in docs/charges.md, and declares in ``needs`` what it
asks of the market beside prices. A charge never nets against another and is never negative.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import BadParameter
from seawall.basics.time import DAY_SECONDS
from seawall.margin.classes import UnderlyingClass
from seawall.margin.parameters import Rates
from seawall.market.liquidity import WHOLE, Liquidity, by_cluster
from seawall.market.needs import Need
from seawall.risk.book import CALL, FUTURE, PERPETUAL, SPOT, SPOT_BUCKET, UnderlyingBook

__all__ = [
    "BasisCharge",
    "Charge",
    "ChargeAmount",
    "Charged",
    "ConcentrationCharge",
    "FundingCharge",
    "LiquidityCharge",
    "NotionalCharge",
    "OracleCharge",
    "StandardOptionCharge",
    "UtilisationCharge",
]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ChargeAmount:
    """One charge of one underlying or position, in USD, ≥ 0."""

    path: str
    initial: float
    maintenance: float


@dataclass(frozen=True, slots=True)
class Charged:
    """What a charge is taken on: one underlying of an account.

    ``numbers`` of its class, ``liquidity`` of the market, ``worst_loss`` M in USD, ≥ 0, with
    floors (the sum over positions where these do not net; 0 in a model without scenarios).
    """

    book: UnderlyingBook
    numbers: UnderlyingClass
    liquidity: Liquidity
    worst_loss: float


class LiquidityCharge(Rates, frozen=True, kw_only=True, tag="liquidity"):
    """Close-out cost: half-spreads of the options, and spread and impact of the net delta.

    Coins held are left out of the net delta, since their liquidity is their haircut; coins owed
    are in it.
    """

    needs: ClassVar[frozenset[Need]] = frozenset({Need.VOLUME, Need.SPREAD})
    option_half_spread_of_mark: float
    half_spread_rel: float
    impact_factor: float

    def amounts(self, on: Charged) -> tuple[ChargeAmount, ...]:
        """One amount per underlying."""
        book, numbers = on.book, on.numbers
        option = book.is_option
        options = float(np.abs(book.quantity[option]) @ self.half_spreads_usd(book)[option])
        contracts = ~book.is_spot
        delta = float(book.quantity[contracts] @ book.delta[contracts])
        notional = book.spot_usd * abs(delta + min(book.coin_balance, 0.0))
        adv_usd = on.liquidity.adv_usd.get(book.underlying, numbers.adv_usd)
        impact = self.impact_factor * numbers.daily_vol_rel * np.sqrt(notional / adv_usd)
        cost = options + (self.half_spread_rel + float(impact)) * notional
        return (ChargeAmount(f"liquidity/{book.underlying}", cost, cost),)

    def half_spreads_usd(self, book: UnderlyingBook) -> Floats:
        """Half-spread of one unit of each row if it is an option, at most the mark of one held
        long; shape [M].
        """
        mark = book.mark_usd
        spread = self.option_half_spread_of_mark * mark + self.half_spread_rel * book.spot_usd
        return np.where(book.quantity > 0.0, np.minimum(spread, mark), spread)


class BasisCharge(Rates, frozen=True, kw_only=True, tag="basis"):
    """Deltas hedged across expiries lose when the futures curve moves.

    Σ|Δ_e|·S·m_e times the hedged share 1 − |ΣΔ_e| / Σ|Δ_e|, m_e = max(``min_move_rel``,
    ``annual_move_rel``·√T_e). Perpetuals are a bucket with T = 0, spot one with m = 0.
    """

    needs: ClassVar[frozenset[Need]] = frozenset()
    min_move_rel: float
    annual_move_rel: float

    def amounts(self, on: Charged) -> tuple[ChargeAmount, ...]:
        """One amount per underlying."""
        book = on.book
        delta = book.net_delta_by_bucket
        gross = float(np.abs(delta).sum())
        if gross == 0.0:
            return ()
        hedged = 1.0 - abs(float(delta.sum())) / gross
        moved = float(np.abs(delta) @ self.moves_rel(book))
        cost = max(0.0, hedged) * book.spot_usd * moved
        return (ChargeAmount(f"basis/{book.underlying}", cost, cost),)

    def moves_rel(self, book: UnderlyingBook) -> Floats:
        """m_e of each bucket of the book; shape [buckets]."""
        tenor = np.zeros(len(book.buckets))
        tenor[book.bucket] = book.tenor_years
        move = np.maximum(self.min_move_rel, self.annual_move_rel * np.sqrt(tenor))
        move[book.buckets.index(SPOT_BUCKET)] = 0.0
        return move


class NotionalCharge(Rates, frozen=True, kw_only=True, tag="notional"):
    """A percentage of the notional of each future, perpetual and spot debt, without netting.

    The percentage is the class's price range times ``initial_multiple`` or
    ``maintenance_multiple``.
    """

    needs: ClassVar[frozenset[Need]] = frozenset()
    initial_multiple: float
    maintenance_multiple: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.initial_multiple < self.maintenance_multiple:
            raise BadParameter(
                "initial margin would be below maintenance",
                where="NotionalCharge",
                remedy="Give an initial_multiple of at least the maintenance_multiple.",
            )

    def amounts(self, on: Charged) -> tuple[ChargeAmount, ...]:
        """One amount per position."""
        book, numbers = on.book, on.numbers
        notional = np.abs(book.quantity) * book.forward * book.unit_usd * numbers.price_range_rel
        charged = np.isin(book.kind, (PERPETUAL, FUTURE)) | (
            (book.kind == SPOT) & (book.quantity < 0.0)
        )
        return tuple(
            ChargeAmount(
                f"notional/{book.positions[row].instrument.name}",
                self.initial_multiple * float(notional[row]),
                self.maintenance_multiple * float(notional[row]),
            )
            for row in np.flatnonzero(charged)
        )


class StandardOptionCharge(Rates, frozen=True, kw_only=True, tag="standard-option"):
    """Each short option by Deribit's standard rule, less the mark that equity already holds.

    Call: initial max(``initial_rel`` − OTM/S, ``initial_floor_rel``), maintenance
    ``maintenance_rel``, of S. Put: the same initial but at least its maintenance, which is
    max(``maintenance_rel``, ``maintenance_rel``·mark/S) of S. Long options cost nothing more.
    Source: section "Standard margin" of Deribit's published margin rules.
    """

    needs: ClassVar[frozenset[Need]] = frozenset()
    initial_rel: float
    initial_floor_rel: float
    maintenance_rel: float

    def amounts(self, on: Charged) -> tuple[ChargeAmount, ...]:
        """One amount per short option."""
        book = on.book
        spot = book.spot_usd
        # A strike is in the quote currency; a linear contract's is worth its stablecoin.
        strike_usd = book.strike * np.where(book.inverse, 1.0, book.unit_usd)
        call = book.kind == CALL
        out_of_money = np.maximum(np.where(call, strike_usd - spot, spot - strike_usd), 0.0)
        initial = np.maximum(self.initial_rel - out_of_money / spot, self.initial_floor_rel)
        of_mark = self.maintenance_rel * book.mark_usd / spot
        maintenance = np.where(
            call, self.maintenance_rel, np.maximum(self.maintenance_rel, of_mark)
        )
        initial = np.maximum(initial, maintenance)
        return tuple(
            ChargeAmount(
                f"standard_option/{book.positions[row].instrument.name}",
                -float(book.quantity[row]) * spot * float(initial[row]),
                -float(book.quantity[row]) * spot * float(maintenance[row]),
            )
            for row in np.flatnonzero(book.is_option & (book.quantity < 0.0))
        )


class ConcentrationCharge(Rates, frozen=True, kw_only=True, tag="concentration"):
    """Who holds much of what there is cannot close it out at the price of the day.

    M · ``factor`` · the account's share of the underlying's open interest beyond ``free_share``, or
    that of an expiry or a strike weighted by its part of the account's contracts, if greater. An
    expiry or strike counts as holding at least ``least_cluster_share`` of the underlying's open
    interest: nobody is concentrated by a few contracts at a strike where there are no others. Open
    interest of the class stands in for that of the market, and without either the account is taken
    to hold all there is; only an expiry or strike whose own is known counts as a cluster.
    """

    needs: ClassVar[frozenset[Need]] = frozenset({Need.OPEN_INTEREST})
    factor: float
    free_share: float
    least_cluster_share: float

    def amounts(self, on: Charged) -> tuple[ChargeAmount, ...]:
        """One amount per underlying."""
        book = on.book
        instruments = [position.instrument for position in book.positions]
        held = by_cluster(zip(instruments, np.abs(book.quantity).tolist(), strict=True))
        gross = held.get(WHOLE, 0.0)
        if gross == 0.0:
            return ()
        listed = on.liquidity.listed(book.underlying)
        if not listed:
            default_usd = on.numbers.open_interest_usd
            listed = {WHOLE: gross if default_usd is None else default_usd / book.spot_usd}
        least = self.least_cluster_share * listed.get(WHOLE, 0.0)
        excess = max(
            (part / gross) * (min(1.0, part / max(coins, least)) - self.free_share)
            for cluster, coins in listed.items()
            if (part := held.get(cluster, 0.0)) > 0.0
        )
        cost = on.worst_loss * self.factor * max(0.0, excess)
        return (ChargeAmount(f"concentration/{book.underlying}", cost, cost),)


class FundingCharge(Rates, frozen=True, kw_only=True, tag="funding"):
    """Perpetuals that pay funding may pay ``shock_per_day`` more of their notional over the
    horizon.

    Longs pay at a rate above zero, shorts below; at zero, or without a known rate, either may.
    """

    needs: ClassVar[frozenset[Need]] = frozenset({Need.FUNDING})
    shock_per_day: float
    horizon_days: float

    def amounts(self, on: Charged) -> tuple[ChargeAmount, ...]:
        """One amount per underlying, in initial margin only."""
        book = on.book
        cost = 0.0
        for row in np.flatnonzero(book.kind == PERPETUAL).tolist():
            rate = on.liquidity.funding_per_day.get(book.positions[row].instrument.name, 0.0)
            if rate * book.quantity[row] >= 0.0:
                notional = abs(book.quantity[row]) * book.forward[row] * book.unit_usd[row]
                cost += float(notional) * self.shock_per_day * self.horizon_days
        return (ChargeAmount(f"funding/{book.underlying}", cost, 0.0),)


class OracleCharge(Rates, frozen=True, kw_only=True, tag="oracle"):
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
        book, told = on.book, on.liquidity
        confidence = told.confidence.get(book.underlying, self.default_confidence)
        late_s = max(0.0, told.index_age_s.get(book.underlying, 0.0) - self.grace_s)
        stale = self.stale_sd * on.numbers.daily_vol_rel * math.sqrt(late_s / DAY_SECONDS)
        coins = float(np.abs(book.quantity[~book.is_spot]).sum()) + max(0.0, -book.coin_balance)
        cost = (1.0 - confidence + stale) * coins * book.spot_usd
        return (ChargeAmount(f"oracle/{book.underlying}", cost, 0.0),)


class UtilisationCharge(Rates, frozen=True, kw_only=True, tag="utilisation"):
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
        used = on.liquidity.pool_utilisation.get(on.book.underlying, 0.0)
        way = max(0.0, used - self.knee) / (1.0 - self.knee)
        cost = on.worst_loss * self.factor_when_full * way
        return (ChargeAmount(f"utilisation/{on.book.underlying}", cost, 0.0),)


Charge = (
    LiquidityCharge
    | BasisCharge
    | ConcentrationCharge
    | FundingCharge
    | OracleCharge
    | UtilisationCharge
    | NotionalCharge
    | StandardOptionCharge
)
