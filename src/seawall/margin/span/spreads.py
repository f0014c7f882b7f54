"""Spreads formed of deltas: each takes what it matches, and later ones get what is left.

A spread of several legs is tried with the A legs long and the B legs short, then the other way
round; n = min over its legs of available delta / ratio, in fractions too. Within and between tiers
of a commodity the deltas of both sides are available; between commodities what is left is netted
first. A leg takes deltas from its contract periods in the order of their dates.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from seawall.margin.span.commodity import CombinedCommodity, SeriesSpread, SpotCharge, TierSpread
from seawall.margin.span.parameters import CreditSpread
from seawall.margin.span.policy import ClearingPolicy
from seawall.margin.span.result import LegTaken, Scan, SpotTaken, SpreadFormed
from seawall.margin.span.rounding import rounded
from seawall.margin.span.scanning import LEAST_DELTA

__all__ = ["Deltas", "credit_spreads", "series_spreads", "spot_charges", "tier_spreads"]

Deltas = dict[str, float]
"""Signed delta that is left in each contract period of a commodity, the earliest first."""


@dataclass(frozen=True, slots=True)
class _Leg:
    """Where a leg finds its deltas, and the price risk of one where it earns a credit."""

    commodity: str
    place: str
    left: Deltas
    periods: Sequence[str]
    ratio: float
    is_a: bool
    netted: bool = False
    weighted: float = 0.0
    rate: float = 0.0

    def available(self, sign: float) -> float:
        """Delta ≥ 0 on the side of ``sign``."""
        own = [sign * self.left[period] for period in self.periods]
        return max(0.0, math.fsum(own)) if self.netted else math.fsum(d for d in own if d > 0.0)

    def take(self, sign: float, delta: float) -> None:
        """Lessen what is left on that side by ``delta`` ≥ 0."""
        for period in self.periods:
            part = min(delta, max(0.0, sign * self.left[period]))
            self.left[period] -= sign * part
            delta -= part


def _formed(legs: Sequence[_Leg]) -> Iterable[tuple[bool, float]]:
    """(A is long, count) for each way round in which there are any; the legs' deltas are taken."""
    for a_is_long in (True, False):
        signs = [1.0 if leg.is_a == a_is_long else -1.0 for leg in legs]
        count = min(leg.available(s) / leg.ratio for leg, s in zip(legs, signs, strict=True))
        if count > LEAST_DELTA:
            for leg, sign in zip(legs, signs, strict=True):
                leg.take(sign, count * leg.ratio)
            yield a_is_long, count


def _taken(leg: _Leg, a_is_long: bool, count: float, credit: float) -> LegTaken:
    sign = 1.0 if leg.is_a == a_is_long else -1.0
    return LegTaken(
        commodity=leg.commodity, place=leg.place, delta=sign * count * leg.ratio, credit=credit
    )


def tier_spreads(commodity: CombinedCommodity, left: Deltas) -> list[SpreadFormed]:
    """The spreads between tiers, by priority; ``left`` is lessened."""
    periods = {t.number: [p for p in left if t.holds(p)] for t in commodity.spread_tiers}
    formed: list[SpreadFormed] = []
    for spread in sorted(commodity.tier_spreads, key=lambda each: each.priority):
        legs = [
            _Leg(
                commodity.code,
                f"tier {leg.tier}",
                left,
                periods[leg.tier],
                leg.ratio,
                leg.side == "A",
            )
            for leg in spread.legs
        ]
        formed += _charged("tiers", spread, legs)
    return formed


def series_spreads(commodity: CombinedCommodity, left: Deltas) -> list[SpreadFormed]:
    """The spreads between contract periods, by priority; ``left`` is lessened."""
    formed: list[SpreadFormed] = []
    for spread in sorted(commodity.series_spreads, key=lambda each: each.priority):
        legs = [
            _Leg(
                commodity.code,
                leg.period,
                left,
                [leg.period] if leg.period in left else [],
                leg.ratio,
                leg.side == "A",
            )
            for leg in spread.legs
        ]
        formed += _charged("series", spread, legs)
    return formed


