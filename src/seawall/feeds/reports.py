"""Documents written to files: JSON, CSV and Excel, by the suffix of the path.

A file is there whole or not at all: it is written beside its place and then moved there.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType

from seawall.basics.time import isoformat_utc
from seawall.feeds.files import as_path
from seawall.feeds.writing import require_free, unwritable, write_files
from seawall.report.schema import Document, to_json
from seawall.report.tables import Table, Value, require_one_kind, tables

# A program for tables takes such a text for a formula, and names of accounts are anybody's. The
# last four are the full-width forms of the first, which some take for the same.
FORMULA_STARTS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


def write_report(
    documents: Document | Iterable[Document], path: str | Path, *, overwrite: bool = False
) -> tuple[Path, ...]:
    """Write a report, comparison or other document, or several of one kind; returns the files.

    ``.json`` holds the document, of several a list. ``.xlsx`` has a sheet for each table of
    :func:`seawall.report.tables.tables`; amounts become float64 there, as Excel knows no other
    numbers. ``.csv`` has the summary, one row a document, and beside it ``NAME.TABLE.csv`` has each
    other table, amounts exact; a text that a program would take for a formula has ``'`` in front.

    A file that exists is left as it is unless ``overwrite``. Raises UnwritableFile for that, for
    another suffix and for a place that cannot be written, InputError for what is no document.
    """
    target = writable(path, overwrite=overwrite)
    several = list(documents) if isinstance(documents, Iterable) else [documents]
    require_one_kind(several)
    files = _WRITERS[target.suffix.lower()](several, target)
    for file in files:
        require_free(file, overwrite=overwrite)
    write_files(files)
    return tuple(files)


def writable(path: str | Path, *, overwrite: bool = False) -> Path:
    """The path, if a document can be written there by its suffix and no file is in the way.

    Raises UnwritableFile.
    """
    target = as_path(path)
    if target.suffix.lower() not in _WRITERS:
        raise unwritable(target, "its suffix names no format", f"End it in {', '.join(_WRITERS)}.")
    require_free(target, overwrite=overwrite)
    return target


# ---- contents


def _json_files(documents: Sequence[Document], target: Path) -> Mapping[Path, bytes]:
    return {target: to_json(documents) + b"\n"}


def _csv_files(documents: Sequence[Document], target: Path) -> Mapping[Path, bytes]:
    summary, *others = tables(documents)
    beside = {target.with_suffix(f".{table.name}{target.suffix}"): table for table in others}
    return {file: _csv(table) for file, table in {target: summary, **beside}.items()}


def _excel_files(documents: Sequence[Document], target: Path) -> Mapping[Path, bytes]:
    from seawall.feeds.workbooks import workbook

    return {target: workbook(tables(documents), str(target))}


_WRITERS: Mapping[str, Callable[[Sequence[Document], Path], Mapping[Path, bytes]]] = (
    MappingProxyType({".json": _json_files, ".csv": _csv_files, ".xlsx": _excel_files})
)


def _csv(table: Table) -> bytes:
    text = io.StringIO(newline="")
    # With both ends of lines the library quotes a text that holds either; a lone carriage return
    # unquoted would begin a row for some readers.
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(column.key for column in table.columns)
    writer.writerows(map(_cell, row) for row in table.rows)
    return text.getvalue().encode()


def _cell(value: Value) -> str:
    """A value as text that reads back exactly; nothing for None."""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULA_STARTS) else value
    if isinstance(value, datetime):
        return isoformat_utc(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else value.isoformat() if isinstance(value, date) else repr(value)
