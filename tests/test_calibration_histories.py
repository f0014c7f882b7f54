"""Histories that are short, torn or of nothing are refused or told, and causes are said."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import msgspec
import numpy as np
import pytest

from seawall.basics.errors import CalibrationFailed, PoorHistory
from seawall.lab.calibration.calibrate import Calibration, calibrate
from seawall.lab.calibration.settings import CalibrationSettings, RangeSettings
from seawall.margin.bounds import chosen_value
from seawall.market.history import MarketHistory, PriceBars
from tests.calibration import (
    HOUR_NS,
    made_bars,
    made_history,
    without,
)
from tests.test_calibration import AS_OF, BASE, DOWN, OPEN, scaled_today


@pytest.fixture(scope="module")
def history() -> MarketHistory:
    return made_history(AS_OF)


@pytest.fixture(scope="module")
def found(history: MarketHistory) -> Calibration:
    return calibrate(history, BASE, AS_OF, CalibrationSettings(), sources=("bars.csv",))


def test_a_history_too_short_too_old_or_of_nothing_is_refused(history: MarketHistory) -> None:
    settings = CalibrationSettings()
    short = history.until(int((AS_OF - timedelta(days=370)).timestamp()) * 10**9)
    with pytest.raises(PoorHistory, match="30 whole days of history"):
        calibrate(short, BASE, AS_OF - timedelta(days=370), settings)
    with pytest.raises(PoorHistory, match="more than two days before"):
        calibrate(history, BASE, AS_OF + timedelta(days=4), settings)
    with pytest.raises(CalibrationFailed, match="tells no number"):
        calibrate(MarketHistory(), BASE, AS_OF, settings)
    flat = np.full(24 * 400, 1.0)
    times = int(AS_OF.timestamp()) * 10**9 - HOUR_NS * np.arange(9600, dtype=np.int64)[::-1]
    still = PriceBars(
        underlying="SOL", bar_ns=HOUR_NS, end_ns=times, open=flat, high=flat, low=flat, close=flat
    )
    with pytest.raises(CalibrationFailed, match="price history of SOL"):
        calibrate(replace(history, bars={"SOL": still}), BASE, AS_OF, settings)


def test_a_history_of_fewer_days_than_asked_for_is_refused_or_told() -> None:
    def last_days(days: int) -> MarketHistory:
        return MarketHistory(bars={"BTC": made_bars(days, end=AS_OF)})

    with pytest.raises(PoorHistory, match=r"100 whole days of history, and 365 are.*least_days"):
        calibrate(last_days(100), BASE, AS_OF, CalibrationSettings())
    for days, ranges in ((100, RangeSettings(least_days=90)), (370, RangeSettings())):
        report = calibrate(last_days(days), BASE, AS_OF, CalibrationSettings(ranges=ranges)).report
        [told] = [line for line in report.warnings if "long run and stress from" in line]
        since = AS_OF - timedelta(days=days)
        assert told.startswith(f"BTC: long run and stress from {days} days since {since.date()};")
        assert "3,653 are asked for" in told
    whole = CalibrationSettings(ranges=RangeSettings(long_run_days=100))
    warnings = calibrate(last_days(100), BASE, AS_OF, whole).report.warnings
    assert not any("long run" in line for line in warnings)


def test_days_that_are_missing_are_counted_and_told() -> None:
    bars = made_bars(450, end=AS_OF)
    lost = bars.end_ns.size - 24 * 60
    torn = without(bars, slice(lost, lost + 1056))
    report = calibrate(MarketHistory(bars={"BTC": torn}), BASE, AS_OF, OPEN).report
    [told] = [line for line in report.warnings if "missing" in line]
    ended = AS_OF - timedelta(days=16)
    assert told.startswith(f"BTC: 44 days are missing, the last before {ended.date()}")
    whole = calibrate(MarketHistory(bars={"BTC": bars}), BASE, AS_OF, OPEN).report
    assert not any("missing" in line for line in whole.warnings)


def test_causes_say_shocks_with_their_quantile_and_volatility_as_it_was_before(
    found: Calibration, history: MarketHistory
) -> None:
    # What other coins have too moves only upwards.
    funding = history.funding_per_day["BTC"]
    wilder = replace(
        history,
        funding_per_day={"BTC": replace(funding, value=20.0 * funding.value)},
        vols={"BTC": replace(history.vols["BTC"], value=history.vols["BTC"].value ** 4)},
    )
    report = calibrate(wilder, BASE, AS_OF, CalibrationSettings()).report
    causes = {move.key: move.cause for move in report.moves}
    parts = {
        each.name: each.value
        for each in report.factors
        if each.key == "charges.funding.shock_per_day"
    }
    assert causes["charges.funding.shock_per_day"] == (
        f"moves of BTC funding: {parts['recent']:.4g} of late, {parts['long run']:.4g} in the long "
        "run, quantile 99.5%"
    )
    assert "quantile 99.5% and 99.0%" in causes["scenarios.vol_up.size"]
    assert "in force" not in {move.key: move for move in found.report.moves}[DOWN].cause
    before = msgspec.structs.replace(found.model, as_of=date(2026, 1, 15))
    wild = calibrate(scaled_today(history, 12.0), BASE, AS_OF, CalibrationSettings(), before)
    moves = {move.key: move for move in wild.report.moves}
    vol = moves["classes.btc.daily_vol_rel"]
    told = f"; in force {vol.before:.2%} before, {vol.after:.2%} after"
    assert moves[DOWN].cause.endswith(told)
    assert vol.cause.endswith(told)


def test_a_series_too_short_keeps_its_number_and_says_so(history: MarketHistory) -> None:
    series = history.vols["BTC"]
    short = replace(series, at_ns=series.at_ns[-50:], value=series.value[-50:])
    found = calibrate(replace(history, vols={"BTC": short}), BASE, AS_OF, CalibrationSettings())
    assert chosen_value(found.model, "scenarios.vol_up.size") == 0.45
    [told] = [line for line in found.report.kept if line.startswith("scenarios.vol_up")]
    assert "49 moves, and 120 are needed" in told
