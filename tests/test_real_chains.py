"""Recorded chains: every file reads, Black-76 reprices the venue's marks, sources combine.

The thresholds are those of the data's own study: on the intraday and daily files the forward of
the assembled snapshot, on the two files whose rows were recorded one by one the rows' own forward
and time.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from seawall.basics.errors import AmbiguousSnapshot, StaleQuote, UnrecognisedFile
from seawall.basics.time import YEAR_SECONDS, tenor_years
from seawall.feeds.market import read_market, read_quotes
from seawall.market.assemble import assemble_snapshot
from seawall.market.quotes import OptionQuotes
from seawall.pricing.black76 import coin_price
from seawall.products.names import parse_name

TICK_COIN = 1e-4
CRASH = "deribit_chain_intraday_2026-02-03_2026-02-07_BTC_ETH.parquet"
DAILY = "deribit_chain_daily_2025-12-30_2026-04-15_BTC_ETH.parquet"
CALM = "deribit_chain_intraday_2026-01-29_2026-02-01_BTC_ETH.parquet"
FULL = "deribit_chain_full_2026-01-20_BTC.parquet"
OLD = "deribit_chain_2020-05-21_BTC.parquet"
NO_INDEX = "deribit_chain_2025-12-05_BTC.parquet"
FUTURES = "deribit_futures_2026-01-20_BTC.parquet"
CURVE = "deribit_futures_curve_6h_2025-12-30_2026-04-15_BTC_ETH.parquet"


def chain_file(shared: Path, name: str) -> Path:
    return shared / "data" / "options" / name


def futures_file(shared: Path, name: str) -> Path:
    return shared / "data" / "funding_basis" / name


def times(path: Path) -> list[datetime]:
    """The distinct row times; in the files of many snapshots each has one."""
    return pl.read_parquet(path)["timestamp"].unique().sort().to_list()


def option_quotes(path: Path, at: datetime | None = None) -> OptionQuotes:
    [quotes] = read_quotes(path, at)
    assert isinstance(quotes, OptionQuotes)
    return quotes


def two_sided(quotes: OptionQuotes) -> np.ndarray:
    return (quotes.bid > 0.0) & (quotes.ask > 0.0) & np.isfinite(quotes.mark)


def snapshot_errors(path: Path, at: datetime) -> np.ndarray:
    """|Black-76 at the snapshot's forward − mark| in coin of each two-sided quote."""
    quotes = option_quotes(path, at)
    market = assemble_snapshot([quotes])
    listed = two_sided(quotes)
    rows = [market.option_row(o) for o, use in zip(quotes.instruments, listed, strict=True) if use]
    forward = np.array([s.forward for s, _ in rows])
    strike = np.array([s.strike[i] for s, i in rows])
    vol = np.array([s.vol[i] for s, i in rows])
    tenor = np.array([tenor_years(market.as_of, s.key[2]) for s, _ in rows])
    is_call = np.array([s.is_call[i] for s, i in rows])
    return np.abs(coin_price(forward, strike, vol, tenor, is_call) - quotes.mark[listed])


@pytest.mark.parametrize("name", [CALM, CRASH, DAILY])
def test_the_forward_of_the_snapshot_reprices_the_marks(shared, name):
    path = chain_file(shared, name)
    errors = np.concatenate([snapshot_errors(path, at) for at in times(path)])
    assert errors.size > 20_000
    assert np.mean(errors <= TICK_COIN) >= 0.99


@pytest.mark.parametrize(("name", "share"), [(FULL, 0.99), (OLD, 0.975)])
def test_the_forward_and_time_of_each_row_reprice_its_mark(shared, name, share):
    quotes = option_quotes(chain_file(shared, name))
    use = two_sided(quotes)
    expiry_s = np.array([o.expiry.timestamp() for o in quotes.instruments])
    model = coin_price(
        quotes.forward,
        np.array([o.strike for o in quotes.instruments]),
        quotes.iv,
        (expiry_s - quotes.observed_s) / YEAR_SECONDS,
        np.array([o.is_call for o in quotes.instruments]),
    )
    assert use.sum() > 200
    assert np.mean(np.abs(model - quotes.mark)[use] <= TICK_COIN) >= share


@pytest.mark.parametrize("name", [FULL, OLD, NO_INDEX, CALM, CRASH, DAILY])
def test_every_row_of_a_recorded_chain_is_used(shared, name):
    path = chain_file(shared, name)
    frame = pl.read_parquet(path)
    at = frame["timestamp"].max()
    names = frame.filter(pl.col("timestamp") > at - timedelta(minutes=5))["instrument_name"]
    market = read_market(path, at=at)
    assert market.as_of == at
    assert set(market.option_rows) == set(names)
    for listed in market.slices.values():
        assert np.isfinite([listed.forward, listed.atm_vol, *listed.vol]).all()


