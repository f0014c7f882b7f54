"""Tables of the past: bars of prices, volatilities and funding rates, one row a symbol and time.

Columns: ``timestamp`` or ``bar_end``, ``symbol``, and any of ``close`` (with ``open``, ``high``,
``low``), ``atm_vol`` and ``funding_rate`` (with ``venue``); others are ignored. ``timestamp`` is
when a bar began if the table has any of open, high and low; a close alone was seen at that time.
Whatever stands in a row with a close is known when the bar ends, else at the row's time.
Source: docs/history.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import PoorHistory, UnrecognisedFile
from seawall.basics.time import DAY_NS
from seawall.feeds.curves import CURVE_COLUMNS, SYNTHETIC_PREFIX
from seawall.feeds.history_symbols import HistorySymbol, history_symbol
from seawall.feeds.recognise import missing
from seawall.feeds.snapshots import TIME_COLUMN, epoch_ms
from seawall.feeds.tables import Table, collect, float_column, number, text
from seawall.market.history import TimeSeries
from seawall.market.history_join import HistoryTable
from seawall.market.history_repairs import RawBars, ends_of, grid_of, repaired_series
from seawall.market.liquidity import RANGES

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]
Times = NDArray[np.int64]

END_COLUMN = "bar_end"
HISTORY_NUMBERS = ("close", "atm_vol", "funding_rate")
BASIS_COLUMNS = (*CURVE_COLUMNS, "basis_annualised")
"""The columns by which a futures curve is recognised as a history of the basis."""

BASIS_DAYS = 30.0
"""The basis of a time is that of the listed future whose expiry is nearest to this."""

_EXTREMES = ("open", "high", "low")
_MS_NS = 10**6
# Nanoseconds of later instants do not fit.
_LAST_MS = 9_200_000_000_000
# A volatility of 300 % is less usual than one in percent.
_MAX_DECIMAL_VOL = 3.0
_VOLS, _BASES = (0.01, 10.0), (-5.0, 5.0)
_LEAST_FUNDING_NS = 30 * 60 * 10**9


def lacks_history(given: Collection[str]) -> list[str]:
    """What keeps a table from being a history."""
    timed = [] if END_COLUMN in given else missing([TIME_COLUMN], given)
    told = set(HISTORY_NUMBERS) & set(given)
    numbers = [] if told else [f"one of {', '.join(HISTORY_NUMBERS)}"]
    return [*timed, *missing(["symbol"], given), *numbers]


def read_history_table(table: Table, at: datetime | None = None) -> HistoryTable:
    """Everything that a table tells of the past; a snapshot takes what was known at its time.

    Raises UnknownInstrument for a symbol that no rule fits, UnrecognisedFile without any row of
    use, PoorHistory for rates whose interval cannot be told, and what the columns' readers raise.
    """
    del at  # the snapshot's own time cuts it
    rows, told = _rows(table)
    times_are: Literal["starts", "ends"] = "ends"
    if END_COLUMN not in table.schema and set(_EXTREMES) & set(table.schema.names()):
        times_are = "starts"
    bars: list[RawBars] = []
    vols: list[TimeSeries] = []
    funding: list[TimeSeries] = []
    for symbol, own in _parts(rows, "symbol"):
        where = f"{table.name}, {symbol}"
        of = history_symbol(symbol, table.name)
        time_ns = own["time_ns"].to_numpy()
        if "close" in own.columns and own["close"].is_not_null().any():
            if of.is_vol:
                known_ns = ends_of(time_ns, times_are, where)
                _add(vols, told, _vols(of, where, known_ns, float_column(own, "close")))
            else:
                bars.append(_bars(of, symbol, table.name, times_are, own))
                told += _in_stablecoins(of, where)
            time_ns = ends_of(time_ns, times_are, where)
        if "atm_vol" in own.columns:
            _add(vols, told, _vols(of, where, time_ns, float_column(own, "atm_vol")))
        if "funding_rate" in own.columns:
            timed = own.with_columns(time_ns=time_ns)
            for venue, part in _parts(timed, "venue"):
                _add(funding, told, _funding(of, f"{where} {venue}".rstrip(), part))
    if not (bars or vols or funding):
        raise UnrecognisedFile(
            f"none of {len(rows)} rows has a number",
            where=table.name,
            remedy=f"Give a time, a symbol and any of {', '.join(HISTORY_NUMBERS)}.",
        )
    return HistoryTable(
        source=table.name,
        bars=tuple(bars),
        vols=tuple(vols),
        funding=tuple(funding),
        repairs=tuple(told),
        warnings=table.warnings,
    )


def read_basis_table(table: Table, at: datetime | None = None) -> HistoryTable:
    """The basis a year of the listed future nearest to ``BASIS_DAYS``, at every time of a curve.

    Raises UnrecognisedFile where no row has one, and what :func:`read_history_table` raises.
    """
    import polars as pl

    del at
    wanted = {
        "time": pl.col(TIME_COLUMN),
        "expiry": pl.col("expiry"),
        "currency": text(table, "currency"),
        "basis": number(table, "basis_annualised"),
    }
    if "underlying_name" in table.schema:
        wanted["name"] = text(table, "underlying_name")
    if "is_synthetic" in table.schema:
        wanted["flag"] = text(table, "is_synthetic").str.to_lowercase()
    rows = collect(table, table.frame.select(**wanted))
    if "flag" in rows.columns:
        rows = rows.filter(~pl.col("flag").fill_null("").is_in(["true", "1"]))
    if "name" in rows.columns:
        rows = rows.filter(~pl.col("name").fill_null("").str.starts_with(SYNTHETIC_PREFIX))
    times = {
        name: _in_ns(epoch_ms(rows[name], f"{table.name} column {name}"))
        for name in ("time", "expiry")
    }
    rows = rows.with_columns(**times).drop_nulls(["time", "expiry", "currency", "basis"])
    days = (pl.col("expiry") - pl.col("time")) / DAY_NS
    rows = rows.with_columns(far=(days - BASIS_DAYS).abs()).filter(days > 0.0)
    rows = rows.sort("time", "far", "basis").unique(["currency", "time"], keep="first")
    found: list[TimeSeries] = []
    told: list[str] = []
    for currency, own in _parts(rows, "currency"):
        where, of = f"{table.name}, {currency}", history_symbol(currency, table.name)
        values = own["time"].to_numpy(), float_column(own, "basis")
        _add(found, told, repaired_series(of.underlying, where, *values, _BASES))
    if not found:
        raise UnrecognisedFile(
            "no row has the basis of a listed future",
            where=table.name,
            remedy="Give timestamp, currency, expiry and basis_annualised of listed futures.",
        )
    return HistoryTable(table.name, basis=tuple(found), repairs=tuple(told))


def _rows(table: Table) -> tuple[pl.DataFrame, list[str]]:
    """The rows with a time and a symbol, times in ``time_ns``, and what of others is left out."""
    import polars as pl

    named = END_COLUMN if END_COLUMN in table.schema else TIME_COLUMN
    wanted = {"time": pl.col(named), "symbol": text(table, "symbol")}
    if "venue" in table.schema:
        wanted["venue"] = text(table, "venue")
    for name in (*HISTORY_NUMBERS, *_EXTREMES):
        if name in table.schema:
            wanted[name] = number(table, name).fill_nan(None)
    rows = collect(table, table.frame.select(**wanted))
    time_ms = epoch_ms(rows["time"], f"{table.name} column {named}")
    rows = rows.with_columns(time_ns=_in_ns(time_ms))
    sound = rows.filter(pl.col("time_ns").is_not_null() & (pl.col("symbol").fill_null("") != ""))
    left_out = len(rows) - len(sound)
    told = f"{table.name}: {left_out:,} rows without a time or a symbol are left out."
    return sound, [told] if left_out else []


def _in_ns(time_ms: pl.Series) -> pl.Series:
    return time_ms.set(time_ms > _LAST_MS, None) * _MS_NS


def _parts(rows: pl.DataFrame, by: str) -> Iterator[tuple[str, pl.DataFrame]]:
    """The rows of each value of a column, all together without the column."""
    import polars as pl

    if by not in rows.columns:
        yield "", rows
        return
    filled = rows.with_columns(pl.col(by).fill_null(""))
    parts = filled.partition_by(by, as_dict=True, maintain_order=True)
    for (value,), part in sorted(parts.items()):
        yield str(value), part


def _add(
    series: list[TimeSeries], told: list[str], found: tuple[TimeSeries, tuple[str, ...]]
) -> None:
    if found[0].at_ns.size:
        series.append(found[0])
    told += found[1]


def _bars(
    of: HistorySymbol,
    symbol: str,
    source: str,
    times_are: Literal["starts", "ends"],
    rows: pl.DataFrame,
) -> RawBars:
    return RawBars(
        source=source,
        symbol=symbol,
        underlying=of.underlying,
        times_are=times_are,
        time_ns=rows["time_ns"].to_numpy().copy(),
        open=float_column(rows, "open"),
        high=float_column(rows, "high"),
        low=float_column(rows, "low"),
        close=float_column(rows, "close"),
        rank=of.rank,
    )


def _in_stablecoins(of: HistorySymbol, where: str) -> list[str]:
    return [f"{where}: prices in {of.quote} are taken as USD."] if of.quote else []


def _vols(
    of: HistorySymbol, where: str, known_ns: Times, vol: Floats
) -> tuple[TimeSeries, tuple[str, ...]]:
    """Decimal volatilities of a column that is decimal or, as its median tells, in percent."""
    told = vol[np.isfinite(vol)]
    unit = 0.01 if told.size and float(np.median(told)) > _MAX_DECIMAL_VOL else 1.0
    return repaired_series(of.underlying, f"{where} volatility", known_ns, vol * unit, _VOLS)


def _funding(
    of: HistorySymbol, where: str, rows: pl.DataFrame
) -> tuple[TimeSeries, tuple[str, ...]]:
    """Rates per day: each is of the time between rows, by the usual one or a shorter beside it."""
    where = f"{where} funding"
    told = rows.filter(rows["funding_rate"].is_not_null())
    time_ns = told["time_ns"].to_numpy()
    if not time_ns.size:
        return repaired_series(of.underlying, where, time_ns, np.zeros(0), (0.0, 0.0))
    usual_ns, _ = grid_of(time_ns, where)
    if not _LEAST_FUNDING_NS <= usual_ns <= DAY_NS:
        raise PoorHistory(
            f"its rates are told every {usual_ns / 1e9:g} seconds, which is no funding interval",
            where=where,
            remedy="Give one row for each payment, of every 30 minutes to every day.",
        )
    distinct, place = np.unique(time_ns, return_inverse=True)
    # A rate that is told a second early is still of its whole interval.
    steps = np.round(np.diff(distinct) / 60e9) * 60e9
    shorter = np.minimum(np.append(usual_ns, steps), np.append(steps, usual_ns))
    interval_ns = np.clip(shorter, _LEAST_FUNDING_NS, usual_ns)[place]
    per_day = float_column(told, "funding_rate") * (DAY_NS / interval_ns)
    bounds = RANGES["funding_per_day"]
    return repaired_series(of.underlying, where, time_ns, per_day, bounds)
