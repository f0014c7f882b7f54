"""From amounts in USD to rounded rows, and from these to the totals of accounts.

The last steps of the waterfall of :mod:`seawall.margin.requirement`, for accounts that stay in
memory. What an underlying, or money, brings to an account is a row of *figures*; the totals of an
account are made of its rows. A number that only exact arithmetic can round is NaN.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seawall.kernels._jit import kernel
from seawall.kernels.resident import (
    EQUITY_CENTS,
    HAIRCUT_CENTS,
    INITIAL,
    INITIAL_CENTS,
    MAINTENANCE,
    MAINTENANCE_CENTS,
    OUTSIDE,
    floor_cents_scalar,
)

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

FLOOR, UP, DOWN, AMOUNTS = range(4)
"""First columns of amounts: the greatest floor and the losses in either direction, in USD, ≥ 0.
After them come the rows that ``counts`` [4] counts: of charges at both levels and in initial margin
only, of values and of cuts of collateral."""

IN_UP, IN_DOWN, IN_WORST, UP_CENTS, DOWN_CENTS, HIGH, LOW, TOP = range(8)
"""First columns of figures, of an underlying in an offset: its losses and the greater, the rows of
both in cents, and the three losses with floors."""
RISK, OF_INITIAL, OF_MAINTENANCE, OF_INITIAL_CENTS, OF_MAINTENANCE_CENTS = range(8, 13)
"""R of an underlying in no offset; what it and all charges ask."""
OF_EQUITY_CENTS, OF_HAIRCUT_CENTS, IS_EXACT, FIGURES = range(13, 17)
"""Collateral, and whether only exact arithmetic tells (0 is no)."""

WITHOUT_SCENARIOS, ALONE, IN_OFFSET = range(3)
"""What an underlying's losses are added to."""

TOTALS = 6
"""Initial and maintenance margin in USD, then both, equity and haircuts in cents."""

_MILLIONTHS = 1e6


@kernel(inline=True)
def ceil_cents_scalar(measure: float) -> float:
    """Cents of a row of the requirement; NaN if in doubt."""
    return -floor_cents_scalar(-measure)


@kernel(inline=True)
def is_up_scalar(up: float, down: float) -> bool:
    """Whether more is lost upward, beyond noise."""
    return np.rint((up - down) * _MILLIONTHS) > 0.0


@kernel("void(f8[:, ::1], f8[:, ::1], i8[::1], i8, i8, f8[:, ::1])")
def figures_of_amounts(
    sums: Floats, amounts: Floats, counts: Integers, losses: int, exact: int, out: Floats
) -> None:
    """Fill ``out`` [G, FIGURES] from rows of ``sums`` and of ``amounts`` of each segment.

    ``losses`` says what they are added to; ``exact`` is 1 where only exact arithmetic tells.
    """
    for g in range(sums.shape[0]):
        for n in range(RISK + 1):
            out[g, n] = 0.0
        floor, up, down = amounts[g, FLOOR], amounts[g, UP], amounts[g, DOWN]
        high, low, both, cents = max(up, floor), max(down, floor), 0.0, 0.0
        if losses == IN_OFFSET:
            out[g, IN_UP], out[g, IN_DOWN], out[g, IN_WORST] = up, down, max(up, down)
            out[g, UP_CENTS], out[g, DOWN_CENTS] = ceil_cents_scalar(up), ceil_cents_scalar(down)
            out[g, HIGH], out[g, LOW], out[g, TOP] = high, low, max(high, low)
        elif losses == ALONE:
            loss = up if is_up_scalar(up, down) else down
            added = max(0.0, max(high, low) - max(up, down))
            both, cents = loss + added, ceil_cents_scalar(loss) + ceil_cents_scalar(added)
            out[g, RISK] = max(high, low)
        at = AMOUNTS
        for n in range(at, at + counts[0]):
            both += amounts[g, n]
            cents += ceil_cents_scalar(amounts[g, n])
        at += counts[0]
        only, only_cents = 0.0, 0.0
        for n in range(at, at + counts[1]):
            only += amounts[g, n]
            only_cents += ceil_cents_scalar(amounts[g, n])
        at += counts[1]
        value, cut = 0.0, 0.0
        for n in range(at, at + counts[2]):
            value += floor_cents_scalar(amounts[g, n])
        at += counts[2]
        for n in range(at, at + counts[3]):
            cut += ceil_cents_scalar(amounts[g, n])
        out[g, OF_INITIAL] = sums[g, INITIAL] + both + only
        out[g, OF_MAINTENANCE] = sums[g, MAINTENANCE] + both
        out[g, OF_INITIAL_CENTS] = sums[g, INITIAL_CENTS] + cents + only_cents
        out[g, OF_MAINTENANCE_CENTS] = sums[g, MAINTENANCE_CENTS] + cents
        out[g, OF_EQUITY_CENTS] = sums[g, EQUITY_CENTS] + value
        out[g, OF_HAIRCUT_CENTS] = sums[g, HAIRCUT_CENTS] + cut
        out[g, IS_EXACT] = sums[g, OUTSIDE] + exact


