"""ccxt's symbols: ``BTC/USDT:USDT``, ``BTC/USD:BTC-260327``, ``BTC/USD:BTC-260327-80000-C``.

Base, quote, what it settles in, day, strike and right: a symbol says all that a contract is, at
whichever venue, but for the size of one and the hour at which it ends.
Source: ccxt's manual, contract naming conventions.
"""

from __future__ import annotations

import re

from seawall.products.contracts import quanto, strike_text, unknown
from seawall.products.instruments import (
    CASH,
    STABLECOINS,
    Derivative,
    Instrument,
    Option,
    Perpetual,
)
from seawall.products.markets import market_of
from seawall.products.venues.base import ContractSpec, contract_of, right_of, spot_pair

TITLE = "ccxt"
OWN = re.compile(
    r"(?P<coin>[^/:]+)/(?P<quote>[A-Z0-9]+)(?::(?P<settle>[A-Z0-9]+)"
    r"(?:-(?P<day>\d{6})(?:-(?P<strike>\d+(?:[.d]\d+)?)-(?P<right>[CP]))?)?)?",
    re.ASCII,
)
_CODE = re.compile(r"[A-Z0-9]+", re.ASCII)


def read(name: str) -> Instrument | None:
    """The contract of a unified symbol; None for what is none."""
    match = OWN.fullmatch(name)
    if match is None:
        return None
    coin, quote, settle = match["coin"], match["quote"], match["settle"]
    if not _CODE.fullmatch(coin):
        raise unknown(name, "a coin's code is made of capitals and digits")
    if settle is None:
        raise unknown(name, *spot_pair(coin))
    if settle == coin and quote == CASH:
        return contract_of(name, coin, coin, match.groupdict())
    # Bybit prices its options in USD and pays them in as much USDC.
    if settle in (CASH, *STABLECOINS) and quote in (settle, CASH):
        return contract_of(name, coin, settle, match.groupdict())
    found = quanto(coin, settle) if quote == CASH and match["day"] is None else None
    if found is None:
        raise unknown(name, f"what is priced in {quote} and settles in {settle} is not known here")
    return found


def write(contract: Derivative) -> str | None:
    """The unified symbol; None of contracts on shares and their indices, which ccxt has not."""
    if market_of(contract.underlying) is not None:
        return None
    symbol = f"{contract.underlying}/{contract.quote}:{contract.settlement}"
    if isinstance(contract, Perpetual):
        return symbol
    symbol += f"-{contract.expiry:%y%m%d}"
    if not isinstance(contract, Option):
        return symbol
    return f"{symbol}-{strike_text(contract.strike)}-{right_of(contract)}"


def spec(contract: Derivative) -> ContractSpec | None:
    """None: a size is the venue's, and comes with its market as contractSize."""
    return None
