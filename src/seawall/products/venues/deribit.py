"""Deribit, whose grammar is the one here: ``BTC-PERPETUAL``, ``XRP_USDC-27JUN26-8d6-P``.

Contracts settle in their coin or in USDC. Sizes of orders and positions are amounts (coins, or USD
of inverse futures), never counts of the contracts whose size stands here.
Sources: Deribit's API documentation, naming and public/get_instruments (contract_size); its
contract specifications.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from seawall.products.canonical import parse_canonical
from seawall.products.instruments import Derivative, Instrument, Option
from seawall.products.venues.base import ContractSpec, is_coin_contract, known_size

TITLE = "Deribit"
# Its decimal point is a small d.
OWN = re.compile(r"(?P<head>[A-Z0-9]+_USDC-\d{1,2}[A-Z]{3}\d{2}-\d+)d(?P<tail>\d+-[CP])", re.ASCII)

USD_IN_INVERSE: Mapping[str, str] = MappingProxyType({"BTC": "10", "ETH": "1"})
COINS_IN_INVERSE_OPTION: Mapping[str, str] = MappingProxyType({"BTC": "1", "ETH": "1"})
COINS_IN_LINEAR_OPTION: Mapping[str, str] = MappingProxyType({"SOL": "10", "XRP": "1000"})
_SOURCE = "Deribit, contract specifications: contract_size"


def read(name: str) -> Instrument | None:
    """The contract of an instrument_name; None for what is none."""
    match = OWN.fullmatch(name)
    found = parse_canonical(f"{match['head']}D{match['tail']}" if match else name)
    return found if isinstance(found, Derivative) and write(found) is not None else None


def write(contract: Derivative) -> str | None:
    """The instrument_name; None of what settles neither in its coin nor in USDC."""
    if not is_coin_contract(contract) or contract.settlement not in ("USDC", contract.underlying):
        return None
    if not isinstance(contract, Option):
        return contract.name
    head, strike, right = contract.name.rsplit("-", 2)
    return f"{head}-{strike.replace('D', 'd')}-{right}"


def spec(contract: Derivative) -> ContractSpec | None:
    """The contract_size; None where it is not known here."""
    coin = contract.underlying
    if contract.is_inverse and not isinstance(contract, Option):
        size = USD_IN_INVERSE.get(coin)
        return known_size(size, _SOURCE, "USD")
    if not isinstance(contract, Option):
        return None
    sizes = COINS_IN_INVERSE_OPTION if contract.is_inverse else COINS_IN_LINEAR_OPTION
    size = sizes.get(coin)
    return known_size(size, _SOURCE)
