"""Concentration, funding, oracle and utilisation: by hand, their limits and their sign."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from seawall.basics.errors import BadNumber, BadParameter
from seawall.feeds.synthetic import synthetic_market
from seawall.margin.charges import ConcentrationCharge, OracleCharge, UtilisationCharge
from seawall.margin.presets import load_preset
from seawall.market.liquidity import RANGES, Liquidity
from seawall.market.snapshot import MarketSnapshot
from seawall.products.portfolio import portfolio
from seawall.report.build import margin
from seawall.report.schema import MarginReport
from tests.strategies import accounts

MODEL = load_preset("prbm")
CALL, PUT, FAR = "BTC-27MAR26-90000-C", "BTC-27MAR26-90000-P", "BTC-26JUN26-90000-C"


@given(account=accounts())
def test_charges_never_lower_a_requirement_and_initial_stays_above_maintenance(account):
    held, market = account
    untagged = structs.replace(MODEL.status, charges=None)
    bare = margin(held, market, structs.replace(MODEL, charges=(), status=untagged))
    whole = margin(held, market, MODEL)
    assert whole.initial >= bare.initial
    assert whole.maintenance >= bare.maintenance
    assert whole.initial >= whole.maintenance


# ---- by hand


def market(**told: dict[str, float]) -> MarketSnapshot:
    return dataclasses.replace(synthetic_market(), liquidity=Liquidity(**told))


def row(report: MarginReport, path: str) -> tuple[float, float]:
    found = [r for r in report.rows if r.path == path]
    return (float(found[0].initial), float(found[0].maintenance)) if found else (0.0, 0.0)


def worst_loss(report: MarginReport) -> float:
    """M with floors of a book of one underlying."""
    return sum(
        float(r.maintenance)
        for r in report.rows
        if r.path.startswith(("scanning_risk/", "decorrelation/", "floor/"))
    )


def test_concentration_counts_the_share_of_open_interest_beyond_a_twentieth():
    """Short 10 of 50 calls there are: 20 % of all, M · 4 · (20 % − 5 %) at both levels."""
    report = margin(portfolio([(CALL, -10)]), market(open_interest={CALL: 50.0}), MODEL)
    expected = worst_loss(report) * 4 * 0.15
    assert row(report, "concentration/BTC") == pytest.approx((expected, expected), abs=0.03)


def test_a_cluster_counts_with_no_more_than_it_loses_alone():
    """10 of 40 at a strike in a book of two: what the ten lose by themselves, 4 · (25 % − 5 %)."""
    told = market(open_interest={CALL: 20.0, PUT: 20.0, FAR: 1_000.0})
    report = margin(portfolio([(CALL, -10), (FAR, -10)]), told, MODEL)
    alone = margin(portfolio([(CALL, -10)]), told, MODEL)
    assert worst_loss(alone) < worst_loss(report)
    expected = worst_loss(alone) * 4 * (0.25 - 0.05)
    assert row(report, "concentration/BTC")[0] == pytest.approx(expected, abs=0.03)
    hedged = margin(portfolio([(CALL, -10), (FAR, 10)]), told, MODEL)
    assert worst_loss(hedged) < worst_loss(alone)
    expected = worst_loss(hedged) * 4 * (0.25 - 0.05)
    assert row(hedged, "concentration/BTC")[0] == pytest.approx(expected, abs=0.03)


@settings(max_examples=60)
@given(others=st.lists(st.floats(-500.0, -0.01), min_size=1, max_size=4))
def test_short_options_at_other_strikes_dilute_no_concentration(others):
    far = [f"BTC-26JUN26-{strike}-C" for strike in (150_000, 160_000, 180_000, 200_000)]
    added = [(name, quantity) for name, quantity in zip(far, others, strict=False)]
    told = market(open_interest={CALL: 40.0, **dict.fromkeys(far, 1e3)})
    alone, more = (
        margin(portfolio(held), told, MODEL) for held in ([(CALL, -10)], [(CALL, -10), *added])
    )
    assert row(more, "concentration/BTC")[0] >= row(alone, "concentration/BTC")[0] > 0.0
    assert more.initial > alone.initial


def test_a_few_contracts_where_there_are_no_others_are_no_concentration():
    """10 of 10 at a strike count as 10 of 1 % of all 100,000: below the free share."""
    told = {CALL: 10.0, FAR: 99_990.0}
    report = margin(portfolio([(CALL, -10)]), market(open_interest=told), MODEL)
    assert row(report, "concentration/BTC") == (0.0, 0.0)
    report = margin(portfolio([(CALL, -100)]), market(open_interest=told), MODEL)
    expected = worst_loss(report) * 4 * (100 / 1_000 - 0.05)
    assert row(report, "concentration/BTC")[0] == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("told", [{}, {CALL: 0.0}])
def test_who_is_alone_at_a_strike_holds_all_of_it_where_nothing_stands_in(told):
    """Without ``least_cluster_share`` a strike of no open interest is the account's own."""
    charges = tuple(
        structs.replace(c, least_cluster_share=0.0) if isinstance(c, ConcentrationCharge) else c
        for c in MODEL.charges
    )
    model = structs.replace(MODEL, charges=charges)
    open_interest = {FAR: 99_990.0, **told}
    report = margin(portfolio([(CALL, -10)]), market(open_interest=open_interest), model)
    expected = worst_loss(report) * 4 * (1 - 0.05)
    assert row(report, "concentration/BTC")[0] == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("told", [{}, {CALL: 0.0}, {CALL: 0.1}, {CALL: 100.0}])
