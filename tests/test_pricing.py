"""Black-76: published values, an independent library, a textbook oracle, and laws of prices."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import QuantLib as ql  # noqa: N813
from hypothesis import given
from hypothesis import strategies as st

from seawall.basics.errors import BadNumber
from seawall.pricing.black76 import coin_price, greeks, implied_vol, price
from tests.naive import black76 as naive

SECONDS_PER_YEAR = 31_536_000.0

forwards = st.floats(1.0, 2e5)
strike_ratios = st.floats(0.05, 20.0)
vols = st.floats(0.01, 5.0)
tenors = st.floats(1e-5, 3.0)
calls = st.booleans()


def black_scholes_rows(shared: Path, section: str) -> list[dict[str, str]]:
    text = (shared / "vectors" / "quant" / "black_scholes.json").read_text(encoding="utf-8")
    return json.loads(text)[section]


def on_a_forward(row: dict[str, str]) -> dict[str, float]:
    """Spot, rate and yield of a Black-Scholes row as a forward and a discount factor."""
    spot, r, q, tenor = (float(row[name]) for name in ("S", "r", "q", "T"))
    return {
        "forward": spot * math.exp((r - q) * tenor),
        "strike": float(row["K"]),
        "sigma": float(row["vol"]),
        "tenor_years": tenor,
        "is_call": row["cp"] == "c",
        "discount": math.exp(-r * tenor),
    }


# ---------------------------------------------------------------- published values


def test_prices_equal_forty_digit_arithmetic(shared: Path) -> None:
    rows = black_scholes_rows(shared, "high_precision_40_digit_arithmetic")
    assert len(rows) == 16
    for row in rows:
        # A price 1e-107 of the forward is known only to h² times the rounding of its inputs.
        assert float(price(**on_a_forward(row))) == pytest.approx(
            float(row["price"]), rel=1e-12, abs=0.0
        )


def test_greeks_equal_forty_digit_arithmetic(shared: Path) -> None:
    """The rows differentiate by spot with rates; ours by the forward: the chain rule between."""
    for row in black_scholes_rows(shared, "high_precision_40_digit_arithmetic"):
        option = on_a_forward(row)
        spot, r, q = (float(row[name]) for name in ("S", "r", "q"))
        ours = greeks(**option)
        per_spot = option["forward"] / spot
        carry = r * price(**option) - (r - q) * option["forward"] * ours.delta
        expected = {name: float(row[name]) for name in row if name != "cp"}
        assert float(ours.delta * per_spot) == pytest.approx(expected["delta"], rel=1e-12, abs=0.0)
        assert float(ours.gamma * per_spot**2) == pytest.approx(
            expected["gamma"], rel=1e-12, abs=0.0
        )
        assert float(ours.vega_per_unit_vol) == pytest.approx(
            expected["vega_per_unit_vol"], rel=1e-12, abs=0.0
        )
        assert float(ours.theta_per_year + carry) == pytest.approx(
            expected["theta_per_year"], rel=1e-12, abs=0.0
        )


def test_coin_settled_premium_is_usd_premium_over_forward(shared: Path) -> None:
    for row in black_scholes_rows(shared, "black76_and_inverse_coin_settled"):
        F, K, vol, T = (float(row[name]) for name in ("F", "K", "vol", "T"))
        option = (F, K, vol, T, row["cp"] == "c")
        usd, coin = float(row["black76_undiscounted_usd"]), float(row["coin_settled_price_in_coin"])
        assert float(price(*option)) == pytest.approx(usd, rel=1e-14, abs=0.0)
        assert float(coin_price(*option)) == pytest.approx(coin, rel=1e-14, abs=0.0)


def test_prices_equal_haug_1998(shared: Path) -> None:
    rows = black_scholes_rows(shared, "haug_1998_published")
    assert len(rows) == 43
    for row in rows:
        ours = float(price(**on_a_forward(row)))
        assert ours == pytest.approx(float(row["published_4dp"]), abs=6e-5)
        assert ours == pytest.approx(float(row["price"]), rel=1e-12, abs=0.0)


def test_prices_equal_derive_library_cases(shared: Path) -> None:
    text = (shared / "vectors" / "derive" / "lyra_utils_black76_svi.json").read_text("utf-8")
    cases = json.loads(text)["black76"]
    assert len(cases) == 7
    for case in cases:
        option = {
            "forward": case["fwd"],
            "strike": case["strike"],
            "sigma": case["vol"],
            "tenor_years": case["sec"] / SECONDS_PER_YEAR,
        }
        for side in ("call", "put"):
            value = price(**option, is_call=side == "call", discount=case["discount"])
            assert float(value) == pytest.approx(case[side], abs=1e-12, rel=2e-15)
        delta = greeks(**option, is_call=True).delta
        assert float(delta) == pytest.approx(case["undiscounted_call_delta"], abs=1e-12)


def test_prices_equal_quantlib() -> None:
    grid = product(
        (0.2, 0.7, 0.95, 1.0, 1.001, 1.5, 6.0), (0.003, 0.05, 0.3, 1.1, 4.0), (True, False)
    )
    for ratio, total_sd, is_call in grid:
        forward, strike = 64_123.5, 64_123.5 * ratio
        kind = ql.Option.Call if is_call else ql.Option.Put
        theirs = ql.blackFormula(kind, strike, forward, total_sd, 0.97)
        ours = float(price(forward, strike, total_sd, 1.0, is_call, 0.97))
        assert ours == pytest.approx(theirs, rel=1e-11, abs=1e-14 * forward)


HOUR_YEARS = 3600.0 / SECONDS_PER_YEAR


@pytest.mark.parametrize("discount", [1.0, 0.93])
@pytest.mark.parametrize("is_call", [True, False], ids=["call", "put"])
@pytest.mark.parametrize(
    "tenor", [HOUR_YEARS, 24 * HOUR_YEARS, 0.02, 0.25, 1.0, 3.0], ids=lambda t: f"{t:.4g}y"
)
@pytest.mark.parametrize("vol", [0.05, 0.6, 3.0])
def test_greeks_equal_quantlib(vol: float, tenor: float, is_call: bool, discount: float) -> None:
    """From the money to eight standard deviations out on either side, an hour to three years."""
    forward, total_sd = 64_123.5, vol * math.sqrt(tenor)
    kind = ql.Option.Call if is_call else ql.Option.Put
    for sds in (-8.0, -5.0, -2.0, -0.7, 0.0, 0.01, 0.7, 2.0, 5.0, 8.0):
        strike = forward * math.exp(sds * total_sd)
        ours = greeks(forward, strike, vol, tenor, is_call, discount)
        payoff = ql.PlainVanillaPayoff(kind, strike)
        theirs = ql.BlackCalculator(payoff, forward, total_sd, discount)
        # Theirs lets the discount factor accrue with time; ours holds it.
        undiscounted = ql.BlackCalculator(payoff, forward, total_sd)
        expected = {
            "delta": theirs.deltaForward(),
            "gamma": theirs.gammaForward(),
            "vega_per_unit_vol": theirs.vega(tenor),
            "theta_per_year": discount * undiscounted.theta(forward, tenor),
        }
        # Their put delta is Φ(d1) − 1, which keeps no digits beyond those of 1.
        for name, value in expected.items():
            slack = 2e-16 if name == "delta" else 0.0
            assert float(getattr(ours, name)) == pytest.approx(value, rel=1e-9, abs=slack), name


# ---------------------------------------------------------------- the oracle


@given(forwards, strike_ratios, vols, tenors, calls)
def test_prices_equal_the_oracle(
    forward: float, ratio: float, vol: float, tenor: float, is_call: bool
) -> None:
    option = (forward, forward * ratio, vol, tenor, is_call)
    scale = forward * max(1.0, ratio)
    assert float(price(*option)) == pytest.approx(naive.price(*option), abs=2e-15 * scale)


@given(forwards, strike_ratios, vols, tenors, calls)
def test_greeks_equal_the_oracle(
    forward: float, ratio: float, vol: float, tenor: float, is_call: bool
) -> None:
    option = (forward, forward * ratio, vol, tenor, is_call)
    ours, theirs = greeks(*option), naive.greeks(*option)
    assert float(ours.delta) == pytest.approx(theirs["delta"], abs=1e-12)
    for name in ("gamma", "vega_per_unit_vol", "theta_per_year"):
        # The textbook's d1 has the rounding of ln(F/K) over s, which its density then squares.
        assert float(getattr(ours, name)) == pytest.approx(theirs[name], rel=1e-9, abs=1e-280)


@given(forwards, st.floats(0.5, 2.0), st.floats(0.2, 2.0), st.floats(0.02, 2.0), calls)
def test_greeks_are_the_slopes_of_the_oracle(
    forward: float, ratio: float, vol: float, tenor: float, is_call: bool
) -> None:
    strike = forward * ratio

    def slope(bumped: str, step: float) -> float:
        low = {"forward": forward, "sigma": vol, "tenor_years": tenor}
        high = dict(low)
        low[bumped] -= step
        high[bumped] += step
        up = naive.price(strike=strike, is_call=is_call, **high)
        return (up - naive.price(strike=strike, is_call=is_call, **low)) / (2.0 * step)

    ours = greeks(forward, strike, vol, tenor, is_call)
    up, down = (
        naive.greeks(forward * (1.0 + e), strike, vol, tenor, is_call)["delta"]
        for e in (1e-5, -1e-5)
    )
    sd = vol * math.sqrt(tenor)
    assert float(ours.delta) == pytest.approx(slope("forward", 1e-4 * sd * forward), abs=1e-6)
    assert float(ours.gamma) * forward == pytest.approx((up - down) / 2e-5, abs=1e-5 / sd**2)
    vega = slope("sigma", 1e-4 * vol)
    assert float(ours.vega_per_unit_vol) == pytest.approx(vega, abs=1e-6 * forward)
    theta = -slope("tenor_years", 1e-4 * tenor)
    assert float(ours.theta_per_year) == pytest.approx(theta, abs=1e-6 * forward * vol / tenor)


# ---------------------------------------------------------------- laws


@given(forwards, strike_ratios, st.floats(0.0, 10.0), st.floats(0.0, 5.0))
def test_call_less_put_is_forward_less_strike(
    forward: float, ratio: float, vol: float, tenor: float
) -> None:
    strike = forward * ratio
    call, put = price(forward, strike, vol, tenor, [True, False])
    assert call - put == pytest.approx(forward - strike, abs=4e-16 * (forward + strike))
    deltas = greeks(forward, strike, vol, tenor, [True, False]).delta
    assert deltas[0] - deltas[1] == pytest.approx(1.0, abs=4e-16)


@given(forwards, strike_ratios, st.floats(0.0, 10.0), st.floats(0.0, 5.0), calls)
def test_value_lies_between_intrinsic_and_bound(
    forward: float, ratio: float, vol: float, tenor: float, is_call: bool
) -> None:
    strike = forward * ratio
    value = float(price(forward, strike, vol, tenor, is_call))
    bound = forward if is_call else strike
    assert value >= naive.intrinsic(forward, strike, is_call)
    assert value <= bound + 4e-16 * (forward + strike)


@given(forwards, strike_ratios, st.lists(st.floats(0.0, 10.0), min_size=2), tenors, calls)
def test_value_does_not_fall_as_volatility_rises(
    forward: float, ratio: float, some_vols: list[float], tenor: float, is_call: bool
) -> None:
    values = price(forward, forward * ratio, sorted(some_vols), tenor, is_call)
    assert np.all(np.diff(values) >= -4e-16 * forward * (1.0 + ratio))


@given(
    *[st.floats(0.0, allow_nan=False, allow_infinity=False) for _ in range(4)],
    calls,
)
def test_no_nan_for_any_finite_input(
    forward: float, strike: float, vol: float, tenor: float, is_call: bool
) -> None:
    option = (forward, strike, vol, tenor, is_call)
    measures = greeks(*option)
    assert not np.isnan(price(*option))
    assert not any(
        np.isnan(getattr(measures, name))
        for name in ("delta", "gamma", "vega_per_unit_vol", "theta_per_year")
    )


def test_value_keeps_its_digits_near_the_money_and_in_the_wing() -> None:
    """Where σ√T is tiny or the option far out a difference of Φ's would be rounding error."""
    # At F = K the value is F·(2Φ(s/2) − 1), to first order F·s/√(2π).
    assert float(price(1.0, 1.0, 1e-9, 1.0, True)) == pytest.approx(
        1e-9 / math.sqrt(2.0 * math.pi), rel=1e-15, abs=0.0
    )
    # F·Φ(d1) − K·Φ(d2) in 60-digit arithmetic.
    expected = [0.016202254509547851857, 1.3316709837567023974e-92, 3.0586701126054058386e-30]
    values = price(100.0, [100.0625, 150.0, 1000.0], [0.001, 0.02, 0.2], 1.0, True)
    assert values == pytest.approx(expected, rel=2e-13, abs=0.0)


