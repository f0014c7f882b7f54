"""The forward of an expiry, from put–call parity of the listed marks or quotes.

A call minus a put of one strike is worth F − K (linear) or 1 − K/F in coin (inverse), whatever
the volatility. Each strike with both gives one estimate; their median ignores a minority of bad
rows. Where payoffs are discounted the difference is D·(F − K), a straight line over the strikes
that tells the discount factor D together with the forward. Parity sees the forward that was behind
the marks; the venue's own forward, quoted row by row, may belong to another moment, and is taken
where it reprices the marks at least as well.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seawall.pricing.black76 import price

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

# With fewer pairs than this a single bad row could decide the median.
MIN_PAIRS = 3
# Mids of wide quotes are only as good as this; a venue's forward so near to them is better.
MID_PRECISION_REL = 0.01
# A line is drawn through at least so many strikes, and believed if most of them lie within the
# uncertainty of their prices.
MIN_LINE_PAIRS = 5
LINE_STEPS = 50
# Within this share of their uncertainty prices lie on the line.
LEAST_OFF = 0.01
# No currency pays less or more a year; a line that says so is a line through noise.
MIN_RATE, MAX_RATE = -0.05, 0.30


def parity_estimates(
    strike: Floats, is_call: Flags, premium: Floats, *, inverse: bool, signed: bool = False
) -> Floats:
    """One forward per strike at which a call and a put both have a finite premium.

    ``strike``, ``is_call``, ``premium`` have shape [n], one row per option; premiums in coin
    (inverse) or settlement currency (linear). Estimates that are not positive are dropped, unless
    prices are of either sign.
    """
    known = np.isfinite(premium)
    calls, puts = known & is_call, known & ~is_call
    paired, call_rows, put_rows = np.intersect1d(strike[calls], strike[puts], return_indices=True)
    gap = premium[calls][call_rows] - premium[puts][put_rows]
    with np.errstate(divide="ignore"):
        forwards = paired / (1.0 - gap) if inverse else paired + gap
    return forwards[np.isfinite(forwards) & ((forwards > 0.0) | signed)]


def parity_discount(
    strike: Floats,
    is_call: Flags,
    premium: Floats,
    precision: Floats,
    tenor_years: float,
    *,
    signed: bool = False,
) -> tuple[float, float] | None:
    """Discount factor and forward of a linear expiry of European options; None where parity does
    not tell them.

    Arrays have shape [n], one row per option: ``premium`` in settlement currency, NaN where there
    is none, ``precision`` how far it may be off, > 0. The line is the one of least absolute error
    in units of precision, which a minority of bad rows does not bend. Only a ``signed`` price has a
    forward that is not positive.
    """
    known = np.isfinite(premium) & np.isfinite(precision)
    calls, puts = known & is_call, known & ~is_call
    levels, one, two = np.intersect1d(strike[calls], strike[puts], return_indices=True)
    if levels.size < MIN_LINE_PAIRS:
        return None
    gap = premium[calls][one] - premium[puts][two]
    reach = precision[calls][one] + precision[puts][two]
    middle = float(np.median(levels))
    level, discount = _least_absolute_line(middle - levels, gap, reach)
    if not np.exp(-MAX_RATE * tenor_years) <= discount <= np.exp(-MIN_RATE * tenor_years):
        return None
    off = np.abs(gap - level - discount * (middle - levels)) / reach
    forward = middle + level / discount
    possible = (forward > 0.0 or signed) and float(np.median(off)) <= 1.0
    return (discount, forward) if possible else None


def _least_absolute_line(x: Floats, y: Floats, reach: Floats) -> tuple[float, float]:
    """Level and slope of the line with the least Σ |y − level − slope·x| / reach; shapes [n].

    By least squares again and again, with weights that fall with the distance from the line before.
    """
    columns = np.stack([np.ones(x.size), x], axis=1)
    weight, line = reach**-2.0, np.zeros(2)
    for _ in range(LINE_STEPS):
        scaled = columns * weight[:, None]
        line = np.linalg.solve(columns.T @ scaled, scaled.T @ y)
        off = np.abs(y - columns @ line) / reach
        weight = reach**-2.0 / np.maximum(off, LEAST_OFF)
    return float(line[0]), float(line[1])


def choose_forward(
    strike: Floats,
    is_call: Flags,
    mark: Floats,
    mid: Floats,
    iv: Floats,
    own: Floats,
    tenor_years: float,
    *,
    inverse: bool,
    level: float | None = None,
) -> float:
    """The forward of one expiry in strike units, NaN if nothing determines it.

    Arrays have shape [n], one row per option of the expiry, NaN for what is missing; ``own`` is
    the venue's forward as it stands in each row. In order: parity of marks, unless the venue's own
    reprices them at least as well; the venue's own if parity of two-sided quotes does not
    contradict it; parity of quotes; the venue's own; parity of one or two strikes. ``level`` of
    prices of either sign is what differences are measured by, and their ``iv`` is NaN.
    """
    signed = level is not None
    own = own[np.isfinite(own) & ((own > 0.0) | signed)]
    venue = float(np.median(own)) if own.size else np.nan
    of_marks = parity_estimates(strike, is_call, mark, inverse=inverse, signed=signed)
    if of_marks.size >= MIN_PAIRS:
        parity = float(np.median(of_marks))
        errors = [
            repricing_error(forward, strike, is_call, mark, iv, tenor_years, inverse=inverse)
            for forward in (venue, parity)
        ]
        return venue if errors[0] <= errors[1] < np.inf else parity
    of_mids = parity_estimates(strike, is_call, mid, inverse=inverse, signed=signed)
    if of_mids.size >= MIN_PAIRS:
        parity = float(np.median(of_mids))
        off = abs(venue / parity - 1.0) if level is None else abs(venue - parity) / level
        return venue if off <= MID_PRECISION_REL else parity
    few = of_marks if of_marks.size else of_mids
    return float(np.median(few)) if np.isnan(venue) and few.size else venue


def repricing_error(
    forward: float,
    strike: Floats,
    is_call: Flags,
    mark: Floats,
    iv: Floats,
    tenor_years: float,
    *,
    inverse: bool,
) -> float:
    """Median absolute difference between Black-76 and the marks, in quote units.

    Infinite when there is no forward, or no row with both a mark and an implied volatility.
    """
    known = np.isfinite(mark) & np.isfinite(iv)
    if not known.any() or np.isnan(forward):
        return np.inf
    model = price(forward, strike[known], iv[known], tenor_years, is_call[known])
    unit = forward if inverse else 1.0
    return float(np.median(np.abs(model / unit - mark[known])))
