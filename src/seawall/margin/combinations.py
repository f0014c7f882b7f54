"""Units of risk added up group by group, by the credits that a model gives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from seawall.basics.money import NOISE_DECIMALS
from seawall.margin.fold import Direction, Unit
from seawall.margin.offsets import (
    WHOLE,
    CorrelationOffset,
    Offset,
    PointGroup,
    PointOffset,
    Rho,
    ScenarioSum,
    TailMeasure,
)
from seawall.risk.paths import Taken

Floats = NDArray[np.float64]

TAIL = "account"
"""The group of an account whose units are added up path by path."""


@dataclass(frozen=True, slots=True)
class Combination:
    """The losses of one group, added up; USD, ≥ 0.

    ``worst_sum`` ΣM, ``direction_sum`` D; ``direction`` the active one. ``taken`` are the cells in
    which all units are taken, None where each has its own: there one that gains has a loss < 0, and
    both sums are that of the cells, or of paths the units' floors where that is more. ``points`` is
    the group whose members are added up point by point, None of any other.
    """

    group: str
    units: tuple[Unit, ...]
    rho: Rho
    direction: Direction
    direction_sum: float
    worst_sum: float
    taken: Taken | None = None
    points: PointGroup | None = None

    def loss_of(self, unit: Unit) -> float:
        """What a unit loses where the group is taken."""
        if self.taken is None:
            return unit.toward(self.direction)
        return self.taken.loss(unit.cells.damped)

    @property
    def risk(self) -> float:
        """R, the group's scanning risk in maintenance margin."""
        return self.direction_sum + self.decorrelation - self.offset

    @property
    def offset(self) -> float:
        """What of the direction sum no point asks for: losses there are not all at one point, and
        gains pay a share of them.
        """
        if self.points is None:
            return 0.0
        return max(0.0, self.direction_sum - max(self.least_sum, self.point_loss))

    @property
    def least_sum(self) -> float:
        """The floors of all units."""
        return sum(unit.least for unit in self.units)

    @property
    def point_loss(self) -> float:
        """What counts of losses and gains at the worst point, ≥ 0."""
        return max(0.0, -float(self._by_point().min()))

    @property
    def worst_point(self) -> int:
        """The cell at which the group as a whole loses most; of equal ones the first."""
        return int(self._by_point().round(NOISE_DECIMALS).argmin())

    def _by_point(self) -> Floats:
        """What the group gains in each cell, as it counts; shape [C]."""
        counted = [unit.cells.damped for unit in self.units]
        if self.points is not None:
            counted = [self.points.counted(pnl) for pnl in counted]
        return np.sum(counted, axis=0)

    @property
    def decorrelation(self) -> float:
        """(1 − ρ)(ΣM − D): what imperfect correlation adds to the active direction."""
        return (1.0 - self.rho.maintenance) * (self.worst_sum - self.direction_sum)

    @property
    def correlation_collapse(self) -> float:
        """What a lower ρ in initial margin alone adds to R there."""
        return (self.rho.maintenance - self.rho.initial) * (self.worst_sum - self.direction_sum)


def combine(
    units: Iterable[Unit], offset: Offset | None, as_of: datetime
) -> tuple[Combination, ...]:
    """Units added up group by group; a unit outside every group is a group of its own.

    Source: docs/models/prbm.md, "From cells to scanning risk".
    """
    if isinstance(offset, ScenarioSum):
        return sum_by_currency(units)
    if isinstance(offset, TailMeasure):
        own = tuple(units)
        return (_tail_of(own),) if own else ()
    # A group may have the name of an underlying outside it, so the names alone do not part them.
    grouped: dict[tuple[str, bool], list[Unit]] = {}
    found: dict[tuple[str, bool], tuple[Rho, PointGroup | None]] = {}
    for unit in units:
        key, rho, points = _placed(unit, offset, as_of)
        grouped.setdefault(key, []).append(unit)
        found[key] = rho, points
    return tuple(
        _combine_group(key[0], tuple(members), *found[key]) for key, members in grouped.items()
    )


def sum_by_currency(units: Iterable[Unit]) -> tuple[Combination, ...]:
    """Units added up cell by cell, one combination a currency: :class:`ScenarioSum`."""
    grouped: dict[str, list[Unit]] = {}
    for unit in units:
        grouped.setdefault(unit.currency, []).append(unit)
    return tuple(_sum_cells(name, tuple(own)) for name, own in grouped.items())


def _placed(
    unit: Unit, offset: Offset | None, as_of: datetime
) -> tuple[tuple[str, bool], Rho, PointGroup | None]:
    """The group of a unit, whether it is one of the offset's, and how losses there are added up."""
    underlying = unit.book.underlying
    if isinstance(offset, PointOffset):
        points = offset.group_of(underlying)
        if points is not None:
            return (points.name, True), WHOLE, points
    elif isinstance(offset, CorrelationOffset):
        group = offset.group_of(underlying)
        if group is not None:
            return (group.name, True), offset.rho(group, as_of), None
    return (unit.path, False), Rho(0.0, 0.0), None


def _combine_group(
    name: str, units: tuple[Unit, ...], rho: Rho, points: PointGroup | None
) -> Combination:
    up = sum(unit.up for unit in units)
    down = sum(unit.down for unit in units)
    return Combination(
        group=name,
        units=units,
        rho=rho,
        direction="up" if round(up - down, NOISE_DECIMALS) > 0.0 else "down",
        direction_sum=max(up, down),
        worst_sum=sum(unit.worst for unit in units),
        points=points,
    )


def _sum_cells(name: str, units: tuple[Unit, ...]) -> Combination:
    """Units in the cell in which they lose most together, of equal ones the first."""
    pnl = np.sum([unit.cells.damped for unit in units], axis=0)
    cell = int(pnl.round(NOISE_DECIMALS).argmin())
    loss = -float(pnl[cell])
    return Combination(
        group=name,
        units=units,
        rho=Rho(0.0, 0.0),
        direction="up" if units[0].cells.scenarios.price_rel[cell] > 0.0 else "down",
        direction_sum=loss,
        worst_sum=loss,
        taken=Taken.one(cell),
    )


def _tail_of(units: tuple[Unit, ...]) -> Combination:
    """The whole account in the tail of its joint losses: :class:`TailMeasure`."""
    scenarios = units[0].cells.scenarios
    if scenarios.paths is None:
        raise ValueError("a tail measure of scenarios that are no paths")
    taken = scenarios.paths.taken(np.sum([unit.cells.damped for unit in units], axis=0))
    # The sum of what units lose is what rows show, and so it is the measure to the last digit.
    measure = sum(taken.loss(unit.cells.damped) for unit in units)
    risk = max(measure, sum(unit.least for unit in units))
    up = bool(taken.cells.size) and scenarios.price_rel[taken.cells[0]] > 0.0
    return Combination(
        group=TAIL,
        units=units,
        rho=Rho(0.0, 0.0),
        direction="up" if up else "down",
        direction_sum=risk,
        worst_sum=risk,
        taken=taken,
    )
