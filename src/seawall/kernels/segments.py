"""Many accounts over one array: sums and worst cells of segments of positions.

A *segment* is the positions of one account in one underlying, the range [start, stop) of columns
``row`` (place in the array) and ``quantity`` (in units of the underlying, + long). Its profit is

    n[i, w] = Σ quantity·array[row, i, w] + earned_usd·price_rel[w]      at instant i in cell w
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
from seawall.kernels.lanes import add_coins, add_rows, count_cells, fetch_segment, reduce_cells

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Rows = NDArray[np.uint32]
Kinds = NDArray[np.int8]
Flags = NDArray[np.bool_]


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
    net = np.empty((1, array.shape[1], array.shape[2]))
    cells = np.empty(array.shape[2])
    for g in range(start.shape[0]):
        add_rows(array, row, quantity, start[g], stop[g], net, 0)
        if earned_usd[g] != 0.0:
            add_coins(earned_usd[g], price_rel, net, 0)
        count_cells(net, 0, damping, cells)
        reduce_cells(cells, kind, inside, k, out, g)


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
        add_rows(array, row, quantity, start[g], stop[g], out, g)
        if earned_usd[g] != 0.0:
            add_coins(earned_usd[g], price_rel, out, g)


@kernel("void(f8[:, :, ::1], f8[::1], i1[::1], b1[:, ::1], i8[::1], f8[:, ::1])")
def reduce_vectors(
    vectors: Floats, damping: Floats, kind: Kinds, inside: Flags, k: Integers, out: Floats
) -> None:
    """Fill ``out`` [G, R] with the reductions of ``vectors`` [G, I, W], of ``net_segments``."""
    cells = np.empty(vectors.shape[2])
    for g in range(vectors.shape[0]):
        count_cells(vectors, g, damping, cells)
        reduce_cells(cells, kind, inside, k, out, g)


@kernel(
    "void(f8[:, :, ::1], u4[::1], f8[::1], i8[::1], i8[::1], f8[::1], f8[::1], f8[::1], "
    "i1[::1], b1[:, ::1], i8[::1], i8[::1], f8[:, :, ::1], f8[:, ::1])"
)
def rebuild_segments(
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
    segment: Integers,
    vectors_out: Floats,
    out: Floats,
) -> None:
    """Fill anew what ``vectors_out`` [G, I, W] and ``out`` [G, R] hold of some segments.

    ``segment`` [N] says of which; the rest is as in ``net_segments`` and ``reduce_vectors``, and so
    are the bits.
    """
    cells = np.empty(array.shape[2])
    for n in range(segment.shape[0]):
        # They lie anywhere in memory: without this most of the time would be waiting for it.
        ahead = int(segment[min(n + 4, segment.shape[0] - 1)])
        fetch_segment(row, quantity, start[ahead], stop[ahead], vectors_out, ahead)
        g = int(segment[n])
        add_rows(array, row, quantity, start[g], stop[g], vectors_out, g)
        if earned_usd[g] != 0.0:
            add_coins(earned_usd[g], price_rel, vectors_out, g)
        count_cells(vectors_out, g, damping, cells)
        reduce_cells(cells, kind, inside, k, out, g)


@kernel("void(f8[:, ::1], f8, f8[:, ::1])")
def add_to_vector(array_row: Floats, change: float, out: Floats) -> None:
    """Add ``change`` units of an instrument, whose row is ``array_row`` [I, W], to ``out`` [I, W].

    Errors of rounding grow with every change; ``net_segments`` gives the vector without them.
    """
    for i in range(out.shape[0]):
        for w in range(out.shape[1]):
            out[i, w] += change * array_row[i, w]


@kernel("void(f8[:, ::1], f8[:, ::1], f8, f8[::1], i1[::1], b1[:, ::1], i8[::1], f8[::1])")
def what_if_vector(
    vector: Floats,
    array_row: Floats,
    change: float,
    damping: Floats,
    kind: Kinds,
    inside: Flags,
    k: Integers,
    out: Floats,
) -> None:
    """Fill ``out`` [R] with the reductions that ``vector`` [I, W] had after ``add_to_vector``."""
    net = np.empty((1, vector.shape[0], vector.shape[1]))
    cells = np.empty(vector.shape[1])
    for i in range(vector.shape[0]):
        for w in range(vector.shape[1]):
            net[0, i, w] = vector[i, w] + change * array_row[i, w]
    count_cells(net, 0, damping, cells)
    reduce_cells(cells, kind, inside, k, out.reshape((1, out.shape[0])), 0)


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
