"""Marginal and Euler contributions: sums, slopes and signs, under every model."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings

from seawall.feeds.synthetic import synthetic_market
from seawall.feeds.synthetic_book import synthetic_portfolio
from seawall.margin.contributions import euler_contributions, marginal_contributions
from seawall.margin.presets import load_preset, preset_names
from seawall.margin.requirement import margin_requirement
from seawall.products.portfolio import Portfolio
from seawall.risk.book import join
from tests.strategies import accounts
from tests.test_distance import MARKET, book_of
from tests.test_oracle import NOISE, rounding_usd

PRBM = load_preset("prbm")
every_model = pytest.mark.parametrize("model", preset_names())
# Books away from ties: two cells, directions or floors that are equally bad have no one slope.
SMOOTH = {
    "pair": [("BTC-PERPETUAL", 1), ("ETH-PERPETUAL", -25), ("BTC-31JAN26-90000-P", -0.3)],
    "straddle": [
        ("BTC-31JAN26-100000-C", -10),
        ("BTC-31JAN26-100000-P", -10),
        ("BTC-PERPETUAL", 0.57),
    ],
    "calendar": [("BTC-31JAN26-100000-C", -1), ("BTC-2MAR26-100000-C", 1)],
    "debt": [("BTC", 1), ("ETH", -5), ("BTC_USDC-PERPETUAL", -0.4, 98_000), ("BTC-2MAR26", 1.1)],
    "profit in coin": [
        ("BTC-2MAR26", -2, 120_000),
        ("BTC-PERPETUAL", 1.5, 104_000),
        ("BTC-31JAN26-110000-C", -0.5),
        ("ETH", 3),
    ],
    "losses owed in coin": [("BTC-2MAR26", 3, 140_000), ("BTC-PERPETUAL", -1)],
    "floored": [
        ("BTC-31JAN26-90000-C", 10),
        ("BTC-31JAN26-110000-C", -10.001),
        ("BTC-31JAN26-110000-P", 10),
        ("BTC-31JAN26-90000-P", -10),
    ],
}


@every_model
@settings(max_examples=120)
@given(account=accounts())
def test_euler_contributions_add_up_to_the_requirement(model, account):
    portfolio, market = account
    book = join(portfolio, market)
    whole = margin_requirement(book, load_preset(model))
    found = euler_contributions(book, load_preset(model))
    # Cells and directions that tie to NOISE may be named either way.
    slack = rounding_usd(portfolio, market) + 4.0 * NOISE * len(portfolio.positions)
    assert found.unallotted == ()

    def close(shares, heads, side):
        steps = [s for s in whole.steps if s.path.split("/")[0] in heads]
        expected = sum(getattr(step, side) for step in steps)
        return sum(shares) == pytest.approx(expected, rel=1e-9, abs=slack)

    legs = found.legs
    assert close([leg.scanning_risk for leg in legs], {"scanning_risk"}, "initial")
    assert close([leg.decorrelation for leg in legs], {"decorrelation"}, "initial")
    assert close([leg.floor for leg in legs], {"floor"}, "initial")
    assert close([leg.im_factor for leg in legs], {"im_factor"}, "initial")
    charges = {"liquidity", "basis", "notional", "standard_option"}
    assert close([leg.charges_initial + leg.impact for leg in legs], charges, "initial")
    assert close([leg.charges_maintenance + leg.impact for leg in legs], charges, "maintenance")
    assert sum(leg.initial for leg in legs) == pytest.approx(whole.initial, rel=1e-9, abs=slack)
    total = sum(leg.maintenance for leg in legs)
    assert total == pytest.approx(whole.maintenance, rel=1e-9, abs=slack)


@every_model
@pytest.mark.parametrize("name", SMOOTH)
def test_an_euler_contribution_is_quantity_times_slope(model, name):
    """The slope by two full recomputations; market impact counts 1.5 times in it."""
    chosen, portfolio = load_preset(model), book_of(*SMOOTH[name])
    found = euler_contributions(join(portfolio, MARKET), chosen)
    step = Decimal("1e-6")
    assert len(found.legs) == len(portfolio.positions)
    for leg in found.legs:
        up, down = (
            margin_requirement(join(scaled(portfolio, leg.instrument, 1 + side), MARKET), chosen)
            for side in (step, -step)
        )
        for level in ("initial", "maintenance"):
            slope = (getattr(up, level) - getattr(down, level)) / float(2 * step)
            expected = getattr(leg, level) + 0.5 * leg.impact
            scale = max(1.0, abs(up.initial))
            assert expected == pytest.approx(slope, rel=1e-5, abs=1e-5 * scale), leg


def lacking(model, *parts):
    """The model without some of its parts."""
    status = msgspec.structs.replace(model.status, **dict.fromkeys(parts))
    return msgspec.structs.replace(model, status=status, **dict.fromkeys(parts, ()))


def scaled(portfolio, name, factor):
    positions = tuple(
        msgspec.structs.replace(p, quantity=p.quantity * factor) if p.instrument.name == name else p
        for p in portfolio.positions
    )
    return Portfolio(account=portfolio.account, positions=positions)


def test_euler_contributions_by_hand():
    """Long 1 BTC and short 25 ETH of docs/models/prbm.md, without the gross floor.

    BTC loses 16,000 down, ETH 20,000 up, which is active: BTC's share is all decorrelation,
    0.4 · 16,000, and ETH's all scanning risk.
    """
    model = msgspec.structs.replace(PRBM, floors=PRBM.floors[:1])
    btc, eth = euler_contributions(
        join(book_of(("BTC-PERPETUAL", 1), ("ETH-PERPETUAL", -25)), MARKET), model
    ).legs
    assert (btc.scanning_risk, btc.floor, eth.decorrelation) == (0.0, 0.0, 0.0)
    assert btc.decorrelation == pytest.approx(6_400.0)
    assert eth.scanning_risk == pytest.approx(20_000.0)
    assert (btc.im_factor, eth.im_factor) == pytest.approx((1_600.0, 5_000.0))
    assert btc.charges_initial == pytest.approx(50.0)
    assert btc.impact == pytest.approx(16.0997, abs=1e-4)


def test_a_box_shares_its_floor_by_gross_size():
    model = lacking(PRBM, "charges")
    legs = [*SMOOTH["floored"][:1], ("BTC-31JAN26-110000-C", -10), *SMOOTH["floored"][2:]]
    for leg in euler_contributions(join(book_of(*legs), MARKET), model).legs:
        assert (leg.scanning_risk, leg.decorrelation) == pytest.approx((0.0, 0.0), abs=1e-6)
        assert leg.floor == pytest.approx(2_500.0)
        assert leg.initial == pytest.approx(3_125.0)


# ---- marginal


@every_model
@settings(max_examples=30)
@given(account=accounts(max_legs=5))
def test_a_marginal_contribution_is_the_difference_of_two_requirements(model, account):
    portfolio, market = account
    chosen = load_preset(model)
    whole = margin_requirement(join(portfolio, market), chosen)
    found = marginal_contributions(join(portfolio, market), chosen)
    slack = rounding_usd(portfolio, market)
    for leg in found:
        rest = tuple(p for p in portfolio.positions if p.instrument.name != leg.instrument)
        left = 0.0, 0.0
        if rest:
            less = margin_requirement(join(Portfolio(account="", positions=rest), market), chosen)
            left = less.initial, less.maintenance
        assert leg.initial == pytest.approx(whole.initial - left[0], rel=1e-9, abs=slack)
        assert leg.maintenance == pytest.approx(whole.maintenance - left[1], rel=1e-9, abs=slack)
    in_array = {p.instrument.name for p in portfolio.positions} - {"USD", "USDC", "USDT"}
    assert {leg.instrument for leg in found} == in_array


@pytest.mark.parametrize("fold", ["prbm", "risk-based-collateral"])
@settings(max_examples=100)
@given(account=accounts())
def test_removing_a_leg_saves_no_more_than_its_euler_share_or_its_own_requirement(fold, account):
    """Scanning risk is convex and of degree one, and so subadditive."""
    portfolio, market = account
    model = lacking(load_preset(fold), "charges", "floors")
    book = join(portfolio, market)
    slack = rounding_usd(portfolio, market) + 8.0 * NOISE * len(portfolio.positions)
    euler = euler_contributions(book, model).legs
    for leg, share in zip(marginal_contributions(book, model), euler, strict=True):
        own = next(p for p in portfolio.positions if p.instrument.name == leg.instrument)
        alone = margin_requirement(
            join(Portfolio(account="", positions=(own,)), market), model
        ).maintenance
        slack_here = slack + 1e-9 * alone
        assert leg.maintenance <= share.maintenance + slack_here
        assert leg.maintenance <= alone + slack_here


def test_signs_of_legs_that_add_and_that_hedge():
    """A second short put costs; a perpetual that takes delta away saves."""
    legs = {
        leg.instrument: leg
        for leg in marginal_contributions(
            join(
                book_of(
                    ("BTC-31JAN26-90000-P", -5),
                    ("BTC-2MAR26-90000-P", -5),
                    ("BTC-PERPETUAL", -2),
                    ("USD", 1),
                ),
                MARKET,
            ),
            PRBM,
        )
    }
    assert len(legs) == 3
    for name in ("BTC-31JAN26-90000-P", "BTC-2MAR26-90000-P"):
        assert legs[name].initial > legs[name].maintenance > 0.0
    hedge = legs["BTC-PERPETUAL"]
    assert hedge.initial < hedge.maintenance < 0.0


def test_the_synthetic_maker_is_shared_out_leg_by_leg():
    market, portfolio = synthetic_market(), synthetic_portfolio()
    book = join(portfolio, market)
    whole = margin_requirement(book, PRBM)
    legs = euler_contributions(book, PRBM).legs
    assert sum(leg.initial for leg in legs) == pytest.approx(whole.initial, rel=1e-9)
    assert sum(leg.maintenance for leg in legs) == pytest.approx(whole.maintenance, rel=1e-9)
    values = np.array([leg.initial for leg in legs])
    assert (values > 0.0).any()
    assert (values < 0.0).any()
    names = [(leg.underlying, leg.instrument) for leg in legs]
    assert names == [(m.underlying, m.instrument) for m in marginal_contributions(book, PRBM)]
