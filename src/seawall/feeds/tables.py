"""Tables in files, opened as lazy polars frames: CSV, gzipped CSV, parquet and Excel.

The content decides the format, not the name alone. Nothing is read in full here: readers select
the columns and rows they need, so memory follows the answer and not the file.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

from seawall.basics.decimals import MAX_PRICE
from seawall.basics.errors import UnrecognisedFile
from seawall.feeds.excel import read_sheet
from seawall.feeds.files import (
    BOM,
    GZIP,
    MAX_COLUMNS,
    WRITE_AGAIN,
    file_size,
    form_of,
    may_be_cut,
    read_bytes,
    require_commas,
    system_errors,
    unreadable,
)
from seawall.feeds.parquet import MAGIC, check_parquet

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]

_UTF16 = (b"\xff\xfe", b"\xfe\xff")
# A header, or the last line, of a table of quotes is far shorter than this.
_EDGE_BYTES = 64 * 1024
_NO_SEPARATOR = "\x1f"
_SHEETS = ("market", "quotes", "chain")
"""Names of the sheet that is taken of a workbook, if it has one of them."""
# No file names a column so.
_ROW = "\x1frow"


@dataclass(frozen=True, slots=True)
class Table:
    """A file opened as a table: ``frame`` is lazy, ``schema`` names its columns and their types.

    In a table from CSV every column is text; an empty cell is null. ``first_row`` is the number of
    its first row below the header, as a text editor counts lines; ``row_column`` holds the numbers
    of rows that were chosen from a file.
    """

    path: Path
    frame: pl.LazyFrame
    schema: pl.Schema
    first_row: int = 1
    row_column: str | None = None
    lacks_last_line_end: bool = False

    @property
    def name(self) -> str:
        """The file's name, for messages."""
        return self.path.name

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a report on anything read from it must repeat."""
        return (may_be_cut(self.name),) if self.lacks_last_line_end else ()


def open_table(path: Path) -> Table:
    """Open a CSV, a gzipped CSV, a parquet file or a sheet of an Excel workbook.

    Raises UnreadableFile if it is missing, empty, cut off, too large or none of these formats.
    """
    size = file_size(path)
    if size == 0:
        raise unreadable(path, "it is empty", WRITE_AGAIN)
    if form_of(path) == "excel":
        return _sheet(path)
    with table_errors(path):
        with path.open("rb") as file:
            head = file.read(len(MAGIC))
            if head == MAGIC or path.suffix.lower() in {".parquet", ".pq"}:
                check_parquet(file, size, path)
                frame = _parquet(path)
                return Table(path=path, frame=frame, schema=frame.collect_schema())
            text = io.BytesIO(read_bytes(path)) if head.startswith(GZIP) else file
            is_open = _check_text(text, path)
            frame = _csv(text, path)
        schema = frame.collect_schema()
        return Table(
            path=path, frame=frame, schema=schema, first_row=2, lacks_last_line_end=is_open
        )


def table_of(name: str, rows: Sequence[Mapping[str, str | None]]) -> Table:
    """Rows that were read from something else than a table, as a table of texts.

    Its columns are all keys there are, and its first row is 1. Raises UnreadableFile for too many.
    """
    import polars as pl

    columns = {column: pl.String() for row in rows for column in row}
    if len(columns) > MAX_COLUMNS:
        why = f"its rows have {len(columns):,} keys, more than {MAX_COLUMNS:,}"
        raise unreadable(Path(name), why, "Keep the keys you need.")
    frame = pl.DataFrame(
        {column: [row.get(column) for row in rows] for column in columns}, schema=columns
    )
    return Table(path=Path(name), frame=frame.lazy(), schema=frame.schema)


def numbered(table: Table, columns: Mapping[str, pl.Expr]) -> pl.LazyFrame:
    """The given columns, and ``row``, the number of each row in its file."""
    import polars as pl

    name, frame = table.row_column, table.frame
    if name is None:
        name = _ROW
        frame = frame.with_row_index(name, table.first_row)
    return frame.select(pl.col(name).alias("row"), **columns)


def collect(table: Table, query: pl.LazyFrame, *, in_batches: bool = False) -> pl.DataFrame:
    """Run a query on a table, in batches where its rows may be more than memory holds.

    Raises UnreadableFile where its bytes turn out to be damaged.
    """
    with table_errors(table.path):
        return query.collect(engine="streaming" if in_batches else "auto")


def number(table: Table, column: str) -> pl.Expr:
    """A column as float64, text parsed; what is no number is null.

    Raises UnrecognisedFile if the column cannot hold numbers at all (a list, a date).
    """
    import polars as pl

    kind, values = table.schema[column], pl.col(column)
    if kind == pl.String:
        return values.str.strip_chars().cast(pl.Float64, strict=False)
    if kind.is_numeric() or kind == pl.Null:
        return values.cast(pl.Float64, strict=False)
    raise UnrecognisedFile(
        f"column {column} holds {kind} and not numbers",
        where=table.name,
        remedy="Give the column as plain numbers.",
    )


def float_column(rows: pl.DataFrame, name: str) -> Floats:
    """A column as float64 with NaN for what is missing; all NaN if there is no such column."""
    if name not in rows.columns:
        return np.full(len(rows), np.nan)
    return rows[name].fill_null(np.nan).to_numpy().copy()


def is_sound(values: Floats) -> NDArray[np.bool_]:
    """Where a number is missing (NaN) or possible: neither negative nor infinite nor absurd."""
    return np.isnan(values) | ((values >= 0.0) & (values < MAX_PRICE))


def text(table: Table, column: str) -> pl.Expr:
    """A column as text without surrounding spaces. Raises UnrecognisedFile if it is nested."""
    import polars as pl

    kind = table.schema[column]
    if kind.is_nested() or kind == pl.Binary or kind == pl.Object:
        raise UnrecognisedFile(
            f"column {column} holds {kind} and not text",
            where=table.name,
            remedy="Give the column as plain text.",
        )
    return pl.col(column).cast(pl.String, strict=False).str.strip_chars()


@contextmanager
def table_errors(path: Path) -> Generator[None]:
    """Turn whatever goes wrong inside polars into UnreadableFile; it may panic on damaged bytes."""
    import polars as pl

    with system_errors(path):
        try:
            yield
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            first = str(error).strip().split("\n", 1)[0][:160]
            raise unreadable(path, first, "Write or download it again as CSV or parquet.") from None


def _sheet(path: Path) -> Table:
    """The sheet of quotes of a workbook; its first row with anything in it is the header."""
    import polars as pl

    rows = read_sheet(path, _SHEETS).rows
    first = next((number for number, row in enumerate(rows) if any(row)), None)
    if first is None:
        raise unreadable(path, "its sheet is empty", "Put the table on its first sheet.")
    header = [(cell or "").strip() for cell in rows[first]]
    _refuse_repeated([name for name in header if name], path)
    columns = {name: [row[i] for row in rows[first + 1 :]] for i, name in enumerate(header) if name}
    frame = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String()))
    return Table(path=path, frame=frame.lazy(), schema=frame.schema, first_row=first + 2)


def _parquet(path: Path) -> pl.LazyFrame:
    import polars as pl

    return pl.scan_parquet(path, glob=False)


def _csv(file: BinaryIO, path: Path) -> pl.LazyFrame:
    import polars as pl

    source = file.getvalue() if isinstance(file, io.BytesIO) else path
    _check_rows(source, path)
    return pl.scan_csv(
        source,
        infer_schema=False,
        glob=False,
        with_column_names=lambda names: [name.strip() for name in names],
    )


def _check_rows(source: bytes | Path, path: Path) -> None:
    """See that every row has as many cells as the header.

    A reader of some columns would take the cells of a longer row for its neighbours' and miss
    those of a shorter one. A line with an odd number of quotation marks is part of a longer row,
    and left to the CSV reader.
    """
    import polars as pl

    lines = pl.scan_csv(
        source,
        separator=_NO_SEPARATOR,
        quote_char=None,
        has_header=False,
        infer_schema=False,
        new_columns=["line"],
        glob=False,
    )
    # Commas between quotation marks are text.
    bare = pl.col("line").str.replace_all(r'"[^"]*"', "")
    whole = ~bare.str.contains('"', literal=True) & (pl.col("line").str.len_bytes() > 0)
    odd = (
        lines.with_row_index("row", 1)
        .with_columns(whole=whole, commas=bare.str.count_matches(",", literal=True))
        .filter(pl.col("whole") & (pl.col("commas") != pl.col("commas").first()))
        .select("row", "commas")
        .head(1)
        .collect()
    )
    if len(odd):
        row, cells = odd["row"][0], odd["commas"][0] + 1
        why = f"row {row} has {cells} cells, unlike its header"
        raise unreadable(path, why, "Give one cell per column, without commas inside numbers.")


def _check_text(file: BinaryIO, path: Path) -> bool:
    """See that it is UTF-8 text, that no column is named twice and that its last row is whole.

    Returns whether its last line lacks an end.
    """
    file.seek(0)
    head = file.read(_EDGE_BYTES)
    if head.startswith(_UTF16) or b"\0" in head:
        raise unreadable(path, "it is not UTF-8 text", "Save it as CSV in UTF-8.")
    if b"\r" in head and b"\n" not in head:
        why = "its lines end in carriage returns alone"
        raise unreadable(path, why, "Save it with line feeds.")
    file.seek(max(0, file.seek(0, io.SEEK_END) - _EDGE_BYTES))
    tail = file.read()
    is_open = not tail.endswith((b"\n", b"\r"))
    tail = tail.rstrip()
    line, is_whole, _ = head.removeprefix(BOM).partition(b"\n")
    header = _cells(line)
    if not header:
        raise unreadable(path, "its first row is empty or no CSV", "Begin it with the header.")
    require_commas(header, path.name)
    if len(header) > MAX_COLUMNS or (len(head) == _EDGE_BYTES and not is_whole):
        why = f"its header is longer than {MAX_COLUMNS:,} columns or {_EDGE_BYTES // 1024} KiB"
        raise unreadable(path, why, "Keep the columns you need.")
    _refuse_repeated(header, path)
    last = _cells(tail.rsplit(b"\n", 1)[-1])
    if len(last) < len(header):
        counts = f"its last row has {len(last)} cells and its header {len(header)}"
        raise unreadable(path, f"it is cut off, {counts}", WRITE_AGAIN)
    return is_open


def _refuse_repeated(header: Sequence[str], path: Path) -> None:
    for name, times in Counter(header).most_common(1):
        if times > 1:
            raise unreadable(path, f"column {name!r} appears twice", "Keep one of each name.")


def _cells(line: bytes) -> list[str]:
    try:
        row = next(csv.reader([line.decode("utf-8", "replace").strip()]), None)
        return [cell.strip() for cell in row or ()]
    except csv.Error:
        return []
