"""Estimates from daily moves, each at every day from what was known by its end.

Formulas and sources: docs/calibration.md.
"""

from __future__ import annotations

from bisect import insort

import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import CalibrationFailed

Floats = NDArray[np.float64]


def ewma(values: Floats, decay: float, warm_up: int) -> Floats:
    """x̄ₜ = λ·x̄ₜ₋₁ + (1−λ)·xₜ, begun at the mean of the first ``warm_up`` values; shape [n].

    NaN before the last of those. Source: RiskMetrics, Technical Document (1996), §5.2.
    """
    out = np.full(values.size, np.nan)
    if values.size < warm_up:
        return out
    level = float(values[:warm_up].mean())
    out[warm_up - 1] = level
    for place, value in enumerate(values[warm_up:].tolist(), start=warm_up):
        level = decay * level + (1.0 - decay) * value
        out[place] = level
    return out


def ewma_kurtosis(log_return: Floats, vol: Floats, decay: float, warm_up: int) -> Floats:
    """Kurtosis of zₜ = rₜ/σₜ₋₁ by exponential averages, ‹z⁴›/‹z²›²; shape [n].

    ``vol`` has shape [n], NaN while it warms up; the kurtosis then needs ``warm_up`` days more and
    is NaN before. The division by ‹z²›² takes out a volatility that is too low or too high.
    """
    out = np.full(log_return.size, np.nan)
    known = np.flatnonzero(np.isfinite(vol[:-1])) + 1
    if known.size:
        z = log_return[known] / vol[known - 1]
        fourth, second = ewma(z**4, decay, warm_up), ewma(z**2, decay, warm_up)
        out[known] = fourth / np.square(second)
    return out


def tail_index(kurtosis: Floats, least: float, most: float) -> Floats:
    """ν = 4 + 6/(κ − 3): the t distribution of that kurtosis, bounded; same shape.

    A t has κ = 3 + 6/(ν − 4) for ν > 4, so no kurtosis speaks for ν ≤ 4. Thin tails (κ ≤ 3) give
    ``most``; NaN gives ``least``, the fattest tail.
    """
    excess = np.maximum(kurtosis - 3.0, 1e-12)
    return np.where(np.isnan(kurtosis), least, np.clip(4.0 + 6.0 / excess, least, most))


def path_quantile(confidence: float, nu: Floats) -> Floats:
    """How many standard deviations the worst point of a path stays within; same shape as ``nu``.

    The quantile of a t of unit variance at 1 − (1−p)/2: by the reflection principle a path without
    drift passes a level twice as often as it ends beyond it.
    """
    # The function costs nothing beside the import of all of scipy.stats.
    from scipy.special import stdtrit

    at = 1.0 - (1.0 - confidence) / 2.0
    return np.asarray(stdtrit(nu, at) * np.sqrt((nu - 2.0) / nu), dtype=np.float64)


def path_worst_moves(close: Floats, high: Floats, low: Floats, horizon: int) -> Floats:
    """The worst move either way within ``horizon`` days after each day's close; shape [n, 2].

    Up and down, shares of the close, both ≥ 0; NaN where the horizon reaches beyond the last day.
    """
    moves = np.full((close.size, 2), np.nan)
    if close.size > horizon:
        windows = np.lib.stride_tricks.sliding_window_view
        highest = windows(high[1:], horizon).max(axis=1)
        lowest = windows(low[1:], horizon).min(axis=1)
        start = close[: highest.size]
        moves[: highest.size, 0] = np.maximum(highest / start - 1.0, 0.0)
        moves[: highest.size, 1] = np.maximum(1.0 - lowest / start, 0.0)
    return moves


def expanding_quantile(values: Floats, confidence: float, lag: int, least: int) -> Floats:
    """The quantile of what was known at each place, the values ``lag`` places ago and before; [n].

    The next larger order statistic, never one between two; NaN while fewer than ``least`` are
    known. NaNs are not counted.
    """
    out = np.full(values.size, np.nan)
    known: list[float] = []
    for place in range(lag, values.size):
        value = float(values[place - lag])
        if not np.isnan(value):
            insort(known, value)
        if len(known) >= least:
            out[place] = known[min(int(np.ceil(confidence * len(known))), len(known)) - 1]
    return out


def trailing_mean(values: Floats, window: int, least: int) -> Floats:
    """Mean of the last ``window`` values, of fewer while there are ``least``, else NaN; [n]."""
    total = np.append(0.0, np.cumsum(values))
    upto = np.arange(1, values.size + 1)
    since = np.maximum(upto - window, 0)
    means = (total[upto] - total[since]) / (upto - since)
    return np.where(upto >= least, means, np.nan)


def trailing_max(values: Floats, window: int) -> Floats:
    """Largest of the last ``window`` values, NaNs left out; NaN where all are; shape [n]."""
    filled = np.where(np.isnan(values), -np.inf, values)
    if window >= values.size:
        peaks = np.maximum.accumulate(filled)
    else:
        padded = np.append(np.full(window - 1, -np.inf), filled)
        peaks = np.lib.stride_tricks.sliding_window_view(padded, window).max(axis=1)
    return np.where(np.isfinite(peaks), peaks, np.nan)


def require_moves(variance: Floats, underlying: str) -> None:
    """Raises CalibrationFailed where a volatility that is known is zero."""
    if bool((variance[~np.isnan(variance)] <= 0.0).any()):
        raise CalibrationFailed(
            "a volatility of zero: the prices never move",
            where=f"price history of {underlying}",
            remedy="Give prices that were traded; a constant series says nothing of risk.",
        )
