"""A parquet file, looked through before the library that reads them sees it.

The footer of a small file may tell of a million columns, of columns nested so deeply that whoever
follows them overflows its stack, or of billions of equal rows; the head of a page, of so many
values that no memory holds them. Such a file is refused here: what the library would do with it can
end the whole process, which no error handling catches.

Source: parquet-format's ``parquet.thrift``.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO

from seawall.feeds.files import MAX_COLUMNS, WRITE_AGAIN, require_modest, unreadable
from seawall.feeds.thrift import (
    DamagedError,
    Struct,
    Wanted,
    as_struct,
    integer,
    read_struct,
    structs,
)

MAGIC = b"PAR1"

MAX_FOOTER_BYTES = 4 * 1024**2
MAX_ROWS = 50_000_000
MAX_NESTING = 8
"""Levels of a column's schema: a plain column has one, a list three."""
MAX_PAGES = 200_000
"""Of all columns; a page is a megabyte as a rule."""

_CELL_BYTES = 8
# The schema is told a second time, for programs that use Arrow.
_ARROW_BYTES, _ARROW_BYTES_PER_COLUMN = 4_096, 256
_ARROW_KEY = b"ARROW:schema"

# FileMetaData.
_SCHEMA, _NUM_ROWS, _ROW_GROUPS, _KEY_VALUES = 2, 3, 4, 5
# SchemaElement, RowGroup, ColumnChunk, ColumnMetaData, KeyValue.
_NUM_CHILDREN = 5
_CHUNKS, _GROUP_ROWS = 1, 3
_META = 3
_NUM_VALUES, _UNCOMPRESSED, _DATA_OFFSET, _DICTIONARY_OFFSET = 5, 6, 9, 11
_KEY, _VALUE = 1, 2
_FOOTER: Wanted = {
    _SCHEMA: {_NUM_CHILDREN: None},
    _NUM_ROWS: None,
    _ROW_GROUPS: {
        _CHUNKS: {
            _META: dict.fromkeys((_NUM_VALUES, _UNCOMPRESSED, _DATA_OFFSET, _DICTIONARY_OFFSET))
        },
        _GROUP_ROWS: None,
    },
    _KEY_VALUES: {_KEY: None, _VALUE: None},
}

# PageHeader, and of each kind of page its own header with the number of values first.
_PAGE_UNPACKED, _PAGE_PACKED = 2, 3
_DATA_PAGE, _DICTIONARY_PAGE, _DATA_PAGE_2, _PAGE_VALUES = 5, 7, 8, 1
_PAGE: Wanted = {
    _PAGE_UNPACKED: None,
    _PAGE_PACKED: None,
    **{key: {_PAGE_VALUES: None} for key in (_DATA_PAGE, _DICTIONARY_PAGE, _DATA_PAGE_2)},
}
_PAGE_HEADER_BYTES = 16 * 1024


def check_parquet(file: BinaryIO, size: int, path: Path, most_rows: int | None = None) -> None:
    """See that a parquet file is whole, and of a size that can be read.

    Raises UnreadableFile for what is cut off or damaged, has too many columns or rows, nests them
    too deeply, or would unpack to far more than the file is large.
    """
    footer = _footer(file, size, path)
    try:
        told, _ = read_struct(footer, _FOOTER)
        columns = _columns(told, path)
        rows = _rows(told)
        unpacked = _unpacked_bytes(told, rows, columns)
    except DamagedError:
        raise unreadable(path, "its footer is damaged", WRITE_AGAIN) from None
    try:
        unpacked = max(unpacked, _bytes_of_pages(file, told, size - len(footer)))
    except DamagedError:
        raise unreadable(path, "its pages are not what its footer tells", WRITE_AGAIN) from None
    most = MAX_ROWS if most_rows is None else most_rows
    if rows > most:
        why = f"it has {rows:,} rows, more than {most:,}"
        raise unreadable(path, why, "Cut out the time you need first.")
    require_modest(unpacked, size, path)


