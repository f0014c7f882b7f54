"""One history out of what several files tell: bars, volatilities, funding and basis.

Of an underlying's sources the first counts wherever it has a bar, and the others fill what it
lacks. Source: docs/history.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import PoorHistory
from seawall.basics.time import DAY_NS, epoch_ns
from seawall.market.history import MarketHistory, PriceBars, TimeSeries
from seawall.market.history_repairs import RawBars, repaired, shown_time
from seawall.products.markets import market_of

Floats = NDArray[np.float64]
Times = NDArray[np.int64]

MAX_MISSING = 0.20
"""The share of bars between the first and the last that may be missing."""

STALE_BARS, STALE_NS = 2, DAY_NS
"""A history that ends so many bars and so long before the market's time is told to be old."""

FUNDING_LIFE_NS = DAY_NS
"""A venue's funding rate counts for so long after it was told."""

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class HistoryTable:
    """What one file tells of the past: bars as they stand there, and series already in order.

    ``vols``, ``funding`` (per day, one series for each venue) and ``basis`` (per year) are named by
    underlying; ``repairs`` says what was mended in them.
    """

    source: str
    bars: tuple[RawBars, ...] = ()
    vols: tuple[TimeSeries, ...] = ()
    funding: tuple[TimeSeries, ...] = ()
    basis: tuple[TimeSeries, ...] = ()
    repairs: tuple[str, ...] = ()
    dropped: Mapping[str, str] = field(default_factory=dict[str, str])
    warnings: tuple[str, ...] = ()


def merged_history(tables: Sequence[HistoryTable]) -> MarketHistory:
    """The history that tables tell together, in their order.

    Raises PoorHistory for bars that cannot be mended, of lengths that do not divide each other, or
    of which more than ``MAX_MISSING`` are missing.
    """
    told = [line for table in tables for line in (*table.repairs, *table.warnings)]
    by_underlying: dict[str, list[RawBars]] = {}
    for table in tables:
        for raw in sorted(table.bars, key=lambda raw: (raw.rank, raw.symbol)):
            by_underlying.setdefault(raw.underlying, []).append(raw)
    bars: dict[str, PriceBars] = {}
    for underlying, several in sorted(by_underlying.items()):
        found: list[PriceBars] = []
        for raw in several:
            own, mended = repaired(raw)
            found.append(own)
            told += mended
        bars[underlying], seams = _joined(found, several)
        told += [*seams, *_gaps(bars[underlying])]
    return MarketHistory(
        bars=bars,
        vols=_by_name([s for table in tables for s in table.vols], _extended),
        funding_per_day=_by_name([s for table in tables for s in table.funding], _median_known),
        basis_per_year=_by_name([s for table in tables for s in table.basis], _extended),
        repairs=tuple(told),
        told_until_ns=max(
            (int(raw.time_ns.max(initial=0)) for each in by_underlying.values() for raw in each),
            default=0,
        ),
    )


