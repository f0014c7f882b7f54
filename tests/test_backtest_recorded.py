"""Recorded chains along a walk: margins by them, losses along them, and what they do not tell."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import seawall as sw
from seawall.basics.errors import PoorHistory, UnrecognisedFile
from seawall.basics.time import epoch_ns
from seawall.feeds.histories import read_history
from seawall.feeds.market import read_market
from seawall.lab.backtest.book_files import read_walk_books
from seawall.lab.backtest.books import Composition, WalkBook
from seawall.lab.backtest.document import backtest_document
from seawall.lab.backtest.parts import inputs_of
from seawall.lab.backtest.recorded import RecordedChains, read_chains
from seawall.lab.backtest.run import RECORDED, run_walk
from seawall.lab.backtest.walk import FixedModel, Record, Walk, WalkPlan
from seawall.margin.presets import load_preset
from seawall.market.history import MarketHistory
from seawall.products.instruments import Option
from seawall.products.portfolio import Portfolio, portfolio
from tests.commands import document
from tests.naive import black76
from tests.walks import IN_COIN, START, made_up, recorded_vol, write_chains, write_history

HOUR = timedelta(hours=1)
HELD = (("BTC-30JAN26-85000-P", -1.0), ("BTC-30JAN26-100000-C", -2.0), ("BTC-30JAN26", 0.5))


@pytest.fixture(scope="module")
def history() -> MarketHistory:
    return made_up()


@pytest.fixture(scope="module")
def file(history: MarketHistory, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_chains(tmp_path_factory.mktemp("chains"), history)


def book(*held: tuple[str, float]) -> WalkBook:
    return WalkBook(
        name="held", compositions=(Composition(positions=portfolio(held or HELD).positions),)
    )


def walk(history: MarketHistory, chains: RecordedChains | None, **plan: object) -> Walk:
    wanted = {
        "start": START + timedelta(days=3, hours=16),
        "end": START + timedelta(days=8, hours=16),
        "every": timedelta(days=1),
        "horizons": (timedelta(hours=4), timedelta(hours=24)),
    }
    models = tuple(FixedModel(load_preset(name)) for name in ("prbm", "isolated"))
    return Walk(history, (book(),), models, WalkPlan(**(wanted | plan)), chains)  # type: ignore[arg-type]


def naive_gain(name: str, spots: tuple[float, float], days: tuple[int, int], at: list[datetime]):
    """What a unit gains in USD between two instants, by the smile recorded on a day."""
    expiry = datetime(2026, 1, 30, 8, tzinfo=UTC)
    left = [(expiry - each) / timedelta(days=365) for each in at]
    forwards = [spot * math.exp(0.03 * t) for spot, t in zip(spots, left, strict=True)]
    parts = name.split("-")
    if len(parts) == 2:
        return forwards[0] * (1.0 / forwards[0] - 1.0 / forwards[1]) * spots[1]
    strike, is_call = float(parts[2]), parts[3] == "C"
    values = [
        black76.price(f, strike, recorded_vol(strike, day), t, is_call) * spot / f
        for f, day, t, spot in zip(forwards, days, left, spots, strict=True)
    ]
    return values[1] - values[0]


def naive_loss(history: MarketHistory, at: datetime, horizon: timedelta) -> float:
    bars = history.bars["BTC"]
    first = bars.end_ns.tolist().index(epoch_ns(at))
    worst = 0.0
    for step in range(1, horizon // HOUR + 1):
        now = at + step * HOUR
        # A chain is recorded at half past three: at four it is today's.
        days = tuple((t - START - timedelta(hours=15, minutes=30)) // timedelta(days=1)
                     for t in (at, now))  # fmt: skip
        for prices in (bars.close, bars.high, bars.low):
            spots = float(bars.close[first]), float(prices[first + step])
            gain = sum(q * naive_gain(name, spots, days, [at, now]) for name, q in HELD)
            worst = max(worst, -gain)
    return worst


def test_losses_follow_the_recorded_surfaces_as_a_plain_loop_does(
    history: MarketHistory, file: Path
) -> None:
    bare, chains = replace(history, vols={}), read_chains([file])
    rows: list[Record] = []
    for hours in (16, 17, 21, 28):
        one = walk(bare, chains, start=START + timedelta(days=3, hours=hours))
        rows += [row for row in one.rows(one.plan.times) if row.model == "prbm"]
    assert len(rows) >= 20
    for row in rows:
        for loss, horizon in zip(row.losses, (4 * HOUR, 24 * HOUR), strict=True):
            assert loss == pytest.approx(naive_loss(history, row.at, horizon), rel=1e-6)
    assert not any(row.modelled for row in rows)


def test_margins_are_those_of_the_snapshot_that_was_the_newest(
    history: MarketHistory, file: Path
) -> None:
    one = walk(history, read_chains([file]))
    for row in one.rows(one.plan.times):
        held = Portfolio(account="held", positions=portfolio(HELD).positions)
        market = read_market(file, at=row.at)
        assert market.as_of == row.at - HOUR / 2
        report = sw.margin(held, market, row.model)
        assert (row.initial, row.maintenance) == (
            float(report.initial),
            float(report.maintenance),
        )


def test_what_is_recorded_later_changes_no_margin(
    history: MarketHistory, file: Path, tmp_path: Path
) -> None:
    one = walk(history, read_chains([file]))
    at = one.plan.times[2]
    table = pl.read_csv(file)
    later = pl.col("timestamp") > f"{at:%Y-%m-%dT%H:%M:%SZ}"
    other = table.with_columns(mark_iv=pl.col("mark_iv") * pl.when(later).then(1.4).otherwise(1.0))
    other.drop("mark_price").with_columns(mark_price=pl.lit(None, pl.Float64)).write_csv(
        tmp_path / "other.csv"
    )
    table.with_columns(mark_price=pl.lit(None, pl.Float64)).write_csv(tmp_path / "same.csv")
    true, changed = (
        walk(history, read_chains([tmp_path / name])).rows(one.plan.times[:3])
        for name in ("same.csv", "other.csv")
    )
    assert [row.initial for row in true] == [row.initial for row in changed]
    assert true[-1].close_losses != changed[-1].close_losses
    assert true[0].close_losses == changed[0].close_losses


def test_where_no_chain_is_fresh_or_tells_an_option_it_is_modelled_and_said(
    history: MarketHistory, file: Path, tmp_path: Path
) -> None:
    table = pl.read_csv(file)
    holed = tmp_path / "holed.csv"
    table.filter(~pl.col("timestamp").str.contains("2026-01-0[67]")).write_csv(holed)
    one = walk(history, read_chains([holed]))
    rows = [row for row in one.rows(one.plan.times) if row.model == "prbm"]
    assert [row.at.day for row in rows if row.modelled] == [6, 7]
    bare = walk(history, None)
    for row, other in zip(rows, [r for r in bare.rows(bare.plan.times) if r.model == "prbm"], strict=True):  # fmt: skip  # noqa: E501
        assert (row == other) is row.modelled
    walked = run_walk(one)
    assert backtest_document(walked, one.plan).modelled
    assert "held: at 2 of 6 times no chain recorded within 24h" in " ".join(walked.warnings)
    assert RECORDED in walked.warnings
    linear = replace(one, books=(book(("BTC_USDC-30JAN26-85000-P", 1.0)),))
    assert all(row.modelled for row in linear.rows(one.plan.times))
    with pytest.raises(PoorHistory, match="--market"):
        replace(one, history=replace(history, vols={})).rows(one.plan.times)


def test_a_walk_with_every_option_recorded_is_not_modelled(
    history: MarketHistory, file: Path
) -> None:
    one = walk(history, read_chains([file]))
    walked = run_walk(one)
    assert not backtest_document(walked, one.plan).modelled
    assert not any("modelled" in warning for warning in walked.warnings)


def test_a_book_without_options_needs_no_chain(history: MarketHistory, file: Path) -> None:
    perpetual = book(("BTC_USDC-PERPETUAL", 1.0))
    with_chains = replace(walk(history, read_chains([file])), books=(perpetual,))
    without = replace(with_chains, chains=None)
    assert with_chains.rows(without.plan.times) == without.rows(without.plan.times)


def test_prices_that_a_chain_lacks_are_those_of_the_history(
    history: MarketHistory, file: Path
) -> None:
    mixed = book(("BTC-30JAN26-85000-P", -1.0), ("ETH_USDC-PERPETUAL", 10.0))
    one = replace(walk(history, read_chains([file])), books=(mixed,))
    [prbm, _] = one.rows(one.plan.times[:1])
    assert not prbm.modelled
    alone = replace(one, books=(book(("BTC-30JAN26-85000-P", -1.0)),)).rows(one.plan.times[:1])
    assert prbm.initial > alone[0].initial


def test_an_option_that_a_later_chain_does_not_tell_keeps_its_volatility(
    history: MarketHistory, file: Path, tmp_path: Path
) -> None:
    at = START + timedelta(days=3, hours=16)
    table = pl.read_csv(file)
    name = "BTC-30JAN26-85000-P"
    lost = (pl.col("instrument_name") == name) & (pl.col("timestamp") > "2026-01-04T16")
    bad = table.with_columns(mark_iv=pl.when(lost).then(-1.0).otherwise(pl.col("mark_iv")))
    bad.write_csv(tmp_path / "bad.csv")
    chains = read_chains([tmp_path / "bad.csv"])
    one = replace(walk(history, chains), books=(book((name, -1.0)),))
    found = one._markets(portfolio([(name, -1.0)]), at, history)
    [option] = [p.instrument for p in portfolio([(name, -1.0)]).positions]
    assert isinstance(option, Option)
    times = np.array([epoch_ns(at), epoch_ns(at + timedelta(days=2))])
    vols = found.option_vols(option, np.zeros((3, 2)), times)
    assert vols == pytest.approx(np.full((3, 2), recorded_vol(85_000.0, 3)))


def test_processes_files_and_interruptions_change_no_row(
    history: MarketHistory, file: Path, tmp_path: Path
) -> None:
    table = pl.read_csv(file)
    early = pl.col("timestamp") < "2026-01-07"
    table.filter(early).write_csv(tmp_path / "early.csv")
    table.filter(~early).write_csv(tmp_path / "late.csv")
    parts = read_chains([tmp_path / "late.csv", tmp_path / "early.csv"])
    one = walk(history, read_chains([file]), every=timedelta(hours=3))
    rows = run_walk(one).rows
    assert run_walk(one, jobs=2).rows.equals(rows)
    assert run_walk(replace(one, chains=parts)).rows.equals(rows)
    assert inputs_of(one) == inputs_of(walk(history, read_chains([file]), every=timedelta(hours=3)))
    assert inputs_of(one).chains != inputs_of(replace(one, chains=parts)).chains


def test_a_file_that_is_no_table_of_chains_is_refused(
    history: MarketHistory, tmp_path: Path
) -> None:
    (tmp_path / "chain.json").write_text("[]", encoding="utf-8")
    for wrong in (write_history(tmp_path, history), tmp_path / "chain.json"):
        with pytest.raises(UnrecognisedFile, match="no table of option chains"):
            read_chains([wrong])


def test_the_command_walks_with_recorded_chains(
    history: MarketHistory,
    file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    write_history(tmp_path, history)
    Path("book.csv").write_text(IN_COIN, encoding="utf-8")
    told = document(
        capfd, "backtest", "book.csv", "--history", "history.csv", "--market", str(file),
        "--from", "2026-01-03T16:00", "--to", "2026-01-12",
    )  # fmt: skip
    assert not told["modelled"]
    assert RECORDED in told["warnings"]


def test_a_strangle_on_recorded_deribit_chains_is_margined_as_the_snapshots_are(
    shared: Path, tmp_path: Path
) -> None:
    data = shared / "data"
    chain = data / "options" / "deribit_chain_daily_2025-12-30_2026-04-15_BTC_ETH.parquet"
    prices = data / "prices" / "perp_1h_2025-03_2026-03_binance_bybit_BTC_ETH.parquet"
    (tmp_path / "strangle.csv").write_text(IN_COIN.replace(",12,", ",14,"), encoding="utf-8")
    plan = WalkPlan(
        start=datetime(2026, 1, 23, 16, tzinfo=UTC),
        end=datetime(2026, 2, 6, 16, tzinfo=UTC),
        every=timedelta(days=1),
        horizons=(timedelta(hours=24),),
    )
    models = tuple(FixedModel(load_preset(name)) for name in ("prbm", "isolated"))
    books = read_walk_books([tmp_path / "strangle.csv"])
    one = Walk(read_history(prices), books, models, plan, read_chains([chain]))
    rows = one.rows(plan.times)
    assert len(rows) == 2 * 15
    assert not any(row.modelled for row in rows)
    held = dict(zip(plan.times, books[0].portfolios(plan.times, one.markets), strict=True))
    for row in rows[::3]:
        then = held[row.at]
        assert then is not None
        report = sw.margin(then, read_market(chain, at=row.at), row.model)
        assert row.initial == float(report.initial)
        assert row.maintenance == float(report.maintenance)
    # 5 and 6 February: from 73,000 to 60,000, and volatility from 50 % to 90 %.
    worst = max((row for row in rows if row.model == "prbm"), key=lambda row: row.losses[-1])
    assert worst.at.date().isoformat() in ("2026-02-04", "2026-02-05")
    assert 0.08 < worst.losses[-1] / worst.gross_notional * 2.0 < 0.25
