"""docs/files.md names every kind of file that can be read, and its lines run as they stand."""

from __future__ import annotations

import gzip
import re
import shlex
from pathlib import Path

import pytest

from seawall.feeds.kinds import BOOK_MESSAGES, MARKET_MESSAGES, MARKET_TABLES
from tests import equity_tables, formats, positions
from tests.commands import document
from tests.tables import write

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "files.md").read_text(encoding="utf-8")
NAMES = [kind.name for kind in (*MARKET_TABLES, *MARKET_MESSAGES, *BOOK_MESSAGES)]
LINES = [
    shlex.split(line, comments=True)
    for line in PAGE.split("## One line each")[1].split("```")[1].splitlines()
    if line
]
# The files of the page's lines, each written with the same chain and the same book.
FILES = {
    "chain.csv": formats.csv_listing,
    "chain.xlsx": formats.workbook,
    "chain.parquet": lambda path: write(formats.listed(), path),
    "get_book_summary.json": lambda path: formats.dump(formats.summary(), path),
    "options_chain.csv.gz": lambda path: path.write_bytes(gzip.compress(formats.tardis().encode())),
    "tickers.json": lambda path: formats.dump(formats.unified_tickers(), path),
    "option_chain.json": lambda path: formats.dump(formats.unified_chain(), path),
    "fetched_chain.json": formats.fetched_chain,
    "book.csv": positions.csv_book,
    "book.xlsx": positions.excel_book,
    "map.json": positions.number_map,
    "get_positions.json": positions.deribit,
    "ccxt_positions.json": positions.ccxt_positions,
    "simpos.json": positions.sim_pos,
    "fetched_positions.json": positions.fetched_positions,
    "shares.csv": lambda path: path.write_text(
        "account,instrument,quantity\nmain,ACME.US,100\nmain,ACME260618C00155000,-100\n"
    ),
    "cboe.parquet": lambda path: write(equity_tables.acme(), path),
    "rates.csv": lambda path: path.write_text(equity_tables.RATES),
    "dividends.csv": lambda path: path.write_text(equity_tables.DIVIDENDS),
    "indian.csv": lambda path: path.write_text(
        "account,instrument,quantity\nmain,NIFTY.IN_INR-30MAR26-25000-C,-75\nmain,INR,1e6\n"
    ),
    "nse_eod.csv": lambda path: write(equity_tables.nse(), path),
}


@pytest.mark.parametrize("name", [name for name in NAMES if not name.endswith(" in JSON")])
def test_every_kind_is_on_the_page(name):
    assert re.search(rf"^\| {re.escape(name)} \|", PAGE, re.M), f"docs/files.md: {name}"


def test_books_in_json_are_on_the_page():
    assert "| a book of positions in JSON |" in PAGE


def test_every_file_of_the_lines_is_written_here():
    words = {word for words in LINES for word in words if "=" not in word}
    named = {word for word in words if "." in word and word[0].isalpha()}
    assert named == set(FILES)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """All files of the page; the chain lists no contract in USDT, so the book holds none."""
    folder = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as patch:
        for held in (positions.COINS, positions.EXPECTED):
            patch.delitem(held, "BTC_USDT-PERPETUAL")
        for name, written in FILES.items():
            written(folder / name)
    return folder


@pytest.mark.parametrize("words", LINES, ids=lambda words: f"{words[2]} in {words[4]}")
def test_every_line_of_the_page_prints_a_report(folder, monkeypatch, capfd, words):
    monkeypatch.chdir(folder)
    assert words[0] == "seawall"
    report = document(capfd, *words[1:])
    assert float(report["initial"]) > 0
