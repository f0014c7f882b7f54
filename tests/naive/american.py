"""American options by a binomial tree in plain loops, begun anew from every node of an ex-date."""

from __future__ import annotations

import math


def payoff(spot: float, strike: float, is_call: bool) -> float:
    return max(spot - strike, 0.0) if is_call else max(strike - spot, 0.0)


def price(
    spot: float,
    strike: float,
    vol: float,
    tenor_years: float,
    rate: float,
    dividend_yield: float,
    is_call: bool,
    dividends: list[tuple[float, float]] | None = None,
    steps: int = 60,
) -> float:
    """Cox, Ross and Rubinstein (1979), ``steps`` steps to the next ex-date or to expiry."""
    (until, paid), *later = dividends or [(tenor_years, 0.0)]
    rest = [(time - until, amount) for time, amount in later]

    def held(at_end: float) -> float:
        if not dividends:
            return payoff(at_end, strike, is_call)
        fallen = max(at_end - paid, 0.0)
        left = tenor_years - until
        return price(fallen, strike, vol, left, rate, dividend_yield, is_call, rest, steps)

    dt = until / steps
    up = math.exp(vol * math.sqrt(dt))
    chance = (math.exp((rate - dividend_yield) * dt) - 1.0 / up) / (up - 1.0 / up)
    discount = math.exp(-rate * dt)
    spots = [spot * up ** (2 * i - steps) for i in range(steps + 1)]
    values = [max(held(each), payoff(each, strike, is_call)) for each in spots]
    for step in range(steps - 1, -1, -1):
        for i in range(step + 1):
            wait = discount * (chance * values[i + 1] + (1.0 - chance) * values[i])
            here = spot * up ** (2 * i - step)
            values[i] = max(wait, payoff(here, strike, is_call))
    return values[0]


def without_volatility(
    spot: float,
    strike: float,
    tenor_years: float,
    rate: float,
    dividend_yield: float,
    is_call: bool,
) -> float:
    """The best of 100,001 moments to exercise on the way of the forward."""
    best = 0.0
    for k in range(100_001):
        t = tenor_years * k / 100_000
        there = spot * math.exp((rate - dividend_yield) * t)
        best = max(best, math.exp(-rate * t) * payoff(there, strike, is_call))
    return best


def perpetual_put(
    spot: float, strike: float, vol: float, rate: float, dividend_yield: float
) -> float:
    """Merton (1973), with a yield: exercised where S first falls to B = K·θ/(θ − 1)."""
    a = (rate - dividend_yield) / vol**2 - 0.5
    power = -a - math.sqrt(a * a + 2.0 * rate / vol**2)
    boundary = strike * power / (power - 1.0)
    return (strike - boundary) * (spot / boundary) ** power
