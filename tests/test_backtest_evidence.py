"""What a walk's document tells beside counts: e-processes, and rules on how margins are set."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from seawall.cli.calibrated import calibrated_model
from seawall.lab.backtest.document import backtest_document
from seawall.lab.backtest.e_process import e_process
from seawall.lab.backtest.evidence import evidence
from seawall.lab.backtest.regulation import ProcyclicalityTools
from seawall.lab.backtest.run import run_walk
from seawall.lab.backtest.set_up import KnownSetUp, set_ups, verdicts
from seawall.lab.backtest.walk import FixedModel, Walk, WalkPlan
from seawall.lab.calibration.settings import CalibrationSettings, GuardSettings, RangeSettings
from seawall.margin.presets import load_preset
from tests.calibration import made_history
from tests.walks import START, books, walk

DAY = timedelta(days=1)


def test_the_e_process_is_of_windows_that_share_nothing() -> None:
    rng = np.random.default_rng(2)
    losses, margins = rng.standard_normal(300), np.full(300, 1.0)
    at = [START + place * timedelta(hours=8) for place in range(300)]
    found = evidence(at, losses, margins, DAY, 0.05)
    path = e_process(losses[::3], margins[::3], 0.05)
    assert found.observations == 100
    assert found.e_value == pytest.approx(np.exp(path.log_e[-1]))
    assert found.highest_e_value == pytest.approx(np.exp(path.log_e.max()))
    first = int(np.argmax(path.log_e >= np.log(20.0)))
    assert path.log_e[first] >= np.log(20.0)
    assert found.warned_at == at[3 * first] + DAY
    # A time without a row lets the next window count that begins after the last has ended.
    holes = [*range(100), *range(101, 300)]
    told = evidence([at[i] for i in holes], losses[holes], margins[holes], DAY, 0.05)
    assert told.observations == 100


def test_margins_that_always_hold_give_no_evidence_and_those_that_never_do_no_infinity() -> None:
    at = [START + place * DAY for place in range(3_000)]
    none = evidence(at, np.zeros(3_000), np.ones(3_000), DAY, 0.01)
    assert (none.e_value, none.highest_e_value, none.warned_at) == (1.0, 1.0, None)
    all_of_them = evidence(at, np.ones(3_000), np.zeros(3_000), DAY, 0.01)
    assert all_of_them.e_value is None
    assert all_of_them.warned_at is not None
    assert all_of_them.warned_at < at[10]


def test_the_document_has_the_evidence_of_every_series_at_the_longest_horizon() -> None:
    one = walk()
    document = backtest_document(run_walk(one), one.plan, coverage=0.95)
    assert [(row.model, row.book) for row in document.evidence] == [
        (row.model, row.book) for row in document.procyclicality
    ]
    for row in document.evidence:
        # 22 times every 8 hours, of windows of a day.
        assert (row.horizon, row.observations, row.warns_at_e_value) == ("24h", 8, 20.0)
    asked = [row for row in document.regulation if row.model == "prbm" and row.book == "perp"]
    by_rule = {(row.source, row.rule): row for row in asked}
    assert not by_rule["EMIR art. 24", "confidence, OTC derivatives"].passed
    assert not by_rule["EMIR art. 26", "liquidation period, other than OTC derivatives"].passed
    # Numbers of a preset follow no history, and offsets are nothing a walk knows.
    for rule in ("look-back", "offset between products", "tools against procyclicality"):
        [row] = [row for row in asked if row.rule == rule]
        assert row.passed is None
        assert row.found.startswith("not told: ")


def test_history_counts_where_scenarios_are_made_of_it_and_no_further_back_than_they_go() -> None:
    history = made_history(START + 40 * DAY)
    first_ns = int(history.bars["BTC"].end_ns[0] - history.bars["BTC"].bar_ns)
    plan = WalkPlan(start=START, end=START + DAY, every=DAY, horizons=(DAY,))
    models = tuple(FixedModel(load_preset(name)) for name in ("prbm", "fhs-es"))
    found = set_ups(Walk(history, books(), models, plan))
    span = (START.timestamp() - first_ns / 1e9) / 86_400.0
    assert found["prbm", "perp"] == KnownSetUp(lookback_days=None, tools=None)
    assert found["fhs-es", "perp"].lookback_days == pytest.approx(min(span, 730.0))


def test_tools_of_a_calibration_are_those_of_its_guards() -> None:
    history = made_history(START + 40 * DAY)
    plan = WalkPlan(start=START, end=START + DAY, every=DAY, horizons=(DAY,))

    def passed(guards: GuardSettings) -> dict[str, bool | None]:
        settings = CalibrationSettings(ranges=RangeSettings(guards=guards, least_days=300))
        model = calibrated_model(history, load_preset("prbm"), plan, 7 * DAY, settings).schedule
        [known] = set_ups(Walk(history, books()[:1], (model,), plan)).values()
        assert known.lookback_days is not None
        long = KnownSetUp(lookback_days=3_653.0, tools=known.tools)
        return {row.source: row.passed for row in verdicts(long, 0.995, 5 * DAY)}

    own = passed(GuardSettings())
    assert all(own[f"EMIR art. {article}"] for article in (24, 26, 28))
    assert own["EMIR art. 27"] is None
    tools = [f"EMIR art. 28 ({letter})" for letter in "abc"]
    assert [own[tool] for tool in tools] == [True, False, False]
    whole = passed(GuardSettings(buffer_rel=0.0, stressed_weight=0.25, floor_share=1.0))
    assert [whole[tool] for tool in tools] == [False, True, True]
    none = passed(GuardSettings.off())
    assert not none["EMIR art. 28"]


def test_a_floor_of_ten_years_needs_ten_years_of_history() -> None:
    tools = ProcyclicalityTools(floor_years=10.0)
    for days, enough in ((400.0, False), (3_653.0, True)):
        known = KnownSetUp(lookback_days=days, tools=tools)
        found = {row.source: row.passed for row in verdicts(known, 0.99, 2 * DAY)}
        assert found["EMIR art. 28 (c)"] is enough
