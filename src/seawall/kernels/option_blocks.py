"""Options in many scenarios, a block of rows at a time: what takes the time of ``kernels.revalue``.

One scenario of all options of a block is computed at a time. What belongs to the scenario is then a
scalar and what belongs to an option stands side by side in ``lanes``, so that the compiler makes
vectors of the loops over ``j``. What does not change from cell to cell is computed beforehand:
ln(F/K) once an option, ln(1 + x) once a scenario, 1/s and s = σ√T once an option and volatility
column. There remain one exponential and one division a value, and no branch.

Accuracy is absolute: 1e-15 of the greatest of F, F′ and K. ``kernels.black76`` and
``kernels.bachelier`` keep the digits of small values too. Measurements: docs/kernels.md.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seawall.kernels._jit import kernel
from seawall.kernels.elementary import (
    gauss_scalar,
    log_ratio_scalar,
    tail_denominator_scalar,
    tail_numerator_scalar,
)
from seawall.kernels.ieee import fma

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

CALL_KIND = 3
"""From this kind on a row is an option; this one is a call, the next a put."""

# Rows of a block, and of the widest vector; blocks are as wide as whole vectors.
LANES, VECTOR = 32, 8
# Not a multiple of the cache's sets, or the columns of a tile would push each other out.
TILE_LANES = LANES + VECTOR

# What a block knows of each of its rows: the first index of ``lanes``. Forward and strike of
# Black-76 are in USD and discounted, so that the value is; Bachelier's are in quote currency.
FORWARD, STRIKE, SIGN, LOG_MONEYNESS, LEVEL, SCALE, ROOT_TENOR, COIN_USD, BASE_USD = range(9)
COLUMNS = 9

# Below the first σ√T adds less than 1e-15 of the price to a value and counts as none; above the
# second an option is worth its forward or its strike to the last bit.
LEAST_SD, GREATEST_SD = 1e-15, 100.0
LEAST_NORMAL_SD = 1e-300
# φ and Φ are 0 so many standard deviations out.
GREATEST_DISTANCE = 40.0
INV_SQRT_TWO_PI = 0.3989422804014327


@kernel()
def log_ratios(a: Floats, b: Floats, out: Floats) -> None:
    """ln(a/b); 0 where one of them is, and nothing depends on it; NaN for all that is no price."""
    for j in range(out.shape[0]):
        positive = a[j] > 0.0 and b[j] > 0.0
        log = log_ratio_scalar(a[j] if positive else 1.0, b[j] if positive else 1.0)
        out[j] = log if 0.0 <= a[j] < math.inf and 0.0 <= b[j] < math.inf else math.nan


@kernel(inline=True)
def black_scalar(
    forward: float, strike: float, sign: float, log_moneyness: float, per_sd: float, half_sd: float
) -> float:
    """Black-76 value from ln(F/K), 1/s and s/2, all finite; ``sign`` 1 for a call, −1 for a put.

        a = s/2 − |ln(F/K)|/s    b = s/2 + |ln(F/K)|/s    r(u) = Φ(−u)·e^{u²/2}
        value = intrinsic + min(F, K)·([a > 0] − e^{−a²/2}·(± r(|a|) + r(b))), + where a > 0

    because min(F, K)·φ(a) = max(F, K)·φ(b). Intrinsic where 1/s and s/2 are both given as 0, and
    where F or K is 0.
    """
    distance = abs(log_moneyness) * per_sd
    a = half_sd - distance
    b = half_sd + distance
    near = strike if strike < forward else forward
    u, aa, bb = abs(a), a * a, b * b
    p_a, q_a = tail_numerator_scalar(u, aa), tail_denominator_scalar(u, aa)
    p_b, q_b = tail_numerator_scalar(b, bb), tail_denominator_scalar(b, bb)
    inside = a > 0.0
    tails = fma(p_a if inside else -p_a, q_b, p_b * q_a)
    outside = near * gauss_scalar(aa) * (tails / (q_a * q_b))
    intrinsic = (forward if sign > 0.0 else strike) - near
    return intrinsic + ((near if inside else 0.0) - outside)


@kernel(inline=True)
def bachelier_value_scalar(
    forward: float, strike: float, sign: float, per_sd: float, total_sd: float
) -> float:
    """Bachelier's value from s and 1/s; intrinsic where both are given as 0.

    value = intrinsic + s·(φ(h) − h·Φ(−h)), h = |F − K|/s
    """
    moneyness = sign * (forward - strike)
    h = abs(moneyness) * per_sd
    h = GREATEST_DISTANCE if h > GREATEST_DISTANCE else h
    hh = h * h
    tail = tail_numerator_scalar(h, hh) / tail_denominator_scalar(h, hh)
    intrinsic = 0.0 if moneyness < 0.0 else moneyness
    return intrinsic + total_sd * (fma(-h, tail, INV_SQRT_TWO_PI) * gauss_scalar(hh))


@kernel(inline=True)
def black_lanes(
    lanes: Floats, per_sd: Floats, half_sd: Floats, log_growth: float, price_rel: float, out: Floats
) -> None:
    """Gains of a block's rows in one scenario; ``per_sd``, ``half_sd`` and ``out`` [lanes]."""
    growth = 1.0 + price_rel
    for j in range(out.shape[0]):
        value = black_scalar(
            lanes[FORWARD, j] * growth,
            lanes[STRIKE, j],
            lanes[SIGN, j],
            lanes[LOG_MONEYNESS, j] + log_growth,
            per_sd[j],
            half_sd[j],
        )
        out[j] = fma(lanes[COIN_USD, j], price_rel, value - lanes[BASE_USD, j])


