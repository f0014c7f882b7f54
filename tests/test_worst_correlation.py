"""Worst correlations and worst plausible scenarios against published numbers and search."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from seawall.basics.errors import BadNumber, BadParameter, InputError
from seawall.risk import worst_correlation as module
from seawall.risk.correlation import blend_with_identity, blend_with_ones, root_of
from seawall.risk.plausible import worst_law, worst_linear, worst_quadratic
from seawall.risk.worst_correlation import worst_correlation


@pytest.fixture(scope="module")
def vectors(shared):
    return json.loads((shared / "vectors" / "quant" / "mechanisms.json").read_text())


def test_the_worst_correlation_is_the_published_one(vectors):
    case = vectors["worst_case_correlation_sdp"]
    exposures = np.array(case["vol"]) * np.array(case["pos"])
    base = np.array(case["C0"])
    for shift, expected in case["box"].items():
        found = worst_correlation(exposures, base, float(shift))
        assert found.variance == pytest.approx(expected["max_variance"], rel=1e-5)
        assert found.variance_bound == pytest.approx(expected["max_variance"], rel=1e-5)
        assert math.sqrt(found.base_variance) == pytest.approx(case["base_sd"])
        corners = found.correlation[[0, 0, 1], [1, 2, 2]]
        assert corners == pytest.approx(expected["corr"], abs=2e-3)
        assert np.abs(found.correlation - base).max() <= float(shift) + 1e-6
        root_of(found.correlation, 3)


@settings(max_examples=6)
@given(st.integers(0, 10_000), st.integers(2, 5), st.sampled_from([0.1, 0.4, 1.0]))
def test_no_correlation_in_the_box_exceeds_the_bound(seed, size, shift):
    rng = np.random.default_rng(seed)
    loadings = rng.standard_normal((size, size + 1))
    loadings /= np.linalg.norm(loadings, axis=1)[:, None]
    base = loadings @ loadings.T
    exposures = rng.standard_normal(size) * 10.0 ** rng.integers(-3, 6)
    found = worst_correlation(exposures, base, shift)
    assert found.base_variance <= found.variance_bound * (1.0 + 1e-9)
    assert found.variance == pytest.approx(found.variance_bound, rel=1e-4, abs=1e-9)
    assert found.variance_bound <= np.square(np.abs(exposures).sum()) * (1.0 + 1e-6)
    for _ in range(200):
        other = rng.standard_normal((size, 2))
        other /= np.linalg.norm(other, axis=1)[:, None]
        gap = other @ other.T - base
        # As far towards another correlation as the box allows: still a correlation.
        share = min(1.0, shift / max(np.abs(gap).max(), 1e-300))
        tried = base + share * gap
        assert exposures @ tried @ exposures <= found.variance_bound * (1.0 + 1e-9)


def test_without_a_shift_or_exposures_nothing_is_worse():
    base = np.array([[1.0, 0.5], [0.5, 1.0]])
    assert worst_correlation(np.zeros(2), base, 0.5).variance_bound == 0.0
    alone = worst_correlation(np.array([3.0]), np.eye(1), 0.5)
    assert alone.variance_bound == alone.base_variance == 9.0
    fixed = worst_correlation(np.array([1.0, -1.0]), base, 0.0)
    assert fixed.variance_bound == pytest.approx(1.0, rel=1e-6)


def test_without_the_solver_the_error_says_what_to_install(monkeypatch):
    def absent(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(module, "import_module", absent)
    with pytest.raises(InputError, match=r"seawall\[lab\]"):
        worst_correlation(np.ones(2), np.eye(2), 0.1)


@given(st.floats(0.0, 1.0))
def test_blends_stay_correlations(weight):
    base = np.array([[1.0, 0.9, 0.3], [0.9, 1.0, 0.3], [0.3, 0.3, 1.0]])
    apart, together = blend_with_identity(base, weight), blend_with_ones(base, weight)
    root_of(apart, 3)
    root_of(together, 3)
    assert apart[0, 1] == pytest.approx(0.9 * weight)
    assert together[0, 1] == pytest.approx(1.0 - 0.1 * weight)


def test_the_worst_plausible_scenarios_are_the_published_ones(vectors):
    case = vectors["plausible_stress"]
    covariance = np.array(case["Sigma"])
    linear = case["linear"]
    found = worst_linear(np.array(linear["w"]), covariance, linear["radius"])
    assert found.loss == pytest.approx(linear["max_loss"], rel=1e-10)
    assert found.moves == pytest.approx(linear["worst_scenario"], rel=1e-7)
    bent = case["quadratic"]
    delta, gamma = np.array(bent["delta"]), np.array(bent["gamma"])
    found = worst_quadratic(delta, gamma, covariance, bent["radius"])
    assert found.loss == pytest.approx(-bent["worst_pnl"], rel=1e-8)
    assert found.moves == pytest.approx(bent["worst_scenario"], rel=1e-5)
    normal = case["kl_ball_linear_gaussian"]
    # A normal loss as a fine grid of its density.
    z = np.linspace(-9.0, 9.0, 20_001)
    spread = math.sqrt(np.array(linear["w"]) @ covariance @ np.array(linear["w"]))
    law = worst_law(spread * z, normal["eta"], np.exp(-0.5 * z * z))
    assert law.mean_loss == pytest.approx(normal["sup_expected_loss"], rel=1e-7)


@settings(max_examples=30)
@given(st.integers(0, 100_000), st.integers(1, 4), st.sampled_from([-1.0, 0.0, 1.0, 5.0]))
def test_no_scenario_of_the_ellipsoid_loses_more(seed, size, bend):
    rng = np.random.default_rng(seed)
    loadings = rng.standard_normal((size, size))
    covariance = loadings @ loadings.T
    gamma = rng.standard_normal((size, size))
    gamma = bend * 0.5 * (gamma + gamma.T) - bend * np.eye(size)
    delta = rng.standard_normal(size) * rng.integers(0, 2)
    found = worst_quadratic(delta, gamma, covariance, 2.0)
    directions = rng.standard_normal((2000, size))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    moves = 2.0 * rng.random((2000, 1)) ** 0.3 * directions @ loadings.T
    pnl = moves @ delta + 0.5 * np.einsum("ni,ij,nj->n", moves, gamma, moves)
    assert -pnl.min() <= found.loss * (1.0 + 1e-9) + 1e-9
    inside = np.linalg.pinv(covariance)
    assert found.moves @ inside @ found.moves <= 4.0 * (1.0 + 1e-4)


def test_a_short_gamma_book_without_delta_still_loses():
    found = worst_quadratic(np.zeros(2), np.diag([-4.0, -1.0]), np.eye(2), 3.0)
    assert found.loss == pytest.approx(0.5 * 4.0 * 9.0)
    assert np.abs(found.moves) == pytest.approx([3.0, 0.0])
    calm = worst_quadratic(np.zeros(2), np.eye(2), np.eye(2), 3.0)
    assert calm.loss == 0.0


@given(
    arrays(np.float64, st.integers(1, 20), elements=st.floats(-100.0, 100.0)),
    st.floats(0.0, 3.0),
    st.integers(0, 1000),
)
def test_no_law_of_the_ball_has_a_greater_mean(losses, radius, seed):
    found = worst_law(losses, radius)
    assert losses.mean() - 1e-9 <= found.mean_loss <= losses.max() + 1e-9
    assert found.weights.sum() == pytest.approx(1.0)
    rng = np.random.default_rng(seed)
    for law in rng.dirichlet(np.full(losses.size, 0.3), 50):
        own = np.where(law > 0.0, law, 1.0)
        entropy = float((law * np.log(own * losses.size)).sum())
        if entropy <= radius:
            assert law @ losses <= found.mean_loss + 1e-9


def test_a_ball_that_holds_the_greatest_loss_gives_it():
    losses = np.array([1.0, 2.0, 7.0, 7.0])
    assert worst_law(losses, math.log(2.0)).mean_loss == 7.0
    assert worst_law(losses, 0.5).mean_loss < 7.0
    assert worst_law(losses, 0.0).mean_loss == pytest.approx(4.25)


def test_impossible_numbers_are_refused():
    with pytest.raises(BadParameter):
        worst_correlation(np.ones(2), np.eye(2), -0.1)
    with pytest.raises(BadParameter):
        worst_correlation(np.array([1.0, np.nan]), np.eye(2), 0.1)
    with pytest.raises(BadParameter):
        blend_with_ones(np.eye(2), 1.5)
    with pytest.raises(BadParameter):
        worst_linear(np.ones(2), -np.eye(2), 1.0)
    with pytest.raises(BadParameter):
        worst_linear(np.ones(2), np.eye(2), 0.0)
    with pytest.raises(BadParameter):
        worst_law(np.ones(2), -1.0)
    with pytest.raises(BadNumber):
        worst_law(np.array([np.inf, 1.0]), 1.0)
