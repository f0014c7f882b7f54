"""Requirement and collateral of many accounts at once, by the same model and to the same cent.

What :mod:`seawall.margin.requirement` does for one account is done here underlying by underlying
for all of them: an element of an array stands where a row of a report does. A row is explained by
asking for the one account (:func:`seawall.report.build.margin`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from seawall.basics.arrays import array_fields, freeze
from seawall.basics.errors import PoorHistory
from seawall.basics.money import collateral_cents, requirement_cents
from seawall.margin.accounts.collateral import by_account, divided
from seawall.margin.accounts.fold import ArrayInRows
from seawall.margin.accounts.offsets import AccountsUnits, Combined, combine_units
from seawall.margin.arrays import array_of
from seawall.margin.charges.base import ChargedAccounts
from seawall.margin.classes import class_of, known_class
from seawall.margin.floors import greatest_floor, greatest_of_sums
from seawall.margin.fold import Fold, Unit
from seawall.margin.model import Levels, MarginModel
from seawall.market.liquidity import Liquidity
from seawall.products.instruments import LpShare, RealWorldAsset
from seawall.risk.accounts import Accounts, Instruments, UnderlyingAccounts
from seawall.risk.book import UnderlyingBook
from seawall.risk.joint_scenarios import Past
from seawall.risk.sums import Term

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ModelArrays:
    """A model with the risk arrays of all instruments under it, by underlying.

    ``arrays`` is empty in a model without scenarios; ``second`` the same of the second model of a
    hybrid. ``refused`` are underlyings that lack the past which scenarios ask for: an account that
    has one of them in the array is refused with that.
    """

    model: MarginModel
    arrays: dict[str, ArrayInRows]
    second: ModelArrays | None
    refused: Mapping[str, PoorHistory] = field(default_factory=dict[str, PoorHistory])

    @classmethod
    def of(cls, instruments: Instruments, model: MarginModel) -> ModelArrays:
        """Revalue one unit of every instrument in every scenario.

        Raises what :func:`seawall.margin.requirement.margin_requirement` raises.
        """
        arrays: dict[str, ArrayInRows] = {}
        refused: dict[str, PoorHistory] = {}
        everything = instruments.book
        past = Past.of(everything.history, everything.as_of)
        for book in everything.underlyings if model.scenarios is not None else ():
            if is_collateral_only(book) and not known_class(book.underlying, model.classes):
                continue  # it can be held, and not be owed
            try:
                array = array_of(book, model, past)
            except PoorHistory as fault:
                refused[book.underlying] = fault
                continue
            if array is not None:
                arrays[book.underlying] = ArrayInRows.of(array)
        second = None if model.second is None else cls.of(instruments, model.second)
        return cls(model, arrays, second, refused)


def is_collateral_only(book: UnderlyingBook) -> bool:
    """Whether no scenario moves what is held of an underlying, as long as it is not owed."""
    assets = (position.instrument for position in book.positions)
    return all(isinstance(asset, LpShare | RealWorldAsset) for asset in assets)


@dataclass(frozen=True, slots=True)
class AccountsStep:
    """What one step of the waterfall adds, in USD, and to whom.

    ``account`` are places of accounts; all have shape [N] and are read-only. An account may stand
    in a step several times, with a row each.
    """

    account: Integers
    initial: Floats
    maintenance: Floats

    def __post_init__(self) -> None:
        freeze(self, self.account.size)

    @classmethod
    def both(cls, account: Integers, amount: Floats) -> AccountsStep:
        """The same at both levels."""
        return cls(account, amount, amount)

    @classmethod
    def initial_only(cls, account: Integers, amount: Floats) -> AccountsStep:
        """Nothing in maintenance margin."""
        return cls(account, amount, np.zeros(amount.size))


@dataclass(frozen=True, slots=True)
class AccountsMargin:
    """Requirement and collateral of each account; shapes [A], read-only.

    Cents are exact sums of rows rounded against the account, as in its report; ``initial_usd`` and
    ``maintenance_usd`` are not rounded.
    """

    initial_cents: Integers
    maintenance_cents: Integers
    equity_cents: Integers
    haircut_cents: Integers
    initial_usd: Floats
    maintenance_usd: Floats

    def __post_init__(self) -> None:
        freeze(self, self.initial_cents.size)

    @classmethod
    def joined(cls, parts: Sequence[AccountsMargin]) -> AccountsMargin:
        """Accounts one after another; none of none."""
        none, nothing = np.zeros((4, 0), dtype=np.int64), np.zeros((2, 0))
        empty = cls(none[0], none[1], none[2], none[3], nothing[0], nothing[1])
        columns = [array_fields(part).values() for part in (empty, *parts)]
        return cls(*map(np.concatenate, zip(*columns, strict=True)))

    def at(self, places: Integers) -> AccountsMargin:
        """The accounts at some places, in their order."""
        return AccountsMargin(*(values[places] for values in array_fields(self).values()))


def margin_of_accounts(accounts: Accounts, arrays: ModelArrays) -> AccountsMargin:
    """The requirement and the collateral of every account under a model.

    Raises BadParameter when no class takes an underlying, BadNumber for an amount beyond all.
    """
    model, count = arrays.model, accounts.count
    parts = divided(accounts, model.classes)
    steps = _steps(accounts, parts.inside, arrays)
    holdings = model.collateral.of_accounts(accounts, parts, model.classes)

    def total(values: Iterable[tuple[Integers, Floats]]) -> Floats:
        return sum((by_account(*each, count) for each in values), np.zeros(count))

    def cents(values: Iterable[tuple[Integers, Floats]], against: Rounding, what: str) -> Integers:
        # Sums of whole cents are exact in float64 up to sums that rounding refuses.
        rounded = (
            (account, against(amount, what).astype(np.float64)) for account, amount in values
        )
        return total(rounded).astype(np.int64)

    initial = [(step.account, step.initial) for step in steps]
    maintenance = [(step.account, step.maintenance) for step in steps]
    return AccountsMargin(
        initial_cents=cents(initial, requirement_cents, "initial margin"),
        maintenance_cents=cents(maintenance, requirement_cents, "maintenance margin"),
        equity_cents=cents(((h.account, h.value) for h in holdings), collateral_cents, "equity"),
        haircut_cents=cents(
            ((h.account, h.haircut) for h in holdings), requirement_cents, "haircuts"
        ),
        initial_usd=total(initial),
        maintenance_usd=total(maintenance),
    )


Rounding = Callable[[Floats, str], Integers]


def _steps(
    accounts: Accounts, inside: Sequence[UnderlyingAccounts], arrays: ModelArrays
) -> list[AccountsStep]:
    """The waterfall of all accounts, which hold ``inside`` in the array."""
    model, count = arrays.model, accounts.count
    book = accounts.instruments.book
    found = [_in_underlying(part, arrays, book.liquidity) for part in inside]
    units = [unit for each in found for unit in each.units]
    raised = [unit for each in found for unit in each.raised]
    before = combine_units(units, model.offsets, book.as_of, count)
    after = combine_units(raised, model.offsets, book.as_of, count)
    steps = _scanning_steps(before, after) + [step for each in found for step in each.charges]
    for charge in model.charges:
        amounts = charge.amounts_on_money_of_accounts(accounts)
        steps.append(AccountsStep(amounts.account, amounts.initial, amounts.maintenance))
    steps.append(_level_step(model.levels, after, steps, count))
    if arrays.second is not None:
        steps.append(_hybrid_step(accounts, inside, steps, arrays.second))
    return steps


def _level_step(
    levels: Levels, floored: Sequence[Combined], steps: Sequence[AccountsStep], count: int
) -> AccountsStep:
    """What the factors of both levels add to what has been found."""
    if levels.of == "requirement":
        initial, maintenance = _totals(steps, count)
    else:
        initial, maintenance = np.zeros((2, count))
        for group in floored:
            initial += by_account(group.account, group.risk + group.correlation_collapse, count)
            maintenance += by_account(group.account, group.risk, count)
    return AccountsStep(
        np.arange(count),
        (levels.im_factor - 1.0) * initial,
        (levels.mm_factor - 1.0) * maintenance,
    )


def _totals(steps: Sequence[AccountsStep], count: int) -> tuple[Floats, Floats]:
    """Initial and maintenance margin of each account so far."""
    nothing = np.zeros(count)
    initial = sum((by_account(s.account, s.initial, count) for s in steps), nothing)
    return initial, sum((by_account(s.account, s.maintenance, count) for s in steps), nothing)


def _hybrid_step(
    accounts: Accounts,
    inside: Sequence[UnderlyingAccounts],
    steps: Sequence[AccountsStep],
    second: ModelArrays,
) -> AccountsStep:
    """What the second model asks beyond the first."""
    count = accounts.count
    own, other = _totals(steps, count), _totals(_steps(accounts, inside, second), count)
    more = (np.maximum(0.0, theirs - ours) for ours, theirs in zip(own, other, strict=True))
    return AccountsStep(np.arange(count), *more)


@dataclass(frozen=True, slots=True)
class _InUnderlying:
    """Units of risk before and after floors, none in a model without scenarios, and charges."""

    units: list[AccountsUnits]
    raised: list[AccountsUnits]
    charges: list[AccountsStep]


def _in_underlying(
    part: UnderlyingAccounts, arrays: ModelArrays, liquidity: Liquidity
) -> _InUnderlying:
    """What many accounts hold in one underlying.

    Whatever floors and charges sum over positions is summed in one pass over them.
    """
    model, name = arrays.model, part.book.underlying
    if name in arrays.refused:
        raise arrays.refused[name]
    on = ChargedAccounts(
        held=part,
        numbers=class_of(name, model.classes),
        liquidity=liquidity,
        worst_loss=np.zeros(part.start.size),
        array=arrays.arrays.get(name),
    )
    terms = [charge.terms(on) for charge in model.charges]
    of_floors = [floor.terms(part.book) for floor in model.floors]
    apart = part if model.fold is None else model.fold.apart(part)
    if apart is part:
        *sums, floors = _sums(part, [*terms, [term for own in of_floors for term in own]])
    else:
        sums = _sums(part, terms)
        (floors,) = _sums(apart, [[term for own in of_floors for term in own]])
    units: list[AccountsUnits] = []
    raised: list[AccountsUnits] = []
    if on.array is not None:
        cell_by_cell = model.offsets is not None and model.offsets.adds_cells_of(name)
        if model.fold is None or (model.fold.is_linear and not cell_by_cell):
            up, down = on.array.losses(apart)
            segment = np.arange(part.start.size) if apart is part else part.segment
            units.append(AccountsUnits(name, apart.account, up, down, np.zeros(up.size)))
            least = greatest_of_sums(model.floors, apart, floors)
        else:
            segment, own_units = _one_by_one(model.fold, on.array, part)
            units.append(_listed(name, part.account[segment], own_units))
            least = np.array([greatest_floor(model.floors, unit.book) for unit in own_units])
        raised.append(units[0].raised_to(np.maximum(units[0].least, least)))
        on = replace(on, worst_loss=by_account(segment, raised[0].worst, part.start.size))
    charged = (
        charge.amounts_of_accounts(on, own) for charge, own in zip(model.charges, sums, strict=True)
    )
    steps = [AccountsStep(a.account, a.initial, a.maintenance) for a in charged]
    return _InUnderlying(units, raised, steps)


def _one_by_one(
    fold: Fold, array: ArrayInRows, held: UnderlyingAccounts
) -> tuple[Integers, tuple[Unit, ...]]:
    """The units of each segment, of which the first array [N] says whose they are: where what a
    position brings depends on the others, or every cell is asked for, one account is folded after
    another.
    """
    found = [
        (segment, unit)
        for segment in range(held.start.size)
        for unit in fold.units([array.of_book(held, segment, held.one(segment))])
    ]
    segments = np.array([segment for segment, _ in found], dtype=np.int64)
    return segments, tuple(unit for _, unit in found)


def _listed(name: str, account: Integers, units: tuple[Unit, ...]) -> AccountsUnits:
    """Units that have been folded one by one."""
    losses = np.array([(unit.up, unit.down, unit.least) for unit in units]).reshape(-1, 3)
    up, down, least = np.ascontiguousarray(losses.T)
    return AccountsUnits(name, account, up, down, least, units)


def _sums(held: UnderlyingAccounts, asked: Sequence[Sequence[Term]]) -> list[tuple[Floats, ...]]:
    """The sums of each list of terms, all in one pass over the positions."""
    found = iter(held.sums([term for terms in asked for term in terms]))
    return [tuple(islice(found, len(terms))) for terms in asked]


def _scanning_steps(before: Sequence[Combined], after: Sequence[Combined]) -> list[AccountsStep]:
    """Scanning risk in the active direction, decorrelation, what an offset point by point takes
    away, what floors add, and what a collapse of correlations adds in initial margin.
    """
    steps: list[AccountsStep] = []
    for group in before:
        for unit, place in group.members:
            loss = np.where(group.upward[place], unit.up, unit.down)
            steps.append(AccountsStep.both(unit.account, loss))
        steps.append(AccountsStep.both(group.account, group.decorrelation))
        steps.append(AccountsStep.both(group.account, -group.offset))
    for group, raised in zip(before, after, strict=True):
        # Both are exact to rounding; a floor never lowers a group.
        added = np.maximum(0.0, raised.risk - group.risk)
        steps.append(AccountsStep.both(group.account, added))
        steps.append(AccountsStep.initial_only(group.account, raised.correlation_collapse))
    return steps
