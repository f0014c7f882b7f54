"""Marginal and Euler contributions: sums, slopes and signs, under every model."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings

from seawall.feeds.synthetic import synthetic_market
from seawall.feeds.synthetic_book import synthetic_portfolio
from seawall.margin.charges import Charged, ConcentrationCharge
from seawall.margin.classes import class_of
from seawall.margin.collateral import in_array
from seawall.margin.euler import euler_contributions
from seawall.margin.marginal import marginal_contributions
from seawall.margin.model import Levels
from seawall.margin.offsets import CorrelationCollapse
from seawall.margin.presets import load_preset, preset_names
from seawall.margin.requirement import margin_requirement
from seawall.market.liquidity import Liquidity
from seawall.products.portfolio import Portfolio
from seawall.risk.book import join
from tests.account_models import by_point
from tests.flat_fee import FlatFee
from tests.strategies import accounts
from tests.test_distance import MARKET, book_of
from tests.test_oracle import NOISE, rounding_usd

PRBM = load_preset("prbm")
COLLAPSE = CorrelationCollapse(
    to="low", declared=datetime(2025, 12, 31, tzinfo=UTC), notice_days=3650.0
)
COLLAPSED = msgspec.structs.replace(
    PRBM, offsets=msgspec.structs.replace(PRBM.offsets, collapse=COLLAPSE)
)
# Initial margin more than what is found, maintenance less of it, charges and all.
SCALED = msgspec.structs.replace(
    COLLAPSED, levels=Levels(im_factor=1.3, mm_factor=0.8, of="requirement")
)
MODELS = {name: load_preset(name) for name in preset_names()} | {
    "collapse": COLLAPSED,
    "scaled": SCALED,
    "point by point": msgspec.structs.replace(PRBM, offsets=by_point()),
}
every_model = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
NO_CHARGES = {
    "scanning_risk", "decorrelation", "floor", "correlation_collapse", "im_factor", "mm_factor",
    "hybrid", "offset",
}  # fmt: skip
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
        ("BTC-31JAN26-90000-P", -10.002),
    ],
}


def tie_usd(portfolio, market):
    """Cells and directions that tie to NOISE may be named either way, and concentration takes up to
    four times a loss.
    """
    return 5.0 * (rounding_usd(portfolio, market) + 4.0 * NOISE * len(portfolio.positions))


@every_model
@settings(max_examples=50)
@given(account=accounts())
def test_euler_contributions_add_up_to_the_requirement(model, account):
    portfolio, market = account
    book = join(portfolio, market)
    whole, found = margin_requirement(book, model), euler_contributions(book, model)
    slack = tie_usd(portfolio, market)
    # Only debts in money are no legs, and only a pairing in whole lots has no slope.
    alone = {f"borrow/{position.instrument.name}" for position, _ in book.money}
    alone |= {f"strategy_pairing/{part.underlying}" for part in book.underlyings}
    # What the factors of the levels make of those is no leg's either.
    more = {s.path: s for s in found.unallotted if s.path in {"im_factor", "mm_factor"}}
    assert model.levels.of == "requirement" or not more
    assert {step.path for step in found.unallotted} <= alone | more.keys()
    less = [replace(s, initial=-s.initial, maintenance=-s.maintenance) for s in more.values()]
    whole = replace(whole, steps=(*(s for s in whole.steps if s.path not in alone), *less))

    def close(shares, heads, side):
        steps = [s for s in whole.steps if s.path.split("/")[0] in heads]
        expected = sum(getattr(step, side) for step in steps)
        return sum(shares) == pytest.approx(expected, rel=1e-9, abs=slack)

    legs = found.legs
    assert close([leg.scanning_risk for leg in legs], {"scanning_risk"}, "initial")
    assert close([leg.decorrelation for leg in legs], {"decorrelation"}, "initial")
    assert close([leg.offset for leg in legs], {"offset"}, "initial")
    assert close([leg.floor for leg in legs], {"floor"}, "initial")
    apart = [leg.correlation_collapse for leg in legs]
    assert close(apart, {"correlation_collapse"}, "initial")
    assert close([leg.im_factor for leg in legs], {"im_factor"}, "initial")
    assert close([leg.mm_factor for leg in legs], {"mm_factor"}, "maintenance")
    assert close([leg.hybrid.initial for leg in legs], {"hybrid"}, "initial")
    assert close([leg.hybrid.maintenance for leg in legs], {"hybrid"}, "maintenance")
    charges = {step.path.split("/")[0] for step in whole.steps} - NO_CHARGES
    assert close([leg.charges_initial for leg in legs], charges, "initial")
    assert close([leg.charges_maintenance for leg in legs], charges, "maintenance")
    assert sum(leg.initial for leg in legs) == pytest.approx(whole.initial, rel=1e-9, abs=slack)
    total = sum(leg.maintenance for leg in legs)
    assert total == pytest.approx(whole.maintenance, rel=1e-9, abs=slack)


@settings(max_examples=100)
@given(account=accounts())
def test_the_shares_of_every_charge_add_up_to_its_amounts(account):
    portfolio, market = account
    slack, book = tie_usd(portfolio, market), join(portfolio, market)
    for charge in (*PRBM.charges, *MODELS["cross"].charges):
        model = lacking(PRBM, charges=(charge,))
        steps, legs = margin_requirement(book, model).steps, euler_contributions(book, model).legs
        for level in ("initial", "maintenance"):
            shares = sum(getattr(leg, f"charges_{level}") for leg in legs)
            amounts = [getattr(s, level) for s in steps if s.path.split("/")[0] not in NO_CHARGES]
            assert shares == pytest.approx(sum(amounts), rel=1e-9, abs=slack), charge


@pytest.mark.parametrize("model", [m for m in MODELS if m != "reg-t"])  # lots have no slope
@pytest.mark.parametrize("name", SMOOTH)
def test_an_euler_contribution_is_quantity_times_slope(model, name):
    is_quantity_times_slope(MODELS[model], book_of(*SMOOTH[name]), MARKET)


# Positions that are much of what there is, in ways that name each kind of cluster.
CROWDED = {
    "all there is of": {"BTC-31JAN26-100000-C": 100.0, "BTC-2MAR26-100000-C": 1.5},
    "much of the underlying": {
        "BTC-31JAN26-100000-C": 45.0, "BTC-31JAN26-100000-P": 30.0, "BTC-PERPETUAL": 12.0,
    },
    "much of an expiry": {
        "BTC-31JAN26-100000-C": 20.0, "BTC-31JAN26-100000-P": 13.0, "BTC-2MAR26": 900.0,
    },
    "much of a strike": {
        "BTC-31JAN26-100000-C": 14.0, "BTC-31JAN26-90000-P": 300.0, "BTC-PERPETUAL": 500.0,
    },
    "more than there is": {
        "BTC-31JAN26-100000-C": 5.0, "BTC-31JAN26-90000-P": 300.0, "BTC-PERPETUAL": 500.0,
    },
    "the class's": {},
}  # fmt: skip


@pytest.mark.parametrize("crowd", CROWDED)
def test_an_euler_contribution_is_quantity_times_slope_under_every_condition(crowd):
    """Much open interest held, funding paid, an old and doubtful index, a pool nearly used up."""
    told = Liquidity(
        open_interest=CROWDED[crowd],
        funding_per_day={"BTC-PERPETUAL": 1e-4, "ETH-PERPETUAL": 1e-4},
        confidence={"BTC": 0.98, "ETH": 0.95},
        index_age_s={"BTC": 3_660.0},
        pool_utilisation={"BTC": 0.93, "ETH": 0.85},
    )
    many = 10_000 if crowd == "the class's" else 1
    legs = [
        ("BTC-31JAN26-100000-C", -10 * many), ("BTC-31JAN26-90000-P", -4 * many),
        ("BTC-PERPETUAL", 3 * many, 98_000), ("BTC-2MAR26", -2 * many, 90_000),
        ("ETH-PERPETUAL", -25), ("ETH", -5), ("ETH_USDC-PERPETUAL", 3),
    ]  # fmt: skip
    market, portfolio = replace(MARKET, liquidity=told), book_of(*legs)
    amounts = margin_requirement(join(portfolio, market), PRBM).steps
    charged = {step.path for step in amounts if step.initial > 0.0}
    assert charged >= {f"{c}/BTC" for c in ("concentration", "funding", "oracle", "utilisation")}
    is_quantity_times_slope(PRBM, portfolio, market)


def is_quantity_times_slope(model, portfolio, market):
    """Each leg's slope by two full recomputations."""
    found = euler_contributions(join(portfolio, market), model)
    step = Decimal("1e-6")
    assert len(found.legs) == len(portfolio.positions)
    for leg in found.legs:
        up, down = (
            margin_requirement(join(scaled(portfolio, leg.instrument, 1 + side), market), model)
            for side in (step, -step)
        )
        for level in ("initial", "maintenance"):
            slope = (getattr(up, level) - getattr(down, level)) / float(2 * step)
            expected = getattr(leg, f"slope_{level}")
            scale = max(1.0, abs(up.initial))
            assert expected == pytest.approx(slope, rel=1e-5, abs=1e-5 * scale), leg


