"""Bybit's answers: every number is text, options settle in USDC or USDT, the reply has the time."""

from __future__ import annotations

from typing import Any

from tests.tables import FORWARD, INDEX, smile
from tests.venues.market import (
    AS_OF_MS,
    EXPIRY_MS,
    FUTURE_MARK,
    OPTIONS,
    PERPETUAL_MARK,
    usd_price,
)
from tests.venues.server import Answers, Reply, Request

API = "/v5"
FUNDING_4H = "0.0000062"
PAGE = 10
_CONTRACTS = {
    "BTCUSDT": ("linear", "LinearPerpetual", "USDT"),
    "BTCPERP": ("linear", "LinearPerpetual", "USDC"),
    "ETHUSDT": ("linear", "LinearPerpetual", "USDT"),
    "BTCUSDT-27MAR26": ("linear", "LinearFutures", "USDT"),
    "BTCUSD": ("inverse", "InversePerpetual", "BTC"),
    "BTCUSDH26": ("inverse", "InverseFutures", "BTC"),
}
_MARKS = {"ETHUSDT": 2100.0, "BTCUSDT-27MAR26": FUTURE_MARK, "BTCUSDH26": FUTURE_MARK}


def chain_answers() -> Answers:
    return {f"{API}/market/instruments-info": _instruments, f"{API}/market/tickers": _tickers}


def account_answers() -> Answers:
    return {
        **chain_answers(),
        f"{API}/position/list": _positions,
        f"{API}/account/wallet-balance": lambda _: _result(
            {"list": [{"accountType": "UNIFIED", "totalEquity": "1", "coin": balances()}]}
        ),
    }


def failure(code: int, message: str, status: int = 200) -> Reply:
    return Reply({"retCode": code, "retMsg": message, "result": {}, "time": AS_OF_MS}, status)


def _result(result: Any) -> Reply:
    return Reply({"retCode": 0, "retMsg": "OK", "result": result, "time": AS_OF_MS})


def page(request: Request, rows: list[Any], size: int = PAGE) -> Reply:
    """Some rows and where the next ones begin."""
    cursor = request.params.get("cursor", "0")
    if not cursor.isdecimal():
        return failure(10001, "cursor")
    start = int(cursor)
    after = f"{start + size}" if start + size < len(rows) else ""
    return _result(
        {
            "category": request.params["category"],
            "list": rows[start : start + size],
            "nextPageCursor": after,
        }
    )


def option_id(strike: float, right: str, settle: str = "USDC") -> str:
    name = f"BTC-27MAR26-{strike:.0f}-{'C' if right == 'call' else 'P'}"
    return name if settle == "USDC" else f"{name}-USDT"


def options() -> list[tuple[str, float, str]]:
    return [
        (option_id(strike, right, settle), strike, right)
        for settle in ("USDC", "USDT")
        for strike, right in OPTIONS
    ]


def _instruments(request: Request) -> Reply:
    category = request.params["category"]
    if category == "option":
        coin = request.params["baseCoin"]
        rows = [_option_instrument(*o) for o in options()] if coin == "BTC" else []
        return page(request, rows)
    if request.params.get("status") == "PreLaunch":
        return page(request, [])
    return page(request, [_contract(n) for n, c in _CONTRACTS.items() if c[0] == category])


def _contract(name: str) -> dict[str, Any]:
    category, kind, settle = _CONTRACTS[name]
    dated = kind.endswith("Futures")
    return {
        "symbol": name,
        "contractType": kind,
        "status": "Trading",
        "baseCoin": name[:3],
        "quoteCoin": "USD" if category == "inverse" else settle,
        "settleCoin": settle,
        "launchTime": f"{AS_OF_MS - 86_400_000}",
        "deliveryTime": f"{EXPIRY_MS}" if dated else "0",
        "fundingInterval": 0 if dated else 240,
        "leverageFilter": {"minLeverage": "1", "maxLeverage": "100", "leverageStep": "0.01"},
        "priceFilter": {"minPrice": "0.5", "maxPrice": "999999", "tickSize": "0.5"},
        "lotSizeFilter": {"minOrderQty": "5" if category == "inverse" else "0.001", "qtyStep": "1"},
    }


