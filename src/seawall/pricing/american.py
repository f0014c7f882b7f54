"""American options on arrays, with and without cash dividends.

All arguments broadcast against each other as numpy's do and results have the common shape.
``spot`` and ``strike`` are in the quote currency, ``vol`` is a decimal volatility per √year,
``tenor_years`` is years to expiry, ``rate`` and ``dividend_yield`` (or the cost of borrowing the
share) are continuously compounded per year and of either sign, ``is_call`` is boolean. Everything
is per one unit of the underlying, held long.

``dividends`` are rows [d, 2] of time in years from now and cash amount, of one underlying for all
options; those that went ex by now (time ≤ 0) or go ex after an option's expiry do not concern it.
At an ex-date the spot falls by the amount, at most to 0.

Options with one exercise boundary and no cash dividend are priced to seven digits or more by
spectral collocation (``seawall.kernels.american``), all others to four or five by finite
differences (``seawall.kernels.american_grid``). Rows beside each other share work: in the former
those of one volatility, tenor, rate and yield, in the latter those that differ by the spot alone.
So let spots be the last axis: 20 spots then cost what one does.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seawall.basics.errors import BadNumber
from seawall.kernels import american as spectral
from seawall.kernels import american_grid as grid
from seawall.kernels import implied_vol as inversion
from seawall.pricing.results import Flags, Floats, Greeks, ImpliedVol
from seawall.pricing.roots import Indices, bracketed_roots
from seawall.pricing.rows import any_rows, numbers, rows

NODES = 401
STEPS = 100
# The cubic that reads off the grid takes four nodes.
LEAST_NODES = 4

# e to this power: what rates and yields may make of a unit by expiry, or of it in return.
MAX_GROWTH = 30.0
# The greatest σ√T. European values are within 2e-9 of their upper bounds there.
MAX_TOTAL_SD = 12.0
# The greatest dividend in strikes: the grid, which reaches so far up, is too coarse beyond.
MAX_DIVIDEND_STRIKES = 1e8
# Greeks: the step of the spot in standard deviations, of the volatility as a share, the least.
SPOT_STEP_SD = 0.02
VOL_STEP_REL = 0.01
LEAST_STEP_REL = 1e-4
# Implied volatility: what is no time value, as a share of spot or strike; where the search begins.
NO_TIME_VALUE_REL = 1e-10
FIRST_TOTAL_SD = 0.75
VOL_ACCURACY = 1e-11


def price(
    spot: ArrayLike,
    strike: ArrayLike,
    vol: ArrayLike,
    tenor_years: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike,
    is_call: ArrayLike,
    dividends: ArrayLike = (),
    *,
    nodes: int = NODES,
    steps: int = STEPS,
) -> Floats:
    """Value in the quote currency, at least the payoff; without ``dividends`` at least European.

    Where ``vol`` is 0 it is the best discounted payoff on the one path that is left. ``nodes`` of
    the spot and ``steps`` of time are those of the finite differences.

    Raises BadNumber when a number is NaN or infinite, one other than a rate or yield is negative,
    either times the tenor is beyond ±30, σ√T is above 12, ``is_call`` is not boolean, a dividend
    is not a row of a time and an amount ≥ 0 or is above a strike times 1e8, ``nodes`` are fewer
    than 4 or ``steps`` than 1, or a value is beyond doubles.
    """
    arrays, call, shape = _rows(spot, strike, vol, tenor_years, rate, dividend_yield, is_call)
    return _values(arrays, call, _schedule(dividends), nodes, steps).reshape(shape)


def greeks(
    spot: ArrayLike,
    strike: ArrayLike,
    vol: ArrayLike,
    tenor_years: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike,
    is_call: ArrayLike,
    dividends: ArrayLike = (),
    *,
    nodes: int = NODES,
    steps: int = STEPS,
) -> Greeks:
    """Sensitivities of ``price``: delta and gamma to the spot, vega, and theta at given rates.

    Delta, gamma and vega are central differences of the price. Theta is what the equation of the
    price leaves, r·V − (r − q)·S·Δ − ½σ²S²·Γ, and 0 where exercise is due; it may be above 0. It
    is that between ex-dates. At σ√T = 0 gamma is 0, and at T = 0 so is theta.

    Raises BadNumber as ``price`` does, and where a spot is 0.
    """
    arrays, call, shape = _rows(spot, strike, vol, tenor_years, rate, dividend_yield, is_call)
    S, K, sigma, T, r, q = arrays
    if not np.all(S > 0.0):
        raise BadNumber(
            "an option on a spot of 0 has no Greeks",
            where=f"spot, element {int(np.argmin(S))}",
            remedy="Leave such options out.",
        )
    schedule = _schedule(dividends)

    def values(spots: Floats, vols: Floats) -> Floats:
        shaken = [spots, *(np.broadcast_to(each, spots.shape) for each in (K, vols, T, r, q))]
        calls = np.broadcast_to(call, spots.shape)
        rows_of = [np.ascontiguousarray(each.T).ravel() for each in shaken]
        found = _values(rows_of, np.ascontiguousarray(calls.T).ravel(), schedule, nodes, steps)
        return found.reshape(spots.shape[::-1]).T

    total_sd = sigma * np.sqrt(T)
    step = S * np.maximum(SPOT_STEP_SD * total_sd, LEAST_STEP_REL)
    down, here, up = values(np.stack([S - step, S, S + step]), sigma)
    delta = (up - down) / (2.0 * step)
    gamma = np.where(total_sd > 0.0, (up - 2.0 * here + down) / step**2, 0.0)
    shake = np.maximum(VOL_STEP_REL * sigma, LEAST_STEP_REL)
    lower = np.maximum(sigma - shake, 0.0)
    vega = (values(S, sigma + shake) - values(S, lower)) / (sigma + shake - lower)
    waiting = r * here - (r - q) * S * delta - 0.5 * (sigma * S) ** 2 * gamma
    payoff = np.maximum(np.where(call, S - K, K - S), 0.0)
    theta = np.where((T > 0.0) & (here > payoff * (1.0 + 1e-12)), waiting, 0.0)
    return Greeks(*(each.reshape(shape) for each in (delta, gamma, vega, theta)))


def implied_vol(
    price: ArrayLike,
    spot: ArrayLike,
    strike: ArrayLike,
    tenor_years: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike,
    is_call: ArrayLike,
    dividends: ArrayLike = (),
    *,
    nodes: int = NODES,
    steps: int = STEPS,
) -> ImpliedVol:
    """The volatility at which the American value is ``price``.

    Outcomes are those of ``black76.implied_vol``. Intrinsic value here is what the option is worth
    without volatility, at least the payoff: a price of immediate exercise is AT_INTRINSIC, since
    every volatility below a certain one gives it. The bound is the spot of a call or the strike of
    a put, grown where the yield or the rate is negative.

    Raises BadNumber as ``price`` does, but for a number that the row's outcome tells of.
    """
    arrays, call, shape = any_rows(is_call, price, spot, strike, tenor_years, rate, dividend_yield)
    schedule = _schedule(dividends)
    sigma = np.full(call.size, math.nan)
    status = np.full(call.size, inversion.NOT_FINITE, dtype=np.int8)
    finite = np.isfinite(arrays).all(axis=0)
    status[finite] = inversion.NO_OPTIONALITY
    for each in arrays[1:4]:  # spot, strike, tenor
        finite &= each > 0.0
    _check_growth(*(np.where(finite, arrays[i], 0.0) for i in (4, 5, 3)))
    options = [each[finite] for each in arrays]

    def values(vols: Floats, rows: Indices) -> Floats:
        _, S, K, T, r, q = (each[rows] for each in options)
        return _values([S, K, vols, T, r, q], call[finite][rows], schedule, nodes, steps)

    sigma[finite], status[finite] = _invert(values, options, call[finite])
    return ImpliedVol(sigma=sigma.reshape(shape), status=status.reshape(shape))


def _invert(
    values: Callable[[Floats, Indices], Floats], options: list[Floats], call: Flags
) -> tuple[Floats, NDArray[np.int8]]:
    """Volatilities and outcomes of price, spot, strike, tenor, rate, yield; all finite and live."""
    price, S, K, T, r, q = options
    everywhere = np.arange(call.size)
    time_value = price - values(np.zeros(call.size), everywhere)
    high = FIRST_TOTAL_SD / np.sqrt(T)
    above = values(high, everywhere) - price
    while np.any(short := (above < 0.0) & (high * np.sqrt(T) < MAX_TOTAL_SD)):
        high[short] *= 2.0
        above[short] = values(high[short], everywhere[short]) - price[short]
    bound = np.where(call, S * np.exp(np.maximum(-q * T, 0.0)), K * np.exp(np.maximum(-r * T, 0.0)))
    slack = NO_TIME_VALUE_REL * np.maximum(S, K)
    status = np.full(call.size, inversion.SOLVED, dtype=np.int8)
    status[(above < 0.0) | (price >= bound)] = inversion.ABOVE_UPPER_BOUND
    status[time_value <= slack] = inversion.AT_INTRINSIC
    status[time_value < -slack] = inversion.BELOW_INTRINSIC
    rows = everywhere[status == inversion.SOLVED]
    sigma = np.full(call.size, math.nan)
    sigma[rows] = bracketed_roots(
        lambda vols, some: values(vols, rows[some]) - price[rows[some]],
        np.zeros(rows.size),
        high[rows],
        -time_value[rows],
        above[rows],
        VOL_ACCURACY,
    )
    return sigma, status


def _rows(
    spot: ArrayLike,
    strike: ArrayLike,
    vol: ArrayLike,
    tenor_years: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike,
    is_call: ArrayLike,
) -> tuple[list[Floats], Flags, tuple[int, ...]]:
    arrays, call, shape = rows(
        is_call,
        signed=("rate", "dividend_yield"),
        spot=spot,
        strike=strike,
        vol=vol,
        tenor_years=tenor_years,
        rate=rate,
        dividend_yield=dividend_yield,
    )
    _check_growth(arrays[4], arrays[5], arrays[3])
    _check_total_sd(arrays[2], arrays[3])
    return arrays, call, shape


def _values(arrays: list[Floats], call: Flags, schedule: Floats, nodes: int, steps: int) -> Floats:
    """Values of checked rows of spot, strike, vol, tenor, rate and yield."""
    if nodes < LEAST_NODES or steps < 1:
        raise BadNumber(
            f"a grid of {nodes} nodes and {steps} steps",
            where="nodes and steps",
            remedy=f"Give at least {LEAST_NODES} nodes and 1 step, or leave both out.",
        )
    spot, strike, vol, tenor, rate, dividend_yield = arrays
    put_rate = np.where(call, dividend_yield, rate)
    put_yield = np.where(call, rate, dividend_yield)
    two_boundaries = (put_yield < put_rate) & (put_rate < 0.0)
    certain = (vol * np.sqrt(tenor) < grid.MIN_TOTAL_SD) | (spot == 0.0) | (strike == 0.0)
    pays = schedule[0, 0] <= tenor if schedule.size else np.zeros(call.size, dtype=np.bool_)
    _check_sizes(schedule, strike[pays & ~certain])
    on_grid = two_boundaries | certain | pays
    value = np.empty(call.size)
    value[on_grid] = _by_differences(
        [each[on_grid] for each in arrays], call[on_grid], schedule, nodes, steps
    )
    value[~on_grid] = _by_boundary([each[~on_grid] for each in arrays], call[~on_grid])
    if not np.all(np.isfinite(value)):
        at = int(np.argmin(np.isfinite(value)))
        raise BadNumber(
            f"the value at a spot of {spot[at]} and a strike of {strike[at]} is beyond doubles",
            where="spot, strike and dividends",
            remedy="Give all three in the same currency, and of sizes that stocks have.",
        )
    return value


def _by_differences(
    arrays: list[Floats], call: Flags, schedule: Floats, nodes: int, steps: int
) -> Floats:
    S, K, vol, T, r, q = arrays
    value = np.empty(call.size)
    grid.american_on_grid(S, K, vol, T, r, q, call, schedule, nodes, steps, value)
    return value


def _by_boundary(arrays: list[Floats], call: Flags) -> Floats:
    S, K, vol, T, r, q = arrays
    value = np.empty(call.size)
    spectral.american_values(S, K, vol, T, r, q, call, value)
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


def _check_total_sd(vol: Floats, tenor_years: Floats) -> None:
    total_sd = vol * np.sqrt(tenor_years)
    if np.any(total_sd > MAX_TOTAL_SD):
        at = int(np.argmax(total_sd))
        raise BadNumber(
            f"a volatility of {vol[at]} over {tenor_years[at]} years",
            where=f"vol, element {at}",
            remedy=f"Give it as a decimal per √year; times √T at most {MAX_TOTAL_SD:g}.",
        )


def _check_sizes(schedule: Floats, strike: Floats) -> None:
    if strike.size and strike.min() < schedule[:, 1].max() / MAX_DIVIDEND_STRIKES:
        raise BadNumber(
            f"a dividend of {schedule[:, 1].max()} beside a strike of {strike.min()}",
            where="dividends and strike",
            remedy="Give both in the same currency, per one unit of the underlying.",
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
