"""Accounts that stay in memory: what they require, what trades would do, ticks and fills.

Everything that does not depend on who asks is found before anybody asks: after a tick what each
instrument brings to each sum, after a fill the profit of the account in every scenario. A what-if
then adds one row and reads off the rest. How it is kept: docs/resident.md.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import InputError, ModelError, StateError, located
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
from seawall.margin.resident.loading import marks_of, possible, with_holdings, with_instruments
from seawall.margin.resident.many import totals_of_all
from seawall.margin.resident.parts import Change
from seawall.margin.resident.state import Account, Kept, State, Totals
from seawall.margin.status import margin_status
from seawall.market.snapshot import MarketSnapshot
from seawall.products.instruments import CASH, Cash, Instrument
from seawall.products.portfolio import Number, Portfolio
from seawall.report.account_margin import AccountMargin, AccountMargins, TradeEffect
from seawall.report.book_inputs import (
    checked_portfolios,
    home_named,
    instrument_of,
    is_plain,
    positive,
    several,
    trade_of,
)
from seawall.report.build import bounds_of, report_of, require
from seawall.report.schema import MarginReport
from seawall.risk.assumptions import assumptions
from seawall.risk.resident_trades import MOST_USD, Listing

Floats = NDArray[np.float64]

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
        self._refresh_every = positive(refresh_every)
        self._given = checked_portfolios(portfolios)
        self._names = {each.account: place for place, each in enumerate(self._given)}
        self._turn = [None]
        self._ready: dict[int, Account] = {}
        self._listings: dict[tuple[int, int], tuple[object, Listing | None]] = {}
        held = (position.instrument for each in self._given for position in each.positions)
        wanted = [Cash(name=CASH), *held, *map(instrument_of, several(instruments))]
        state = with_instruments(State.of(market, chosen), wanted)
        self._marks = marks_of(state)
        self._state = with_holdings(state, self._given)

    # ---- asking

    @property
    def accounts(self) -> tuple[str, ...]:
        """The names of all accounts, in the order in which they came."""
        return tuple(self._names)

    def market_of(self, underlying: str) -> MarketSnapshot:
        """The market in which an underlying, or what is money, stands: that of its last tick.

        Raises InputError for a name that is neither.
        """
        state = self._state
        return state.market_of(home_named(underlying, state, state.base))

    def requirement(self, account: str) -> AccountMargin:
        """What an account requires, and what it is worth; one that holds nothing requires nothing.

        Raises InputError for an account that is not in the book, and what
        :func:`seawall.report.build.margin` raises.
        """
        state, own = self._reading(account)
        totals = state.known(own).totals
        return AccountMargin.of(self._exact(state, own) if totals is None else totals)

    def report(self, account: str) -> MarginReport:
        """The same as a report, explained row by row, in the markets that the book has.

        Raises as :meth:`requirement`, and EmptyPortfolio for nothing held.
        """
        state, own = self._reading(account)
        positions = self._portfolio(state, own).positions
        told = [assumptions(each, state.market_for(each.instrument)) for each in positions]
        warnings = tuple(dict.fromkeys(line for lines in told for line in lines))
        book = replace(state.book(account, positions), warnings=warnings)
        status = margin_status(book, state.model)
        return report_of(status, book, state.model, bounds_of(status, book, state.model))

    def portfolio(self, account: str) -> Portfolio:
        """What an account holds, counted at the marks of now.

        Raises InputError for an account that is not in the book, EmptyPortfolio for nothing held.
        """
        return self._portfolio(*self._reading(account))

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
            trade = trade_of(instrument, quantity, price)
            with located(f"account {account}, {trade.where}", trade.where):
                state = with_instruments(state, [trade.instrument])
                before = self._exact(state, own) if before is None else before
                kept = traded(state, own.name, state.counted(self._positions(own)), trade)
                after = state.exact(own.name, [position for position, _ in kept.values()])
        return TradeEffect(before=AccountMargin.of(before), after=AccountMargin.of(after))

    def requirements(self) -> AccountMargins:
        """What all accounts require, and what they are worth. Raises as :meth:`requirement`."""
        while True:
            state, names = self._state, tuple(self._names)
            if state.count > len(names):
                continue  # an account is just being added
            try:
                totals = self._all_totals(state, names[: state.count])
            except (InputError, ModelError):
                for name in names[: state.count]:
                    self.requirement(name)  # which names the account
                raise
            if totals is not None:
                usd, cents = totals[:, :2].T.copy(), totals[:, 2:].T.astype(np.int64)
                margin = AccountsMargin(cents[0], cents[1], cents[2], cents[3], usd[0], usd[1])
                return AccountMargins(names[: state.count], margin)

    # ---- changing

    def fill(
        self, account: str, instrument: str, quantity: Number, price: Number | None = None
    ) -> None:
        """Book a trade of an account, at its mark or at a price in quote units.

        Raises what :meth:`what_if` raises, and StateError while another thread changes the book;
        then nothing has changed.
        """
        with self._writing():
            trade = trade_of(instrument, quantity, price)
            _, own = self._reading(account)
            with located(f"account {account}, {trade.where}", trade.where):
                state = self._knowing([trade.instrument])
                before = state.counted(self._positions(own))
                self._hold(state, own, before, traded(state, own.name, before, trade))

    def set_portfolio(self, portfolio: Portfolio) -> None:
        """Have an account, new or known, hold what a portfolio says: a deposit, a correction.

        Raises what :func:`seawall.report.build.margin` raises of it, and StateError; then nothing
        has changed.
        """
        require(portfolio, Portfolio)
        with self._writing():
            name = portfolio.account
            with located(f"account {name}", ""):
                state = self._knowing([position.instrument for position in portfolio.positions])
            after = {
                position.instrument.name: (position, state.mark_of(position.instrument))
                for position in possible(portfolio, state)
            }
            if name in self._names:
                _, own = self._reading(name)
                before = state.counted(self._positions(own))
            else:
                own, before = Account(name, len(self._names), 0, {}), {}
            self._hold(state, own, before, after)
            self._names.setdefault(name, own.place)

    def tick(self, underlying: str, market: MarketSnapshot) -> None:
        """Take one underlying's prices, forwards and volatilities from another market.

        Of stablecoins and cash, name one for all. Raises what the snapshot raises of an instrument
        that somebody holds, and StateError; then nothing has changed.
        """
        require(market, MarketSnapshot)
        with self._writing():
            home = home_named(underlying, self._state, market)
            state, accounts = merged(self._state)
            self._become(ticked(state, market, [home]), accounts)

    def tick_all(self, market: MarketSnapshot) -> None:
        """Take everything from another market. Raises what :meth:`tick` raises."""
        require(market, MarketSnapshot)
        with self._writing():
            state, accounts = merged(self._state)
            state = ticked(state, market, [*state.place])
            self._become(replace(state, base=market, ticked={}), accounts)

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

    def _knowing(self, instruments: Iterable[Instrument]) -> State:
        """The state that knows some instruments. Raises what market and model raise."""
        state = self._state = with_instruments(self._state, instruments)
        return state

    def _hold(
        self, state: State, own: Account, before: Mapping[str, Kept], kept: Mapping[str, Kept]
    ) -> None:
        """Have an account, which held ``before``, hold ``kept``; all instruments are known."""
        state = self._state = with_positions(state, own, before, kept, self._refresh_every)
        if len(state.fresh) >= MOST_FRESH:
            self._become(*merged(state))

    def _become(self, state: State, accounts: Mapping[int, Account]) -> None:
        """Put another state in place, whose parts have what ``accounts`` hold.

        They are told by the state until they are told beside it, so that whoever reads, and whoever
        is interrupted, finds each of them at every moment. Who still reads an older state finds a
        newer account, and begins again.
        """
        self._state = replace(state, fresh=accounts)
        self._ready |= accounts
        self._state = state

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

    def _all_totals(self, state: State, names: Sequence[str]) -> Floats | None:
        """The totals [A, TOTALS] of all accounts; None where one has traded since."""
        totals, one_by_one = totals_of_all(state, len(names))
        places: list[int] = one_by_one.tolist()
        for place in places:
            own = self._account(state, names[place], place)
            if own is None:
                return None
            totals[place] = self._exact(state, own)
        return totals

    def _portfolio(self, state: State, account: Account) -> Portfolio:
        positions = state.counted(self._positions(account)).values()
        held = tuple(position for position, _ in positions)
        return Portfolio(account=account.name, positions=held)

    def _exact(self, state: State, account: Account) -> Totals:
        positions = state.counted(self._positions(account)).values()
        return state.exact(account.name, [position for position, _ in positions])

    def _after(
        self, state: State, account: Account, name: str, quantity: Number, price: Number | None
    ) -> Totals | None:
        """The totals after a trade; None where exact arithmetic must tell."""
        place = state.rows.get(name) if isinstance(name, str) else None  # pyright: ignore[reportUnnecessaryIsInstance]
        if place is None or not is_plain(quantity) or not (price is None or is_plain(price)):
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
            money = state.rows[listing.paid_in]
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
        value = balance * state.parts[k].units.worth_usd[row]
        return (row, balance, value, 0.0) if abs(value) < MOST_USD else None

    def _listing(self, state: State, k: int, row: int) -> Listing | None:
        if k >= len(state.parts):
            return None
        units = state.parts[k].units
        known = self._listings.get((k, row))
        if known is not None and known[0] is units.token:
            return known[1]
        found = Listing.of(units, row)
        self._listings[k, row] = units.token, found
        return found
