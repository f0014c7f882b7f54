"""Volatilities implied by American prices: round trips, outcomes; roots of many functions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import QuantLib as ql  # noqa: N813
from hypothesis import given
from hypothesis import strategies as st

from seawall.basics.errors import BadNumber
from seawall.pricing import black76
from seawall.pricing.american import greeks, implied_vol, price
from seawall.pricing.results import ImpliedVolStatus
from seawall.pricing.roots import bracketed_roots
from tests.naive.american import payoff
from tests.quantlib_options import american_option, process

DIVIDENDS = [(0.1, 1.0), (0.35, 1.0), (0.6, 1.0)]


@given(
    st.floats(60.0, 150.0),
    st.floats(0.05, 2.0),
    st.floats(0.02, 3.0),
    st.floats(0.0, 0.1),
    st.floats(0.0, 0.1),
    st.booleans(),
)
def test_volatility_survives_price_and_back(
    spot: float, vol: float, tenor: float, rate: float, pays: float, is_call: bool
) -> None:
    """Where the price tells one: to 1e-6 of a volatility point per unit of vega."""
    row = (spot, 100.0, tenor, rate, pays, is_call)
    value = float(price(spot, 100.0, vol, tenor, rate, pays, is_call))
    found = implied_vol(value, *row)
    certain = float(price(spot, 100.0, 0.0, tenor, rate, pays, is_call))
    if not found.solved:
        assert value - certain <= 2e-10 * max(spot, 100.0)
        return
    vega = float(greeks(spot, 100.0, vol, tenor, rate, pays, is_call).vega_per_unit_vol)
    assert abs(float(found.sigma) - vol) * vega <= 1e-5


def test_volatilities_survive_dividends() -> None:
    vols = np.array([0.15, 0.3, 0.8])
    spots = np.array([[80.0], [100.0], [125.0]])
    for is_call in (True, False):
        row = (0.75, 0.04, 0.0, is_call, DIVIDENDS)
        values = price(spots, 100.0, vols, *row)
        found = implied_vol(values, spots, 100.0, *row)
        given_back = price(spots, 100.0, np.where(found.solved, found.sigma, 0.0), *row)
        np.testing.assert_allclose(given_back, values, atol=1e-8)
        assert np.count_nonzero(found.solved) >= 8


def test_volatility_equals_quantlibs_price_of_it() -> None:
    for spot, is_call in ((95.0, False), (100.0, True), (110.0, False)):
        option = american_option(100.0, 250, is_call)
        market = process(spot, 0.27, 0.05, 0.03)
        scheme = ql.QdFpAmericanEngine.highPrecisionScheme()
        option.setPricingEngine(ql.QdFpAmericanEngine(market, scheme))
        found = implied_vol(option.NPV(), spot, 100.0, 250 / 365, 0.05, 0.03, is_call)
        assert float(found.sigma) == pytest.approx(0.27, abs=1e-6)


def test_a_call_without_yield_has_blacks_volatility() -> None:
    spots = np.array([85.0, 100.0, 120.0])
    forward, discount = spots * math.exp(0.04), math.exp(-0.04)
    values = black76.price(forward, 100.0, 0.35, 1.0, True, discount)
    found = implied_vol(values, spots, 100.0, 1.0, 0.04, 0.0, True)
    np.testing.assert_allclose(found.sigma, 0.35, rtol=1e-9)


OUTCOMES = {
    "a fair put": ((12.0, 100.0, 100.0, 1.0, 0.05, 0.0, False), ImpliedVolStatus.SOLVED),
    "a put worth its exercise": (
        (30.0, 70.0, 100.0, 1.0, 0.05, 0.0, False),
        ImpliedVolStatus.AT_INTRINSIC,
    ),
    "less than exercise": (
        (29.9, 70.0, 100.0, 1.0, 0.05, 0.0, False),
        ImpliedVolStatus.BELOW_INTRINSIC,
    ),
    "less than what waiting is sure of": (
        (21.0, 120.0, 100.0, 1.0, 0.05, 0.0, True),
        ImpliedVolStatus.BELOW_INTRINSIC,
    ),
    "worth nothing": ((0.0, 120.0, 100.0, 1.0, 0.05, 0.0, False), ImpliedVolStatus.AT_INTRINSIC),
    "spot below nil": ((10.0, -5.0, 100.0, 1.0, 0.05, 0.0, True), ImpliedVolStatus.NO_OPTIONALITY),
    "negative": ((-1.0, 120.0, 100.0, 1.0, 0.05, 0.0, False), ImpliedVolStatus.BELOW_INTRINSIC),
    "a call worth the spot": (
        (100.0, 100.0, 90.0, 1.0, 0.05, 0.0, True),
        ImpliedVolStatus.ABOVE_UPPER_BOUND,
    ),
    "a put worth its strike": (
        (90.0, 100.0, 90.0, 1.0, 0.05, 0.0, False),
        ImpliedVolStatus.ABOVE_UPPER_BOUND,
    ),
    "all but the strike": (
        (90.0 - 1e-12, 100.0, 90.0, 1.0, 0.05, 0.0, False),
        ImpliedVolStatus.ABOVE_UPPER_BOUND,
    ),
    "expired": ((10.0, 100.0, 100.0, 0.0, 0.05, 0.0, True), ImpliedVolStatus.NO_OPTIONALITY),
    "without a spot": ((10.0, 0.0, 100.0, 1.0, 0.05, 0.0, True), ImpliedVolStatus.NO_OPTIONALITY),
    "strike of nil": ((10.0, 100.0, 0.0, 1.0, 0.05, 0.0, True), ImpliedVolStatus.NO_OPTIONALITY),
    "unquoted": ((math.nan, 100.0, 100.0, 1.0, 0.05, 0.0, True), ImpliedVolStatus.NOT_FINITE),
    "rate unknown": ((10.0, 100.0, 100.0, 1.0, math.nan, 0.0, True), ImpliedVolStatus.NOT_FINITE),
    "endless spot": ((10.0, math.inf, 100.0, 1.0, 0.05, 0.0, True), ImpliedVolStatus.NOT_FINITE),
}


@pytest.mark.parametrize("dividends", [[], [(0.5, 0.0)]], ids=["boundary", "differences"])
def test_each_row_says_why_it_has_no_volatility_and_leaves_the_others_alone(
    dividends: list[tuple[float, float]],
) -> None:
    rows = [row for row, _ in OUTCOMES.values()]
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    found = implied_vol(*columns, dividends)
    outcomes = [ImpliedVolStatus(int(code)) for code in found.status]
    assert dict(zip(OUTCOMES, outcomes, strict=True)) == {
        case: status for case, (_, status) in OUTCOMES.items()
    }
    np.testing.assert_array_equal(np.isfinite(found.sigma), found.solved)
    alone = implied_vol(*rows[0], dividends)
    assert alone.sigma.shape == ()
    assert float(alone.sigma) == found.sigma[0]


@pytest.mark.parametrize("spot", [60.0, 95.0, 130.0])
def test_prices_just_above_exercise_are_solved_at_the_volatility_that_ends_it(spot: float) -> None:
    """A hair above the payoff is a volatility above those at which exercise is due."""
    low = payoff(spot, 100.0, False)
    found = implied_vol(low + 1e-6, spot, 100.0, 1.0, 0.05, 0.0, False)
    assert found.solved
    assert float(price(spot, 100.0, found.sigma, 1.0, 0.05, 0.0, False)) == pytest.approx(
        low + 1e-6, abs=1e-8
    )


def test_percents_for_rates_are_refused_and_so_are_flags_that_are_none() -> None:
    with pytest.raises(BadNumber, match=r"a rate of 5.0 .* over 7.0 years .*element 1"):
        implied_vol([math.nan, 10.0], 100.0, 100.0, 7.0, 5.0, 0.0, True)
    with pytest.raises(BadNumber, match="not booleans"):
        implied_vol(10.0, 100.0, 100.0, 1.0, 0.05, 0.0, "put")


# ---------------------------------------------------------------- the search


def test_many_roots_are_found_at_once_and_each_is_asked_for_no_longer_than_needed() -> None:
    """Smooth, steep, flat on one side, and with a jump for a root."""
    functions = [
        lambda x: x - 0.3,
        lambda x: math.expm1(40.0 * (x - 0.7)),
        lambda x: max(x - 0.5, 0.0) ** 3 - 1e-6,
        lambda x: -1.0 if x < 0.123456789 else 1.0,
        lambda x: x - 1.0,
    ]
    expected = [0.3, 0.7, 0.51, 0.123456789, 1.0]
    asked = [0] * len(functions)

    def values(x: np.ndarray, rows: np.ndarray) -> np.ndarray:
        for row in rows:
            asked[row] += 1
        return np.array([functions[row](at) for row, at in zip(rows, x, strict=True)])

    ends = [np.array([function(end) for function in functions]) for end in (0.0, 1.0)]
    found = bracketed_roots(values, np.zeros(5), np.ones(5), *ends, 1e-12)
    np.testing.assert_allclose(found, expected, atol=2e-12)
    assert asked[0] <= 3  # a straight line
    assert max(asked) <= 45  # 40 halvings make 1e-12 of 1
    assert asked[1] < asked[3]


@given(st.floats(-5.0, 5.0), st.floats(0.1, 3.0), st.floats(-10.0, -1e-3), st.floats(1e-3, 10.0))
def test_a_root_is_between_its_ends(
    centre: float, steepness: float, low: float, high: float
) -> None:
    def values(x: np.ndarray, rows: np.ndarray) -> np.ndarray:
        return np.tanh(steepness * (x - centre)) + 0.0 * rows

    row = np.zeros(1, np.intp)
    lower, upper = np.array([centre + low]), np.array([centre + high])
    ends = values(lower, row), values(upper, row)
    found = bracketed_roots(values, lower, upper, *ends, 1e-10)
    assert float(found[0]) == pytest.approx(centre, abs=2e-10)
