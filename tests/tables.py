"""Small made-up quote tables for the readers, priced by the textbook formula."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from seawall.products.names import contract_name
from tests.naive.black76 import price

AS_OF = datetime(2026, 2, 5, 16, 0, 12, 345_000, tzinfo=UTC)
EXPIRY = datetime(2026, 3, 27, 8, tzinfo=UTC)
YEAR = timedelta(days=365)
FORWARD, INDEX = 71_000.0, 70_500.0
STRIKES = (40_000.0, 60_000.0, 65_000.0, 70_000.0, 75_000.0, 80_000.0, 110_000.0)


def smile(strike: float) -> float:
    """A volatility that differs by strike."""
    return 0.55 + 0.3 * (strike / FORWARD - 1.0) ** 2


def chain(
    *, as_of: datetime = AS_OF, settlement: str = "BTC", forward: float = FORWARD
) -> pl.DataFrame:
    """Calls and puts of one expiry, quoted as the venue does; all rows at ``as_of``."""
    tenor = (EXPIRY - as_of) / YEAR
    unit = forward if settlement == "BTC" else 1.0
    rows = []
    for strike in STRIKES:
        for right in ("call", "put"):
            mark = price(forward, strike, smile(strike), tenor, right == "call") / unit
            rows.append(
                {
                    "timestamp": as_of,
                    "instrument_name": contract_name("BTC", settlement, EXPIRY, strike, right),
                    "underlying_price": forward,
                    "index_price": INDEX,
                    "bid_price": mark * 0.99,
                    "ask_price": mark * 1.01,
                    "mark_price": mark,
                    "mark_iv": smile(strike),
                }
            )
    return pl.DataFrame(rows)


def listing(*, as_of: datetime = AS_OF) -> pl.DataFrame:
    """A perpetual and a dated future."""
    return pl.DataFrame(
        {
            "timestamp": [as_of, as_of],
            "instrument_name": ["BTC-PERPETUAL", "BTC-27MAR26"],
            "mark_price": [70_510.0, 70_990.0],
            "index_price": [INDEX, INDEX],
        }
    )


def curve(*, as_of: datetime = AS_OF) -> pl.DataFrame:
    """A listed future and a synthetic forward."""
    return pl.DataFrame(
        {
            "timestamp": [as_of, as_of],
            "currency": ["BTC", "BTC"],
            "expiry": [EXPIRY, datetime(2026, 4, 24, 8, tzinfo=UTC)],
            "underlying_name": ["BTC-27MAR26", "SYN.BTC-24APR26"],
            "futures_price": [70_990.0, 71_300.0],
            "index_price": [INDEX, INDEX],
            "is_synthetic": [False, True],
        }
    )


def write(frame: pl.DataFrame, path: Path) -> Path:
    """The frame as a file of the kind its name says."""
    if path.suffix == ".parquet":
        frame.write_parquet(path)
    else:
        frame.write_csv(path)
    return path