def test_no_open_interest_of_a_strike_is_no_cheaper_than_little(told):
    """1 % of all 10,000 stands in: 50 held are half of it, and the strike's loss all there is."""
    held = portfolio([(CALL, -50)])
    report = margin(held, market(open_interest={FAR: 10_000.0 - sum(told.values()), **told}), MODEL)
    expected = worst_loss(report) * 4 * (0.5 - 0.05)
    assert row(report, "concentration/BTC")[0] == pytest.approx(expected, abs=0.05)


def test_an_unlisted_strike_is_no_way_around_a_crowded_one():
    told = {CALL: 20.0, FAR: 10_000.0}
    listed, beside = (
        margin(portfolio([(name, -80)]), market(open_interest=told), MODEL)
        for name in (CALL, CALL.replace("90000", "90001"))
    )
    charged = [row(report, "concentration/BTC")[0] for report in (listed, beside)]
    assert charged[1] == pytest.approx(charged[0], rel=0.02)
    assert charged[0] > 0.0


def test_an_account_that_holds_more_than_there_is_holds_it_all():
    report = margin(portfolio([(CALL, -10)]), market(open_interest={CALL: 1.0}), MODEL)
    assert row(report, "concentration/BTC")[0] == pytest.approx(
        worst_loss(report) * 4 * 0.95, abs=0.05
    )


def test_without_open_interest_the_class_tells_it_and_the_report_says_so():
    report = margin(portfolio([("BTC-PERPETUAL", -10_000)]), market(), MODEL)
    spot = synthetic_market().spot_usd("BTC")
    share = 10_000 * spot / 10e9
    expected = worst_loss(report) * 4 * (share - 0.05)
    assert row(report, "concentration/BTC")[0] == pytest.approx(expected, rel=1e-6)
    assert any("open interest" in warning for warning in report.warnings)


