"""A margin model: orthogonal parts, each of them numbers with a little code.

A preset is one TOML table of these parts (``margin/models``). Nothing in the engine asks for a
model's name: what is particular to one model is a named part.
"""

from __future__ import annotations

import math
from datetime import date
from typing import Literal

import msgspec

from seawall.basics.errors import BadParameter
from seawall.margin.charges import Charge
from seawall.margin.classes import UnderlyingClass
from seawall.margin.eligibility import Eligibility
from seawall.margin.factors import CollateralFactors
from seawall.margin.floors import Floor
from seawall.margin.fold import Fold, NetByUnderlying
from seawall.margin.haircuts import Haircuts
from seawall.margin.offsets import Offset, ScenarioSum, TailMeasure
from seawall.market.needs import Need
from seawall.risk.joint_scenarios import (
    FilteredScenarios,
    HistoricalScenarios,
    JointScenarios,
    OfHistory,
    SimulatedScenarios,
)
from seawall.risk.revaluation import Black76Revaluation
from seawall.risk.scenarios import Scenarios

Status = Literal["verified", "official", "secondary", "unknown"]


class PartStatus(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How well the numbers of each part are known; None for a part that the model lacks."""

    classes: Status | None = None
    scenarios: Status | None = None
    revaluation: Status | None = None
    fold: Status | None = None
    floors: Status | None = None
    offsets: Status | None = None
    charges: Status | None = None
    collateral: Status | None = None
    levels: Status | None = None
    eligibility: Status | None = None

    def tags(self) -> dict[str, Status]:
        """The tags there are, by part, in the order in which a reader wants them."""
        tags: dict[str, Status | None] = msgspec.structs.asdict(self)
        return {part: tag for part, tag in tags.items() if tag is not None}


class Levels(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Initial margin is ``im_factor`` times, maintenance ``mm_factor`` times what they are ``of``:
    the scanning risk, with charges beside it, or the requirement, charges and all.

    Raises BadParameter unless 0 < mm_factor ≤ im_factor ≤ 10.
    """

    im_factor: float
    mm_factor: float = 1.0
    of: Literal["scanning-risk", "requirement"] = "scanning-risk"

    def __post_init__(self) -> None:
        if not 0.0 < self.mm_factor <= self.im_factor <= 10.0:
            raise BadParameter(
                f"im_factor is {self.im_factor} and mm_factor {self.mm_factor}",
                where="levels",
                remedy="Initial margin may not be below maintenance: give an im_factor of at least "
                "the mm_factor, and that above 0.",
            )


class UnknownCoefficient(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A number of the model that no source gives, with the ends between which it must lie.

    ``key`` is where it stands: the part, the type or name of a member, the key. ``lower`` is the
    end that asks less, ``upper`` the one that asks more, whichever is the greater number. ``why``
    says what is known. Raises BadParameter for ends that are equal or not finite.
    """

    key: str
    lower: float
    upper: float
    why: str

    def __post_init__(self) -> None:
        ends = math.isfinite(self.lower) and math.isfinite(self.upper)
        if not ends or self.lower == self.upper or not self.why.isprintable():
            raise BadParameter(
                f"{self.key!r} is unknown between {self.lower} and {self.upper}",
                where="unknowns",
                remedy="Give two different numbers, and why in plain letters.",
            )


class MarginModel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """scenarios → revaluation → fold → floors, offsets → charges → levels, and collateral.

    A model without scenarios has neither revaluation nor fold, only charges. ``second`` is another
    model whose requirement is the least this one asks (its collateral has no say). ``status`` says
    of each part how well its numbers are known, ``unknowns`` which of them no source gives. Raises
    BadParameter for parts that contradict.
    """

    name: str
    title: str
    as_of: date
    source: str
    status: PartStatus
    classes: tuple[UnderlyingClass, ...]
    collateral: Haircuts | CollateralFactors
    levels: Levels
    scenarios: Scenarios | HistoricalScenarios | FilteredScenarios | SimulatedScenarios | None = (
        None
    )
    revaluation: Black76Revaluation | None = None
    fold: Fold | None = None
    floors: tuple[Floor, ...] = ()
    offsets: Offset | None = None
    charges: tuple[Charge, ...] = ()
    eligibility: Eligibility | None = None
    second: MarginModel | None = None
    unknowns: tuple[UnknownCoefficient, ...] = ()

    def __post_init__(self) -> None:
        if not all(text.isprintable() for text in (self.name, self.title, self.source)):
            self._refuse("a name, title or source that cannot be printed", "write plain letters")
        given = {self.scenarios is None, self.revaluation is None, self.fold is None}
        if len(given) > 1:
            self._refuse("scenarios, revaluation and fold", "give all three or none")
        if self.scenarios is None and (self.floors or self.offsets):
            self._refuse("floors or offsets without scenarios", "remove them or add scenarios")
        if self.scenarios is None and not self.charges:
            self._refuse("neither scenarios nor charges", "add one of them")
        if isinstance(self.offsets, ScenarioSum) and (
            self.floors or not isinstance(self.fold, NetByUnderlying) or not self.fold.by_currency
        ):
            self._refuse("a scenario-sum of units that have none", "fold by_currency, floors apart")
        joint, tail = (
            isinstance(self.scenarios, JointScenarios),
            isinstance(self.offsets, TailMeasure),
        )
        if joint != tail or (joint and not (self.fold is not None and self.fold.is_linear)):
            self._refuse(
                "joint scenarios without a tail-measure of nets, or it alone",
                "give both, and fold net-by-underlying or each-position without more",
            )
        parts = {part for part in PartStatus.__struct_fields__ if getattr(self, part)}
        tagged = set(self.status.tags())
        if tagged != parts:
            odd = ", ".join(sorted(parts ^ tagged))
            self._refuse(f"parts and status tags that differ: {odd}", "tag each part once")
        members = [m for c in self.classes for m in (*c.members, *c.markets)]
        if len(members) != len(set(members)):
            self._refuse("an underlying in two classes", "list it once")
        rest = [c.name for c in self.classes if c.takes_the_rest]
        if len(rest) > 1:
            self._refuse(f"several classes without members: {', '.join(rest)}", "keep one of them")

    def pair(self) -> tuple[MarginModel, MarginModel] | None:
        """Of a hybrid the first model, which has no second, and the second; None of any other."""
        if self.second is None:
            return None
        return msgspec.structs.replace(self, second=None), self.second

    def requirements(self) -> frozenset[Need]:
        """What it asks of the market beside the prices that every book is looked up for; what a
        second model asks is left to that.
        """
        past = {Need.HISTORY} if isinstance(self.scenarios, OfHistory) else set[Need]()
        return self.collateral.needs.union(past, *(charge.needs for charge in self.charges))

    def _refuse(self, what: str, remedy: str) -> None:
        raise BadParameter(
            f"model {self.name!r} has {what}", where="preset", remedy=f"{remedy.capitalize()}."
        )
