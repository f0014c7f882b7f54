"""Joint scenarios of history: as they were, or rescaled to today's volatility.

docs/risk-measures.md tells the formulas and their sources.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import BadParameter, PoorHistory
from seawall.market.history import MarketHistory, TimeSeries
from seawall.risk.joint_moves import JointMoves, still
from seawall.risk.windows import (
    DAY_NS,
    HOUR_NS,
    REMEDY,
    Grid,
    Laid,
    Rows,
    Windows,
    carried,
    common_grid,
    known,
    lay_windows,
    steps_of,
    stride_of,
)

Floats = NDArray[np.float64]

COVERED = 0.98
"""The share of windows in which a factor must be known; no window is left out for want of one."""


class Filter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How past moves are rescaled to today's volatility.

    Variance is an exponentially weighted mean of squared returns that forgets 1 − ``decay_per_day``
    of itself a day, whatever the bars last. No volatility, today's or a past one, counts as less
    than ``floor_share`` of that of the whole history. Windows do not begin within the first
    ``warm_up_days``. ``vol_moves`` says whether moves of implied volatility stay as they were
    ("raw") or are rescaled by the factor of the price ("scaled").

    Raises BadParameter for numbers out of their range.
    """

    decay_per_day: float = 0.94
    floor_share: float = 0.5
    warm_up_days: float = 30.0
    vol_moves: Literal["raw", "scaled"] = "raw"

    def __post_init__(self) -> None:
        sane = 0.0 < self.decay_per_day < 1.0 and 0.0 < self.floor_share < math.inf
        if not (sane and 0.0 <= self.warm_up_days < math.inf):
            raise BadParameter(
                f"{self}",
                where="filtered historical simulation",
                remedy="Give a decay between 0 and 1, a floor above 0 and a warm-up of at least 0.",
            )


@dataclass(frozen=True, slots=True)
class _Factor:
    """Moves of one factor [N, P, U], and what has no history of it that covers the windows."""

    moved: Floats
    unmoved: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Path:
    """Windows before they are moves; logarithms of price and volatility, of shape [N, P, U]."""

    start: Rows
    log_price: Floats
    log_vol: Floats
    funding_rel: Floats
    basis_per_year: Floats
    elapsed_days: Floats
    across_gaps: int
    unmoved: tuple[str, ...]


def historical_moves(
    history: MarketHistory, underlyings: tuple[str, ...], as_of_ns: int, windows: Windows
) -> JointMoves:
    """Every window of history as it was: historical simulation.

    Windows overlap. One that crosses a gap in any underlying is told at the bars that there are,
    and counted. An underlying without a history of volatility, funding or basis that covers nearly
    all windows is named in ``unmoved``. Nothing that was told after ``as_of_ns`` is seen.

    Raises PoorHistory for an underlying without prices, bars that do not divide the horizon, a
    history that ended too long ago, and too few windows.
    """
    grid = common_grid(history, underlyings, as_of_ns, windows)
    path = _path(history, grid, windows, as_of_ns, first_row=0)
    return _moves(grid, windows, path, scale=np.ones((path.start.size, 1, 1)), vol_moves="raw")


def filtered_moves(
    history: MarketHistory,
    underlyings: tuple[str, ...],
    as_of_ns: int,
    windows: Windows,
    rescaling: Filter,
    daily_vols: Mapping[str, TimeSeries] | None = None,
) -> JointMoves:
    """Every window of history rescaled to today's volatility: filtered historical simulation.

    A window's logarithmic moves are divided by the volatility known when it began and multiplied by
    today's, underlying by underlying; the row stays together. Volatilities are those of the filter,
    or ``daily_vols``, decimal per √day, as of a model fitted elsewhere. Otherwise as
    :func:`historical_moves`. Source: Hull and White (1998); Barone-Adesi et al. (1999).

    Raises PoorHistory as historical_moves does, and for a price that never moved or a volatility
    that is not known.
    """
    grid = common_grid(history, underlyings, as_of_ns, windows)
    warm_up = math.ceil(rescaling.warm_up_days * DAY_NS / grid.step_ns)
    vols = _daily_vols(grid, rescaling, warm_up, daily_vols)
    path = _path(history, grid, windows, as_of_ns, first_row=warm_up)
    unknown = ~np.isfinite(vols[np.append(path.start, -1)]).all(axis=0)
    if unknown.any():
        names = ", ".join(np.array(underlyings)[unknown])
        raise PoorHistory(
            f"volatility of {names} is not known, or its price never moved",
            where=f"history of {', '.join(underlyings)}",
            remedy=REMEDY,
        )
    scale = (vols[-1] / vols[path.start])[:, None, :]
    return _moves(grid, windows, path, scale, rescaling.vol_moves)