def test_shares_of_impact_and_concentration_are_in_the_proportion_of_their_slopes():
    """1.5 times the impact; the concentration of 20 % beyond 5 % grows 1 + 0.20 / 0.15 as fast."""
    legs = [("BTC-31JAN26-100000-C", -8), ("BTC-31JAN26-90000-P", -2)]
    told = Liquidity(open_interest={"BTC-31JAN26-100000-C": 40.0, "BTC-31JAN26-90000-P": 10.0})
    book = join(book_of(*legs), replace(MARKET, liquidity=told))
    for charge, degree in ((PRBM.charges[0], 1.5), (PRBM.charges[2], 1.0 + 0.20 / 0.15)):
        if degree == 1.5:
            spreads = {"option_half_spread_of_mark": 0.0, "half_spread_rel": 0.0}
            charge = msgspec.structs.replace(charge, **spreads)
        for leg in euler_contributions(book, lacking(PRBM, charges=(charge,))).legs:
            assert leg.charges_initial != 0.0
            assert leg.charge_slopes_initial == pytest.approx(degree * leg.charges_initial)


def test_shares_of_concentration_by_hand():
    """The example of docs/explain.md, "Euler contributions"."""
    calls = ("BTC-31JAN26-100000-C", "BTC-2MAR26-100000-C")
    told = Liquidity(open_interest=dict(zip(calls, (40.0, 1_000.0), strict=True)))
    book = join(book_of((calls[0], -8), (calls[1], -2)), MARKET).underlyings[0]
    numbers = class_of("BTC", PRBM.classes)
    on = Charged(book=book, numbers=numbers, liquidity=told, worst_loss=320_000.0, array=None)
    charge = ConcentrationCharge(factor=4.0, free_share=0.05, least_cluster_share=0.01)
    assert charge.amounts(on)[0].initial == pytest.approx(192_000.0)
    found = charge.shares(on, np.array([200_000.0, 120_000.0]))
    for shares in (found.initial, found.maintenance):
        assert shares == pytest.approx([161_142.857, 30_857.143])
    for slopes in (found.slope_initial, found.slope_maintenance):
        assert slopes == pytest.approx([376_000.0, 72_000.0])


