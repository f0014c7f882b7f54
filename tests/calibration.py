"""Price histories for tests of calibration: made ones, and real ones from the shared data."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl

from seawall.market.history import MarketHistory, PriceBars, TimeSeries

HOUR_NS = 3_600_000_000_000
DAY_NS = 24 * HOUR_NS
# 2021-01-01.
START_NS = 1_609_459_200_000_000_000


def made_bars(
    days: int = 200,
    *,
    seed: int = 7,
    vol_rel: float = 0.04,
    underlying: str = "BTC",
    end: datetime | None = None,
    own: float = 1.0,
) -> PriceBars:
    """Hourly bars of a walk with fat tails and slowly moving volatility, from 2021-01-01 on, or to
    ``end``. A part of each move is common to all of one seed: those of ``own`` 0 move together.
    """
    rng = np.random.default_rng(seed)
    hours = 24 * days
    common, alone = (
        rng.standard_t(5.0, hours) * np.sqrt(3.0 / 5.0),
        np.random.default_rng([seed, len(underlying), *underlying.encode()]).standard_normal(hours),
    )
    shocks = np.sqrt(1.0 - own**2) * common + own * alone
    level = np.exp(0.5 * np.sin(np.arange(hours) / 700.0))
    moves = shocks * level * vol_rel / np.sqrt(24.0)
    close = 30_000.0 * np.exp(np.cumsum(moves))
    opened = np.append(30_000.0, close[:-1])
    reach = np.exp(np.abs(rng.standard_normal(hours)) * vol_rel / 20.0)
    start_ns = START_NS if end is None else int(end.timestamp()) * 10**9 - HOUR_NS * hours
    return PriceBars(
        underlying=underlying,
        bar_ns=HOUR_NS,
        end_ns=start_ns + HOUR_NS * np.arange(1, hours + 1, dtype=np.int64),
        open=opened,
        high=np.maximum(opened, close) * reach,
        low=np.minimum(opened, close) / reach,
        close=close,
    )


def made_series(name: str, mean: float, scale: float, bars: PriceBars) -> TimeSeries:
    """A number told each day of the bars, which comes back to its mean."""
    rng = np.random.default_rng([len(name), *name.encode()])
    at_ns = bars.end_ns[23::24].copy()
    value = np.empty(at_ns.size)
    gap = 0.0
    for day in range(at_ns.size):
        gap = 0.9 * gap + scale * rng.standard_normal()
        value[day] = mean * np.exp(gap)
    return TimeSeries(name=name, at_ns=at_ns, value=value)


def made_history(end: datetime, days: int = 400) -> MarketHistory:
    """BTC and ETH that move much together, with volatilities, funding and basis of BTC."""
    bars = {
        name: made_bars(days, underlying=name, vol_rel=vol_rel, end=end, own=0.4)
        for name, vol_rel in (("BTC", 0.03), ("ETH", 0.04))
    }
    return MarketHistory(
        bars=bars,
        vols={"BTC": made_series("BTC_DVOL", 0.5, 0.05, bars["BTC"])},
        funding_per_day={"BTC": made_series("BTC funding", 0.0003, 0.5, bars["BTC"])},
        basis_per_year={"BTC": made_series("BTC basis", 0.08, 0.1, bars["BTC"])},
    )


def write_bars(history: MarketHistory, file: Path) -> None:
    """The bars of a history as a table that readers know: timestamps are when bars begin."""
    columns = ("open", "high", "low", "close")
    tables = [
        pl.DataFrame(
            {
                "timestamp": (bars.end_ns - bars.bar_ns).astype("datetime64[ns]"),
                "symbol": [name] * bars.end_ns.size,
                **{column: getattr(bars, column) for column in columns},
            }
        )
        for name, bars in history.bars.items()
    ]
    pl.concat(tables).write_csv(file)


def without(bars: PriceBars, lost: slice) -> PriceBars:
    """The bars with some of them missing."""
    keep = np.ones(bars.end_ns.size, dtype=np.bool_)
    keep[lost] = False
    return PriceBars(
        underlying=bars.underlying,
        bar_ns=bars.bar_ns,
        end_ns=bars.end_ns[keep],
        open=bars.open[keep],
        high=bars.high[keep],
        low=bars.low[keep],
        close=bars.close[keep],
    )


def spot_bars(shared: Path, symbol: str = "BTCUSDT") -> PriceBars:
    """Hourly bars of BTC or ETH on a spot market from 2017-08 to 2024-04."""
    rows = (
        pl.read_parquet(shared / "data/prices/binance_spot_1h_2017-08_2024-04_BTC_ETH.parquet")
        .filter(pl.col("symbol") == symbol)
        .sort("timestamp")
        .unique("timestamp", keep="first", maintain_order=True)
    )
    starts = rows["timestamp"].cast(pl.Datetime("ns", "UTC")).cast(pl.Int64).to_numpy()
    prices = {
        name: rows[name].cast(pl.Float64).to_numpy().copy()
        for name in ("open", "high", "low", "close")
    }
    return PriceBars(
        underlying=symbol.removesuffix("USDT"), bar_ns=HOUR_NS, end_ns=starts + HOUR_NS, **prices
    )
