"""Gaussian, logarithm and normal tail whose bits are the same on every processor.

The C library's own differ between processors in the last bit. These consist of the operations of
IEEE 754 alone, each written out with its rounding, so that any compiler and instruction set gives
the same result, for one number or for a vector of them. Nothing here branches. Errors are absolute,
in units of what a risk array needs; ``kernels.normal`` keeps the digits of small tails.
"""

from __future__ import annotations

from seawall.kernels._jit import kernel
from seawall.kernels.ieee import POWER_SHIFT, exponent, fma, significand, two_to

# The leading 33 bits of ln 2, so that their product with an exponent is exact, and the rest.
LN_2_HIGH = float.fromhex("0x1.62e42fee00000p-1")
LN_2_LOW = float.fromhex("0x1.a39ef35793c76p-33")
LOG2_E = float.fromhex("0x1.71547652b82fep+0")

# e^{−u²/2} is 0 where u² is greater: it is then taken for 2^−1023, which there is not.
GREATEST_SQUARE = 2046.0 * LN_2_HIGH

# e^{−r/2} = 1 − r/2 + r²/8 + r³·(G3 + G4·r + …) for |r| ≤ ln 2, to a relative 3e-16 (minimax).
G3, G4, G5, G6, G7, G8, G9, G10 = (
    -0.1666666666661917 / 8.0,
    0.0416666666673026 / 16.0,
    -0.008333333367932703 / 32.0,
    0.001388888865898843 / 64.0,
    -0.00019841188774185776 / 128.0,
    2.4801829991108836e-05 / 256.0,
    -2.7633637142465674e-06 / 512.0,
    2.750256143885821e-07 / 1024.0,
)


@kernel(inline=True)
def gauss_scalar(square: float) -> float:
    """e^{−u²/2} to a relative 5e-16 and the rounding of u²; 0 from 38 on. NaN stays NaN."""
    square = GREATEST_SQUARE if square > GREATEST_SQUARE else square
    shifted = fma(square, -0.5 * LOG2_E, POWER_SHIFT)
    n = shifted - POWER_SHIFT
    r = fma(n, 2.0 * LN_2_LOW, fma(n, 2.0 * LN_2_HIGH, square))
    # Even and odd powers apart: two short chains of operations instead of a long one.
    z = r * r
    odd = fma(z, fma(z, fma(z, G9, G7), G5), G3)
    even = fma(z, fma(z, fma(z, G10, G8), G6), G4)
    series = fma(z, fma(r, fma(r, even, odd), 0.125), fma(r, -0.5, 1.0))
    return series * two_to(shifted)


# 2·artanh(s) = 2·s + s·z·(L1 + L2·z + …), z = s², for |s| ≤ 0.1716: the coefficients of fdlibm's
# logarithm (e_log.c, Sun Microsystems 1993), whose error is below 2^−58.
L1, L2, L3, L4, L5, L6, L7 = (
    6.666666666666735130e-01,
    3.999999999940941908e-01,
    2.857142874366239149e-01,
    2.222219843214978396e-01,
    1.818357216161805012e-01,
    1.531383769920937332e-01,
    1.479819860511658591e-01,
)
SQRT_2 = 1.4142135623730951
SQRT_HALF = 0.7071067811865476


@kernel(inline=True)
def log_ratio_scalar(a: float, b: float) -> float:
    """ln(a/b) for normal a, b > 0, to 2e-16 and a relative 2e-16; finite for all of them."""
    n = exponent(a) - exponent(b)
    ratio = significand(a) / significand(b)
    high, low = ratio > SQRT_2, ratio < SQRT_HALF
    n = n + 1.0 if high else (n - 1.0 if low else n)
    ratio = 0.5 * ratio if high else (2.0 * ratio if low else ratio)
    f = ratio - 1.0
    s = f / (ratio + 1.0)
    z = s * s
    tail = fma(z, fma(z, fma(z, fma(z, fma(z, fma(z, L7, L6), L5), L4), L3), L2), L1)
    # 2·s = f − s·f, so that the leading term f is exact.
    small = fma(n, LN_2_LOW, s * fma(z, tail, -f))
    return fma(n, LN_2_HIGH, f + small)


# Φ(−u)·e^{u²/2} ≈ P(u)/Q(u) for u ≥ 0: minimax among those that are ½ at 0, times e^{−u²/2}
# within 3e-17 of Φ(−u). Beyond 13, where that is 0, it still falls like φ(0)/u.
P0, P1, P2, P3, P4, P5, P6 = (
    0.5,
    0.502088283586645,
    0.2543085646891444,
    0.07692226711331392,
    0.014452161748906745,
    0.0015873167731696547,
    7.987281170065127e-05,
)
Q0, Q1, Q2, Q3, Q4, Q5, Q6, Q7 = (
    1.0,
    1.8020611279761625,
    1.4464538810131295,
    0.6728787100854984,
    0.19683583422683412,
    0.03642328812265258,
    0.0039789666847866575,
    0.00020020773224520036,
)


@kernel(inline=True)
def tail_numerator_scalar(u: float, square: float) -> float:
    """P(u) of the rational Φ(−u)·e^{u²/2} ≈ P(u)/Q(u), u ≥ 0; exactly ½ at 0."""
    odd = fma(square, fma(square, P5, P3), P1)
    return fma(u, odd, fma(square, fma(square, fma(square, P6, P4), P2), P0))


@kernel(inline=True)
def tail_denominator_scalar(u: float, square: float) -> float:
    """Q(u) ≥ 1 of the rational Φ(−u)·e^{u²/2} ≈ P(u)/Q(u), u ≥ 0; exactly 1 at 0."""
    odd = fma(square, fma(square, fma(square, Q7, Q5), Q3), Q1)
    return fma(u, odd, fma(square, fma(square, fma(square, Q6, Q4), Q2), Q0))
