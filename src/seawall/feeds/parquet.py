"""The end of a parquet file, looked through before the library that reads them sees it.

The footer of a small file may tell of a million columns, of columns nested so deeply that whoever
follows them overflows its stack, or of billions of equal rows. Such a file is refused here: what
the library would do with it can end the whole process, which no error handling catches.

Source: parquet-format's ``parquet.thrift`` and the compact protocol of Apache Thrift.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, cast

from seawall.feeds.files import MAX_COLUMNS, WRITE_AGAIN, require_modest, unreadable

MAGIC = b"PAR1"

MAX_FOOTER_BYTES = 4 * 1024**2
MAX_ROWS = 50_000_000
MAX_NESTING = 8
"""Levels of a column's schema: a plain column has one, a list three."""

_CELL_BYTES = 8
# The schema is told a second time, for programs that use Arrow.
_ARROW_BYTES, _ARROW_BYTES_PER_COLUMN = 4_096, 256
_ARROW_KEY = b"ARROW:schema"

Struct: TypeAlias = "dict[int, Any]"
"""A Thrift structure: values by field number, of the fields that were asked for."""

Wanted: TypeAlias = "Mapping[int, Wanted | None]"
"""Field numbers to keep; of fields that are structures, or lists of them, the same."""

# FileMetaData.
_SCHEMA, _NUM_ROWS, _ROW_GROUPS, _KEY_VALUES = 2, 3, 4, 5
# SchemaElement, RowGroup, ColumnChunk, ColumnMetaData, KeyValue.
_NUM_CHILDREN = 5
_CHUNKS, _GROUP_ROWS = 1, 3
_META = 3
_NUM_VALUES, _UNCOMPRESSED = 5, 6
_KEY, _VALUE = 1, 2
_FOOTER: Wanted = {
    _SCHEMA: {_NUM_CHILDREN: None},
    _NUM_ROWS: None,
    _ROW_GROUPS: {
        _CHUNKS: {_META: {_NUM_VALUES: None, _UNCOMPRESSED: None}},
        _GROUP_ROWS: None,
    },
    _KEY_VALUES: {_KEY: None, _VALUE: None},
}


def check_parquet(file: BinaryIO, size: int, path: Path) -> None:
    """See that a parquet file is whole, and of a size that can be read.

    Raises UnreadableFile for what is cut off or damaged, has too many columns or rows, nests them
    too deeply, or would unpack to far more than the file is large.
    """
    footer = _footer(file, size, path)
    try:
        told = _Compact(footer).struct(_FOOTER)
        columns = _columns(told, path)
        rows = _rows(told)
        unpacked = _unpacked_bytes(told, rows, columns)
    except _DamagedError:
        raise unreadable(path, "its footer is damaged", WRITE_AGAIN) from None
    if rows > MAX_ROWS:
        why = f"it has {rows:,} rows, more than {MAX_ROWS:,}"
        raise unreadable(path, why, "Cut out the time you need first.")
    require_modest(unpacked, size, path)


class _DamagedError(Exception):
    """The footer is not what the format says."""


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
    elements = _list(told, _SCHEMA)
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
            raise _DamagedError
        waiting[-1] -= 1
        waiting.append(_int(element, _NUM_CHILDREN, absent=0))
        if len(waiting) > MAX_NESTING + 2:
            raise unreadable(path, "its columns are nested too deeply", "Keep plain columns.")
    if any(waiting):
        raise _DamagedError
    arrow = sum(
        _length(entry.get(_VALUE))
        for entry in _list(told, _KEY_VALUES)
        if entry.get(_KEY) == _ARROW_KEY
    )
    if arrow > _ARROW_BYTES + _ARROW_BYTES_PER_COLUMN * columns:
        raise unreadable(path, "its schema is longer than its columns", WRITE_AGAIN)
    return columns


def _length(value: object) -> int:
    return len(value) if isinstance(value, bytes) else 0


def _rows(told: Struct) -> int:
    """How many rows there are, by the file and by its row groups alike."""
    rows = _int(told, _NUM_ROWS)
    if rows != sum(_int(group, _GROUP_ROWS) for group in _list(told, _ROW_GROUPS)):
        raise _DamagedError
    return rows