@pytest.mark.parametrize(
    ("quantity", "rate", "pays"),
    [(10, 0.001, True), (10, -0.001, False), (-10, 0.001, False), (-10, -0.001, True),
     (10, 0.0, True), (-10, None, True)],
)  # fmt: skip
def test_funding_is_charged_to_the_side_that_pays(quantity, rate, pays):
    """0.3 % of the notional, in initial margin alone; without a rate either side may pay."""
    told = {} if rate is None else {"BTC-PERPETUAL": rate}
    report = margin(portfolio([("BTC-PERPETUAL", quantity)]), market(funding_per_day=told), MODEL)
    expected = 0.003 * 10 * synthetic_market().spot_usd("BTC") if pays else 0.0
    assert row(report, "funding/BTC") == pytest.approx((expected, 0.0), abs=0.02)
    assert any("No funding rate of BTC-PERPETUAL" in w for w in report.warnings) == (rate is None)


def test_a_doubtful_and_old_index_costs_its_doubt_and_a_standard_deviation_by_age():
    """10 coins: 2 % of doubt, and 4.5 % · √(1/4) for six hours beyond the minute of grace."""
    told = market(confidence={"BTC": 0.98}, index_age_s={"BTC": 60.0 + 21_600.0})
    report = margin(portfolio([("BTC-27MAR26", 10)]), told, MODEL)
    expected = 10 * told.spot_usd("BTC") * (0.02 + 0.045 * 0.5)
    assert row(report, "oracle/BTC") == pytest.approx((expected, 0.0), abs=0.02)


def test_coins_owed_are_notional_of_the_oracle_and_coins_held_are_not():
    told = market(confidence={"BTC": 0.9})
    spot = told.spot_usd("BTC")
    owed = margin(portfolio([("BTC", -2)]), told, MODEL)
    assert row(owed, "oracle/BTC")[0] == pytest.approx(0.1 * 2 * spot, abs=0.02)
    assert row(margin(portfolio([("BTC", 2)]), told, MODEL), "oracle/BTC")[0] == 0.0


@pytest.mark.parametrize(("used", "way"), [(0.0, 0.0), (0.8, 0.0), (0.9, 0.5), (1.0, 1.0)])
def test_a_pool_beyond_its_knee_raises_initial_margin(used, way):
    """By up to half of M when it is full."""
    told = market(pool_utilisation={"BTC": used})
    report = margin(portfolio([(CALL, -10)]), told, MODEL)
    expected = worst_loss(report) * 0.5 * way
    assert row(report, "utilisation/BTC") == pytest.approx((expected, 0.0), abs=0.02)


def test_a_volume_of_the_market_replaces_that_of_the_class():
    """A quarter of the class's volume doubles the impact."""
    held = portfolio([("BTC-27MAR26", 100)])
    usual = row(margin(held, market(), MODEL), "liquidity/BTC")[0]
    quarter = row(margin(held, market(adv_usd={"BTC": 1.25e9}), MODEL), "liquidity/BTC")[0]
    notional = 100 * synthetic_market().spot_usd("BTC")
    assert quarter - usual == pytest.approx(usual - 0.0005 * notional, abs=0.05)


# ---- numbers that cannot be


@pytest.mark.parametrize("name", RANGES)
@pytest.mark.parametrize("value", [math.nan, math.inf, -1e6, 1e16])
def test_an_impossible_number_beside_prices_is_refused_by_name(name, value):
    key = "BTC-PERPETUAL" if name in ("open_interest", "funding_per_day") else "BTC"
    with pytest.raises(BadNumber, match=f"{name} of {key}"):
        Liquidity(**{name: {key: value}})


@given(st.sampled_from(sorted(RANGES)))
def test_the_numbers_beside_prices_cannot_be_changed(name):
    told = Liquidity(**{name: {}})
    with pytest.raises(TypeError):
        getattr(told, name)["BTC"] = 1.0


def test_impossible_parameters_are_refused():
    with pytest.raises(BadParameter, match="default_confidence"):
        OracleCharge(default_confidence=1.1, stale_sd=1.0, grace_s=60.0)
    with pytest.raises(BadParameter, match="knee"):
        UtilisationCharge(knee=1.0, factor_when_full=0.5)
