"""The state of accounts that stay in memory: what is held, in which markets, at one moment.

A state never changes. Who writes makes another and puts it in its place; who reads takes one and
answers from it alone, whatever happens meanwhile. What is found on the way, vectors and totals, is
kept where it was found from: two readers that find it at a time find the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from seawall.margin.model import MarginModel
from seawall.margin.resident.parts import Change, Held, Part
from seawall.margin.resident.totals import Levels, Rows, totals_of
from seawall.margin.status import margin_status
from seawall.market.snapshot import MarketSnapshot
from seawall.market.unlisted import with_unlisted
from seawall.products.instruments import Future, Instrument, is_money
from seawall.products.portfolio import Position
from seawall.risk.book import Book, UnderlyingBook, join_underlying
from seawall.risk.moved import carried_future
from seawall.risk.resident import MONEY, Segment, home_of

Floats = NDArray[np.float64]

Kept = tuple[Position, float | None]
"""A position, and of a future the mark at which it is counted."""


Totals = tuple[float, ...]
"""Initial and maintenance margin in USD, then both, equity and haircuts in cents."""


@dataclass(frozen=True, slots=True)
class Known:
    """What has been found of an account in some parts: rows of figures, of which ``place`` maps
    places of parts to places, and the totals, None where only exact arithmetic tells.
    """

    parts: object
    rows: Rows
    place: Mapping[int, int]
    totals: Totals | None


def models_of(model: MarginModel) -> tuple[MarginModel, ...]:
    """A model and, of a hybrid, its second one."""
    return model.pair() or (model,)


@dataclass(frozen=True, slots=True)
class Account:
    """What one account holds, as of a ``version`` of the state.

    ``segments`` by place of the part; those in ``touched`` are newer than the part's columns.
    ``positions`` are the same to the last digit, by name, each with the mark of a future that its
    quantity is counted at; None where nothing has been traded. ``held`` and ``known`` keep what
    has been found, with the parts that it was found in.
    """

    name: str
    place: int
    version: int
    segments: Mapping[int, Segment]
    touched: frozenset[int] = frozenset()
    positions: Mapping[str, Kept] | None = None
    held: dict[int, Held] = field(default_factory=dict[int, Held])
    known: list[Known] = field(default_factory=list[Known])


@dataclass(frozen=True, slots=True)
class State:
    """All accounts at one moment: ``parts`` by place, the first of which is money.

    ``place`` maps underlyings, and money, to parts. ``fresh`` are accounts that have traded since
    the columns of the parts were made. ``market`` is the latest; each part has its own. ``levels``
    are of ``model`` and of its second one, of a hybrid.
    """

    version: int
    market: MarketSnapshot
    model: MarginModel
    parts: tuple[Part, ...]
    place: Mapping[str, int]
    fresh: Mapping[int, Account]
    levels: tuple[Levels, ...] = field(init=False)

    def __post_init__(self) -> None:
        levels = tuple(Levels.of(model, self.market.as_of) for model in models_of(self.model))
        object.__setattr__(self, "levels", levels)

    def segments_of(self, place: int) -> dict[int, Segment]:
        """What an account that has not traded since holds, by place of the part."""
        found = {k: part.segment(place) for k, part in enumerate(self.parts)}
        return {k: segment for k, segment in found.items() if segment is not None}

    # ---- figures

    def held(self, account: Account, k: int) -> Held:
        """What an account holds in a part, ready for its next trade."""
        part, known = self.parts[k], account.held.get(k)
        if known is not None and known.units is part.units:
            return known
        segment = account.segments.get(k)
        if segment is None:
            return part.nothing
        found = Held.of(part, segment)
        account.held[k] = found
        return found

    def figures(self, account: Account, k: int) -> tuple[Floats, ...]:
        """Of an account in a part, [1, FIGURES] under each model."""
        if k in account.touched or k in account.held:
            return self.held(account, k).figures
        return self.parts[k].figures_of(account.place)

    def known(self, account: Account) -> Known:
        """The figures of an account in all its parts, and its totals."""
        known = account.known
        if known and known[0].parts is self.parts:
            return known[0]
        rows = self._rows({k: self.figures(account, k) for k in account.segments})
        place = {k: n for n, k in enumerate(account.segments)}
        found = Known(self.parts, rows, place, totals_of(rows, self.levels))
        known[:] = [found]
        return found

    def totals_after(
        self, account: Account, changes: Mapping[int, Sequence[Change]]
    ) -> Totals | None:
        """The totals if rows of some parts were as a trade leaves them; None where only exact
        arithmetic tells.
        """
        known = self.known(account)
        after = {k: self.held(account, k).figures_after(own) for k, own in changes.items()}
        if not after.keys() <= known.place.keys():
            own = {k: self.figures(account, k) for k in account.segments}
            return totals_of(self._rows({**own, **after}), self.levels)
        figures, offset, stop = known.rows
        figures = tuple([each.copy() for each in figures])
        for k, of_models in after.items():
            place = known.place[k]
            for rows, row in zip(figures, of_models, strict=True):
                rows[place] = row
        return totals_of(Rows(figures, offset, stop), self.levels)

    def _rows(self, figures: Mapping[int, tuple[Floats, ...]]) -> Rows:
        parts = self.parts
        rows = [(own, [terms.offset for terms in parts[k].terms]) for k, own in figures.items()]
        return Rows.of(rows, len(self.levels))

    # ---- what only the account by itself tells

    def market_of(self, instrument: Instrument) -> MarketSnapshot:
        """The market in which an instrument stands."""
        k = self.place.get(home_of(instrument))
        return self.market if k is None else self.parts[k].units.market

    def mark_of(self, instrument: Instrument) -> float | None:
        """The mark at which a future is counted, in quote units; None for all else."""
        if not isinstance(instrument, Future):
            return None
        return self.market_of(instrument).forward(instrument)

    def counted(self, positions: Mapping[str, Kept]) -> dict[str, Kept]:
        """Positions as they stand at the marks of now. Raises what the snapshot raises."""
        return {name: self._counted(kept) for name, kept in positions.items()}

    def _counted(self, kept: Kept) -> Kept:
        position, mark = kept
        if mark is None or not isinstance(position.instrument, Future):
            return kept
        now = self.market_of(position.instrument).forward(position.instrument)
        return kept if now == mark else (carried_future(position, mark, now), now)

    def exact(self, account: str, positions: Iterable[Position]) -> Totals:
        """The totals of positions, by the way of a report, each underlying in its own market.

        Raises what the snapshot and the model raise.
        """
        held: dict[str, list[Position]] = {}
        for position in positions:
            held.setdefault(home_of(position.instrument), []).append(position)
        money = [
            (
                each,
                float(each.quantity) * self.market_of(each.instrument).asset_usd(each.instrument),
            )
            for each in held.pop(MONEY, ())
            if is_money(each.instrument)
        ]
        book = Book(
            account=account,
            as_of=self.market.as_of,
            underlyings=tuple(self._joined(name, held[name]) for name in sorted(held)),
            money=tuple(sorted(money, key=lambda own: own[0].instrument.name)),
            liquidity=self.market.liquidity,
            warnings=(),
        )
        status = margin_status(book, self.model)
        haircut = status.equity - status.margin_value
        return (
            status.requirement.initial,
            status.requirement.maintenance,
            float(status.initial.amount * 100),
            float(status.maintenance.amount * 100),
            float(status.equity.amount * 100),
            float(haircut.amount * 100),
        )

    def _joined(self, underlying: str, positions: Sequence[Position]) -> UnderlyingBook:
        instruments = [position.instrument for position in positions]
        market = with_unlisted(self.market_of(instruments[0]), instruments)
        return join_underlying(underlying, positions, market)
