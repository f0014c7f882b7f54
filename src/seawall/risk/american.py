"""American options in a book: their values, Greeks and rows of the risk array.

They are revalued in full like all others: the same moves of the price, here of the spot, the same
volatilities and instants. The value today is the one of the unmoved cell, so that nothing moved is
nothing gained. Source: docs/risk.md, "American options".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seawall.kernels.revalue import delivered_scalar
from seawall.market.early import EarlyExercise

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# Cells with more volatilities than these are valued at volatilities so far apart, a share of each,
# and between them by a straight line: each takes a solution of its own, which is dear.
_MOST_VOLS, _STEP_REL = 200, 0.04


def unit_gains(
    early: EarlyExercise,
    strike: float,
    *,
    is_call: bool,
    physical: bool,
    vol: Floats,
    vol_index: Integers,
    tenor_years: Floats,
    settled: NDArray[np.bool_],
    price_rel: Floats,
) -> Floats:
    """What one option gains in each cell in quote currency, shape [I·C], instants slowest.

    ``vol`` [V], of which each cell takes that of ``vol_index`` [C]; ``tenor_years`` and ``settled``
    [I], the first instant today; ``price_rel`` [C]. Volatilities are those of the kernel's table,
    the first unshocked.
    """
    today = _values(early, strike, is_call, np.append(0.0, price_rel), vol[np.append(0, vol_index)])
    base, found = float(today[0]), [today[1:]]
    for tenor, is_settled in zip(tenor_years[1:].tolist(), settled[1:].tolist(), strict=True):
        later = early.with_left(tenor)
        if is_settled:
            found.append(_settled(later.spot, strike, is_call, physical, price_rel))
        else:
            found.append(_values(later, strike, is_call, price_rel, vol[vol_index]))
    return np.concatenate(found) - base


def _values(
    early: EarlyExercise, strike: float, is_call: bool, price_rel: Floats, vol: Floats
) -> Floats:
    """Values in cells of shape [C], each of its own."""
    if np.unique(vol).size > _MOST_VOLS:
        return _between(early, strike, is_call, price_rel, vol)
    order = np.argsort(vol, kind="stable")  # cells of one volatility share a solution
    value = np.empty(vol.size)
    value[order] = early.on_spots(
        early.spot * (1.0 + price_rel[order]),
        np.asarray(strike),
        vol[order],
        np.asarray(is_call),
    )
    return value


def _between(
    early: EarlyExercise, strike: float, is_call: bool, price_rel: Floats, vol: Floats
) -> Floats:
    """As :func:`_values`, straight between volatilities a few hundredths apart."""
    logs = np.log(vol)
    low, high = float(logs.min()), float(logs.max())
    nodes = np.linspace(low, high, 2 + int((high - low) / _STEP_REL))
    place = np.clip(np.searchsorted(nodes, logs, side="right") - 1, 0, nodes.size - 2)
    at = np.exp(nodes)
    both = np.concatenate([at[place], at[place + 1]])
    found = _values(early, strike, is_call, np.tile(price_rel, 2), both)
    share = (vol - at[place]) / (at[place + 1] - at[place])
    return (1.0 - share) * found[: vol.size] + share * found[vol.size :]


def _settled(
    spot: float, strike: float, is_call: bool, physical: bool, price_rel: Floats
) -> Floats:
    """Values after an expiry at today's forward, which is the spot of that instant; shape [C]."""
    payoff = max(spot - strike, 0.0) if is_call else max(strike - spot, 0.0)
    units = delivered_scalar(True, is_call, payoff) if physical else 0.0
    return payoff + units * spot * price_rel
