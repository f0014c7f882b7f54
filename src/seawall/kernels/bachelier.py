"""Bachelier (1900) on a forward of either sign: value, Greeks and implied normal volatility.

    s = σ√T    d = (F − K)/s
    call = (F − K)·Φ(d) + s·φ(d)       put = (K − F)·Φ(−d) + s·φ(d)

Source: L. Bachelier, "Théorie de la spéculation" (1900). F, K, σ√T and values are in the quote
currency, undiscounted; σ is per √year, T in years.

The value is intrinsic value plus that of the out-of-the-money option, one function for calls and
puts. With h = −|F − K|/s ≤ 0, the Mills ratio R of ``kernels.normal`` and Y(h) = R(−h)

    β(s) = s·φ(h)·(1 + h·Y(h)),     β′(s) = φ(h),     β″/β′ = h²/s

In units of |F − K| the value is a function of u = s/|F − K| alone, with h = −1/u, whose logarithm
is inverted by Halley steps within a bracket. The start is that of ``kernels.implied_vol`` for
s ≪ √|x|, where Black's formula is Bachelier's; three steps are usual.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seawall.kernels._jit import kernel
from seawall.kernels.implied_vol import (
    AT_INTRINSIC,
    BELOW_INTRINSIC,
    INTRINSIC_ROUNDING_REL,
    LAST_STEP_REL,
    LN_SQRT_TWO_PI,
    MAX_STEPS,
    MIN_BETA,
    NO_OPTIONALITY,
    NOT_FINITE,
    SOLVED,
    start_below_scalar,
)
from seawall.kernels.normal import mills_ratio_scalar, norm_cdf_scalar, norm_pdf_scalar

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Codes = NDArray[np.int8]

SQRT_TWO_PI = math.sqrt(2.0 * math.pi)
# Below this h, 1 + h·Y(h) is summed from its asymptotic series, exact to rounding there.
SERIES_BELOW = -12.0


@kernel()
def time_factor_scalar(h: float) -> float:
    """1 + h·Y(h) for h ≤ 0: the out-of-the-money value in units of s·φ(h), from 1 down to 1/h²."""
    if h > SERIES_BELOW:
        return 1.0 + h * mills_ratio_scalar(-h)
    step = -1.0 / (h * h)
    term = -step
    total = term
    for n in range(1, 20):
        term *= (2 * n + 1) * step
        total += term
    return total


@kernel()
def bachelier_scalar(forward: float, strike: float, total_sd: float, is_call: bool) -> float:
    """Undiscounted value for s = σ√T ≥ 0; forward and strike of either sign.

    Meant to be called from kernels: it is compiled into its callers.
    """
    moneyness = forward - strike if is_call else strike - forward
    intrinsic = max(moneyness, 0.0)
    if total_sd <= 0.0:
        return intrinsic
    if total_sd == math.inf:
        return math.inf
    h = -abs(moneyness) / total_sd
    density = norm_pdf_scalar(h)
    if density == 0.0:
        return intrinsic
    return intrinsic + total_sd * density * time_factor_scalar(h)


@kernel("void(f8[::1], f8[::1], f8[::1], f8[::1], b1[::1], f8[::1])")
def bachelier_values(
    forward: Floats,
    strike: Floats,
    normal_vol: Floats,
    tenor_years: Floats,
    is_call: Flags,
    out: Floats,
) -> None:
    """Fill ``out`` with the undiscounted value of each option; all arrays of shape [n]."""
    for i in range(out.size):
        total_sd = float(normal_vol[i]) * math.sqrt(tenor_years[i])
        out[i] = bachelier_scalar(float(forward[i]), float(strike[i]), total_sd, bool(is_call[i]))


@kernel("void(f8[::1], f8[::1], f8[::1], f8[::1], b1[::1], f8[::1], f8[::1], f8[::1], f8[::1])")
def bachelier_greeks(
    forward: Floats,
    strike: Floats,
    normal_vol: Floats,
    tenor_years: Floats,
    is_call: Flags,
    delta_out: Floats,
    gamma_out: Floats,
    vega_per_unit_vol_out: Floats,
    theta_per_year_out: Floats,
) -> None:
    """Fill the four sensitivities of the undiscounted value; all arrays of shape [n].

    delta = ∂V/∂F = Φ(d) for a call, −Φ(−d) for a put
    gamma = ∂²V/∂F² = φ(d)/s
    vega_per_unit_vol = ∂V/∂σ = φ(d)·√T
    theta_per_year = −∂V/∂T = −φ(d)·σ/(2√T), the gain of waiting a year, ≤ 0

    Where s = 0 the first and third take their limits (delta is ½ at F = K). The other two have
    none at F = K and are 0 there, as they are beside it.
    """
    for i in range(delta_out.size):
        vol = float(normal_vol[i])
        root_tenor = math.sqrt(tenor_years[i])
        total_sd = vol * root_tenor
        moneyness = float(forward[i]) - float(strike[i])
        d = 0.0
        if moneyness != 0.0 and total_sd < math.inf:
            d = moneyness / total_sd if total_sd > 0.0 else math.copysign(math.inf, moneyness)
        density = norm_pdf_scalar(d)
        delta_out[i] = norm_cdf_scalar(d) if is_call[i] else -norm_cdf_scalar(-d)
        vega_per_unit_vol_out[i] = density * root_tenor
        gamma_out[i] = density / total_sd if total_sd > 0.0 else 0.0
        theta_per_year_out[i] = -0.5 * density * vol / root_tenor if root_tenor > 0.0 else 0.0


@kernel()
def normal_sd_scalar(distance: float, value: float) -> float:
    """s = σ√T at which an option ``distance`` ≥ 0 out of the money is worth ``value`` > 0."""
    if distance <= value * MIN_BETA:
        return SQRT_TWO_PI * value
    share = value / distance
    if share == math.inf:
        return SQRT_TWO_PI * value
    if share < MIN_BETA:
        return math.nan
    # β is convex in u and nears u/√(2π) − ½ from above.
    high = SQRT_TWO_PI * (share + 0.5)
    low = 0.0
    u = min(start_below_scalar(-1.0, math.log(share)), high)
    for _ in range(MAX_STEPS):
        h = -1.0 / u
        factor = u * time_factor_scalar(h)
        # ln(β(u)/share); with f = ln β: f′ = 1/factor and curvature = f″/f′².
        error = math.log(factor / share) - 0.5 * h * h - LN_SQRT_TWO_PI
        if error > 0.0:
            high = u
        else:
            low = u
        curvature = factor * h * h / u - 1.0
        halley = u - error * factor / (1.0 - 0.5 * error * curvature)
        if not low <= halley <= high:
            u = 0.5 * (low + high)
        elif abs(halley - u) <= LAST_STEP_REL * u:
            return halley * distance
        else:
            u = halley
    return u * distance


@kernel("void(f8[::1], f8[::1], f8[::1], f8[::1], b1[::1], f8[::1], i1[::1])")
def implied_normal_vols(
    value: Floats,
    forward: Floats,
    strike: Floats,
    tenor_years: Floats,
    is_call: Flags,
    sigma_out: Floats,
    status_out: Codes,
) -> None:
    """Fill σ and the outcome of each row from undiscounted values; all arrays of shape [n].

    Where the outcome is not SOLVED σ is NaN.
    """
    for i in range(sigma_out.size):
        price, tenor = float(value[i]), float(tenor_years[i])
        moneyness = float(forward[i]) - float(strike[i])
        if not is_call[i]:
            moneyness = -moneyness
        intrinsic = max(moneyness, 0.0)
        sigma_out[i] = math.nan
        if not (math.isfinite(price) and math.isfinite(moneyness) and math.isfinite(tenor)):
            status_out[i] = NOT_FINITE
        elif tenor <= 0.0:
            status_out[i] = NO_OPTIONALITY
        elif price < intrinsic * (1.0 - INTRINSIC_ROUNDING_REL):
            status_out[i] = BELOW_INTRINSIC
        elif price <= intrinsic * (1.0 + INTRINSIC_ROUNDING_REL) or price - intrinsic < MIN_BETA:
            status_out[i] = AT_INTRINSIC
        else:
            sd = normal_sd_scalar(abs(moneyness), price - intrinsic)
            status_out[i] = SOLVED if math.isfinite(sd) else AT_INTRINSIC
            sigma_out[i] = sd / math.sqrt(tenor) if math.isfinite(sd) else math.nan
