"""Made-up tables of options on shares and their indices, as Cboe and NSE lay them out."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime

import polars as pl

from seawall.pricing import american
from tests.naive.black76 import price

QUOTED = datetime(2026, 3, 2, 20, 30, tzinfo=UTC)
"""15:30 in New York."""
CLOSE_US = {date(2026, 3, 9): datetime(2026, 3, 9, 20, tzinfo=UTC)}
SPX_DAY, SPX_INDEX, SPX_FORWARD, SPX_DISCOUNT = date(2026, 6, 18), 6_010.0, 6_060.0, 0.9875
SPX_STRIKES = (5_000.0, 5_400.0, 5_700.0, 5_900.0, 6_000.0, 6_100.0, 6_300.0, 6_600.0, 7_000.0)
SPX_END = datetime(2026, 6, 18, 20, tzinfo=UTC)
YEAR_S = 31_536_000.0


def smile(strike: float, forward: float) -> float:
    """A volatility that falls with the strike."""
    return 0.18 - 0.25 * math.log(strike / forward)


def european_value(strike: float, is_call: bool, *, discount: float = SPX_DISCOUNT) -> float:
    """What an option of the chain below is worth in USD per unit."""
    tenor = (SPX_END - QUOTED).total_seconds() / YEAR_S
    vol = smile(strike, SPX_FORWARD)
    return discount * price(SPX_FORWARD, strike, vol, tenor, is_call)


def cboe(*, half_spread: float = 0.05, discount: float = SPX_DISCOUNT) -> pl.DataFrame:
    """SPXW options of one expiry, quoted around their value."""
    rows = []
    for strike in SPX_STRIKES:
        for right in ("call", "put"):
            value = european_value(strike, right == "call", discount=discount)
            rows.append(
                {
                    "quote_time": QUOTED,
                    "underlying": "SPX",
                    "underlying_price": SPX_INDEX,
                    "instrument_name": f"SPXW260618{right[0].upper()}{round(strike * 1000):08d}",
                    "root": "SPXW",
                    "expiry": SPX_DAY.isoformat(),
                    "strike": strike,
                    "option_type": right,
                    "bid_price": round(value - half_spread, 4),
                    "ask_price": round(value + half_spread, 4),
                    "iv": 0.0,
                    "open_interest": 12,
                }
            )
    return pl.DataFrame(rows)


ACME_SPOT, ACME_RATE = 150.0, 0.04
EX, PAID = date(2026, 4, 15), 0.8
EX_YEARS = (datetime(2026, 4, 15, 13, 30, tzinfo=UTC) - QUOTED).total_seconds() / YEAR_S
ACME_YEARS = (SPX_END - QUOTED).total_seconds() / YEAR_S
ACME_STRIKES = (120.0, 128.0, 136.0, 143.0, 147.0, 150.0, 155.0, 157.0, 165.0, 172.0)
RATES = f"T,DF\n{ACME_YEARS},{math.exp(-ACME_RATE * ACME_YEARS)}\n"
DIVIDENDS = f"underlying,ex_date,amount\nACME.US,2026-01-14,0.8\nACME.US,{EX},{PAID}\n"


def american_value(strike: float, is_call: bool) -> float:
    vol = smile(strike, ACME_SPOT)
    return float(
        american.price(
            ACME_SPOT, strike, vol, ACME_YEARS, ACME_RATE, 0.0, is_call, [[EX_YEARS, PAID]]
        )
    )


def acme(half_spread: float = 0.01) -> pl.DataFrame:
    """American options quoted around their value, as Cboe lays them out."""
    return pl.DataFrame(
        [
            {
                "quote_time": QUOTED,
                "underlying": "ACME",
                "underlying_price": ACME_SPOT,
                "instrument_name": f"ACME260618{right[0].upper()}{round(strike * 1000):08d}",
                "expiry": SPX_DAY.isoformat(),
                "strike": strike,
                "option_type": right,
                "bid_price": american_value(strike, right == "call") - half_spread,
                "ask_price": american_value(strike, right == "call") + half_spread,
                "iv": 0.0,
            }
            for strike in ACME_STRIKES
            for right in ("call", "put")
        ]
    )


NSE_TRADED, NSE_DAY = date(2026, 3, 2), date(2026, 3, 30)
NSE_CLOSE = datetime(2026, 3, 2, 10, tzinfo=UTC)
"""15:30 in Mumbai."""
NSE_END = datetime(2026, 3, 30, 10, tzinfo=UTC)
INR_USD = 0.0115
NSE_DISCOUNT = 0.995
NSE_SPOTS = {"NIFTY": 25_000.0, "ACME": 1_500.0}
NSE_STEPS = {"NIFTY": 500.0, "ACME": 25.0}


def nse() -> pl.DataFrame:
    """Options and futures on an index and on a share, as one day's file has them."""
    tenor = (NSE_END - NSE_CLOSE).total_seconds() / YEAR_S
    rows = []
    for symbol, spot in NSE_SPOTS.items():
        forward, lot = 1.005 * spot, 75 if symbol == "NIFTY" else 400
        head = {
            "trade_date": NSE_TRADED.isoformat(),
            "symbol": symbol,
            "expiry": NSE_DAY.isoformat(),
            "underlying_price": spot,
            "lot_size": lot,
        }
        kind = "ID" if symbol == "NIFTY" else "ST"
        rows.append(
            head
            | {
                "instrument_type": f"{kind}F",
                "strike": None,
                "option_type": None,
                "settlement_price": forward,
                "open_interest": 40 * lot,
            }
        )
        for step in range(-5, 6):
            strike = spot + step * NSE_STEPS[symbol]
            for right in ("call", "put"):
                value = price(forward, strike, smile(strike, forward), tenor, right == "call")
                rows.append(
                    head
                    | {
                        "instrument_type": f"{kind}O",
                        "strike": strike,
                        "option_type": right,
                        "settlement_price": round(NSE_DISCOUNT * value, 2),
                        "open_interest": 3 * lot,
                    }
                )
    return pl.DataFrame(rows)
