"""NSE's contract names: ``NIFTY26FEBFUT``, ``NIFTY26FEB26000CE``, weekly ``NIFTY2621026000CE``.

A weekly name tells its day, with a month of one character. A monthly one tells the month alone:
its contract ends on the last Tuesday, or before it where that is a holiday, so that only months
whose day is known here are read.
Source: NSE's contract specifications and the expiries that it listed on 2026-02-10.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from seawall.products.contracts import MONTHS, strike_text, unknown
from seawall.products.instruments import Derivative, Instrument, Option, Perpetual
from seawall.products.markets import INDIA, is_index, local_end, market_of
from seawall.products.venues.base import ContractSpec, contract_of

TITLE = "NSE"
OWN = re.compile(
    rf"(?P<ticker>[A-Z0-9&-]+?)(?P<year>\d\d)"
    rf"(?:(?P<month>{'|'.join(MONTHS)})|(?P<weekly>[1-9OND])(?P<day>\d\d))"
    r"(?:FUT|(?P<strike>\d+(?:\.\d+)?)(?P<right>CE|PE))",
    re.ASCII,
)
_WEEKLY_MONTHS = "123456789OND"

MONTHLY_DAYS: Mapping[str, str] = MappingProxyType(
    {"2602": "24", "2603": "30", "2604": "28", "2606": "30", "2609": "29", "2612": "29"}
)
"""The day on which the contracts of a month end, by year and month."""


def read(name: str) -> Instrument | None:
    """The contract of a name; None for what is none."""
    match = OWN.fullmatch(name)
    underlying = f"{match['ticker']}.IN" if match else ""
    if match is None or (match["weekly"] and not (match["strike"] and is_index(underlying))):
        return None
    parts = {**match.groupdict(), "day": _day(name, match)}
    return contract_of(name, underlying, INDIA.currency, parts)


def write(contract: Derivative) -> str | None:
    """The name; None of what is not Indian, or ends in a month whose monthly day is unknown."""
    if isinstance(contract, Perpetual) or market_of(contract.underlying) is not INDIA:
        return None
    last, _ = local_end(INDIA, contract.expiry)
    monthly = MONTHLY_DAYS.get(f"{last:%y%m}")
    head = f"{contract.underlying[:-3]}{last:%y}"
    if monthly == f"{last:%d}":
        head += MONTHS[last.month - 1]
    elif monthly and isinstance(contract, Option) and is_index(contract.underlying):
        head += f"{_WEEKLY_MONTHS[last.month - 1]}{last:%d}"
    else:
        return None
    if not isinstance(contract, Option):
        return f"{head}FUT"
    return f"{head}{strike_text(contract.strike)}{'CE' if contract.is_call else 'PE'}"


def spec(contract: Derivative) -> ContractSpec | None:
    """None: lots change by circular, and each day's file tells them."""
    return None


def _day(name: str, match: re.Match[str]) -> str:
    """YYMMDD of a name. Raises UnknownInstrument for a month whose day is not known."""
    if match["weekly"]:
        month = _WEEKLY_MONTHS.index(match["weekly"]) + 1
        return f"{match['year']}{month:02d}{match['day']}"
    month = f"{match['year']}{MONTHS.index(match['month']) + 1:02d}"
    if month not in MONTHLY_DAYS:
        raise unknown(
            name,
            "the day on which that month's contracts end is not known here",
            "Name the day: NIFTY.IN_INR-24FEB26-26000-C, say.",
        )
    return month + MONTHLY_DAYS[month]
