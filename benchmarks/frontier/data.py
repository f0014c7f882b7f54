"""Days of prices, volatility and basis, joined from recorded files, as arrays.

A day begins at 00:00 UTC, where every book is struck anew and margined from what was known then;
what happens until the next is what the margin must cover.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seawall.market.history import PriceBars

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]
Times = NDArray[np.int64]

COINS = ("BTC", "ETH", "SOL")
HOUR_NS = 3_600_000_000_000
HOURS = 24
DAY_NS = HOURS * HOUR_NS
# Fewer hours than these, and the day counts for no book that holds the coin.
LEAST_HOURS = 20
# ETH's implied volatility as a multiple of BTC's: no index of it is recorded so far back.
ETH_VOL_RATIO = 1.25
CLOSE, LOW, HIGH = 0, 1, 2

# File, symbol's ending, and when it takes over from the one before.
SPLICE = (
    ("prices/binance_spot_1h_2017-08_2024-04_BTC_ETH.parquet", "2017-09-01"),
    ("prices/binance_spot_1h_2020-08_2022-10_SOL.parquet", "2020-08-11"),
    ("prices/okx_perp_5m_2022-05_2022-12_BTC_ETH.parquet", "2022-10-11T11:00"),
    ("prices/binance_perp_1h_2023-01_2026-03_BTC_ETH_SOL.parquet", "2023-01-01"),
)
SPLICED = (
    "Binance spot until 2022-10-11 11:00 (ETH, SOL) or 2022-12-31 (BTC); OKX perpetual for ETH to "
    "2022-12-31; Binance perpetuals from 2023-01-01 to 2026-03-25. SOL has no prices from "
    "2022-10-11 to 2022-12-31, and its books no days."
)
DVOL = "features/dvol_daily_2021_2026_BTC.parquet"
FUNDING = (
    "funding_basis/funding_binance_bybit_dydx_2020_2023_BTC_ETH.parquet",
    "funding_basis/funding_binance_2024-01_2026-04_BTC_ETH.parquet",
)
# Days over which funding is averaged to stand for the basis of a dated future.
BASIS_DAYS = 30


@dataclass(frozen=True, slots=True)
class Panel:
    """Days, and what was known and what followed; D days, H hours, points close/low/high, C coins.

    ``ratio`` [D, H, 3, C] prices on the way as multiples of that at the day's start, NaN where the
    coin has no day; ``moves`` [D, 3, C] logarithms of the last close, the lowest and the highest;
    ``vol`` [D] implied volatility of BTC known at the start, NaN before its record; ``vol_ratio``
    [D, H] that on the way as a multiple; ``basis`` [D, C] what a dated future stands above the
    index a year, NaN where unknown; ``basis_end`` that at the day's end. The day's row of ``moves``
    is known a day later.
    """

    days_ns: Times
    ratio: Floats
    moves: Floats
    vol: Floats
    vol_ratio: Floats
    basis: Floats
    basis_end: Floats

    def rows(self, keep: slice) -> Panel:
        """Some of the days."""
        return replace(self, **{name: getattr(self, name)[keep] for name in self.__slots__})

    def before(self, at_ns: int) -> Panel:
        """The days that were over at an instant."""
        return self.rows(slice(0, int(np.searchsorted(self.days_ns + DAY_NS, at_ns, "right"))))

    @property
    def dates(self) -> NDArray[np.datetime64]:
        """The days as dates."""
        return self.days_ns.astype("datetime64[ns]").astype("datetime64[D]")


def shared_folder() -> Path:
    """The folder of recorded data: SEAWALL_SHARED, else shared/ beside the project."""
    named = os.environ.get("SEAWALL_SHARED")
    folder = Path(named) if named else Path(__file__).parents[2].parent / "shared"
    if not (folder / "data").is_dir():
        raise SystemExit(
            f"no recorded data: {folder / 'data'} is not a folder. Put shared/ beside the project "
            "or name it in SEAWALL_SHARED."
        )
    return folder / "data"


def read_bars(folder: Path) -> dict[str, PriceBars]:
    """Hourly bars of each coin, spliced as ``SPLICED`` says."""
    import polars as pl

    frames: list[pl.DataFrame] = []
    for name, since in SPLICE:
        starts = pl.lit(since).str.to_datetime(time_zone="UTC", time_unit="ms", strict=True)
        if len(since) == len("2017-08-17"):
            starts = pl.lit(since + "T00:00").str.to_datetime(time_zone="UTC", time_unit="ms")
        frame = pl.read_parquet(folder / name).filter(pl.col("timestamp") >= starts)
        coin = pl.col("symbol").str.extract(r"^([A-Z]{3})").alias("coin")
        frame = frame.with_columns(coin, pl.col("timestamp").dt.truncate("1h"))
        frames.append(_hourly(frame))
    found: dict[str, PriceBars] = {}
    for coin in COINS:
        # Of an hour that two files tell, the later file's bar counts.
        rows = pl.concat(frames).filter(pl.col("coin") == coin)
        rows = rows.unique("timestamp", keep="last", maintain_order=True).sort("timestamp")
        end = rows["timestamp"].dt.epoch("ns").to_numpy() + HOUR_NS
        prices = {name: rows[name].to_numpy() for name in ("open", "high", "low", "close")}
        found[coin] = PriceBars(underlying=coin, bar_ns=HOUR_NS, end_ns=end, **prices)
    return found


def _hourly(frame: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    return (
        frame.group_by("coin", "timestamp", maintain_order=True)
        .agg(
            pl.col("open").first(),
            pl.col("high").max(),
            pl.col("low").min(),
            pl.col("close").last(),
        )
        .sort("coin", "timestamp")
    )


def paths(bars: PriceBars, days_ns: Times) -> Floats:
    """Close, low and high of each hour of each day over the price at its start; [D, H, 3].

    An hour without a bar has the close before it; a day with fewer than ``LEAST_HOURS`` bars, or
    without a price in the two hours to its start, is NaN.
    """
    wanted = days_ns[:, None] + HOUR_NS * np.arange(1, HOURS + 1)
    place = np.searchsorted(bars.end_ns, wanted, side="right") - 1
    place = np.maximum(place, 0)
    there = bars.end_ns[place] == wanted
    start = np.searchsorted(bars.end_ns, days_ns, side="right") - 1
    fresh = (start >= 0) & (days_ns - bars.end_ns[np.maximum(start, 0)] <= 2 * HOUR_NS)
    base = bars.close[np.maximum(start, 0)][:, None]
    close = bars.close[place]
    low = np.where(there, bars.low[place], close)
    high = np.where(there, bars.high[place], close)
    found = np.stack([close, low, high], axis=-1) / base[..., None]
    found[~(fresh & (there.sum(axis=1) >= LEAST_HOURS))] = np.nan
    return found


def moves_of(ratio: Floats) -> Floats:
    """Log of the last close, the lowest low and the highest high of each day; [D, 3, C]."""
    return np.log(
        np.stack(
            [ratio[:, -1, CLOSE], ratio[:, :, LOW].min(axis=1), ratio[:, :, HIGH].max(axis=1)],
            axis=1,
        )
    )


def read_vol(folder: Path, days_ns: Times) -> tuple[Floats, Floats]:
    """BTC's volatility index known at each day's start and its multiple on the way.

    On the way it goes in a straight line from the close before to the day's own.
    """
    import polars as pl

    frame = pl.read_parquet(folder / DVOL).sort("timestamp")
    at = dict(zip(frame["timestamp"].dt.epoch("ns").to_list(), frame["close"] / 100.0, strict=True))
    known = np.array([at.get(int(day) - DAY_NS, np.nan) for day in days_ns])
    ends = np.array([at.get(int(day), np.nan) for day in days_ns])
    share = np.arange(1, HOURS + 1) / HOURS
    return known, 1.0 + (ends / known - 1.0)[:, None] * share


def read_basis(folder: Path, days_ns: Times) -> Floats:
    """A year's basis of each coin, modelled: funding of the perpetual, averaged; NaN if unknown."""
    import polars as pl

    frames = [pl.read_parquet(folder / name) for name in FUNDING]
    frame = pl.concat(
        [each.select("timestamp", "venue", "symbol", "funding_rate") for each in frames]
    )
    frame = frame.filter(pl.col("venue").str.to_lowercase().str.contains("binance"))
    basis = np.full((days_ns.size, len(COINS)), np.nan)
    for column, coin in enumerate(COINS):
        own = frame.filter(pl.col("symbol").str.starts_with(coin)).sort("timestamp")
        times = own["timestamp"].dt.epoch("ns").to_numpy()
        total = np.append(0.0, np.cumsum(own["funding_rate"].to_numpy()))
        end = np.searchsorted(times, days_ns, side="right")
        begin = np.searchsorted(times, days_ns - BASIS_DAYS * DAY_NS, side="right")
        whole = end - begin >= 2 * BASIS_DAYS
        mean_per_day = (total[end] - total[begin]) / BASIS_DAYS
        basis[whole, column] = 365.0 * mean_per_day[whole]
    return basis