@kernel("void(f8[:, ::1], i8[::1], i8[::1], i8[::1], f8[:, ::1], f8, f8, b1, f8[:, ::1])")
def totals_of_figures(
    figures: Floats,
    offset: Integers,
    start: Integers,
    stop: Integers,
    rho: Floats,
    im_factor: float,
    mm_factor: float,
    of_requirement: bool,
    out: Floats,
) -> None:
    """Fill ``out`` [A, TOTALS] with the totals of accounts, each of the rows [start, stop).

    ``offset`` [N] is that of each row, −1 for none; ``rho`` [offsets, 2] in initial margin and in
    maintenance. Both factors are of the scanning risk or, ``of_requirement``, of all rows. NaN
    where only exact arithmetic tells.
    """
    groups = np.zeros((rho.shape[0], RISK))
    total = np.empty(FIGURES)
    for a in range(start.shape[0]):
        for n in range(FIGURES):
            total[n] = 0.0
        for p in range(start[a], stop[a]):
            for n in range(RISK, FIGURES):
                total[n] += figures[p, n]
            if offset[p] >= 0:
                for n in range(RISK):
                    groups[offset[p], n] += figures[p, n]
        both, cents, only, only_cents, risk = 0.0, 0.0, 0.0, 0.0, total[RISK]
        collapsed = 0.0
        for r in range(rho.shape[0]):
            up, down, worst = groups[r, IN_UP], groups[r, IN_DOWN], groups[r, IN_WORST]
            active, raised = max(up, down), max(groups[r, HIGH], groups[r, LOW])
            apart = 1.0 - rho[r, 1]
            decorrelation = apart * (worst - active)
            after = raised + apart * (groups[r, TOP] - raised)
            added = max(0.0, after - (active + decorrelation))
            collapse = (rho[r, 1] - rho[r, 0]) * (groups[r, TOP] - raised)
            is_up = is_up_scalar(up, down)
            both += (up if is_up else down) + decorrelation + added
            cents += groups[r, UP_CENTS] if is_up else groups[r, DOWN_CENTS]
            cents += ceil_cents_scalar(decorrelation) + ceil_cents_scalar(added)
            only += collapse
            only_cents += ceil_cents_scalar(collapse)
            risk += after
            collapsed += collapse
            for n in range(RISK):
                groups[r, n] = 0.0
        initial, maintenance = total[OF_INITIAL] + both + only, total[OF_MAINTENANCE] + both
        more = (im_factor - 1.0) * (initial if of_requirement else risk + collapsed)
        less = (mm_factor - 1.0) * (maintenance if of_requirement else risk)
        out[a, 0], out[a, 1] = initial + more, maintenance + less
        out[a, 2] = total[OF_INITIAL_CENTS] + cents + only_cents + ceil_cents_scalar(more)
        out[a, 3] = total[OF_MAINTENANCE_CENTS] + cents + ceil_cents_scalar(less)
        out[a, 4], out[a, 5] = total[OF_EQUITY_CENTS], total[OF_HAIRCUT_CENTS]
        if total[IS_EXACT] != 0.0:
            out[a, 2] = math.nan
