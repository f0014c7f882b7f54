"""tardis.dev's ``options_chain`` files: one row for each update of an option, for hours or days.

A snapshot at a time T is the last update of each option at or before T. One that is older than a
snapshot is long (:data:`~seawall.feeds.snapshots.SPAN`) is left out with its reason: nobody can
tell whether the option still stood there, so that a position in it has no quote. Without a
time the file must not be longer than that itself.

Times are in microseconds since 1970. The rows pass through what each venue says: Deribit's implied
volatilities are in percent and all others decimal; ``underlying_price`` is the forward on Deribit
and Bybit, also where it is their index for want of a future, and the index on all others.

The rows are streamed; what is held in memory are the updates of one snapshot.

Source: the columns as tardis.dev documents them; its open-source mappers for units.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from seawall.basics.errors import AmbiguousSnapshot, MissingQuote, UnrecognisedFile
from seawall.basics.time import isoformat_utc
from seawall.feeds.chains import contract_of, read_listing
from seawall.feeds.snapshots import EPOCH, SPAN, instant, untimed_text
from seawall.feeds.tables import Table, collect, number, numbered, text
from seawall.market.quotes import Quotes
from seawall.products.instruments import Option

if TYPE_CHECKING:
    import polars as pl

TARDIS_COLUMNS = (
    "exchange",
    "symbol",
    "timestamp",
    "local_timestamp",
    "mark_price",
    "mark_iv",
    "underlying_price",
)
"""The columns by which such a file is recognised."""

_PERCENT_VENUE = "deribit"
_FORWARD_VENUES = ("deribit", "bybit-options")
# Whose names stand under what tardis calls an exchange.
_VENUES = {
    "deribit": "deribit:",
    "okex-options": "okx:",
    "bybit-options": "bybit:",
    "binance-european-options": "binance:",
}
_US_PER_MS = 1_000
_MICROSECOND = timedelta(microseconds=1)
_SPAN_US = SPAN // _MICROSECOND
_BESIDE = ("bid_price", "ask_price", "open_interest")
# The instants of 2001 to 2286, as for all tables.
_FIRST_US, _LAST_US = 10**15, 10**16


def read_options_chain(table: Table, at: datetime | None) -> list[Quotes]:
    """The options of one snapshot.

    Raises AmbiguousSnapshot for a file of more than a snapshot and no ``at``, MissingQuote if no
    update is at or before ``at``, UnrecognisedFile when no row can be used or an exchange is not
    known.
    """
    import polars as pl

    updates = _updates(table)
    first, last = _bounds(table, updates)
    if at is None and last - first > _SPAN_US:
        times = [isoformat_utc(instant(us // _US_PER_MS)) for us in (first, last)]
        raise AmbiguousSnapshot(
            f"updates from {times[0]} to {times[1]} and no time given",
            where=table.name,
            remedy=f"Choose one with --at (or at=), for example --at {times[1]}.",
        )
    upto = last if at is None else min(last, (at - EPOCH) // _MICROSECOND)
    if first > upto:
        raise MissingQuote(
            f"no update at or before {isoformat_utc(instant(upto // _US_PER_MS))}",
            where=table.name,
            remedy=f"The first is of {isoformat_utc(instant(first // _US_PER_MS))}: "
            "choose that or later.",
        )
    us = pl.col("us")
    past = updates.filter(us <= upto)
    newest = updates.group_by("instrument_name").agg(
        us.filter(us <= upto).max(), untimed=pl.col("row").filter(us.is_null()).min()
    )
    seen = collect(table, newest, in_batches=True)
    latest = seen.drop_nulls("us")
    as_of = int(latest["us"].max())  # pyright: ignore[reportArgumentType]
    is_stale = us < as_of - _SPAN_US
    chosen = latest.filter(~is_stale).lazy()
    rows = past.join(chosen, on=["instrument_name", "us"], how="semi")
    rows = collect(table, rows, in_batches=True)
    # Of updates of one microsecond the one that arrived last counts.
    arrived = pl.col("arrived") == pl.col("arrived").max().over("instrument_name")
    rows = rows.filter(arrived | pl.col("arrived").is_null()).sort("row")
    untimed = seen.filter(us.is_null() | is_stale).drop_nulls("untimed")
    found = _quotes(table, rows, latest.filter(is_stale), as_of)
    found[0] = replace(found[0], dropped={**found[0].dropped, **_without_time(untimed, table)})
    return found


def _without_time(untimed: pl.DataFrame, table: Table) -> dict[str, str]:
    """Why options are left out of which only updates without a time are near the snapshot."""
    named = untimed.select("instrument_name", "untimed").iter_rows()
    contracts = ((contract_of(name), row) for name, row in named)
    return {c.name: untimed_text(table.name, row) for c, row in contracts if c is not None}


def _quotes(table: Table, rows: pl.DataFrame, stale: pl.DataFrame, as_of: int) -> list[Quotes]:
    _require_known(table, rows)
    snapshot = replace(table, frame=rows.lazy(), schema=rows.schema, row_column="row")
    found = read_listing(snapshot, None, vol_unit=1.0)
    left_out: dict[str, str] = {}
    for name, us in stale.select("instrument_name", "us").iter_rows():
        option = contract_of(name)
        if isinstance(option, Option) and option.expiry > instant(as_of // _US_PER_MS):
            age_min = (as_of - us) * _MICROSECOND / timedelta(minutes=1)
            left_out[option.name] = f"its last update in {table.name} is {age_min:.1f} minutes old"
    if not left_out:
        return found
    warning = (
        f"{len(left_out)} options of {table.name} are left out: their last updates are more than "
        f"{SPAN.seconds // 60} minutes older than the snapshot."
    )
    first = found[0]
    found[0] = replace(
        first, dropped={**left_out, **first.dropped}, warnings=(*first.warnings, warning)
    )
    return found


def _require_known(table: Table, rows: pl.DataFrame) -> None:
    """Raise UnrecognisedFile for an exchange whose names of options are not known."""
    unknown = sorted(set(rows["exchange"].drop_nulls()) - set(_VENUES))
    if unknown:
        raise UnrecognisedFile(
            f"exchange {unknown[0]!r:.40} is none whose options are known",
            where=table.name,
            remedy=f"Give those of {', '.join(_VENUES)}, spelt so.",
        )


def _updates(table: Table) -> pl.LazyFrame:
    """Every update in the columns of a listing, with ``us`` and ``arrived``, its times, and its
    ``row``; ``us`` is null where there is no time.
    """
    import polars as pl

    us = text(table, "timestamp").cast(pl.Int64, strict=False)
    exchange = text(table, "exchange")
    iv, underlying = number(table, "mark_iv"), number(table, "underlying_price")
    is_forward = exchange.is_in(_FORWARD_VENUES)
    columns = {
        "instrument_name": exchange.replace(_VENUES) + text(table, "symbol"),
        "us": pl.when(us.is_between(_FIRST_US, _LAST_US, closed="left")).then(us),
        "exchange": exchange,
        "arrived": text(table, "local_timestamp").cast(pl.Int64, strict=False),
        "timestamp": text(table, "timestamp"),
        "mark_price": number(table, "mark_price"),
        "mark_iv": pl.when(exchange == _PERCENT_VENUE).then(iv / 100.0).otherwise(iv),
        "underlying_price": pl.when(is_forward).then(underlying),
        "index_price": pl.when(~is_forward).then(underlying),
        **{name: number(table, name) for name in _BESIDE if name in table.schema},
    }
    return numbered(table, columns)


def _bounds(table: Table, updates: pl.LazyFrame) -> tuple[int, int]:
    """The first and the last time, in microseconds."""
    import polars as pl

    us = pl.col("us")
    ends = updates.select(first=us.min(), last=us.max())
    first, last = collect(table, ends, in_batches=True).row(0)
    if first is None:
        raise UnrecognisedFile(
            "no row has a timestamp in microseconds since 1970",
            where=table.name,
            remedy="Write or download it again.",
        )
    return int(first), int(last)
