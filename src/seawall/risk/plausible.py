"""The worst scenario that is still plausible: within an ellipsoid of moves, or a ball of laws.

docs/risk-measures.md tells the formulas and their sources.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.basics.arrays import freeze
from seawall.basics.errors import BadNumber, BadParameter
from seawall.risk.tail import weighted_sum

Floats = NDArray[np.float64]

# Halvings of a bracket: more than a float64 has digits.
_HALVINGS = 200
# Logarithms of the least and the greatest tilt of a law, per range of its losses.
_LOG_TILTS = (-18.0, 40.0)


@dataclass(frozen=True, slots=True)
class WorstScenario:
    """The scenario ``moves`` [F], in the units of the factors, and the loss there, at least 0."""

    moves: Floats
    loss: float

    def __post_init__(self) -> None:
        freeze(self, self.moves.size)


@dataclass(frozen=True, slots=True)
class WorstLaw:
    """The probabilities ``weights`` [N] of the worst law, and a bound of the mean loss under it."""

    weights: Floats
    mean_loss: float

    def __post_init__(self) -> None:
        freeze(self, self.weights.size)


def worst_linear(delta: Floats, covariance: Floats, radius: float) -> WorstScenario:
    """The worst r of PnL δ·r with rᵀΣ⁻¹r ≤ radius²: r = −radius·Σδ/√(δᵀΣδ), loss radius·√(δᵀΣδ).

    ``delta`` [F] is PnL per unit of a factor, ``covariance`` [F, F] of the factors. Raises
    BadParameter. Source: Breuer, Jandačka, Rheinberger and Summer (2009), IJCB 5(3).
    """
    return worst_quadratic(delta, np.zeros_like(covariance), covariance, radius)


def worst_quadratic(
    delta: Floats, gamma: Floats, covariance: Floats, radius: float
) -> WorstScenario:
    """The worst r of PnL δ·r + ½·rᵀΓr with rᵀΣ⁻¹r ≤ radius², whatever the sign of Γ.

    With Σ = RRᵀ and r = Ry it is a trust region problem in y: (RᵀΓR + μI)·y = −Rᵀδ, the least
    μ ≥ 0 that leaves no negative eigenvalue and |y| ≤ radius. A singular Σ moves only where it has
    variance. Arguments as of :func:`worst_linear`, ``gamma`` [F, F] symmetric; raises BadParameter.
    Source: Studer (1997), Maximum loss; Moré and Sorensen (1983).
    """
    root = _root(delta, gamma, covariance, radius)
    bends, turn = np.linalg.eigh(root.T @ gamma @ root)
    slopes = turn.T @ (root.T @ delta)
    least = max(0.0, -float(bends[0]))
    size = max(float(np.abs(bends).max()), float(np.abs(slopes).max()) / max(radius, 1e-300))
    rounding = 1e-13 * size
    # Along the most bent direction without slope there is no push of its own: only room left over.
    hollow = (bends + least <= rounding) & (np.abs(slopes) <= rounding * radius)

    def steps(multiplier: float) -> Floats:
        total = np.where(hollow, 1.0, np.maximum(bends + multiplier, 1e-100 * size))
        return np.where(hollow, 0.0, -slopes / total)

    low, high = least, least + float(np.linalg.norm(slopes)) / radius
    if np.linalg.norm(steps(low)) > radius:
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if np.linalg.norm(steps(middle)) > radius else (low, middle)
        found = steps(high)
    else:
        found = steps(least)
        if least > 0.0 and hollow.any():
            room = radius**2 - float(found @ found)
            found[int(np.flatnonzero(hollow)[0])] = math.sqrt(max(0.0, room))
    moves = root @ (turn @ found)
    loss = -float(delta @ moves + 0.5 * moves @ gamma @ moves)
    return WorstScenario(moves, max(0.0, loss))


def worst_law(losses: Floats, radius: float, weights: Floats | None = None) -> WorstLaw:
    """The greatest mean loss under laws Q whose relative entropy to the scenarios' own, KL(Q‖P), is
    at most ``radius``: inf over t > 0 of (radius + log E_P e^{tL})/t, reached at Q ∝ P·e^{tL}.

    ``losses`` [N] + loss with probabilities ``weights`` [N], equal without. Any t gives a bound
    from above, so rounding never lowers it; the bound is never above the greatest loss. Raises
    BadParameter for a radius below 0, BadNumber for losses that are not finite. Source: Breuer and
    Csiszár (2013), Systematic stress tests with entropic plausibility constraints.
    """
    given = np.full(losses.size, 1.0 / max(1, losses.size)) if weights is None else weights
    sound = losses.ndim == 1 and losses.size > 0 and given.shape == losses.shape
    if not (sound and bool(np.isfinite(losses).all()) and bool((given > 0.0).all())):
        raise BadNumber(
            "no losses, losses that are not finite, or probabilities that are not above 0",
            where="worst law",
            remedy="Give one finite loss, and one probability above 0, for every scenario.",
        )
    if not 0.0 <= radius < math.inf:
        raise BadParameter(
            f"a relative entropy of {radius}", where="worst law", remedy="Give one of at least 0."
        )
    given = given / given.sum()
    greatest = float(losses.max())
    shortfall = losses - greatest
    spread = -float(shortfall.min())
    if radius == 0.0 or spread == 0.0:
        return WorstLaw(given, weighted_sum(given, losses))
    at_greatest = np.where(shortfall == 0.0, given, 0.0)
    if -math.log(at_greatest.sum()) <= radius:
        return WorstLaw(at_greatest / at_greatest.sum(), greatest)
    low, high = _LOG_TILTS
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        _, entropy, _ = _tilted(shortfall / spread, given, math.exp(middle))
        low, high = (middle, high) if entropy < radius else (low, middle)
    tilt = math.exp(high)
    law, _, log_mean = _tilted(shortfall / spread, given, tilt)
    return WorstLaw(law, min(greatest, greatest + spread * (radius + log_mean) / tilt))


def _tilted(shortfall: Floats, given: Floats, tilt: float) -> tuple[Floats, float, float]:
    """Q ∝ P·e^{t·x} of x ≤ 0, its relative entropy to P, and log E_P e^{t·x}."""
    lifted = given * np.exp(tilt * shortfall)
    total = float(lifted.sum())
    law = lifted / total
    # Of a small tilt the logarithm is read from what is missing to 1, which keeps its digits.
    missing = weighted_sum(given, np.expm1(tilt * shortfall))
    log_mean = math.log(total) if tilt > 1.0 else math.log1p(missing)
    return law, tilt * weighted_sum(law, shortfall) - log_mean, log_mean


def _root(delta: Floats, gamma: Floats, covariance: Floats, radius: float) -> Floats:
    """R [F, F] with RRᵀ the covariance. Raises BadParameter for what is no problem."""
    size = delta.size
    shapes = delta.shape == (size,) and gamma.shape == covariance.shape == (size, size)
    finite = shapes and all(bool(np.isfinite(each).all()) for each in (delta, gamma, covariance))
    if not (size and finite and 0.0 < radius < math.inf):
        raise BadParameter(
            "numbers that are not finite, shapes that do not fit, or a radius not above 0",
            where="worst plausible scenario",
            remedy="Give delta [F], gamma and covariance [F, F], and a radius above 0.",
        )
    values, vectors = np.linalg.eigh(0.5 * (covariance + covariance.T))
    lopsided = max(
        float(np.abs(gamma - gamma.T).max()) / max(1.0, float(np.abs(gamma).max())),
        float(np.abs(covariance - covariance.T).max()) / max(float(values.max()), 1e-300),
    )
    if lopsided > 1e-9 or values[0] < -1e-9 * max(values[-1], 0.0) or values[-1] <= 0.0:
        raise BadParameter(
            "a gamma or covariance that is not symmetric, or a covariance with a negative "
            "eigenvalue",
            where="worst plausible scenario",
            remedy="Give symmetric matrices, and variances that can hold together.",
        )
    return vectors * np.sqrt(np.maximum(values, 0.0))
