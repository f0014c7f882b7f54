"""Models that lose most on a grid of prices and volatilities: margins of every book and day.

Cells and shocks are those of the product's own scenario sets; the arrays run over days besides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.frontier.data import COINS
from benchmarks.frontier.legs import Table, worth
from benchmarks.frontier.portfolios import Leg
from seawall.basics.time import DAYS_PER_YEAR
from seawall.risk.scenarios import PriceVolGrid, lay_out
from seawall.risk.shocks import VolMove

Floats = NDArray[np.float64]

# What a matched perpetual and dated future are asked: docs/charges.md, the basis charge of prbm.
BASIS_LEAST_REL, BASIS_PER_YEAR_REL = 0.005, 0.05
_MOVES = tuple(VolMove)


@dataclass(frozen=True, slots=True)
class GridModel:
    """A grid with the range of each coin and day [D, C], and the credit between BTC and ETH.

    ``credit`` [D] is ρ of R = (1 − ρ)·ΣM + ρ·max(ΣM↑, ΣM↓); SOL has none. ``vol_up_scale`` and
    ``vol_down_scale`` [D] multiply the grid's shocks of volatility.
    """

    grid: PriceVolGrid
    range_rel: Floats
    credit: Floats
    vol_up_scale: Floats
    vol_down_scale: Floats


def grid_margins(table: Table, model: GridModel) -> Floats:
    """What each book loses in its worst cells plus the basis charge; [D, B], ≥ 0."""
    worst, up, down = _by_coin(table, model)
    crypto = slice(0, 2)
    rho = model.credit[:, None]
    joint = np.maximum(up[..., crypto].sum(axis=2), down[..., crypto].sum(axis=2))
    combined = (1.0 - rho) * worst[..., crypto].sum(axis=2) + rho * joint
    return combined + worst[..., 2] + basis_charge(table)


def _by_coin(table: Table, model: GridModel) -> tuple[Floats, Floats, Floats]:
    """Each coin's greatest loss, that in cells upward and that downward; [D, B, C], ≥ 0."""
    shape = (*table.quantity.shape[:2], len(COINS))
    worst, up, down = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for column in range(len(COINS)):
        own = np.flatnonzero(table.coin == column)
        if not own.size:
            continue
        price, moves, damping = cells(model.grid, model.range_rel[:, column])
        pnl = np.empty((table.days_ns.size, own.size, 2 * moves.size))
        for row, place in enumerate(own.tolist()):
            leg = table.legs[place]
            for instant, days in enumerate((0.0, model.grid.horizon_days)):
                part = slice(instant * moves.size, (instant + 1) * moves.size)
                pnl[:, row, part] = _gains(leg, place, table, model, price, moves, days)
        net = np.matmul(table.quantity[:, :, own], pnl) * np.tile(damping, 2)[:, None, :]
        losses = np.maximum(-net, 0.0)
        upward = np.tile(price >= 0.0, 2)[:, None, :]
        downward = np.tile(price <= 0.0, 2)[:, None, :]
        worst[..., column] = losses.max(axis=2)
        up[..., column] = np.where(upward, losses, 0.0).max(axis=2)
        down[..., column] = np.where(downward, losses, 0.0).max(axis=2)
    return worst, up, down


def cells(grid: PriceVolGrid, range_rel: Floats) -> tuple[Floats, NDArray[np.int64], Floats]:
    """Price moves [D, N], volatility moves [N] and damping [D, N] of the product's cells."""
    sets = [lay_out(grid, float(width), float(width)) for width in range_rel]
    price = np.stack([each.price_rel for each in sets])
    return price, sets[0].vol_index, np.stack([each.damping for each in sets])


def _gains(
    leg: Leg,
    place: int,
    table: Table,
    model: GridModel,
    price_rel: Floats,
    moves: NDArray[np.int64],
    elapsed_days: float,
) -> Floats:
    """What a leg gains in each cell; [D, N]. Futures go with the index."""
    start = table.value[:, place, None]
    if not leg.is_option:
        return start * price_rel
    sigma = table.sigma[:, place]
    shocked = shocked_vols(model, leg, sigma)[moves].T
    none = np.zeros((1, 1))
    return worth(leg, 1.0 + price_rel, shocked, none, none, np.asarray(elapsed_days)) - start


def shocked_vols(model: GridModel, leg: Leg, sigma: Floats) -> Floats:
    """An option's volatility under each move; [V, D] in the order of VolMove.

    Of a grid with one shock each way: formulas in docs/models/prbm.md.
    """
    grid = model.grid
    days = np.full(sigma.size, leg.tenor_days)
    weight = grid.tenor_law.weight(days)
    rise, fall = weight * model.vol_up_scale, weight * model.vol_down_scale
    found = dict.fromkeys(_MOVES, sigma)
    [raised], [lowered] = grid.shocks("vol_up"), grid.shocks("vol_down")
    found[VolMove.UP] = np.maximum(
        np.maximum(raised.apply(sigma, rise, days), grid.vol_up_floor), sigma
    )
    found[VolMove.DOWN] = np.maximum(lowered.apply(sigma, fall, days), 0.0)
    if grid.skew_tilt is not None:
        cap = grid.skew_tilt.cap_sd
        z = np.log(leg.moneyness) / (sigma * np.sqrt(leg.tenor_days / DAYS_PER_YEAR))
        tilt = grid.skew_tilt.size_rel * np.clip(z, -cap, cap)
        found[VolMove.SKEW_UP], found[VolMove.SKEW_DOWN] = sigma * (1 + tilt), sigma * (1 - tilt)
    if grid.term_twist is not None:
        twist = grid.term_twist
        span = np.log(twist.long_end_days / twist.short_end_days)
        along = np.clip(1.0 - 2.0 * np.log(leg.tenor_days / twist.short_end_days) / span, -1.0, 1.0)
        found[VolMove.TWIST_UP] = sigma * (1.0 + twist.size_rel * along)
        found[VolMove.TWIST_DOWN] = sigma * (1.0 - twist.size_rel * along)
    return np.stack([found[move] for move in _MOVES])


def basis_charge(table: Table) -> Floats:
    """What futures are asked for moving apart from the perpetual; [D, B], ≥ 0.

    The smaller of the long and the short side of each tenor, perpetuals being of tenor 0.
    """
    charge = np.zeros(table.quantity.shape[:2])
    for place, leg in enumerate(table.legs):
        if leg.kind == "future":
            size = np.abs(table.quantity[:, :, place]) * table.value[:, place, None]
            years = leg.tenor_days / DAYS_PER_YEAR
            charge += size * max(BASIS_LEAST_REL, BASIS_PER_YEAR_REL * years)
    return charge
