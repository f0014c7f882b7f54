"""Models calibrated from history: presets that load, factors that explain, guards of change."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import pytest

from seawall.basics.errors import BadParameter, UnwritableFile
from seawall.feeds.models import read_model
from seawall.feeds.synthetic import synthetic_market
from seawall.feeds.synthetic_book import synthetic_portfolio
from seawall.lab.calibration.calibrate import Calibration, calibrate
from seawall.lab.calibration.effects import with_effects
from seawall.lab.calibration.files import read_settings, write_preset
from seawall.lab.calibration.measured import Measured, measured
from seawall.lab.calibration.settings import CalibrationSettings, GuardSettings, RangeSettings
from seawall.lab.calibration.split import (
    TRAINING_ENDS,
    TRAINING_ENDS_NS,
    require_training,
    training_part,
)
from seawall.margin.bounds import chosen_value
from seawall.margin.presets import load_preset
from seawall.market.history import MarketHistory, PriceBars
from seawall.products.instruments import STABLECOINS
from seawall.report.build import margin
from tests.calibration import (
    DAY_NS,
    made_bars,
    made_history,
    spot_bars,
)

AS_OF = datetime(2026, 1, 16, 16, tzinfo=UTC)
BASE = load_preset("prbm")
DOWN = "classes.btc.price_range_down_rel"
OPEN = CalibrationSettings(ranges=RangeSettings(guards=GuardSettings.off()))


@pytest.fixture(scope="module")
def history() -> MarketHistory:
    return made_history(AS_OF)


@pytest.fixture(scope="module")
def found(history: MarketHistory) -> Calibration:
    return calibrate(history, BASE, AS_OF, CalibrationSettings(), sources=("bars.csv",))


def scaled_today(history: MarketHistory, factor: float, hours: int = 48) -> MarketHistory:
    """The last hours' moves of every price larger by a factor."""
    moved: dict[str, PriceBars] = {}
    for name, bars in history.bars.items():
        moves = np.diff(np.log(np.append(bars.open[0], bars.close)))
        moves[-hours:] *= factor
        close = bars.open[0] * np.exp(np.cumsum(moves))
        opened = np.append(bars.open[0], close[:-1])
        moved[name] = replace(
            bars,
            open=opened,
            close=close,
            high=np.maximum(opened, close),
            low=np.minimum(opened, close),
        )
    return replace(history, bars=moved)


def test_a_calibrated_preset_loads_and_margins_a_book(found: Calibration, tmp_path: Path) -> None:
    file = write_preset(found, tmp_path / "new.toml")
    model = read_model(file)
    assert model == found.model
    assert (model.name, model.as_of) == ("prbm-2026-01-16", date(2026, 1, 16))
    assert "bars.csv" in model.source
    assert model.status.classes == "unknown"
    assert margin(synthetic_portfolio(), synthetic_market(), model).initial > 0
    with pytest.raises(UnwritableFile):
        write_preset(found, file)
    with pytest.raises(UnwritableFile, match="a preset is TOML"):
        write_preset(found, tmp_path / "new.json")


def test_what_did_not_move_is_the_base_s(found: Calibration) -> None:
    moved = {move.key for move in found.report.moves}
    for key in ("classes.other.price_range_up_rel", "charges.liquidity.impact_factor"):
        assert key not in moved
        assert chosen_value(found.model, key) == chosen_value(BASE, key)
    assert "classes.large: no history of a member" in found.report.kept
    assert found.model.floors == BASE.floors
    assert found.model.levels == BASE.levels


def test_every_move_has_its_factors_and_stands_in_the_model(found: Calibration) -> None:
    assert {move.key for move in found.report.moves} >= {
        DOWN,
        "classes.eth.daily_vol_rel",
        "offsets.groups.crypto-majors.pairs.0.lower",
        "offsets.kappa",
    }
    explained = {factor.key for factor in found.report.factors}
    assert explained >= {
        "scenarios.vol_up.size",
        "scenarios.vol_down.size",
        "charges.funding.shock_per_day",
        "charges.basis.annual_move_rel",
    }
    for move in found.report.moves:
        assert move.key in explained
        assert chosen_value(found.model, move.key) == move.after
        assert chosen_value(BASE, move.key) == move.before


def test_the_range_is_the_larger_of_slow_and_fast_over_the_initial_factor(
    history: MarketHistory,
) -> None:
    report = calibrate(history, BASE, AS_OF, OPEN).report
    by_name = {each.name: each.value for each in report.factors if each.key == DOWN}
    expected = max(by_name["slow range"], by_name["fast range"] / BASE.levels.im_factor)
    [move] = [each for each in report.moves if each.key == DOWN]
    assert move.after == pytest.approx(expected, rel=1e-9)


