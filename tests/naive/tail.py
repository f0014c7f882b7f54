"""Tail measures of docs/risk-measures.md as loops over losses."""

from __future__ import annotations

import math


def value_at_risk(losses, confidence, weights=None):
    """The least of the losses that those beyond it outweigh by no more than 1 − confidence."""
    weights = weights or [1.0 / len(losses)] * len(losses)
    for level in sorted(losses):
        beyond = math.fsum(w for x, w in zip(losses, weights, strict=True) if x > level)
        if beyond <= 1.0 - confidence + 1e-12:
            return level
    raise AssertionError


def expected_shortfall(losses, confidence, weights=None):
    """Losses from the greatest down, as much of each as still fits into 1 − confidence."""
    weights = weights or [1.0 / len(losses)] * len(losses)
    left = tail = 1.0 - confidence
    total = 0.0
    for loss, weight in sorted(zip(losses, weights, strict=True), reverse=True):
        taken = min(weight, left)
        total += taken * loss
        left -= taken
    return total / tail


def path_worst(pnl):
    """The greatest loss on each path, of which the start is a point."""
    return [max(0.0, *(-point for point in path)) for path in pnl]


def long_run_variance(series, lag):
    """Newey and West (1987): autocovariances to a lag, each with less weight."""
    n = len(series)
    mean = math.fsum(series) / n
    total = 0.0
    for k in range(lag + 1):
        products = ((series[i] - mean) * (series[i + k] - mean) for i in range(n - k))
        covariance = math.fsum(products) / n
        total += covariance * (1.0 if k == 0 else 2.0 * (1.0 - k / (lag + 1)))
    return total
