"""From a book and a model to the requirement, and every step's share in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from seawall.margin.arrays import array_of
from seawall.margin.charges import Charge, ChargeAmount, Charged
from seawall.margin.classes import class_of
from seawall.margin.collateral import in_array
from seawall.margin.combinations import Combination, combine
from seawall.margin.floors import greatest_floor
from seawall.margin.fold import Unit, apply_floors
from seawall.margin.model import Levels, MarginModel
from seawall.risk.book import Book, UnderlyingBook
from seawall.risk.joint_scenarios import Past
from seawall.risk.revaluation import RiskArray


@dataclass(frozen=True, slots=True)
class RequirementStep:
    """What one step of the waterfall adds, in USD; less than nothing where a factor takes away."""

    path: str
    initial: float
    maintenance: float


@dataclass(frozen=True, slots=True)
class MarginRequirement:
    """A requirement in USD with everything it came from.

    ``steps`` is the waterfall, in order; ``arrays`` the risk arrays, one per underlying;
    ``combinations`` the groups before floors and ``floored`` after them; ``charged`` what charges
    are taken on, one per underlying; ``second`` what the second model of a hybrid asks by itself.
    """

    steps: tuple[RequirementStep, ...]
    arrays: tuple[RiskArray, ...]
    combinations: tuple[Combination, ...]
    floored: tuple[Combination, ...]
    charged: tuple[Charged, ...]
    second: MarginRequirement | None = None

    @property
    def initial(self) -> float:
        """Initial margin, unrounded."""
        return sum(step.initial for step in self.steps)

    @property
    def maintenance(self) -> float:
        """Maintenance margin, unrounded."""
        return sum(step.maintenance for step in self.steps)

    @property
    def scanning_risk(self) -> float:
        """ΣR before floors and charges."""
        return sum(group.risk for group in self.combinations)


def margin_requirement(
    book: Book, model: MarginModel, known: Iterable[RiskArray] = ()
) -> MarginRequirement:
    """The requirement of a book under a model, taken on all that is in the array.

    ``known`` are risk arrays under the same model; an underlying that is in one of them as it is
    in the book is not revalued. Raises BadParameter when no class takes an underlying, BadNumber
    when an instrument cannot be revalued, PoorHistory where scenarios ask for a past that is not
    known. Source: docs/models of the model.
    """
    book = in_array(book, model.classes)
    arrays = risk_arrays(book, model, known)
    units = model.fold.units(arrays) if model.fold is not None else ()
    combinations, floored = combined(units, model, book.as_of)
    charged = _charged(book, model, floored, arrays)
    steps = waterfall(combinations, floored, charged, model, money_steps(book, model))
    first = MarginRequirement(steps, arrays, combinations, floored, charged)
    return first if model.second is None else _at_least(first, model.second, book)


def _at_least(first: MarginRequirement, second: MarginModel, book: Book) -> MarginRequirement:
    """A hybrid: what the second model asks beyond the first, at each level, as one more step."""
    other = margin_requirement(book, second)
    more = RequirementStep(
        f"hybrid/{second.name}",
        max(0.0, other.initial - first.initial),
        max(0.0, other.maintenance - first.maintenance),
    )
    return replace(first, steps=(*first.steps, more), second=other)


def combined(
    units: tuple[Unit, ...], model: MarginModel, as_of: datetime
) -> tuple[tuple[Combination, ...], tuple[Combination, ...]]:
    """The groups of some units at a time, before floors and after them."""

    def floor(part: UnderlyingBook) -> float:
        return greatest_floor(model.floors, part)

    raised = apply_floors(units, floor)
    return combine(units, model.offsets, as_of), combine(raised, model.offsets, as_of)


def waterfall(
    combinations: tuple[Combination, ...],
    floored: tuple[Combination, ...],
    charged: tuple[Charged, ...],
    model: MarginModel,
    money: tuple[RequirementStep, ...] = (),
) -> tuple[RequirementStep, ...]:
    """The steps of some groups, before and after floors, of the charges on some underlyings and on
    money, and of the levels.

    Every step is a sum over groups or over underlyings, so that the waterfalls of parts of an
    account add up to that of the whole.
    """
    scanning = _scanning_steps(combinations, floored)
    charges = (*charge_steps(model.charges, charged), *money)
    return (*scanning, *charges, *level_steps(floored, (*scanning, *charges), model.levels))


def risk_arrays(
    book: Book, model: MarginModel, known: Iterable[RiskArray] = ()
) -> tuple[RiskArray, ...]:
    """The risk array of each underlying under the model's scenarios; none without scenarios.

    Those of ``known`` that hold the very positions of the book stand as they are.
    """
    ready, past = {id(array.book): array for array in known}, Past.of(book.history, book.as_of)
    found = (ready.get(id(part)) or array_of(part, model, past) for part in book.underlyings)
    return tuple(array for array in found if array is not None)


def _scanning_steps(
    combinations: tuple[Combination, ...], floored: tuple[Combination, ...]
) -> list[RequirementStep]:
    """Scanning risk in the active direction, decorrelation, what an offset point by point takes
    away, what floors add, and what a collapse of correlations adds in initial margin.
    """
    steps: list[RequirementStep] = []
    for group in combinations:
        for unit in group.units:
            loss = group.loss_of(unit)
            steps.append(RequirementStep(f"scanning_risk/{unit.path}", loss, loss))
    for group in combinations:
        added = group.decorrelation
        steps.append(RequirementStep(f"decorrelation/{group.group}", added, added))
    steps += [RequirementStep(f"offset/{g.group}", -g.offset, -g.offset) for g in combinations]
    for before, after in zip(combinations, floored, strict=True):
        # Both are exact to rounding; a floor never lowers a group.
        added = max(0.0, after.risk - before.risk)
        steps.append(RequirementStep(f"floor/{before.group}", added, added))
    for group in floored:
        added = group.correlation_collapse
        steps.append(RequirementStep(f"correlation_collapse/{group.group}", added, 0.0))
    return steps


def charge_steps(
    charges: Iterable[Charge], charged: tuple[Charged, ...]
) -> tuple[RequirementStep, ...]:
    """What each charge takes on each underlying, charge by charge."""
    return _steps(amount for charge in charges for on in charged for amount in charge.amounts(on))


def money_steps(book: Book, model: MarginModel) -> tuple[RequirementStep, ...]:
    """What charges take on cash and stablecoins."""
    return _steps(amount for charge in model.charges for amount in charge.on_money(book.money))


def _steps(amounts: Iterable[ChargeAmount]) -> tuple[RequirementStep, ...]:
    return tuple(RequirementStep(a.path, a.initial, a.maintenance) for a in amounts)


def _charged(
    book: Book,
    model: MarginModel,
    floored: tuple[Combination, ...],
    arrays: tuple[RiskArray, ...],
) -> tuple[Charged, ...]:
    by_underlying = {array.book.underlying: array for array in arrays}
    worst: dict[str, float] = defaultdict(float)
    for group in floored:
        for unit in group.units:
            worst[unit.book.underlying] += unit.worst
    return tuple(
        Charged(
            book=part,
            numbers=class_of(part.underlying, model.classes),
            liquidity=book.liquidity,
            worst_loss=worst[part.underlying],
            array=by_underlying.get(part.underlying),
        )
        for part in book.underlyings
    )


def level_steps(
    floored: tuple[Combination, ...], steps: Iterable[RequirementStep], levels: Levels
) -> tuple[RequirementStep, RequirementStep]:
    """What the factors of both levels add to what has been found; a factor below 1 takes away."""
    if levels.of == "requirement":
        found = [(step.initial, step.maintenance) for step in steps]
    else:
        found = [(group.risk + group.correlation_collapse, group.risk) for group in floored]
    initial, maintenance = (sum(column) for column in zip((0.0, 0.0), *found, strict=True))
    return (
        RequirementStep("im_factor", (levels.im_factor - 1.0) * initial, 0.0),
        RequirementStep("mm_factor", 0.0, (levels.mm_factor - 1.0) * maintenance),
    )
