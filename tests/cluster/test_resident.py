"""Accounts that stay with workers: ticks and fills as of one process, whoever dies meanwhile."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import seawall as sw
from seawall.basics.errors import (
    BadNumber,
    ExpiredInstrument,
    InputError,
    UnreadableFile,
)
from seawall.cluster import source
from seawall.cluster.resident import AccountCluster
from seawall.cluster.shards import shard_of
from seawall.market.moved import moved
from seawall.market.snapshot import MarketSnapshot
from seawall.products.names import parse_name
from seawall.products.portfolio import Portfolio
from seawall.risk.moved import carried_portfolio
from seawall.risk.trades import Trade, with_trades
from tests.cluster.workers import WORKERS, kill

# One Ray at a time on a machine, whatever the number of test processes.
pytestmark = pytest.mark.xdist_group("ray")


def test_a_tick_is_the_local_batch(
    cluster: AccountCluster,
    positions: pl.DataFrame,
    market: MarketSnapshot,
    model: sw.MarginModel,
    here: pl.DataFrame,
) -> None:
    assert_frame_equal(cluster.tick(market), here, check_exact=True)
    named = here["account"].gather([40, 3, 17]).to_list()
    some = pl.concat([here.filter(account=name) for name in named])
    assert_frame_equal(cluster.requirement(named), some, check_exact=True)


def test_a_tick_whose_worker_is_killed_is_the_local_batch(
    cluster: AccountCluster, market: MarketSnapshot, here: pl.DataFrame
) -> None:
    kill(cluster.pool, 1)
    assert_frame_equal(cluster.tick(market), here, check_exact=True)


def traded(portfolio: Portfolio, fills: pl.DataFrame, market: MarketSnapshot) -> Portfolio:
    """The account after its fills, by the functions of one account."""
    own = fills.filter(account=portfolio.account)
    trades = [
        Trade(
            instrument=parse_name(name),
            quantity=Decimal(str(quantity)),
            price=None if price is None else Decimal(str(price)),
        )
        for name, quantity, price in own.select("instrument", "quantity", "price").iter_rows()
    ]
    return with_trades(portfolio, trades, market) if trades else portfolio


def portfolios(positions: pl.DataFrame) -> list[Portfolio]:
    """Each account by itself, in the order of the table."""
    return [
        sw.portfolio(part.select("instrument", "quantity", "entry_price").iter_rows(), str(account))
        for (account,), part in positions.group_by("account", maintain_order=True)
    ]


@pytest.fixture(scope="module")
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


def test_fills_and_moves_are_those_of_each_account_by_itself(
    ray: Any,
    positions: pl.DataFrame,
    fills: pl.DataFrame,
    market: MarketSnapshot,
    model: sw.MarginModel,
) -> None:
    """Also when the worker dies that has taken them, before a tick and in the middle of one."""
    after = moved(market, "BTC", 0.07)
    with AccountCluster(positions, market, model, workers=WORKERS) as cluster:
        cluster.apply(fills[:4])
        kill(cluster.pool, 0)
        cluster.apply(fills[4:])
        first = cluster.tick(after)
        kill(cluster.pool, 0)
        kill(cluster.pool, 1)
        assert_frame_equal(cluster.tick(after), first, check_exact=True)
    alone = [
        sw.margin(carried_portfolio(traded(book, fills, market), market, after), after, model=model)
        for book in portfolios(positions)
    ]
    assert first["account"].to_list() == [report.account for report in alone]
    for name in ("initial", "maintenance", "equity", "margin_value"):
        own = [float(getattr(report, name)) for report in alone]
        # A cent for each row that rounds, where the last digits of float64 and Decimal differ.
        np.testing.assert_allclose(first[name].to_numpy(), own, rtol=1e-9, atol=0.05)


def test_fills_apply_once_however_often_they_come(
    ray: Any, positions: pl.DataFrame, fills: pl.DataFrame, cluster: AccountCluster
) -> None:
    """A task may have run although it reports an error: its number tells."""
    told = source.fills_of(fills)[:1]
    slot = int(shard_of(fills["account"][:1], WORKERS)[0])
    workers, before = cluster.pool, cluster.requirement([told[0].account])
    market = [workers.held]
    for number in (7, 7, 6):
        workers.answer(workers.ask(slot, "apply", number, told, market))
    once = cluster.requirement([told[0].account])
    assert not once.equals(before)
    workers.answer(workers.ask(slot, "apply", 8, told, market))
    assert not cluster.requirement([told[0].account]).equals(once)
    kill(workers, slot)  # what the driver has not sent is forgotten
    assert_frame_equal(cluster.requirement([told[0].account]), before, check_exact=True)


def test_fills_with_a_slip_change_nothing(
    cluster: AccountCluster, fills: pl.DataFrame, market: MarketSnapshot, here: pl.DataFrame
) -> None:
    cluster.tick(market)
    far = fills.with_columns(
        price=pl.when(pl.int_range(pl.len()) == 5).then(1.0).otherwise(pl.col("price"))
    )
    with pytest.raises(BadNumber, match=r"times away from its mark .*\(fill 6, account "):
        cluster.apply(far)
    nobody = fills.with_columns(account=pl.lit("nobody"))
    with pytest.raises(InputError, match=r"holds nothing here \(fill 1, account nobody\)"):
        cluster.apply(nobody)
    assert_frame_equal(cluster.tick(market), here, check_exact=True)


def test_a_market_that_cannot_be_used_leaves_the_one_before(
    cluster: AccountCluster, market: MarketSnapshot, here: pl.DataFrame
) -> None:
    cluster.tick(market)
    late = replace(market, as_of=max(key[2] for key in market.slices))
    with pytest.raises(ExpiredInstrument) as raised:
        cluster.tick(late)
    assert type(raised.value) is ExpiredInstrument
    first = here["account"][0]
    assert_frame_equal(cluster.requirement([first]), here[:1], check_exact=True)


def test_fewer_accounts_than_workers(
    ray: Any, market: MarketSnapshot, model: sw.MarginModel
) -> None:
    one = pl.DataFrame({"account": [7], "instrument": ["BTC-PERPETUAL"], "quantity": [1.0]})
    alone = sw.margin_accounts(one, market, model)
    with AccountCluster(one, market, model, workers=WORKERS) as cluster:
        assert_frame_equal(cluster.tick(market), alone, check_exact=True)


def test_positions_in_a_file(
    tmp_path: Path, ray: Any, positions: pl.DataFrame, market: MarketSnapshot, here: pl.DataFrame
) -> None:
    file = tmp_path / "positions.parquet"
    positions.write_parquet(file)
    with AccountCluster(file, market, "prbm", workers=1) as cluster:
        kill(cluster.pool, 0)
        assert_frame_equal(cluster.tick(market), here, check_exact=True)
    with (
        pytest.raises(UnreadableFile, match="no such file"),
        AccountCluster(tmp_path / "none.parquet", market, "prbm"),
    ):
        pass


def test_an_account_that_is_not_there(cluster: AccountCluster) -> None:
    with pytest.raises(InputError, match="'nobody' holds nothing here"):
        cluster.requirement(["nobody"])
