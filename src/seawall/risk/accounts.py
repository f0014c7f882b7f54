"""Many accounts joined with one market: columns of positions over one book of instruments.

Every instrument that anyone holds is looked up once, as one unit of it (:class:`Instruments`). An
account's positions are places in that book, quantities and entry prices; those in one underlying
are one *segment*, a range of columns. What :mod:`seawall.risk.book` says of one account it says of
each of them, in the same words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from seawall.basics.arrays import array_fields, freeze
from seawall.kernels.backends import CPU, implementation
from seawall.kernels.clusters import sum_over_buckets
from seawall.kernels.ordering import ordered
from seawall.market.liquidity import clusters_of
from seawall.market.snapshot import MarketSnapshot
from seawall.products.instruments import Future, Instrument
from seawall.products.portfolio import Portfolio, Position
from seawall.risk.book import FUTURE, PERPETUAL, Book, UnderlyingBook, join
from seawall.risk.sums import PerBucket, PerUnit, Term

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Rows = NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Instruments:
    """All instruments that some accounts hold, one unit of each, joined with the market.

    The i-th instrument is row ``row[i]`` of ``book.underlyings[part[i]]``, whose rows stand bucket
    by bucket and in each strike by strike, or, where ``part[i]`` is −1, place ``row[i]`` of
    ``book.money``. Both have shape [N] and are read-only.
    """

    book: Book
    part: Integers
    row: Integers

    def __post_init__(self) -> None:
        _freeze(self)

    @classmethod
    def joined(cls, instruments: Sequence[Instrument], market: MarketSnapshot) -> Instruments:
        """Look up distinct instruments. Raises what :func:`seawall.risk.book.join` raises."""
        units = tuple(one_unit(each, market) for each in instruments)
        book = _joined(units, market)
        book = replace(book, underlyings=tuple(map(_by_cluster, book.underlyings)))
        place = {p.instrument.name: (-1, row) for row, (p, _) in enumerate(book.money)}
        for number, part in enumerate(book.underlyings):
            for row, position in enumerate(part.positions):
                place[position.instrument.name] = (number, row)
        found = np.array([place[each.name] for each in instruments], dtype=np.int64)
        return cls(book, *(np.ascontiguousarray(column) for column in found.reshape(-1, 2).T))


def _joined(units: tuple[Position, ...], market: MarketSnapshot) -> Book:
    """The book of all units; one that nobody could margin for want of any is a book of nothing."""
    account = "all accounts"
    if units:
        return join(Portfolio(account=account, positions=units), market)
    return Book(
        account=account,
        as_of=market.as_of,
        underlyings=(),
        money=(),
        liquidity=market.liquidity,
        warnings=market.warnings,
        history=market.history,
    )


def one_unit(instrument: Instrument, market: MarketSnapshot) -> Position:
    """A position of one unit, a future entered at its mark. Raises what the snapshot raises."""
    future = isinstance(instrument, Future)
    entry = Decimal(market.forward(instrument)) if future else None
    return Position(instrument=instrument, quantity=Decimal(1), entry_price=entry)


def _by_cluster(book: UnderlyingBook) -> UnderlyingBook:
    """The rows bucket by bucket and in each strike by strike."""
    strike = [clusters_of(position.instrument)[2:] for position in book.positions]
    strikes = [own[0][1] if own else -np.inf for own in strike]
    return book.rows(np.lexsort((np.array(strikes), book.bucket)).tolist())


@dataclass(frozen=True, slots=True)
class UnderlyingAccounts:
    """What each of some accounts holds in one underlying.

    ``book`` is one unit of each instrument. Segment g is the positions [``start``[g], ``stop``[g])
    of account ``account``[g]; these have shape [G]. ``row`` (place in ``book``), ``quantity``,
    ``coin_profit`` and ``value_usd`` (as in :class:`seawall.risk.book.UnderlyingBook`) have shape
    [P], as has ``segment``, of each position; ``earned_coins``, of unrealised profit, [G]. Arrays
    are read-only.
    """

    book: UnderlyingBook
    account: Integers
    start: Integers
    stop: Integers
    segment: Integers
    row: Rows
    quantity: Floats
    coin_profit: Floats
    value_usd: Floats
    earned_coins: Floats

    def __post_init__(self) -> None:
        _freeze(self)

    @classmethod
    def of(
        cls,
        book: UnderlyingBook,
        account: Integers,
        row: Rows,
        quantity: Floats,
        coin_profit: Floats,
        value_usd: Floats,
    ) -> UnderlyingAccounts:
        """Positions [P] of which ``account``, ascending, says whose each is."""
        first = np.diff(account, prepend=-1) != 0
        start, segment = np.flatnonzero(first), np.cumsum(first) - 1
        earned = np.bincount(segment, quantity * coin_profit, start.size)
        return cls(
            book=book,
            account=account[start],
            start=start,
            stop=np.append(start[1:], account.size),
            segment=segment,
            row=row,
            quantity=quantity,
            coin_profit=coin_profit,
            value_usd=value_usd,
            earned_coins=earned.astype(np.float64),
        )

    @property
    def account_of_position(self) -> Integers:
        """The account of each position; shape [P]."""
        return self.account[self.segment]

    def sums(self, terms: Sequence[Term]) -> tuple[Floats, ...]:
        """Sums over each segment's quantities; as many arrays [G] as terms."""
        per_unit = iter(self._sums([t for t in terms if isinstance(t, PerUnit)], self.quantity))
        per_bucket = iter(self._bucket_sums([t for t in terms if isinstance(t, PerBucket)]))
        return tuple(next(per_unit if isinstance(t, PerUnit) else per_bucket) for t in terms)

    def value_sums(self, terms: Sequence[PerUnit]) -> tuple[Floats, ...]:
        """Sums over each segment's market values, which stand for quantities; arrays [G]."""
        return self._sums(terms, self.value_usd)

    def _sums(self, terms: Sequence[PerUnit], size: Floats) -> tuple[Floats, ...]:
        if not terms:
            return ()
        out = np.empty((self.start.size, len(terms)))
        long, short = (
            np.ascontiguousarray(np.stack(sides, axis=1))
            for sides in zip(*((term.long, term.short) for term in terms), strict=True)
        )
        implementation(CPU).sum_segments(long, short, self.row, size, self.start, self.stop, out)
        return tuple(np.ascontiguousarray(column) for column in out.T)

    def _bucket_sums(self, terms: Sequence[PerBucket]) -> tuple[Floats, ...]:
        if not terms:
            return ()
        out = np.empty((self.start.size, len(terms)))
        sum_over_buckets(
            self.book.delta,
            self.book.bucket,
            np.stack([term.weight for term in terms]),
            np.array([term.net for term in terms]),
            self.row,
            self.quantity,
            self.start,
            self.stop,
            self.earned_coins,
            out,
        )
        return tuple(np.ascontiguousarray(column) for column in out.T)

    def each_position(self) -> UnderlyingAccounts:
        """The same positions, each a segment of its own."""
        places = np.arange(self.row.size)
        return replace(
            self,
            account=self.account_of_position,
            start=places,
            stop=places + 1,
            segment=places,
            earned_coins=self.quantity * self.coin_profit,
        )

    def scaled(self, shares: Floats) -> UnderlyingAccounts:
        """A share of each position, shape [P], without those of which none is left."""
        kept = np.flatnonzero(shares)
        left = shares[kept]
        return UnderlyingAccounts.of(
            self.book,
            self.account_of_position[kept],
            self.row[kept],
            self.quantity[kept] * left,
            self.coin_profit[kept],
            self.value_usd[kept] * left,
        )

    def one(self, segment: int) -> UnderlyingBook:
        """What the account of a segment holds, as one book; ``positions`` are single units."""
        here = slice(self.start[segment], self.stop[segment])
        return replace(
            self.book.rows(self.row[here].tolist()),
            quantity=np.array(self.quantity[here]),
            coin_profit=np.array(self.coin_profit[here]),
            value_usd=np.array(self.value_usd[here]),
        )


