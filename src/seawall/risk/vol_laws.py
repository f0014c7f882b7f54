"""How shocks of volatility go with tenor and strike."""

from __future__ import annotations

import math

import msgspec
import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import BadParameter


def require(holds: bool, what: str, where: str) -> None:
    """Raise BadParameter, which says ``what`` is wrong and ``where``, unless something holds."""
    if not holds:
        raise BadParameter(what, where=f"scenarios.{where}", remedy="Correct the preset.")


def at_least_zero(*numbers: float) -> bool:
    """Whether all are finite and none is below zero."""
    return all(math.isfinite(number) and number >= 0.0 for number in numbers)


class TenorLaw(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Volatility shocks shrink with tenor: (reference / max(days, floor))^power.

    ``short_power`` up to the reference tenor, ``long_power`` beyond; with ``whole_days`` a day that
    has begun counts whole. Raises BadParameter unless the powers are finite and at least zero, and
    the days finite and above zero.
    """

    reference_days: float
    floor_days: float
    short_power: float
    long_power: float
    whole_days: bool = False

    def __post_init__(self) -> None:
        for name, days in (("reference", self.reference_days), ("floor", self.floor_days)):
            tenor = math.isfinite(days) and days > 0.0
            require(tenor, f"{name}_days is {days}, which is no tenor", "tenor_law")
        for name, power in (("short", self.short_power), ("long", self.long_power)):
            require(at_least_zero(power), f"{name}_power is {power}", "tenor_law")

    def weight(self, tenor_days: NDArray[np.float64]) -> NDArray[np.float64]:
        """Multiplier of a volatility shock; 1 at the reference tenor. Shape as given."""
        if self.whole_days:
            tenor_days = np.ceil(tenor_days)
        power = np.where(tenor_days <= self.reference_days, self.short_power, self.long_power)
        weight: NDArray[np.float64] = np.power(
            self.reference_days / np.maximum(tenor_days, self.floor_days), power
        )
        return weight


class SkewTilt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Relative volatility change per standard deviation of log-moneyness, cut at ``cap_sd``.

    Raises BadParameter for a negative number or a tilt of 100 % or more at the cut.
    """

    size_rel: float
    cap_sd: float

    def __post_init__(self) -> None:
        require(at_least_zero(self.size_rel, self.cap_sd), "a number that is not >= 0", "skew_tilt")
        positive = self.size_rel * self.cap_sd < 1.0
        require(positive, "a tilt that takes a volatility to zero", "skew_tilt")


class TermTwist(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Relative volatility change at the two ends of the term structure, log-linear between.

    Raises BadParameter for a twist of 100 % or more and for ends that are not in order.
    """

    size_rel: float
    short_end_days: float
    long_end_days: float

    def __post_init__(self) -> None:
        require(0.0 <= self.size_rel < 1.0, "a twist that takes a volatility to zero", "term_twist")
        ordered = 0.0 < self.short_end_days < self.long_end_days < math.inf
        require(ordered, "ends that are not in order", "term_twist")


class SkewStretch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Volatilities that go with log-moneyness k = ln(K/F) or its size, each up to a cap.

    σ·max(0, 1 + clip(k·cap/k*, ±cap)), cap = ``cap_base`` + ``cap_per_root_year``·√T and
    k* = max(``least_k``, √T·``width``·(``vol_base`` + ``vol_per_root_year``·√T)). Source: Derive's
    portfolio margin, docs/models/derive-pm2.md. Raises BadParameter for a number that is not
    finite, or a ``least_k`` or ``width`` that is not above 0.
    """

    linear_cap_base: float
    linear_cap_per_root_year: float
    absolute_cap_base: float
    absolute_cap_per_root_year: float
    least_k: float
    width: float
    vol_base: float
    vol_per_root_year: float

    def __post_init__(self) -> None:
        finite = all(math.isfinite(getattr(self, name)) for name in self.__struct_fields__)
        require(finite, "a number that is not finite", "skew")
        require(self.least_k > 0.0 and self.width > 0.0, "a width that is none", "skew")

    def factors(
        self, log_moneyness: NDArray[np.float64], tenor_years: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What volatilities are multiplied by, along k and along its size; shape as given."""
        root = np.sqrt(tenor_years)
        k_star = np.maximum(
            self.least_k, root * self.width * (self.vol_base + self.vol_per_root_year * root)
        )

        def along(k: NDArray[np.float64], base: float, per_root: float) -> NDArray[np.float64]:
            cap = base + per_root * root
            return np.maximum(0.0, 1.0 + np.clip(k * cap / k_star, -cap, cap))

        return (
            along(log_moneyness, self.linear_cap_base, self.linear_cap_per_root_year),
            along(np.abs(log_moneyness), self.absolute_cap_base, self.absolute_cap_per_root_year),
        )
