"""Books as rows ``account,instrument,quantity[,entry_price]``: CSV, a sheet of Excel, JSON objects.

``instrument`` is a listed name or a bare asset; ``quantity`` is in units of the underlying, + long,
− short; ``entry_price`` (futures and perpetuals) is in USD or the settlement currency per coin.
Instead of ``quantity`` a row may give ``contracts`` and the ``venue`` whose contracts they are;
a name that another venue has given contradicts that.
Without an ``account`` column all positions are of the account ``main``. A byte order mark, Windows
line ends, blank lines and spaces around cells are tolerated; everything else that is not exactly
so is an error that names the file and the row as a text editor counts it.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from seawall.basics.decimals import parse_decimal
from seawall.basics.errors import BadNumber, InputError, UnreadableFile, UnrecognisedFile
from seawall.feeds.excel import read_sheet
from seawall.feeds.files import may_be_cut, read_text, require_commas
from seawall.feeds.holdings import (
    DEFAULT_ACCOUNT,
    Accounts,
    Holding,
    instrument_of,
    of_contracts,
    sane,
)
from seawall.feeds.messages import Message, text_of
from seawall.products.instruments import Instrument
from seawall.products.names import contract_spec, venue_of

BOOK_COLUMNS = ("instrument", "quantity")
"""The columns by which a book is recognised."""

MAX_BOOK_BYTES = 64 * 1024**2
"""Of a CSV book: some million positions, which take many times the file's size."""

