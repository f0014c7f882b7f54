"""The one name that each instrument has here: Deribit's grammar, and OCC symbols for US options.

``BTC-27JUN26-100000-C`` inverse option · ``BTC_USDC-27JUN26-100000-C`` linear option ·
``BTC-27JUN26`` future · ``BTC-PERPETUAL`` inverse and ``BTC_USDC-PERPETUAL`` linear perpetual ·
``XRP_USDC-27JUN26-8D6-P`` a strike of 8.6 · ``ETH_USD:BTC-PERPETUAL`` a quanto, priced in USD and
paid in BTC · ``NVDA250117C00150000`` a US option · ``NIFTY.IN_INR-24FEB26-26000-C`` an Indian one
· ``CL.CME_USD-14MAY20-M5-P`` a strike of −5
· a bare ``BTC``, ``USDC`` or ``NVDA.US`` is a holding, and so is ``ETH-USDC-LP``, a share of a pool
of ETH and USDC (a form of this project's own).
Contracts on coins expire at 08:00 UTC of their day, all others at their market's close, or
at its open where the day is followed by ``AM``.
Source: Deribit's naming convention as published in its API documentation; OCC's symbology.
"""

from __future__ import annotations

import re

from seawall.products import occ
from seawall.products.assets import CURRENCIES, REAL_WORLD_ASSETS, WRAPPERS
from seawall.products.contracts import (
    QUANTO_RATES,
    Right,
    day_of,
    expiry_of,
    future,
    option,
    perpetual,
    quanto,
    strike_of,
    unknown,
)
from seawall.products.instruments import (
    CASH,
    STABLECOINS,
    Asset,
    Cash,
    Instrument,
    LpShare,
    Option,
    Perpetual,
    RealWorldAsset,
    SpotAsset,
    Stablecoin,
    Stock,
    Wrapper,
)
from seawall.products.markets import (
    MARKETS,
    US,
    Market,
    ShareMarket,
    is_index,
    is_signed,
    market_of,
)

_UNDERLYING = r"[A-Z0-9]+|[A-Z0-9][A-Z0-9&-]*\.[A-Z]{2,3}"
_NAME = re.compile(
    rf"(?P<base>{_UNDERLYING})(?:_(?P<settle>[A-Z]+)(?::(?P<paid>[A-Z0-9]+))?)?-"
    r"(?:(?P<perp>PERPETUAL)|(?P<date>\d{1,2}[A-Z]{3}\d{2})(?P<open>AM)?"
    r"(?:-(?P<strike>M?\d+(?:D\d+)?)-(?P<right>[CP]))?)"
)
_ASSET = re.compile(r"[A-Za-z][A-Za-z0-9]{1,15}")
_LISTED = re.compile(r"[A-Z0-9][A-Z0-9&-]*\.[A-Z]{2,3}")
# Symbols of pairs, which venues write like coins; of USD those of coins whose pairs all know.
_PAIR = re.compile(
    r"(?:(?P<coin>[A-Z0-9]{2,})(?:USDT|USDC)"
    r"|(?P<known>BTC|ETH|SOL|XRP|DOGE|ADA|LTC|BNB)(?:USD|PERP))(?:[FGHJKMNQUVXZ]\d\d)?"
)
_LP_ENDING = "-LP"
# Words of other names, which no pool holds.
_NOT_IN_A_POOL = ("PERPETUAL", "LP")
NAMED_ASSETS = frozenset({*STABLECOINS, *CURRENCIES, *WRAPPERS, *REAL_WORLD_ASSETS})
"""Assets known by name, written in capitals; every other is a coin of its own."""


def parse_canonical(name: str) -> Instrument:
    """The instrument of a canonical name.

    Raises UnknownInstrument if no rule of naming fits, its date does not exist, its strike is
    not a price, or it is not how the contract is listed.
    """
    symbol = occ.SYMBOL.fullmatch(name)
    if symbol is not None:
        return _us_option(name, symbol)
    if _ASSET.fullmatch(name):
        return _asset(name)
    if _LISTED.fullmatch(name):
        return _stock(name)
    if name.upper().endswith(_LP_ENDING):
        return _lp_share(name)
    match = _NAME.fullmatch(name)
    if match is None:
        raise unknown(name, "no naming rule fits it")
    return _of_parts(name, match)


def _of_parts(name: str, match: re.Match[str]) -> Instrument:
    underlying, settlement = match["base"], match["settle"] or match["base"]
    _require_settlement(name, match)
    if match["paid"] is not None:
        return _quanto(name, match)
    if match["perp"]:
        return perpetual(underlying, settlement)
    expiry = expiry_of(underlying, day_of(match["date"], name), match["open"] is not None)
    if match["strike"] is None:
        contract = future(underlying, settlement, expiry)
    else:
        right: Right = "call" if match["right"] == "C" else "put"
        level = strike_of(match["strike"], name, underlying)
        contract = option(underlying, settlement, expiry, level, right)
    # One spelling for each contract, so that none can be held twice under two names.
    if contract.name != name:
        raise unknown(name, f"it is listed as {contract.name}")
    return contract


