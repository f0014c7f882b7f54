"""Array holders: every column checked for its shape and made read-only, in every process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from functools import lru_cache, partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

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


def pickled(self: DataclassInstance) -> tuple[Callable[[], Any], tuple[()]]:
    """The ``__reduce__`` of a dataclass whose arrays or mappings are read-only.

    Another process calls the constructor again, which checks and freezes: of itself a pickled array
    comes back writable. The read-only view of a mapping cannot be pickled and goes as a dict.
    """
    given = {field.name: getattr(self, field.name) for field in fields(self) if field.init}
    plain = {
        name: dict(cast("MappingProxyType[Any, Any]", value))
        if isinstance(value, MappingProxyType)
        else value
        for name, value in given.items()
    }
    return partial(type(self), **plain), ()
