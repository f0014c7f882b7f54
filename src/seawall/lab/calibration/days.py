"""Bars of any length made into days: realised variance, return and extremes of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.basics.arrays import freeze, pickled
from seawall.basics.errors import PoorHistory
from seawall.market.history import PriceBars

Floats = NDArray[np.float64]
DAY_NS = 86_400_000_000_000
# A day with fewer of its bars says too little of itself.
LEAST_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Days:
    """Days of one underlying; arrays have shape [n] and are read-only.

    ``end_ns`` when each day ended; ``variance`` its realised variance of log prices; ``log_return``
    from the close of the day before (of the first: from its open); ``close``, ``high`` and ``low``
    in USD.
    """

    underlying: str
    end_ns: NDArray[np.int64]
    variance: Floats
    log_return: Floats
    close: Floats
    high: Floats
    low: Floats

    __reduce__ = pickled

    def __post_init__(self) -> None:
        freeze(self, self.end_ns.size)


def days_of(bars: PriceBars, *, closing_ns: int = 0) -> Days:
    """Days that end at the same time of day as ``closing_ns`` (midnight UTC), whole ones only.

    The variance of a day is the sum of its bars' squared log moves, scaled up for bars that are
    missing. A day with fewer than half its bars is no day: its moves count in the next one, and so
    does the move across a gap in the day in which the gap ends. No net move is lost, and an average
    stands still over days that are missing; what prices did within a gap nobody knows, and a wild
    time that is missing lowers an estimate. Raises PoorHistory for no whole day.
    """
    share = min(bars.bar_ns / DAY_NS, 1.0)
    day = _day_numbers(bars, closing_ns)
    numbers, counts = np.unique(day, return_counts=True)
    ended = (numbers + 1) * DAY_NS + closing_ns % DAY_NS
    whole = (counts * share >= LEAST_SHARE) & (ended <= bars.end_ns.max(initial=0))
    if not whole.any():
        raise PoorHistory(
            "no whole day of bars",
            where=f"price history of {bars.underlying}",
            remedy="Give a longer history, or one with fewer gaps.",
        )
    numbers, counts, ended = numbers[whole], counts[whole], ended[whole]
    into = np.searchsorted(numbers, day, side="left")
    told = into < numbers.size
    into, own = into[told], (day == numbers[np.minimum(into, numbers.size - 1)])[told]
    before = np.append(bars.open[:1], bars.close[:-1])
    squares = np.square(np.log(bars.close / before))[told]
    # A move across a gap covers many bars and is not scaled; each following bar stands for others.
    scaled = own & bars.follows[told]
    missing = np.maximum(1.0 / (share * counts), 1.0)[into]
    variance = np.zeros(numbers.size)
    np.add.at(variance, into, squares * np.where(scaled, missing, 1.0))
    last = np.append(np.flatnonzero(np.diff(into)), into.size - 1)
    first = np.append(0, last[:-1] + 1)
    close = bars.close[told][last]
    return Days(
        underlying=bars.underlying,
        end_ns=ended,
        variance=variance,
        log_return=np.log(close / np.append(bars.open[0], close[:-1])),
        close=close,
        high=np.maximum.reduceat(bars.high[told], first),
        low=np.minimum.reduceat(bars.low[told], first),
    )


def _day_numbers(bars: PriceBars, closing_ns: int) -> NDArray[np.int64]:
    """The day in which each bar ended, one that ended with the day counting in it; shape [n]."""
    return (bars.end_ns - 1 - closing_ns % DAY_NS) // DAY_NS
