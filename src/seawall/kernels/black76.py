"""Black (1976) on a forward: value and Greeks, undiscounted.

    s = σ√T    d1 = ln(F/K)/s + s/2    d2 = d1 − s
    call = F·Φ(d1) − K·Φ(d2)           put = K·Φ(−d2) − F·Φ(−d1)

Source: F. Black, "The pricing of commodity contracts", J. Financial Economics 3 (1976).

The value is intrinsic value plus that of the out-of-the-money option of the same strike (put–call
parity). That option is one function for calls and puts: with h = −|ln(F/K)|/s and t = s/2

    min(F, K)·Φ(h + t) − max(F, K)·Φ(h − t)

In the wing and for small s the two terms nearly cancel; there it is min(F, K)·φ(h + t) times the
difference of Mills ratios (``kernels.normal``), so that every premium keeps its leading digits.

Where s = 0, F = 0 or K = 0 the option is its intrinsic value. Units: F, K and values in the
quote currency, σ decimal per √year, T in years.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seawall.kernels._jit import kernel
from seawall.kernels.normal import (
    SPREAD_SERIES_BELOW,
    mills_spread_scalar,
    norm_cdf_scalar,
    norm_pdf_scalar,
)

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

# Further out than this many standard deviations Φ(h + t) and Φ(h − t) are not subtracted.
WING = -4.0


@kernel()
def log_moneyness_scalar(forward: float, strike: float) -> float:
    """ln(F/K) for F, K > 0, always finite, to full relative accuracy near F = K.

    Within a factor of two F − K is exact, so ``log1p`` of the relative difference loses nothing.
    """
    ratio = forward / strike
    if 0.5 <= ratio <= 2.0:
        return math.log1p((forward - strike) / strike)
    if 0.0 < ratio < math.inf:
        return math.log(ratio)
    return math.log(forward) - math.log(strike)


@kernel()
def black76_scalar(
    forward: float, strike: float, sigma: float, tenor_years: float, is_call: bool
) -> float:
    """Undiscounted Black-76 value of one option; all numbers finite and ≥ 0.

    Meant to be called from kernels: it is compiled into its callers.
    """
    intrinsic = max(forward - strike, 0.0) if is_call else max(strike - forward, 0.0)
    total_sd = sigma * math.sqrt(tenor_years)
    if total_sd <= 0.0 or forward <= 0.0 or strike <= 0.0:
        return intrinsic
    h = -abs(log_moneyness_scalar(forward, strike)) / total_sd
    t = 0.5 * total_sd
    near = min(forward, strike)
    if t < SPREAD_SERIES_BELOW or h + t < WING:
        density = norm_pdf_scalar(h + t)
        if density == 0.0:
            return intrinsic
        return intrinsic + near * density * mills_spread_scalar(h, t)
    far = max(forward, strike)
    return intrinsic + (near * norm_cdf_scalar(h + t) - far * norm_cdf_scalar(h - t))


@kernel("void(f8[::1], f8[::1], f8[::1], f8[::1], b1[::1], f8[::1])")
def black76_values(
    forward: Floats,
    strike: Floats,
    sigma: Floats,
    tenor_years: Floats,
    is_call: Flags,
    out: Floats,
) -> None:
    """Fill ``out`` with the undiscounted value of each option; all arrays of shape [n]."""
    for i in range(out.size):
        out[i] = black76_scalar(
            float(forward[i]),
            float(strike[i]),
            float(sigma[i]),
            float(tenor_years[i]),
            bool(is_call[i]),
        )


@kernel()
def d1_scalar(forward: float, strike: float, total_sd: float) -> float:
    """d1, with its limits: ±inf (0 at F = K) where σ√T = 0, +inf at K = 0, −inf at F = 0."""
    if strike <= 0.0:
        return math.inf
    if forward <= 0.0:
        return -math.inf
    log_moneyness = log_moneyness_scalar(forward, strike)
    if total_sd > 0.0:
        return log_moneyness / total_sd + 0.5 * total_sd
    if log_moneyness == 0.0:
        return 0.0
    return math.copysign(math.inf, log_moneyness)


@kernel("void(f8[::1], f8[::1], f8[::1], f8[::1], b1[::1], f8[::1], f8[::1], f8[::1], f8[::1])")
def black76_greeks(
    forward: Floats,
    strike: Floats,
    sigma: Floats,
    tenor_years: Floats,
    is_call: Flags,
    delta_out: Floats,
    gamma_out: Floats,
    vega_per_unit_vol_out: Floats,
    theta_per_year_out: Floats,
) -> None:
    """Fill the four sensitivities of the undiscounted value; all arrays of shape [n].

    delta = ∂V/∂F = Φ(d1) for a call, −Φ(−d1) for a put
    gamma = ∂²V/∂F² = φ(d1)/(F·s)
    vega_per_unit_vol = ∂V/∂σ = F·φ(d1)·√T
    theta_per_year = −∂V/∂T = −F·φ(d1)·σ/(2√T), the gain of waiting a year, ≤ 0

    Where s = 0 the first and third take their limits (delta is ½ at F = K). The other two have
    none at F = K and are 0 there, as they are beside it.
    """
    for i in range(delta_out.size):
        F = float(forward[i])
        vol = float(sigma[i])
        root_tenor = math.sqrt(tenor_years[i])
        total_sd = vol * root_tenor
        d1 = d1_scalar(F, float(strike[i]), total_sd)
        density = norm_pdf_scalar(d1)
        delta_out[i] = norm_cdf_scalar(d1) if is_call[i] else -norm_cdf_scalar(-d1)
        vega_per_unit_vol_out[i] = F * density * root_tenor
        # F > 0 where the density is not nil; two divisions because F·s may underflow.
        gamma_out[i] = density / F / total_sd if total_sd > 0.0 and density > 0.0 else 0.0
        theta_per_year_out[i] = -0.5 * F * density * vol / root_tenor if root_tenor > 0.0 else 0.0
