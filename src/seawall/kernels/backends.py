"""The kernels of many accounts by what computes them: a processor here, others beside it.

Whatever else can compute them, a graphics card say, is one more entry. Its functions take the
arrays of their namesakes in ``segments``, have filled ``out`` when they return, and may be called
by several threads on parts of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, ParamSpec

from seawall.kernels import segments

F = ParamSpec("F")
S = ParamSpec("S")

CPU = "cpu"


@dataclass(frozen=True, slots=True)
class Implementation(Generic[F, S]):
    """The functions that go over all positions of all accounts."""

    fold_segments: Callable[F, None]
    sum_segments: Callable[S, None]


IMPLEMENTATIONS = {CPU: Implementation(segments.fold_segments, segments.sum_segments)}


# The type of what is returned is that of the kernels, written once, where they are.
def implementation(name: str):
    """What is registered under a name. Raises KeyError where nothing is."""
    if name not in IMPLEMENTATIONS:
        raise KeyError(f"no kernels under {name!r}; there are: {', '.join(IMPLEMENTATIONS)}")
    return IMPLEMENTATIONS[name]
