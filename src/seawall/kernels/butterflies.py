"""A proof that a raw SVI slice admits no butterfly arbitrage, for almost all that admit none.

Durrleman's g times a positive function is a polynomial of degree ten, which Bernstein's form often
shows to be positive at a glance. Where it does not, ``seawall.pricing.svi`` finds the roots.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seawall.kernels._jit import kernel

Floats = NDArray[np.float64]

DEGREE = 10
BINOMIALS = (1.0, 10.0, 45.0, 120.0, 210.0, 252.0, 210.0, 120.0, 45.0, 10.0, 1.0)
# Pieces looked at, and halvings of one, before a proof is given up.
MAX_PIECES, MAX_HALVINGS = 100, 12
# What rounding does to a coefficient is less than this share of the greatest.
ROUNDING_REL = 1e-13


@kernel()
def multiply(one: Floats, other: Floats, out: Floats) -> None:
    """The coefficients of the product of two polynomials."""
    out[:] = 0.0
    for i in range(one.size):
        for j in range(other.size):
            out[i + j] += one[i] * other[j]


@kernel("void(f8, f8, f8, f8, f8, f8[::1])")
def butterfly_polynomial(
    a: float, b: float, rho: float, m: float, sigma: float, out: Floats
) -> None:
    """Coefficients [11] of 16·Q³·W²·g, from the highest power of t down; t > 0.

    With k − m = σ (t − 1/t)/2 the root becomes σ (t + 1/t)/2 and everything rational: w = W/(2t),
    w' = S/Q and k = P/(2t) for quadratics in t: W the level, S the slope, P the place and
    Q = t² + 1; g · 16 Q³ W² = Q (4 (2QW − PS)² − S² W (W + 8t)) + 64 b t³ W²/σ.
    """
    left, right = b * (1.0 - rho), b * (1.0 + rho)
    level = np.array([sigma * right, 2.0 * a, sigma * left])
    above = np.array([sigma * right, 2.0 * a + 8.0, sigma * left])
    slope = np.array([right, 0.0, -left])
    square = np.array([1.0, 0.0, 1.0])
    place = np.array([sigma, 2.0 * m, -sigma])
    tangent, product, levels = np.empty(5), np.empty(5), np.empty(5)
    inner, lowered = np.empty(9), np.empty(9)
    multiply(square, level, tangent)
    multiply(place, slope, product)
    for i in range(5):
        tangent[i] = 2.0 * tangent[i] - product[i]
    multiply(tangent, tangent, inner)
    multiply(slope, slope, product)
    multiply(level, above, levels)
    multiply(product, levels, lowered)
    for i in range(9):
        inner[i] = 4.0 * inner[i] - lowered[i]
    multiply(square, inner, out)
    multiply(level, level, levels)
    for i in range(5):
        out[3 + i] += 64.0 * b / sigma * levels[i]


@kernel("b1(f8[::1])")
def surely_positive(coefficients: Floats) -> bool:
    """Whether a polynomial [11] is proven positive at all t > 0; False where it may not be.

    With t = τ/(1 − τ) its coefficients over binomials are those of Bernstein's form on [0, 1],
    between the least and the greatest of which the polynomial lies. A piece on which one of them is
    not positive is halved (de Casteljau).
    """
    pieces = np.empty((MAX_HALVINGS + 1, DEGREE + 1))
    margin = 0.0
    for i in range(DEGREE + 1):
        pieces[0, i] = coefficients[i] / BINOMIALS[i]
        margin = max(margin, ROUNDING_REL * abs(pieces[0, i]))
    left = 1
    for _ in range(MAX_PIECES):
        if left == 0:
            return True
        piece = pieces[left - 1]
        positive = True
        for i in range(DEGREE + 1):
            positive = positive and piece[i] > margin
        if positive:
            left -= 1
            continue
        if left > MAX_HALVINGS or not (piece[0] > margin and piece[DEGREE] > margin):
            return False
        # The half on the right stays in its place, that on the left goes on top of it.
        other = pieces[left]
        for n in range(DEGREE + 1):
            other[n] = piece[0]
            for i in range(DEGREE - n):
                piece[i] = 0.5 * (piece[i] + piece[i + 1])
        left += 1
    return False
