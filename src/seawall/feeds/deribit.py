"""Deribit's own messages: ``get_book_summary_by_currency`` and ``get_positions``.

A book summary tells implied volatility in percent, prices of inverse options in coin, open interest
in coins (USD for inverse futures and perpetuals) and no index. Its ``estimated_delivery_price`` is
the index until the last half hour of an expiry, and a mean of it then; it serves as the index.

Source: Deribit's API reference of both methods.
"""

from __future__ import annotations

from datetime import datetime

from seawall.feeds.chains import read_listing
from seawall.feeds.messages import Entry, Message, text_of
from seawall.feeds.tables import table_of
from seawall.market.quotes import Quotes

SUMMARY_KEYS = ("instrument_name", "mark_price", "creation_timestamp")
"""The keys by which a book summary is recognised."""

# What the listing calls it, and what Deribit does: in a book summary, then in a ticker.
_KEYS = {
    "timestamp": ("creation_timestamp", "timestamp"),
    "instrument_name": ("instrument_name",),
    "mark_price": ("mark_price",),
    "mark_iv": ("mark_iv",),
    "underlying_price": ("underlying_price",),
    "index_price": ("index_price", "estimated_delivery_price"),
    "bid_price": ("bid_price", "best_bid_price"),
    "ask_price": ("ask_price", "best_ask_price"),
    "open_interest": ("open_interest",),
    "funding_8h": ("funding_8h",),
}
PERCENT = 100.0


def read_book_summary(message: Message, at: datetime | None) -> list[Quotes]:
    """The options and futures of a book summary. Raises what :func:`read_listing` raises."""
    rows = [_quote(entry, message.time) for entry in message.entries]
    return read_listing(table_of(message.name, rows), at, vol_unit=PERCENT)


def _quote(entry: Entry, time: str | None) -> dict[str, str | None]:
    row = {column: text_of(entry, *keys) for column, keys in _KEYS.items()}
    row["timestamp"] = row["timestamp"] or time
    return row
