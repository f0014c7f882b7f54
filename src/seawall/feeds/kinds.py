"""Every kind of file that can be read, in the order in which they are looked for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TypeAlias

from seawall.feeds import deribit, maps, okx, unified_positions
from seawall.feeds.activity import ACTIVITY_COLUMNS, ACTIVITY_NUMBERS, read_activity
from seawall.feeds.book_rows import (
    BOOK_COLUMNS,
    read_csv_book,
    read_excel_book,
    read_json_rows,
)
from seawall.feeds.carry import DIVIDEND_COLUMNS, RATE_COLUMNS, read_dividends, read_rates
from seawall.feeds.chains import LISTING_COLUMNS, read_listing
from seawall.feeds.curves import CURVE_COLUMNS, read_curve
from seawall.feeds.equities import (
    CBOE_COLUMNS,
    NSE_COLUMNS,
    NSE_SETTLEMENT_COLUMNS,
    read_cboe,
    read_nse,
    read_nse_settlement,
)
from seawall.feeds.history_tables import lacks_history, read_history_table
from seawall.feeds.holdings import Accounts
from seawall.feeds.messages import Message, entries_with, object_with, text_of
from seawall.feeds.recognise import Kind, missing
from seawall.feeds.tables import Table, table_of
from seawall.feeds.tardis import TARDIS_COLUMNS, read_options_chain
from seawall.feeds.unified import (
    CHAIN_KEYS,
    TICKER_KEYS,
    read_fetched_chain,
    read_unified_quotes,
)
from seawall.market.quotes import Told

TableReader: TypeAlias = Callable[[Table, datetime | None], Sequence[Told]]
MessageReader: TypeAlias = Callable[[Message, datetime | None], Sequence[Told]]
BookReader: TypeAlias = Callable[[Message], Accounts]
MarketTable: TypeAlias = Kind[Collection[str], TableReader]
MarketMessage: TypeAlias = Kind[Message, MessageReader]

HISTORY = "a history"
"""What people call a table of the past."""


def _columns(*names: str) -> Callable[[Collection[str]], list[str]]:
    return lambda given: missing(names, given)


def _activity(given: Collection[str]) -> list[str]:
    told = set(ACTIVITY_NUMBERS) & set(given)
    numbers = [] if told else [f"one of {' and '.join(ACTIVITY_NUMBERS)}"]
    return missing(ACTIVITY_COLUMNS, given) + numbers


def _rates(given: Collection[str]) -> list[str]:
    lacking = missing(RATE_COLUMNS, given)
    # Two columns are few to lack: a table with neither is no nearer to this than to a chain.
    return [*lacking, "a row for each tenor"] if len(lacking) == len(RATE_COLUMNS) else lacking


MARKET_TABLES: tuple[MarketTable, ...] = (
    Kind("a tardis options_chain", _columns(*TARDIS_COLUMNS), read_options_chain),
    Kind("an option chain or futures listing", _columns(*LISTING_COLUMNS), read_listing),
    Kind("a futures curve", _columns(*CURVE_COLUMNS), lambda table, at: [read_curve(table, at)]),
    Kind("Cboe's option quotes", _columns(*CBOE_COLUMNS), read_cboe),
    Kind("NSE's end of day", _columns(*NSE_COLUMNS), read_nse),
    Kind("NSE's settlement prices", _columns(*NSE_SETTLEMENT_COLUMNS), read_nse_settlement),
    Kind("discount factors", _rates, read_rates),
    Kind("dividends", _columns(*DIVIDEND_COLUMNS), read_dividends),
    Kind("an activity table", _activity, lambda table, at: [read_activity(table, at)]),
    Kind(HISTORY, lacks_history, lambda table, at: [read_history_table(table, at)]),
)
"""Tables of quotes (CSV, gzipped CSV, parquet, Excel), told by their columns."""


def _in_json(kind: MarketTable) -> MarketMessage:
    """The rows of a table as a JSON list of objects."""

    def lacks(message: Message) -> Sequence[str]:
        is_list = isinstance(message.content, list)
        return kind.lacks({key for entry in message.sample for key in entry} if is_list else ())

    def read(message: Message, at: datetime | None) -> Sequence[Told]:
        rows = [{key: text_of(entry, key) for key in entry} for entry in message.entries]
        return kind.read(table_of(message.name, rows), at)

    return Kind(f"{kind.name} in JSON", lacks, read)


MARKET_MESSAGES: tuple[MarketMessage, ...] = (
    Kind("Deribit's book summary", entries_with(*deribit.SUMMARY_KEYS), deribit.read_book_summary),
    Kind("ccxt's option chain", entries_with(*CHAIN_KEYS), read_unified_quotes),
    Kind("ccxt's tickers", entries_with(*TICKER_KEYS), read_unified_quotes),
    Kind(
        "a chain of seawall fetch",
        object_with(source="ccxt", kind="chain", options=None),
        read_fetched_chain,
    ),
    *(_in_json(kind) for kind in MARKET_TABLES),
)
"""JSON of quotes, told by its keys."""

BOOK_TABLES: Mapping[Literal["table", "excel"], Callable[[Path], Accounts]] = MappingProxyType(
    {"table": read_csv_book, "excel": read_excel_book}
)
"""Books in rows, by the form of the file; what their header lacks they say themselves."""

BOOK_MESSAGES: tuple[Kind[Message, BookReader], ...] = (
    Kind("a map of quantities", maps.lacks, maps.read_map),
    Kind("a book of positions in JSON", entries_with(*BOOK_COLUMNS), read_json_rows),
    Kind("Deribit's positions", entries_with(*deribit.POSITION_KEYS), deribit.read_positions),
    Kind(
        "ccxt's positions",
        entries_with(*unified_positions.POSITION_KEYS),
        unified_positions.read_positions,
    ),
    Kind(
        "positions of seawall fetch",
        object_with(source="ccxt", kind="positions", positions=None),
        unified_positions.read_fetched,
    ),
    Kind("OKX's positions", entries_with(*okx.POSITION_KEYS), okx.read_positions),
    Kind("a request to OKX's position builder", object_with(simPos=None), okx.read_simulated),
)
"""JSON of positions, told by its keys."""
