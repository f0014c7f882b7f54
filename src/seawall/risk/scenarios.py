"""Scenario sets: which price and volatility moves an underlying is put through.

:class:`PriceVolGrid` holds the numbers of a grid (a part of a margin model);
:class:`ScenarioSet` is that grid laid out for one underlying's price range.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import msgspec
import numpy as np
from numpy.typing import NDArray

from seawall.basics.arrays import freeze
from seawall.basics.errors import BadParameter
from seawall.risk.shocks import Shock, VolMove

CENTRE_MOVES = (VolMove.UP, VolMove.NONE, VolMove.DOWN)
SURFACE_MOVES = (VolMove.SKEW_UP, VolMove.SKEW_DOWN, VolMove.TWIST_UP, VolMove.TWIST_DOWN)
_VOL_MOVES = tuple(VolMove)


def _require(holds: bool, what: str, where: str) -> None:
    if not holds:
        raise BadParameter(what, where=f"scenarios.{where}", remedy="Correct the preset.")


def _at_least_zero(*numbers: float) -> bool:
    return all(math.isfinite(number) and number >= 0.0 for number in numbers)


class TenorLaw(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Volatility shocks shrink with tenor: (reference / max(days, floor))^power.

    ``short_power`` up to the reference tenor, ``long_power`` beyond. Raises BadParameter unless
    the powers are finite and at least zero, and the days finite and above zero.
    """

    reference_days: float
    floor_days: float
    short_power: float
    long_power: float

    def __post_init__(self) -> None:
        for name, days in (("reference", self.reference_days), ("floor", self.floor_days)):
            tenor = math.isfinite(days) and days > 0.0
            _require(tenor, f"{name}_days is {days}, which is no tenor", "tenor_law")
        for name, power in (("short", self.short_power), ("long", self.long_power)):
            _require(_at_least_zero(power), f"{name}_power is {power}", "tenor_law")

    def weight(self, tenor_days: NDArray[np.float64]) -> NDArray[np.float64]:
        """Multiplier of a volatility shock; 1 at the reference tenor. Shape as given."""
        power = np.where(tenor_days <= self.reference_days, self.short_power, self.long_power)
        weight: NDArray[np.float64] = np.power(
            self.reference_days / np.maximum(tenor_days, self.floor_days), power
        )
        return weight


class SkewTilt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Relative volatility change per standard deviation of log-moneyness, cut at ``cap_sd``.

    Raises BadParameter for a negative number or a tilt of 100 % or more at the cut.
    """

    size_rel: float
    cap_sd: float

    def __post_init__(self) -> None:
        _require(
            _at_least_zero(self.size_rel, self.cap_sd), "a number that is not >= 0", "skew_tilt"
        )
        positive = self.size_rel * self.cap_sd < 1.0
        _require(positive, "a tilt that takes a volatility to zero", "skew_tilt")


class TermTwist(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Relative volatility change at the two ends of the term structure, log-linear between.

    Raises BadParameter for a twist of 100 % or more and for ends that are not in order.
    """

    size_rel: float
    short_end_days: float
    long_end_days: float

    def __post_init__(self) -> None:
        _require(
            0.0 <= self.size_rel < 1.0, "a twist that takes a volatility to zero", "term_twist"
        )
        ordered = 0.0 < self.short_end_days < self.long_end_days < math.inf
        _require(ordered, "ends that are not in order", "term_twist")


class PriceVolGrid(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The numbers of a price × volatility grid with surface cells and damped tails.

    ``price_steps`` are fractions of the underlying's price range, zero included; ``tails_rel``
    are price moves of their own, with volatility up. Raises BadParameter for a number that is not
    finite, a grid without the base scenario or with one direction only, a tail to a price at or
    below zero, and a volatility shock that moves the wrong way.
    """

    price_steps: tuple[float, ...]
    vol_up: Shock
    vol_down: Shock
    vol_up_floor: float
    tenor_law: TenorLaw
    skew_tilt: SkewTilt | None = None
    term_twist: TermTwist | None = None
    tails_rel: tuple[float, ...] = ()
    horizon_days: float

    def __post_init__(self) -> None:
        _require(0.0 in self.price_steps, "a grid without the base scenario", "price_steps")
        finite = all(math.isfinite(x) for x in (*self.price_steps, *self.tails_rel))
        _require(finite, "a price move that is not finite", "price_steps, tails_rel")
        distinct = len(set(self.price_steps)) == len(self.price_steps)
        _require(distinct, "a price step given twice", "price_steps")
        both = min(self.price_steps) < 0.0 < max(self.price_steps)
        _require(both, "a grid with one direction only", "price_steps")
        _require(
            all(x > -1.0 and x != 0.0 for x in self.tails_rel), "an impossible tail", "tails_rel"
        )
        for name in ("horizon_days", "vol_up_floor"):
            number: float = getattr(self, name)
            _require(_at_least_zero(number), f"{name} is {number}", name)
        vol = np.array([0.5])
        raised = bool((self.vol_up.apply(vol) > vol).all())
        lowered = bool((self.vol_down.apply(vol) < vol).all())
        _require(raised, "a shock that does not raise volatility", "vol_up")
        _require(lowered, "a shock that does not lower volatility", "vol_down")


@dataclass(frozen=True, slots=True)
class ScenarioSet:
    """The cells of one underlying's grid; arrays have shape [C] and are read-only.

    ``price_rel`` price moves; ``vol_index`` position in :class:`VolMove`; ``damping`` multiplies
    the underlying's net PnL in the cell. The first ``grid_shape[0] × grid_shape[1]`` cells are
    the price × volatility matrix in row-major order, then the surface cells, then the tails.
    """

    price_rel: NDArray[np.float64]
    vol_index: NDArray[np.int64]
    damping: NDArray[np.float64]
    grid_shape: tuple[int, int]
    tail_count: int

    def __post_init__(self) -> None:
        freeze(self, self.price_rel.size)

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
def lay_out(grid: PriceVolGrid, range_up_rel: float, range_down_rel: float) -> ScenarioSet:
    """The grid for an underlying whose price range is ``range_up_rel`` and ``range_down_rel``.

    Both ranges are positive fractions of the price; the downward one is below 1. Raises
    BadParameter when a step takes the price to zero.
    """
    moves = [x * (range_up_rel if x > 0.0 else range_down_rel) for x in sorted(grid.price_steps)]
    _require(moves[0] > -1.0, "a price move to zero or below", "price_steps")
    cells = [(move, vol, 1.0) for move in moves for vol in CENTRE_MOVES]
    if grid.skew_tilt is not None:
        cells += [(0.0, vol, 1.0) for vol in SURFACE_MOVES[:2]]
    if grid.term_twist is not None:
        cells += [(0.0, vol, 1.0) for vol in SURFACE_MOVES[2:]]
    for move in sorted(grid.tails_rel):
        side = range_up_rel if move > 0.0 else range_down_rel
        cells.append((move, VolMove.UP, min(1.0, side / abs(move))))
    return ScenarioSet(
        price_rel=np.array([move for move, _, _ in cells]),
        vol_index=np.array([_VOL_MOVES.index(vol) for _, vol, _ in cells], dtype=np.int64),
        damping=np.array([damping for _, _, damping in cells]),
        grid_shape=(len(moves), len(CENTRE_MOVES)),
        tail_count=len(grid.tails_rel),
    )
