"""Black-76 on arrays: value, coin-settled value, Greeks and implied volatility.

All arguments broadcast against each other as numpy's do and results have the common shape, so
scalars give arrays of shape (). ``forward`` and ``strike`` are in the quote currency (USD per
coin), ``sigma`` is a decimal volatility per √year, ``tenor_years`` is years to expiry, ``is_call``
is boolean. ``discount`` multiplies the value; the house convention is 1. Everything is per one
unit of the underlying, held long.

Source: Black (1976); the formulas stand in ``seawall.kernels.black76`` and
``seawall.kernels.implied_vol``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seawall.basics.arrays import freeze
from seawall.basics.errors import BadNumber
from seawall.kernels import black76 as kernels
from seawall.kernels import implied_vol as inversion

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Greeks:
    """Sensitivities of a long option per unit of underlying; read-only arrays of one shape.

    ``delta`` ∂V/∂F. ``gamma`` ∂²V/∂F², per quote currency. ``vega_per_unit_vol`` ∂V/∂σ per 1.00
    of volatility (a hundred vol points). ``theta_per_year`` −∂V/∂T at an unchanged forward and
    discount factor: what a year's waiting would add at the present rate, ≤ 0.
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

    ``sigma`` decimal per √year (or σ√T, from ``normalised_implied_sd``), NaN where not solved.
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


def price(
    forward: ArrayLike,
    strike: ArrayLike,
    sigma: ArrayLike,
    tenor_years: ArrayLike,
    is_call: ArrayLike,
    discount: ArrayLike = 1.0,
) -> Floats:
    """Black-76 value in the quote currency, ≥ 0; the intrinsic value where σ or T is 0.

    Raises BadNumber when a number is NaN, infinite or negative, or ``is_call`` is not boolean.
    """
    (F, K, vol, T, D), call, shape = _rows(
        is_call,
        forward=forward,
        strike=strike,
        sigma=sigma,
        tenor_years=tenor_years,
        discount=discount,
    )
    value = np.empty(F.size)
    kernels.black76_values(F, K, vol, T, call, value)
    return (D * value).reshape(shape)


def coin_price(
    forward: ArrayLike,
    strike: ArrayLike,
    sigma: ArrayLike,
    tenor_years: ArrayLike,
    is_call: ArrayLike,
) -> Floats:
    """Value of a coin-settled (inverse) option in coin: Black-76 in USD divided by the forward.

    Raises BadNumber as ``price`` does, and when a forward is 0: no coin price exists there.
    """
    F = _numbers("forward", forward)
    if not np.all(F > 0.0):
        raise BadNumber(
            "a forward of 0 has no coin price",
            where=f"forward, element {int(np.argmin(F))}",
            remedy="Supply the expiry's forward in USD per coin.",
        )
    return price(F, strike, sigma, tenor_years, is_call) / F


def greeks(
    forward: ArrayLike,
    strike: ArrayLike,
    sigma: ArrayLike,
    tenor_years: ArrayLike,
    is_call: ArrayLike,
    discount: ArrayLike = 1.0,
) -> Greeks:
    """Sensitivities of ``price`` to forward, volatility and time.

    At σ√T = 0 they are those of the payoff: delta steps (½ at the strike), gamma and theta are 0.
    Raises BadNumber as ``price`` does.
    """
    (F, K, vol, T, D), call, shape = _rows(
        is_call,
        forward=forward,
        strike=strike,
        sigma=sigma,
        tenor_years=tenor_years,
        discount=discount,
    )
    delta, gamma, vega, theta = (np.empty(F.size) for _ in range(4))
    kernels.black76_greeks(F, K, vol, T, call, delta, gamma, vega, theta)
    return Greeks(*((D * rows).reshape(shape) for rows in (delta, gamma, vega, theta)))


def implied_vol(
    price: ArrayLike,
    forward: ArrayLike,
    strike: ArrayLike,
    tenor_years: ArrayLike,
    is_call: ArrayLike,
    discount: ArrayLike = 1.0,
) -> ImpliedVol:
    """The volatility at which Black-76 gives ``price`` (quote currency; a coin premium times F).

    Quotes are often bad, so a row without a volatility is an outcome, not an error: NaN with a
    status that names cause and remedy. In-the-money prices are inverted through their time value
    and are as exact as its subtraction from the price leaves them.

    Raises BadNumber when ``is_call`` is not boolean or a discount factor is not finite and > 0.
    """
    D = _numbers("discount", discount)
    if not np.all(D > 0.0):
        raise BadNumber(
            "a discount factor of 0 leaves no price to invert",
            where=f"discount, element {int(np.argmin(D))}",
            remedy="Supply discount factors above 0, or leave the argument out.",
        )
    with np.errstate(over="ignore"):
        undiscounted = np.asarray(price, dtype=np.float64) / D
    (value, F, K, T), call, shape = _broadcast(
        is_call,
        [np.asarray(a, dtype=np.float64) for a in (undiscounted, forward, strike, tenor_years)],
    )
    sigma = np.empty(value.size)
    status = np.empty(value.size, dtype=np.int8)
    inversion.implied_vols(value, F, K, T, call, sigma, status)
    return ImpliedVol(sigma=sigma.reshape(shape), status=status.reshape(shape))


def normalised_implied_sd(log_moneyness: ArrayLike, beta: ArrayLike) -> ImpliedVol:
    """σ√T from ln(F/K) and the out-of-the-money option's value over √(FK).

    That is the call where ``log_moneyness`` ≤ 0 and the put where it is ≥ 0, one function by
    symmetry. The result's ``sigma`` holds σ√T. Accurate to rounding from β = 1e-300 up to where
    β, as a double, no longer tells volatilities apart (a few ulp below e^{−|x|/2}). Outcomes as
    ``implied_vol``'s.
    """
    x, value = np.broadcast_arrays(
        np.asarray(log_moneyness, dtype=np.float64), np.asarray(beta, dtype=np.float64)
    )
    sd = np.empty(x.size)
    status = np.empty(x.size, dtype=np.int8)
    inversion.normalised_implied_sds(_flat(x), _flat(value), sd, status)
    return ImpliedVol(sigma=sd.reshape(x.shape), status=status.reshape(x.shape))


def _rows(is_call: ArrayLike, **named: ArrayLike) -> tuple[list[Floats], Flags, tuple[int, ...]]:
    return _broadcast(is_call, [_numbers(name, values) for name, values in named.items()])


def _numbers(name: str, values: ArrayLike) -> Floats:
    """``values`` as float64, all finite and ≥ 0."""
    numbers = np.asarray(values, dtype=np.float64)
    bad = ~(np.isfinite(numbers) & (numbers >= 0.0))
    if np.any(bad):
        at = int(np.argmax(bad))
        raise BadNumber(
            f"{name} is {numbers.flat[at]}",
            where=f"{name}, element {at}",
            remedy="Black-76 takes finite numbers of at least 0.",
        )
    return numbers


def _broadcast(
    is_call: ArrayLike, numbers: list[Floats]
) -> tuple[list[Floats], Flags, tuple[int, ...]]:
    """Contiguous rows of one length, the flags alike, and the shape to give results."""
    flags = np.asarray(is_call)
    if flags.dtype != np.bool_:
        raise BadNumber(
            f"is_call holds {flags.dtype}, not booleans",
            where="is_call",
            remedy="Pass True for calls and False for puts.",
        )
    call, *arrays = np.broadcast_arrays(flags, *numbers)
    return [_flat(a) for a in arrays], np.ascontiguousarray(call).ravel(), call.shape


def _flat(numbers: Floats) -> Floats:
    return np.ascontiguousarray(numbers).ravel()
