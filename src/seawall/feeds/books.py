"""Books of positions: CSV files ``account,instrument,quantity[,entry_price]``.

``instrument`` is a listed name or a bare asset; ``quantity`` is in units of the underlying, + long,
− short; ``entry_price`` (futures and perpetuals) is in USD or the settlement currency per coin.
Without an ``account`` column all positions are of the account ``main``. A byte order mark, Windows
line ends, blank lines and spaces around cells are tolerated; everything else that is not exactly
so is an error that names the file and the row as a text editor counts it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from seawall.basics.decimals import parse_decimal
from seawall.basics.errors import (
    EmptyPortfolio,
    InputError,
    UnknownInstrument,
    UnreadableFile,
    UnrecognisedFile,
)
from seawall.feeds.files import as_path, may_be_cut, read_text
from seawall.products.names import parse_name
from seawall.products.portfolio import Portfolio, Position

DEFAULT_ACCOUNT = "main"

_LINE_ENDS = ("\n", "\r")
_REQUIRED = ("instrument", "quantity")
_OPTIONAL = ("account", "entry_price")


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of a book: its cells by column, and where it stands."""

    where: str
    cells: dict[str, str]


def read_portfolios(path: str | Path) -> tuple[Portfolio, ...]:
    """The portfolios of a book, one per account, in the order in which accounts first appear.

    Raises UnreadableFile (missing, cut off, not UTF-8), UnrecognisedFile (other columns),
    UnknownInstrument, BadNumber, DuplicatePosition (names both rows), EmptyPortfolio.
    """
    path = as_path(path)
    held: dict[str, list[Position]] = {}
    text = read_text(path, "CSV")
    for row in _rows(text, path):
        held.setdefault(_account(row), []).append(_position(row))
    if not held:
        raise EmptyPortfolio(
            "the book has no position",
            where=path.name,
            remedy="Give one row per position: account,instrument,quantity.",
        )
    warnings = () if text.endswith(_LINE_ENDS) else (may_be_cut(path.name),)
    return tuple(
        Portfolio(account=account, positions=tuple(positions), warnings=warnings)
        for account, positions in held.items()
    )


def read_portfolio(path: str | Path) -> Portfolio:
    """The portfolio of a book with a single account.

    Raises InputError if it holds several, and what :func:`read_portfolios` raises.
    """
    first, *others = read_portfolios(path)
    if others:
        raise InputError(
            f"the book has {1 + len(others)} accounts, {first.account!r} and "
            f"{others[0].account!r} among them",
            where=Path(path).name,
            remedy="Read it with read_portfolios, or keep the rows of one account.",
        )
    return first


def _rows(text: str, path: Path) -> Iterator[_Row]:
    """The rows below the header, blank lines left out."""
    lines = list(io.StringIO(text, newline=""))
    last_is_whole = text.endswith(_LINE_ENDS)
    reader = csv.reader(lines, strict=True)
    header: list[str] = []
    try:
        for raw in reader:
            cells = [cell.strip() for cell in raw]
            where = f"{path.name} row {reader.line_num}"
            if not any(cells):
                continue
            if not header:
                header = _header(cells, where)
                continue
            if len(cells) < len(header) and reader.line_num == len(lines) and not last_is_whole:
                remedy = "Write it again; end its last row with a line break if that is whole."
                raise _bad_row(f"the file is cut off after {len(cells)} cells", where, remedy)
            yield _Row(where, _by_column(header, cells, where))
    except csv.Error as error:
        where = f"{path.name} row {reader.line_num}"
        raise _bad_row(f"it is not CSV: {error}", where, "Check the quotation marks.") from None


def _header(cells: list[str], where: str) -> list[str]:
    header = [cell.lower() for cell in cells]
    missing = [column for column in _REQUIRED if column not in header]
    foreign = [column for column in header if column not in _REQUIRED + _OPTIONAL]
    repeated = sorted({column for column in header if header.count(column) > 1})
    for columns, fault in ((missing, "lacks"), (foreign, "has unknown"), (repeated, "repeats")):
        if columns:
            raise UnrecognisedFile(
                f"the header {fault} {', '.join(repr(column) for column in columns[:5])}",
                where=where,
                remedy="Begin the book with the line account,instrument,quantity,entry_price; "
                "account and entry_price may be left out.",
            )
    return header


def _by_column(header: list[str], cells: list[str], where: str) -> dict[str, str]:
    # Nobody types the comma before an entry price that is not there.
    spared = header[-1] == "entry_price" and len(cells) == len(header) - 1
    if len(cells) != len(header) and not spared:
        raise _bad_row(
            f"the row has {len(cells)} cells and the header {len(header)}",
            where,
            "Give one cell per column, without commas inside numbers.",
        )
    return dict(zip(header, cells, strict=False))


def _account(row: _Row) -> str:
    name = row.cells.get("account", DEFAULT_ACCOUNT)
    if not name or not name.isprintable():
        raise _bad_row(
            f"{name!r} is not the name of an account",
            row.where,
            "Name the account in every row, or leave the whole column out.",
        )
    return name


def _position(row: _Row) -> Position:
    name = row.cells["instrument"]
    try:
        instrument = parse_name(name)
    except UnknownInstrument as error:
        raise UnknownInstrument(error.what, where=row.where, remedy=error.remedy) from None
    entry = row.cells.get("entry_price", "")
    return Position(
        instrument=instrument,
        quantity=parse_decimal(row.cells["quantity"], f"quantity of {name}", row.where),
        entry_price=parse_decimal(entry, f"entry price of {name}", row.where) if entry else None,
        where=row.where,
    )


def _bad_row(what: str, where: str, remedy: str) -> UnreadableFile:
    return UnreadableFile(what, where=where, remedy=remedy)
