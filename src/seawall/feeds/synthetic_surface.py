"""The implied volatility surface behind the synthetic market: SSVI, free of static arbitrage.

Total variance at log-moneyness k = ln(K / F) and tenor T is

    w(k, θ) = θ/2 · (1 + ρ φ k + √((φ k + ρ)² + 1 − ρ²)),   φ(θ) = η / √(θ (1 + θ))

where θ(T) is the at-the-money total variance. No butterfly arbitrage while η (1 + |ρ|) ≤ 2, no
calendar arbitrage while θ grows with T. θ is the integral of a positive forward variance that
decays from its short to its long level, so it always grows.
Source: Gatheral and Jacquier, "Arbitrage-free SVI volatility surfaces", Quantitative Finance
14 (2014), theorems 4.1 and 4.2 and the power law with γ = ½ of section 4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import BadParameter

Floats = NDArray[np.float64]


def ssvi_variance(
    log_moneyness: Floats, atm_variance: Floats | np.float64, skew: float, curvature: float
) -> Floats:
    """w(k, θ): total variance at log-moneyness k where that at the money is θ > 0.

    Both broadcast; the result has their common shape.
    """
    scaled = curvature / np.sqrt(atm_variance * (1.0 + atm_variance)) * log_moneyness
    root = np.sqrt((scaled + skew) ** 2 + 1.0 - skew**2)
    return 0.5 * atm_variance * (1.0 + skew * scaled + root)


@dataclass(frozen=True, slots=True)
class SsviSurface:
    """One underlying's surface.

    ``short_vol`` and ``long_vol`` are at-the-money volatilities at tenor zero and infinity,
    ``reversion_per_year`` the rate between them, ``skew`` is ρ (negative: puts dearer) and
    ``curvature`` η. Raises BadParameter where the surface would admit arbitrage.
    """

    short_vol: float
    long_vol: float
    reversion_per_year: float
    skew: float
    curvature: float

    def __post_init__(self) -> None:
        positive = min(self.short_vol, self.long_vol, self.reversion_per_year, self.curvature) > 0.0
        free = abs(self.skew) < 1.0 and self.curvature * (1.0 + abs(self.skew)) <= 2.0
        if not (positive and free):
            raise BadParameter(
                "the surface would admit arbitrage",
                where=f"{self}",
                remedy="Keep volatilities and reversion positive, |skew| < 1 and "
                "curvature · (1 + |skew|) at most 2.",
            )

    def atm_variance(self, tenor_years: float) -> float:
        """θ(T): at-the-money total variance, growing in ``tenor_years`` > 0."""
        short, long = self.short_vol**2, self.long_vol**2
        decay = self.reversion_per_year
        return long * tenor_years + (short - long) * -np.expm1(-decay * tenor_years) / decay

    def total_variance(self, log_moneyness: Floats, tenor_years: float) -> Floats:
        """w(k, θ(T)) for ``log_moneyness`` k of any shape; same shape."""
        theta = np.float64(self.atm_variance(tenor_years))
        return ssvi_variance(log_moneyness, theta, self.skew, self.curvature)

    def vol(self, log_moneyness: Floats, tenor_years: float) -> Floats:
        """Implied volatility (decimal) for ``log_moneyness`` of any shape; same shape."""
        return np.sqrt(self.total_variance(log_moneyness, tenor_years) / tenor_years)
