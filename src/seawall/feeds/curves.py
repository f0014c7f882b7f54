"""Futures curves: tables with one forward per currency, expiry and time.

Columns: ``timestamp, currency, expiry, futures_price``, usually with ``underlying_name``,
``index_price`` and ``is_synthetic``; others are ignored. Prices are in USD per coin of the inverse
contract, or in the settlement currency where the name says one. A name that begins with ``SYN.``,
one that is no future's, or a set flag marks a forward of the venue for which no future is listed.

A row is dropped if its time, expiry or price is missing or impossible, or if its name tells
another expiry. Of an expiry given twice in a snapshot the later row counts, and a listed future
counts before a synthetic forward.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from seawall.basics.errors import UnknownInstrument, UnrecognisedFile
from seawall.feeds.snapshots import TIME_COLUMN, epoch_ms, instant, read_snapshot, untimed_text
from seawall.feeds.tables import Table, float_column, number, text
from seawall.market.quotes import FutureQuotes, Rank, latest
from seawall.products.instruments import DatedFuture
from seawall.products.markets import is_price
from seawall.products.names import contract_name, parse_name

if TYPE_CHECKING:
    import polars as pl

CURVE_COLUMNS = (TIME_COLUMN, "currency", "expiry", "futures_price")
"""The columns by which a curve is recognised."""

SYNTHETIC_PREFIX = "SYN."


def read_curve(table: Table, at: datetime | None) -> FutureQuotes:
    """The forwards of one snapshot.

    Raises UnrecognisedFile when no row can be used, and what :func:`read_snapshot` raises.
    """
    as_of, rows, untimed = read_snapshot(table, _columns(table), at)
    mark, index = float_column(rows, "mark"), float_column(rows, "index")
    expiry_ms = epoch_ms(rows["expiry"], f"{table.name} column expiry").to_list()
    quoted: list[tuple[tuple[DatedFuture, bool], Rank, int]] = []
    dropped: dict[str, str] = {}
    for row, told in enumerate(rows.iter_rows(named=True)):
        where = f"{table.name} row {told['row']}"
        forward = None if expiry_ms[row] is None else _forward(told, instant(expiry_ms[row]))
        if forward is None:
            name = str(told.get("name") or told["currency"]).removeprefix(SYNTHETIC_PREFIX)
            dropped[name] = f"{where} gives no currency and expiry, or not those of its name"
        elif not _is_usable(forward[0].underlying, float(mark[row]), float(index[row])):
            numbers = f"futures_price {mark[row]:.6g}, index_price {index[row]:.6g}"
            dropped[forward[0].name] = f"{where} gives {numbers}"
        else:
            quoted.append((forward, (True, told["time_ms"]), row))
    lines = rows["row"].to_list()

    def differing(one: int, other: int) -> str | None:
        if mark[one] == mark[other]:
            return None
        return f"{table.name} rows {lines[one]} and {lines[other]}"

    told_by, disagree = latest(quoted, differing)
    dropped |= {future.name: why for (future, _), why in disagree.items()}
    quoting = {future.name for future, _ in told_by}
    dropped = {n: w for n, w in _without_time(untimed, table).items() if n not in quoting} | dropped
    # A listed future counts before a synthetic forward of its expiry.
    found = {
        key: row for key, row in told_by.items() if not key[1] or (key[0], False) not in told_by
    }
    if not found:
        raise UnrecognisedFile(
            f"none of {len(rows)} rows can be used",
            where=table.name,
            remedy="Give a currency, an expiry in UTC and a positive, finite futures_price.",
        )
    keep = np.array([*found.values()])
    return FutureQuotes(
        source=table.name,
        as_of=as_of,
        instruments=tuple(future for future, _ in found),
        mark=mark[keep],
        index=index[keep],
        is_synthetic=np.array([synthetic for _, synthetic in found], dtype=np.bool_),
        dropped=dropped,
        warnings=table.warnings,
    )


def _without_time(rows: pl.DataFrame, table: Table) -> dict[str, str]:
    """Why the futures are dropped that stand in rows without a time."""
    expiry_ms = epoch_ms(rows["expiry"], f"{table.name} column expiry")
    found: dict[str, str] = {}
    for told, ms in zip(rows.iter_rows(named=True), expiry_ms, strict=True):
        forward = None if ms is None else _forward(told, instant(ms))
        if forward is not None:
            found[forward[0].name] = untimed_text(table.name, told["row"])
    return found


def _is_usable(underlying: str, mark: float, index: float) -> bool:
    """Whether a row tells a price, and an index or none."""
    return is_price(underlying, mark) and (
        np.isnan(index) or index == 0.0 or is_price(underlying, index)
    )


def _columns(table: Table) -> dict[str, pl.Expr]:
    import polars as pl

    wanted = {
        "currency": text(table, "currency"),
        "expiry": pl.col("expiry"),
        "mark": number(table, "futures_price"),
    }
    if "index_price" in table.schema:
        wanted["index"] = number(table, "index_price")
    if "underlying_name" in table.schema:
        wanted["name"] = text(table, "underlying_name")
    if "is_synthetic" in table.schema:
        wanted["flag"] = text(table, "is_synthetic").str.to_lowercase().is_in(["true", "1"])
    return wanted


def _forward(row: Mapping[str, object], expiry: datetime) -> tuple[DatedFuture, bool] | None:
    """The future a row stands for and whether it is synthetic; None if the row makes no sense."""
    currency, name = row["currency"], row.get("name")
    if not isinstance(currency, str):
        return None
    future = _parsed(name.removeprefix(SYNTHETIC_PREFIX)) if isinstance(name, str) else None
    synthetic = future is None or str(name).startswith(SYNTHETIC_PREFIX) or bool(row.get("flag"))
    future = future or _parsed(contract_name(currency, currency, expiry))
    if future is None or future.expiry != expiry:
        return None
    return (future, synthetic) if currency in {future.underlying, future.settlement} else None


def _parsed(name: str) -> DatedFuture | None:
    try:
        contract = parse_name(name)
    except UnknownInstrument:
        return None
    return contract if isinstance(contract, DatedFuture) else None
