"""Risk arrays: the profit of one unit of each instrument in each scenario.

    out[i, t·C + c] = unit[i]·(V′ − D·B(F, K, σ, T)) + coin_usd[i]·x_c
    V′ = D′·B(F·(1 + x_c), K, σ′, T′)

with B Black-76 for options (kind 3 call, 4 put) and B = F for everything delta-one. A row with
``level[i]`` L > 0 has a price of either sign: it moves to F + L·x_c, B is Bachelier's formula and σ
a normal volatility. σ′ is
``vol[i, vol_index[c]]`` (column 0 unshocked), T′ is ``tenor_years[i, t]`` and D′ is
``discount[i, t]`` (column 0 today, 1 for delta-one). A row with ``settled[i, t]`` settles at
today's forward before the move: V′ = B(F, K, σ′, 0), and where the payoff is paid in coin it then
moves with the index, V′·(1 + x_c). One with ``physical[i]`` has then turned into what it delivers,
and moves with it: V′ = B(F, K, σ′, 0) + s·F·x_c (s·L·x_c), s = 1 for a future and a call in the
money, −1 for a put there, 0 for the rest. ``coin_usd`` is the USD value of coins that one unit
already holds as unrealised profit. Source: docs/models/prbm.md.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seawall.kernels._jit import kernel
from seawall.kernels.bachelier import bachelier_scalar
from seawall.kernels.black76 import black76_scalar

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

CALL_KIND = 3
"""From this kind on a row is an option; this one is a call, the next a put."""


@kernel()
def delivered_scalar(option: bool, call: bool, payoff: float) -> float:
    """Units of the underlying that one unit of what settles physically turns into."""
    if not option:
        return 1.0
    if payoff <= 0.0:
        return 0.0
    return 1.0 if call else -1.0


@kernel()
def moved_scalar(forward: float, level: float, price_rel: float) -> float:
    """The price after a relative move, which is of ``level`` where that is > 0."""
    return forward + level * price_rel if level > 0.0 else forward * (1.0 + price_rel)


@kernel()
def value_scalar(
    signed: bool, forward: float, strike: float, vol: float, tenor_years: float, call: bool
) -> float:
    """Undiscounted value: Bachelier's of a ``signed`` price, Black-76 of all others."""
    if signed:
        return bachelier_scalar(forward, strike, vol * math.sqrt(tenor_years), call)
    return black76_scalar(forward, strike, vol, tenor_years, call)


@kernel(
    "void(i8[::1], b1[::1], b1[::1], f8[::1], f8[::1], f8[::1], f8[::1], f8[::1], f8[:, ::1], "
    "f8[:, ::1], f8[:, ::1], b1[:, ::1], f8[::1], i8[::1], f8[:, ::1])"
)
def revalue(
    kind: Integers,
    inverse: Flags,
    physical: Flags,
    forward: Floats,
    level: Floats,
    strike: Floats,
    unit_usd: Floats,
    coin_usd: Floats,
    vol: Floats,
    tenor_years: Floats,
    discount: Floats,
    settled: Flags,
    price_rel: Floats,
    vol_index: Integers,
    out: Floats,
) -> None:
    """Fill ``out`` [M, I·C] with USD per unit of instrument, + gain.

    ``kind``, ``inverse``, ``physical``, ``forward``, ``level``, ``strike``, ``unit_usd``,
    ``coin_usd`` [M]; ``vol`` [M, V]; ``tenor_years``, ``discount`` and ``settled`` [M, I];
    ``price_rel``, ``vol_index`` [C]. Inputs are finite, tenors ≥ 0.
    """
    cells = price_rel.shape[0]
    for i in range(kind.shape[0]):
        option = bool(kind[i] >= CALL_KIND)
        call = bool(kind[i] == CALL_KIND)
        signed = bool(level[i] > 0.0)
        base = forward[i]
        if option:
            base = value_scalar(signed, forward[i], strike[i], vol[i, 0], tenor_years[i, 0], call)
            base *= discount[i, 0]
        for t in range(tenor_years.shape[1]):
            for c in range(cells):
                shocked = forward[i]
                tenor = 0.0
                if not settled[i, t]:
                    shocked = moved_scalar(forward[i], level[i], price_rel[c])
                    tenor = tenor_years[i, t]
                value = shocked
                if option:
                    value = value_scalar(
                        signed, shocked, strike[i], vol[i, vol_index[c]], tenor, call
                    )
                    value *= discount[i, t]
                if settled[i, t] and physical[i]:
                    size = level[i] if signed else forward[i]
                    value += delivered_scalar(option, call, value) * size * price_rel[c]
                elif settled[i, t] and option and inverse[i]:
                    value *= 1.0 + price_rel[c]
                gain = unit_usd[i] * (value - base) + coin_usd[i] * price_rel[c]
                out[i, t * cells + c] = gain
