"""One underlying of accounts that stay in memory, or their money: figures of all, and of one.

A :class:`Part` is what everybody holds in one underlying in one market. A tick makes another; it
holds the figures of all accounts as columns. An account that is asked for by itself has a
:class:`Held`, with its vectors of profits, from which the figures after a trade are found.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from seawall.basics.money import requirement_cents
from seawall.kernels.resident import EARNED
from seawall.kernels.resident_trades import (
    sum_after_trade,
    vector_after_trade,
    what_if_trade,
)
from seawall.kernels.segments import net_segments, reduce_vectors
from seawall.margin.accounts.collateral import by_account
from seawall.margin.accounts.fold import ArrayInRows
from seawall.margin.accounts.requirement import is_collateral_only
from seawall.margin.arrays import array_of
from seawall.margin.charges.base import ChargedAccounts, NamedCharge
from seawall.margin.classes import known_class
from seawall.margin.model import MarginModel
from seawall.margin.resident.figures import (
    Segments,
    figures_of_many,
    figures_of_one,
)
from seawall.margin.resident.terms import ModelTerms
from seawall.risk.joint_scenarios import JointScenarios, Past
from seawall.risk.resident import MONEY, Block, Segment, Units, Worth, accounts_in, worth_of

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Rows = NDArray[np.uint32]

Changed = tuple[Segment, tuple[Floats, ...]]
"""What an account holds now, and its figures [1, FIGURES] under each model."""

Change = tuple[int, float, float, float]
"""A row as a trade leaves it: quantity, value in USD and coins of profit per unit."""

MOST_ROWS = 2
"""Rows that one trade changes: that of its instrument and that of what it is paid in."""

_FIRST = np.zeros(1, dtype=np.int64)
# Roundings of a trade put into a vector, each of half a unit in the last place of a cell.
_ROUNDINGS_REL = 4.0 * 2.0**-53
# How far a cell of a vector may be off, of the most that it can be.
_MOST_DOUBT_REL = 1e-12


@dataclass(frozen=True, slots=True)
class Part:
    """One underlying, or money, in a market: who holds what in it, and the figures of that.

    ``terms`` are those of a model and of the second one of a hybrid; ``figures`` [G, FIGURES] of
    each are of the segments of ``block``, whose positions ``worth`` has. ``changed`` are the
    segments that accounts have had since, which count instead, with their figures.
    """

    units: Units
    terms: tuple[ModelTerms, ...]
    block: Block
    worth: Worth
    figures: tuple[Floats, ...]
    changed: Mapping[int, Changed]
    _nothing: list[Held] = field(default_factory=list["Held"], repr=False)

    @classmethod
    def of(cls, units: Units, block: Block, models: Sequence[MarginModel]) -> Part:
        """All segments anew. Raises what the model raises."""
        terms = tuple(_terms(units, model) for model in models)
        used = slice(block.used)
        worth = worth_of(block.row[used], block.size[used], block.entry[used], units)
        figures = tuple(_figures_of_all(units, each, block, worth) for each in terms)
        return cls(units, terms, block, worth, figures, {})

    @property
    def nothing(self) -> Held:
        """What an account is that holds nothing here."""
        if not self._nothing:
            self._nothing.append(Held.of(self, Segment.of({})))
        return self._nothing[0]

    def segment(self, account: int) -> Segment | None:
        """What an account holds, None for nothing, unless it has traded since."""
        known = self.changed.get(account)
        found = self.block.segment(account) if known is None else known[0]
        return None if found is None or not found.row.size else found

    def figures_of(self, account: int) -> tuple[Floats, ...]:
        """The figures [1, FIGURES] of an account under each model, unless it has traded since."""
        known = self.changed.get(account)
        if known is not None:
            return known[1]
        place = int(np.searchsorted(self.block.account, account))
        return tuple(each[place : place + 1] for each in self.figures)

    def merged(self, changed: Mapping[int, Changed]) -> Part:
        """The same part with what some accounts hold now."""
        return replace(self, changed={**self.changed, **changed}) if changed else self

    def at(self, units: Units, models: Sequence[MarginModel]) -> Part:
        """What everybody holds, with what has changed, in another market or with more rows."""
        block = self.block.merged({account: own for account, (own, _) in self.changed.items()})
        return Part.of(units, block, models)

    def adding(self, units: Units, models: Sequence[MarginModel]) -> Part:
        """The same holdings with more rows, which nobody holds yet."""
        terms = tuple(_terms(units, model) for model in models)
        return replace(self, units=units, terms=terms, _nothing=[])

    @property
    def held_rows(self) -> set[int]:
        """Rows that somebody holds."""
        block = self.block.merged({account: own for account, (own, _) in self.changed.items()})
        return set(block.rows().tolist())


def _terms(units: Units, model: MarginModel) -> ModelTerms:
    if units.underlying == MONEY:
        return ModelTerms.of_money([p.instrument for p in units.positions], model)
    book, array = units.book, None
    if book is None:
        raise ValueError(f"no instrument of {units.underlying} is known")
    if is_collateral_only(book) and known_class(book.underlying, model.classes) is None:
        return ModelTerms.of_collateral(len(book.positions), model)
    # Joint scenarios are of all underlyings at one time, and parts may be of several.
    if not isinstance(model.scenarios, JointScenarios):
        past = Past.of(units.market.history, units.market.as_of)
        array = array_of(book, model, past)
    rows = None if array is None else ArrayInRows.of(array)
    return ModelTerms.of(book, units.market.liquidity, rows, model)


def _figures_of_all(units: Units, terms: ModelTerms, block: Block, worth: Worth) -> Floats:
    """The figures of every segment; shape [G, FIGURES]."""
    sums = terms.sums(worth, block.start, block.stop)
    losses = np.zeros((2, block.start.size))
    up, down = losses
    if terms.array is not None:
        earned_usd = sums[:, EARNED] * terms.spot_usd
        up, down = terms.array.losses_of(
            worth.row, worth.quantity, block.start, block.stop, earned_usd
        )
    held = _segments(units, terms, worth, block.start, block.stop)
    return figures_of_many(terms, sums, (up, down), held)


def _segments(
    units: Units, terms: ModelTerms, worth: Worth, start: Integers, stop: Integers
) -> Segments:
    """Positions in segments, with the charges on them that are no formulas of sums."""

    def exact(charge: NamedCharge, worst: Floats) -> Floats:
        of_units = terms.on
        if of_units is None:
            raise ValueError("money has no such charges")
        held = accounts_in(units, worth, np.arange(start.size), start, stop)
        on = ChargedAccounts(
            held=held,
            numbers=of_units.numbers,
            liquidity=of_units.liquidity,
            worst_loss=worst,
            array=terms.array,
        )
        amounts = charge.amounts_of_accounts(on, held.sums(charge.terms(on)))
        levels = amounts.initial, amounts.maintenance
        cents = (requirement_cents(each, type(charge).__name__) for each in levels)
        columns = (*levels, *(each.astype(np.float64) for each in cents))
        return np.stack([by_account(amounts.account, each, start.size) for each in columns])

    return Segments(worth.row, worth.quantity, start, stop, exact)


@dataclass(frozen=True, slots=True)
class Held:
    """What one account holds in one part, with all that its next trade needs.

    It holds on to nothing of the part but ``token``, that of its units. ``place`` maps rows to
    places of ``quantity``, ``coins`` and ``entry``, which are plain numbers; ``vectors`` [1, I, W]
    of each model's array hold the profit in every cell, None without an array, and ``reach_usd`` is
    the most that a cell can be. ``trades`` have been put into the vectors since they were exact, so
    that a cell may be off by ``doubt_usd``.
    """

    token: object
    segment: Segment
    worth: Worth
    place: Mapping[int, int]
    quantity: Sequence[float]
    coins: Sequence[float]
    entry: Sequence[float]
    earned_coins: float
    reach_usd: float
    vectors: tuple[Floats | None, ...]
    figures: tuple[Floats, ...]
    trades: int
    doubt_usd: float

    @classmethod
    def of(cls, part: Part, segment: Segment) -> Held:
        """With exact vectors."""
        worth = worth_of(segment.row, segment.size, segment.entry, part.units)
        earned = float(worth.quantity @ worth.coins)
        vectors = [_vector(terms, worth, earned) for terms in part.terms]
        return cls._with(part, segment, worth, earned, vectors)

    def traded(self, part: Part, segment: Segment, rows: Sequence[int], refresh_every: int) -> Held:
        """The same account after a trade, which has left it ``segment``: ``rows``, one or two, have
        changed.

        Vectors are made anew after so many trades, and before they could be off by a millionth of a
        millionth of what a cell can be.
        """
        worth = worth_of(segment.row, segment.size, segment.entry, part.units)
        earned = float(worth.quantity @ worth.coins)
        changes = _changes(worth, rows)
        vectors = [
            None if vector is None else self._vector_after(own, vector, changes)
            for own, vector in zip(part.terms, self.vectors, strict=True)
        ]
        trades = self.trades + 1
        after = self._with(part, segment, worth, earned, vectors)
        doubt = self.doubt_usd + _ROUNDINGS_REL * (self.reach_usd + after.reach_usd)
        if trades < refresh_every and doubt <= _MOST_DOUBT_REL * after.reach_usd:
            return replace(after, trades=trades, doubt_usd=doubt)
        return Held.of(part, segment)

    @classmethod
    def _with(
        cls,
        part: Part,
        segment: Segment,
        worth: Worth,
        earned: float,
        vectors: Sequence[Floats | None],
    ) -> Held:
        stop = np.array([worth.row.size])
        figures: list[Floats] = []
        reach = 0.0
        for own, vector in zip(part.terms, vectors, strict=True):
            sums, losses = own.sums(worth, _FIRST, stop), (0.0, 0.0)
            if vector is not None and own.array is not None:
                array, least = own.array, np.empty((1, own.array.kind.size))
                reduce_vectors(vector, array.damping, array.kind, array.inside, array.count, least)
                losses = _losses(least)
                most = float(sums[0, own.reach]) + abs(earned) * own.coin_reach_usd
                reach = max(reach, most)
            held = _segments(part.units, own, worth, _FIRST, stop)
            figures.append(figures_of_one(own, sums, losses, held))
        return cls(
            token=part.units.token,
            segment=segment,
            worth=worth,
            place={row: place for place, row in enumerate(segment.row.tolist())},
            quantity=worth.quantity.tolist(),
            coins=worth.coins.tolist(),
            entry=segment.entry.tolist(),
            earned_coins=earned,
            reach_usd=reach,
            vectors=tuple(vectors),
            figures=tuple(figures),
            trades=0,
            doubt_usd=0.0,
        )

    def figures_after(self, part: Part, changes: Sequence[Change]) -> tuple[Floats, ...]:
        """The figures [1, FIGURES] under each model if a trade left one or two rows like this."""
        first, second = changes[0], changes[-1]
        of_first, of_second, earned = self._differences(first, second)
        worth, most = self.worth, self.segment.row.size + 2
        columns = worth.row, worth.quantity, worth.value, worth.coins
        found: list[Floats] = []
        for terms, vector in zip(part.terms, self.vectors, strict=True):
            sums = np.empty((1, terms.columns))
            row, quantity = np.empty(most, dtype=np.uint32), np.empty(most)
            count = sum_after_trade(*columns, *first, *second, *terms.tables, row, quantity, sums)
            losses, array = (0.0, 0.0), terms.array
            if vector is not None and array is not None:
                least = np.empty((1, array.kind.size))
                what_if_trade(
                    vector[0],
                    array.unit_pnl_usd,
                    first[0],
                    of_first,
                    second[0],
                    of_second,
                    earned * terms.spot_usd,
                    array.price_rel,
                    array.damping,
                    array.kind,
                    array.inside,
                    array.count,
                    least,
                )
                losses = _losses(least)
            stop, exact = np.array([count]), partial(self._exact, part.units, terms, changes)
            held = Segments(row, quantity, _FIRST, stop, exact)
            found.append(figures_of_one(terms, sums, losses, held))
        return tuple(found)

    def _differences(self, first: Change, second: Change) -> tuple[float, float, float]:
        """Changes of two quantities, and of the coins earned."""
        before, coins = self._at(first[0])
        of_first, earned = first[1] - before, first[1] * first[3] - before * coins
        if second[0] == first[0]:
            return of_first, 0.0, earned
        before, coins = self._at(second[0])
        return of_first, second[1] - before, earned + second[1] * second[3] - before * coins

    def _at(self, row: int) -> tuple[float, float]:
        """Quantity and coins of profit per unit of what is held in a row."""
        place = self.place.get(row)
        return (0.0, 0.0) if place is None else (self.quantity[place], self.coins[place])

    def _vector_after(self, terms: ModelTerms, vector: Floats, changes: Sequence[Change]) -> Floats:
        array = terms.array
        if array is None:
            return vector
        first, second = changes[0], changes[-1]
        of_first, of_second, earned = self._differences(first, second)
        out = np.empty_like(vector)
        vector_after_trade(
            vector[0],
            array.unit_pnl_usd,
            first[0],
            of_first,
            second[0],
            of_second,
            earned * terms.spot_usd,
            array.price_rel,
            out,
        )
        return out

    def _exact(
        self,
        units: Units,
        terms: ModelTerms,
        changes: Sequence[Change],
        charge: NamedCharge,
        worst: Floats,
    ) -> Floats:
        rows, quantity, value, coins = (list(column) for column in self._columns(changes))
        row = np.array(rows, dtype=np.uint32)
        worth = Worth.of(row, *map(np.array, (quantity, value, coins)))
        held = _segments(units, terms, worth, _FIRST, np.array([row.size]))
        return held.exact(charge, worst)

    def _columns(self, changes: Sequence[Change]) -> Iterable[tuple[float, ...]]:
        """Rows, quantities, values and coins as a trade leaves them."""
        columns = (self.place, self.quantity, self.worth.value.tolist(), self.coins)
        own = {held[0]: held for held in zip(*columns, strict=True)}
        own |= {change[0]: change for change in changes}
        return zip(*own.values(), strict=True)


def _changes(worth: Worth, rows: Sequence[int]) -> list[Change]:
    """Some rows as they are now."""
    columns = (c.tolist() for c in (worth.row, worth.quantity, worth.value, worth.coins))
    now: dict[int, Change] = {own[0]: own for own in zip(*columns, strict=True)}
    return [now.get(row, (row, 0.0, 0.0, 0.0)) for row in rows]


def _vector(terms: ModelTerms, worth: Worth, earned_coins: float) -> Floats | None:
    """The profit of one account in every cell, undamped; shape [1, I, W], None without an array."""
    array = terms.array
    if array is None:
        return None
    out = np.empty((1, *array.unit_pnl_usd.shape[1:]))
    net_segments(
        array.unit_pnl_usd,
        worth.row,
        worth.quantity,
        _FIRST,
        np.array([worth.row.size]),
        np.array([earned_coins * terms.spot_usd]),
        array.price_rel,
        out,
    )
    return out


def _losses(least: Floats) -> tuple[float, float]:
    """Losses upward and downward, of the least profits [1, 2]."""
    up, down = least[0].tolist()
    return max(0.0, -up), max(0.0, -down)
