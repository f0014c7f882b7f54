"""Excel workbooks (.xlsx): one sheet as rows of text.

A workbook is a zip archive, and a small one may unpack to more than any memory holds, or place two
cells so far apart that a table between them would. So it is unpacked within bounds, every part is
looked through, and the library that reads workbooks is handed what was found small.

Numbers are written as the shortest text that is the same number, as Excel stores them; dates and
truth values as the text that no number is. A cell that holds an error is refused.
"""

from __future__ import annotations

import io
import logging
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from xml.parsers import expat

from seawall.basics.errors import UnreadableFile
from seawall.feeds.files import MAX_COLUMNS, WRITE_AGAIN, read_bytes, unreadable

if TYPE_CHECKING:
    import polars as pl
    from fastexcel import ExcelReader

Row: TypeAlias = Sequence[str | None]

MAX_PACKED_BYTES = 32 * 1024**2
MAX_UNPACKED_BYTES = 256 * 1024**2
MAX_CELLS = 2_000_000
"""Of the smallest rectangle around all cells of a sheet."""
MAX_TEXT_BYTES = 512 * 1024**2
"""Of all cells together, each as long as the longest text they share."""

_WORKBOOK = "xl/workbook.xml"
_READ = (".xml", ".rels")
_PLACE = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")
_DECIMALS = 9
# What the library warns of and nobody hears, Python prints beside the one line of the error.
_HEARD = logging.NullHandler()
# What the standard library raises of a damaged or encrypted archive.
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    RuntimeError,
    OSError,
    ValueError,
    LookupError,
    OverflowError,
)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet: its name and its rows from the first on, empty ones among them.

    A cell is text, None where it is empty.
    """

    name: str
    rows: Sequence[Row]


def read_sheet(
    path: Path, names: Sequence[str], is_header: Callable[[Row], bool] = lambda row: False
) -> Sheet:
    """The first sheet that has one of these names, in any case, or else the first of all.

    Raises UnreadableFile for what is no such workbook, is damaged, protected or too large, or
    holds a cell with an error, and where another sheet has a row that ``is_header``: what stands
    there would be left out without a word.
    """
    import fastexcel

    logging.getLogger("calamine").addHandler(_HEARD)
    content = _bounded(path)
    try:
        workbook = fastexcel.read_excel(content)
        found = [name for name in workbook.sheet_names if name.lower() in names]
        name = (found or workbook.sheet_names)[0]
        views = [
            workbook.load_sheet_by_name(name, header_row=None, skip_rows=0, dtypes=kind).to_polars()
            for kind in ("string", "float")
        ]
        others = [
            other
            for other in workbook.sheet_names
            if other != name and any(map(is_header, _texts(workbook, other)))
        ]
    except (fastexcel.FastExcelError, IndexError) as error:
        why = str(error).strip().split("\n", 1)[0][:160]
        raise unreadable(path, why or "it has no sheet", "Save it again as .xlsx.") from None
    except BaseException as error:
        # The library's own panics are no Exception.
        if type(error).__name__ != "PanicException":
            raise
        raise unreadable(path, "it is damaged", "Save it again as .xlsx.") from None
    if others:
        raise unreadable(
            path,
            f"sheets {', '.join(map(repr, (name, *others[:5])))} each hold such a table",
            "Put all rows on one sheet.",
        )
    return Sheet(name=name, rows=_exact(*views))


def _texts(workbook: ExcelReader, name: str) -> Sequence[Row]:
    return workbook.load_sheet_by_name(name, header_row=None, dtypes="string").to_polars().rows()


def _exact(texts: pl.DataFrame, numbers: pl.DataFrame) -> list[list[str | None]]:
    """Cells as text. Of a number the library's text has nine decimals, so it is written anew."""
    return [
        [
            repr(number).removesuffix(".0")
            if number is not None and text == _shortened(number)
            else text
            for text, number in zip(written, read, strict=True)
        ]
        for written, read in zip(texts.rows(), numbers.rows(), strict=True)
    ]


def _shortened(number: float) -> str:
    return f"{number:.{_DECIMALS}f}".rstrip("0").rstrip(".")


