"""Parameters held against what came: did a haircut cover the fall, did an offset cover the pair?

Both are asked as a margin is: the number in force at a time against the worst point of the path
over the horizon after it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import BadParameter, PoorHistory
from seawall.lab.backtest.assessment import Assessment, assess
from seawall.market.history import PriceBars

Floats = NDArray[np.float64]
Times = NDArray[np.int64]


def haircut_coverage(
    bars: PriceBars, at_ns: Times, haircut_rel: Floats, *, horizon_ns: int, rate: float = 0.01
) -> Assessment:
    """Haircuts in force from times on, against the deepest fall of the coin within the horizon.

    ``at_ns`` and ``haircut_rel`` have shape [n], shares of the price. Times whose horizon the bars
    do not cover without a gap are left out. Raises PoorHistory if that leaves none, and what
    assess raises.
    """
    kept, start, ends = _windows((bars,), at_ns, horizon_ns)
    deepest = np.array([bars.low[s + 1 : e].min() for s, e in zip(start, ends, strict=True)])
    falls = np.maximum(0.0, 1.0 - deepest / bars.close[start])
    return assess(falls, haircut_rel[kept], rate=rate, horizon_steps=_steps(at_ns, horizon_ns))


def offset_coverage(
    pair: tuple[PriceBars, PriceBars],
    at_ns: Times,
    range_rel: tuple[Floats, Floats],
    rho: Floats,
    *,
    horizon_ns: int,
    rate: float = 0.01,
) -> Assessment:
    """What a pair may offset, against the worst that hedged pairs lost within the horizon.

    A pair is long one coin and short the other, of equal scanning risk M = 1 (a share 1 / range of
    each). Decorrelation asks R = (1−ρ)·ΣM + ρ·max(M↑, M↓) = 2 − ρ. The loss is the worse of both
    ways round, at closes of bars that both have. ``range_rel`` and ``rho`` have shape [n]. Raises
    as haircut_coverage, BadParameter for a range that is not positive.
    """
    for ranges in range_rel:
        if not bool((np.isfinite(ranges) & (ranges > 0.0)).all()):
            raise BadParameter(
                "a price range that is not finite and positive",
                where="coverage of an offset",
                remedy="Give the range of each coin at each time as a share of its price.",
            )
    shared = _shared(pair)
    kept, start, ends = _windows(shared, at_ns, horizon_ns)
    units = [ranges[kept] for ranges in range_rel]
    losses = np.empty(start.size)
    for place, (s, e) in enumerate(zip(start, ends, strict=True)):
        gained = [
            (bars.close[s + 1 : e] / bars.close[s] - 1.0) / unit[place]
            for bars, unit in zip(shared, units, strict=True)
        ]
        losses[place] = np.abs(gained[0] - gained[1]).max()
    return assess(losses, 2.0 - rho[kept], rate=rate, horizon_steps=_steps(at_ns, horizon_ns))


def _shared(pair: tuple[PriceBars, PriceBars]) -> tuple[PriceBars, PriceBars]:
    """Both coins' bars where both have one."""
    first, second = pair
    if first.bar_ns != second.bar_ns:
        raise PoorHistory(
            f"bars of {first.bar_ns} and of {second.bar_ns} nanoseconds",
            where=f"price histories of {first.underlying} and {second.underlying}",
            remedy="Give histories with bars of one length.",
        )
    _, mine, theirs = np.intersect1d(
        first.end_ns, second.end_ns, assume_unique=True, return_indices=True
    )
    return first.rows(mine), second.rows(theirs)


def _windows(
    bars: tuple[PriceBars, ...], at_ns: Times, horizon_ns: int
) -> tuple[NDArray[np.bool_], NDArray[np.intp], NDArray[np.intp]]:
    """Which times have a bar that ends then and a whole horizon after it, [n]; and of those that
    bar, and one past the last bar of the horizon.
    """
    ends, bar_ns = bars[0].end_ns, bars[0].bar_ns
    count = horizon_ns // bar_ns
    start = np.minimum(np.searchsorted(ends, at_ns, side="left"), max(ends.size - 1 - count, 0))
    kept = np.zeros(at_ns.size, dtype=np.bool_)
    if 0 < count < ends.size:
        kept = (ends[start] == at_ns) & (ends[start + count] - at_ns == count * bar_ns)
    if not kept.any():
        raise PoorHistory(
            "no time after which the whole horizon is covered",
            where=f"price history of {', '.join(each.underlying for each in bars)}",
            remedy="Give bars that cover the times and the horizon after them without gaps.",
        )
    return kept, start[kept], start[kept] + 1 + count


def _steps(at_ns: Times, horizon_ns: int) -> int:
    """How many of the times lie within a horizon, so that their windows overlap."""
    step = int(np.median(np.diff(at_ns))) if at_ns.size > 1 else horizon_ns
    return max(1, -(-horizon_ns // max(step, 1)))
