"""Deribit's answers: JSON-RPC replies, volatilities in percent, sizes in USD of inverse futures."""

from __future__ import annotations

import re
from typing import Any

from tests.tables import FORWARD, INDEX, smile
from tests.venues.market import (
    AS_OF_MS,
    EXPIRY_MS,
    FUTURE_MARK,
    OPTIONS,
    PERPETUAL_MARK,
    coin_price,
    usd_price,
)
from tests.venues.server import Answers, Reply, Request

API = "/api/v2"
FUNDING_8H = 0.0000125
NEVER_MS = 32_503_708_800_000


def chain_answers() -> Answers:
    return {
        f"{API}/public/get_instruments": lambda _: _result(instruments()),
        f"{API}/public/get_book_summary_by_currency": _summary,
        f"{API}/public/get_index_price": lambda _: _result(
            {"index_price": INDEX, "estimated_delivery_price": INDEX}
        ),
    }


def account_answers() -> Answers:
    return {
        **chain_answers(),
        f"{API}/private/get_positions": lambda _: _result(positions()),
        f"{API}/private/get_account_summaries": lambda _: _result(accounts()),
    }


def failure(code: int, message: str, status: int = 400) -> Reply:
    return Reply({"jsonrpc": "2.0", "error": {"code": code, "message": message}}, status)


def _result(result: Any) -> Reply:
    return Reply({"jsonrpc": "2.0", "result": result, "usIn": AS_OF_MS * 1000, "testnet": False})


def option_id(strike: float, right: str, settle: str = "BTC") -> str:
    pair = "BTC" if settle == "BTC" else "BTC_USDC"
    return f"{pair}-27MAR26-{strike:.0f}-{'C' if right == 'call' else 'P'}"


def instruments() -> list[dict[str, Any]]:
    options = [
        _instrument(
            option_id(strike, right, settle),
            "option",
            settle,
            expiration_timestamp=EXPIRY_MS,
            strike=strike,
            option_type=right,
            contract_size=1.0,
        )
        for settle in ("BTC", "USDC")
        for strike, right in OPTIONS
    ]
    return [
        *options,
        _instrument("BTC-PERPETUAL", "future", "BTC", settlement_period="perpetual"),
        _instrument("BTC-27MAR26", "future", "BTC", expiration_timestamp=EXPIRY_MS),
        _instrument(
            "BTC_USDC-PERPETUAL",
            "future",
            "USDC",
            settlement_period="perpetual",
            contract_size=0.0001,
        ),
        _instrument("BTC-FS-27MAR26_PERP", "future_combo", "BTC", expiration_timestamp=EXPIRY_MS),
        _instrument("BTC_USDC", "spot", "USDC"),
        _instrument(
            "ETH-PERPETUAL", "future", "ETH", settlement_period="perpetual", base_currency="ETH"
        ),
    ]


def _instrument(name: str, kind: str, settle: str, **more: Any) -> dict[str, Any]:
    counter = "USD" if settle != "USDC" else "USDC"
    coin = more.get("base_currency", "BTC")
    return {
        "instrument_name": name,
        "kind": kind,
        "base_currency": coin,
        "counter_currency": counter,
        "quote_currency": settle if kind == "option" else counter,
        "settlement_currency": settle,
        "price_index": f"{coin}_{counter}".lower(),
        "settlement_period": "month",
        "expiration_timestamp": NEVER_MS,
        "creation_timestamp": AS_OF_MS - 86_400_000,
        "contract_size": 10.0,
        "min_trade_amount": 0.1,
        "tick_size": 0.0001,
        "maker_commission": 0.0003,
        "taker_commission": 0.0003,
        "is_active": True,
        **more,
    }


def _summary(request: Request) -> Reply:
    currency, kind = request.params["currency"], request.params["kind"]
    if kind == "option":
        listed = OPTIONS if currency != "ETH" else []
        return _result([_option(strike, right, currency) for strike, right in listed])
    rows = {
        "BTC": [
            _future("BTC-PERPETUAL", PERPETUAL_MARK, 987_654_320.0, funding_8h=FUNDING_8H),
            _future("BTC-27MAR26", FUTURE_MARK, 12_345_670.0),
        ],
        "USDC": [
            _future("BTC_USDC-PERPETUAL", PERPETUAL_MARK, 321.5, funding_8h=FUNDING_8H),
            # Of no instrument that is listed.
            _future("SOL_USDC-PERPETUAL", 88.5, 55_000.0, funding_8h=FUNDING_8H),
        ],
        "ETH": [_future("ETH-PERPETUAL", 2100.0, 54_321.0, funding_8h=FUNDING_8H)],
    }
    return _result(rows[currency]) if currency in rows else failure(-32602, "Invalid params")


