"""One call from Python is the command's own walk and judgement."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import seawall as sw
from seawall.basics.errors import InputError
from seawall.feeds.synthetic import synthetic_history
from seawall.lab.backtest.document import backtest_document
from seawall.lab.backtest.run import run_walk
from tests.walks import walk


def test_the_door_gives_what_the_walk_and_its_judgement_give() -> None:
    one = walk()
    plan = one.plan
    told = sw.backtest(
        list(one.books),
        one.history,
        one.models,
        start=plan.start,
        end=plan.end,
        every=plan.every,
        horizons=plan.horizons,
        coverage=0.95,
        close_out_rel=plan.close_out_rel,
    )
    assert told == backtest_document(run_walk(one), plan, coverage=0.95)


def test_portfolios_and_names_of_models_are_taken_and_times_follow_from_the_history(
    tmp_path: Path,
) -> None:
    past = synthetic_history(1)
    last = max(int(bars.end_ns[-1]) for bars in past.bars.values())
    since = datetime.fromtimestamp(last / 1e9, UTC) - timedelta(days=4)
    book = sw.portfolio([("BTC-PERPETUAL", 2), ("USDC", 50_000)])
    model = sw.load_preset("cross")
    told = sw.backtest(book, past, ["prbm", model], start=since, folder=tmp_path / "out")
    assert [row.model for row in told.models] == ["prbm", "cross"]
    assert told.times == 4
    assert told.end + timedelta(days=1) == datetime.fromtimestamp(last / 1e9, UTC)
    assert (tmp_path / "out").is_dir()


def test_an_impossible_coverage_is_refused_before_the_work() -> None:
    book = sw.portfolio([("BTC-PERPETUAL", 2)])
    with pytest.raises(InputError, match="coverage"):
        sw.backtest(book, synthetic_history(1), coverage=1.5)