@pytest.mark.parametrize(("vol", "tenor"), [(0.0, 1.0), (0.8, 0.0), (0.0, 0.0)])
def test_without_volatility_or_time_only_the_payoff_is_left(vol: float, tenor: float) -> None:
    strikes = np.array([80.0, 100.0, 120.0])
    np.testing.assert_array_equal(price(100.0, strikes, vol, tenor, True), [20.0, 0.0, 0.0])
    np.testing.assert_array_equal(price(100.0, strikes, vol, tenor, False), [0.0, 0.0, 20.0])
    measures = greeks(100.0, strikes, vol, tenor, True)
    np.testing.assert_array_equal(measures.delta, [1.0, 0.5, 0.0])
    np.testing.assert_array_equal(greeks(100.0, strikes, vol, tenor, False).delta, [0, -0.5, -1])
    np.testing.assert_array_equal(measures.gamma, 0.0)
    np.testing.assert_array_equal(measures.theta_per_year, 0.0)
    at_the_money = 100.0 * math.sqrt(tenor / (2.0 * math.pi))
    np.testing.assert_allclose(measures.vega_per_unit_vol, [0.0, at_the_money, 0.0], rtol=1e-15)


# ---------------------------------------------------------------- arrays and errors


def test_arguments_broadcast_and_results_have_their_shape() -> None:
    strikes, flags = np.array([[90.0], [100.0], [110.0]]), np.array([True, False])
    values = price(100, strikes, 0.5, 0.25, flags)
    assert values.shape == (3, 2)
    for (row, column), value in np.ndenumerate(values):
        alone = price(100.0, strikes[row, 0], 0.5, 0.25, flags[column])
        assert alone.shape == ()
        assert alone == value
    assert price([], 100.0, 0.5, 0.25, True).shape == (0,)