@kernel(inline=True)
def signed_lanes(
    lanes: Floats, per_sd: Floats, total_sd: Floats, price_rel: float, out: Floats
) -> None:
    """As ``black_lanes``, of rows with a price of either sign."""
    for j in range(out.shape[0]):
        value = bachelier_value_scalar(
            fma(lanes[LEVEL, j], price_rel, lanes[FORWARD, j]),
            lanes[STRIKE, j],
            lanes[SIGN, j],
            per_sd[j],
            total_sd[j],
        )
        out[j] = fma(lanes[COIN_USD, j], price_rel, lanes[SCALE, j] * value - lanes[BASE_USD, j])


@kernel()
def choose_rows(kind: Integers, level: Floats, signed: bool, rows_out: Integers) -> int:
    """Write the options with a price of either sign, or all others; how many there are."""
    count = 0
    for i in range(kind.shape[0]):
        if kind[i] >= CALL_KIND and (level[i] > 0.0) == signed:
            rows_out[count] = i
            count += 1
    return count


@kernel(inline=True)
def load_rows(
    rows: Integers,
    kind: Integers,
    forward: Floats,
    level: Floats,
    strike: Floats,
    coin_usd: Floats,
    vol: Floats,
    lanes_out: Floats,
    vols_out: Floats,
) -> None:
    """Fill what a block's rows keep through all instants; ``vols_out`` [V, lanes]."""
    for j in range(rows.shape[0]):
        i = rows[j]
        lanes_out[FORWARD, j] = forward[i]
        lanes_out[STRIKE, j] = strike[i]
        lanes_out[LEVEL, j] = level[i]
        lanes_out[COIN_USD, j] = coin_usd[i]
        lanes_out[SIGN, j] = 1.0 if kind[i] == CALL_KIND else -1.0
        for v in range(vol.shape[1]):
            vols_out[v, j] = vol[i, v]
        lanes_out[BASE_USD, j] = 0.0
    log_ratios(lanes_out[FORWARD], lanes_out[STRIKE], lanes_out[LOG_MONEYNESS])


@kernel(inline=True)
def load_instant(
    rows: Integers,
    t: int,
    signed: bool,
    forward: Floats,
    strike: Floats,
    unit_usd: Floats,
    tenor_years: Floats,
    discount: Floats,
    lanes_out: Floats,
) -> None:
    """Fill what changes with the instant."""
    for j in range(rows.shape[0]):
        i = rows[j]
        scale = unit_usd[i] * discount[i, t]
        lanes_out[SCALE, j] = scale
        lanes_out[ROOT_TENOR, j] = math.sqrt(tenor_years[i, t])
        lanes_out[FORWARD, j] = forward[i] if signed else forward[i] * scale
        lanes_out[STRIKE, j] = strike[i] if signed else strike[i] * scale


