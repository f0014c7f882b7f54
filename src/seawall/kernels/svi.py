"""Raw SVI slices fitted to total variances by least squares.

Coordinates y of a slice: v, √p, √c, m, ln σ, with v its least variance, p and c its wing slopes,

    w(k) = v − σ√(pc) + (c − p)/2 · (k − m) + (c + p)/2 · √((k − m)² + σ²)

``start`` is linear regression of w on k − m and the root, at each point of a lattice of (m, σ);
``polish`` is Levenberg–Marquardt on all five coordinates, within a box. Sums run over the rows in
their order. How they are used, and sources: ``seawall.pricing.svi_fit``.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seawall.kernels._jit import kernel

Floats = NDArray[np.float64]

COORDINATES = 5

# The lattice for the start: places and widths, the latter in multiples of the strikes' span.
PLACES, WIDTHS = 24, 8
NARROWEST, WIDEST = 0.01, 4.0
# The start keeps each wing this far from slopes 0 and 2.
LEAST_SLOPE, MAX_WING_SLOPE = 1e-4, 2.0

MAX_STEPS = 200
CONVERGED_REL = 1e-13
FIRST_DAMPING, LEAST_DAMPING, MOST_DAMPING = 1e-3, 1e-12, 1e10
# A coordinate that hardly moves the residuals is damped at least as if it moved them this much.
LEAST_CURVATURE_REL = 1e-12

# g is held above this where it is penalised, so that the penalty's own slack stays above 0.
G_MARGIN = 2e-3


@kernel("i8(f8[::1], f8[::1], f8[::1], f8[:, ::1], f8[::1])")
def usable_rows(k: Floats, w: Floats, weight: Floats, out: Floats, range_out: Floats) -> int:
    """Copy the rows of some weight to ``out`` [3, n]: k, w and √weight; how many they are.

    The weights are scaled so that the mean of weight · w² is 1. ``range_out`` [4] becomes the least
    and greatest k and w. Stops at a row that is not finite or has w ≤ 0 or weight < 0, and returns
    −1 less its place.
    """
    count = 0
    greatest, total = 0.0, 0.0
    range_out[0] = range_out[2] = math.inf
    range_out[1] = range_out[3] = -math.inf
    for i in range(k.size):
        finite = math.isfinite(k[i]) and math.isfinite(w[i]) and math.isfinite(weight[i])
        if not (finite and w[i] > 0.0 and weight[i] >= 0.0):
            return -1 - i
        if weight[i] > 0.0:
            out[0, count] = k[i]
            out[1, count] = w[i]
            out[2, count] = math.sqrt(weight[i])
            greatest = max(greatest, out[2, count] * w[i])
            range_out[0] = min(range_out[0], k[i])
            range_out[1] = max(range_out[1], k[i])
            range_out[2] = min(range_out[2], w[i])
            range_out[3] = max(range_out[3], w[i])
            count += 1
    for i in range(count):
        total += (out[2, i] * out[1, i] / greatest) ** 2
    for i in range(count):
        out[2, i] /= greatest * math.sqrt(total / count)
    return count


# ---------------------------------------------------------------- the start


@kernel()
def clipped_scalar(value: float, low: float, high: float) -> float:
    """The value or the nearer bound."""
    return min(max(value, low), high)


@kernel("void(f8[::1], f8[::1], f8[::1], f8, f8, f8[::1])")
def start(
    k: Floats, w: Floats, root_weight: Floats, least_level: float, span: float, y_out: Floats
) -> None:
    """Coordinates of the best point of the lattice, for strikes [n] that span ``span``.

    With weighted covariances of x = k − m, r = √(x² + σ²) and w, w ≈ level + β·x + γ·r has
    det = V_xx·V_rr − V_xr², and slopes p = γ − β and c = γ + β. Those outside (0, 2) are clipped
    and the level follows, which is at least ``least_level`` and at most the greatest w.
    """
    n = k.size
    total, k_mean, w_mean = 0.0, 0.0, 0.0
    for i in range(n):
        share = root_weight[i] * root_weight[i]
        total += share
        k_mean += share * k[i]
        w_mean += share * w[i]
    k_mean /= total
    w_mean /= total
    kk, kw, ww = 0.0, 0.0, 0.0
    low, high, most = k[0], k[0], w[0]
    for i in range(n):
        share = root_weight[i] * root_weight[i] / total
        kk += share * (k[i] - k_mean) ** 2
        kw += share * (k[i] - k_mean) * (w[i] - w_mean)
        ww += share * (w[i] - w_mean) ** 2
        low, high, most = min(low, k[i]), max(high, k[i]), max(most, w[i])
    first, step = low - 0.5 * span, (high - low + span) / (PLACES - 1)
    sigma, ratio = span * NARROWEST, (WIDEST / NARROWEST) ** (1.0 / (WIDTHS - 1))
    sums = np.empty((3, PLACES))
    least_error = math.inf
    for _ in range(WIDTHS):
        sums[:] = 0.0
        for i in range(n):
            share = root_weight[i] * root_weight[i] / total
            of_k, of_w = share * (k[i] - k_mean), share * (w[i] - w_mean)
            for j in range(PLACES):
                x = k[i] - (first + j * step)
                root = math.sqrt(x * x + sigma * sigma)
                sums[0, j] += share * root
                sums[1, j] += of_k * root
                sums[2, j] += of_w * root
        for j in range(PLACES):
            m = first + j * step
            r_mean, kr, rw = sums[0, j], sums[1, j], sums[2, j]
            rr = max(kk + (k_mean - m) ** 2 + sigma * sigma - r_mean * r_mean, 1e-14 * kk)
            determinant = max(kk * rr - kr * kr, 1e-14 * kk * rr)
            beta = (kw * rr - rw * kr) / determinant
            gamma = (rw * kk - kw * kr) / determinant
            p = clipped_scalar(gamma - beta, LEAST_SLOPE, MAX_WING_SLOPE - LEAST_SLOPE)
            c = clipped_scalar(gamma + beta, LEAST_SLOPE, MAX_WING_SLOPE - LEAST_SLOPE)
            beta, gamma = 0.5 * (c - p), 0.5 * (c + p)
            bend = sigma * math.sqrt(p * c)
            best_level = w_mean - beta * (k_mean - m) - gamma * r_mean + bend
            level = clipped_scalar(best_level, least_level, most)
            error = ww + beta * (beta * kk - 2.0 * kw) + gamma * (gamma * rr - 2.0 * rw)
            error += 2.0 * beta * gamma * kr + (level - best_level) ** 2
            if error < least_error:
                least_error = error
                y_out[0], y_out[1], y_out[2] = level, math.sqrt(p), math.sqrt(c)
                y_out[3], y_out[4] = m, math.log(sigma)
        sigma *= ratio


# ---------------------------------------------------------------- Levenberg–Marquardt


@kernel()
def add_row(row: Floats, normal: Floats) -> None:
    """Add row · rowᵀ, below the diagonal; the last of a row is its residual."""
    for i in range(COORDINATES + 1):
        for j in range(i + 1):
            normal[i, j] += row[i] * row[j]


@kernel()
def add_strikes(
    k: Floats, w: Floats, root_weight: Floats, y: Floats, row: Floats, normal: Floats
) -> None:
    """Add the rows of weighted errors: derivatives by coordinate, then the error."""
    left, right, m, sigma = y[1], y[2], y[3], math.exp(y[4])
    mixed = left * right
    tilt, b = 0.5 * (right * right - left * left), 0.5 * (right * right + left * left)
    for i in range(k.size):
        x = k[i] - m
        root = math.sqrt(x * x + sigma * sigma)
        inverse = 1.0 / root
        row[0] = root_weight[i]
        row[1] = root_weight[i] * (left * (root - x) - sigma * right)
        row[2] = root_weight[i] * (right * (root + x) - sigma * left)
        row[3] = -root_weight[i] * (tilt + b * x * inverse)
        row[4] = root_weight[i] * sigma * (b * sigma * inverse - mixed)
        row[5] = root_weight[i] * (y[0] - sigma * mixed + tilt * x + b * root - w[i])
        add_row(row, normal)


@kernel()
def add_shortfalls(points: Floats, penalty: float, y: Floats, row: Floats, normal: Floats) -> None:
    """Add the rows of max(G_MARGIN − g, 0) · ``penalty`` at the points.

    With w, w′ and w″ of a coordinate's derivative, ∂g = g_w·∂w + g_w′·∂w′ + ∂w″/2.
    """
    left, right, m, sigma = y[1], y[2], y[3], math.exp(y[4])
    mixed = left * right
    tilt, b = 0.5 * (right * right - left * left), 0.5 * (right * right + left * left)
    for i in range(points.size):
        x = points[i] - m
        square = x * x + sigma * sigma
        root = math.sqrt(square)
        w = y[0] - sigma * mixed + tilt * x + b * root
        w1 = tilt + b * x / root
        bent = sigma * sigma / (square * root)
        tangent = 1.0 - points[i] * w1 / (2.0 * w)
        g = tangent * tangent - 0.25 * w1 * w1 * (1.0 / w + 0.25) + 0.5 * b * bent
        if g >= G_MARGIN:
            continue
        of_w = tangent * points[i] * w1 / (w * w) + 0.25 * w1 * w1 / (w * w)
        of_w1 = -tangent * points[i] / w - 0.5 * w1 * (1.0 / w + 0.25)
        # A wing's slope moves w by (√ ∓ x)/2, its square root as the chain rule says.
        row[0] = of_w
        row[1] = of_w * (left * (root - x) - sigma * right)
        row[1] += left * (of_w1 * (x / root - 1.0) + 0.5 * bent)
        row[2] = of_w * (right * (root + x) - sigma * left)
        row[2] += right * (of_w1 * (x / root + 1.0) + 0.5 * bent)
        row[3] = -of_w * w1 - of_w1 * b * bent + 1.5 * b * bent * x / square
        row[4] = of_w * sigma * (b * sigma / root - mixed) - of_w1 * b * x * bent
        row[4] += 0.5 * b * bent * (2.0 - 3.0 * sigma * sigma / square)
        for j in range(COORDINATES):
            row[j] *= -penalty
        row[5] = penalty * (G_MARGIN - g)
        add_row(row, normal)


@kernel()
def solved(normal: Floats, damping: float, free: NDArray[np.bool_], step: Floats) -> bool:
    """Put the damped step of the free coordinates into ``step``, 0 of the others, by Cholesky.

    Whether there is one: rounding may leave a matrix that is not positive.
    """
    greatest = 0.0
    for i in range(COORDINATES):
        if free[i]:
            greatest = max(greatest, normal[i, i])
    factor = np.zeros((COORDINATES, COORDINATES))
    for i in range(COORDINATES):
        step[i] = -normal[COORDINATES, i] if free[i] else 0.0
        for j in range(i + 1):
            total = normal[i, j] if free[i] and free[j] else 0.0
            if i == j:
                ridge = damping * max(normal[i, i], LEAST_CURVATURE_REL * greatest)
                total = total + ridge if free[i] else 1.0
            for n in range(j):
                total -= factor[i, n] * factor[j, n]
            if i != j:
                factor[i, j] = total / factor[j, j]
            elif not total > 0.0:
                return False
            else:
                factor[i, i] = math.sqrt(total)
        for n in range(i):
            step[i] -= factor[i, n] * step[n]
        step[i] /= factor[i, i]
    for i in range(COORDINATES - 1, -1, -1):
        for n in range(i + 1, COORDINATES):
            step[i] -= factor[n, i] * step[n]
        step[i] /= factor[i, i]
    return True


@kernel("void(f8[::1], f8[::1], f8[::1], f8[::1], f8, f8[::1], f8[::1], f8[::1])")
def polish(
    k: Floats,
    w: Floats,
    root_weight: Floats,
    points: Floats,
    penalty: float,
    low: Floats,
    high: Floats,
    y_out: Floats,
) -> None:
    """Move ``y_out`` to a local least sum of squares between ``low`` and ``high``; all [5].

    Strikes have shape [n]; g's shortfall at the ``points`` counts too, times the ``penalty``.
    """
    trial, step = np.empty(COORDINATES), np.empty(COORDINATES)
    free, row = np.ones(COORDINATES, dtype=np.bool_), np.empty(COORDINATES + 1)
    normal = np.zeros((COORDINATES + 1, COORDINATES + 1))
    other = np.empty((COORDINATES + 1, COORDINATES + 1))
    for i in range(COORDINATES):
        y_out[i] = clipped_scalar(y_out[i], low[i], high[i])
    add_strikes(k, w, root_weight, y_out, row, normal)
    add_shortfalls(points, penalty, y_out, row, normal)
    damping = FIRST_DAMPING
    for _ in range(MAX_STEPS):
        for i in range(COORDINATES):
            # A coordinate at its bound that would leave the box stays for this step.
            slope = normal[COORDINATES, i]
            leaving = (y_out[i] <= low[i] and slope > 0.0) or (y_out[i] >= high[i] and slope < 0.0)
            free[i] = not leaving
        cost = normal[COORDINATES, COORDINATES]
        other[:] = math.inf
        if solved(normal, damping, free, step):
            for i in range(COORDINATES):
                trial[i] = clipped_scalar(y_out[i] + step[i], low[i], high[i])
            other[:] = 0.0
            add_strikes(k, w, root_weight, trial, row, other)
            add_shortfalls(points, penalty, trial, row, other)
        gain = cost - other[COORDINATES, COORDINATES]
        if gain > 0.0:
            y_out[:] = trial
            normal, other = other, normal
            damping = max(0.2 * damping, LEAST_DAMPING)
            if gain <= CONVERGED_REL * normal[COORDINATES, COORDINATES]:
                break
        elif damping >= MOST_DAMPING:
            break
        else:
            damping *= 3.0
