"""Quotes as ccxt unifies them: ``fetch_option_chain`` and ``fetch_tickers``, and ``seawall fetch``.

A symbol such as ``BTC/USD:BTC-260327-80000-P`` names the contract. Prices are the venue's: coin for
inverse options. What ccxt leaves out (mark, implied volatility, index) is taken from the venue's
row that it keeps under ``info``. Deribit's rows are read by the reader of Deribit's own messages,
since their volatilities are in percent; Bybit's and OKX's are decimal, and of any other venue the
median decides, as for a table.

Open interest is taken from Deribit and Bybit, which count options in coins and inverse futures in
USD. Others count contracts, and theirs is left out; so is a funding rate of unknown hours.

Source: the unified structures of ccxt's manual and its ``parse_option`` and ``parse_ticker``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from seawall.basics.errors import AmbiguousSnapshot, UnrecognisedFile
from seawall.basics.time import isoformat_utc
from seawall.feeds.chains import read_listing
from seawall.feeds.deribit import read_book_summary
from seawall.feeds.messages import Entry, Message, inner, text_of
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
    entries = message.entries
    infos = [inner(entry, "info") for entry in entries]
    if all(_DERIBIT in info for info in infos):
        return read_book_summary(message.part(list(infos)), at)
    time = message.time or (isoformat_utc(at) if at else None)
    rows = [_quote(entry, info, time) for entry, info in zip(entries, infos, strict=True)]
    if not any(row["timestamp"] for row in rows):
        raise AmbiguousSnapshot(
            "it does not tell of what time its quotes are",
            where=message.name,
            remedy="Say it with --at (or at=).",
        )
    is_decimal = any(key in info for info in infos for key in _DECIMAL)
    return read_listing(table_of(message.name, rows), at, vol_unit=1.0 if is_decimal else None)


def read_fetched_chain(message: Message, at: datetime | None) -> list[Quotes]:
    """The chain that ``seawall fetch`` wrote: ``options`` and ``tickers``, at ``fetched_at``.

    Raises UnrecognisedFile where it is empty, and what :func:`read_unified_quotes` raises.
    """
    options, tickers = (inner(message.fields, part) for part in ("options", "tickers"))
    # Of an option in both the chain tells more.
    entries = {**tickers, **options}
    if not entries:
        raise UnrecognisedFile(
            "it holds no options and no tickers",
            where=message.name,
            remedy="Fetch the chain again.",
        )
    whole = replace(message.part(entries), time=text_of(message.fields, "fetched_at"))
    return read_unified_quotes(whole, at)


def _quote(entry: Entry, info: Entry, time: str | None) -> dict[str, str | None]:
    row = {
        column: text_of(entry, *keys) or text_of(info, *_OWN.get(column, ()))
        for column, keys in _UNIFIED.items()
    }
    row["timestamp"] = row["timestamp"] or time
    row["open_interest"] = _open_interest(entry, info)
    return row


def _open_interest(entry: Mapping[str, object], info: Entry) -> str | None:
    """Of Bybit alone: Deribit's rows do not come here."""
    return text_of(info, "openInterest") if _BYBIT in info else None
