"""Files of the past to a history: bars, volatilities, funding and basis, mended or refused.

Which tables are read, and by which rules they are mended and joined: docs/history.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

from seawall.basics.errors import UnrecognisedFile
from seawall.feeds.files import as_path, form_of
from seawall.feeds.history_tables import (
    BASIS_COLUMNS,
    lacks_history,
    read_basis_table,
    read_history_table,
)
from seawall.feeds.kinds import HISTORY, TableReader
from seawall.feeds.market import read_quotes
from seawall.feeds.recognise import Kind, missing, recognise
from seawall.feeds.tables import open_table
from seawall.market.history import MarketHistory
from seawall.market.history_join import HistoryTable, merged_history

_TABLES: tuple[Kind[Collection[str], TableReader], ...] = (
    Kind(
        "a futures curve with its basis",
        lambda given: missing(BASIS_COLUMNS, given),
        lambda table, at: [read_basis_table(table, at)],
    ),
    Kind(HISTORY, lacks_history, lambda table, at: [read_history_table(table, at)]),
)


def read_history(sources: str | Path | Iterable[str | Path]) -> MarketHistory:
    """The history that one or several files tell (CSV, parquet, Excel, JSON; gzipped too).

    Of an underlying told by several files the first counts wherever it has a bar. What was mended
    stands in ``repairs``. Raises UnreadableFile, UnrecognisedFile, UnknownInstrument, and
    PoorHistory for bars that cannot be mended or of which too many are missing.
    """
    several = [sources] if isinstance(sources, str | Path) else list(sources)
    return merged_history([table for source in several for table in _read(as_path(source))])


def _read(path: Path) -> list[HistoryTable]:
    if form_of(path) == "json":
        told = read_quotes(path)
    else:
        table = open_table(path)
        told = recognise(_TABLES, table.schema.names(), table.name).read(table, None)
    found = [each for each in told if isinstance(each, HistoryTable)]
    if not found:
        raise UnrecognisedFile(
            "it tells quotes and no history",
            where=path.name,
            remedy="Give a table of timestamp, symbol and close, atm_vol or funding_rate.",
        )
    return found
