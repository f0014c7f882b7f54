"""Percentages of perpetuals that venues work out from the market: its size and its volatility."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import BadParameter
from seawall.basics.time import DAYS_PER_YEAR
from seawall.margin.charges.base import Holder, PositionCharge
from seawall.margin.charges.by_class import of_class
from seawall.margin.charges.percentages import contracts_and_debts_usd
from seawall.margin.parameters import Rates
from seawall.market.needs import Need
from seawall.risk.parametric import lognormal_expected_shortfall
from seawall.risk.sums import PerUnit

Floats = NDArray[np.float64]


class OpenInterestTier(Rates, frozen=True, kw_only=True):
    """Initial margin of a market with little open interest, maintenance as a share of that, and the
    open interest between which initial margin rises to all of the notional; an upper cap of 0: it
    does not rise. Raises BadParameter for a share above 1 or caps in the wrong order.
    """

    initial_rel: float
    maintenance_share: float
    lower_cap_usd: float
    upper_cap_usd: float

    def __post_init__(self) -> None:
        super().__post_init__()
        rises = self.upper_cap_usd > 0.0
        if max(self.initial_rel, self.maintenance_share) > 1.0 or (
            rises and self.upper_cap_usd <= self.lower_cap_usd
        ):
            raise BadParameter(
                "a tier's share is above 1, or its upper cap not above its lower cap",
                where="open-interest.tiers",
                remedy="Give shares between 0 and 1, and an upper cap above the lower, or of 0.",
            )

    def initial_at(self, open_interest_usd: Floats) -> Floats:
        """Initial margin as a share of the notional; rises from ``initial_rel`` to 1."""
        if self.upper_cap_usd == 0.0:
            return np.full(open_interest_usd.size, self.initial_rel)
        span = self.upper_cap_usd - self.lower_cap_usd
        way = np.clip((open_interest_usd - self.lower_cap_usd) / span, 0.0, 1.0)
        return self.initial_rel + (1.0 - self.initial_rel) * way


class OpenInterestCharge(PositionCharge, frozen=True, kw_only=True, tag="open-interest"):
    """Initial margin of futures and perpetuals that rises with the open interest of the market.

    Notional times f + (1 − f)·min(1, (OI − lower) / (upper − lower))⁺, maintenance f times
    ``maintenance_share`` of it, whatever the open interest; debts in coins as where there is none.
    ``tiers`` by class of the underlying. OI is that of the contract by name at its own price, else
    all that of the class, without either the upper cap. Source: x/perpetuals of dYdX's v4 chain,
    GetMarginRequirementsInQuoteQuantums and GetAdjustedInitialMarginPpm.
    """

    head: ClassVar[str] = "open_interest"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.OPEN_INTEREST})
    tiers: Mapping[str, OpenInterestTier]

    def rates(self, on: Holder) -> tuple[PerUnit, PerUnit]:
        """Of contracts of either side, and of debts. Raises BadParameter for a class without a
        tier.
        """
        tier = of_class(self.tiers, on.numbers.name, "open-interest.tiers")
        long, short = contracts_and_debts_usd(on.book)
        initial = tier.initial_at(self._open_interest_usd(on))
        maintenance = tier.initial_rel * tier.maintenance_share
        return (
            PerUnit(initial * long, initial * short),
            PerUnit(maintenance * long, maintenance * short),
        )

    def _open_interest_usd(self, on: Holder) -> Floats:
        """Of the market of each row; none of what is held outright; shape [M]."""
        book, told = on.book, on.liquidity.open_interest
        of_class_usd = on.numbers.open_interest_usd
        default = math.inf if of_class_usd is None else of_class_usd
        coins = np.array([told.get(p.instrument.name, np.nan) for p in book.positions])
        known = np.isfinite(coins)
        of_market = np.where(known, np.where(known, coins, 0.0) * book.unit_notional_usd, default)
        return np.where(book.is_spot, 0.0, of_market)


class SideFactors(Rates, frozen=True, kw_only=True, tag="given"):
    """Margin per unit of notional of a long and of a short position."""

    long_rel: float
    short_rel: float


class ShortfallFactors(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="shortfall"
):
    """Expected loss in the worst λ, ``tail_probability``, of lognormal prices over τ,
    ``horizon_years``.

    long = 1 − e^{μτ}·Φ(Φ⁻¹(λ) − σ√τ)/λ, short = e^{μτ}·Φ(Φ⁻¹(λ) + σ√τ)/λ − 1, μ
    ``drift_per_year`` and σ the volatility a year. (The published short factor is written with
    1 − λ: 1 − Φ(Φ⁻¹(1 − λ) − σ√τ) is Φ(Φ⁻¹(λ) + σ√τ), without a difference of nearly equal
    numbers.) Source: riskmodelbs of vegaprotocol/quant. Raises BadParameter for a λ that is not
    between 0 and 1, a τ that is not above 0, or a μ that is no number.
    """

    tail_probability: float
    horizon_years: float
    drift_per_year: float

    def __post_init__(self) -> None:
        sane = 0.0 < self.tail_probability < 1.0 and 0.0 < self.horizon_years < math.inf
        if not (sane and math.isfinite(self.drift_per_year)):
            raise BadParameter(
                f"tail_probability {self.tail_probability}, horizon_years {self.horizon_years}, "
                f"drift_per_year {self.drift_per_year}",
                where="shortfall.factors",
                remedy="Give a probability between 0 and 1, a horizon above 0 and a finite drift.",
            )

    def of(self, vol_per_year: float) -> SideFactors:
        """The two factors at a volatility a year, decimal; a gain on average costs nothing."""
        long, short = lognormal_expected_shortfall(
            self.tail_probability,
            deviation=vol_per_year * math.sqrt(self.horizon_years),
            growth=math.exp(self.drift_per_year * self.horizon_years),
        )
        return SideFactors(long_rel=max(0.0, long), short_rel=max(0.0, short))


class ShortfallCharge(PositionCharge, frozen=True, kw_only=True, tag="shortfall"):
    """A share of the notional of each future, perpetual and spot debt, by its side.

    The factor of the side, and ``slippage_rel`` for closing out. ``factors`` come from the
    volatility of the class, or are the same for all where they are given. Source: margin
    calculator of vegaprotocol/vega, specification 0019-MCAL, a position without orders.
    """

    head: ClassVar[str] = "shortfall"
    needs: ClassVar[frozenset[Need]] = frozenset()
    factors: ShortfallFactors | SideFactors
    slippage_rel: float

    def rates(self, on: Holder) -> tuple[PerUnit, PerUnit]:
        """Of contracts of either side, and of debts."""
        factors = self.factors
        if isinstance(factors, ShortfallFactors):
            factors = factors.of(on.numbers.daily_vol_rel * math.sqrt(DAYS_PER_YEAR))
        long, short = contracts_and_debts_usd(on.book)
        rates = PerUnit(
            (factors.long_rel + self.slippage_rel) * long,
            (factors.short_rel + self.slippage_rel) * short,
        )
        return rates, rates
