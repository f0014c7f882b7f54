"""Bachelier's normal model on arrays: value, Greeks and implied normal volatility.

For what may trade below zero: forwards and strikes have either sign. ``normal_vol`` is in the quote
currency per √year, not a share of the price; the rest, broadcasting included, is as in
``seawall.pricing.black76``. Everything is per one unit of the underlying, held long.

Source: Bachelier (1900); the formulas stand in ``seawall.kernels.bachelier``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from seawall.kernels import bachelier as kernels
from seawall.pricing.results import Floats, Greeks, ImpliedVol
from seawall.pricing.rows import any_rows, rows, undiscounted_prices

SIGNED = ("forward", "strike")


def price(
    forward: ArrayLike,
    strike: ArrayLike,
    normal_vol: ArrayLike,
    tenor_years: ArrayLike,
    is_call: ArrayLike,
    discount: ArrayLike = 1.0,
) -> Floats:
    """Value in the quote currency, ≥ 0; the intrinsic value where ``normal_vol`` or T is 0.

    Raises BadNumber when a number is NaN or infinite, one other than forward and strike is
    negative, or ``is_call`` is not boolean.
    """
    (F, K, vol, T, D), call, shape = rows(
        is_call,
        signed=SIGNED,
        forward=forward,
        strike=strike,
        normal_vol=normal_vol,
        tenor_years=tenor_years,
        discount=discount,
    )
    value = np.empty(F.size)
    kernels.bachelier_values(F, K, vol, T, call, value)
    return (D * value).reshape(shape)


def greeks(
    forward: ArrayLike,
    strike: ArrayLike,
    normal_vol: ArrayLike,
    tenor_years: ArrayLike,
    is_call: ArrayLike,
    discount: ArrayLike = 1.0,
) -> Greeks:
    """Sensitivities of ``price`` to forward, volatility and time; vega per 1.00 of ``normal_vol``.

    At σ√T = 0 they are those of the payoff: delta steps (½ at the strike), gamma and theta are 0.
    Raises BadNumber as ``price`` does.
    """
    (F, K, vol, T, D), call, shape = rows(
        is_call,
        signed=SIGNED,
        forward=forward,
        strike=strike,
        normal_vol=normal_vol,
        tenor_years=tenor_years,
        discount=discount,
    )
    delta, gamma, vega, theta = (np.empty(F.size) for _ in range(4))
    kernels.bachelier_greeks(F, K, vol, T, call, delta, gamma, vega, theta)
    return Greeks(*((D * each).reshape(shape) for each in (delta, gamma, vega, theta)))


def implied_vol(
    price: ArrayLike,
    forward: ArrayLike,
    strike: ArrayLike,
    tenor_years: ArrayLike,
    is_call: ArrayLike,
    discount: ArrayLike = 1.0,
) -> ImpliedVol:
    """The normal volatility at which ``price`` is the Bachelier value, in ``sigma``.

    Every price above intrinsic value has one, so that no row is ABOVE_UPPER_BOUND; the other
    outcomes, and the exactness of in-the-money prices, are as in ``black76.implied_vol``. Raises
    BadNumber when ``is_call`` is not boolean or a discount factor is not finite and > 0.
    """
    (value, F, K, T), call, shape = any_rows(
        is_call, undiscounted_prices(price, discount), forward, strike, tenor_years
    )
    sigma = np.empty(value.size)
    status = np.empty(value.size, dtype=np.int8)
    kernels.implied_normal_vols(value, F, K, T, call, sigma, status)
    return ImpliedVol(sigma=sigma.reshape(shape), status=status.reshape(shape))
