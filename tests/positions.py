"""A book of five contracts and some cash as venues and programs would write it."""

from __future__ import annotations

import gzip
from decimal import Decimal
from pathlib import Path
from typing import Any

import xlsxwriter

from seawall.feeds.books import read_portfolio
from seawall.products.names import parse_name, venue_name
from tests.formats import dump, fetched

PERPETUAL_MARK = Decimal(70_510)
FUTURE_MARK = Decimal(70_990)
# Whole numbers of every venue's contracts.
USD = {"BTC-PERPETUAL": Decimal(-141_000), "BTC-27MAR26": Decimal(71_000)}
ENTRY = {"BTC-PERPETUAL": Decimal(70_000), "BTC-27MAR26": Decimal("71234.5")}
MARK = {"BTC-PERPETUAL": PERPETUAL_MARK, "BTC-27MAR26": FUTURE_MARK}
COINS = {
    **{name: usd / MARK[name] for name, usd in USD.items()},
    "BTC-27MAR26-80000-C": Decimal("-12.5"),
    "BTC-27MAR26-60000-P": Decimal(4),
    "BTC_USDT-PERPETUAL": Decimal("0.35"),
}
ENTRY["BTC_USDT-PERPETUAL"] = Decimal(70_400)
CASH = {"USDC": Decimal("250000.25"), "BTC": Decimal("-1.5")}
EXPECTED = {name: (size, ENTRY.get(name)) for name, size in (COINS | CASH).items()}
DERIVATIVES = {name: EXPECTED[name] for name in COINS}


def held(path: Path, **options: Any) -> dict[str, tuple[Decimal, Decimal | None]]:
    """Quantity and entry price of each position of the book, by name."""
    positions = read_portfolio(path, **options).positions
    return {p.instrument.name: (p.quantity, p.entry_price) for p in positions}


def rows() -> list[list[str]]:
    return [
        ["instrument", "quantity", "entry_price"],
        *([name, str(size), str(entry or "")] for name, (size, entry) in EXPECTED.items()),
    ]


def csv_book(path: Path) -> Path:
    path.write_text("".join(",".join(row) + "\n" for row in rows()))
    return path


def gzipped_csv(path: Path) -> Path:
    path.write_bytes(gzip.compress(csv_book(path).read_bytes()))
    return path


def excel_book(path: Path, name: str = "Sheet1") -> Path:
    book = xlsxwriter.Workbook(path, {"strings_to_numbers": False})
    sheet = book.add_worksheet(name)
    for number, row in enumerate(rows()):
        # As text: Excel's own numbers have fifteen digits.
        sheet.write_row(number, 0, row)
    book.close()
    return path


def json_book(path: Path) -> Path:
    header, *others = rows()
    return dump([dict(zip(header, row, strict=True)) for row in others], path)


def number_map(path: Path) -> Path:
    return dump({name: str(size) for name, (size, _) in EXPECTED.items()}, path)


def deribit_position(name: str, **other: object) -> dict[str, Any]:
    """A row as Deribit writes it; sizes of inverse futures in USD, of linear ones in value."""
    coins, option = COINS[name], name in ("BTC-27MAR26-80000-C", "BTC-27MAR26-60000-P")
    size = USD.get(name, coins if option else coins * 70_450)
    row = {
        "instrument_name": name,
        "kind": "option" if option else "future",
        "direction": "buy" if coins > 0 else "sell",
        "size": float(size),
        "average_price": 0.0123 if option else float(ENTRY[name]),
        "mark_price": 0.02 if option else float(MARK.get(name, 70_450)),
        "index_price": 70_500.0,
        "settlement_price": 0.0,
        "floating_profit_loss": 0.5,
        "total_profit_loss": 0.5,
        "initial_margin": 3.3,
        "maintenance_margin": 2.2,
        "leverage": 50,
    }
    if not option:
        row["size_currency"] = float(round(coins, 9))
    return {**row, **other}


def deribit(path: Path) -> Path:
    flat = deribit_position("BTC-PERPETUAL", instrument_name="ETH-PERPETUAL", size=0.0)
    flat |= {"direction": "zero", "size_currency": 0.0}
    reply = [*(deribit_position(name) for name in COINS), flat]
    return dump({"jsonrpc": "2.0", "id": 404, "result": reply, "usOut": 1770307212345000}, path)


def unified_position(name: str, **other: object) -> dict[str, Any]:
    """A row as ccxt unifies it, of a venue whose contracts are 0.01 coins or 100 USD."""
    in_usd = name in USD
    contracts = USD[name] / 100 if in_usd else COINS[name] / Decimal("0.01")
    row = {
        "info": {},
        "symbol": venue_name(parse_name(name), "ccxt"),
        "contracts": float(abs(contracts)),
        "contractSize": 100.0 if in_usd else 0.01,
        "side": "long" if contracts > 0 else "short",
        "entryPrice": float(ENTRY.get(name, "0.05")),
        "markPrice": float(MARK.get(name, 70_450)),
        "notional": 1.0,
        "marginMode": "cross",
        "hedged": False,
        "initialMargin": 7.0,
        "maintenanceMargin": None,
        "unrealizedPnl": 0.0,
    }
    return {**row, **other}


def ccxt_positions(path: Path) -> Path:
    return dump([unified_position(name) for name in COINS], path)


def ccxt_of_deribit(path: Path) -> Path:
    """Where ccxt's own product is wrong: ``contracts`` is Deribit's amount."""
    found = []
    for name in COINS:
        info = deribit_position(name)
        row = unified_position(name, info=info, contracts=info["size"], contractSize=10.0)
        found.append(row)
    return dump(found, path)


def fetched_positions(path: Path) -> Path:
    found = []
    for name in COINS:
        row = unified_position(name)
        keys = ("contracts", "contractSize", "markPrice", "entryPrice")
        found.append(
            {"symbol": row["symbol"], "side": row["side"]} | {k: str(row[k]) for k in keys}
        )
    balances = {name: str(size) for name, size in CASH.items()}
    return dump(fetched(kind="positions", positions=found, balances=balances), path)


def okx_position(name: str, **other: object) -> dict[str, Any]:
    contracts = USD[name] / 100 if name in USD else COINS[name] / Decimal("0.01")
    row = {"instId": venue_name(parse_name(name), "okx"), "pos": f"{contracts:f}"}
    return row | {"avgPx": str(ENTRY.get(name, "0.05"))} | other


def sim_pos(path: Path) -> Path:
    request = {
        "inclRealPosAndEq": False,
        "simPos": [okx_position(name) for name in COINS],
        "simAsset": [{"ccy": name, "amt": str(size)} for name, size in CASH.items()],
    }
    return dump(request, path)


def okx_account(path: Path) -> Path:
    found = [
        okx_position(name, posSide="net", mgnMode="cross", markPx=str(MARK.get(name, "70450")))
        for name in COINS
    ]
    return dump({"code": "0", "data": found, "msg": ""}, path)
