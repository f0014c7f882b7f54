"""What is mutated: a sound input of every kind and form that can be read."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from math import sin
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import xlsxwriter

from seawall.basics.errors import UnknownInstrument
from seawall.margin.catalogue import preset_names
from seawall.products.names import VENUES, parse_name, venue_name
from tests import equity_tables, formats
from tests import positions as books
from tests.fuzz.margins import index_chain, share_chain
from tests.naive import bachelier
from tests.tables import AS_OF, chain, curve, listing

SRC = Path(__file__).resolve().parents[2] / "src" / "seawall"


@dataclass(frozen=True, slots=True)
class Seed:
    """A sound input: ``door`` is the reader it is for (doors.py), ``kind`` what people call it, and
    ``form`` the form of its bytes, which decides how they are mutated.
    """

    door: str
    kind: str
    form: str
    content: bytes

    @property
    def title(self) -> str:
        """Kind and form."""
        return f"{self.kind}, {self.form}"


@cache
def seeds() -> tuple[Seed, ...]:
    """Every seed, in one order."""
    return (*_quotes(), *_books(), *_models(), *_texts())


# -------------------------------------------------------------------------------- quotes

# In the order of the table in docs/files.md.
LISTING = "an option chain or futures listing"
TARDIS = "a tardis options_chain"
CURVE = "a futures curve"
CBOE = "Cboe's option quotes"
NSE = "NSE's end of day"
NSE_SETTLEMENT = "NSE's settlement prices"
RATES = "discount factors"
DIVIDENDS = "dividends"
ACTIVITY = "an activity table"
HISTORY = "a history"


def activity() -> pl.DataFrame:
    """Two underlyings, one with a number that is not known."""
    return pl.DataFrame(
        {
            "timestamp": [AS_OF, AS_OF],
            "underlying": ["BTC", "ETH"],
            "adv_usd": [2.5e10, 1.1e10],
            "depth_usd": [4.2e7, None],
            "confidence": [0.999, 1.0],
            "pool_utilisation": [None, 0.35],
            "supply": [19_900_000.0, 120_500_000.0],
        }
    )


def history() -> pl.DataFrame:
    """Two days of hourly bars of two underlyings, funding every eight hours."""
    hours = range(48)
    waves = {"BTCUSDT": (70_000.0, 0.01), "ETH": (2_000.0, 0.02)}
    rows = [
        {
            "timestamp": AS_OF - timedelta(hours=48 - hour),
            "symbol": symbol,
            "open": level * (1.0 + width * sin(hour - 1)),
            "high": level * (1.0 + 1.5 * width),
            "low": level * (1.0 - 1.5 * width),
            "close": level * (1.0 + width * sin(hour)),
            "atm_vol": 0.55,
            "funding_rate": None if hour % 8 else 1e-4,
        }
        for symbol, (level, width) in waves.items()
        for hour in hours
    ]
    return pl.DataFrame(rows)


def signed_listing() -> pl.DataFrame:
    """WTI below zero: two futures, and options on the first by Bachelier's formula."""
    spot, vol, tenor_years = -37.63, 300.0, 1 / 365
    marks = {"CL.CME_USD-21APR20": spot, "CL.CME_USD-19MAY20": 20.43}
    for strike, written in ((-60.0, "M60"), (-40.0, "M40"), (-5.0, "M5"), (5.0, "5")):
        for right in "CP":
            name = f"CL.CME_USD-21APR20-{written}-{right}"
            marks[name] = bachelier.value(spot, strike, vol, tenor_years, right == "C")
    frame = pl.DataFrame({"instrument_name": [*marks], "mark_price": [*marks.values()]})
    at = datetime(2020, 4, 20, 18, 30, tzinfo=UTC)
    return frame.with_columns(timestamp=pl.lit(at), index_price=pl.lit(spot))


def settlement() -> pl.DataFrame:
    """Two futures of NSE on an index and a share, and the prices of these."""
    rows = [
        ("NIFTY", "30-MAR-2026", 25_125.0),
        ("ACME", "30-MAR-2026", 1_507.5),
        ("NIFTY", None, 25_000.0),
        ("ACME", None, 1_500.0),
    ]
    columns = ("UNDERLYING", "EXPIRY DATE", "MTM SETTLEMENT PRICE")
    frame = pl.DataFrame(rows, schema=columns, orient="row")
    return frame.with_columns(pl.lit("02-MAR-2026").alias("DATE"))


def dividends() -> pl.DataFrame:
    """Two dividends within the life of the options of :func:`tests.fuzz.margins.share_chain`."""
    days = ["2026-03-12", "2026-06-11"]
    columns = {"underlying": ["NVDA.US", "NVDA.US"], "ex_date": days, "amount": [0.01, 1.25]}
    return pl.DataFrame(columns)


def tables() -> dict[str, pl.DataFrame]:
    """A table of quotes of every kind."""
    return {
        LISTING: pl.concat([chain(), listing()], how="diagonal"),
        TARDIS: pl.read_csv(formats.tardis().encode()),
        CURVE: curve(),
        CBOE: pl.concat([index_chain(), share_chain()]),
        NSE: equity_tables.nse(),
        NSE_SETTLEMENT: settlement(),
        RATES: pl.DataFrame({"T": [0.0, 0.1, 1.0], "DF": [1.0, 0.996, 0.96]}),
        DIVIDENDS: dividends(),
        ACTIVITY: activity(),
        HISTORY: history(),
    }


