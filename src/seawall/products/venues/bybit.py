"""Bybit: ``BTCUSDT``, ``BTCPERP``, ``BTCUSD``, ``BTCUSDH26``, ``BTC-27MAR26-80000-C-USDT``.

A perpetual ends in what it settles in, PERP for USDC and USD for its coin; an inverse future is
named by the month of its quarter; futures and options without an ending settle in USDC, and look
like Deribit's, which settle in their coin.
Source: Bybit's API documentation, instruments-info, and its contract rules.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

from seawall.products.contracts import (
    day_text,
    expiry_of,
    future,
    perpetual,
    strike_text,
    unknown,
)
from seawall.products.instruments import Derivative, Instrument, Option, Perpetual
from seawall.products.venues.base import (
    ContractSpec,
    contract_of,
    is_coin_contract,
    known_size,
    right_of,
    spot_pair,
)

TITLE = "Bybit"
# A dated contract in USDT is told by its ending.
OWN = re.compile(
    r"(?P<coin>[A-Z0-9]+)(?:USDT-(?P<future>\d{1,2}[A-Z]{3}\d{2})"
    r"|-(?P<day>\d{1,2}[A-Z]{3}\d{2})-(?P<strike>\d+(?:\.\d+)?)-(?P<right>[CP])-USDT)",
    re.ASCII,
)
_IN_USDC = re.compile(
    r"(?P<coin>[A-Z0-9]+)-(?P<day>\d{1,2}[A-Z]{3}\d{2})"
    r"(?:-(?P<strike>\d+(?:\.\d+)?)-(?P<right>[CP]))?",
    re.ASCII,
)
_PERPETUAL = re.compile(r"(?P<coin>[A-Z0-9]+)(?P<ending>USDT|PERP|USD)")
_QUARTERLY = re.compile(r"(?P<coin>[A-Z0-9]+)USD(?P<month>[HMUZ])(?P<year>\d\d)", re.ASCII)
_QUARTERS = {"H": 3, "M": 6, "U": 9, "Z": 12}
_SOURCE = "Bybit, instruments-info: quantities in coins, of inverse contracts in USD"


def read(name: str) -> Instrument | None:
    """The contract of a symbol; None for what is none."""
    if match := OWN.fullmatch(name):
        parts = match.groupdict()
        return contract_of(
            name, match["coin"], "USDT", {**parts, "day": parts["future"] or parts["day"]}
        )
    if match := _IN_USDC.fullmatch(name):
        return contract_of(name, match["coin"], "USDC", match.groupdict())
    if match := _QUARTERLY.fullmatch(name):
        last = _last_friday(2000 + int(match["year"]), _QUARTERS[match["month"]])
        return future(match["coin"], match["coin"], expiry_of(match["coin"], last))
    if match := _PERPETUAL.fullmatch(name):
        settlement = {"USDT": "USDT", "PERP": "USDC", "USD": match["coin"]}[match["ending"]]
        return perpetual(match["coin"], settlement)
    if name.endswith("USDC"):
        raise unknown(name, *spot_pair(name.removesuffix("USDC")))
    return None


def write(contract: Derivative) -> str | None:
    """The symbol of a contract; None of an inverse one that is an option or ends in mid-quarter."""
    coin, settlement = contract.underlying, contract.settlement
    if not is_coin_contract(contract) or settlement not in ("USDT", "USDC", coin):
        return None
    if isinstance(contract, Perpetual):
        return coin + ("USD" if contract.is_inverse else "USDT" if settlement == "USDT" else "PERP")
    last = contract.expiry.date()
    if contract.is_inverse:
        quarterly = last == _last_friday(last.year, last.month) and last.month % 3 == 0
        if isinstance(contract, Option) or not quarterly:
            return None
        return f"{coin}USD{'HMUZ'[last.month // 3 - 1]}{last:%y}"
    if not isinstance(contract, Option):
        return f"{coin}{'USDT' if settlement == 'USDT' else ''}-{day_text(last)}"
    name = f"{coin}-{day_text(last)}-{strike_text(contract.strike)}-{right_of(contract)}"
    return f"{name}-USDT" if settlement == "USDT" else name


def spec(contract: Derivative) -> ContractSpec | None:
    """A coin, or a dollar of an inverse contract."""
    return known_size("1", _SOURCE, "USD" if contract.is_inverse else "underlying")


def _last_friday(year: int, month: int) -> date:
    first_of_next = date(year + month // 12, month % 12 + 1, 1)
    return first_of_next - timedelta(days=(first_of_next.weekday() - 5) % 7 + 1)
