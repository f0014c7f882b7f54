"""Procyclicality: published measures, loops, and what a step in volatility does to known models."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from seawall.basics.errors import BadNumber, BadParameter, PoorHistory
from seawall.lab.backtest.procyclicality import (
    ImpulseResponse,
    impulse_response,
    largest_rise,
    procyclicality,
)

Floats = NDArray[np.float64]
MARGINS = st.lists(st.floats(0.1, 1e6), min_size=1, max_size=40)


def test_measures_are_the_published_ones(shared: Path) -> None:
    told = json.loads((shared / "vectors/quant/mechanisms.json").read_text())
    expected = told["procyclicality_measures"]
    found = procyclicality(np.array(expected["margin"], dtype=float), steps=(1, 3))
    one, three = found.rises
    assert found.peak_to_trough == pytest.approx(expected["peak_to_trough"], rel=1e-12)
    assert one.share == pytest.approx(expected["largest_1d_increase_ratio"], rel=1e-12)
    assert three.share == pytest.approx(expected["largest_3d_increase_ratio"], rel=1e-12)
    assert three.amount == pytest.approx(expected["largest_3d_increase_abs"], rel=1e-12)
    assert found.log_change_sd[1] == pytest.approx(expected["sd_of_log_changes"], rel=1e-12)


@given(MARGINS, st.integers(1, 45))
def test_largest_rise_is_the_loop(margins: list[float], steps: int) -> None:
    found = largest_rise(np.array(margins), steps)
    pairs = list(zip(margins, margins[steps:], strict=False))
    assert found.share == pytest.approx(max([b / a - 1.0 for a, b in pairs] + [0.0]), abs=1e-9)
    assert found.amount == max([b - a for a, b in pairs] + [0.0])
    assert (found.at is None) == (not pairs)


@given(MARGINS, st.floats(0.01, 100.0))
def test_shares_do_not_depend_on_the_unit(margins: list[float], factor: float) -> None:
    found = procyclicality(np.array(margins))
    other = procyclicality(np.array(margins) * factor)
    assert other.peak_to_trough == pytest.approx(found.peak_to_trough, rel=1e-9)
    for one, two in zip(found.rises, other.rises, strict=True):
        assert two.share == pytest.approx(one.share, rel=1e-9, abs=1e-9)


def test_a_falling_margin_has_no_rise() -> None:
    found = procyclicality(np.array([4.0, 3.0, 2.0, 1.0]))
    assert [(rise.share, rise.amount) for rise in found.rises] == [(0.0, 0.0)] * 4
    assert found.peak_to_trough == 4.0
    assert found.log_change_sd[5] is None


def test_a_flat_margin_does_not_answer_a_step() -> None:
    found = impulse_response(lambda _: 10.0, np.random.default_rng(1), calm_steps=10, steps=5)
    assert found.peak == 0.0
    assert found.steps_to(0.5, 2.0) is None


def test_ewma_margin_answers_with_its_half_life() -> None:
    def ewma(returns: Floats) -> float:
        weights = 0.94 ** np.arange(returns.size)[::-1]
        return float(np.sqrt((weights * returns**2).sum() / weights.sum()))

    found = impulse_response(ewma, np.random.default_rng(3), steps=200, volatility_factor=2.0)
    # In the long run margin doubles; half way of the rise is 1.5² = 2.25 of 4 in variance, which
    # 1 + 3 (1 − .94ⁿ) reaches after 8.7 steps, with luck's error of some steps.
    assert found.share[-50:].mean() == pytest.approx(1.0, abs=0.01)
    reached = found.steps_to(0.5, 2.0)
    assert reached is not None
    assert 3 <= reached <= 16


def test_a_longer_memory_answers_later() -> None:
    def of(window: int) -> int:
        found = impulse_response(
            lambda returns: float(returns[-window:].std()), np.random.default_rng(2), steps=120
        )
        return found.steps_to(0.9, 2.0) or 10_000

    assert of(20) < of(80)


def test_margins_that_are_not_positive_are_refused() -> None:
    with pytest.raises(BadNumber, match="not positive, the first at observation 1"):
        procyclicality(np.array([1.0, 0.0]))
    with pytest.raises(PoorHistory, match="no margins"):
        procyclicality(np.array([]))
    with pytest.raises(BadNumber, match="not finite"):
        procyclicality(np.array([1.0, np.nan]))
    with pytest.raises(BadParameter, match="one step"):
        procyclicality(np.array([1.0]), steps=(0,))
    with pytest.raises(BadNumber, match="impulse response"):
        impulse_response(lambda _: np.nan, np.random.default_rng(1), calm_steps=5, steps=3)
    with pytest.raises(BadParameter, match="0 calm steps"):
        impulse_response(lambda _: 1.0, np.random.default_rng(1), calm_steps=0)


def test_the_example_of_the_page_runs_and_the_answer_settles_at_the_step() -> None:
    page = Path(__file__).parents[1] / "docs" / "backtest-tests.md"
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    [example] = [block for block in blocks if "impulse_response(" in block]
    names: dict[str, object] = {"np": np}
    exec(example, names)
    told = names["told"]
    assert isinstance(told, ImpulseResponse)
    assert told.margins[-1] / told.calm[-1] == pytest.approx(2.0)
