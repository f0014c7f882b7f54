"""Fitting a raw SVI slice to listed total variances, weighted, free of butterfly arbitrage.

The slice is sought in its least variance v > 0, its wing slopes p and c in (0, 2), the place m and
the width σ > 0, so that w ≥ 0 and Lee's bound hold for every trial:

    w(k) = v − σ√(pc) + (c − p)/2 · (k − m) + (c + p)/2 · √((k − m)² + σ²)

For fixed m and σ that is linear in its other numbers: a lattice of (m, σ), each point solved in
closed form, gives the start (the idea of Zeliade's quasi-explicit calibration), and
Levenberg–Marquardt on all five finishes. Where g < 0 remains, g's shortfall joins the residuals
with a weight that grows until none does. No randomness: equal quotes give equal slices.

Sources: De Marco and Martini, "Quasi-explicit calibration of Gatheral's SVI model", Zeliade white
paper (2009); Marquardt, SIAM J. Appl. Math. 11 (1963).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seawall.basics.errors import BadNumber
from seawall.kernels import svi as kernels
from seawall.kernels.svi import MAX_WING_SLOPE
from seawall.pricing.svi import SviSlice

Floats = NDArray[np.float64]

# A slice has five numbers.
MIN_STRIKES = 5

# How far the search may go from the strikes, in spans: a hyperbola far from its bend is a line.
PLACE_REACH, WIDTH_RANGE = 20.0, (1e-3, 50.0)
# v stays above this share of the least total variance listed: a level of 0 has no g.
LEAST_LEVEL = 1e-3
# A wing moves total variance over the strikes' span by at least this share of the least listed,
# and its slope stays this far from Lee's bound.
FLATTEST_REL, FLATTEST, STEEPEST = 1e-6, 1e-12, MAX_WING_SLOPE - 1e-5

# Points at which g is held up: evenly among the strikes and a span beyond, and at
# k = m + σ sinh(u), close at the bend and wide in the wings; violations farther off than FAR
# are held up there.
NEAR_POINTS = 49
FAR_POINTS = np.sinh(np.linspace(-6.0, 6.0, 73))
FAR = 100.0
PENALTIES = (0.1, 1.0, 10.0, 100.0, 1e3, 1e4)


class FitStatus(StrEnum):
    """What came of a fit."""

    FITTED = "fitted"
    TOO_FEW_STRIKES = "too few strikes"
    ARBITRAGE_LEFT = "arbitrage left"
    NOT_FITTED = "not fitted"

    @property
    def cause(self) -> str:
        """What the strikes said, in one sentence."""
        return _CAUSE_AND_REMEDY[self][0]

    @property
    def remedy(self) -> str:
        """What to do about it, in one sentence; empty when fitted."""
        return _CAUSE_AND_REMEDY[self][1]


_CAUSE_AND_REMEDY = {
    FitStatus.FITTED: ("The slice follows the strikes and admits no butterfly arbitrage.", ""),
    FitStatus.TOO_FEW_STRIKES: (
        f"Fewer than {MIN_STRIKES} distinct strikes do not determine a slice's five numbers.",
        "Interpolate between the strikes there are, or list more.",
    ),
    FitStatus.NOT_FITTED: (
        "Prices may be negative, or the nearest slice has another shape than its strikes.",
        "Use the volatilities of listed strikes.",
    ),
    FitStatus.ARBITRAGE_LEFT: (
        "The nearest slice found still admits butterfly arbitrage.",
        "Look for damaged volatilities among the strikes, and leave them out.",
    ),
}


@dataclass(frozen=True, slots=True)
class SviFit:
    """A fit's outcome. ``slice`` is None exactly if too few strikes or not fitted."""

    status: FitStatus
    slice: SviSlice | None


def fit_svi(log_moneyness: ArrayLike, total_variance: ArrayLike, weight: ArrayLike) -> SviFit:
    """The slice with the least Σ weight · (w(k) − total variance)², without butterfly arbitrage.

    All three have shape [n], in any order; equal log-moneyness counts as one strike, and a weight
    of 0 as none. ``weight`` ≥ 0 scales squared errors of total variance, in any unit:
    vega² / (2 vol T)² makes them errors of volatility weighted by vega. Raises BadNumber for
    numbers that are not finite, for total variance ≤ 0, for weights < 0 and for unlike shapes.
    """
    problem = _problem(log_moneyness, total_variance, weight)
    if problem is None:
        return SviFit(FitStatus.TOO_FEW_STRIKES, None)
    found = np.empty(kernels.COORDINATES)
    least_level = LEAST_LEVEL * problem.w_range[0]
    kernels.start(problem.k, problem.w, problem.root_weight, least_level, problem.span, found)
    nowhere = np.empty(0)
    _polish(problem, found, nowhere, penalty=0.0)
    fitted = _slice(found)
    violations, points = fitted.butterfly_violations(), nowhere
    for penalty in PENALTIES:
        if not violations:
            break
        # Each round adds the places where the one before fell short between its points.
        ends = np.clip(np.array(violations), -FAR, FAR)
        within = np.linspace(ends[:, 0], ends[:, 1], 9).ravel()
        points = np.concatenate([points, _g_points(problem, fitted), within])
        _polish(problem, found, points, penalty)
        fitted = _slice(found)
        violations = fitted.butterfly_violations()
    return SviFit(FitStatus.ARBITRAGE_LEFT if violations else FitStatus.FITTED, fitted)


