"""Files to snapshot: each file is recognised by its columns, cut to one time and joined."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from seawall.basics.errors import UnrecognisedFile
from seawall.basics.time import isoformat_utc, parse_utc
from seawall.feeds.activity import ACTIVITY_COLUMNS, ACTIVITY_NUMBERS, read_activity
from seawall.feeds.chains import LISTING_COLUMNS, read_listing
from seawall.feeds.curves import CURVE_COLUMNS, read_curve
from seawall.feeds.files import as_path
from seawall.feeds.snapshots import SPAN
from seawall.feeds.tables import Table, open_table
from seawall.market.assemble import assemble_snapshot
from seawall.market.quotes import Quotes
from seawall.market.snapshot import MarketSnapshot


def read_market(
    paths: str | Path | Iterable[str | Path],
    *,
    at: str | datetime | None = None,
    prices: Mapping[str, float] | None = None,
) -> MarketSnapshot:
    """The market of one instant from one or several files (CSV, gzipped CSV, parquet).

    Option chains, futures listings, futures curves and tables of volume, depth, confidence and
    utilisation are recognised by their columns and may be combined. ``at`` (UTC; text as ISO 8601,
    a datetime without a zone counts as UTC) takes from each file the nearest snapshot at or before
    it, with a warning that states its age when that is more than a snapshot is long. ``prices`` are
    USD per unit of an asset and override an index in the files.

    Raises UnreadableFile, UnrecognisedFile, AmbiguousSnapshot (several times and no ``at``),
    MissingQuote (no snapshot that early), StaleQuote (files of different times), BadNumber.
    """
    several: Iterable[object] = [paths] if isinstance(paths, str | Path) else _several(paths)
    files = [as_path(path) for path in several]
    moment = _utc(at)
    quotes = [q for file in files for q in read_quotes(file, moment)]
    market = assemble_snapshot(quotes, prices)
    if moment is None or moment - market.as_of <= SPAN:
        return market
    age = str(moment - market.as_of).partition(".")[0]
    asked = isoformat_utc(moment)
    warning = f"The snapshot is {age} (h:mm:ss) older than the time asked for, {asked}."
    return replace(market, warnings=(*market.warnings, warning))


def read_quotes(path: Path, at: datetime | None = None) -> list[Quotes]:
    """The quotes of one snapshot of one file, as columns and before anything is computed.

    ``at`` is in UTC. Raises what :func:`read_market` raises for a single file.
    """
    table = open_table(path)
    missing_of_listing = _missing(table, LISTING_COLUMNS)
    missing_of_curve = _missing(table, CURVE_COLUMNS)
    if not missing_of_listing:
        return read_listing(table, at)
    if not missing_of_curve:
        return [read_curve(table, at)]
    missing_of_activity = _missing(table, ACTIVITY_COLUMNS)
    if not missing_of_activity and len(_missing(table, ACTIVITY_NUMBERS)) < len(ACTIVITY_NUMBERS):
        return [read_activity(table, at)]
    raise UnrecognisedFile(
        f"its columns are of no known shape: an option chain or futures listing lacks "
        f"{', '.join(missing_of_listing)}; a futures curve lacks {', '.join(missing_of_curve)}",
        where=table.name,
        remedy="Rename its columns to these, or give another file.",
    )


def _several(paths: object) -> Iterable[object]:
    """What a program handed in as several paths, itself where it is nothing of the kind."""
    if isinstance(paths, Iterable) and not isinstance(paths, bytes):
        return cast("Iterable[object]", paths)
    return [paths]


def _missing(table: Table, columns: Iterable[str]) -> list[str]:
    return [column for column in columns if column not in table.schema]


def _utc(at: str | datetime | None) -> datetime | None:
    if at is None:
        return None
    if isinstance(at, str):
        return parse_utc(at)
    if not isinstance(at, datetime):  # pyright: ignore[reportUnnecessaryIsInstance]
        return parse_utc(str(at))  # a date, say
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
