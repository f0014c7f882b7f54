"""Bars as files tell them, mended by stated rules or refused; whatever is done is said.

No rule makes a parameter smaller without a word: a real crash is kept, a bar that cannot be mended
becomes a gap, and a history with too many gaps, or whose price never moves, is refused.
Source: docs/history.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from seawall.basics.arrays import freeze
from seawall.basics.decimals import MAX_PRICE
from seawall.basics.errors import PoorHistory
from seawall.basics.time import instant_of_ns, isoformat_utc
from seawall.market.history import PriceBars, TimeSeries

Floats = NDArray[np.float64]
Times = NDArray[np.int64]
Rows = NDArray[np.bool_]

FALSE_PRINT_FACTOR = 5.0
"""A print so many times below or above all prices beside it, and back at once, is no price."""

FALSE_PRINT_SDS = 20.0
"""It must also be so many robust standard deviations of a bar's move away."""

FALSE_PRINT_BARS = 3
"""So many bars in a row may be false prints, where the price then stands as it stood."""

STILL_BARS, STILL_NS = 24, 6 * 3_600 * 10**9
"""A price that has not moved for so many bars and so long was not observed."""

MAX_CONTRADICTED = 0.01
"""The share of bars told twice and unlike that is mended; of more nobody knows which to believe."""

SECOND_NS = 10**9
_JITTER_NS = 2 * SECOND_NS
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3_600, 86_400
_USUAL_BARS_S = np.array(
    [
        *(1, 5, 10, 15, 30),
        *(minutes * _MINUTE_S for minutes in (1, 3, 5, 10, 15, 30)),
        *(hours * _HOUR_S for hours in (1, 2, 4, 6, 8, 12)),
        *(days * _DAY_S for days in (1, 7)),
    ]
)
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class RawBars:
    """Bars of one symbol as a file tells them, in any order; arrays have shape [n].

    ``time_ns`` is when each bar began or ended, as ``times_are`` says; ``open``, ``high``, ``low``
    and ``close`` in USD, NaN where the file tells none. ``rank`` orders the symbols of one
    underlying in one file: the least counts first.
    """

    source: str
    symbol: str
    underlying: str
    times_are: Literal["starts", "ends"]
    time_ns: Times
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    rank: int = 0

    def __post_init__(self) -> None:
        freeze(self, self.time_ns.size)

    @property
    def where(self) -> str:
        """The bars named for messages."""
        return f"{self.source}, {self.symbol}"


@dataclass(slots=True)
class _Draft:
    """Bars while they are mended: ``prices`` [4, n] of open, high, low and close."""

    where: str
    time_ns: Times
    prices: Floats
    told: list[str]

    def keep(self, rows: Rows) -> None:
        self.time_ns, self.prices = self.time_ns[rows], self.prices[:, rows]

    def tell(self, rows: Rows, what: str) -> None:
        """Say of how many bars something holds, and of which first."""
        times = self.time_ns[rows][:_SHOWN]
        if times.size:
            shown = ", ".join(shown_time(int(time)) for time in times)
            more = " …" if rows.sum() > _SHOWN else ""
            self.told.append(f"{self.where}: {what} ({int(rows.sum()):,}: {shown}{more}).")


def repaired(raw: RawBars) -> tuple[PriceBars, tuple[str, ...]]:
    """Sound bars in order, and a sentence for each thing that was mended.

    Raises PoorHistory for fewer than two sound bars, for a price that never moves, and for more
    than ``MAX_CONTRADICTED`` of the bars told twice and unlike.
    """
    draft = _Draft(raw.where, raw.time_ns, np.stack([raw.open, raw.high, raw.low, raw.close]), [])
    if (np.diff(raw.time_ns) < 0).any():
        draft.told.append(f"{raw.where}: rows out of order were sorted.")
    _require_prices(draft)
    bar_ns, phase_ns = grid_of(draft.time_ns, raw.where)
    _sort(draft)
    _join_repeated(draft)
    end_ns = _ends(draft.time_ns, bar_ns, phase_ns, raw.times_are)
    _join_slots(draft, end_ns)
    _mend_prints(draft)
    _drop_standing(draft, bar_ns)
    opened, high, low, close = draft.prices
    bars = PriceBars(raw.underlying, bar_ns, draft.time_ns, opened, high, low, close)
    return bars, tuple(draft.told)


