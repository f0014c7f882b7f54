"""The standard normal distribution where a plain Φ would lose digits: scalar helpers.

    Φ(z) = erfc(−z/√2)/2      φ(z) = e^{−z²/2}/√(2π)
    R(z) = Φ(−z)/φ(z) = √(π/2)·erfcx(z/√2), the Mills ratio;  erfcx(u) = e^{u²}·erfc(u)

erfcx is formed from an exactly split u² and, far out, from its asymptotic series (Abramowitz and
Stegun 7.1.23). ``mills_spread_scalar`` is the difference of two Mills ratios on which option values
rest: F·Φ(d1) − K·Φ(d2) = F·φ(d1)·(R(−d1) − R(−d2)), because F·φ(d1) = K·φ(d2). Everything is
dimensionless.
"""

from __future__ import annotations

import math

from seawall.kernels._jit import kernel

SQRT_HALF = math.sqrt(0.5)
SQRT_HALF_PI = math.sqrt(0.5 * math.pi)
INV_SQRT_TWO_PI = 1.0 / math.sqrt(2.0 * math.pi)

# Above this erfcx comes from ten terms of its series, whose error is then below 1e-17.
ERFCX_SERIES_FROM = 14.0
# Below this half-distance the two Mills ratios are too alike to subtract.
SPREAD_SERIES_BELOW = 0.05


@kernel()
def norm_cdf_scalar(z: float) -> float:
    """Φ(z), with full relative accuracy for small |z| and in the left tail but for z's rounding."""
    return 0.5 * math.erfc(-z * SQRT_HALF)


@kernel()
def norm_pdf_scalar(z: float) -> float:
    """φ(z); 0 at ±inf."""
    return INV_SQRT_TWO_PI * math.exp(-0.5 * z * z)


@kernel()
def erfcx_scalar(u: float) -> float:
    """e^{u²}·erfc(u), for u > −26 (where e^{u²} would overflow)."""
    if u < ERFCX_SERIES_FROM:
        head = math.floor(16.0 * u) / 16.0  # few bits, so that head² is exact
        return math.exp(head * head) * math.exp((u - head) * (u + head)) * math.erfc(u)
    step = -0.5 / (u * u)
    term = 1.0
    total = 1.0
    for n in range(1, 11):
        term *= (2 * n - 1) * step
        total += term
    return total / (u * math.sqrt(math.pi))


@kernel()
def mills_ratio_scalar(z: float) -> float:
    """R(z) = Φ(−z)/φ(z), for z > −36."""
    return SQRT_HALF_PI * erfcx_scalar(z * SQRT_HALF)


@kernel()
def mills_spread_scalar(h: float, t: float) -> float:
    """R(−h−t) − R(t−h), for h ≤ 0 < t and h + t < 36.

    For small t a Taylor series in t, twice the sum of Y⁽ⁿ⁾(h)·tⁿ/n! over odd n with Y(z) = R(−z),
    whose derivatives obey Y′ = 1 + z·Y and Y⁽ⁿ⁺¹⁾ = z·Y⁽ⁿ⁾ + n·Y⁽ⁿ⁻¹⁾. The relative error grows as
    h² times rounding, as does that of any option value through the rounding of h itself.
    """
    if t >= SPREAD_SERIES_BELOW:
        return mills_ratio_scalar(-h - t) - mills_ratio_scalar(t - h)
    even = mills_ratio_scalar(-h)
    odd = 1.0 + h * even
    total = odd
    weight = 1.0
    for n in range(1, 11, 2):
        even = h * odd + n * even
        odd = h * even + (n + 1) * odd
        weight *= t * t / ((n + 1) * (n + 2))
        total += weight * odd
    return 2.0 * t * total
