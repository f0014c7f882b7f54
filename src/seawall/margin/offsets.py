"""Credits between units of risk: how losses of different underlyings are added up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations
from typing import ClassVar, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import BadParameter
from seawall.basics.time import isoformat_utc
from seawall.risk.paths import PathTail

__all__ = [
    "CorrelationCollapse",
    "CorrelationGroup",
    "CorrelationOffset",
    "CorrelationPair",
    "Offset",
    "PointGroup",
    "PointOffset",
    "Rho",
    "ScenarioSum",
    "TailMeasure",
]

Floats = NDArray[np.float64]


class CorrelationPair(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How closely two underlyings move together at least: ``lower``, a lower 95 % bound."""

    of: tuple[str, str]
    lower: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.lower <= 1.0:
            raise BadParameter(
                f"the pair {' and '.join(self.of)} has correlation {self.lower}",
                where="offsets.groups.pairs",
                remedy="Give a bound between 0 and 1.",
            )


class CorrelationGroup(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Underlyings that move together, with the bound of each pair of them.

    Raises BadParameter unless every pair of the members, and no other, is listed once.
    """

    name: str
    members: tuple[str, ...]
    pairs: tuple[CorrelationPair, ...]

    def __post_init__(self) -> None:
        wanted = Counter(frozenset(pair) for pair in combinations(self.members, 2))
        listed = Counter(frozenset(pair.of) for pair in self.pairs)
        if not wanted or wanted != listed:
            odd = sorted(
                {" and ".join(sorted(pair)) for pair in (wanted - listed) + (listed - wanted)}
            )
            what = (
                f"no bound, or one too many, of {', '.join(odd)}"
                if odd
                else "fewer than two members"
            )
            raise BadParameter(
                f"group {self.name!r} has {what}",
                where="offsets.groups",
                remedy="Name at least two underlyings and list each pair of them once.",
            )

    @property
    def correlation_lower(self) -> float:
        """The least bound of any pair: one pair that comes apart spends the group's credit.

        It is that of all members and not of those held, so that a small position in one more
        underlying changes no other's credit.
        """
        return min(pair.lower for pair in self.pairs)


class CorrelationCollapse(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A declared state in which correlations are not to be relied on.

    ``to`` ``low`` for κ at its low end, ``zero`` for no credit at all; from ``declared`` in
    initial margin, ``notice_days`` later in maintenance too. Raises BadParameter for a time
    without a zone or a notice that is not at least 0.
    """

    to: Literal["low", "zero"]
    declared: datetime
    notice_days: float

    def __post_init__(self) -> None:
        sane = self.declared.tzinfo is not None and 0.0 <= self.notice_days <= 3650.0
        if not sane:
            raise BadParameter(
                f"a collapse declared {self.declared} with a notice of {self.notice_days} days",
                where="offsets.collapse",
                remedy="Give the time with its zone (2026-02-05T14:00:00Z) and a notice of at "
                "least 0 days.",
            )

    @property
    def in_maintenance_from(self) -> datetime:
        """When the notice is over."""
        return self.declared + timedelta(days=self.notice_days)


class CorrelationOffset(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag="correlation-offset",
):
    """R = (1 − ρ)·ΣM + ρ·max(ΣM↑, ΣM↓) within a group, ρ = ``kappa`` · correlation_lower.

    ``kappa_low`` is its low end, which a collapse takes. Raises BadParameter unless
    0 ≤ kappa_low ≤ kappa ≤ 1, and for an underlying listed twice.
    """

    kappa: float
    kappa_low: float
    groups: tuple[CorrelationGroup, ...]
    collapse: CorrelationCollapse | None = None

    def __post_init__(self) -> None:
        if not 0.0 <= self.kappa_low <= self.kappa <= 1.0:
            raise BadParameter(
                f"kappa is {self.kappa} and kappa_low {self.kappa_low}",
                where="offsets",
                remedy="Give both between 0 and 1, kappa_low no higher than kappa.",
            )
        _refuse_twice(self.groups)

    def adds_cells_of(self, underlying: str) -> bool:
        """Whether what is lost in every cell is asked for, and not only the largest losses: no."""
        return False

    def group_of(self, underlying: str) -> CorrelationGroup | None:
        """The group an underlying belongs to, if any."""
        return next((g for g in self.groups if underlying in g.members), None)

    def rho(self, group: CorrelationGroup, as_of: datetime) -> Rho:
        """The credit of a group at a time, in initial margin and in maintenance."""
        calm = self.kappa * group.correlation_lower
        state = self.collapse
        if state is None or as_of < state.declared:
            return Rho(calm, calm)
        low = self.kappa_low * group.correlation_lower if state.to == "low" else 0.0
        return Rho(low, low if as_of >= state.in_maintenance_from else calm)

    def rhos(self, as_of: datetime) -> tuple[Rho, ...]:
        """The credit of each group at a time."""
        return tuple(self.rho(group, as_of) for group in self.groups)

    def notices(self, as_of: datetime) -> tuple[str, ...]:
        """What a report must say of a collapse that has been declared."""
        state = self.collapse
        if state is None or as_of < state.declared:
            return ()
        values = ", ".join(f"{self.rho(g, as_of).initial:.2f} of {g.name}" for g in self.groups)
        since = "is" if as_of >= state.in_maintenance_from else "will be"
        declared, later = map(isoformat_utc, (state.declared, state.in_maintenance_from))
        notice = (
            f"Correlation collapse, declared {declared}: rho {values} in initial margin; "
            f"maintenance {since} on it from {later}."
        )
        return (notice,)


class ScenarioSum(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="scenario-sum"
):
    """Units of different underlyings that settle in one currency are taken in the same cell: what
    the first loses where it is at an end of its own range, others at that of theirs. Currencies
    add up by loss. Of a fold that keeps currencies apart.

    Source: aggregated_risk_vectors of Deribit's private/pme/simulate,
    docs/models/deribit-pm-2024-06.md.
    """

    groups: ClassVar[tuple[CorrelationGroup, ...]] = ()

    def adds_cells_of(self, underlying: str) -> bool:
        """Whether what is lost in every cell is asked for: yes."""
        return True

    def rhos(self, as_of: datetime) -> tuple[Rho, ...]:
        """None: it has no groups of underlyings."""
        return ()

    def notices(self, as_of: datetime) -> tuple[str, ...]:
        """Nothing."""
        return ()


class PointGroup(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Underlyings that are added up point by point: at each a gain counts for ``gains_rel``.

    Raises BadParameter unless ``gains_rel`` is between 0 and 1.
    """

    name: str
    members: tuple[str, ...]
    gains_rel: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.gains_rel <= 1.0:
            raise BadParameter(
                f"group {self.name!r} counts gains for {self.gains_rel}",
                where="offsets.groups",
                remedy="Give a share between 0 and 1.",
            )

    def counted(self, pnl: Floats) -> Floats:
        """What profits count for in the sum; shape as given."""
        return np.where(pnl > 0.0, self.gains_rel * pnl, pnl)


class PointOffset(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="point-offset"
):
    """R = max over points of Σ losses − ``gains_rel`` · Σ gains of the underlyings of a group.

    Points of two underlyings are the same where they have the same place in their grids, however
    wide each grid is. A group asks at least the sum of its members' floors. Source: FINRA rule
    4210(g), docs/models/cpm.md. Raises BadParameter for an underlying listed twice.
    """

    groups: tuple[PointGroup, ...]

    def __post_init__(self) -> None:
        _refuse_twice(self.groups)

    def adds_cells_of(self, underlying: str) -> bool:
        """Whether what is lost in every cell is asked for: of members of a group."""
        return self.group_of(underlying) is not None

    def group_of(self, underlying: str) -> PointGroup | None:
        """The group an underlying belongs to, if any."""
        return next((g for g in self.groups if underlying in g.members), None)

    def rhos(self, as_of: datetime) -> tuple[Rho, ...]:
        """Of each group the direction sum as a whole, from which gains at a point take away."""
        return (WHOLE,) * len(self.groups)

    def notices(self, as_of: datetime) -> tuple[str, ...]:
        """Nothing: the rule has no state."""
        return ()


class TailMeasure(PathTail, frozen=True, kw_only=True, tag="tail-measure"):
    """R = VaR or ES of what the whole account loses in joint scenarios: all units are added up path
    by path and point by point. The account asks at least the sum of its units' floors. Source:
    docs/risk.md, "Tail measures".
    """

    groups: ClassVar[tuple[CorrelationGroup, ...]] = ()

    def adds_cells_of(self, underlying: str) -> bool:
        """Whether what is lost in every cell is asked for: yes."""
        return True

    def rhos(self, as_of: datetime) -> tuple[Rho, ...]:
        """None: it has no groups of underlyings."""
        return ()

    def notices(self, as_of: datetime) -> tuple[str, ...]:
        """Nothing."""
        return ()


Offset = CorrelationOffset | ScenarioSum | PointOffset | TailMeasure


def _refuse_twice(groups: Iterable[CorrelationGroup | PointGroup]) -> None:
    # Group names count too: two groups of one name would be added up as one.
    listed = Counter(member for group in groups for member in (group.name, *group.members))
    twice = sorted(name for name, count in listed.items() if count > 1)
    if twice:
        raise BadParameter(
            f"{', '.join(twice)} listed more than once",
            where="offsets.groups",
            remedy="List each underlying once, in one group, and give each group its own name.",
        )


@dataclass(frozen=True, slots=True)
class Rho:
    """How much of the direction sum counts, 0 to 1; never more in initial margin."""

    initial: float
    maintenance: float


WHOLE = Rho(1.0, 1.0)
