"""Expected shortfall, scores and e-processes: true models pass, small forecasts do not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from seawall.basics.errors import BadNumber, BadParameter, PoorHistory
from seawall.lab.backtest.e_process import EMonitor, e_process, e_statistic
from seawall.lab.backtest.expected_shortfall import (
    acerbi_szekely,
    acerbi_szekely_draws,
    conditional_calibration,
    mcneil_frey,
)
from seawall.lab.backtest.scores import (
    diebold_mariano,
    fz0_score,
    model_confidence_set,
    quantile_loss,
)
from tests.naive import backtests as naive

RATE = 0.05
VAR = float(stats.norm.isf(RATE))
ES = float(stats.norm.pdf(VAR)) / RATE
LOSS = st.floats(-5.0, 8.0)


def flat(size: int) -> tuple[np.ndarray, np.ndarray]:
    return np.full(size, VAR), np.full(size, ES)


@pytest.mark.parametrize("degrees", [None, 3.0, 8.0])
def test_simulated_statistics_are_those_of_whole_series(degrees: float | None) -> None:
    law = stats.norm() if degrees is None else stats.t(degrees)
    var = float(law.isf(RATE))
    es = float(integrate.quad(lambda x: x * law.pdf(x), var, np.inf)[0]) / RATE
    losses = law.rvs(size=(4_000, 300), random_state=np.random.default_rng(1))
    hits = losses > var
    second = 1.0 - (losses * hits).sum(axis=1) / (300 * RATE * es)
    first = 1.0 - (losses * hits).sum(axis=1) / hits.sum(axis=1) / es
    third = ((es - var) - np.maximum(losses - var, 0.0).mean(axis=1) / RATE) / es
    found = acerbi_szekely_draws(300, RATE, np.random.default_rng(2), degrees=degrees, draws=20_000)
    for drawn, whole in zip(found, (first, second, third), strict=True):
        assert np.quantile(drawn, [0.05, 0.5, 0.9]) == pytest.approx(
            np.quantile(whole, [0.05, 0.5, 0.9]), abs=0.03
        )


def test_a_true_model_is_rejected_as_often_as_stated() -> None:
    generator = np.random.default_rng(3)
    rejected = np.zeros(6)
    for _ in range(300):
        losses = generator.standard_normal(500)
        series = (losses, *flat(500), RATE)
        tests = (
            *acerbi_szekely(*series, generator, draws=300),
            mcneil_frey(*series, generator=generator, draws=200),
            conditional_calibration(*series),
            conditional_calibration(*series, kind="general"),
        )
        rejected += [test.rejects(0.05) for test in tests]
    # Residuals are skewed and few, which the tests by large samples take for evidence.
    assert (rejected / 300.0 < 0.14).all()
    assert (rejected[:3] / 300.0 < 0.09).all()


def test_a_shortfall_that_is_too_small_is_found() -> None:
    generator = np.random.default_rng(4)
    losses = generator.standard_normal(8_000)
    series = (losses, np.full(8_000, VAR), np.full(8_000, VAR + 0.1), RATE)
    tests = (
        *acerbi_szekely(*series, generator, draws=2_000),
        mcneil_frey(*series),
        conditional_calibration(*series),
        conditional_calibration(*series, kind="general"),
        conditional_calibration(*series, sides=1),
    )
    assert all(test.rejects(0.01) for test in tests)


def test_scores_are_least_of_the_true_forecast() -> None:
    losses = np.random.default_rng(5).standard_normal(100_000)
    var, es = flat(losses.size)
    best = quantile_loss(losses, var, RATE).mean(), fz0_score(losses, var, es, RATE).mean()
    for factor in (0.8, 0.9, 1.1, 1.25):
        assert quantile_loss(losses, var * factor, RATE).mean() > best[0]
        assert fz0_score(losses, var * factor, es * factor, RATE).mean() > best[1]


def test_comparison_is_turned_round_with_the_forecasts() -> None:
    first, second = np.random.default_rng(6).uniform(size=(2, 200))
    there, back = diebold_mariano(first, second), diebold_mariano(second, first)
    assert there.p_value == back.p_value
    assert there.statistic == pytest.approx(-(back.statistic or 0.0))
    assert diebold_mariano(first, first).p_value is None


def test_confidence_set_leaves_out_a_model_that_is_worse() -> None:
    generator = np.random.default_rng(7)
    scores = generator.standard_normal((500, 3)) * 0.1 + np.array([1.0, 1.0, 1.5])
    found = model_confidence_set(scores, ("a", "b", "c"), generator, draws=200)
    assert "c" not in found.included
    assert set(found.included) <= {"a", "b"}
    assert found.p_values["c"] < 0.05 < max(found.p_values.values())


@settings(max_examples=25)
@given(st.lists(LOSS, min_size=1, max_size=25), st.sampled_from(["gree", "grel"]))
def test_e_process_is_the_loop(losses: list[float], betting: str) -> None:
    var = [1.0 + 0.1 * (i % 3) for i in range(len(losses))]
    es = [v + 0.5 for v in var]
    path = e_process(
        np.array(losses),
        np.array(var),
        RATE,
        es=np.array(es),
        betting=betting,  # pyright: ignore[reportArgumentType]
    )
    expected = naive.e_process(losses, var, es, RATE, betting)
    assert np.exp(path.log_e) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("betting", ["gree", "grel"])
@pytest.mark.parametrize("with_es", [True, False])
def test_evidence_against_a_true_model_is_at_most_one_on_average(
    betting: str, with_es: bool
) -> None:
    generator = np.random.default_rng(8)
    last, most = [], []
    for _ in range(250):
        losses = generator.standard_normal(60)
        var, es = flat(60)
        path = e_process(losses, var, RATE, es=es if with_es else None, betting=betting)  # pyright: ignore[reportArgumentType]
        last.append(np.exp(path.log_e[-1]))
        most.append(np.exp(path.log_e.max()))
    error = np.std(last) / np.sqrt(250.0)
    assert np.mean(last) <= 1.0 + 3.0 * error
    # Ville: a true model reaches 10 with a chance of a tenth at most; three standard errors.
    assert np.mean(np.array(most) >= 10.0) <= 0.1 + 3.0 * np.sqrt(0.09 / 250.0)


def test_each_e_statistic_has_mean_one_under_the_true_law() -> None:
    def mean(es: float | None) -> float:
        parts = ((-9.0, VAR), (VAR, 9.0))
        return sum(
            integrate.quad(lambda x: e_statistic(x, VAR, es, RATE) * stats.norm.pdf(x), *part)[0]
            for part in parts
        )

    assert mean(ES) == pytest.approx(1.0, rel=1e-6)
    assert mean(None) == pytest.approx(1.0, rel=1e-6)
    assert mean(ES * 1.2) < 1.0 < mean(ES * 0.95)


def test_monitor_warns_of_a_margin_that_is_too_small_and_goes_on() -> None:
    generator = np.random.default_rng(9)
    monitor = EMonitor(rate=0.01)
    for loss in generator.standard_normal(800):
        before = monitor
        monitor = monitor.update(float(loss), 1.9, 2.2)
    assert monitor.warns(0.05)
    assert monitor.highest_log_e >= monitor.log_e
    assert (before.observations, monitor.observations) == (799, 800)
    calm = EMonitor(rate=0.01).update(0.0, 1.0)
    assert (calm.e_value, calm.warns(0.5)) == (1.0, False)


def test_impossible_forecasts_are_refused() -> None:
    one, two = np.array([1.0]), np.array([2.0])
    with pytest.raises(BadNumber, match="below the value at risk"):
        fz0_score(one, two, one, RATE)
    with pytest.raises(BadNumber, match="not positive"):
        mcneil_frey(one, -two, -one, RATE)
    with pytest.raises(BadNumber, match="scale that is not positive"):
        mcneil_frey(one, one, two, RATE, scales=0.0 * one)
    with pytest.raises(BadNumber, match="e-process"):
        e_process(one, one, RATE, es=one)
    with pytest.raises(BadNumber, match="e-process"):
        EMonitor(rate=RATE).update(float("nan"), 1.0)
    with pytest.raises(BadParameter, match="betting 'all'"):
        EMonitor(rate=RATE, betting="all").update(1.0, 1.0)  # pyright: ignore[reportArgumentType]
    with pytest.raises(PoorHistory, match="no losses"):
        e_process(one[:0], one[:0], RATE)
    with pytest.raises(BadParameter, match="1 degrees of freedom"):
        acerbi_szekely_draws(10, RATE, np.random.default_rng(1), degrees=1.0)
    with pytest.raises(BadParameter, match="with 3 sides"):
        conditional_calibration(one, one, two, RATE, sides=3)  # pyright: ignore[reportArgumentType]
    with pytest.raises(BadParameter, match="horizon of 5 steps in 2"):
        diebold_mariano(np.array([1.0, 2.0]), np.zeros(2), horizon_steps=5)
    with pytest.raises(BadNumber, match="scores of shape"):
        model_confidence_set(np.zeros((5, 2)), ("a", "a"), np.random.default_rng(1))
