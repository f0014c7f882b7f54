"""Fits of raw SVI slices.

Arrays: ``log_moneyness`` and ``vol`` [N, n], strikes by slice and what they are quoted at; ``days``
[N] to expiry, whole, of years of 365. Each strike counts alike, in errors of volatility. The answer
is the fitted volatility at the strikes, [N, n].
"""

from __future__ import annotations

import math

import numpy as np

from benchmarks.peers.prepared import Arrays, Floats, Peers, Prepared

FORWARD = 100.0


def quantlib(given: Arrays) -> Prepared:
    """QuantLib's SviInterpolatedSmileSection."""
    import QuantLib

    today = QuantLib.Date(1, 1, 2026)
    QuantLib.Settings.instance().evaluationDate = today
    slices = [
        (today + int(days), FORWARD * np.exp(k), vol)
        for days, k, vol in zip(given["days"], given["log_moneyness"], given["vol"], strict=True)
    ]

    def fitted(date: QuantLib.Date, strikes: Floats, vol: Floats) -> list[float]:
        at_the_money = float(np.interp(FORWARD, strikes, vol))
        level = at_the_money**2 * (date - today) / 365.0
        start = (0.5 * level, 0.2, 0.2, -0.2, 0.0)
        section = QuantLib.SviInterpolatedSmileSection(
            date, FORWARD, strikes.tolist(), False, at_the_money, vol.tolist(), *start,
            False, False, False, False, False, False,
        )  # fmt: skip
        return [section.volatility(strike) for strike in strikes.tolist()]

    return Prepared(lambda: np.array([fitted(*each) for each in slices]))


def scipy_least_squares(given: Arrays) -> Prepared:
    """scipy.optimize.least_squares on the five numbers, from one start."""
    from scipy.optimize import least_squares

    def total_variance(numbers: Floats, k: Floats) -> Floats:
        a, b, rho, m, sigma = numbers
        return a + b * (rho * (k - m) + np.sqrt((k - m) ** 2 + sigma**2))

    def fitted(days: int, k: Floats, vol: Floats) -> Floats:
        tenor = days / 365.0
        w, weight = vol**2 * tenor, 0.5 / (vol * tenor)
        start = (0.5 * float(w.min()), 0.2 * math.sqrt(tenor), -0.2, 0.0, 0.2)
        bounds = ((-1.0, 0.0, -0.999, -2.0, 1e-3), (2.0, 2.0, 0.999, 2.0, 5.0))
        found = least_squares(
            lambda numbers: weight * (total_variance(numbers, k) - w), start, bounds=bounds
        )
        return np.sqrt(total_variance(found.x, k) / tenor)

    slices = list(zip(given["days"].tolist(), given["log_moneyness"], given["vol"], strict=True))
    return Prepared(lambda: np.array([fitted(*each) for each in slices]))


PEERS: Peers = {
    "QuantLib SviInterpolatedSmileSection": quantlib,
    "scipy.optimize.least_squares": scipy_least_squares,
}
