"""A batch over Ray: the numbers of one process to the last bit, whoever dies meanwhile."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import seawall as sw
from seawall.basics.errors import (
    BadNumber,
    BadParameter,
    ClusterError,
    DuplicatePosition,
    UnknownInstrument,
)
from seawall.cluster import batch
from seawall.cluster.pool import Pool
from seawall.market.snapshot import MarketSnapshot
from tests.cluster.workers import WORKERS, kill

# One Ray at a time on a machine, whatever the number of test processes.
pytestmark = pytest.mark.xdist_group("ray")


def test_a_batch_is_the_local_one(
    ray: Any,
    positions: pl.DataFrame,
    market: MarketSnapshot,
    model: sw.MarginModel,
    here: pl.DataFrame,
) -> None:
    told: list[tuple[int, int]] = []
    there = sw.margin_accounts(
        positions,
        market,
        model,
        engine="ray",
        workers=WORKERS,
        progress=lambda done, of: told.append((done, of)),
    )
    assert_frame_equal(there, here, check_exact=True)
    assert told == sorted(told)
    assert told[-1] == (len(here), len(here))
    assert len(told) > WORKERS
    assert ray.is_initialized(), "a Ray that the user has started is left running"


def test_a_batch_that_loses_a_worker_is_the_local_one(
    ray: Any,
    positions: pl.DataFrame,
    market: MarketSnapshot,
    model: sw.MarginModel,
    here: pl.DataFrame,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    replaced: list[int] = []
    asked = Counter[int]()
    ask, replace = Pool.ask, Pool.replace

    def dying(self: Pool, slot: int, method: str, *arguments: Any) -> Any:
        asked[method] += 1
        if asked[method] == 4 and method == "margin":
            kill(self, slot)
        return ask(self, slot, method, *arguments)

    def counted(self: Pool, slot: int) -> None:
        replaced.append(slot)
        replace(self, slot)

    monkeypatch.setattr(Pool, "ask", dying)
    monkeypatch.setattr(Pool, "replace", counted)
    there = sw.margin_accounts(positions, market, model, engine="ray", workers=WORKERS)
    assert len(replaced) == 1
    assert_frame_equal(there, here, check_exact=True)


def test_a_worker_has_at_most_two_shards_at_a_time(
    ray: Any,
    positions: pl.DataFrame,
    market: MarketSnapshot,
    model: sw.MarginModel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    most = 0
    first_done = Pool.first_done

    def counted(self: Pool, references: list[Any]) -> Any:
        nonlocal most
        most = max(most, len(references))
        return first_done(self, references)

    monkeypatch.setattr(Pool, "first_done", counted)
    sw.margin_accounts(positions, market, model, engine="ray", workers=1)
    assert most == batch.OUTSTANDING


def test_a_shard_that_kills_its_workers_stops_the_run(
    ray: Any,
    positions: pl.DataFrame,
    market: MarketSnapshot,
    model: sw.MarginModel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ask = Pool.ask

    def dying(self: Pool, slot: int, method: str, *arguments: Any) -> Any:
        if method == "margin":
            kill(self, slot)
        return ask(self, slot, method, *arguments)

    monkeypatch.setattr(Pool, "ask", dying)
    monkeypatch.setattr(batch, "MAX_LOSSES", 0)
    with pytest.raises(ClusterError, match=r"1 workers were lost with shard \d+ in hand"):
        sw.margin_accounts(positions, market, model, engine="ray", workers=1)


# ---- bad input, named by its row and alike everywhere

SLIPS = {
    "quantity": (pl.lit(float("nan")).alias("quantity"), BadNumber),
    "instrument": (pl.lit("BTC-31FEB26-1-C").alias("instrument"), UnknownInstrument),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_among_many_names_its_row(
    slip: str, ray: Any, positions: pl.DataFrame, market: MarketSnapshot, model: sw.MarginModel
) -> None:
    change, error = SLIPS[slip]
    bad = positions.with_columns(
        pl.when(pl.int_range(pl.len()) == 123).then(change).otherwise(pl.col(slip)).alias(slip)
    )
    said = []
    for engine in ("local", "ray"):
        with pytest.raises(error, match=r"row 124") as raised:
            sw.margin_accounts(bad, market, model, engine=engine)
        assert type(raised.value) is error
        said.append(str(raised.value))
    assert said[0] == said[1]


def test_a_row_that_comes_twice_is_named(
    ray: Any, positions: pl.DataFrame, market: MarketSnapshot, model: sw.MarginModel
) -> None:
    twice = pl.concat([positions, positions[10:11]])
    for engine in ("local", "ray"):
        with pytest.raises(DuplicatePosition, match=rf"rows 11 and {len(twice)}"):
            sw.margin_accounts(twice, market, model, engine=engine)


def test_what_a_model_refuses_is_said_as_on_one_machine(
    ray: Any, positions: pl.DataFrame, market: MarketSnapshot, model: sw.MarginModel
) -> None:
    """A worker meets it first, and knows neither the row nor whose account is first."""
    [bitcoin] = [each for each in model.classes if "BTC" in each.members]
    narrow = msgspec.structs.replace(model, classes=(bitcoin,))
    said = []
    for engine in ("local", "ray"):
        with pytest.raises(BadParameter, match="no class takes") as refused:
            sw.margin_accounts(positions, market, narrow, engine=engine)
        said.append(str(refused.value))
    assert said[0] == said[1]
    assert "account" in said[0]