def require_length(history: MarketHistory, underlying: str, least: int, unit_ns: int = 0) -> None:
    """See that an underlying has at least ``least`` bars, or units of ``unit_ns`` from first to
    last. Raises PoorHistory that names the underlying and how much it has.
    """
    bars = history.bars.get(underlying)
    size = 0 if bars is None else bars.end_ns.size
    held = size
    if unit_ns and bars is not None and size:
        held = int((bars.end_ns[-1] - bars.end_ns[0] + bars.bar_ns) // unit_ns)
    if held >= least:
        return
    what = f"units of {unit_ns / DAY_NS:g} days" if unit_ns else "bars"
    span = "none" if bars is None or not size else f"{held:,}, {_span(bars)}"
    raise PoorHistory(
        f"{least:,} {what} of history are needed, and there are {span}",
        where=f"price history of {underlying}",
        remedy=f"Give a longer history of {underlying}.",
    )


def warnings_of_age(history: MarketHistory, as_of: datetime) -> list[str]:
    """Which histories end long before the market's time: nobody knows what happened since."""
    at_ns, found = epoch_ns(as_of), list[str]()
    for underlying, bars in history.bars.items():
        if not bars.end_ns.size:
            found.append(f"The price history of {underlying} begins after the market's time.")
        elif at_ns - int(bars.end_ns[-1]) > STALE_BARS * bars.bar_ns + STALE_NS:
            found.append(
                f"The price history of {underlying} ends {shown_time(int(bars.end_ns[-1]))}, "
                f"{(at_ns - int(bars.end_ns[-1])) / DAY_NS:.1f} days before the market."
            )
    return found


def resampled(bars: PriceBars, bar_ns: int, phase_ns: int = 0) -> PriceBars:
    """Longer bars, each of all the bars that it spans; where one of them is missing there is a gap.

    They end at whole multiples of ``bar_ns`` after ``phase_ns``. Raises PoorHistory for a length
    that the bars do not divide.
    """
    apart = (bars.end_ns - phase_ns) % bars.bar_ns
    if bar_ns % bars.bar_ns or apart.any():
        raise PoorHistory(
            f"bars of {bars.bar_ns / 1e9:g} seconds do not make up bars of {bar_ns / 1e9:g}",
            where=f"price history of {bars.underlying}",
            remedy="Give files whose bars are of one length, or divide each other.",
        )
    if bar_ns == bars.bar_ns:
        return bars
    slot = -(-(bars.end_ns - phase_ns) // bar_ns)
    first = np.flatnonzero(np.append(True, np.diff(slot) > 0)[: slot.size])
    last = np.append(first[1:], slot.size)[: first.size] - 1
    whole = last - first + 1 == bar_ns // bars.bar_ns
    high, low = np.maximum.reduceat(bars.high, first), np.minimum.reduceat(bars.low, first)
    return PriceBars(
        bars.underlying,
        bar_ns,
        (slot[first] * bar_ns + phase_ns)[whole],
        bars.open[first][whole],
        high[whole],
        low[whole],
        bars.close[last][whole],
    )


def _joined(found: list[PriceBars], raw: list[RawBars]) -> tuple[PriceBars, list[str]]:
    """The bars of all sources, the first counting where several have one, and what was done."""
    coarsest = max(found, key=lambda bars: bars.bar_ns)
    phase_ns = int(coarsest.end_ns[0]) % coarsest.bar_ns
    told: list[str] = []
    kept, source = coarsest.rows(slice(0, 0)), np.zeros(0, dtype=np.int64)
    for number, (own, of) in enumerate(zip(found, raw, strict=True)):
        bars = resampled(own, coarsest.bar_ns, phase_ns)
        if bars.bar_ns != own.bar_ns:
            told.append(f"{of.where}: joined to bars of {_length(bars.bar_ns)}, as other files.")
        kept, source = _filled(kept, source, bars, number)
    if len(found) > 1:
        shares = ", ".join(
            f"{int((source == number).sum()):,} from {of.where}" for number, of in enumerate(raw)
        )
        told.append(f"{kept.underlying}: {kept.end_ns.size:,} bars, {shares}.")
    return kept, told


def _filled(
    kept: PriceBars, source: Times, more: PriceBars, number: int
) -> tuple[PriceBars, Times]:
    """The bars with those of ``more`` that end when none of them does, and whose each is."""
    new = ~np.isin(more.end_ns, kept.end_ns)
    end_ns = np.concatenate([kept.end_ns, more.end_ns[new]])
    order = np.argsort(end_ns, kind="stable")

    def column(name: str) -> Floats:
        return np.concatenate([getattr(kept, name), getattr(more, name)[new]])[order]

    joined = PriceBars(
        kept.underlying, kept.bar_ns, end_ns[order], *map(column, ("open", "high", "low", "close"))
    )
    numbers = np.concatenate([source, np.full(int(new.sum()), number, dtype=np.int64)])
    return joined, numbers[order]


def _gaps(bars: PriceBars) -> list[str]:
    """What is missing between the first bar and the last. Raises PoorHistory for too much.

    Of what is listed on a market that closes, bars are missing every night: nobody is told.
    """
    if market_of(bars.underlying) is not None or bars.end_ns.size < 2:
        return []
    missing = np.diff(bars.end_ns) // bars.bar_ns - 1
    total, spanned = int(missing.sum()), int((bars.end_ns[-1] - bars.end_ns[0]) // bars.bar_ns) + 1
    if not total:
        return []
    longest = np.argsort(-missing, kind="stable")[:_SHOWN]
    named = ", ".join(
        f"{int(missing[row]):,} after {shown_time(int(bars.end_ns[row]))}"
        for row in longest
        if missing[row]
    )
    moved = np.log(bars.open[1:] / bars.close[:-1])[missing > 0]
    across = float(np.expm1(moved[np.abs(moved).argmax()]))
    gaps = int((missing > 0).sum())
    if total > MAX_MISSING * spanned:
        raise PoorHistory(
            f"{total:,} of {spanned:,} bars of {_length(bars.bar_ns)} are missing, more than "
            f"{MAX_MISSING:.0%}: {named}",
            where=f"price history of {bars.underlying}",
            remedy="Fill the gaps from another file, or give the part that is whole.",
        )
    told = (
        f"{bars.underlying}: {total:,} bars of {_length(bars.bar_ns)} are missing in {gaps:,} gaps "
        f"({named}); the largest move across one is {across:+.1%}."
    )
    return [told]


def _length(bar_ns: int) -> str:
    for unit, word in ((DAY_NS, "d"), (3_600 * 10**9, "h"), (60 * 10**9, "min")):
        if bar_ns % unit == 0:
            return f"{bar_ns // unit} {word}"
    return f"{bar_ns / 1e9:g} s"


def _span(bars: PriceBars) -> str:
    return f"from {shown_time(int(bars.end_ns[0]))} to {shown_time(int(bars.end_ns[-1]))}"


def _by_name(
    series: Iterable[TimeSeries], joined: Callable[[list[TimeSeries]], TimeSeries]
) -> dict[str, TimeSeries]:
    found: dict[str, list[TimeSeries]] = {}
    for each in series:
        found.setdefault(each.name, []).append(each)
    return {name: joined(several) for name, several in sorted(found.items())}


def _extended(several: list[TimeSeries]) -> TimeSeries:
    """The first series, and of the others what they tell before it begins or after it ends."""
    kept = several[0]
    for more in several[1:]:
        if not kept.at_ns.size:
            kept = more
            continue
        outside = (more.at_ns < kept.at_ns[0]) | (more.at_ns > kept.at_ns[-1])
        at_ns = np.concatenate([kept.at_ns, more.at_ns[outside]])
        value = np.concatenate([kept.value, more.value[outside]])
        order = np.argsort(at_ns, kind="stable")
        kept = TimeSeries(kept.name, at_ns[order], value[order])
    return kept


def _median_known(several: list[TimeSeries]) -> TimeSeries:
    """At every time the median of the rates that venues told within ``FUNDING_LIFE_NS``."""
    if len(several) == 1:
        return several[0]
    at_ns = np.unique(np.concatenate([each.at_ns for each in several]))
    known = np.full((len(several), at_ns.size), np.nan)
    for row, each in enumerate(several):
        if not each.at_ns.size:
            continue
        place = np.searchsorted(each.at_ns, at_ns, side="right") - 1
        fresh = (place >= 0) & (at_ns - each.at_ns[place] <= FUNDING_LIFE_NS)
        known[row, fresh] = each.value[place[fresh]]
    return TimeSeries(several[0].name, at_ns, np.nanmedian(known, axis=0))