_LINE_ENDS = ("\n", "\r")
_CONTRACTS = ("contracts", "venue")
_OPTIONAL = ("account", "entry_price", *_CONTRACTS)
_SHEETS = ("book", "positions", "portfolio")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a book: its cells by column, and where it stands."""

    where: str
    cells: dict[str, str]


def read_csv_book(path: Path) -> Accounts:
    """The accounts of a CSV book, in the order in which they first appear.

    Raises UnreadableFile (missing, cut off, not UTF-8), UnrecognisedFile (other columns),
    UnknownInstrument, BadNumber.
    """
    text = read_text(path, "CSV", MAX_BOOK_BYTES)
    warnings = () if text.endswith(_LINE_ENDS) else (may_be_cut(path.name),)
    return _accounts(_by_header(_csv_lines(text, path)), warnings)


def read_excel_book(path: Path) -> Accounts:
    """The accounts of a workbook's sheet: one named book, positions or portfolio, or the first.

    Raises what :func:`read_csv_book` raises, and UnreadableFile where another sheet holds a book.
    """
    sheet = read_sheet(path, _SHEETS, _is_header)
    wheres = (f"{path.name} {sheet.name} row {row}" for row in range(1, len(sheet.rows) + 1))
    cells = ([(cell or "").strip() for cell in row] for row in sheet.rows)
    return _accounts(_by_header(zip(wheres, cells, strict=True)), ())


def read_json_rows(message: Message) -> Accounts:
    """The accounts of a JSON list of objects with the keys of a book.

    Raises what :func:`read_csv_book` raises.
    """
    rows: list[Row] = []
    for number, entry in enumerate(message.entries, 1):
        where = f"{message.name} row {number}"
        _checked_header(list(entry), where)
        for key, value in entry.items():
            if value is not None and not isinstance(value, str):
                raise BadNumber(
                    f"{key} is {str(value).lower():.40}",
                    where=where,
                    remedy="Give text or a number.",
                )
        rows.append(Row(where, {name.lower(): text_of(entry, name) or "" for name in entry}))
    return _accounts(rows, ())


def _accounts(rows: Iterable[Row], warnings: tuple[str, ...]) -> Accounts:
    held: dict[str, list[Holding]] = {}
    for row in rows:
        held.setdefault(_account(row), []).append(_holding(row))
    return Accounts(held, warnings)


def _csv_lines(text: str, path: Path) -> Iterator[tuple[str, list[str]]]:
    """Where each line stands, and its cells."""
    lines = list(io.StringIO(text, newline=""))
    last_is_whole = text.endswith(_LINE_ENDS)
    reader = csv.reader(lines, strict=True)
    columns = 0
    try:
        for raw in reader:
            cells = [cell.strip() for cell in raw]
            where = f"{path.name} row {reader.line_num}"
            columns = columns or (len(cells) if any(cells) else 0)
            cut = any(cells) and len(cells) < columns and reader.line_num == len(lines)
            if cut and not last_is_whole:
                remedy = "Write it again; end its last row with a line break if that is whole."
                raise _bad_row(f"the file is cut off after {len(cells)} cells", where, remedy)
            yield where, cells
    except csv.Error as error:
        where = f"{path.name} row {reader.line_num}"
        raise _bad_row(f"it is not CSV: {error}", where, "Check the quotation marks.") from None


def _by_header(lines: Iterable[tuple[str, list[str]]]) -> Iterator[Row]:
    """The rows below the header, blank lines left out."""
    header: list[str] = []
    for where, cells in lines:
        if not any(cells):
            continue
        if header:
            yield Row(where, _by_column(header, cells, where))
        else:
            header = _checked_header(cells, where)


def _is_header(cells: Sequence[str | None]) -> bool:
    """Whether a row of any sheet is the header of a book."""
    header = {(cell or "").strip().lower() for cell in cells}
    return "instrument" in header and bool(header & {"quantity", "contracts"})


def _checked_header(cells: Sequence[str], where: str) -> list[str]:
    header = [cell.lower() for cell in cells]
    require_commas(header, where)
    required = ("instrument", *_CONTRACTS) if "contracts" in header else BOOK_COLUMNS
    missing = [column for column in required if column not in header]
    foreign = [column for column in header if column not in BOOK_COLUMNS + _OPTIONAL]
    repeated = sorted(column for column, times in Counter(header).items() if times > 1)
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


def _account(row: Row) -> str:
    name = row.cells.get("account", DEFAULT_ACCOUNT)
    if not name or not name.isprintable():
        raise _bad_row(
            f"{name!r} is not the name of an account",
            row.where,
            "Name the account in every row, or leave the whole column out.",
        )
    return name


def _holding(row: Row) -> Holding:
    name = row.cells["instrument"]
    instrument = instrument_of(name, row.where)
    entry = row.cells.get("entry_price", "")
    entry_price = parse_decimal(entry, f"entry price of {name}", row.where) if entry else None
    if row.cells.get("contracts"):
        return _counted(instrument, row, entry_price)
    if row.cells.get("venue"):
        raise _bad_row(
            f"{name} has a venue and no contracts",
            row.where,
            "Give contracts of the venue, or a quantity in units of the underlying alone.",
        )
    return Holding(
        instrument=instrument,
        size=parse_decimal(row.cells.get("quantity", ""), f"quantity of {name}", row.where),
        entry_price=entry_price,
        where=row.where,
    )


def _counted(instrument: Instrument, row: Row, entry_price: Decimal | None) -> Holding:
    """So many contracts of a venue."""
    name = row.cells["instrument"]
    if row.cells.get("quantity"):
        raise _bad_row(
            f"{name} has both a quantity and contracts", row.where, "Give one of the two."
        )
    venue = row.cells.get("venue", "").lower()
    # ccxt's names are those of every venue.
    if venue_of(name) not in (None, "ccxt", venue):
        raise _bad_row(
            f"{name} is a name of {venue_of(name)}, and its contracts are said to be of {venue!r}",
            row.where,
            "Give the venue whose contracts are counted, and its name or the canonical one.",
        )
    what = f"contracts of {name}"
    contracts = sane(parse_decimal(row.cells["contracts"], what, row.where), what, row.where)
    try:
        spec = contract_spec(instrument, venue)
    except InputError as error:
        raise type(error)(error.what, where=row.where, remedy=error.remedy) from None
    return of_contracts(instrument, contracts, spec, row.where, entry_price=entry_price)


def _bad_row(what: str, where: str, remedy: str) -> UnreadableFile:
    return UnreadableFile(what, where=where, remedy=remedy)
