"""Positions put in order: stable counting sorts, and what is found in an ordered segment."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seawall.kernels._jit import kernel

Integers = NDArray[np.int64]


@kernel("void(i8[::1], i8, i8[::1], i8[::1])")
def ordered(key: Integers, keys: int, order: Integers, out: Integers) -> None:
    """Fill ``out`` with the places in ``order`` sorted by their key, equal ones as they came.

    ``key`` [P] from 0 to ``keys`` − 1; ``order`` and ``out`` [P] are places in it.
    """
    first = np.zeros(keys + 1, np.int64)
    for p in range(key.shape[0]):
        first[key[p] + 1] += 1
    for k in range(keys):
        first[k + 1] += first[k]
    for p in range(order.shape[0]):
        place = order[p]
        out[first[key[place]]] = place
        first[key[place]] += 1
