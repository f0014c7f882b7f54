"""Losses of different underlyings added up in many accounts: :mod:`seawall.margin.offsets`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from seawall.basics.money import NOISE_DECIMALS
from seawall.margin.accounts.collateral import by_account
from seawall.margin.offsets import CorrelationOffset, Rho

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class AccountsUnits:
    """Units of risk in one underlying: their worst losses in USD, ≥ 0, and whose they are.

    ``account`` are places of accounts; all have shape [N] and are read-only. An account has one
    unit an underlying where positions net, one a position where they do not.
    """

    underlying: str
    account: Integers
    up: Floats
    down: Floats

    def __post_init__(self) -> None:
        for values in (self.account, self.up, self.down):
            values.flags.writeable = False

    @property
    def worst(self) -> Floats:
        """M, the greater of the two."""
        return np.maximum(self.up, self.down)

    def raised_to(self, floor: Floats) -> AccountsUnits:
        """The units with both losses at least ``floor`` [N]."""
        return replace(self, up=np.maximum(self.up, floor), down=np.maximum(self.down, floor))


@dataclass(frozen=True, slots=True)
class Combined:
    """The losses of one group in many accounts, added up; USD, ≥ 0.

    ``account`` [S] is whose each sum is, ``upward`` whether its active direction is up; ``members``
    the units of each underlying, each with the places [N] of the sums it is in.
    """

    group: str
    rho: Rho
    members: tuple[tuple[AccountsUnits, Integers], ...]
    account: Integers
    upward: NDArray[np.bool_]
    direction_sum: Floats
    worst_sum: Floats

    @property
    def risk(self) -> Floats:
        """R, the group's scanning risk in maintenance margin."""
        return self.direction_sum + self.decorrelation

    @property
    def decorrelation(self) -> Floats:
        """What imperfect correlation adds to the active direction."""
        return (1.0 - self.rho.maintenance) * (self.worst_sum - self.direction_sum)

    @property
    def correlation_collapse(self) -> Floats:
        """What a lower ρ in initial margin alone adds to R there."""
        return (self.rho.maintenance - self.rho.initial) * (self.worst_sum - self.direction_sum)


def combine_units(
    units: Sequence[AccountsUnits], offset: CorrelationOffset | None, as_of: datetime, count: int
) -> tuple[Combined, ...]:
    """Units of ``count`` accounts added up group by group; a unit outside every group is one."""
    groups = offset.groups if offset else ()
    alone = [unit for unit in units if all(unit.underlying not in g.members for g in groups)]
    found: list[Combined] = []
    for group in groups:
        own = [(unit, unit.account) for unit in units if unit.underlying in group.members]
        if own and offset:
            rho = offset.rho(group, as_of)
            found.append(_combined(group.name, own, np.arange(count), rho))
    for unit in alone:
        own = [(unit, np.arange(unit.account.size))]
        found.append(_combined(unit.underlying, own, unit.account, Rho(0.0, 0.0)))
    return tuple(found)


def _combined(
    name: str, members: Sequence[tuple[AccountsUnits, Integers]], account: Integers, rho: Rho
) -> Combined:
    up, down, worst = np.zeros((3, account.size))
    for unit, place in members:
        up += by_account(place, unit.up, account.size)
        down += by_account(place, unit.down, account.size)
        worst += by_account(place, unit.worst, account.size)
    return Combined(
        group=name,
        rho=rho,
        members=tuple(members),
        account=account,
        upward=np.round(up - down, NOISE_DECIMALS) > 0.0,
        direction_sum=np.maximum(up, down),
        worst_sum=worst,
    )
