"""Option chains and futures listings: tables with one row per instrument and time.

Columns: ``timestamp, instrument_name, mark_price``, usually with ``mark_iv``,
``underlying_price`` (the venue's forward), ``index_price``, and bids and asks as ``bid_price`` or
``best_bid_price``; others are ignored. The names say what each row is: options become
:class:`OptionQuotes`, futures and perpetuals :class:`FutureQuotes`; a file may hold both.

Units. Prices of inverse options are in coin, all others in the quote currency per coin. Implied
volatilities are decimal in these rooms; a file whose median ``mark_iv`` exceeds 3 (300 %) is
taken to be in percent, as the venue's own interface gives it, and is divided by 100. Where
there are prices a wrong guess cannot pass: a row whose volatility contradicts its mark, or without
a mark its bid and ask, is dropped in ``market``.

Bad rows. A row is dropped if its name is unknown, its time unreadable, one of its numbers
negative, infinite or beyond 10¹², or if it has no price at all. NaN, empty and unreadable cells are
missing numbers, and so are a bid or ask of zero. What is dropped cannot be margined, so dropping
never lowers a margin. Of an instrument quoted twice in a snapshot the later row counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import UnknownInstrument, UnrecognisedFile
from seawall.feeds.snapshots import TIME_COLUMN, read_snapshot
from seawall.feeds.tables import Table, collect, number, text
from seawall.market.quotes import FutureQuotes, OptionQuotes, Quotes
from seawall.products.instruments import DatedFuture, EuropeanOption, Instrument, Perpetual
from seawall.products.names import parse_name

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]

LISTING_COLUMNS = (TIME_COLUMN, "instrument_name", "mark_price")
"""The columns by which a listing is recognised."""

MAX_NUMBER = 1e12
"""No price or volatility is larger; beyond it a row is damaged."""

PERCENT_ABOVE = 3.0
"""A file whose median implied volatility exceeds this is in percent."""

# What the numbers are called in files, in the order in which the names are looked for.
_NUMBERS = {
    "bid": ("bid_price", "best_bid_price"),
    "ask": ("ask_price", "best_ask_price"),
    "mark": ("mark_price",),
    "iv": ("mark_iv",),
    "forward": ("underlying_price",),
    "index": ("index_price",),
}


def read_listing(table: Table, at: datetime | None) -> list[Quotes]:
    """The options and the futures of one snapshot, one table of quotes for each kind there is.

    Raises UnrecognisedFile when no row can be used, and what :func:`read_snapshot` raises.
    """
    wanted = {
        role: number(table, column)
        for role, names in _NUMBERS.items()
        for column in names
        if column in table.schema
    }
    if "iv" in wanted:
        wanted["iv"] = wanted["iv"] / _vol_unit(table, wanted["iv"])
    as_of, rows = read_snapshot(table, {"name": text(table, "instrument_name"), **wanted}, at)
    values = {role: float_column(rows, role) for role in _NUMBERS}
    names: list[str | None] = rows["name"].to_list()
    options, futures = _sorted_out(names, values)
    if not options and not futures:
        raise UnrecognisedFile(
            f"none of {len(names)} rows can be used, {next(filter(None, names), None)!r} the first",
            where=table.name,
            remedy="Give listed names such as BTC-27MAR26-80000-P and finite prices ≥ 0.",
        )
    observed_s = rows["time_ms"].to_numpy() / 1e3
    found: list[Quotes] = []
    if options:
        keep = np.array([row for _, row in options.values()])
        found.append(
            OptionQuotes(
                source=table.name,
                as_of=as_of,
                instruments=tuple(option for option, _ in options.values()),
                observed_s=observed_s[keep],
                **{role: column[keep] for role, column in values.items()},
            )
        )
    if futures:
        keep = np.array([row for _, row in futures.values()])
        found.append(
            FutureQuotes(
                source=table.name,
                as_of=as_of,
                instruments=tuple(future for future, _ in futures.values()),
                mark=values["mark"][keep],
                index=values["index"][keep],
                is_synthetic=np.zeros(keep.size, dtype=np.bool_),
            )
        )
    return found


def float_column(rows: pl.DataFrame, name: str) -> Floats:
    """A column as float64 with NaN for what is missing; all NaN if there is no such column."""
    if name not in rows.columns:
        return np.full(len(rows), np.nan)
    return rows[name].fill_null(np.nan).to_numpy().copy()


def is_sound(values: Floats) -> NDArray[np.bool_]:
    """Where a number is missing (NaN) or possible: neither negative nor infinite nor absurd."""
    return np.isnan(values) | ((values >= 0.0) & (values <= MAX_NUMBER))


def _vol_unit(table: Table, iv: pl.Expr) -> float:
    """100 if the file's volatilities are in percent, otherwise 1."""
    known = iv.filter(iv.is_finite() & (iv > 0.0))
    median = collect(table, table.frame.select(known.median())).item()
    return 100.0 if median is not None and median > PERCENT_ABOVE else 1.0


def _sorted_out(
    names: list[str | None], values: Mapping[str, Floats]
) -> tuple[dict[str, tuple[EuropeanOption, int]], dict[str, tuple[DatedFuture | Perpetual, int]]]:
    """Usable options and futures by name, each with its row; the later of two rows wins."""
    sound = np.logical_and.reduce([is_sound(column) for column in values.values()])
    future_priced = values["mark"] > 0.0
    option_priced = (
        np.isfinite(values["mark"])
        | (values["iv"] > 0.0)
        | ((values["bid"] > 0.0) & (values["ask"] > 0.0))
    )
    options: dict[str, tuple[EuropeanOption, int]] = {}
    futures: dict[str, tuple[DatedFuture | Perpetual, int]] = {}
    for row in np.flatnonzero(sound & (option_priced | future_priced)).tolist():
        contract = _contract(names[row])
        if isinstance(contract, EuropeanOption):
            if option_priced[row] and contract.strike <= MAX_NUMBER:
                options[contract.name] = contract, row
        elif isinstance(contract, DatedFuture | Perpetual) and future_priced[row]:
            futures[contract.name] = contract, row
    return options, futures


def _contract(name: str | None) -> Instrument | None:
    try:
        return None if name is None else parse_name(name)
    except UnknownInstrument:
        return None
