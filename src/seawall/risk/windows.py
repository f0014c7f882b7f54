"""Windows of history: stretches of bars of several underlyings at the same times."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from seawall.basics.arrays import freeze
from seawall.basics.errors import BadParameter, PoorHistory
from seawall.basics.time import DAY_SECONDS
from seawall.market.history import MarketHistory, PriceBars, TimeSeries

Floats = NDArray[np.float64]
Times = NDArray[np.int64]
Rows = NDArray[np.intp]

DAY_NS = int(DAY_SECONDS * 1e9)
HOUR_NS = DAY_NS // 24
REMEDY = "Add a file of their prices that covers this span, or ask for less of it."


class Windows(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which windows of history become scenarios.

    A window lasts ``horizon_hours`` and begins at the end of a bar, not before ``lookback_days``
    ago; a new one begins every ``every_hours``, with each bar where that is 0. Its path is told at
    the closes of at most ``points`` bars, evenly, the last of them included; a point without a bar
    takes the next bar that is known, so that no move across a gap is lost. With ``extremes``
    there are 2·U points more: where each underlying was lowest and highest within the window, the
    others at their closes of that bar.

    ``factors`` are told beside the price wherever there is a history of them that covers nearly all
    windows; what was told more than ``factor_age_hours`` before is not known. With
    ``half_life_days`` a window counts half as much as one so many days younger, without it all
    count alike. Fewer windows than ``least_count``, or a last bar more than ``max_age_days`` old,
    are refused.

    Raises BadParameter for numbers that are not above 0 where they must be.
    """

    horizon_hours: float = 24.0
    lookback_days: float = 730.0
    points: int = 24
    every_hours: float = 0.0
    extremes: bool = False
    half_life_days: float | None = None
    factors: tuple[Literal["volatility", "funding", "basis"], ...] = ("volatility",)
    factor_age_hours: float = 48.0
    least_count: int = 250
    max_age_days: float = 7.0

    def __post_init__(self) -> None:
        half_life = 1.0 if self.half_life_days is None else self.half_life_days
        positive = (
            self.horizon_hours,
            self.lookback_days,
            self.points,
            half_life,
            self.factor_age_hours,
            self.least_count,
            self.max_age_days,
        )
        sane = all(math.isfinite(number) and number > 0.0 for number in positive)
        if not (sane and 0.0 <= self.every_hours < math.inf):
            raise BadParameter(
                f"{self}",
                where="windows of history",
                remedy="Give finite numbers above 0; every_hours may be 0, for every bar.",
            )


@dataclass(frozen=True, slots=True)
class Grid:
    """Closes of U underlyings at the T times that all have in common; arrays are [T, U].

    ``end_ns`` [T] in nanoseconds since 1970 UTC. A step lasts ``step_ns``, and longer across a gap;
    ``low`` and ``high`` are those of the step. All prices are natural logarithms.
    """

    underlyings: tuple[str, ...]
    step_ns: int
    end_ns: Times
    prices: LogPrices


@dataclass(frozen=True, slots=True)
class LogPrices:
    """Natural logarithms of prices in USD, each [T, U], read-only."""

    close: Floats
    low: Floats
    high: Floats

    def __post_init__(self) -> None:
        freeze(self, *self.close.shape)


def common_grid(
    history: MarketHistory, underlyings: tuple[str, ...], as_of_ns: int, windows: Windows
) -> Grid:
    """The steps of all underlyings together, as known at an instant.

    A step lasts as long as the longest bars; shorter bars are joined. Raises PoorHistory for an
    underlying without bars, without times in common, and where the last is too old.
    """
    where = f"history of {', '.join(underlyings)}"
    absent = [name for name in underlyings if name not in history.bars]
    if absent or not underlyings:
        raise PoorHistory(
            f"no prices of {', '.join(absent) or 'any underlying'}", where=where, remedy=REMEDY
        )
    bars = [history.bars[name].until(as_of_ns) for name in underlyings]
    end_ns = history.until(as_of_ns).common_end_ns(underlyings)
    if not end_ns.size:
        raise PoorHistory(
            "bars that never end at the same time", where=where, remedy="Give bars of one length."
        )
    if as_of_ns - end_ns[-1] > windows.max_age_days * DAY_NS:
        raise PoorHistory(
            f"the last bar in common ended more than {windows.max_age_days:g} days before",
            where=where,
            remedy="Bring the files of prices up to date.",
        )
    step_ns = max(each.bar_ns for each in bars)
    columns = [_joined(each, end_ns) for each in bars]
    close, low, high = (np.log(np.stack(column, axis=1)) for column in zip(*columns, strict=True))
    return Grid(underlyings, step_ns, end_ns, LogPrices(close, low, high))


