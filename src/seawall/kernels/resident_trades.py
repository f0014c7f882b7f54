"""A trade beside positions that stay in memory: what is held then, summed and reduced.

The columns, tables and sums are those of :mod:`seawall.kernels.resident`, the vectors and
reductions those of :mod:`seawall.kernels.segments`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seawall.kernels._jit import kernel
from seawall.kernels.lanes import count_cells, reduce_cells
from seawall.kernels.resident import add_singles, sum_terms

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Rows = NDArray[np.uint32]
Kinds = NDArray[np.int8]
Flags = NDArray[np.bool_]


@kernel(
    "i8(u4[::1], f8[::1], f8[::1], f8[::1], u4, f8, f8, f8, u4, f8, f8, f8, "
    "f8[:, :, :, ::1], f8[:, :, :, ::1], f8[:, :, ::1], f8[:, ::1], b1[::1], f8[:, ::1], b1[::1], "
    "i8[::1], f8[:, ::1], u4[::1], f8[::1], f8[:, ::1])",
    keeps_gil=True,
)
def sum_after_trade(
    row: Rows,
    quantity: Floats,
    value: Floats,
    coins: Floats,
    first: int,
    first_quantity: float,
    first_value: float,
    first_coins: float,
    second: int,
    second_quantity: float,
    second_value: float,
    second_coins: float,
    terms: Floats,
    values: Floats,
    deltas: Floats,
    weight: Floats,
    net: Flags,
    costs: Floats,
    of_value: Flags,
    kind: Integers,
    cuts: Floats,
    row_out: Rows,
    quantity_out: Floats,
    out: Floats,
) -> int:
    """Fill ``out`` [1, N] with the sums over positions [P], of which two rows are as stated.

    ``first`` and ``second`` may be held already or not; where they are one row, ``first`` counts.
    What is held then is written to ``row_out`` and ``quantity_out`` [P + 2]; returns how many.
    """
    size, q = row.shape[0] + 2, quantity_out
    v, c, short, owed = np.empty(size), np.empty(size), np.empty(size), np.empty(size)
    row_out[0], q[0], v[0], c[0] = first, first_quantity, first_value, first_coins
    count = 1
    if second != first:
        row_out[1], q[1], v[1], c[1] = second, second_quantity, second_value, second_coins
        count = 2
    for p in range(row.shape[0]):
        if row[p] != first and row[p] != second:
            row_out[count], q[count], v[count], c[count] = row[p], quantity[p], value[p], coins[p]
            count += 1
    for p in range(count):
        short[p], owed[p] = max(-q[p], 0.0), max(-v[p], 0.0)
    start, stop = np.zeros(1, dtype=np.int64), np.full(1, count, dtype=np.int64)
    sum_terms(row_out, q, short, v, owed, c, start, stop, terms, values, deltas, weight, net, out)
    add_singles(row_out, q, v, start, stop, costs, of_value, kind, cuts, out)
    return count


@kernel("void(f8[:, ::1], f8[:, :, ::1], u4, f8, u4, f8, f8, f8[::1], f8[:, :, ::1])")
def vector_after_trade(
    vector: Floats,
    array: Floats,
    first: int,
    first_change: float,
    second: int,
    second_change: float,
    earned_usd: float,
    price_rel: Floats,
    out: Floats,
) -> None:
    """Fill ``out`` [1, I, W] with ``vector`` [I, W] after a trade.

    Two rows of ``array`` [M, I, W] change by so many units, and what the account has earned in
    coins by ``earned_usd``; ``price_rel`` [W]. Errors of rounding grow with every trade;
    ``net_segments`` gives the vector without them.
    """
    for i in range(vector.shape[0]):
        for w in range(vector.shape[1]):
            total = vector[i, w] + first_change * array[first, i, w]
            total += second_change * array[second, i, w]
            out[0, i, w] = total + earned_usd * price_rel[w]


@kernel(
    "void(f8[:, ::1], f8[:, :, ::1], u4, f8, u4, f8, f8, f8[::1], f8[::1], i1[::1], b1[:, ::1], "
    "i8[::1], f8[:, ::1])",
    keeps_gil=True,
)
def what_if_trade(
    vector: Floats,
    array: Floats,
    first: int,
    first_change: float,
    second: int,
    second_change: float,
    earned_usd: float,
    price_rel: Floats,
    damping: Floats,
    kind: Kinds,
    inside: Flags,
    k: Integers,
    out: Floats,
) -> None:
    """Fill ``out`` [1, R] with the reductions of ``vector`` [I, W] after a trade.

    The trade is as in :func:`vector_after_trade`, the rest as in
    :func:`seawall.kernels.segments.reduce_vectors`.
    """
    net = np.empty((1, vector.shape[0], vector.shape[1]))
    cells = np.empty(vector.shape[1])
    vector_after_trade(
        vector, array, first, first_change, second, second_change, earned_usd, price_rel, net
    )
    count_cells(net, 0, damping, cells)
    reduce_cells(cells, kind, inside, k, out, 0)
