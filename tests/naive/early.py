"""What values an American option in a book: the spot's way to its forward, one option at a time.

Prices are the project's own, which tests/test_american.py holds against independent ones; what goes
into them is written from docs/risk.md alone.
"""

from __future__ import annotations

import math
from functools import lru_cache

import seawall.pricing.american as priced

SECONDS_PER_YEAR = 31_536_000.0


def terms(option, column, snapshot, leg):
    """Spot in quote currency, years, rate and yield a year, and dividends to come."""
    dividends = [
        ((each.ex - snapshot.as_of).total_seconds() / SECONDS_PER_YEAR, each.amount)
        for each in column.carry.dividends
    ]
    return {
        "S": leg["S"] / leg["c"],
        "T": leg["T"],
        "r": -math.log(column.discount) / leg["T"],
        "q": column.carry.yield_per_year,
        "dividends": tuple(each for each in dividends if each[0] > 0.0),
    }


def later(early, passed):
    """The terms when so many years have passed and the forward is where it was."""
    b = early["r"] - early["q"]
    spot = early["S"] * math.exp(b * passed)
    for time, amount in early["dividends"]:
        if time <= passed:
            spot -= amount * math.exp(b * (passed - time))
    return early | {
        "S": spot,
        "T": early["T"] - passed,
        "dividends": tuple((t - passed, a) for t, a in early["dividends"] if t > passed),
    }


def value(early, spot, strike, sigma, is_call):
    return _price(
        spot, strike, sigma, early["T"], early["r"], early["q"], is_call, early["dividends"]
    )


@lru_cache(maxsize=100_000)
def _price(*terms):
    return float(priced.price(*terms))


@lru_cache(maxsize=10_000)
def _delta(*terms):
    return float(priced.greeks(*terms).delta)


def delta(early, strike, sigma, is_call):
    """Shares that one option moves like; both are priced in one currency."""
    terms = early["T"], early["r"], early["q"], is_call, early["dividends"]
    return _delta(early["S"], strike, sigma, *terms)