def _joined(bars: PriceBars, end_ns: Times) -> tuple[Floats, Floats, Floats]:
    """Close, low and high of the steps to each end; each [T]."""
    last = np.searchsorted(bars.end_ns, end_ns)
    first = np.append(last[0], last[:-1] + 1)
    stop = last[-1] + 1
    low = np.minimum.reduceat(bars.low[:stop], first)
    high = np.maximum.reduceat(bars.high[:stop], first)
    return bars.close[last], low, high


def steps_of(grid: Grid, windows: Windows) -> int:
    """How many steps a window has. Raises PoorHistory where bars do not divide the horizon."""
    steps = round(windows.horizon_hours * HOUR_NS / grid.step_ns)
    if steps * grid.step_ns != round(windows.horizon_hours * HOUR_NS):
        raise PoorHistory(
            f"bars of {grid.step_ns / HOUR_NS:g} hours do not divide a horizon of "
            f"{windows.horizon_hours:g}",
            where=f"history of {', '.join(grid.underlyings)}",
            remedy="Give shorter bars, or a horizon of whole bars.",
        )
    return steps


def stride_of(grid: Grid, windows: Windows) -> int:
    """How many steps lie between the beginnings of windows, at least 1."""
    return max(1, round(windows.every_hours * HOUR_NS / grid.step_ns))


@dataclass(frozen=True, slots=True)
class Laid:
    """N windows as rows of a grid: ``start`` [N] where each begins, ``rows`` [N, P] where its path
    is told, ``end`` [N] the last of these in time. ``on_time`` counts points that have a bar at
    their own time, ``across_gaps`` windows in which a bar is missing.
    """

    start: Rows
    rows: Rows
    end: Rows
    on_time: int
    across_gaps: int


def lay_windows(grid: Grid, windows: Windows, as_of_ns: int, first_row: int = 0) -> Laid:
    """The windows of a grid; the newest ends with the last bar, none begins before ``first_row``.

    Windows are laid by time. One that would begin within a gap begins with the last bar before it,
    and a point without a bar takes the first bar after it, be that beyond the horizon: so the move
    across every gap is whole in some window, as long as windows begin no less often than one lasts.
    Of those that would begin within one gap the last counts.
    """
    steps, stride = steps_of(grid, windows), stride_of(grid, windows)
    end_ns = grid.end_ns
    points = min(windows.points, steps)
    chosen = -(-steps * np.arange(1, points + 1) // points)
    if first_row >= end_ns.size:
        none = np.empty(0, dtype=np.intp)
        return Laid(none, np.empty((0, points), dtype=np.intp), none, 0, 0)
    oldest = max(int(end_ns[first_row]), as_of_ns - round(windows.lookback_days * DAY_NS))
    newest = int(end_ns[-1]) - steps * grid.step_ns
    begin_ns = np.arange(newest, oldest - 1, -stride * grid.step_ns, dtype=np.int64)[::-1]
    start = np.searchsorted(end_ns, begin_ns, side="right") - 1
    last = np.append(start[1:] != start[:-1], True)[: start.size]
    start, begin_ns = start[last], begin_ns[last]
    due_ns = begin_ns[:, None] + grid.step_ns * chosen[None, :]
    rows = np.searchsorted(end_ns, due_ns, side="left")
    end = rows[:, -1]
    return Laid(
        start,
        rows,
        end,
        on_time=int((end_ns[rows] == due_ns).sum()),
        across_gaps=int((end_ns[end] - end_ns[start] > (end - start) * grid.step_ns).sum()),
    )


def known(series: TimeSeries, times_ns: Times, age_ns: float) -> Floats:
    """The last number told at each time, NaN where none was within ``age_ns``; shape as given."""
    if not series.at_ns.size:
        return np.full(times_ns.shape, np.nan)
    place = np.searchsorted(series.at_ns, times_ns, side="right") - 1
    told_ns = series.at_ns[np.maximum(place, 0)]
    fresh = (place >= 0) & (times_ns - told_ns <= age_ns)
    return np.where(fresh, series.at(times_ns), np.nan)


def carried(told: Floats) -> Floats:
    """Unknown numbers as the next known one, those behind the last known as that; shape [T].

    So no move from one known number to the next is lost. Without a known one all stay NaN.
    """
    at = np.flatnonzero(~np.isnan(told))
    if not at.size:
        return told
    return told[at[np.minimum(np.searchsorted(at, np.arange(told.size)), at.size - 1)]]