def ewma_variance(squares: Floats, decay: float, first: Floats) -> Floats:
    """v_t = decay·v_{t−1} + (1 − decay)·squares_t from v_{−1} = ``first`` [U]; shape [T, U].

    Solved in stretches short enough for decay^−t to stay a number.
    """
    out = np.empty_like(squares)
    length = max(1, int(200.0 / -math.log(decay)))
    for begin in range(0, len(squares), length):
        block = squares[begin : begin + length]
        fading = decay ** np.arange(1.0, len(block) + 1.0)[:, None]
        out[begin : begin + length] = fading * (
            first + (1.0 - decay) * np.cumsum(block / fading, axis=0)
        )
        first = out[begin + len(block) - 1]
    return out


def _daily_vols(
    grid: Grid, rescaling: Filter, warm_up: int, given: Mapping[str, TimeSeries] | None
) -> Floats:
    """Volatility per √day known at each time of the grid, [T, U], floored; NaN where unknown."""
    steps_per_day = DAY_NS / grid.step_ns
    returns = np.diff(grid.prices.close, axis=0, prepend=grid.prices.close[:1])
    # The move across a gap counts whole with the bar that ends it: it may raise, never lower.
    squares = np.square(returns[1:])
    if not len(squares):
        return np.full(grid.prices.close.shape, np.nan)
    long_run = np.sqrt(squares.mean(axis=0) * steps_per_day)
    if given is None:
        decay = rescaling.decay_per_day ** (1.0 / steps_per_day)
        variance = ewma_variance(squares, decay, squares[: max(1, warm_up)].mean(axis=0))
        vols = np.sqrt(np.concatenate([variance[:1], variance]) * steps_per_day)
    else:
        absent = TimeSeries("", np.empty(0, dtype=np.int64), np.empty(0))
        told = [given.get(name, absent).at(grid.end_ns) for name in grid.underlyings]
        vols = np.stack(told, axis=1)
    floored = np.maximum(vols, rescaling.floor_share * long_run)
    return np.where(floored > 0.0, floored, np.nan)


def _path(
    history: MarketHistory, grid: Grid, windows: Windows, as_of_ns: int, first_row: int
) -> _Path:
    """The windows and what moves in them. Raises PoorHistory for too few."""
    laid = lay_windows(grid, windows, as_of_ns, first_row)
    if laid.start.size < windows.least_count:
        raise PoorHistory(
            f"{laid.start.size} windows of {windows.horizon_hours:g} hours in the last "
            f"{windows.lookback_days:g} days, of {windows.least_count} that are needed",
            where=f"history of {', '.join(grid.underlyings)}",
            remedy=REMEDY,
        )
    log_price, rows = _log_prices(grid, windows, laid)
    told = history.until(as_of_ns)
    factors = [
        _factor(told.vols, "volatility", grid, windows, laid, rows),
        _factor(told.funding_per_day, "funding", grid, windows, laid, rows),
        _factor(told.basis_per_year, "basis", grid, windows, laid, rows),
    ]
    log_vol, funding_rel, basis_per_year = (factor.moved for factor in factors)
    return _Path(
        laid.start,
        log_price,
        log_vol,
        funding_rel,
        basis_per_year,
        elapsed_days=(grid.end_ns[rows] - grid.end_ns[laid.start][:, None]) / DAY_NS,
        across_gaps=laid.across_gaps,
        unmoved=tuple(text for factor in factors for text in factor.unmoved),
    )


