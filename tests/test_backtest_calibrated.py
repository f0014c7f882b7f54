"""Models calibrated along a walk: dated, of what was known, and the same as the command's own."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from seawall.basics.errors import InputError, PoorHistory
from seawall.basics.time import epoch_ns
from seawall.cli.app import run
from seawall.cli.calibrated import CalibratedModel, calibrated_model
from seawall.feeds.histories import read_history
from seawall.feeds.models import read_model
from seawall.lab.backtest.run import run_walk
from seawall.lab.backtest.walk import FixedModel, ModelSchedule, Walk, WalkPlan
from seawall.lab.calibration.calibrate import calibrate
from seawall.lab.calibration.settings import CalibrationSettings
from seawall.margin.presets import load_preset
from seawall.market.history import MarketHistory
from tests.calibration import made_history, write_bars
from tests.commands import document
from tests.walks import books

END = datetime(2026, 2, 4, 16, tzinfo=UTC)
PLAN = WalkPlan(
    start=datetime(2026, 1, 10, tzinfo=UTC),
    end=datetime(2026, 1, 28, tzinfo=UTC),
    every=timedelta(hours=12),
    horizons=(timedelta(hours=24),),
)
WEEK = timedelta(days=7)


@pytest.fixture(scope="module")
def history() -> MarketHistory:
    return made_history(END)


def calibrated(history: MarketHistory, settings: CalibrationSettings | None = None):
    return calibrated_model(
        history, load_preset("prbm"), PLAN, WEEK, settings or CalibrationSettings()
    )


def wilder(history: MarketHistory, after: datetime) -> MarketHistory:
    """Another future, in which prices jump to and fro by a fifth."""
    after_ns = epoch_ns(after)
    bars = {}
    for name, each in history.bars.items():
        swing = 1.2 ** (np.arange(each.end_ns.size) % 2)
        factor = np.where(each.end_ns > after_ns, swing, 1.0)
        columns = ("open", "high", "low", "close")
        bars[name] = replace(each, **{c: getattr(each, c) * factor for c in columns})
    return replace(history, bars=bars)


def test_another_future_leaves_the_models_until_then_as_they_are(history: MarketHistory) -> None:
    true = calibrated(history).schedule.models
    other = calibrated(wilder(history, PLAN.start + WEEK)).schedule.models
    assert [since for since, _ in true] == [epoch_ns(PLAN.start + n * WEEK) for n in range(3)]
    assert true[:2] == other[:2]
    assert true[2] != other[2]


def test_each_calibration_goes_on_from_the_one_before(history: MarketHistory) -> None:
    wild, settings = wilder(history, PLAN.start + timedelta(days=2)), CalibrationSettings()
    models = [model for _, model in calibrated(wild).schedule.models]
    at, base = PLAN.start + WEEK, load_preset("prbm")
    assert models[1] == calibrate(wild, base, at, settings, models[0]).model
    assert models[1] != calibrate(wild, base, at, settings).model


def test_processes_change_no_row_of_a_calibrated_model(history: MarketHistory) -> None:
    found = calibrated(history)
    models = (FixedModel(load_preset("prbm")), found.schedule)
    plan = WalkPlan(
        start=PLAN.start, end=PLAN.end, every=timedelta(hours=8), horizons=PLAN.horizons
    )
    one = Walk(history, books()[:1], models, plan)
    rows = run_walk(one).rows
    assert run_walk(one, jobs=2).rows.equals(rows)
    assert rows["model"].unique(maintain_order=True).to_list() == ["prbm", "prbm (calibrated)"]


def test_margins_are_those_of_the_presets_that_the_command_writes(
    history: MarketHistory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    write_bars(history, Path("bars.csv"))
    Path("book.csv").write_text(
        "account,instrument,quantity\ndesk,BTC_USDC-PERPETUAL,2\n", encoding="utf-8"
    )
    between = ("--from", "2026-01-10", "--to", "2026-01-28")
    told = document(
        capfd, "backtest", "book.csv", "--history", "bars.csv", *between,
        "--calibrate-every", "7d", "--out", "made",
    )  # fmt: skip
    assert [row["model"] for row in told["models"]] == ["prbm", "prbm (calibrated)"]
    assert any("3 calibrations" in line for line in told["warnings"])
    import polars as pl

    rows = pl.read_parquet("made/rows.parquet")
    rows = rows.filter(rows["model"] == "prbm (calibrated)")
    known, book = read_history("bars.csv"), books()[:1]
    previous: tuple[str, ...] = ()
    for number, day in enumerate((10, 17, 24)):
        file = f"preset{number}.toml"
        command = ("calibrate", "--history", "bars.csv", "--at", f"2026-01-{day}")
        assert run((*command, *previous, "--out", file)) == 0
        previous = ("--previous", file)
        for later in (0, 4):
            at = datetime(2026, 1, day + later, tzinfo=UTC)
            plan = WalkPlan(start=at, end=at, every=PLAN.every, horizons=PLAN.horizons)
            [row] = Walk(known, book, (FixedModel(read_model(file)),), plan).rows([at])
            [found] = rows.filter(rows["at"] == at)["initial_usd"].to_list()
            assert found == row.initial
    capfd.readouterr()


def test_jumps_that_nobody_confirms_are_told(history: MarketHistory) -> None:
    def notes(found: CalibratedModel) -> str:
        return " ".join(found.notes)

    wild = wilder(history, PLAN.start + timedelta(days=2))
    assert "a jump was held" not in notes(calibrated(history))
    assert "a jump was held" in notes(calibrated(wild))
    confirmed = CalibrationSettings(confirmed_by=("one", "two"))
    assert "a jump was held" not in notes(calibrated(wild, confirmed))
    assert "of 2026-11-21" in notes(calibrated(history))


def test_a_time_that_cannot_be_calibrated_is_named(history: MarketHistory) -> None:
    short = replace(
        history, bars={n: b.since(epoch_ns(datetime(2026, 1, 1, tzinfo=UTC)))
                       for n, b in history.bars.items()}
    )  # fmt: skip
    with pytest.raises(PoorHistory, match="prbm, calibrated 2026-01-10"):
        calibrated(short)


def test_a_schedule_uses_each_model_from_its_time_on(history: MarketHistory) -> None:
    early, late = load_preset("prbm"), load_preset("isolated")
    since = [epoch_ns(PLAN.start), epoch_ns(PLAN.end)]
    schedule = ModelSchedule("both", ((since[0], early), (since[1], late)))
    second = timedelta(seconds=1)
    assert schedule(history, PLAN.start) is early
    assert schedule(history, PLAN.end - second) is early
    assert schedule(history, PLAN.end) is late
    with pytest.raises(InputError, match="before the first"):
        schedule(history, PLAN.start - second)
    for wrong in ((), ((since[1], late), (since[0], early))):
        with pytest.raises(InputError, match="out of order"):
            ModelSchedule("both", wrong)
