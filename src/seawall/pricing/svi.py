"""Raw SVI: the total implied variance of one expiry as a hyperbola in log-moneyness.

    w(k) = a + b (ρ (k − m) + √((k − m)² + σ²))        k = ln(K / F),  w = vol² · T

Its wings have slopes −b (1 − ρ) and b (1 + ρ), which Lee's moment formula bounds by 2; its least
value is a + b σ √(1 − ρ²). A slice admits no butterfly arbitrage exactly if Durrleman's function

    g(k) = (1 − k w'/(2w))² − w'²/4 · (1/w + 1/4) + w''/2

is nowhere negative and the wings keep Lee's bound; two slices admit no calendar arbitrage exactly
if the later one is nowhere below the earlier at equal k. Both are decided for every k that a
strike can have, not on a grid: the candidates for a change of sign are the roots of a polynomial,
which are looked for where nothing simpler proves that it has none (``kernels.butterflies``).

Sources: Gatheral and Jacquier, "Arbitrage-free SVI volatility surfaces", Quantitative Finance 14
(2014), sections 2, 3 and 5.1; Lee, "The moment formula for implied volatility at extreme strikes",
Mathematical Finance 14 (2004).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import astuple, dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seawall.basics.errors import BadParameter
from seawall.kernels.butterflies import DEGREE, butterfly_polynomial, surely_positive

Floats = NDArray[np.float64]
Interval = tuple[float, float]
"""From and to, in log-moneyness; infinite where a wing is meant."""

# Smaller violations are rounding: g is of order 1, and w below 1e-12 is a volatility of nothing.
ROUNDING = 1e-12
# Farther out no strike is a float64; what is found there is rounding where two wings are parallel.
REMOTEST = 700.0


def raw_svi(
    k: ArrayLike, a: ArrayLike, b: ArrayLike, rho: ArrayLike, m: ArrayLike, sigma: ArrayLike
) -> tuple[Floats, Floats, Floats]:
    """Total variance w and its derivatives w', w'' by log-moneyness; everything broadcasts.

    ``a`` in total variance, ``b`` in total variance per unit of log-moneyness, ``m`` and ``sigma``
    in log-moneyness. Nothing is checked: :class:`SviSlice` does.
    """
    numbers = (np.asarray(v, dtype=np.float64) for v in (a, b, rho, m, sigma))
    level, scale, tilt, place, width = numbers
    x = np.asarray(k, dtype=np.float64) - place
    root = np.sqrt(x * x + width * width)
    w = level + scale * (tilt * x + root)
    return w, scale * (tilt + x / root), scale * width * width / (root * root * root)


def durrleman_g(k: ArrayLike, w: ArrayLike, w1: ArrayLike, w2: ArrayLike) -> Floats:
    """g(k) of any smile with total variance w > 0 and derivatives w1, w2; everything broadcasts.

    The risk-neutral density is g times a positive factor, so g < 0 is a butterfly at a negative
    price.
    """
    place, level, first, second = (np.asarray(v, dtype=np.float64) for v in (k, w, w1, w2))
    tangent = 1.0 - place * first / (2.0 * level)
    return tangent * tangent - 0.25 * first * first * (1.0 / level + 0.25) + 0.5 * second


@dataclass(frozen=True, slots=True)
class SviSlice:
    """One expiry's total variance, a raw SVI parameterisation.

    ``a`` in total variance, ``b`` ≥ 0 in total variance per unit of log-moneyness, ``rho`` in
    (−1, 1), ``m`` and ``sigma`` > 0 in log-moneyness. Raises BadParameter for other numbers and
    where the least variance a + b σ √(1 − ρ²) would be negative. Arbitrage is not refused but
    told by ``wing_slope`` and ``butterfly_violations``.
    """

    a: float
    b: float
    rho: float
    m: float
    sigma: float

    def __post_init__(self) -> None:
        finite = all(math.isfinite(value) for value in self._numbers)
        shaped = finite and self.b >= 0.0 and abs(self.rho) < 1.0 and self.sigma > 0.0
        if not (shaped and self.minimum_variance >= 0.0):
            raise BadParameter(
                "these numbers give no total variance that is finite and at least 0",
                where=f"{self}",
                remedy="Keep all finite, b ≥ 0, |rho| < 1, sigma > 0 and "
                "a + b · sigma · √(1 − rho²) ≥ 0.",
            )

    @property
    def minimum_variance(self) -> float:
        """The least total variance over all strikes."""
        return self.a + self.b * self.sigma * math.sqrt(1.0 - self.rho**2)

    @property
    def wing_slope(self) -> float:
        """The steeper wing's slope b (1 + |ρ|); above 2 the wing admits arbitrage (Lee)."""
        return self.b * (1.0 + abs(self.rho))

    def total_variance(self, k: ArrayLike) -> Floats:
        """w(k) for log-moneyness of any shape; same shape."""
        x = np.asarray(k, dtype=np.float64) - self.m
        return self.a + self.b * (self.rho * x + np.sqrt(x * x + self.sigma * self.sigma))

    def derivatives(self, k: ArrayLike) -> tuple[Floats, Floats]:
        """w'(k) and w''(k) for log-moneyness of any shape; same shape."""
        return raw_svi(k, *self._numbers)[1:]

    def g(self, k: ArrayLike) -> Floats:
        """Durrleman's g(k) for log-moneyness of any shape; same shape."""
        return durrleman_g(k, *raw_svi(k, *self._numbers))

    def butterfly_violations(self) -> tuple[Interval, ...]:
        """Where g < 0, over all real k, in ascending order; empty if there is no such place.

        A wing steeper than Lee's bound is among them, as an interval that ends at infinity.
        """
        polynomial = np.empty(DEGREE + 1)
        butterfly_polynomial(*self._numbers, polynomial)
        if surely_positive(polynomial):
            return ()
        t = _nearly_real_roots(polynomial, 2.0 * (REMOTEST + abs(self.m)) / self.sigma)
        t = t[t > 0.0]
        candidates = self.m + 0.5 * self.sigma * (t - 1.0 / t)
        return _negative_intervals(lambda k: float(self.g(k)), candidates)

    @property
    def _numbers(self) -> tuple[float, float, float, float, float]:
        return self.a, self.b, self.rho, self.m, self.sigma

    def jump_wings(self, tenor_years: float) -> JumpWings:
        """The slice in quantities that traders read, for its ``tenor_years`` > 0."""
        w = float(self.total_variance(0.0))
        root, reach = math.sqrt(w), math.hypot(self.m, self.sigma)
        return JumpWings(
            tenor_years=tenor_years,
            v=w / tenor_years,
            psi=0.5 * self.b / root * (self.rho - self.m / reach),
            p=self.b * (1.0 - self.rho) / root,
            c=self.b * (1.0 + self.rho) / root,
            v_tilde=self.minimum_variance / tenor_years,
        )