def test_a_leg_outside_the_crowded_strike_has_no_part_in_its_charge():
    """10 of 40 at a strike lose less alone than the book: their loss · 4 · (25 % − 5 %)."""
    legs = [("BTC-31JAN26-100000-C", -10), ("BTC-2MAR26-100000-C", -10)]
    told = Liquidity(open_interest={legs[0][0]: 40.0, legs[1][0]: 1_000.0})
    model = lacking(PRBM, charges=PRBM.charges[2:3])
    market = replace(MARKET, liquidity=told)
    alone = margin_requirement(join(book_of(legs[0]), market), model).scanning_risk
    inside, outside = euler_contributions(join(book_of(*legs), market), model).legs
    assert (outside.charges_initial, outside.charge_slopes_initial) == (0.0, 0.0)
    assert inside.charges_initial == pytest.approx(alone * 4.0 * 0.20)
    assert inside.charge_slopes_initial == pytest.approx(2.25 * inside.charges_initial)


def test_a_charge_without_slopes_is_left_whole():
    model = lacking(PRBM, charges=(*PRBM.charges, FlatFee(usd=7.0)))
    book = join(book_of(*SMOOTH["pair"]), MARKET)
    found = euler_contributions(book, model)
    left = [(step.path, step.initial, step.maintenance) for step in found.unallotted]
    assert left == [("flat_fee/BTC", 7.0, 7.0), ("flat_fee/ETH", 7.0, 7.0)]
    whole = margin_requirement(book, model)
    assert sum(leg.initial for leg in found.legs) + 14.0 == pytest.approx(whole.initial)


