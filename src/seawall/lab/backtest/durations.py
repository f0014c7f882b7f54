"""How long from one exceedance to the next? The Weibull test of durations.

Source: Christoffersen and Pelletier (2004), "Backtesting value-at-risk: a duration-based approach".
Without memory durations are exponential, a Weibull of shape 1; a shape below 1 means clusters.
"""

from __future__ import annotations

from typing import Any, cast

import msgspec
import numpy as np

from seawall.lab.backtest.outcomes import Floats, Hits, Outcome, as_hits, bare, chi_squared

# Shapes that are searched; one at an end of it is said to be.
LEAST_SHAPE, MOST_SHAPE = 0.05, 10.0


class DurationFit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The Weibull of greatest likelihood.

    ``log_likelihood_free`` at ``shape``, ``log_likelihood_flat`` at shape 1; natural logarithms.
    """

    shape: float
    log_likelihood_free: float
    log_likelihood_flat: float


def duration_fit(hits: Hits) -> DurationFit | None:
    """The fit to the steps between exceedances; None of fewer than two exceedances.

    The stretches before the first and after the last are censored where they do not end in an
    exceedance. Raises PoorHistory for no observations.
    """
    hits = as_hits(hits, "durations")
    if hits.sum() < 2:
        return None
    lengths, censored = _durations(hits)

    # scipy's stubs leave the result unknown; scipy.optimize takes a second to import.
    import scipy.optimize as _optimize

    def unlikely(shape: float) -> float:
        return -_log_likelihood(float(shape), lengths, censored)

    found = cast("Any", _optimize).minimize_scalar(
        unlikely,
        bounds=(LEAST_SHAPE, MOST_SHAPE),
        method="bounded",
        options={"xatol": 1e-10},
    )
    shape = float(found.x)
    return DurationFit(
        shape=shape,
        log_likelihood_free=_log_likelihood(shape, lengths, censored),
        log_likelihood_flat=_log_likelihood(1.0, lengths, censored),
    )


def duration_test(hits: Hits) -> Outcome:
    """LR = 2 (free − flat likelihood), chi-squared with one degree. Raises as the fit does."""
    fit = duration_fit(hits)
    words = {
        "test": "Weibull durations",
        "hypothesis": "the time to the next exceedance has no memory",
        "law": "chi-squared, 1 degree of freedom",
    }
    if fit is None:
        note = "There are fewer than two exceedances."
        return bare(**words, observations=int(np.size(hits)), note=note)
    statistic = max(0.0, 2.0 * (fit.log_likelihood_free - fit.log_likelihood_flat))
    edge = fit.shape < 1.001 * LEAST_SHAPE or fit.shape > 0.999 * MOST_SHAPE
    return Outcome(
        **words,
        observations=int(np.size(hits)),
        statistic=statistic,
        p_value=chi_squared(statistic, 1),
        note=f"shape {fit.shape:.4f}{', at the end of what is searched' if edge else ''}",
    )


def _durations(hits: Hits) -> tuple[Floats, Hits]:
    places = np.flatnonzero(hits)
    lengths = [np.diff(places)]
    censored = [np.zeros(places.size - 1, dtype=np.bool_)]
    for cut, length in ((not hits[0], places[0] + 1), (not hits[-1], hits.size - 1 - places[-1])):
        if cut:
            lengths.append(np.array([length]))
            censored.append(np.array([True]))
    return np.concatenate(lengths).astype(np.float64), np.concatenate(censored)


def _log_likelihood(shape: float, lengths: Floats, censored: Hits) -> float:
    """At the best scale a = (ended / Σ dᵇ)^(1/b): a density for what ended, else a survival."""
    powers = lengths**shape
    ended = float((~censored).sum())
    log_scale = np.log(ended / powers.sum()) / shape
    density = np.log(shape) + shape * log_scale + (shape - 1.0) * np.log(lengths)
    return float(density[~censored].sum() - np.exp(shape * log_scale) * powers.sum())
