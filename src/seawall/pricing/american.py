"""American options on arrays, with and without cash dividends.

All arguments broadcast against each other as numpy's do and results have the common shape.
``spot`` and ``strike`` are in the quote currency, ``vol`` is a decimal volatility per √year,
``tenor_years`` is years to expiry, ``rate`` and ``dividend_yield`` (or the cost of borrowing the
share) are continuously compounded per year and of either sign, ``is_call`` is boolean. Everything
is per one unit of the underlying, held long.

``dividends`` are rows [d, 2] of time in years from now and cash amount, of one underlying for all
options; those that went ex by now (time ≤ 0) or go ex after an option's expiry do not concern it.
At an ex-date the spot falls by the amount, at most to 0.

Options with one exercise boundary and no cash dividend are priced to some nine digits by spectral
collocation (``seawall.kernels.american``), all others to some five by finite differences
(``seawall.kernels.american_grid``). Rows beside each other share work: in the former those of one
volatility, tenor, rate and yield, in the latter those that differ by the spot alone. So let spots
be the last axis: 20 spots then cost what one does.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from seawall.basics.errors import BadNumber
from seawall.kernels import american as spectral
from seawall.kernels import american_grid as grid
from seawall.pricing.results import Flags, Floats
from seawall.pricing.rows import numbers, rows

NODES = 401
STEPS = 100

SIGNED = ("rate", "dividend_yield")
# e to this power: what rates and yields may make of a unit by expiry, or of it in return.
MAX_GROWTH = 30.0


def price(
    spot: ArrayLike,
    strike: ArrayLike,
    vol: ArrayLike,
    tenor_years: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike,
    is_call: ArrayLike,
) -> Floats:
    """Value in the quote currency, at least the payoff and the European value.

    Where ``vol`` is 0 it is the best discounted payoff along the forward. Raises BadNumber when a
    number is NaN or infinite, one other than a rate is negative, a rate times the tenor is beyond
    ±30, or ``is_call`` is not boolean.
    """
    return price_with_dividends(
        spot, strike, vol, tenor_years, rate, [], is_call, dividend_yield=dividend_yield
    )


def price_with_dividends(
    spot: ArrayLike,
    strike: ArrayLike,
    vol: ArrayLike,
    tenor_years: ArrayLike,
    rate: ArrayLike,
    dividends: ArrayLike,
    is_call: ArrayLike,
    *,
    dividend_yield: ArrayLike = 0.0,
    nodes: int = NODES,
    steps: int = STEPS,
) -> Floats:
    """``price`` on a spot that also pays ``dividends``, rows of time in years and cash amount.

    ``nodes`` of the spot and ``steps`` of time are those of the finite differences. Raises
    BadNumber as ``price`` does, and for dividends that are not finite, negative or not in rows
    of two.
    """
    arrays, call, shape = rows(
        is_call,
        signed=SIGNED,
        spot=spot,
        strike=strike,
        vol=vol,
        tenor_years=tenor_years,
        rate=rate,
        dividend_yield=dividend_yield,
    )
    return _values(arrays, call, _schedule(dividends), nodes, steps).reshape(shape)


def _values(
    arrays: list[Floats], call: Flags, schedule: Floats, nodes: int = NODES, steps: int = STEPS
) -> Floats:
    """Values of checked rows of spot, strike, vol, tenor, rate and yield."""
    S, K, vol, T, r, q = arrays
    _check_growth(r, q, T)
    put_rate, put_yield = np.where(call, q, r), np.where(call, r, q)
    on_grid = (put_rate < 0.0) & (put_yield < put_rate)
    on_grid |= (vol * np.sqrt(T) < grid.MIN_TOTAL_SD) | (S == 0.0) | (K == 0.0)
    if schedule.size:
        on_grid |= schedule[0, 0] <= T
    value = np.empty(S.size)
    if np.any(on_grid):
        S, K, vol, T, r, q = (each[on_grid] for each in arrays)
        found = np.empty(S.size)
        grid.american_on_grid(S, K, vol, T, r, q, call[on_grid], schedule, nodes, steps, found)
        value[on_grid] = found
    if not np.all(on_grid):
        S, K, vol, T, r, q = (each[~on_grid] for each in arrays)
        found = np.empty(S.size)
        spectral.american_values(S, K, vol, T, r, q, call[~on_grid], found)
        value[~on_grid] = found
    return value


def _check_growth(rate: Floats, dividend_yield: Floats, tenor_years: Floats) -> None:
    growth = np.maximum(np.abs(rate), np.abs(dividend_yield)) * tenor_years
    if np.any(growth > MAX_GROWTH):
        at = int(np.argmax(growth))
        raise BadNumber(
            f"a rate of {rate[at]} or yield of {dividend_yield[at]} over {tenor_years[at]} years",
            where=f"rate or dividend_yield, element {at}",
            remedy=f"Give rates per year as decimals; times the tenor at most ±{MAX_GROWTH:g}.",
        )


def _schedule(dividends: ArrayLike) -> Floats:
    """The dividends still to come, [d, 2], by time."""
    given = np.asarray(dividends, dtype=np.float64)
    if given.size == 0:
        return np.empty((0, 2))
    if given.ndim != 2 or given.shape[1] != 2:
        raise BadNumber(
            f"dividends have shape {given.shape}",
            where="dividends",
            remedy="Give one row of time in years and cash amount for each dividend.",
        )
    numbers("dividends, times", given[:, 0], -math.inf)
    numbers("dividends, amounts", given[:, 1])
    coming = given[given[:, 0] > 0.0]
    return np.ascontiguousarray(coming[np.argsort(coming[:, 0], kind="stable")])
