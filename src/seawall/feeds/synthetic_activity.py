"""How much of each synthetic contract is open, and what the perpetuals pay: beside the prices.

Options are held most near the money and in the months that makers quote, futures in a few large
contracts. Amounts lie on lots, so that files written from them read back exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from seawall.basics.time import tenor_years
from seawall.feeds.chains import FUNDINGS_PER_DAY
from seawall.market.liquidity import Liquidity
from seawall.market.quotes import FutureQuotes, OptionQuotes
from seawall.products.instruments import Perpetual

# Coins of open options in total, and what a contract's lot is.
_OPTION_COINS: Mapping[str, float] = MappingProxyType({"BTC": 250_000.0, "ETH": 1_800_000.0})
_OPTION_LOT_COINS = 0.1
# USD of open futures of one coin; the inverse perpetual has most of it.
_FUTURE_USD: Mapping[str, float] = MappingProxyType({"BTC": 3e9, "ETH": 1.2e9})
_PERPETUAL_SHARE, _LINEAR_SHARE = 0.60, 0.10
_FUTURE_LOT_USD = 10.0
_FUNDING_8H, _FUNDING_8H_SD = 1e-4, 8e-5


def option_activity(quotes: OptionQuotes, rng: np.random.Generator) -> Liquidity:
    """Open interest in coins of every option, which may be none far from the money."""
    tenor = np.array([tenor_years(quotes.as_of, option.expiry) for option in quotes.instruments])
    strike = np.array([option.strike for option in quotes.instruments])
    deviations = np.log(strike / quotes.forward) / (quotes.iv * np.sqrt(tenor))
    weight = np.exp(-0.5 * (deviations / 2.0) ** 2) * (0.25 + np.sqrt(tenor))
    weight *= np.exp(0.5 * rng.standard_normal(weight.size))
    coin = np.array([option.underlying for option in quotes.instruments])
    coins = np.zeros_like(weight)
    for symbol, total in _OPTION_COINS.items():
        rows = coin == symbol
        coins[rows] = total * weight[rows] / weight[rows].sum()
    lots = np.round(coins / _OPTION_LOT_COINS)
    names = (option.name for option in quotes.instruments)
    held = np.round(lots * _OPTION_LOT_COINS, 1).tolist()
    return Liquidity(open_interest=dict(zip(names, held, strict=True)))


def future_activity(quotes: FutureQuotes, rng: np.random.Generator) -> Liquidity:
    """Open interest in coins of every future and perpetual, and funding a day of the latter."""
    dated = [not isinstance(contract, Perpetual) for contract in quotes.instruments]
    coins: dict[str, float] = {}
    funding: dict[str, float] = {}
    for contract, index in zip(quotes.instruments, quotes.index.tolist(), strict=True):
        share = (1.0 - _PERPETUAL_SHARE - _LINEAR_SHARE) / (sum(dated) / len(_FUTURE_USD))
        if isinstance(contract, Perpetual):
            share = _PERPETUAL_SHARE if contract.is_inverse else _LINEAR_SHARE
            rate = _FUNDING_8H + _FUNDING_8H_SD * float(rng.standard_normal())
            funding[contract.name] = round(rate, 6) * FUNDINGS_PER_DAY
        usd = _FUTURE_USD[contract.underlying] * share * float(np.exp(0.3 * rng.standard_normal()))
        usd = round(usd / _FUTURE_LOT_USD) * _FUTURE_LOT_USD
        # Whole USD of an inverse contract, thousandths of a coin of a linear one.
        coins[contract.name] = usd / index if contract.is_inverse else round(usd / index, 3)
    return Liquidity(open_interest=coins, funding_per_day=funding)
