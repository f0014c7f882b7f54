"""What named assets are: currencies, claims on another asset, shares of funds.

Facts of their issuers' documentation, by the symbol in capitals; a name that stands nowhere here is
a coin of its own. What these assets are worth is never known here, but for the rough level of a
currency: a wrapper that earns (a staked coin, a savings stablecoin) grows against what it wraps,
and any of them may lose its peg.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

ROUGH_LEVELS_USD: Mapping[str, float] = MappingProxyType(
    {
        "USD": 1.0,
        "EUR": 1.1,
        "GBP": 1.3,
        "JPY": 0.007,
        "CHF": 1.15,
        "AUD": 0.65,
        "CAD": 0.73,
        "NZD": 0.6,
        "SGD": 0.75,
        "HKD": 0.128,
        "INR": 0.0115,
    }
)
"""What a unit of each currency is roughly worth in USD: never a price, only a slip's bound."""

CURRENCIES = frozenset(ROUGH_LEVELS_USD)
"""ISO 4217 codes of the money of states."""

WRAPPERS: Mapping[str, str] = MappingProxyType(
    {
        "WETH": "ETH",  # canonical wrapped ether, one to one
        "STETH": "ETH",  # Lido, rebasing
        "WSTETH": "ETH",  # Lido, earns in its price
        "WEETH": "ETH",  # ether.fi, earns in its price
        "RETH": "ETH",  # Rocket Pool, earns in its price
        "CBETH": "ETH",  # Coinbase, earns in its price
        "WBTC": "BTC",  # custody, one to one
        "CBBTC": "BTC",  # Coinbase, custody, one to one
        "TBTC": "BTC",  # Threshold, one to one
        "SDAI": "DAI",  # Sky savings, earns in its price
        "SUSDS": "USDS",  # Sky savings, earns in its price
        "SUSDE": "USDE",  # Ethena staking, earns in its price
    }
)
"""What each of these is a claim on."""

REAL_WORLD_ASSETS = frozenset(
    {
        "BUIDL",  # BlackRock USD Institutional Digital Liquidity Fund
        "BENJI",  # Franklin OnChain U.S. Government Money Fund
        "OUSG",  # Ondo Short-Term US Government Treasuries
        "USDY",  # Ondo US Dollar Yield
        "USTB",  # Superstate Short Duration US Government Securities Fund
        "USYC",  # Circle (Hashnote) US Yield Coin
    }
)
"""Tokenised treasuries and money funds."""
