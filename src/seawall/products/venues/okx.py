"""OKX: ``BTC-USDT-SWAP``, ``BTC-USD-260327``, ``BTC-USD-260327-80000-C``.

Priced in USD is coin-margined, in a stablecoin margined in that; options are coin-margined or in
USDC.
Source: OKX's API documentation, public instruments (instId, ctVal, ctMult).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from seawall.products.contracts import strike_text, unknown
from seawall.products.instruments import Derivative, Instrument, Option, Perpetual
from seawall.products.venues.base import (
    ContractSpec,
    contract_of,
    is_coin_contract,
    known_size,
    right_of,
    spot_pair,
)

TITLE = "OKX"
OWN = re.compile(
    r"(?P<coin>[A-Z0-9]+)-(?P<quote>USD|USDT|USDC)-"
    r"(?:SWAP|(?P<day>\d{6})(?:-(?P<strike>\d+(?:\.\d+)?)-(?P<right>[CP]))?)",
    re.ASCII,
)
_PAIR = re.compile(r"(?P<coin>[A-Z0-9]+)-[A-Z0-9]+")

COINS_IN_USDT: Mapping[str, str] = MappingProxyType(
    {"BTC": "0.01", "ETH": "0.1", "SOL": "1", "LTC": "1", "XRP": "100", "DOGE": "1000"}
)
COINS_IN_OPTION: Mapping[str, str] = MappingProxyType({"BTC": "0.01", "ETH": "0.1"})
USD_IN_INVERSE: Mapping[str, str] = MappingProxyType({"BTC": "100", "ETH": "10"})
_SOURCE = "OKX, public instruments: ctVal × ctMult"


def read(name: str) -> Instrument | None:
    """The contract of an instId; None for what is none."""
    match = OWN.fullmatch(name)
    if match is None:
        if pair := _PAIR.fullmatch(name):
            raise unknown(name, *spot_pair(pair["coin"]))
        return None
    coin, quote = match["coin"], match["quote"]
    return contract_of(name, coin, coin if quote == "USD" else quote, match.groupdict())


def write(contract: Derivative) -> str | None:
    """The instId of a contract; None of one that settles in USD or is an option in USDT."""
    if not is_coin_contract(contract) or contract.settlement not in (
        *("USDT", "USDC"),
        contract.underlying,
    ):
        return None
    quote = "USD" if contract.is_inverse else contract.settlement
    pair = f"{contract.underlying}-{quote}"
    if isinstance(contract, Perpetual):
        return f"{pair}-SWAP"
    day = f"{contract.expiry:%y%m%d}"
    if not isinstance(contract, Option):
        return f"{pair}-{day}"
    if quote == "USDT":
        return None
    return f"{pair}-{day}-{strike_text(contract.strike)}-{right_of(contract)}"


def spec(contract: Derivative) -> ContractSpec | None:
    """USD of futures and swaps on a coin, coins of others; None where ctVal is not known here."""
    coin = contract.underlying
    if isinstance(contract, Option):
        size = COINS_IN_OPTION.get(coin) if contract.is_inverse else None
        return known_size(size, _SOURCE)
    if contract.is_inverse:
        return known_size(USD_IN_INVERSE.get(coin), _SOURCE, "USD")
    size = COINS_IN_USDT.get(coin) if contract.settlement == "USDT" else None
    return known_size(size, _SOURCE)
