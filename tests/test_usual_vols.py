"""Implied volatilities in vectors: as exact as those found one by one, and silent where unsure."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.kernels import implied_vol, usual_vols
from seawall.kernels.normal import INV_SQRT_TWO_PI, mills_ratio_scalar
from seawall.pricing.black76 import price

damaged = st.sampled_from(
    [math.nan, math.inf, -math.inf, 0.0, -0.0, -1.0, 5e-324, 1e-310, 1e-200, 1e308]
)
Rows = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def found(value, forward, strike, tenor, is_call) -> np.ndarray:
    columns = np.broadcast_arrays(*map(np.atleast_1d, (value, forward, strike, tenor, is_call)))
    *numbers, flags = (np.ascontiguousarray(each) for each in columns)
    out = np.empty(flags.shape)
    usual_vols.usual_vols(*(each.astype(np.float64) for each in numbers), flags, out)
    return out


def one_by_one(value, forward, strike, tenor, is_call) -> np.ndarray:
    """σ of out-of-the-money options by the scalar solver."""
    root = np.sqrt(forward) * np.sqrt(strike)
    bound = np.where(is_call, forward, strike)
    sd = [
        implied_vol.implied_sd_scalar(-abs(x), beta, gap)
        for x, beta, gap in zip(
            np.log(forward / strike), value / root, (bound - value) / root, strict=True
        )
    ]
    return np.array(sd) / np.sqrt(tenor)


def quotes(count: int, deviations: float, tenors: tuple[float, float], seed: int = 3) -> Rows:
    """Out-of-the-money options on a forward of 60,000 and their volatilities."""
    chance = np.random.default_rng(seed)
    forward, vol = np.full(count, 6e4), chance.uniform(0.1, 1.5, count)
    tenor = chance.uniform(*tenors, count)
    away = chance.uniform(-deviations, deviations, count)
    strike = forward * np.exp(away * vol * np.sqrt(tenor))
    return forward, strike, tenor, strike > forward, vol


@pytest.mark.parametrize("tenors", [(1e-4, 0.01), (0.01, 0.2), (0.2, 2.0)])
def test_quotes_of_markets_are_solved_to_the_last_digits(tenors: tuple[float, float]) -> None:
    """Every one of them, within four deviations and five weeks or two beyond."""
    forward, strike, tenor, is_call, vol = quotes(5_000, 4.0 if tenors[1] < 1.0 else 2.0, tenors)
    value = price(forward, strike, vol, tenor, is_call)
    sigma = found(value, forward, strike, tenor, is_call)
    assert np.isfinite(sigma).all()
    # At the money a price carries σ√T in units of its own rounding.
    resolution = 1e-15 / (vol * np.sqrt(tenor)) + 5e-15
    assert (np.abs(sigma / vol - 1.0) <= resolution).all()


@given(
    st.floats(-8.0, 8.0), st.floats(1e-3, 4.0), st.floats(1e-8, 1e8), st.booleans(), st.booleans()
)
def test_what_is_answered_is_what_the_scalar_solver_says(
    away: float, total_sd: float, forward: float, at_the_money: bool, many: bool
) -> None:
    strike = forward if at_the_money else forward * math.exp(away * total_sd)
    is_call = strike >= forward
    value = float(price(forward, strike, total_sd, 1.0, is_call))
    copies = 19 if many else 1
    sigma = found(np.full(copies, value), forward, strike, 1.0, is_call)
    assert np.unique(sigma).size == 1
    if np.isfinite(sigma[0]):
        columns = (np.array([each]) for each in (value, forward, strike, 1.0, is_call))
        # Both carry the rounding of ln(F/K) and of the price.
        resolution = 4e-15 + 2e-15 / total_sd
        assert sigma[0] == pytest.approx(one_by_one(*columns)[0], rel=resolution)


@given(st.lists(st.tuples(st.integers(0, 3), damaged), min_size=1, max_size=20))
def test_damaged_rows_are_left_to_others_and_leave_their_neighbours(
    damages: list[tuple[int, float]],
) -> None:
    """Every second quote is fair, the others have one number of damage."""
    fair = (0.08, 1.0, 1.01, 0.25)
    [alone] = found(*fair, True)
    assert np.isfinite(alone)
    columns = np.tile(np.array(fair)[:, None], 2 * len(damages) + 1)
    for row, (place, damage) in enumerate(damages):
        columns[place, 2 * row + 1] = damage
    sigma = found(*columns, True)
    assert (sigma[::2] == alone).all()
    for row, (place, damage) in enumerate(damages):
        # Any tenor that is one has a volatility.
        assert np.isnan(sigma[2 * row + 1]) == (place < 3 or not 0.0 < damage < math.inf)


@pytest.mark.parametrize(
    "row",
    [
        (20.0, 100.0, 120.0, 0.25, False),  # its payoff
        (19.9, 100.0, 120.0, 0.25, False),  # less
        (100.0, 100.0, 90.0, 0.25, True),  # its bound
        (98.0, 100.0, 90.0, 0.25, True),  # nearly
        (10.0, 100.0, 100.0, 0.0, True),  # expired
        (1e-30, 100.0, 200.0, 0.25, True),  # far out
        (1.0, 100.0, 100.0 * math.exp(6.1), 0.25, True),
    ],
)
def test_what_is_not_usual_is_left_to_others(row: tuple[float, ...]) -> None:
    assert np.isnan(found(*row))


def test_the_rational_is_the_normal_tail() -> None:
    for u in np.linspace(-0.75, 8.0, 400):
        exact = mills_ratio_scalar(float(u)) * INV_SQRT_TWO_PI
        ours = usual_vols.tail_scalar.py_func(float(u))
        assert ours == pytest.approx(exact, rel=1e-15 * (1.0 + max(u, 0.0)), abs=0.0)


def test_small_differences_keep_their_digits() -> None:
    """Where the series ends, plain subtraction is exact enough to hold it to."""
    for h in np.linspace(0.0, 6.0, 25):
        t = 0.0499
        exact = mills_ratio_scalar(float(h - t)) - mills_ratio_scalar(float(h + t))
        r = usual_vols.tail_scalar.py_func(float(h))
        ours = usual_vols.small_difference_scalar.py_func(r, float(h), t)
        rel = 1e-14 * (1.0 + h * h)
        assert ours == pytest.approx(exact * INV_SQRT_TWO_PI, rel=rel, abs=0.0)