def _log_prices(grid: Grid, windows: Windows, laid: Laid) -> tuple[Floats, Rows]:
    """Logarithmic moves since the start [N, P, U], and the row of the grid of each point [N, P]."""
    start, rows = laid.start, laid.rows
    base = grid.prices.close[start][:, None, :]
    log_price = grid.prices.close[rows] - base
    if not windows.extremes:
        return log_price, rows
    # A window across a gap has fewer rows: its last one stands for those that it lacks.
    after = start[:, None] + np.arange(1, steps_of(grid, windows) + 1)
    within = np.minimum(after, laid.end[:, None])
    found, extra = [log_price], [rows]
    for prices, worst in ((grid.prices.low, np.argmin), (grid.prices.high, np.argmax)):
        for column in range(len(grid.underlyings)):
            own = prices[:, column]
            at = within[np.arange(start.size), worst(own[within], axis=1)]
            point = grid.prices.close[at]
            point[:, column] = own[at]
            found.append(point[:, None, :] - base)
            extra.append(at[:, None])
    return np.concatenate(found, axis=1), np.concatenate(extra, axis=1)


def _factor(
    histories: Mapping[str, TimeSeries],
    name: Literal["volatility", "funding", "basis"],
    grid: Grid,
    windows: Windows,
    laid: Laid,
    rows: Rows,
) -> _Factor:
    """How one factor moved since the start: its logarithm, what it added up to, or itself.

    One that is not known throughout ``COVERED`` of the windows counts as without a history, and in
    the other windows an unknown number as the next that is known.
    """
    start = laid.start
    moved = np.zeros((*rows.shape, len(grid.underlyings)))
    step_days = np.diff(grid.end_ns, prepend=grid.end_ns[0] - grid.step_ns) / DAY_NS
    unmoved: list[str] = []
    for column, underlying in enumerate(grid.underlyings):
        if name not in windows.factors or underlying not in histories:
            unmoved.append(f"{name} of {underlying}")
            continue
        told = known(histories[underlying], grid.end_ns, windows.factor_age_hours * HOUR_NS)
        if name == "volatility":
            told = np.log(told, where=told > 0.0, out=np.full(told.shape, np.nan))
        unknown = np.append(0, np.cumsum(np.isnan(told)))
        if (unknown[laid.end + 1] == unknown[start]).mean() < COVERED:
            unmoved.append(f"{name} of {underlying}")
            continue
        level = carried(told)
        if name == "funding":
            level = np.cumsum(level * step_days)
        moved[:, :, column] = level[rows] - level[start][:, None]
    if len(unmoved) == len(grid.underlyings):
        moved = still(start.size, rows.shape[1], len(grid.underlyings))
    return _Factor(moved, tuple(unmoved))


def _moves(
    grid: Grid,
    windows: Windows,
    path: _Path,
    scale: Floats,
    vol_moves: Literal["raw", "scaled"],
) -> JointMoves:
    """The moves of the windows, prices times ``scale`` [N, 1, U] in logarithms."""
    vol_scale = scale if vol_moves == "scaled" else 1.0
    start_ns = grid.end_ns[path.start]
    weights = np.ones(start_ns.size)
    if windows.half_life_days is not None:
        age_days = (start_ns[-1] - start_ns) / DAY_NS
        weights = 0.5 ** (age_days / windows.half_life_days)
    return JointMoves(
        underlyings=grid.underlyings,
        price_rel=np.expm1(path.log_price * scale),
        vol_rel=np.expm1(path.log_vol * vol_scale),
        funding_rel=path.funding_rel,
        basis_per_year=path.basis_per_year,
        elapsed_days=path.elapsed_days,
        weights=weights / weights.sum(),
        start_ns=start_ns,
        overlap=-(-steps_of(grid, windows) // stride_of(grid, windows)),
        across_gaps=path.across_gaps,
        unmoved=path.unmoved,
    )
