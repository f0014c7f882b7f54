"""Workers killed, interrupted and left: the numbers stay those of one process to the last bit."""

from __future__ import annotations

import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import seawall as sw
from seawall.basics.errors import ClusterError, UnreadableFile
from seawall.cluster.pool import Pool
from seawall.cluster.resident import AccountCluster
from seawall.market.snapshot import MarketSnapshot
from tests.cluster.workers import kill, kill_within, processes

# One Ray at a time on a machine, whatever the number of test processes.
pytestmark = pytest.mark.xdist_group("ray")


def test_two_workers_one_killed_before_a_tick_is_the_local_batch(
    cluster: AccountCluster, market: MarketSnapshot, here: pl.DataFrame
) -> None:
    first, second = processes(cluster.pool)
    kill(cluster.pool, 1)
    assert_frame_equal(cluster.tick(market), here, check_exact=True)
    after = processes(cluster.pool)
    assert after[0] == first, "who was not killed has been replaced"
    assert after[1] != second, "nobody was killed"


def test_two_workers_one_killed_in_the_middle_of_a_tick_is_the_local_batch(
    cluster: AccountCluster, market: MarketSnapshot, here: pl.DataFrame
) -> None:
    first, second = processes(cluster.pool)
    kill_within(cluster.pool, 0, "margin")
    assert_frame_equal(cluster.tick(market), here, check_exact=True)
    after = processes(cluster.pool)
    assert after[0] != first, "nobody was killed"
    assert after[1] == second, "who was not killed has been replaced"


@pytest.mark.parametrize("step", ["load", "apply"])
def test_a_shard_that_is_rebuilt_by_half_is_rebuilt_again(
    step: str,
    after_fills: pl.DataFrame,
    positions: pl.DataFrame,
    fills: pl.DataFrame,
    market: MarketSnapshot,
    model: sw.MarginModel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Interrupted there, its worker would answer without the accounts, or without their fills."""
    ask, interrupted = Pool.ask, list[str]()

    def interrupting(self: Pool, slot: int, method: str, *arguments: Any) -> Any:
        if method == step and not interrupted:
            interrupted.append(method)
            raise KeyboardInterrupt
        return ask(self, slot, method, *arguments)

    with AccountCluster(positions, market, model, workers=1) as cluster:
        cluster.apply(fills)
        kill(cluster.pool, 0)
        monkeypatch.setattr(Pool, "ask", interrupting)
        with pytest.raises(KeyboardInterrupt):
            cluster.tick(market)
        assert_frame_equal(cluster.tick(market), after_fills, check_exact=True)
    assert interrupted == [step]


@pytest.mark.parametrize("what", [KeyboardInterrupt, ClusterError])
def test_fills_that_nobody_refused_happen_although_a_shard_cannot_take_them(
    what: type[BaseException],
    after_fills: pl.DataFrame,
    positions: pl.DataFrame,
    fills: pl.DataFrame,
    market: MarketSnapshot,
    model: sw.MarginModel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ask, failed = Pool.ask, list[str]()

    def failing(self: Pool, slot: int, method: str, *arguments: Any) -> Any:
        if method == "apply" and not failed:
            failed.append(method)
            if what is ClusterError:
                raise ClusterError("lost", where="Ray", remedy="none")
            raise what
        return ask(self, slot, method, *arguments)

    with AccountCluster(positions, market, model, workers=1) as asked:
        monkeypatch.setattr(Pool, "ask", failing)
        with nullcontext() if what is ClusterError else pytest.raises(what):
            asked.apply(fills)
        assert_frame_equal(asked.tick(market), after_fills, check_exact=True)
    assert failed == ["apply"]


def test_an_error_of_the_users_leaves_no_worker(
    ray: Any, positions: pl.DataFrame, market: MarketSnapshot
) -> None:
    running = list[int]()

    def failing() -> None:
        with AccountCluster(positions, market, "prbm", workers=1) as cluster:
            running.extend(processes(cluster.pool))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert len(running) == 1
    for _ in range(600):  # Ray stops them, and does not wait for them
        if not Path(f"/proc/{running[0]}").exists():
            return
        time.sleep(0.1)
    pytest.fail("the worker is still there")


def test_another_file_under_the_name_is_refused_when_a_worker_is_lost(
    tmp_path: Path, ray: Any, positions: pl.DataFrame, market: MarketSnapshot, here: pl.DataFrame
) -> None:
    file = tmp_path / "positions.csv"
    positions.write_csv(file)
    with AccountCluster(file, market, "prbm", workers=1) as cluster:
        first = cluster.tick(market)
        assert first["initial"].equals(here["initial"])
        file.rename(tmp_path / "kept.csv")
        kill(cluster.pool, 0)
        for _ in range(2):
            with pytest.raises(UnreadableFile, match="no such file"):
                cluster.tick(market)
        positions[:-1].write_csv(file)
        with pytest.raises(UnreadableFile, match="it was changed"):
            cluster.tick(market)
        (tmp_path / "kept.csv").replace(file)
        assert_frame_equal(cluster.tick(market), first, check_exact=True)
