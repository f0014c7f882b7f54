"""The door to all tests: figures by hand, the tests as made alone, and what it refuses."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from seawall.basics.errors import BadNumber, BadParameter, PoorHistory
from seawall.lab.backtest.assessment import Assessment, assess
from seawall.lab.backtest.counts import clopper_pearson, kupiec
from seawall.lab.backtest.dynamic_quantile import dynamic_quantile
from seawall.lab.backtest.overlap import overlap_count

LOSSES = np.array([1.0, 5.0, -3.0, 12.0, 2.0, 0.0, 11.0, 4.0, 10.0, -20.0])
MARGINS = np.full(10, 10.0)


def test_figures_are_those_by_hand() -> None:
    found = assess(LOSSES, MARGINS, rate=0.1)
    assert (found.observations, found.exceedances, found.breach_rate) == (10, 2, 0.2)
    assert (found.mean_margin, found.mean_shortfall, found.worst_shortfall) == (10.0, 1.5, 2.0)
    assert found.breach_interval == clopper_pearson(2, 10)
    assert found.outcomes[0] == kupiec(2, 10, 0.1)


def test_a_loss_equal_to_the_margin_is_covered() -> None:
    assert assess(MARGINS, MARGINS).exceedances == 0


def test_a_margin_never_exceeded_has_no_shortfall() -> None:
    found = assess(np.zeros(300), np.ones(300))
    assert (found.mean_shortfall, found.worst_shortfall) == (0.0, 0.0)
    assert found.breach_interval[0] == 0.0
    assert found.outcomes[2].p_value == 1.0
    assert found.traffic_light.zone == "green"


def test_a_true_model_passes_and_one_of_half_the_margin_fails() -> None:
    losses = np.random.default_rng(7).standard_normal(1_000)
    margins = np.full(1_000, 2.3263478740408408)
    assert not assess(losses, margins).rejected(0.01)
    assert len(assess(losses, margins / 2.0).rejected(0.01)) >= 4


def test_overlapping_windows_are_not_counted_as_independent() -> None:
    steps = np.random.default_rng(3).standard_normal(2_009)
    losses = np.convolve(steps, np.ones(10), "valid") / np.sqrt(10.0)
    margins = np.full(losses.size, 1.6448536269514722)
    generator = np.random.default_rng(5)
    found = assess(losses, margins, rate=0.05, horizon_steps=10, generator=generator)
    plain = assess(losses, margins, rate=0.05)
    assert found.exceedances == plain.exceedances
    assert found.effective_observations < plain.effective_observations / 3.0
    assert found.breach_interval[0] < plain.breach_interval[0]
    assert found.breach_interval[1] > plain.breach_interval[1]
    assert found.outcomes[0] == overlap_count(losses > margins, 0.05, 10)
    assert "Kupiec POF" not in {one.test for one in found.outcomes}
    assert not found.rejected(0.01)
    # Taken for independent, the same windows are rejected: they come in runs.
    assert plain.rejected(1e-6)


def test_a_window_longer_than_the_history_is_judged_all_the_same() -> None:
    found = assess(LOSSES, MARGINS, rate=0.1, horizon_steps=50)
    assert 0.0 <= found.breach_interval[0] <= 0.2 <= found.breach_interval[1] <= 1.0


def test_a_flat_margin_is_no_second_constant() -> None:
    losses = np.random.default_rng(1).standard_normal(500)
    flat = np.full(500, 2.0)
    by_margin = dynamic_quantile(losses, flat, 0.02)
    by_hits = dynamic_quantile(losses, flat, 0.02, regressors="hits")
    assert by_margin.statistic == pytest.approx(by_hits.statistic, rel=1e-9)
    assert by_margin.law == by_hits.law


def test_an_assessment_goes_through_json() -> None:
    found = assess(LOSSES, MARGINS, rate=0.1)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Assessment) == found


def test_bad_series_are_one_clear_error() -> None:
    with pytest.raises(BadNumber, match=r"unlike lengths: losses \(10,\), margins \(9,\)"):
        assess(LOSSES, MARGINS[:9])
    with pytest.raises(PoorHistory, match="no losses"):
        assess(LOSSES[:0], MARGINS[:0])
    with pytest.raises(BadNumber, match="losses that are not finite, the first at observation 3"):
        assess(np.where(LOSSES == 12.0, np.nan, LOSSES), MARGINS)
    with pytest.raises(BadNumber, match="a negative margin, the first at observation 0"):
        assess(LOSSES, -MARGINS)
    with pytest.raises(BadParameter, match="rate of 99"):
        assess(LOSSES, MARGINS, rate=99.0)
    with pytest.raises(BadParameter, match="0 steps"):
        assess(LOSSES, MARGINS, horizon_steps=0)


def test_expected_shortfall_is_tested_where_it_is_told() -> None:
    losses = np.random.default_rng(7).standard_normal(2_000)
    margins, es = np.full(2_000, 1.9599639845400545), np.full(2_000, 2.337802792201105)
    series = {"rate": 0.025, "generator": np.random.default_rng(2)}
    true = assess(losses, margins, es=es, **series)
    assert not true.rejected(0.01)
    low = assess(losses, margins, es=margins + 0.05, **series)
    names = {one.test for one in low.rejected(0.01)}
    assert {"Acerbi-Székely Z1", "McNeil-Frey residuals", "Nolde-Ziegel simple, two-sided"} <= names
    assert len(assess(losses, margins, es=es, rate=0.025).outcomes) == len(true.outcomes) - 3
