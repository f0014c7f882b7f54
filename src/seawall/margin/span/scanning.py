"""The scan of a combined commodity, and what follows from its positions alone.

    L_s = Σ q·RA_s    scan risk = max(0, max L_s)    active = argmax, ties to the lowest number
    volatility-adjusted = (L_active + L_paired)/2    time risk = (L_1 + L_2)/2
    price risk = volatility-adjusted − time risk     weighted = price risk / |net delta|

A price risk below 0 is weighted as 0: no credit can follow from it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from seawall.margin.span.commodity import CombinedCommodity, Contract, Tier
from seawall.margin.span.policy import ClearingPolicy
from seawall.margin.span.result import Scan
from seawall.margin.span.rounding import rounded
from seawall.margin.span.scenarios import PAIRED

__all__ = ["LEAST_DELTA", "net_deltas", "option_minimum", "option_value", "scans"]

LEAST_DELTA = 1e-9
"""Deltas are published to four decimals: what is smaller is rounding of sums and counts as none."""

Held = Sequence[tuple[Contract, float]]


def scans(commodity: CombinedCommodity, held: Held, policy: ClearingPolicy) -> tuple[Scan, ...]:
    """A scan of each tier in which anything is held; one of everything where there are no tiers."""
    if not commodity.scan_tiers:
        return (_scan(0, held, policy),)
    return tuple(
        _scan(tier.number, own, policy)
        for tier in commodity.scan_tiers
        if (own := _of_tier(tier, held))
    )


def _of_tier(tier: Tier, held: Held) -> Held:
    return [(contract, quantity) for contract, quantity in held if tier.holds(contract.period)]


def _scan(tier: int, held: Held, policy: ClearingPolicy) -> Scan:
    arrays = np.array([contract.array for contract, _ in held])
    losses = np.array([quantity for _, quantity in held]) @ arrays
    active = int(np.argmax(losses))
    worst, paired = float(losses[active]), float(losses[PAIRED[active] - 1])
    adjusted, time_risk = (worst + paired) / 2.0, float(losses[0] + losses[1]) / 2.0
    price_risk = adjusted - time_risk
    net = math.fsum(net_deltas(held).values())
    some = abs(net) > LEAST_DELTA
    return Scan(
        tier=tier,
        losses=tuple(float(loss) for loss in losses),
        active=active + 1,
        risk=rounded(max(0.0, worst), policy.decimals.scan),
        paired_loss=paired,
        volatility_adjusted=adjusted,
        time_risk=time_risk,
        price_risk=price_risk,
        net_delta=net,
        weighted_price_risk=max(0.0, price_risk) / abs(net) if some else 0.0,
    )


def net_deltas(held: Held) -> dict[str, float]:
    """Net scaled composite delta of each contract period, the earliest first."""
    found: dict[str, list[float]] = {}
    for contract, quantity in held:
        own = quantity * contract.delta * contract.delta_scaling
        found.setdefault(contract.period, []).append(own)
    return {period: math.fsum(found[period]) for period in sorted(found)}


def option_minimum(commodity: CombinedCommodity, held: Held) -> float:
    """The rate for each short option, scaled as its delta: calls and puts, or the more of the
    two.
    """
    shorts = {
        kind: math.fsum(
            -quantity * contract.delta_scaling
            for contract, quantity in held
            if contract.kind == kind and quantity < 0.0
        )
        for kind in ("call", "put")
    }
    rule = commodity.short_option_minimum
    both = shorts["call"] + shorts["put"]
    return rule.rate * (both if rule.counts == "sum" else max(shorts.values()))


def option_value(held: Held, policy: ClearingPolicy) -> float:
    """Σ q·price·CVF of options that were paid for; the value of one rounded as the policy says."""
    return math.fsum(
        quantity * rounded(contract.price * contract.value_factor, policy.decimals.value)
        for contract, quantity in held
        if contract.has_value
    )
