"""Accounts that stay in memory: what they require, what trades would do, ticks and fills.

Everything that does not depend on who asks is found before anybody asks: after a tick what each
instrument brings to each sum, after a fill the profit of the account in every scenario. A what-if
then adds one row and reads off the rest. How it is kept: docs/resident.md.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal

import numpy as np

from seawall.basics.errors import InputError, StateError
from seawall.margin.accounts.requirement import AccountsMargin
from seawall.margin.model import MarginModel
from seawall.margin.presets import load_preset
from seawall.margin.resident.changes import (
    merged,
    refreshed,
    ticked,
    traded,
    with_positions,
)
from seawall.margin.resident.loading import (
    marks_of,
    possible,
    with_holdings,
    with_instruments,
)
from seawall.margin.resident.many import totals_of_all
from seawall.margin.resident.parts import Change
from seawall.margin.resident.state import Account, Kept, State, Totals
from seawall.market.snapshot import MarketSnapshot
from seawall.products.instruments import CASH, Cash, Instrument
from seawall.products.names import parse_name
from seawall.products.portfolio import Number, Portfolio
from seawall.report.account_margin import AccountMargin, AccountMargins, TradeEffect
from seawall.report.build import require
from seawall.report.what_if import parse_trade
from seawall.risk.resident import MONEY, Units
from seawall.risk.resident_trades import MOST_USD, Listing
from seawall.risk.trades import Trade

MOST_FRESH = 1_000
"""Accounts that trade between two ticks, before what they hold is put with the others'."""


