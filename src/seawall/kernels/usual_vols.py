"""Implied volatilities of usual quotes, in vectors of them.

In units of the lesser of forward and strike, with x = |ln(F/K)|, s = σ√T, h = x/s, t = s/2 and
r(u) = Φ(−u)·e^{u²/2}, an out-of-the-money option's value y and what it lacks of its bound are

    y(s)     = e^{−u²/2}·(r(u) − r(h + t)),   u = h − t
    1 − y(s) = e^{−u²/2}·(r(u) + r(h + t)),   u = t − h

so that the logarithm of either, and its derivatives, take no exponential. The equation solved is
that of the lesser one. A start that is right to 1.2 % and two Householder steps of the fourth order
reach what double precision can tell; no row branches, so that eight go through together. Every row
whose second step is small has come to rest. The others, and those beyond the bounds below, are left
to ``kernels.implied_vol``, which knows every case; where both answer they differ by rounding.

Householder: A. S. Householder, "The Numerical Treatment of a Single Nonlinear Equation" (1970); the
start is this file's own.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seawall.kernels._jit import kernel
from seawall.kernels.elementary import L1, L2, L3, L4, L5, L6, L7, LN_2_HIGH, LN_2_LOW, SQRT_2
from seawall.kernels.ieee import exponent, fma, significand

Floats = NDArray[np.float64]

INV_SQRT_TWO_PI = 0.3989422804014327
SQRT_TWO_PI = 2.5066282746310002

# What a usual quote is. Lesser and greater of forward and strike:
LEAST_PRICE, GREATEST_PRICE = 1e-150, 1e150
# greatest x, least gap of the value to its bound, and least value over √(FK)·x, where h is 6:
MAX_LOG_MONEYNESS, LEAST_GAP, LEAST_VALUE = 6.0, 0.1, 2.6e-11
# what is left of a price above its intrinsic value, relative to that:
LEAST_TIME_VALUE_REL = 4.4e-16
# and a second step that leaves less than rounding to be gained.
LAST_STEP_REL = 1e-5
# At the money the start would divide nothing by nothing.
LEAST_SHARE = 1e-8

# Below this t the difference of two r is summed from its Taylor series.
SERIES_BELOW = 0.05

# r(u) ≈ P(v)/Q(v), v = u + 0.75, for −0.75 ≤ u ≤ 8, to a relative 1e-16·(1 + u) (Remez).
SHIFT = 0.75
P0, P1, P2, P3, P4, P5, P6, P7, P8 = (
    1.0245522963889147,
    1.2303002799501541,
    0.8049792604139959,
    0.3434992131976484,
    0.10212035849273494,
    0.021387877290830887,
    0.0030720346348191573,
    0.00027764843213358393,
    1.223525382122059e-05,
)
Q0, Q1, Q2, Q3, Q4, Q5, Q6, Q7, Q8, Q9 = (
    1.0,
    2.340199510648656,
    2.5248018565582435,
    1.6535998873837485,
    0.7273843607395849,
    0.22394103458272158,
    0.048555473649043494,
    0.007209130481394473,
    0.0006729599314043584,
    3.066922748851234e-05,
)


@kernel(inline=True)
def log_ratio_scalar(a: float, b: float) -> float:
    """ln(a/b) for normal a, b > 0, to a relative 4e-16 however near they are to each other."""
    n = exponent(a) - exponent(b)
    a, b = significand(a), significand(b)
    high, low = a > SQRT_2 * b, b > SQRT_2 * a
    n = n + 1.0 if high else (n - 1.0 if low else n)
    a = 0.5 * a if high else (2.0 * a if low else a)
    # The difference is exact: within a factor of two nothing is rounded.
    s = (a - b) / (a + b)
    z = s * s
    tail = fma(z, fma(z, fma(z, fma(z, fma(z, fma(z, L7, L6), L5), L4), L3), L2), L1)
    return fma(n, LN_2_HIGH, fma(n, LN_2_LOW, fma(s * z, tail, 2.0 * s)))


@kernel(inline=True)
def tail_scalar(u: float) -> float:
    """r(u) for −0.75 ≤ u ≤ 8."""
    v = u + SHIFT
    p = fma(v, fma(v, fma(v, fma(v, P8, P7), P6), P5), P4)
    p = fma(v, fma(v, fma(v, fma(v, p, P3), P2), P1), P0)
    q = fma(v, fma(v, fma(v, fma(v, fma(v, Q9, Q8), Q7), Q6), Q5), Q4)
    q = fma(v, fma(v, fma(v, fma(v, q, Q3), Q2), Q1), Q0)
    return p / q


@kernel(inline=True)
def small_difference_scalar(r: float, h: float, t: float) -> float:
    """r(h − t) − r(h + t) for t < ``SERIES_BELOW``, given r = r(h).

    −2·Σ r⁽ⁿ⁾(h)·tⁿ/n! over odd n up to nine, with r′ = h·r − 1/√(2π) and
    r⁽ⁿ⁺¹⁾ = h·r⁽ⁿ⁾ + n·r⁽ⁿ⁻¹⁾.
    """
    square = t * t
    d1 = fma(h, r, -INV_SQRT_TWO_PI)
    d2 = fma(h, d1, r)
    d3 = fma(h, d2, 2.0 * d1)
    d4 = fma(h, d3, 3.0 * d2)
    d5 = fma(h, d4, 4.0 * d3)
    d6 = fma(h, d5, 5.0 * d4)
    d7 = fma(h, d6, 6.0 * d5)
    d8 = fma(h, d7, 7.0 * d6)
    d9 = fma(h, d8, 8.0 * d7)
    total = fma(square, fma(square, d9 * (1.0 / 72.0), d7) * (1.0 / 42.0), d5)
    total = fma(square, fma(square, total * (1.0 / 20.0), d3) * (1.0 / 6.0), d1)
    return -2.0 * t * total


@kernel(inline=True)
def start_scalar(x: float, y: float, beta: float) -> float:
    """A first s; ``beta`` the value over √(FK).

    Bachelier's s for a value ``beta`` at a distance x, which is a function of ln(1 + x/beta), times
    what a lognormal price adds: 1 where s is small. Coefficients: least squares over s ≤ 3.2, h ≤ 8
    and x ≤ 6; within 1.2 %.
    """
    distance = max(x, LEAST_SHARE * beta)
    c = log_ratio_scalar(beta + distance, beta)
    h = c * fma(c, fma(c, 0.00091508, 0.078915), 0.39872)
    s = distance * fma(c, fma(c, 0.010077, 0.19138), 1.0) / h
    z = s * s
    more = fma(c, 0.0069968, fma(y, 0.024771, 0.03496))
    less = fma(c, fma(c, 0.0947, 0.17487), fma(z, -0.19038, fma(y, 0.67018, 1.0)))
    return s + s * z * more / less


@kernel(inline=True)
def step_scalar(x: float, given: float, side: float, s: float) -> float:
    """The Householder step from s; ``given`` is y where ``side`` is 1 and 1 − y where it is −1.

    With f = ln(y(s)/given) and q = y″/y′ = (h² − t²)/s: ν = −f/f′, and what follows it in powers
    of q·ν and f alone, because f′·ν = −f.
    """
    inverse = 1.0 / s
    h, t = x * inverse, 0.5 * s
    u = side * (h - t)
    small = t < SERIES_BELOW
    near = tail_scalar(h if small else u)
    far = tail_scalar(h + t)
    factor = small_difference_scalar(near, h, t) if small else near - side * far
    f = log_ratio_scalar(factor, given) - 0.5 * u * u
    newton = -side * f * factor * SQRT_TWO_PI
    q = (h * h - t * t) * inverse
    # q² + q′, with q′ = −3·h²/s² − 1/4.
    third = fma(q, q, -fma(3.0 * h * inverse, h * inverse, 0.25))
    second = fma(q, newton, f)
    cubic = fma(third * newton, newton, f * fma(3.0 * q, newton, 2.0 * f))
    return newton * fma(0.5, second, 1.0) / (1.0 + second + cubic * (1.0 / 6.0))


@kernel("void(f8[::1], f8[::1], f8[::1], f8[::1], b1[::1], f8[::1])")
def usual_vols(
    value: Floats,
    forward: Floats,
    strike: Floats,
    tenor_years: Floats,
    is_call: NDArray[np.bool_],
    out: Floats,
) -> None:
    """Fill σ of the usual quotes and NaN of all others, from undiscounted values; shapes [n].

    Numbers may be anything. A row's result depends on its own numbers alone.
    """
    for i in range(out.size):
        F, K, tenor = forward[i], strike[i], tenor_years[i]
        call_side = F > K
        near, far = (K, F) if call_side else (F, K)
        in_the_money = is_call[i] == call_side
        sound = near >= LEAST_PRICE and far <= GREATEST_PRICE
        near, far = (near, far) if sound else (1.0, 1.0)
        intrinsic = far - near if in_the_money else 0.0
        time_value = value[i] - intrinsic
        y = time_value / near
        gap = ((F if is_call[i] else K) - value[i]) / near
        x = log_ratio_scalar(far, near)
        beta = y * math.sqrt(near / far)
        usual = sound and x <= MAX_LOG_MONEYNESS and gap >= LEAST_GAP and beta > LEAST_VALUE * x
        usual = usual and time_value > LEAST_TIME_VALUE_REL * intrinsic and 0.0 < tenor < math.inf
        # A quote at the money stands in for one that is not usual: nothing overflows.
        x, y, gap, beta = (x, y, gap, beta) if usual else (0.0, 0.2, 0.8, 0.2)
        side = 1.0 if y <= gap else -1.0
        given = min(y, gap)
        s = start_scalar(x, y, beta)
        s += step_scalar(x, given, side, s)
        last = step_scalar(x, given, side, s)
        settled = usual and abs(last) <= LAST_STEP_REL * s
        out[i] = (s + last) / math.sqrt(tenor) if settled else math.nan
