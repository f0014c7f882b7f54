"""What the accounts of a shard hold, kept from one market to the next and changed by fills.

Quantities are counted at the marks of the market they came with: the USD size of an inverse future
is fixed, so that at another mark it is another quantity (:mod:`seawall.risk.moved`). Nothing here
depends on the markets in between, so that accounts can be rebuilt from what they were and their
fills alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seawall.basics.arrays import array_fields, freeze
from seawall.basics.errors import InputError, located
from seawall.feeds.holdings import instrument_of
from seawall.market.snapshot import MarketSnapshot
from seawall.market.unlisted import with_unlisted
from seawall.products.instruments import Future, Instrument, has_usd_size
from seawall.products.portfolio import Portfolio, Position
from seawall.risk.accounts import Columns, by_account_order, one_unit
from seawall.risk.assumptions import assumptions
from seawall.risk.trades import Trade, with_trades

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


class Fill(NamedTuple):
    """A trade of an account; ``row`` is where it stands among those it came with, from 1."""

    row: int
    account: str
    trade: Trade


@dataclass(frozen=True, slots=True)
class Held:
    """What ``count`` accounts hold, counted at one market's marks.

    ``columns`` have places of accounts, and of instruments in ``names``.
    """

    names: tuple[str, ...]
    columns: Columns
    count: int


@dataclass(frozen=True, slots=True)
class _Own:
    """Positions of one account or of many, by account: numbers of instruments, quantities as they
    are kept, entry prices; shapes [P], read-only.
    """

    instrument: Integers
    quantity: Floats
    entry_price: Floats

    def __post_init__(self) -> None:
        freeze(self, self.instrument.size)

    @classmethod
    def joined(cls, parts: Sequence[_Own]) -> _Own:
        """Positions one after another; at least of one."""
        columns = [array_fields(part).values() for part in parts]
        return cls(*map(np.concatenate, zip(*columns, strict=True)))

    def at(self, places: Integers | Flags | slice) -> _Own:
        """The positions at some places, in their order."""
        return _Own(self.instrument[places], self.quantity[places], self.entry_price[places])

    def rows(self) -> Iterable[tuple[int, float, float]]:
        """Position by position."""
        return zip(
            self.instrument.tolist(), self.quantity.tolist(), self.entry_price.tolist(), strict=True
        )


@dataclass(frozen=True, slots=True)
class _Together:
    """Positions of accounts as columns: places of accounts, and of instruments in ``numbers``."""

    numbers: tuple[int, ...]
    columns: Columns

    @classmethod
    def of(cls, own: _Own, start: Integers) -> _Together:
        """``start`` [A + 1] counts positions up to each account."""
        held = np.flatnonzero(np.bincount(own.instrument))
        place = np.zeros(int(own.instrument.max(initial=-1)) + 1, dtype=np.int64)
        place[held] = np.arange(held.size)
        account = np.repeat(np.arange(start.size - 1), np.diff(start))
        columns = Columns(account, place[own.instrument], own.quantity, own.entry_price)
        return cls(tuple(held.tolist()), columns)


class Holdings:
    """The positions of a shard, account by account.

    ``accounts`` are their names by place, ``held`` what they hold at the marks of ``market``. A
    future without an entry price counts as entered at its mark there. Raises what the snapshot
    raises of a future.
    """

    def __init__(self, accounts: Sequence[str], held: Held, market: MarketSnapshot) -> None:
        self._accounts = accounts
        self._place = {account: place for place, account in enumerate(accounts)}
        self._instruments: list[Instrument] = []
        self._number: dict[str, int] = {}
        self._first_mark: list[float] = []
        instruments = [instrument_of(name, name) for name in held.names]
        market = with_unlisted(market, instruments)
        for each in instruments:
            self._know(each, market)
        columns = by_account_order(held.columns, held.count)
        marks = [market.forward(e) if isinstance(e, Future) else np.nan for e in instruments]
        entry = columns.entry_price
        self._start = np.searchsorted(columns.account, np.arange(held.count + 1))
        # Copies: what was sent lies in Ray's store, and is let go of.
        self._all = _Own(
            np.array(columns.instrument),
            np.array(columns.quantity),
            np.where(np.isnan(entry), np.array(marks)[columns.instrument], entry),
        )
        self._together = _Together.of(self._all, self._start)
        self._changed: dict[int, _Own] = {}

    def after(self, fills: Iterable[Fill], market: MarketSnapshot) -> dict[str, Portfolio]:
        """The accounts that traded, after fills at a market, in their order.

        Nothing is changed yet. Raises InputError for an account that is not here, and what
        :func:`seawall.risk.trades.with_trades` raises, each naming the fill's row and account.
        """
        books: dict[str, Portfolio] = {}
        for row, account, trade in fills:
            with located(f"fill {row}, account {account}", trade.where):
                if account not in self._place:
                    raise InputError(
                        "this account holds nothing here",
                        where=trade.where,
                        remedy="Give fills of accounts that are among the positions.",
                    )
                book = books.get(account) or self._portfolio(account, market)
                instruments = [trade.instrument, *(each.instrument for each in book.positions)]
                after = with_trades(book, [trade], with_unlisted(market, instruments))
                books[account] = Portfolio(account=account, positions=after.positions)
        return books

    def take(self, books: Mapping[str, Portfolio], market: MarketSnapshot) -> None:
        """Let accounts hold what :meth:`after` found at the same market."""
        instruments = (each.instrument for book in books.values() for each in book.positions)
        market = with_unlisted(market, instruments)
        for account, book in books.items():
            self._changed[self._place[account]] = self._kept(account, book, market)

    def at(self, market: MarketSnapshot, accounts: Sequence[str] | None = None) -> Held:
        """What all accounts hold, or the ones named in their order, at a market's marks.

        Raises InputError for an account that is not here, and for an instrument that cannot be
        margined in the market what a book of it would raise, naming an account that holds it.
        """
        if accounts is None:
            self._merge()
            return self._counted(self._together, self._accounts, market)
        own = [self._own(self._place_of(account)) for account in accounts]
        start = np.cumsum([0, *(each.instrument.size for each in own)])
        return self._counted(_Together.of(_Own.joined(own), start), accounts, market)

    def _counted(
        self, everyone: _Together, accounts: Sequence[str], market: MarketSnapshot
    ) -> Held:
        instruments = [self._instruments[number] for number in everyone.numbers]
        market = with_unlisted(market, instruments)
        for place, instrument in enumerate(instruments):
            try:
                assumptions(one_unit(instrument, market), market)
            except InputError as error:
                first = int(np.argmax(everyone.columns.instrument == place))
                where = f"account {accounts[everyone.columns.account[first]]}, {error.where}"
                raise type(error)(error.what, where=where, remedy=error.remedy) from None
        size_rel = np.array([self._size_rel(number, market) for number in everyone.numbers])
        columns = everyone.columns
        if (size_rel != 1.0).any():
            quantity = columns.quantity * size_rel[columns.instrument]
            columns = replace(columns, quantity=quantity)
        return Held(tuple(each.name for each in instruments), columns, len(accounts))

    def _know(self, instrument: Instrument, market: MarketSnapshot) -> int:
        """The number of an instrument, which is given one at its first mark."""
        if instrument.name not in self._number:
            self._number[instrument.name] = len(self._instruments)
            self._instruments.append(instrument)
            sized = has_usd_size(instrument)
            self._first_mark.append(market.forward(instrument) if sized else 1.0)
        return self._number[instrument.name]

    def _size_rel(self, number: int, market: MarketSnapshot) -> float:
        """Quantity at a market's mark per quantity as kept: exactly 1 where neither moved."""
        instrument = self._instruments[number]
        if not has_usd_size(instrument):
            return 1.0
        return self._first_mark[number] / market.forward(instrument)

    def _place_of(self, account: str) -> int:
        try:
            return self._place[account]
        except KeyError:
            raise InputError(
                f"account {account!r} holds nothing here",
                where="accounts",
                remedy="Name accounts that are among the positions.",
            ) from None

    def _own(self, place: int) -> _Own:
        if place in self._changed:
            return self._changed[place]
        here = slice(self._start[place], self._start[place + 1])
        return self._all.at(here)

    def _portfolio(self, account: str, market: MarketSnapshot) -> Portfolio:
        """The account at a market's marks."""
        own = self._own(self._place[account])
        positions = (
            Position(
                instrument=self._instruments[number],
                quantity=_decimal(quantity * self._size_rel(number, market)),
                entry_price=None if np.isnan(entry) else _decimal(entry),
            )
            for number, quantity, entry in own.rows()
        )
        return Portfolio(account=account, positions=tuple(positions))

    def _kept(self, account: str, book: Portfolio, market: MarketSnapshot) -> _Own:
        """An account at a market's marks, as it is kept; what did not trade to the last bit."""
        before = self._own(self._place[account])
        known = dict(zip(before.instrument.tolist(), before.quantity.tolist(), strict=True))
        numbers, quantities, entries = list[int](), list[float](), list[float]()
        for each in book.positions:
            number, quantity = self._know(each.instrument, market), float(each.quantity)
            size, kept = (
                self._size_rel(number, market),
                known.get(self._number[each.instrument.name]),
            )
            numbers.append(number)
            quantities.append(
                kept if kept is not None and kept * size == quantity else quantity / size
            )
            entries.append(np.nan if each.entry_price is None else float(each.entry_price))
        return _Own(np.array(numbers), np.array(quantities), np.array(entries))

    def _merge(self) -> None:
        """Put what fills have changed where it belongs."""
        if not self._changed:
            return
        count = self._start.size - 1
        size = np.diff(self._start)
        untouched = np.ones(count, dtype=np.bool_)
        untouched[list(self._changed)] = False
        keep = np.repeat(untouched, size)
        account = np.repeat(np.arange(count), size)[keep]
        parts = list(self._changed.values())
        place = np.repeat(list(self._changed), [part.instrument.size for part in parts])
        account = np.concatenate([account, place])
        order = np.argsort(account, kind="stable")
        self._all = _Own.joined([self._all.at(keep), *parts]).at(order)
        self._start = np.searchsorted(account[order], np.arange(count + 1))
        self._together = _Together.of(self._all, self._start)
        self._changed = {}


def _decimal(number: float) -> Decimal:
    """As it is printed, so that what is bought and sold again leaves nothing behind."""
    return Decimal(repr(number))
