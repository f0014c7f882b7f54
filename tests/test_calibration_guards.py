"""Guards of parameters: speed, floor, jump, notice, deadband, each by itself and together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.basics.errors import BadNumber, BadParameter
from seawall.lab.calibration.guards import (
    GuardedPath,
    RawTargets,
    floor,
    guarded,
    rounded_up,
    step,
    wanted,
)
from seawall.lab.calibration.settings import GuardSettings
from tests.calibration import DAY_NS

OFF = GuardSettings.off()
NUMBERS = st.lists(st.floats(0.02, 1.5), min_size=2, max_size=40)


def raw(targets: list[float], *, long_run: float = 0.1, stressed: float = 0.3) -> RawTargets:
    count = len(targets)
    return RawTargets(
        at_ns=DAY_NS * np.arange(1, count + 1, dtype=np.int64),
        target=np.asarray(targets, dtype=np.float64),
        long_run=np.full(count, long_run),
        stressed=np.full(count, stressed),
    )


def only(targets: list[float], settings: GuardSettings, **given: float) -> GuardedPath:
    return guarded(raw(targets, **given), settings)


@given(NUMBERS)
def test_published_numbers_never_fall_faster_than_the_limit(targets: list[float]) -> None:
    path = only(targets, GuardSettings())
    for numbers in (path.announced, path.in_force):
        assert (numbers[1:] >= numbers[:-1] * 0.98 * (1 - 1e-12)).all()


@given(NUMBERS)
def test_numbers_are_never_below_the_floor(targets: list[float]) -> None:
    least = floor(raw(targets), GuardSettings())
    path = only(targets, GuardSettings())
    assert (path.announced >= least).all()
    assert (path.in_force >= least).all()


@given(NUMBERS)
def test_numbers_are_never_below_the_raw_ones_but_while_held_or_under_notice(
    targets: list[float],
) -> None:
    path = only(targets, GuardSettings())
    assert (path.wanted >= np.asarray(targets)).all()
    assert (path.announced >= path.wanted * (1 - 1e-12))[~path.held].all()
    # After a day the number announced a day ago is the least that can be in force.
    assert (path.in_force[1:] == np.minimum(path.announced[1:], path.announced[:-1])).all()


@given(NUMBERS)
def test_a_rise_is_never_larger_than_the_jump_without_confirmation(targets: list[float]) -> None:
    path = only(targets, GuardSettings(jump_rel=0.25))
    assert (path.announced[1:] <= path.announced[:-1] * 1.25 * (1 + 1e-12)).all()
    assert (path.announced[path.held] < path.wanted[path.held]).all()


@given(NUMBERS, st.floats(0.01, 1.0))
def test_numbers_are_never_below_the_least_that_is_given(
    targets: list[float], least: float
) -> None:
    path = guarded(raw(targets), GuardSettings(), least=least)
    assert (path.announced >= least).all()
    assert (path.in_force >= least).all()


@given(NUMBERS, st.integers(1, 39))
def test_a_guarded_number_knows_nothing_of_later_ones(targets: list[float], cut: int) -> None:
    cut = min(cut, len(targets))
    whole, part = only(targets, GuardSettings()), only(targets[:cut], GuardSettings())
    assert (whole.in_force[:cut] == part.in_force).all()


@given(NUMBERS)
def test_without_guards_the_numbers_are_the_raw_ones(targets: list[float]) -> None:
    assert only(targets, OFF).in_force == pytest.approx(targets, rel=1e-10)


def test_stressed_weight_is_a_quarter_of_the_stressed_number() -> None:
    settings = GuardSettings(stressed_weight=0.25, floor_share=0.0, buffer_rel=0.0)
    assert wanted(raw([0.1]), settings) == pytest.approx([0.75 * 0.1 + 0.25 * 0.3])
    # A market worse than every known stress is its own stress.
    assert wanted(raw([0.5]), settings) == pytest.approx([0.5])


def test_the_buffer_is_whole_in_calm_and_used_up_in_stress() -> None:
    settings = GuardSettings(floor_share=0.0, stressed_weight=0.0, buffer_rel=0.25)
    calm_to_stress = wanted(raw([0.08, 0.10, 0.11, 0.125, 0.2]), settings)
    assert calm_to_stress == pytest.approx([0.10, 0.125, 0.125, 0.125, 0.2])


def test_the_floor_is_a_share_of_the_long_run_number() -> None:
    settings = GuardSettings(stressed_weight=0.0, buffer_rel=0.0, floor_share=0.9)
    assert wanted(raw([0.02, 0.095]), settings) == pytest.approx([0.09, 0.095])


def test_a_rise_is_in_force_when_it_has_stood_for_its_notice() -> None:
    settings = GuardSettings.off()
    path = only([0.1, 0.2, 0.2, 0.2], settings)
    assert path.in_force == pytest.approx([0.1, 0.2, 0.2, 0.2])
    told = GuardSettings(
        floor_share=0, stressed_weight=0, buffer_rel=0, loosen_per_day=1, jump_rel=None,
        notice_days=2, deadband_rel=0,
    )  # fmt: skip
    assert only([0.1, 0.2, 0.2, 0.2], told).in_force == pytest.approx([0.1, 0.1, 0.1, 0.2])
    # A fall is in force at once.
    assert only([0.2, 0.1, 0.1], told).in_force == pytest.approx([0.2, 0.1, 0.1])


def test_a_jump_is_held_until_two_persons_confirm_it() -> None:
    settings = GuardSettings(jump_rel=0.5)
    assert step(0.4, 0.2, 1.0, settings) == (pytest.approx(0.3), True)
    assert step(0.4, 0.2, 1.0, settings, confirmed=True) == (0.4, False)
    assert step(0.29, 0.2, 1.0, settings) == (0.29, False)


def test_a_number_within_the_deadband_does_not_fall_and_a_rise_is_never_too_small() -> None:
    settings = GuardSettings(deadband_rel=0.05, loosen_per_day=0.02, digits=3)
    assert step(0.096, 0.1, 1.0, settings) == (0.1, False)
    assert step(0.094, 0.1, 1.0, settings) == (pytest.approx(0.098), False)
    assert step(0.1001, 0.1, 1.0, settings) == (pytest.approx(0.101), False)


def test_more_days_allow_a_larger_fall() -> None:
    settings = GuardSettings(loosen_per_day=0.02, digits=8)
    number, _ = step(0.01, 0.2, 10.0, settings)
    assert number == pytest.approx(0.2 * 0.98**10, rel=1e-6)


@given(st.floats(1e-4, 1e4), st.integers(2, 10))
def test_rounding_is_upward_and_rounds_nothing_twice(value: float, digits: int) -> None:
    up = rounded_up(value, digits)
    assert value * (1 - 1e-9) <= up <= value * (1 + 10.0 ** (1 - digits) + 1e-9)
    assert rounded_up(up, digits) == up


def test_the_next_step_needs_only_the_numbers_published_last() -> None:
    targets = [0.2, 0.35, 0.33, 0.2, 0.15, 0.15, 0.3]
    whole = only(targets, GuardSettings())
    want = wanted(raw(targets), GuardSettings())
    for place in range(1, len(targets)):
        number, _ = step(want[place], float(whole.announced[place - 1]), 1.0, GuardSettings())
        assert number == whole.announced[place]


def test_impossible_settings_and_numbers_are_refused() -> None:
    with pytest.raises(BadParameter, match=r"loosen_per_day is 0.001"):
        GuardSettings(loosen_per_day=0.001)
    with pytest.raises(BadParameter, match=r"floor_share is nan"):
        GuardSettings(floor_share=float("nan"))
    with pytest.raises(BadNumber, match=r"not finite"):
        raw([0.1, float("nan")])
    with pytest.raises(BadNumber, match=r"not finite"):
        raw([0.1, 0.0])
