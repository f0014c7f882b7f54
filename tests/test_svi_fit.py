"""Fitting SVI slices: what was put in comes out, nothing is left to a butterfly or to chance."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seawall.basics.errors import BadNumber
from seawall.pricing.svi import SviSlice, ssvi_slice
from seawall.pricing.svi_fit import MIN_STRIKES, FitStatus, fit_svi

VOGT = SviSlice(a=-0.0410, b=0.1331, rho=0.3060, m=0.3586, sigma=0.4153)


def of_vol(w: np.ndarray) -> np.ndarray:
    """Weights that make squared errors of total variance those of √w, up to a factor."""
    return 1.0 / w


@st.composite
def ssvi_slices(draw: st.DrawFn) -> SviSlice:
    """SSVI slices of crypto-like tenors, free of butterflies by theorem 4.2."""
    theta = draw(st.floats(0.3, 1.5)) ** 2 * draw(st.floats(0.005, 1.5))
    rho = draw(st.floats(-0.8, 0.8))
    curvature = draw(st.floats(0.4, 0.95)) * 2.0 / (1.0 + abs(rho))
    return ssvi_slice(theta, rho, curvature / math.sqrt(theta * (1.0 + theta)))


@given(ssvi_slices(), st.integers(9, 60))
def test_ssvi_is_recovered(slice_in: SviSlice, count: int) -> None:
    """From strikes three standard deviations to either side, to a thousandth of the volatility."""
    deviation = math.sqrt(float(slice_in.total_variance(0.0)))
    k = np.linspace(-3.0, 3.0, count) * deviation
    w = slice_in.total_variance(k)
    fit = fit_svi(k, w, of_vol(w))
    assert fit.status is FitStatus.FITTED
    assert fit.slice is not None
    between = np.linspace(-3.0, 3.0, 101) * deviation
    fitted, exact = fit.slice.total_variance(between), slice_in.total_variance(between)
    assert np.abs(np.sqrt(fitted / exact) - 1.0).max() < 1e-3


def test_parameters_are_recovered() -> None:
    for slice_in in (ssvi_slice(0.04, -0.4, 4.0), ssvi_slice(0.002, 0.2, 20.0)):
        k = np.linspace(-0.6, 0.6, 25)
        w = slice_in.total_variance(k)
        found = fit_svi(k, w, np.ones(k.size)).slice
        assert found is not None
        for name in ("a", "b", "rho", "m", "sigma"):
            assert getattr(found, name) == pytest.approx(getattr(slice_in, name), rel=1e-5)


@given(ssvi_slices(), st.integers(MIN_STRIKES, 60), st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_noisy_quotes_give_a_slice_without_butterflies(
    slice_in: SviSlice, count: int, seed: int
) -> None:
    """Strikes at random, volatilities off by 3 %: the numbers of a slice stay lawful."""
    chance = np.random.default_rng(seed)
    deviation = math.sqrt(float(slice_in.total_variance(0.0)))
    k = np.sort(chance.uniform(-2.5, 2.5, count)) * deviation
    w = slice_in.total_variance(k) * chance.normal(1.0, 0.03, count) ** 2
    fit = fit_svi(k, w, of_vol(w))
    assert fit.slice is not None
    assert fit.slice.minimum_variance > 0.0
    assert fit.slice.wing_slope <= 2.0
    assert (fit.status is FitStatus.FITTED) == (fit.slice.butterfly_violations() == ())
    if fit.status is FitStatus.FITTED:
        far = deviation * np.sinh(np.linspace(-6.0, 6.0, 2001))
        assert float(fit.slice.g(far).min()) > -1e-9


def test_butterflies_in_the_quotes_are_fitted_away() -> None:
    k = np.linspace(-1.5, 1.5, 31)
    w = VOGT.total_variance(k)
    assert VOGT.butterfly_violations()
    fit = fit_svi(k, w, of_vol(w))
    assert fit.status is FitStatus.FITTED
    assert fit.slice is not None
    assert fit.slice.butterfly_violations() == ()
    # The nearest lawful slice is off by 1.5 vol points at most; the paper's repairs by more.
    error = np.abs(np.sqrt(fit.slice.total_variance(k)) - np.sqrt(w))
    paper = VOGT.jump_wings(1.0).repaired().raw()
    assert error.max() < 0.016
    assert error.max() < np.abs(np.sqrt(paper.total_variance(k)) - np.sqrt(w)).max()


def test_a_fit_is_as_near_as_a_library_finds() -> None:
    """From fifty random starts a general solver finds no smaller sum of squares."""
    from scipy.optimize import least_squares

    chance = np.random.default_rng(7)
    slice_in = ssvi_slice(0.05, -0.3, 4.0)
    k = np.linspace(-0.7, 0.5, 21)
    w = slice_in.total_variance(k) * chance.normal(1.0, 0.02, k.size)
    weight = of_vol(w)

    def residuals(raw: np.ndarray) -> np.ndarray:
        a, b, rho, m, sigma = raw
        x = k - m
        return np.sqrt(weight) * (a + b * (rho * x + np.sqrt(x * x + sigma * sigma)) - w)

    low, high = [-0.5, 1e-6, -0.999, -1.0, 1e-3], [0.5, 1.0, 0.999, 1.0, 2.0]
    starts = [chance.uniform(low, high) for _ in range(50)]
    library = min(2.0 * least_squares(residuals, s, bounds=(low, high)).cost for s in starts)
    found = fit_svi(k, w, weight).slice
    assert found is not None
    ours = residuals(np.array([found.a, found.b, found.rho, found.m, found.sigma]))
    assert float(ours @ ours) <= library * (1.0 + 1e-6)


def test_order_unit_of_weights_and_idle_rows_do_not_matter() -> None:
    chance = np.random.default_rng(3)
    k = np.linspace(-0.5, 0.6, 15)
    w = 0.04 * (1.0 + k**2) * chance.normal(1.0, 0.01, k.size)
    plain = fit_svi(k, w, of_vol(w)).slice
    assert plain is not None
    assert fit_svi(k, w, of_vol(w)).slice == plain
    level = plain.total_variance(k)
    shuffled = chance.permutation(k.size)
    again = [
        fit_svi(k[shuffled], w[shuffled], of_vol(w)[shuffled]),
        fit_svi(k, w, 1e9 * of_vol(w)),
        fit_svi([*k, 0.1], [*w, 3.0], [*of_vol(w), 0.0]),
    ]
    for fit in again:
        assert fit.slice is not None
        assert fit.slice.total_variance(k) == pytest.approx(level, rel=1e-6)


@pytest.mark.parametrize("tenor_years", [1e-4, 0.01, 1.0])
def test_a_flat_smile_stays_flat(tenor_years: float) -> None:
    k = np.linspace(-0.4, 0.3, 12)
    w = np.full(k.size, 0.25 * tenor_years)
    fit = fit_svi(k, w, of_vol(w))
    assert fit.status is FitStatus.FITTED
    assert fit.slice is not None
    vol = np.sqrt(fit.slice.total_variance(np.linspace(-0.5, 0.5, 21)) / tenor_years)
    assert vol == pytest.approx(0.5, abs=1e-5)


@pytest.mark.parametrize("strikes", range(MIN_STRIKES))
def test_too_few_strikes_are_an_outcome(strikes: int) -> None:
    k = np.linspace(-0.2, 0.2, strikes)
    fit = fit_svi(k, np.full(strikes, 0.04), np.ones(strikes))
    assert fit.status is FitStatus.TOO_FEW_STRIKES
    assert fit.slice is None
    assert "5 distinct strikes" in fit.status.cause


def test_a_strike_given_twice_counts_once() -> None:
    k = np.repeat([-0.2, -0.1, 0.0, 0.1], 3)
    assert fit_svi(k, np.full(12, 0.04), np.ones(12)).status is FitStatus.TOO_FEW_STRIKES


def test_every_outcome_has_a_cause_and_all_but_success_a_remedy() -> None:
    for status in FitStatus:
        assert status.cause
        assert bool(status.remedy) == (status is not FitStatus.FITTED)


def test_quotes_that_no_slice_can_follow_say_so() -> None:
    """A smile with a corner that points up: what is nearest still admits arbitrage, or it is told
    that none is left; the status and the slice never disagree."""
    chance = np.random.default_rng(11)
    seen = set()
    for _ in range(20):
        k = np.sort(chance.uniform(-0.2, 0.2, 12))
        w = chance.uniform(0.05, 5.0, 12) ** 2 * 0.001
        fit = fit_svi(k, w, of_vol(w))
        assert fit.slice is not None
        assert (fit.status is FitStatus.ARBITRAGE_LEFT) == bool(fit.slice.butterfly_violations())
        seen.add(fit.status)
    assert seen == {FitStatus.FITTED, FitStatus.ARBITRAGE_LEFT}


@pytest.mark.parametrize(
    ("column", "value", "what"),
    [
        (0, math.nan, "log-moneyness of row 2 is nan"),
        (1, 0.0, "total variance of row 2 is 0.0"),
        (1, math.inf, "total variance of row 2 is inf"),
        (2, -1.0, "weight of row 2 is -1.0"),
    ],
)
def test_bad_numbers_are_refused(column: int, value: float, what: str) -> None:
    columns = [np.linspace(-0.2, 0.2, 6), np.full(6, 0.04), np.ones(6)]
    columns[column][2] = value
    with pytest.raises(BadNumber, match=what):
        fit_svi(*columns)


def test_unlike_shapes_are_refused() -> None:
    with pytest.raises(BadNumber, match="shape"):
        fit_svi(np.zeros(5), np.ones(4), np.ones(5))