class _Problem(NamedTuple):
    """Strikes to be followed; arrays have shape [n]. Ranges are least and greatest."""

    k: Floats
    w: Floats
    root_weight: Floats
    k_range: tuple[float, float]
    w_range: tuple[float, float]

    @property
    def span(self) -> float:
        """What the strikes span in log-moneyness."""
        return self.k_range[1] - self.k_range[0]

    @property
    def box(self) -> tuple[Floats, Floats]:
        """Least and greatest coordinates: v, √p, √c, m, ln σ."""
        (low, high), (least, most) = self.k_range, self.w_range
        reach = PLACE_REACH * self.span
        narrow, wide = (math.log(factor * self.span) for factor in WIDTH_RANGE)
        flat = math.sqrt(max(FLATTEST_REL * least / self.span, FLATTEST))
        steep = math.sqrt(STEEPEST)
        return (
            np.array([LEAST_LEVEL * least, flat, flat, low - reach, narrow]),
            np.array([2.0 * most, steep, steep, high + reach, wide]),
        )


def _problem(
    log_moneyness: ArrayLike, total_variance: ArrayLike, weight: ArrayLike
) -> _Problem | None:
    """The rows of some weight; None where they are too few. Raises BadNumber.

    Errors count relative to the level: a penalty then means the same whatever the weights' unit.
    """
    given = (log_moneyness, total_variance, weight)
    k, w, weights = (np.asarray(values, dtype=np.float64, order="C") for values in given)
    if k.ndim != 1 or w.shape != k.shape or weights.shape != k.shape:
        raise BadNumber(
            f"log-moneyness, total variance and weight have shapes {k.shape}, {w.shape} and "
            f"{weights.shape}",
            where="SVI fit",
            remedy="Give one number of each kind per strike.",
        )
    rows, ranges = np.empty((3, k.size)), np.empty(4)
    count = kernels.usable_rows(k, w, weights, rows, ranges)
    if count < 0:
        raise _bad_number(-1 - count, k, w, weights)
    if len(set(rows[0, :count].tolist())) < MIN_STRIKES:
        return None
    low, high, least, most = ranges.tolist()
    return _Problem(rows[0, :count], rows[1, :count], rows[2, :count], (low, high), (least, most))


def _bad_number(row: int, k: Floats, w: Floats, weights: Floats) -> BadNumber:
    name, value = "weight", weights[row]
    if not np.isfinite(k[row]):
        name, value = "log-moneyness", k[row]
    elif not (np.isfinite(w[row]) and w[row] > 0.0):
        name, value = "total variance", w[row]
    return BadNumber(
        f"the {name} of row {row} is {value}",
        where="SVI fit",
        remedy="Give finite numbers, total variances above 0 and weights of at least 0.",
    )


def _slice(y: Floats) -> SviSlice:
    v, left, right, m, log_sigma = y.tolist()
    p, c, sigma = left**2, right**2, math.exp(log_sigma)
    b, rho = 0.5 * (p + c), (c - p) / (c + p)
    # √(pc) as the slice itself computes it, so that rounding leaves the least variance at v.
    return SviSlice(a=v - b * sigma * math.sqrt(1.0 - rho**2), b=b, rho=rho, m=m, sigma=sigma)


def _polish(problem: _Problem, y: Floats, points: Floats, penalty: float) -> None:
    """Move the coordinates to a local least sum of squares within the box.

    G_MARGIN − g counts as a residual where it is positive at the points, times the penalty.
    """
    k, w, root_weight = problem.k, problem.w, problem.root_weight
    kernels.polish(k, w, root_weight, points, penalty, *problem.box, y)


def _g_points(problem: _Problem, fitted: SviSlice) -> Floats:
    """Log-moneyness at which g is held up: among the strikes, and around the bend and far off."""
    low, high = problem.k_range
    near = np.linspace(low - problem.span, high + problem.span, NEAR_POINTS)
    return np.concatenate([near, fitted.m + fitted.sigma * FAR_POINTS])
