"""Accounts over Ray: ``python -m benchmarks.cluster [--accounts N] [--workers W …]``.

Starts Ray on this machine with as many CPUs as the most workers. For each number of workers loads
the accounts of :mod:`benchmarks.batch_process`, ticks TICKS times with another market each time,
kills a worker and ticks again, and margins the whole table BATCHES times as a batch. The last line
is JSON: ``workers`` has for each number the seconds of ``load``, ``tick``, ``loss`` (the tick whose
worker is killed) and ``batch``, and ``cpu``, of all workers' processors a tick; ``worker_bytes`` is
by how much workers grew for an account, ``market_bytes`` what each machine fetches at a tick and
``account_bytes`` what comes back for an account.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

import seawall as sw
from benchmarks.batch_process import positions
from seawall.cluster.accounts import margin_accounts
from seawall.cluster.resident import AccountCluster
from seawall.cluster.runtime import load_ray
from seawall.market.moved import moved

MODEL = "prbm"
TICKS, BATCHES = 7, 3
STORE_BYTES = 2 * 1024**3
ACCOUNT_BYTES = 48
"""Six numbers of 8 bytes come back for each account."""


def main() -> None:
    """Measure what is asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    asked = parser.parse_args()
    market = sw.synthetic_market()
    table = positions(market, asked.accounts)
    ray = load_ray()
    ray.init(
        "local",
        num_cpus=max(asked.workers),
        object_store_memory=STORE_BYTES,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
    )
    runs: dict[int, dict[str, list[float]]] = {}
    grown = 0.0
    for workers in asked.workers:
        runs[workers], grown = measured(table, market, workers)
        least = (f"{name} {min(seconds):.3f}" for name, seconds in runs[workers].items())
        print(f"{workers} workers, least seconds:", *least, file=sys.stderr)
    ray.shutdown()
    said = {
        "accounts": asked.accounts,
        "worker_bytes": grown / asked.accounts,
        "market_bytes": len(pickle.dumps(market)),
        "account_bytes": ACCOUNT_BYTES,
    }
    print(json.dumps({**said, "workers": runs}))


def measured(
    table: pl.DataFrame, market: sw.MarketSnapshot, workers: int
) -> tuple[dict[str, list[float]], float]:
    """Seconds of each run, and by how many bytes the workers grew."""
    markets = [moved(market, "BTC", 0.001 * step) for step in range(TICKS + 1)]
    with AccountCluster(table[:1], market, MODEL, workers=workers) as cluster:
        cluster.tick(market)
        empty = _of_workers(cluster, _own_bytes)
    start = time.perf_counter()
    with AccountCluster(table, market, MODEL, workers=workers) as cluster:
        load = time.perf_counter() - start
        cluster.tick(markets[0])
        before = _of_workers(cluster, _cpu_seconds)
        ticks = [_seconds(lambda at=at: cluster.tick(at)) for at in markets[1:]]
        cpu = (_of_workers(cluster, _cpu_seconds) - before) / TICKS
        grown = _of_workers(cluster, _own_bytes) - empty
        cluster.pool.ask(0, "__ray_call__", _die)
        loss = _seconds(lambda: cluster.tick(markets[0]))
    batches = [
        _seconds(lambda: margin_accounts(table, market, MODEL, engine="ray", workers=workers))
        for _ in range(BATCHES)
    ]
    return {"load": [load], "tick": ticks, "cpu": [cpu], "loss": [loss], "batch": batches}, grown


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _of_workers(cluster: AccountCluster, figure: Callable[[Any], float]) -> float:
    """The sum of a figure over the workers; a function is asked inside each."""
    pool = cluster.pool
    asked = [pool.ask(slot, "__ray_call__", figure) for slot in range(len(pool))]
    return sum(pool.answer(reference) for reference in asked)


def _cpu_seconds(worker: object) -> float:
    return time.process_time()


def _own_bytes(worker: object) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024.0 * next(int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))


def _die(worker: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
