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
from seawall.pricing.svi import MAX_WING_SLOPE, SviSlice, durrleman_g

Floats = NDArray[np.float64]

# A slice has five numbers.
MIN_STRIKES = 5

# The lattice for the start: places and widths, the latter in multiples of the strikes' span.
PLACES, WIDTHS = 21, 14
NARROWEST, WIDEST = 0.01, 4.0
# The start keeps each wing this far from slopes 0 and 2.
LEAST_SLOPE = 1e-4
# How far the search may go from the strikes, in spans: a hyperbola far from its bend is a line.
PLACE_REACH, WIDTH_RANGE = 20.0, (1e-3, 50.0)
# v stays above this share of the least total variance listed: a level of 0 has no g.
LEAST_LEVEL = 1e-3
# A wing moves total variance over the strikes' span by at least this share of the least listed,
# and its slope stays this far from Lee's bound.
FLATTEST_REL, FLATTEST, STEEPEST = 1e-6, 1e-12, MAX_WING_SLOPE - 1e-5

MAX_STEPS = 200
CONVERGED_REL = 1e-13
FIRST_DAMPING, LEAST_DAMPING, MOST_DAMPING = 1e-3, 1e-12, 1e10
# A coordinate that hardly moves the residuals is damped at least as if it moved them this much.
LEAST_CURVATURE_REL = 1e-12

# Points at which g is held up: evenly among the strikes and a span beyond, and at
# k = m + σ sinh(u), close at the bend and wide in the wings; violations farther off than FAR
# are held up there.
NEAR_POINTS = 49
FAR_POINTS = np.sinh(np.linspace(-6.0, 6.0, 73))
FAR = 100.0
# g is held above this where it is penalised, so that the penalty's own slack stays above 0.
G_MARGIN = 2e-3
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
    k, w, root_weight = _checked(log_moneyness, total_variance, weight)
    if np.unique(k).size < MIN_STRIKES:
        return SviFit(FitStatus.TOO_FEW_STRIKES, None)
    # Errors relative to the level: a penalty then means the same whatever the weights' unit.
    root_weight = root_weight / math.sqrt(float(np.mean((root_weight * w) ** 2)))
    problem = _Problem(k, w, root_weight, span=float(k.max() - k.min()))
    nowhere = np.empty(0)
    found = _polished(problem, _start(problem), nowhere, penalty=0.0)
    fitted = _slice(found)
    violations, points = fitted.butterfly_violations(), nowhere
    for penalty in PENALTIES:
        if not violations:
            break
        # Each round adds the places where the one before fell short between its points.
        ends = np.clip(np.array(violations), -FAR, FAR)
        within = np.linspace(ends[:, 0], ends[:, 1], 9).ravel()
        points = np.concatenate([points, _g_points(problem, fitted), within])
        found = _polished(problem, found, points, penalty)
        fitted = _slice(found)
        violations = fitted.butterfly_violations()
    return SviFit(FitStatus.ARBITRAGE_LEFT if violations else FitStatus.FITTED, fitted)


class _Problem(NamedTuple):
    """Strikes to be followed; arrays have shape [n]. ``span`` is that of k."""

    k: Floats
    w: Floats
    root_weight: Floats
    span: float

    @property
    def box(self) -> tuple[Floats, Floats]:
        """Least and greatest coordinates: v, √p, √c, m, ln σ."""
        low, high = float(self.k.min()), float(self.k.max())
        reach = PLACE_REACH * self.span
        narrow, wide = (math.log(factor * self.span) for factor in WIDTH_RANGE)
        least, most = float(self.w.min()), float(self.w.max())
        flat = math.sqrt(max(FLATTEST_REL * least / self.span, FLATTEST))
        steep = math.sqrt(STEEPEST)
        return (
            np.array([LEAST_LEVEL * least, flat, flat, low - reach, narrow]),
            np.array([2.0 * most, steep, steep, high + reach, wide]),
        )


def _checked(k: ArrayLike, w: ArrayLike, weight: ArrayLike) -> tuple[Floats, Floats, Floats]:
    columns = [np.asarray(values, dtype=np.float64) for values in (k, w, weight)]
    names = "log-moneyness", "total variance", "weight"
    for name, values, least in zip(names, columns, (-np.inf, np.nextafter(0, 1), 0.0), strict=True):
        if values.ndim != 1 or values.shape != columns[0].shape:
            raise BadNumber(
                f"{name} has shape {values.shape}, log-moneyness {columns[0].shape}",
                where="SVI fit",
                remedy="Give one number of each kind per strike.",
            )
        bad = ~(np.isfinite(values) & (values >= least))
        if bad.any():
            raise BadNumber(
                f"the {name} of row {int(np.argmax(bad))} is {values[np.argmax(bad)]}",
                where="SVI fit",
                remedy="Give finite numbers, total variances above 0 and weights of at least 0.",
            )
    used = columns[2] > 0.0
    return columns[0][used], columns[1][used], np.sqrt(columns[2][used])


