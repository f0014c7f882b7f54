"""Credits between units of risk: how losses of different underlyings are added up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from seawall.basics.errors import BadParameter
from seawall.basics.money import NOISE_DECIMALS
from seawall.margin.fold import Direction, Unit

__all__ = ["Combination", "CorrelationGroup", "CorrelationOffset", "combine"]


class CorrelationGroup(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Underlyings that move together; ``correlation_lower`` the lower bound of how closely."""

    name: str
    members: tuple[str, ...]
    correlation_lower: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.correlation_lower <= 1.0:
            raise BadParameter(
                f"group {self.name!r} has correlation {self.correlation_lower}",
                where="offsets.groups",
                remedy="Give a bound between 0 and 1.",
            )


class CorrelationOffset(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag="correlation-offset",
):
    """R = (1 − ρ)·ΣM + ρ·max(ΣM↑, ΣM↓) within a group, ρ = ``kappa`` · correlation_lower.

    Raises BadParameter for a kappa outside 0 to 1 and for an underlying listed twice.
    """

    kappa: float
    groups: tuple[CorrelationGroup, ...]

    def __post_init__(self) -> None:
        if not 0.0 <= self.kappa <= 1.0:
            raise BadParameter(
                f"kappa is {self.kappa}", where="offsets", remedy="Give it between 0 and 1."
            )
        # Group names count too: two groups of one name would be added up as one.
        listed = Counter(member for group in self.groups for member in (group.name, *group.members))
        twice = sorted(name for name, count in listed.items() if count > 1)
        if twice:
            raise BadParameter(
                f"{', '.join(twice)} listed more than once",
                where="offsets.groups",
                remedy="List each underlying once, in one group, and give each group its own name.",
            )

    def group_of(self, underlying: str) -> CorrelationGroup | None:
        """The group an underlying belongs to, if any."""
        return next((g for g in self.groups if underlying in g.members), None)


@dataclass(frozen=True, slots=True)
class Combination:
    """The losses of one group, added up; USD, ≥ 0.

    ``worst_sum`` ΣM, ``direction_sum`` D, ``risk`` R; ``direction`` the active one.
    """

    group: str
    units: tuple[Unit, ...]
    rho: float
    direction: Direction
    direction_sum: float
    worst_sum: float

    @property
    def risk(self) -> float:
        """R, the group's scanning risk."""
        return self.direction_sum + self.decorrelation

    @property
    def decorrelation(self) -> float:
        """(1 − ρ)(ΣM − D): what imperfect correlation adds to the active direction."""
        return (1.0 - self.rho) * (self.worst_sum - self.direction_sum)


def combine(units: Iterable[Unit], offset: CorrelationOffset | None) -> tuple[Combination, ...]:
    """Units added up group by group; a unit outside every group is a group of its own.

    Source: docs/models/prbm.md, "From cells to scanning risk".
    """
    # A group may have the name of an underlying outside it, so the names alone do not part them.
    grouped: dict[tuple[str, float, bool], list[Unit]] = {}
    for unit in units:
        group = offset.group_of(unit.book.underlying) if offset else None
        name = group.name if group else unit.path
        rho = offset.kappa * group.correlation_lower if offset and group else 0.0
        grouped.setdefault((name, rho, group is not None), []).append(unit)
    return tuple(_combine_group(name, tuple(m), rho) for (name, rho, _), m in grouped.items())


def _combine_group(name: str, units: tuple[Unit, ...], rho: float) -> Combination:
    up = sum(unit.up for unit in units)
    down = sum(unit.down for unit in units)
    return Combination(
        group=name,
        units=units,
        rho=rho,
        direction="up" if round(up - down, NOISE_DECIMALS) > 0.0 else "down",
        direction_sum=max(up, down),
        worst_sum=sum(unit.worst for unit in units),
    )
