"""The range law: estimates against plain loops, causality, gaps, real crashes, refusals."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace as replace_struct
from scipy import stats

from seawall.basics.errors import BadParameter, CalibrationFailed, PoorHistory
from seawall.lab.calibration.days import days_of
from seawall.lab.calibration.estimates import (
    ewma,
    ewma_kurtosis,
    path_quantile,
    tail_index,
    trailing_max,
    trailing_mean,
)
from seawall.lab.calibration.ranges import dynamic_ranges, range_path
from seawall.lab.calibration.settings import GuardSettings, RangeSettings
from seawall.lab.calibration.split import TRAINING_ENDS_NS
from seawall.market.history import PriceBars
from tests.calibration import DAY_NS, HOUR_NS, made_bars, spot_bars, without

# Ranges that follow quickly and cover by themselves, whatever the tuned settings are.
SETTINGS = RangeSettings(
    lambda_vol=0.94, confidence_im=0.995, confidence_mm=0.99, scale=1.0, slow_share=1.0,
    guards=GuardSettings(
        floor_share=0.75, stressed_weight=0.25, loosen_per_day=0.02, deadband_rel=0.025, digits=3
    ),
)  # fmt: skip


def test_ewma_is_the_plain_loop() -> None:
    values = np.random.default_rng(1).random(100)
    level = sum(values[:20]) / 20
    for value in values[20:]:
        level = 0.94 * level + 0.06 * value
    found = ewma(values, 0.94, 20)
    assert found[-1] == pytest.approx(level, rel=1e-14)
    assert np.isnan(found[:19]).all()
    assert np.isnan(ewma(values[:10], 0.94, 20)).all()


def test_ewma_kurtosis_is_the_plain_loop() -> None:
    rng = np.random.default_rng(2)
    moves, vol = rng.standard_t(6.0, 300) * 0.03, np.full(300, 0.03)
    vol[:9] = np.nan
    z = [move / 0.03 for move in moves[10:]]
    fourth = sum(one**4 for one in z[:50]) / 50
    second = sum(one**2 for one in z[:50]) / 50
    for one in z[50:]:
        fourth = 0.98 * fourth + 0.02 * one**4
        second = 0.98 * second + 0.02 * one**2
    found = ewma_kurtosis(moves, vol, 0.98, 50)
    assert found[-1] == pytest.approx(fourth / second**2, rel=1e-12)
    assert np.isnan(found[:59]).all()


@pytest.mark.parametrize("nu", [4.5, 6.0, 12.0])
def test_the_tail_index_is_the_t_of_that_kurtosis(nu: float) -> None:
    excess = float(stats.t(nu).stats(moments="k"))
    assert tail_index(np.array([3.0 + excess]), 4.2, 30.0) == pytest.approx([nu])


def test_a_tail_index_is_bounded_and_an_unknown_one_is_the_fattest() -> None:
    assert tail_index(np.array([1.0, 1e9, np.nan]), 4.2, 30.0).tolist() == [30.0, 4.2, 4.2]


@pytest.mark.parametrize("nu", [4.2, 8.0, 30.0])
def test_the_path_quantile_is_the_t_quantile_of_unit_variance_at_half_the_tail(nu: float) -> None:
    law = stats.t(nu, scale=math.sqrt((nu - 2.0) / nu))
    assert law.var() == pytest.approx(1.0)
    assert path_quantile(0.99, np.array([nu])) == pytest.approx([law.ppf(0.995)], rel=1e-9)


def test_trailing_means_and_peaks_are_those_of_each_window() -> None:
    values = np.random.default_rng(3).random(50)
    means, peaks = trailing_mean(values, 7, 3), trailing_max(values, 7)
    for place in range(50):
        window = values[max(0, place - 6) : place + 1]
        assert peaks[place] == window.max()
        if place >= 2:
            assert means[place] == pytest.approx(window.mean())
    assert np.isnan(means[:2]).all()


def test_the_variance_of_a_day_is_the_sum_of_its_squared_moves() -> None:
    bars = made_bars(5)
    days = days_of(bars)
    before = np.append(bars.open[0], bars.close[:-1])
    squares = np.log(bars.close / before) ** 2
    assert days.end_ns.size == 5
    assert days.variance == pytest.approx(squares.reshape(5, 24).sum(axis=1))
    assert days.high == pytest.approx(bars.high.reshape(5, 24).max(axis=1))
    assert np.exp(days.log_return.sum()) == pytest.approx(bars.close[-1] / bars.open[0])


def test_days_may_end_at_any_hour_and_an_unfinished_one_is_left_out() -> None:
    bars = made_bars(5)
    noon = days_of(bars, closing_ns=12 * HOUR_NS)
    assert (noon.end_ns % DAY_NS == 12 * HOUR_NS).all()
    assert noon.end_ns[-1] <= bars.end_ns[-1]
    assert noon.close[-1] == bars.close[-13]


def test_missing_bars_are_scaled_up_and_the_move_across_a_gap_counts_whole() -> None:
    bars = made_bars(5)
    days = days_of(without(bars, slice(30, 36)))
    moves = np.log(bars.close / np.append(bars.open[0], bars.close[:-1]))
    kept = [move**2 for hour, move in enumerate(moves[24:48]) if not 6 <= hour < 13]
    across = moves[30:37].sum() ** 2
    assert days.variance[1] == pytest.approx(24 / 18 * sum(kept) + across)


def test_a_day_of_few_bars_is_no_day_and_loses_no_move() -> None:
    bars = made_bars(5)
    days = days_of(without(bars, slice(29, 48)))
    assert days.end_ns.size == 4
    moves = np.log(bars.close / np.append(bars.open[0], bars.close[:-1]))
    told = (moves[24:29] ** 2).sum() + moves[29:49].sum() ** 2 + (moves[49:72] ** 2).sum()
    assert days.variance[1] == pytest.approx(told)
    assert days.high[1] == pytest.approx(max(bars.high[24:29].max(), bars.high[48:72].max()))


def test_the_fast_range_is_the_law_of_the_specification() -> None:
    path = range_path(days_of(made_bars()), SETTINGS, depth_factor=1.2)
    for at in (0, 50, -1):
        nu = path.nu[at]
        law = stats.t(nu, scale=math.sqrt((nu - 2.0) / nu))
        slow = path.long_run_vol_rel[at] * law.ppf(0.995)
        fast = path.vol_rel[at] * law.ppf(0.9975)
        stress = min(max(path.vol_rel[at] / path.long_run_vol_rel[at] - 1.0, 0.0), 1.0)
        assert path.slow_rel[at] == pytest.approx(slow)
        assert path.fast_rel[at] == pytest.approx(max(slow, fast) * 1.2 * (1 + 0.1 * stress))


RAW = replace_struct(SETTINGS, guards=GuardSettings.off())


@pytest.mark.parametrize("settings", [SETTINGS, RAW, RangeSettings()])
def test_a_range_knows_nothing_of_later_bars(settings: RangeSettings) -> None:
    bars = made_bars(150)
    cut = 24 * 110
    rng = np.random.default_rng(5)
    factor = np.append(np.ones(cut), np.exp(rng.normal(0.0, 0.3, bars.close.size - cut)))
    other = replace(
        bars, **{name: getattr(bars, name) * factor for name in ("open", "high", "low", "close")}
    )
    times, before = dynamic_ranges(bars, settings)
    same_times, after = dynamic_ranges(other, settings)
    known = times <= bars.end_ns[cut - 1]
    assert (times == same_times).all()
    assert 0 < known.sum() < times.size
    assert (before[known] == after[known]).all()
    assert not (before[~known] == after[~known]).all()
    # Nor of there being later bars.
    _, short = dynamic_ranges(bars.until(int(times[known][-1])), settings)
    assert (short == before[known]).all()


@settings(max_examples=25, deadline=None)
@given(start=st.integers(70 * 24, 120 * 24), hours=st.integers(24, 1056))
def test_an_average_stands_still_over_days_that_are_missing(start: int, hours: int) -> None:
    """As if each had been one of the average before it; the net move counts on top, in full."""
    bars = made_bars(200)
    torn = without(bars, slice(start, start + hours))
    days = days_of(torn)
    missing = np.diff(days.end_ns) // DAY_NS - 1
    path = range_path(days, SETTINGS)
    before = SETTINGS.warm_up_days - 1
    level = float(days.variance[: before + 1].mean())
    for place in range(before + 1, days.end_ns.size):
        for _ in range(int(missing[place - 1])):
            level = 0.94 * level + 0.06 * level
        level = 0.94 * level + 0.06 * float(days.variance[place])
        assert path.vol_rel[place - before] ** 2 == pytest.approx(level, rel=1e-9)
    ended = int(np.searchsorted(days.end_ns, torn.end_ns[start]))
    across = math.log(torn.close[start] / torn.close[start - 1])
    assert days.variance[ended] >= across**2 * (1.0 - 1e-12)


def test_a_short_a_constant_and_an_empty_history_are_refused() -> None:
    bars = made_bars(80)
    with pytest.raises(PoorHistory, match=r"30 whole days of history, and 60 are needed"):
        dynamic_ranges(bars.rows(slice(0, 720)), SETTINGS)
    with pytest.raises(PoorHistory, match=r"no whole day"):
        dynamic_ranges(bars.rows(slice(0, 3)), SETTINGS)
    with pytest.raises(PoorHistory, match=r"no whole day"):
        dynamic_ranges(bars.rows(slice(0, 0)), SETTINGS)
    flat = np.full(bars.close.size, 100.0)
    still = PriceBars(
        underlying="USDC", bar_ns=HOUR_NS, end_ns=bars.end_ns, open=flat, high=flat, low=flat,
        close=flat,
    )  # fmt: skip
    with pytest.raises(CalibrationFailed, match=r"the prices never move"):
        dynamic_ranges(still, SETTINGS)


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(BadParameter, match=r"lambda_vol is 1.2"):
        RangeSettings(lambda_vol=1.2)
    with pytest.raises(BadParameter, match=r"confidence_mm is 0.999"):
        RangeSettings(confidence_mm=0.999)
    with pytest.raises(BadParameter, match=r"scale is 0"):
        RangeSettings(scale=0.0)


def test_the_range_rises_with_the_crash_of_march_2020_under_notice(shared: Path) -> None:
    times, ranges = dynamic_ranges(spot_bars(shared), SETTINGS)
    told = dict(zip(times.astype("datetime64[ns]").astype("datetime64[D]"), ranges, strict=True))

    def at(day: str) -> float:
        return told[np.datetime64(day)]

    # The day of the crash ends at 2020-03-13 00:00; a day's notice; at most half more at once.
    assert at("2020-03-12") == at("2020-03-13")
    assert at("2020-03-14") > 1.3 * at("2020-03-13")
    assert at("2020-03-17") > 1.9 * at("2020-03-13")
    times, raw = dynamic_ranges(spot_bars(shared), RAW)
    crash = int(np.searchsorted(times, np.datetime64("2020-03-13", "ns").astype(np.int64)))
    assert raw[crash] > 1.9 * raw[crash - 1]


def test_raw_ranges_cover_real_days_about_as_often_as_they_say(shared: Path) -> None:
    for symbol in ("BTCUSDT", "ETHUSDT"):
        days = days_of(spot_bars(shared, symbol))
        path = range_path(days, SETTINGS)
        after = days.end_ns.size - path.at_ns.size + 1
        closes = days.close[after - 1 : -1]
        up = (days.high[after:] / closes - 1.0 > path.fast_rel[:-1]).mean()
        down = (1.0 - days.low[after:] / closes > path.fast_rel[:-1]).mean()
        assert 0.0 < up < 0.0075
        assert 0.0 < down < 0.0075


def test_the_scale_multiplies_every_range(shared: Path) -> None:
    days = days_of(spot_bars(shared))
    one = range_path(days, SETTINGS)
    more = range_path(days, replace_struct(SETTINGS, scale=1.5))
    for name in ("slow_rel", "fast_rel", "long_run_rel", "stressed_rel"):
        assert getattr(more, name) == pytest.approx(1.5 * getattr(one, name), rel=1e-12)


def test_tuned_settings_cover_longs_and_shorts_of_the_training_years(shared: Path) -> None:
    """99.5 % is the house's own level; the frontier fits it over all its books."""
    for symbol in ("BTCUSDT", "ETHUSDT"):
        days = days_of(spot_bars(shared, symbol).until(TRAINING_ENDS_NS))
        times, ranges = dynamic_ranges(
            spot_bars(shared, symbol).until(TRAINING_ENDS_NS), RangeSettings()
        )
        after = days.end_ns.size - times.size + 1
        closes = days.close[after - 1 : -1]
        up = (days.high[after:] / closes - 1.0 > ranges[:-1]).mean()
        down = (1.0 - days.low[after:] / closes > ranges[:-1]).mean()
        assert 0.0 < (up + down) / 2.0 < 0.0125