def _option_instrument(name: str, strike: float, right: str) -> dict[str, Any]:
    settle = "USDT" if name.endswith("USDT") else "USDC"
    return {
        "symbol": name,
        "status": "Trading",
        "baseCoin": "BTC",
        "quoteCoin": "USD" if settle == "USDC" else "USDT",
        "settleCoin": settle,
        "optionsType": right.capitalize(),
        "launchTime": f"{AS_OF_MS - 86_400_000}",
        "deliveryTime": f"{EXPIRY_MS}",
        "priceFilter": {"minPrice": "5", "maxPrice": "10000000", "tickSize": "5"},
        "lotSizeFilter": {"maxOrderQty": "500", "minOrderQty": "0.01", "qtyStep": "0.01"},
    }


def _tickers(request: Request) -> Reply:
    category = request.params["category"]
    if category == "option":
        return _result({"category": category, "list": [_option(*o) for o in options()]})
    rows = [_ticker(name) for name, contract in _CONTRACTS.items() if contract[0] == category]
    return _result({"category": category, "list": rows})


def _option(name: str, strike: float, right: str) -> dict[str, str]:
    mark = usd_price(strike, right)
    return {
        "symbol": name,
        "bid1Price": "0",
        "bid1Iv": "0",
        "ask1Price": f"{mark * 1.02:.1f}",
        "ask1Iv": "0.9",
        "lastPrice": "0",
        "markPrice": f"{mark:.8f}",
        "markIv": f"{smile(strike):.6f}",
        "indexPrice": f"{INDEX}",
        "underlyingPrice": f"{FORWARD}",
        "openInterest": "15.25",
        "change24h": "0",
        "totalVolume": "2",
    }


def _mark(name: str) -> float:
    return _MARKS.get(name, PERPETUAL_MARK)


def _ticker(name: str) -> dict[str, str]:
    mark = _mark(name)
    return {
        "symbol": name,
        "markPrice": f"{mark}",
        "indexPrice": f"{INDEX}",
        "bid1Price": f"{mark - 0.5}",
        "ask1Price": f"{mark + 0.5}",
        "lastPrice": f"{mark}",
        "prevPrice24h": f"{mark - 100.0}",
        "price24hPcnt": "0.001",
        "openInterest": "373504107" if _CONTRACTS[name][0] == "inverse" else "52345.678",
        "openInterestValue": "5300.5",
        "fundingRate": "" if "Futures" in _CONTRACTS[name][1] else FUNDING_4H,
        "nextFundingTime": f"{AS_OF_MS + 3_600_000}",
        "turnover24h": "1",
        "volume24h": "1",
    }


def _positions(request: Request) -> Reply:
    """Two rows a page, so that the third is on another one."""
    held = {
        ("linear", "USDT"): [
            positions_row("BTCUSDT", "0.25", entry="69500"),
            positions_row("ETHUSDT", "0", "", "0"),
            positions_row("BTCUSDT-27MAR26", "0.5", "Sell", "71200"),
        ],
        ("linear", "USDC"): [positions_row("BTCPERP", "0.75", "Sell", "20000", "70800")],
        ("inverse", None): [positions_row("BTCUSD", "490000", "Sell")],
        ("option", None): [positions_row(option_id(80_000.0, "put"), "12.5", "Sell", "0.05")],
    }
    category, settle = request.params["category"], request.params.get("settleCoin")
    return page(request, held[category, settle], size=2)


def positions_row(
    name: str, size: str, side: str = "Buy", entry: str = "70000", session: str = "0"
) -> dict[str, Any]:
    return {
        "symbol": name,
        "side": side,
        "size": size,
        "avgPrice": entry,
        "sessionAvgPrice": session,
        "markPrice": f"{_mark(name)}",
        "positionValue": "1000",
        "positionIdx": 0,
        "positionIM": "10",
        "positionMM": "5",
        "positionBalance": "0",
        "unrealisedPnl": "1.5",
        "curRealisedPnl": "0",
        "leverage": "10",
        "liqPrice": "",
        "bustPrice": "",
        "createdTime": f"{AS_OF_MS}",
        "updatedTime": f"{AS_OF_MS}",
    }


def balances() -> list[dict[str, str]]:
    def balance(coin: str, wallet: str, borrowed: str, interest: str) -> dict[str, str]:
        return {
            "coin": coin,
            "equity": "1",
            "walletBalance": wallet,
            "spotBorrow": borrowed,
            "borrowAmount": borrowed,
            "accruedInterest": interest,
            "unrealisedPnl": "1",
        }

    return [
        balance("BTC", "3.1", "0", "0"),
        balance("USDT", "1000", "3500.5", "0.25"),
        balance("ETH", "0", "0", "0"),
    ]
