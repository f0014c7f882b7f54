"""Value at risk and expected shortfall of losses by scenario, and how sure they are.

Losses are positive, in any unit; a confidence of 0.99 leaves the worst 1 % as the tail.
docs/risk-measures.md tells the formulas and their sources.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import BadNumber, BadParameter

Floats = NDArray[np.float64]
Measure = Literal["var", "es"]

# A sum of weights is not told apart from the tail when they differ by rounding alone.
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class TailEstimate:
    """A tail measure with what the sample leaves open; all in the unit of the losses.

    ``low`` and ``high`` bound it at the interval asked for. ``effective_count`` is how many
    independent scenarios would tell as much. ``is_resolved`` is False where so few of them may well
    have none in the tail: the truth may then lie beyond the greatest loss.
    """

    value: float
    standard_error: float
    low: float
    high: float
    effective_count: float
    is_resolved: bool


def value_at_risk(losses: Floats, confidence: float, weights: Floats | None = None) -> float:
    """The least of the losses [N] that losses beyond it outweigh by no more than 1 − confidence.

    So at most (1 − confidence)·N of equally likely losses exceed it. ``weights`` [N] add up to 1;
    equal without. Raises BadParameter for a confidence not between 0 and 1, BadNumber for losses or
    weights that are not finite, negative weights, and for no losses.
    """
    return weighted_sum(tail_weights(losses, confidence, "var", weights), losses)


def expected_shortfall(losses: Floats, confidence: float, weights: Floats | None = None) -> float:
    """The mean of the worst 1 − confidence of the losses [N], the one at the boundary in part.

    It is coherent whatever the losses. Arguments and errors as of :func:`value_at_risk`. Source:
    Acerbi and Tasche (2002), On the coherence of expected shortfall.
    """
    return weighted_sum(tail_weights(losses, confidence, "es", weights), losses)


def tail_weights(
    losses: Floats, confidence: float, measure: Measure, weights: Floats | None = None
) -> Floats:
    """How much each loss counts in a tail measure: shape [N], adding up to 1, measure = w @ losses.

    As the measure is the same sum over the parts of a loss, w @ part is its exact Euler share. Of
    equal losses the earlier ones count first. Arguments and errors as of :func:`value_at_risk`.
    """
    given = _weights(losses, confidence, weights)
    tail = 1.0 - confidence
    order = np.argsort(-losses, kind="stable")
    through = np.cumsum(given[order])
    out = np.zeros(losses.size)
    if measure == "var":
        boundary = int(np.searchsorted(through, tail + _ROUNDING, side="right"))
        out[order[min(boundary, losses.size - 1)]] = 1.0
        return out
    before = np.append(0.0, through[:-1])
    taken = np.clip(tail - before, 0.0, given[order])
    out[order] = taken / taken.sum()
    return out


def path_worst(pnl: Floats) -> Floats:
    """The greatest loss on each path of PnL [N, P] in USD, + gain; shape [N], at least 0.

    The start of the path, where nothing has been lost, is a point of it.
    """
    return np.maximum(0.0, -pnl.min(axis=1))


def tail_estimate(
    losses: Floats,
    confidence: float,
    measure: Measure,
    *,
    weights: Floats | None = None,
    overlap: int = 1,
    interval: float = 0.95,
) -> TailEstimate:
    """A tail measure with its standard error and interval.

    The losses [N] are in order of time where windows overlap: one shares bars with ``overlap`` − 1
    on either side, and the effective number is what Newey and West's long-run variance over twice
    as many leaves. The interval of VaR is that of the order statistics (Woodruff 1952; the number
    in the tail is binomial), the error of ES that of its influence function L ↦ VaR + (L − VaR)⁺/
    (1 − confidence). Raises what :func:`value_at_risk` does.
    """
    given = _weights(losses, confidence, weights)
    if overlap < 1 or not 0.0 < interval < 1.0:
        raise BadParameter(
            f"an overlap of {overlap} and an interval of {interval}",
            where="tail measure",
            remedy="Give an overlap of at least 1 and an interval between 0 and 1.",
        )
    tail = 1.0 - confidence
    var = value_at_risk(losses, confidence, given)
    if measure == "var":
        influence = (losses > var).astype(np.float64)
    else:
        influence = np.maximum(losses - var, 0.0) / tail
    centred = influence - weighted_sum(given, influence)
    count = _effective_count(centred, given, 0 if overlap == 1 else 2 * (overlap - 1))
    fewest, most = _binomial_bounds(count, tail, interval)
    if measure == "var":
        value = var
        # Of the losses beyond the true VaR there are as many as these, or one more.
        low = _quantile(losses, given, most / count)
        high = _quantile(losses, given, (fewest - 1.0) / count)
        deviation = math.sqrt(tail * confidence / count)
        further = _quantile(losses, given, tail - deviation)
        error = 0.5 * (further - _quantile(losses, given, tail + deviation))
    else:
        value = expected_shortfall(losses, confidence, given)
        error = math.sqrt(weighted_sum(given, np.square(centred)) / count)
        reach = error * NormalDist().inv_cdf(0.5 + 0.5 * interval)
        low, high = value - reach, value + reach
    return TailEstimate(value, error, low, high, count, fewest > 0)


def _weights(losses: Floats, confidence: float, weights: Floats | None) -> Floats:
    """The weights of the losses, adding up to 1; raises what value_at_risk does."""
    if not 0.0 < confidence < 1.0:
        raise BadParameter(
            f"a confidence of {confidence}",
            where="tail measure",
            remedy="Give one between 0 and 1, such as 0.99.",
        )
    given = np.ones(losses.size) if weights is None else weights
    sound = losses.ndim == 1 and given.shape == losses.shape and losses.size > 0
    if not (sound and bool(np.isfinite(losses).all()) and bool((given >= 0.0).all())):
        raise BadNumber(
            "no losses, losses that are not finite, or weights that do not belong to them",
            where="tail measure",
            remedy="Give one finite loss, and one weight of at least 0, for every scenario.",
        )
    total = float(given.sum())
    if not 0.0 < total < math.inf:
        raise BadNumber(
            f"weights that add up to {total}",
            where="tail measure",
            remedy="Give finite weights, not all 0.",
        )
    return given / total


def _quantile(losses: Floats, weights: Floats, tail: float) -> float:
    """VaR at 1 − tail; the greatest loss where nothing is left of the tail, the least for all."""
    if tail <= 0.0:
        return float(losses.max())
    return float(losses.min()) if tail >= 1.0 else value_at_risk(losses, 1.0 - tail, weights)


def _binomial_bounds(count: float, tail: float, interval: float) -> tuple[int, int]:
    """Between which numbers of ``count`` independent losses lie in the tail, by chance."""
    from scipy.special import bdtr

    whole = max(1, math.floor(count + _ROUNDING * count))
    at_most = np.asarray(bdtr(np.arange(whole + 1.0), whole, tail))
    fewest, most = np.searchsorted(at_most, [0.5 - 0.5 * interval, 0.5 + 0.5 * interval])
    return int(fewest), int(most)


def _effective_count(centred: Floats, weights: Floats, lag: int) -> float:
    """How many independent losses tell as much as these, N of equal weight without overlap.

    Unequal weights count as Kish's (Σw)²/Σw²; dependence divides by long-run over plain variance.
    Losses that follow each other against the trend are not taken for more than they are.
    """
    count = 1.0 / float(np.square(weights).sum())
    plain = float(np.square(centred).mean())
    if lag == 0 or plain == 0.0:
        return count
    return max(1.0, count * min(1.0, plain / long_run_variance(centred, lag)))


def long_run_variance(series: Floats, lag: int) -> float:
    """N times the variance of the mean of a dependent series [N], autocovariances up to ``lag``.

    With Bartlett's weights 1 − k/(lag + 1), so that it is never negative. Source: Newey and West
    (1987).
    """
    centred = series - series.mean()
    count = centred.size
    total = weighted_sum(centred, centred)
    for k in range(1, min(lag, count - 1) + 1):
        total += 2.0 * (1.0 - k / (lag + 1)) * weighted_sum(centred[k:], centred[:-k])
    return total / count


def weighted_sum(one: Floats, other: Floats) -> float:
    """Σ one·other of shapes [N]; not by BLAS, whose long sums depend on how many threads share."""
    return float((one * other).sum())
