"""American options on a spot that pays cash dividends, by finite differences on ln S.

Between ex-dates S follows dS = (r − q)·S·dt + σ·S·dW, and by τ = time to expiry, with x = ln S,

    max( L V − V_τ, payoff − V ) = 0       L V = ½σ²·V_xx + (r − q − ½σ²)·V_x − r·V

At an ex-date the spot falls by the dividend D, at most to 0; the option may be exercised before:
V(S, t−) = max(payoff, V(max(S − D, 0), t+)).

Space: central differences on equal steps of x with the strike on a node; the diffusion is fitted
(Il'in 1969) so that neighbours never weigh less than nothing, however small σ is. Time:
Crank–Nicolson on steps that grow linearly from each ex-date, the first two implicit (Rannacher
1984; Reisinger and Whitley 2014). Exercise: the linear complementarity problem of each step is
solved exactly by policy iteration (Howard 1960), which does not take the region of exercise to be
in one piece: for r < 0 and q < r it is not. At the ends, and beyond, the value is that of a spot
without volatility.

Units: S, K, D and values in the quote currency, σ per √year, times in years from now. ``Terms`` of
an option are K, r, q, the time of expiry and whether it is a call; ``dividends`` [d, 2] are rows of
time, rising, and amount.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seawall.kernels._jit import kernel

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Terms = tuple[float, float, float, float, bool]

# Below this σ√T there is no telling the option from one on a spot without volatility.
MIN_TOTAL_SD = 1e-6
# The grid reaches this many standard deviations to either side of the strike.
REACH_SD = 5.0
# Steps between ex-dates, however near they are.
MIN_STEPS = 12
IMPLICIT_STEPS = 2
# Policy iteration ends by itself, after two or three passes where the region barely moves.
MAX_PASSES = 100
# Less than this share of the strike is rounding, and no reason to exercise or to hold.
ROUNDING_REL = 1e-14


@kernel()
def payoff_scalar(spot: float, strike: float, is_call: bool) -> float:
    """What exercise pays, ≥ 0."""
    return max(spot - strike, 0.0) if is_call else max(strike - spot, 0.0)


@kernel()
def certain_value_scalar(
    spot: float, now: float, first: int, terms: Terms, dividends: Floats
) -> float:
    """Best discounted payoff, from ``now`` to expiry, on the path of a spot without volatility.

    Dividends are those from row ``first`` on. Between them K·e^{−rt} − S·e^{−qt} has one
    stationary point at most, where the spot is r·K/q.
    """
    strike, rate, dividend_yield, expiry, is_call = terms
    best = payoff_scalar(spot, strike, is_call)
    discount = 1.0
    d = first
    while True:
        paid = d < dividends.shape[0] and dividends[d, 0] <= expiry
        span = (float(dividends[d, 0]) if paid else expiry) - now
        if rate * dividend_yield > 0.0 and rate != dividend_yield and spot * strike > 0.0:
            best_spot = rate / dividend_yield * strike
            wait = math.log(best_spot / spot) / (rate - dividend_yield)
            if 0.0 < wait < span:
                gain = payoff_scalar(best_spot, strike, is_call)
                best = max(best, discount * math.exp(-rate * wait) * gain)
        spot *= math.exp((rate - dividend_yield) * span)
        discount *= math.exp(-rate * span)
        best = max(best, discount * payoff_scalar(spot, strike, is_call))
        if not paid:
            return best
        spot = max(spot - float(dividends[d, 1]), 0.0)
        best = max(best, discount * payoff_scalar(spot, strike, is_call))
        now += span
        d += 1


@kernel()
def _interpolate(V: Floats, place: float) -> float:
    """V at ``place`` in units of nodes, by the cubic through four, kept between the nearest two."""
    i = min(max(int(place), 1), V.size - 3)
    t = place - i
    cubic = (
        (1.0 - t) * (2.0 - t) * ((1.0 + t) * V[i] - t * V[i - 1] / 3.0)
        + t * (1.0 + t) * ((2.0 - t) * V[i + 1] - (1.0 - t) * V[i + 2] / 3.0)
    ) / 2.0
    j = min(int(place), V.size - 2)
    return min(max(cubic, min(V[j], V[j + 1])), max(V[j], V[j + 1]))


@kernel()
def _value_at(
    spot: float,
    V: Floats,
    grid: tuple[float, float],
    now: float,
    first: int,
    terms: Terms,
    dividends: Floats,
) -> float:
    """Value at any spot ≥ 0 from V of the nodes at ``now``; ``grid`` is their first ln S and h."""
    x_low, h = grid
    if spot > 0.0:
        place = (math.log(spot) - x_low) / h
        if 0.0 <= place <= V.size - 1:
            return max(_interpolate(V, place), payoff_scalar(spot, terms[0], terms[4]))
    return certain_value_scalar(spot, now, first, terms, dividends)


@kernel()
def _choose(
    V: Floats,
    rhs: Floats,
    payoff: Floats,
    weights: tuple[float, float, float],
    slack: float,
    exercised: Flags,
    carry: Floats,
) -> None:
    """Solve min(middle·V − low·V₋ − high·V₊ − rhs, V − payoff) = 0 for V between its given ends.

    ``weights`` are low, middle, high. ``exercised`` is a guess of the region and then the region.
    Each pass solves for V with the region held (Thomas) and lets every node choose again.
    """
    low, middle, high = weights
    last = V.size - 1
    carry[0] = 0.0
    for _ in range(MAX_PASSES):
        for i in range(1, last):
            if exercised[i]:
                carry[i] = 0.0
                V[i] = payoff[i]
            else:
                pivot = 1.0 / (middle - low * carry[i - 1])
                carry[i] = high * pivot
                V[i] = (rhs[i] + low * V[i - 1]) * pivot
        for i in range(last - 1, 0, -1):
            V[i] += carry[i] * V[i + 1]
        changed = False
        for i in range(1, last):
            if exercised[i]:
                better = middle * V[i] - low * V[i - 1] - high * V[i + 1] >= rhs[i] - slack
            else:
                better = V[i] < payoff[i] - slack
            changed = changed or better != exercised[i]
            exercised[i] = better
        if not changed:
            return


@kernel()
def _march(
    now: float,
    back_to: float,
    steps: int,
    vol: float,
    h: float,
    first: int,
    terms: Terms,
    dividends: Floats,
    V: Floats,
    exercised: Flags,
    work: Floats,
) -> None:
    """Carry V from ``now`` back to an earlier time, over which nothing is paid."""
    spot, payoff, rhs, carry = work[0], work[1], work[2], work[3]
    last = V.size - 1
    drift = terms[1] - terms[2] - 0.5 * vol * vol
    diffusion = 0.5 * vol * vol
    peclet = drift * h / (vol * vol)
    if abs(peclet) > 1e-3:
        diffusion *= peclet / math.tanh(peclet)
    below = (diffusion / h - 0.5 * drift) / h
    above = (diffusion / h + 0.5 * drift) / h
    centre = below + above + terms[1]
    for k in range(1, steps + 1):
        dt = (now - back_to) * (2 * k - 1) / (steps * steps)
        then = now - (now - back_to) * (k * k) / (steps * steps)
        implicit = dt if k <= IMPLICIT_STEPS else 0.5 * dt
        for i in range(1, last):
            change = below * V[i - 1] + above * V[i + 1] - centre * V[i]
            rhs[i] = V[i] + (dt - implicit) * change
        for i in (0, last):
            V[i] = certain_value_scalar(float(spot[i]), then, first, terms, dividends)
        weights = (implicit * below, 1.0 + implicit * centre, implicit * above)
        _choose(V, rhs, payoff, weights, ROUNDING_REL * terms[0], exercised, carry)


@kernel()
def _lay_out(vol: float, terms: Terms, paid: float, V: Floats, work: Floats) -> tuple[float, float]:
    """Fill the nodes' spots and payoffs; the first node's ln S and the distance of nodes."""
    strike, rate, dividend_yield, expiry, is_call = terms
    reach = REACH_SD * vol * math.sqrt(expiry) + abs(rate - dividend_yield) * expiry
    reach_up = reach + math.log1p(paid / strike)
    last = V.size - 1
    below = int(last * reach / (reach + reach_up))
    h = reach_up / (last - below)
    for i in range(V.size):
        work[0, i] = strike * math.exp((i - below) * h)
        work[1, i] = payoff_scalar(float(work[0, i]), strike, is_call)
        V[i] = work[1, i]
    V[below] = strike * h / 8.0
    return math.log(strike) - below * h, h


@kernel()
def _solve(
    vol: float,
    terms: Terms,
    dividends: Floats,
    steps: int,
    V: Floats,
    exercised: Flags,
    work: Floats,
) -> tuple[float, float]:
    """Fill V with today's values; returns the grid. ``work`` [4, nodes] is for passing use."""
    expiry = terms[3]
    count, paid = 0, 0.0
    while count < dividends.shape[0] and dividends[count, 0] <= expiry:
        paid += float(dividends[count, 1])
        count += 1
    grid = _lay_out(vol, terms, paid, V, work)
    spot, payoff, fallen = work[0], work[1], work[2]
    for i in range(V.size):
        exercised[i] = payoff[i] > 0.0
    now = expiry
    for d in range(count, -1, -1):
        back_to = float(dividends[d - 1, 0]) if d > 0 else 0.0
        if now > back_to:
            share = max(math.ceil(steps * (now - back_to) / expiry), MIN_STEPS)
            _march(now, back_to, share, vol, grid[1], d, terms, dividends, V, exercised, work)
        if d > 0:
            for i in range(V.size):
                after = max(float(spot[i]) - float(dividends[d - 1, 1]), 0.0)
                held = _value_at(after, V, grid, back_to, d, terms, dividends)
                fallen[i] = max(held, float(payoff[i]))
            V[:] = fallen
        now = back_to
    return grid


