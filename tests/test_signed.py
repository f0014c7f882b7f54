"""Prices of either sign: the engine against loops on WTI, and what must hold through zero."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from seawall.basics.errors import BadNumber, InputError, MissingQuote
from seawall.margin.classes import class_of
from seawall.margin.distance import excess_maintenance, liquidation_prices
from seawall.margin.euler import euler_contributions
from seawall.margin.floors import greatest_floor
from seawall.margin.presets import load_preset
from seawall.margin.requirement import margin_requirement
from seawall.market.liquidity import Liquidity
from seawall.market.moved import moved
from seawall.market.snapshot import OptionSlice
from seawall.market.surface import vol_surface
from seawall.products.instruments import DatedFuture, Option
from seawall.products.names import parse_name
from seawall.products.portfolio import Position, portfolio
from seawall.report.build import margin
from seawall.report.change import explain_change
from seawall.report.explanation import explain
from seawall.report.surface import surface
from seawall.risk.attribution import attribute
from seawall.risk.book import join
from seawall.risk.moved import carried_portfolio, moved_book
from seawall.risk.revaluation import Black76Revaluation
from seawall.risk.scenarios import lay_out
from seawall.risk.trades import Trade, with_trades
from tests.naive.margin import naive_collateral_factor
from tests.naive.parameters import COLLATERAL_FACTOR, PRBM
from tests.signed_books import (
    CL,
    LEAST_LEVEL_USD,
    cl_account,
    cl_legs,
    cl_market,
    contract,
    spots,
)
from tests.test_oracle import (
    ORACLES,
    assert_cells_agree,
    assert_holdings_agree,
    assert_steps_agree,
)

HOUSE = load_preset("prbm")
BOOK = [
    (0, None, "call", 250.0, 15.0),
    (2, None, "call", -100.0, None),
    (0, -5.0, "put", -60.0, None),
    (0, 10.0, "call", 40.0, None),
    (1, 0.0, "call", -75.0, None),
    (1, 0.0, "put", -75.0, None),
    (1, -25.0, "put", 150.0, None),
    (2, 30.0, "call", 25.0, None),
]
TOLD = Liquidity(
    adv_usd={CL: 3e8},
    open_interest={contract(-37.625, 1, 0.0, "call").name: 400.0},
    confidence={CL: 0.99},
    index_age_s={CL: 3_600.0},
    pool_utilisation={CL: 0.9},
)


def required(legs, spot, model=HOUSE, usd=1e6):
    return margin_requirement(join(cl_account(spot, legs, usd), cl_market(spot)), model)


# ---- against the oracle


@pytest.mark.parametrize("name", ORACLES)
@pytest.mark.parametrize("liquidity", [None, TOLD], ids=["defaults", "told"])
def test_a_book_on_wti_below_zero_agrees_with_the_loops(name, liquidity):
    account = cl_account(-37.625, BOOK, 50_000.0), cl_market(-37.625, liquidity=liquidity)
    assert_steps_agree(account, load_preset(name), ORACLES[name], PRBM)
    assert_holdings_agree(account, load_preset(name), ORACLES[name], PRBM)


@given(legs=cl_legs(), spot=spots, marked=st.booleans(), name=st.sampled_from([*ORACLES]))
@settings(max_examples=25)
def test_random_accounts_at_any_price_agree_with_the_loops(legs, spot, marked, name):
    account = cl_account(spot, legs, 1e5), cl_market(spot, marked=marked)
    assert_steps_agree(account, load_preset(name), ORACLES[name], PRBM)
    assert_holdings_agree(account, load_preset(name), ORACLES[name], PRBM)


@given(legs=cl_legs(), spot=spots)
@settings(max_examples=25)
def test_every_cell_at_any_price_agrees_with_the_loops(legs, spot):
    assert_cells_agree(cl_account(spot, legs, 1e5), cl_market(spot))


@pytest.mark.parametrize("spot", [-37.625, -3.0, 31.0])
def test_floors_are_shares_of_the_level(spot):
    """2 short puts outweigh 1 short call; 6 barrels are held in all."""
    legs = [
        (0, 10.0, "call", -1.0, None),
        (1, 0.0, "put", -2.0, None),
        (1, None, "call", 3.0, None),
    ]
    part = join(cl_account(spot, legs), cl_market(spot)).underlyings[0]
    minimum, gross = HOUSE.floors
    level = max(abs(spot), 20.0)
    for floor, expected in ((minimum, 0.0075 * 2.0 * level), (gross, 0.0025 * 6.0 * level)):
        assert greatest_floor((floor,), part) == pytest.approx(expected)
        assert floor.shares(part).sum() == pytest.approx(expected)


@pytest.mark.parametrize("smile", ["sticky-delta", "worst"])
@pytest.mark.parametrize("spot", [-37.625, 0.0, 31.0])
def test_smiles_that_go_along_agree_with_the_loops(smile, spot):
    model = msgspec.structs.replace(HOUSE, revaluation=Black76Revaluation(smile=smile))
    account = cl_account(spot, BOOK, 0.0), cl_market(spot)
    assert_steps_agree(account, model, ORACLES["prbm"], PRBM | {"smile": smile})


def test_collateral_factors_agree_with_the_loops():
    account = cl_account(-37.625, BOOK, -9_000.0), cl_market(-37.625)
    model = load_preset("collateral-factor")
    assert_steps_agree(account, model, naive_collateral_factor, COLLATERAL_FACTOR)
    assert_holdings_agree(account, model, naive_collateral_factor, COLLATERAL_FACTOR)


# ---- what must hold


@given(
    legs=cl_legs(),
    spot=st.integers(-80, 80).map(lambda n: n / 4.0),
    other=st.integers(-80, 80).map(lambda n: n / 4.0),
)
@example(legs=BOOK, spot=-20.0, other=20.0)
def test_a_constant_added_to_all_prices_and_strikes_changes_nothing(legs, spot, other):
    """As long as the price stays within the least level, which moves are of."""
    one, two = required(legs, spot), required(legs, other)
    gross = LEAST_LEVEL_USD * sum(abs(leg[3]) for leg in legs)
    for level in ("initial", "maintenance"):
        close = math.isclose(getattr(one, level), getattr(two, level), abs_tol=1e-9 * gross)
        assert close, (getattr(one, level), getattr(two, level))


@given(legs=cl_legs(), spot=spots, name=st.sampled_from([*ORACLES]))
def test_a_requirement_is_never_negative(legs, spot, name):
    found = required(legs, spot, load_preset(name))
    assert found.initial >= found.maintenance >= 0.0
    assert all(step.initial >= 0.0 and step.maintenance >= 0.0 for step in found.steps)


@given(spot=st.integers(-400, 0).map(lambda n: n / 4.0), size=st.integers(1, 1_000))
def test_a_long_future_at_or_below_zero_is_scanned_by_a_fall_of_its_level(spot, size):
    found = required([(1, None, "call", float(size), None)], spot)
    down = class_of(CL, HOUSE.classes).price_range_down_rel
    assert found.scanning_risk == pytest.approx(size * down * max(-spot, 20.0), rel=1e-12)
    assert found.maintenance > found.scanning_risk > 0.0


@pytest.mark.parametrize("model", ORACLES)
def test_a_long_future_below_zero_needs_margin_under_every_model(model):
    found = required([(1, None, "call", 10.0, None)], -37.5, load_preset(model))
    down = class_of(CL, HOUSE.classes).price_range_down_rel
    assert found.maintenance >= 10.0 * down * 37.5 * (1.0 - 1e-12)


@pytest.mark.parametrize("at", [-20.0, 0.0, 20.0])
@pytest.mark.parametrize("model", ORACLES)
def test_requirements_are_continuous_in_the_price(at, model):
    """Through zero, and where the price's own size becomes the level."""
    near = [required(BOOK, at + step, load_preset(model)) for step in (-1e-8, 0.0, 1e-8)]
    for one in near:
        assert one.maintenance == pytest.approx(near[1].maintenance, rel=1e-6)
        assert one.initial == pytest.approx(near[1].initial, rel=1e-6)


