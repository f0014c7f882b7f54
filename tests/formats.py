"""The made-up chain of tests/tables.py as venues and programs would write it."""

from __future__ import annotations

import gzip
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import xlsxwriter

from seawall.products.names import parse_name, venue_name
from tests.tables import AS_OF, INDEX, chain, listing

Rows = list[dict[str, Any]]

TARDIS_HEADER = (
    "exchange,symbol,timestamp,local_timestamp,type,strike_price,expiration,open_interest,"
    "last_price,bid_price,bid_amount,bid_iv,ask_price,ask_amount,ask_iv,mark_price,mark_iv,"
    "underlying_index,underlying_price,delta,gamma,vega,theta,rho"
)


def micros(moment: datetime) -> int:
    """Microseconds since 1970."""
    return round(moment.timestamp() * 1e6)


def options() -> Rows:
    """The rows of the chain."""
    return chain().to_dicts()


def futures() -> Rows:
    """The rows of the futures listing."""
    return listing().to_dicts()


def dump(content: object, path: Path) -> Path:
    """The content as a JSON file."""
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def listed() -> pl.DataFrame:
    """Options and futures in one table."""
    return pl.concat([chain(), listing()], how="diagonal")


def csv_listing(path: Path) -> Path:
    """Options and futures in the columns of this project."""
    listed().write_csv(path)
    return path


def summary() -> dict[str, Any]:
    """Deribit's reply: options and futures of one coin, volatilities in percent, no index."""
    common = {
        "base_currency": "BTC",
        "creation_timestamp": micros(AS_OF) // 1000,
        "estimated_delivery_price": INDEX,
        "last": None,
        "volume": 0.0,
    }
    rows = [
        {
            **common,
            "instrument_name": row["instrument_name"],
            "underlying_index": "BTC-27MAR26",
            "underlying_price": row["underlying_price"],
            "bid_price": row["bid_price"],
            "ask_price": row["ask_price"],
            "mark_price": row["mark_price"],
            "mark_iv": 100.0 * row["mark_iv"],
            "interest_rate": 0.0,
        }
        for row in options()
    ] + [
        {
            **common,
            "instrument_name": row["instrument_name"],
            "bid_price": row["mark_price"] - 0.5,
            "ask_price": row["mark_price"] + 0.5,
            "mark_price": row["mark_price"],
        }
        for row in futures()
    ]
    sent = micros(AS_OF)
    return {"jsonrpc": "2.0", "result": rows, "usIn": sent, "usOut": sent + 900, "testnet": False}


def unified_chain() -> dict[str, Any]:
    """ccxt's fetch_option_chain at a venue that tells decimal volatilities and the index."""
    return {
        symbol: {
            "info": {"markIv": str(row["mark_iv"]), "indexPrice": str(INDEX)},
            "currency": None,
            "symbol": symbol,
            "timestamp": micros(AS_OF) // 1000,
            "impliedVolatility": row["mark_iv"],
            "openInterest": None,
            "bidPrice": row["bid_price"],
            "askPrice": row["ask_price"],
            "markPrice": row["mark_price"],
            "lastPrice": None,
            "underlyingPrice": row["underlying_price"],
        }
        for row in options()
        for symbol in [venue_name(parse_name(row["instrument_name"]), "ccxt")]
    }


def unified_tickers() -> dict[str, Any]:
    """ccxt's fetch_tickers of the futures and, as it does, a spot pair."""
    found = {
        symbol: {
            "info": {},
            "symbol": symbol,
            "timestamp": micros(AS_OF) // 1000,
            "bid": row["mark_price"] - 0.5,
            "ask": row["mark_price"] + 0.5,
            "last": row["mark_price"],
            "markPrice": row["mark_price"],
            "indexPrice": row["index_price"],
        }
        for row in futures()
        for symbol in [venue_name(parse_name(row["instrument_name"]), "ccxt")]
    }
    spot = {**next(iter(found.values())), "symbol": "BTC/USDT", "markPrice": None}
    return {**found, "BTC/USDT": spot}


