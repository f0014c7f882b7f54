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

How it is fast, and how exact: docs/kernels.md. A number is computed in the same way wherever it
stands, the value today included, so that a cell's bits depend on its own inputs alone and nothing
moved is nothing gained.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seawall.kernels._jit import kernel
from seawall.kernels.option_blocks import CALL_KIND, revalue_options

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


@kernel()
def delivered_scalar(option: bool, call: bool, payoff: float) -> float:
    """Units of the underlying that one unit of what settles physically turns into."""
    if not option:
        return 1.0
    if payoff <= 0.0:
        return 0.0
    return 1.0 if call else -1.0


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
    ``price_rel``, ``vol_index`` [C]. Inputs are finite, tenors ≥ 0, and where ``level`` is 0
    prices ≥ 0 and moves ≥ −1: what is not makes NaN.
    """
    cells = price_rel.shape[0]
    base_usd = np.zeros(kind.shape[0])
    revalue_options(
        kind,
        forward,
        level,
        strike,
        unit_usd,
        coin_usd,
        vol,
        tenor_years,
        discount,
        price_rel,
        vol_index,
        base_usd,
        out,
    )
    # What is left goes straight with the price, from what it has gained unmoved.
    for i in range(kind.shape[0]):
        option = bool(kind[i] >= CALL_KIND)
        call = bool(kind[i] == CALL_KIND)
        size = level[i] if level[i] > 0.0 else forward[i]
        for t in range(settled.shape[1]):
            if option and not settled[i, t]:
                continue
            start, slope = 0.0, size
            if settled[i, t]:
                payoff = 0.0
                if option:
                    moneyness = forward[i] - strike[i] if call else strike[i] - forward[i]
                    payoff = max(moneyness, 0.0) * discount[i, t]
                    start = unit_usd[i] * payoff - base_usd[i]
                if physical[i]:
                    slope = delivered_scalar(option, call, payoff) * size
                else:
                    slope = payoff if option and inverse[i] else 0.0
            slope = unit_usd[i] * slope + coin_usd[i]
            for c in range(cells):
                out[i, t * cells + c] = start + slope * price_rel[c]
