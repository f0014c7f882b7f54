"""Every test against its published vectors: counts, order, regressions, durations, shortfalls.

Not compared: the bootstrap p-values of exceedance residuals to more than their own error (another
generator drew them), the README example of exact conditional coverage (R's generator drew its
series), and the results on a packaged data set that may not be passed on.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seawall.lab.backtest.counts import kupiec
from seawall.lab.backtest.durations import duration_fit, duration_test
from seawall.lab.backtest.dynamic_quantile import dynamic_quantile
from seawall.lab.backtest.e_process import e_process
from seawall.lab.backtest.expected_shortfall import (
    acerbi_szekely,
    acerbi_szekely_draws,
    conditional_calibration,
    mcneil_frey,
    shortfall_gap,
)
from seawall.lab.backtest.independence import (
    Transitions,
    conditional_coverage,
    conditional_coverage_exact,
    independence,
    independence_exact,
    transitions,
)
from seawall.lab.backtest.outcomes import Outcome, chi_squared
from seawall.lab.backtest.scores import al_score, diebold_mariano, fz0_score, quantile_loss
from tests.backtest_series import CASES, Case, case, vectors

EXACT = 1e-9


@pytest.fixture(params=CASES, ids=lambda one: f"{one[0]}-{one[1]}")
def one(request: pytest.FixtureRequest, shared: Path) -> Case:
    return case(shared, *request.param)


def same(outcome: Outcome, expected: list[float], tolerance: float = EXACT) -> None:
    assert (outcome.statistic, outcome.p_value) == pytest.approx(tuple(expected), rel=tolerance)


def test_counts_and_order_are_the_published_ones(one: Case) -> None:
    hits = one.losses > one.var
    counts = transitions(hits)
    assert int(hits.sum()) == one.expected["x"]
    found = [counts.n00, counts.n01, counts.n10, counts.n11]
    assert found == one.expected["n00_n01_n10_n11"]
    same(kupiec(int(hits.sum()), hits.size, one.rate), one.expected["pof"])
    same(independence(counts), one.expected["cci"])
    same(conditional_coverage(hits, one.rate), one.expected["cc"])


@pytest.mark.parametrize(
    ("regressors", "name"),
    [
        ("hits", "dq_hits_only (5df)"),
        ("margin", "dq_matlab_const_4lags_var (6df)"),
        ("squared", "dq_gas_const_var_4lags_y2 (7df)"),
    ],
)
def test_dynamic_quantiles_are_the_published_ones(one: Case, regressors: str, name: str) -> None:
    statistic, p_value, freedom = one.expected[name]
    # The files' value at risk is told to eight decimals, which the regression magnifies.
    found = dynamic_quantile(one.losses, one.var, one.rate, regressors=regressors)  # pyright: ignore[reportArgumentType]
    same(found, [statistic, p_value])
    assert f"{freedom} degrees" in found.law


def test_weibull_durations_are_the_published_ones(one: Case) -> None:
    shape, free, flat, p_value = one.expected["weibull_duration(b,uLL,rLL,p)"]
    hits = one.losses > one.var
    fit = duration_fit(hits)
    assert fit is not None
    # The likelihood is flat at its top: programs agree on the shape to 2e-7.
    assert fit.shape == pytest.approx(shape, rel=1e-6)
    assert fit.log_likelihood_free == pytest.approx(free, rel=EXACT)
    assert fit.log_likelihood_flat == pytest.approx(flat, rel=EXACT)
    assert duration_test(hits).p_value == pytest.approx(p_value, rel=EXACT)


def test_acerbi_szekely_are_the_published_ones(one: Case) -> None:
    expected = one.expected["acerbi_szekely"]
    generator = np.random.default_rng(0)
    found = acerbi_szekely(one.losses, one.var, one.es, one.rate, generator, draws=100)
    statistics = tuple(outcome.statistic for outcome in found)
    names = ("Z1", "Z2", "minbias_rel")
    assert statistics == pytest.approx(tuple(expected[name] for name in names), rel=EXACT)
    gap = shortfall_gap(one.losses, one.var, one.es, one.rate)
    assert gap.mean() == pytest.approx(expected["minbias_abs"], rel=EXACT)


def test_conditional_calibration_is_the_published_one(one: Case) -> None:
    expected, two = one.expected["nolde_ziegel"], one.expected["R_reference"]["esback_cc"]
    series = (one.losses, one.var, one.es, one.rate)
    simple = conditional_calibration(*series)
    general = conditional_calibration(*series, kind="general", scales=one.scales)
    same(simple, [expected["T_simple"], expected["p_simple_2s"]])
    same(general, [expected["T_general"], expected["p_general_2s"]])
    assert (simple.p_value, general.p_value) == pytest.approx((two[0], two[2]), rel=EXACT)
    one_sided = (
        conditional_calibration(*series, sides=1).p_value,
        conditional_calibration(*series, kind="general", sides=1, scales=one.scales).p_value,
    )
    assert one_sided == pytest.approx((two[1], two[3]), rel=EXACT)


def test_exceedance_residuals_are_the_published_ones(one: Case) -> None:
    reference = one.expected["R_reference"]
    series = (one.losses, one.var, one.es, one.rate)
    assert mcneil_frey(*series).p_value == pytest.approx(reference["rugarch_ESTest"][2], rel=EXACT)
    # Resampled by another program with 1,000 draws about the mean of its statistics, not of the
    # residuals: alike, not equal.
    plain = mcneil_frey(*series, generator=np.random.default_rng(1), draws=4_000)
    scaled = mcneil_frey(
        *series, scales=one.scales, generator=np.random.default_rng(2), draws=4_000
    )
    _, one_sided, _, one_sided_scaled = reference["esback_er"]
    assert plain.p_value == pytest.approx(one_sided, abs=0.06)
    assert scaled.p_value == pytest.approx(one_sided_scaled, abs=0.06)


def test_other_programs_tell_the_same(one: Case) -> None:
    reference, hits = one.expected["R_reference"], one.losses > one.var
    expected, count, *uc_cc = reference["rugarch_uc_cc"]
    assert (int(one.rate * hits.size), int(hits.sum())) == (expected, count)
    pof = kupiec(int(hits.sum()), hits.size, one.rate)
    coverage = conditional_coverage(hits, one.rate)
    for found, told in (
        (pof, uc_cc[:2]),
        (coverage, uc_cc[2:]),
        (pof, reference["GAS_kupiec"]),
        (coverage, reference["GAS_cc"]),
        (
            dynamic_quantile(one.losses, one.var, one.rate, regressors="squared"),
            reference["GAS_DQ7"],
        ),
    ):
        same(found, told)
    fit = duration_fit(hits)
    assert fit is not None
    shape, free, flat, _ = reference["rugarch_VaRDur"]
    assert fit.shape == pytest.approx(shape, rel=1e-6)
    likelihoods = (fit.log_likelihood_free, fit.log_likelihood_flat)
    assert likelihoods == pytest.approx((free, flat), rel=EXACT)
    mean = quantile_loss(one.losses, one.var, one.rate).mean()
    assert mean == pytest.approx(reference["GAS_QL"][0], rel=EXACT)


def test_mean_scores_are_the_published_ones(one: Case) -> None:
    expected = one.expected["mean_scores"]
    series = (one.losses, one.var, one.es, one.rate)
    found = (
        quantile_loss(one.losses, one.var, one.rate).mean(),
        fz0_score(*series).mean(),
        al_score(*series).mean(),
    )
    assert found == pytest.approx(
        (expected["quantile"], expected["FZ0"], expected["AL"]), rel=EXACT
    )


def test_e_process_of_a_fixed_bet_is_the_published_one(one: Case) -> None:
    path = e_process(one.losses, one.var, one.rate, es=one.es, fixed_bet=0.1)
    last, most = one.expected["log_eprocess_ES_lambda_0.1_final_and_max"]
    assert (path.log_e[-1], path.log_e.max()) == pytest.approx((last, most), rel=EXACT)
    assert set(path.bets) == {0.1}


def test_diebold_mariano_is_the_published_one(shared: Path) -> None:
    true, ewma = (case(shared, model, 0.01) for model in ("true", "ewma"))
    first, second = (quantile_loss(c.losses, c.var, c.rate) for c in (true, ewma))
    expected = vectors(shared)["diebold_mariano"]
    same(diebold_mariano(first, second), expected["h1"])
    same(diebold_mariano(first, second, horizon_steps=5), expected["h5"])
    bartlett = diebold_mariano(first, second, horizon_steps=5, kernel="bartlett")
    same(bartlett, expected["h5_bartlett"])
    other = expected["R_forecast_9_0_2"]
    same(diebold_mariano(first, second, horizon_steps=5), other["h5_acf"])
    same(bartlett, other["h5_bartlett"])


def test_diebold_mariano_of_joint_scores_is_the_published_one(shared: Path) -> None:
    scores = [
        fz0_score(c.losses, c.var, c.es, c.rate)
        for c in (case(shared, model, 0.025) for model in ("true", "ewma"))
    ]
    same(diebold_mariano(*scores), vectors(shared)["dm_fz0"]["FZ0_true_vs_ewma_2p5"])


def test_independence_of_counts_is_the_published_one(shared: Path) -> None:
    of_order, both = vectors(shared)["counts_based"][1:3]
    found = independence(Transitions(n00=932, n01=53, n10=53, n11=4))
    same(found, [of_order["computed"]["LR"], of_order["computed"]["p"]])
    coverage = kupiec(57, 1043, 0.05)
    assert found.statistic is not None
    assert coverage.statistic is not None
    together = found.statistic + coverage.statistic
    assert together == pytest.approx(both["computed"]["LR"], rel=EXACT)
    assert chi_squared(together, 2) == pytest.approx(both["computed"]["p"], rel=EXACT)
    assert together == pytest.approx(both["published"]["LR"], abs=5e-6)
    assert found.statistic == pytest.approx(of_order["published"]["LR"], abs=5e-6)


@pytest.mark.parametrize(("model", "name"), [("true", "true250 x=2"), ("ewma", "ewma250 x=3")])
def test_exact_order_is_the_published_one(shared: Path, model: str, name: str) -> None:
    series, expected = case(shared, model, 0.01), vectors(shared)["exact_R_ind_cc"][name]
    hits = (series.losses > series.var)[:250]
    same(independence_exact(hits, 0.01), expected["ind"])
    same(conditional_coverage_exact(hits, 0.01), expected["cc"])


def test_simulated_critical_values_are_the_published_ones(shared: Path) -> None:
    for row in vectors(shared)["acerbi_szekely_Z2_critical_values_sim"]:
        degrees = None if row["dist"] == "N(0,1)" else float(row["dist"][1:])
        generator = np.random.default_rng(11)
        args = (row["T"], row["alpha"], generator)
        _, z2, _ = acerbi_szekely_draws(*args, degrees=degrees, draws=40_000)
        at_five, at_one, _ = row["q5_q1_q0p01"]
        found = np.quantile(z2, [0.05, 0.01])
        assert found == pytest.approx(np.array([at_five, at_one]), rel=0.05)


def test_published_thresholds_of_z2_are_simulated(shared: Path) -> None:
    published = vectors(shared)["acerbi_szekely_published"]
    told = published["T=250 alpha=2.5% thresholds (paper)"]
    _, z2, _ = acerbi_szekely_draws(250, 0.025, np.random.default_rng(3), draws=200_000)
    # The paper prints one decimal of what it takes for laws from the normal to a heavy tail.
    assert np.quantile(z2, 0.05) == pytest.approx(told["5%"], abs=0.02)
    assert np.quantile(z2, 0.0001) == pytest.approx(told["0.01%"], abs=0.15)


def test_published_p_value_of_z2_is_simulated(shared: Path) -> None:
    published = vectors(shared)["acerbi_szekely_published"]["MathWorks T=1966 a=2.5% test 99%"]
    for degrees, name in ((None, "p_normal"), (3.0, "p_t3")):
        generator = np.random.default_rng(5)
        _, z2, _ = acerbi_szekely_draws(1966, 0.025, generator, degrees=degrees, draws=100_000)
        assert (z2 <= published["Z2"]).mean() == pytest.approx(published[name], rel=0.15)
