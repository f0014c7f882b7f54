"""Can an exceedance be foretold from what was known? The dynamic quantile test.

Source: Engle and Manganelli (2004), "CAViaR". The centred hits are regressed on what was known a
step before; under a true model nothing explains them.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from seawall.basics.errors import BadParameter
from seawall.lab.backtest.outcomes import (
    Floats,
    Outcome,
    as_margins,
    as_series,
    bare,
    chi_squared,
    require_rate,
)

# What the hits are regressed on. "hits": a constant and lagged hits. "margin": the margin of the
# day as well (6 regressors at 4 lags). "squared": the last squared loss as well (7).
Regressors = Literal["hits", "margin", "squared"]
# A regressor that the others tell to this many digits adds nothing: a flat margin is a constant.
RANK_REL = 1e-10


def dynamic_quantile(
    losses: Floats,
    margins: Floats,
    rate: float,
    *,
    regressors: Regressors = "margin",
    lags: int = 4,
) -> Outcome:
    """DQ = y'X(X'X)⁻¹X'y / (p(1−p)), y the hits less p; chi-squared with the rank of X degrees.

    Losses and margins have shape [n]. Raises as the series checks do (PoorHistory, BadNumber) and
    BadParameter for an impossible rate, regressors or lags.
    """
    losses, margins = as_series("dynamic quantile", losses=losses, margins=margins)
    as_margins("dynamic quantile", margins)
    require_rate(rate, "dynamic quantile")
    _require_choice(regressors, lags)
    words = {
        "test": f"dynamic quantile, {lags} lags, regressors: {regressors}",
        "hypothesis": f"exceedances of a rate of {rate:.3%} cannot be foretold",
    }
    hits = losses > margins
    if not hits.any() or losses.size <= 2 * (lags + 3):
        note = "There is no exceedance." if not hits.any() else "There are too few observations."
        return bare(**words, law="chi-squared", observations=losses.size, note=note)
    centred = hits.astype(np.float64) - rate
    size = losses.size - lags
    columns: list[Floats] = [np.ones(size)]
    columns += [centred[lags - lag : losses.size - lag] for lag in range(1, lags + 1)]
    if regressors != "hits":
        columns.append(margins[lags:])
    if regressors == "squared":
        columns.append(losses[lags - 1 : -1] ** 2)
    explained, rank = _projected(np.column_stack(columns), centred[lags:])
    statistic = explained / (rate * (1.0 - rate))
    short = len(columns) - rank
    return Outcome(
        **words,
        law=f"chi-squared, {rank} degrees of freedom",
        observations=losses.size,
        statistic=statistic,
        p_value=chi_squared(statistic, rank),
        note=f"{short} regressors are told by the others and do not count." if short else "",
    )


def _projected(columns: Floats, response: Floats) -> tuple[float, int]:
    """The squared length of the response's part in the span of the columns, and their rank."""
    scale = np.sqrt((columns**2).sum(axis=0))
    kept = columns[:, scale > 0.0] / scale[scale > 0.0]
    left, singular, _ = np.linalg.svd(kept, full_matrices=False)
    base = left[:, singular > RANK_REL * singular[0]]
    return float(((base.T @ response) ** 2).sum()), base.shape[1]


def _require_choice(regressors: str, lags: int) -> None:
    if regressors not in ("hits", "margin", "squared") or lags < 1:
        raise BadParameter(
            f"regressors {regressors!r} at {lags} lags",
            where="dynamic quantile",
            remedy='Choose "hits", "margin" or "squared" and at least one lag.',
        )
