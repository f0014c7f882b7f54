"""Files to snapshot: each file is recognised by its content, cut to one time and joined."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from seawall.basics.time import isoformat_utc, parse_utc
from seawall.feeds.files import as_path, form_of
from seawall.feeds.kinds import MARKET_MESSAGES, MARKET_TABLES
from seawall.feeds.messages import open_message
from seawall.feeds.recognise import recognise
from seawall.feeds.snapshots import SPAN
from seawall.feeds.tables import open_table
from seawall.market.assemble import assemble_snapshot
from seawall.market.quotes import Told
from seawall.market.snapshot import MarketSnapshot


def read_market(
    paths: str | Path | Iterable[str | Path],
    *,
    at: str | datetime | None = None,
    prices: Mapping[str, float] | None = None,
) -> MarketSnapshot:
    """The market of one instant from one or several files (CSV, parquet, Excel, JSON; gzipped too).

    What they are is told by their columns or keys (:mod:`seawall.feeds.kinds`), and they may be
    combined. ``at`` (UTC; text as ISO 8601,
    a datetime without a zone counts as UTC) takes from each file the nearest snapshot at or before
    it, with a warning that states its age when that is more than a snapshot is long. Of a history
    everything is kept that was known at the snapshot's time. ``prices`` are USD per unit of an
    asset and override an index in the files.

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


def read_quotes(path: Path, at: datetime | None = None) -> Sequence[Told]:
    """The quotes of one snapshot of one file, as columns and before anything is computed.

    ``at`` is in UTC. Raises what :func:`read_market` raises for a single file.
    """
    if form_of(path) == "json":
        message = open_message(path)
        return recognise(MARKET_MESSAGES, message, message.name).read(message, at)
    table = open_table(path)
    return recognise(MARKET_TABLES, table.schema.names(), table.name).read(table, at)


def _several(paths: object) -> Iterable[object]:
    """What a program handed in as several paths, itself where it is nothing of the kind."""
    if isinstance(paths, Iterable) and not isinstance(paths, bytes):
        return cast("Iterable[object]", paths)
    return [paths]


def _utc(at: str | datetime | None) -> datetime | None:
    if at is None:
        return None
    if isinstance(at, str):
        return parse_utc(at)
    if not isinstance(at, datetime):  # pyright: ignore[reportUnnecessaryIsInstance]
        return parse_utc(str(at))  # a date, say
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
