"""The choices of a calibration: what is estimated how, and which guards stand.

Every number here is a choice; docs/calibration.md says why each is as it is. Those of ranges and
their guards were found on the training years alone (``make frontier ARGS=--tune``).
"""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from seawall.basics.errors import BadParameter


def _within(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise BadParameter(
            f"{name} is {value:g}",
            where="settings of the calibration",
            remedy=f"Give a number from {least:g} to {most:g}.",
        )


class GuardSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What keeps a parameter from whipsawing. Each guard stands by itself and can be switched off.

    ``floor_share`` least share of the long-run number (0: off). ``stressed_weight`` share of the
    stressed number in the whole (0: off; EMIR's tool asks for 0.25). ``buffer_rel`` what is held on
    top in calm and given back in stress (0: off; EMIR's tool asks for 0.25). ``loosen_per_day`` the
    most a number falls in a day, relative (1: off). ``jump_rel`` the most it rises at once without
    two persons' word (None: off). ``notice_days`` how long before a rise takes effect (0: off).
    ``deadband_rel`` how far it must have to fall before it falls at all (0: off). ``digits``
    significant digits of a published number, rounded upward. Raises BadParameter for an impossible
    number.
    """

    floor_share: float = 0.30
    stressed_weight: float = 0.10
    buffer_rel: float = 0.25
    loosen_per_day: float = 0.01
    jump_rel: float | None = 0.50
    notice_days: float = 1.0
    deadband_rel: float = 0.0
    digits: int = 4

    def __post_init__(self) -> None:
        _within("floor_share", self.floor_share, 0.0, 1.0)
        _within("stressed_weight", self.stressed_weight, 0.0, 1.0)
        _within("buffer_rel", self.buffer_rel, 0.0, 10.0)
        _within("notice_days", self.notice_days, 0.0, 365.0)
        _within("deadband_rel", self.deadband_rel, 0.0, 0.5)
        _within("digits", self.digits, 2, 12)
        # A number rounded by more than it may move would never move.
        least = 2.0 * 10.0 ** (1 - self.digits)
        if self.jump_rel is not None:
            _within("jump_rel", self.jump_rel, least, math.inf)
        _within("loosen_per_day", self.loosen_per_day, least, 1.0)

    @staticmethod
    def off() -> GuardSettings:
        """No guard at all: numbers follow the market."""
        return GuardSettings(
            floor_share=0.0,
            stressed_weight=0.0,
            buffer_rel=0.0,
            loosen_per_day=1.0,
            jump_rel=None,
            notice_days=0.0,
            deadband_rel=0.0,
            digits=12,
        )


class RangeSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a price range follows from daily volatility; all horizons are in days.

    ``lambda_vol`` and ``lambda_kurtosis`` decay a day of the exponential averages;
    ``confidence_im`` and ``confidence_mm`` of the worst point of the path over ``horizon_days``;
    ``scale`` multiplies every range, so that the house's books are covered at 99.5 %, as fitted on
    the training years by the margin frontier (docs/frontier.md).
    ``slow_share`` of the range by long-run volatility is the slow range (0: the fast one follows
    the market alone). ``long_run_days`` how far back the long-run volatility looks;
    ``least_days`` of history (or ``long_run_days``, if fewer) without which nothing is calibrated;
    ``stressed_window_days`` how long the worst time lasts that counts as stress; ``warm_up_days``
    of history before the first number. ``quantile`` is that of the t, or the larger of it and of
    the path-worst moves known so far; ``nu_least`` and ``nu_most`` bound the tail index.
    ``regime_calm`` and ``regime_stress`` are ratios of fast to long-run volatility between which
    the market passes from calm to stress; ``regime_rel`` widens
    the range in full stress. Raises BadParameter for an impossible number.
    """

    lambda_vol: float = 0.99
    lambda_kurtosis: float = 0.99
    confidence_im: float = 0.95
    confidence_mm: float = 0.90
    scale: float = 1.30
    horizon_days: float = 1.0
    slow_share: float = 0.0
    long_run_days: int = 3653
    least_days: int = 365
    stressed_window_days: int = 30
    warm_up_days: int = 60
    quantile: Literal["t", "larger"] = "t"
    nu_least: float = 4.2
    nu_most: float = 30.0
    regime_calm: float = 1.0
    regime_stress: float = 2.0
    regime_rel: float = 0.10
    guards: GuardSettings = GuardSettings()

    def __post_init__(self) -> None:
        _within("lambda_vol", self.lambda_vol, 0.5, 0.9999)
        _within("lambda_kurtosis", self.lambda_kurtosis, 0.5, 0.9999)
        _within("confidence_im", self.confidence_im, 0.9, 0.99999)
        _within("confidence_mm", self.confidence_mm, 0.9, self.confidence_im)
        _within("scale", self.scale, 0.1, 10.0)
        _within("horizon_days", self.horizon_days, 1.0 / 24.0, 30.0)
        _within("slow_share", self.slow_share, 0.0, 2.0)
        _within("long_run_days", self.long_run_days, 60, 7306)
        _within("least_days", self.least_days, 20, 7306)
        _within("stressed_window_days", self.stressed_window_days, 1, 365)
        _within("warm_up_days", self.warm_up_days, 20, self.long_run_days)
        _within("nu_least", self.nu_least, 2.1, 1e6)
        _within("nu_most", self.nu_most, self.nu_least, 1e6)
        _within("regime_calm", self.regime_calm, 0.1, 100.0)
        _within("regime_stress", self.regime_stress, self.regime_calm * 1.0001, 1000.0)
        _within("regime_rel", self.regime_rel, 0.0, 5.0)


class ShockSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How shocks of implied volatility, funding and basis follow from their own histories.

    ``confidence_im`` and ``confidence_mm`` of a move over the horizon; ``decay`` of the exponential
    averages of squared moves, a day; ``least_moves`` of history before anything is estimated.
    Raises BadParameter for an impossible number.
    """

    confidence_im: float = 0.995
    confidence_mm: float = 0.99
    decay: float = 0.94
    least_moves: int = 120

    def __post_init__(self) -> None:
        _within("confidence_im", self.confidence_im, 0.9, 0.99999)
        _within("confidence_mm", self.confidence_mm, 0.9, self.confidence_im)
        _within("decay", self.decay, 0.5, 0.9999)
        _within("least_moves", self.least_moves, 30, 7306)


class CorrelationSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How closely pairs move together at least, and how far that is relied on.

    ``decay`` a day of the exponential estimate; ``rolling_days`` of the other; the lower of their
    bounds at one-sided ``confidence`` counts. ``decay_stress`` a day of the volatility by which
    stress is told, quick whatever the ranges follow. ``kappa_calm`` and ``kappa_stress`` are the
    share of the bound that gives credit. ``least_eigenvalue`` below which a matrix is refused and
    not repaired. Raises BadParameter for an impossible number.
    """

    decay: float = 0.97
    rolling_days: int = 365
    least_days: int = 120
    confidence: float = 0.95
    decay_stress: float = 0.94
    kappa_calm: float = 1.0
    kappa_stress: float = 0.5
    least_eigenvalue: float = -0.1

    def __post_init__(self) -> None:
        _within("decay", self.decay, 0.5, 0.9999)
        _within("rolling_days", self.rolling_days, 30, 7306)
        _within("least_days", self.least_days, 30, self.rolling_days)
        _within("confidence", self.confidence, 0.5, 0.9999)
        _within("decay_stress", self.decay_stress, 0.5, 0.9999)
        _within("kappa_calm", self.kappa_calm, 0.0, 1.0)
        _within("kappa_stress", self.kappa_stress, 0.0, self.kappa_calm)
        _within("least_eigenvalue", self.least_eigenvalue, -1.0, 0.0)


class DepthSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How thin books and crowded markets widen parameters.

    ``power`` of reference depth over measured depth, ``most`` the largest factor.
    ``crowded_days`` of volume that open interest may be before it raises the concentration charge.
    Raises BadParameter for an impossible number.
    """

    power: float = 0.5
    most: float = 3.0
    crowded_days: float = 5.0

    def __post_init__(self) -> None:
        _within("power", self.power, 0.0, 2.0)
        _within("most", self.most, 1.0, 100.0)
        _within("crowded_days", self.crowded_days, 0.01, 1000.0)


class CalibrationSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every choice of a calibration.

    ``volatility`` ``ewma``, or the larger of it and the forecast of a ``garch`` or ``gjr`` model
    with t innovations, today. ``reference_depth_usd`` the usual depth by underlying, against which
    a measured one is held. ``confirmed_by`` the two persons who let a held jump through.
    """

    volatility: Literal["ewma", "garch", "gjr"] = "ewma"
    ranges: RangeSettings = RangeSettings()
    shocks: ShockSettings = ShockSettings()
    correlation: CorrelationSettings = CorrelationSettings()
    depth: DepthSettings = DepthSettings()
    reference_depth_usd: dict[str, float] = {}
    confirmed_by: tuple[str, ...] = ()

    @property
    def confirmed(self) -> bool:
        """Whether two different persons have confirmed."""
        return self.persons >= 2

    @property
    def persons(self) -> int:
        """How many different persons have confirmed."""
        return len({name.strip().casefold() for name in self.confirmed_by} - {""})
