"""Numbers that hold for others too only widen, and what nothing tells today stays."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import msgspec
import pytest

from seawall.lab.calibration.calibrate import Calibration, calibrate
from seawall.lab.calibration.measured import Measured
from seawall.lab.calibration.settings import CalibrationSettings
from seawall.margin.bounds import chosen_value, with_numbers
from seawall.margin.offsets import CorrelationOffset
from seawall.market.history import MarketHistory
from tests.calibration import (
    made_bars,
    made_history,
    made_series,
)
from tests.test_calibration import AS_OF, BASE, DOWN, OPEN, scaled_today


@pytest.fixture(scope="module")
def history() -> MarketHistory:
    return made_history(AS_OF)


@pytest.fixture(scope="module")
def found(history: MarketHistory) -> Calibration:
    return calibrate(history, BASE, AS_OF, CalibrationSettings(), sources=("bars.csv",))


def one_coin(name: str, vol_rel: float) -> MarketHistory:
    return MarketHistory(bars={name: made_bars(400, underlying=name, vol_rel=vol_rel, end=AS_OF)})


@pytest.mark.parametrize(
    ("coin", "of_class", "untold"),
    [
        ("PAXG", "other", "all that no class names"),
        ("LTC", "large", "SOL, BNB, XRP, DOGE, ADA, AVAX"),
        ("AAPL.US", "single-stock", "all of .US, all of .IN"),
    ],
)
@pytest.mark.parametrize("previous", [False, True])
def test_a_calm_coin_does_not_narrow_others_of_its_class(
    coin: str, of_class: str, untold: str, *, previous: bool
) -> None:
    before = msgspec.structs.replace(BASE, as_of=date(2025, 1, 1)) if previous else None
    found = calibrate(one_coin(coin, 0.005), BASE, AS_OF, OPEN, before)
    assert found.model.classes == BASE.classes
    for number in ("price_range_up_rel", "price_range_down_rel", "daily_vol_rel"):
        key = f"classes.{of_class}.{number}"
        assert f"{key}: held at the number before: no history of {untold}" in found.report.kept
        [told] = [
            each
            for each in found.report.factors
            if each.key == key and each.name == "number before"
        ]
        assert (told.value, untold in told.why) == (chosen_value(BASE, key), True)


def test_a_wild_coin_widens_its_class_and_alone_in_it_it_also_narrows_it() -> None:
    wild = calibrate(one_coin("LTC", 0.3), BASE, AS_OF, OPEN)
    assert chosen_value(wild.model, "classes.large.price_range_down_rel") > 0.24
    assert not any("held at" in line for line in wild.report.kept)
    calm = calibrate(one_coin("BTC", 0.005), BASE, AS_OF, OPEN)
    assert chosen_value(calm.model, DOWN) < 0.05


def test_a_haircut_that_holds_for_others_does_not_fall_to_what_one_depth_asks() -> None:
    key = "classes.large.spot_haircut_rel"
    wide = tuple(
        msgspec.structs.replace(each, spot_haircut_rel=0.2) if each.name == "large" else each
        for each in BASE.classes
    )
    before = msgspec.structs.replace(BASE, as_of=date(2025, 1, 1), classes=wide)
    thin = Measured(depth_usd={"LTC": 25e6})
    settings = msgspec.structs.replace(OPEN, reference_depth_usd={"LTC": 100e6})
    coin = one_coin("LTC", 0.005)
    after = calibrate(coin, BASE, AS_OF, settings, before, market=thin).model
    assert chosen_value(after, key) == 0.2
    assert chosen_value(calibrate(coin, BASE, AS_OF, settings, market=thin).model, key) == 0.06


def test_kappa_does_not_rise_while_a_group_is_without_a_history(history: MarketHistory) -> None:
    calm, key = scaled_today(history, 0.2, 1200), "offsets.kappa"
    offsets = BASE.offsets
    assert isinstance(offsets, CorrelationOffset)
    pairs = (msgspec.structs.replace(offsets.groups[0].pairs[0], of=("SOL", "BNB")),)
    other = msgspec.structs.replace(
        offsets.groups[0], name="large", members=("SOL", "BNB"), pairs=pairs
    )
    two = msgspec.structs.replace(offsets, groups=(*offsets.groups, other))
    found = calibrate(calm, msgspec.structs.replace(BASE, offsets=two), AS_OF, OPEN)
    assert chosen_value(found.model, key) == offsets.kappa
    assert f"{key}: held at the number before: no history of SOL, BNB" in found.report.kept
    assert chosen_value(calibrate(calm, BASE, AS_OF, OPEN).model, key) > offsets.kappa


def test_shocks_that_hold_for_all_fall_only_where_all_have_a_history(
    history: MarketHistory,
) -> None:
    keys = ("scenarios.vol_up.size", "scenarios.vol_down.size", "charges.basis.annual_move_rel")
    small = {name: made_bars(400, end=AS_OF) for name in ("BTC", "ETH")}
    calm = {name: made_series(name, 0.5, 0.001, bars) for name, bars in small.items()}
    some = replace(history, vols=calm, basis_per_year=calm)
    found = calibrate(some, BASE, AS_OF, OPEN)
    for key in keys:
        assert chosen_value(found.model, key) == chosen_value(BASE, key)
        [line] = [line for line in found.report.kept if line.startswith(key)]
        assert line.endswith("no history of all of large, equity-index, single-stock, other")
    named = tuple(each for each in BASE.classes if each.name in ("btc", "eth"))
    narrow = calibrate(some, msgspec.structs.replace(BASE, classes=named), AS_OF, OPEN)
    for key in keys:
        assert abs(chosen_value(narrow.model, key)) < abs(chosen_value(BASE, key))


def test_a_number_without_a_history_today_stays_what_the_previous_model_had(
    found: Calibration, history: MarketHistory
) -> None:
    key = "scenarios.vol_up.size"
    before = msgspec.structs.replace(
        with_numbers(found.model, {key: 0.77}, "previous numbers", "test"), as_of=date(2026, 1, 15)
    )
    after = calibrate(replace(history, vols={}), BASE, AS_OF, CalibrationSettings(), before)
    assert chosen_value(after.model, key) == 0.77
    assert any(line.startswith("scenarios.vol_up") for line in after.report.kept)
