"""Contracts built from their terms, each with the one name that it has here.

What its underlying says about a contract is settled here: when it ends, how it is exercised and
delivered, over how long its settlement is averaged.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from types import MappingProxyType
from typing import Literal

from seawall.basics.errors import UnknownInstrument
from seawall.products import occ
from seawall.products.instruments import CASH, DatedFuture, Option, Perpetual
from seawall.products.markets import (
    US,
    ShareMarket,
    ends_at,
    is_index,
    is_price,
    local_end,
    market_of,
)

Right = Literal["call", "put"]

EXPIRY_HOUR_UTC = 8
AVERAGING_MINUTES = 30
"""What contracts on coins settle against is the mean of the index over the last half hour."""

QUANTO_RATES: Mapping[tuple[str, str], float] = MappingProxyType(
    {("ETH", "BTC"): 1e-6, ("BCH", "BTC"): 1e-6, ("LTC", "BTC"): 2e-6}
)
"""What quanto perpetuals pay per USD of price and contract, by underlying and coin they pay.

A unit of quantity is a contract. Source: BitMEX's announcements of ETHUSD, BCHUSD and LTCUSD.
"""

FORMS = (
    "Use a listed name such as BTC-27MAR26-80000-P, BTC-27MAR26, BTC-PERPETUAL, "
    "BTC_USDC-PERPETUAL, NVDA250117C00150000, okx:BTC-USD-SWAP, a bare asset such as USDC or "
    "NVDA.US, or ETH-USDC-LP for a pool's share."
)
"""What a name can look like, for messages."""

_LONGEST_SHOWN = 60
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


def contract_name(
    underlying: str,
    settlement: str,
    expiry: datetime,
    strike: float | None = None,
    right: Right | None = None,
) -> str:
    """The name of a dated future, or of an option when a strike and right are given.

    A US option has its OCC symbol, or the grammar's name where its strike has no place in one.
    """
    pair = underlying if settlement == underlying else f"{underlying}_{settlement}"
    market = market_of(underlying)
    last, at_open = (expiry, False) if market is None else local_end(market, expiry)
    if market is US and strike is not None:
        symbol = occ.symbol(underlying[:-3], at_open, f"{last:%y%m%d}", strike, right == "call")
        if symbol is not None:
            return symbol
    day = day_text(last) + ("AM" if at_open else "")
    if strike is None:
        return f"{pair}-{day}"
    text = strike_text(strike).replace(".", "D").replace("-", "M")
    return f"{pair}-{day}-{text}-{'C' if right == 'call' else 'P'}"


def expiry_of(underlying: str, last: date, at_open: bool = False) -> datetime:
    """When contracts on an underlying end that expire on a day of its market, in UTC."""
    market = market_of(underlying)
    if market is None:
        return datetime.combine(last, time(EXPIRY_HOUR_UTC), UTC)
    return ends_at(market, last, at_open)


def perpetual(underlying: str, settlement: str) -> Perpetual:
    """The perpetual on a coin: inverse if it settles in that coin, else linear."""
    pair = underlying if settlement == underlying else f"{underlying}_{settlement}"
    return Perpetual(name=f"{pair}-PERPETUAL", underlying=underlying, settlement=settlement)


def quanto(underlying: str, paid_in: str) -> Perpetual | None:
    """The perpetual priced in USD and paid in another coin; None if its rate is not known."""
    rate = QUANTO_RATES.get((underlying, paid_in))
    if rate is None:
        return None
    return Perpetual(
        name=f"{underlying}_{CASH}:{paid_in}-PERPETUAL",
        underlying=underlying,
        settlement=paid_in,
        quanto_rate=rate,
    )


def future(underlying: str, settlement: str, expiry: datetime) -> DatedFuture:
    """The dated future, with all its terms."""
    delivery, averaging_minutes, _ = _settlement_of(underlying, is_option=False)
    return DatedFuture(
        name=contract_name(underlying, settlement, expiry),
        underlying=underlying,
        settlement=settlement,
        expiry=expiry,
        delivery=delivery,
        averaging_minutes=averaging_minutes,
    )


def option(
    underlying: str, settlement: str, expiry: datetime, strike: float, right: Right
) -> Option:
    """The option, with all its terms."""
    delivery, averaging_minutes, exercise = _settlement_of(underlying, is_option=True)
    return Option(
        name=contract_name(underlying, settlement, expiry, strike, right),
        underlying=underlying,
        settlement=settlement,
        expiry=expiry,
        delivery=delivery,
        averaging_minutes=averaging_minutes,
        strike=strike,
        right=right,
        exercise=exercise,
    )


def _settlement_of(
    underlying: str, *, is_option: bool
) -> tuple[Literal["cash", "physical"], int, Literal["european", "american"]]:
    """How contracts on it are delivered, over how many minutes averaged, and how exercised."""
    market = market_of(underlying)
    if market is None:
        return "cash", AVERAGING_MINUTES, "european"
    if isinstance(market, ShareMarket) and is_index(underlying):
        return "cash", market.averaging_minutes, market.indices[underlying[:-3]]
    if not isinstance(market, ShareMarket):
        return "cash" if is_option else "physical", 0, "european"
    return "physical", 0, market.exercise


def strike_text(strike: float) -> str:
    """A strike as most venues write it: 80000, 0.55."""
    return f"{strike:.10f}".rstrip("0").rstrip(".")


def strike_of(text: str, name: str, underlying: str) -> float:
    """A strike written with a point or a D, and of a signed underlying with an M for minus.

    Raises UnknownInstrument if it is no price of the underlying.
    """
    # A sum with nought has no minus nought.
    strike = 0.0 + float(text.upper().replace("D", ".").replace("M", "-"))
    if not is_price(underlying, strike):
        raise unknown(name, "its strike is not a price")
    return strike


def day_of(text: str, name: str) -> date:
    """A day written 27JUN26, 7JUN26 or 260627. Raises UnknownInstrument if there is none."""
    try:
        if text.isdecimal():
            return date(2000 + int(text[:2]), int(text[2:4]), int(text[4:]))
        day, month, year = int(text[:-5]), text[-5:-2], 2000 + int(text[-2:])
        if month not in MONTHS:
            raise unknown(name, f"{month} is not a month")
        return date(year, MONTHS.index(month) + 1, day)
    except ValueError:
        raise unknown(name, f"{text} is not a date") from None


def day_text(day: date) -> str:
    """A day as it stands in names: 27JUN26, 7JUN26."""
    return f"{day.day}{MONTHS[day.month - 1]}{day.year % 100:02d}"


def unknown(name: object, why: str, remedy: str | None = None) -> UnknownInstrument:
    """The error of a name that stands for nothing, which says why."""
    shown = name if len(str(name)) <= _LONGEST_SHOWN else str(name)[:_LONGEST_SHOWN]
    return UnknownInstrument(
        f"{shown!r} is not an instrument: {why}", where="instrument name", remedy=remedy or FORMS
    )