@dataclass(frozen=True, slots=True)
class JumpWings:
    """A slice as its at-the-money variance ``v``, at-the-money skew ``psi`` = ∂vol/∂k · √T, slopes
    of the put wing ``p`` and call wing ``c`` over √w(0), and least variance ``v_tilde``.

    ``v`` and ``v_tilde`` are variances per year. Raises BadParameter for numbers of no slice.
    """

    tenor_years: float
    v: float
    psi: float
    p: float
    c: float
    v_tilde: float

    def __post_init__(self) -> None:
        finite = all(math.isfinite(value) for value in astuple(self))
        signed = min(self.tenor_years, self.p, self.c) > 0.0 and self.v > self.v_tilde >= 0.0
        # −p < 2 psi < c: the slope at the money lies between those of the wings.
        if not (finite and signed and -self.p < 2.0 * self.psi < self.c):
            raise BadParameter(
                "these jump wings belong to no SVI slice",
                where=f"{self}",
                remedy="Keep p, c and the tenor positive, −p < 2 psi < c and 0 ≤ v_tilde < v.",
            )

    def raw(self) -> SviSlice:
        """The raw slice.

        Raises BadParameter where the slope at the money says that the least variance lies there
        and the levels say that it does not.
        """
        w = self.v * self.tenor_years
        root = math.sqrt(w)
        b = 0.5 * root * (self.c + self.p)
        rho = (self.c - self.p) / (self.c + self.p)
        # m and σ are √(m² + σ²) times cosine and sine of one angle; w(0) − min w tells the length.
        cosine = rho - 2.0 * self.psi * root / b
        sine = math.sqrt(1.0 - cosine**2)
        rise = 1.0 - rho * cosine - sine * math.sqrt(1.0 - rho**2)
        if not rise > 0.0:
            raise BadParameter(
                "without skew at the money the least variance must be that at the money",
                where=f"{self}",
                remedy="Give a psi other than 0.",
            )
        reach = (self.v - self.v_tilde) * self.tenor_years / (b * rise)
        lowest = self.v_tilde * self.tenor_years
        a = lowest - b * reach * sine * math.sqrt(1.0 - rho**2)
        return SviSlice(a=a, b=b, rho=rho, m=reach * cosine, sigma=reach * sine)

    def repaired(self) -> JumpWings:
        """The slice of equal ``v``, ``psi`` and ``p`` that is an SSVI slice: c = p + 2 psi and
        v_tilde = v · 4pc/(p + c)² (section 5.1).

        Free of butterfly arbitrage if √w(0) · max(p, c) < 2 and (p + c) · max(p, c) ≤ 2; raises
        BadParameter where p + 2 psi ≤ 0.
        """
        c = self.p + 2.0 * self.psi
        v_tilde = self.v * 4.0 * self.p * c / (self.p + c) ** 2
        return JumpWings(self.tenor_years, self.v, self.psi, self.p, c, v_tilde)


