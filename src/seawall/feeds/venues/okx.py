"""OKX's API v5: tickers, marks, volatilities, open interest, funding, positions and balances.

Source: the endpoints public/instruments, public/underlying, market/tickers, public/mark-price,
public/opt-summary, public/open-interest, public/funding-rate, market/index-tickers,
account/positions and account/balance of OKX's API documentation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

from seawall.basics.errors import VenueError
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

KEYS = ("apiKey", "secret", "password")
_TICKERS = "publicGetMarketTickers"
_MARKS = "publicGetPublicMarkPrice"
_OPEN_INTEREST = "publicGetPublicOpenInterest"
_VOLATILITIES = "publicGetPublicOptSummary"
_FUNDING = "publicGetPublicFundingRate"
_INDICES = "publicGetMarketIndexTickers"
_MS_8H = 8 * 3_600_000


def chain(exchange: Any, coins: Sequence[str], say: Callable[[str], None]) -> Chain:
    """Options settled in the coin, futures and perpetuals on some coins."""
    say("instruments")
    families = _option_families(exchange, coins)
    _load(exchange, families)
    wanted = {id_: m for id_, m in contracts_on(exchange, coins).items() if _is_plain(m)}
    say("index prices")
    index = _index_prices(exchange, wanted.values())
    found = Chain({}, {}, {})
    for family in families:
        say(f"options on {family}")
        asked = {"instType": "OPTION", "instFamily": family}
        volatilities = _by_id(exchange, _VOLATILITIES, {"instFamily": family})
        _add_all(found, exchange, wanted, index, [volatilities, *_quotes(exchange, asked)])
    say("perpetuals")
    funding = _by_id(exchange, _FUNDING, {"instId": "ANY"})
    _add_all(found, exchange, wanted, index, [funding, *_quotes(exchange, {"instType": "SWAP"})])
    say("futures")
    _add_all(found, exchange, wanted, index, _quotes(exchange, {"instType": "FUTURES"}))
    return found


def holdings(exchange: Any, say: Callable[[str], None]) -> Holdings:
    """Every position of an account, and its cash in each currency.

    Raises VenueError beside what is asked for a position in spot margin.
    """
    say("positions")
    endpoint = "privateGetAccountPositions"
    rows = ask_rows(exchange, endpoint, {}, "data")
    with translated(exchange, endpoint):
        rows = [row for row in rows if needed(row, "pos")]
        options = [row["instId"] for row in rows if row["instType"] == "OPTION"]
        families = sorted({"-".join(name.split("-")[:2]).removesuffix("_UM") for name in options})
    say("instruments")
    _load(exchange, families)
    found = Holdings([], {}, {})
    with translated(exchange, endpoint):
        for row in rows:
            if row["instType"] == "MARGIN":
                raise _spot_margin(row["instId"])
            market = held(exchange, row["instId"])
            found.positions.append(_position(exchange, row, market))
            found.markets[market["symbol"]] = market_row(market, _contract_size(market))
    say("balances")
    endpoint = "privateGetAccountBalance"
    accounts = ask_rows(exchange, endpoint, {}, "data")
    with translated(exchange, endpoint):
        for row in accounts[0]["details"]:
            cash = needed(row, "cashBal") - (number(row, "interest") or 0)
            if cash:
                found.balances[word(row, "ccy")] = f"{cash:f}"
    return found


def _option_families(exchange: Any, coins: Sequence[str]) -> list[str]:
    endpoint = "publicGetPublicUnderlying"
    listed = ask(exchange, endpoint, {"instType": "OPTION"}, "data", 0)
    with translated(exchange, endpoint):
        return [family for coin in coins if (family := f"{coin}-USD") in listed]


def _load(exchange: Any, families: Sequence[str]) -> None:
    """Instruments, of options only those that are asked for: ccxt asks by family."""
    kinds = ["swap", "future", *(["option"] if families else [])]
    exchange.options["fetchMarkets"] = {"types": kinds}
    exchange.options["defaultUnderlying"] = list(families)
    load_markets(exchange)


def _is_plain(market: Any) -> bool:
    """Whether it settles in the coin or one stablecoin, not in a basket of them (BTC-USD_UM)."""
    return market["info"].get("instFamily") == market["info"].get("uly")


def _index_prices(exchange: Any, markets: Iterable[Any]) -> dict[str, str]:
    with translated(exchange, "instruments"):
        names = sorted({market["info"]["uly"] for market in markets})
    return {name: ask(exchange, _INDICES, {"instId": name}, "data", 0, "idxPx") for name in names}


def _quotes(exchange: Any, asked: dict[str, str]) -> list[dict[str, Any]]:
    """Open interest, tickers and marks of some instruments; the marks last."""
    return [_by_id(exchange, endpoint, asked) for endpoint in (_OPEN_INTEREST, _TICKERS, _MARKS)]


def _by_id(exchange: Any, endpoint: str, params: dict[str, str]) -> dict[str, Any]:
    rows = ask_rows(exchange, endpoint, params, "data")
    with translated(exchange, endpoint):
        return {row["instId"]: row for row in rows}


def _add_all(
    found: Chain,
    exchange: Any,
    wanted: dict[str, Any],
    index: dict[str, str],
    answers: Sequence[dict[str, Any]],
) -> None:
    """Add the wanted contracts that have a mark. Each of the answers is by instrument.

    The marks come last, so that the time of a row is theirs: a ticker is as old as its last change.
    """
    with translated(exchange, _MARKS):
        for name, market in wanted.items():
            if name in answers[-1]:
                row: dict[str, Any] = {}
                for answer in answers:
                    row |= answer.get(name, {})
                _add(found, exchange, row, market, index[market["info"]["uly"]])


def _add(found: Chain, exchange: Any, row: Any, market: Any, index: str) -> None:
    symbol = market["symbol"]
    told = {
        "timestamp": time_ms(row["ts"]),
        "markPrice": text(number(row, "markPx")),
        "indexPrice": text(decimal(index)),
        "openInterest": text(number(row, "oiCcy")),
    }
    if market["option"]:
        told["impliedVolatility"] = text(number(row, "markVol"))
        told["underlyingPrice"] = text(number(row, "fwdPx"))
        found.options[symbol] = cut(exchange.parse_option(row, None, market), OPTION_KEYS, **told)
    else:
        told["fundingRate8h"] = text(_funding_8h(row))
        found.tickers[symbol] = cut(exchange.parse_ticker(row, market), TICKER_KEYS, **told)
    found.markets[symbol] = market_row(market, _contract_size(market))


def _funding_8h(row: Any) -> Decimal | None:
    """The rate of the coming funding, which may be of fewer hours, in proportion of eight."""
    rate, at, after = (
        number(row, key) for key in ("fundingRate", "fundingTime", "nextFundingTime")
    )
    if rate is None or at is None or after is None or after <= at:
        return None
    return rate * _MS_8H / (after - at)


def _position(exchange: Any, row: Any, market: Any) -> Row:
    """``avgPx`` is the price since the last settlement, so its profit is not in the cash yet."""
    entry = None if market["option"] else needed(row, "avgPx")
    unified = exchange.parse_position(row, market)
    return position_row(unified, needed(row, "pos"), _contract_size(market), entry)


def _contract_size(market: Any) -> Decimal:
    """Value times multiplier: ccxt leaves out the latter, which is 0.01 for options on BTC."""
    info = market["info"]
    return needed(info, "ctVal") * (number(info, "ctMult") or 1)


def _spot_margin(name: str) -> VenueError:
    return VenueError(
        f"the account holds {name!r:.60} in spot margin, whose coins and debts are in no balance",
        where="okx, positions",
        remedy="Close it, or write the book by hand with these coins and debts.",
    )
