"""American options without cash dividends: the exercise boundary by spectral collocation.

A put is worth its European value and what early exercise adds (Kim 1990). In units of the strike,
with b = r − q, d±(t, z) = (ln z + b·t)/(σ√t) ± σ√t/2 and the boundary B(u) at time u to expiry,

    premium = ∫₀ᵀ [ r·e^{−rt}·Φ(−d₋(t, S/B(u))) − q·S·e^{−qt}·Φ(−d₊(t, S/B(u))) ] du,   t = T − u

At S = B the value is 1 − B, which is solved for B as the fixed point (system B of the source)

    B(τ) = e^{−bτ}·N/D      N = Φ(d₋(τ, B)) + r·∫₀^τ e^{ru}·Φ(d₋(τ − u, B(τ)/B(u))) du
                            D = Φ(d₊(τ, B)) + q·∫₀^τ e^{qu}·Φ(d₊(τ − u, B(τ)/B(u))) du

Calls are puts with S and K, and r and q, exchanged (McDonald and Schroder 1998). A put is never
exercised early where r ≤ 0 and q ≥ r, and has two boundaries, which are not this file's concern,
where q < r < 0; else there is one, from X = B(0+) = 1, or r/q where q > r > 0.

Source: L. Andersen, M. Lake, D. Offengenden, "High-performance American option pricing", J.
Computational Finance 20 (2016), whose interpolation of ln²(B/X) between Chebyshev nodes is kept.
Two changes of variable are this file's own, for the square roots and logarithms of B at u = 0: the
nodes are even in (τ/T)^¼, not in √(τ/T), and the integrals run over φ, with u = τ·sin²φ, which also
absorbs 1/√(τ − u). Twelve nodes then do for what takes some forty.

Units: S and values in units of K, σ per √year, T in years, r and q per year.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seawall.kernels._jit import kernel
from seawall.kernels.american_grid import certain_value_scalar
from seawall.kernels.black76 import black76_scalar, log_moneyness_scalar
from seawall.kernels.normal import SQRT_HALF, norm_cdf_scalar

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

NODES = 12
BOUNDARY_POINTS = 24
PREMIUM_POINTS = 48
# Iteration ends when no node of ln(X/B) moves by more than this share of σ√τ, and goes on for long
# only where the nodes nearest expiry hardly move the price.
CHANGE_REL = 1e-8
MAX_ITERATIONS = 40


def _quadrature(points: int) -> tuple[Floats, Floats, Floats]:
    """sin φ and cos φ of the Gauss points of (0, π/2) and their weights for ∫…d(sin²φ)."""
    at, weight = np.polynomial.legendre.leggauss(points)
    phi = 0.25 * math.pi * (at + 1.0)
    return np.sin(phi), np.cos(phi), 0.25 * math.pi * weight * np.sin(2.0 * phi)


def _interpolation(at: Floats) -> Floats:
    """Weights [..., NODES] of the nodes' values in the polynomial through them and 0 at 0."""
    signs = (-1.0) ** np.arange(NODES + 1)
    signs[[0, -1]] *= 0.5
    terms = signs / (at[..., np.newaxis] - np.append(ROOT, 0.0))
    return np.ascontiguousarray((terms / terms.sum(axis=-1, keepdims=True))[..., :NODES])


# (τ/T)^¼ at the nodes, the last of which, 0, is left out: there B = X.
ROOT = 0.5 + 0.5 * np.cos(math.pi * np.arange(NODES) / NODES)
SIN, COS, WEIGHT = _quadrature(BOUNDARY_POINTS)
BETWEEN = _interpolation(ROOT[:, np.newaxis] * np.sqrt(SIN))
PREMIUM_SIN, PREMIUM_COS, PREMIUM_WEIGHT = _quadrature(PREMIUM_POINTS)
PREMIUM_BETWEEN = _interpolation(np.sqrt(PREMIUM_SIN))


@kernel()
def _first_guess(vol: float, tau: float, rate: float, dividend_yield: float, start: float) -> float:
    """ln(X/B) on the way from X = ``start`` to the perpetual put's (Bjerksund, Stensland 1993)."""
    variance = vol * vol
    a = (rate - dividend_yield) / variance - 0.5
    root = math.sqrt(a * a + 2.0 * rate / variance)
    power = -a - root if a >= 0.0 else -2.0 * rate / variance / (root - a)
    perpetual = power / (power - 1.0)
    gap = start - perpetual
    if gap <= 0.0:
        return 0.0
    speed = (rate - dividend_yield) * tau - 2.0 * vol * math.sqrt(tau)
    return -math.log((perpetual + gap * math.exp(min(speed * start / gap, 0.0))) / start)


@kernel()
def _depth_between(square: Floats, weights: Floats) -> float:
    """ln(X/B) at a point from its squares at the nodes."""
    total = 0.0
    for k in range(NODES):
        total += weights[k] * square[k]
    return math.sqrt(max(total, 0.0))