def _quotes() -> Iterator[Seed]:
    for kind, frame in tables().items():
        text = frame.write_csv().encode()
        packed = io.BytesIO()
        frame.write_parquet(packed)
        yield Seed("quotes", kind, "csv", text)
        yield Seed("quotes", kind, "gzip", gzip.compress(text, mtime=0))
        yield Seed("quotes", kind, "parquet", packed.getvalue())
        yield Seed("quotes", kind, "excel", workbook(frame))
        yield Seed("quotes", f"{kind} in JSON", "json", frame.write_json().encode())
    signed = signed_listing()
    yield Seed("quotes", LISTING, "csv", signed.write_csv().encode())
    yield Seed("quotes", f"{LISTING} in JSON", "json", signed.write_json().encode())
    yield Seed("glance", "names for completion", "csv", tables()[LISTING].write_csv().encode())
    chains = {"options": formats.unified_chain(), "tickers": formats.unified_tickers()}
    for kind, content in (
        ("Deribit's book summary", formats.summary()),
        ("ccxt's option chain", formats.unified_chain()),
        ("ccxt's tickers", formats.unified_tickers()),
        ("a chain of seawall fetch", formats.fetched(kind="chain", **chains)),
    ):
        yield Seed("quotes", kind, "json", json.dumps(content).encode())


def workbook(frame: pl.DataFrame) -> bytes:
    """The table as a sheet of Excel, times as text."""
    whole = io.BytesIO()
    book = xlsxwriter.Workbook(whole, {"in_memory": True})
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, frame.columns)
    rows = frame.with_columns(pl.selectors.temporal().dt.strftime("%+")).rows()
    for number, row in enumerate(rows, 1):
        sheet.write_row(number, 0, row)
    book.close()
    return whole.getvalue()


# --------------------------------------------------------------------------------- books

BOOK_TABLE, BOOK_WORKBOOK = "table", "excel"


def _books() -> Iterator[Seed]:
    written: tuple[tuple[str, str, Callable[[Path], Path]], ...] = (
        (BOOK_TABLE, "csv", books.csv_book),
        (BOOK_TABLE, "csv", _accounts),
        (BOOK_TABLE, "gzip", books.gzipped_csv),
        (BOOK_WORKBOOK, "excel", books.excel_book),
        ("a map of quantities", "json", books.number_map),
        ("a book of positions in JSON", "json", books.json_book),
        ("Deribit's positions", "json", books.deribit),
        ("ccxt's positions", "json", books.ccxt_positions),
        ("ccxt's positions", "json", books.ccxt_of_deribit),
        ("positions of seawall fetch", "json", books.fetched_positions),
        ("OKX's positions", "json", books.okx_account),
        ("a request to OKX's position builder", "json", books.sim_pos),
    )
    for kind, form, write in written:
        with TemporaryDirectory() as folder:
            yield Seed("book", kind, form, write(Path(folder) / "book").read_bytes())


def _accounts(path: Path) -> Path:
    """A CSV of two accounts with quoted cells, another order of columns, counts of contracts."""
    path.write_text(
        "venue,quantity,account,instrument,contracts,entry_price\r\n"
        ',"-12.5",maker,BTC-27MAR26-80000-P,,\r\n'
        ",8,maker, BTC-PERPETUAL ,,71250.5\r\n"
        ",1e-3,fund,ETH-USDC-LP,,\r\n"
        "okx,,fund,BTC_USDT-PERPETUAL,-150,\r\n"
        '\r\n,+250000.,"fund, the second",USDC,,\r\n',
        encoding="utf-8",
        newline="",
    )
    return path


# -------------------------------------------------------------------------------- models

OWN_MODEL = b"""from = "prbm"
name = "mine"
title = "prbm with the worse of both smiles"
as_of = 2026-02-05
source = "risk committee of 2026-02-05"

[status]
revaluation = "unknown"
offsets = "unknown"

[revaluation]
from = "prbm"
smile = "worst"

[offsets]
from = "prbm"
collapse = { to = "low", declared = 2026-02-05T14:00:00Z, notice_days = 7.0 }
"""


def _models() -> Iterator[Seed]:
    yield Seed("model", "a model", "toml", OWN_MODEL)
    for name in preset_names():
        content = (SRC / "margin" / "models" / f"{name}.toml").read_bytes()
        own = content.replace(f'name = "{name}"'.encode(), b'name = "mine"')
        yield Seed("model", f"a model like {name}", "toml", own)


# --------------------------------------------------------------------------------- texts

NAMES = (
    *("BTC-27MAR26-80000-P", "XRP_USDC-27MAR26-8D6-C", "BTC-27MAR26", "BTC-PERPETUAL"),
    *("ETH_USD:BTC-PERPETUAL", "NVDA250117C00150000", "SPXW  260618C06000000", "NVDA.US"),
    *("NIFTY.IN_INR-24FEB26-26000-C", "NIFTY2621026000CE", "ETH-USDC-LP", "USDC", "BTC"),
)


def _texts() -> Iterator[Seed]:
    contracts = [parse_name(name) for name in ("BTC_USDT-PERPETUAL", "BTC-27MAR26", NAMES[0])]
    known = [(contract, venue) for contract in contracts for venue in VENUES]
    aliases: list[str] = []
    for contract, venue in known:
        try:
            aliases.append(f"{venue}:{venue_name(contract, venue)}")
        except UnknownInstrument:
            continue
    for name in (*NAMES, *aliases):
        yield Seed("name", "a name", "text", name.encode())
    for price in ("USDC=0.9998", "EUR = 1.16"):
        yield Seed("price", "--price", "text", price.encode())
    for trade in ("BTC-PERPETUAL:-1", "BTC-27MAR26-70000-P:5@0.021", "okx:BTC-USD-SWAP:1e2"):
        yield Seed("trade", "--add", "text", trade.encode())
    for time in ("2026-02-05T16:21:37.123Z", "2026-02-05 16:00", "20260205T1700+0100"):
        yield Seed("time", "--at", "text", time.encode())
