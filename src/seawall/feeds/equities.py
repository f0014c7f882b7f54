"""Tables of options and futures on shares and their indices, in the columns of their markets.

Each is turned into the columns of a listing (:mod:`seawall.feeds.chains`) and read as one.

**Cboe's delayed quotes**: ``quote_time, underlying, expiry, strike, option_type, bid_price,
ask_price``, usually with ``instrument_name`` (an OCC symbol), ``underlying_price``, ``iv`` and
``open_interest``. A ``quote_time`` at midnight UTC, when no US option trades, is a date alone: the
row is of that day's close. Without names an index option of a third Friday is the one that settles
at the open. Open interest counts contracts of 100 units.

**NSE's end of day**: ``trade_date, symbol, expiry, strike, option_type, settlement_price``, usually
with ``underlying_price`` and ``open_interest``, which counts units; rows without a right are
futures. **NSE's settlement prices**: ``DATE, UNDERLYING, EXPIRY DATE, MTM SETTLEMENT PRICE``,
futures, and without an expiry the prices of their underlyings. Prices are in INR, and rows of their
day's close.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING

from seawall.feeds.chains import read_listing
from seawall.feeds.snapshots import TIME_COLUMN, epoch_ms, instant
from seawall.feeds.tables import Table, collect, number, text
from seawall.market.quotes import Quotes
from seawall.products import occ
from seawall.products.markets import INDIA, US, ShareMarket, ends_at

if TYPE_CHECKING:
    import polars as pl

CBOE_COLUMNS = (
    "quote_time",
    "underlying",
    "expiry",
    "strike",
    "option_type",
    "bid_price",
    "ask_price",
)
NSE_COLUMNS = ("trade_date", "symbol", "expiry", "strike", "option_type", "settlement_price")
NSE_SETTLEMENT_COLUMNS = ("DATE", "UNDERLYING", "EXPIRY DATE", "MTM SETTLEMENT PRICE")
"""The columns by which each is recognised."""

CONTRACT_UNITS = 100
"""Shares, or units of an index, of a standard US contract; adjusted ones have other names."""

_DAY_MS = 86_400_000
_DATE_FORMATS = ("%Y-%m-%d", "%d-%b-%Y")
_YEARS = (2000, 2099)
_FRIDAY, _THIRD_WEEK = 4, range(15, 22)
# What stands for no right at all.
_NO_RIGHT = ["", "X"]
_PARTS = 15  # day, right and strike of an OCC symbol


def read_cboe(table: Table, at: datetime | None) -> list[Quotes]:
    """The options of one snapshot. Raises what :func:`read_listing` raises."""
    import polars as pl

    columns = {TIME_COLUMN: _closes(table, "quote_time", US)}
    columns["instrument_name"] = (
        text(table, "instrument_name") if "instrument_name" in table.schema else _symbols(table)
    )
    columns |= {name: number(table, name) for name in ("bid_price", "ask_price")}
    _told(table, columns, {"iv": "mark_iv", "underlying_price": "index_price"})
    if "open_interest" in table.schema:
        columns["open_interest"] = CONTRACT_UNITS * number(table, "open_interest")
    dated = collect(table, table.frame.select(pl.col("quote_time").unique()))["quote_time"]
    found = read_listing(_as_listing(table, columns), at, vol_unit=1.0)
    if not any(ms % _DAY_MS == 0 for ms in epoch_ms(dated, table.name).drop_nulls()):
        return found
    close = f"{table.name}: quote_time is a date alone, taken as its close in New York."
    return [replace(found[0], warnings=(*found[0].warnings, close)), *found[1:]]


def read_nse(table: Table, at: datetime | None) -> list[Quotes]:
    """The options and futures of one day. Raises what :func:`read_listing` raises."""
    import polars as pl

    strike = number(table, "strike").cast(pl.String).str.strip_suffix(".0")
    strike = strike.str.replace(".", "D", literal=True)
    right = text(table, "option_type").str.to_uppercase().str.slice(0, 1)
    future = _indian(table, "symbol", "expiry")
    # A row with a right is never a future, whatever else is missing from it.
    option = pl.when(right.is_in(["C", "P"])).then(
        pl.concat_str([future, strike, right], separator="-")
    )
    bare = right.is_null() | right.is_in(_NO_RIGHT)
    columns = {
        TIME_COLUMN: _closes(table, "trade_date", INDIA),
        "instrument_name": pl.when(bare).then(future).otherwise(option),
        "mark_price": number(table, "settlement_price"),
    }
    _told(table, columns, {"underlying_price": "index_price", "open_interest": "open_interest"})
    return read_listing(_as_listing(table, columns), at)


def read_nse_settlement(table: Table, at: datetime | None) -> list[Quotes]:
    """The futures of one day. Raises what :func:`read_listing` raises."""
    import polars as pl

    told = table.frame.filter(_day(table, "EXPIRY DATE").is_null())
    told = told.select(text(table, "UNDERLYING"), number(table, "MTM SETTLEMENT PRICE"))
    prices = dict(collect(table, told.unique()).drop_nulls().iter_rows())
    index = text(table, "UNDERLYING").replace_strict(prices, default=None, return_dtype=pl.Float64)
    columns = {
        TIME_COLUMN: _closes(table, "DATE", INDIA),
        "instrument_name": _indian(table, "UNDERLYING", "EXPIRY DATE"),
        "mark_price": number(table, "MTM SETTLEMENT PRICE"),
        "index_price": index,
    }
    return read_listing(_as_listing(table, columns), at)


def _as_listing(table: Table, columns: Mapping[str, pl.Expr]) -> Table:
    frame = table.frame.select(**columns)
    return replace(table, frame=frame, schema=frame.collect_schema())


def _told(table: Table, columns: dict[str, pl.Expr], names: Mapping[str, str]) -> None:
    """Add the numbers that the table has under other names."""
    columns |= {new: number(table, old) for old, new in names.items() if old in table.schema}


def _day(table: Table, column: str) -> pl.Expr:
    """A column of days, as text or as dates, as dates; null where there is none.

    Names hold two digits of a year: a day of another century would be one of this in them.
    """
    import polars as pl

    if table.schema[column].is_temporal():
        day = pl.col(column).cast(pl.Date)
    else:
        written = text(table, column)
        day = pl.coalesce(written.str.to_date(form, strict=False) for form in _DATE_FORMATS)
    return pl.when(day.dt.year().is_between(*_YEARS)).then(day)


def _closes(table: Table, column: str, market: ShareMarket) -> pl.Expr:
    """Instants in milliseconds since 1970; a date alone, or a midnight, is its market's close."""
    import polars as pl

    raw = collect(table, table.frame.select(pl.col(column).unique()))[column]
    instants = epoch_ms(raw, table.name)
    if raw.dtype.is_temporal():
        # Of others there may be no instant in Python.
        raw, instants = raw.filter(instants.is_not_null()), instants.drop_nulls()
    days = collect(table, table.frame.select(raw=pl.col(column), day=_day(table, column)).unique())
    alone = dict(days.drop_nulls().iter_rows())
    found: dict[object, int] = {}
    for value, ms in zip(raw, instants, strict=True):
        if value is None or (ms is None and value not in alone):
            continue
        if ms is None or ms % _DAY_MS == 0:
            day = alone[value] if ms is None else instant(ms).date()
            ms = round(ends_at(market, day, at_open=False).timestamp() * 1e3)
        found[value] = ms
    return pl.col(column).replace_strict(found, default=None, return_dtype=pl.Int64)


