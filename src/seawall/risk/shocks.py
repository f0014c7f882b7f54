"""Shocks that know their own kind, a scenario's volatility moves, and its instants."""

from __future__ import annotations

import math
from enum import StrEnum
from itertools import pairwise
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import BadParameter

Floats = NDArray[np.float64]


class Shock(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A change of a number: ``relative`` x·(1 + size), ``absolute`` x + size, ``scaled`` x·size.

    Where the size depends on the tenor, ``size`` is a list of knots, each of days and of the size
    there: linear between them, and flat beyond the first and the last. Raises BadParameter for a
    number that is not finite and for knots that are not in order.
    """

    kind: Literal["relative", "absolute", "scaled"]
    size: float | tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        days: list[float] = []
        if isinstance(self.size, tuple):
            days = [day for day, _ in self.size]
            finite = bool(days) and all(math.isfinite(n) for knot in self.size for n in knot)
        else:
            finite = math.isfinite(self.size)
        ordered = all(here < there for here, there in pairwise(days))
        if not finite or not ordered:
            raise BadParameter(
                f"a shock of {self.size}",
                where=f"{self.kind} shock",
                remedy="Give a finite size, or knots of days and sizes with the days in order.",
            )

    def sizes(self, tenor_days: Floats) -> Floats:
        """The size at each tenor; shape as given."""
        if not isinstance(self.size, tuple):
            return np.full(tenor_days.shape, self.size)
        knots = np.array(self.size)
        return np.interp(tenor_days, knots[:, 0], knots[:, 1])

    def apply(
        self,
        values: Floats,
        weight: Floats | float = 1.0,
        tenor_days: Floats | None = None,
    ) -> Floats:
        """The shocked values, shape as given; ``weight`` multiplies the change element by element.

        A weight of 1 gives the whole shock and 0 none, whatever the kind. ``tenor_days`` are those
        of the values, 0 where they have none; a size without knots asks for none.
        """
        size: Floats | float
        if isinstance(self.size, tuple):
            size = self.sizes(np.zeros(values.shape) if tenor_days is None else tenor_days)
        else:
            size = self.size
        if self.kind == "absolute":
            return values + size * weight
        change_rel = size if self.kind == "relative" else size - 1.0
        return values * (1.0 + change_rel * weight)


class VolMove(StrEnum):
    """How implied volatilities move in a scenario, the unmoved one first."""

    NONE = "none"
    UP = "up"
    DOWN = "down"
    SKEW_UP = "skew+"
    SKEW_DOWN = "skew-"
    TWIST_UP = "twist+"
    TWIST_DOWN = "twist-"
    SKEW_LINEAR = "skew-linear"
    SKEW_ABSOLUTE = "skew-absolute"
    UP_OTHER = "up, other shock"
    DOWN_OTHER = "down, other shock"
    OWN = "own move"


class Instant(StrEnum):
    """When a scenario is evaluated, and with it that the smile has gone along with the price.

    The order is that of the kernel's table.
    """

    NOW = "now"
    HORIZON = "horizon"
    POST_EXPIRY = "post-expiry"
    NOW_STICKY_DELTA = "now, sticky-delta"
    HORIZON_STICKY_DELTA = "horizon, sticky-delta"
    POST_EXPIRY_STICKY_DELTA = "post-expiry, sticky-delta"