def fetched(**parts: object) -> dict[str, Any]:
    """What ``seawall fetch`` writes, every number as text."""
    return {
        "source": "ccxt",
        "venue": "deribit",
        "fetched_at": AS_OF.isoformat(),
        "positions": [],
        "balances": {},
        "options": {},
        "tickers": {},
        "markets": {},
        **parts,
    }


def tardis_row(row: dict[str, Any], moment: datetime, **other: object) -> str:
    """One update, as it stands in a tardis file of Deribit."""
    option: Any = parse_name(row["instrument_name"])
    cells = dict.fromkeys(TARDIS_HEADER.split(","), "")
    cells |= {
        "exchange": "deribit",
        "symbol": row["instrument_name"],
        "timestamp": str(micros(moment)),
        "local_timestamp": str(micros(moment) + 4_321),
        "type": option.right,
        "strike_price": str(option.strike),
        "expiration": str(micros(option.expiry)),
        "bid_price": repr(row["bid_price"]),
        "ask_price": repr(row["ask_price"]),
        "mark_price": repr(row["mark_price"]),
        "mark_iv": repr(100.0 * row["mark_iv"]),
        "underlying_index": "BTC-27MAR26",
        "underlying_price": repr(row["underlying_price"]),
    }
    return ",".join(str({**cells, **other}[name]) for name in cells)


def tardis(*rows: str) -> str:
    """A tardis file of the given updates, by default the chain's, spread over two minutes."""
    if not rows:
        rows = tuple(
            tardis_row(row, AS_OF - timedelta(seconds=8 * (len(options()) - 1 - i)))
            for i, row in enumerate(options())
        )
    return "\n".join((TARDIS_HEADER, *rows)) + "\n"


def workbook(path: Path) -> Path:
    """The listing as a sheet that is not the first, times as dates of Excel."""
    book = xlsxwriter.Workbook(path)
    book.add_worksheet("notes").write(0, 0, "see the next sheet")
    sheet, date = book.add_worksheet("Market"), book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
    rows = [*options(), *futures()]
    header = list(rows[0])
    sheet.write_row(1, 0, header)
    for number, row in enumerate(rows, 2):
        sheet.write_datetime(number, 0, row["timestamp"].replace(tzinfo=None), date)
        for column, name in enumerate(header[1:], 1):
            if row.get(name) is not None:
                sheet.write(number, column, row[name])
    book.close()
    return path


def json_rows(path: Path) -> Path:
    rows = [{**row, "timestamp": row["timestamp"].isoformat()} for row in [*options(), *futures()]]
    return dump(rows, path)


def tardis_and_perpetual(path: Path) -> list[Path]:
    tickers = dump(unified_tickers(), path.with_name("tickers.json"))
    path.write_bytes(gzip.compress(tardis().encode()))
    return [path, tickers]


def chain_and_tickers(path: Path) -> list[Path]:
    return [
        dump(unified_chain(), path),
        dump(list(unified_tickers().values()), path.with_name("tickers.json")),
    ]


def deribit_through_ccxt(path: Path) -> Path:
    rows = summary()["result"]
    symbols = {row["instrument_name"]: {"info": row, "symbol": "unused"} for row in rows}
    keys = dict.fromkeys(("bidPrice", "askPrice", "underlyingPrice", "impliedVolatility"))
    return dump({name: {**keys, **row} for name, row in symbols.items()}, path)


def fetched_chain(path: Path) -> Path:
    option_keys = ("markPrice", "bidPrice", "askPrice", "underlyingPrice", "impliedVolatility")
    chain = {
        symbol: {"indexPrice": str(INDEX), "timestamp": row["timestamp"]}
        | {key: str(row[key]) for key in option_keys}
        for symbol, row in unified_chain().items()
    }
    tickers = {
        symbol: {key: str(row[key]) for key in ("markPrice", "bid", "ask", "indexPrice")}
        for symbol, row in unified_tickers().items()
        if ":" in symbol
    }
    return dump(fetched(kind="chain", options=chain, tickers=tickers), path)


def gzipped_summary(path: Path) -> Path:
    path.write_bytes(gzip.compress(json.dumps(summary()).encode()))
    return path
