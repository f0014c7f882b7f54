"""One snapshot out of a table that may hold many.

Rows are cut, from the earliest on, into spans of at most five minutes; each span is a snapshot
and its time is that of its latest row. A time given by the caller takes the nearest snapshot at
or before it. Only then are the snapshot's rows read, so a table of a whole season stays quick.

Times may be dates with a time zone, naive ones and ISO texts without offset (both UTC), or
seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by their magnitude.
They count in whole milliseconds, and only between 2001 and 2286; all others are bad rows, handed
out apart: what they quote is told by the source, but nobody knows when.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import (
    AmbiguousSnapshot,
    BadNumber,
    MissingQuote,
    UnreadableFile,
    UnrecognisedFile,
)
from seawall.basics.time import isoformat_utc, parse_utc
from seawall.feeds.files import WRITE_AGAIN
from seawall.feeds.tables import Table, collect, numbered

if TYPE_CHECKING:
    import polars as pl

SPAN = timedelta(minutes=5)
"""Rows within this time of the earliest form one snapshot."""

MAX_SNAPSHOT_ROWS = 500_000
"""All options and futures of a venue are some thousands."""

TIME_COLUMN = "timestamp"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_MILLISECOND = timedelta(milliseconds=1)
# The instants of 2001-09-09 to 2286-11-20 have ten digits as seconds, 13 as milliseconds, …
_FIRST_MS, _LAST_MS = 10**12, 10**13
_UNITS_PER_SECOND = (1.0, 1e3, 1e6, 1e9)
# Up to a day of hours is named in full; of more the first few and the last.
_ALL_TIMES_SHOWN, _TIMES_SHOWN = 24, 3


def read_snapshot(
    table: Table, columns: Mapping[str, pl.Expr], at: datetime | None
) -> tuple[datetime, pl.DataFrame, pl.DataFrame]:
    """The time of one snapshot, its rows, earliest first, and the table's rows without a time.

    The frames have the given columns and ``row``, the number of the row in its file, the first
    also ``time_ms`` (int64, milliseconds since 1970). Raises AmbiguousSnapshot if there are several
    and no ``at``, MissingQuote if none is at or before ``at``, UnreadableFile if either frame has
    too many rows, UnrecognisedFile if no row has a time that can be read.
    """
    import polars as pl

    written = _times(table)
    times = written.drop_nulls().sort("time_ms")
    if times.is_empty():
        empty = written.is_empty()
        raise UnrecognisedFile(
            "it has a header and no rows"
            if empty
            else f"no row has a time that can be read in column {TIME_COLUMN}",
            where=table.name,
            remedy=WRITE_AGAIN
            if empty
            else "Give ISO 8601 in UTC or the time since 1970 in seconds or milliseconds.",
        )
    first, last = _choose(_spans(times["time_ms"].to_list()), at, table.name)
    chosen = times.filter(pl.col("time_ms").is_between(first, last)).lazy()
    rows = numbered(table, {"raw": pl.col(TIME_COLUMN), **columns})
    rows = rows.join(chosen, on="raw", how="inner", maintain_order="left").drop("raw")
    found = collect(table, rows).sort("time_ms", maintain_order=True)
    untimed = collect(table, _untimed(table, written, columns).drop("raw"))
    for what, frame in (("the snapshot has", found), ("without a time it has", untimed)):
        if len(frame) > MAX_SNAPSHOT_ROWS:
            raise UnreadableFile(
                f"{what} {len(frame):,} rows, more than {MAX_SNAPSHOT_ROWS:,}",
                where=table.name,
                remedy="Keep one row for each instrument and time.",
            )
    return instant(last), found, untimed


def snapshot_times(table: Table) -> tuple[datetime, ...]:
    """The times of all snapshots of a table, ascending; none where no row has a time.

    Raises UnrecognisedFile if the column's type cannot hold instants.
    """
    times = _times(table)["time_ms"].drop_nulls().sort().to_list()
    return tuple(instant(last) for _, last in _spans(times))


def untimed_text(source: str, row: int) -> str:
    """Why a row without a time is dropped."""
    return f"{source} row {row} has no time that can be read"


def require_times(table: Table, columns: Mapping[str, pl.Expr]) -> None:
    """See that every row with anything in ``columns``, which are texts, has a time.

    Raises BadNumber that names the first row that has none.
    """
    import polars as pl

    rows = _untimed(table, _times(table), columns)
    told = pl.any_horizontal(pl.col(name).fill_null("") != "" for name in columns)
    for row, raw in collect(table, rows.filter(told).select("row", "raw").head(1)).iter_rows():
        raise BadNumber(
            f"{TIME_COLUMN} is empty" if raw in (None, "") else f"{raw} is no {TIME_COLUMN}",
            where=f"{table.name} row {row}",
            remedy="Give ISO 8601 in UTC or the time since 1970 in seconds or milliseconds.",
        )


def _untimed(table: Table, times: pl.DataFrame, columns: Mapping[str, pl.Expr]) -> pl.LazyFrame:
    """The rows without a time: the given columns, ``row``, and ``raw``, what stands for a time.

    ``times`` are those of :func:`_times`.
    """
    import polars as pl

    none = times.filter(pl.col("time_ms").is_null()).select("raw").lazy()
    rows = numbered(table, {"raw": pl.col(TIME_COLUMN), **columns})
    return rows.join(none, on="raw", how="semi", nulls_equal=True, maintain_order="left")


def _times(table: Table) -> pl.DataFrame:
    """Every distinct time as it is written, ``raw``, and in ``time_ms``, null for what is none."""
    import polars as pl

    distinct = collect(table, table.frame.select(pl.col(TIME_COLUMN).alias("raw")).unique())
    time_ms = epoch_ms(distinct["raw"], f"{table.name} column {TIME_COLUMN}")
    return distinct.with_columns(time_ms=time_ms)


def instant(time_ms: int) -> datetime:
    """The UTC instant of so many milliseconds since 1970."""
    return EPOCH + time_ms * _MILLISECOND


def epoch_ms(raw: pl.Series, where: str) -> pl.Series:
    """Instants as int64 milliseconds since 1970; null where there is none.

    Raises UnrecognisedFile if the column's type cannot hold instants.
    """
    import polars as pl

    kind = raw.dtype
    if kind == pl.String:
        numbers = raw.str.strip_chars().cast(pl.Float64, strict=False)
        numeric = _ms_of_numbers(numbers.fill_null(np.nan).to_numpy())
        written = [
            _ms_of_text(value) if np.isnan(ms) else int(ms)
            for value, ms in zip(raw, numeric, strict=True)
        ]
        found = pl.Series(written, dtype=pl.Int64)
    elif kind.is_temporal() and kind != pl.Duration and kind != pl.Time:
        found = raw.dt.epoch("ms").cast(pl.Int64)
    elif kind.is_numeric():
        numbers = raw.cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy()
        found = pl.Series(_ms_of_numbers(numbers), nan_to_null=True).cast(pl.Int64)
    else:
        raise UnrecognisedFile(
            f"the column holds {kind} and not times",
            where=where,
            remedy="Give ISO 8601 in UTC or the time since 1970 in seconds or milliseconds.",
        )
    return found.set(~found.is_between(_FIRST_MS, _LAST_MS, closed="left"), None)


def _ms_of_numbers(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Whole milliseconds since 1970, NaN for a number that is no instant in any unit."""
    found = np.full(values.shape, np.nan)
    # Beyond every unit's last instant, and in milliseconds perhaps beyond what a float holds.
    values = np.where(np.abs(values) < _LAST_MS * _UNITS_PER_SECOND[-1], values, np.nan)
    for per_second in _UNITS_PER_SECOND:
        time_ms = np.round(values / per_second * 1e3)
        found = np.where((time_ms >= _FIRST_MS) & (time_ms < _LAST_MS), time_ms, found)
    return found