@kernel(
    "void(f8[::1], f8[::1], f8[::1], f8[::1], f8[::1], f8[::1], b1[::1], f8[:, ::1], "
    "i8, i8, f8[::1])"
)
def american_on_grid(
    spot: Floats,
    strike: Floats,
    vol: Floats,
    tenor_years: Floats,
    rate: Floats,
    dividend_yield: Floats,
    is_call: Flags,
    dividends: Floats,
    nodes: int,
    steps: int,
    out: Floats,
) -> None:
    """Fill ``out`` with today's values; arrays of shape [n] but ``dividends`` [d, 2].

    Times of dividends are above 0; what is paid after an option's expiry is not its concern. Rows
    beside each other that differ by the spot alone share one solution.
    """
    V = np.empty(nodes)
    exercised = np.empty(nodes, np.bool_)
    work = np.empty((4, nodes))
    grid = (0.0, 1.0)
    solved, solved_vol = (-1.0, 0.0, 0.0, 0.0, False), 0.0
    for i in range(out.size):
        sigma, T = float(vol[i]), float(tenor_years[i])
        terms = (float(strike[i]), float(rate[i]), float(dividend_yield[i]), T, bool(is_call[i]))
        if sigma * math.sqrt(T) < MIN_TOTAL_SD or terms[0] <= 0.0:
            out[i] = certain_value_scalar(float(spot[i]), 0.0, 0, terms, dividends)
            continue
        if terms != solved or sigma != solved_vol:
            grid = _solve(sigma, terms, dividends, steps, V, exercised, work)
            solved, solved_vol = terms, sigma
        out[i] = _value_at(float(spot[i]), V, grid, 0.0, 0, terms, dividends)