def test_a_calibration_knows_nothing_of_what_came_after(history: MarketHistory) -> None:
    before = AS_OF - timedelta(days=30)
    early = calibrate(history, BASE, before, CalibrationSettings())
    cut = int(before.timestamp()) * 10**9
    bars = {
        name: replace(
            each,
            **{
                column: getattr(each, column) * np.where(each.end_ns > cut, 0.5, 1.0)
                for column in ("open", "high", "low", "close")
            },
        )
        for name, each in history.bars.items()
    }
    later = replace(history, bars=bars)
    assert calibrate(later, BASE, before, CalibrationSettings()) == early
    assert calibrate(later, BASE, AS_OF, OPEN) != calibrate(history, BASE, AS_OF, OPEN)


def test_numbers_fall_no_faster_than_the_limit_against_the_previous_model(
    found: Calibration, history: MarketHistory
) -> None:
    wide = msgspec.structs.replace(
        found.model,
        as_of=date(2026, 1, 13),
        classes=tuple(
            msgspec.structs.replace(each, price_range_down_rel=0.5, daily_vol_rel=0.3)
            for each in found.model.classes
        ),
    )
    after = calibrate(history, BASE, AS_OF, CalibrationSettings(), wide).model
    assert chosen_value(after, DOWN) == pytest.approx(0.5 * 0.99**3, rel=1e-2)
    assert chosen_value(after, DOWN) >= 0.5 * 0.99**3
    assert chosen_value(after, "classes.btc.daily_vol_rel") >= 0.3 * 0.99**3


def test_a_jump_is_held_announced_and_let_through_by_two_persons(
    found: Calibration, history: MarketHistory
) -> None:
    wild = scaled_today(history, 12.0)
    before = msgspec.structs.replace(found.model, as_of=date(2026, 1, 15))
    report = calibrate(wild, BASE, AS_OF, CalibrationSettings(), before).report
    [move] = [each for each in report.moves if each.key == DOWN]
    assert move.needs_confirmation
    assert move.after == pytest.approx(1.5 * move.before, rel=1e-3)
    assert move.in_force_from == AS_OF + timedelta(days=1)
    for persons, through in ((("Ada",), False), (("Ada", "ada "), False), (("Ada", "Bo"), True)):
        settings = CalibrationSettings(confirmed_by=persons)
        report = calibrate(wild, BASE, AS_OF, settings, before).report
        [other] = [each for each in report.moves if each.key == DOWN]
        assert (other.after > 1.5 * other.before) is through
        assert other.needs_confirmation is not through


def test_a_later_base_was_not_in_force_and_an_earlier_one_was(history: MarketHistory) -> None:
    # prbm is of 2026-11-21: of the day before nothing holds the number, of the day itself it does.
    late = made_history(datetime(2026, 11, 22, tzinfo=UTC))
    in_force = calibrate(late, BASE, datetime(2026, 11, 22, tzinfo=UTC), CalibrationSettings())
    assert 0.16 * 0.99 <= chosen_value(in_force.model, DOWN) < 0.16
    assert not any("nothing was in force" in line for line in in_force.report.warnings)
    free = calibrate(history, BASE, AS_OF, CalibrationSettings())
    assert chosen_value(free.model, DOWN) < 0.16 * 0.99
    [told] = [line for line in free.report.warnings if "long run" not in line]
    assert told.startswith("nothing was in force at 2026-01-16T16:00")
    assert "the numbers of prbm are of 2026-11-21" in told
    assert "no limit on falls was applied" in told
    assert "--previous" in told


def test_in_stress_kappa_is_low_and_in_calm_it_is_high(history: MarketHistory) -> None:
    calm = calibrate(scaled_today(history, 0.2, 1200), BASE, AS_OF, OPEN).model
    wild = calibrate(scaled_today(history, 12.0), BASE, AS_OF, OPEN).model
    assert chosen_value(calm, "offsets.kappa") == 1.0
    assert chosen_value(wild, "offsets.kappa") == 0.5


def test_thin_depth_crowding_and_a_poor_surface_widen_what_they_should(
    history: MarketHistory,
) -> None:
    told = Measured(
        depth_usd={"BTC": 25e6},
        adv_usd={"BTC": 1e9},
        open_interest_usd={"BTC": 20e9},
        surface_error_abs={"BTC": 0.05},
        surface_age_days={"BTC": 0.25},
    )
    settings = msgspec.structs.replace(OPEN, reference_depth_usd={"BTC": 100e6})
    plain = calibrate(history, BASE, AS_OF, settings).model
    thin = calibrate(history, BASE, AS_OF, settings, market=told)
    fast = {each.name: each.value for each in thin.report.factors if each.key == DOWN}
    assert fast["depth factor"] == pytest.approx(2.0)
    assert chosen_value(thin.model, DOWN) > chosen_value(plain, DOWN)
    assert chosen_value(thin.model, "classes.btc.spot_haircut_rel") == pytest.approx(0.02)
    assert chosen_value(thin.model, "charges.concentration.factor") == pytest.approx(8.0)
    vol = history.vols["BTC"].value[-1]
    up = ("scenarios.vol_up.size", "surface")
    [added] = [each.value for each in thin.report.factors if (each.key, each.name) == up]
    assert added > 0.05 / vol
    same = "scenarios.vol_down.size"
    assert chosen_value(thin.model, same) == chosen_value(plain, same)


