"""Binance: ``BTCUSDT``, ``BTCUSDT_260327``, ``BTCUSD_PERP``, ``BTCUSD_260327``,
``BTC-260327-80000-C``.

USD-margined contracts settle in the stablecoin of their pair, coin-margined ones in their coin,
options in USDT.
Sources: Binance's derivatives API documentation, exchangeInfo; its options' contract
specifications.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from seawall.products.contracts import perpetual, strike_text
from seawall.products.instruments import Derivative, Instrument, Option, Perpetual
from seawall.products.venues.base import (
    ContractSpec,
    contract_of,
    is_coin_contract,
    known_size,
    right_of,
)

TITLE = "Binance"
OWN = re.compile(
    r"(?P<coin>[A-Z0-9]+)"
    r"(?:(?P<quote>USDT|USDC|USD)_(?:(?P<future>\d{6})|(?P<perp>PERP))"
    r"|-(?P<day>\d{6})-(?P<strike>\d+(?:\.\d+)?)-(?P<right>[CP]))",
    re.ASCII,
)
_LINEAR = re.compile(r"(?P<coin>[A-Z0-9]+)(?P<quote>USDT|USDC)")

COINS_IN_OPTION: Mapping[str, str] = MappingProxyType(
    {"BTC": "1", "ETH": "1", "BNB": "1", "SOL": "1", "XRP": "100", "DOGE": "1000"}
)
USD_IN_INVERSE: Mapping[str, str] = MappingProxyType(
    {"BTC": "100", **dict.fromkeys(("ETH", "BNB", "XRP", "LTC", "ADA", "LINK", "DOT", "BCH"), "10")}
)
_LINEAR_SOURCE = "Binance, USD-margined futures: quantities in coins"
_INVERSE_SOURCE = "Binance, coin-margined contract specifications: contract multiplier"
_OPTION_SOURCE = "Binance, options' contract specifications: contract unit"


def read(name: str) -> Instrument | None:
    """The contract of a symbol; None for what is none."""
    if match := _LINEAR.fullmatch(name):
        return perpetual(match["coin"], match["quote"])
    match = OWN.fullmatch(name)
    if match is None or (match["perp"] and match["quote"] != "USD"):
        return None
    coin, parts = match["coin"], match.groupdict()
    if match["strike"]:
        return contract_of(name, coin, "USDT", parts)
    settlement = coin if match["quote"] == "USD" else match["quote"]
    return contract_of(name, coin, settlement, {"day": parts["future"]})


def write(contract: Derivative) -> str | None:
    """The symbol of a contract; None of one that settles in USD, or an option not in USDT."""
    coin, settlement = contract.underlying, contract.settlement
    if not is_coin_contract(contract) or settlement not in ("USDT", "USDC", coin):
        return None
    pair = coin + ("USD" if contract.is_inverse else settlement)
    if isinstance(contract, Perpetual):
        return f"{pair}_PERP" if contract.is_inverse else pair
    day = f"{contract.expiry:%y%m%d}"
    if not isinstance(contract, Option):
        return f"{pair}_{day}"
    if settlement != "USDT":
        return None
    return f"{coin}-{day}-{strike_text(contract.strike)}-{right_of(contract)}"


def spec(contract: Derivative) -> ContractSpec | None:
    """Coins, or dollars of a coin-margined contract; None where its unit is not known here."""
    coin = contract.underlying
    if isinstance(contract, Option):
        return known_size(COINS_IN_OPTION.get(coin), _OPTION_SOURCE)
    if contract.is_inverse:
        return known_size(USD_IN_INVERSE.get(coin), _INVERSE_SOURCE, "USD")
    return known_size("1", _LINEAR_SOURCE)
