"""Ray itself: found, started, refused, and left as it was."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import polars as pl
import pytest

import seawall as sw
from seawall.basics.errors import (
    ClusterError,
    InputError,
)
from seawall.cluster import pool
from seawall.cluster.pool import Pool, WorkerLost
from seawall.cluster.resident import AccountCluster
from seawall.market.snapshot import MarketSnapshot
from tests.cluster.workers import CPUS

# One Ray at a time on a machine, whatever the number of test processes.
pytestmark = pytest.mark.xdist_group("ray")


def test_more_workers_than_processors(
    ray: Any, positions: pl.DataFrame, market: MarketSnapshot, model: sw.MarginModel
) -> None:
    with pytest.raises(ClusterError, match=f"{CPUS + 1} workers were asked for"):
        sw.margin_accounts(positions, market, model, engine="ray", workers=CPUS + 1)


@pytest.mark.parametrize("workers", [0, 1.5])
def test_a_number_of_workers_that_is_none(
    workers: Any, positions: pl.DataFrame, market: MarketSnapshot, model: sw.MarginModel
) -> None:
    with pytest.raises(InputError, match="whole number of at least 1"):
        sw.margin_accounts(positions, market, model, engine="ray", workers=workers)
    with pytest.raises(InputError, match="whole number of at least 1"):
        AccountCluster(positions, market, model, workers=workers)


def test_what_is_no_market(positions: pl.DataFrame, model: sw.MarginModel) -> None:
    with pytest.raises(InputError, match="no MarketSnapshot"):
        AccountCluster(positions, model, model)  # pyright: ignore[reportArgumentType]


def test_workers_that_die_as_they_start(
    ray: Any, model: sw.MarginModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As they do on a machine of which Ray does not know yet that it is lost."""
    start, deaths = Pool._start, [True, True, False]

    def stillborn(self: Pool, cpus: int) -> Any:
        actor = start(self, cpus)
        if deaths and deaths.pop(0):
            ray.kill(actor)
        return actor

    with Pool(ray, model, 1) as workers:
        monkeypatch.setattr(Pool, "_start", stillborn)
        workers.replace(0)
        assert not deaths
        assert workers.answer(workers.ask(0, "versions")) == pool.versions()
        deaths[:] = [True] * 9
        monkeypatch.setattr(pool, "MAX_LOSSES", 1)
        with pytest.raises(ClusterError, match="die as soon as they have started"):
            workers.replace(0)


def test_a_worker_that_ray_kills_for_its_memory_is_lost(
    ray: Any, model: sw.MarginModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told as an error of its own, that is no error of an actor."""
    with Pool(ray, model, 1) as workers:

        def starved(reference: Any) -> Any:
            raise ray.exceptions.OutOfMemoryError("killed")

        reference = workers.ask(0, "versions")
        monkeypatch.setattr(ray, "get", starved)
        with pytest.raises(WorkerLost):
            workers.answer(reference)


def test_an_address_that_is_no_text() -> None:
    pytest.importorskip("ray")
    code = """
from seawall.basics.errors import InputError
from seawall.cluster.runtime import connected
try:
    with connected(6379):
        pass
except InputError as error:
    print(error.what)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "6379 is no address\n"


def test_a_worker_of_another_release_is_refused(
    ray: Any, model: sw.MarginModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = pool.versions()
    monkeypatch.setattr(pool, "versions", lambda: {**real, "numba": "0.1"})
    with pytest.raises(ClusterError, match=rf"numba {real['numba']}, not 0.1.*same seawall"):
        Pool(ray, model, 1)


def test_without_ray_the_remedy_is_named(
    positions: pl.DataFrame,
    market: MarketSnapshot,
    model: sw.MarginModel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"pip install 'seawall\[cluster\]'"):
        sw.margin_accounts(positions, market, model, engine="ray")


def test_an_engine_that_is_none(
    positions: pl.DataFrame, market: MarketSnapshot, model: sw.MarginModel
) -> None:
    with pytest.raises(InputError, match="local, ray"):
        sw.margin_accounts(positions, market, model, engine="gpu")  # pyright: ignore[reportArgumentType]


def test_ray_is_started_quietly_where_nobody_has_and_stopped_again() -> None:
    """In a process of its own: nothing is printed, and neither Ray nor its settings stay."""
    code = """
import os, sys, seawall as sw
from seawall.cluster.resident import AccountCluster
import polars as pl
assert "ray" not in sys.modules, "importing the room has loaded Ray"
before = os.environ.get("RAY_USAGE_STATS_ENABLED")
market = sw.synthetic_market()
table = pl.DataFrame({"account": ["a"], "instrument": ["BTC-PERPETUAL"], "quantity": [1.0]})
with AccountCluster(table, market, sw.load_preset("prbm"), workers=1) as cluster:
    assert cluster.tick(market)["state"].to_list() == ["liquidation"]
import ray
assert not ray.is_initialized()
assert os.environ.get("RAY_USAGE_STATS_ENABLED") == before
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_an_address_where_no_ray_is(
    positions: pl.DataFrame, market: MarketSnapshot, model: sw.MarginModel
) -> None:
    pytest.importorskip("ray")
    code = """
import seawall as sw
from seawall.cluster.runtime import connected
try:
    with connected("127.0.0.1:1"):
        pass
except sw.SeawallError as error:
    print(type(error).__name__, error.where)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "ClusterError address 127.0.0.1:1\n"