def panel_of(
    bars: dict[str, PriceBars], days_ns: Times, vol: tuple[Floats, Floats], basis: Floats
) -> Panel:
    """The panel of some days; the basis of a day's end is that of the next day's start."""
    ratio = np.stack([paths(bars[coin], days_ns) for coin in COINS], axis=-1)
    following = np.append(basis[1:], np.full_like(basis[:1], np.nan), axis=0)
    return Panel(days_ns, ratio, moves_of(ratio), *vol, basis, following)


def read_panel(folder: Path) -> tuple[Panel, dict[str, PriceBars]]:
    """The panel of all recorded days, with the bars."""
    bars = read_bars(folder)
    first = -(-int(bars["BTC"].end_ns[0]) // DAY_NS) * DAY_NS
    days_ns = np.arange(first, int(bars["BTC"].end_ns[-1]) - DAY_NS + 1, DAY_NS)
    vol = read_vol(folder, days_ns)
    return panel_of(bars, days_ns, vol, read_basis(folder, days_ns)), bars


def day_ns(date: str) -> int:
    """The start of a day in nanoseconds since 1970 UTC."""
    return int(np.datetime64(date, "ns").astype(np.int64))


def rows_of(panel: Panel, dates: Sequence[str]) -> list[int]:
    """The rows of some dates or months; those that the panel has."""
    return [
        row for row, day in enumerate(panel.dates) if any(str(day).startswith(d) for d in dates)
    ]
