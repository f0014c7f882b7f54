"""Shocks that know their own kind, a scenario's volatility moves, and its instants."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import BadParameter

Floats = NDArray[np.float64]


class Shock(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A change of a number: ``relative`` x·(1 + size), ``absolute`` x + size, ``scaled`` x·size.

    Raises BadParameter if the size is not finite.
    """

    kind: Literal["relative", "absolute", "scaled"]
    size: float

    def __post_init__(self) -> None:
        if not math.isfinite(self.size):
            raise BadParameter(
                f"a shock of {self.size}",
                where=f"{self.kind} shock",
                remedy="Give a finite size.",
            )

    def apply(self, values: Floats, weight: Floats | float = 1.0) -> Floats:
        """The shocked values, shape as given; ``weight`` multiplies the change element by element.

        A weight of 1 gives the whole shock and 0 none, whatever the kind.
        """
        if self.kind == "absolute":
            return values + self.size * weight
        change_rel = self.size if self.kind == "relative" else self.size - 1.0
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