class MarginBook:
    """Accounts under one model, each margined anew by what changes: a fill, a tick.

        book = MarginBook(portfolios, market, "prbm")
        book.what_if("ann", "BTC-PERPETUAL", 2).after.excess_initial
        book.fill("ann", "BTC-PERPETUAL", 2)
        book.tick("BTC", market)

    Any number of threads may ask while one changes: an answer is of one moment, whole. Trades are
    those of :mod:`seawall.risk.trades`; where prices move, positions are carried as in
    :mod:`seawall.risk.moved`. After ``refresh_every`` fills of an account in an underlying its
    vector of profits is added up anew. ``instruments`` are names of what will be traded beside
    what is held; another is looked up at its first trade. Raises what
    :func:`seawall.report.build.margin` raises, naming the account.
    """

    def __init__(
        self,
        portfolios: Portfolio | Iterable[Portfolio],
        market: MarketSnapshot,
        model: str | MarginModel = "prbm",
        *,
        instruments: Iterable[str | Instrument] = (),
        refresh_every: int = 1_000,
    ) -> None:
        chosen = load_preset(model) if isinstance(model, str) else model
        require(market, MarketSnapshot)
        require(chosen, MarginModel)
        self._refresh_every = _positive(refresh_every)
        self._given = _checked(portfolios)
        self._names = {each.account: place for place, each in enumerate(self._given)}
        self._turn = [None]
        self._ready: dict[int, Account] = {}
        self._listings: dict[tuple[int, int], tuple[Units, Listing | None]] = {}
        held = (position.instrument for each in self._given for position in each.positions)
        known = [parse_name(each) if isinstance(each, str) else each for each in instruments]
        state = State(0, market, chosen, (), {}, {})
        state, self._rows = with_instruments(state, [Cash(name=CASH), *held, *known], {})
        self._marks = marks_of(state)
        self._state = with_holdings(state, self._given, self._rows)

    # ---- asking

    @property
    def accounts(self) -> tuple[str, ...]:
        """The names of all accounts, in the order in which they came."""
        return tuple(self._names)

    @property
    def market(self) -> MarketSnapshot:
        """The market of the last tick."""
        return self._state.market

    def requirement(self, account: str) -> AccountMargin:
        """What an account requires, and what it is worth; one that holds nothing requires nothing.

        Raises InputError for an account that is not in the book, and what
        :func:`seawall.report.build.margin` raises.
        """
        state, own = self._reading(account)
        totals = state.known(own).totals
        return AccountMargin.of(self._exact(state, own) if totals is None else totals)

    def portfolio(self, account: str) -> Portfolio:
        """What an account holds, counted at the marks of now.

        Raises InputError for an account that is not in the book, EmptyPortfolio for nothing held.
        """
        state, own = self._reading(account)
        positions = state.counted(self._positions(own)).values()
        return Portfolio(account=account, positions=tuple(position for position, _ in positions))

    def what_if(
        self, account: str, instrument: str, quantity: Number, price: Number | None = None
    ) -> TradeEffect:
        """What an account would require after a trade, ``quantity`` + bought, at its mark or at a
        price in quote units. Nothing changes.

        Raises InputError for an account that is not in the book, and what
        :func:`seawall.report.what_if.what_if` raises.
        """
        state, own = self._reading(account)
        before = state.known(own).totals
        after = None if before is None else self._after(state, own, instrument, quantity, price)
        if before is None or after is None:
            trade = _trade(instrument, quantity, price)
            before = self._exact(state, own) if before is None else before
            held = state.counted(self._positions(own))
            kept = traded(state, own.name, held, trade)
            after = state.exact(own.name, [position for position, _ in kept.values()])
        return TradeEffect(before=AccountMargin.of(before), after=AccountMargin.of(after))

    def requirements(self) -> AccountMargins:
        """What all accounts require, and what they are worth. Raises as :meth:`requirement`."""
        while True:
            state, names = self._state, tuple(self._names)
            totals, one_by_one = totals_of_all(state, len(names))
            places: list[int] = one_by_one.tolist()
            for place in places:
                own = self._account(state, names[place], place)
                if own is None:
                    break
                totals[place] = self._exact(state, own)
            else:
                usd, cents = totals[:, :2].T.copy(), totals[:, 2:].T.astype(np.int64)
                margin = AccountsMargin(cents[0], cents[1], cents[2], cents[3], usd[0], usd[1])
                return AccountMargins(names, margin)

    # ---- changing

    def fill(
        self, account: str, instrument: str, quantity: Number, price: Number | None = None
    ) -> None:
        """Book a trade of an account, at its mark or at a price in quote units.

        Raises what :meth:`what_if` raises, and StateError while another thread changes the book;
        then nothing has changed.
        """
        with self._writing():
            trade = _trade(instrument, quantity, price)
            self._reading(account)
            self._know([trade.instrument])
            state, own = self._reading(account)
            before = state.counted(self._positions(own))
            self._hold(own, before, traded(state, own.name, before, trade))

    def set_portfolio(self, portfolio: Portfolio) -> None:
        """Have an account, new or known, hold what a portfolio says: a deposit, a correction.

        Raises what :func:`seawall.report.build.margin` raises of it, and StateError; then nothing
        has changed.
        """
        require(portfolio, Portfolio)
        with self._writing():
            self._know([position.instrument for position in portfolio.positions])
            state, name = self._state, portfolio.account
            after = {
                position.instrument.name: (position, state.mark_of(position.instrument))
                for position in possible(portfolio, state)
            }
            if name in self._names:
                state, own = self._reading(name)
                before = state.counted(self._positions(own))
            else:
                own, before = Account(name, len(self._names), 0, {}), {}
            self._hold(own, before, after)
            self._names.setdefault(name, own.place)

    def tick(self, underlying: str, market: MarketSnapshot) -> None:
        """Take one underlying's prices, forwards and volatilities from another market.

        Of stablecoins and cash, name one for all. Raises what the snapshot raises of an instrument
        that somebody holds, and StateError; then nothing has changed.
        """
        with self._writing():
            home = underlying if underlying in self._state.place else MONEY
            self._tick(market, [home])

    def tick_all(self, market: MarketSnapshot) -> None:
        """Take everything from another market. Raises what :meth:`tick` raises."""
        with self._writing():
            self._tick(market, [*self._state.place])

    def refresh(self) -> None:
        """Find every sum and vector anew from what is held. Raises StateError."""
        with self._writing():
            state, accounts = merged(self._state)
            self._become(refreshed(state), accounts)

    # ---- within

    @contextmanager
    def _writing(self) -> Generator[None]:
        try:
            turn = self._turn.pop()  # which only one thread can
        except IndexError:
            raise StateError(
                "another thread is changing this book",
                where="MarginBook",
                remedy="Have one thread at a time change it; any number may ask.",
            ) from None
        try:
            yield
        finally:
            self._turn.append(turn)

    def _know(self, instruments: Iterable[Instrument]) -> None:
        """Look up instruments that are not known yet. Raises what market and model raise."""
        new = [each for each in instruments if each.name not in self._rows]
        if new:
            state, rows = with_instruments(self._state, new, self._rows)
            self._rows |= rows
            self._state = state

    def _hold(self, own: Account, before: Mapping[str, Kept], kept: Mapping[str, Kept]) -> None:
        """Have an account, which held ``before``, hold ``kept``; all instruments are known."""
        state = with_positions(self._state, own, before, kept, self._rows, self._refresh_every)
        self._state = state
        if len(state.fresh) >= MOST_FRESH:
            self._become(*merged(state))

    def _become(self, state: State, accounts: Mapping[int, Account]) -> None:
        """Put another state in place, whose parts have what ``accounts`` hold.

        Who still reads an older one finds a newer account here, and begins again.
        """
        self._ready |= accounts
        self._state = state

    def _tick(self, market: MarketSnapshot, homes: Sequence[str]) -> None:
        require(market, MarketSnapshot)
        state, accounts = merged(self._state)
        after = ticked(state, market, homes)
        self._become(after, accounts)
        for part in (after.parts[after.place[home]] for home in homes):
            if not all(part.units.alive):
                for position, alive in zip(part.units.positions, part.units.alive, strict=True):
                    if not alive:
                        self._rows.pop(position.instrument.name, None)

    def _reading(self, name: str) -> tuple[State, Account]:
        """The state, and an account in it. Raises InputError for one that is not in the book."""
        place = self._names.get(name) if isinstance(name, str) else None  # pyright: ignore[reportUnnecessaryIsInstance]
        if place is None:
            raise InputError(
                f"there is no account {name!r:.60}",
                where="MarginBook",
                remedy="Name an account of this book; set_portfolio adds another.",
            )
        while True:
            state = self._state
            account = self._account(state, name, place)
            if account is not None:
                return state, account

    def _account(self, state: State, name: str, place: int) -> Account | None:
        """An account in a state; None where it has traded since, and a newer state is there."""
        account = state.fresh.get(place) or self._ready.get(place)
        if account is None:
            found = Account(name, place, 0, state.segments_of(place))
            account = self._ready.setdefault(place, found)
        return account if account.version <= state.version else None

    def _positions(self, account: Account) -> Mapping[str, Kept]:
        """What an account holds, to the last digit, with the marks that it is counted at."""
        if account.positions is not None:
            return account.positions
        if account.place >= len(self._given):
            return {}  # it has come since, and holds nothing yet
        return {
            position.instrument.name: (position, self._marks.get(position.instrument.name))
            for position in self._given[account.place].positions
            if position.quantity != 0
        }

    def _exact(self, state: State, account: Account) -> Totals:
        positions = state.counted(self._positions(account)).values()
        return state.exact(account.name, [position for position, _ in positions])

    def _after(
        self, state: State, account: Account, name: str, quantity: Number, price: Number | None
    ) -> Totals | None:
        """The totals after a trade; None where exact arithmetic must tell."""
        place = self._rows.get(name)
        if place is None or not _is_plain(quantity) or not (price is None or _is_plain(price)):
            return None
        k, row = place
        listing = self._listing(state, k, row)
        if listing is None:
            return None
        held = state.held(account, k)
        at = held.place.get(row)
        before, entry = (0.0, 0.0) if at is None else (held.quantity[at], held.entry[at])
        cost = None if price is None else float(price)
        found = listing.traded(before, entry, float(quantity), cost)
        if found is None:
            return None
        after, value, coins, paid = found
        changes: dict[int, list[Change]] = {k: [(row, after, value, coins)]}
        if paid:
            money = self._rows[listing.paid_in]
            of_money = self._paid(state, account, *money, paid)
            if of_money is None:
                return None
            changes.setdefault(money[0], []).append(of_money)
        return state.totals_after(account, changes)

    def _paid(self, state: State, account: Account, k: int, row: int, paid: float) -> Change | None:
        """The balance of a currency after a payment."""
        held = state.held(account, k)
        at = held.place.get(row)
        balance = (0.0 if at is None else held.quantity[at]) + paid
        value = balance * held.units.worth_usd[row]
        return (row, balance, value, 0.0) if abs(value) < MOST_USD else None

    def _listing(self, state: State, k: int, row: int) -> Listing | None:
        if k >= len(state.parts):
            return None
        units = state.parts[k].units
        known = self._listings.get((k, row))
        if known is not None and known[0] is units:
            return known[1]
        if row >= len(units.alive) or not units.alive[row]:
            return None
        found = Listing.of(units, row)
        self._listings[k, row] = units, found
        return found


def _checked(portfolios: Portfolio | Iterable[Portfolio]) -> list[Portfolio]:
    """Raise InputError for what is no portfolio, or an account twice."""
    given = [portfolios] if isinstance(portfolios, Portfolio) else [*portfolios]
    names: set[str] = set()
    for each in given:
        require(each, Portfolio)
        if each.account in names:
            raise InputError(
                f"account {each.account!r} is given twice",
                where="portfolios",
                remedy="Give each account one portfolio.",
            )
        names.add(each.account)
    return given


def _positive(refresh_every: int) -> int:
    # Programs hand in what they have.
    if isinstance(refresh_every, int) and refresh_every > 0:  # pyright: ignore[reportUnnecessaryIsInstance]
        return refresh_every
    raise InputError(
        f"refresh_every is {refresh_every!r:.40}",
        where="MarginBook",
        remedy="Give a number of fills, 1 or more.",
    )


def _is_plain(number: object) -> bool:
    """Whether a number is one that a float can stand for; what is none is told by its parser."""
    return isinstance(number, float | int | Decimal) and not isinstance(number, bool)


def _trade(instrument: str, quantity: Number, price: Number | None) -> Trade:
    return parse_trade((instrument, quantity) if price is None else (instrument, quantity, price))