# ---------------------------------------------------------------- the start


def _start(problem: _Problem) -> Floats:
    """Coordinates of the best lattice point.

    Per point of the lattice, least squares in the two wing slopes and the level: two by two after
    the weighted means are taken out. Slopes outside (0, 2) are clipped and the level follows.
    """
    k, w, span = problem.k, problem.w, problem.span
    low, high = float(k.min()) - 0.5 * span, float(k.max()) + 0.5 * span
    m = np.tile(np.linspace(low, high, PLACES), WIDTHS)
    sigma = np.repeat(span * np.geomspace(NARROWEST, WIDEST, WIDTHS), PLACES)
    share = problem.root_weight**2 / float(np.sum(problem.root_weight**2))
    # w = level − σ√(pc) + p · left + c · right, one row per lattice point.
    x = k - m[:, None]
    root = np.hypot(x, sigma[:, None])
    left, right = 0.5 * (root - x), 0.5 * (root + x)
    left_mean, right_mean, w_mean = left @ share, right @ share, float(w @ share)
    dl, dr, dw = left - left_mean[:, None], right - right_mean[:, None], w - w_mean
    ll, lr, rr = (dl * dl) @ share, (dl * dr) @ share, (dr * dr) @ share
    lw, rw = dl @ (share * dw), dr @ (share * dw)
    determinant = np.maximum(ll * rr - lr * lr, 1e-14 * ll * rr)
    p = np.clip((lw * rr - rw * lr) / determinant, LEAST_SLOPE, MAX_WING_SLOPE - LEAST_SLOPE)
    c = np.clip((rw * ll - lw * lr) / determinant, LEAST_SLOPE, MAX_WING_SLOPE - LEAST_SLOPE)
    bend = sigma * np.sqrt(p * c)
    level = w_mean - p * left_mean - c * right_mean + bend
    level = np.clip(level, LEAST_LEVEL * float(w.min()), float(w.max()))
    error = (level - bend)[:, None] + p[:, None] * left + c[:, None] * right - w
    best = int(np.argmin((error * error) @ share))
    slopes = math.sqrt(float(p[best])), math.sqrt(float(c[best]))
    return np.array([float(level[best]), *slopes, float(m[best]), math.log(float(sigma[best]))])


# ---------------------------------------------------------------- Levenberg–Marquardt


def _natural(y: Floats) -> tuple[float, float, float, float, float]:
    """v, p, c, m, σ at the coordinates v, √p, √c, m, ln σ, in which w is smooth up to the box."""
    return float(y[0]), float(y[1]) ** 2, float(y[2]) ** 2, float(y[3]), math.exp(y[4])


def _slice(y: Floats) -> SviSlice:
    v, p, c, m, sigma = _natural(y)
    b, rho = 0.5 * (p + c), (c - p) / (c + p)
    # √(pc) as the slice itself computes it, so that rounding leaves the least variance at v.
    return SviSlice(a=v - b * sigma * math.sqrt(1.0 - rho**2), b=b, rho=rho, m=m, sigma=sigma)


def _polished(problem: _Problem, y: Floats, points: Floats, penalty: float) -> Floats:
    """Coordinates of a local least sum of squares within the box, from ``y``.

    G_MARGIN − g counts as a residual where it is positive at the points, times the penalty.
    """
    low, high = problem.box
    y = np.clip(y, low, high)
    residual, jacobian = _residuals(problem, y, points, penalty)
    cost, damping = float(residual @ residual), FIRST_DAMPING
    for _ in range(MAX_STEPS):
        gradient = jacobian.T @ residual
        # A coordinate at its bound that would leave the box stays for this step.
        free = ~(((y <= low) & (gradient > 0.0)) | ((y >= high) & (gradient < 0.0)))
        normal = (jacobian.T @ jacobian)[np.ix_(free, free)]
        diagonal = np.diag(normal)
        ridge = damping * np.maximum(diagonal, LEAST_CURVATURE_REL * diagonal.max(initial=0.0))
        step = np.zeros(y.size)
        step[free] = -np.linalg.solve(normal + np.diag(ridge), gradient[free])
        trial = np.clip(y + step, low, high)
        trial_residual, trial_jacobian = _residuals(problem, trial, points, penalty)
        trial_cost = float(trial_residual @ trial_residual)
        if trial_cost < cost:
            gain = cost - trial_cost
            y, residual, jacobian, cost = trial, trial_residual, trial_jacobian, trial_cost
            damping = max(0.2 * damping, LEAST_DAMPING)
            if gain <= CONVERGED_REL * cost:
                break
        elif damping >= MOST_DAMPING:
            break
        else:
            damping *= 3.0
    return y


