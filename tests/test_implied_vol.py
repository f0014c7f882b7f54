"""Implied volatility: extremes to 1e-290, an independent library, round trips, named outcomes."""

from __future__ import annotations

import json
import math
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import QuantLib as ql  # noqa: N813
from hypothesis import assume, given
from hypothesis import strategies as st

from seawall.basics.errors import BadNumber
from seawall.pricing.black76 import greeks, implied_vol, normalised_implied_sd, price
from seawall.pricing.results import ImpliedVolStatus
from tests.naive import black76 as naive

forwards = st.floats(1.0, 2e5)
strike_ratios = st.floats(0.05, 20.0)
vols = st.floats(0.01, 5.0)
tenors = st.floats(1e-5, 3.0)
calls = st.booleans()


def extremes(shared: Path) -> dict[str, list[dict[str, str]]]:
    path = shared / "vectors" / "quant" / "implied_vol_extremes.json"
    return json.loads(path.read_text(encoding="utf-8"))


# ---------------------------------------------------------------- accuracy


# x, s, β(x, s): e^{x/2}·Φ(x/s + s/2) − e^{−x/2}·Φ(x/s − s/2) in 340-digit arithmetic.
FURTHER_OUT = [
    (-0.0001, 0.00000275, 6.0405696667834201209e-297),
    (-1.0, 0.0274, 4.748800342104100873e-295),
    (-3.0, 0.0825, 1.8106321123686453494e-292),
    (-20.0, 0.55, 1.1633511972761853335e-291),
    (-300.0, 8.75, 1.1575562575748800261e-262),
    (-600.0, 30.0, 1.2572340612490703899e-137),
]


@pytest.mark.parametrize(("x", "sd", "beta"), FURTHER_OUT)
def test_values_down_to_the_end_of_doubles_are_inverted(x: float, sd: float, beta: float) -> None:
    assert float(normalised_implied_sd(x, beta).sigma) == pytest.approx(sd, rel=1e-14, abs=0.0)


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_sixty_digit_extremes_are_inverted(shared: Path, sign: float) -> None:
    """94 values from 1e-227 to within 6e-5 of the bound; calls below, puts above, alike."""
    grid = extremes(shared)["grid"]
    x, sd, beta = (np.array([float(row[name]) for row in grid]) for name in ("x", "s", "beta"))
    assert len(grid) == 94
    found = normalised_implied_sd(-sign * x, beta)
    assert found.solved.all()
    np.testing.assert_allclose(found.sigma, sd, rtol=1e-12)


def test_extremes_are_inverted_from_prices(shared: Path) -> None:
    """The same rows as out-of-the-money options on a forward of 60,000 and a tenor of 0.3."""
    grid = extremes(shared)["grid"]
    x, sd, beta = (np.array([float(row[name]) for row in grid]) for name in ("x", "s", "beta"))
    strike = 6e4 * np.exp(-x)
    # exp rounds the strike: an error in x of one ulp moves h = x/s and so ln(price).
    found = implied_vol(beta * np.sqrt(6e4 * strike), 6e4, strike, 0.3, True)
    assert found.solved.all()
    exact = np.abs(x) >= 1e-4
    np.testing.assert_allclose(found.sigma[exact], (sd / math.sqrt(0.3))[exact], rtol=1e-11)


def test_published_put_of_four_hundred_percent(shared: Path) -> None:
    (row,) = extremes(shared)["extra"]
    F, K, T, value = (float(row[name]) for name in ("F", "K", "T", "price"))
    found = implied_vol(value, F, K, T, False)
    assert float(found.sigma) == pytest.approx(float(row["implied_vol"]), rel=1e-14, abs=0.0)


def test_volatilities_equal_quantlib() -> None:
    grid = product((0.5, 0.8, 0.99, 1.0, 1.05, 1.4, 3.0), (0.02, 0.1, 0.4, 1.3), (True, False))
    checked = 0
    for ratio, total_sd, is_call in grid:
        forward, strike = 64_123.5, 64_123.5 * ratio
        kind = ql.Option.Call if is_call else ql.Option.Put
        value = ql.blackFormula(kind, strike, forward, total_sd, 0.97)
        if value / 0.97 - naive.intrinsic(forward, strike, is_call) < 1e-6 * forward:
            continue  # the other library's own accuracy is absolute
        theirs = ql.blackFormulaImpliedStdDev(
            kind, strike, forward, value, 0.97, 0.0, total_sd, 1e-14, 1000
        )
        ours = implied_vol(value, forward, strike, 1.0, is_call, 0.97)
        assert float(ours.sigma) == pytest.approx(theirs, rel=1e-9, abs=0.0)
        assert float(ours.sigma) == pytest.approx(total_sd, rel=1e-9, abs=0.0)
        checked += 1
    assert checked > 30