def repaired_series(
    name: str, where: str, at_ns: Times, value: Floats, within: tuple[float, float]
) -> tuple[TimeSeries, tuple[str, ...]]:
    """Numbers in order and a sentence for each thing that was mended; NaN is a missing number.

    One outside ``within`` is left out, and of two of one time the larger in size counts.
    """
    draft = _Draft(where, at_ns, np.stack([value]), [])
    draft.keep(~np.isnan(value))
    sound = (draft.prices[0] >= within[0]) & (draft.prices[0] <= within[1])
    draft.tell(~sound, f"numbers outside {within[0]:g} to {within[1]:g} are left out")
    draft.keep(sound)
    order = np.lexsort((-draft.prices[0], -np.abs(draft.prices[0]), draft.time_ns))
    draft.time_ns, draft.prices = draft.time_ns[order], draft.prices[:, order]
    again = np.append(False, np.diff(draft.time_ns) == 0)[: draft.time_ns.size]
    unlike = again & np.append(False, np.diff(draft.prices[0]) != 0.0)[: again.size]
    draft.tell(unlike, "of unlike numbers of one time the larger in size counts")
    draft.keep(~again)
    return TimeSeries(name, draft.time_ns, draft.prices[0]), tuple(draft.told)


def ends_of(time_ns: Times, times_are: Literal["starts", "ends"], where: str) -> Times:
    """When the bars of these times ended, in any order. Raises PoorHistory for fewer than two."""
    return _ends(time_ns, *grid_of(time_ns, where), times_are)


def shown_time(time_ns: int) -> str:
    """An instant for messages."""
    return isoformat_utc(instant_of_ns(time_ns))


def grid_of(time_ns: Times, where: str) -> tuple[int, int]:
    """How long a bar lasts and where its grid begins, in nanoseconds, from times in any order.

    The most frequent step, where half of all are of that length; of irregular times the usual
    length of a bar nearest to their median step, from midnight UTC. Raises PoorHistory for fewer
    than two times.
    """
    steps_s = np.round(np.diff(np.unique(time_ns)) / SECOND_NS).astype(np.int64)
    steps_s = steps_s[steps_s > 0]
    if not steps_s.size:
        raise PoorHistory(
            "it has fewer than two bars with a price",
            where=where,
            remedy="Give a longer history.",
        )
    lengths, counts = np.unique(steps_s, return_counts=True)
    if 2 * counts.max() < steps_s.size:
        nearest = np.abs(np.log(_USUAL_BARS_S / np.median(steps_s))).argmin()
        return int(_USUAL_BARS_S[nearest]) * SECOND_NS, 0
    bar_ns = int(lengths[counts.argmax()]) * SECOND_NS
    phases, times = np.unique(_on_seconds(time_ns) % bar_ns, return_counts=True)
    return bar_ns, int(phases[times.argmax()])


