"""Volatilities known at each day's start; row t uses moves of days before t alone."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from benchmarks.frontier.data import Panel

Floats = NDArray[np.float64]

# Days of history before an estimate is one.
LEAST_DAYS = 250
SEED_DAYS = 30
REFIT_DAYS = 30


def filled(panel: Panel) -> Floats:
    """Moves with the days a coin has none at: those of ETH, else of BTC, else 0; [D, 3, C]."""
    moves = panel.moves.copy()
    for column in (1, 0):
        missing = np.isnan(moves)
        moves = np.where(missing, moves[:, :, column : column + 1], moves)
    return np.nan_to_num(moves)


def vol_moves(panel: Panel) -> Floats:
    """The log change of implied volatility over each day; [D].

    Before its record begins it is that of BTC's EWMA volatility, and 0 where that has none.
    """
    recorded = np.log(panel.vol_ratio[:, -1])
    returns = filled(panel)[:, 0, 0]
    smooth = ewma(returns[:, None], 0.94)[:, 0]
    following = np.append(smooth[1:], smooth[-1:])
    with np.errstate(divide="ignore", invalid="ignore"):
        made = np.nan_to_num(np.log(following / smooth), posinf=0.0, neginf=0.0)
    return np.where(np.isfinite(recorded), recorded, made)


def ewma(returns: Floats, decay: float) -> Floats:
    """EWMA volatility per day; [D, F], seeded by the mean square of the first days.

    Row t takes the returns before t. Source: RiskMetrics (1996).
    """
    squares = returns**2
    level = squares[:SEED_DAYS].mean(axis=0)
    found = np.empty_like(returns)
    for day in range(returns.shape[0]):
        found[day] = level
        if day >= SEED_DAYS:
            level = decay * level + (1.0 - decay) * squares[day]
    return np.sqrt(found)


def ewma_correlation(standardised: Floats, decay: float) -> Floats:
    """EWMA correlation of standardised returns; [D, F, F], row t from the rows before t."""
    count, factors = standardised.shape
    level = np.eye(factors)
    found = np.empty((count, factors, factors))
    for day in range(count):
        scale = np.sqrt(np.diag(level))
        found[day] = level / np.outer(scale, scale)
        outer = np.outer(standardised[day], standardised[day])
        level = decay * level + (1.0 - decay) * outer
    return found


def long_run(returns: Floats) -> Floats:
    """Root mean square of all returns before each day; [D, F], the first rows from the seed."""
    seed = (returns[:SEED_DAYS] ** 2).mean(axis=0)
    count = np.arange(1, returns.shape[0])[:, None]
    mean = np.cumsum(returns**2, axis=0)[:-1] / count
    found = np.concatenate([seed[None], mean])
    found[:SEED_DAYS] = seed
    return np.sqrt(found)


def garch(returns: Floats, there: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """GJR(1,1) volatility per day and the t's degrees of freedom of one coin; both [D].

    Fitted by maximum likelihood to all returns before, anew every ``REFIT_DAYS`` days, filtered in
    between; NaN before ``LEAST_DAYS``. A fit that does not converge leaves the last one standing.
    Source: Glosten, Jagannathan and Runkle (1993).
    """
    percent = 100.0 * returns
    sigma, tail = (np.full(returns.size, np.nan) for _ in range(2))
    params: Floats | None = None
    variance, last = np.nan, -REFIT_DAYS
    for day in range(returns.size):
        if there[:day].sum() < LEAST_DAYS:
            continue
        if day - last >= REFIT_DAYS:
            past = percent[:day][there[:day]]
            fitted = _fitted(past, params)
            if fitted is not None:
                params, variance = fitted
                variance, last = _next_variance(params, variance, past[-1]), day
        if params is None:
            continue
        sigma[day], tail[day] = np.sqrt(variance) / 100.0, params[-1]
        if there[day]:
            variance = _next_variance(params, variance, percent[day])
    return sigma, tail


def _next_variance(params: Floats, variance: float, past: float) -> float:
    omega, alpha, gamma, beta, _ = params
    return float(omega + (alpha + gamma * (past < 0.0)) * past**2 + beta * variance)


def _fitted(past: Floats, start: Floats | None) -> tuple[Floats, float] | None:
    """Parameters and the last day's variance; None where the fit does not converge."""
    from arch import arch_model

    model = arch_model(past, mean="Zero", vol="GARCH", p=1, o=1, q=1, dist="t")
    with warnings.catch_warnings():
        # It warns of what the flag says.
        warnings.simplefilter("ignore")
        fit = model.fit(disp="off", starting_values=start, show_warning=False)
    if fit.convergence_flag != 0:
        return None
    return np.asarray(fit.params), float(np.asarray(fit.conditional_volatility)[-1]) ** 2
