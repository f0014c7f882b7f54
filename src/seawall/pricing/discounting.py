"""Discount factors on plain arrays: the interest rate behind them, and what time leaves of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def rate_per_year(discount: ArrayLike, tenor_years: ArrayLike) -> Floats:
    """The continuously compounded rate r of D = e^{−rT}, any shape; 0 where T is 0.

    Discount factors are > 0.
    """
    log_discount, tenor = np.broadcast_arrays(np.log(discount), np.asarray(tenor_years, float))
    return -np.divide(log_discount, tenor, out=np.zeros(tenor.shape), where=tenor > 0.0)


def discount_left(discount: ArrayLike, tenor_years: ArrayLike, left_years: ArrayLike) -> Floats:
    """What a discount factor to T becomes when ``left_years`` of T are left, at its own rate.

    D^(left/T), any shape; exactly ``discount`` when all of T is left, and 1 when none is.
    """
    tenor, left = np.asarray(tenor_years, float), np.asarray(left_years, float)
    at_rate = np.exp(-rate_per_year(discount, tenor) * left)
    return np.where(left == tenor, discount, at_rate)
