"""How much of a realised profit or loss the risk array had told beforehand.

The array says what each instrument earns at grid moves of price and volatility, now and after the
horizon. Between its cells it is interpolated at what really happened, and what is left over is what
the array does not know: moves of an expiry's forward against the index, marks away from the model,
and the interpolation itself. Source: docs/validation.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import BadNumber, InputError
from seawall.risk.book import UnderlyingBook
from seawall.risk.revaluation import RiskArray, vol_table
from seawall.risk.scenarios import CENTRE_MOVES, PriceVolGrid
from seawall.risk.shocks import Instant, VolMove

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Attribution:
    """The realised PnL of one underlying's book in USD, + gain, and what the array says of it.

    ``price``, ``volatility`` and ``time`` add up to ``explained``, ``explained`` and
    ``unexplained`` to ``realised``. ``parallel`` is the explained PnL if every volatility had gone
    the same way along its shock, by the vega-weighted mean.
    """

    underlying: str
    price_move_rel: float
    realised: float
    price: float
    volatility: float
    time: float
    parallel: float

    @property
    def explained(self) -> float:
        """What the array tells of the realised PnL."""
        return self.price + self.volatility + self.time

    @property
    def unexplained(self) -> float:
        """What it does not."""
        return self.realised - self.explained


def attribute(
    array: RiskArray, grid: PriceVolGrid, after: UnderlyingBook, elapsed_days: float
) -> Attribution:
    """The PnL from the array's book to the same book at a later market.

    ``after`` holds the same instruments, carried (:func:`seawall.risk.moved.carried_portfolio`).
    Raises InputError if it holds others, BadNumber for an elapsed time below zero or beyond the
    grid's horizon.
    """
    before = array.book
    names = [[p.instrument.name for p in book.positions] for book in (before, after)]
    if names[0] != names[1]:
        raise InputError(
            "the two books hold different instruments",
            where=f"attribution of {before.underlying}",
            remedy="Carry the same portfolio to the later market.",
        )
    if not 0.0 <= elapsed_days <= grid.horizon_days:
        raise BadNumber(
            f"{elapsed_days:.6g} days lie between the two markets",
            where=f"attribution of {before.underlying}",
            remedy=f"Choose markets in order and at most {grid.horizon_days:g} days apart.",
        )
    if before.is_signed:
        move = (after.spot_usd - before.spot_usd) / before.level_usd
    else:
        move = after.spot_usd / before.spot_usd - 1.0
    now, later = _at_price(array, move)
    share = _vol_shares(before, after, grid)
    weight = np.abs(before.quantity) * before.vega_usd
    mean = float(share @ weight / weight.sum()) if weight.sum() > 0.0 else 0.0
    elapsed = elapsed_days / grid.horizon_days if elapsed_days > 0.0 else 0.0
    quantity = before.quantity

    def earned(shares: Floats, time: float) -> float:
        unit = (1.0 - time) * _at_vol(now, shares) + time * _at_vol(later, shares)
        return float(quantity @ unit)

    still = np.zeros_like(share)
    price, moved = earned(still, 0.0), earned(share, 0.0)
    return Attribution(
        underlying=before.underlying,
        price_move_rel=move,
        realised=float(after.value_usd.sum() - before.value_usd.sum()),
        price=price,
        volatility=moved - price,
        time=earned(share, elapsed) - moved,
        parallel=earned(np.full_like(share, mean), elapsed),
    )


def _at_price(array: RiskArray, move: float) -> tuple[Floats, Floats]:
    """Unit PnL [M, V] at a price move, now and after the horizon, by the parabola through the three
    nearest grid moves.
    """
    cells, (moves, vols) = array.scenarios, array.scenarios.grid_shape
    nodes = cells.price_rel[: moves * vols : vols]
    near = np.sort(np.argsort(np.abs(nodes - move), kind="stable")[:3])
    weights = np.array(
        [np.prod([(move - nodes[j]) / (nodes[i] - nodes[j]) for j in near if j != i]) for i in near]
    )
    count = len(array.book.positions)
    table = array.unit_pnl_usd.reshape(count, len(array.instants), -1)[:, :, : moves * vols]
    at = np.einsum("mivc,v->mic", table.reshape(count, -1, moves, vols)[:, :, near], weights)
    order = list(array.instants)
    return at[:, order.index(Instant.NOW)], at[:, order.index(Instant.HORIZON)]


def _at_vol(table: Floats, share: Floats) -> Floats:
    """Unit PnL [M] at a share of each volatility shock: up above zero, down below; linear."""
    up, none, down = (CENTRE_MOVES.index(v) for v in (VolMove.UP, VolMove.NONE, VolMove.DOWN))
    side = np.where(share > 0.0, table[:, up], table[:, down])
    return table[:, none] + np.abs(share) * (side - table[:, none])


def _vol_shares(before: UnderlyingBook, after: UnderlyingBook, grid: PriceVolGrid) -> Floats:
    """How far each volatility went along its shock: 1 is all of it up, −1 all of it down."""
    table = vol_table(before, before.vol, grid)
    order = list(VolMove)
    # Normal volatilities of two markets may be told in other units.
    change = after.vol * (after.vol_unit / before.vol_unit) - before.vol
    reach = np.where(
        change > 0.0,
        table[:, order.index(VolMove.UP)] - before.vol,
        before.vol - table[:, order.index(VolMove.DOWN)],
    )
    moved = before.is_option & (change != 0.0) & (reach > 0.0)
    return np.divide(change, reach, out=np.zeros_like(change), where=moved)
