"""Roots of many functions of one variable at once, where each evaluation is dear."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from seawall.pricing.results import Floats

Indices = NDArray[np.intp]

# Bisection alone comes from any bracket of doubles to any accuracy in fewer rounds.
MAX_ROUNDS = 2_100
ROUNDING_REL = 4.0 * float(np.finfo(np.float64).eps)


def bracketed_roots(
    function: Callable[[Floats, Indices], Floats],
    low: Floats,
    high: Floats,
    at_low: Floats,
    at_high: Floats,
    accuracy: float,
) -> Floats:
    """Roots [n] of n functions between ``low``, where they are < 0, and ``high``, where ≥ 0.

    ``function(x, rows)`` gives the values of the functions numbered ``rows``, one x each, and is
    asked only for those whose root is not yet known to ``accuracy`` or to the last digits.

    Source: T. Chandrupatla, "A new hybrid quadratic/bisection algorithm", Advances in Engineering
    Software 28 (1997): the parabola through the last three points where it is monotone, else
    halving.
    """
    rows: Indices = np.arange(low.size)
    b, a, f_b, f_a = low, high, at_low, at_high
    roots = np.where(np.abs(f_a) < np.abs(f_b), a, b)
    share = np.full(low.size, 0.5)
    for _ in range(MAX_ROUNDS):
        if rows.size == 0:
            break
        x = a + share * (b - a)
        f_x = function(x, rows)
        same = (f_x >= 0.0) == (f_a >= 0.0)
        c, f_c = np.where(same, a, b), np.where(same, f_a, f_b)
        b, f_b = np.where(same, b, a), np.where(same, f_b, f_a)
        a, f_a = x, f_x
        best = np.where(np.abs(f_a) < np.abs(f_b), a, b)
        roots[rows] = best
        reach = 0.5 * (accuracy + ROUNDING_REL * np.abs(best)) / np.abs(b - a)
        share = np.clip(_parabola(a, b, c, f_a, f_b, f_c), reach, 1.0 - reach)
        going = (reach < 0.5) & (f_a != 0.0)
        rows, share = rows[going], share[going]
        a, b, f_a, f_b = a[going], b[going], f_a[going], f_b[going]
    return roots


def _parabola(a: Floats, b: Floats, c: Floats, f_a: Floats, f_b: Floats, f_c: Floats) -> Floats:
    """Where from a to b, as a share of the way, the inverse parabola has its root; else a half."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        xi = (a - b) / (c - b)
        phi = (f_a - f_b) / (f_c - f_b)
        smooth = (1.0 - np.sqrt(1.0 - xi) < phi) & (phi < np.sqrt(xi))
        share = f_a / (f_b - f_a) * f_c / (f_b - f_c)
        share += (c - a) / (b - a) * f_a / (f_c - f_a) * f_b / (f_c - f_b)
    return np.where(smooth & np.isfinite(share), share, 0.5)