@dataclass(frozen=True, slots=True)
class Accounts:
    """Many accounts joined with the market: what each holds, underlying by underlying, and money.

    ``count`` accounts, known by their places. ``money_account``, ``money_place`` (in
    ``instruments.book.money``) and ``money_usd``, the value, are positions in money; shape [Q],
    read-only.
    """

    instruments: Instruments
    count: int
    underlyings: tuple[UnderlyingAccounts, ...]
    money_account: Integers
    money_place: Integers
    money_usd: Floats

    def __post_init__(self) -> None:
        _freeze(self)


@dataclass(frozen=True, slots=True)
class Columns:
    """Positions as they are given: places of accounts and instruments, quantities, entry prices.

    All have shape [P] and are read-only; NaN is no entry price. Quantities and entry prices are
    finite otherwise, and no account holds an instrument twice (:func:`repeated` finds those).
    """

    account: Integers
    instrument: Integers
    quantity: Floats
    entry_price: Floats

    def __post_init__(self) -> None:
        freeze(self, self.account.size)

    def at(self, places: Integers | slice) -> Columns:
        """The positions at some places, in their order."""
        return Columns(*(values[places] for values in array_fields(self).values()))


def joined_accounts(columns: Columns, count: int, instruments: Instruments) -> Accounts:
    """The positions of ``count`` accounts over the instruments they hold."""
    order, ends = _ordered(columns, count, instruments)
    underlyings = tuple(
        _in_underlying(columns, order[first:last], book, instruments.row)
        for book, first, last in zip(instruments.book.underlyings, ends, ends[1:], strict=False)
        if first < last
    )
    rest = order[ends[-1] :]
    place = instruments.row[columns.instrument[rest]]
    unit_usd = np.array([value for _, value in instruments.book.money])
    return Accounts(
        instruments=instruments,
        count=count,
        underlyings=underlyings,
        money_account=columns.account[rest],
        money_place=place,
        money_usd=columns.quantity[rest] * unit_usd[place],
    )


