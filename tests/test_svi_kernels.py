"""What fits of SVI slices rest on: the start, derivatives, and the proof that g is positive."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from seawall.kernels import butterflies, svi
from seawall.pricing.svi import SviSlice, ssvi_slice
from tests.naive import svi as naive

reals = st.floats(-1.0, 1.0)


def polynomial_of(fitted: SviSlice) -> np.ndarray:
    out = np.empty(butterflies.DEGREE + 1)
    numbers = fitted.a, fitted.b, fitted.rho, fitted.m, fitted.sigma
    butterflies.butterfly_polynomial(*numbers, out)
    return out


def is_proven(coefficients: np.ndarray) -> bool:
    return butterflies.surely_positive(np.ascontiguousarray(coefficients, dtype=np.float64))


# ---------------------------------------------------------------- the proof


@given(reals, reals, st.floats(0.01, 2.0), st.floats(0.01, 2.0), st.floats(0.01, 1.0), reals)
def test_the_polynomial_is_g_times_what_is_positive(
    place: float, tilt: float, b: float, sigma: float, least: float, u: float
) -> None:
    rho = 0.99 * tilt
    a = least - b * sigma * math.sqrt(1.0 - rho**2)
    fitted = SviSlice(a=a, b=b, rho=rho, m=place, sigma=sigma)
    t = math.exp(3.0 * u)
    k = place + 0.5 * sigma * (t - 1.0 / t)
    numbers = a, b, rho, place, sigma
    level = 2.0 * t * naive.total_variance(k, numbers)
    factor = 16.0 * (t * t + 1.0) ** 3 * level**2
    value = np.polyval(polynomial_of(fitted), t)
    assert value / factor == pytest.approx(naive.g(k, numbers), rel=1e-9, abs=1e-9)


@given(st.lists(reals, min_size=5, max_size=5), reals, st.floats(-0.1, 0.1))
def test_what_is_proven_is_positive(roots: list[float], lead: float, lift: float) -> None:
    """Squares that touch zero, lifted a little or lowered: a proof never contradicts the roots."""
    tops = np.poly([2.0 * root for root in roots])
    coefficients = np.convolve(tops, tops)
    coefficients[-1] += lift
    coefficients[0] += max(lead, 0.0)
    t = np.exp(np.linspace(-9.0, 9.0, 4001))
    if is_proven(coefficients):
        assert (np.polyval(coefficients, t) > 0.0).all()
    if (np.polyval(coefficients, t) < -1e-9).any():
        assert not is_proven(coefficients)


@pytest.mark.parametrize("damaged", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", [0, 5, 10])
def test_nothing_is_proven_of_numbers_that_are_none(damaged: float, place: int) -> None:
    coefficients = np.ones(butterflies.DEGREE + 1)
    assert is_proven(coefficients)
    coefficients[place] = damaged
    assert not is_proven(coefficients)


def test_lawful_slices_are_proven_without_roots() -> None:
    """Slices like those of markets, each inside theorem 4.2's bounds."""
    for theta in (0.0005, 0.01, 0.05, 0.3):
        for rho in (-0.6, -0.2, 0.0, 0.3):
            phi = 0.8 / math.sqrt(theta)
            assert is_proven(polynomial_of(ssvi_slice(theta, rho, phi))), (theta, rho)


# ---------------------------------------------------------------- the fit


