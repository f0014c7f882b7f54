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

import numpy as np
from numpy.typing import ArrayLike

from seawall.basics.errors import BadNumber
from seawall.kernels import black76 as kernels
from seawall.kernels import implied_vol as inversion
from seawall.pricing.results import Floats, Greeks, ImpliedVol
from seawall.pricing.rows import any_rows, flat, numbers, rows, undiscounted_prices


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
    (F, K, vol, T, D), call, shape = rows(
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
    F = numbers("forward", forward)
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
    (F, K, vol, T, D), call, shape = rows(
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
    undiscounted = undiscounted_prices(price, discount)
    (value, F, K, T), call, shape = any_rows(is_call, undiscounted, forward, strike, tenor_years)
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
    inversion.normalised_implied_sds(flat(x), flat(value), sd, status)
    return ImpliedVol(sigma=sd.reshape(x.shape), status=status.reshape(x.shape))
