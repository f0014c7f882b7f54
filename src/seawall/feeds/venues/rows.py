"""Rows of answers in one form: ccxt's unified keys, and numbers as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Context, Decimal
from typing import Any, NamedTuple

from seawall.basics.errors import UnknownInstrument, VenueError
from seawall.basics.nearest import did_you_mean, nearest_name
from seawall.feeds.fetched import Row
from seawall.feeds.venues.connection import MOST_DIGITS

OPTION_KEYS = (
    "timestamp",
    "markPrice",
    "bidPrice",
    "askPrice",
    "impliedVolatility",
    "underlyingPrice",
    "indexPrice",
    "openInterest",
)
TICKER_KEYS = (
    "timestamp",
    "markPrice",
    "bid",
    "ask",
    "indexPrice",
    "openInterest",
    "fundingRate8h",
)
POSITION_KEYS = ("symbol", "side", "contracts", "contractSize", "markPrice", "entryPrice")
MARKET_KEYS = (
    "id",
    "type",
    "base",
    "quote",
    "settle",
    "inverse",
    "linear",
    "quanto",
    "contractSize",
    "expiry",
    "strike",
    "optionType",
)
# What is computed is told to as many digits as a float64 holds.
_DIGITS = Context(prec=17)
_END_MS = 10**14


class Chain(NamedTuple):
    """Options and tickers of futures and perpetuals by symbol, and the contracts of both."""

    options: dict[str, Row]
    tickers: dict[str, Row]
    markets: dict[str, Row]


class Holdings(NamedTuple):
    """Positions, cash by asset, and the contracts of the positions by symbol."""

    positions: list[Row]
    balances: dict[str, str]
    markets: dict[str, Row]


def decimal(value: Any) -> Decimal | None:
    """A number of an answer; None where it is null or empty text.

    Raises ValueError or ArithmeticError for what is no number, infinite, or of an absurd size.
    """
    if value is None or value == "":
        return None
    found = Decimal(str(value))
    if not found.is_finite() or (found and abs(found.adjusted()) > MOST_DIGITS):
        raise ValueError(value)
    return found


def number(row: Mapping[str, Any], key: str) -> Decimal | None:
    """The number under a key, None where there is none. Raises as :func:`decimal` does."""
    return decimal(row.get(key))


def needed(row: Mapping[str, Any], key: str) -> Decimal:
    """A number that an answer must have. Raises as :func:`number` does and KeyError without it."""
    found = number(row, key)
    if found is None:
        raise KeyError(key)
    return found


def time_ms(value: Any) -> int:
    """A time of an answer in milliseconds since 1970. Raises ValueError for what is none."""
    time = int(value)
    if not 0 < time < _END_MS:
        raise ValueError(value)
    return time


def text(value: Decimal | None) -> str | None:
    """A number as text that is no longer than its digits, without an exponent."""
    return None if value is None else f"{value.normalize(_DIGITS):f}"


def cut(row: Mapping[str, Any], keys: tuple[str, ...], **ours: Any) -> Row:
    """The keys of a unified row that are kept; ``ours`` are put in or replace ccxt's."""
    return {key: ours.get(key, row.get(key)) for key in keys}


def word(row: Mapping[str, Any], key: str) -> str:
    """A name of an answer. Raises KeyError without it and ValueError for what is no text."""
    found = row[key]
    if not isinstance(found, str) or not found:
        raise ValueError(key)
    return found


def position_row(
    unified: Mapping[str, Any], contracts: Decimal, contract_size: Decimal, entry: Decimal | None
) -> Row:
    """What is kept of a position, with its ``contracts`` of either sign.

    Raises ValueError if it is neither long nor short.
    """
    if unified["side"] not in ("long", "short"):
        raise ValueError("side")
    return cut(
        unified,
        POSITION_KEYS,
        contracts=text(abs(contracts)),
        contractSize=text(contract_size),
        entryPrice=text(entry),
    )


def market_row(market: Mapping[str, Any], contract_size: Decimal | None) -> Row:
    """What is kept of a contract, with its size: coins, or USD of an inverse future."""
    expiry = None if market["swap"] else market["expiry"]
    return cut(market, MARKET_KEYS, contractSize=text(contract_size), expiry=expiry)


def contract(exchange: Any, instrument: str) -> dict[str, Any] | None:
    """The contract that a venue lists by that id; None where it lists none."""
    listed: list[dict[str, Any]] = exchange.markets_by_id.get(instrument, [])
    return next(filter(is_contract, listed), None)


def held(exchange: Any, instrument: str) -> dict[str, Any]:
    """The contract of a position. Raises VenueError for one that no margin could be computed of."""
    found = contract(exchange, instrument)
    if found is None:
        raise VenueError(
            f"{exchange.id} shows a position in {instrument!r:.60}, which it does not list as an "
            "option, future or perpetual",
            where="positions",
            remedy="Close it, or write the book by hand with what it is made of.",
        )
    return found


def contracts_on(exchange: Any, coins: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Every contract on some coins that a venue lists, by its id.

    Raises UnknownInstrument for a coin without one.
    """
    listed = [market for market in exchange.markets.values() if is_contract(market)]
    bases = {market["base"] for market in listed}
    for coin in coins:
        if coin not in bases:
            raise UnknownInstrument(
                f"{exchange.id} lists no options, futures or perpetuals on {coin!r:.20}",
                where="COIN",
                remedy=did_you_mean(
                    nearest_name(coin, bases), "Name a coin of its contracts, for example BTC."
                ),
            )
    return {market["id"]: market for market in listed if market["base"] in coins}


def is_contract(market: Mapping[str, Any]) -> bool:
    """Whether it is an option, future or perpetual: no pair, and no combination of contracts."""
    return bool(market["contract"] and (market["inverse"] or market["linear"]))