def _ms_of_text(value: str | None) -> int | None:
    try:
        return None if value is None else (parse_utc(value) - EPOCH) // _MILLISECOND
    except (BadNumber, OverflowError):
        return None


def _spans(time_ms: list[int]) -> list[tuple[int, int]]:
    """First and last time of each snapshot; ``time_ms`` is sorted."""
    width = SPAN // _MILLISECOND
    spans: list[tuple[int, int]] = []
    start = 0
    while start < len(time_ms):
        end = bisect_right(time_ms, time_ms[start] + width)
        spans.append((time_ms[start], time_ms[end - 1]))
        start = end
    return spans


def _choose(spans: list[tuple[int, int]], at: datetime | None, where: str) -> tuple[int, int]:
    if at is not None:
        before = [span for span in spans if instant(span[1]) <= at]
        if before:
            return before[-1]
        raise MissingQuote(
            f"no snapshot at or before {isoformat_utc(at)}",
            where=where,
            remedy=f"The first is of {isoformat_utc(instant(spans[0][1]))}: choose that or later.",
        )
    if len(spans) == 1:
        return spans[0]
    times = [isoformat_utc(instant(last)) for _, last in spans]
    all_shown = len(times) <= _ALL_TIMES_SHOWN
    first = ", ".join(times[:-1] if all_shown else times[:_TIMES_SHOWN])
    gap = "and" if all_shown else "…"
    raise AmbiguousSnapshot(
        f"{len(times)} snapshots and no time given: {first} {gap} {times[-1]}",
        where=where,
        remedy=f"Choose one with --at (or at=), for example --at {times[-1]}.",
    )
