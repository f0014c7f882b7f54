"""Files of the past: recognised by their columns, mended by rule, and a real crash is kept."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from seawall.basics.errors import MissingQuote, PoorHistory, UnknownInstrument, UnrecognisedFile
from seawall.basics.time import epoch_ns
from seawall.feeds.digests import digest_of
from seawall.feeds.histories import read_history
from seawall.feeds.history_symbols import history_symbol
from seawall.feeds.market import read_market
from seawall.feeds.synthetic import AS_OF, synthetic_coins, synthetic_history, synthetic_market
from seawall.feeds.writers import write_history_csv
from seawall.market.moved import at_time, moved
from tests.fuzz.seeds import history as seed_history
from tests.tables import AS_OF as CHAIN_AS_OF
from tests.tables import chain, write

DAY = 86_400 * 10**9
START = datetime(2026, 1, 1, tzinfo=UTC)


def frame(count=48, *, symbol="BTCUSDT", step=timedelta(hours=1), level=100.0):
    """Sound bars as a table."""
    close = level * (1.0 + 0.01 * np.sin(1.7 * np.arange(count + 1)))
    return pl.DataFrame(
        {
            "timestamp": [START + step * n for n in range(count)],
            "symbol": [symbol] * count,
            "open": close[:-1],
            "high": np.maximum(close[:-1], close[1:]) * 1.001,
            "low": np.minimum(close[:-1], close[1:]) * 0.999,
            "close": close[1:],
        }
    )


def saved(table, tmp_path, name="history.parquet"):
    write(table, tmp_path / name)
    return tmp_path / name


# ---- symbols


@pytest.mark.parametrize(
    ("symbol", "underlying"),
    [
        *[(name, "BTC") for name in ("BTC", "BTCUSDT", "BTCUSD", "BTC-USDT-SWAP", "BTC_USD_INDEX")],
        *[(name, "BTC") for name in ("XBTUSD", "BTCUSDT_MARK", "BTC/USDT", "BTC/USDT:USDT", "XBT")],
        *[(name, "BTC") for name in ("BTC-PERPETUAL", "PI_XBTUSD", "BTC_DVOL", "DVOL", "BTCDVOL")],
        *[(name, "ETH") for name in ("BINANCE:ETH", "bybit:ETHUSDT", "ETH_DVOL", "ETH-VOL")],
        *[("SOLUSDT", "SOL"), ("BNBUSD", "BNB"), ("BTC-BUSD", "BTC")],
        *[("NVDA.US", "NVDA.US"), ("USDC", "USDC"), ("USDCUSDT", "USDC"), ("STETH", "STETH")],
    ],
)
def test_a_symbol_names_its_underlying(symbol, underlying):
    assert history_symbol(symbol, "f").underlying == underlying


def test_a_symbol_that_no_rule_fits_is_an_error(tmp_path):
    with pytest.raises(UnknownInstrument, match="whose history"):
        read_history(saved(frame(symbol="? ?"), tmp_path))


# ---- tables


@pytest.mark.parametrize("name", ["h.csv", "h.parquet"])
def test_bars_begin_at_their_timestamp(tmp_path, name):
    bars = read_history(saved(frame(), tmp_path, name)).bars["BTC"]
    assert bars.end_ns[0] == epoch_ns(START) + 3_600 * 10**9
    assert bars.bar_ns == 3_600 * 10**9
    assert bars.close.tolist() == frame()["close"].to_list()
    ended = saved(frame().rename({"timestamp": "bar_end"}), tmp_path, "ended.csv")
    assert read_history(ended).bars["BTC"].end_ns[0] == epoch_ns(START)


def test_a_close_alone_was_seen_at_its_timestamp(tmp_path):
    alone = frame().select("timestamp", "symbol", "close")
    bars = read_history(saved(alone, tmp_path)).bars["BTC"]
    assert bars.end_ns[0] == epoch_ns(START)
    assert bars.low.tolist() == bars.high.tolist() == bars.close.tolist()


def test_a_volatility_index_is_in_points_and_known_when_its_day_ends(tmp_path):
    index = frame(symbol="BTC_DVOL", step=timedelta(days=1), level=60.0)
    history = read_history(saved(index, tmp_path))
    assert not history.bars
    assert history.vols["BTC"].value.tolist() == (index["close"] * 0.01).to_list()
    assert history.vols["BTC"].at_ns[0] == epoch_ns(START) + DAY


def test_a_volatility_without_a_price_is_known_at_its_time(tmp_path):
    told = frame().select("timestamp", "symbol", atm_vol=pl.lit(0.55))
    series = read_history(saved(told, tmp_path)).vols["BTC"]
    assert series.at_ns[0] == epoch_ns(START)
    assert set(series.value) == {0.55}


def test_funding_is_per_day_by_the_interval_of_its_venue(tmp_path):
    hourly = frame(48).select("timestamp", symbol=pl.lit("BTC"), venue=pl.lit("hourly"))
    eight = frame(6, step=timedelta(hours=8)).select(
        "timestamp", symbol=pl.lit("BTCUSDT"), venue=pl.lit("eight")
    )
    both = pl.concat([hourly, eight]).with_columns(
        funding_rate=pl.when(pl.col("venue") == "eight").then(8e-4).otherwise(1e-4)
    )
    series = read_history(saved(both, tmp_path)).funding_per_day["BTC"]
    assert series.value == pytest.approx(24e-4, rel=1e-12)


def test_an_interval_that_becomes_shorter_raises_the_rate_per_day(tmp_path):
    hours = [*range(0, 80, 8), *range(80, 100, 4)]
    told = pl.DataFrame(
        {
            "timestamp": [START + timedelta(hours=hour) for hour in hours],
            "symbol": "BTC",
            "funding_rate": 1e-4,
        }
    )
    series = read_history(saved(told, tmp_path)).funding_per_day["BTC"]
    assert series.value[0] == pytest.approx(3e-4)
    assert series.value[-1] == pytest.approx(6e-4)


def test_rates_told_every_second_are_no_funding(tmp_path):
    told = frame(step=timedelta(seconds=1)).select("timestamp", "symbol", funding_rate=pl.lit(1e-4))
    with pytest.raises(PoorHistory, match="no funding interval"):
        read_history(saved(told, tmp_path))


def test_a_curve_tells_the_basis_of_the_listed_future_nearest_to_thirty_days(tmp_path):
    at = [START, START, START, START + timedelta(hours=6)]
    curve = pl.DataFrame(
        {
            "timestamp": at,
            "currency": "BTC",
            "expiry": [START + timedelta(days=days) for days in (7, 25, 29, 90)],
            "underlying_name": ["BTC-8JAN26", "BTC-26JAN26", "SYN.BTC-30JAN26", "BTC-1APR26"],
            "futures_price": 100.0,
            "is_synthetic": [False, False, True, False],
            "basis_annualised": [0.01, 0.02, 0.03, 0.04],
        }
    )
    series = read_history(saved(curve, tmp_path)).basis_per_year["BTC"]
    assert series.value.tolist() == [0.02, 0.04]


def test_a_chain_is_no_history_and_a_history_no_market(tmp_path):
    with pytest.raises(UnrecognisedFile):
        read_history(saved(chain(), tmp_path, "chain.csv"))
    with pytest.raises(MissingQuote, match="no quotes"):
        read_market(saved(frame(), tmp_path))


def test_rows_without_a_time_are_told(tmp_path):
    path = tmp_path / "h.csv"
    text = frame().write_csv().splitlines()
    text.insert(10, "yesterday,BTCUSDT,1,1,1,1")
    path.write_text("\n".join(text) + "\n")
    assert any("without a time" in line for line in read_history(path).repairs)


# ---- the market


def test_a_market_keeps_what_was_known_at_its_time_and_its_own_time(tmp_path):
    quotes = saved(chain(), tmp_path, "chain.csv")
    before = read_market(quotes)
    late = seed_history().with_columns(pl.col("timestamp") + timedelta(hours=5, minutes=30))
    market = read_market([quotes, saved(late, tmp_path)])
    assert market.as_of == before.as_of == CHAIN_AS_OF
    assert dict(market.index_usd) == dict(before.index_usd)
    assert market.warnings == before.warnings
    ends = market.history.bars["BTC"].end_ns
    assert ends.size == 42
    assert ends[-1] <= epoch_ns(market.as_of)
    assert digest_of(market) != digest_of(before)


def test_a_history_that_ends_long_before_the_market_is_a_warning(tmp_path):
    quotes = saved(chain(), tmp_path, "chain.csv")
    market = read_market([quotes, saved(frame(), tmp_path)])
    assert any("price history of BTC ends" in line for line in market.warnings)


def test_supposed_markets_carry_the_history():
    market = synthetic_market()
    assert moved(market, "BTC", -0.1).history is market.history
    assert at_time(market, market.as_of + timedelta(days=1)).history is market.history


# ---- the synthetic history


def test_the_synthetic_history_ends_at_the_synthetic_market():
    market = synthetic_market(3)
    for coin in synthetic_coins(3):
        bars = market.history.bars[coin.symbol]
        assert bars.close[-1] == market.index_usd[coin.symbol]
        assert bars.end_ns[-1] == epoch_ns(AS_OF)
        assert bars.end_ns.size == 400 * 24
        assert bars.follows[1:].all()
        tenor = 30.0 / 365.0
        at_the_money = np.sqrt(coin.surface.atm_variance(tenor) / tenor)
        assert market.history.vols[coin.symbol].value[-1] == pytest.approx(at_the_money, abs=1e-4)
    assert "synthetic" in market.history.repairs[0]


def test_the_synthetic_history_follows_from_its_seed_and_has_fat_correlated_tails():
    assert digest_of(synthetic_history(5)) == digest_of(synthetic_history(5))
    assert digest_of(synthetic_history(5)) != digest_of(synthetic_history(6))
    bars = synthetic_history(5).bars
    moves = np.diff(np.log([bars["BTC"].close, bars["ETH"].close]), axis=1)
    assert np.corrcoef(moves)[0, 1] > 0.6
    scaled = moves / moves.std(axis=1, keepdims=True)
    assert ((scaled**4).mean(axis=1) > 5.0).all()


def test_the_synthetic_history_reads_back_from_its_file_bit_for_bit(tmp_path):
    history = synthetic_history()
    write_history_csv(history, tmp_path / "history.csv")
    again = read_history(tmp_path / "history.csv")
    assert again.repairs == ()
    for name in ("bars", "vols", "funding_per_day"):
        assert digest_of(getattr(again, name)) == digest_of(getattr(history, name))


# ---- recorded files


def recorded(path):
    """The rows of a recorded file by symbol."""
    return dict(pl.read_parquet(path).partition_by("symbol", as_dict=True).items())


@pytest.mark.parametrize(
    ("name", "day", "symbol"),
    [
        ("binance_spot_30m_2020_BTC_ETH", (2020, 3, 12), "BTCUSDT"),
        ("binance_spot_1m_2021-04-20_2021-05-20_BTC_ETH", (2021, 5, 19), "ETHUSDT"),
        ("bybit_perp_5m_2025-09-24_2026-02-28_BTC_ETH", (2025, 10, 10), "ETHUSDT"),
    ],
)
def test_the_bars_of_a_crash_are_read_as_they_stand(shared, name, day, symbol):
    path, day = shared / "data" / "prices" / f"{name}.parquet", datetime(*day, tzinfo=UTC)
    rows = recorded(path)[(symbol,)]
    bars = read_history(path).bars[symbol.removesuffix("USDT")]
    inside = (bars.end_ns > epoch_ns(day)) & (bars.end_ns <= epoch_ns(day) + 2 * DAY)
    of_it = pl.col("timestamp").is_between(day, day + timedelta(days=2), closed="left")
    that_day = rows.filter(of_it)
    assert inside.sum() == len(that_day) > 90
    for column in ("open", "high", "low", "close"):
        assert getattr(bars, column)[inside].tolist() == that_day[column].to_list()
    assert bars.low[inside].min() < 0.85 * bars.high[inside].max()


def test_the_false_print_of_2013_is_mended_and_told(shared):
    path = shared / "data" / "prices" / "bitfinex_spot_1h_2013-2016_BTCUSD.parquet"
    rows = recorded(path)[("BTCUSD",)]
    assert rows["low"].min() == 0.01
    history = read_history(path)
    bars = history.bars["BTC"]
    assert any("a low that is no price" in line for line in history.repairs)
    hour = bars.end_ns == epoch_ns(datetime(2013, 4, 16, 5, tzinfo=UTC))
    assert bars.low[hour].tolist() == [61.17]
    assert bars.close.tolist() == rows["close"].to_list()
    # A fall by half within an hour is no false print.
    halved = bars.end_ns == epoch_ns(datetime(2014, 2, 10, 12, tzinfo=UTC))
    assert bars.low[halved].tolist() == [200.0]


def test_the_outages_of_a_venue_stay_gaps_and_are_named(shared):
    path = shared / "data" / "prices" / "binance_spot_1h_2017-08_2024-04_BTC_ETH.parquet"
    began = time.perf_counter()
    history = read_history(path)
    took_s = time.perf_counter() - began
    assert took_s < 2.0
    told = next(line for line in history.repairs if line.startswith("BTC: 128 bars of 1 h"))
    assert "28 gaps" in told
    assert "33 after 2018-02-08T01:00:00Z" in told
    assert (~history.bars["BTC"].follows).sum() == 29


def test_a_feed_that_stood_still_is_found(shared):
    path = shared / "data" / "prices" / "okx_perp_5m_2022-05_2022-12_BTC_ETH.parquet"
    history = read_history(path)
    told = [line for line in history.repairs if "stood still" in line]
    assert len(told) == 2
    assert all("2022-12-18" in line for line in told)


def test_recorded_volatility_funding_and_basis_are_read_together(shared):
    folder = shared / "data"
    history = read_history(
        [
            folder / "features" / "dvol_daily_2021_2026_BTC.parquet",
            folder / "funding_basis" / "funding_7venues_2025-03_2026-03_BTC_ETH.parquet",
            folder
            / "funding_basis"
            / "deribit_futures_curve_6h_2025-12-30_2026-04-15_BTC_ETH.parquet",
        ]
    )
    vols = history.vols["BTC"]
    index = pl.read_parquet(folder / "features" / "dvol_daily_2021_2026_BTC.parquet")
    first = index.row(0, named=True)
    assert vols.value[0] == pytest.approx(first["close"] / 100.0)
    assert vols.at_ns[0] == epoch_ns(first["timestamp"]) + DAY
    # Venues that pay hourly and every eight hours agree on a day.
    assert abs(float(np.median(history.funding_per_day["BTC"].value))) < 5e-4
    assert set(history.basis_per_year) == {"BTC", "ETH"}


def test_years_of_two_venues_are_joined_hour_by_hour(shared):
    prices = shared / "data" / "prices"
    spot = prices / "binance_spot_1h_2017-08_2024-04_BTC_ETH.parquet"
    perpetual = prices / "binance_perp_1h_2023-01_2026-03_BTC_ETH_SOL.parquet"
    bars = read_history([spot, perpetual]).bars["BTC"]
    own = read_history(spot).bars["BTC"]
    assert bars.until(int(own.end_ns[-1])).close.size >= own.close.size
    found = np.isin(bars.end_ns, own.end_ns)
    assert bars.close[found].tolist() == own.close.tolist()
    assert bars.end_ns[-1] == epoch_ns(datetime(2026, 3, 25, 14, tzinfo=UTC))
