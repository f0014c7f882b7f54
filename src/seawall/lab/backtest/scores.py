"""Which of several forecasts is better? Scores, whose mean is least of the true forecast.

Sources: Koenker and Bassett (1978); Fissler and Ziegel (2016), in the zero-homogeneous form of
Patton, Ziegel and Chen (2019); Taylor (2019); Diebold and Mariano (1995); Harvey, Leybourne and
Newbold (1997); Hansen, Lunde and Nason (2011).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

import msgspec
import numpy as np

from seawall.basics.errors import BadNumber, BadParameter
from seawall.lab.backtest.expected_shortfall import forecasts
from seawall.lab.backtest.outcomes import (
    Floats,
    Outcome,
    as_series,
    bare,
    require_rate,
    special,
)
from seawall.lab.backtest.overlap import Kernel, lagged_covariances, require_steps


def quantile_loss(losses: Floats, var: Floats, rate: float) -> Floats:
    """(var − loss)(rate − [loss > var]); shape [n], least on average of the true value at risk.

    Raises PoorHistory for no observations, BadNumber for numbers that are not finite or unlike
    lengths, BadParameter for an impossible rate.
    """
    require_rate(rate, "quantile loss")
    losses, var = as_series("quantile loss", losses=losses, var=var)
    return (var - losses) * (rate - (losses > var).astype(np.float64))


def fz0_score(losses: Floats, var: Floats, es: Floats, rate: float) -> Floats:
    """(loss − var)⁺/(rate·es) + var/es + ln es − 1; shape [n], of both forecasts together.

    Raises as :func:`seawall.lab.backtest.expected_shortfall.forecasts`.
    """
    losses, var, es = forecasts(losses, var, es, rate)
    return np.maximum(losses - var, 0.0) / (rate * es) + var / es + np.log(es) - 1.0


def al_score(losses: Floats, var: Floats, es: Floats, rate: float) -> Floats:
    """−ln((1 − rate)/es) + quantile loss/(rate·es): minus the log of an asymmetric Laplace density.

    Shape [n]; raises as :func:`fz0_score`.
    """
    losses, var, es = forecasts(losses, var, es, rate)
    return -np.log((1.0 - rate) / es) + quantile_loss(losses, var, rate) / (rate * es)


def diebold_mariano(
    first: Floats, second: Floats, *, horizon_steps: int = 1, kernel: Kernel = "flat"
) -> Outcome:
    """Whether two series of scores have one mean; a negative statistic favours the first.

    mean(d) / √(long-run variance/n) with h − 1 lags, times √((n + 1 − 2h + h(h−1)/n)/n), against
    Student's t of n − 1 degrees, two-sided. Raises PoorHistory for no observations, BadNumber for
    numbers that are not finite or unlike lengths, BadParameter for a horizon that is not shorter
    than the series or another kernel.
    """
    first, second = as_series("Diebold-Mariano", first=first, second=second)
    require_steps(horizon_steps)
    size, h = first.size, horizon_steps
    if h >= size:
        raise BadParameter(
            f"a horizon of {h} steps in {size} observations",
            where="Diebold-Mariano",
            remedy="Compare over a period that is longer than the horizon.",
        )
    gaps = first - second
    spread = float(gaps.var()) + lagged_covariances(gaps, h, kernel)
    words = {
        "test": f"Diebold-Mariano with HLN correction, {h - 1} lags, {kernel} kernel",
        "hypothesis": "both forecasts score alike",
        "law": f"Student's t, {size - 1} degrees of freedom, two-sided",
    }
    if spread <= 0.0:
        return bare(**words, observations=size, note="The long-run variance is not positive.")
    corrected = math.sqrt((size + 1.0 - 2.0 * h + h * (h - 1.0) / size) / size)
    statistic = float(gaps.mean()) / math.sqrt(spread / size) * corrected
    return Outcome(
        **words,
        observations=size,
        statistic=statistic,
        p_value=2.0 * float(special.stdtr(size - 1, -abs(statistic))),
    )


class ConfidenceSet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The models that are not told apart from the best at a level, and each model's p-value."""

    level: float
    included: tuple[str, ...]
    p_values: dict[str, float]


def model_confidence_set(
    scores: Floats,
    names: Sequence[str],
    generator: np.random.Generator,
    *,
    level: float = 0.10,
    draws: int = 1_000,
    block_steps: int = 10,
) -> ConfidenceSet:
    """Hansen, Lunde and Nason's set by the range statistic and stationary blocks, of package arch.

    ``scores`` has shape [n, models], lower is better. Raises BadNumber for scores that are not
    finite or do not fit the names, BadParameter for an impossible level.
    """
    require_rate(level, "model confidence set")
    require_steps(block_steps)
    table = np.asarray(scores, dtype=np.float64)
    sound = table.ndim == 2 and table.shape[1] == len(set(names)) == len(names) >= 2
    if not (sound and table.shape[0] > 1 and np.isfinite(table).all()):
        raise BadNumber(
            f"scores of shape {table.shape} for {len(names)} names, or not all finite",
            where="model confidence set",
            remedy="Hand in one column of finite scores for each of two or more unlike names.",
        )

    # arch takes two seconds to import and tells no types.
    from arch import bootstrap as _bootstrap

    chosen = cast("Any", _bootstrap).MCS(
        table, size=level, reps=draws, block_size=block_steps, method="R", seed=generator
    )
    chosen.compute()
    told = chosen.pvalues["Pvalue"]
    return ConfidenceSet(
        level=level,
        included=tuple(names[int(i)] for i in sorted(chosen.included)),
        p_values={name: float(told.loc[i]) for i, name in enumerate(names)},
    )
