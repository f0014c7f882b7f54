"""The preset span by hand, and published cases of SPAN."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest

import seawall as sw
from seawall.basics.errors import BadParameter
from seawall.feeds.conform.run import conform
from seawall.margin import span
from seawall.margin.charges import ScanRangesCharge

MODEL = sw.load_preset("span")
[CHARGE] = [each for each in MODEL.charges if isinstance(each, ScanRangesCharge)]
MARKET = sw.MarketSnapshot(
    as_of=datetime(2026, 11, 22, 16, tzinfo=UTC),
    index_usd={"BTC": 100_000.0},
    stable_usd={"USDC": 1.0},
    forwards={},
    futures={"BTC-PERPETUAL": 100_000.0, "BTC-25DEC26": 100_000.0, "BTC-26MAR27": 100_000.0},
    slices={},
    option_rows={},
)


def rows(*held):
    report = sw.margin(sw.portfolio([*held, ("USDC", 500_000)]), MARKET, MODEL)
    assert sum(row.initial for row in report.rows) == report.initial
    return {row.path: (row.initial, row.maintenance) for row in report.rows if row.initial}


def test_a_perpetual_by_hand():
    assert rows(("BTC-PERPETUAL", 1)) == {
        "span_scan/BTC": (Decimal(16_000), Decimal(16_000)),
        "im_factor": (Decimal(1_600), Decimal(0)),
    }


def test_a_calendar_spread_by_hand():
    """One spread of a coin at 1 % of the index; two expiries of one side are none."""
    assert rows(("BTC-25DEC26", 1), ("BTC-26MAR27", -1))["span_spreads/BTC"][1] == 1_000
    assert "span_spreads/BTC" not in rows(("BTC-25DEC26", 1), ("BTC-26MAR27", 1))


def test_coins_owed_are_scanned_and_coins_held_are_not():
    assert rows(("BTC", -1))["span_scan/BTC"][1] == 16_000
    assert rows(("BTC", 1)) == {}


def test_arrays_are_those_of_the_algorithm():
    """A short option costs what span.contract makes of the same forward, volatility and time."""
    market, name = sw.synthetic_market(), "BTC-27MAR26-100000-C"
    report = sw.margin(sw.portfolio([(name, -10), ("USDC", 10_000_000)]), market, MODEL)
    from seawall.risk.book import join

    [book] = join(sw.portfolio([(name, -10)]), market).underlyings
    numbers = CHARGE.classes["btc"]
    scale = float(book.unit_usd[0])
    model_price = float(book.mark_usd[0]) / scale
    quote = span.Quote(
        name="c",
        kind="call",
        period="20260327",
        forward=float(book.forward[0]),
        price=model_price,
        value_factor=scale,
        strike=float(book.strike[0]),
        sigma=float(book.vol[0]),
        tenor_years=float(book.tenor_years[0]),
        discount=float(book.discount[0]),
    )
    scan = span.ScanRange(
        price=numbers.price_scan_rel,
        price_in="percent",
        vol=numbers.vol_scan,
        vol_in="percent",
        lookahead_years=1.0 / 365.0,
    )
    made = span.contract(quote, scan, CHARGE.policy)
    [own] = CHARGE.contracts(book, numbers)
    assert own.array == pytest.approx(made.array, rel=2e-3, abs=2e-3 * book.spot_usd)
    assert own.delta == pytest.approx(made.delta, abs=2e-3)
    [asked] = [row.maintenance for row in report.rows if row.path == "span_scan/BTC"]
    assert float(asked) == pytest.approx(-10.0 * min(own.array), abs=0.02)


def test_a_policy_of_final_arrays_is_refused():
    with pytest.raises(BadParameter, match="published arrays are final"):
        msgspec.structs.replace(CHARGE, policy=span.NSE)


def test_published_cases(shared):
    path = shared / "vectors" / "tradfi" / "span_vectors.json"
    held = conform(MODEL, [path])
    assert held.passed
    names = {case.case for case in held.cases if case.skipped is None}
    assert {"McMillan, long_future_short_call", "nse_nifty_fut_20260625, array"} <= names
    assert sum(case.skipped is not None for case in held.cases) >= 15
