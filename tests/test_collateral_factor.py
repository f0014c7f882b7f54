"""The collateral-factor model: against the oracle, by hand, and the health that protocols quote."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings

from seawall.basics.errors import BadParameter
from seawall.feeds.synthetic import synthetic_market
from seawall.margin.charges import BorrowFactorCharge
from seawall.margin.factors import CollateralFactors
from seawall.margin.presets import load_preset
from seawall.products.portfolio import portfolio
from seawall.report.build import margin
from seawall.report.explanation import explain
from tests.collateral_books import mixed_accounts
from tests.naive.margin import naive_collateral_factor
from tests.naive.parameters import COLLATERAL_FACTOR
from tests.strategies import accounts
from tests.test_oracle import assert_holdings_agree, assert_steps_agree

MODEL = load_preset("collateral-factor")
MARKET = synthetic_market()
BTC = MARKET.spot_usd("BTC")


def agrees(account):
    assert_steps_agree(account, MODEL, naive_collateral_factor, COLLATERAL_FACTOR)
    assert_holdings_agree(account, MODEL, naive_collateral_factor, COLLATERAL_FACTOR)


@settings(max_examples=200)
@given(account=accounts())
def test_every_step_and_haircut_agrees_with_the_oracle(account):
    agrees(account)


@settings(max_examples=100)
@given(account=mixed_accounts())
def test_collateral_of_every_kind_agrees_with_the_oracle(account):
    agrees(account)


def test_liquidation_is_where_the_health_of_lending_protocols_is_one():
    """1 BTC at 0.80 backs 0.80 · 0.95 · S of USDC: no more, and no less."""
    debt = 0.80 * 0.95 * BTC / MARKET.stable_usd["USDC"]
    for share, state in ((0.9999, "reduce-only"), (1.0001, "liquidation")):
        held = portfolio([("BTC", 1), ("USDC", f"{-share * debt:.6f}")])
        report = margin(held, MARKET, MODEL)
        health = 0.80 * BTC / (share * 0.80 * BTC)
        assert (health < 1.0) == (report.excess_maintenance < 0)
        assert report.state == state


def test_a_loss_is_a_debt_and_a_profit_is_an_asset():
    mark = MARKET.futures["BTC-PERPETUAL"]
    won, lost = (
        margin(portfolio([("USD", 50_000), ("BTC-PERPETUAL", 1, price)]), MARKET, MODEL)
        for price in (round(mark - 1_000, 2), round(mark + 1_000, 2))
    )
    assert won.initial == 0
    (row,) = [r for r in won.collateral_rows if r.path == "unrealised/BTC"]
    assert float(row.haircut) == pytest.approx(0.20 * float(row.value), abs=0.02)
    (row,) = [r for r in lost.collateral_rows if r.path == "unrealised/BTC"]
    assert row.haircut == 0
    assert float(lost.initial) == pytest.approx(-float(row.value) * (1 / 0.80 - 1), abs=0.02)
    assert float(lost.maintenance) == pytest.approx(-float(row.value) * (1 / 0.90 - 1), abs=0.02)


def test_debts_in_money_are_no_legs_and_stand_by_themselves():
    told = explain(portfolio([("BTC", 1), ("ETH", -1), ("USDC", -1_000)]), MARKET, MODEL)
    assert [row.path for row in told.unallotted] == ["borrow/USDC"]
    shares = sum(leg.euler_initial for leg in told.legs) + told.unallotted[0].initial
    assert shares == pytest.approx(float(told.initial), abs=0.03)


@pytest.mark.parametrize("factor", [-0.1, 1.1, float("nan")])
def test_a_factor_is_a_share(factor):
    with pytest.raises(BadParameter, match="factor of btc"):
        CollateralFactors(factors={"btc": factor})


def test_borrow_factors_are_above_zero_and_lower_at_initial():
    with pytest.raises(BadParameter, match="factor of btc is 0"):
        BorrowFactorCharge(initial={"btc": 0.0}, maintenance={"btc": 0.5})
    with pytest.raises(BadParameter, match=r"above those of maintenance.*btc"):
        BorrowFactorCharge(initial={"btc": 0.6}, maintenance={"btc": 0.5})
    with pytest.raises(BadParameter, match="of other kinds: eth"):
        BorrowFactorCharge(initial={"btc": 0.5}, maintenance={"btc": 0.5, "eth": 0.5})


def test_a_kind_without_a_factor_is_refused_and_named():
    bare = msgspec.structs.replace(MODEL, collateral=CollateralFactors(factors={"cash": 1.0}))
    with pytest.raises(BadParameter, match="no factor of btc"):
        margin(portfolio([("BTC", 1)]), MARKET, bare)
