"""Positions that stay in memory: what they are worth, what is summed over them, what a trade adds.

A *segment* is the positions of one account in one underlying, the range [start, stop) of columns
``row`` (place among the M instruments), ``quantity`` (units of the underlying, + long), ``short``
(what of it is short, ≥ 0), ``value`` (USD, + long), ``owed`` (what of it is owed, ≥ 0) and
``coins`` (unsettled profit in coins per unit). What instruments bring to sums is made by
:mod:`seawall.margin.resident.terms`:

- ``terms`` [2, M, 1, W]: what a unit held long brings, and what one held short brings beyond the
  negative of that; ``values`` [2, M, 1, V] the same of a USD of value;
- ``deltas`` [M, 1, B] coins of delta, each row in the column of its bucket of expiry; ``weight``
  [T, B] of sums over buckets, which ``net`` [T] says are over net deltas and not over their sizes;
- ``costs`` [M, 4C] of each charge of positions, per unit held long in initial and in maintenance
  margin and held short in both; ``of_value`` [C] says that the size is the value;
- ``kind`` [M] of row; ``cuts`` [M, 4] the shares of the value that are cut off what is held
  outright, of a positive value and of a negative one.

The sums over a segment are a row of numbers: ``EARNED`` to ``HAIRCUT_CENTS``, then W, V and T of
those above; the first of W is what is held outright, in units of either side. Cents are NaN where
only exact arithmetic can round.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seawall.kernels._jit import kernel
from seawall.kernels.lanes import add_rows

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Rows = NDArray[np.uint32]
Kinds = NDArray[np.int8]
Flags = NDArray[np.bool_]

SIZE, WORTH, FORWARD, UNIT_USD, SPOT_USD, FUTURE, UNIT_COLUMNS = range(7)
"""Columns of ``unit`` [M, 6]: units per size kept, USD that one unit is worth (0 of futures), a
future's forward and USD per unit of its price, USD per coin of an inverse one (0 of all else), and
whether it is a future."""

EARNED, OUTSIDE, INITIAL, MAINTENANCE, INITIAL_CENTS, MAINTENANCE_CENTS = range(6)
EQUITY_CENTS, HAIRCUT_CENTS, FIXED_SUMS = range(6, 9)
"""First columns of a row of sums: coins earned; holdings that no scenario moves; what charges of
positions ask in USD and in rounded cents; what is held outright in cents."""

HELD_OUTRIGHT = FIXED_SUMS
"""The first sum of terms."""

IN_CONTRACTS, OUTRIGHT, APART = range(3)
"""Kinds of row: of contracts; held outright; such that held long is outside the array."""

LONG_CUT, LONG_PEG, SHORT_CUT, SHORT_PEG, CUTS = range(5)
"""Columns of ``cuts``."""

# Below it millionths of a USD are whole numbers that float64 holds exactly.
_EXACT_USD = 2.0**53 * 1e-6
_CENT_MILLIONTHS = 10_000.0


@kernel("void(u4[::1], f8[::1], f8[::1], f8[:, ::1], f8[::1], f8[::1], f8[::1], f8[::1], f8[::1])")
def worth_of_positions(
    row: Rows,
    size: Floats,
    entry: Floats,
    unit: Floats,
    quantity_out: Floats,
    short_out: Floats,
    value_out: Floats,
    owed_out: Floats,
    coins_out: Floats,
) -> None:
    """Fill what positions are and are worth; shapes [P].

    ``size`` as it is kept, ``entry`` prices of futures, ``unit`` [M, 6]. The formulas are those of
    :func:`seawall.risk.book.join_underlying`.
    """
    for p in range(row.shape[0]):
        r = row[p]
        quantity, coins = size[p] * unit[r, SIZE], 0.0
        value = quantity * unit[r, WORTH]
        if unit[r, FUTURE] != 0.0:
            if unit[r, SPOT_USD] != 0.0:
                coins = unit[r, FORWARD] / entry[p] - 1.0
                value = quantity * (coins * unit[r, SPOT_USD])
            else:
                value = quantity * ((unit[r, FORWARD] - entry[p]) * unit[r, UNIT_USD])
        quantity_out[p], short_out[p] = quantity, max(-quantity, 0.0)
        value_out[p], owed_out[p] = value, max(-value, 0.0)
        coins_out[p] = coins


@kernel(inline=True)
def floor_cents_scalar(measure: float) -> float:
    """Cents of a value in the account's favour, as ``basics.money`` rounds it; NaN if in doubt."""
    if not abs(measure) < _EXACT_USD:
        return math.nan
    millionths = measure * 1e6
    below = math.floor(millionths)
    if millionths - below == 0.5 and (below + 1) % _CENT_MILLIONTHS == 0.0:
        return math.nan
    return math.floor(np.rint(millionths) / _CENT_MILLIONTHS) + 0.0


