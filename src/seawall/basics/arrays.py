"""Array holders: every column checked for its shape and made read-only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def array_fields(holder: DataclassInstance) -> dict[str, NDArray[Any]]:
    """The fields of a dataclass that hold arrays, by name."""
    return dict(_arrays(holder))


def freeze(holder: DataclassInstance, *shape: int) -> None:
    """Make every array of a dataclass read-only. Raises ValueError for one of another shape."""
    for name, values in _arrays(holder):
        if values.shape != shape:
            raise ValueError(
                f"{type(holder).__name__}.{name} has shape {values.shape}, not {shape}"
            )
        values.setflags(write=False)


def _arrays(holder: DataclassInstance) -> Iterator[tuple[str, NDArray[Any]]]:
    for name in _names(type(holder)):
        values = getattr(holder, name)
        if isinstance(values, np.ndarray):
            yield name, values


@lru_cache(maxsize=256)
def _names(holder: type[DataclassInstance]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(holder))