def test_no_recorded_chain_is_left_untested(shared):
    found = {path.name for path in (shared / "data" / "options").glob("deribit_chain_*")}
    assert found == {FULL, OLD, NO_INDEX, CALM, CRASH, DAILY}


def test_a_file_without_an_index_takes_a_given_price(shared):
    path = chain_file(shared, NO_INDEX)
    assert read_market(path).index_usd == {}
    assert read_market(path, prices={"BTC": 92_000.0}).spot_usd("BTC") == 92_000.0


def test_the_crash_needs_a_time_and_takes_the_snapshot_before_it(shared):
    path = chain_file(shared, CRASH)
    with pytest.raises(AmbiguousSnapshot, match="20 snapshots"):
        read_market(path)
    all_times = times(path)
    for at in ("2026-02-05T16:30", "2026-02-05 16:30"):
        market = read_market(path, at=at)
        moment = datetime(2026, 2, 5, 16, 30, tzinfo=UTC)
        assert market.as_of == max(t for t in all_times if t <= moment)
    before = read_market(path, at="2026-02-04T00:00")
    assert market.spot_usd("BTC") < 0.92 * before.spot_usd("BTC")
    key = next(key for key in market.slices if key[0] == "BTC" and key in before.slices)
    assert market.slices[key].atm_vol > before.slices[key].atm_vol


def test_volatilities_implied_from_marks_agree_with_the_venue(shared):
    """Without mark_iv nearly every quoted option keeps its volatility, and none gets a wild one."""
    whole = option_quotes(chain_file(shared, CRASH), datetime(2026, 2, 5, 16, 30, tzinfo=UTC))
    bare = read_without_iv(whole)
    use = two_sided(whole)
    quoted = [o.name for o, used in zip(whole.instruments, use, strict=True) if used]
    kept = [name for name in quoted if name in bare.option_rows]
    assert len(kept) >= 0.98 * len(quoted)
    venue = dict(zip([o.name for o in whole.instruments], whole.iv, strict=True))
    errors = [abs(vol_of(bare, name) - venue[name]) for name in kept]
    assert np.quantile(errors, 0.99) < 0.01
    assert max(errors) < 0.1


def read_without_iv(quotes: OptionQuotes):
    missing = np.full(len(quotes.instruments), np.nan)
    columns = ("bid", "ask", "mark", "forward", "index", "observed_s")
    return assemble_snapshot(
        [
            OptionQuotes(
                source=quotes.source,
                as_of=quotes.as_of,
                instruments=quotes.instruments,
                iv=missing,
                **{column: getattr(quotes, column) for column in columns},
            )
        ]
    )


def vol_of(market, name: str) -> float:
    listed, row = market.option_row(parse_name(name))
    return float(listed.vol[row])


def test_the_futures_listing_joins_its_chain(shared):
    market = read_market([chain_file(shared, FULL), futures_file(shared, FUTURES)])
    assert "BTC-PERPETUAL" in market.futures
    assert len(market.futures) == 8
    for name in market.futures:
        contract = parse_name(name)
        assert market.forward(contract) == market.futures[name]
        assert market.forward(contract) == pytest.approx(market.spot_usd("BTC"), rel=0.06)
    december = parse_name("BTC-25DEC26")
    key = ("BTC", "BTC", december.expiry)
    assert market.forwards[key] == pytest.approx(market.futures["BTC-25DEC26"], rel=2e-3)


def test_the_futures_curve_joins_its_chain(shared):
    files = [chain_file(shared, CRASH), futures_file(shared, CURVE)]
    market = read_market(files, at="2026-02-05T16:30")
    alone = read_market(files[0], at="2026-02-05T16:30")
    assert set(market.option_rows) == set(alone.option_rows)
    assert market.futures
    for name, mark in market.futures.items():
        future = parse_name(name)
        key = (future.underlying, future.settlement, future.expiry)
        assert market.forwards[key] == pytest.approx(mark, rel=5e-3)


def test_sources_of_different_days_are_refused(shared):
    with pytest.raises(StaleQuote, match=FULL):
        read_market([chain_file(shared, FULL), chain_file(shared, NO_INDEX)])


def test_a_table_of_trades_is_not_taken_for_a_chain(shared):
    with pytest.raises(UnrecognisedFile, match="mark_price"):
        read_market(chain_file(shared, "deribit_option_trades_2022-01-01_BTC.parquet"))
