"""Implied volatility of Black-76, to the limit of double precision over the whole range.

Normalised form. With x = −|ln(F/K)| ≤ 0, s = σ√T, h = x/s, t = s/2 and an out-of-the-money
option's value in units of √(FK),

    β(s)  = e^{x/2}·Φ(h + t) − e^{−x/2}·Φ(h − t),     β(∞) = e^{x/2}
    β′(s) = e^{−(h² + t²)/2} / √(2π)

call and put being the same function by symmetry. With the Mills ratio R of ``kernels.normal`` both
the value and what it lacks of its upper bound are β′ times a well-conditioned factor,

    β         = β′(s)·(R(−h−t) − R(t−h))
    β(∞) − β  = β′(s)·(R(h+t) + R(t−h))

so that the logarithms of both, and their first two derivatives (β″/β′ = (h² − t²)/s), come without
evaluating anything tiny. The equation solved is ln β = given where β is at most half its bound and
ln(β(∞) − β) = given above that. Each step is Halley's, kept inside a bracket that every evaluation
narrows; a step that would leave it becomes a bisection. From the starts described at ``_start``
and ``start_below_scalar`` three steps are usual and five enough. Most quotes of a market never come
here: ``kernels.usual_vols`` solves them in vectors, by the same equation and to the same accuracy.

Sources: Black (1976); the normalisation is that of P. Jäckel, "Let's be rational" (2015), the
method of solution is this file's own.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seawall.kernels._jit import kernel
from seawall.kernels.black76 import log_moneyness_scalar
from seawall.kernels.normal import mills_ratio_scalar, mills_spread_scalar
from seawall.kernels.usual_vols import usual_vols

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Codes = NDArray[np.int8]

# Outcomes, one per row; seawall.pricing.results.ImpliedVolStatus names cause and remedy.
SOLVED = 0
AT_INTRINSIC = 1
BELOW_INTRINSIC = 2
ABOVE_UPPER_BOUND = 3
NO_OPTIONALITY = 4
NOT_FINITE = 5

LN_SQRT_TWO_PI = 0.5 * math.log(2.0 * math.pi)
# No s at which β is at most half its bound exceeds the inflection √(2|x|) by more than 2·Φ⁻¹(¾).
MAX_BEYOND_INFLECTION = 1.35
# Halley's error is the cube of its step: one step after this one there is nothing to gain.
LAST_STEP_REL = 1e-6
# Enough for bisection alone to reach any double.
MAX_STEPS = 2_000
# A time value within this share of the intrinsic value is rounding error of the subtraction.
INTRINSIC_ROUNDING_REL = 4.4e-16
# Smaller doubles are subnormal and have lost digits: such a time value is none.
MIN_BETA = 2.2250738585072014e-308
# Beyond e^±700 the lesser of forward and strike is nil beside the other.
MAX_LOG_MONEYNESS = 700.0


@kernel()
def start_below_scalar(x: float, ln_beta: float) -> float:
    """A first s for an option below the inflection of β, x < 0.

    With v = ln(|x|/s), e^{−t²/2} taken as 1 and R(h) differenced by the rational 1/(1 + 5h/4 + h²),
    ln β = ln|x| − ln√(2π) − G(v), G(v) = e^{2v}/2 + v + ln(1 + 5e^v/4 + e^{2v}). G is convex and
    increasing: Newton from the right descends to the root, and two steps come near enough.
    """
    level = math.log(-x) - LN_SQRT_TWO_PI - ln_beta
    v = level if level < 0.5 else 0.5 * math.log(2.0 * level)
    for _ in range(2):
        h = math.exp(v)
        square = h * h
        rational = 1.25 * h + square
        slope = square + 1.0 + (rational + square) / (1.0 + rational)
        v -= (0.5 * square + v + math.log1p(rational) - level) / slope
    return -x * math.exp(-v)


@kernel()
def _start(x: float, beta: float, gap: float) -> tuple[float, float, float]:
    """First s, and the bracket (low, high) that holds the root; arguments as implied_sd_scalar."""
    inflection = math.sqrt(-2.0 * x)
    if gap < beta:
        # R(h+t) and R(t−h) are at most √(π/2), so gap ≤ e^{−t²/2}: a bound, and near the root.
        high = math.sqrt(-8.0 * math.log(gap))
        return high, inflection, high
    vega = math.exp(0.5 * x - LN_SQRT_TWO_PI)
    excess = beta - vega * mills_spread_scalar(-0.5 * inflection, 0.5 * inflection)
    high = inflection + MAX_BEYOND_INFLECTION
    if excess < 0.0:
        return min(start_below_scalar(x, math.log(beta)), inflection), 0.0, high
    # β is concave beyond its inflection: the tangent there never overshoots.
    return inflection + excess / vega, 0.0, high


@kernel()
def implied_sd_scalar(x: float, beta: float, gap: float) -> float:
    """s = σ√T of a normalised out-of-the-money value.

    x = −|ln(F/K)| ≥ −MAX_LOG_MONEYNESS, MIN_BETA ≤ beta < e^{x/2}, gap = e^{x/2} − beta (an
    argument because the caller may know it better than that subtraction does).
    """
    s, low, high = _start(x, beta, gap)
    upper = gap < beta
    given = gap if upper else beta
    for _ in range(MAX_STEPS):
        h = x / s
        t = 0.5 * s
        if upper:
            factor = -(mills_ratio_scalar(h + t) + mills_ratio_scalar(t - h))
        else:
            factor = mills_spread_scalar(h, t)
        # ln(β(s)/beta) or ln(gap(s)/gap): one logarithm of a ratio keeps more digits than two.
        error = math.log(abs(factor) / given) - 0.5 * (h * h + t * t) - LN_SQRT_TWO_PI
        if (error > 0.0) == upper:
            low = s
        else:
            high = s
        # With f = ln β (or ln gap): f′ = 1/factor and curvature = f″/f′².
        curvature = factor * (h * h - t * t) / s - 1.0
        halley = s - error * factor / (1.0 - 0.5 * error * curvature)
        if not low <= halley <= high:
            s = 0.5 * (low + high)
        elif abs(halley - s) <= LAST_STEP_REL * s:
            return halley
        else:
            s = halley
    return s


@kernel("void(f8[::1], f8[::1], f8[::1], i1[::1])")
def normalised_implied_sds(x: Floats, beta: Floats, sd_out: Floats, status_out: Codes) -> None:
    """Fill σ√T and the outcome of each row; all arrays of shape [n], NaN where not solved.

    x = ln(F/K), beta = value of the out-of-the-money option / √(FK).
    """
    for i in range(sd_out.size):
        wing = -abs(float(x[i]))
        value = float(beta[i])
        bound = math.exp(0.5 * wing)
        sd_out[i] = math.nan
        if not (math.isfinite(wing) and math.isfinite(value)):
            status_out[i] = NOT_FINITE
        elif wing < -MAX_LOG_MONEYNESS:
            status_out[i] = NO_OPTIONALITY
        elif value < MIN_BETA:
            status_out[i] = AT_INTRINSIC if value >= 0.0 else BELOW_INTRINSIC
        elif value >= bound:
            status_out[i] = ABOVE_UPPER_BOUND
        else:
            status_out[i] = SOLVED
            sd_out[i] = implied_sd_scalar(wing, value, bound - value)


@kernel()
def _outcome(value: float, forward: float, strike: float, tenor_years: float, is_call: bool) -> int:
    """Which outcome a row has, before solving; SOLVED where a volatility exists."""
    if not (
        math.isfinite(value)
        and math.isfinite(forward)
        and math.isfinite(strike)
        and math.isfinite(tenor_years)
    ):
        return NOT_FINITE
    if forward <= 0.0 or strike <= 0.0 or tenor_years <= 0.0:
        return NO_OPTIONALITY
    if abs(log_moneyness_scalar(forward, strike)) > MAX_LOG_MONEYNESS:
        return NO_OPTIONALITY
    intrinsic = max(forward - strike, 0.0) if is_call else max(strike - forward, 0.0)
    if abs(value - intrinsic) <= INTRINSIC_ROUNDING_REL * intrinsic:
        return AT_INTRINSIC
    if value < intrinsic:
        return BELOW_INTRINSIC
    if value >= (forward if is_call else strike):
        return ABOVE_UPPER_BOUND
    return SOLVED


@kernel("void(f8[::1], f8[::1], f8[::1], f8[::1], b1[::1], f8[::1], i1[::1])")
def implied_vols(
    value: Floats,
    forward: Floats,
    strike: Floats,
    tenor_years: Floats,
    is_call: Flags,
    sigma_out: Floats,
    status_out: Codes,
) -> None:
    """Fill σ and the outcome of each row from undiscounted values; all arrays of shape [n].

    Where the outcome is not SOLVED σ is NaN. Usual quotes are solved in vectors first; the others
    one by one.
    """
    usual_vols(value, forward, strike, tenor_years, is_call, sigma_out)
    for i in range(sigma_out.size):
        if sigma_out[i] > 0.0:
            status_out[i] = SOLVED
            continue
        price, F, K = float(value[i]), float(forward[i]), float(strike[i])
        call = bool(is_call[i])
        status_out[i] = _outcome(price, F, K, float(tenor_years[i]), call)
        sigma_out[i] = math.nan
        if status_out[i] == SOLVED:
            scale = math.sqrt(F) * math.sqrt(K)
            intrinsic = max(F - K, 0.0) if call else max(K - F, 0.0)
            beta = (price - intrinsic) / scale
            if beta < MIN_BETA:
                status_out[i] = AT_INTRINSIC
                continue
            gap = ((F if call else K) - price) / scale
            wing = -abs(log_moneyness_scalar(F, K))
            sd = implied_sd_scalar(wing, beta, gap)
            sigma_out[i] = sd / math.sqrt(tenor_years[i])
