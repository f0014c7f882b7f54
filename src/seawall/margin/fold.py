"""The fold: from the risk arrays of an account to its units of risk and their worst losses.

Instruments add up to expiries and expiries to their underlying, cell by cell and instant by
instant; then each cell counts at the instant at which it is worst. A *unit* is what nothing inside
is added up any further by scenario: an underlying where positions net, a single position where
they do not. Units are added up by loss, in ``offsets``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from seawall.basics.arrays import freeze
from seawall.basics.errors import BadParameter
from seawall.basics.money import NOISE_DECIMALS
from seawall.kernels.fold import fold_groups
from seawall.margin.currencies import CurrencyUnits, currency_of, rows_by_currency
from seawall.margin.discounts import ExpiriesApart, StaticDiscount
from seawall.risk.accounts import UnderlyingAccounts
from seawall.risk.book import UnderlyingBook
from seawall.risk.paths import Taken
from seawall.risk.revaluation import RiskArray
from seawall.risk.scenarios import ScenarioSet
from seawall.risk.shocks import Instant

Floats = NDArray[np.float64]
Direction = Literal["up", "down"]
DIRECTIONS: tuple[Direction, Direction] = ("up", "down")


@dataclass(frozen=True, slots=True)
class WorstCells:
    """Net PnL in USD of one unit of risk in each cell; arrays have shape [C] and are read-only.

    ``undamped`` is the PnL at the worst of the instants and ``instant`` says at which, as a place
    in ``instants``; of equal ones the first. ``damped`` is PnL as it counts.
    """

    scenarios: ScenarioSet
    instants: tuple[Instant, ...]
    undamped: Floats
    instant: NDArray[np.intp]
    damped: Floats

    def __post_init__(self) -> None:
        freeze(self, self.scenarios.price_rel.size)

    def worst(self, direction: Direction) -> int:
        """The cell of the largest loss in a direction, of paths in any; of equal ones the first."""
        if self.scenarios.paths is not None:
            return int(self.damped.round(NOISE_DECIMALS).argmin())
        # Without float64 noise ties stay ties.
        pnl = self.damped.round(NOISE_DECIMALS)
        return int(np.where(self._side(direction), pnl, np.inf).argmin())

    def loss(self, direction: Direction) -> float:
        """The largest loss in a direction, ≥ 0; of paths the tail of losses on them, in either."""
        if self.scenarios.paths is not None:
            return max(0.0, self.scenarios.paths.taken(self.damped).loss(self.damped))
        return max(0.0, -float(self.damped[self._side(direction)].min()))

    def parts(self, direction: Direction, quantity: Floats, unit_pnl_usd: Floats) -> Floats:
        """What positions of ``quantity`` [M] bring to the largest loss in a direction, in USD.

        ``unit_pnl_usd`` [M, I·C] are their rows of the array whose net these cells are; the parts
        have shape [M] and add up to the loss.
        """
        # Parts of a loss that is only noise of float64 would be large and cancel.
        if round(self.loss(direction), NOISE_DECIMALS) == 0.0:
            return np.zeros(quantity.size)
        if self.scenarios.paths is not None:
            taken = self.scenarios.paths.taken(self.damped)
            return self.parts_over(taken, quantity, unit_pnl_usd)
        return self.parts_at(self.worst(direction), quantity, unit_pnl_usd)

    def parts_over(self, taken: Taken, quantity: Floats, unit_pnl_usd: Floats) -> Floats:
        """What positions bring to the weighted loss in some cells, as in :meth:`parts`."""
        pairs = zip(taken.cells.tolist(), taken.weights.tolist(), strict=True)
        parts = (weight * self.parts_at(cell, quantity, unit_pnl_usd) for cell, weight in pairs)
        return sum(parts, np.zeros(quantity.size))

    def parts_at(self, cell: int, quantity: Floats, unit_pnl_usd: Floats) -> Floats:
        """What positions bring to the loss in a cell, as in :meth:`parts`."""
        column = int(self.instant[cell]) * self.scenarios.price_rel.size + cell
        gained, weight = self.undamped[cell], self.scenarios.damping[cell]
        if self.damped[cell] != gained * weight:  # only what is not 0 counts for another number
            weight = self.damped[cell] / gained
        return -quantity * unit_pnl_usd[:, column] * weight

    def _side(self, direction: Direction) -> NDArray[np.bool_]:
        return self.scenarios.up if direction == "up" else self.scenarios.down


@dataclass(frozen=True, slots=True)
class Unit:
    """Worst losses of one unit of risk, in USD, ≥ 0.

    ``up`` over cells with a price move ≥ 0 and ``down`` over those ≤ 0, each floored at zero.
    ``path`` names it in rows, ``book`` holds its positions, ``cells`` what it loses where,
    ``least`` is the greatest floor so far, that of the fold itself and what it was raised to, and
    ``currency`` the one in which it settles, where the fold keeps currencies apart.
    """

    path: str
    book: UnderlyingBook
    cells: WorstCells
    up: float
    down: float
    least: float = 0.0
    currency: str = ""

    @property
    def worst(self) -> float:
        """M, the greater of the two."""
        return max(self.up, self.down)

    def toward(self, direction: Direction) -> float:
        """The worst loss in one direction."""
        return self.up if direction == "up" else self.down

    def raised_to(self, floor: float) -> Unit:
        """The unit with both losses at least ``floor``."""
        least = max(self.least, floor)
        return replace(self, up=max(self.up, floor), down=max(self.down, floor), least=least)


class NetByUnderlying(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="net-by-underlying"
):
    """Positions net within an underlying: instrument → expiry → underlying.

    ``discount`` is what the options of an expiry count for together, where they do not count for
    what they are worth. In cells with a volatility move of ``either_way`` the options of an expiry
    lose what they gain or lose together: the move may be the other way round. ``apart_by`` is the
    least that all this may be, for forwards that move apart. With ``by_currency`` only what settles
    in one currency nets; raises BadParameter for that beside one of the others.
    """

    discount: StaticDiscount | None = None
    either_way: tuple[Literal["skew-linear", "skew-absolute"], ...] = ()
    apart_by: ExpiriesApart | None = None
    by_currency: CurrencyUnits | None = None

    def __post_init__(self) -> None:
        if self.by_currency is not None and self._is_transformed:
            raise BadParameter(
                "units by currency beside what is done to expiries of an underlying",
                where="fold",
                remedy="Give by_currency alone, or the others without it.",
            )

    @property
    def is_linear(self) -> bool:
        """Whether what a position brings to a cell does not depend on the others."""
        return not self._is_transformed and self.by_currency is None

    @property
    def _is_transformed(self) -> bool:
        return bool(self.discount or self.either_way or self.apart_by)

    def effective(self, array: RiskArray) -> RiskArray:
        """The array as it counts for this very book, with which expiries add up."""
        if not self._is_transformed:
            return array
        book, unit_pnl = array.book, array.unit_pnl_usd
        if self.discount is not None:
            factors = self.discount.factors(book, unit_pnl)
            value = book.mark_usd[:, None]
            # Where a factor is 1 the digits stay what they were.
            unit_pnl = factors * unit_pnl + (factors - 1.0) * value
        if self.either_way:
            moves = [move.value for move in map(array.scenarios.vol_move, range(array.cells))]
            columns = np.tile([move in self.either_way for move in moves], len(array.instants))
            unit_pnl = np.where(columns, unit_pnl * _losing(book, unit_pnl), unit_pnl)
        return replace(array, unit_pnl_usd=unit_pnl)

    def units(self, arrays: Iterable[RiskArray]) -> tuple[Unit, ...]:
        """One unit per underlying, or per underlying and currency."""
        return tuple(unit for array in arrays for unit in self._units_of(array))

    def _units_of(self, array: RiskArray) -> Iterable[Unit]:
        if self.by_currency is None:
            counted = self.effective(array)
            unit = _unit(self.path(array.book, 0), array.book, worst_cells(counted, net(counted)))
            yield replace(unit, least=float(self.least_shares(array).sum()))
            return
        for currency, rows in rows_by_currency(array.book).items():
            part = array.rows(rows)
            cells = worst_cells(part, net(part))
            damped = self.by_currency.counted(part, currency, cells.damped)
            unit = _unit(self.path(part.book, 0), part.book, replace(cells, damped=damped))
            yield replace(unit, currency=currency)

    def least_shares(self, array: RiskArray) -> Floats:
        """What each row brings to the least that the loss may be; shape [M] in USD."""
        if self.apart_by is None:
            return np.zeros(array.book.quantity.size)
        return self.apart_by.shares(array)

    def apart(self, held: UnderlyingAccounts) -> UnderlyingAccounts:
        """What many accounts hold in an underlying, a segment for each unit."""
        return held

    def path(self, book: UnderlyingBook, row: int) -> str:
        """Path of the unit that a position is in."""
        currency = book.underlying if self.by_currency is None else currency_of(book, row)
        return book.underlying if currency == book.underlying else f"{book.underlying}/{currency}"

    def without(self, array: RiskArray, keep: Sequence[int]) -> tuple[Unit, ...]:
        """The units of an underlying without a position, ``keep`` the other rows; none if there are
        none.
        """
        return self.units([array.rows(keep)] if keep else [])


class EachPosition(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="each-position"
):
    """Nothing nets: every position stands with its own worst loss."""

    is_linear: ClassVar[bool] = True

    def effective(self, array: RiskArray) -> RiskArray:
        """The array itself."""
        return array

    def least_shares(self, array: RiskArray) -> Floats:
        """Nothing; shape [M]."""
        return np.zeros(array.book.quantity.size)

    def units(self, arrays: Iterable[RiskArray]) -> tuple[Unit, ...]:
        """One unit per position."""
        return tuple(
            _unit(self.path(array.book, row), array.book.rows([row]), worst_cells(array, pnl))
            for array in arrays
            for row, pnl in enumerate(net_by_position(array))
        )

    def apart(self, held: UnderlyingAccounts) -> UnderlyingAccounts:
        """What many accounts hold in an underlying, a segment for each unit."""
        return held.each_position()

    def path(self, book: UnderlyingBook, row: int) -> str:
        """Path of the unit that a position is."""
        return f"{book.underlying}/{book.positions[row].instrument.name}"

    def without(self, array: RiskArray, keep: Sequence[int]) -> tuple[Unit, ...]:
        """No unit: a position is its own unit."""
        return ()


Fold = NetByUnderlying | EachPosition


def _losing(book: UnderlyingBook, unit_pnl: Floats) -> Floats:
    """−1 for options of an expiry in cells where they gain together, 1 for all else; [M, S]."""
    out = np.ones(unit_pnl.shape)
    for bucket in np.unique(book.bucket[book.is_option]).tolist():
        rows = book.is_option & (book.bucket == bucket)
        out[rows] = np.where(book.quantity[rows] @ unit_pnl[rows] > 0.0, -1.0, 1.0)
    return out


def net_by_position(array: RiskArray) -> Floats:
    """Net PnL of each position in USD; shape [M, I, C]."""
    return _split(array, array.book.quantity[:, None] * array.unit_pnl_usd)


def net_by_expiry(array: RiskArray) -> Floats:
    """Net PnL of each bucket of the book in USD; shape [buckets, I, C]."""
    out = np.zeros((len(array.book.buckets), array.unit_pnl_usd.shape[1]))
    fold_groups(array.unit_pnl_usd, array.book.quantity, array.book.bucket, out)
    return _split(array, out)


def net(array: RiskArray) -> Floats:
    """Net PnL of the underlying in USD, the sum of its expiries; shape [I, C]."""
    return net_by_expiry(array).sum(axis=0)


def worst_cells(array: RiskArray, pnl: Floats) -> WorstCells:
    """``pnl`` [I, C] of something in the array, each cell at its worst instant."""
    undamped = pnl.min(axis=0)
    return WorstCells(
        scenarios=array.scenarios,
        instants=array.instants,
        undamped=undamped,
        instant=pnl.round(NOISE_DECIMALS).argmin(axis=0),
        damped=undamped * array.scenarios.damping,
    )


def lone_loss(array: RiskArray, rows: NDArray[np.intp]) -> tuple[float, Floats]:
    """What some contracts lose at worst by themselves, netted, in USD ≥ 0, and every row's part.

    Coins that they have earned are a balance and no part of it. The parts have shape [M] and add up
    to the loss; rows that are not among them have none.
    """
    quantity = array.book.quantity[rows]
    earned_usd = array.book.coin_profit[rows] * array.book.spot_usd
    unit_pnl = array.unit_pnl_usd[rows] - earned_usd[:, None] * array.coin_moves_rel
    cells = worst_cells(array, _split(array, quantity @ unit_pnl)[0])
    direction = max(DIRECTIONS, key=cells.loss)
    parts = np.zeros(array.book.quantity.size)
    parts[rows] = cells.parts(direction, quantity, unit_pnl)
    return cells.loss(direction), parts


def apply_floors(
    units: tuple[Unit, ...], floor: Callable[[UnderlyingBook], float]
) -> tuple[Unit, ...]:
    """Every unit raised to its own floor, of several the greatest."""
    return tuple(unit.raised_to(max(unit.least, floor(unit.book))) for unit in units)


def _unit(path: str, book: UnderlyingBook, cells: WorstCells) -> Unit:
    return Unit(path, book, cells, cells.loss("up"), cells.loss("down"))


def _split(array: RiskArray, flat: Floats) -> Floats:
    return flat.reshape(-1, len(array.instants), array.scenarios.price_rel.size)
