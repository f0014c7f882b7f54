"""OKX's answers: every number is text, volatilities are decimal, sizes are numbers of contracts."""

from __future__ import annotations

from typing import Any

from tests.tables import FORWARD, INDEX, smile
from tests.venues.market import (
    AS_OF_MS,
    EXPIRY_MS,
    FUTURE_MARK,
    OPTIONS,
    PERPETUAL_MARK,
    coin_price,
)
from tests.venues.server import Answers, Reply, Request

API = "/api/v5"
OPTION_MULTIPLIER = "0.01"
FUNDING_4H = "0.0000062"
_HOUR_MS = 3_600_000
_LONG_AGO_MS = AS_OF_MS - 9 * _HOUR_MS

_SWAPS = {"BTC-USD-SWAP": "inverse", "BTC-USDT-SWAP": "linear", "ETH-USDT-SWAP": "linear"}
_MARKS = {"BTC-USD_UM-SWAP": PERPETUAL_MARK, "BTC-USD-260327": FUTURE_MARK, "ETH-USDT-SWAP": 2100.0}


def chain_answers() -> Answers:
    return {
        f"{API}/public/underlying": lambda _: _data([["BTC-USD", "ETH-USD"]]),
        f"{API}/public/instruments": _instruments,
        f"{API}/market/index-tickers": lambda asked: _data(
            [{"instId": asked.params["instId"], "idxPx": f"{INDEX}", "ts": f"{AS_OF_MS}"}]
        ),
        f"{API}/market/tickers": lambda asked: _data([_ticker(name) for name in _names(asked)]),
        f"{API}/public/mark-price": lambda asked: _data([_mark(name) for name in _names(asked)]),
        f"{API}/public/open-interest": lambda asked: _data([_interest(n) for n in _names(asked)]),
        f"{API}/public/opt-summary": lambda _: _data([_summary(k, r) for k, r in OPTIONS]),
        f"{API}/public/funding-rate": lambda _: _data([_funding(name) for name in _SWAPS]),
    }


def account_answers() -> Answers:
    return {
        **chain_answers(),
        f"{API}/account/positions": lambda _: _data(positions()),
        f"{API}/account/balance": lambda _: _data([{"details": balances(), "totalEq": "1"}]),
    }


def failure(code: int, message: str, status: int = 200) -> Reply:
    return Reply({"code": f"{code}", "msg": message, "data": []}, status)


def _data(data: Any) -> Reply:
    return Reply({"code": "0", "msg": "", "data": data})


def option_id(strike: float, right: str) -> str:
    return f"BTC-USD-260327-{strike:.0f}-{'C' if right == 'call' else 'P'}"


def _instruments(request: Request) -> Reply:
    kind = request.params["instType"]
    if kind == "OPTION":
        listed = OPTIONS if request.params["uly"] == "BTC-USD" else []
        return _data([_option_instrument(strike, right) for strike, right in listed])
    if kind == "FUTURES":
        return _data([_contract("BTC-USD-260327", "inverse", "BTC-USD", expTime=f"{EXPIRY_MS}")])
    basket = _contract("BTC-USD_UM-SWAP", "linear", "BTC-USD", settleCcy="USDⓈ")
    basket["instFamily"] = "BTC-USD_UM"
    plain = [_contract(name, kind, name.removesuffix("-SWAP")) for name, kind in _SWAPS.items()]
    return _data([*plain, basket, {"instId": "", "instType": "SWAP", "state": "preopen"}])


def _contract(name: str, kind: str, uly: str, **more: str) -> dict[str, str]:
    coin, quote = uly.split("-")
    return {
        "instId": name,
        "instType": "SWAP" if name.endswith("SWAP") else "FUTURES",
        "uly": uly,
        "instFamily": uly,
        "ctType": kind,
        "ctVal": "100" if kind == "inverse" else "0.01",
        "ctMult": "1",
        "ctValCcy": "USD" if kind == "inverse" else coin,
        "settleCcy": coin if kind == "inverse" else quote,
        "baseCcy": "",
        "quoteCcy": "",
        "expTime": "",
        "optType": "",
        "stk": "",
        "lever": "100",
        "lotSz": "0.1",
        "minSz": "0.1",
        "tickSz": "0.1",
        "listTime": f"{AS_OF_MS - 86_400_000}",
        "state": "live",
        **more,
    }


