"""Scenarios of all underlyings at once: as history had them, rescaled to today, or simulated.

A part of a margin model, as the grids of :mod:`seawall.risk.scenarios` are. Which paths there are
depends on the market and on the model and never on who holds what: so the same account has the same
margin alone, among many and after a trade, and profits of any underlyings may be added up path by
path. Formulas: docs/risk.md, "Joint scenarios".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

import msgspec
import numpy as np

from seawall.basics.errors import PoorHistory
from seawall.market.history import MarketHistory
from seawall.risk.book import UnderlyingBook
from seawall.risk.historical import Filter, filtered_moves, historical_moves
from seawall.risk.joint_moves import JointMoves
from seawall.risk.paths import Paths, PathTail
from seawall.risk.scenarios import ScenarioSet
from seawall.risk.simulated import Simulation, simulated_paths
from seawall.risk.vol_laws import TenorLaw
from seawall.risk.windows import DAY_NS, HOUR_NS, Windows, common_grid, lay_windows

JOINS = 0.95
"""The share of points with a bar that a set of underlyings must keep when one more joins it."""

LAG_NS = HOUR_NS
"""By how much less recent than the most recent a history in the set may end."""

_LIKE_THE_OTHERS = (
    "Bring its file of prices to the span, the end and the length of bars of the others', or leave "
    "its positions out."
)


class OfClass(NamedTuple):
    """What scenarios ask of the class of an underlying: its name and its volatility a day."""

    name: str
    daily_vol_rel: float


class JointScenarios(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of scenarios of all underlyings at once.

    A relative move of at-the-money volatility counts at other tenors to the power of the weight of
    ``tenor_law``. Cells are evaluated now and at the horizon, and the worse counts.
    """

    time_passes: ClassVar[Literal["in-every-cell"]] = "in-every-cell"
    tenor_law: TenorLaw

    if TYPE_CHECKING:  # every kind has its own

        @property
        def horizon_days(self) -> float:
            """How long a path lasts."""
            ...

        def laid_out(
            self, book: UnderlyingBook, of: OfClass, past: Past, tail: PathTail
        ) -> ScenarioSet:
            """The cells of one underlying of a class; ``tail`` is what counts of losses on paths.

            Raises PoorHistory, BadParameter for a class that the scenarios do not tell of.
            """
            ...


@dataclass(frozen=True, slots=True, eq=False)
class Past:
    """What is known of the past at an instant; equal is what is told by the same history."""

    history: MarketHistory
    at_ns: int

    @classmethod
    def of(cls, history: MarketHistory, as_of: datetime) -> Past:
        """The past at the last whole hour, so that scenarios are made anew once an hour."""
        hours = int(as_of.timestamp()) // 3_600
        return cls(history, hours * HOUR_NS)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Past):
            return NotImplemented
        return self.history is other.history and self.at_ns == other.at_ns

    def __hash__(self) -> int:
        return hash((id(self.history), self.at_ns))


class OfHistory(JointScenarios, frozen=True, kw_only=True):
    """Base of scenarios that are windows of history."""

    windows: Windows

    @property
    def horizon_days(self) -> float:
        """How long a window lasts."""
        return self.windows.horizon_hours / 24.0

    @property
    def least_days(self) -> int:
        """How many days of hourly bars without a gap are enough for the least number of windows."""
        between_hours = max(1.0, self.windows.every_hours)
        hours = (self.windows.least_count - 1) * between_hours + self.windows.horizon_hours
        return math.ceil(hours / 24.0 + self.warm_up_days)

    def _require_prices(self, underlying: str, past: Past) -> None:
        """Raise PoorHistory where there are no prices of an underlying; says how many are asked."""
        if underlying not in past.history.bars:
            raise PoorHistory(
                f"no prices of {underlying}, and the model's scenarios are made of past prices",
                where=f"history of {underlying}",
                remedy=f"Add a file of its prices of at least {self.least_days} days, in hourly "
                "bars, to the market (docs/history.md).",
            )

    if TYPE_CHECKING:  # every kind has its own

        @property
        def warm_up_days(self) -> float:
            """How much of the history only warms up, before windows begin."""
            ...

        def moves(self, underlyings: tuple[str, ...], past: Past) -> JointMoves:
            """The moves of some underlyings. Raises PoorHistory."""
            ...

    def laid_out(
        self, book: UnderlyingBook, of: OfClass, past: Past, tail: PathTail
    ) -> ScenarioSet:
        """The cells of one underlying: its column of the moves of all that have a history.

        Raises PoorHistory for an underlying that has none or whose history would cost the others
        some of theirs, and where there is no history of its options' volatility, or one that does
        not cover the windows: it would not move.
        """
        name = book.underlying
        self._require_prices(name, past)
        found, apart = _moves_of_all(self, past)
        if name not in found.underlyings:
            self.moves((name,), past)  # says what is missing
            raise PoorHistory(apart[name], where=f"history of {name}", remedy=_LIKE_THE_OTHERS)
        if bool(book.is_option.any()) and f"volatility of {name}" in found.unmoved:
            few = " that cover its windows" if name in past.history.vols else ""
            raise PoorHistory(
                f"no volatilities of {name}{few}, of which options are held",
                where=f"history of {name}",
                remedy="Add a file of its implied volatility over the span of its prices to the "
                "market, or leave the options out.",
            )
        column = found.underlyings.index(name)
        paths = Paths(
            points=found.price_rel.shape[1],
            weights=np.array(found.weights),
            tail=tail,
            start_ns=None if found.start_ns is None else np.array(found.start_ns),
            overlap=found.overlap,
            across_gaps=found.across_gaps,
        )
        return ScenarioSet.of_paths(
            found.price_rel[:, :, column], found.vol_rel[:, :, column], paths
        )


