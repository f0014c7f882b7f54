"""Tests of the order of exceedances against every sequence, loops, and windows that overlap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from seawall.basics.errors import BadParameter
from seawall.lab.backtest.durations import MOST_SHAPE, duration_fit, duration_test
from seawall.lab.backtest.dynamic_quantile import dynamic_quantile
from seawall.lab.backtest.independence import (
    MOST_EXACT,
    conditional_coverage_exact,
    independence,
    independence_exact,
    transitions,
)
from seawall.lab.backtest.outcomes import Outcome
from seawall.lab.backtest.overlap import (
    block_means,
    decluster,
    effective_observations,
    overlap_bootstrap,
    overlap_count,
    without_overlap,
)
from tests.naive import backtests as naive

HITS = st.lists(st.booleans(), min_size=2, max_size=40)


@given(HITS)
def test_independence_is_the_loop(hits: list[bool]) -> None:
    found = independence(transitions(np.array(hits))).statistic
    if any(hits[1:]) or hits[0]:
        assert found == pytest.approx(naive.independence(hits), rel=1e-9, abs=1e-9)
    else:
        assert found is None


@settings(max_examples=15)
@given(st.lists(st.booleans(), min_size=1, max_size=9), st.floats(0.05, 0.5))
def test_exact_p_values_are_sums_over_every_sequence(hits: list[bool], rate: float) -> None:
    of_order, of_both = naive.exact_p_values(hits, rate)
    series = np.array(hits)
    assert independence_exact(series, rate).p_value == pytest.approx(of_order, rel=1e-9)
    assert conditional_coverage_exact(series, rate).p_value == pytest.approx(of_both, rel=1e-9)


def test_exact_order_of_a_series_too_long_is_refused() -> None:
    with pytest.raises(BadParameter, match="more than 1,000"):
        independence_exact(np.zeros(MOST_EXACT + 1, dtype=bool), 0.01)


@given(HITS)
def test_durations_are_the_loop(hits: list[bool]) -> None:
    assume(sum(hits) >= 2)
    fit = duration_fit(np.array(hits))
    assert fit is not None
    free = naive.weibull_log_likelihood(hits, fit.shape)
    assert fit.log_likelihood_free == pytest.approx(free, rel=1e-9, abs=1e-9)
    flat = naive.weibull_log_likelihood(hits, 1.0)
    assert fit.log_likelihood_flat == pytest.approx(flat, rel=1e-9, abs=1e-9)
    around = (naive.weibull_log_likelihood(hits, fit.shape * f) for f in (0.9, 1.1))
    assert fit.shape > 0.99 * MOST_SHAPE or all(free >= other - 1e-7 for other in around)


def test_clustered_exceedances_have_a_shape_below_one_and_regular_ones_above() -> None:
    clustered, regular = np.zeros(400, dtype=bool), np.zeros(400, dtype=bool)
    clustered[[50, 51, 52, 53, 300, 301, 303, 304]] = True
    regular[::50] = True
    found = [duration_fit(hits) for hits in (clustered, regular)]
    assert [fit is not None and fit.shape < 1.0 for fit in found] == [True, False]
    assert duration_test(clustered).rejects(0.01)
    assert "end of what is searched" in duration_test(regular).note


def test_a_test_without_exceedances_says_why_it_is_not_made() -> None:
    none = np.zeros(100, dtype=bool)
    outcomes = (
        duration_test(none),
        independence(transitions(none)),
        dynamic_quantile(np.zeros(100), np.ones(100), 0.01),
        overlap_bootstrap(none, 0.01, 5, np.random.default_rng(1)),
    )
    assert all(one.p_value is None and "xceedance" in one.note for one in outcomes)


@given(HITS, st.floats(0.01, 0.5), st.integers(1, 12), st.booleans())
def test_effective_observations_are_the_loop(
    hits: list[bool], rate: float, steps: int, flat: bool
) -> None:
    kernel = "flat" if flat else "bartlett"
    found = effective_observations(np.array(hits), rate, steps, kernel=kernel)
    expected = naive.effective_observations(hits, rate, steps, flat)
    assert found == pytest.approx(expected, rel=1e-9)
    assert found <= len(hits) * (1.0 + 1e-12)


def windows(generator: np.random.Generator, steps: int) -> np.ndarray:
    walk = np.convolve(generator.standard_normal(1_500 + steps), np.ones(steps), "valid")
    return walk / np.sqrt(steps) > 1.6448536269514722


def share_rejected(test: object, rounds: int = 200) -> float:
    generator = np.random.default_rng(17)
    assert callable(test)
    return float(np.mean([test(windows(generator, 10)).rejects(0.05) for _ in range(rounds)]))


def test_overlap_makes_a_true_model_fail_unless_it_is_corrected_for() -> None:
    plain = share_rejected(lambda hits: overlap_count(hits, 0.05, 1))
    flat = share_rejected(lambda hits: overlap_count(hits, 0.05, 10))
    bartlett = share_rejected(lambda hits: overlap_count(hits, 0.05, 10, kernel="bartlett"))
    blocks = np.random.default_rng(4)
    drawn = share_rejected(lambda hits: overlap_bootstrap(hits, 0.05, 20, blocks, draws=200), 100)
    assert plain > 0.3
    assert flat <= bartlett < plain / 2.0
    assert flat < 0.12
    assert drawn < 0.16


def test_overlap_makes_order_fail_unless_windows_are_taken_apart() -> None:
    def order(hits: np.ndarray) -> Outcome:
        return independence(transitions(hits))

    assert share_rejected(order) > 0.9
    assert share_rejected(lambda hits: without_overlap(lambda s: order(hits[s]), 10)) < 0.06


def test_blocks_of_one_step_are_the_plain_bootstrap() -> None:
    values = np.arange(50.0)
    means = block_means(values, 1, 20_000, np.random.default_rng(1))
    assert means.mean() == pytest.approx(24.5, abs=0.05)
    assert means.std() == pytest.approx(values.std() / np.sqrt(50.0), rel=0.03)


def test_a_block_as_long_as_the_series_resamples_nothing() -> None:
    values = np.arange(10.0)
    assert block_means(values, 10, 5, np.random.default_rng(1)) == pytest.approx(np.full(5, 4.5))


def test_exceedances_less_than_a_horizon_apart_are_one_event() -> None:
    hits = np.zeros(40, dtype=bool)
    hits[[3, 4, 8, 20, 25, 39]] = True
    found = decluster(hits, 5)
    assert (found.clusters, found.mean_size, found.largest) == (4, 1.5, 3)
    assert decluster(np.zeros(5, dtype=bool), 5).clusters == 0


def test_unknown_kernels_and_regressors_are_refused() -> None:
    hits = np.array([True, True])
    with pytest.raises(BadParameter, match="kernel 'parzen'"):
        effective_observations(hits, 0.1, 2, kernel="parzen")  # pyright: ignore[reportArgumentType]
    with pytest.raises(BadParameter, match="regressors 'all'"):
        dynamic_quantile(np.ones(9), np.ones(9), 0.1, regressors="all")  # pyright: ignore[reportArgumentType]


def test_windows_that_overlap_and_are_never_exceeded_count_once_each() -> None:
    none = np.zeros(1_000, dtype=bool)
    assert effective_observations(none, 0.01, 10) == 100.0
    assert effective_observations(none, 0.01, 1) == 1_000.0
    # A thousand independent observations without one would reject; a hundred windows do not.
    assert overlap_count(none, 0.01, 1).rejects(0.05)
    assert not overlap_count(none, 0.01, 10).rejects(0.05)


@pytest.mark.parametrize("size", [249, 250, 333, 1_747])
def test_windows_that_do_not_overlap_all_count(size: int) -> None:
    hits = np.arange(size) % 20 == 0
    assert effective_observations(hits, 0.01, 1) == float(size)
