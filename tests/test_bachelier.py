"""Bachelier: 360-digit arithmetic, an independent library, laws of prices, exact inversion."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from itertools import product

import numpy as np
import pytest
import QuantLib as ql  # noqa: N813
from hypothesis import assume, example, given
from hypothesis import strategies as st

from seawall.basics.errors import BadNumber
from seawall.pricing.bachelier import greeks, implied_vol, price
from seawall.pricing.results import ImpliedVolStatus
from tests.naive import bachelier as naive

prices = st.floats(-1e4, 1e4)
vols = st.floats(0.01, 1e4)
tenors = st.floats(1e-5, 3.0)
calls = st.booleans()

# |F − K| over σ√T, from at the money to where a double ends.
DISTANCES = (1e-9, 1e-3, 0.2, 1.0, 2.5, 5.0, 8.0, 11.99, 12.01, 20.0, 30.0, 36.9)


# ---------------------------------------------------------------- accuracy


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("is_call", [True, False], ids=["call", "put"])
def test_prices_equal_exact_arithmetic(distance: float, is_call: bool) -> None:
    """From −37.63, as oil once settled, to either side, out of the money and in."""
    for side in (-1.0, 1.0):
        option = (-37.63, -37.63 + side * distance, 2.0, 0.25, is_call)
        exact = float(naive.price(*option))
        # The rounding of |F − K| / s is worth its square in a value that far out.
        accuracy = 1e-15 * (4.0 + distance**2)
        assert float(price(*option)) == pytest.approx(exact, rel=accuracy, abs=0.0)


@pytest.mark.parametrize("distance", [0.0, *DISTANCES])
def test_volatilities_are_those_of_exact_prices(distance: float) -> None:
    exact = float(naive.price(0.0, 0.75 * distance, 0.75, 1.0, True))
    found = implied_vol(exact, 0.0, 0.75 * distance, 1.0, True)
    assert found.solved
    assert float(found.sigma) == pytest.approx(0.75, rel=1e-15, abs=0.0)


def test_volatility_equals_bisection_on_exact_prices() -> None:
    for value, strike in ((0.4, 0.5), (1e-6, 3.0)):
        theirs = naive.implied_vol(value, -0.5, strike, 0.25, True)
        ours = implied_vol(value, -0.5, strike, 0.25, True)
        assert float(ours.sigma) == pytest.approx(theirs, rel=1e-15, abs=0.0)


def test_prices_and_volatilities_equal_quantlib() -> None:
    grid = product((-30.0, -1.0, 0.0, 0.02, 4.0), (0.01, 0.3, 1.0, 20.0), (True, False))
    for moneyness, total_sd, is_call in grid:
        forward, strike = -12.5, -12.5 + moneyness
        kind = ql.Option.Call if is_call else ql.Option.Put
        theirs = ql.bachelierBlackFormula(kind, strike, forward, total_sd, 0.97)
        ours = float(price(forward, strike, total_sd / 0.5, 0.25, is_call, 0.97))
        assert ours == pytest.approx(theirs, rel=1e-13, abs=1e-15 * total_sd)
        intrinsic = 0.97 * max(forward - strike if is_call else strike - forward, 0.0)
        if theirs - intrinsic > 1e-3 * (total_sd + intrinsic):  # it inverts in-the-money as given
            vol = ql.bachelierBlackFormulaImpliedVol(kind, strike, forward, 0.25, theirs, 0.97)
            found = implied_vol(theirs, forward, strike, 0.25, is_call, 0.97)
            assert float(found.sigma) == pytest.approx(vol, rel=1e-10, abs=0.0)


@given(prices, prices, vols, tenors, calls)
def test_volatility_survives_price_and_back(
    forward: float, strike: float, vol: float, tenor: float, is_call: bool
) -> None:
    """To what the price, as a double, can tell: a few ulp of it divided by the vega."""
    value = float(price(forward, strike, vol, tenor, is_call))
    intrinsic = max(forward - strike if is_call else strike - forward, 0.0)
    found = implied_vol(value, forward, strike, tenor, is_call)
    if not found.solved:
        assert value - intrinsic <= 1e-15 * intrinsic + 1e-307
        return
    assume(value > 1e-300)
    vega = float(greeks(forward, strike, vol, tenor, is_call).vega_per_unit_vol)
    assert abs(float(found.sigma) - vol) * vega <= 4e-15 * value + 1e-14 * vol * vega


@given(st.floats(-300.0, 300.0), calls, st.floats(0.0, 1e3))
def test_every_price_above_intrinsic_has_a_volatility_that_rises_with_it(
    log10_value: float, is_call: bool, distance: float
) -> None:
    value = 10.0**log10_value
    strike = distance if is_call else -distance
    found = implied_vol([value, value * (1.0 + 1e-13)], 0.0, strike, 1.0, is_call)
    assert found.solved.all()
    assert 0.0 < found.sigma[0] <= found.sigma[1] * (1.0 + 1e-15)


# ---------------------------------------------------------------- laws


@given(prices, prices, st.floats(0.0, 1e5), st.floats(0.0, 5.0))
def test_call_less_put_is_forward_less_strike(
    forward: float, strike: float, vol: float, tenor: float
) -> None:
    call, put = price(forward, strike, vol, tenor, [True, False])
    size = abs(forward) + abs(strike) + call + put
    assert call - put == pytest.approx(forward - strike, abs=4e-16 * size)
    deltas = greeks(forward, strike, vol, tenor, [True, False]).delta
    assert deltas[0] - deltas[1] == pytest.approx(1.0, abs=4e-16)


@given(prices, prices, vols, tenors, calls)
def test_a_call_is_the_put_in_the_mirror(
    forward: float, strike: float, vol: float, tenor: float, is_call: bool
) -> None:
    ours = price(forward, strike, vol, tenor, is_call)
    assert ours == price(-forward, -strike, vol, tenor, not is_call)


@given(prices, prices, st.lists(st.floats(0.0, 1e5), min_size=2), tenors, calls)
def test_value_is_at_least_intrinsic_and_does_not_fall_as_volatility_rises(
    forward: float, strike: float, some_vols: list[float], tenor: float, is_call: bool
) -> None:
    values = price(forward, strike, sorted(some_vols), tenor, is_call)
    assert values[0] >= max(forward - strike if is_call else strike - forward, 0.0)
    assert np.all(np.diff(values) >= -1e-15 * values[1:])


@given(st.floats(-50.0, 50.0), st.floats(-2.0, 2.0), st.floats(0.1, 50.0), st.floats(0.02, 2.0))
@example(2.0, -2.0, 0.125, 0.0234375)
def test_greeks_are_slopes_of_exact_prices(
    forward: float, distance: float, vol: float, tenor: float
) -> None:
    """Central differences of 360-digit prices with steps of 1e-6: errors of 1e-12."""
    total_sd = vol * math.sqrt(tenor)
    strike = forward + distance * total_sd

    def value(*, rise: float = 0.0, vol_step: float = 0.0, time_step: float = 0.0) -> float:
        option = (forward + rise, strike, vol + vol_step, tenor + time_step, True)
        return naive.price(*option)

    ours = greeks(forward, strike, vol, tenor, True)
    step = 1e-6 * total_sd
    up, here, down = (value(rise=each * step) for each in (1, 0, -1))
    # A double cannot hold forward ± step exactly, so that the two steps differ.
    middle = naive.Decimal(forward)
    rise, fall = naive.Decimal(forward + step) - middle, middle - naive.Decimal(forward - step)
    assume(rise > 0 and fall > 0)
    assert float(ours.delta) == pytest.approx(float((up - down) / (rise + fall)), abs=1e-6)
    curvature = 2 * ((up - here) / rise - (here - down) / fall) / (rise + fall)
    assert float(ours.gamma) * total_sd == pytest.approx(float(curvature) * total_sd, abs=1e-2)
    vega = value(vol_step=1e-6 * vol) - value(vol_step=-1e-6 * vol)
    assert float(ours.vega_per_unit_vol) == pytest.approx(float(vega) / (2e-6 * vol), rel=1e-8)
    decay = value(time_step=-1e-6 * tenor) - value(time_step=1e-6 * tenor)
    assert float(ours.theta_per_year) == pytest.approx(float(decay) / (2e-6 * tenor), rel=1e-8)


@given(*[st.floats(allow_nan=False, allow_infinity=False) for _ in range(4)], calls)
@example(1e308, -1e308, 1e308, 4.0, True)
def test_no_nan_for_any_finite_input(
    forward: float, strike: float, vol: float, tenor: float, is_call: bool
) -> None:
    option = (forward, strike, abs(vol), abs(tenor), is_call)
    measures = greeks(*option)
    assert not np.isnan(price(*option))
    for name in ("delta", "gamma", "vega_per_unit_vol", "theta_per_year"):
        assert not np.isnan(getattr(measures, name)), name


@pytest.mark.parametrize(("vol", "tenor"), [(0.0, 1.0), (8.0, 0.0), (0.0, 0.0)])
def test_without_volatility_or_time_only_the_payoff_is_left(vol: float, tenor: float) -> None:
    strikes = np.array([-20.0, 0.0, 20.0])
    np.testing.assert_array_equal(price(0.0, strikes, vol, tenor, True), [20.0, 0.0, 0.0])
    np.testing.assert_array_equal(price(0.0, strikes, vol, tenor, False), [0.0, 0.0, 20.0])
    measures = greeks(0.0, strikes, vol, tenor, True)
    np.testing.assert_array_equal(measures.delta, [1.0, 0.5, 0.0])
    np.testing.assert_array_equal(greeks(0.0, strikes, vol, tenor, False).delta, [0, -0.5, -1])
    np.testing.assert_array_equal(measures.gamma, 0.0)
    np.testing.assert_array_equal(measures.theta_per_year, 0.0)


# ---------------------------------------------------------------- outcomes, arrays, errors


OUTCOMES = {
    "a fair call": ((3.0, -1.0, 0.0, 0.25, True), ImpliedVolStatus.SOLVED),
    "worth more than its strike": ((50.0, 1.0, 2.0, 0.25, False), ImpliedVolStatus.SOLVED),
    "worth nothing": ((0.0, -1.0, 0.0, 0.25, True), ImpliedVolStatus.AT_INTRINSIC),
    "worth its payoff": ((20.0, -20.0, 0.0, 0.25, False), ImpliedVolStatus.AT_INTRINSIC),
    "an ulp above its payoff": (
        (math.nextafter(20.0, 21.0), -20.0, 0.0, 0.25, False),
        ImpliedVolStatus.AT_INTRINSIC,
    ),
    "too small to normalise": ((1e-300, 0.0, 1e9, 0.25, True), ImpliedVolStatus.AT_INTRINSIC),
    "less than its payoff": ((19.9, -20.0, 0.0, 0.25, False), ImpliedVolStatus.BELOW_INTRINSIC),
    "negative": ((-0.1, -1.0, 0.0, 0.25, True), ImpliedVolStatus.BELOW_INTRINSIC),
    "expired": ((1.0, -1.0, 0.0, 0.0, True), ImpliedVolStatus.NO_OPTIONALITY),
    "unquoted": ((math.nan, -1.0, 0.0, 0.25, True), ImpliedVolStatus.NOT_FINITE),
    "endless strike": ((1.0, -1.0, math.inf, 0.25, True), ImpliedVolStatus.NOT_FINITE),
    "tenor unknown": ((1.0, -1.0, 0.0, math.nan, True), ImpliedVolStatus.NOT_FINITE),
}


@pytest.mark.parametrize("case", OUTCOMES)
def test_each_row_says_why_it_has_no_volatility(case: str) -> None:
    row, expected = OUTCOMES[case]
    found = implied_vol(*row)
    assert ImpliedVolStatus(int(found.status)) is expected
    assert np.isfinite(found.sigma) == (expected is ImpliedVolStatus.SOLVED)


def test_arguments_broadcast_and_results_have_their_shape() -> None:
    strikes, flags = np.array([[-10.0], [0.0], [10.0]]), np.array([True, False])
    values = price(-2, strikes, 5.0, 0.25, flags)
    assert values.shape == (3, 2)
    for (row, column), value in np.ndenumerate(values):
        assert price(-2.0, strikes[row, 0], 5.0, 0.25, flags[column]) == value
    found = implied_vol(values, -2.0, strikes, 0.25, flags)
    np.testing.assert_allclose(found.sigma, np.full((3, 2), 5.0), rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        *product(["forward", "strike", "normal_vol", "tenor_years"], [math.nan, -math.inf]),
        *product(["normal_vol", "tenor_years", "discount"], [-1.0]),
    ],
)
def test_impossible_number_is_refused_with_its_name_and_place(name: str, bad: float) -> None:
    option: dict[str, object] = {
        "forward": -1.0,
        "strike": -2.0,
        "normal_vol": 0.5,
        "tenor_years": 0.25,
        "is_call": True,
    }
    option[name] = [0.5, bad]
    for function in (price, greeks):
        with pytest.raises(BadNumber, match=rf"{name} is {bad} \({name}, element 1\)"):
            function(**option)


WITHOUT_JIT = """
import json, sys
from seawall.pricing.bachelier import greeks, implied_vol, price
option = json.load(sys.stdin)
value, measures = price(**option), greeks(**option)
del option["normal_vol"]
found = implied_vol(value, **option)
rows = [value, measures.delta, measures.gamma, measures.vega_per_unit_vol]
rows += [measures.theta_per_year, found.sigma, found.status]
assert "numba" not in sys.modules
json.dump([row.tolist() for row in rows], sys.stdout)
"""


def test_plain_python_kernels_give_the_compiled_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(7)
    option = {
        "forward": rng.normal(0.0, 10.0, 300),
        "strike": rng.normal(0.0, 10.0, 300),
        "normal_vol": 10.0 ** rng.uniform(-1.0, 2.0, 300),
        "tenor_years": 10.0 ** rng.uniform(-3.0, 1.0, 300),
        "is_call": rng.random(300) < 0.5,
    }
    option["strike"][:5] = option["forward"][:5]
    option["tenor_years"][3:8] = 0.0
    monkeypatch.setenv("SEAWALL_DISABLE_JIT", "1")
    plain = subprocess.run(
        [sys.executable, "-c", WITHOUT_JIT],
        input=json.dumps({name: values.tolist() for name, values in option.items()}),
        capture_output=True,
        check=True,
        text=True,
    )
    value, measures = price(**option), greeks(**option)
    del option["normal_vol"]
    found = implied_vol(value, **option)
    compiled = [value, measures.delta, measures.gamma, measures.vega_per_unit_vol]
    compiled += [measures.theta_per_year, found.sigma, found.status]
    assert np.count_nonzero(found.solved) > 100
    for ours, theirs in zip(compiled, json.loads(plain.stdout), strict=True):
        np.testing.assert_allclose(ours, np.array(theirs), rtol=1e-12, atol=0.0)