@given(forwards, st.floats(0.7, 1.4), st.floats(0.2, 3.0), st.floats(0.05, 2.0), calls)
def test_volatility_equals_the_oracle(
    forward: float, ratio: float, vol: float, tenor: float, is_call: bool
) -> None:
    strike = forward * ratio
    value = naive.price(forward, strike, vol, tenor, is_call)
    assume(value - naive.intrinsic(forward, strike, is_call) > 1e-4 * forward)
    theirs = naive.implied_vol(value, forward, strike, tenor, is_call)
    ours = implied_vol(value, forward, strike, tenor, is_call)
    assert float(ours.sigma) == pytest.approx(theirs, rel=1e-9, abs=0.0)


# ---------------------------------------------------------------- round trips


@given(forwards, strike_ratios, vols, tenors, calls)
def test_volatility_survives_price_and_back(
    forward: float, ratio: float, vol: float, tenor: float, is_call: bool
) -> None:
    """To what the price, as a double, can tell: a few ulp of it divided by the vega."""
    strike = forward * ratio
    value = float(price(forward, strike, vol, tenor, is_call))
    found = implied_vol(value, forward, strike, tenor, is_call)
    vega = float(greeks(forward, strike, vol, tenor, is_call).vega_per_unit_vol)
    gap = (forward if is_call else strike) - value
    resolution = 1e-15 * max(value, gap)
    if not found.solved:
        left = min(value - naive.intrinsic(forward, strike, is_call), gap)
        assert left <= resolution
        return
    assume(value > 1e-300)
    # Far out ln(price) carries h² times rounding, and vega as many times the sensitivity.
    assert abs(float(found.sigma) - vol) * vega <= 4.0 * resolution + 1e-14 * vol * vega


@given(forwards, strike_ratios, st.floats(1e-12, 1.0 - 1e-12), tenors, calls)
def test_price_survives_volatility_and_back(
    forward: float, ratio: float, share: float, tenor: float, is_call: bool
) -> None:
    """Any price between intrinsic value and bound has a volatility that reprices it."""
    strike = forward * ratio
    low = naive.intrinsic(forward, strike, is_call)
    bound = forward if is_call else strike
    value = low + share * (bound - low)
    assume(value - low > 1e-14 * low)
    found = implied_vol(value, forward, strike, tenor, is_call)
    assert found.solved
    back = float(price(forward, strike, found.sigma, tenor, is_call))
    assert back == pytest.approx(value, rel=1e-13, abs=1e-15 * low)


@given(st.floats(-700.0, 700.0), st.floats(-290.0, -0.001), st.booleans())
def test_every_normalised_value_has_an_answer_that_rises_with_it(
    x: float, log10_share: float, upper: bool
) -> None:
    bound = math.exp(-0.5 * abs(x))
    share = 10.0**log10_share
    beta = bound * (1.0 - share if upper else share)
    assume(2.3e-308 <= beta < bound * (1.0 - 1e-13))
    found = normalised_implied_sd(x, [beta, beta * (1.0 + 1e-13)])
    assert found.solved.all()
    assert 0.0 < found.sigma[0] <= found.sigma[1] * (1.0 + 1e-14)


# ---------------------------------------------------------------- outcomes

OUTCOMES = {
    "a fair call": ((10.0, 100.0, 100.0, 0.25, True), ImpliedVolStatus.SOLVED),
    "worth nothing": ((0.0, 100.0, 120.0, 0.25, True), ImpliedVolStatus.AT_INTRINSIC),
    "worth its payoff": ((20.0, 100.0, 120.0, 0.25, False), ImpliedVolStatus.AT_INTRINSIC),
    "an ulp above its payoff": (
        (math.nextafter(20.0, 21.0), 100.0, 120.0, 0.25, False),
        ImpliedVolStatus.AT_INTRINSIC,
    ),
    "too small to normalise": ((5e-324, 2e5, 2.1e5, 0.25, True), ImpliedVolStatus.AT_INTRINSIC),
    "less than its payoff": ((19.9, 100.0, 120.0, 0.25, False), ImpliedVolStatus.BELOW_INTRINSIC),
    "negative": ((-0.1, 100.0, 120.0, 0.25, True), ImpliedVolStatus.BELOW_INTRINSIC),
    "a call worth the forward": (
        (100.0, 100.0, 90.0, 0.25, True),
        ImpliedVolStatus.ABOVE_UPPER_BOUND,
    ),
    "a put worth more than its strike": (
        (91.0, 100.0, 90.0, 0.25, False),
        ImpliedVolStatus.ABOVE_UPPER_BOUND,
    ),
    "expired": ((10.0, 100.0, 100.0, 0.0, True), ImpliedVolStatus.NO_OPTIONALITY),
    "long expired": ((10.0, 100.0, 100.0, -0.1, True), ImpliedVolStatus.NO_OPTIONALITY),
    "without a forward": ((10.0, 0.0, 100.0, 0.25, False), ImpliedVolStatus.NO_OPTIONALITY),
    "strike of nil": ((10.0, 100.0, 0.0, 0.25, True), ImpliedVolStatus.NO_OPTIONALITY),
    "strike nil beside the forward": (
        (10.0, 100.0, 1e-305, 0.25, True),
        ImpliedVolStatus.NO_OPTIONALITY,
    ),
    "unquoted": ((math.nan, 100.0, 100.0, 0.25, True), ImpliedVolStatus.NOT_FINITE),
    "forward unknown": ((10.0, math.nan, 100.0, 0.25, True), ImpliedVolStatus.NOT_FINITE),
    "endless strike": ((10.0, 100.0, math.inf, 0.25, False), ImpliedVolStatus.NOT_FINITE),
    "tenor unknown": ((10.0, 100.0, 100.0, math.nan, True), ImpliedVolStatus.NOT_FINITE),
}


