"""Books to walk with from files: relative ones, dynamic ones, and any book of positions.

A relative book is a CSV with the columns kind, underlying, quantity and, as its legs need them,
unit, settlement, tenor_days, moneyness, delta, rule; ``book`` names several in one file, and
``timestamp`` says from when a composition is held. A book of positions with a ``timestamp`` column
is dynamic too; any other is held as it is.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from seawall.basics.errors import BadNumber, InputError, UnrecognisedFile
from seawall.basics.time import parse_utc
from seawall.feeds.books import read_portfolios
from seawall.feeds.files import as_path, form_of, read_bytes
from seawall.lab.backtest.books import Composition, Leg, WalkBook
from seawall.products.portfolio import Portfolio

TIMESTAMP, BOOK = "timestamp", "book"
_NUMBERS = ("quantity", "tenor_days", "moneyness", "delta")
_TEXTS = ("kind", "underlying", "unit", "settlement", "rule")
_NEEDED = ("kind", "underlying", "quantity")


def read_walk_books(sources: Iterable[str | Path]) -> tuple[WalkBook, ...]:
    """The books of some files, in order; accounts of a book of positions are books of their own.

    Raises UnreadableFile, UnrecognisedFile, BadNumber, InputError, which name file and row, and
    what :func:`seawall.feeds.books.read_portfolios` raises.
    """
    return tuple(book for source in sources for book in _books(as_path(source)))


def book_of_portfolio(held: Portfolio) -> WalkBook:
    """A portfolio as a book that is held as it is, named by its account."""
    return _of_positions(held.account, [(None, held)])


def _books(path: Path) -> list[WalkBook]:
    if form_of(path) == "table" and path.suffix.lower() not in (".parquet", ".pq"):
        rows, columns = _csv_rows(path)
        if "kind" in columns:
            return _relative(path, rows, columns)
        if TIMESTAMP in columns:
            return _dynamic(path, rows, columns)
    return [book_of_portfolio(each) for each in read_portfolios(path)]


def _csv_rows(path: Path) -> tuple[list[dict[str, str]], list[str]]:
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        return [], []
    reader = csv.DictReader(io.StringIO(text, newline=""), restkey="", restval="")
    rows = [{key: str(value).strip() for key, value in row.items()} for row in reader]
    return rows, [name.strip() for name in reader.fieldnames or ()]


# ---- relative books


def _relative(path: Path, rows: Sequence[dict[str, str]], columns: Sequence[str]) -> list[WalkBook]:
    known = {*_NUMBERS, *_TEXTS, TIMESTAMP, BOOK}
    wrong = [f"column {name!r}" for name in columns if name not in known]
    wrong += [f"no column {name!r}" for name in _NEEDED if name not in columns]
    if wrong:
        raise UnrecognisedFile(
            f"a relative book with {' and '.join(wrong)}",
            where=path.name,
            remedy=f"Its columns are {', '.join((*_TEXTS, *_NUMBERS, TIMESTAMP, BOOK))}.",
        )
    legs: dict[str, dict[str, list[Leg]]] = {}
    for number, row in enumerate(rows, start=2):
        since = legs.setdefault(row.get(BOOK) or path.stem, {})
        since.setdefault(row.get(TIMESTAMP, ""), []).append(_leg(row, f"{path.name}, row {number}"))
    return [
        WalkBook(
            name=name,
            compositions=tuple(
                Composition(since=parse_utc(at) if at else None, legs=tuple(each))
                for at, each in since.items()
            ),
        )
        for name, since in legs.items()
    ]


def _leg(row: Mapping[str, str], where: str) -> Leg:
    given: dict[str, str | float] = {name: row[name] for name in _TEXTS if row.get(name)}
    for name in _NUMBERS:
        text = row.get(name)
        if text:
            try:
                given[name] = float(text)
            except ValueError:
                raise BadNumber(
                    f"{name} {text!r:.40} is no number", where=where, remedy="Write it as 0.9."
                ) from None
    try:
        return msgspec.convert(given, Leg)
    except msgspec.ValidationError as error:
        raise InputError(
            f"{error}", where=where, remedy="See docs/backtest.md for what a leg is told by."
        ) from None
    except InputError as error:
        raise error.located(where, "relative book") from None


# ---- books of positions


def _dynamic(path: Path, rows: Sequence[dict[str, str]], columns: Sequence[str]) -> list[WalkBook]:
    """Rows of each time read as a book of their own, by the reader of all books."""
    kept = [name for name in columns if name != TIMESTAMP]
    held: dict[str, list[tuple[str, Portfolio]]] = {}
    with TemporaryDirectory() as folder:
        for at in dict.fromkeys(row[TIMESTAMP] for row in rows):
            text = io.StringIO(newline="")
            writer = csv.DictWriter(text, kept, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(row for row in rows if row[TIMESTAMP] == at)
            part = Path(folder) / path.name
            part.write_text(text.getvalue(), encoding="utf-8")
            for each in read_portfolios(part):
                held.setdefault(each.account, []).append((at, each))
    return [_of_positions(account, each) for account, each in held.items()]


def _of_positions(name: str, told: Sequence[tuple[str | None, Portfolio]]) -> WalkBook:
    return WalkBook(
        name=name,
        compositions=tuple(
            Composition(since=parse_utc(at) if at else None, positions=each.positions)
            for at, each in told
        ),
    )
