"""Models that revalue every book in joint scenarios of prices, volatility and basis.

Scenarios of a day are moves of earlier days, as they were or scaled to the volatility of today, or
drawn from a distribution. Each is three instants, the close, the lowest and the highest of a day,
of which the worst counts: losses are path-worst, as what they must cover.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.frontier.data import COINS, Panel
from benchmarks.frontier.legs import Table, worth
from benchmarks.frontier.volatility import (
    LEAST_DAYS,
    ewma,
    ewma_correlation,
    filled,
    garch,
    long_run,
    vol_moves,
)

Floats = NDArray[np.float64]
Statistic = Callable[[Floats], Floats]

CHUNK_DAYS = 100
WINDOW_DAYS = 1000
FILTER_DECAY = 0.97
# A filtered volatility is at least this share of the long-run one.
LEAST_OF_LONG_RUN = 0.5
DRAWS = 1024
DRAW_SEED = 20_190_101
LEVEL = 0.99
ES_LEVEL = 0.975


@dataclass(frozen=True, slots=True)
class Moves:
    """Log moves of each day: ``price`` [D, 3, C], ``vol`` [D], ``basis`` [D, C] absolute a year."""

    price: Floats
    vol: Floats
    basis: Floats

    @classmethod
    def of(cls, panel: Panel) -> Moves:
        """Those of a panel; a day without one has none, or another coin's (:func:`filled`)."""
        return cls(filled(panel), vol_moves(panel), np.nan_to_num(panel.basis_end - panel.basis))


@dataclass(frozen=True, slots=True)
class Scenarios:
    """Joint scenarios of some days; n days, S scenarios, P instants, C coins.

    ``price`` [n, S, P, C] and ``vol`` [n, S] are logs, ``basis`` [n, S, C] absolute a year.
    """

    price: Floats
    vol: Floats
    basis: Floats


def var(losses: Floats) -> Floats:
    """The ``LEVEL`` quantile of losses along the last axis."""
    return np.quantile(losses, LEVEL, axis=-1)


def expected_shortfall(losses: Floats) -> Floats:
    """The mean of losses beyond the ``ES_LEVEL`` quantile along the last axis."""
    tail = max(1, round((1.0 - ES_LEVEL) * losses.shape[-1]))
    return np.partition(losses, -tail, axis=-1)[..., -tail:].mean(axis=-1)


def book_losses(table: Table, scenarios: Scenarios) -> Floats:
    """Each book's path-worst loss in each scenario a day ahead; [n, B, S], may be negative.

    Legs without prices count for nothing: their books are unknown.
    """
    days, count, points, _ = scenarios.price.shape
    gains = np.empty((days, len(table.legs), count * points))
    price = np.exp(scenarios.price)
    vol = np.exp(scenarios.vol)[:, :, None]
    day = np.asarray(1.0)
    for place, leg in enumerate(table.legs):
        if not table.leg_known[:, place].any():
            gains[:, place] = 0.0
            continue
        column = COINS.index(leg.coin)
        start = table.basis[:, place, None, None]
        basis = start + scenarios.basis[:, :, None, column]
        sigma = table.sigma[:, place, None, None] * vol
        value = worth(leg, price[..., column], sigma, basis, start, day)
        gains[:, place] = (value - table.value[:, place, None, None]).reshape(days, -1)
    net = np.matmul(table.quantity, gains).reshape(days, -1, count, points)
    return -net.min(axis=3)


def simulated_margins(
    table: Table, scenarios: Callable[[slice], Scenarios], statistic: Statistic
) -> Floats:
    """A statistic of each book's losses, at least 0; [D, B].

    NaN on days without scenarios; stretches of days of which no book is known are left out.
    """
    found = np.full(table.quantity.shape[:2], np.nan)
    for rows in chunks(table.days_ns.size):
        if not table.known[rows].any():
            continue
        found[rows] = np.maximum(statistic(book_losses(table.rows(rows), scenarios(rows))), 0.0)
    return found


def chunks(days: int) -> Iterator[slice]:
    """Days a few at a time, the first once there is history."""
    for start in range(LEAST_DAYS, days, CHUNK_DAYS):
        yield slice(start, min(start + CHUNK_DAYS, days))


def _windows(rows: slice, length: int) -> NDArray[np.intp]:
    """For each day the rows of days before it, the last ``length`` or, early on, those again."""
    day = np.arange(rows.start, rows.stop)[:, None]
    back = np.arange(1, length + 1)[None, :]
    return day - 1 - (back - 1) % np.minimum(day, length)


