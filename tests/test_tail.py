"""Tail measures of losses by scenario against loops, and their errors against simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from seawall.basics.errors import BadNumber, BadParameter
from seawall.risk.tail import (
    expected_shortfall,
    long_run_variance,
    path_worst,
    tail_estimate,
    tail_weights,
    value_at_risk,
)
from tests.naive import tail as naive

# Round numbers tie often, which is where order statistics go wrong.
LOSSES = arrays(np.float64, st.integers(1, 40), elements=st.integers(-9, 9).map(float))
CONFIDENCES = st.sampled_from([0.5, 0.75, 0.9, 0.95, 0.975, 0.99, 0.995])


@given(LOSSES, CONFIDENCES, st.randoms(use_true_random=False))
def test_measures_are_those_of_loops(losses, confidence, dice):
    assert value_at_risk(losses, confidence) == naive.value_at_risk(list(losses), confidence)
    expected = naive.expected_shortfall(list(losses), confidence)
    assert expected_shortfall(losses, confidence) == pytest.approx(expected, abs=1e-9)
    weights = np.array([dice.randrange(1, 9) for _ in losses], dtype=float)
    weights /= weights.sum()
    expected = naive.value_at_risk(list(losses), confidence, list(weights))
    assert value_at_risk(losses, confidence, weights) == expected
    expected = naive.expected_shortfall(list(losses), confidence, list(weights))
    assert expected_shortfall(losses, confidence, weights) == pytest.approx(expected, abs=1e-9)


def test_at_most_the_tail_exceeds_value_at_risk():
    losses = np.arange(1.0, 201.0)
    assert value_at_risk(losses, 0.99) == 198.0
    assert value_at_risk(losses, 0.995) == 199.0
    assert value_at_risk(losses, 0.999) == 200.0
    assert expected_shortfall(losses, 0.99) == pytest.approx(199.5)
    # Of the worst 2.5, the third counts by half.
    assert expected_shortfall(losses, 0.9875) == pytest.approx((200 + 199 + 0.5 * 198) / 2.5)


@given(LOSSES, CONFIDENCES, st.sampled_from(["var", "es"]))
def test_shares_by_tail_weights_add_up_to_the_measure(losses, confidence, measure):
    weights = tail_weights(losses, confidence, measure)
    assert weights.sum() == pytest.approx(1.0)
    assert (weights >= 0.0).all()
    part = 0.3 * losses + 1.0
    whole = value_at_risk if measure == "var" else expected_shortfall
    total = weights @ part + weights @ (losses - part)
    assert total == pytest.approx(whole(losses, confidence), abs=1e-9)


@given(st.data(), CONFIDENCES)
def test_expected_shortfall_is_coherent(data, confidence):
    count = data.draw(st.integers(1, 30))
    column = arrays(np.float64, count, elements=st.floats(-100.0, 100.0))
    one, other = data.draw(column), data.draw(column)
    alone = expected_shortfall(one, confidence)
    together = expected_shortfall(one + other, confidence)
    assert together <= alone + expected_shortfall(other, confidence) + 1e-9
    assert expected_shortfall(one + np.abs(other), confidence) >= alone - 1e-9
    assert expected_shortfall(3.0 * one + 7.0, confidence) == pytest.approx(
        3.0 * alone + 7.0, abs=1e-9
    )
    assert alone >= value_at_risk(one, confidence) - 1e-9


@given(arrays(np.float64, (5, 3), elements=st.floats(-10.0, 10.0)))
def test_the_worst_of_a_path_counts_its_start(pnl):
    assert list(path_worst(pnl)) == naive.path_worst(pnl.tolist())


@given(arrays(np.float64, st.integers(3, 30), elements=st.floats(-5.0, 5.0)), st.integers(0, 8))
def test_long_run_variance_is_that_of_a_loop(series, lag):
    expected = naive.long_run_variance(list(series), min(lag, len(series) - 1))
    if lag < len(series):
        assert long_run_variance(series, lag) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("measure", ["var", "es"])
def test_standard_errors_are_those_of_many_samples(measure):
    rng = np.random.default_rng(11)
    samples = [tail_estimate(rng.standard_normal(2000), 0.975, measure) for _ in range(300)]
    truth = {"var": 1.959963984540, "es": 2.337802792201}[measure]
    values = np.array([each.value for each in samples])
    told = np.mean([each.standard_error for each in samples])
    assert told == pytest.approx(values.std(), rel=0.12)
    covered = np.mean([each.low <= truth <= each.high for each in samples])
    assert 0.90 <= covered <= 0.99
    assert all(each.is_resolved for each in samples)
    assert samples[0].effective_count == pytest.approx(2000)


@pytest.mark.parametrize("measure", ["var", "es"])
def test_overlapping_windows_count_for_fewer(measure):
    rng = np.random.default_rng(5)
    samples = []
    for _ in range(150):
        steps = rng.standard_normal(4000 + 11)
        windows = np.convolve(steps, np.ones(12) / np.sqrt(12.0), mode="valid")
        samples.append(tail_estimate(windows, 0.975, measure, overlap=12))
    values = np.array([each.value for each in samples])
    told = np.mean([each.standard_error for each in samples])
    assert told == pytest.approx(values.std(), rel=0.2)
    counts = np.array([each.effective_count for each in samples])
    assert (counts < 4000 / 3).all()
    assert (counts > 4000 / 24).all()


def test_unequal_weights_count_for_fewer():
    rng = np.random.default_rng(2)
    losses = rng.standard_normal(1000)
    weights = 0.99 ** np.arange(1000.0)
    estimate = tail_estimate(losses, 0.95, "es", weights=weights)
    share = weights / weights.sum()
    assert estimate.effective_count == pytest.approx(1.0 / np.square(share).sum())


def test_a_tail_that_the_sample_does_not_reach_is_told():
    losses = np.arange(100.0)
    assert tail_estimate(losses, 0.9, "es").is_resolved
    estimate = tail_estimate(losses, 0.999, "var")
    assert not estimate.is_resolved
    assert estimate.value == estimate.high == 99.0


@settings(max_examples=10)
@given(st.sampled_from([0.0, 1.0, -0.5, float("nan")]))
def test_an_impossible_confidence_is_refused(confidence):
    with pytest.raises(BadParameter, match="confidence"):
        value_at_risk(np.ones(3), confidence)


@pytest.mark.parametrize(
    ("losses", "weights"),
    [
        (np.empty(0), None),
        (np.array([1.0, np.nan]), None),
        (np.ones(2), np.ones(3)),
        (np.ones(2), np.array([1.0, -1.0])),
        (np.ones(2), np.zeros(2)),
        (np.ones(2), np.array([1.0, np.inf])),
    ],
)
def test_losses_and_weights_that_are_no_sample_are_refused(losses, weights):
    with pytest.raises(BadNumber):
        expected_shortfall(losses, 0.99, weights)
