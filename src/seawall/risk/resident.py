"""Accounts that stay in memory: instruments that keep their rows, and positions that keep sizes.

A position is kept as a *size*, which no tick changes: its quantity, of a contract with a USD size
that at the first mark known of it. So a tick changes what is said of instruments and nothing that
is said of accounts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import InputError
from seawall.kernels import resident
from seawall.market.liquidity import clusters_of
from seawall.market.snapshot import MarketSnapshot
from seawall.products.instruments import Instrument, has_usd_size, is_money
from seawall.products.portfolio import Position
from seawall.risk.accounts import UnderlyingAccounts
from seawall.risk.book import FUTURE, PERPETUAL, UnderlyingBook, join_underlying

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Rows = NDArray[np.uint32]

MONEY = "money"
"""Stands for an underlying where positions are in cash, stablecoins and claims on these."""


def home_of(instrument: Instrument) -> str:
    """The underlying among whose positions one in an instrument stands, or money."""
    return MONEY if is_money(instrument) else instrument.underlying


@dataclass(frozen=True, slots=True)
class Units:
    """One unit of each instrument of one underlying, or of money, in a market; the i-th is row i.

    ``alive`` says which rows the market lists; nobody holds another, and its numbers are those of
    any. ``first_mark`` are the marks at which sizes are counted, 1 where a size is a quantity;
    shape [M]. ``token`` is of these units alone: what has been found of them keeps it, to be known
    as theirs without holding on to them. ``book`` is None of money; ``unit`` [M, 6] is as
    :mod:`seawall.kernels.resident` reads it, and ``worth_usd`` one column of it as plain numbers.
    Arrays are read-only.
    """

    underlying: str
    market: MarketSnapshot
    token: object
    positions: tuple[Position, ...]
    alive: tuple[bool, ...]
    first_mark: Floats
    book: UnderlyingBook | None
    unit: Floats
    worth_usd: Sequence[float]

    @classmethod
    def of(cls, underlying: str, market: MarketSnapshot) -> Units:
        """Nothing yet."""
        nothing = np.zeros((0, resident.UNIT_COLUMNS))
        return cls(underlying, market, object(), (), (), np.zeros(0), None, nothing, ())

    def adding(self, instruments: Sequence[Instrument]) -> Units:
        """The same market with more rows. Raises what the snapshot raises."""
        marks = [self.market.forward(i) if has_usd_size(i) else 1.0 for i in instruments]
        return replace(
            self,
            positions=(
                *self.positions,
                *(Position(instrument=each, quantity=Decimal(1)) for each in instruments),
            ),
            alive=self.alive + (True,) * len(instruments),
            first_mark=np.append(self.first_mark, marks),
        )._joined(self.market)

    def kept(self, row: int, position: Position) -> tuple[float, float]:
        """Size and entry price of a position as it is kept; a future without one is settled."""
        size = float(position.quantity) / float(self.unit[row, resident.SIZE])
        if not self.unit[row, resident.FUTURE]:
            return size, math.nan
        entry = position.entry_price
        return size, float(self.unit[row, resident.FORWARD] if entry is None else entry)

    def at(self, market: MarketSnapshot, held: Callable[[], Collection[int]]) -> Units:
        """The same rows in another market; those that it does not list are let go if nobody holds
        them, which ``held`` says. Raises what the snapshot raises.
        """
        try:
            return self._joined(market)
        except InputError:
            rows = held()
            alive = tuple(row in rows for row in range(len(self.alive)))
            kept = replace(self, alive=alive)
            return kept._joined(market) if rows else replace(kept, market=market)

    def _joined(self, market: MarketSnapshot) -> Units:
        rows = [row for row, alive in enumerate(self.alive) if alive]
        unit = np.zeros((len(self.alive), resident.UNIT_COLUMNS))
        unit[:, resident.SIZE] = 1.0
        if self.underlying == MONEY:
            for row in rows:
                held = self.positions[row].instrument
                if is_money(held):
                    unit[row, resident.WORTH] = market.asset_usd(held)
            return self._at(market, None, unit)
        found = join_underlying(self.underlying, [self.positions[row] for row in rows], market)
        place = {position.instrument.name: at for at, position in enumerate(found.positions)}
        order = [place.get(position.instrument.name, 0) for position in self.positions]
        book = found.rows(order)
        future = np.isin(book.kind, (PERPETUAL, FUTURE))
        coined = future & book.inverse
        unit[:, resident.WORTH] = book.mark_usd
        unit[:, resident.FORWARD], unit[:, resident.UNIT_USD] = book.forward, book.unit_usd
        unit[:, resident.SPOT_USD] = np.where(coined, book.spot_usd, 0.0)
        unit[:, resident.FUTURE] = future
        unit[coined, resident.SIZE] = self.first_mark[coined] / book.forward[coined]
        return self._at(market, book, unit)

    def _at(self, market: MarketSnapshot, book: UnderlyingBook | None, unit: Floats) -> Units:
        unit.setflags(write=False)
        worth = unit[:, resident.WORTH].tolist()
        return replace(self, market=market, token=object(), book=book, unit=unit, worth_usd=worth)

    @property
    def alive_names(self) -> set[str]:
        """Names of the instruments that the market lists."""
        pairs = zip(self.positions, self.alive, strict=True)
        return {position.instrument.name for position, alive in pairs if alive}

    def renewed(self) -> Units:
        """The same, of which nothing has been found yet."""
        return replace(self, token=object())


@dataclass(frozen=True, slots=True)
class Segment:
    """What one account holds in one underlying, or in money: rows, sizes and entry prices.

    An entry price is NaN where there is no future. Arrays have shape [P]; no row occurs twice.
    """

    row: Rows
    size: Floats
    entry: Floats

    @property
    def by_row(self) -> dict[int, tuple[float, float]]:
        """Row → size and entry price."""
        pairs = zip(self.size.tolist(), self.entry.tolist(), strict=True)
        return dict(zip(self.row.tolist(), pairs, strict=True))

    @classmethod
    def of(cls, held: Mapping[int, tuple[float, float]]) -> Segment:
        """Row → size and entry price."""
        sizes = np.array(list(held.values()), dtype=np.float64).reshape(-1, 2)
        row, (size, entry) = np.array(list(held), dtype=np.uint32), sizes.T.copy()
        return cls(row, size, entry)


@dataclass(frozen=True, slots=True)
class Worth:
    """Positions in a market; columns as in :mod:`seawall.kernels.resident`, of shape [P]."""

    row: Rows
    quantity: Floats
    short: Floats
    value: Floats
    owed: Floats
    coins: Floats

    @classmethod
    def of(cls, row: Rows, quantity: Floats, value: Floats, coins: Floats) -> Worth:
        """From what the rest follows from."""
        short, owed = np.maximum(-quantity, 0.0), np.maximum(-value, 0.0)
        return cls(row, quantity, short, value, owed, coins)

    @property
    def columns(self) -> tuple[Rows, Floats, Floats, Floats, Floats, Floats]:
        """As kernels take them."""
        return self.row, self.quantity, self.short, self.value, self.owed, self.coins


def worth_of(row: Rows, size: Floats, entry: Floats, units: Units) -> Worth:
    """What positions are, and are worth, in the market of ``units``; shapes [P]."""
    quantity, short, value, owed, coins = np.empty((5, row.size))
    resident.worth_of_positions(row, size, entry, units.unit, quantity, short, value, owed, coins)
    return Worth(row, quantity, short, value, owed, coins)


@dataclass(frozen=True, slots=True)
class Block:
    """The segments of many accounts in one underlying: sorted places of accounts, and ranges.

    ``account``, ``start`` and ``stop`` have shape [G] and are read-only. Of ``row``, ``size`` and
    ``entry`` [P] the first ``used`` are in use; no range changes once it is there, so that who has
    an older block may go on reading.
    """

    account: Integers
    start: Integers
    stop: Integers
    row: Rows
    size: Floats
    entry: Floats
    used: int

    @classmethod
    def of(cls, account: Integers, row: Rows, size: Floats, entry: Floats) -> Block:
        """Positions with those of each account side by side; accounts ascend."""
        first = np.flatnonzero(np.append(True, account[1:] != account[:-1])[: account.size])
        stop = np.append(first[1:], account.size)[: first.size]
        return cls(account[first], first, stop, row, size, entry, account.size)

    def segment(self, account: int) -> Segment | None:
        """What an account holds; None for nothing."""
        place = int(np.searchsorted(self.account, account))
        if place == self.account.size or self.account[place] != account:
            return None
        here = slice(self.start[place], self.stop[place])
        if here.start == here.stop:
            return None
        # Copies: a part of the columns would keep all of them from being let go of.
        return Segment(self.row[here].copy(), self.size[here].copy(), self.entry[here].copy())

    def rows(self) -> Integers:
        """All rows that somebody holds."""
        inside = np.zeros(self.used + 1, dtype=np.int64)
        np.add.at(inside, self.start, 1)
        np.add.at(inside, self.stop, -1)
        return np.unique(self.row[: self.used][np.cumsum(inside[:-1]) > 0]).astype(np.int64)

    def merged(self, changed: Mapping[int, Segment]) -> Block:
        """The block with what some accounts hold now; an empty segment for nothing."""
        if not changed:
            return self
        more = sum(segment.row.size for segment in changed.values())
        block = self._with_room(more)
        account = np.array(sorted(changed), dtype=np.int64)
        places = np.searchsorted(block.account, account)
        inside = np.minimum(places, block.account.size - 1)
        new = np.append(block.account, -1)[inside] != account
        accounts = np.insert(block.account, places[new], account[new])
        start = np.insert(block.start, places[new], 0)
        stop = np.insert(block.stop, places[new], 0)
        at, used = np.searchsorted(accounts, account).tolist(), block.used
        for place, own in zip(at, account.tolist(), strict=True):
            segment = changed[own]
            end = used + segment.row.size
            block.row[used:end], block.size[used:end] = segment.row, segment.size
            block.entry[used:end] = segment.entry
            start[place], stop[place] = used, end
            used = end
        return replace(block, account=accounts, start=start, stop=stop, used=used)

    def _with_room(self, more: int) -> Block:
        """The block with room for more positions; what nobody holds any more is left out when room
        runs out.
        """
        if self.used + more <= self.row.size:
            return self
        sizes = self.stop - self.start
        stop = np.cumsum(sizes)
        place = positions_of(self.start, self.stop)
        room = np.zeros(max(more, place.size // 2) + 64)
        row = np.append(self.row[place], room.astype(np.uint32))
        size, entry = np.append(self.size[place], room), np.append(self.entry[place], room)
        return Block(self.account, stop - sizes, stop, row, size, entry, place.size)


def positions_of(start: Integers, stop: Integers) -> Integers:
    """The places of all positions of some ranges, range after range."""
    sizes = stop - start
    first = np.cumsum(sizes) - sizes
    return np.arange(int(sizes.sum())) + np.repeat(start - first, sizes)


def empty_block() -> Block:
    """Of an underlying in which nobody holds anything."""
    nobody = np.zeros(0, dtype=np.int64)
    return Block.of(nobody, nobody.astype(np.uint32), np.zeros(0), np.zeros(0))


def accounts_in(
    units: Units, worth: Worth, account: Integers, start: Integers, stop: Integers
) -> UnderlyingAccounts:
    """Some segments of positions as :mod:`seawall.risk.accounts` has them, sorted as it sorts."""
    book = units.book
    if book is None:
        raise ValueError("money stands beside all underlyings")
    sizes = stop - start
    segment = np.repeat(np.arange(start.size), sizes)
    place = positions_of(start, stop)
    strikes = [clusters_of(position.instrument)[2:] for position in units.positions]
    strike = np.array([0.0 if not own else own[0][1] or 0.0 for own in strikes])
    row = worth.row[place]
    place = place[np.lexsort((strike[row], book.bucket[row], segment))]
    quantity, coins = worth.quantity[place], worth.coins[place]
    return UnderlyingAccounts(
        book=book,
        account=account,
        start=np.cumsum(sizes) - sizes,
        stop=np.cumsum(sizes),
        segment=segment,
        row=worth.row[place],
        quantity=quantity,
        coin_profit=coins,
        value_usd=worth.value[place],
        earned_coins=np.bincount(segment, quantity * coins, start.size).astype(np.float64),
    )
