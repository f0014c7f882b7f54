"""Black-76 as the textbook writes it, one option at a time; prices, Greeks, implied volatility."""

from __future__ import annotations

import math


def norm_cdf(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


def norm_pdf(z: float) -> float:
    return math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)


def intrinsic(forward: float, strike: float, is_call: bool) -> float:
    return max(forward - strike, 0.0) if is_call else max(strike - forward, 0.0)


def d1_d2(forward: float, strike: float, sigma: float, tenor_years: float) -> tuple[float, float]:
    total_sd = sigma * math.sqrt(tenor_years)
    d1 = (math.log(forward / strike) + 0.5 * total_sd**2) / total_sd
    return d1, d1 - total_sd


def price(forward: float, strike: float, sigma: float, tenor_years: float, is_call: bool) -> float:
    if sigma == 0.0 or tenor_years == 0.0:
        return intrinsic(forward, strike, is_call)
    d1, d2 = d1_d2(forward, strike, sigma, tenor_years)
    if is_call:
        return forward * norm_cdf(d1) - strike * norm_cdf(d2)
    return strike * norm_cdf(-d2) - forward * norm_cdf(-d1)


def greeks(
    forward: float, strike: float, sigma: float, tenor_years: float, is_call: bool
) -> dict[str, float]:
    d1, _ = d1_d2(forward, strike, sigma, tenor_years)
    return {
        "delta": norm_cdf(d1) if is_call else norm_cdf(d1) - 1.0,
        "gamma": norm_pdf(d1) / (forward * sigma * math.sqrt(tenor_years)),
        "vega_per_unit_vol": forward * norm_pdf(d1) * math.sqrt(tenor_years),
        "theta_per_year": -forward * norm_pdf(d1) * sigma / (2.0 * math.sqrt(tenor_years)),
    }


def implied_vol(
    value: float, forward: float, strike: float, tenor_years: float, is_call: bool
) -> float:
    """Bisection between volatilities whose prices lie on either side of ``value``."""
    low, high = 0.0, 1.0
    while price(forward, strike, high, tenor_years, is_call) < value:
        high *= 2.0
    for _ in range(200):
        middle = 0.5 * (low + high)
        if price(forward, strike, middle, tenor_years, is_call) < value:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)
