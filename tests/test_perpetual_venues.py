"""Percentages of perpetual venues: the published cases, by hand, and their laws."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace
from scipy.integrate import quad
from scipy.stats import lognorm

from seawall.basics.errors import BadNumber, BadParameter
from seawall.feeds.conform import drift, dydx, vega
from seawall.feeds.conform.shapes import market_of_perpetuals
from seawall.margin.charges.perpetual_venues import (
    OpenInterestTier,
    ShortfallFactors,
)
from seawall.margin.charges.size_weight import SizeWeightCharge
from seawall.margin.presets import load_preset
from seawall.margin.requirement import margin_requirement
from seawall.products.portfolio import portfolio
from seawall.risk.book import join

DYDX, VEGA, DRIFT = (load_preset(name) for name in ("dydx", "vega", "drift"))


def document(shared, name):
    return json.loads((shared / "vectors/defi" / name).read_text())


def agree(found):
    """How many cases agree within their tolerance, and how many are skipped."""
    counted = {"agree": 0, "skipped": 0}
    for case in found:
        if case.skipped:
            counted["skipped"] += 1
            continue
        computed = case.compute()
        for key, value in case.expected.items():
            slack = max(case.tolerance_abs, case.tolerance_rel * abs(value))
            assert abs(computed[key] - value) <= slack, (case.name, key, computed[key], value)
        counted["agree"] += 1
    return counted["agree"], counted["skipped"]


def margin(model, quantity, price=100.0, coins=None, underlying="SOL"):
    told = [] if coins is None else [(underlying, coins)]
    held = portfolio([(f"{underlying}_USDC-PERPETUAL", quantity)])
    found = margin_requirement(join(held, market_of_perpetuals({underlying: price}, told)), model)
    return found.initial, found.maintenance


def test_published_margins_of_dydx_agree(shared):
    read = dydx.cases(document(shared, "dydx/perp_margin_requirements.json"), DYDX, "dydx")
    assert agree(read) == (12, 2)


def test_published_measures_of_vega_agree(shared):
    read = vega.cases(document(shared, "vega/quant_risk_measures.json"), VEGA, "vega")
    assert agree(read) == (9, 1)


def test_published_levels_of_vega_agree(shared):
    read = vega.cases(document(shared, "vega/margin_levels.json"), VEGA, "vega")
    assert agree(read) == (7, 17)


def test_published_weights_of_drift_agree(shared):
    read = drift.cases(document(shared, "drift/size_weight_cases.json"), DRIFT, "drift")
    assert agree(read) == (15, 5)


@pytest.mark.parametrize("reader", [drift, dydx, vega])
@pytest.mark.parametrize("other", [None, {}, [1], {"cases": []}, {"cases": [{"fn": "x"}]}])
def test_a_document_of_another_shape_is_nobodys_case(reader, other):
    assert reader.cases(other, DYDX, "x") is None


def test_a_broken_case_is_named_with_its_key():
    with pytest.raises(BadNumber, match="price"):
        list(dydx.cases({"cases": [{"name": "x", "inputs": {"bigBaseQuantums": 1}}]}, DYDX, "f"))
    with pytest.raises(BadNumber, match="sigma"):
        list(vega.cases({"lognormal_var_es": [{"mu": 0.0}]}, VEGA, "f"))


@pytest.mark.parametrize(
    ("coins", "initial"),
    [
        # Class large: 10 %, caps 25 and 50 million; of 1,000 USD.
        (0.0, 100.0),
        (250_000.0, 100.0),
        (375_000.0, 550.0),
        (500_000.0, 1000.0),
        (5e6, 1000.0),
        # Nobody tells: 1 billion of the class.
        (None, 1000.0),
    ],
)
def test_initial_margin_rises_from_the_lower_cap_to_the_upper(coins, initial):
    assert margin(DYDX, -10, coins=coins) == pytest.approx((initial, 50.0))


def test_a_tier_without_an_upper_cap_does_not_rise():
    assert margin(DYDX, 1, 1e5, coins=1e9, underlying="BTC") == pytest.approx((5000.0, 3000.0))


def test_without_any_number_the_whole_notional_is_asked():
    """A missing number never lowers a margin."""
    classes = tuple(replace(each, open_interest_usd=None) for each in DYDX.classes)
    assert margin(replace(DYDX, classes=classes), 10) == pytest.approx((1000.0, 50.0))


@given(st.floats(0.0, 1e7), st.floats(0.0, 1e7))
def test_more_open_interest_never_lowers_the_requirement(one, other):
    less, more = sorted((one, other))
    before, after = (margin(DYDX, 10, coins=coins) for coins in (less, more))
    assert after[0] >= before[0]
    assert after[1] == before[1]


@pytest.mark.parametrize(
    ("tail", "horizon", "drift", "vol"), [(0.01, 1 / 365, 0.0, 0.9), (0.05, 0.1, 0.3, 0.6)]
)
def test_factors_are_the_expected_loss_by_quadrature(tail, horizon, drift, vol):
    """The mean of a lognormal price below its quantile, and above it, integrated."""
    deviation = vol * math.sqrt(horizon)
    price = lognorm(deviation, scale=math.exp(drift * horizon - 0.5 * deviation**2))
    low, high = price.ppf(tail), price.ppf(1.0 - tail)
    below = quad(lambda x: x * price.pdf(x), 0.0, low)[0] / tail
    above = quad(lambda x: x * price.pdf(x), high, high * math.exp(12 * deviation))[0] / tail
    chosen = ShortfallFactors(tail_probability=tail, horizon_years=horizon, drift_per_year=drift)
    found = chosen.of(vol)
    assert found.long_rel == pytest.approx(1.0 - below, rel=1e-7)
    assert found.short_rel == pytest.approx(above - 1.0, rel=1e-7)


def test_vega_by_hand():
    """σ of BTC 4.5 % a day, so over a day σ√τ = 0.045 and ES about 2.6652·0.045 either side."""
    long, short = margin(VEGA, 1, underlying="BTC"), margin(VEGA, -1, underlying="BTC")
    assert 0.05 < short[1] - long[1] < 2.0
    assert (long[1] + short[1]) / 2 == pytest.approx(100 * (2.6652 * 0.045 + 0.0005), rel=0.01)
    assert long[0] == pytest.approx(1.2 * long[1])


@given(st.floats(0.001, 0.4), st.floats(0.05, 3.0), st.floats(1.01, 2.0))
def test_factors_rise_with_volatility_and_fall_with_the_tail(tail, vol, more):
    def factors(tail, vol):
        chosen = ShortfallFactors(tail_probability=tail, horizon_years=0.01, drift_per_year=0.0)
        return chosen.of(vol)

    base, wilder, wider = factors(tail, vol), factors(tail, vol * more), factors(tail / more, vol)
    for other in (wilder, wider):
        assert other.long_rel >= base.long_rel
        assert other.short_rel >= base.short_rel
    assert 0.0 <= base.long_rel <= base.short_rel


def test_impossible_numbers_are_refused():
    for numbers in (
        {"initial_rel": 1.1},
        {"maintenance_share": 1.1},
        {"upper_cap_usd": 1.0},
        {"lower_cap_usd": math.nan},
    ):
        fine = {"initial_rel": 0.1, "maintenance_share": 0.5}
        caps = {"lower_cap_usd": 1.0, "upper_cap_usd": 2.0}
        with pytest.raises(BadParameter):
            OpenInterestTier(**(fine | caps | numbers))
    for numbers in ((0.0, 1.0, 0.0), (1.0, 1.0, 0.0), (0.1, 0.0, 0.0), (0.1, 1.0, math.nan)):
        with pytest.raises(BadParameter):
            ShortfallFactors(
                **dict(
                    zip(
                        ("tail_probability", "horizon_years", "drift_per_year"),
                        numbers,
                        strict=True,
                    )
                )
            )


def test_collateral_of_drift_counts_coins_at_the_weight_of_maintenance():
    [charge] = (each for each in DRIFT.charges if isinstance(each, SizeWeightCharge))
    for name, weights in charge.classes.items():
        assert DRIFT.collateral.factors[name] == weights.maintenance.asset


@pytest.mark.parametrize(
    ("quantity", "initial", "maintenance"),
    [
        # Class large, f 0.0005. A short perpetual of 1: no size to speak of.
        (-1.0, 20.0, 10.0),
        # Of 10,000: 0.8·0.2 + 0.05 = 0.21, and 0.8·0.1 + 0.05 = 0.13, of a million.
        (1e4, 210_000.0, 130_000.0),
    ],
)
def test_drift_by_hand(quantity, initial, maintenance):
    assert margin(DRIFT, quantity) == pytest.approx((initial, maintenance))


@pytest.mark.parametrize("name", ["SOL_USDC-PERPETUAL", "SOL"])
@given(st.floats(1.0, 1e8), st.sampled_from((-1.0, 1.0)))
def test_slopes_of_drift_are_those_of_its_amounts(name, size, side):
    """By a difference of sizes, unless a weight begins to turn just there."""
    begins = {1600.0, 6400.0, (1.1 / 0.7 - 1) ** 2 / 2.5e-7, (1.1 / 0.8 - 1) ** 2 / 2.5e-7}
    begins |= {(0.2 * w / 0.0005) ** 2 for w in (1.3, 1.2)}
    assume(all(abs(size / each - 1.0) > 2e-4 for each in begins))
    at = market_of_perpetuals({"SOL": 100.0})
    [charge] = (each for each in DRIFT.charges if isinstance(each, SizeWeightCharge))

    def on(factor):
        book = join(portfolio([(name, side * size * factor)]), at)
        return margin_requirement(book, DRIFT).charged[0]

    def costs(factor):
        found = charge.amounts(on(factor))
        return np.array([[each.initial, each.maintenance] for each in found]).sum(axis=0)

    here = charge.shares(on(1.0), np.zeros(1))
    slopes = here.slope_initial.sum(), here.slope_maintenance.sum()
    for up, down, slope in zip(costs(1.0001), costs(0.9999), slopes, strict=True):
        assert (up - down) / 0.0002 == pytest.approx(slope, rel=1e-3, abs=1e-3 * size)
