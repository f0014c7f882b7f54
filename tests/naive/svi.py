"""SVI as the paper writes it, one strike at a time; arbitrage by scanning; the surface by loops."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

Raw = tuple[float, float, float, float, float]


def total_variance(k: float, raw: Raw) -> float:
    a, b, rho, m, sigma = raw
    return a + b * (rho * (k - m) + math.sqrt((k - m) ** 2 + sigma**2))


def first_derivative(k: float, raw: Raw) -> float:
    _, b, rho, m, sigma = raw
    return b * (rho + (k - m) / math.sqrt((k - m) ** 2 + sigma**2))


def second_derivative(k: float, raw: Raw) -> float:
    _, b, _, m, sigma = raw
    return b * sigma**2 / ((k - m) ** 2 + sigma**2) ** 1.5


def g(k: float, raw: Raw) -> float:
    w, w1, w2 = total_variance(k, raw), first_derivative(k, raw), second_derivative(k, raw)
    return (1.0 - k * w1 / (2.0 * w)) ** 2 - w1**2 / 4.0 * (1.0 / w + 0.25) + w2 / 2.0


def ssvi(k: float, theta: float, rho: float, phi: float) -> float:
    return theta / 2.0 * (1.0 + rho * phi * k + math.sqrt((phi * k + rho) ** 2 + 1.0 - rho**2))


def negative_points(
    function: Callable[[float], float], low: float, high: float, points: int
) -> list[float]:
    """The points of an even grid at which the function is below zero."""
    grid = [low + (high - low) * i / (points - 1) for i in range(points)]
    return [k for k in grid if function(k) < 0.0]


def interpolate(x: float, xs: Sequence[float], ys: Sequence[float]) -> float:
    """Linear between the points, flat beyond; ``xs`` ascending."""
    if x <= xs[0]:
        return ys[0]
    for i in range(1, len(xs)):
        if x <= xs[i]:
            share = (x - xs[i - 1]) / (xs[i] - xs[i - 1])
            return ys[i - 1] + share * (ys[i] - ys[i - 1])
    return ys[-1]


def smile_variance(k: float, raw: Raw, listed_k: Sequence[float], listed_w: Sequence[float]):
    """A slice scaled so that it passes through what is listed."""
    ratios = [w / total_variance(x, raw) for x, w in zip(listed_k, listed_w, strict=True)]
    return total_variance(k, raw) * interpolate(k, listed_k, ratios)


def variance_in_time(tenor: float, tenors: Sequence[float], variances: Sequence[float]) -> float:
    """Total variance of a tenor from those of the listed ones at one log-moneyness."""
    if tenor <= tenors[0]:
        return variances[0] * tenor / tenors[0]
    if tenor <= tenors[-1]:
        return interpolate(tenor, tenors, variances)
    if len(tenors) == 1:
        return variances[0] * tenor / tenors[0]
    rate = (variances[-1] - variances[-2]) / (tenors[-1] - tenors[-2])
    return variances[-1] + max(rate, 0.0) * (tenor - tenors[-1])
