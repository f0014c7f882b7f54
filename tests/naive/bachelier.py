"""Bachelier's formula in 360-digit arithmetic, one option at a time; volatility by bisection.

``value`` and ``delta`` are the textbook's in floats, for loops over many cells.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal, getcontext, localcontext

# A value of 1e-300 comes out of a difference of numbers near ½ with sixty digits left.
DIGITS = 360


def summed(term: Decimal, next_term: Callable[[Decimal, int], Decimal]) -> Decimal:
    """A series to the working precision: ``next_term(term, k)`` follows the k-th, from k = 1."""
    total, k = term, 1
    smallest = Decimal(10) ** -(getcontext().prec + 5)
    while abs(term) > smallest:
        term = next_term(term, k)
        total += term
        k += 1
    return total


def pi() -> Decimal:
    """Euler: π/2 = 1 + 1/3 + 1·2/(3·5) + 1·2·3/(3·5·7) + …"""
    return 2 * summed(Decimal(1), lambda term, k: term * k / (2 * k + 1))


def norm_pdf(z: Decimal) -> Decimal:
    return (-z * z / 2).exp() / (2 * pi()).sqrt()


def norm_cdf(z: Decimal) -> Decimal:
    """½ + φ(z)·(z + z³/3 + z⁵/15 + …)."""
    return Decimal("0.5") + norm_pdf(z) * summed(z, lambda term, k: term * z * z / (2 * k + 1))


def price(
    forward: float, strike: float, normal_vol: float, tenor_years: float, is_call: bool
) -> Decimal:
    """The value as a Decimal, for exactly the doubles that are given."""
    with localcontext() as context:
        context.prec = DIGITS
        moneyness = Decimal(forward) - Decimal(strike)
        if not is_call:
            moneyness = -moneyness
        total_sd = Decimal(normal_vol) * Decimal(tenor_years).sqrt()
        if total_sd == 0:
            return max(moneyness, Decimal(0))
        d = moneyness / total_sd
        return moneyness * norm_cdf(d) + total_sd * norm_pdf(d)


def value(
    forward: float, strike: float, normal_vol: float, tenor_years: float, is_call: bool
) -> float:
    moneyness = forward - strike if is_call else strike - forward
    sd = normal_vol * math.sqrt(tenor_years)
    if sd == 0.0:
        return max(moneyness, 0.0)
    d = moneyness / sd
    cdf = 0.5 * math.erfc(-d / math.sqrt(2.0))
    return moneyness * cdf + sd * math.exp(-0.5 * d * d) / math.sqrt(2.0 * math.pi)


def delta(
    forward: float, strike: float, normal_vol: float, tenor_years: float, is_call: bool
) -> float:
    d = (forward - strike) / (normal_vol * math.sqrt(tenor_years))
    return 0.5 * math.erfc(-d / math.sqrt(2.0)) - (0.0 if is_call else 1.0)


def implied_vol(
    value: float, forward: float, strike: float, tenor_years: float, is_call: bool
) -> float:
    """Bisection between volatilities whose prices lie on either side of ``value``."""
    low, high = 0.0, 1.0
    while price(forward, strike, high, tenor_years, is_call) < value:
        high *= 2.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        if price(forward, strike, middle, tenor_years, is_call) < value:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)
