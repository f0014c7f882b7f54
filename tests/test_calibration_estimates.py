"""GARCH, correlations and shocks against other routes."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seawall.basics.errors import CalibrationFailed, PoorHistory
from seawall.lab.calibration.correlations import (
    correlations,
    nearest_correlation,
    shrunk_correlation,
)
from seawall.lab.calibration.days import days_of
from seawall.lab.calibration.estimates import expanding_quantile, path_worst_moves
from seawall.lab.calibration.garch import garch_vol
from seawall.lab.calibration.ranges import range_path
from seawall.lab.calibration.settings import (
    CorrelationSettings,
    DepthSettings,
    RangeSettings,
    ShockSettings,
)
from seawall.lab.calibration.shocks import (
    crowding_factor,
    depth_factor,
    level_shock,
    surface_add_on,
    vol_shocks,
)
from seawall.market.history import TimeSeries
from tests.calibration import DAY_NS, made_bars, made_series

NAMES = ("A", "B", "C")


def garch_path(count: int, gamma: float) -> tuple[np.ndarray, float]:
    """Returns of a known GJR model, and its volatility of the day after the last."""
    rng = np.random.default_rng(11)
    omega, alpha, beta = 0.00002, 0.06, 0.88
    variance = omega / (1.0 - alpha - beta - gamma / 2.0)
    moves = np.empty(count)
    for day in range(count):
        moves[day] = math.sqrt(variance) * rng.standard_t(6.0) * math.sqrt(4.0 / 6.0)
        fall = gamma * (moves[day] < 0.0)
        variance = omega + (alpha + fall) * moves[day] ** 2 + beta * variance
    return moves, math.sqrt(variance)


@pytest.mark.parametrize(("kind", "gamma"), [("garch", 0.0), ("gjr", 0.06)])
def test_garch_finds_the_model_that_made_the_returns(kind: str, gamma: float) -> None:
    moves, vol = garch_path(4000, gamma)
    fit = garch_vol(moves, kind, "BTC")  # type: ignore[arg-type]
    assert fit.vol_rel == pytest.approx(vol, rel=0.1)
    assert fit.persistence == pytest.approx(0.94 + gamma / 2.0, abs=0.07)
    assert fit.nu == pytest.approx(6.0, abs=1.2)


def test_garch_refuses_what_is_short_or_does_not_converge() -> None:
    with pytest.raises(PoorHistory, match="100 days of returns"):
        garch_vol(np.random.default_rng(1).normal(size=100), "garch", "BTC")
    with pytest.raises(CalibrationFailed, match="did not converge"):
        garch_vol(np.exp(np.arange(300) / 20.0) * 1e-6, "garch", "BTC")


def test_shrinkage_is_the_naive_sum_and_only_takes_away() -> None:
    rng = np.random.default_rng(4)
    x = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], 90)
    weights = 0.97 ** np.arange(90)[::-1]
    x /= np.sqrt(np.average(x**2, axis=0, weights=weights))
    w = weights / weights.sum()
    sample = sum(w[t] * np.outer(x[t], x[t]) for t in range(90))
    noise = sum(w[t] ** 2 * ((np.outer(x[t], x[t]) - sample) ** 2).sum() for t in range(90))
    delta = min(1.0, noise / ((sample - np.eye(2)) ** 2).sum())
    expected = (1 - delta) * sample + delta * np.eye(2)
    found = shrunk_correlation(x, weights)
    assert found == pytest.approx(expected)
    assert abs(found[0, 1]) < abs(sample[0, 1])


def test_the_lower_bound_covers_the_true_correlation_as_often_as_it_says() -> None:
    chosen = CorrelationSettings(decay=0.9999, rolling_days=365, least_days=120)
    under = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        moves = rng.multivariate_normal([0, 0], [[1, 0.7], [0.7, 1]], 300) * 0.03
        base = days_of(made_bars(301))
        both = {
            name: replace(base, underlying=name, close=np.exp(np.append(0.0, np.cumsum(column))))
            for name, column in zip("AB", moves.T, strict=True)
        }
        under += correlations(both, chosen).lower_of("A", "B") <= 0.7
    assert under >= 54  # of 60 at 95 %, and shrinkage makes it safer


def test_correlations_of_uncommon_days_or_prices_that_stand_still_are_refused() -> None:
    chosen = CorrelationSettings()
    one, other = days_of(made_bars(200)), days_of(made_bars(200, underlying="ETH"))
    late = replace(other, end_ns=other.end_ns + 150 * DAY_NS)
    with pytest.raises(PoorHistory, match="50 days in common, and 121 are needed"):
        correlations({"BTC": one, "ETH": late}, chosen)
    still = replace(other, close=np.ones(200))
    with pytest.raises(CalibrationFailed, match="never moves"):
        correlations({"BTC": one, "ETH": still}, chosen)


def test_a_matrix_that_contradicts_itself_is_repaired_and_named() -> None:
    # Higham (2002), section 1: the nearest of this one has 0.7607 and 0.1573 off the diagonal.
    given_ = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 1.0]])
    found, told = nearest_correlation(given_, NAMES, least_eigenvalue=-0.5)
    assert found[0, 1] == pytest.approx(0.7607, abs=1e-4)
    assert found[0, 2] == pytest.approx(0.1573, abs=1e-4)
    assert "correlations of A, B, C contradict each other" in told
    with pytest.raises(CalibrationFailed, match=r"least eigenvalue is -0\.41"):
        nearest_correlation(given_, NAMES)


@settings(max_examples=25)
@given(st.lists(st.floats(-1.0, 1.0), min_size=3, max_size=3))
def test_a_repaired_matrix_is_one_of_correlations(off: list[float]) -> None:
    matrix = np.eye(3)
    matrix[np.triu_indices(3, 1)] = off
    matrix = matrix + matrix.T - np.eye(3)
    found, told = nearest_correlation(matrix, NAMES, least_eigenvalue=-1.0)
    assert np.linalg.eigvalsh(found)[0] >= -1e-8
    assert np.diag(found) == pytest.approx(np.ones(3))
    assert bool(told) is bool(np.linalg.eigvalsh(matrix)[0] < -1e-12)


def test_a_matrix_that_is_none_is_refused() -> None:
    for odd in (np.ones((2, 3)), np.array([[1.0, 0.5], [0.4, 1.0]]), np.full((2, 2), np.nan)):
        with pytest.raises(CalibrationFailed, match="no matrix of correlations"):
            nearest_correlation(odd, ("A", "B"))


def test_path_worst_moves_are_those_of_the_days_after() -> None:
    days = days_of(made_bars(40))
    moves = path_worst_moves(days.close, days.high, days.low, 3)
    for day in range(37):
        up = max(days.high[day + 1 : day + 4]) / days.close[day] - 1.0
        down = 1.0 - min(days.low[day + 1 : day + 4]) / days.close[day]
        assert moves[day] == pytest.approx([max(up, 0.0), max(down, 0.0)])
    assert np.isnan(moves[37:]).all()


def test_an_expanding_quantile_is_that_of_what_was_known() -> None:
    values = np.random.default_rng(3).random(80)
    found = expanding_quantile(values, 0.9, 2, 10)
    for place in range(80):
        known = np.sort(values[: max(0, place - 1)])
        if known.size < 10:
            assert np.isnan(found[place])
        else:
            assert found[place] == known[math.ceil(0.9 * known.size) - 1]


def test_the_larger_quantile_is_never_below_the_t_and_knows_no_later_day() -> None:
    days = days_of(made_bars(500))
    plain = range_path(days, RangeSettings())
    larger = range_path(days, RangeSettings(quantile="larger"))
    assert (larger.quantile_im >= plain.quantile_im).all()
    assert (larger.quantile_mm > plain.quantile_mm).any()
    known = made_bars(500).rows(slice(0, 24 * 450))
    part = range_path(days_of(known), RangeSettings(quantile="larger"))
    assert (part.fast_rel == larger.fast_rel[: part.fast_rel.size]).all()


def test_shocks_are_the_quantiles_of_plain_loops() -> None:
    bars = made_bars(300)
    series = made_series("vol", 0.5, 0.05, bars)
    chosen = ShockSettings()
    up, down = vol_shocks(series, 1.0, 0.99, chosen)
    moves = [b / a - 1.0 for a, b in zip(series.value[:-1], series.value[1:], strict=True)]
    ordered = sorted(max(move, 0.0) for move in moves)
    assert up.long_run == ordered[math.ceil(0.99 * (len(moves) - 1))]
    assert up.worst == pytest.approx(max(moves))
    assert down.worst == pytest.approx(-min(moves))
    variance = float(np.mean(np.square(moves[:30])))
    scaled: list[float] = []
    for move in moves[30:]:
        scaled.append(max(move, 0.0) / math.sqrt(variance))
        variance = 0.94 * variance + 0.06 * move**2
    at = math.ceil(0.99 * (len(scaled) - 1))
    assert up.recent == pytest.approx(sorted(scaled)[at] * math.sqrt(variance))
    assert up.size == max(up.recent, up.long_run)
    rate = level_shock(series, 1.0, 0.99, chosen)
    assert rate.worst == pytest.approx(np.abs(np.diff(series.value)).max())


def test_a_series_too_short_still_or_not_positive_is_refused() -> None:
    series = made_series("vol", 0.5, 0.05, made_bars(300))
    chosen = ShockSettings()
    short = replace(series, at_ns=series.at_ns[:50], value=series.value[:50])
    with pytest.raises(PoorHistory, match="49 moves"):
        level_shock(short, 1.0, 0.99, chosen)
    with pytest.raises(CalibrationFailed, match="never moves"):
        level_shock(replace(series, value=np.full(300, 0.1)), 1.0, 0.99, chosen)
    with pytest.raises(CalibrationFailed, match="not above zero"):
        vol_shocks(replace(series, value=np.append(series.value[:-1], 0.0)), 1.0, 0.99, chosen)
    empty = TimeSeries(name="vol", at_ns=np.empty(0, dtype=np.int64), value=np.empty(0))
    with pytest.raises(PoorHistory, match="0 moves"):
        level_shock(empty, 1.0, 0.99, chosen)


def test_depth_and_crowding_only_ever_widen() -> None:
    chosen = DepthSettings()
    assert depth_factor(100.0, 50.0, chosen) == 1.0
    assert depth_factor(25.0, 100.0, chosen) == 2.0
    assert depth_factor(0.0, 100.0, chosen) == 3.0
    assert depth_factor(1.0, 1e9, chosen) == 3.0
    assert crowding_factor(1e9, 1e9, chosen) == 1.0
    assert crowding_factor(20e9, 1e9, chosen) == 2.0
    assert surface_add_on(0.02, 0.5, 0.2, 0.25) == pytest.approx(0.04 + 0.1)