def _charged(
    pass_name: str, spread: TierSpread | SeriesSpread, legs: Sequence[_Leg]
) -> list[SpreadFormed]:
    return [
        SpreadFormed(
            pass_name="tiers" if pass_name == "tiers" else "series",
            priority=spread.priority,
            a_is_long=a_is_long,
            count=count,
            charge=count * spread.charge,
            legs=tuple(_taken(leg, a_is_long, count, 0.0) for leg in legs),
        )
        for a_is_long, count in _formed(legs)
    ]


def spot_charges(
    charges: Sequence[SpotCharge], before: Deltas, left: Deltas
) -> tuple[SpotTaken, ...]:
    """What each charged period's deltas cost: those that spreads took until now, those left."""
    found: list[SpotTaken] = []
    for rule in charges:
        outright = abs(left.get(rule.period, 0.0))
        in_spreads = max(0.0, abs(before.get(rule.period, 0.0)) - outright)
        if in_spreads > LEAST_DELTA or outright > LEAST_DELTA:
            charge = in_spreads * rule.in_spreads + outright * rule.outright
            found.append(
                SpotTaken(
                    period=rule.period, in_spreads=in_spreads, outright=outright, charge=charge
                )
            )
    return tuple(found)


def credit_spreads(
    spreads: Iterable[CreditSpread],
    commodities: dict[str, CombinedCommodity],
    scanned: dict[str, tuple[Scan, ...]],
    left: dict[str, Deltas],
    policy: ClearingPolicy,
) -> list[SpreadFormed]:
    """The spreads of one pass, by priority; ``left`` of each commodity is lessened.

    A leg's credit is weighted price risk · count · ratio · rate. A spread of a commodity that is
    not held forms none.
    """
    formed: list[SpreadFormed] = []
    for spread in sorted(spreads, key=lambda each: each.priority):
        if any(leg.commodity not in left for leg in spread.legs):
            continue
        legs = _credit_legs(spread, commodities, scanned, left)
        if policy.credits_need_price_risk and any(leg.weighted <= 0.0 for leg in legs):
            continue
        for a_is_long, count in _formed(legs):
            taken = [
                _taken(
                    leg,
                    a_is_long,
                    count,
                    rounded(
                        leg.weighted * count * leg.ratio * leg.rate, policy.decimals.credit_leg
                    ),
                )
                for leg in legs
            ]
            formed.append(
                SpreadFormed(
                    pass_name=spread.pass_name,
                    priority=spread.priority,
                    a_is_long=a_is_long,
                    count=count,
                    charge=0.0,
                    legs=tuple(taken),
                )
            )
    return formed


def _credit_legs(
    spread: CreditSpread,
    commodities: dict[str, CombinedCommodity],
    scanned: dict[str, tuple[Scan, ...]],
    left: dict[str, Deltas],
) -> list[_Leg]:
    legs: list[_Leg] = []
    for leg in spread.legs:
        deltas = left[leg.commodity]
        own = scanned[leg.commodity]
        periods = list(deltas)
        if leg.tier is not None:
            tiers = {tier.number: tier for tier in commodities[leg.commodity].scan_tiers}
            own = tuple(scan for scan in own if scan.tier == leg.tier)
            periods = [period for period in deltas if tiers[leg.tier].holds(period)]
        place = "all" if leg.tier is None else f"tier {leg.tier}"
        rate = spread.rate if leg.rate is None else leg.rate
        legs.append(
            _Leg(
                leg.commodity,
                place,
                deltas,
                periods,
                leg.ratio,
                leg.side == "A",
                netted=True,
                weighted=_weighted(own),
                rate=rate,
            )
        )
    return legs


def _weighted(scans: Sequence[Scan]) -> float:
    """Price risk of all the scans per net delta of them all, neither below 0 in any of them."""
    if len(scans) == 1:
        return scans[0].weighted_price_risk
    net = abs(math.fsum(scan.net_delta for scan in scans))
    risk = math.fsum(max(0.0, scan.price_risk) for scan in scans)
    return risk / net if net > LEAST_DELTA else 0.0
