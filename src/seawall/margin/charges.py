"""Named charges: what a position or a book costs beside its scanning risk.

Each has one formula, one home and a section in docs/charges.md, and declares in ``needs`` what it
asks of the market. A charge never nets against another and is never negative.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import BadParameter
from seawall.margin.classes import UnderlyingClass
from seawall.margin.parameters import Rates
from seawall.market.needs import Need
from seawall.risk.book import CALL, FUTURE, PERPETUAL, SPOT, SPOT_BUCKET, UnderlyingBook

__all__ = [
    "BasisCharge",
    "Charge",
    "ChargeAmount",
    "LiquidityCharge",
    "NotionalCharge",
    "StandardOptionCharge",
]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ChargeAmount:
    """One charge of one underlying or position, in USD, ≥ 0."""

    path: str
    initial: float
    maintenance: float


class LiquidityCharge(Rates, frozen=True, kw_only=True, tag="liquidity"):
    """Close-out cost: half-spreads of the options, and spread and impact of the net delta.

    Coins held are left out of the net delta, since their liquidity is their haircut; coins owed
    are in it.
    """

    needs: ClassVar[frozenset[Need]] = frozenset(Need)
    option_half_spread_of_mark: float
    half_spread_rel: float
    impact_factor: float

    def amounts(self, book: UnderlyingBook, numbers: UnderlyingClass) -> tuple[ChargeAmount, ...]:
        """One amount per underlying."""
        option = book.is_option
        mark = book.mark_usd[option]
        spread = self.option_half_spread_of_mark * mark + self.half_spread_rel * book.spot_usd
        spread = np.where(book.quantity[option] > 0.0, np.minimum(spread, mark), spread)
        options = float(np.abs(book.quantity[option]) @ spread)
        contracts = ~book.is_spot
        delta = float(book.quantity[contracts] @ book.delta[contracts])
        notional = book.spot_usd * abs(delta + min(book.coin_balance, 0.0))
        impact = self.impact_factor * numbers.daily_vol_rel * np.sqrt(notional / numbers.adv_usd)
        cost = options + (self.half_spread_rel + float(impact)) * notional
        return (ChargeAmount(f"liquidity/{book.underlying}", cost, cost),)


class BasisCharge(Rates, frozen=True, kw_only=True, tag="basis"):
    """Deltas hedged across expiries lose when the futures curve moves.

    Σ|Δ_e|·S·m_e times the hedged share 1 − |ΣΔ_e| / Σ|Δ_e|, m_e = max(``min_move_rel``,
    ``annual_move_rel``·√T_e). Perpetuals are a bucket with T = 0, spot one with m = 0.
    """

    needs: ClassVar[frozenset[Need]] = frozenset({Need.INDEX, Need.FORWARD, Need.IMPLIED_VOL})
    min_move_rel: float
    annual_move_rel: float

    def amounts(self, book: UnderlyingBook, numbers: UnderlyingClass) -> tuple[ChargeAmount, ...]:
        """One amount per underlying."""
        delta = book.net_delta_by_bucket
        gross = float(np.abs(delta).sum())
        if gross == 0.0:
            return ()
        tenor = np.zeros(len(book.buckets))
        tenor[book.bucket] = book.tenor_years
        move = np.maximum(self.min_move_rel, self.annual_move_rel * np.sqrt(tenor))
        move[book.buckets.index(SPOT_BUCKET)] = 0.0
        hedged = 1.0 - abs(float(delta.sum())) / gross
        cost = max(0.0, hedged) * book.spot_usd * float(np.abs(delta) @ move)
        return (ChargeAmount(f"basis/{book.underlying}", cost, cost),)


class NotionalCharge(Rates, frozen=True, kw_only=True, tag="notional"):
    """A percentage of the notional of each future, perpetual and spot debt, without netting.

    The percentage is the class's price range times ``initial_multiple`` or
    ``maintenance_multiple``.
    """

    needs: ClassVar[frozenset[Need]] = frozenset({Need.INDEX, Need.FORWARD})
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

    def amounts(self, book: UnderlyingBook, numbers: UnderlyingClass) -> tuple[ChargeAmount, ...]:
        """One amount per position."""
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

    needs: ClassVar[frozenset[Need]] = frozenset({Need.INDEX, Need.MARK})
    initial_rel: float
    initial_floor_rel: float
    maintenance_rel: float

    def amounts(self, book: UnderlyingBook, numbers: UnderlyingClass) -> tuple[ChargeAmount, ...]:
        """One amount per short option."""
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


Charge = LiquidityCharge | BasisCharge | NotionalCharge | StandardOptionCharge
