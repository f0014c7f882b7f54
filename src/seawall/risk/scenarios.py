"""Scenario sets: which price and volatility moves an underlying is put through.

:class:`PriceVolGrid` holds the numbers of a grid, :class:`ListedCells` cells one by one; either is
a part of a margin model. :class:`ScenarioSet` is that laid out for one underlying's price range.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

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


class SkewStretch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Volatilities that go with log-moneyness k = ln(K/F) or its size, each up to a cap.

    σ·max(0, 1 + clip(k·cap/k*, ±cap)), cap = ``cap_base`` + ``cap_per_root_year``·√T and
    k* = max(``least_k``, √T·``width``·(``vol_base`` + ``vol_per_root_year``·√T)). Source: Derive's
    portfolio margin, docs/models/derive-pm2.md. Raises BadParameter for a number that is not
    finite, or a ``least_k`` or ``width`` that is not above 0.
    """

    linear_cap_base: float
    linear_cap_per_root_year: float
    absolute_cap_base: float
    absolute_cap_per_root_year: float
    least_k: float
    width: float
    vol_base: float
    vol_per_root_year: float

    def __post_init__(self) -> None:
        finite = all(math.isfinite(getattr(self, name)) for name in self.__struct_fields__)
        _require(finite, "a number that is not finite", "skew")
        _require(self.least_k > 0.0 and self.width > 0.0, "a width that is none", "skew")

    def factors(
        self, log_moneyness: NDArray[np.float64], tenor_years: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What volatilities are multiplied by, along k and along its size; shape as given."""
        root = np.sqrt(tenor_years)
        k_star = np.maximum(
            self.least_k, root * self.width * (self.vol_base + self.vol_per_root_year * root)
        )

        def along(k: NDArray[np.float64], base: float, per_root: float) -> NDArray[np.float64]:
            cap = base + per_root * root
            return np.maximum(0.0, 1.0 + np.clip(k * cap / k_star, -cap, cap))

        return (
            along(log_moneyness, self.linear_cap_base, self.linear_cap_per_root_year),
            along(np.abs(log_moneyness), self.absolute_cap_base, self.absolute_cap_per_root_year),
        )


class Shocks(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every set of scenarios says of volatility and time.

    ``vol_up`` and ``vol_down`` are weighted by ``tenor_law``; a volatility shocked up is at least
    ``vol_up_floor``. Cells are evaluated now and after ``horizon_days``, and the worse counts.
    Raises BadParameter for a number that is not finite and a shock that moves the wrong way.
    """

    vol_up: Shock
    vol_down: Shock
    vol_up_floor: float
    tenor_law: TenorLaw
    horizon_days: float

    def __post_init__(self) -> None:
        for name in ("horizon_days", "vol_up_floor"):
            number: float = getattr(self, name)
            _require(_at_least_zero(number), f"{name} is {number}", name)
        vol = np.array([0.5])
        raised = bool((self.vol_up.apply(vol) > vol).all())
        lowered = bool((self.vol_down.apply(vol) < vol).all())
        _require(raised, "a shock that does not raise volatility", "vol_up")
        _require(lowered, "a shock that does not lower volatility", "vol_down")


class PriceVolGrid(Shocks, frozen=True, kw_only=True, tag="price-vol-grid"):
    """The numbers of a price × volatility grid with surface cells and damped tails.

    ``price_steps`` are fractions of the underlying's price range, zero included; ``tails_rel``
    are price moves of their own, with volatility up. Raises BadParameter for a number that is not
    finite, a grid without the base scenario or with one direction only, a tail to a price at or
    below zero, and a volatility shock that moves the wrong way.
    """

    price_steps: tuple[float, ...]
    skew_tilt: SkewTilt | None = None
    term_twist: TermTwist | None = None
    tails_rel: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
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

    def laid_out(self, range_up_rel: float, range_down_rel: float) -> ScenarioSet:
        """The cells for a price range, both sides of it positive.

        Raises BadParameter for a step that takes the price to zero.
        """
        moves = [
            x * (range_up_rel if x > 0.0 else range_down_rel) for x in sorted(self.price_steps)
        ]
        _require(moves[0] > -1.0, "a price move to zero or below", "price_steps")
        cells = [(move, vol, 1.0) for move in moves for vol in CENTRE_MOVES]
        if self.skew_tilt is not None:
            cells += [(0.0, vol, 1.0) for vol in SURFACE_MOVES[:2]]
        if self.term_twist is not None:
            cells += [(0.0, vol, 1.0) for vol in SURFACE_MOVES[2:]]
        for move in sorted(self.tails_rel):
            side = range_up_rel if move > 0.0 else range_down_rel
            cells.append((move, VolMove.UP, min(1.0, side / abs(move))))
        return ScenarioSet.of(cells, (len(moves), len(CENTRE_MOVES)), len(self.tails_rel))


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
        _require(
            skewed == (self.skew is not None), "skew cells without a skew, or it alone", "skew"
        )
        base = ListedCell(price_rel=0.0, vol="none")
        _require(base in self.cells, "a list without the base scenario", "cells")
        moves = [cell.price_rel for cell in self.cells]
        finite = all(math.isfinite(move) and move > -1.0 for move in moves)
        _require(finite, "a price move to zero or below, or not finite", "cells")
        _require(min(moves) < 0.0 < max(moves), "a list with one direction only", "cells")
        distinct = len({(cell.price_rel, cell.vol) for cell in self.cells}) == len(self.cells)
        _require(distinct, "a cell given twice", "cells")
        damped = _at_least_zero(*(cell.damping for cell in self.cells))
        _require(damped, "a damping that is not >= 0", "cells")

    def laid_out(self, range_up_rel: float, range_down_rel: float) -> ScenarioSet:
        """The cells, whatever the price range."""
        cells = [(cell.price_rel, VolMove(cell.vol), cell.damping) for cell in self.cells]
        return ScenarioSet.of(cells, (0, len(CENTRE_MOVES)), 0)


Scenarios = PriceVolGrid | ListedCells


@dataclass(frozen=True, slots=True)
class ScenarioSet:
    """The cells of one underlying's grid; arrays have shape [C] and are read-only.

    ``price_rel`` price moves; ``vol_index`` position in :class:`VolMove`; ``damping`` multiplies
    the underlying's net PnL in the cell. The first ``grid_shape[0] × grid_shape[1]`` cells, none of
    a list of cells, are the price × volatility matrix in row-major order, then the surface cells or
    those that are listed, then the tails.
    """

    price_rel: NDArray[np.float64]
    vol_index: NDArray[np.int64]
    damping: NDArray[np.float64]
    grid_shape: tuple[int, int]
    tail_count: int

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
def lay_out(scenarios: Scenarios, range_up_rel: float, range_down_rel: float) -> ScenarioSet:
    """The scenarios of an underlying whose price range is ``range_up_rel`` and ``range_down_rel``.

    Both ranges are positive fractions of the price; the downward one is below 1. Raises
    BadParameter when a step takes the price to zero.
    """
    return scenarios.laid_out(range_up_rel, range_down_rel)