def _option_instrument(strike: float, right: str) -> dict[str, str]:
    name = option_id(strike, right)
    return _contract(name, "inverse", "BTC-USD") | {
        "instType": "OPTION",
        "ctType": "",
        "ctVal": "1",
        "ctMult": OPTION_MULTIPLIER,
        "ctValCcy": "BTC",
        "expTime": f"{EXPIRY_MS}",
        "optType": name[-1],
        "stk": f"{strike:.0f}",
        "lever": "",
    }


def _names(request: Request) -> list[str]:
    """The instruments of a request, those of options by family."""
    if request.params["instType"] == "OPTION":
        listed = OPTIONS if request.params["instFamily"] == "BTC-USD" else []
        return [option_id(strike, right) for strike, right in listed]
    if request.params["instType"] == "SWAP":
        return [*_SWAPS, "BTC-USD_UM-SWAP"]
    return ["BTC-USD-260327"]


def _price(name: str) -> float:
    options = {option_id(strike, right): (strike, right) for strike, right in OPTIONS}
    return coin_price(*options[name]) if name in options else _MARKS.get(name, PERPETUAL_MARK)


def _ticker(name: str) -> dict[str, str]:
    """Options have no bid; nothing has traded since the morning."""
    mark = _price(name)
    is_option = mark < 10.0
    return {
        "instId": name,
        "instType": "OPTION" if is_option else "SWAP",
        "last": "",
        "bidPx": "" if is_option else f"{mark - 0.5:.1f}",
        "askPx": f"{mark * 1.02:.4f}" if is_option else f"{mark + 0.5:.1f}",
        "open24h": "",
        "vol24h": "0",
        "volCcy24h": "0",
        "ts": f"{_LONG_AGO_MS}",
    }


def _mark(name: str) -> dict[str, str]:
    return {"instId": name, "instType": "", "markPx": f"{_price(name)}", "ts": f"{AS_OF_MS}"}


def _interest(name: str) -> dict[str, str]:
    return {"instId": name, "oi": "1500", "oiCcy": "15", "oiUsd": "1", "ts": f"{AS_OF_MS}"}


def _summary(strike: float, right: str) -> dict[str, str]:
    return {
        "instId": option_id(strike, right),
        "instType": "OPTION",
        "uly": "BTC-USD",
        "markVol": f"{smile(strike):.6f}",
        "bidVol": "",
        "askVol": "",
        "fwdPx": f"{FORWARD}",
        "delta": "0.5",
        "ts": f"{AS_OF_MS}",
    }


def _funding(name: str) -> dict[str, str]:
    return {
        "instId": name,
        "instType": "SWAP",
        "fundingRate": FUNDING_4H,
        "fundingTime": f"{AS_OF_MS + _HOUR_MS}",
        "nextFundingTime": f"{AS_OF_MS + 5 * _HOUR_MS}",
        "nextFundingRate": "",
    }


def positions() -> list[dict[str, str]]:
    return [
        _position("BTC-USD-SWAP", "SWAP", "-4900", "70000"),
        _position("BTC-USDT-SWAP", "SWAP", "25", "69500"),
        _position(option_id(80_000.0, "put"), "OPTION", "-1250", "0.05"),
        _position("BTC-USD-260327", "FUTURES", "0", ""),
    ]


def _position(name: str, kind: str, contracts: str, entry: str) -> dict[str, str]:
    return {
        "instId": name,
        "instType": kind,
        "pos": contracts,
        "posSide": "net",
        "avgPx": entry,
        "nonSettleAvgPx": "20000",
        "markPx": f"{_price(name)}",
        "mgnMode": "cross",
        "lever": "10",
        "imr": "0.1",
        "mmr": "0.05",
        "upl": "0.01",
        "uplRatio": "0.1",
        "notionalUsd": "10",
        "liqPx": "",
        "margin": "",
        "posId": "307173036051017730",
        "cTime": f"{AS_OF_MS}",
        "uTime": f"{AS_OF_MS}",
    }


def balances() -> list[dict[str, str]]:
    def balance(currency: str, cash: str, interest: str, equity: str) -> dict[str, str]:
        return {
            "ccy": currency,
            "cashBal": cash,
            "interest": interest,
            "eq": equity,
            "availBal": cash,
            "availEq": cash,
            "frozenBal": "0",
            "upl": "0.01",
        }

    return [
        balance("BTC", "3.1", "", "2.2"),
        balance("USDT", "-2500.5", "0.25", "-2500"),
        balance("ETH", "0", "0", "0"),
    ]
