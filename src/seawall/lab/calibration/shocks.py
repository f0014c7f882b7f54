"""Shocks of implied volatility, funding and basis from their histories, and what widens them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import CalibrationFailed, PoorHistory
from seawall.lab.calibration.days import DAY_NS
from seawall.lab.calibration.estimates import ewma
from seawall.lab.calibration.settings import DepthSettings, ShockSettings
from seawall.market.history import TimeSeries

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ShockEstimate:
    """How far a number moves within the horizon at a confidence; sizes ≥ 0.

    ``recent`` by the volatility of its own moves now, ``long_run`` the quantile of all moves,
    ``worst`` the largest of them. ``moves`` how many there were; ``confidence`` of the quantiles.
    """

    recent: float
    long_run: float
    worst: float
    moves: int
    confidence: float

    @property
    def size(self) -> float:
        """The larger of the recent and the long-run estimate."""
        return max(self.recent, self.long_run)


def level_shock(
    series: TimeSeries, horizon_days: float, confidence: float, settings: ShockSettings
) -> ShockEstimate:
    """How far a rate moves either way, in its own unit: quantile of |x(t+h) − x(t)|.

    Raises PoorHistory for too few moves and CalibrationFailed for a rate that never moves.
    """
    moves = np.diff(_daily(series, horizon_days))
    return _estimate(np.abs(moves), moves, series.name, confidence, settings)


def vol_shocks(
    series: TimeSeries, horizon_days: float, confidence: float, settings: ShockSettings
) -> tuple[ShockEstimate, ShockEstimate]:
    """How far an implied volatility rises and falls, relative: quantiles of v(t+h)/v(t) − 1.

    The first is of rises, the second of falls as 1 − v(t+h)/v(t). Raises CalibrationFailed for a
    volatility that is not positive or never moves, PoorHistory for too few moves.
    """
    levels = _daily(series, horizon_days)
    if bool((levels <= 0.0).any()):
        raise CalibrationFailed(
            "an implied volatility that is not above zero",
            where=f"history of {series.name}",
            remedy="Give volatilities as decimals above zero.",
        )
    moves = levels[1:] / levels[:-1] - 1.0
    rises, falls = np.maximum(moves, 0.0), np.maximum(-moves, 0.0)
    return (
        _estimate(rises, moves, series.name, confidence, settings),
        _estimate(falls, moves, series.name, confidence, settings),
    )


def _daily(series: TimeSeries, horizon_days: float) -> Floats:
    """The series on a grid of horizons up to its last number, those before its first left out."""
    step = max(1, round(horizon_days * DAY_NS))
    if series.at_ns.size == 0:
        return np.empty(0)
    count = int(series.at_ns[-1] - series.at_ns[0]) // step + 1
    grid = series.at_ns[-1] - step * np.arange(count, dtype=np.int64)[::-1]
    return series.at(grid)


def _estimate(
    sizes: Floats, moves: Floats, name: str, confidence: float, settings: ShockSettings
) -> ShockEstimate:
    if sizes.size < settings.least_moves:
        raise PoorHistory(
            f"{sizes.size} moves, and {settings.least_moves} are needed",
            where=f"history of {name}",
            remedy="Give a longer history, or set least_moves.",
        )
    if not (sizes > 0.0).any():
        raise CalibrationFailed(
            "it never moves", where=f"history of {name}", remedy="Give what was observed."
        )
    warm_up = settings.least_moves // 4
    vol = np.sqrt(ewma(np.square(moves), settings.decay, warm_up))
    known = slice(warm_up - 1, -1)
    # A stretch without a move says nothing of what the next one would be worth.
    scaled = sizes[warm_up:][vol[known] > 0.0] / vol[known][vol[known] > 0.0]
    recent = float(np.quantile(scaled, confidence, method="higher") * vol[-1])
    return ShockEstimate(
        recent=recent,
        long_run=float(np.quantile(sizes, confidence, method="higher")),
        worst=float(sizes.max()),
        moves=sizes.size,
        confidence=confidence,
    )


def depth_factor(depth_usd: float, reference_usd: float, settings: DepthSettings) -> float:
    """(reference / depth)^γ, at least 1 and at most ``most``: thin books widen the range.

    Impact of a trade goes with a power of its size over depth, the square root by default. No
    depth at all gives the most.
    """
    if depth_usd <= 0.0:
        return settings.most
    return min(settings.most, max(1.0, (reference_usd / depth_usd) ** settings.power))


def crowding_factor(open_interest_usd: float, adv_usd: float, settings: DepthSettings) -> float:
    """(open interest / (days·daily volume))^γ, at least 1 and at most ``most``."""
    crowded = open_interest_usd / (settings.crowded_days * adv_usd)
    return min(settings.most, max(1.0, crowded**settings.power))


def surface_add_on(error_abs: float, vol: float, vol_of_vol: float, age_days: float) -> float:
    """Relative add-on of a vol shock: error over volatility, and what it moves while quotes age.

    ``error_abs`` decimal, the surface against what is listed; ``vol`` the at-the-money one;
    ``vol_of_vol`` the relative move of a horizon of a day, which grows with √age.
    """
    return error_abs / vol + vol_of_vol * age_days**0.5
