"""Bybit's API v5: tickers of options, linear and inverse contracts, positions and the wallet.

Source: the endpoints market/instruments-info, market/tickers, position/list and
account/wallet-balance of Bybit's API documentation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from seawall.feeds.fetched import Row
from seawall.feeds.venues.connection import ask_rows, load_markets
from seawall.feeds.venues.failures import translated
from seawall.feeds.venues.rows import (
    OPTION_KEYS,
    TICKER_KEYS,
    Chain,
    Holdings,
    contracts_on,
    cut,
    held,
    market_row,
    needed,
    number,
    position_row,
    text,
    time_ms,
    word,
)

KEYS = ("apiKey", "secret")
_TICKERS = "publicGetV5MarketTickers"
_POSITIONS = "privateGetV5PositionList"
_WALLET = "privateGetV5AccountWalletBalance"
# What together shows every position: linear ones are asked for by what they settle in.
_POSITION_REQUESTS = (
    {"category": "linear", "settleCoin": "USDT"},
    {"category": "linear", "settleCoin": "USDC"},
    {"category": "inverse"},
    {"category": "option"},
)
_PAGE = "200"
_MINUTES_8H = 480
# A coin, or a dollar of an inverse contract; ccxt gives the least order for the latter.
_CONTRACT_SIZE = Decimal(1)


def chain(exchange: Any, coins: Sequence[str], say: Callable[[str], None]) -> Chain:
    """Options, futures and perpetuals on some coins, in whatever they settle."""
    say("instruments")
    _load(exchange, coins)
    wanted = contracts_on(exchange, coins)
    with_options = sorted({m["base"] for m in wanted.values() if m["option"]})
    requests = [{"category": "option", "baseCoin": coin} for coin in with_options]
    found = Chain({}, {}, {})
    for asked in (*requests, {"category": "linear"}, {"category": "inverse"}):
        say(" ".join(("tickers,", *asked.values())))
        rows = ask_rows(exchange, _TICKERS, asked, "result", "list")
        time = exchange.last_json_response.get("time")
        with translated(exchange, _TICKERS):
            for row in rows:
                market = wanted.get(row["symbol"])
                if market is not None:
                    _add(found, exchange, row, market, time_ms(time))
    return found


def holdings(exchange: Any, say: Callable[[str], None]) -> Holdings:
    """Every position of a unified account, and its cash in each coin."""
    say("positions")
    rows: list[Any] = []
    coins: set[str] = set()
    for asked in _POSITION_REQUESTS:
        page = _all_pages(exchange, asked)
        with translated(exchange, _POSITIONS):
            open_ones = [row for row in page if needed(row, "size")]
            if asked["category"] == "option":
                coins.update(row["symbol"].split("-")[0] for row in open_ones)
        rows += open_ones
    say("instruments")
    _load(exchange, sorted(coins))
    found = Holdings([], {}, {})
    with translated(exchange, _POSITIONS):
        for row in rows:
            market = held(exchange, row["symbol"])
            found.positions.append(_position(exchange, row, market))
            found.markets[market["symbol"]] = market_row(market, _CONTRACT_SIZE)
    say("balances")
    accounts = ask_rows(exchange, _WALLET, {"accountType": "UNIFIED"}, "result", "list")
    with translated(exchange, _WALLET):
        for row in accounts[0]["coin"]:
            # What equity is beside options and unrealised profit, less the interest due.
            owed = (number(row, "spotBorrow") or 0) + (number(row, "accruedInterest") or 0)
            cash = needed(row, "walletBalance") - owed
            if cash:
                found.balances[word(row, "coin")] = f"{cash:f}"
    return found


def _load(exchange: Any, coins: Sequence[str]) -> None:
    """Instruments, of options those on some coins: ccxt asks by coin, for one page unless told."""
    kinds = ["linear", "inverse", *(["option"] if coins else [])]
    exchange.options["fetchMarkets"] = {
        "types": kinds,
        "options": list(coins),
        "loadAllOptions": True,
    }
    load_markets(exchange)


def _all_pages(exchange: Any, asked: Mapping[str, str]) -> list[Any]:
    """The rows of every page."""
    rows: list[Any] = []
    page = {**asked, "limit": _PAGE}
    while True:
        rows += ask_rows(exchange, _POSITIONS, page, "result", "list")
        cursor = exchange.last_json_response["result"].get("nextPageCursor")
        if not cursor:
            return rows
        page["cursor"] = cursor


def _add(found: Chain, exchange: Any, row: Any, market: Any, time_ms: int) -> None:
    symbol = market["symbol"]
    told: dict[str, Any] = {"timestamp": time_ms, "indexPrice": text(number(row, "indexPrice"))}
    if market["option"]:
        found.options[symbol] = cut(exchange.parse_option(row, None, market), OPTION_KEYS, **told)
    else:
        # Inverse contracts are counted in USD, and their value in coins.
        coins = "openInterestValue" if market["inverse"] else "openInterest"
        told["openInterest"] = text(number(row, coins))
        told["fundingRate8h"] = text(_funding_8h(row, market))
        found.tickers[symbol] = cut(exchange.parse_ticker(row, market), TICKER_KEYS, **told)
    found.markets[symbol] = market_row(market, _CONTRACT_SIZE)


def _funding_8h(row: Any, market: Any) -> Decimal | None:
    """The rate of the coming funding, which may be of fewer hours, in proportion of eight."""
    rate, minutes = number(row, "fundingRate"), number(market["info"], "fundingInterval")
    return rate * _MINUTES_8H / minutes if rate is not None and minutes else None


def _position(exchange: Any, row: Any, market: Any) -> Row:
    """Contracts in USDC settle every eight hours; profit since then is not in the cash."""
    entry = None
    if not market["option"]:
        session = number(row, "sessionAvgPrice") if market["settle"] == "USDC" else None
        entry = session or needed(row, "avgPrice")
    unified = exchange.parse_position(row, market)
    return position_row(unified, needed(row, "size"), _CONTRACT_SIZE, entry)
