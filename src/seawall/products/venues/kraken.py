"""Kraken's derivatives: ``PF_XBTUSD``, ``PI_XBTUSD``, ``FF_XBTUSD_260327``.

PF and FF are linear and settle in USD, PI is inverse; bitcoin is XBT. Inverse futures with an
expiry, FI, end at 16:00 in London, at which nothing here does, and are refused.
Source: Kraken's contract specifications of linear multi-collateral and inverse contracts.
"""

from __future__ import annotations

import re

from seawall.products.contracts import unknown
from seawall.products.instruments import CASH, Derivative, Instrument, Option, Perpetual
from seawall.products.venues.base import ContractSpec, contract_of, is_coin_contract, known_size

TITLE = "Kraken"
OWN = re.compile(
    r"(?:P(?P<perp>[FI])_(?P<coin>[A-Z0-9]+)USD"
    r"|F(?P<future>[FI])_(?P<dated>[A-Z0-9]+)USD_(?P<day>\d{6}))",
    re.ASCII,
)
_CODES = {"BTC": "XBT"}
_COINS = {code: coin for coin, code in _CODES.items()}
_SOURCE = "Kraken, contract specifications: base units, of inverse contracts USD"


def read(name: str) -> Instrument | None:
    """The contract of a symbol; None for what is none."""
    match = OWN.fullmatch(name)
    if match is None:
        return None
    if match["future"] == "I":
        raise unknown(name, "it ends at 16:00 in London, which no contract here does")
    code = match["coin"] or match["dated"]
    coin = _COINS.get(code, code)
    return contract_of(name, coin, coin if match["perp"] == "I" else CASH, match.groupdict())


def write(contract: Derivative) -> str | None:
    """The symbol; None of options, of what settles in a stablecoin and of inverse dated futures."""
    coin = contract.underlying
    inverse = contract.is_inverse
    if not is_coin_contract(contract) or contract.settlement not in (CASH, coin):
        return None
    # XBT is BTC's code, so that a coin called XBT has none.
    if isinstance(contract, Option) or coin in _COINS:
        return None
    pair = f"{_CODES.get(coin, coin)}USD"
    if isinstance(contract, Perpetual):
        return f"P{'I' if inverse else 'F'}_{pair}"
    return None if inverse else f"FF_{pair}_{contract.expiry:%y%m%d}"


def spec(contract: Derivative) -> ContractSpec | None:
    """A coin, or a dollar of an inverse contract."""
    return known_size("1", _SOURCE, "USD" if contract.is_inverse else "underlying")