def _g_points(problem: _Problem, fitted: SviSlice) -> Floats:
    """Log-moneyness at which g is held up: among the strikes, and around the bend and far off."""
    low, high = float(problem.k.min()), float(problem.k.max())
    near = np.linspace(low - problem.span, high + problem.span, NEAR_POINTS)
    return np.concatenate([near, fitted.m + fitted.sigma * FAR_POINTS])


def _residuals(
    problem: _Problem, y: Floats, points: Floats, penalty: float
) -> tuple[Floats, Floats]:
    """Weighted errors, shape [n], and their Jacobian by coordinate, shape [n, 5].

    Rows for the points follow: how far g falls short there, times the penalty.
    """
    value, by_number, chain = _variance(y, problem.k)
    residual = problem.root_weight * (value - problem.w)
    jacobian = problem.root_weight[:, None] * (by_number * chain)
    if points.size == 0:
        return residual, jacobian
    shortfall, by_coordinate = _shortfall(y, points)
    return (
        np.concatenate([residual, penalty * shortfall]),
        np.concatenate([jacobian, penalty * by_coordinate]),
    )


def _variance(y: Floats, k: Floats) -> tuple[Floats, Floats, Floats]:
    """w, shape [n]; ∂w/∂(v, p, c, m, σ), shape [n, 5]; what these numbers move by coordinate."""
    v, p, c, m, sigma = _natural(y)
    x = k - m
    root = np.sqrt(x * x + sigma * sigma)
    mixed, b = math.sqrt(p * c), 0.5 * (p + c)
    by_number = np.empty((k.size, 5))
    by_number[:, 0] = 1.0
    by_number[:, 1] = 0.5 * (root - x) - 0.5 * sigma * math.sqrt(c / p)
    by_number[:, 2] = 0.5 * (root + x) - 0.5 * sigma * math.sqrt(p / c)
    by_number[:, 3] = -0.5 * (c - p) - b * x / root
    by_number[:, 4] = b * sigma / root - mixed
    chain = np.array([1.0, 2.0 * y[1], 2.0 * y[2], 1.0, sigma])
    return v - sigma * mixed + 0.5 * (c - p) * x + b * root, by_number, chain


def _shortfall(y: Floats, points: Floats) -> tuple[Floats, Floats]:
    """max(G_MARGIN − g, 0) at the points and its derivatives by coordinate."""
    w, by_w, chain = _variance(y, points)
    _, p, c, m, sigma = _natural(y)
    x, b = points - m, 0.5 * (p + c)
    root = np.sqrt(x * x + sigma * sigma)
    w1 = -by_w[:, 3]
    w2 = b * sigma**2 / root**3
    none = np.zeros(points.size)
    by_w1 = np.stack([none, 0.5 * (x / root - 1.0), 0.5 * (x / root + 1.0), -w2, none], axis=1)
    by_w1[:, 4] = -b * x * sigma / root**3
    half = 0.5 * sigma**2 / root**3
    by_w2 = np.stack([none, half, half, 3.0 * w2 * x / root**2, none], axis=1)
    by_w2[:, 4] = w2 * (2.0 / sigma - 3.0 * sigma / root**2)
    tangent = 1.0 - points * w1 / (2.0 * w)
    of_w = tangent * points * w1 / w**2 + 0.25 * w1**2 / w**2
    of_w1 = -tangent * points / w - 0.5 * w1 * (1.0 / w + 0.25)
    shortfall = np.maximum(G_MARGIN - durrleman_g(points, w, w1, w2), 0.0)
    by_number = of_w[:, None] * by_w + of_w1[:, None] * by_w1 + 0.5 * by_w2
    return shortfall, np.where(shortfall[:, None] > 0.0, -by_number * chain, 0.0)
