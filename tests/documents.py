"""One real document of every kind, and several of the report: for tests of what is written."""

from __future__ import annotations

import dataclasses
import json
from datetime import date
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec.structs import replace

from seawall.feeds.batch.files import batch_files
from seawall.feeds.batch.run import margin_file
from seawall.feeds.conform.run import conform
from seawall.feeds.synthetic import synthetic_market
from seawall.feeds.synthetic_book import synthetic_portfolio
from seawall.lab.backtest.document import backtest_document
from seawall.lab.backtest.run import run_walk
from seawall.lab.calibration.calibrate import calibrate
from seawall.lab.calibration.effects import with_effects
from seawall.lab.calibration.measured import measured
from seawall.lab.calibration.settings import CalibrationSettings
from seawall.margin.presets import load_preset
from seawall.market.moved import at_time
from seawall.market.snapshot import MarketSnapshot
from seawall.products.portfolio import Portfolio, portfolio
from seawall.report.backtest import Backtest
from seawall.report.batch import BatchSummary
from seawall.report.build import margin
from seawall.report.calibration import CalibrationReport
from seawall.report.change import explain_change
from seawall.report.comparison import compare
from seawall.report.conformance import Conformance
from seawall.report.explanation import explain
from seawall.report.reduction import reduce_margin
from seawall.report.schema import Document
from seawall.report.span import span_margin
from seawall.report.surface import surface
from seawall.report.what_if import what_if
from tests.calibration import made_history
from tests.span_parameters import WORKED, WORKED_BOOK, holdings
from tests.walks import walk

# As accounts are named by those who mean harm, or only write in their own way.
NASTY = (
    "=1+1",
    "+desk",
    "-5",
    "@SUM(A1)",
    "\tTab",
    "\uff1d1+1",
    "<script>alert(1)</script>",
    'é "q", &; x',
)


@cache
def market() -> MarketSnapshot:
    return synthetic_market()


def spread(account: str = "main") -> Portfolio:
    """A small account with legs of two underlyings and two kinds of collateral."""
    held = [
        ("BTC-27MAR26-90000-C", -3),
        ("BTC-27MAR26-100000-C", 2),
        ("ETH-PERPETUAL", 10),
        ("BTC", "0.5"),
        ("USDC", 250_000),
    ]
    return portfolio(held, account=account)


def _summary() -> BatchSummary:
    """Of a file in which a row is bad."""
    with TemporaryDirectory() as folder:
        source, out = Path(folder) / "positions.csv", Path(folder) / "margins.parquet"
        rows = "a,BTC,2\na,BTC-PERPETUAL,-1\nb,ETH,3\nc,ETH,much\n"
        source.write_text(f"account,instrument,quantity\n{rows}", encoding="utf-8")
        files = batch_files(out, keep_going=True, explain=("a",))
        return margin_file(source, market(), "prbm", files)


def _conformance() -> Conformance:
    """Of a bull call spread, whose long leg is paid, and of one that asks what it may not."""
    legs = [
        {"type": "C", "strike": 45, "expiry": "20260320", "price": 6.5, "qty": 1},
        {"type": "C", "strike": 55, "expiry": "20260320", "price": 1.5, "qty": -1},
    ]
    case = {"underlying_price": 50, "multiplier": 100, "legs": legs}
    cases = [{"name": name, "maintenance": m, **case} for name, m in (("paid", 0), ("odd", 1))]
    with TemporaryDirectory() as folder:
        file = Path(folder) / "cases.json"
        file.write_text(json.dumps({"cases": cases}), encoding="utf-8")
        return conform("reg-t", [file])


def _calibration() -> CalibrationReport:
    """Of made-up bars that end with the market, with what each number does to the small account."""
    found = calibrate(
        made_history(market().as_of),
        load_preset("prbm"),
        market().as_of,
        CalibrationSettings(),
        market=measured(market()),
        sources=("bars.csv",),
    )
    return with_effects(found, [spread()], market(), notices=True)


def _backtest() -> Backtest:
    """Of perpetuals and options over a week of a made-up history, names as they should not be."""
    one = walk()
    nasty = tuple(replace(book, name=name) for book, name in zip(one.books, NASTY[6:], strict=True))
    walked = run_walk(dataclasses.replace(one, books=nasty))
    return backtest_document(walked, one.plan, coverage=0.95)


@cache
def documents() -> dict[str, Document]:
    """A document of every kind by the name of its schema, of a small account or of the maker's."""
    book, trades = spread(), ["BTC-PERPETUAL:-0.5", "ETH-27MAR26-3000-P:-2"]
    later = at_time(market(), market().as_of.replace(hour=20))
    return {
        "margin-report": margin(synthetic_portfolio(), market()),
        "comparison": compare(book, market(), ["isolated", "cross", "prbm"]),
        "explanation": explain(book, market()),
        "what-if": what_if(book, trades, market(), models=["cross"]),
        "reduction": reduce_margin(book, market(), "cross", max_trades=2),
        "change": explain_change(book, market(), later, to_model="cross"),
        "surface": surface(market(), "BTC")[0],
        "batch-summary": _summary(),
        "conformance": _conformance(),
        "calibration": _calibration(),
        "backtest": _backtest(),
        "span-margin": span_margin(
            holdings(WORKED_BOOK),
            WORKED,
            account="main",
            clearing_house="DEMO",
            business_date=date(2027, 1, 4),
            account_class="speculator",
            left_out=("X: method code '22' is not known",),
        ),
    }
