"""Thrift's compact protocol: structures read from bytes that may be anything.

Only the fields that were asked for are kept, and nothing is taken for larger than what there is.

Source: the compact protocol of Apache Thrift.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, cast

Struct: TypeAlias = "dict[int, Any]"
"""A structure: values by field number, of the fields that were asked for."""

Wanted: TypeAlias = "Mapping[int, Wanted | None]"
"""Field numbers to keep; of fields that are structures, or lists of them, the same."""


class DamagedError(Exception):
    """The bytes are not what the format says."""


def read_struct(content: bytes, wanted: Wanted) -> tuple[Struct, int]:
    """The structure at the beginning of the content and how many bytes it takes.

    Raises DamagedError.
    """
    compact = _Compact(content)
    return compact.struct(wanted), compact.at


def integer(struct: Struct, field: int, absent: int | None = None) -> int:
    """A number that is not negative; ``absent`` is for what the format leaves out.

    Raises DamagedError for any other.
    """
    value = struct.get(field, absent)
    if not isinstance(value, int) or value < 0:
        raise DamagedError
    return value


def structs(struct: Struct, field: int) -> Sequence[Struct]:
    """A list of structures, empty where there is none. Raises DamagedError for what is no list."""
    value: object = struct.get(field, [])
    if not isinstance(value, list):
        raise DamagedError
    return [as_struct(item) for item in cast("list[object]", value)]


def as_struct(value: object) -> Struct:
    """The structure that a field holds. Raises DamagedError for anything else."""
    if not isinstance(value, dict):
        raise DamagedError
    return cast("Struct", value)


# Types of the compact protocol.
_TRUE, _FALSE, _BYTE, _I16, _I32, _I64 = 1, 2, 3, 4, 5, 6
_DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 7, 8, 9, 10, 12
_LONGEST_VARINT, _DEEPEST = 10, 16


class _Compact:
    """Reads Thrift's compact protocol from bytes; raises DamagedError where they are no such."""

    def __init__(self, content: bytes) -> None:
        self._content, self.at = content, 0

    def struct(self, wanted: Wanted, depth: int = 0) -> Struct:
        """A structure, of which only the ``wanted`` fields are kept."""
        if depth > _DEEPEST:
            raise DamagedError
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
        raise DamagedError  # maps, which parquet has none of

    def _items(self, wanted: Wanted, depth: int) -> list[Any]:
        if depth > _DEEPEST:
            raise DamagedError
        head = self._byte()
        count, kind = head >> 4, head & 0x0F
        if count == 0x0F:
            count = self._varint()
        # Every item takes a byte at least.
        if count > len(self._content) - self.at:
            raise DamagedError
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
        raise DamagedError

    def _byte(self) -> int:
        if self.at >= len(self._content):
            raise DamagedError
        self.at += 1
        return self._content[self.at - 1]

    def _take(self, length: int) -> bytes:
        start = self.at
        self.at += length
        if self.at > len(self._content):
            raise DamagedError
        return self._content[start : self.at]