def test_strided_and_read_only_arrays_are_accepted() -> None:
    strikes = np.linspace(50.0, 150.0, 20)
    strikes.flags.writeable = False
    np.testing.assert_array_equal(
        price(100.0, strikes[::-3], 0.5, 0.25, True),
        price(100.0, strikes[::-3].copy(), 0.5, 0.25, True),
    )


def test_greeks_cannot_be_overwritten() -> None:
    with pytest.raises(ValueError, match="read-only"):
        greeks(100.0, [90.0, 110.0], 0.5, 0.25, True).delta[0] = 0.0


@pytest.mark.parametrize("bad", [math.nan, math.inf, -1.0])
@pytest.mark.parametrize("name", ["forward", "strike", "sigma", "tenor_years", "discount"])
def test_impossible_number_is_refused_with_its_name_and_place(name: str, bad: float) -> None:
    option: dict[str, object] = {
        "forward": 100.0,
        "strike": 100.0,
        "sigma": 0.5,
        "tenor_years": 0.25,
        "is_call": True,
    }
    option[name] = [0.5, bad]
    for function in (price, greeks):
        with pytest.raises(BadNumber, match=rf"{name} is {bad} \({name}, element 1\)"):
            function(**option)


def test_flags_must_be_boolean() -> None:
    """The string "put" is true to Python: it must not be priced as a call."""
    for flag in ("put", 1, [1.0, 0.0]):
        for function in (price, greeks, coin_price, implied_vol):
            with pytest.raises(BadNumber, match="not booleans"):
                function(100.0, 100.0, 0.5, 0.25, flag)


