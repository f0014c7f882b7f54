"""Sixty accounts, their margin on this machine, and a Ray to spread them over."""

from __future__ import annotations

import contextlib
import gc
import warnings
from collections.abc import Generator
from typing import Any

import numpy as np
import polars as pl
import pytest

import seawall as sw
from seawall.cluster.resident import AccountCluster
from seawall.market.snapshot import MarketSnapshot
from tests.cluster.workers import CPUS, WORKERS

ACCOUNTS, LEGS = 60, 8


@pytest.fixture(scope="package")
def market() -> MarketSnapshot:
    return sw.synthetic_market()


@pytest.fixture(scope="package")
def model() -> sw.MarginModel:
    return sw.load_preset("prbm")


@pytest.fixture(scope="package")
def positions(market: MarketSnapshot) -> pl.DataFrame:
    """Rows of accounts mixed, as files have them; futures with and without an entry price."""
    rng = np.random.default_rng(11)
    names = [*sorted(market.option_rows), *sorted(market.futures), "BTC", "ETH", "USDC"]
    rows: list[dict[str, Any]] = []
    for number in range(ACCOUNTS):
        account = f"account-{number}-of-a-long-name" if number % 7 == 0 else f"{number}"
        rows.append({"account": account, "instrument": "USD", "quantity": 250_000.0})
        held = {"BTC-PERPETUAL", *map(str, rng.choice(names, LEGS, replace=False))}
        for name in sorted(held):
            mark = market.futures.get(name)
            entry = mark * rng.uniform(0.9, 1.1) if mark and number % 2 else None
            size = float(np.round(rng.normal(0.0, 3.0), 2)) or 1.0
            rows.append(
                {"account": account, "instrument": name, "quantity": size, "entry_price": entry}
            )
    return pl.DataFrame(rows).sample(fraction=1.0, shuffle=True, seed=3)


@pytest.fixture(scope="package")
def here(positions: pl.DataFrame, market: MarketSnapshot, model: sw.MarginModel) -> pl.DataFrame:
    return sw.margin_accounts(positions, market, model)


@pytest.fixture(scope="package")
def ray() -> Generator[Any]:
    """A Ray that the user has started, with a small store and CPUs for two clusters at a time."""
    ray = pytest.importorskip("ray")
    quiet = {"include_dashboard": False, "log_to_driver": False, "logging_level": "ERROR"}
    for last in (False, False, True):  # a busy machine may take longer than Ray waits
        with contextlib.suppress(() if last else Exception):
            # One of our own, whatever else runs on this machine.
            ray.init("local", num_cpus=CPUS, object_store_memory=100 * 2**20, **quiet)
            break
        ray.shutdown()
        with warnings.catch_warnings():
            # Ray stops the processes of a start that failed, and does not wait for them.
            warnings.filterwarnings("ignore", r"subprocess \d+ is still running", ResourceWarning)
            gc.collect()
    yield ray
    ray.shutdown()


@pytest.fixture(scope="package")
def cluster(
    ray: Any, positions: pl.DataFrame, market: MarketSnapshot, model: sw.MarginModel
) -> Generator[AccountCluster]:
    with AccountCluster(positions, market, model, workers=WORKERS) as cluster:
        yield cluster


@pytest.fixture(scope="package")
def fills(positions: pl.DataFrame, market: MarketSnapshot) -> pl.DataFrame:
    """Opening, adding, closing, at prices and at the mark, also in what nobody held before."""
    account = positions["account"].unique(maintain_order=True)[:6].to_list()
    option = sorted(market.option_rows)[5]
    perpetual = market.futures["BTC-PERPETUAL"]
    return pl.DataFrame(
        [
            (account[0], "BTC-PERPETUAL", 1.5, perpetual * 1.01),
            (account[1], "ETH-PERPETUAL", -20.0, None),
            (account[0], "BTC-PERPETUAL", -2.5, None),
            (account[2], option, 4.0, None),
            (account[3], "BTC", -0.5, None),
            (account[4], "BTC-PERPETUAL", 0.25, perpetual * 0.99),
            (account[0], option, -1.0, None),
        ],
        schema=["account", "instrument", "quantity", "price"],
        orient="row",
    )


@pytest.fixture(scope="package")
def after_fills(
    ray: Any,
    positions: pl.DataFrame,
    fills: pl.DataFrame,
    market: MarketSnapshot,
    model: sw.MarginModel,
) -> pl.DataFrame:
    with AccountCluster(positions, market, model, workers=1) as cluster:
        cluster.apply(fills)
        return cluster.tick(market)
