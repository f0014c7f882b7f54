"""How prices, volatilities and funding went until now: what measures of history are built from.

A bar is known when it ends and not before: every holder here keeps ends, and :meth:`until` gives
what was known at an instant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from seawall.basics.arrays import freeze, pickled
from seawall.basics.errors import BadNumber

Floats = NDArray[np.float64]
Times = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class PriceBars:
    """Bars of one underlying's price in USD; arrays have shape [n] and are read-only.

    ``end_ns`` is when each bar ended, in nanoseconds since 1970 UTC, strictly increasing;
    ``bar_ns`` how long a bar lasts. Where two ends are further apart than that there is a gap, and
    the later bar is the first of a new stretch. ``low`` ≤ ``open``, ``close`` ≤ ``high``; of a
    price told without extremes all four are the close. Raises BadNumber for prices that are not
    finite and positive, for times that do not increase, and for extremes inside the bar.
    """

    underlying: str
    bar_ns: int
    end_ns: Times
    open: Floats
    high: Floats
    low: Floats
    close: Floats

    __reduce__ = pickled

    def __post_init__(self) -> None:
        freeze(self, self.end_ns.size)
        prices = np.stack([self.open, self.high, self.low, self.close])
        sound = bool((np.isfinite(prices) & (prices > 0.0)).all())
        extremes = bool((self.high >= prices).all() and (self.low <= prices).all())
        steps = np.diff(self.end_ns)
        if not (sound and extremes and self.bar_ns > 0 and bool((steps >= self.bar_ns).all())):
            raise BadNumber(
                "bars that are out of order, overlap, have a price that is not finite and "
                "positive, or an open or close beyond high and low",
                where=f"price history of {self.underlying}",
                remedy="Read the file with read_history, which repairs or refuses such rows.",
            )

    def __repr__(self) -> str:
        return f"PriceBars({self.underlying}: {self.end_ns.size} bars{_span(self.end_ns)})"

    def until(self, at_ns: int) -> Self:
        """The bars that had ended at an instant."""
        return self.rows(slice(0, int(np.searchsorted(self.end_ns, at_ns, side="right"))))

    def since(self, at_ns: int) -> Self:
        """The bars that began at an instant or later."""
        began = self.end_ns - self.bar_ns
        return self.rows(slice(int(np.searchsorted(began, at_ns, side="left")), None))

    def rows(self, keep: slice | NDArray[np.intp]) -> Self:
        """Some of the bars."""
        columns = ("end_ns", "open", "high", "low", "close")
        return replace(self, **{name: getattr(self, name)[keep] for name in columns})

    @property
    def follows(self) -> NDArray[np.bool_]:
        """Whether each bar begins where the one before it ended; shape [n], the first does not."""
        return np.append(False, np.diff(self.end_ns) == self.bar_ns)[: self.end_ns.size]


@dataclass(frozen=True, slots=True, eq=False)
class TimeSeries:
    """A number told from time to time; arrays have shape [n] and are read-only.

    ``at_ns`` is when each was known, in nanoseconds since 1970 UTC, strictly increasing. Raises
    BadNumber for numbers that are not finite and times that do not increase.
    """

    name: str
    at_ns: Times
    value: Floats

    __reduce__ = pickled

    def __post_init__(self) -> None:
        freeze(self, self.at_ns.size)
        if not (np.isfinite(self.value).all() and bool((np.diff(self.at_ns) > 0).all())):
            raise BadNumber(
                "a number that is not finite, or times that do not increase",
                where=f"history of {self.name}",
                remedy="Read the file with read_history, which repairs or refuses such rows.",
            )

    def __repr__(self) -> str:
        return f"TimeSeries({self.name}: {self.at_ns.size} numbers{_span(self.at_ns)})"

    def until(self, at_ns: int) -> Self:
        """What was known at an instant."""
        keep = slice(0, int(np.searchsorted(self.at_ns, at_ns, side="right")))
        return replace(self, at_ns=self.at_ns[keep], value=self.value[keep])

    def at(self, times_ns: Times) -> Floats:
        """The last number known at each time, NaN before the first."""
        place = np.searchsorted(self.at_ns, times_ns, side="right")
        return np.append(np.nan, self.value)[place]


@dataclass(frozen=True, slots=True)
class MarketHistory:
    """What is known of the past, by underlying; the mappings are read-only copies.

    ``bars`` are prices in USD; ``vols`` at-the-money implied volatilities of about 30 days,
    decimal; ``funding_per_day`` what a long perpetual pays a day as a share of its value;
    ``basis_per_year`` how far futures stand above the index, a year. ``repairs`` says what readers
    mended, for reports to repeat; ``told_until_ns`` is the last time of any row of prices they were
    given, sound or not, 0 where nobody says.
    """

    bars: Mapping[str, PriceBars] = field(default_factory=dict[str, PriceBars])
    vols: Mapping[str, TimeSeries] = field(default_factory=dict[str, TimeSeries])
    funding_per_day: Mapping[str, TimeSeries] = field(default_factory=dict[str, TimeSeries])
    basis_per_year: Mapping[str, TimeSeries] = field(default_factory=dict[str, TimeSeries])
    repairs: tuple[str, ...] = ()
    told_until_ns: int = 0

    __reduce__ = pickled

    def __post_init__(self) -> None:
        for name in ("bars", "vols", "funding_per_day", "basis_per_year"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    def __repr__(self) -> str:
        kinds = ("bars", "vols", "funding_per_day", "basis_per_year")
        told = ", ".join(f"{kind} of {len(getattr(self, kind))}" for kind in kinds)
        ends = [bars.end_ns for bars in self.bars.values()]
        return f"MarketHistory({told}{_span(np.sort(np.concatenate(ends))) if ends else ''})"

    def until(self, at_ns: int) -> Self:
        """What was known at an instant: no bar that ended later, no number told later."""
        return replace(
            self,
            bars={name: bars.until(at_ns) for name, bars in self.bars.items()},
            vols={name: series.until(at_ns) for name, series in self.vols.items()},
            funding_per_day={
                name: series.until(at_ns) for name, series in self.funding_per_day.items()
            },
            basis_per_year={
                name: series.until(at_ns) for name, series in self.basis_per_year.items()
            },
            told_until_ns=min(self.told_until_ns, at_ns),
        )

    def common_end_ns(self, underlyings: tuple[str, ...]) -> Times:
        """When bars of all the underlyings ended together; empty without one of them."""
        if not underlyings or not all(name in self.bars for name in underlyings):
            return np.empty(0, dtype=np.int64)
        ends = self.bars[underlyings[0]].end_ns
        for name in underlyings[1:]:
            ends = np.intersect1d(ends, self.bars[name].end_ns, assume_unique=True)
        return ends


def _span(times_ns: Times) -> str:
    """From when to when, for a holder to say in place of its arrays; empty without times."""
    if not times_ns.size:
        return ""
    return " from {} to {}".format(*times_ns[[0, -1]].astype("datetime64[ns]").astype("<M8[m]"))
