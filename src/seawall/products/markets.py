"""Markets of shares and share indices: what is listed there, in which money, and when it ends.

A ticker of a share may be a coin's too (``LINK``, ``SOL``, ``SPX``), so shares and their indices
are named with their market: ``NVDA.US``, ``SPX.US``, ``RELIANCE.IN``, ``NIFTY.IN``.
Sources: Cboe's and NSE's contract specifications.
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


@dataclass(frozen=True, slots=True, eq=False)
class ShareMarket:
    """Where shares are listed: the money of its contracts, its hours, its indices.

    ``indices`` with how their options are exercised; they settle in cash, at the mean of the
    index over the last ``averaging_minutes``. Options on all else turn into shares, exercised as
    ``exercise`` says.
    """

    currency: str
    zone: str
    opens: time
    closes: time
    exercise: Literal["european", "american"]
    averaging_minutes: int
    indices: Mapping[str, Literal["european", "american"]]
    ticker: re.Pattern[str]


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

MARKETS: Mapping[str, ShareMarket] = MappingProxyType({".US": US, ".IN": INDIA})
"""By the ending of the names of what is listed there."""


def market_of(underlying: str) -> ShareMarket | None:
    """The market whose ending the name has; None for a coin."""
    return MARKETS.get(underlying[-3:])


def is_index(underlying: str) -> bool:
    """Whether it is an index of shares, which nobody holds outright."""
    market = market_of(underlying)
    return market is not None and underlying[:-3] in market.indices


@lru_cache(maxsize=4_096)
def ends_at(market: ShareMarket, day: date, at_open: bool) -> datetime:
    """When contracts of a local day end, in UTC: at the close, or at the open before it."""
    local = market.opens if at_open else market.closes
    return datetime.combine(day, local, ZoneInfo(market.zone)).astimezone(UTC)


def local_end(market: ShareMarket, expiry: datetime) -> tuple[date, bool]:
    """The local day of an end, and whether it is at the open: the inverse of :func:`ends_at`."""
    local = expiry.astimezone(ZoneInfo(market.zone))
    return local.date(), local.time() == market.opens
