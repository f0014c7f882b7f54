"""Quotes as ccxt unifies them: ``fetch_option_chain`` and ``fetch_tickers``, and ``seawall fetch``.

A symbol such as ``BTC/USD:BTC-260327-80000-P`` names the contract. Prices are the venue's: coin for
inverse options. What ccxt leaves out (mark, implied volatility, index) is taken from the venue's
row that it keeps under ``info``. Deribit's rows are read by the reader of Deribit's own messages,
since their volatilities are in percent; Bybit's and OKX's are decimal, and of any other venue the
median decides, as for a table.

Of bare ccxt open interest is taken from Deribit and Bybit alone, which count options in coins and
inverse futures in USD. Others count contracts, and theirs is left out; so is a funding rate of
unknown hours.

Source: the unified structures of ccxt's manual and its ``parse_option`` and ``parse_ticker``.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from seawall.basics.errors import AmbiguousSnapshot, UnrecognisedFile
from seawall.basics.time import isoformat_utc
from seawall.feeds.chains import read_listing
from seawall.feeds.deribit import read_book_summary
from seawall.feeds.messages import Entry, Message, inner, map_at, text_of
from seawall.feeds.tables import table_of
from seawall.market.quotes import Quotes

CHAIN_KEYS = ("symbol", "bidPrice", "askPrice", "underlyingPrice")
"""The keys by which an option chain is recognised."""

TICKER_KEYS = ("symbol", "bid", "ask", "last", "info")
"""The keys by which tickers are recognised."""

# Unified names first, then those of venues' own rows.
_UNIFIED = {
    "timestamp": ("timestamp",),
    "instrument_name": ("symbol",),
    "mark_price": ("markPrice",),
    "mark_iv": ("impliedVolatility",),
    "underlying_price": ("underlyingPrice",),
    "index_price": ("indexPrice",),
    "bid_price": ("bidPrice", "bid"),
    "ask_price": ("askPrice", "ask"),
}
_OWN = {
    "timestamp": ("ts", "time"),
    "mark_price": ("markPrice", "markPx"),
    "mark_iv": ("markIv", "markVol"),
    "underlying_price": ("underlyingPrice", "fwdPx"),
    "index_price": ("indexPrice", "idxPx"),
}
_DERIBIT, _BYBIT = "instrument_name", "bid1Price"
_DECIMAL = ("markIv", "markVol")


def read_unified_quotes(message: Message, at: datetime | None) -> list[Quotes]:
    """The options and futures of a chain or of tickers; spot symbols are left aside.

    Raises AmbiguousSnapshot where neither the message nor ``at`` tells a time, and what
    :func:`read_listing` raises.
    """
    infos = [inner(entry, "info") for entry in message.entries]
    if all(_DERIBIT in info for info in infos):
        return read_book_summary(message.part(list(infos)), at)
    rows = [
        {**_quote(name, entry, info), "open_interest": _open_interest(info)}
        for name, entry, info in zip(message.names, message.entries, infos, strict=True)
    ]
    is_decimal = any(key in info for info in infos for key in _DECIMAL)
    return _read(message, rows, at, 1.0 if is_decimal else None)


def read_fetched_chain(message: Message, at: datetime | None) -> list[Quotes]:
    """The chain that ``seawall fetch`` wrote: ``options`` and ``tickers``, at ``fetched_at``.

    Its volatilities are decimal and its open interest is in coins. Raises UnreadableFile where one
    of the two is no map, UnrecognisedFile where both are empty, and what
    :func:`read_unified_quotes` raises.
    """
    fields = message.fields
    # Of an option in both the chain tells more.
    entries = {**map_at(message, "tickers"), **map_at(message, "options")}
    chain = replace(message.part(entries), time=text_of(fields, "fetched_at"))
    if not chain.entries:
        raise UnrecognisedFile(
            "it holds no options and no tickers",
            where=message.name,
            remedy="Fetch the chain again.",
        )
    rows = [
        {
            **_quote(name, entry, {}),
            "funding_8h": text_of(entry, "fundingRate8h"),
            "open_interest_coins": text_of(entry, "openInterest"),
        }
        for name, entry in zip(chain.names, chain.entries, strict=True)
    ]
    return _read(chain, rows, at, 1.0)


def _read(
    message: Message, rows: list[dict[str, str | None]], at: datetime | None, unit: float | None
) -> list[Quotes]:
    time = message.time or (isoformat_utc(at) if at else None)
    for row in rows:
        row["timestamp"] = row["timestamp"] or time
    if not any(row["timestamp"] for row in rows):
        raise AmbiguousSnapshot(
            "it does not tell of what time its quotes are",
            where=message.name,
            remedy="Say it with --at (or at=).",
        )
    return read_listing(table_of(message.name, rows), at, vol_unit=unit)


def _quote(name: str | None, entry: Entry, info: Entry) -> dict[str, str | None]:
    row = {
        column: text_of(entry, *keys) or text_of(info, *_OWN.get(column, ()))
        for column, keys in _UNIFIED.items()
    }
    row["instrument_name"] = row["instrument_name"] or name
    return row


def _open_interest(info: Entry) -> str | None:
    """Of Bybit alone: Deribit's rows do not come here."""
    return text_of(info, "openInterest") if _BYBIT in info else None
