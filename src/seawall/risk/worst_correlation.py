"""The correlation, near a given one, at which a portfolio varies most: a semidefinite programme.

docs/risk-measures.md tells the formula and its source.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seawall.basics.arrays import freeze
from seawall.basics.errors import BadParameter, InputError, ModelError
from seawall.risk.correlation import root_of

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class WorstCorrelation:
    """What was found; variances in squares of the unit of the exposures.

    ``correlation`` [U, U], read-only, gives ``variance``; no correlation that is allowed gives more
    than ``variance_bound``, which is what a requirement should take. ``base_variance`` is that of
    the correlation it started from.
    """

    correlation: Floats
    variance: float
    variance_bound: float
    base_variance: float

    def __post_init__(self) -> None:
        freeze(self, *self.correlation.shape)


def worst_correlation(exposures: Floats, correlation: Floats, max_shift: float) -> WorstCorrelation:
    """max xᵀCx over C ⪰ 0, diagonal 1, |C − C₀| ≤ ``max_shift`` entry by entry.

    ``exposures`` x [U] are positions times volatilities, + long; C₀ is ``correlation`` [U, U]. The
    bound is that of the dual: where M − xxᵀ ⪰ 0, no C gives more than Σ max(M·C) over the box. So
    a solver that stops early gives a larger number and never a smaller one.

    Raises BadParameter for a matrix that is no correlation, exposures that are not finite, and a
    shift not between 0 and 2; InputError without the extra ``lab``; ModelError where the solver
    fails.
    """
    size = exposures.size
    if exposures.shape != (size,) or not size or not np.isfinite(exposures).all():
        raise BadParameter(
            "exposures that are not finite, or none",
            where="worst correlation",
            remedy="Give a finite exposure for each row of the correlation.",
        )
    if not 0.0 <= max_shift <= 2.0:
        raise BadParameter(
            f"a shift of {max_shift}", where="worst correlation", remedy="Give one from 0 to 2."
        )
    root_of(correlation, size)
    scale = float(np.abs(exposures).max())
    base = float(exposures @ correlation @ exposures)
    if scale == 0.0 or size == 1:
        return WorstCorrelation(correlation.copy(), base, base, base)
    unit = np.outer(exposures, exposures) / scale**2
    low = np.maximum(correlation - max_shift, -1.0)
    high = np.minimum(correlation + max_shift, 1.0)
    np.fill_diagonal(low, 1.0)
    np.fill_diagonal(high, 1.0)
    found, dual = _solve(unit, low, high)
    # Only a dual matrix without negative eigenvalues proves anything.
    values, vectors = np.linalg.eigh(0.5 * (dual + dual.T))
    above = unit + (vectors * np.maximum(values, 0.0)) @ vectors.T
    bound = scale**2 * float(np.maximum(above * low, above * high).sum())
    variance = float(exposures @ found @ exposures)
    return WorstCorrelation(found, variance, max(bound, variance), base)


def _solve(unit: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """The best correlation, made one to the last digit, and the dual matrix of C ⪰ 0."""
    try:
        cvxpy: Any = import_module("cvxpy")
    except ModuleNotFoundError:
        raise InputError(
            "the worst correlation is found with cvxpy, which is not installed",
            where="worst correlation",
            remedy="Install it: pip install 'seawall[lab]'.",
        ) from None
    matrix = cvxpy.Variable(unit.shape, symmetric=True)
    positive = matrix >> 0
    within = [cvxpy.diag(matrix) == 1, matrix >= low, matrix <= high]
    programme = cvxpy.Problem(cvxpy.Maximize(cvxpy.trace(unit @ matrix)), [positive, *within])
    with suppress(cvxpy.error.SolverError):
        programme.solve(solver="CLARABEL")
    if matrix.value is None or positive.dual_value is None:
        raise ModelError(
            f"the solver found no correlation: {programme.status}",
            where="worst correlation",
            remedy="Look for exposures of very unlike sizes, or give a smaller shift.",
        )
    values, vectors = np.linalg.eigh(np.asarray(matrix.value, dtype=np.float64))
    nearest = (vectors * np.maximum(values, 0.0)) @ vectors.T
    size = np.sqrt(np.diagonal(nearest))
    return nearest / np.outer(size, size), np.asarray(positive.dual_value, dtype=np.float64)
