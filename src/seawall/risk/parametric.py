"""Tail measures in closed form: normal, Student t, Cornish–Fisher and lognormal.

Each describes PnL, + gain, of any unit; a measure is a loss, + loss. docs/risk-measures.md tells
the formulas and their sources.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import BadParameter

_NORMAL = NormalDist()
# Roundings of a polynomial that only just does not fall.
_ROUNDING = 1e-12


def normal_value_at_risk(confidence: float, *, mean: float = 0.0, deviation: float = 1.0) -> float:
    """VaR of normal PnL: −mean − deviation·Φ⁻¹(1 − confidence). Raises BadParameter."""
    tail = _tail(confidence, deviation)
    return -mean - deviation * _NORMAL.inv_cdf(tail)


def normal_expected_shortfall(
    confidence: float, *, mean: float = 0.0, deviation: float = 1.0
) -> float:
    """ES of normal PnL: −mean + deviation·φ(Φ⁻¹(1 − confidence))/(1 − confidence).

    Raises BadParameter.
    """
    tail = _tail(confidence, deviation)
    return -mean + deviation * _NORMAL.pdf(_NORMAL.inv_cdf(tail)) / tail


def student_value_at_risk(
    confidence: float, df: float, *, mean: float = 0.0, deviation: float = 1.0
) -> float:
    """VaR of PnL that is Student t with ``df`` degrees of freedom, of a given standard deviation.

    The deviation is √(df/(df − 2)) times the scale, so df must be above 2. Raises BadParameter.
    """
    from scipy.special import stdtrit

    tail = _tail(confidence, deviation)
    return -mean - student_scale(df, deviation) * float(stdtrit(df, tail))


def student_expected_shortfall(
    confidence: float, df: float, *, mean: float = 0.0, deviation: float = 1.0
) -> float:
    """ES of PnL as of :func:`student_value_at_risk`.

    Of the standard t with density g and x = T⁻¹(tail): g(x)/tail · (df + x²)/(df − 1). Source:
    McNeil, Frey and Embrechts (2015), 2.3.4.
    """
    from scipy.special import stdtrit

    tail = _tail(confidence, deviation)
    scale = student_scale(df, deviation)
    x = float(stdtrit(df, tail))
    log_density = (
        math.lgamma(0.5 * (df + 1.0))
        - math.lgamma(0.5 * df)
        - 0.5 * math.log(df * math.pi)
        - 0.5 * (df + 1.0) * math.log1p(x * x / df)
    )
    return -mean + scale * math.exp(log_density) / tail * (df + x * x) / (df - 1.0)


def student_scale(df: float, deviation: float = 1.0) -> float:
    """The scale of a Student t of a standard deviation. Raises BadParameter for df ≤ 2."""
    if not 2.0 < df < math.inf:
        raise BadParameter(
            f"{df} degrees of freedom",
            where="Student t",
            remedy="Give more than 2: with fewer there is no standard deviation.",
        )
    return deviation * math.sqrt((df - 2.0) / df)


class CornishFisher(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """PnL as a cubic of a standard normal z.

        q(z) = mean + deviation·(z + (z² − 1)·s/6 + (z³ − 3z)·k/24 − (2z³ − 5z)·s²/36)

    ``s`` and ``k`` are the parameters of the cubic. They are near the skew and the excess kurtosis
    of PnL only where both are small, and the deviation near its own: :func:`cornish_fisher_of`
    finds those of given moments. Source: Cornish and Fisher (1938); Maillard (2012), A user's guide
    to the Cornish Fisher expansion.

    Raises BadParameter outside the domain in which q rises everywhere,
    s²/9 ≤ 4·(k/8 − s²/6)·(1 − k/8 + 5s²/36) and k/8 ≥ s²/6: beyond it q is no quantile.
    """

    s: float
    k: float
    mean: float = 0.0
    deviation: float = 1.0

    def __post_init__(self) -> None:
        numbers = (self.s, self.k, self.mean, self.deviation)
        finite = all(math.isfinite(number) for number in numbers) and self.deviation >= 0.0
        if not (finite and rises_everywhere(self.s, self.k)):
            raise BadParameter(
                f"skew parameter {self.s:g} and kurtosis parameter {self.k:g}: the quantile does "
                "not rise everywhere",
                where="Cornish-Fisher",
                remedy="Use historical or Student t measures for PnL of such a shape.",
            )

    def value_at_risk(self, confidence: float) -> float:
        """VaR: −q(Φ⁻¹(1 − confidence)). Raises BadParameter."""
        z = _NORMAL.inv_cdf(_tail(confidence, self.deviation))
        cubic = float(_cubic(np.array(z), self.s, self.k))
        return -self.mean - self.deviation * cubic

    def expected_shortfall(self, confidence: float) -> float:
        """ES: the mean of −q over the tail, whose integral is closed. Raises BadParameter."""
        tail = _tail(confidence, self.deviation)
        z = _NORMAL.inv_cdf(tail)
        s, k = self.s, self.k
        lifted = 1.0 + z * s / 6.0 + (z * z - 1.0) * k / 24.0 - (2.0 * z * z - 1.0) * s * s / 36.0
        return -self.mean + self.deviation * _NORMAL.pdf(z) / tail * lifted

    def moments(self) -> tuple[float, float, float]:
        """The standard deviation, skew and excess kurtosis that PnL has."""
        spread, skew, excess_kurtosis = _moments(self.s, self.k)
        return self.deviation * spread, skew, excess_kurtosis


def cornish_fisher_of(
    *, skew: float, excess_kurtosis: float, mean: float = 0.0, deviation: float = 1.0
) -> CornishFisher:
    """The cubic whose PnL has these moments: two equations solved for s and k.

    Raises BadParameter where no cubic that rises everywhere has them.
    """
    from scipy.optimize import root  # pyright: ignore[reportUnknownVariableType]

    def misses(parameters: NDArray[np.float64]) -> list[float]:
        _, found_skew, found_kurtosis = _moments(float(parameters[0]), float(parameters[1]))
        return [found_skew - skew, found_kurtosis - excess_kurtosis]

    solved: NDArray[np.float64] = cast("Any", root(misses, [skew, excess_kurtosis], tol=1e-13)).x
    if max(abs(miss) for miss in misses(solved)) > 1e-8:
        raise BadParameter(
            f"no Cornish-Fisher cubic has a skew of {skew:g} and an excess kurtosis of "
            f"{excess_kurtosis:g}",
            where="Cornish-Fisher",
            remedy="Use historical or Student t measures for PnL of such a shape.",
        )
    s, k = float(solved[0]), float(solved[1])
    return CornishFisher(s=s, k=k, mean=mean, deviation=deviation / _moments(s, k)[0])


def rises_everywhere(s: float, k: float) -> bool:
    """Whether the cubic of these parameters has a derivative of at least 0 everywhere."""
    bend = k / 8.0 - s * s / 6.0
    slope = 1.0 - k / 8.0 + 5.0 * s * s / 36.0
    return bend >= -_ROUNDING and s * s / 9.0 - 4.0 * bend * slope <= _ROUNDING


def lognormal_expected_shortfall(
    tail: float, *, deviation: float, growth: float
) -> tuple[float, float]:
    """ES of one unit bought at 1, and of one sold, that grows to growth·exp(deviation·z − ½·…²).

    Long 1 − growth·Φ(Φ⁻¹(tail) − deviation)/tail, short growth·Φ(Φ⁻¹(tail) + deviation)/tail − 1;
    either is negative where even the tail gains on average. ``tail`` is 1 − confidence, and
    ``deviation`` that of the logarithm over the horizon. Source: riskmodelbs of vegaprotocol/quant.
    """
    quantile = _NORMAL.inv_cdf(tail)
    long = 1.0 - growth * _normal_cdf(quantile - deviation) / tail
    short = growth * _normal_cdf(quantile + deviation) / tail - 1.0
    return long, short


def _cubic(z: NDArray[np.float64], s: float, k: float) -> NDArray[np.float64]:
    """The Cornish–Fisher cubic of a standard normal, shape as given."""
    return (
        z
        + (z**2 - 1.0) * s / 6.0
        + (z**3 - 3.0 * z) * k / 24.0
        - (2.0 * z**3 - 5.0 * z) * s * s / 36.0
    )


def _moments(s: float, k: float) -> tuple[float, float, float]:
    """Deviation, skew and excess kurtosis of the cubic.

    Its fourth power has degree 12, which Gauss–Hermite quadrature of 7 nodes integrates exactly.
    The mean is 0.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(7)
    values = _cubic(nodes, s, k)
    second, third, fourth = (float(weights @ values**power / weights.sum()) for power in (2, 3, 4))
    return math.sqrt(second), third / second**1.5, fourth / second**2 - 3.0


def _normal_cdf(x: float) -> float:
    """Φ, to full relative precision in the lower tail."""
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


def _tail(confidence: float, deviation: float) -> float:
    """1 − confidence. Raises BadParameter for a confidence or a deviation that cannot be."""
    if not (0.0 < confidence < 1.0 and 0.0 <= deviation < math.inf):
        raise BadParameter(
            f"a confidence of {confidence} and a deviation of {deviation}",
            where="tail measure",
            remedy="Give a confidence between 0 and 1, such as 0.99, and a deviation of at least "
            "0.",
        )
    return 1.0 - confidence
