"""Correlation matrices: what one must be, its root, and stressed ones that stay one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import BadParameter

Floats = NDArray[np.float64]

# Of a matrix that was typed in: how far from symmetric, and how negative an eigenvalue may be.
_TYPED = 1e-8


def root_of(correlation: Floats, size: int) -> Floats:
    """R [U, U] with R·Rᵀ = ``correlation``, which may be singular; of standard normals z [U] the
    product R·z has that correlation.

    Raises BadParameter for a matrix that is not [size, size], finite, symmetric, with 1 on the
    diagonal and no eigenvalue below 0.
    """
    where = "correlation"
    if correlation.shape != (size, size) or not np.isfinite(correlation).all():
        raise BadParameter(
            f"a matrix of shape {correlation.shape}, or with numbers that are not finite",
            where=where,
            remedy=f"Give finite numbers of shape ({size}, {size}).",
        )
    askew = np.abs(correlation - correlation.T).max()
    off = np.abs(np.diagonal(correlation) - 1.0).max()
    values, vectors = np.linalg.eigh(0.5 * (correlation + correlation.T))
    if askew > _TYPED or off > _TYPED or values.min() < -_TYPED:
        raise BadParameter(
            f"a matrix that is not symmetric, has a diagonal other than 1 or an eigenvalue of "
            f"{values.min():.3g}",
            where=where,
            remedy="Give correlations that can hold together; blend them with the identity.",
        )
    return vectors * np.sqrt(np.maximum(values, 0.0))


def with_volatilities(correlation: Floats, price_and_vol: float) -> Floats:
    """The correlation [2U, 2U] of prices, then volatilities, from that of prices [U, U].

    Volatilities are correlated as their prices are, and each with its own price by
    ``price_and_vol``: a Kronecker product, which stays positive semidefinite.
    """
    pair = np.array([[1.0, price_and_vol], [price_and_vol, 1.0]])
    return np.kron(pair, correlation).astype(np.float64)


def blend_with_identity(correlation: Floats, weight: float) -> Floats:
    """weight·C + (1 − weight)·I: hedges across underlyings fail. Raises BadParameter.

    Of weights from 0 to 1 it stays positive semidefinite, which a shift of each entry does not.
    """
    return _blend(correlation, np.eye(len(correlation)), weight)


def blend_with_ones(correlation: Floats, weight: float) -> Floats:
    """weight·C + (1 − weight)·11ᵀ: everything falls together. Raises BadParameter."""
    return _blend(correlation, np.ones_like(correlation), weight)


def _blend(correlation: Floats, extreme: Floats, weight: float) -> Floats:
    if not 0.0 <= weight <= 1.0:
        raise BadParameter(
            f"a weight of {weight}",
            where="blend of correlations",
            remedy="Give one from 0 to 1: beyond it the blend may be no correlation.",
        )
    root_of(correlation, len(correlation))
    return weight * correlation + (1.0 - weight) * extreme
