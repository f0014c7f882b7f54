"""Scenario sets: which price and volatility moves an underlying is put through.

:class:`PriceVolGrid` holds the numbers of a grid, :class:`PriceSteps` those of one of prices alone,
:class:`ListedCells` cells one by one; each is a part of a margin model. :class:`ScenarioSet` is
that laid out for one underlying's price range.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from seawall.basics.arrays import freeze
from seawall.basics.errors import BadParameter
from seawall.risk.paths import Paths
from seawall.risk.shocks import Shock, VolMove
from seawall.risk.vol_laws import (
    SkewStretch,
    SkewTilt,
    TenorLaw,
    TermTwist,
    at_least_zero,
    require,
)

CENTRE_MOVES = (VolMove.UP, VolMove.NONE, VolMove.DOWN)
OTHER_MOVES = (VolMove.UP_OTHER, VolMove.DOWN_OTHER)
SURFACE_MOVES = (VolMove.SKEW_UP, VolMove.SKEW_DOWN, VolMove.TWIST_UP, VolMove.TWIST_DOWN)
_VOL_MOVES = tuple(VolMove)


class Shocks(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every set of scenarios says of volatility and time.

    ``vol_up`` and ``vol_down`` are weighted by ``tenor_law``; a volatility shocked up is at least
    ``vol_up_floor``. Either may be two shocks, of which the one counts by which more is lost. Cells
    are evaluated now and after ``horizon_days``, and the worse counts; where time passes ``alone``
    that is said of the cell in which nothing else moves, and the others are now. Raises
    BadParameter for a number that is not finite and a shock that moves the wrong way.
    """

    vol_up: Shock | tuple[Shock, Shock]
    vol_down: Shock | tuple[Shock, Shock]
    vol_up_floor: float
    tenor_law: TenorLaw
    horizon_days: float
    time_passes: Literal["in-every-cell", "alone"] = "in-every-cell"

    def __post_init__(self) -> None:
        for name in ("horizon_days", "vol_up_floor"):
            number: float = getattr(self, name)
            require(at_least_zero(number), f"{name} is {number}", name)
        for shock in self.shocks("vol_up"):
            raised = bool((_shocked_at_knots(shock) > _ANY_VOL).all())
            require(raised, "a shock that does not raise volatility", "vol_up")
        for shock in self.shocks("vol_down"):
            lowered = bool((_shocked_at_knots(shock) < _ANY_VOL).all())
            require(lowered, "a shock that does not lower volatility", "vol_down")
        both = len(self.shocks("vol_up")) == len(self.shocks("vol_down"))
        require(both, "two shocks in one direction and one in the other", "vol_up, vol_down")

    def shocks(self, direction: Literal["vol_up", "vol_down"]) -> tuple[Shock, ...]:
        """The shocks of a direction, one or two."""
        given: Shock | tuple[Shock, Shock] = getattr(self, direction)
        return (given,) if isinstance(given, Shock) else given

    @property
    def has_other_shocks(self) -> bool:
        """Whether volatilities have two shocks in either direction."""
        return len(self.shocks("vol_up")) > 1


# Whether a shock goes the right way is asked at this volatility.
_ANY_VOL = 0.5


def _shocked_at_knots(shock: Shock) -> NDArray[np.float64]:
    days = [day for day, _ in shock.size] if isinstance(shock.size, tuple) else [0.0]
    return shock.apply(np.full(len(days), _ANY_VOL), tenor_days=np.array(days))


