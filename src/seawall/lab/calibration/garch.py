"""Volatility of tomorrow by GARCH and GJR-GARCH with t innovations, an option beside the EWMA."""

from __future__ import annotations

import math
import warnings
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import CalibrationFailed, PoorHistory

Floats = NDArray[np.float64]
LEAST_DAYS = 250


class GarchFit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fitted model: ``vol_rel`` forecast for the next day, ``long_run_vol_rel`` to which it
    returns, ``nu`` of the innovations, ``persistence`` α + β (+ γ/2).
    """

    vol_rel: float
    long_run_vol_rel: float
    nu: float
    persistence: float


def garch_vol(log_return: Floats, kind: Literal["garch", "gjr"], underlying: str) -> GarchFit:
    """σ²ₜ = ω + α·r²ₜ₋₁ (+ γ·r²ₜ₋₁ of falls) + β·σ²ₜ₋₁, by maximum likelihood; mean zero.

    ``log_return`` of days, shape [n]. Sources: Bollerslev (1987); Glosten, Jagannathan and Runkle
    (1993). Raises PoorHistory for fewer than 250 days, CalibrationFailed for a search that does
    not converge and for a variance that does not return.
    """
    if log_return.size < LEAST_DAYS:
        raise PoorHistory(
            f"{log_return.size} days of returns, and {kind} needs {LEAST_DAYS}",
            where=f"price history of {underlying}",
            remedy='Give a longer history, or set volatility = "ewma".',
        )
    from arch import arch_model

    # Per cent: the search is badly scaled on plain returns.
    model: Any = arch_model(
        100.0 * log_return, mean="Zero", p=1, o=int(kind == "gjr"), q=1, dist="t", rescale=False
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what they say stands in convergence_flag
        fit: Any = model.fit(disp="off", show_warning=False)
    found = {name: float(value) for name, value in fit.params.items()}
    persistence = found["alpha[1]"] + found["beta[1]"] + found.get("gamma[1]", 0.0) / 2.0
    variance = float(fit.forecast(horizon=1, reindex=False).variance.to_numpy()[0, 0])
    sound = all(math.isfinite(number) for number in (*found.values(), variance))
    if fit.convergence_flag != 0 or not sound or not persistence < 1.0 or variance <= 0.0:
        raise CalibrationFailed(
            f"{kind} did not converge (flag {fit.convergence_flag}, persistence {persistence:.4f})",
            where=f"price history of {underlying}",
            remedy='Look for errors in the history, or set volatility = "ewma".',
        )
    return GarchFit(
        vol_rel=math.sqrt(variance) / 100.0,
        long_run_vol_rel=math.sqrt(found["omega"] / (1.0 - persistence)) / 100.0,
        nu=found["nu"],
        persistence=persistence,
    )
