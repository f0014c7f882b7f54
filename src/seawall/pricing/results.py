"""What the pricing functions give beside prices: Greeks, and implied volatilities with outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from seawall.basics.arrays import freeze
from seawall.kernels import implied_vol as inversion

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Greeks:
    """Sensitivities of a long option per unit of underlying; read-only arrays of one shape.

    ``delta`` ∂V/∂F. ``gamma`` ∂²V/∂F², per quote currency. ``vega_per_unit_vol`` ∂V/∂σ per 1.00
    of volatility (a hundred vol points). ``theta_per_year`` −∂V/∂T at an unchanged forward and
    discount factor: what a year's waiting would add at the present rate, ≤ 0. Of American options
    delta and gamma are to the spot, and theta, at unchanged spot and rates, has either sign.
    """

    delta: Floats
    gamma: Floats
    vega_per_unit_vol: Floats
    theta_per_year: Floats

    def __post_init__(self) -> None:
        """Make the arrays read-only."""
        freeze(self, *self.delta.shape)


class ImpliedVolStatus(IntEnum):
    """Why a row has, or has not, an implied volatility."""

    SOLVED = inversion.SOLVED
    AT_INTRINSIC = inversion.AT_INTRINSIC
    BELOW_INTRINSIC = inversion.BELOW_INTRINSIC
    ABOVE_UPPER_BOUND = inversion.ABOVE_UPPER_BOUND
    NO_OPTIONALITY = inversion.NO_OPTIONALITY
    NOT_FINITE = inversion.NOT_FINITE

    @property
    def cause(self) -> str:
        """What the price says, in one sentence."""
        return _CAUSE_AND_REMEDY[self][0]

    @property
    def remedy(self) -> str:
        """What to do about it, in one sentence; empty when solved."""
        return _CAUSE_AND_REMEDY[self][1]


_CAUSE_AND_REMEDY = {
    ImpliedVolStatus.SOLVED: ("One volatility gives this price.", ""),
    ImpliedVolStatus.AT_INTRINSIC: (
        "The price is the intrinsic value, to rounding: no time value is left to invert.",
        "Invert the out-of-the-money option of the same strike, or drop the row.",
    ),
    ImpliedVolStatus.BELOW_INTRINSIC: (
        "The price is below the intrinsic value, which no volatility gives.",
        "Check the forward and the price: one is stale, or they are in different units.",
    ),
    ImpliedVolStatus.ABOVE_UPPER_BOUND: (
        "The price is at or above the call's forward or the put's strike, its bound.",
        "Check the units of price and strike: a coin premium must be multiplied by the forward.",
    ),
    ImpliedVolStatus.NO_OPTIONALITY: (
        "Volatility does not move the price: no time is left, or forward or strike is nil.",
        "Leave out expired options and rows without a forward.",
    ),
    ImpliedVolStatus.NOT_FINITE: (
        "The price, forward, strike or tenor is NaN or infinite.",
        "Supply the missing number or drop the row.",
    ),
}


@dataclass(frozen=True, slots=True)
class ImpliedVol:
    """Implied volatilities with the outcome of each row; read-only arrays of one shape.

    ``sigma`` decimal per √year (Bachelier's in the quote currency; σ√T from
    ``normalised_implied_sd``), NaN where not solved.
    ``status`` int8 codes of ``ImpliedVolStatus``.
    """

    sigma: Floats
    status: NDArray[np.int8]

    def __post_init__(self) -> None:
        """Make the arrays read-only."""
        freeze(self, *self.sigma.shape)

    @property
    def solved(self) -> Flags:
        """Which rows have a volatility."""
        return np.asarray(self.status == ImpliedVolStatus.SOLVED)