def _on_seconds(time_ns: Times) -> Times:
    return (time_ns + SECOND_NS // 2) // SECOND_NS * SECOND_NS


def _require_prices(draft: _Draft) -> None:
    """Drop bars without a close and take what else is missing, or cannot be, from the others."""
    is_price = (draft.prices > 0.0) & (draft.prices < MAX_PRICE)
    priced = is_price[3]
    draft.tell(~priced, "bars whose close is missing or no price are left out as gaps")
    told = ~np.isnan(draft.prices) & ~is_price
    draft.tell(priced & told.any(axis=0), "an open, high or low that is no price is not used")
    draft.prices = np.where(is_price, draft.prices, np.nan)
    draft.keep(priced)
    some = bool(is_price[:3][:, priced].any())
    bad = told[:, priced].any(axis=0) | is_price[:, priced].all(axis=0)
    empty = np.logical_not(bad, dtype=np.bool_)
    if some:
        draft.tell(empty, "a missing open, high or low is not used")
    close: Floats = draft.prices[3]
    opened = np.fmax(draft.prices[0], np.where(is_price[0, priced], 0.0, close))
    top, bottom = np.maximum(opened, close), np.minimum(opened, close)
    inside: Rows = (draft.prices[1] < top) | (draft.prices[2] > bottom)
    draft.tell(inside, "a high or low inside open and close is widened to them")
    high, low = np.fmax(draft.prices[1], top), np.fmin(draft.prices[2], bottom)
    draft.prices = np.stack([opened, high, low, close])


def _sort(draft: _Draft) -> None:
    """By time; of one time the widest bar first, so that the order of rows never counts."""
    opened, high, low, close = draft.prices
    order = np.lexsort((opened, close, low, -high, low - high, draft.time_ns))
    draft.time_ns, draft.prices = draft.time_ns[order], draft.prices[:, order]


def _join_repeated(draft: _Draft) -> None:
    """One bar of each time: highest high, lowest low, open and close of the widest.

    The narrower is most often a bar that was written down before it ended.
    """
    again = np.append(False, np.diff(draft.time_ns) == 0)[: draft.time_ns.size]
    if not again.any():
        return
    alike = np.append(False, (np.diff(draft.prices, axis=1) == 0.0).all(axis=0))
    draft.tell(again & alike, "rows that stand twice are dropped")
    unlike = again & ~alike
    draft.tell(unlike, "bars told twice and unlike take the worst of both")
    share = unlike.sum() / draft.time_ns.size
    if share > MAX_CONTRADICTED:
        raise PoorHistory(
            f"{share:.1%} of its bars are told twice and unlike, more than {MAX_CONTRADICTED:.0%}",
            where=draft.where,
            remedy="Keep one row for each symbol and time.",
        )
    first = np.flatnonzero(~again)
    draft.prices = _grouped(draft.prices, first, last=first)
    draft.time_ns = draft.time_ns[first]


def _grouped(prices: Floats, first: NDArray[np.intp], last: NDArray[np.intp]) -> Floats:
    """Bars joined: the open of ``first``, the close of ``last``, extremes of each group."""
    high = np.maximum.reduceat(prices[1], first)
    low = np.minimum.reduceat(prices[2], first)
    return np.stack([prices[0, first], high, low, prices[3, last]])


def _ends(time_ns: Times, bar_ns: int, phase_ns: int, times_are: str) -> Times:
    """When each bar ended, on the grid and never before its price was known."""
    jitter_ns = min(_JITTER_NS, bar_ns // 100)
    slot, into_ns = np.divmod(time_ns - phase_ns, bar_ns)
    if times_are == "starts":
        slot = slot + 1 + (into_ns >= bar_ns - jitter_ns)
    else:
        slot = slot + (into_ns > jitter_ns)
    return np.asarray(slot * bar_ns + phase_ns, dtype=np.int64)


def _join_slots(draft: _Draft, end_ns: Times) -> None:
    """One bar of each end, of all rows that fall into it, in the order of their times."""
    again = np.append(False, np.diff(end_ns) == 0)[: end_ns.size]
    draft.tell(again, "rows of one bar at odd times are joined")
    first = np.flatnonzero(~again)
    last = np.append(first[1:], end_ns.size) - 1
    draft.prices, draft.time_ns = _grouped(draft.prices, first, last), end_ns[first]


def _mend_prints(draft: _Draft) -> None:
    """Take prints that are no price back to what stands beside them.

    A close that is ``FALSE_PRINT_FACTOR`` below or above both its neighbours, which are near each
    other, is the close before it, and so are up to ``FALSE_PRINT_BARS`` in a row; an open so far
    from the close before and its own is the close before; an extreme so far from open, close and
    the closes beside is the nearest of these. Downwards and upwards alike, and never within
    ``FALSE_PRINT_SDS`` robust standard deviations.
    """
    if draft.time_ns.size < 3:
        return
    moves = np.diff(np.log(draft.prices[3]))
    spread = 1.4826 * float(np.median(np.abs(moves - np.median(moves))))
    far = max(float(np.log(FALSE_PRINT_FACTOR)), FALSE_PRINT_SDS * spread)
    _mend_ends(draft, far)
    opened, high, low, close = np.log(draft.prices)
    false = _false_closes(close, far)
    draft.tell(false, "a close far from both its neighbours is taken as the one before")
    sound = np.maximum.accumulate(np.arange(close.size, dtype=np.intp) * ~false)
    close = close[sound]
    before, after = np.append(close[0], close[:-1]), np.append(close[1:], close[-1])
    before[0] = opened[0]
    false = (np.minimum(abs(opened - before), abs(opened - close)) > far) & (
        abs(close - before) < 0.5 * far
    )
    draft.tell(false, "an open far from the closes beside it is taken as the close before")
    opened = np.where(false, before, opened)
    beside = np.stack([opened, close, before, after])
    for name, extreme, bound, side in (
        ("low", low, beside.min(axis=0), -1.0),
        ("high", high, beside.max(axis=0), 1.0),
    ):
        false = side * (extreme - bound) > far
        draft.tell(false, f"a {name} that is no price is taken as the nearest price beside it")
        extreme[false] = bound[false]
    mended = np.stack([opened, high, low, close])
    # What was not mended keeps every bit.
    prices = np.where(mended == np.log(draft.prices), draft.prices, np.exp(mended))
    draft.prices = np.stack([prices[0], prices.max(axis=0), prices.min(axis=0), prices[3]])


def _false_closes(close: Floats, far: float) -> Rows:
    """Closes of runs that lie far from what stands on both sides, which is near each other."""
    false = np.zeros(close.size, dtype=np.bool_)
    for count in range(1, min(FALSE_PRINT_BARS, close.size - 2) + 1):
        before, after = close[: -count - 1], close[count + 1 :]
        runs = np.lib.stride_tricks.sliding_window_view(close[1:-1], count)
        low, high = np.minimum(before, after) - far, np.maximum(before, after) + far
        found = (runs.max(axis=1) < low) | (runs.min(axis=1) > high)
        found &= abs(after - before) < 0.5 * far
        for place in range(1, count + 1):
            false[place : place + found.size] |= found
    return false


def _mend_ends(draft: _Draft, far: float) -> None:
    """Leave out false prints at the beginning, and refuse what may be some at the end.

    The last bars may have collapsed in truth, and nothing after them tells.
    """
    ahead = _false_at_start(np.log(draft.prices[3]), far)
    first = np.arange(draft.time_ns.size) < ahead
    draft.tell(first, "the first bars are far from all that follow and are left out")
    draft.keep(~first)
    last = _false_at_start(np.log(draft.prices[3, ::-1]), far)
    if last:
        raise PoorHistory(
            f"from {shown_time(int(draft.time_ns[-last]))} on its last {last} closes are far from "
            "all before: false prints or a collapse",
            where=draft.where,
            remedy="Leave these bars out if they are no prices, or add those that follow.",
        )


def _false_at_start(close: Floats, far: float) -> int:
    """How many closes at the start lie far from what follows, which is near each other."""
    for count in range(1, min(FALSE_PRINT_BARS, close.size - 2) + 1):
        apart = close[:count] - close[count]
        if (apart > far).all() or (apart < -far).all():
            return count if abs(close[count + 1] - close[count]) < 0.5 * far else 0
    return 0


def _drop_standing(draft: _Draft, bar_ns: int) -> None:
    """Leave out stretches in which the price did not move: it was not observed."""
    _, high, low, close = draft.prices
    if close.size < 2 or (np.ptp(close) == 0.0 and (high == low).all()):
        raise PoorHistory(
            "its price never moves"
            if close.size > 1
            else "it has fewer than two bars with a price",
            where=draft.where,
            remedy="Give a history of prices as they were traded.",
        )
    still = (high == low) & np.append(False, np.diff(close) == 0.0)
    changes = np.flatnonzero(np.diff(np.concatenate([[False], still, [False]]).astype(np.int8)))
    least = max(STILL_BARS, -(-STILL_NS // bar_ns))
    standing = np.zeros(close.size, dtype=np.bool_)
    for first, end in changes.reshape(-1, 2):
        standing[first:end] = end - first >= least
    draft.tell(standing, f"bars of a price that stood still for {least} bars or more are gaps")
    draft.keep(~standing)
