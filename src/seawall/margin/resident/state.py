"""The state of accounts that stay in memory: what is held, in which markets, at one moment.

A state never changes. Who writes makes another and puts it in its place; who reads takes one and
answers from it alone, whatever happens meanwhile. What is found on the way, vectors and totals, is
kept where it was found from: two readers that find it at a time find the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import located
from seawall.margin.model import MarginModel
from seawall.margin.resident.parts import Change, Held, Part
from seawall.margin.resident.totals import FigureRows, Levels, totals_of
from seawall.margin.status import margin_status
from seawall.market.liquidity import Liquidity, joined
from seawall.market.snapshot import MarketSnapshot
from seawall.market.unlisted import with_unlisted
from seawall.products.instruments import Future, Instrument, is_money
from seawall.products.portfolio import Position
from seawall.risk.assumptions import require_possible_size
from seawall.risk.book import Book, UnderlyingBook, join_underlying, place_of
from seawall.risk.moved import carried_future
from seawall.risk.resident import MONEY, Segment, home_of

Floats = NDArray[np.float64]

Kept = tuple[Position, float | None]
"""A position, and of a future the mark at which it is counted."""


Totals = tuple[float, ...]
"""Initial and maintenance margin in USD, then both, equity and haircuts in cents."""


@dataclass(frozen=True, slots=True)
class Known:
    """What has been found of an account in the parts of an ``epoch``: rows of figures, of which
    ``place`` maps places of parts to places, and the totals, None where only exact arithmetic
    tells.
    """

    epoch: object
    rows: FigureRows
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
    has been found; they outlive a tick, and hold on to nothing of the parts that it replaces.
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
    """All accounts at one moment: ``count`` of them, and ``parts``, the first of which is money.

    ``place`` maps underlyings, and money, to parts, and ``rows`` names of instruments to part and
    row. Each part has its own market; ``base`` is that of all that is in no part, but for those
    underlyings that have had a tick of their own, which are in ``ticked``. ``as_of`` is the time of
    the latest. ``fresh`` are accounts that have traded since the columns of the parts were made.
    ``epoch`` is another after a tick, of whatever; ``levels`` are of ``model`` and of its second
    one, of a hybrid.
    """

    version: int
    epoch: object
    as_of: datetime
    base: MarketSnapshot
    ticked: Mapping[str, MarketSnapshot]
    model: MarginModel
    parts: tuple[Part, ...]
    place: Mapping[str, int]
    rows: Mapping[str, tuple[int, int]]
    count: int
    fresh: Mapping[int, Account]
    levels: tuple[Levels, ...] = field(init=False)

    def __post_init__(self) -> None:
        levels = tuple(Levels.of(model, self.as_of) for model in models_of(self.model))
        object.__setattr__(self, "levels", levels)

    @classmethod
    def of(cls, market: MarketSnapshot, model: MarginModel) -> State:
        """Nobody, and nothing known."""
        return cls(0, object(), market.as_of, market, {}, model, (), {}, {}, 0, {})

    def segments_of(self, place: int) -> dict[int, Segment]:
        """What an account that has not traded since holds, by place of the part."""
        found = {k: part.segment(place) for k, part in enumerate(self.parts)}
        return {k: segment for k, segment in found.items() if segment is not None}

    # ---- figures

    def held(self, account: Account, k: int) -> Held:
        """What an account holds in a part, ready for its next trade."""
        part, known = self.parts[k], account.held.get(k)
        if known is not None and known.token is part.units.token:
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
        if known and known[0].epoch is self.epoch:
            return known[0]
        rows = self._rows({k: self.figures(account, k) for k in account.segments})
        place = {k: n for n, k in enumerate(account.segments)}
        found = Known(self.epoch, rows, place, totals_of(rows, self.levels))
        known[:] = [found]
        return found

    def totals_after(
        self, account: Account, changes: Mapping[int, Sequence[Change]]
    ) -> Totals | None:
        """The totals if rows of some parts were as a trade leaves them; None where only exact
        arithmetic tells.
        """
        known, parts = self.known(account), self.parts
        after = {
            k: self.held(account, k).figures_after(parts[k], own) for k, own in changes.items()
        }
        if not after.keys() <= known.place.keys():
            own = {k: self.figures(account, k) for k in account.segments}
            return totals_of(self._rows({**own, **after}), self.levels)
        figures, offset, stop = known.rows
        figures = tuple([each.copy() for each in figures])
        for k, of_models in after.items():
            place = known.place[k]
            for rows, row in zip(figures, of_models, strict=True):
                rows[place] = row
        return totals_of(FigureRows(figures, offset, stop), self.levels)

    def _rows(self, figures: Mapping[int, tuple[Floats, ...]]) -> FigureRows:
        parts = self.parts
        rows = [(own, [terms.offset for terms in parts[k].terms]) for k, own in figures.items()]
        return FigureRows.of(rows, len(self.levels))

    # ---- markets

    def market_of(self, home: str) -> MarketSnapshot:
        """The market in which an underlying, or money, stands."""
        k = self.place.get(home)
        return self.ticked.get(home, self.base) if k is None else self.parts[k].units.market

    def market_for(self, instrument: Instrument) -> MarketSnapshot:
        """The market in which an instrument stands, which also values it if nobody lists it."""
        return with_unlisted(self.market_of(home_of(instrument)), [instrument])

    def mark_of(self, instrument: Instrument) -> float | None:
        """The mark at which a future is counted, in quote units; None for all else."""
        if not isinstance(instrument, Future):
            return None
        return self.market_for(instrument).forward(instrument)

    def liquidity(self, underlyings: Iterable[str]) -> Liquidity:
        """What the markets of some underlyings tell beside prices, each of its own."""
        return joined({name: self.market_of(name).liquidity for name in underlyings})

    def counted(self, positions: Mapping[str, Kept]) -> dict[str, Kept]:
        """Positions as they stand at the marks of now. Raises what the snapshot raises."""
        return {name: self._counted(kept) for name, kept in positions.items()}

    def _counted(self, kept: Kept) -> Kept:
        position, mark = kept
        now = None if mark is None else self.mark_of(position.instrument)
        if now is None or mark is None or now == mark:
            return kept
        return carried_future(position, mark, now), now

    # ---- what only the account by itself tells

    def book(self, account: str, positions: Iterable[Position]) -> Book:
        """Positions joined, each underlying with its own market, as a report joins them.

        What guards a join against slips of an entry price is not asked again of what has been
        carried. Raises what the snapshot raises, and BadNumber for a position of an impossible
        worth, naming the account.
        """
        held: dict[str, list[Position]] = {}
        for position in positions:
            with located(place_of(position, account), position.where):
                require_possible_size(position, self.market_for(position.instrument))
            held.setdefault(home_of(position.instrument), []).append(position)
        money = [
            (each, float(each.quantity) * self.market_of(MONEY).asset_usd(each.instrument))
            for each in held.pop(MONEY, ())
            if is_money(each.instrument)
        ]
        return Book(
            account=account,
            as_of=self.as_of,
            underlyings=tuple(self._joined(name, held[name]) for name in sorted(held)),
            money=tuple(sorted(money, key=lambda own: own[0].instrument.name)),
            liquidity=self.liquidity(held),
            warnings=(),
            history=self.base.history,
        )

    def exact(self, account: str, positions: Iterable[Position]) -> Totals:
        """The totals of positions, by the way of a report. Raises as :meth:`book`, and what the
        model raises.
        """
        status = margin_status(self.book(account, positions), self.model)
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
        market = with_unlisted(self.market_of(underlying), instruments)
        return join_underlying(underlying, positions, market)
