"""A row without a time that can be read is dropped with its reason, and never as if not listed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import xlsxwriter

from seawall.basics.errors import MissingQuote
from seawall.feeds.market import read_market
from seawall.products.portfolio import portfolio
from seawall.report.build import margin
from tests.equity_tables import cboe, nse
from tests.formats import TARDIS_HEADER, dump, options, summary, tardis_row, unified_chain
from tests.market_quotes import name
from tests.tables import AS_OF, chain, curve, write

HELD = name(70_000.0, "C")
AT = 6  # of the chain's rows


def untimed(column: str, place: int, frame: pl.DataFrame, written: str | None) -> pl.DataFrame:
    """The table, times as text and one of them another."""
    times = frame[column].cast(pl.String).to_list()
    times[place] = written
    return frame.with_columns(pl.Series(column, times, dtype=pl.String))


def excel(path: Path) -> Path:
    frame = untimed("timestamp", AT, chain(), "20/01/2026 12:31")
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet()
    for number, row in enumerate([frame.columns, *frame.rows()]):
        sheet.write_row(number, 0, row)
    book.close()
    return path


def json_rows(path: Path) -> Path:
    return dump(untimed("timestamp", AT, chain(), None).to_dicts(), path)


def updates(path: Path, *, stale: bool = False) -> Path:
    """A file of tardis; the option also with an update too old, if ``stale``."""
    rows = [tardis_row(row, AS_OF) for row in options()]
    rows[AT] = tardis_row(options()[AT], AS_OF, timestamp="")
    if stale:
        rows.append(tardis_row(options()[AT], AS_OF - timedelta(minutes=6)))
    path.write_text("\n".join((TARDIS_HEADER, *rows)) + "\n")
    return path


def book_summary(path: Path) -> Path:
    found = summary()
    found["result"][AT]["creation_timestamp"] = None
    found.pop("usOut", None)
    return dump(found, path)


def ccxt_chain(path: Path) -> Path:
    rows: list[dict[str, Any]] = list(unified_chain().values())
    rows[AT]["timestamp"] = None
    return dump(rows, path)


@pytest.mark.parametrize(
    ("written", "row"),
    [
        (lambda path: write(untimed("timestamp", AT, chain(), ""), path), AT + 1),
        (lambda path: write(untimed("timestamp", AT, chain(), "20/01/2026"), path), AT + 1),
        (lambda path: write(untimed("timestamp", AT, chain(), None), path), AT + 1),
        (lambda path: write(untimed("timestamp", AT, chain(), "1"), path), AT + 1),
        (excel, AT + 2),
        (json_rows, AT + 1),
        (updates, AT + 2),
        (book_summary, AT + 1),
        (ccxt_chain, AT + 1),
    ],
    ids=["empty", "text", "null", "1970", "Excel", "JSON", "tardis", "Deribit", "ccxt"],
)
def test_an_option_without_a_time_is_refused_with_its_row(
    tmp_path: Path, written: Callable[[Path], Path], row: int
) -> None:
    assert options()[AT]["instrument_name"] == HELD
    path = written(tmp_path / "data.parquet" if "lambda" in written.__name__ else tmp_path / "data")
    market = read_market(path, prices={"BTC": 70_500.0} if written is updates else None)
    assert market.dropped[HELD] == f"{path.name} row {row} has no time that can be read"
    with pytest.raises(MissingQuote, match=f"no implied volatility of {HELD}: {path.name} row"):
        margin(portfolio([("BTC", 1), (HELD, -1)]), market)


def test_a_row_without_a_time_spoils_no_other_of_its_option(tmp_path):
    again = pl.concat([untimed("timestamp", AT, chain(), None), chain()], how="vertical_relaxed")
    again = again.with_columns(timestamp=pl.col("timestamp").str.replace(" ", "T"))
    market = read_market(write(again, tmp_path / "chain.csv"))
    assert HELD in market.option_rows
    assert not market.dropped


def test_an_update_without_a_time_is_the_reason_where_the_others_are_too_old(tmp_path):
    path = updates(tmp_path / "tardis.csv", stale=True)
    market = read_market(path, at=AS_OF, prices={"BTC": 70_500.0})
    assert market.dropped[HELD] == f"tardis.csv row {AT + 2} has no time that can be read"


def test_quotes_of_shares_without_a_time_are_dropped_with_their_row(tmp_path):
    frame = cboe()
    held = frame["instrument_name"][3]
    market = read_market(write(untimed("quote_time", 3, frame, "soon"), tmp_path / "q.parquet"))
    assert [*market.dropped.values()] == ["q.parquet row 4 has no time that can be read"]
    with pytest.raises(MissingQuote, match=r"q.parquet row 4 has no time"):
        margin(portfolio([(held, -1)]), market)


def test_rows_of_an_end_of_day_without_a_day_are_dropped_with_their_row(tmp_path):
    frame = untimed("trade_date", 3, nse(), "")
    market = read_market(write(frame, tmp_path / "nse.parquet"), prices={"INR": 0.0115})
    assert [*market.dropped.values()] == ["nse.parquet row 4 has no time that can be read"]


def test_a_future_of_a_curve_without_a_time_is_dropped_with_its_row(tmp_path):
    path = write(untimed("timestamp", 0, curve(), "?"), tmp_path / "curve.parquet")
    market = read_market(path)
    assert market.dropped == {"BTC-27MAR26": "curve.parquet row 1 has no time that can be read"}
    with pytest.raises(MissingQuote, match=r"curve.parquet row 1 has no time"):
        margin(portfolio([("BTC-27MAR26", -1)]), market)
