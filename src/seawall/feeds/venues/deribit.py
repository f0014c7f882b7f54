"""Deribit's API v2: book summaries of options and futures, index prices, positions and accounts.

Source: the methods public/get_instruments, public/get_book_summary_by_currency,
public/get_index_price, private/get_positions and private/get_account_summaries of Deribit's API
documentation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from seawall.feeds.fetched import Row
from seawall.feeds.venues.connection import ask, ask_rows, load_markets
from seawall.feeds.venues.failures import translated
from seawall.feeds.venues.rows import (
    OPTION_KEYS,
    TICKER_KEYS,
    Chain,
    Holdings,
    contracts_on,
    cut,
    decimal,
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
_SUMMARIES = "publicGetGetBookSummaryByCurrency"


def chain(exchange: Any, coins: Sequence[str], say: Callable[[str], None]) -> Chain:
    """Options, futures and perpetuals on some coins, in whatever they settle."""
    say("instruments")
    load_markets(exchange)
    wanted = contracts_on(exchange, coins)
    with translated(exchange, "instruments"):
        indices = sorted({market["info"]["price_index"] for market in wanted.values()})
        currencies = sorted({market["settleId"] for market in wanted.values()})
    say("index prices")
    index = {
        name: ask(exchange, "publicGetGetIndexPrice", {"index_name": name}, "result", "index_price")
        for name in indices
    }
    found = Chain({}, {}, {})
    for currency in currencies:
        for kind in ("option", "future"):
            say(f"{kind}s settled in {currency}")
            asked = {"currency": currency, "kind": kind}
            rows = ask_rows(exchange, _SUMMARIES, asked, "result")
            with translated(exchange, _SUMMARIES):
                for row in rows:
                    market = wanted.get(row["instrument_name"])
                    if market is not None:
                        _add(found, exchange, row, market, index[market["info"]["price_index"]])
    return found


def holdings(exchange: Any, say: Callable[[str], None]) -> Holdings:
    """Every position of an account, and its cash in each currency."""
    say("instruments")
    load_markets(exchange)
    found = Holdings([], {}, {})
    say("positions")
    rows = ask_rows(exchange, "privateGetGetPositions", {}, "result")
    with translated(exchange, "privateGetGetPositions"):
        for row in rows:
            if needed(row, "size"):
                market = held(exchange, row["instrument_name"])
                found.positions.append(_position(exchange, row, market))
                found.markets[market["symbol"]] = market_row(market, needed(market, "contractSize"))
    say("balances")
    endpoint = "privateGetGetAccountSummaries"
    summaries = ask_rows(exchange, endpoint, {}, "result", "summaries")
    with translated(exchange, endpoint):
        for row in summaries:
            # Equity is cash, options at their marks, and futures' profit since the last settlement.
            cash = needed(row, "equity") - needed(row, "options_value")
            cash -= needed(row, "futures_session_upl")
            if cash:
                found.balances[word(row, "currency")] = f"{cash:f}"
    return found


def _add(found: Chain, exchange: Any, row: Any, market: Any, index: Any) -> None:
    symbol = market["symbol"]
    told = {"timestamp": time_ms(row["creation_timestamp"]), "indexPrice": text(decimal(index))}
    open_interest = number(row, "open_interest")
    if market["option"]:
        percent = number(row, "mark_iv")
        told["impliedVolatility"] = None if percent is None else text(percent / 100)
        told["openInterest"] = text(open_interest)
        found.options[symbol] = cut(exchange.parse_option(row, None, market), OPTION_KEYS, **told)
    else:
        mark = number(row, "mark_price")
        if market["inverse"] and open_interest is not None:  # counted in USD
            open_interest = open_interest / mark if mark else None
        told["openInterest"] = text(open_interest)
        told["fundingRate8h"] = text(number(row, "funding_8h"))
        found.tickers[symbol] = cut(exchange.parse_ticker(row, market), TICKER_KEYS, **told)
    found.markets[symbol] = market_row(market, needed(market, "contractSize"))


def _position(exchange: Any, row: Any, market: Any) -> Row:
    """ccxt takes the size, coins or USD, for a number of contracts: here it becomes one."""
    contract_size = needed(market, "contractSize")
    contracts = needed(row, "size") / contract_size
    entry = None if market["option"] else _entry(row, market)
    return position_row(exchange.parse_position(row, market), contracts, contract_size, entry)


def _entry(row: Any, market: Any) -> Decimal:
    """The price at which the profit that is not settled yet would be nothing.

    Every day's profit goes to the cash at 08:00 UTC, so that the average price of the trades
    (``average_price``) would count it a second time. Inverse: profit = size (1/entry - 1/mark)
    coins; linear: size (mark - entry).
    """
    size = abs(needed(row, "size")) * (-1 if row["direction"] == "sell" else 1)
    mark, unsettled = needed(row, "mark_price"), needed(row, "floating_profit_loss")
    if not market["inverse"]:
        return mark - unsettled / size
    return 1 / (1 / mark + unsettled / size)
