"""Deribit's instrument names, read and written.

``BTC-27JUN26-100000-C`` inverse option · ``BTC_USDC-27JUN26-100000-C`` linear option ·
``BTC-27JUN26`` future · ``BTC-PERPETUAL`` inverse and ``BTC_USDC-PERPETUAL`` linear perpetual ·
``XRP_USDC-27JUN26-8D6-P`` a strike of 8.6 · a bare ``BTC`` or ``USDC`` is a holding, and so is
``ETH-USDC-LP``, a share of a pool of ETH and USDC (a form of this project's own).
Contracts expire at 08:00 UTC of their day.
Source: Deribit's naming convention as published in its API documentation.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal

from seawall.basics.decimals import MAX_PRICE
from seawall.basics.errors import UnknownInstrument
from seawall.products.assets import CURRENCIES, REAL_WORLD_ASSETS, WRAPPERS
from seawall.products.instruments import (
    CASH,
    STABLECOINS,
    Asset,
    Cash,
    DatedFuture,
    Instrument,
    LpShare,
    Option,
    Perpetual,
    RealWorldAsset,
    SpotAsset,
    Stablecoin,
    Wrapper,
)

EXPIRY_HOUR_UTC = 8
_LONGEST_SHOWN = 60
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_NAME = re.compile(
    r"(?P<base>[A-Z0-9]+)(?:_(?P<settle>[A-Z]+))?-"
    r"(?:(?P<perp>PERPETUAL)|(?P<date>\d{1,2}[A-Z]{3}\d{2})"
    r"(?:-(?P<strike>\d+(?:D\d+)?)-(?P<right>[CP]))?)"
)
_ASSET = re.compile(r"[A-Za-z][A-Za-z0-9]{1,15}")
_LP_ENDING = "-LP"
# Words of other names, which no pool holds.
_NOT_IN_A_POOL = ("PERPETUAL", "LP")
NAMED_ASSETS = frozenset({*STABLECOINS, *CURRENCIES, *WRAPPERS, *REAL_WORLD_ASSETS})
"""Assets known by name, written in capitals; every other is a coin of its own."""


def parse_name(name: str) -> Instrument:
    """The instrument that a name stands for.

    Raises UnknownInstrument if no rule of naming fits, its date does not exist, its strike is
    not a price, or it is not how the contract is listed.
    """
    # Programs hand in what they have; only text can be a name, and be looked up as one.
    if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise _unknown(name, "a name is text")
    return _parsed(name)


@lru_cache(maxsize=65_536)
def _parsed(name: str) -> Instrument:
    if _ASSET.fullmatch(name):
        return _asset(name)
    if name.upper().endswith(_LP_ENDING):
        return _lp_share(name)
    match = _NAME.fullmatch(name)
    if match is None:
        raise _unknown(name, "no naming rule fits it")
    underlying = match["base"]
    settlement = match["settle"] or underlying
    if match["settle"] is not None and settlement not in (CASH, *STABLECOINS):
        raise _unknown(name, f"{settlement} is not a known settlement currency")
    if match["perp"]:
        return Perpetual(name=name, underlying=underlying, settlement=settlement)
    expiry = _expiry(match["date"], name)
    strike: float | None = None
    right: Literal["call", "put"] | None = None
    if match["strike"] is not None:
        strike = float(match["strike"].replace("D", "."))
        right = "call" if match["right"] == "C" else "put"
        if not 0.0 < strike < MAX_PRICE:
            raise _unknown(name, "its strike is not a price")
    # One spelling for each contract, so that none can be held twice under two names.
    listed = contract_name(underlying, settlement, expiry, strike, right)
    if listed != name:
        raise _unknown(name, f"it is listed as {listed}")
    if strike is None or right is None:
        return DatedFuture(name=name, underlying=underlying, settlement=settlement, expiry=expiry)
    return Option(
        name=name,
        underlying=underlying,
        settlement=settlement,
        expiry=expiry,
        strike=strike,
        right=right,
    )


def contract_name(
    underlying: str,
    settlement: str,
    expiry: datetime,
    strike: float | None = None,
    right: Literal["call", "put"] | None = None,
) -> str:
    """The name of a dated future, or of an option when a strike and right are given."""
    pair = underlying if settlement == underlying else f"{underlying}_{settlement}"
    day = f"{expiry.day}{_MONTHS[expiry.month - 1]}{expiry.year % 100:02d}"
    if strike is None:
        return f"{pair}-{day}"
    text = f"{strike:.10f}".rstrip("0").rstrip(".").replace(".", "D")
    return f"{pair}-{day}-{text}-{'C' if right == 'call' else 'P'}"


def _asset(symbol: str) -> Asset:
    listed = symbol.upper()
    if listed != symbol and listed in NAMED_ASSETS:
        raise _unknown(symbol, f"it is written {listed}")
    if symbol in CURRENCIES:
        return Cash(name=symbol)
    if symbol in STABLECOINS:
        return Stablecoin(name=symbol)
    if symbol in WRAPPERS:
        return Wrapper(name=symbol, wraps=WRAPPERS[symbol])
    if symbol in REAL_WORLD_ASSETS:
        return RealWorldAsset(name=symbol)
    return SpotAsset(name=symbol)


def _lp_share(name: str) -> LpShare:
    """A pool's assets stand in the order of the alphabet, so that no share has two names."""
    components = name.upper().removesuffix(_LP_ENDING).split("-")
    for component in components:
        if not _ASSET.fullmatch(component) or component in _NOT_IN_A_POOL:
            raise _unknown(name, f"{component!r:.20} is no asset that a pool holds")
    if len(set(components)) < max(2, len(components)):
        raise _unknown(name, "a pool holds at least two assets, each once")
    listed = "-".join(sorted(components)) + _LP_ENDING
    if listed != name:
        raise _unknown(name, f"it is written {listed}")
    return LpShare(name=name, components=tuple(components))


def _expiry(text: str, name: str) -> datetime:
    day, month, year = int(text[:-5]), text[-5:-2], 2000 + int(text[-2:])
    if month not in _MONTHS:
        raise _unknown(name, f"{month} is not a month")
    try:
        return datetime(year, _MONTHS.index(month) + 1, day, EXPIRY_HOUR_UTC, tzinfo=UTC)
    except ValueError:
        raise _unknown(name, f"{text} is not a date") from None


def _unknown(name: object, why: str) -> UnknownInstrument:
    shown = name if len(str(name)) <= _LONGEST_SHOWN else str(name)[:_LONGEST_SHOWN]
    return UnknownInstrument(
        f"{shown!r} is not an instrument: {why}",
        where="instrument name",
        remedy="Use a listed name such as BTC-27MAR26-80000-P, BTC-27MAR26, BTC-PERPETUAL, "
        "BTC_USDC-PERPETUAL, a bare asset such as USDC, or ETH-USDC-LP for a pool's share.",
    )
