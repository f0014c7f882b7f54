"""How closely underlyings move together at least: shrunk estimates and their lower bounds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from seawall.basics.arrays import freeze, pickled
from seawall.basics.errors import CalibrationFailed, PoorHistory
from seawall.lab.calibration.days import Days
from seawall.lab.calibration.settings import CorrelationSettings

Floats = NDArray[np.float64]
# An eigenvalue this far below zero is rounding.
_ROUNDING = -1e-12


@dataclass(frozen=True, slots=True)
class Correlations:
    """Estimates for the pairs of ``names``; arrays have shape [n, n] and are read-only.

    ``shrunk`` is the lower of the exponential and the rolling estimate of each pair after
    shrinkage, ``lower`` the lower of their confidence bounds, both at most what the repaired matrix
    says. ``repair`` tells what was done to a matrix that was none of correlations, empty if
    nothing.
    """

    names: tuple[str, ...]
    shrunk: Floats
    lower: Floats
    repair: str

    __reduce__ = pickled

    def __post_init__(self) -> None:
        freeze(self, len(self.names), len(self.names))

    def lower_of(self, one: str, other: str) -> float:
        """The bound of a pair, not below zero: a bound below gives no credit."""
        return max(0.0, float(self.lower[self.names.index(one), self.names.index(other)]))


def correlations(days: Mapping[str, Days], settings: CorrelationSettings) -> Correlations:
    """Correlations of daily log returns, each pair on the days that both have.

    Raises PoorHistory for a pair with fewer than ``least_days`` together, CalibrationFailed for a
    constant series and a matrix too far from one of correlations.
    """
    names = tuple(days)
    shrunk, lower = np.eye(len(names)), np.eye(len(names))
    for i, j in combinations(range(len(names)), 2):
        returns = _together(days[names[i]], days[names[j]], settings.least_days)
        recent = returns[-settings.rolling_days :]
        ages = np.arange(len(returns), dtype=np.float64)[::-1]
        found = [
            _bounded(recent, np.ones(len(recent)), settings, names[i], names[j]),
            _bounded(returns, np.power(settings.decay, ages), settings, names[i], names[j]),
        ]
        shrunk[i, j] = shrunk[j, i] = min(rho for rho, _ in found)
        lower[i, j] = lower[j, i] = min(bound for _, bound in found)
    repaired, repair = nearest_correlation(shrunk, names, settings.least_eigenvalue)
    return Correlations(
        names=names,
        shrunk=np.minimum(shrunk, repaired),
        lower=np.minimum(lower, repaired),
        repair=repair,
    )


def _together(one: Days, other: Days, least: int) -> Floats:
    """Daily log returns of both on their common days, shape [n, 2]."""
    common, here, there = np.intersect1d(one.end_ns, other.end_ns, return_indices=True)
    if common.size < least + 1:
        raise PoorHistory(
            f"{common.size} days in common, and {least + 1} are needed",
            where=f"price histories of {one.underlying} and {other.underlying}",
            remedy="Give longer histories, or ones of the same time.",
        )
    closes = np.stack([one.close[here], other.close[there]], axis=1)
    return np.diff(np.log(closes), axis=0)


def _bounded(
    returns: Floats, weights: Floats, settings: CorrelationSettings, one: str, other: str
) -> tuple[float, float]:
    """Shrunk correlation of a pair and its lower bound: tanh(artanh ρ − z/√(n_eff − 3)).

    n_eff = (Σw)²/Σw². Source: Fisher (1921); the effective number is Kish's.
    """
    from scipy.special import ndtri

    scale = np.sqrt(np.average(np.square(returns), axis=0, weights=weights))
    if not (scale > 0.0).all():
        raise CalibrationFailed(
            "a price that never moves has no correlation",
            where=f"price histories of {one} and {other}",
            remedy="Give prices that were traded.",
        )
    rho = float(shrunk_correlation(returns / scale, weights)[0, 1])
    effective = float(weights.sum() ** 2 / np.square(weights).sum())
    within = min(max(rho, -1.0 + 1e-12), 1.0 - 1e-12)
    bound = math.atanh(within) - float(ndtri(settings.confidence)) / math.sqrt(effective - 3.0)
    return rho, math.tanh(bound)


def shrunk_correlation(standardised: Floats, weights: Floats) -> Floats:
    """(1 − δ)·C + δ·I of returns with mean square one; [n, k] and [n] in, [k, k] out.

    δ = min(1, Σw²‖x·xᵀ − C‖² / ‖C − I‖²), weights of sum one. Source: Ledoit and Wolf, A
    well-conditioned estimator for large-dimensional covariance matrices (2004), with weights; I as
    the target takes credit away and never gives any.
    """
    share = weights / weights.sum()
    sample = np.einsum("t,ti,tj->ij", share, standardised, standardised)
    target = np.eye(len(sample))
    products = standardised[:, :, None] * standardised[:, None, :] - sample
    noise = float((np.square(share) * np.square(products).sum(axis=(1, 2))).sum())
    distance = float(np.square(sample - target).sum())
    intensity = 1.0 if distance <= 0.0 else min(1.0, noise / distance)
    return (1.0 - intensity) * sample + intensity * target


def nearest_correlation(
    matrix: Floats, names: Sequence[str], least_eigenvalue: float = -0.1
) -> tuple[Floats, str]:
    """The nearest matrix of correlations, [n, n], and what was done; itself and "" if it is one.

    Alternating projections with Dykstra's correction: Higham, Computing the nearest correlation
    matrix (2002). Raises CalibrationFailed for one that is not finite, not symmetric, not of unit
    diagonal or with an eigenvalue below ``least_eigenvalue``: that is no rounding but an error.
    """
    least = _least_eigenvalue(matrix, names)
    if least >= _ROUNDING:
        return matrix, ""
    if least < least_eigenvalue:
        raise CalibrationFailed(
            f"no matrix of correlations: its least eigenvalue is {least:.4f}",
            where=f"correlations of {', '.join(names)}",
            remedy="Estimate all pairs on the same days, or correct the one that contradicts.",
        )
    found, correction = matrix.copy(), np.zeros_like(matrix)
    for _ in range(500):
        shifted = found - correction
        values, vectors = np.linalg.eigh(shifted)
        positive = (vectors * np.maximum(values, 0.0)) @ vectors.T
        correction = positive - shifted
        found = positive.copy()
        np.fill_diagonal(found, 1.0)
        if np.abs(found - positive).max() < 1e-10:
            break
    # What is left of the iteration's error is taken out by a little of the identity.
    short = max(0.0, -float(np.linalg.eigvalsh(found)[0]))
    found = (found + short * np.eye(len(found))) / (1.0 + short)
    moved = float(np.abs(found - matrix).max())
    told = f"correlations of {', '.join(names)} contradict each other: least eigenvalue {least:.4f}"
    return found, f"{told}; the nearest matrix differs by {moved:.4f} at most"


def _least_eigenvalue(matrix: Floats, names: Sequence[str]) -> float:
    square = matrix.shape == (len(names), len(names)) and bool(np.isfinite(matrix).all())
    if not (square and np.allclose(matrix, matrix.T) and np.allclose(np.diag(matrix), 1.0)):
        raise CalibrationFailed(
            "no matrix of correlations: it is not finite, symmetric and of unit diagonal",
            where=f"correlations of {', '.join(names)}",
            remedy="Give one row and one column for each name, with ones on the diagonal.",
        )
    return float(np.linalg.eigvalsh(matrix)[0])
