"""What an account holds of each bucket of expiry, and of clusters with open interest of their own.

Segments are those of ``kernels.segments``.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seawall.kernels._jit import kernel
from seawall.kernels.lanes import add_rows, count_cells, reduce_cells

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Rows = NDArray[np.uint32]
Flags = NDArray[np.bool_]
Kinds = NDArray[np.int8]


@kernel()
def add_bucket(held: float, weight: Floats, net: Flags, at: int, out: Floats, g: int) -> None:
    """Add what ``held`` coins of delta in bucket ``at`` bring to the sums ``out[g]``."""
    for t in range(net.shape[0]):
        out[g, t] += (held if net[t] else abs(held)) * weight[t, at]


@kernel(
    "void(f8[::1], i8[::1], f8[:, ::1], b1[::1], u4[::1], f8[::1], i8[::1], i8[::1], f8[::1], "
    "f8[:, ::1])"
)
def sum_over_buckets(
    delta: Floats,
    bucket: Integers,
    weight: Floats,
    net: Flags,
    row: Rows,
    quantity: Floats,
    start: Integers,
    stop: Integers,
    earned: Floats,
    out: Floats,
) -> None:
    """Fill ``out`` [G, T] with Σ|Δ_e|·weight[t, e] of every segment, or ΣΔ_e·weight[t, e] where
    ``net`` [T].

    Δ_e = Σ quantity·delta over bucket e, in coins, and in bucket 0, which is spot, ``earned`` [G]
    coins more. ``delta``, ``bucket`` [M], positions of a bucket side by side and spot first;
    ``weight`` [T, buckets].
    """
    for g in range(start.shape[0]):
        for t in range(net.shape[0]):
            out[g, t] = 0.0
        held = earned[g]
        at = 0
        for p in range(start[g], stop[g]):
            here = int(bucket[row[p]])
            if here != at:
                add_bucket(held, weight, net, at, out, g)
                held = 0.0
                at = here
            held += quantity[p] * delta[row[p]]
        add_bucket(held, weight, net, at, out, g)


@kernel()
def share_scalar(held: float, listed: float) -> float:
    """The share of what is listed that is held: all of it where no more is listed."""
    return held / listed if held < listed else 1.0


@kernel(inline=True)
def hold_clusters(
    cluster: Integers, row: Rows, quantity: Floats, begin: int, end: int, held: Floats
) -> None:
    """Add up what positions [begin, end) hold of each cluster, the widest in its own place."""
    for p in range(begin, end):
        for level in range(cluster.shape[1]):
            if cluster[row[p], level] >= 0:
                held[cluster[row[p], level]] += abs(quantity[p])


@kernel(inline=True)
def gather(
    cluster: Integers,
    level: int,
    row: Rows,
    quantity: Floats,
    begin: int,
    end: int,
    rows: Rows,
    sizes: Floats,
) -> int:
    """Copy the positions [begin, end) that are in the cluster of the first; how many they are."""
    own, count = cluster[row[begin], level], 0
    for p in range(begin, end):
        if cluster[row[p], level] == own:
            rows[count], sizes[count] = row[p], quantity[p]
            count += 1
    return count


@kernel(
    "void(i8[:, ::1], f8[:, ::1], f8[::1], u4[::1], f8[::1], i8[::1], i8[::1], f8[::1], "
    "f8[:, :, ::1], f8[::1], i1[::1], b1[:, ::1], i8[::1], f8[::1])"
)
def most_crowded(
    cluster: Integers,
    listed: Floats,
    limits: Floats,
    row: Rows,
    quantity: Floats,
    start: Integers,
    stop: Integers,
    worst_loss: Floats,
    array: Floats,
    damping: Floats,
    kind: Kinds,
    inside: Flags,
    k: Integers,
    out: Floats,
) -> None:
    """Fill ``out`` [G] with the most of factor·loss·(share − free share) over a segment's clusters.

    In USD, ≥ 0. ``cluster`` [M, L] numbers the clusters of a row, −1 for none, the widest first,
    which all others lie in; ``listed`` [M, L] is their open interest in coins. ``limits`` [5]: the
    open interest of the widest cluster (NaN: what the segment holds), the least share of it that
    another counts as having, the free share, the factor and how many clusters there are. A loss is
    ``worst_loss`` [G] of all positions, of a cluster at most what ``array`` [M, I, W] says that it
    loses by itself, reduced as in ``segments``; with no instants I there is no such limit.
    """
    held = np.zeros(int(limits[4]))
    rows, sizes = np.empty(row.shape[0], dtype=np.uint32), np.empty(row.shape[0])
    net = np.empty((1, array.shape[1], array.shape[2]))
    cells, pnl = np.empty(array.shape[2]), np.empty((1, kind.shape[0]))
    for g in range(start.shape[0]):
        begin, end, worst, most = start[g], stop[g], worst_loss[g], 0.0
        hold_clusters(cluster, row, quantity, begin, end, held)
        known = limits[0]
        for p in range(begin, end):
            for level in range(cluster.shape[1]):
                own = cluster[row[p], level]
                if own < 0 or held[own] == 0.0:
                    continue
                if level == 0:
                    known = held[own] if math.isnan(limits[0]) else limits[0]
                of = known if level == 0 else max(listed[row[p], level], limits[1] * known)
                beyond = share_scalar(float(held[own]), float(of)) - limits[2]
                held[own] = 0.0
                # What all positions lose is the most that counts.
                if not worst * beyond > most:
                    continue
                loss = worst
                if level > 0 and array.shape[1] > 0:
                    count = gather(cluster, level, row, quantity, p, end, rows, sizes)
                    add_rows(array, rows, sizes, 0, count, net, 0)
                    count_cells(net, 0, damping, cells)
                    reduce_cells(cells, kind, inside, k, pnl, 0)
                    loss = min(worst, max(0.0, -pnl.min()))
                most = max(most, loss * beyond)
        out[g] = limits[3] * most