# Each of the three kernels below goes over all segments by itself: a call that hands on arrays
# counts references, which takes longer than the sums of a segment.


@kernel(
    "void(u4[::1], f8[::1], f8[::1], f8[::1], f8[::1], f8[::1], i8[::1], i8[::1], "
    "f8[:, :, :, ::1], f8[:, :, :, ::1], f8[:, :, ::1], f8[:, ::1], b1[::1], f8[:, ::1])"
)
def sum_terms(
    row: Rows,
    quantity: Floats,
    short: Floats,
    value: Floats,
    owed: Floats,
    coins: Floats,
    start: Integers,
    stop: Integers,
    terms: Floats,
    values: Floats,
    deltas: Floats,
    weight: Floats,
    net: Flags,
    out: Floats,
) -> None:
    """Fill ``out`` [G, N] with the sums of every segment, those of the other kernels with 0."""
    of_terms, of_values = np.empty((2, 1, terms.shape[3])), np.empty((2, 1, values.shape[3]))
    of_buckets = np.empty((1, 1, deltas.shape[2]))
    long_terms, short_terms, long_values, owed_values = terms[0], terms[1], values[0], values[1]
    for g in range(start.shape[0]):
        begin, end = start[g], stop[g]
        for n in range(FIXED_SUMS):
            out[g, n] = 0.0
        earned = 0.0
        for p in range(begin, end):
            earned += quantity[p] * coins[p]
        out[g, EARNED] = earned
        add_rows(long_terms, row, quantity, begin, end, of_terms, 0)
        add_rows(short_terms, row, short, begin, end, of_terms, 1)
        add_rows(long_values, row, value, begin, end, of_values, 0)
        add_rows(owed_values, row, owed, begin, end, of_values, 1)
        at = FIXED_SUMS
        for j in range(of_terms.shape[2]):
            out[g, at + j] = of_terms[0, 0, j] + of_terms[1, 0, j]
        at += of_terms.shape[2]
        for j in range(of_values.shape[2]):
            out[g, at + j] = of_values[0, 0, j] + of_values[1, 0, j]
        at += of_values.shape[2]
        if net.shape[0] > 0:
            add_rows(deltas, row, quantity, begin, end, of_buckets, 0)
            of_buckets[0, 0, 0] += earned
        for t in range(net.shape[0]):
            total = 0.0
            for e in range(of_buckets.shape[2]):
                held = of_buckets[0, 0, e]
                total += (held if net[t] else abs(held)) * weight[t, e]
            out[g, at + t] = total


@kernel(
    "void(u4[::1], f8[::1], f8[::1], i8[::1], i8[::1], f8[:, ::1], b1[::1], i8[::1], "
    "f8[:, ::1], f8[:, ::1])"
)
def add_singles(
    row: Rows,
    quantity: Floats,
    value: Floats,
    start: Integers,
    stop: Integers,
    costs: Floats,
    of_value: Flags,
    kind: Integers,
    cuts: Floats,
    out: Floats,
) -> None:
    """Add to ``out`` [G, N], of :func:`sum_terms`, what is rounded position by position."""
    for g in range(start.shape[0]):
        if of_value.shape[0] == 0 and out[g, HELD_OUTRIGHT] == 0.0:
            continue
        for p in range(start[g], stop[g]):
            r = row[p]
            for c in range(of_value.shape[0]):
                amount = value[p] if of_value[c] else quantity[p]
                at = 4 * c + (0 if amount > 0.0 else 2)
                for level in range(2):
                    cost = abs(amount) * costs[r, at + level]
                    out[g, INITIAL + level] += cost
                    out[g, INITIAL_CENTS + level] -= floor_cents_scalar(-cost)
            if kind[r] != IN_CONTRACTS and quantity[p] != 0.0:
                if kind[r] == APART and quantity[p] > 0.0:
                    out[g, OUTSIDE] += 1.0
                cut = LONG_CUT if value[p] > 0.0 else SHORT_CUT
                out[g, EQUITY_CENTS] += floor_cents_scalar(value[p])
                out[g, HAIRCUT_CENTS] -= floor_cents_scalar(-abs(value[p]) * cuts[r, cut])
                out[g, HAIRCUT_CENTS] -= floor_cents_scalar(-abs(value[p]) * cuts[r, cut + 1])