class RangeTail(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tail ``step`` price ranges away, with what volatility does there and what the net profit is
    multiplied by.
    """

    step: float
    vol: Literal["up", "none", "down"]
    damping: float


class PriceVolGrid(Shocks, frozen=True, kw_only=True, tag="price-vol-grid"):
    """The numbers of a price × volatility grid with surface cells and damped tails.

    ``price_steps`` are fractions of the underlying's price range, zero included; moves are cut down
    to whole multiples of ``step_unit_rel``, if there is one. ``tails_rel`` are price moves of their
    own, with volatility up; ``range_tails`` go with the range. Raises BadParameter for a number
    that is not finite, a grid without the base scenario or with one direction only, a tail to a
    price at or below zero, and a volatility shock that moves the wrong way.
    """

    price_steps: tuple[float, ...]
    skew_tilt: SkewTilt | None = None
    term_twist: TermTwist | None = None
    tails_rel: tuple[float, ...] = ()
    range_tails: tuple[RangeTail, ...] = ()
    step_unit_rel: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_steps(self.price_steps)
        finite = all(math.isfinite(x) for x in self.tails_rel)
        require(finite, "a price move that is not finite", "tails_rel")
        require(
            all(x > -1.0 and x != 0.0 for x in self.tails_rel), "an impossible tail", "tails_rel"
        )
        require(at_least_zero(self.step_unit_rel), "an impossible unit", "step_unit_rel")
        for tail in self.range_tails:
            possible = math.isfinite(tail.step) and tail.step != 0.0
            require(possible and at_least_zero(tail.damping), "an impossible tail", "range_tails")

    def laid_out(self, range_up_rel: float, range_down_rel: float) -> ScenarioSet:
        """The cells for a price range, both sides of it positive.

        Raises BadParameter for a step that takes the price to zero.
        """
        ranges = range_up_rel, range_down_rel
        moves = [self._in_units(move) for move in _moves(self.price_steps, *ranges)]
        cells = [(move, vol, 1.0) for move in moves for vol in CENTRE_MOVES]
        if self.has_other_shocks:
            cells += [(move, vol, 1.0) for move in moves for vol in OTHER_MOVES]
        if self.skew_tilt is not None:
            cells += [(0.0, vol, 1.0) for vol in SURFACE_MOVES[:2]]
        if self.term_twist is not None:
            cells += [(0.0, vol, 1.0) for vol in SURFACE_MOVES[2:]]
        for move in sorted(self.tails_rel):
            side = range_up_rel if move > 0.0 else range_down_rel
            cells.append((move, VolMove.UP, min(1.0, side / abs(move))))
        for tail in sorted(self.range_tails, key=lambda tail: tail.step):
            [move] = _moves((tail.step,), *ranges)
            cells.append((move, VolMove(tail.vol), tail.damping))
        possible = min(move for move, _, _ in cells) > -1.0
        require(possible, "a price move to zero or below", "price_steps, range_tails")
        tails = len(self.tails_rel) + len(self.range_tails)
        return ScenarioSet.of(cells, (len(moves), len(CENTRE_MOVES)), tails)

    def _in_units(self, move_rel: float) -> float:
        if not self.step_unit_rel:
            return move_rel
        # A whole multiple stays one whatever float64 makes of it.
        return math.trunc(move_rel / self.step_unit_rel + math.copysign(1e-9, move_rel)) * (
            self.step_unit_rel
        )


class ListedCell(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A price move with what volatility does, and what the net profit is multiplied by."""

    price_rel: float
    vol: Literal["up", "none", "down", "skew-linear", "skew-absolute"]
    damping: float = 1.0


class ListedCells(Shocks, frozen=True, kw_only=True, tag="listed-cells"):
    """Cells one by one, of every underlying the same: rules that are no grid of one range.

    Raises BadParameter for a list without the base scenario, which has no damping, or with one
    direction only, a cell given twice, a move to a price at or below zero, and a damping that is
    not at least 0.
    """

    cells: tuple[ListedCell, ...]
    skew: SkewStretch | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        skewed = any(cell.vol.startswith("skew") for cell in self.cells)
        require(skewed == (self.skew is not None), "skew cells without a skew, or it alone", "skew")
        base = ListedCell(price_rel=0.0, vol="none")
        require(base in self.cells, "a list without the base scenario", "cells")
        moves = [cell.price_rel for cell in self.cells]
        finite = all(math.isfinite(move) and move > -1.0 for move in moves)
        require(finite, "a price move to zero or below, or not finite", "cells")
        require(min(moves) < 0.0 < max(moves), "a list with one direction only", "cells")
        distinct = len({(cell.price_rel, cell.vol) for cell in self.cells}) == len(self.cells)
        require(distinct, "a cell given twice", "cells")
        damped = at_least_zero(*(cell.damping for cell in self.cells))
        require(damped, "a damping that is not >= 0", "cells")

    def laid_out(self, range_up_rel: float, range_down_rel: float) -> ScenarioSet:
        """The cells, whatever the price range."""
        cells = [(cell.price_rel, VolMove(cell.vol), cell.damping) for cell in self.cells]
        if self.has_other_shocks:
            other = {"up": VolMove.UP_OTHER, "down": VolMove.DOWN_OTHER}
            cells += [
                (cell.price_rel, other[cell.vol], cell.damping)
                for cell in self.cells
                if cell.vol in other
            ]
        return ScenarioSet.of(cells, (0, len(CENTRE_MOVES)), 0)


class PriceSteps(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="price-steps"
):
    """Prices alone move, now; volatilities stay what they are.

    ``price_steps`` are fractions of the underlying's price range, zero included. Raises
    BadParameter for a step that is not finite or given twice, and for steps without the base
    scenario or with one direction only.
    """

    horizon_days: ClassVar[float] = 0.0
    time_passes: ClassVar[Literal["in-every-cell"]] = "in-every-cell"
    price_steps: tuple[float, ...]

    def __post_init__(self) -> None:
        _require_steps(self.price_steps)

    def laid_out(self, range_up_rel: float, range_down_rel: float) -> ScenarioSet:
        """The cells for a price range, both sides of it positive.

        Raises BadParameter for a step that takes the price to zero.
        """
        moves = _moves(self.price_steps, range_up_rel, range_down_rel)
        cells = [(move, VolMove.NONE, 1.0) for move in moves]
        return ScenarioSet.of(cells, (len(moves), 1), 0)


Grid = PriceVolGrid | ListedCells | PriceSteps


class CellsByClass(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="cells-by-class"
):
    """Cells one by one, of each class of underlyings its own."""

    classes: Mapping[str, ListedCells]


Scenarios = Grid | CellsByClass


def grid_of(scenarios: Scenarios, class_name: str) -> Grid:
    """The scenarios of a class of underlyings. Raises BadParameter for a class without cells."""
    if not isinstance(scenarios, CellsByClass):
        return scenarios
    if class_name not in scenarios.classes:
        raise BadParameter(
            f"no cells of class {class_name}",
            where="scenarios.classes",
            remedy=f"Add those of {class_name} to it.",
        )
    return scenarios.classes[class_name]


def _require_steps(steps: Sequence[float]) -> None:
    require(0.0 in steps, "a grid without the base scenario", "price_steps")
    require(all(map(math.isfinite, steps)), "a price move that is not finite", "price_steps")
    require(len(set(steps)) == len(steps), "a price step given twice", "price_steps")
    require(min(steps) < 0.0 < max(steps), "a grid with one direction only", "price_steps")


def _moves(steps: Sequence[float], range_up_rel: float, range_down_rel: float) -> list[float]:
    """Price moves of steps, the lowest first."""
    moves = [x * (range_up_rel if x > 0.0 else range_down_rel) for x in sorted(steps)]
    require(moves[0] > -1.0, "a price move to zero or below", "price_steps")
    return moves


@dataclass(frozen=True, slots=True)
class ScenarioSet:
    """The cells of one underlying's grid; arrays have shape [C] and are read-only.

    ``price_rel`` price moves; ``vol_index`` position in :class:`VolMove`; ``damping`` multiplies
    the underlying's net PnL in the cell. The first ``grid_shape[0] × grid_shape[1]`` cells, none of
    a list of cells, are the price × volatility matrix in row-major order, then the surface cells or
    those that are listed, then the tails.

    Where cells are points of joint ``paths`` each has its own relative move of volatility,
    ``vol_rel`` at a tenor of which the law's weight is 1; both are None of all else.
    """

    price_rel: NDArray[np.float64]
    vol_index: NDArray[np.int64]
    damping: NDArray[np.float64]
    grid_shape: tuple[int, int]
    tail_count: int
    vol_rel: NDArray[np.float64] | None = None
    paths: Paths | None = None

    def __post_init__(self) -> None:
        freeze(self, self.price_rel.size)

    @classmethod
    def of(
        cls,
        cells: Sequence[tuple[float, VolMove, float]],
        grid_shape: tuple[int, int],
        tail_count: int,
    ) -> ScenarioSet:
        """From price move, volatility move and damping of each cell."""
        return cls(
            price_rel=np.array([move for move, _, _ in cells]),
            vol_index=np.array([_VOL_MOVES.index(vol) for _, vol, _ in cells], dtype=np.int64),
            damping=np.array([damping for _, _, damping in cells]),
            grid_shape=grid_shape,
            tail_count=tail_count,
        )

    @classmethod
    def of_paths(
        cls, price_rel: NDArray[np.float64], vol_rel: NDArray[np.float64], paths: Paths
    ) -> ScenarioSet:
        """From the moves of one underlying at each point of each path, [N, P]."""
        own = _VOL_MOVES.index(VolMove.OWN)
        return cls(
            price_rel=np.array(price_rel).reshape(-1),
            vol_index=np.full(price_rel.size, own, dtype=np.int64),
            damping=np.ones(price_rel.size),
            grid_shape=(0, 1),
            tail_count=0,
            vol_rel=np.array(vol_rel).reshape(-1),
            paths=paths,
        )

    @property
    def base(self) -> NDArray[np.bool_]:
        """Cells in which nothing moves but time."""
        return (self.price_rel == 0.0) & (self.vol_index == _VOL_MOVES.index(VolMove.NONE))

    @property
    def up(self) -> NDArray[np.bool_]:
        """Cells that belong to the upward direction (price move ≥ 0)."""
        return self.price_rel >= 0.0

    @property
    def down(self) -> NDArray[np.bool_]:
        """Cells that belong to the downward direction (price move ≤ 0)."""
        return self.price_rel <= 0.0

    def vol_move(self, cell: int) -> VolMove:
        """The volatility move of a cell."""
        return _VOL_MOVES[int(self.vol_index[cell])]


@lru_cache(maxsize=1_024)
def lay_out(scenarios: Grid, range_up_rel: float, range_down_rel: float) -> ScenarioSet:
    """The scenarios of an underlying whose price range is ``range_up_rel`` and ``range_down_rel``.

    Both ranges are positive fractions of the price; the downward one is below 1. Raises
    BadParameter when a step takes the price to zero.
    """
    return scenarios.laid_out(range_up_rel, range_down_rel)
