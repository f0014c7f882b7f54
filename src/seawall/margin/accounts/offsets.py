"""Losses of different underlyings added up in many accounts: :mod:`seawall.margin.offsets`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from seawall.basics.money import NOISE_DECIMALS
from seawall.margin.accounts.collateral import by_account
from seawall.margin.combinations import combine
from seawall.margin.fold import Unit
from seawall.margin.offsets import Offset, PointGroup, Rho, ScenarioSum, TailMeasure

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class AccountsUnits:
    """Units of risk in one underlying: their worst losses in USD, ≥ 0, and whose they are.

    ``account`` are places of accounts; all have shape [N] and are read-only. An account has one
    unit an underlying where positions net, one a position where they do not. ``least`` [N] is the
    greatest floor so far. ``units`` are the units themselves where they have been folded one by
    one, none where all were at once.
    """

    underlying: str
    account: Integers
    up: Floats
    down: Floats
    least: Floats
    units: tuple[Unit, ...] = ()

    def __post_init__(self) -> None:
        for values in (self.account, self.up, self.down, self.least):
            values.flags.writeable = False

    @property
    def worst(self) -> Floats:
        """M, the greater of the two."""
        return np.maximum(self.up, self.down)

    def raised_to(self, floor: Floats) -> AccountsUnits:
        """The units with both losses at least ``floor`` [N]."""
        up, down = np.maximum(self.up, floor), np.maximum(self.down, floor)
        return replace(self, up=up, down=down, least=np.maximum(self.least, floor))


@dataclass(frozen=True, slots=True)
class Combined:
    """The losses of one group in many accounts, added up; USD, ≥ 0.

    ``account`` [S] is whose each sum is, ``upward`` whether its active direction is up; ``members``
    the units of each underlying, each with the places [N] of the sums it is in; ``offset`` what an
    offset point by point takes away.
    """

    group: str
    rho: Rho
    members: tuple[tuple[AccountsUnits, Integers], ...]
    account: Integers
    upward: NDArray[np.bool_]
    direction_sum: Floats
    worst_sum: Floats
    offset: Floats

    @property
    def risk(self) -> Floats:
        """R, the group's scanning risk in maintenance margin."""
        return self.direction_sum + self.decorrelation - self.offset

    @property
    def decorrelation(self) -> Floats:
        """What imperfect correlation adds to the active direction."""
        return (1.0 - self.rho.maintenance) * (self.worst_sum - self.direction_sum)

    @property
    def correlation_collapse(self) -> Floats:
        """What a lower ρ in initial margin alone adds to R there."""
        return (self.rho.maintenance - self.rho.initial) * (self.worst_sum - self.direction_sum)


def combine_units(
    units: Sequence[AccountsUnits], offset: Offset | None, as_of: datetime, count: int
) -> tuple[Combined, ...]:
    """Units of ``count`` accounts added up group by group; a unit outside every group is one."""
    if isinstance(offset, ScenarioSum | TailMeasure):
        return (_summed(units, offset, as_of),)
    groups = offset.groups if offset else ()
    alone = [unit for unit in units if all(unit.underlying not in g.members for g in groups)]
    found: list[Combined] = []
    rhos = offset.rhos(as_of) if offset else ()
    for group, rho in zip(groups, rhos, strict=True):
        own = [(unit, unit.account) for unit in units if unit.underlying in group.members]
        if own:
            points = group if isinstance(group, PointGroup) else None
            found.append(_combined(group.name, own, np.arange(count), rho, points))
    for unit in alone:
        own = [(unit, np.arange(unit.account.size))]
        found.append(_combined(unit.underlying, own, unit.account, Rho(0.0, 0.0)))
    return tuple(found)


def _summed(
    units: Sequence[AccountsUnits], offset: ScenarioSum | TailMeasure, as_of: datetime
) -> Combined:
    """Units added up cell by cell, of one account after another: a sum for each combination, with
    what its units lose in its cell.
    """
    of_account: dict[int, list[Unit]] = {}
    for each in units:
        rows = zip(each.account.tolist(), each.units, each.least.tolist(), strict=True)
        for account, unit, least in rows:
            of_account.setdefault(account, []).append(unit.raised_to(least))
    found = [
        (account, group)
        for account, own in of_account.items()
        for group in combine(own, offset, as_of)
    ]
    losses = [
        (account, place, group.loss_of(unit))
        for place, (account, group) in enumerate(found)
        for unit in group.units
    ]
    whose, place, loss = np.array(losses, dtype=np.float64).reshape(-1, 3).T.copy()
    total = np.array([group.risk for _, group in found], dtype=np.float64)
    members = AccountsUnits("", whose.astype(np.int64), loss, loss, np.zeros(loss.size))
    return Combined(
        group="",
        rho=Rho(0.0, 0.0),
        members=((members, place.astype(np.int64)),),
        account=np.array([account for account, _ in found], dtype=np.int64),
        upward=np.zeros(total.size, dtype=np.bool_),
        direction_sum=total,
        worst_sum=total,
        offset=np.zeros(total.size),
    )


def _combined(
    name: str,
    members: Sequence[tuple[AccountsUnits, Integers]],
    account: Integers,
    rho: Rho,
    points: PointGroup | None = None,
) -> Combined:
    up, down, worst = np.zeros((3, account.size))
    for unit, place in members:
        up += by_account(place, unit.up, account.size)
        down += by_account(place, unit.down, account.size)
        worst += by_account(place, unit.worst, account.size)
    direction_sum = np.maximum(up, down)
    offset = np.zeros(account.size)
    if points is not None:
        asked = _point_risk(members, points, account.size)
        offset = np.maximum(0.0, direction_sum - asked)
    return Combined(
        group=name,
        rho=rho,
        members=tuple(members),
        account=account,
        upward=np.round(up - down, NOISE_DECIMALS) > 0.0,
        direction_sum=direction_sum,
        worst_sum=worst,
        offset=offset,
    )


def _point_risk(
    members: Sequence[tuple[AccountsUnits, Integers]], points: PointGroup, count: int
) -> Floats:
    """What each sum asks at its worst point, and at least for its floors; shape [S]."""
    least = np.zeros(count)
    pnl = [np.array([unit.cells.damped for unit in each.units]) for each, _ in members]
    counted = np.zeros((count, pnl[0].shape[1]))
    for (unit, place), own in zip(members, pnl, strict=True):
        least += by_account(place, unit.least, count)
        np.add.at(counted, place, points.counted(own))
    return np.maximum(least, -counted.min(axis=1))