class HistoricalScenarios(OfHistory, frozen=True, kw_only=True, tag="historical"):
    """Windows of history as they were. Source: docs/models/hs-var.md."""

    @property
    def warm_up_days(self) -> float:
        """Windows begin with the history."""
        return 0.0

    def moves(self, underlyings: tuple[str, ...], past: Past) -> JointMoves:
        """The moves of some underlyings. Raises PoorHistory."""
        return historical_moves(past.history, underlyings, past.at_ns, self.windows)


class FilteredScenarios(OfHistory, frozen=True, kw_only=True, tag="filtered-historical"):
    """Windows of history rescaled to today's volatility. Source: docs/models/fhs-es.md."""

    rescaling: Filter

    @property
    def warm_up_days(self) -> float:
        """How much of the history only warms up, before windows begin."""
        return self.rescaling.warm_up_days

    def moves(self, underlyings: tuple[str, ...], past: Past) -> JointMoves:
        """The moves of some underlyings. Raises PoorHistory."""
        return filtered_moves(past.history, underlyings, past.at_ns, self.windows, self.rescaling)


class SimulatedScenarios(JointScenarios, frozen=True, kw_only=True, tag="simulated"):
    """Paths drawn from numbers alone. Source: docs/models/mc-es.md."""

    simulation: Simulation

    @property
    def horizon_days(self) -> float:
        """How long a path lasts."""
        return self.simulation.horizon_days

    def laid_out(
        self, book: UnderlyingBook, of: OfClass, past: Past, tail: PathTail
    ) -> ScenarioSet:
        """The cells of one underlying, drawn by its name: the same whatever else is drawn.

        Raises BadParameter for a class that has no loading.
        """
        loading = self.simulation.loading_of(of.name)
        return simulated_paths(self.simulation, loading, book.underlying, of.daily_vol_rel, tail)


@lru_cache(maxsize=16)
def _moves_of_all(scenarios: OfHistory, past: Past) -> tuple[JointMoves, dict[str, str]]:
    """The joint moves of the set of underlyings, and why others with enough history stay apart.

    What is in the set does not depend on who holds what. It begins with the underlying whose
    windows alone have the most points with a bar, among those whose history is the most recent; the
    others follow in this order, each if the set with it has at least ``JOINS`` of these points. So
    the history of one cannot take that of another away. Raises PoorHistory where there is none.
    """
    points: dict[str, int] = {}
    for name in sorted(past.history.bars):
        try:
            scenarios.moves((name,), past)
        except PoorHistory:
            continue  # whoever holds it is told why
        points[name] = _points(scenarios, (name,), past)
    if not points:
        names = ", ".join(sorted(past.history.bars)) or "nothing"
        raise PoorHistory(
            f"no underlying has a history that is long enough; there are prices of {names}",
            where="history of the market",
            remedy=f"Give files of past prices of at least {scenarios.least_days} days, in hourly "
            "bars (docs/history.md).",
        )
    ends = {name: int(past.history.bars[name].until(past.at_ns).end_ns[-1]) for name in points}
    fresh_ns = max(ends.values()) - LAG_NS
    first, *others = sorted(points, key=lambda name: (ends[name] < fresh_ns, -points[name], name))
    joined, apart = (first,), dict[str, str]()
    for name in others:
        if ends[name] < fresh_ns:
            days = (max(ends.values()) - ends[name]) / DAY_NS
            apart[name] = f"prices of {name} that end {days:.1f} days before those of {first}"
            continue
        kept = _points(scenarios, (*joined, name), past) / points[first]
        if kept >= JOINS:
            joined = (*joined, name)
        else:
            hours = past.history.bars[name].bar_ns / HOUR_NS
            apart[name] = (
                f"prices of {name}, in bars of {hours:g} h, that tell {kept:.0%} of the points of "
                f"the paths of {first}: too short, too coarse or too full of gaps to move with it"
            )
    return scenarios.moves(tuple(sorted(joined)), past), apart


def _points(scenarios: OfHistory, underlyings: tuple[str, ...], past: Past) -> int:
    """How many points of the windows of some underlyings have a bar at their own time."""
    windows = scenarios.windows
    try:
        grid = common_grid(past.history, underlyings, past.at_ns, windows)
        warm_up = math.ceil(scenarios.warm_up_days * DAY_NS / grid.step_ns)
        return lay_windows(grid, windows, past.at_ns, warm_up).on_time
    except PoorHistory:
        return 0  # never a bar together, or one that does not divide the horizon
