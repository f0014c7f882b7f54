"""Rates that rise with the size of what they are of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import msgspec
import numpy as np

from seawall.basics.errors import BadParameter
from seawall.risk.sums import Total


class Tier(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rate or a multiple of what lies above ``above_usd``, up to the next tier."""

    above_usd: float
    rate: float


def check_tiers(tiers: Sequence[Tier], where: str) -> None:
    """Raise BadParameter unless the first tier is above 0, the others in order, and no rate falls
    or is below 0.
    """
    numbers = [number for tier in tiers for number in (tier.above_usd, tier.rate)]
    ordered = bool(tiers) and tiers[0].above_usd == 0.0 and all(map(math.isfinite, numbers))
    if not ordered or any(
        not (low.above_usd < high.above_usd and 0.0 <= low.rate <= high.rate)
        for low, high in pairwise((*tiers, Tier(above_usd=math.inf, rate=math.inf)))
    ):
        raise BadParameter(
            "tiers that are not in order",
            where=where,
            remedy="Begin above 0 USD, and let amounts and rates rise.",
        )


def by_tiers(amount_usd: Total, tiers: Sequence[Tier]) -> Total:
    """Σ over tiers of rate times what part of the amount lies in the tier; USD, shape as given."""
    ends = [*(tier.above_usd for tier in tiers[1:]), math.inf]
    parts = (
        tier.rate * (np.minimum(amount_usd, end) - np.minimum(amount_usd, tier.above_usd))
        for tier, end in zip(tiers, ends, strict=True)
    )
    return sum(parts, 0.0 * amount_usd)


def rate_at(amount_usd: float, tiers: Sequence[Tier]) -> float:
    """The rate of the last USD of an amount: the slope of :func:`by_tiers`."""
    return max(tier.rate for tier in tiers if tier.above_usd == 0.0 or tier.above_usd < amount_usd)