def _indian(table: Table, symbol: str, expiry: str) -> pl.Expr:
    """Names of futures; null without a symbol or a day."""
    import polars as pl

    day = _day(table, expiry).dt.strftime("%-d%b%y").str.to_uppercase()
    return pl.concat_str([text(table, symbol), pl.lit(".IN_INR-"), day])


def _symbols(table: Table) -> pl.Expr:
    """OCC symbols of rows that have none."""
    import polars as pl

    day = _day(table, "expiry")
    listed = table.frame.select(
        key=pl.concat_str([text(table, "underlying"), day.cast(pl.String)], separator=" "),
        ticker=text(table, "underlying"),
        day=day,
    ).unique()
    roots = {key: _root(ticker, day) for key, ticker, day in collect(table, listed).iter_rows()}
    key = pl.concat_str([text(table, "underlying"), day.cast(pl.String)], separator=" ")
    thousandths = (1_000.0 * number(table, "strike")).round().cast(pl.Int64, strict=False)
    return pl.concat_str(
        [
            key.replace_strict(roots, default=None, return_dtype=pl.String),
            day.dt.strftime("%y%m%d"),
            text(table, "option_type").str.to_uppercase().str.slice(0, 1),
            thousandths.cast(pl.String).str.zfill(8),
        ]
    )


def _root(ticker: str | None, day: date | None) -> str | None:
    """The root of the OCC symbols of a day's options; None where there is none."""
    if ticker is None or day is None:
        return None
    monthly = day.weekday() == _FRIDAY and day.day in _THIRD_WEEK
    symbols = (
        occ.symbol(ticker, at_open, f"{day:%y%m%d}", 1.0, True)
        for at_open in ((True, False) if monthly else (False, True))
    )
    return next((symbol[:-_PARTS] for symbol in symbols if symbol is not None), None)