def by_account_order(columns: Columns, count: int) -> Columns:
    """The positions of ``count`` accounts with those of each account side by side."""
    if (np.diff(columns.account) >= 0).all():
        return columns
    return columns.at(_sorted(columns.account, count, np.arange(columns.account.size)))


def repeated(columns: Columns, count: int) -> Integers:
    """Places [n, 2] of positions in an instrument that their account already holds, the one that
    comes first beside each.
    """
    instruments = int(columns.instrument.max(initial=-1)) + 1
    order = _sorted(columns.instrument, instruments, np.arange(columns.account.size))
    order = _sorted(columns.account, count, order)
    account, instrument = columns.account[order], columns.instrument[order]
    same = (account[1:] == account[:-1]) & (instrument[1:] == instrument[:-1])
    again = np.flatnonzero(same)
    return np.stack([order[again], order[again + 1]], axis=1)


def _ordered(columns: Columns, count: int, instruments: Instruments) -> tuple[Integers, list[int]]:
    """Places of positions by underlying, by account and by row, money last; and the place in this
    order where each underlying begins, and then money.
    """
    parts = len(instruments.book.underlyings)
    part = np.where(instruments.part < 0, parts, instruments.part)
    rank = np.empty(part.size, dtype=np.int64)
    rank[np.lexsort((instruments.row, part))] = np.arange(part.size)
    order = np.arange(columns.account.size)
    order = _sorted(rank[columns.instrument], part.size, order)
    order = _sorted(columns.account, count, order)
    part = part[columns.instrument]
    order = _sorted(part, parts + 1, order)
    return order, np.searchsorted(part[order], np.arange(parts + 1)).tolist()


def _sorted(key: Integers, keys: int, order: Integers) -> Integers:
    out = np.empty_like(order)
    ordered(np.ascontiguousarray(key), keys, order, out)
    return out


def _in_underlying(
    columns: Columns, order: Integers, book: UnderlyingBook, rows: Integers
) -> UnderlyingAccounts:
    """The positions at the places ``order``, which are all of one underlying."""
    row = rows[columns.instrument[order]]
    quantity, entry = columns.quantity[order], columns.entry_price[order]
    coin_profit, value = _worth(book, row, quantity, entry)
    account = columns.account[order]
    return UnderlyingAccounts.of(book, account, row.astype(np.uint32), quantity, coin_profit, value)


def _worth(
    book: UnderlyingBook, row: Integers, quantity: Floats, entry: Floats
) -> tuple[Floats, Floats]:
    """Coins of profit per unit and market value of each position; shapes [P].

    As :func:`seawall.risk.book.join_underlying` says of one account.
    """
    value = quantity * book.mark_usd[row]
    coin_profit = np.zeros_like(quantity)
    future = np.isin(book.kind, (PERPETUAL, FUTURE))
    entered = np.flatnonzero(np.isfinite(entry) & future[row])
    if entered.size:
        at, paid = row[entered], entry[entered]
        forward, inverse = book.forward[at], book.inverse[at]
        # Where prices are of either sign, one may have paid nothing.
        coined = np.where(inverse, forward / np.where(inverse, paid, 1.0) - 1.0, 0.0)
        coin_profit[entered] = coined
        profit = np.where(inverse, coined * book.spot_usd, (forward - paid) * book.unit_usd[at])
        value[entered] = quantity[entered] * profit
    return coin_profit, value


def _freeze(holder: Instruments | UnderlyingAccounts | Accounts) -> None:
    for values in array_fields(holder).values():
        values.flags.writeable = False