@given(legs=cl_legs(), spot=spots)
def test_shares_add_up_to_the_requirement(legs, spot):
    book = join(cl_account(spot, legs, 1e6), cl_market(spot))
    shares, whole = euler_contributions(book, HOUSE), margin_requirement(book, HOUSE)
    slack = 1e-5 + 1e-9 * whole.initial
    assert sum(leg.initial for leg in shares.legs) == pytest.approx(whole.initial, abs=slack)
    assert not shares.unallotted


def test_equity_gains_in_a_moved_market_what_the_array_says():
    account, market = cl_account(-37.5, BOOK, 0.0), cl_market(-37.5, marked=False)
    book = join(account, market)
    part = book.underlyings[0]
    cells = lay_out(HOUSE.scenarios, 0.35, 0.35)
    array = HOUSE.revaluation.array(part, HOUSE.scenarios, cells)
    for cell in (1, 7, 13, 22):  # volatility as it is
        x = float(cells.price_rel[cell])
        after = moved_book(book, market, CL, x).underlyings[0]
        gain = after.value_usd.sum() - part.value_usd.sum()
        assert gain == pytest.approx(float(part.quantity @ array.unit_pnl_usd[:, cell]), abs=1e-7)
        assert after.spot_usd == pytest.approx(-37.5 + 37.5 * x)