@kernel(inline=True)
def load_sds(
    signed: bool, vols: Floats, root_tenor: Floats, per_sd_out: Floats, spread_out: Floats
) -> None:
    """Fill 1/s and s/2 (of signed rows s) for s = σ√T, both 0 where it counts as none; [V, lanes].

    ``root_tenor`` [lanes].
    """
    least = LEAST_NORMAL_SD if signed else LEAST_SD
    greatest = math.inf if signed else GREATEST_SD
    share = 1.0 if signed else 0.5
    for v in range(vols.shape[0]):
        for j in range(root_tenor.shape[0]):
            sd = vols[v, j] * root_tenor[j]
            sd = greatest if sd > greatest else sd
            none = sd < least
            per_sd_out[v, j] = 0.0 if none else 1.0 / sd
            spread_out[v, j] = 0.0 if none else share * sd


@kernel()
def store_rows(rows: Integers, tile: Floats, out: Floats) -> None:
    """Copy each column of a tile [C, lanes] to its row of ``out`` [M, C]."""
    whole = rows.shape[0] // 4 * 4
    # Four at a time: for a single one the compiler takes gather instructions, which are slow.
    for j in range(0, whole, 4):
        a, b, c, d = out[rows[j]], out[rows[j + 1]], out[rows[j + 2]], out[rows[j + 3]]
        for cell in range(out.shape[1]):
            a[cell] = tile[cell, j]
            b[cell] = tile[cell, j + 1]
            c[cell] = tile[cell, j + 2]
            d[cell] = tile[cell, j + 3]
    for j in range(whole, rows.shape[0]):
        for cell in range(out.shape[1]):
            out[rows[j], cell] = tile[cell, j]


@kernel()
def revalue_options(
    kind: Integers,
    forward: Floats,
    level: Floats,
    strike: Floats,
    unit_usd: Floats,
    coin_usd: Floats,
    vol: Floats,
    tenor_years: Floats,
    discount: Floats,
    price_rel: Floats,
    vol_index: Integers,
    base_usd_out: Floats,
    out: Floats,
) -> None:
    """Fill the rows of ``out`` that are options as if none ever settled, and their values today.

    Arguments as for ``kernels.revalue.revalue``; ``base_usd_out`` [M].
    """
    cells = price_rel.shape[0]
    # The first cell is the one in which nothing moves: its value today is what gains are from.
    move, column = np.zeros(cells + 1), np.zeros(cells + 1, np.int64)
    growth, one, log_growth = np.ones(cells + 1), np.ones(cells + 1), np.zeros(cells + 1)
    for c in range(cells):
        move[c + 1], column[c + 1] = price_rel[c], vol_index[c]
        growth[c + 1] += price_rel[c]
    log_ratios(growth, one, log_growth)
    lanes, vols = np.ones((COLUMNS, LANES)), np.zeros((vol.shape[1], LANES))
    per_sd, spread = np.zeros((vol.shape[1], LANES)), np.zeros((vol.shape[1], LANES))
    tile = np.zeros((cells + 1, TILE_LANES))
    rows = np.zeros(kind.shape[0], np.int64)
    for signed in (False, True):
        count = choose_rows(kind, level, signed, rows)
        for first in range(0, count, LANES):
            block = rows[first : min(first + LANES, count)]
            width = (block.shape[0] + VECTOR - 1) // VECTOR * VECTOR
            load_rows(block, kind, forward, level, strike, coin_usd, vol, lanes, vols)
            for t in range(tenor_years.shape[1]):
                load_instant(
                    block, t, signed, forward, strike, unit_usd, tenor_years, discount, lanes
                )
                load_sds(signed, vols, lanes[ROOT_TENOR, :width], per_sd, spread)
                for c in range(0 if t == 0 else 1, cells + 1):
                    row, v = tile[c, :width], column[c]
                    if signed:
                        signed_lanes(lanes, per_sd[v], spread[v], move[c], row)
                    else:
                        black_lanes(lanes, per_sd[v], spread[v], log_growth[c], move[c], row)
                    if c == 0:
                        for j in range(block.shape[0]):
                            lanes[BASE_USD, j] = row[j]
                            base_usd_out[block[j]] = row[j]
                store_rows(block, tile[1:], out[:, t * cells : (t + 1) * cells])
