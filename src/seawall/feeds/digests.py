"""Digests of what a result follows from: files by their bytes, markets and models by their numbers.

What is equal has one digest, in whatever process and however its mappings and sets are laid out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from seawall.feeds.files import system_errors


def digest_of_file(path: Path) -> str:
    """SHA-256 of a file's bytes. Raises UnreadableFile."""
    with system_errors(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of(value: object) -> str:
    """SHA-256 of a market, a model or a part of either.

    Fields that a dataclass works out by itself or does not compare by are left out. Raises
    TypeError for what is no plain value, array, mapping, set, sequence, dataclass or Struct.
    """
    return _digest(value).hex()


def _digest(value: object) -> bytes:
    return hashlib.sha256(b"".join(_told(value))).digest()


def _told(value: object) -> Iterator[bytes]:
    """A value's kind, and its content or the digests of its parts, in an order of their own."""
    if isinstance(value, Mapping):
        held = cast("Mapping[object, object]", value).items()
        yield b"mapping"
        yield from sorted(_digest(key) + _digest(each) for key, each in held)
    elif isinstance(value, frozenset | set):
        yield b"set"
        yield from sorted(map(_digest, cast("frozenset[object]", value)))
    elif isinstance(value, tuple | list):
        yield b"sequence"
        yield from map(_digest, cast("tuple[object, ...]", value))
    elif isinstance(value, np.ndarray):
        array = cast("NDArray[Any]", value)
        yield f"{array.dtype.str}{array.shape}".encode()
        yield array.tobytes()
    elif isinstance(value, msgspec.Struct) or is_dataclass(value):
        yield type(value).__name__.encode()
        for name in _names(value):
            yield _digest(name) + _digest(getattr(value, name))
    elif value is None or isinstance(value, str | bytes | int | float | Decimal | date | Enum):
        yield f"{type(value).__name__} {value!r}".encode()
    else:
        raise TypeError(f"{type(value).__name__} has no digest")


def _names(holder: Any) -> tuple[str, ...]:
    if isinstance(holder, msgspec.Struct):
        return holder.__struct_fields__
    return tuple(field.name for field in fields(holder) if field.init and field.compare)
