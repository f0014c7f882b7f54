"""Deribit's own messages: ``get_book_summary_by_currency`` and ``get_positions``.

A book summary tells implied volatility in percent, prices of inverse options in coin, open interest
in coins (USD for inverse futures and perpetuals) and no index. Its ``estimated_delivery_price`` is
the index until the last half hour of an expiry, and a mean of it then; it serves as the index.

A position's ``size`` is in coins for options and in USD for inverse futures and perpetuals; of
linear ones it is a value too, and ``size_currency`` tells the coins. Profits of futures are paid
into the balance every day, so that ``average_price`` would count them twice: the entry price here
is the price at which ``floating_profit_loss``, what is not yet paid, would be nothing. The two
agree until the first settlement. An option's price is in its mark and needs no entry.

Source: Deribit's API reference of both methods.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Context, Decimal

from seawall.basics.errors import BadNumber
from seawall.feeds.chains import read_listing
from seawall.feeds.holdings import (
    DEFAULT_ACCOUNT,
    Accounts,
    Holding,
    decimal_of,
    instrument_of,
    price_of,
)
from seawall.feeds.messages import Entry, Message, text_of
from seawall.feeds.tables import table_of
from seawall.market.quotes import Quotes
from seawall.products.instruments import Future, has_usd_size

SUMMARY_KEYS = ("instrument_name", "mark_price", "creation_timestamp")
"""The keys by which a book summary is recognised."""

POSITION_KEYS = ("instrument_name", "size", "direction")
"""The keys by which positions are recognised."""

_SIGNS = {"buy": 1, "sell": -1}
# Profits are told with eight decimals; an entry price from them has no more than this in it.
_DIGITS = Context(prec=12)
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


def read_positions(message: Message) -> Accounts:
    """The positions of one account; those of size zero are left out.

    Raises UnknownInstrument, and BadNumber for a size that is none, contradicts its direction, or
    of a linear future is not told in coins.
    """
    held = [
        holding
        for number, entry in enumerate(message.entries, 1)
        if (holding := holding_of(entry, f"{message.name} row {number}")) is not None
    ]
    return Accounts({DEFAULT_ACCOUNT: held})


def holding_of(entry: Entry, where: str) -> Holding | None:
    """The holding of one row, None where nothing is held. Raises what read_positions raises."""
    instrument = instrument_of(text_of(entry, "instrument_name"), where)
    in_usd = has_usd_size(instrument)
    in_coins = isinstance(instrument, Future) and not in_usd
    key = "size_currency" if in_coins else "size"
    size, value = (decimal_of(entry, each, where) for each in (key, "size"))
    if 0 in (size, value) and not size and not value:
        return None
    sign = _SIGNS.get(text_of(entry, "direction") or "")
    # Of a linear future both must tell the same: that there is something, and on which side.
    if not size or value == 0 or sign is None or (sign > 0 and min(size, value or size) < 0):
        raise BadNumber(
            f"{key} {size} of {instrument.name} with direction {entry.get('direction')!r:.20} is "
            "no position",
            where=where,
            remedy=f"Give {key}, + long or − short, and its direction, buy or sell.",
        )
    # A short size is negative; some programs drop the sign, and the direction still tells it.
    size = abs(size) * sign
    mark = price_of(entry, "mark_price", where)
    return Holding(
        instrument=instrument,
        size=size,
        where=where,
        in_usd=in_usd,
        mark=mark,
        entry_price=_entry(entry, size, mark, in_usd, where)
        if isinstance(instrument, Future)
        else None,
    )


def _entry(
    entry: Entry, size: Decimal, mark: Decimal | None, in_usd: bool, where: str
) -> Decimal | None:
    """The price from which profit is not yet paid into the balance."""
    average = price_of(entry, "average_price", where)
    unpaid = decimal_of(entry, "floating_profit_loss", where)
    if unpaid is None or mark is None or unpaid == decimal_of(entry, "total_profit_loss", where):
        return average
    if not in_usd:
        return _DIGITS.plus(mark - unpaid / size)
    coins_per_usd = 1 / mark + unpaid / size
    if coins_per_usd <= 0:
        raise BadNumber(
            f"floating_profit_loss {unpaid} is more than {size} USD can bring",
            where=where,
            remedy="Check size, mark_price and floating_profit_loss.",
        )
    return _DIGITS.divide(Decimal(1), coins_per_usd)
