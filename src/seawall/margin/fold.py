"""From the risk arrays of an account to its units of risk and their worst losses.

A *unit* is what nothing inside is added up any further by scenario: an underlying where
positions net, a single position where they do not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from seawall.risk.book import UnderlyingBook
from seawall.risk.revaluation import RiskArray
from seawall.risk.scenarios import ScenarioSet

Floats = NDArray[np.float64]
Direction = Literal["up", "down"]


@dataclass(frozen=True, slots=True)
class Unit:
    """Worst losses of one unit of risk, in USD, ≥ 0.

    ``up`` over cells with a price move ≥ 0 and ``down`` over those ≤ 0, each floored at zero.
    ``path`` names it in rows, ``book`` holds its positions.
    """

    path: str
    book: UnderlyingBook
    up: float
    down: float

    @property
    def worst(self) -> float:
        """M, the greater of the two."""
        return max(self.up, self.down)

    def toward(self, direction: Direction) -> float:
        """The worst loss in one direction."""
        return self.up if direction == "up" else self.down

    def raised_to(self, floor: float) -> Unit:
        """The unit with both losses at least ``floor``."""
        return Unit(self.path, self.book, max(self.up, floor), max(self.down, floor))


class NetByUnderlying(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="net-by-underlying"
):
    """Positions net within an underlying: instrument → expiry → underlying."""

    def units(self, arrays: Iterable[RiskArray]) -> tuple[Unit, ...]:
        """One unit per underlying."""
        return tuple(
            _unit(array.book.underlying, array.book, array.net(), array.scenarios)
            for array in arrays
        )


class EachPosition(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="each-position"
):
    """Nothing nets: every position stands with its own worst loss."""

    def units(self, arrays: Iterable[RiskArray]) -> tuple[Unit, ...]:
        """One unit per position."""
        return tuple(
            _unit(
                f"{array.book.underlying}/{position.instrument.name}",
                array.book.rows([row]),
                pnl,
                array.scenarios,
            )
            for array in arrays
            for row, (position, pnl) in enumerate(
                zip(array.book.positions, array.net_by_position(), strict=True)
            )
        )


Fold = NetByUnderlying | EachPosition


def _unit(path: str, book: UnderlyingBook, net: Floats, scenarios: ScenarioSet) -> Unit:
    cells = net.min(axis=0) * scenarios.damping
    return Unit(
        path=path,
        book=book,
        up=max(0.0, -float(cells[scenarios.up].min())),
        down=max(0.0, -float(cells[scenarios.down].min())),
    )


def apply_floors(
    units: tuple[Unit, ...], floor: Callable[[UnderlyingBook], float]
) -> tuple[Unit, ...]:
    """Every unit raised to its own floor."""
    return tuple(unit.raised_to(floor(unit.book)) for unit in units)