def _bounded(path: Path) -> bytes:
    """The workbook's parts that hold cells, looked through and packed anew without compression."""
    content = read_bytes(path, MAX_PACKED_BYTES)
    parts: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            left = MAX_UNPACKED_BYTES
            for member in archive.infolist():
                if not member.filename.endswith(_READ):
                    continue
                with archive.open(member) as part:
                    parts[member.filename] = part.read(left + 1)
                left -= len(parts[member.filename])
                if left < 0:
                    mib = MAX_UNPACKED_BYTES // 1024**2
                    why = f"it unpacks to more than {mib} MiB"
                    raise unreadable(path, why, "Keep the sheet you need.")
    except _DAMAGED:
        raise unreadable(path, "the workbook is damaged or protected", WRITE_AGAIN) from None
    if _WORKBOOK not in parts:
        raise unreadable(path, "it is an archive and no Excel workbook", "Save it as .xlsx.")
    _check_parts(parts, path)
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_STORED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return whole.getvalue()


def _check_parts(parts: Mapping[str, bytes], path: Path) -> None:
    """See that the sheets are of a size that can be held, and that no cell holds an error."""
    cells, longest = 0, 0
    for name, part in parts.items():
        extent = _Extent(path.name, name)
        try:
            extent.parse(part)
        except (expat.ExpatError, ValueError, LookupError):
            raise unreadable(path, f"{name} in it is damaged", WRITE_AGAIN) from None
        cells, longest = max(cells, extent.cells), max(longest, extent.longest)
    if cells * longest > MAX_TEXT_BYTES:
        why = f"its texts take more than {MAX_TEXT_BYTES // 1024**2} MiB"
        raise unreadable(path, why, "Keep the cells you need.")


class _Extent:
    """Walks through one part of a workbook and measures its cells and shared texts."""

    def __init__(self, file: str, part: str) -> None:
        self._where = f"{file} {part.rpartition('/')[2].removesuffix('.xml')}"
        self._rows, self._columns = (1_048_577, 0), (16_385, 0)
        self._opened_at = 0
        self._in_cells = False
        self._last = self._formula_at = ""
        self.cells = 0
        self.longest = 0

    def parse(self, part: bytes) -> None:
        parser = self._parser = expat.ParserCreate()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.StartDoctypeDeclHandler = self._refuse_doctype
        parser.Parse(part, True)

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        local = name.rpartition(":")[2]
        if local == "sheetData":
            self._in_cells = True
        elif local == "si":
            self._opened_at = self._parser.CurrentByteIndex
        elif self._in_cells and local == "c":
            self._cell(attributes)
        elif self._in_cells and local == "f":
            self._formula_at = self._last
        elif local == "v":
            self._formula_at = ""

    def _end(self, name: str) -> None:
        local = name.rpartition(":")[2]
        if local == "si":
            length = self._parser.CurrentByteIndex - self._opened_at
            self.longest = max(self.longest, length)
        elif local == "c" and self._formula_at:
            raise self._bad(
                f"cell {self._formula_at} holds a formula and no value", "Save it again in Excel."
            )

    def _cell(self, attributes: Mapping[str, str]) -> None:
        place = _PLACE.fullmatch(attributes.get("r", ""))
        if place is None:
            raise self._bad("a cell does not say where it stands", "Save it again in Excel.")
        if attributes.get("t") == "e":
            raise self._bad(f"cell {place[0]} holds an error", "Correct or clear the cell.")
        self._last = place[0]
        column = 0
        for letter in place[1]:
            column = 26 * column + ord(letter) - ord("A") + 1
        row = int(place[2])
        self._rows = min(self._rows[0], row), max(self._rows[1], row)
        self._columns = min(self._columns[0], column), max(self._columns[1], column)
        # The library fills the sheet from its first row on.
        width, height = self._columns[1] - self._columns[0] + 1, self._rows[1]
        self.cells = width * height
        if width > MAX_COLUMNS or self.cells > MAX_CELLS:
            raise self._bad(
                f"it is {width} columns wide and {height} rows high",
                f"Keep at most {MAX_COLUMNS} columns and {MAX_CELLS} cells.",
            )

    def _refuse_doctype(self, *_: object) -> None:
        raise self._bad("it declares a document type", "Save it again in Excel.")

    def _bad(self, what: str, remedy: str) -> UnreadableFile:
        return UnreadableFile(what, where=self._where, remedy=remedy)
