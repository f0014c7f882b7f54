"""The forward of an expiry, from put–call parity of the listed marks or quotes.

A call minus a put of one strike is worth F − K (linear) or 1 − K/F in coin (inverse), whatever
the volatility. Each pair of rows gives one estimate; their median ignores a minority of bad rows.
The venue's own forward is taken instead where it reprices the venue's marks at least as well,
and where there are too few pairs to form a median.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seawall.pricing.black76 import price

Floats = NDArray[np.float64]

# With fewer pairs than this a single bad row could decide the median.
MIN_PAIRS = 3


def parity_estimates(
    strike: Floats, is_call: NDArray[np.bool_], premium: Floats, *, inverse: bool
) -> Floats:
    """One forward per strike at which a call and a put both have a finite premium.

    ``strike``, ``is_call``, ``premium`` have shape [n], one row per option; premiums in coin
    (inverse) or settlement currency (linear). Estimates that are not positive are dropped.
    """
    known = np.isfinite(premium)
    calls = dict(zip(strike[known & is_call], premium[known & is_call], strict=True))
    puts = dict(zip(strike[known & ~is_call], premium[known & ~is_call], strict=True))
    paired = np.array(sorted(calls.keys() & puts.keys()))
    if paired.size == 0:
        return paired
    gap = np.array([calls[k] - puts[k] for k in paired])
    with np.errstate(divide="ignore"):
        forwards = paired / (1.0 - gap) if inverse else paired + gap
    return forwards[np.isfinite(forwards) & (forwards > 0.0)]


def choose_forward(
    strike: Floats,
    is_call: NDArray[np.bool_],
    mark: Floats,
    mid: Floats,
    iv: Floats,
    own: Floats,
    tenor_years: float,
    *,
    inverse: bool,
) -> float:
    """The forward of one expiry in strike units, NaN if nothing determines it.

    Arrays have shape [n], one row per option of the expiry; ``own`` is the venue's forward as
    it stands in each row. Order: parity of marks, parity of two-sided quote mids, the venue's
    own; and the venue's own first where it reprices the marks at least as well as parity.
    """
    own = own[np.isfinite(own) & (own > 0.0)]
    venue = float(np.median(own)) if own.size else np.nan
    for premium in (mark, mid):
        estimates = parity_estimates(strike, is_call, premium, inverse=inverse)
        if estimates.size >= MIN_PAIRS:
            parity = float(np.median(estimates))
            break
    else:
        if np.isfinite(venue):
            return venue
        return float(np.median(estimates)) if estimates.size else np.nan
    if not np.isfinite(venue):
        return parity
    errors = [
        repricing_error(forward, strike, is_call, mark, iv, tenor_years, inverse=inverse)
        for forward in (venue, parity)
    ]
    return venue if errors[0] <= errors[1] else parity


def repricing_error(
    forward: float,
    strike: Floats,
    is_call: NDArray[np.bool_],
    mark: Floats,
    iv: Floats,
    tenor_years: float,
    *,
    inverse: bool,
) -> float:
    """Mean absolute difference between Black-76 and the marks, in quote units.

    Infinite when no row has both a mark and an implied volatility.
    """
    known = np.isfinite(mark) & np.isfinite(iv)
    if not known.any():
        return np.inf
    model = price(forward, strike[known], iv[known], tenor_years, is_call[known])
    if inverse:
        model = model / forward
    return float(np.mean(np.abs(model - mark[known])))
