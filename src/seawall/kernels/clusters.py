"""What an account holds of each bucket of expiry, and of clusters with open interest of their own.

Segments are those of ``kernels.segments``, their positions in the order of the rows of one book of
instruments: buckets in order, and within a bucket strikes together.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seawall.kernels._jit import kernel

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Rows = NDArray[np.uint32]
Flags = NDArray[np.bool_]


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


@kernel(
    "i8(i8[::1], f8[::1], u4[::1], f8[::1], i8[::1], i8[::1], f8[::1], f8, i8[::1], i8[::1], "
    "i8[::1], f8[::1])"
)
def crowded_ranges(
    cluster: Integers,
    listed: Floats,
    row: Rows,
    quantity: Floats,
    start: Integers,
    stop: Integers,
    least: Floats,
    free_share: float,
    segment_out: Integers,
    start_out: Integers,
    stop_out: Integers,
    share_out: Floats,
) -> int:
    """Find the clusters of which an account holds more than ``free_share``; how many there are.

    ``cluster`` [M] −1 for rows in none, rows of one cluster side by side; ``listed`` [M] open
    interest of a row's cluster in coins, which counts as at least ``least`` [G]. Of each found its
    segment, its range of positions and the share held are written, of which there are at most P.
    """
    found = 0
    for g in range(start.shape[0]):
        begin = start[g]
        while begin < stop[g]:
            at = cluster[row[begin]]
            end = begin
            held = 0.0
            while end < stop[g] and cluster[row[end]] == at:
                held += abs(quantity[end])
                end += 1
            if at >= 0 and held > 0.0:
                share = share_scalar(float(held), max(listed[row[begin]], least[g]))
                if share > free_share:
                    segment_out[found] = g
                    start_out[found] = begin
                    stop_out[found] = end
                    share_out[found] = share
                    found += 1
            begin = end
    return found
