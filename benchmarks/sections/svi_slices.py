"""Fits of SVI slices beside peers."""

from __future__ import annotations

import numpy as np

from benchmarks.frame import Effort, Floats, Job, Ours, measure, peer
from benchmarks.record import Section
from benchmarks.sections.risk_arrays import Arrays
from seawall.pricing.svi import ssvi_slice
from seawall.pricing.svi_fit import fit_svi

KEY, OURS = "svi", "seawall"
STRIKES = 25
# Quotes are off the slice by so much; fits of them may differ from each other by a part of it.
NOISE_VOL, TOLERANCE_VOL = 5e-4, 5e-4


def quotes(slices: int, seed: int = 10) -> Arrays:
    """Slices free of arbitrage with quotes about them, over two deviations either side."""
    rng = np.random.default_rng(seed)
    days = rng.integers(7, 700, slices)
    tenor = days / 365.0
    theta = rng.uniform(0.3, 1.0, slices) ** 2 * tenor
    k = np.sqrt(theta)[:, None] * np.linspace(-2.0, 2.0, STRIKES)
    true = np.stack(
        [
            ssvi_slice(float(level), float(rho), float(0.8 / np.sqrt(level))).total_variance(row)
            for level, rho, row in zip(theta, rng.uniform(-0.5, 0.2, slices), k, strict=True)
        ]
    )
    vol = np.sqrt(true / tenor[:, None]) + rng.normal(0.0, NOISE_VOL, true.shape)
    return {"days": days, "log_moneyness": k, "vol": vol}


def fitted(given: Arrays) -> Floats:
    """Ours: volatility at the strikes, each counting alike in errors of volatility."""
    vol, tenor = given["vol"], (given["days"] / 365.0)[:, None]
    total, weight = vol**2 * tenor, (0.5 / (vol * tenor)) ** 2
    out = np.empty_like(vol)
    for i, k in enumerate(given["log_moneyness"]):
        found = fit_svi(k, total[i], weight[i]).slice
        assert found is not None, f"slice {i} was not fitted"
        out[i] = np.sqrt(found.total_variance(k) / tenor[i])
    return out


def sections(effort: Effort) -> list[Section]:
    """One section: microseconds per slice, with the volatilities of its strikes read back."""
    slices = 3 if effort.quick else 100
    given = quotes(slices)
    job = Job(
        key=KEY,
        title=f"SVI fit, {slices} slices of {STRIKES} strikes",
        unit="us per slice",
        scale=1e6 / slices,
        tolerance=TOLERANCE_VOL,
    )
    peers = [
        peer("QuantLib SviInterpolatedSmileSection", "svi_slices", effort),
        peer("scipy.optimize.least_squares", "svi_slices", effort),
    ]
    return [measure(job, [Ours(OURS, lambda: fitted(given)), *peers], given, effort)]
