"""Markets of shares and of commodities: what is listed there, in which money, and when it ends.

A ticker may be a coin's too (``LINK``, ``SOL``, ``SPX``), so what is listed on a market is named
with it: ``NVDA.US``, ``SPX.US``, ``RELIANCE.IN``, ``NIFTY.IN``, ``CL.CME``.

A *signed* underlying may cost less than nothing. A relative move of its price is of its *level*,
the price's size or ``least_level_usd`` if that is more: a share of a price near zero says nothing
of how far it may go. Sources: Cboe's, NSE's and CME's contract specifications.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import lru_cache
from types import MappingProxyType
from typing import Literal
from zoneinfo import ZoneInfo

from seawall.basics.decimals import MAX_PRICE


@dataclass(frozen=True, slots=True, eq=False)
class Market:
    """Common to all: the money of its contracts and its hours."""

    currency: str
    zone: str
    opens: time
    closes: time


@dataclass(frozen=True, slots=True, eq=False)
class ShareMarket(Market):
    """Where shares are listed, and their indices.

    ``indices`` with how their options are exercised; they settle in cash, at the mean of the
    index over the last ``averaging_minutes``. Options on all else turn into shares, exercised as
    ``exercise`` says.
    """

    exercise: Literal["european", "american"]
    averaging_minutes: int
    indices: Mapping[str, Literal["european", "american"]]
    ticker: re.Pattern[str]


@dataclass(frozen=True, slots=True, eq=False)
class CommodityMarket(Market):
    """Where futures on commodities and options on them are listed, and nothing is held outright.

    All underlyings are signed: ``least_level_usd`` of each, by ticker, USD. Futures end in
    delivery; options are European and settle in cash at the last price.
    """

    least_level_usd: Mapping[str, float]


US = ShareMarket(
    currency="USD",
    zone="America/New_York",
    opens=time(9, 30),
    closes=time(16),
    exercise="american",
    averaging_minutes=0,
    indices=MappingProxyType(
        {
            "SPX": "european",
            "XSP": "european",
            "NDX": "european",
            "RUT": "european",
            "DJX": "european",
            "OEX": "american",
        }
    ),
    ticker=re.compile(r"[A-Z]{1,6}"),
)

# The closing value of an Indian index is the volume-weighted mean of its last half hour.
INDIA = ShareMarket(
    currency="INR",
    zone="Asia/Kolkata",
    opens=time(9, 15),
    closes=time(15, 30),
    exercise="european",
    averaging_minutes=30,
    indices=MappingProxyType(
        dict.fromkeys(
            ("NIFTY", "BANKNIFTY", "FINNIFTY", "MIDCPNIFTY", "NIFTYNXT50", "SENSEX", "BANKEX"),
            "european",
        )
    ),
    ticker=re.compile(r"[A-Z0-9][A-Z0-9&-]{0,19}"),
)

# WTI light sweet crude oil settled at −37.63 USD on 20 April 2020, 55.90 below the day before; it
# is below 20 rarely, and a price there says little of how far it moves. Options are those of CME's
# LC; settlement is at 14:30 in New York.
CME = CommodityMarket(
    currency="USD",
    zone="America/New_York",
    opens=time(9),
    closes=time(14, 30),
    least_level_usd=MappingProxyType({"CL": 20.0}),
)

MARKETS: Mapping[str, Market] = MappingProxyType({".US": US, ".IN": INDIA, ".CME": CME})
"""By the ending of the names of what is listed there."""


SIGNED = tuple(
    ticker + ending
    for ending, market in MARKETS.items()
    if isinstance(market, CommodityMarket)
    for ticker in market.least_level_usd
)
"""Underlyings whose price may be of either sign."""


@lru_cache(maxsize=4_096)
def market_of(underlying: str) -> Market | None:
    """The market whose ending the name has; None for a coin."""
    _, point, ending = underlying.rpartition(".")
    return MARKETS.get(point + ending)


def is_index(underlying: str) -> bool:
    """Whether it is an index of shares, which nobody holds outright."""
    market = market_of(underlying)
    return isinstance(market, ShareMarket) and underlying[:-3] in market.indices


def is_signed(underlying: str) -> bool:
    """Whether its price may be of either sign."""
    return _least_level_usd(underlying) is not None


def is_price(underlying: str, price: float) -> bool:
    """Whether it can be a price of the underlying or of a future on it, in any currency."""
    sane = -MAX_PRICE < price < MAX_PRICE
    return sane and (price > 0.0 or is_signed(underlying))


def level_of(underlying: str, price_usd: float) -> float:
    """What relative moves are of, in USD, > 0: the price, of a signed underlying its level."""
    least = _least_level_usd(underlying)
    return price_usd if least is None else max(abs(price_usd), least)


def times_apart(underlying: str, one: float, other: float) -> float:
    """How many times the larger of two prices in USD is the smaller, ≥ 1.

    Of a signed underlying 1 + their distance over the lesser of their levels, which is the same
    for two prices above the least level.
    """
    if not is_signed(underlying):
        return max(one / other, other / one)
    levels = (level_of(underlying, price) for price in (one, other))
    return 1.0 + abs(one - other) / min(levels)


@lru_cache(maxsize=4_096)
def _least_level_usd(underlying: str) -> float | None:
    market = market_of(underlying)
    if not isinstance(market, CommodityMarket):
        return None
    return market.least_level_usd.get(underlying.rpartition(".")[0])


@lru_cache(maxsize=4_096)
def ends_at(market: Market, day: date, at_open: bool) -> datetime:
    """When contracts of a local day end, in UTC: at the close, or at the open before it."""
    local = market.opens if at_open else market.closes
    return datetime.combine(day, local, ZoneInfo(market.zone)).astimezone(UTC)


def local_end(market: Market, expiry: datetime) -> tuple[date, bool]:
    """The local day of an end, and whether it is at the open: the inverse of :func:`ends_at`."""
    local = expiry.astimezone(ZoneInfo(market.zone))
    return local.date(), local.time() == market.opens
