"""Accounts that stay with workers: ticks and fills as of one process, whoever dies meanwhile."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
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
    MissingQuote,
    StateError,
    UnreadableFile,
    UnrecognisedFile,
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
    for none in ("1", None, 5, [None], [["1"]], [1.5]):
        with pytest.raises(InputError, match="no names of accounts"):
            cluster.requirement(none)  # pyright: ignore[reportArgumentType]
    assert cluster.requirement([]).is_empty()


def test_accounts_may_be_integers(ray: Any, market: MarketSnapshot, model: sw.MarginModel) -> None:
    table = pl.DataFrame(
        {"account": [7, 8, 9], "instrument": ["BTC-PERPETUAL"] * 3, "quantity": [1.0, -2.0, 3.0]}
    )
    alone = sw.margin_accounts(table, market, model)
    with AccountCluster(table, market, model, workers=WORKERS) as cluster:
        assert_frame_equal(cluster.requirement([9, 7]), alone[[2, 0]], check_exact=True)
        cluster.apply(
            {"account": [8], "instrument": ["BTC-PERPETUAL"], "quantity": [2.0], "price": [None]}
        )
        assert cluster.requirement([8])["initial"].to_list() == [0.0]


def test_a_market_without_what_is_held_names_an_account(
    cluster: AccountCluster, market: MarketSnapshot, here: pl.DataFrame
) -> None:
    cluster.tick(market)
    without = {name: level for name, level in market.index_usd.items() if name != "ETH"}
    with pytest.raises(MissingQuote, match=r"no index price of ETH .*account "):
        cluster.tick(replace(market, index_usd=without))
    assert_frame_equal(cluster.tick(market), here, check_exact=True)


def test_what_is_no_table_of_fills(cluster: AccountCluster, fills: pl.DataFrame) -> None:
    for none in (5, "fills.csv", [("1", "BTC", 1.0, None)]):
        with pytest.raises(InputError, match="no table of fills"):
            cluster.apply(none)
    with pytest.raises(UnrecognisedFile, match="has the columns account"):
        cluster.apply(fills.drop("price"))
    with pytest.raises(InputError, match=r"no account is named \(fill 2\)"):
        cluster.apply(fills.with_columns(account=pl.Series([*fills["account"][:1], *[None] * 6])))


def test_a_cluster_answers_only_while_it_is_open(
    ray: Any,
    positions: pl.DataFrame,
    market: MarketSnapshot,
    here: pl.DataFrame,
    fills: pl.DataFrame,
) -> None:
    cluster = AccountCluster(positions, market, "prbm", workers=1)

    def refused() -> None:
        for ask in (
            lambda: cluster.tick(market),
            lambda: cluster.requirement(["1"]),
            lambda: cluster.apply(fills),
        ):
            with pytest.raises(StateError, match="it is not open"):
                ask()

    refused()
    with cluster:
        with pytest.raises(StateError, match="it is open already"):
            cluster.__enter__()
        cluster.apply(fills)
    refused()
    cluster.__exit__(None, None, None)
    with cluster:  # begun anew, without the fills
        assert_frame_equal(cluster.tick(market), here, check_exact=True)


def test_threads_are_answered_each_in_its_own_market(
    cluster: AccountCluster, market: MarketSnapshot
) -> None:
    markets = [moved(market, "BTC", 0.02 * step) for step in range(4)]
    alone = [cluster.tick(each) for each in markets]
    with ThreadPoolExecutor(len(markets)) as threads:
        for _ in range(3):
            for found, wanted in zip(threads.map(cluster.tick, markets), alone, strict=True):
                assert_frame_equal(found, wanted, check_exact=True)