def lacking(model, *parts, **others):
    """The model without some of its parts, and with others."""
    status = msgspec.structs.replace(model.status, **dict.fromkeys(parts))
    return msgspec.structs.replace(model, status=status, **dict.fromkeys(parts, ()), **others)


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
    assert btc.charges_maintenance == pytest.approx(50.0 + 16.0997, abs=1e-4)
    assert btc.charges_initial == pytest.approx(btc.charges_maintenance + 300.0)
    assert btc.charge_slopes_maintenance == pytest.approx(50.0 + 1.5 * 16.0997, abs=1e-4)


def test_a_box_shares_its_floor_by_gross_size():
    model = lacking(PRBM, "charges")
    legs = [(name, round(size)) for name, size in SMOOTH["floored"]]
    for leg in euler_contributions(join(book_of(*legs), MARKET), model).legs:
        assert (leg.scanning_risk, leg.decorrelation) == pytest.approx((0.0, 0.0), abs=1e-6)
        assert leg.floor == pytest.approx(2_500.0)
        assert leg.initial == pytest.approx(3_125.0)


# ---- marginal


@every_model
@settings(max_examples=20)
@given(account=accounts(max_legs=5))
def test_a_marginal_contribution_is_the_difference_of_two_requirements(model, account):
    """What is in the array stays there: a leg's absence does not leave a coin without its hedge."""
    portfolio, market = account
    book = in_array(join(portfolio, market), model.classes)
    whole = margin_requirement(book, model)
    found = marginal_contributions(join(portfolio, market), model)
    slack = rounding_usd(portfolio, market)
    for leg in found:
        less = margin_requirement(without(book, leg.instrument), model)
        left = less.initial, less.maintenance
        assert leg.initial == pytest.approx(whole.initial - left[0], rel=1e-9, abs=slack)
        assert leg.maintenance == pytest.approx(whole.maintenance - left[1], rel=1e-9, abs=slack)
    inside = {p.instrument.name for part in book.underlyings for p in part.positions}
    assert {leg.instrument for leg in found} == inside


def only(book, *names):
    """The book with these instruments alone."""
    parts = []
    for part in book.underlyings:
        keep = [i for i, p in enumerate(part.positions) if p.instrument.name in names]
        parts += [part.rows(keep)] if keep else []
    return replace(book, underlyings=tuple(parts))


def without(book, name):
    """The book without one instrument."""
    names = {p.instrument.name for part in book.underlyings for p in part.positions}
    return only(book, *names - {name})


@pytest.mark.parametrize("fold", ["prbm", "risk-based-collateral"])
@settings(max_examples=100)
@given(account=accounts())
def test_removing_a_leg_saves_no_more_than_its_euler_share_or_its_own_requirement(fold, account):
    """Scanning risk is convex and of degree one, and so subadditive."""
    portfolio, market = account
    model = lacking(load_preset(fold), "charges", "floors")
    book = in_array(join(portfolio, market), model.classes)
    slack = rounding_usd(portfolio, market) + 8.0 * NOISE * len(portfolio.positions)
    euler = euler_contributions(book, model).legs
    for leg, share in zip(marginal_contributions(book, model), euler, strict=True):
        alone = margin_requirement(only(book, leg.instrument), model).maintenance
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