def historical(moves: Moves, length: int) -> Callable[[slice], Scenarios]:
    """The moves of the last ``length`` days as they were."""

    def scenarios(rows: slice) -> Scenarios:
        past = _windows(rows, length)
        return Scenarios(moves.price[past], moves.vol[past], moves.basis[past])

    return scenarios


@dataclass(frozen=True, slots=True)
class Filter:
    """Volatilities by which moves are scaled, known at each day's start: [D, C], [D], [D, C]."""

    price: Floats
    vol: Floats
    basis: Floats

    @classmethod
    def of(cls, moves: Moves, decay: float = FILTER_DECAY) -> Filter:
        """EWMA volatilities, at least ``LEAST_OF_LONG_RUN`` of the long-run ones."""

        def scale(values: Floats) -> Floats:
            # A factor that has not moved yet is scaled by nothing.
            known = np.maximum(ewma(values, decay), LEAST_OF_LONG_RUN * long_run(values))
            return np.where(known > 0.0, known, 1.0)

        close = moves.price[:, 0, :]
        return cls(scale(close), scale(moves.vol[:, None])[:, 0], scale(moves.basis))


def filtered(moves: Moves, by: Filter, now: Filter | None = None) -> Callable[[slice], Scenarios]:
    """Moves over their day's volatility, times that of ``now``: filtered historical simulation.

    Source: Barone-Adesi, Giannopoulos and Vosper (1999); Hull and White (1998).
    """
    today = by if now is None else now
    price = moves.price / by.price[:, None, :]
    vol, basis = moves.vol / by.vol, moves.basis / by.basis

    def scenarios(rows: slice) -> Scenarios:
        past = _windows(rows, WINDOW_DAYS)
        return Scenarios(
            price[past] * today.price[rows][:, None, None, :],
            vol[past] * today.vol[rows][:, None],
            basis[past] * today.basis[rows][:, None, :],
        )

    return scenarios


def worst_so_far(by: Filter) -> Filter:
    """The greatest volatility of all days until each: the stress of the stressed component."""
    return Filter(*(np.maximum.accumulate(each, axis=0) for each in (by.price, by.vol, by.basis)))


def student(moves: Moves, sigma: Floats, nu: Floats) -> Callable[[slice], Scenarios]:
    """Draws of a joint t with volatilities [D, C] and degrees of freedom [D] of each day.

    Correlations of coins and implied volatility are exponential averages; the basis goes its own
    way. Draws are one Sobol set for all days, so that no noise moves a margin from day to day.
    """
    from scipy.special import gammaincinv
    from scipy.stats import norm, qmc

    factors = len(COINS) + 1
    sobol = qmc.Sobol(2 * factors, rng=np.random.default_rng(DRAW_SEED)).random(DRAWS)
    uniform = np.clip(sobol, 1e-9, 1.0 - 1e-9)
    normal = norm.ppf(uniform[:, : 2 * len(COINS) + 1])
    by = Filter.of(moves)
    closes = np.concatenate([moves.price[:, 0, :], moves.vol[:, None]], axis=1)
    scale = np.concatenate([by.price, by.vol[:, None]], axis=1)
    root = np.linalg.cholesky(
        ewma_correlation(closes / scale, FILTER_DECAY) + 1e-9 * np.eye(factors)
    )

    def scenarios(rows: slice) -> Scenarios:
        tail = nu[rows][:, None]
        chi = 2.0 * gammaincinv(tail / 2.0, uniform[None, :, -1])
        mixing = np.sqrt((tail - 2.0) / chi)[..., None]
        joint = np.einsum("dij,sj->dsi", root[rows], normal[:, :factors]) * mixing
        price = joint[..., : len(COINS)] * sigma[rows][:, None, :]
        basis = normal[None, :, factors:] * mixing * by.basis[rows][:, None, :]
        return Scenarios(price[:, :, None, :], joint[..., -1] * by.vol[rows][:, None], basis)

    return scenarios


def gjr(panel: Panel, moves: Moves) -> tuple[Floats, Floats]:
    """GJR-t volatilities of each coin [D, C] and the mean degrees of freedom [D].

    A coin without history enough has its EWMA volatility; degrees of freedom are at least 2.5.
    """
    by = Filter.of(moves)
    there = np.isfinite(panel.moves).all(axis=1)
    fits = [garch(moves.price[:, 0, i], there[:, i]) for i in range(len(COINS))]
    sigma = np.stack([each for each, _ in fits], axis=1)
    tails = np.stack([each for _, each in fits], axis=1)
    known = np.isfinite(tails)
    mean = np.where(known, tails, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    nu = np.where(known.any(axis=1), mean, 4.0)
    return np.where(np.isfinite(sigma), sigma, by.price), np.maximum(nu, 2.5)