def test_greeks_are_the_slopes_of_the_value():
    account, market = cl_account(3.0, BOOK, 0.0), cl_market(3.0, marked=False)
    step = 1e-4
    value = [
        moved_book(join(account, market), market, CL, x).underlyings[0].value_usd.sum()
        for x in (-step, 0.0, step)
    ]
    total = margin(account, market).greeks()[-1]
    assert total.delta_usd == pytest.approx((value[2] - value[0]) / (2 * step), rel=1e-5)
    assert total.delta_usd == pytest.approx(20.0 * total.delta_coin)
    usd = step * 20.0
    gamma = (value[2] - 2.0 * value[1] + value[0]) / usd**2
    assert total.gamma_coin_per_usd == pytest.approx(gamma, rel=1e-3)
    key = next(k for k in market.slices if k[2] == contract(3.0, 1).expiry)
    slices = {k: replace(s, vol=s.vol + 0.0001) for k, s in market.slices.items()}
    raised = join(account, replace(market, slices=slices)).underlyings[0].value_usd.sum()
    assert key in slices
    assert total.vega_usd_per_point == pytest.approx((raised - value[1]) / 0.01, rel=1e-3)


# ---- liquidation, attribution, change


def test_liquidation_prices_below_zero_are_where_the_excess_ends():
    legs, spot = [(1, None, "call", 100.0, 0.0)], -10.0
    account, market = cl_account(spot, legs, 1_500.0), cl_market(spot)
    book = join(account, market)
    up, down = liquidation_prices(book, market, HOUSE)
    assert (up.price_usd, up.distance_rel) == (None, None)
    assert down.price_usd == pytest.approx(spot - 20.0 * down.distance_rel)
    assert spot - 20.0 < down.price_usd < spot
    edges = (down.distance_rel * (1.0 + s) for s in (-1e-4, 1e-4))
    here, there = (excess_maintenance(moved_book(book, market, CL, -x), HOUSE) for x in edges)
    assert here > 0.0 >= there


def test_a_short_future_may_be_liquidated_by_a_rise_through_zero():
    account, market = cl_account(-10.0, [(1, None, "call", -100.0, 0.0)], 4_000.0), cl_market(-10.0)
    up, down = liquidation_prices(join(account, market), market, HOUSE)
    assert down.price_usd is None
    assert up.price_usd > 0.0


def test_attribution_at_a_fall_through_zero_tells_futures_wholly():
    legs = [(1, None, "call", 100.0, None), (2, None, "call", -40.0, None)]
    account, before = cl_account(2.0, legs), cl_market(2.0)
    after = moved(before, CL, -0.2)
    later = join(carried_portfolio(account, before, after), after).underlyings[0]
    grid = HOUSE.scenarios
    array = HOUSE.revaluation.array(
        join(account, before).underlyings[0], grid, lay_out(grid, 0.35, 0.35)
    )
    found = attribute(array, grid, later, 0.0)
    assert later.spot_usd == pytest.approx(-2.0)
    assert found.price_move_rel == pytest.approx(-0.2)
    assert found.realised == pytest.approx(60.0 * -4.0)
    assert found.unexplained == pytest.approx(0.0, abs=1e-9)


def test_normal_volatilities_in_other_units_are_not_taken_for_a_change():
    account, before = cl_account(-37.5, BOOK), cl_market(-37.5, marked=False)
    slices = {
        key: replace(s, vol=s.vol * 0.75, atm_vol=s.atm_vol * 0.75, vol_unit=s.vol_unit / 0.75)
        for key, s in before.slices.items()
    }
    after = replace(before, slices=slices)
    array = HOUSE.revaluation.array(
        join(account, before).underlyings[0], HOUSE.scenarios, lay_out(HOUSE.scenarios, 0.35, 0.35)
    )
    later = join(carried_portfolio(account, before, after), after).underlyings[0]
    found = attribute(array, HOUSE.scenarios, later, 0.0)
    assert found.volatility == pytest.approx(0.0, abs=1e-9)
    assert found.realised == pytest.approx(0.0, abs=1e-9)


def test_a_change_through_zero_adds_up():
    start, end = cl_market(2.5), cl_market(-37.5)
    account = cl_account(2.5, [(0, None, "call", 10.0, 2.0), (1, None, "call", -5.0, None)])
    after = replace(end, as_of=end.as_of + timedelta(hours=1))
    found = explain_change(account, start, after)
    rows = sum(row.margin_value for row in found.rows)
    assert rows == found.margin_value_after - found.margin_value_before
    assert float(rows) == pytest.approx(-40.0 * 10.0 + 40.0 * 5.0, abs=0.05)


# ---- entries and trades