def test_a_market_tells_its_depth_crowding_and_surface() -> None:
    told = measured(synthetic_market())
    assert 0.0 < told.surface_error_abs["BTC"] < 0.05
    assert told.open_interest_usd["BTC"] > 0.0


def test_a_garch_forecast_counts_where_it_is_larger(history: MarketHistory) -> None:
    wild = scaled_today(history, 6.0, 24)
    ewma = calibrate(wild, BASE, AS_OF, OPEN).model
    gjr = calibrate(wild, BASE, AS_OF, msgspec.structs.replace(OPEN, volatility="gjr")).model
    assert chosen_value(gjr, DOWN) >= chosen_value(ewma, DOWN)


def test_stablecoins_have_their_volatility_from_their_own_prices(history: MarketHistory) -> None:
    coin = replace(made_bars(400, vol_rel=0.0003, end=AS_OF), underlying="USDC")
    with_coin = replace(history, bars={**history.bars, "USDC": coin})
    model = calibrate(with_coin, BASE, AS_OF, CalibrationSettings()).model
    key = "collateral.stablecoin.daily_vol_rel"
    # One calm coin does not lower the number of those without a history; a wild one raises it.
    assert chosen_value(model, key) == chosen_value(BASE, key)
    wild = replace(made_bars(400, vol_rel=0.02, end=AS_OF), underlying="USDC")
    moved = calibrate(replace(history, bars={"USDC": wild}), BASE, AS_OF, OPEN).model
    assert 0.01 < chosen_value(moved, key) < 0.06
    every = {name: replace(coin, underlying=name) for name in STABLECOINS}
    lower = calibrate(replace(history, bars=every), BASE, AS_OF, OPEN).model
    assert chosen_value(lower, key) < chosen_value(BASE, key)
    assert chosen_value(model, "classes.other.daily_vol_rel") == 0.10


def test_effects_are_margins_before_and_after_and_of_each_number_alone(found: Calibration) -> None:
    account, market = synthetic_portfolio(), synthetic_market()
    report = with_effects(found, [account], market, notices=True)
    [told] = report.accounts
    assert told.initial_before == margin(account, market, "prbm").initial
    assert told.maintenance_after == margin(account, market, found.model).maintenance
    keys = {notice.key for notice in report.notices}
    assert DOWN in keys or "classes.btc.price_range_up_rel" in keys
    moves = {move.key: move for move in report.moves}
    for notice in report.notices:
        assert notice.cause == moves[notice.key].cause
        assert notice.initial or notice.maintenance


def test_a_base_that_is_no_preset_and_a_previous_model_of_later_are_refused(
    found: Calibration, history: MarketHistory
) -> None:
    with pytest.raises(BadParameter, match="is no preset"):
        calibrate(history, found.model, AS_OF, CalibrationSettings())
    with pytest.raises(BadParameter, match="after the time of the calibration"):
        calibrate(history, BASE, AS_OF, CalibrationSettings(), BASE)
    # What two persons must confirm would else go through by running twice.
    with pytest.raises(BadParameter, match="2026-01-16, the calibration's own date") as fault:
        calibrate(history, BASE, AS_OF, CalibrationSettings(), found.model)
    assert fault.value.where == "previous model"


def test_settings_are_read_and_bad_ones_refused(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("volatility = 'gjr'\n[ranges.guards]\nbuffer_rel = 0.0\n", encoding="utf-8")
    settings = read_settings(file)
    assert settings.volatility == "gjr"
    assert settings.ranges.guards.buffer_rel == 0.0
    for text in ("[ranges]\nlambda = 0.9\n", "[ranges]\nlambda_vol = 2.0\n", "x = = 1\n"):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(BadParameter):
            read_settings(file)


def test_tuning_sees_nothing_after_2022() -> None:
    assert datetime(2023, 1, 1, tzinfo=UTC) == TRAINING_ENDS
    bars = made_bars(900)  # from 2021-01-01 into 2023
    part = training_part(MarketHistory(bars={"BTC": bars})).bars["BTC"]
    assert part.end_ns[-1] == TRAINING_ENDS_NS < bars.end_ns[-1]
    require_training(int(part.end_ns[-1]))
    with pytest.raises(BadParameter, match="kept for testing"):
        require_training(int(bars.end_ns[-1]))


def test_the_range_of_btc_rises_with_march_2020(shared: Path) -> None:
    bars = spot_bars(shared)

    def range_at(day: date) -> float:
        at = datetime(day.year, day.month, day.day, tzinfo=UTC)
        known = replace(bars.until(int(at.timestamp()) * 10**9))
        return chosen_value(
            calibrate(MarketHistory(bars={"BTC": known}), BASE, at, CalibrationSettings()).model,
            DOWN,
        )

    calm, crash = range_at(date(2020, 3, 11)), range_at(date(2020, 3, 13))
    assert crash > 1.2 * calm
    assert bars.end_ns[0] + 60 * DAY_NS < bars.end_ns[-1]