def _require_settlement(name: str, match: re.Match[str]) -> None:
    """Raise UnknownInstrument for a pair of underlying and settlement that no venue lists."""
    underlying, settlement = match["base"], match["settle"]
    if "." in underlying:
        market = _require_ticker(name, underlying)
        if match["perp"] or settlement != market.currency or match["paid"]:
            raise unknown(name, f"contracts on {underlying} expire and settle in {market.currency}")
    elif settlement is None:
        _require_no_pair(name, underlying)
    elif settlement not in (CASH, *STABLECOINS):
        raise unknown(name, f"{settlement} is not a known settlement currency")
    if match["open"] and not isinstance(market_of(underlying), ShareMarket):
        raise unknown(name, "only contracts on share indices settle at an open")


def _quanto(name: str, match: re.Match[str]) -> Perpetual:
    found = quanto(match["base"], match["paid"])
    if found is None or found.name != name:
        known = ", ".join(f"{coin}_{CASH}:{paid_in}" for coin, paid_in in QUANTO_RATES)
        raise unknown(
            name,
            "what it pays is not known",
            f"The perpetuals of {known} are known; build another by hand, with its quanto_rate.",
        )
    return found


def _us_option(name: str, symbol: re.Match[str]) -> Option:
    root = symbol["root"]
    if symbol["adjusted"]:
        raise unknown(
            name,
            f"options of root {root}{symbol['adjusted']} deliver something else than 100 shares",
            f"Adjusted options cannot be margined here; those of root {root} can.",
        )
    if root in occ.REFUSED_ROOTS:
        raise unknown(name, occ.REFUSED_ROOTS[root], "Leave it out of the book.")
    ticker, at_open = occ.terms_of(root)
    expiry = expiry_of(f"{ticker}.US", day_of(symbol["day"], name), at_open)
    strike = int(symbol["strike"]) / 1_000.0
    if strike == 0.0:
        raise unknown(name, "its strike is not a price")
    right: Right = "call" if symbol["right"] == "C" else "put"
    return option(f"{ticker}.US", CASH, expiry, strike, right)


def _asset(symbol: str) -> Asset:
    listed = symbol.upper()
    if listed != symbol and listed in NAMED_ASSETS:
        raise unknown(symbol, f"it is written {listed}")
    if symbol in CURRENCIES:
        return Cash(name=symbol)
    if symbol in STABLECOINS:
        return Stablecoin(name=symbol)
    if symbol in WRAPPERS:
        return Wrapper(name=symbol, wraps=WRAPPERS[symbol])
    if symbol in REAL_WORLD_ASSETS:
        return RealWorldAsset(name=symbol)
    _require_no_pair(symbol, symbol)
    return SpotAsset(name=symbol)


def _require_no_pair(name: str, coin: str) -> None:
    """Raise UnknownInstrument for a pair written as if it were a coin: nobody has that coin."""
    pair = _PAIR.fullmatch(coin)
    if pair is None:
        return
    base = pair["coin"] or pair["known"]
    raise unknown(
        name,
        f"{coin} is a pair, which stands for another contract at each venue",
        f"Say whose it is (bybit:{coin}), or write {base}_USDT-PERPETUAL or {base}-PERPETUAL, say.",
    )


def _stock(name: str) -> Stock:
    market = _require_ticker(name, name)
    if not isinstance(market, ShareMarket):
        raise unknown(
            name,
            "it is not held outright",
            f"Hold futures or options on it, such as {name}_{market.currency}-20MAY27.",
        )
    if is_index(name):
        raise unknown(
            name,
            "an index is not held",
            f"Hold a fund on it, or its options: they settle in {market.currency}.",
        )
    return Stock(name=name)


def _require_ticker(name: str, underlying: str) -> Market:
    """The market of what is listed. Raises UnknownInstrument if it lists no such ticker."""
    market = market_of(underlying)
    if market is None:
        raise unknown(name, f"markets end in {', '.join(MARKETS)}")
    if not isinstance(market, ShareMarket):
        if not is_signed(underlying):
            raise unknown(name, f"{underlying} is no commodity known there")
        return market
    ticker = underlying[:-3]
    if not market.ticker.fullmatch(ticker) or (market is US and not occ.is_ticker(ticker)):
        raise unknown(name, f"{ticker} is no share or index known there")
    return market


def _lp_share(name: str) -> LpShare:
    """A pool's assets stand in the order of the alphabet, so that no share has two names."""
    components = name.upper().removesuffix(_LP_ENDING).split("-")
    for component in components:
        if not _ASSET.fullmatch(component) or component in _NOT_IN_A_POOL:
            raise unknown(name, f"{component!r:.20} is no asset that a pool holds")
    if len(set(components)) < max(2, len(components)):
        raise unknown(name, "a pool holds at least two assets, each once")
    listed = "-".join(sorted(components)) + _LP_ENDING
    if listed != name:
        raise unknown(name, f"it is written {listed}")
    return LpShare(name=name, components=tuple(components))
