"""The range law: how far a price may go within the horizon, day by day, each factor by its name.

fast range (IM) = max(slow range, k·σ·√h·q_p(t, ν)) × depth factor × regime factor; slow range (MM)
from long-run volatility, k the scale. Formulas, sources and choices: docs/calibration.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.basics.arrays import freeze, pickled
from seawall.basics.errors import PoorHistory
from seawall.lab.calibration.days import Days, days_of
from seawall.lab.calibration.estimates import (
    ewma,
    ewma_kurtosis,
    expanding_quantile,
    path_quantile,
    path_worst_moves,
    require_moves,
    tail_index,
    trailing_max,
    trailing_mean,
)
from seawall.lab.calibration.guards import RawTargets, guarded
from seawall.lab.calibration.settings import RangeSettings
from seawall.market.history import PriceBars

Floats = NDArray[np.float64]
Times = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RangePath:
    """What makes a range, at the end of each day that could be estimated; shape [n], read-only.

    ``vol_rel``, ``long_run_vol_rel`` and ``stressed_vol_rel`` are standard deviations of a day's
    log return: by exponential average, over the long run, in the worst time known by then.
    ``kurtosis`` may be NaN while it warms up; ``nu`` is the tail index. ``stress`` is 0 in calm and
    1 in full stress. ``slow_rel`` and ``fast_rel`` are the ranges before guards, shares of the
    price; ``long_run_rel`` and ``stressed_rel`` are the fast one's volatility part by long-run and
    by stressed volatility.
    """

    at_ns: Times
    vol_rel: Floats
    long_run_vol_rel: Floats
    stressed_vol_rel: Floats
    kurtosis: Floats
    nu: Floats
    quantile_im: Floats
    quantile_mm: Floats
    stress: Floats
    regime_factor: Floats
    depth_factor: Floats
    slow_rel: Floats
    fast_rel: Floats
    long_run_rel: Floats
    stressed_rel: Floats

    __reduce__ = pickled

    def __post_init__(self) -> None:
        freeze(self, self.at_ns.size)

    def fast_targets(self) -> RawTargets:
        """The range of initial margin as raw targets for guards."""
        return RawTargets(
            at_ns=self.at_ns,
            target=self.fast_rel,
            long_run=self.long_run_rel,
            stressed=self.stressed_rel,
        )

    def vol_targets(self) -> RawTargets:
        """The daily volatility as raw targets for guards: that of haircuts."""
        return RawTargets(
            at_ns=self.at_ns,
            target=self.vol_rel.copy(),
            long_run=self.long_run_vol_rel.copy(),
            stressed=np.maximum(self.stressed_vol_rel, self.vol_rel),
        )


def range_path(
    days: Days,
    settings: RangeSettings,
    *,
    depth_factor: float | Floats = 1.0,
    vol_today_rel: float = 0.0,
) -> RangePath:
    """The range law on days, from nothing but the days until each; the first after the warm-up.

    ``depth_factor`` is one number or has the shape of the days. ``vol_today_rel`` is another
    estimate of the last day's volatility, which counts where it is larger. Raises PoorHistory for
    fewer days than the warm-up, CalibrationFailed for prices that do not move.
    """
    warm_up = settings.warm_up_days
    count = days.end_ns.size
    if count < warm_up:
        raise PoorHistory(
            f"{count} whole days of history, and {warm_up} are needed",
            where=f"price history of {days.underlying}",
            remedy="Give a longer history, or set warm_up_days.",
        )
    variance = ewma(days.variance, settings.lambda_vol, warm_up)
    long_run = trailing_mean(days.variance, settings.long_run_days, warm_up)
    window = min(settings.stressed_window_days, warm_up)
    worst = trailing_max(trailing_mean(days.variance, window, window), settings.long_run_days)
    require_moves(np.concatenate([variance, long_run]), days.underlying)
    vol = np.sqrt(variance)
    vol[-1] = max(vol[-1], vol_today_rel)
    kurtosis = ewma_kurtosis(days.log_return, vol, settings.lambda_kurtosis, warm_up)
    known = slice(warm_up - 1, None)
    depth = np.broadcast_to(np.asarray(depth_factor, dtype=np.float64), count)
    return _path(
        days.end_ns[known],
        (vol[known], np.sqrt(long_run[known]), np.sqrt(worst[known])),
        kurtosis[known],
        _known_quantiles(days, vol, settings)[known],
        depth[known].copy(),
        settings,
    )


def _known_quantiles(days: Days, vol: Floats, settings: RangeSettings) -> Floats:
    """Quantiles of past path-worst moves in standard deviations, for IM and for MM; [n, 2].

    The larger of both directions; NaN unless settings ask for them and enough is known.
    """
    found = np.full((vol.size, 2), np.nan)
    if settings.quantile == "larger":
        horizon = max(1, round(settings.horizon_days))
        moves = path_worst_moves(days.close, days.high, days.low, horizon)
        scaled = moves / (vol * np.sqrt(horizon))[:, None]
        for level, confidence in enumerate((settings.confidence_im, settings.confidence_mm)):
            # Fewer moves than this hold no quantile: its next larger one would be the largest.
            least = int(np.ceil(1.0 / (1.0 - confidence)))
            sides = [expanding_quantile(side, confidence, horizon, least) for side in scaled.T]
            found[:, level] = np.maximum(*sides)
    return found


def _path(
    at_ns: Times,
    vols: tuple[Floats, Floats, Floats],
    kurtosis: Floats,
    known: Floats,
    depth: Floats,
    settings: RangeSettings,
) -> RangePath:
    vol, long_run, worst = vols
    nu = tail_index(kurtosis, settings.nu_least, settings.nu_most)
    # fmax: where no quantile of past moves is known the other stands.
    quantile_im = np.fmax(path_quantile(settings.confidence_im, nu), known[:, 0])
    quantile_mm = np.fmax(path_quantile(settings.confidence_mm, nu), known[:, 1])
    stress = stress_of(vol / long_run, settings)
    regime = 1.0 + settings.regime_rel * stress
    root = settings.scale * np.sqrt(settings.horizon_days)
    slow = settings.slow_share * long_run * root * quantile_mm
    fast = np.maximum(slow, vol * root * quantile_im) * depth * regime
    return RangePath(
        at_ns=at_ns,
        vol_rel=vol,
        long_run_vol_rel=long_run,
        stressed_vol_rel=worst,
        kurtosis=kurtosis,
        nu=nu,
        quantile_im=quantile_im,
        quantile_mm=quantile_mm,
        stress=stress,
        regime_factor=regime,
        depth_factor=depth,
        slow_rel=slow,
        fast_rel=fast,
        long_run_rel=long_run * root * quantile_im,
        stressed_rel=np.maximum(worst, vol) * root * quantile_im * depth * regime,
    )


def stress_of(vol_ratio: Floats, settings: RangeSettings) -> Floats:
    """0 in calm, 1 in stress, straight between, by fast over long-run volatility; same shape."""
    span = settings.regime_stress - settings.regime_calm
    return np.clip((vol_ratio - settings.regime_calm) / span, 0.0, 1.0)


def dynamic_ranges(bars: PriceBars, settings: RangeSettings) -> tuple[Times, Floats]:
    """The guarded range of initial margin from day to day: times and shares of the price, [n].

    The number at a time is in force from then on and uses only bars that had ended by it. Raises
    PoorHistory for a history too short, CalibrationFailed for one that never moves.
    """
    path = guarded(range_path(days_of(bars), settings).fast_targets(), settings.guards)
    return path.at_ns, path.in_force