def _option(strike: float, right: str, settle: str) -> dict[str, Any]:
    inverse = settle == "BTC"
    mark = coin_price(strike, right) if inverse else round(usd_price(strike, right), 4)
    return {
        "instrument_name": option_id(strike, right, settle),
        "base_currency": "BTC",
        "quote_currency": settle,
        "creation_timestamp": AS_OF_MS,
        "mark_price": mark,
        "mark_iv": round(smile(strike) * 100.0, 4),
        "bid_price": None,
        "ask_price": round(mark * 1.02, 6),
        "mid_price": None,
        "last": mark,
        "underlying_index": "BTC-27MAR26",
        "underlying_price": FORWARD,
        "estimated_delivery_price": INDEX,
        "interest_rate": 0.0,
        "open_interest": 364.1,
        "volume": 12.5,
        "volume_usd": 100.0,
    }


def _future(name: str, mark: float, open_interest: float, **more: Any) -> dict[str, Any]:
    return {
        "instrument_name": name,
        "base_currency": re.split("[-_]", name, maxsplit=1)[0],
        "quote_currency": "USD",
        "creation_timestamp": AS_OF_MS,
        "mark_price": mark,
        "bid_price": mark - 2.5,
        "ask_price": mark + 2.5,
        "mid_price": mark,
        "last": mark,
        "estimated_delivery_price": INDEX,
        "open_interest": open_interest,
        "volume": 1000.0,
        **more,
    }


def positions() -> list[dict[str, Any]]:
    """Settled at 70,000 this morning, long ago bought at 20,000: its profit since then is small."""
    since_settlement = 70_000.0 * (1 / 70_000.0 - 1 / PERPETUAL_MARK)
    return [
        _position("BTC-PERPETUAL", "future", 70_000.0, PERPETUAL_MARK, since_settlement),
        _position("BTC_USDC-PERPETUAL", "future", -0.5, PERPETUAL_MARK, 255.0),
        _position(option_id(80_000.0, "put"), "option", -12.5, coin_price(80_000.0, "put"), -0.1),
        _position("BTC-27MAR26", "future", 0.0, FUTURE_MARK, 0.0),
    ]


def _position(
    name: str, kind: str, size: float, mark: float, floating_profit_loss: float
) -> dict[str, Any]:
    return {
        "instrument_name": name,
        "kind": kind,
        "direction": "buy" if size > 0 else "sell" if size < 0 else "zero",
        "size": size,
        "size_currency": size / mark if abs(size) > 1000.0 else size,
        "average_price": 20_000.0 if kind == "future" else 0.05,
        "mark_price": mark,
        "index_price": INDEX,
        "settlement_price": 70_000.0,
        "floating_profit_loss": floating_profit_loss,
        "total_profit_loss": 2.5,
        "realized_profit_loss": 0.0,
        "initial_margin": 0.02,
        "maintenance_margin": 0.01,
        "leverage": 50,
    }


def accounts() -> dict[str, Any]:
    """Cash of 3.1 BTC and 125,000 USDC beside what the positions are worth; no ETH."""

    def account(currency: str, cash: float, options: float, futures: float) -> dict[str, Any]:
        return {
            "currency": currency,
            "equity": cash + options + futures,
            "balance": cash,
            "options_value": options,
            "futures_session_upl": futures,
            "available_funds": cash,
            "maintenance_margin": 0.0,
            "deposit_address": "not-to-be-kept",
        }

    return {
        "id": 10,
        "email": "someone@example.com",
        "summaries": [
            account("BTC", 3.1, -1.5, 0.0078125),
            account("USDC", 125_000.0, 0.0, 255.0),
            account("ETH", 0.0, 0.0, 0.0),
        ],
    }