@kernel()
def _improved(
    i: int,
    vol: float,
    tenor: float,
    rate: float,
    dividend_yield: float,
    start: float,
    depth: Floats,
    square: Floats,
) -> float:
    """ln(X/B) of node i by the fixed-point equation; as it was where the equation gives none."""
    tau = tenor * ROOT[i] ** 4
    carry = rate - dividend_yield
    sd = vol * math.sqrt(tau)
    d2 = (math.log(start) - depth[i] + carry * tau) / sd - 0.5 * sd
    strike_side = norm_cdf_scalar(d2)
    spot_side = norm_cdf_scalar(d2 + sd)
    for j in range(BOUNDARY_POINTS):
        left = tau * COS[j] * COS[j]
        sd_left = sd * COS[j]
        ratio = _depth_between(square, BETWEEN[i, j]) - depth[i]
        d2 = (ratio + carry * left) / sd_left - 0.5 * sd_left
        weight = 0.5 * tau * WEIGHT[j]
        growth = rate * math.exp(rate * (tau - left))
        strike_side += weight * growth * math.erfc(-d2 * SQRT_HALF)
        if dividend_yield != 0.0:
            growth = dividend_yield * math.exp(dividend_yield * (tau - left))
            spot_side += weight * growth * math.erfc(-(d2 + sd_left) * SQRT_HALF)
    if strike_side <= 0.0 or spot_side <= 0.0:
        return float(depth[i])
    found = math.log(start) + carry * tau - math.log(strike_side) + math.log(spot_side)
    return max(found, 0.0)


@kernel()
def _boundary(
    vol: float,
    tenor: float,
    rate: float,
    dividend_yield: float,
    start: float,
    depth: Floats,
    square: Floats,
) -> None:
    """Fill ``depth`` [NODES] with ln(X/B) of a put, X = ``start``, and ``square`` with squares."""
    for i in range(NODES):
        tau = tenor * ROOT[i] ** 4
        depth[i] = _first_guess(vol, tau, rate, dividend_yield, start)
        square[i] = depth[i] * depth[i]
    for _ in range(MAX_ITERATIONS):
        change = 0.0
        for i in range(NODES):
            found = _improved(i, vol, tenor, rate, dividend_yield, start, depth, square)
            sd = vol * math.sqrt(tenor) * ROOT[i] ** 2
            change = max(change, abs(found - depth[i]) / sd)
            depth[i] = found
        for i in range(NODES):
            square[i] = depth[i] * depth[i]
        if change < CHANGE_REL:
            return


@kernel()
def _premium(
    log_spot: float,
    vol: float,
    tenor: float,
    rate: float,
    dividend_yield: float,
    start: float,
    square: Floats,
) -> float:
    """What early exercise adds to a put whose spot is above its boundary, per unit of strike."""
    spot = math.exp(log_spot)
    log_ratio = log_spot - math.log(start)
    total = 0.0
    for j in range(PREMIUM_POINTS):
        left = tenor * PREMIUM_COS[j] * PREMIUM_COS[j]
        sd = vol * math.sqrt(tenor) * PREMIUM_COS[j]
        depth = _depth_between(square, PREMIUM_BETWEEN[j])
        d2 = (log_ratio + depth + (rate - dividend_yield) * left) / sd - 0.5 * sd
        gained = rate * math.exp(-rate * left) * math.erfc(d2 * SQRT_HALF)
        lost = spot * dividend_yield * math.exp(-dividend_yield * left)
        total += PREMIUM_WEIGHT[j] * (gained - lost * math.erfc((d2 + sd) * SQRT_HALF))
    return 0.5 * tenor * total


@kernel("void(f8[::1], f8[::1], f8[::1], f8[::1], f8[::1], f8[::1], b1[::1], f8[::1])")
def american_values(
    spot: Floats,
    strike: Floats,
    vol: Floats,
    tenor_years: Floats,
    rate: Floats,
    dividend_yield: Floats,
    is_call: Flags,
    out: Floats,
) -> None:
    """Fill ``out``; all arrays of shape [n], S, K and σ√T above 0, one boundary or none.

    The value is kept at least European, at least that of a spot without volatility and at least
    the payoff. Rows beside each other with the same σ, T, r and q share one boundary.
    """
    depth = np.empty(NODES)
    square = np.empty(NODES)
    none = np.empty((0, 2))
    solved = (-1.0, 0.0, 0.0, 0.0)
    for i in range(out.size):
        call = bool(is_call[i])
        S, K = float(strike[i] if call else spot[i]), float(spot[i] if call else strike[i])
        r = float(dividend_yield[i] if call else rate[i])
        q = float(rate[i] if call else dividend_yield[i])
        sigma, T = float(vol[i]), float(tenor_years[i])
        value = math.exp(-r * T) * black76_scalar(S * math.exp((r - q) * T), K, sigma, T, False)
        if r > 0.0 or q < r:
            start = min(1.0, r / q) if q > 0.0 else 1.0
            if (sigma, T, r, q) != solved:
                _boundary(sigma, T, r, q, start, depth, square)
                solved = (sigma, T, r, q)
            log_spot = log_moneyness_scalar(S, K)
            if log_spot > math.log(start) - depth[0]:
                value += K * max(_premium(log_spot, sigma, T, r, q, start, square), 0.0)
            terms = (K, r, q, T, False)
            value = max(value, certain_value_scalar(S, 0.0, 0, terms, none))
        out[i] = value
