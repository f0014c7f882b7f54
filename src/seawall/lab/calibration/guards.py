"""Guards against whipsaw: each orthogonal to the others, each one that can be switched off.

A guard looks at raw numbers, at what is in force and at the calendar, never at an account. The
order is stress weight, buffer, floor; then speed, jump and rounding; then notice. EMIR RTS
153/2013, Article 28, asks for one of the first three.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.basics.arrays import freeze, pickled
from seawall.basics.errors import BadNumber
from seawall.lab.calibration.days import DAY_NS
from seawall.lab.calibration.settings import GuardSettings

Floats = NDArray[np.float64]
Times = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RawTargets:
    """What the market says a parameter should be, at each time; shape [n], read-only.

    ``target`` the raw number; ``long_run`` the same number by long-run volatility; ``stressed`` by
    the volatility of the worst time known by then. Raises BadNumber for numbers that are not finite
    and positive and times that do not increase.
    """

    at_ns: Times
    target: Floats
    long_run: Floats
    stressed: Floats

    __reduce__ = pickled

    def __post_init__(self) -> None:
        freeze(self, self.at_ns.size)
        numbers = np.stack([self.target, self.long_run, self.stressed])
        sound = bool((np.isfinite(numbers) & (numbers > 0.0)).all())
        if not (sound and bool((np.diff(self.at_ns) > 0).all())):
            raise BadNumber(
                "raw numbers that are not finite and positive, or times that do not increase",
                where="guards of a parameter",
                remedy="Give the numbers of each time in order, without those not known yet.",
            )


@dataclass(frozen=True, slots=True)
class GuardedPath:
    """A parameter under guards; shape [n], read-only.

    ``wanted`` what it should be after weight, buffer and floor; ``announced`` the number published
    at each time; ``in_force`` what margins are computed with then, a rise having stood for its
    notice; ``held`` where part of a rise waits for two persons' word.
    """

    at_ns: Times
    wanted: Floats
    announced: Floats
    in_force: Floats
    held: NDArray[np.bool_]

    __reduce__ = pickled

    def __post_init__(self) -> None:
        freeze(self, self.at_ns.size)


def wanted(raw: RawTargets, settings: GuardSettings) -> Floats:
    """The raw numbers with stress weight, buffer and floor; shape [n], never below the raw ones.

    Weight: (1−w)·raw + w·max(stressed, raw). Buffer: max(x, min((1+b)·x, (1+b)·long run)), whole
    while x is below the long-run number, used up as x rises and gone at 1+b times it. Floor: at
    least a share of the long-run number.
    """
    weight, buffer = settings.stressed_weight, 1.0 + settings.buffer_rel
    blend = (1.0 - weight) * raw.target + weight * np.maximum(raw.stressed, raw.target)
    buffered = np.maximum(blend, buffer * np.minimum(blend, raw.long_run))
    return np.maximum(buffered, floor(raw, settings))


def floor(raw: RawTargets, settings: GuardSettings) -> Floats:
    """The least number of each time, from long-run volatility; shape [n]."""
    return settings.floor_share * raw.long_run


def guarded(
    raw: RawTargets,
    settings: GuardSettings,
    *,
    in_force: float | None = None,
    least: float = 0.0,
) -> GuardedPath:
    """A parameter from day to day under all guards, from nothing but earlier days.

    ``in_force`` is the number in force at the first time, if there was one; without it the first
    wanted number is taken as it is. Whatever is wanted, no less than ``least`` is. Published
    numbers never fall faster than ``loosen_per_day``, never rise by more than ``jump_rel`` at once,
    and are never below the floor but while a jump to it is held. A rise is in force when it has
    stood for ``notice_days``: the least number announced within the notice counts.
    """
    want = np.maximum(wanted(raw, settings), least)
    announced, held = np.empty_like(want), np.zeros(want.size, dtype=np.bool_)
    elapsed = np.diff(raw.at_ns) / DAY_NS
    last = in_force
    for place, number in enumerate(want.tolist()):
        days = float(elapsed[place - 1]) if place else 0.0
        last, held[place] = step(number, last, days, settings)
        announced[place] = last
    since = np.searchsorted(raw.at_ns, raw.at_ns - round(settings.notice_days * DAY_NS), "left")
    effective = [
        float(announced[start : place + 1].min()) for place, start in enumerate(since.tolist())
    ]
    return GuardedPath(
        at_ns=raw.at_ns,
        wanted=want,
        announced=announced,
        in_force=np.asarray(effective, dtype=np.float64),
        held=held,
    )


def step(
    want: float,
    last: float | None,
    days: float,
    settings: GuardSettings,
    *,
    confirmed: bool = False,
) -> tuple[float, bool]:
    """The number to publish after ``last``, ``days`` later, and whether part of a rise is held.

    Falls: not at all within the deadband, and no faster than ``loosen_per_day``, compounded.
    Rises: at most by ``jump_rel`` unless ``confirmed``; the rest waits.
    """
    if last is None:
        return rounded_up(want, settings.digits), False
    if want <= last:
        if want >= last * (1.0 - settings.deadband_rel):
            return last, False
        slowest = last * (1.0 - settings.loosen_per_day) ** days
        return min(rounded_up(max(want, slowest), settings.digits), last), False
    most = math.inf if settings.jump_rel is None else last * (1.0 + settings.jump_rel)
    if want > most and not confirmed:
        return _rounded(most, settings.digits, math.floor), True
    return rounded_up(want, settings.digits), False


def rounded_up(value: float, digits: int) -> float:
    """The number rounded upward to so many significant digits; a rounded one stays as it is."""
    return _rounded(value, digits, math.ceil)


def _rounded(value: float, digits: int, way: Callable[[float], int]) -> float:
    places = digits - 1 - math.floor(math.log10(value))
    # A product such as 0.14·100 is a hair beside the whole number it means.
    whole = way(round(value * 10.0**places, 6))
    return whole / 10.0**places if places >= 0 else float(whole * 10**-places)
