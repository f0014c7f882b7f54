"""The oracle itself, held against figures worked out by hand from docs/models/prbm.md."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from seawall.market.snapshot import MarketSnapshot, OptionSlice
from seawall.products.names import parse_name
from seawall.products.portfolio import Portfolio, Position, portfolio
from tests.naive.black76 import price
from tests.naive.margin import (
    naive_cross,
    naive_isolated,
    naive_prbm,
    naive_risk_based_collateral,
)
from tests.naive.parameters import PRBM

# 20:00 UTC: the option of the next morning has twelve hours left.
AS_OF = datetime(2026, 3, 10, 20, tzinfo=UTC)
MORNING = datetime(2026, 3, 11, 8, tzinfo=UTC)
APRIL = datetime(2026, 4, 24, 8, tzinfo=UTC)


def _slice(key, forward, rows):
    """A slice from (name, strike, is_call, vol, mark) rows."""
    names, strike, is_call, vol, mark = zip(*rows, strict=True)
    return OptionSlice(
        key=key,
        forward=forward,
        names=names,
        strike=np.array(strike, float),
        is_call=np.array(is_call),
        vol=np.array(vol, float),
        mark=np.array(mark, float),
        observed_s=np.full(len(mark), np.nan),
        atm_vol=0.5,
    )


@pytest.fixture(scope="module")
def market():
    """BTC at 100,000 and ETH at 2,500 USD; USDC at 0.99."""
    morning = ("BTC", "BTC", MORNING)
    april = ("ETH", "USDC", APRIL)
    slices = {
        morning: _slice(
            morning,
            100_000.0,
            [
                ("BTC-11MAR26-104000-C", 104_000.0, True, 0.6, 0.002),
                ("BTC-11MAR26-90000-P", 90_000.0, False, 0.7, math.nan),
            ],
        ),
        april: _slice(april, 2_600.0, [("ETH_USDC-24APR26-2000-P", 2_000.0, False, 0.8, 30.0)]),
    }
    return MarketSnapshot(
        as_of=AS_OF,
        index_usd={"BTC": 100_000.0, "ETH": 2_500.0},
        stable_usd={"USDC": 0.99},
        forwards={key: column.forward for key, column in slices.items()},
        futures={"BTC-PERPETUAL": 100_500.0, "BTC-24APR26": 101_000.0},
        slices=slices,
        option_rows={n: (k, i) for k, s in slices.items() for i, n in enumerate(s.names)},
    )


def test_lone_inverse_future_loses_its_range(market):
    found = naive_prbm(portfolio([("BTC-24APR26", 1)]), market, PRBM)
    liquidity = 0.0005 * 100_000 + 0.8 * 0.045 * math.sqrt(1e5 / 5e9) * 1e5
    assert found["underlyings"]["BTC"]["M_down"] == pytest.approx(16_000)
    assert found["underlyings"]["BTC"]["M_up"] == 0.0
    assert liquidity == pytest.approx(50 + 16.0996894)
    assert found["maintenance"] == pytest.approx(16_000 + liquidity)
    assert found["initial"] == pytest.approx(20_000 + liquidity)


def test_tail_is_damped_once_to_the_edge_of_the_range(market):
    cells = naive_prbm(portfolio([("BTC-24APR26", 1)]), market, PRBM)["underlyings"]["BTC"]["cells"]
    assert cells["tail", -0.66, "up"]["pnl"]["now"] == pytest.approx(-16_000)
    assert cells["tail", -0.66, "up"]["undamped"]["now"] == pytest.approx(-66_000)
    assert cells["tail", 5.0, "up"]["pnl"]["now"] == pytest.approx(16_000)


def test_long_and_short_of_one_group_earn_at_most_half(market):
    """20 ETH short lose 10,000 upward, one BTC long 16,000 downward."""
    found = naive_prbm(portfolio([("BTC-PERPETUAL", 1), ("ETH-PERPETUAL", -20)]), market, PRBM)
    group = found["groups"]["crypto-majors"]
    assert group["active"] == "down"
    assert group["sum_m"] == pytest.approx(26_000)
    assert group["D"] == pytest.approx(16_000)
    assert group["R"] == pytest.approx(0.4 * 26_000 + 0.6 * 16_000)
    assert found["rows"]["scanning_risk/BTC"][0] == pytest.approx(16_000)
    assert found["rows"]["scanning_risk/ETH"][0] == 0.0
    assert found["rows"]["decorrelation/crypto-majors"][0] == pytest.approx(0.4 * 10_000)


def test_basis_of_a_hedged_pair_and_the_gross_floor(market):
    """Long April, short the perpetual: no delta is left, both buckets are charged in full."""
    found = naive_prbm(portfolio([("BTC-24APR26", 2), ("BTC-PERPETUAL", -2)]), market, PRBM)
    tenor = (APRIL - AS_OF) / timedelta(days=365)
    assert found["underlyings"]["BTC"]["M_down"] == pytest.approx(0.0, abs=1e-6)
    assert found["rows"]["floor/crypto-majors"][0] == pytest.approx(0.0025 * 100_000 * 4)
    assert found["rows"]["basis/BTC"][0] == pytest.approx(
        2 * 100_000 * (0.005 + 0.05 * math.sqrt(tenor))
    )
    assert found["rows"]["liquidity/BTC"][0] == pytest.approx(0.0, abs=1e-6)


def test_covered_call_after_expiry_is_a_bare_holding(market):
    """Once the call has expired worthless, the coin falls alone, the premium being kept."""
    book = portfolio([("BTC", 1), ("BTC-11MAR26-104000-C", -1)])
    found = naive_prbm(book, market, PRBM)
    premium = price(100_000, 104_000, 0.6, 0.5 / 365, True)
    cell = found["underlyings"]["BTC"]["cells"]["grid", -0.16, "up"]
    assert cell["pnl"]["post-expiry"] == pytest.approx(-16_000 + premium)
    upward = found["underlyings"]["BTC"]["cells"]["grid", 0.16, "up"]
    assert upward["pnl"]["post-expiry"] == pytest.approx(16_000 + premium)
    assert upward["pnl"]["horizon"] == pytest.approx(16_000 - 12_000 + premium)
    assert found["equity"] == pytest.approx(100_000 - 200)
    assert found["haircuts"] == pytest.approx(1_000)


def test_short_option_minimum_counts_the_heavier_side(market):
    """One minimum per contract of the heavier side: one call, then two puts beside one call."""
    far = portfolio([("BTC-11MAR26-104000-C", -1), ("BTC-PERPETUAL", 1)])
    found = naive_prbm(far, market, PRBM)
    assert found["underlyings"]["BTC"]["floor"] == pytest.approx(750)
    pair = portfolio([("BTC-11MAR26-104000-C", -1), ("BTC-11MAR26-90000-P", -2)])
    assert naive_prbm(pair, market, PRBM)["underlyings"]["BTC"]["floor"] == pytest.approx(1_500)


def test_volatility_of_a_short_tenor_moves_by_more(market):
    """One-day law below a day: 30 ** 0.30 = 2.774; the term twist is at its short end."""
    book = portfolio([("BTC-11MAR26-90000-P", 1)])
    cells = naive_prbm(book, market, PRBM)["underlyings"]["BTC"]["cells"]
    today = price(100_000, 90_000, 0.7, 0.5 / 365, False)
    up = price(100_000, 90_000, 0.7 * (1 + 0.45 * 30**0.30), 0.5 / 365, False)
    assert cells["grid", 0.0, "up"]["pnl"]["now"] == pytest.approx(up - today)
    down = price(100_000, 90_000, 0.7 * (1 - 0.30 * 30**0.30), 0.5 / 365, False)
    assert cells["grid", 0.0, "down"]["pnl"]["now"] == pytest.approx(down - today)
    twist = price(100_000, 90_000, 0.7 * 1.15, 0.5 / 365, False)
    assert cells["surface", 0.0, "twist+"]["pnl"]["now"] == pytest.approx(twist - today)
    # ln(0.9) / (0.5·√T) lies beyond three deviations: the tilt is at its cut.
    tilt = price(100_000, 90_000, 0.7 * (1 - 0.10 * 3), 0.5 / 365, False)
    assert cells["surface", 0.0, "skew+"]["pnl"]["now"] == pytest.approx(tilt - today)


def test_equity_and_haircuts_of_mixed_collateral(market):
    book = Portfolio(
        account="mixed",
        positions=tuple(
            Position(
                instrument=parse_name(name),
                quantity=Decimal(quantity),
                entry_price=None if entry is None else Decimal(entry),
            )
            for name, quantity, entry in (
                ("USD", "-500", None),
                ("USDC", "10000", None),
                ("BTC", "1", None),
                ("ETH", "-2", None),
                ("BTC-PERPETUAL", "1", "67000"),
                ("ETH_USDC-PERPETUAL", "-10", "2000"),
                ("ETH_USDC-24APR26-2000-P", "4", None),
                ("BTC-11MAR26-104000-C", "-1", None),
            )
        ),
    )
    perp, linear, put, call = 50_000.0, -10 * (2_500 - 1_980), 4 * 30 * 0.99, -200.0
    equity = -500 + 9_900 + 100_000 - 5_000 + perp + linear + put + call
    haircuts = {
        naive_prbm: 49.5 + 1_000 + 0.01 * perp,
        naive_risk_based_collateral: 49.5 + 1_000 + 0.01 * perp,
        naive_cross: 49.5 + 16_000 + put + 0.16 * perp,
        naive_isolated: 49.5 + 16_000 + put + perp,
    }
    for model, cut in haircuts.items():
        found = model(book, market, PRBM)
        assert found["equity"] == pytest.approx(equity)
        assert found["haircuts"] == pytest.approx(cut)


def test_fixed_percentages_do_not_net(market):
    book = portfolio(
        [
            ("BTC-24APR26", 1),
            ("BTC-PERPETUAL", -1),
            ("ETH", -2),
            ("BTC-11MAR26-104000-C", -1),
            ("ETH_USDC-24APR26-2000-P", -10),
        ]
    )
    call_initial, call_maintenance = 0.11 * 100_000, 0.075 * 100_000
    put_initial, put_maintenance = 0.10 * 2_500 * 10, 0.075 * 2_500 * 10
    maintenance = 2 * 16_000 + 0.2 * 5_000 + call_maintenance + put_maintenance
    initial = 1.25 * (2 * 16_000 + 0.2 * 5_000) + call_initial + put_initial
    for model in (naive_isolated, naive_cross):
        found = model(book, market, PRBM)
        assert found["maintenance"] == pytest.approx(maintenance)
        assert found["initial"] == pytest.approx(initial)


def test_risk_based_collateral_adds_each_position_alone(market):
    book = portfolio([("BTC", 1), ("BTC-PERPETUAL", -1), ("BTC-11MAR26-104000-C", 1)])
    found = naive_risk_based_collateral(book, market, PRBM)
    option_value = price(100_000, 104_000, 0.6, 0.5 / 365, True)
    assert found["maintenance"] == pytest.approx(2 * 16_000 + option_value, abs=1e-3)
    assert found["initial"] == pytest.approx(1.25 * found["maintenance"])
