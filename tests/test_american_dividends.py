"""American options with cash dividends: an independent library, a naive tree, exact limits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import QuantLib as ql  # noqa: N813
from hypothesis import given
from hypothesis import strategies as st

from seawall.basics.errors import BadNumber
from seawall.pricing import black76
from seawall.pricing.american import greeks, price
from tests.naive import american as naive
from tests.quantlib_options import TODAY, american_option, process

# What a price on a strike of a hundred may be wrong by at the usual nodes and steps.
ERROR_ABS = 2e-3

Dividends = list[tuple[float, float]]


def black(
    spot: float, strike: float, vol: float, tenor: float, rate: float, is_call: bool
) -> float:
    forward, discount = spot * math.exp(rate * tenor), math.exp(-rate * tenor)
    return float(black76.price(forward, strike, vol, tenor, is_call, discount))


# ---------------------------------------------------------------- independent prices


CASES: dict[str, tuple[tuple[Any, ...], list[tuple[int, float]]]] = {
    "call, twice a year": ((100.0, 0.3, 365, 0.05, True), [(90, 2.0), (270, 2.0)]),
    "put, twice a year": ((100.0, 0.3, 365, 0.05, False), [(90, 2.0), (270, 2.0)]),
    "put in the money": ((92.0, 0.2, 200, 0.03, False), [(30, 1.0), (120, 1.0)]),
    "call, each quarter": (
        (120.0, 0.4, 500, 0.04, True),
        [(20, 1.0), (110, 1.0), (200, 1.0), (290, 1.0), (380, 1.0), (470, 1.0)],
    ),
    "a special dividend": ((85.0, 0.6, 60, 0.05, True), [(30, 8.0)]),
    "ex tomorrow": ((100.0, 0.15, 30, 0.05, True), [(1, 3.0)]),
    "ex on the eve of expiry": ((105.0, 0.15, 30, 0.05, False), [(29, 3.0)]),
    "rates below nil": ((100.0, 0.25, 300, -0.02, False), [(100, 1.5), (250, 1.5)]),
}


@pytest.mark.parametrize("case", CASES)
def test_prices_equal_quantlib(case: str) -> None:
    """FdBlackScholesVanillaEngine(process, DividendVector, tGrid, xGrid), whose spot jumps too."""
    (spot, vol, days, rate, is_call), paid = CASES[case]
    option = american_option(100.0, days, is_call)
    schedule = ql.DividendVector([TODAY + day for day, _ in paid], [amount for _, amount in paid])
    market = process(spot, vol, rate, 0.0)
    option.setPricingEngine(ql.FdBlackScholesVanillaEngine(market, schedule, 800, 1600))
    dividends = [(day / 365.0, amount) for day, amount in paid]
    row = (spot, 100.0, vol, days / 365.0, rate, 0.0, is_call, dividends)
    assert float(price(*row)) == pytest.approx(option.NPV(), abs=ERROR_ABS)
    # Theirs changes by as much when its grid is doubled.
    assert float(price(*row, nodes=1601, steps=800)) == pytest.approx(option.NPV(), abs=5e-4)


@pytest.mark.parametrize("is_call", [True, False], ids=["call", "put"])
@pytest.mark.parametrize("dividends", [[(0.4, 5.0)], [(0.25, 2.0), (0.7, 2.0)]], ids=["one", "two"])
def test_prices_are_near_a_naive_tree(dividends: Dividends, is_call: bool) -> None:
    row = (100.0, 104.0, 0.3, 0.8, 0.05, 0.01, is_call, dividends)
    trees = [naive.price(*row, steps=steps) for steps in (24, 25)]
    assert float(price(*row)) == pytest.approx(sum(trees) / 2.0, abs=5e-2)


@pytest.mark.parametrize("is_call", [True, False], ids=["call", "put"])
@pytest.mark.parametrize(
    ("vol", "tenor", "rate", "pays"),
    [
        (0.25, 1.0, 0.05, 0.0),
        (0.65, 0.08, 0.05, 0.02),
        (0.2, 2.0, 0.03, 0.06),
        (1.0, 0.5, 0.0, 0.1),
    ],
)
def test_a_dividend_of_nil_leaves_the_price_of_the_other_method(
    vol: float, tenor: float, rate: float, pays: float, is_call: bool
) -> None:
    spots = 100.0 * np.exp(vol * math.sqrt(tenor) * np.linspace(-2.0, 2.0, 25))
    row = (spots, 100.0, vol, tenor, rate, pays, is_call)
    exact = price(*row)
    coarse = price(*row, [(0.5 * tenor, 0.0)]) - exact
    fine = price(*row, [(0.5 * tenor, 0.0)], nodes=1601, steps=400) - exact
    assert np.max(np.abs(coarse)) < ERROR_ABS
    # Nodes four times as close: the error falls with the square.
    assert np.max(np.abs(fine)) < max(0.2 * np.max(np.abs(coarse)), 2e-5)


# ---------------------------------------------------------------- exact limits


@given(st.floats(70.0, 140.0), st.floats(0.1, 1.0), st.floats(0.1, 2.0), st.booleans())
def test_a_dividend_in_a_moment_is_off_the_spot(
    spot: float, vol: float, tenor: float, is_call: bool
) -> None:
    ours = float(price(spot, 100.0, vol, tenor, 0.03, 0.0, is_call, [(1e-9, 4.0)]))
    after = float(price(spot - 4.0, 100.0, vol, tenor, 0.03, 0.0, is_call))
    expected = max(after, naive.payoff(spot, 100.0, is_call))
    assert ours == pytest.approx(expected, abs=2.0 * ERROR_ABS)


@given(st.floats(70.0, 140.0), st.floats(0.1, 1.0), st.floats(0.1, 2.0))
def test_a_dividend_at_expiry_is_on_the_strike_of_a_put(
    spot: float, vol: float, tenor: float
) -> None:
    """Without a rate it is held to the end, for min(S − 4, 0) below the strike: 104 less 4."""
    ours = float(price(spot, 100.0, vol, tenor, 0.0, 0.0, False, [(tenor, 4.0)]))
    expected = black(spot, 104.0, vol, tenor, 0.0, False) - black(spot, 4.0, vol, tenor, 0.0, False)
    assert ours == pytest.approx(expected, abs=2.0 * ERROR_ABS)


@given(st.floats(70.0, 140.0), st.floats(0.1, 1.0), st.floats(0.1, 2.0))
def test_a_call_escapes_a_dividend_at_expiry(spot: float, vol: float, tenor: float) -> None:
    ours = float(price(spot, 100.0, vol, tenor, 0.02, 0.0, True, [(tenor, 4.0)]))
    expected = black(spot, 100.0, vol, tenor, 0.02, True)
    assert ours == pytest.approx(expected, abs=2.0 * ERROR_ABS)


def test_a_call_on_what_pays_all_it_is_worth_is_exercised_before() -> None:
    """After the ex-date nothing is left: it is the option that expires with it."""
    ours = price([80.0, 100.0, 130.0], 100.0, 0.3, 1.0, 0.04, 0.0, True, [(0.5, 1e6)])
    expected = [black(spot, 100.0, 0.3, 0.5, 0.04, True) for spot in (80.0, 100.0, 130.0)]
    np.testing.assert_allclose(ours, expected, atol=1e-1)
    put = price([80.0, 100.0], 100.0, 0.3, 1.0, 0.0, 0.0, False, [(0.5, 1e6)])
    np.testing.assert_allclose(put, 100.0, rtol=1e-12)


@pytest.mark.parametrize("is_call", [True, False], ids=["call", "put"])
def test_without_volatility_the_path_is_searched(is_call: bool) -> None:
    """Exercise at once, on the eve of the ex-date, after it, or at the end."""
    rate, paid, when = 0.06, 8.0, 0.5
    for spot in (60.0, 90.0, 100.0, 103.0, 110.0):
        eve = spot * math.exp(rate * when)
        end = (eve - paid) * math.exp(rate * when)
        moments = [(0.0, spot), (when, eve), (when, eve - paid), (1.0, end)]
        best = max(math.exp(-rate * t) * naive.payoff(s, 100.0, is_call) for t, s in moments)
        ours = price(spot, 100.0, 0.0, 1.0, rate, 0.0, is_call, [(when, paid)])
        assert float(ours) == pytest.approx(best, rel=1e-12, abs=1e-12)


def test_dividends_gone_or_after_expiry_concern_nobody() -> None:
    tenors = np.array([0.2, 1.0])
    row = (100.0, 100.0, 0.3, tenors, 0.05, 0.0, True)
    np.testing.assert_array_equal(price(*row, [(-0.1, 5.0), (0.0, 5.0), (1.5, 5.0)]), price(*row))
    both = price(*row, [(0.5, 5.0)])
    assert both[0] == price(*row)[0]
    assert both[1] < price(*row)[1]


def test_order_of_rows_does_not_matter_and_equal_days_add_up() -> None:
    row = (100.0, 100.0, 0.3, 1.0, 0.05, 0.0, False)
    value = price(*row, [(0.25, 2.0), (0.75, 3.0)])
    assert price(*row, [(0.75, 3.0), (0.25, 2.0)]) == value
    split = price(*row, [(0.25, 1.0), (0.25, 1.0), (0.75, 3.0)])
    assert float(split) == pytest.approx(float(value), abs=1e-3)


# ---------------------------------------------------------------- laws


schedules = st.lists(st.tuples(st.floats(0.01, 2.0), st.floats(0.0, 6.0)), min_size=1, max_size=5)


@given(st.floats(0.03, 1.5), st.floats(0.02, 2.0), st.floats(-0.03, 0.1), schedules, st.booleans())
def test_values_over_spots_are_within_bounds_monotone_and_convex(
    vol: float, tenor: float, rate: float, dividends: Dividends, is_call: bool
) -> None:
    spots = np.linspace(40.0, 200.0, 65)
    values = price(spots, 100.0, vol, tenor, rate, 0.0, is_call, dividends)
    payoff = np.maximum(spots - 100.0 if is_call else 100.0 - spots, 0.0)
    bound = spots if is_call else 100.0 * math.exp(max(-rate * tenor, 0.0))
    assert np.all(values >= payoff)
    assert np.all(values <= bound + 1e-9)
    slopes = np.diff(values) / 2.5
    slack = 10.0 * ERROR_ABS
    assert np.all(slopes >= (0.0 if is_call else -max(1.0, math.exp(-rate * tenor))) - slack)
    assert np.all(slopes <= (1.0 if is_call else 0.0) + slack)
    assert np.all(np.diff(slopes) >= -slack)


@given(st.floats(60.0, 150.0), st.floats(0.05, 1.0), st.floats(0.1, 2.0), schedules)
def test_dividends_are_for_puts_and_against_calls(
    spot: float, vol: float, tenor: float, dividends: Dividends
) -> None:
    row = (spot, 100.0, vol, tenor, 0.04, 0.0)
    with_them = price(*row, [True, False], dividends)
    without = price(*row, [True, False])
    assert with_them[0] <= without[0] + ERROR_ABS
    assert with_them[1] >= without[1] - ERROR_ABS


@given(st.floats(60.0, 150.0), st.lists(st.floats(0.05, 1.5), min_size=2), schedules, st.booleans())
def test_value_does_not_fall_as_volatility_rises(
    spot: float, some: list[float], dividends: Dividends, is_call: bool
) -> None:
    values = price(spot, 100.0, sorted(some), 1.0, 0.04, 0.0, is_call, dividends)
    assert np.all(np.diff(values) >= -2.0 * ERROR_ABS)


# ---------------------------------------------------------------- Greeks, arrays, errors


@pytest.mark.parametrize("is_call", [True, False], ids=["call", "put"])
def test_greeks_equal_quantlib(is_call: bool) -> None:
    paid = [(60, 1.5), (240, 1.5)]
    schedule = ql.DividendVector([TODAY + day for day, _ in paid], [amount for _, amount in paid])
    dividends = [(day / 365.0, amount) for day, amount in paid]
    for spot in (88.0, 100.0, 115.0):
        option = american_option(100.0, 365, is_call)
        market = process(spot, 0.3, 0.04, 0.0)
        option.setPricingEngine(ql.FdBlackScholesVanillaEngine(market, schedule, 400, 1600))
        ours = greeks(spot, 100.0, 0.3, 1.0, 0.04, 0.0, is_call, dividends)
        assert float(ours.delta) == pytest.approx(option.delta(), abs=5e-4)
        assert float(ours.gamma) == pytest.approx(option.gamma(), abs=2e-4)
        assert float(ours.theta_per_year) == pytest.approx(option.theta(), abs=5e-2)
        up, down = (price(spot, 100.0, v, 1.0, 0.04, 0.0, is_call, dividends) for v in (0.31, 0.29))
        assert float(ours.vega_per_unit_vol) == pytest.approx(float(up - down) / 0.02, rel=5e-3)


def test_spots_that_share_a_solution_have_the_values_they_have_alone() -> None:
    spots, vols = np.linspace(60.0, 160.0, 20), np.array([[0.2], [0.4]])
    together = price(spots, 100.0, vols, 0.7, 0.04, 0.0, False, [(0.3, 2.0)])
    assert together.shape == (2, 20)
    for (row, column), value in np.ndenumerate(together):
        alone = price(spots[column], 100.0, vols[row, 0], 0.7, 0.04, 0.0, False, [(0.3, 2.0)])
        assert alone == value


def test_far_spots_are_those_of_certainty() -> None:
    """Beyond the grid, five standard deviations out, volatility no longer matters."""
    ours = price([1.0, 1e4], 100.0, 0.3, 1.0, 0.05, 0.0, [[True], [False]], [(0.5, 2.0)])
    kept = 2.0 * math.exp(-0.025) + 100.0 * math.exp(-0.05)
    np.testing.assert_allclose(ours, [[0.0, 1e4 - kept], [99.0, 0.0]], atol=1e-9)


@pytest.mark.parametrize(
    ("dividends", "message"),
    [
        ([0.5, 2.0], r"shape \(2,\)"),
        ([[0.5, 2.0, 1.0]], r"shape \(1, 3\)"),
        ([(0.5, 2.0), (0.7, -1.0)], r"-1.0 \(dividends, amounts, element 1\)"),
        ([(math.nan, 2.0)], r"nan \(dividends, times, element 0\)"),
        ([(0.5, math.inf)], r"inf \(dividends, amounts, element 0\)"),
    ],
)
def test_impossible_dividends_are_refused(dividends: Any, message: str) -> None:
    with pytest.raises(BadNumber, match=message):
        price(100.0, 100.0, 0.3, 1.0, 0.05, 0.0, True, dividends)


def test_a_dividend_of_another_currency_is_refused_where_it_counts() -> None:
    row = (100.0, [1e-3, 0.0], 0.3, 1.0, 0.05, 0.0, True)
    with pytest.raises(BadNumber, match=r"a dividend of 1e\+308 beside a strike of 0.001"):
        price(*row, [(0.5, 1e308), (0.6, 1e308)])
    np.testing.assert_array_equal(price(*row, [(1.5, 1e308)]), price(*row))
