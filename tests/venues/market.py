"""One made-up market that every venue quotes: numbers, and what a reader should find of them."""

from __future__ import annotations

from datetime import datetime

from tests.naive.black76 import price
from tests.tables import AS_OF, EXPIRY, FORWARD, STRIKES, YEAR, smile

AS_OF_MS = round(AS_OF.timestamp() * 1000)
EXPIRY_MS = round(EXPIRY.timestamp() * 1000)
RIGHTS = ("call", "put")
PERPETUAL_MARK, FUTURE_MARK = 70_510.0, 70_990.0
OPTIONS = [(strike, right) for strike in STRIKES for right in RIGHTS]


def usd_price(strike: float, right: str, as_of: datetime = AS_OF) -> float:
    """The mark of an option in USD."""
    return price(FORWARD, strike, smile(strike), (EXPIRY - as_of) / YEAR, right == "call")


def coin_price(strike: float, right: str) -> float:
    """The mark of an inverse option, as venues write it."""
    return round(usd_price(strike, right) / FORWARD, 8)
