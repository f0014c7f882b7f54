"""The inner loops of segments, eight cells of a row at a time.

Each function is plain Python that says what is computed and in which order; ``_lanes`` writes the
same in vector instructions, which keep the sums of a row in registers. Sums are per cell and a
minimum has no order, so the width of a processor's vectors changes no bit. A product is rounded
before it is added: fma gains nothing where rows come out of a cache, and some processors have none.
Arrays are contiguous, their rows of W cells, W a multiple of 8. Numbers are finite.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seawall.kernels import _lanes
from seawall.kernels._jit import operation

Floats = NDArray[np.float64]

LEAST, KTH_LEAST, TAIL_MEAN = 0, 1, 2
"""Kinds of reduction."""


@operation(_lanes.add_rows)
def add_rows(
    array: Floats,
    row: NDArray[np.uint32],
    quantity: Floats,
    start: int,
    stop: int,
    out: Floats,
    g: int,
) -> None:
    """Σ quantity·array[row] over positions [start, stop), in their order, into ``out[g]``.

    ``array`` [M, I, W]; ``row`` and ``quantity`` [P]; ``out`` [G, I, W].
    """
    out[g] = 0.0
    for p in range(start, stop):
        out[g] += quantity[p] * array[row[p]]


@operation(_lanes.fetch_segment)
def fetch_segment(
    row: NDArray[np.uint32], quantity: Floats, start: int, stop: int, out: Floats, g: int
) -> None:
    """Bring what ``add_rows`` will read of the positions, and write, near to the processor."""


@operation(_lanes.add_coins)
def add_coins(earned_usd: float, price_rel: Floats, out: Floats, g: int) -> None:
    """Add earned_usd·price_rel [W] to every instant of ``out[g]`` of [G, I, W]."""
    out[g] += earned_usd * price_rel


@operation(_lanes.count_cells)
def count_cells(net: Floats, g: int, damping: Floats, out: Floats) -> None:
    """Each cell of ``net[g]`` of [G, I, W] at its worst instant, damped, into ``out`` [W]."""
    out[:] = damping * net[g].min(axis=0)


@operation(_lanes.reduce_cells)
def reduce_cells(
    cells: Floats,
    kind: NDArray[np.int8],
    inside: NDArray[np.bool_],
    k: NDArray[np.int64],
    out: Floats,
    g: int,
) -> None:
    """Reductions of ``cells`` [W] into ``out[g]`` of [G, R], a zero without sign.

    ``kind``, ``k`` [R] and ``inside`` [R, W] as in ``segments``. Values that occur more than once
    enter a mean as one product.
    """
    for r in range(kind.size):
        values, counts = np.unique(cells[inside[r]], return_counts=True)
        left = 1 if kind[r] == LEAST else int(k[r])
        total, n = 0.0, -1
        while left > 0:
            n += 1
            taken = min(int(counts[n]), left)
            total += values[n] * taken
            left -= taken
        out[g, r] = (total / k[r] if kind[r] == TAIL_MEAN else values[n]) + 0.0
