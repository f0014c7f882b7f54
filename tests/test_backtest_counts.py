"""Tests of the number of exceedances: published values, exact sums, the binomial by loops."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from seawall.basics.errors import BadNumber, BadParameter, PoorHistory
from seawall.lab.backtest.counts import (
    binomial,
    binomial_chances,
    clopper_pearson,
    kupiec,
    kupiec_exact,
    kupiec_region,
    traffic_light,
    tuff,
)
from tests.naive import backtests as naive

COUNTS = st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
RATES = st.floats(0.001, 0.3)


@pytest.fixture
def vectors(shared: Path) -> dict[str, Any]:
    return json.loads((shared / "vectors/quant/backtests.json").read_text())


def test_kupiec_is_the_published_value(vectors: dict[str, Any]) -> None:
    row = vectors["counts_based"][0]
    found = kupiec(row["x"], row["T"], row["p"])
    assert found.statistic == pytest.approx(row["computed"]["LR"], rel=1e-9)
    assert found.p_value == pytest.approx(row["computed"]["p"], rel=1e-9)
    assert found.statistic == pytest.approx(row["published"]["LR"], abs=5e-6)


def test_time_until_first_failure_is_the_published_value(vectors: dict[str, Any]) -> None:
    row = vectors["counts_based"][3]  # first exceedance at observation 58, rate 5 %
    hits = np.arange(100) == 57
    found = tuff(hits, 0.05)
    assert found.statistic == pytest.approx(row["computed"]["LR"], rel=1e-9)
    assert found.p_value == pytest.approx(row["computed"]["p"], rel=1e-9)


def test_traffic_light_is_the_published_value(vectors: dict[str, Any]) -> None:
    row = vectors["counts_based"][4]
    found = traffic_light(57, 1043, 0.05)
    assert found.cumulative == pytest.approx(row["computed"]["cumprob"], rel=1e-9)
    assert found.type_one == pytest.approx(row["computed"]["typeI"], rel=1e-9)
    assert (found.zone, found.multiplier) == (row["published"]["zone"], None)


def test_basel_zones_and_multipliers_are_the_table(vectors: dict[str, Any]) -> None:
    for row in vectors["basel_traffic_light_250_99"]:
        found = traffic_light(row["x"], 250, 0.01)
        assert found.cumulative == pytest.approx(row["cumprob"], rel=1e-9)
        assert (found.zone, found.multiplier) == (row["zone"], row["multiplier"])
        assert binomial_chances(250, 0.01)[row["x"]] == pytest.approx(row["prob"], rel=1e-9)


def test_kupiec_regions_are_the_table(vectors: dict[str, Any]) -> None:
    for row in vectors["kupiec_nonrejection_95"]:
        expected = (row["non_rejection_min_x"], row["non_rejection_max_x"])
        assert kupiec_region(row["T"], row["p"]) == expected


def test_kupiec_exact_is_the_reference_of_two_programs(vectors: dict[str, Any]) -> None:
    for row in vectors["exact_finite_sample"]:
        found = kupiec_exact(row["x"], row["T"], row["p"])
        assert found.statistic == pytest.approx(row["LR"], rel=1e-9)
        assert found.p_value == pytest.approx(row["exact_p"], rel=1e-9)
        assert found.p_value == pytest.approx(row["R_ExactVaRTest"][1], rel=1e-9)
        assert kupiec(row["x"], row["T"], row["p"]).p_value == pytest.approx(
            row["asym_p"], rel=1e-9
        )


@given(COUNTS, RATES)
def test_kupiec_is_the_loop(counts: tuple[int, int], rate: float) -> None:
    found = kupiec(*counts, rate).statistic
    assert found == pytest.approx(naive.kupiec(*counts, rate), rel=1e-9, abs=1e-9)


@given(COUNTS, RATES)
def test_exact_kupiec_is_the_sum_over_counts(counts: tuple[int, int], rate: float) -> None:
    exceeding, size = counts
    found = kupiec_exact(exceeding, size, rate).p_value
    bound = naive.kupiec(exceeding, size, rate) - 1e-9
    chances = [
        math.comb(size, x) * rate**x * (1 - rate) ** (size - x)
        for x in range(size + 1)
        if naive.kupiec(x, size, rate) >= bound
    ]
    assert found == pytest.approx(min(1.0, math.fsum(chances)), rel=1e-6, abs=1e-12)


@given(COUNTS, RATES)
def test_binomial_is_scipys_one_sided_test(counts: tuple[int, int], rate: float) -> None:
    expected = stats.binomtest(*counts, rate, alternative="greater").pvalue
    assert binomial(*counts, rate).p_value == pytest.approx(expected, rel=1e-9, abs=1e-300)


@given(COUNTS, st.floats(0.5, 0.999))
def test_interval_is_scipys_exact_one(counts: tuple[int, int], confidence: float) -> None:
    expected = stats.binomtest(*counts).proportion_ci(confidence, method="exact")
    assert clopper_pearson(*counts, confidence) == pytest.approx(
        (expected.low, expected.high), rel=1e-9, abs=1e-12
    )


def test_first_failure_needs_a_failure() -> None:
    found = tuff(np.zeros(10, dtype=bool), 0.01)
    assert found.statistic is None
    assert found.p_value is None
    assert not found.rejects(0.05)
    assert "no exceedance" in found.note


def test_first_failure_at_once_is_likeliest_at_rate_one() -> None:
    found = tuff(np.array([True, False]), 0.01)
    assert found.statistic == pytest.approx(-2.0 * math.log(0.01), rel=1e-12)


def test_region_may_be_empty() -> None:
    assert kupiec_region(1, 0.5, level=0.9) is None


def test_impossible_counts_and_rates_are_refused() -> None:
    with pytest.raises(BadNumber, match="11 exceedances in 10 observations"):
        kupiec(11, 10, 0.01)
    with pytest.raises(BadNumber, match="0 exceedances in 0 observations"):
        binomial(0, 0, 0.01)
    with pytest.raises(BadParameter, match="not between 0 and 1"):
        traffic_light(1, 10, 1.0)
    with pytest.raises(PoorHistory, match="no exceedances"):
        tuff(np.array([], dtype=bool), 0.01)
    with pytest.raises(BadNumber, match="neither true nor false"):
        tuff(np.array([0.5, 1.0]), 0.01)