def test_coin_price_needs_a_forward() -> None:
    with pytest.raises(BadNumber, match="element 1"):
        coin_price([100.0, 0.0], 100.0, 0.5, 0.25, True)


# ---------------------------------------------------------------- with and without compilation

WITHOUT_JIT = """
import json, sys
from seawall.pricing.black76 import greeks, implied_vol, price
option = json.load(sys.stdin)
value = price(**option)
measures = greeks(**option)
del option["sigma"]
found = implied_vol(value, **option)
rows = [value, measures.delta, measures.gamma, measures.vega_per_unit_vol]
rows += [measures.theta_per_year, found.sigma, found.status]
assert "numba" not in sys.modules
json.dump([row.tolist() for row in rows], sys.stdout)
"""


def test_plain_python_kernels_give_the_compiled_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(7)
    option = {
        "forward": 6e4 * np.exp(rng.normal(0.0, 1.0, 400)),
        "strike": 6e4 * np.exp(rng.normal(0.0, 1.0, 400)),
        "sigma": 10.0 ** rng.uniform(-1.0, 1.0, 400),
        "tenor_years": 10.0 ** rng.uniform(-3.0, 1.0, 400),
        "is_call": rng.random(400) < 0.5,
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
    del option["sigma"]
    found = implied_vol(value, **option)
    compiled = [value, measures.delta, measures.gamma, measures.vega_per_unit_vol]
    compiled += [measures.theta_per_year, found.sigma, found.status]
    assert np.count_nonzero(found.solved) > 200
    for ours, theirs in zip(compiled, json.loads(plain.stdout), strict=True):
        np.testing.assert_allclose(ours, np.array(theirs), rtol=1e-12, atol=0.0)
