"""Correlation: the table of pairs, and what a declared collapse costs, by hand.

The pair is that of docs/models/prbm.md, book 8: M of BTC 16,000 down, of ETH 20,000 up, floors 250.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from seawall.margin.offsets import CorrelationCollapse, CorrelationGroup, CorrelationPair
from seawall.margin.presets import load_preset
from seawall.margin.requirement import margin_requirement
from seawall.market.snapshot import MarketSnapshot
from seawall.products.portfolio import portfolio
from seawall.report.build import margin
from seawall.risk.book import join
from tests.strategies import accounts

HOUSE = load_preset("prbm")
AS_OF = datetime(2026, 1, 1, 8, tzinfo=UTC)
MARKET = MarketSnapshot(
    as_of=AS_OF,
    index_usd={"BTC": 100_000.0, "ETH": 4_000.0},
    stable_usd={},
    forwards={},
    futures={"BTC-PERPETUAL": 100_000.0, "ETH-PERPETUAL": 4_000.0},
    slices={},
    option_rows={},
)
PAIR = portfolio([("USD", 35_000), ("BTC-PERPETUAL", 1), ("ETH-PERPETUAL", -25)])


def collapsed(to, declared, notice_days=7.0):
    collapse = CorrelationCollapse(to=to, declared=declared, notice_days=notice_days)
    return replace(HOUSE, offsets=replace(HOUSE.offsets, collapse=collapse))


def test_the_credit_of_a_group_is_that_of_its_least_correlated_pair():
    pairs = (("BTC", "ETH", 0.8), ("BTC", "SOL", 0.6), ("ETH", "SOL", 0.7))
    group = CorrelationGroup(
        name="three",
        members=("BTC", "ETH", "SOL"),
        pairs=tuple(CorrelationPair(of=(a, b), lower=lower) for a, b, lower in pairs),
    )
    offsets = replace(HOUSE.offsets, groups=(group,))
    assert offsets.rho(group, AS_OF).maintenance == pytest.approx(0.75 * 0.6)


@pytest.mark.parametrize(
    ("to", "days_ago", "initial", "maintenance"),
    [
        # R = (1 − rho)·36,000 + rho·20,250 with floors: 26,550 at 0.6, 29,700 at 0.4, 36,000 at 0.
        ("low", 0, 29_700, 26_550),
        ("low", 6.99, 29_700, 26_550),
        ("low", 7, 29_700, 29_700),
        ("zero", 0, 36_000, 26_550),
        ("zero", 7, 36_000, 36_000),
        ("zero", -0.01, 26_550, 26_550),
    ],
)
def test_collapse_reaches_initial_margin_at_once_and_maintenance_after_its_notice(
    to, days_ago, initial, maintenance
):
    model = collapsed(to, AS_OF - timedelta(days=days_ago))
    rows = {r.path: r for r in margin(PAIR, MARKET, model).rows}
    scanned = [
        r for p, r in rows.items() if p.split("/")[0] in ("scanning_risk", "decorrelation", "floor")
    ]
    assert sum(r.maintenance for r in scanned) == maintenance
    apart = rows.get("correlation_collapse/crypto-majors")
    assert (apart.initial if apart else 0) == initial - maintenance
    assert apart is None or apart.maintenance == 0
    assert rows["im_factor"].initial == Decimal(initial) / 4


def test_a_declared_collapse_is_said_and_a_future_one_is_not():
    soon = margin(PAIR, MARKET, collapsed("low", AS_OF + timedelta(days=1)))
    assert not any("collapse" in warning for warning in soon.warnings)
    now = margin(PAIR, MARKET, collapsed("low", AS_OF))
    (said,) = [warning for warning in now.warnings if "collapse" in warning]
    assert "rho 0.40 of crypto-majors in initial margin" in said
    assert "maintenance will be on it from 2026-01-08T08:00:00Z" in said


@settings(max_examples=60)
@given(account=accounts(mixes=(("BTC", "ETH"),)), days=st.floats(-10.0, 10.0))
def test_collapse_never_lowers_a_requirement_and_zero_is_no_less_than_low(account, days):
    book = join(*account)
    declared = account[1].as_of - timedelta(days=days)
    calm, low, zero = (
        margin_requirement(book, model)
        for model in (HOUSE, collapsed("low", declared), collapsed("zero", declared))
    )
    slack = 1e-9 * calm.initial + 1e-6
    for level in ("initial", "maintenance"):
        a, b, c = (getattr(found, level) for found in (calm, low, zero))
        assert a <= b + slack
        assert b <= c + slack
    assert zero.maintenance <= zero.initial + slack
