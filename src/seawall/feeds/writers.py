"""Quotes and portfolios written as the CSV files that this room's readers recognise.

Numbers are written so that they read back exactly; a missing number is an empty field.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from seawall.basics.time import instant_of_ns, isoformat_utc
from seawall.feeds.chains import FUNDINGS_PER_DAY
from seawall.feeds.writing import refusals
from seawall.market.history import MarketHistory, TimeSeries
from seawall.market.quotes import FutureQuotes, OptionQuotes, PriceQuotes
from seawall.products.names import contract_name
from seawall.products.portfolio import Portfolio

OPTION_COLUMNS = (
    "timestamp",
    "currency",
    "instrument_name",
    "option_type",
    "strike",
    "expiry",
    "underlying_name",
    "underlying_price",
    "index_price",
    "bid_price",
    "ask_price",
    "mark_price",
    "mark_iv",
    "open_interest",
)
FUTURE_COLUMNS = (
    "timestamp",
    "instrument_name",
    "mark_price",
    "index_price",
    "open_interest",
    "funding_8h",
)
HISTORY_COLUMNS = (
    "bar_end",
    "symbol",
    "open",
    "high",
    "low",
    "close",
    "atm_vol",
    "funding_rate",
)
BOOK_COLUMNS = ("account", "instrument", "quantity", "entry_price")

Row = Sequence[str]


def write_market_csv(quotes: PriceQuotes, path: Path) -> None:
    """Write an option chain or a futures table. Raises UnwritableFile if it cannot be written."""
    if isinstance(quotes, OptionQuotes):
        _write(path, OPTION_COLUMNS, _option_rows(quotes))
    else:
        _write(path, FUTURE_COLUMNS, _future_rows(quotes))


def write_history_csv(history: MarketHistory, path: Path) -> None:
    """Write bars and what was told when they ended of volatility, and of funding every eight hours.

    Raises UnwritableFile if it cannot be written.
    """
    _write(path, HISTORY_COLUMNS, _history_rows(history))


def write_book_csv(portfolio: Portfolio, path: Path) -> None:
    """Write one account's positions. Raises UnwritableFile if it cannot be written."""
    rows = (
        (
            portfolio.account,
            position.instrument.name,
            f"{position.quantity:f}",
            "" if position.entry_price is None else f"{position.entry_price:f}",
        )
        for position in portfolio.positions
    )
    _write(path, BOOK_COLUMNS, rows)


def _history_rows(history: MarketHistory) -> Iterable[Row]:
    for underlying, bars in history.bars.items():
        vols = _told_at(history.vols.get(underlying))
        funding = _told_at(history.funding_per_day.get(underlying))
        columns = (bars.end_ns, bars.open, bars.high, bars.low, bars.close)
        for end_ns, *prices in zip(*(column.tolist() for column in columns), strict=True):
            yield (
                isoformat_utc(instant_of_ns(end_ns)),
                underlying,
                *map(_number, prices),
                _number(vols.get(end_ns, math.nan)),
                _number(np.round(funding.get(end_ns, math.nan) / FUNDINGS_PER_DAY, 12)),
            )


def _told_at(series: TimeSeries | None) -> dict[int, float]:
    if series is None:
        return {}
    return dict(zip(series.at_ns.tolist(), series.value.tolist(), strict=True))


def _option_rows(quotes: OptionQuotes) -> Iterable[Row]:
    timestamp = isoformat_utc(quotes.as_of)
    for row, option in enumerate(quotes.instruments):
        future = contract_name(option.underlying, option.settlement, option.expiry)
        yield (
            timestamp,
            option.underlying,
            option.name,
            option.right,
            _number(option.strike),
            isoformat_utc(option.expiry),
            future,
            _number(quotes.forward[row]),
            _number(quotes.index[row]),
            _number(quotes.bid[row]),
            _number(quotes.ask[row]),
            _number(quotes.mark[row]),
            _number(quotes.iv[row]),
            _number(quotes.liquidity.open_interest.get(option.name, math.nan)),
        )


def _future_rows(quotes: FutureQuotes) -> Iterable[Row]:
    timestamp = isoformat_utc(quotes.as_of)
    for row, contract in enumerate(quotes.instruments):
        index, told = float(quotes.index[row]), quotes.liquidity
        coins = told.open_interest.get(contract.name, math.nan)
        funding_8h = told.funding_per_day.get(contract.name, math.nan) / FUNDINGS_PER_DAY
        yield (
            timestamp,
            contract.name,
            _number(quotes.mark[row]),
            _number(index),
            # The venue counts inverse futures in USD, of which there are no fractions.
            _number(np.round(coins * index) if contract.is_inverse else coins),
            _number(np.round(funding_8h, 12)),
        )


def _number(value: float) -> str:
    """Shortest text that reads back as the same float64; empty for NaN."""
    return "" if math.isnan(value) else repr(float(value))


def _write(path: Path, columns: Row, rows: Iterable[Row]) -> None:
    with refusals(path), path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