def _unpacked_bytes(told: Struct, rows: int, columns: int) -> int:
    """What the columns take as they are told, or as a table, whichever is more."""
    values = packed_away = 0
    for group in _list(told, _ROW_GROUPS):
        for chunk in _list(group, _CHUNKS):
            meta = _struct(chunk, _META)
            values += _int(meta, _NUM_VALUES)
            packed_away += _int(meta, _UNCOMPRESSED)
    return max(packed_away, _CELL_BYTES * max(values, rows * columns))


def _int(struct: Struct, field: int, absent: int | None = None) -> int:
    """A number that is not negative; ``absent`` is for what the format leaves out."""
    value = struct.get(field, absent)
    if not isinstance(value, int) or value < 0:
        raise _DamagedError
    return value


def _list(struct: Struct, field: int) -> Sequence[Struct]:
    return [_as_struct(item) for item in _as_list(struct.get(field, []))]


def _struct(struct: Struct, field: int) -> Struct:
    return _as_struct(struct.get(field))


def _as_list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise _DamagedError
    return cast("list[object]", value)


def _as_struct(value: object) -> Struct:
    if not isinstance(value, dict):
        raise _DamagedError
    return cast("Struct", value)


# Types of the compact protocol.
_TRUE, _FALSE, _BYTE, _I16, _I32, _I64 = 1, 2, 3, 4, 5, 6
_DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 7, 8, 9, 10, 12
_LONGEST_VARINT, _DEEPEST = 10, 16


class _Compact:
    """Reads Thrift's compact protocol from bytes; raises _DamagedError where they are no such."""

    def __init__(self, content: bytes) -> None:
        self._content, self._at = content, 0

    def struct(self, wanted: Wanted, depth: int = 0) -> Struct:
        """A structure, of which only the ``wanted`` fields are kept."""
        if depth > _DEEPEST:
            raise _DamagedError
        found: Struct = {}
        field = 0
        while head := self._byte():
            step, kind = head >> 4, head & 0x0F
            field = field + step if step else self._zigzag()
            below = wanted.get(field)
            value = self._value(kind, below or {}, depth)
            if field in wanted:
                found[field] = value
        return found

    def _value(self, kind: int, wanted: Wanted, depth: int, *, in_list: bool = False) -> Any:
        if kind in (_TRUE, _FALSE):
            return self._byte() == _TRUE if in_list else kind == _TRUE
        if kind == _BYTE:
            return self._byte()
        if kind in (_I16, _I32, _I64):
            return self._zigzag()
        if kind == _DOUBLE:
            return self._take(8)
        if kind == _BINARY:
            return self._take(self._varint())
        if kind in (_LIST, _SET):
            return self._items(wanted, depth + 1)
        if kind == _STRUCT:
            return self.struct(wanted, depth + 1)
        raise _DamagedError  # maps, which parquet has none of

    def _items(self, wanted: Wanted, depth: int) -> list[Any]:
        if depth > _DEEPEST:
            raise _DamagedError
        head = self._byte()
        count, kind = head >> 4, head & 0x0F
        if count == 0x0F:
            count = self._varint()
        # Every item takes a byte at least.
        if count > len(self._content) - self._at:
            raise _DamagedError
        return [self._value(kind, wanted, depth, in_list=True) for _ in range(count)]

    def _zigzag(self) -> int:
        number = self._varint()
        return (number >> 1) ^ -(number & 1)

    def _varint(self) -> int:
        number = 0
        for place in range(_LONGEST_VARINT):
            byte = self._byte()
            number |= (byte & 0x7F) << 7 * place
            if byte < 0x80:
                return number
        raise _DamagedError

    def _byte(self) -> int:
        if self._at >= len(self._content):
            raise _DamagedError
        self._at += 1
        return self._content[self._at - 1]

    def _take(self, length: int) -> bytes:
        start = self._at
        self._at += length
        if self._at > len(self._content):
            raise _DamagedError
        return self._content[start : self._at]
