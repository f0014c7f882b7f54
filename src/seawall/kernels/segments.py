"""Many accounts over one array: sums and worst cells of segments of positions.

A *segment* is the positions of one account in one underlying, the range [start, stop) of columns
``row`` (place in the array) and ``quantity`` (in units of the underlying, + long). Its profit is

    n[i, w] = earned_usd·price_rel[w] + Σ quantity·array[row, i, w]      at instant i in cell w
    v[w]    = damping[w]·min over i of n[i, w]                           as the cell counts

in USD, + gain, with ``array`` [M, I, W] the profit of one unit and ``earned_usd`` [G] what the
account's unsettled coins of the underlying are worth now. Cells are added in the order of the
positions, each product rounded before it is added: bits depend on nothing but the segment.

A *reduction* r of v is, over the cells w with ``inside[r, w]``, of which there are at least
``k[r]`` ≥ 1: kind 0 their least, 1 the k-th least, 2 the mean of the k least. Rows are padded
with cells in no reduction to W cells, a multiple of 8. Ranges need not cover the positions and may
overlap. Source of the fold: docs/models/prbm.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seawall.kernels._jit import kernel

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Rows = NDArray[np.uint32]
Kinds = NDArray[np.int8]
Flags = NDArray[np.bool_]

LEAST, KTH_LEAST, TAIL_MEAN = 0, 1, 2
"""Kinds of reduction."""


@kernel()
def net_one(
    array: Floats,
    row: Rows,
    quantity: Floats,
    begin: int,
    end: int,
    earned_usd: float,
    price_rel: Floats,
    out: Floats,
) -> None:
    """Profit of one segment, [begin, end), into ``out`` [I, W]."""
    for i in range(out.shape[0]):
        for w in range(out.shape[1]):
            out[i, w] = earned_usd * price_rel[w]
    for p in range(begin, end):
        for i in range(out.shape[0]):
            for w in range(out.shape[1]):
                out[i, w] += quantity[p] * array[row[p], i, w]


@kernel()
def count_cells(net: Floats, damping: Floats, out: Floats) -> None:
    """Each cell of ``net`` [I, W] at its worst instant, damped, into ``out`` [W]."""
    for w in range(out.shape[0]):
        worst = net[0, w]
        for i in range(1, net.shape[0]):
            worst = min(worst, net[i, w])
        out[w] = damping[w] * worst


@kernel()
def reduce_cells(
    cells: Floats, kind: Kinds, inside: Flags, k: Integers, least: Floats, out: Floats
) -> None:
    """Reductions of ``cells`` [W] into ``out`` [R]; ``least`` [W] is room for the least of them."""
    for r in range(kind.shape[0]):
        kept = 0
        wanted = 1 if kind[r] == LEAST else k[r]
        for w in range(cells.shape[0]):
            if not inside[r, w] or (kept == wanted and cells[w] >= least[kept - 1]):
                continue
            place = min(kept, wanted - 1)
            while place > 0 and least[place - 1] > cells[w]:
                least[place] = least[place - 1]
                place -= 1
            least[place] = cells[w]
            kept = min(kept + 1, wanted)
        out[r] = least[wanted - 1]
        if kind[r] == TAIL_MEAN:
            total = 0.0
            for place in range(wanted):
                total += least[place]
            out[r] = total / wanted


@kernel(
    "void(f8[:, :, ::1], u4[::1], f8[::1], i8[::1], i8[::1], f8[::1], f8[::1], f8[::1], "
    "i1[::1], b1[:, ::1], i8[::1], f8[:, ::1])"
)
def fold_segments(
    array: Floats,
    row: Rows,
    quantity: Floats,
    start: Integers,
    stop: Integers,
    earned_usd: Floats,
    price_rel: Floats,
    damping: Floats,
    kind: Kinds,
    inside: Flags,
    k: Integers,
    out: Floats,
) -> None:
    """Fill ``out`` [G, R] with the reductions of every segment, in USD, + gain.

    ``array`` [M, I, W]; ``row``, ``quantity`` [P]; ``start``, ``stop``, ``earned_usd`` [G];
    ``price_rel``, ``damping`` [W]; ``kind``, ``k`` [R]; ``inside`` [R, W]. Inputs are finite.
    """
    net = np.empty((array.shape[1], array.shape[2]))
    cells = np.empty(array.shape[2])
    least = np.empty(array.shape[2])
    for g in range(start.shape[0]):
        net_one(array, row, quantity, start[g], stop[g], earned_usd[g], price_rel, net)
        count_cells(net, damping, cells)
        reduce_cells(cells, kind, inside, k, least, out[g])


@kernel("void(f8[:, :, ::1], u4[::1], f8[::1], i8[::1], i8[::1], f8[::1], f8[::1], f8[:, :, ::1])")
def net_segments(
    array: Floats,
    row: Rows,
    quantity: Floats,
    start: Integers,
    stop: Integers,
    earned_usd: Floats,
    price_rel: Floats,
    out: Floats,
) -> None:
    """Fill ``out`` [G, I, W] with the profit of every segment, undamped, in USD, + gain.

    ``array`` [M, I, W]; ``row``, ``quantity`` [P]; ``start``, ``stop``, ``earned_usd`` [G];
    ``price_rel`` [W]. Inputs are finite.
    """
    for g in range(start.shape[0]):
        net_one(array, row, quantity, start[g], stop[g], earned_usd[g], price_rel, out[g])


@kernel("void(f8[:, :, ::1], f8[::1], i1[::1], b1[:, ::1], i8[::1], f8[:, ::1])")
def reduce_vectors(
    vectors: Floats, damping: Floats, kind: Kinds, inside: Flags, k: Integers, out: Floats
) -> None:
    """Fill ``out`` [G, R] with the reductions of ``vectors`` [G, I, W], of ``net_segments``."""
    cells = np.empty(vectors.shape[2])
    least = np.empty(vectors.shape[2])
    for g in range(vectors.shape[0]):
        count_cells(vectors[g], damping, cells)
        reduce_cells(cells, kind, inside, k, least, out[g])


@kernel("void(f8[:, ::1], f8[:, ::1], u4[::1], f8[::1], i8[::1], i8[::1], f8[:, ::1])")
def sum_segments(
    long: Floats,
    short: Floats,
    row: Rows,
    quantity: Floats,
    start: Integers,
    stop: Integers,
    out: Floats,
) -> None:
    """Fill ``out`` [G, K] with Σ |quantity|·(``long`` if quantity > 0 else ``short``)[row].

    ``long``, ``short`` [M, K] hold K figures of one unit of each instrument; ``row``, ``quantity``
    [P]; ``start``, ``stop`` [G]. The sums are in the figures' own units.
    """
    for g in range(start.shape[0]):
        for j in range(out.shape[1]):
            out[g, j] = 0.0
        for p in range(start[g], stop[g]):
            side = long if quantity[p] > 0.0 else short
            for j in range(out.shape[1]):
                out[g, j] += abs(quantity[p]) * side[row[p], j]