def test_entry_prices_may_be_negative_where_prices_may():
    spot = -37.5
    account = cl_account(spot, [(0, None, "call", 10.0, 10.0)])
    held = join(account, cl_market(spot)).underlyings[0]
    assert held.value_usd[0] == pytest.approx(10.0 * (spot + 0.125 - (spot + 10.0)))
    with pytest.raises(BadNumber, match="is not a price"):
        portfolio([("BTC-PERPETUAL", 1, -5)])
    with pytest.raises(BadNumber, match="is not a price"):
        Position(
            instrument=contract(spot, 0, 0.0), quantity=account.positions[0].quantity,
            entry_price=account.positions[0].entry_price,
        )  # fmt: skip


def test_an_entry_price_many_levels_away_is_a_slip():
    with pytest.raises(BadNumber, match="times away from its mark"):
        join(cl_account(-37.5, [(0, None, "call", 1.0, 5_000.0)]), cl_market(-37.5))
    warned = join(cl_account(-37.5, [(0, None, "call", 1.0, 60.0)]), cl_market(-37.5)).warnings
    assert any("check it" in text for text in warned)


def test_trades_close_average_and_pay_below_zero():
    spot = -37.5
    market, before = cl_market(spot), cl_account(spot, [(1, None, "call", 10.0, 10.0)], 100.0)
    name = contract(spot, 1).name
    quantity = before.positions[0].quantity
    sold = Trade(instrument=contract(spot, 1), quantity=-quantity / 2, price=-quantity * 3)
    after = with_trades(before, [sold], market)
    by_name = {p.instrument.name: p for p in after.positions}
    # Half of 10 barrels, entered at −27.5 and sold at −30, pay −2.5 each.
    assert by_name["USD"].quantity == pytest.approx(100 - 12.5)
    assert (by_name[name].quantity, by_name[name].entry_price) == (5, spot + 10)
    with pytest.raises(BadNumber, match="times away"):
        with_trades(before, [msgspec.structs.replace(sold, price=quantity * 1_000)], market)
    with pytest.raises(BadNumber, match="is not a price"):
        Trade(instrument=contract(spot, 1, 0.0), quantity=quantity, price=-quantity)


# ---- what is refused


def test_nothing_unlisted_is_valued_by_a_surface():
    market = cl_market(-37.5)
    option = parse_name("CL.CME_USD-14MAY20-M33-P")
    for held in (option, parse_name("CL.CME_USD-17NOV20")):
        with pytest.raises(MissingQuote, match="no volatility surface and no curve"):
            margin(portfolio([(held.name, 1)]), market)
    with pytest.raises(InputError, match="no volatility surface is fitted"):
        vol_surface(market, CL, "USD")
    [report] = surface(market)
    assert [row.status.value for row in report.expiries] == ["not fitted"] * 3
    assert [row.strikes for row in report.expiries] == [8] * 3
    assert report.expiries[0].rms_error_vol_points is None


def test_a_slice_has_a_unit_of_volatility_where_prices_have_a_sign():
    signed = next(iter(cl_market(5.0).slices.values()))
    for wrong in ({"vol_unit": None}, {"vol_unit": 0.0}, {"forward": math.nan}):
        with pytest.raises(BadNumber, match="unit of volatility"):
            replace(signed, **wrong)
    with pytest.raises(BadNumber, match="unit of volatility"):
        replace(signed, key=("BTC", "BTC", signed.key[2]), forward=5.0, strike=signed.strike + 99.0)
    assert isinstance(replace(signed, forward=-5.0), OptionSlice)


def test_other_prices_below_zero_are_refused_as_before():
    market = cl_market(5.0)
    for field, bad in (
        ("index_usd", {"BTC": -1.0}),
        ("futures", {"BTC-PERPETUAL": -1.0}),
        ("forwards", {("NVDA.US", "USD", market.as_of): -1.0}),
        ("index_usd", {CL: math.inf}),
    ):
        with pytest.raises(BadNumber, match="the price of"):
            replace(market, **{field: bad})


def test_what_pays_in_oil_is_refused():
    expiry = contract(0.0, 0).expiry
    inverse = DatedFuture(name="CL.CME-21APR20", underlying=CL, settlement=CL, expiry=expiry)
    with pytest.raises(InputError, match="pays in CL"):
        cl_market(5.0).forward(inverse)
    option = Option(name="x", underlying=CL, settlement=CL, expiry=expiry, strike=5.0, right="call")
    with pytest.raises(InputError, match="pays in CL"):
        cl_market(5.0).option_row(option)


def test_an_explanation_of_a_book_below_zero():
    account, market = cl_account(-37.625, BOOK, 60_000.0), cl_market(-37.625)
    report, found = margin(account, market), explain(account, market)
    shares = sum(leg.euler_initial for leg in found.legs)
    assert shares == pytest.approx(float(report.initial), abs=0.1)
    assert np.isfinite([leg.marginal_initial for leg in found.legs]).all()
