"""Marginal contributions: the requirement less that of the book without one leg.

They do not add up to the requirement; negative ones are hedges. Formulas: docs/explain.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from seawall.margin.charges import Charged
from seawall.margin.collateral import in_array
from seawall.margin.combinations import Combination
from seawall.margin.fold import Unit
from seawall.margin.model import MarginModel
from seawall.margin.requirement import (
    MarginRequirement,
    charge_steps,
    combined,
    margin_requirement,
    waterfall,
)
from seawall.risk.book import Book, UnderlyingBook
from seawall.risk.revaluation import RiskArray


@dataclass(frozen=True, slots=True)
class MarginalContribution:
    """What removing one leg would save, in USD; negative where the leg hedges the others."""

    underlying: str
    instrument: str
    initial: float
    maintenance: float


def marginal_contributions(book: Book, model: MarginModel) -> tuple[MarginalContribution, ...]:
    """Requirement less requirement without the leg, for each leg in the array, in book order.

    What is in the array stays there, also where the leg was the hedge that put it there.
    Computed anew is what the leg is part of: its unit, that unit's group, and the charges on its
    underlying. Everything else is the same without it. Raises what
    :func:`seawall.margin.requirement.margin_requirement` raises.
    """
    book = in_array(book, model.classes)
    if pair := model.pair():
        return _of_hybrid(book, *pair)
    whole = margin_requirement(book, model)
    return tuple(
        MarginalContribution(on.book.underlying, position.instrument.name, *saved)
        for on in whole.charged
        for position, saved in zip(
            on.book.positions, _saved(whole, on, model, book.as_of), strict=True
        )
    )


def _of_hybrid(
    book: Book, first: MarginModel, second: MarginModel
) -> tuple[MarginalContribution, ...]:
    """What removing a leg saves of the greater of two requirements, level by level."""
    totals = [margin_requirement(book, model) for model in (first, second)]
    pairs = zip(*(marginal_contributions(book, model) for model in (first, second)), strict=True)

    def saved(
        level: Literal["initial", "maintenance"], pair: Sequence[MarginalContribution]
    ) -> float:
        whole: list[float] = [getattr(total, level) for total in totals]
        rest = [total - getattr(leg, level) for total, leg in zip(whole, pair, strict=True)]
        return max(whole) - max(rest)

    return tuple(
        MarginalContribution(
            one.underlying,
            one.instrument,
            saved("initial", (one, other)),
            saved("maintenance", (one, other)),
        )
        for one, other in pairs
    )


def _saved(
    whole: MarginRequirement, on: Charged, model: MarginModel, as_of: datetime
) -> Iterator[tuple[float, float]]:
    """Initial and maintenance margin saved by removing each leg of one underlying."""
    groups = {unit.path: group.units for group in whole.combinations for unit in group.units}
    array = on.array
    charges = charge_steps(model.charges, (on,))
    rows = range(len(on.book.positions))
    for row in rows:
        keep = [other for other in rows if other != row]
        units, left = _units(groups, array, row, keep, model)
        before, after = (combined(some, model, as_of) for some in (units, left))
        worst = on.worst_loss + _worst(after[1], on.book) - _worst(before[1], on.book)
        rest = _rest(on, keep, max(0.0, worst)) if keep else None
        here = waterfall(*before, (), model, charges)
        there = waterfall(*after, (rest,) if rest else (), model)
        initial = sum(s.initial for s in here) - sum(s.initial for s in there)
        yield initial, sum(s.maintenance for s in here) - sum(s.maintenance for s in there)


def _rest(on: Charged, keep: Sequence[int], worst_loss: float) -> Charged:
    """What charges are taken on when only these rows are left."""
    array = on.array.rows(keep) if on.array is not None else None
    book = array.book if array is not None else on.book.rows(keep)
    return replace(on, book=book, array=array, worst_loss=worst_loss)


def _units(
    groups: Mapping[str, tuple[Unit, ...]],
    array: RiskArray | None,
    row: int,
    keep: Sequence[int],
    model: MarginModel,
) -> tuple[tuple[Unit, ...], tuple[Unit, ...]]:
    """The units of the group that a leg counts in, and what is left of them without it."""
    if array is None or model.fold is None:
        return (), ()
    path = model.fold.path(array.book, row)
    own = [unit for unit in model.fold.without(array, keep) if unit.path == path]
    units = groups[path]
    return units, tuple(u for unit in units for u in (own if unit.path == path else (unit,)))


def _worst(floored: tuple[Combination, ...], book: UnderlyingBook) -> float:
    """Worst losses of the units of one underlying, with floors."""
    units = (unit for group in floored for unit in group.units)
    return sum(unit.worst for unit in units if unit.book.underlying == book.underlying)
