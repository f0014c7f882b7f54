"""American options without cash dividends: published and independent prices, laws, limits."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from itertools import product
from pathlib import Path
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
from tests.quantlib_options import american_option, process

spots = st.floats(40.0, 250.0)
vols = st.floats(0.02, 2.0)
tenors = st.floats(0.003, 5.0)
rates = st.floats(0.0, 0.3)
any_rates = st.floats(-0.1, 0.3)
calls = st.booleans()

# What a price on a strike of a hundred may be wrong by: the greatest error met.
ERROR_ABS = 3e-5


def european(
    spot: float, strike: float, vol: float, tenor: float, rate: float, pays: float, is_call: bool
) -> float:
    forward = spot * math.exp((rate - pays) * tenor)
    return float(black76.price(forward, strike, vol, tenor, is_call, math.exp(-rate * tenor)))


def vectors(shared: Path, section: str) -> list[dict[str, Any]]:
    path = shared / "vectors" / "quant" / "american.json"
    return json.loads(path.read_text(encoding="utf-8"))[section]


def on_a_row(row: dict[str, Any]) -> tuple[Any, ...]:
    return (*(row[name] for name in ("S", "K", "vol", "T", "r", "q")), row["cp"] == "c")


# ---------------------------------------------------------------- published and independent


def test_premiums_of_early_exercise_equal_reference_values(shared: Path) -> None:
    rows = vectors(shared, "values")
    assert len(rows) == 7
    for row in rows:
        premium = float(price(*on_a_row(row))) - row["european"]
        assert premium == pytest.approx(row["premium"], rel=0.0, abs=row["tol"])


def test_limits_equal_reference_values(shared: Path) -> None:
    rows = vectors(shared, "limits")
    assert len(rows) == 4
    for row in rows:
        assert float(price(*on_a_row(row))) == pytest.approx(row["price"], rel=1e-14)


def test_prices_equal_quantlib_at_its_most_precise() -> None:
    """Thirty nodes against our twelve: 5e-8 of a hundred, 5e-6 where a yield exceeds the rate."""
    scheme = ql.QdFpTanhSinhIterationScheme(30, 30, 1e-11)
    grid = product((80.0, 100.0, 130.0), (0.15, 0.8), (30, 730), (0.0, 0.04), (0.0, 0.04, 0.1))
    for spot, vol, days, rate, pays in grid:
        for is_call in (True, False):
            option = american_option(100.0, days, is_call)
            market = process(spot, vol, rate, pays)
            option.setPricingEngine(ql.QdFpAmericanEngine(market, scheme))
            ours = float(price(spot, 100.0, vol, days / 365.0, rate, pays, is_call))
            put_rate, put_yield = (pays, rate) if is_call else (rate, pays)
            accuracy = 5e-8 if put_yield <= put_rate else 5e-6
            assert ours == pytest.approx(option.NPV(), rel=0.0, abs=accuracy)


@pytest.mark.parametrize("is_call", [True, False], ids=["call", "put"])
@pytest.mark.parametrize("pays", [0.0, 0.04, 0.12])
def test_prices_are_near_a_naive_tree(is_call: bool, pays: float) -> None:
    option = (100.0, 105.0, 0.3, 0.75, 0.05, pays, is_call)
    trees = [naive.price(*option, steps=steps) for steps in (200, 201)]
    assert float(price(*option)) == pytest.approx(sum(trees) / 2.0, abs=1e-2)


@pytest.mark.parametrize("is_call", [True, False], ids=["call", "put"])
@pytest.mark.parametrize("r", [-0.02, -0.06])
def test_where_both_ends_are_held_prices_equal_quantlib(is_call: bool, r: float) -> None:
    """The yield is below a rate below 0 (for calls the other way): exercised between boundaries."""
    rate, pays = (r, r - 0.06) if not is_call else (r - 0.06, r)
    for spot in (60.0, 90.0, 120.0):
        option = american_option(100.0, 730, is_call)
        market = process(spot, 0.2, rate, pays)
        engine = ql.FdBlackScholesVanillaEngine(market, 800, 1600)
        option.setPricingEngine(engine)
        ours = float(price(spot, 100.0, 0.2, 2.0, rate, pays, is_call))
        assert ours == pytest.approx(option.NPV(), abs=2e-3)
        assert ours >= max(0.0, spot - 100.0 if is_call else 100.0 - spot)


# ---------------------------------------------------------------- laws


@given(spots, vols, tenors, any_rates, any_rates, calls)
def test_value_is_within_its_bounds(
    spot: float, vol: float, tenor: float, rate: float, pays: float, is_call: bool
) -> None:
    value = float(price(spot, 100.0, vol, tenor, rate, pays, is_call))
    slack = 1e-12 * (spot + 100.0)
    one_boundary = not min(rate, pays) < max(rate, pays) < 0.0
    if not one_boundary:
        slack = 1e-3 * (spot + 100.0)  # finite differences, at a volatility down to 2 %
    assert value >= naive.payoff(spot, 100.0, is_call)
    assert value >= european(spot, 100.0, vol, tenor, rate, pays, is_call) - slack
    bound = spot * math.exp(max(-pays * tenor, 0.0))
    if not is_call:
        bound = 100.0 * math.exp(max(-rate * tenor, 0.0))
    assert value <= bound + slack + ERROR_ABS


@given(spots, st.lists(vols, min_size=2, max_size=6), tenors, rates, rates, calls)
def test_value_does_not_fall_as_volatility_rises(
    spot: float, some: list[float], tenor: float, rate: float, pays: float, is_call: bool
) -> None:
    values = price(spot, 100.0, sorted(some), tenor, rate, pays, is_call)
    assert np.all(np.diff(values) >= -ERROR_ABS)


@given(vols, tenors, rates, rates, calls)
def test_value_moves_with_the_spot_by_at_most_one_and_is_convex(
    vol: float, tenor: float, rate: float, pays: float, is_call: bool
) -> None:
    values = price(np.linspace(50.0, 200.0, 61), 100.0, vol, tenor, rate, pays, is_call)
    slopes = np.diff(values) / 2.5
    assert np.all(slopes >= (0.0 if is_call else -1.0) - ERROR_ABS)
    assert np.all(slopes <= (1.0 if is_call else 0.0) + ERROR_ABS)
    assert np.all(np.diff(slopes) >= -2.0 * ERROR_ABS)


@given(spots, vols, st.lists(tenors, min_size=2, max_size=6), rates, rates, calls)
def test_value_does_not_fall_as_time_is_added(
    spot: float, vol: float, some: list[float], rate: float, pays: float, is_call: bool
) -> None:
    values = price(spot, 100.0, vol, sorted(some), rate, pays, is_call)
    assert np.all(np.diff(values) >= -ERROR_ABS)


@given(spots, vols, tenors, rates, rates)
def test_a_call_is_the_put_with_the_sides_exchanged(
    spot: float, vol: float, tenor: float, rate: float, pays: float
) -> None:
    call = price(spot, 100.0, vol, tenor, rate, pays, True)
    assert call == price(100.0, spot, vol, tenor, pays, rate, False)


@given(spots, vols, tenors, st.floats(0.0, 0.3), st.floats(-0.3, 0.0))
def test_what_is_never_exercised_early_is_european(
    spot: float, vol: float, tenor: float, high: float, low: float
) -> None:
    """A call that bears no yield at a rate ≥ 0; a put at a rate ≤ 0 that its yield exceeds."""
    call = float(price(spot, 100.0, vol, tenor, high, low, True))
    expected = european(spot, 100.0, vol, tenor, high, low, True)
    assert call == pytest.approx(expected, rel=1e-13, abs=1e-13 * spot)
    put = float(price(spot, 100.0, vol, tenor, low, high, False))
    expected = european(spot, 100.0, vol, tenor, low, high, False)
    assert put == pytest.approx(expected, rel=1e-13, abs=1e-11)


@given(spots, tenors, st.floats(-0.2, 0.3), st.floats(-0.2, 0.3), calls)
def test_without_volatility_the_best_moment_is_chosen(
    spot: float, tenor: float, rate: float, pays: float, is_call: bool
) -> None:
    ours = float(price(spot, 100.0, 0.0, tenor, rate, pays, is_call))
    searched = naive.without_volatility(spot, 100.0, tenor, rate, pays, is_call)
    assert searched <= ours * (1.0 + 1e-12) + 1e-10
    assert ours == pytest.approx(searched, abs=1e-3)


@pytest.mark.parametrize("pays", [0.0, 0.03, 0.05])
def test_an_endless_put_is_mertons(pays: float) -> None:
    """At 400 years and 5 % what is left of the strike is 2e-9 of it."""
    for spot in (70.0, 100.0, 140.0):
        expected = max(naive.perpetual_put(spot, 100.0, 0.25, 0.05, pays), 100.0 - spot)
        ours = float(price(spot, 100.0, 0.25, 400.0, 0.05, pays, False))
        assert ours == pytest.approx(expected, rel=1e-4)


def test_deep_in_the_money_the_payoff_is_taken_at_once() -> None:
    np.testing.assert_array_equal(
        price([30.0, 50.0, 60.0], 100.0, 0.2, 1.0, 0.08, 0.0, False), [70.0, 50.0, 40.0]
    )
    assert float(price(300.0, 100.0, 0.2, 1.0, 0.0, 0.08, True)) == 200.0


@pytest.mark.parametrize("spot", [0.0, 80.0, 120.0])
def test_at_expiry_and_at_a_strike_of_nil_only_the_payoff_is_left(spot: float) -> None:
    for is_call in (True, False):
        expired = price(spot, 100.0, 0.3, 0.0, 0.05, 0.02, is_call)
        assert float(expired) == naive.payoff(spot, 100.0, is_call)
        unstruck = price(spot, 0.0, 0.3, 1.0, 0.05, 0.0, is_call)
        assert float(unstruck) == pytest.approx(spot if is_call else 0.0, rel=1e-15)
    assert float(price(0.0, 100.0, 0.3, 1.0, 0.05, 0.02, False)) == 100.0


# ---------------------------------------------------------------- Greeks


@pytest.mark.parametrize("is_call", [True, False], ids=["call", "put"])
@pytest.mark.parametrize(("rate", "pays"), [(0.05, 0.0), (0.03, 0.06), (0.0, 0.04)])
def test_greeks_equal_quantlib(is_call: bool, rate: float, pays: float) -> None:
    for spot in (85.0, 100.0, 125.0):
        option = american_option(100.0, 365, is_call)
        market = process(spot, 0.3, rate, pays)
        option.setPricingEngine(ql.FdBlackScholesVanillaEngine(market, 800, 1600))
        ours = greeks(spot, 100.0, 0.3, 1.0, rate, pays, is_call)
        assert float(ours.delta) == pytest.approx(option.delta(), abs=2e-4)
        assert float(ours.gamma) == pytest.approx(option.gamma(), abs=2e-5)
        assert float(ours.theta_per_year) == pytest.approx(option.theta(), abs=5e-3)


@given(st.floats(85.0, 120.0), st.floats(0.15, 1.0), st.floats(0.1, 2.0))
def test_european_greeks_are_blacks(spot: float, vol: float, tenor: float) -> None:
    """Of a call without yield, by the chain rule from forward to spot."""
    rate = 0.03
    per_spot, discount = math.exp(rate * tenor), math.exp(-rate * tenor)
    ours = greeks(spot, 100.0, vol, tenor, rate, 0.0, True)
    theirs = black76.greeks(spot * per_spot, 100.0, vol, tenor, True, discount)
    # Truncation: the square of a fiftieth of a standard deviation over 6, and the fourth slope.
    assert float(ours.delta) == pytest.approx(float(theirs.delta) * per_spot, abs=1e-4)
    assert float(ours.gamma) == pytest.approx(float(theirs.gamma) * per_spot**2, rel=1e-3)
    assert float(ours.vega_per_unit_vol) == pytest.approx(
        float(theirs.vega_per_unit_vol), rel=1e-3, abs=1e-3
    )
    strike_side = float(price(spot, 100.0, vol, tenor, rate, 0.0, True)) - spot * float(ours.delta)
    expected = float(theirs.theta_per_year) + rate * strike_side
    assert float(ours.theta_per_year) == pytest.approx(expected, rel=2e-3, abs=1e-2)


def test_theta_is_what_waiting_brings() -> None:
    spot = np.array([88.0, 100.0, 120.0])
    for rate, pays, is_call in ((0.05, 0.0, False), (0.02, 0.06, True)):
        early, late = (price(spot, 100.0, 0.3, t, rate, pays, is_call) for t in (1.001, 0.999))
        ours = greeks(spot, 100.0, 0.3, 1.0, rate, pays, is_call)
        np.testing.assert_allclose(ours.theta_per_year, (late - early) / 0.002, rtol=2e-3)


def test_greeks_of_what_is_exercised_are_the_payoffs() -> None:
    measures = greeks(50.0, 100.0, 0.2, 1.0, 0.08, 0.0, False)
    assert float(measures.delta) == pytest.approx(-1.0, abs=1e-12)
    assert float(measures.gamma) == pytest.approx(0.0, abs=1e-9)
    assert float(measures.vega_per_unit_vol) == float(measures.theta_per_year) == 0.0
    expired = greeks([90.0, 110.0], 100.0, 0.3, 0.0, 0.05, 0.0, True)
    np.testing.assert_allclose(expired.delta, [0.0, 1.0], atol=1e-12)
    for name in ("gamma", "vega_per_unit_vol", "theta_per_year"):
        np.testing.assert_array_equal(getattr(expired, name), 0.0)


# ---------------------------------------------------------------- arrays, errors, compilation


def test_rows_are_priced_as_if_alone_whatever_stands_beside_them() -> None:
    strikes, flags = np.array([[90.0], [100.0], [110.0]]), np.array([True, False, False])
    vols = np.array([0.3, 0.3, 0.0])
    values = price(100, strikes, vols, 0.5, 0.05, 0.02, flags)
    assert values.shape == (3, 3)
    for (row, column), value in np.ndenumerate(values):
        option = (100.0, strikes[row, 0], vols[column], 0.5, 0.05, 0.02, flags[column])
        assert price(*option) == value
    assert price([], 100.0, 0.3, 0.5, 0.05, 0.02, True).shape == (0,)
    assert greeks(100.0, strikes, vols, 0.5, 0.05, 0.02, flags).delta.shape == (3, 3)


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        *product(["spot", "strike", "vol", "tenor_years"], [math.nan, math.inf, -1.0]),
        *product(["rate", "dividend_yield"], [math.nan, -math.inf]),
    ],
)
def test_impossible_number_is_refused_with_its_name_and_place(name: str, bad: float) -> None:
    option: dict[str, Any] = {
        "spot": 100.0,
        "strike": 100.0,
        "vol": 0.3,
        "tenor_years": 1.0,
        "rate": 0.05,
        "dividend_yield": 0.0,
        "is_call": True,
    }
    option[name] = [0.5, bad]
    for function in (price, greeks):
        with pytest.raises(BadNumber, match=rf"{name} is {bad} \({name}, element 1\)"):
            function(**option)


def test_percents_for_rates_and_a_spot_without_greeks_are_refused() -> None:
    with pytest.raises(BadNumber, match=r"a rate of 5.0 .* over 7.0 years \(.*element 1\)"):
        price(100.0, 100.0, 0.3, [1.0, 7.0], 5.0, 0.0, False)
    with pytest.raises(BadNumber, match=r"spot of 0 .*element 1"):
        greeks([1.0, 0.0], 100.0, 0.3, 1.0, 0.05, 0.0, False)
    with pytest.raises(BadNumber, match="not booleans"):
        price(100.0, 100.0, 0.3, 1.0, 0.05, 0.0, "put")


def test_percents_for_volatilities_are_refused() -> None:
    for function in (price, greeks):
        with pytest.raises(BadNumber, match=r"volatility of 65.0 over 0.25 years \(vol, element 1"):
            function(100.0, 100.0, [0.65, 65.0], 0.25, 0.05, 0.0, False)


@pytest.mark.parametrize(("nodes", "steps"), [(3, 100), (0, 100), (-1, 100), (401, 0), (401, -5)])
def test_a_grid_too_small_to_read_is_refused(nodes: int, steps: int) -> None:
    row = (100.0, 100.0, 0.3, 1.0, 0.05, 0.0, False)
    with pytest.raises(BadNumber, match=f"a grid of {nodes} nodes and {steps} steps"):
        price(*row, [(0.5, 1.0)], nodes=nodes, steps=steps)
    least = float(price(*row, [(0.5, 1.0)], nodes=4, steps=1))
    assert 0.0 < least < 100.0


def test_a_value_beyond_doubles_is_refused() -> None:
    with pytest.raises(BadNumber, match=r"spot of 1e\+308 .* beyond doubles"):
        price([100.0, 1e308], 100.0, 0.3, 1.0, 0.0, -1.0, True)


WITHOUT_JIT = """
import json, sys
from seawall.pricing.american import price
assert "numba" not in sys.modules
rows, few = json.load(sys.stdin)
paid = price(**few, dividends=[(0.1, 2.0), (0.3, 1.0)], nodes=41, steps=10)
json.dump([price(**rows).tolist(), paid.tolist()], sys.stdout)
"""


def test_plain_python_kernels_give_the_compiled_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEAWALL_DISABLE_JIT", "1")
    rows = {
        "spot": [100.0, 90.0, 120.0, 80.0, 100.0],
        "strike": [100.0, 100.0, 110.0, 100.0, 100.0],
        "vol": [0.3, 0.3, 0.5, 0.2, 0.0],
        "tenor_years": [0.5, 0.5, 1.0, 1.0, 1.0],
        "rate": [0.05, 0.05, 0.02, 0.01, 0.05],
        "dividend_yield": [0.0, 0.0, 0.06, 0.03, 0.01],
        "is_call": [False, False, True, False, True],
    }
    few = {name: values[:2] for name, values in rows.items()}
    plain = subprocess.run(
        [sys.executable, "-c", WITHOUT_JIT],
        input=json.dumps([rows, few]),
        capture_output=True,
        check=True,
        text=True,
    )
    paid = price(**few, dividends=[(0.1, 2.0), (0.3, 1.0)], nodes=41, steps=10)
    for ours, theirs in zip((price(**rows), paid), json.loads(plain.stdout), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10)