def quotes(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    chance = np.random.default_rng(seed)
    k = np.sort(chance.uniform(-0.6, 0.5, 19))
    w = ssvi_slice(0.05, -0.3, 4.0).total_variance(k) * chance.normal(1.0, 0.02, k.size)
    return k, w, chance.uniform(0.5, 2.0, k.size)


@pytest.mark.parametrize("seed", range(5))
def test_the_start_is_the_regression_at_its_place_and_width(seed: int) -> None:
    k, w, root_weight = quotes(seed)
    y = np.empty(svi.COORDINATES)
    svi.start(k, w, root_weight, 1e-3 * w.min(), float(np.ptp(k)), y)
    v, p, c, m, sigma = y[0], y[1] ** 2, y[2] ** 2, y[3], math.exp(y[4])
    root = np.sqrt((k - m) ** 2 + sigma**2)
    columns = np.stack([np.ones(k.size), k - m, root], axis=1) * root_weight[:, None]
    level, beta, gamma = np.linalg.lstsq(columns, w * root_weight, rcond=None)[0]
    assert (p, c) == pytest.approx((gamma - beta, gamma + beta), rel=1e-6)
    assert v - sigma * math.sqrt(p * c) == pytest.approx(level, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_the_start_is_the_best_point_of_the_lattice(seed: int) -> None:
    k, w, root_weight = quotes(seed)
    y, span = np.empty(svi.COORDINATES), float(np.ptp(k))
    svi.start(k, w, root_weight, 1e-3 * w.min(), span, y)
    least = math.inf
    for m in np.linspace(k.min() - 0.5 * span, k.max() + 0.5 * span, svi.PLACES):
        for sigma in span * np.geomspace(svi.NARROWEST, svi.WIDEST, svi.WIDTHS):
            root = np.sqrt((k - m) ** 2 + sigma**2)
            columns = np.stack([np.ones(k.size), k - m, root], axis=1) * root_weight[:, None]
            level, beta, gamma = np.linalg.lstsq(columns, w * root_weight, rcond=None)[0]
            v = level + sigma * math.sqrt(max(gamma**2 - beta**2, 0.0))
            lawful = min(gamma - beta, gamma + beta) > 1e-4 and abs(beta) + gamma < 2.0
            if lawful and 1e-3 * w.min() <= v <= w.max():
                error = (level + beta * (k - m) + gamma * root - w) * root_weight
                least = min(least, float(error @ error))
    at_start = np.zeros((6, 6))
    svi.add_strikes.py_func(k, w, root_weight, y, np.empty(6), at_start)
    assert at_start[5, 5] <= least * (1.0 + 1e-9)


@given(
    st.tuples(
        st.floats(0.01, 0.1), st.floats(0.1, 1.2), st.floats(0.1, 1.2), reals, st.floats(-3.0, 0.0)
    ),
    reals,
)
@example((0.0116, 0.304, 0.417, 0.3586, math.log(0.4153)), 0.9)  # of Vogt's slice, where g < 0
def test_rows_hold_residuals_and_their_derivatives(numbers: tuple[float, ...], k: float) -> None:
    y, points = np.array(numbers), np.array([k])

    def row_of(y: np.ndarray, shortfall: bool) -> np.ndarray:
        row, normal = np.zeros(6), np.zeros((6, 6))
        if shortfall:
            svi.add_shortfalls.py_func(points, 10.0, y, row, normal)
        else:
            svi.add_strikes.py_func(points, np.array([0.05]), np.array([3.0]), y, row, normal)
        return row

    v, left, right, m, log_sigma = numbers
    p, c, sigma = left**2, right**2, math.exp(log_sigma)
    b, rho = 0.5 * (p + c), (c - p) / (c + p)
    raw = v - b * sigma * math.sqrt(1.0 - rho**2), b, rho, m, sigma
    assert row_of(y, False)[5] == pytest.approx(3.0 * (naive.total_variance(k, raw) - 0.05))
    short = max(svi.G_MARGIN - naive.g(k, raw), 0.0)
    assert row_of(y, True)[5] == pytest.approx(10.0 * short, rel=1e-6, abs=1e-9)
    for shortfall in (False, True) if short > 1e-3 else (False,):
        row, step = row_of(y, shortfall), 1e-6
        for i in range(5):
            ahead, behind = y.copy(), y.copy()
            ahead[i] += step
            behind[i] -= step
            change = row_of(ahead, shortfall)[5] - row_of(behind, shortfall)[5]
            scale = 1e-5 * (1.0 + float(np.abs(row).max()))
            assert row[i] == pytest.approx(change / (2.0 * step), rel=1e-4, abs=scale)


def test_tiny_and_huge_weights_are_scaled_alike() -> None:
    k, w, root_weight = quotes(1)
    for unit in (1e-290, 1.0, 1e290):
        out, ranges = np.empty((3, k.size)), np.empty(4)
        assert svi.usable_rows(k, w, unit * root_weight**2, out, ranges) == k.size
        assert np.mean((out[2] * out[1]) ** 2) == pytest.approx(1.0)
        assert ranges.tolist() == [k.min(), k.max(), w.min(), w.max()]