def _footer(file: BinaryIO, size: int, path: Path) -> bytes:
    length, whole = 0, False
    file.seek(0)
    if size >= 3 * len(MAGIC) and file.read(len(MAGIC)) == MAGIC:
        file.seek(-2 * len(MAGIC), io.SEEK_END)
        length = int.from_bytes(file.read(4), "little")
        whole = file.read() == MAGIC and length <= size - 3 * len(MAGIC)
    if not whole:
        raise unreadable(path, "it is not parquet, or it is cut off", WRITE_AGAIN)
    if length > MAX_FOOTER_BYTES:
        why = f"its footer takes more than {MAX_FOOTER_BYTES // 1024**2} MiB"
        raise unreadable(path, why, "Write it with fewer columns or larger row groups.")
    file.seek(-2 * len(MAGIC) - length, io.SEEK_END)
    return file.read(length)


def _columns(told: Struct, path: Path) -> int:
    """How many columns there are. Raises UnreadableFile for too many, or nested too deeply."""
    elements = structs(told, _SCHEMA)
    columns = len(elements) - 1
    if columns > MAX_COLUMNS:
        why = f"it has {columns:,} columns, more than {MAX_COLUMNS:,}"
        raise unreadable(path, why, "Keep the columns you need.")
    # Elements stand in the order of a walk into depth: each level waits for so many children.
    waiting: list[int] = [1]
    for element in elements:
        while waiting and waiting[-1] == 0:
            waiting.pop()
        if not waiting:
            raise DamagedError
        waiting[-1] -= 1
        waiting.append(integer(element, _NUM_CHILDREN, absent=0))
        if len(waiting) > MAX_NESTING + 2:
            raise unreadable(path, "its columns are nested too deeply", "Keep plain columns.")
    if any(waiting):
        raise DamagedError
    arrow = sum(
        _length(entry.get(_VALUE))
        for entry in structs(told, _KEY_VALUES)
        if entry.get(_KEY) == _ARROW_KEY
    )
    if arrow > _ARROW_BYTES + _ARROW_BYTES_PER_COLUMN * columns:
        raise unreadable(path, "its schema is longer than its columns", WRITE_AGAIN)
    return columns


def _length(value: object) -> int:
    return len(value) if isinstance(value, bytes) else 0


def _rows(told: Struct) -> int:
    """How many rows there are, by the file and by its row groups alike."""
    rows = integer(told, _NUM_ROWS)
    if rows != sum(integer(group, _GROUP_ROWS) for group in structs(told, _ROW_GROUPS)):
        raise DamagedError
    return rows


def _unpacked_bytes(told: Struct, rows: int, columns: int) -> int:
    """What the columns take as they are told, or as a table, whichever is more."""
    values = packed_away = 0
    for group in structs(told, _ROW_GROUPS):
        for chunk in structs(group, _CHUNKS):
            meta = as_struct(chunk.get(_META))
            values += integer(meta, _NUM_VALUES)
            packed_away += integer(meta, _UNCOMPRESSED)
    return max(packed_away, _CELL_BYTES * max(values, rows * columns))


def _bytes_of_pages(file: BinaryIO, told: Struct, end: int) -> int:
    """What all pages unpack to; those of a column hold as many values as the footer tells."""
    unpacked = pages = 0
    for group in structs(told, _ROW_GROUPS):
        for chunk in structs(group, _CHUNKS):
            meta = as_struct(chunk.get(_META))
            left = integer(meta, _NUM_VALUES)
            offsets = integer(meta, _DATA_OFFSET), integer(meta, _DICTIONARY_OFFSET, absent=0)
            at = min(filter(None, offsets), default=0)
            while left:
                head, length = _page(file, at, end)
                pages += 1
                unpacked += integer(head, _PAGE_UNPACKED)
                at += length + integer(head, _PAGE_PACKED)
                left -= _values(head)
                if left < 0 or at > end or pages > MAX_PAGES:
                    raise DamagedError
    return unpacked


def _page(file: BinaryIO, at: int, end: int) -> tuple[Struct, int]:
    """The header of the page at a place and its length."""
    file.seek(at)
    return read_struct(file.read(min(_PAGE_HEADER_BYTES, max(0, end - at))), _PAGE)


def _values(head: Struct) -> int:
    """How many values of its column a page holds; the words of a dictionary are none."""
    for kind in (_DATA_PAGE, _DATA_PAGE_2):
        if kind in head:
            return integer(as_struct(head[kind]), _PAGE_VALUES)
    # Of its words each takes a byte at least.
    if integer(as_struct(head.get(_DICTIONARY_PAGE)), _PAGE_VALUES) > integer(head, _PAGE_UNPACKED):
        raise DamagedError
    return 0