def ssvi_slice(theta: float, rho: float, phi: float) -> SviSlice:
    """The raw slice of w(k) = θ/2 · (1 + ρφk + √((φk + ρ)² + 1 − ρ²)).

    ``theta`` > 0 is the total variance at the money, ``phi`` > 0 per unit of log-moneyness. Free
    of butterfly arbitrage if θφ(1 + |ρ|) < 4 and θφ²(1 + |ρ|) ≤ 4 (theorem 4.2). Raises
    BadParameter.
    """
    if not (theta > 0.0 and phi > 0.0 and abs(rho) < 1.0):
        raise BadParameter(
            "these numbers belong to no SSVI slice",
            where=f"theta={theta}, rho={rho}, phi={phi}",
            remedy="Keep theta and phi above 0 and |rho| below 1.",
        )
    complement = 1.0 - rho**2
    return SviSlice(
        a=0.5 * theta * complement,
        b=0.5 * theta * phi,
        rho=rho,
        m=-rho / phi,
        sigma=math.sqrt(complement) / phi,
    )


def calendar_violations(earlier: SviSlice, later: SviSlice) -> tuple[Interval, ...]:
    """Where the later slice's total variance is below the earlier's, over all real k.

    In ascending order, empty if there is no such place. With roots R₁, R₂ and a line L(k) the
    difference is L + b₂R₂ − b₁R₁; squaring twice leaves a quartic that holds every crossing.
    """
    one, two = earlier, later
    line = np.array(
        [
            two.b * two.rho - one.b * one.rho,
            two.a - one.a - two.b * two.rho * two.m + one.b * one.rho * one.m,
        ]
    )
    root_one, root_two = (
        s.b**2 * np.array([1.0, -2.0 * s.m, s.m**2 + s.sigma**2]) for s in (one, two)
    )
    line_squared = np.convolve(line, line)
    rest = root_one - root_two - line_squared
    quartic = 4.0 * np.convolve(line_squared, root_two) - np.convolve(rest, rest)
    crossings = _nearly_real_roots(quartic, REMOTEST)
    return _negative_intervals(
        lambda k: float(two.total_variance(k) - one.total_variance(k)), crossings
    )


def _nearly_real_roots(coefficients: Floats, reach: float) -> Floats:
    """Real parts of the roots that may be real, of a polynomial from its highest power down.

    A false root only cuts an interval in two for a test. Leading terms that are rounding up to
    ``reach`` are left out: they would put the other roots wrong.
    """
    sizes = np.abs(coefficients) * reach ** np.arange(coefficients.size)[::-1]
    telling = np.flatnonzero(sizes > 1e-16 * sizes.max())
    if telling.size == 0:
        return np.empty(0)
    found = np.asarray(np.roots(coefficients[telling[0] :]), dtype=np.complex128)
    near = np.abs(found.imag) <= 1e-4 * np.abs(found.real) + 1e-6
    return found.real[near]


def _negative_intervals(
    function: Callable[[float], float], candidates: Floats
) -> tuple[Interval, ...]:
    """Where a function is below −ROUNDING, given points among which are all its changes of sign.

    Its sign is taken between neighbouring candidates and beyond the outermost; an end of an
    interval is then bisected to the last digit.
    """
    cuts = np.unique(candidates[np.abs(candidates) <= REMOTEST]).tolist()
    if not cuts:
        return ((-math.inf, math.inf),) if function(0.0) < -ROUNDING else ()
    probes = [
        cuts[0] - 1.0 - abs(cuts[0]),
        *(_between(low, high) for low, high in pairwise(cuts)),
        cuts[-1] + 1.0 + abs(cuts[-1]),
    ]
    negative = [function(probe) < -ROUNDING for probe in probes]
    ends = [-math.inf] if negative[0] else []
    ends.extend(
        _sign_change(function, low, high)
        for (low, high), (was, now) in zip(pairwise(probes), pairwise(negative), strict=True)
        if was != now
    )
    if negative[-1]:
        ends.append(math.inf)
    return tuple(zip(ends[::2], ends[1::2], strict=True))


def _between(low: float, high: float) -> float:
    """A place between two that is near neither where one is far out in a wing."""
    return math.sinh(0.5 * (math.asinh(low) + math.asinh(high)))


def _sign_change(function: Callable[[float], float], low: float, high: float) -> float:
    """A root between two points, exactly one of them below −ROUNDING, by bisection to the digit."""
    # Where the other is below 0 by rounding alone, the function touches 0 and turns.
    ends = function(low), function(high)
    level = 0.0 if max(ends) >= 0.0 else -ROUNDING
    low_is_below = ends[0] < level
    while low < (middle := 0.5 * (low + high)) < high:
        if (function(middle) < level) == low_is_below:
            low = middle
        else:
            high = middle
    return middle