@pytest.mark.parametrize("case", OUTCOMES)
def test_each_row_says_why_it_has_no_volatility(case: str) -> None:
    row, expected = OUTCOMES[case]
    found = implied_vol(*row)
    assert ImpliedVolStatus(int(found.status)) is expected
    assert np.isfinite(found.sigma) == (expected is ImpliedVolStatus.SOLVED)
    assert found.solved == (expected is ImpliedVolStatus.SOLVED)


def test_outcomes_above_cover_every_status_and_each_explains_itself() -> None:
    assert {status for _, status in OUTCOMES.values()} == set(ImpliedVolStatus)
    assert len({status.cause for status in ImpliedVolStatus}) == len(ImpliedVolStatus)
    for status in ImpliedVolStatus:
        assert status.cause.endswith(".")
        assert status.remedy.endswith(".") != (status is ImpliedVolStatus.SOLVED)


def test_one_bad_row_leaves_the_others_alone() -> None:
    rows = [row for row, _ in OUTCOMES.values()]
    value, forward, strike, tenor, is_call = (
        np.array(column) for column in zip(*rows, strict=True)
    )
    found = implied_vol(value, forward, strike, tenor, is_call)
    assert [int(code) for code in found.status] == [int(s) for _, s in OUTCOMES.values()]
    assert found.sigma[0] == implied_vol(*rows[0]).sigma


@pytest.mark.parametrize(
    ("x", "beta", "expected"),
    [
        (-1.0, 0.0, ImpliedVolStatus.AT_INTRINSIC),
        (-1.0, -1e-9, ImpliedVolStatus.BELOW_INTRINSIC),
        (1.0, math.exp(-0.5), ImpliedVolStatus.ABOVE_UPPER_BOUND),
        (0.0, 1.5, ImpliedVolStatus.ABOVE_UPPER_BOUND),
        (math.nan, 0.1, ImpliedVolStatus.NOT_FINITE),
        (-math.inf, 0.1, ImpliedVolStatus.NOT_FINITE),
        (0.0, math.inf, ImpliedVolStatus.NOT_FINITE),
        (0.0, 1e-310, ImpliedVolStatus.AT_INTRINSIC),
        (-701.0, 1e-155, ImpliedVolStatus.NO_OPTIONALITY),
    ],
)
def test_each_normalised_row_says_why_it_has_no_answer(
    x: float, beta: float, expected: ImpliedVolStatus
) -> None:
    found = normalised_implied_sd(x, beta)
    assert int(found.status) == expected
    assert np.isnan(found.sigma)


def test_discounted_prices_are_undiscounted_first() -> None:
    value = price(100.0, [80.0, 100.0, 130.0], 0.6, 0.5, False, [0.9, 0.95, 1.02])
    found = implied_vol(value, 100.0, [80.0, 100.0, 130.0], 0.5, False, [0.9, 0.95, 1.02])
    np.testing.assert_allclose(found.sigma, 0.6, rtol=1e-14)


@pytest.mark.parametrize("discount", [0.0, -0.5, math.nan, math.inf])
def test_impossible_discount_factor_is_refused(discount: float) -> None:
    with pytest.raises(BadNumber, match="discount, element 1"):
        implied_vol(10.0, 100.0, 100.0, 0.25, True, [1.0, discount])


def test_results_broadcast_and_cannot_be_overwritten() -> None:
    found = implied_vol([[5.0], [9.0]], 100.0, [95.0, 100.0, 105.0], 0.25, True)
    assert found.sigma.shape == found.status.shape == (2, 3)
    with pytest.raises(ValueError, match="read-only"):
        found.sigma[0, 0] = 1.0
    assert normalised_implied_sd([-1.0, 0.5], [[0.1], [0.2], [0.3]]).sigma.shape == (3, 2)
