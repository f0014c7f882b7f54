"""What a resident book keeps: exact in the end, whole for readers, changed by one at a time."""

from __future__ import annotations

import gc
import sys
import threading
from decimal import Decimal

import numpy as np
import pytest

from seawall.basics.errors import (
    StateError,
)
from seawall.margin.presets import load_preset
from seawall.margin.resident import changes
from seawall.margin.resident.parts import Part
from seawall.market.moved import moved
from seawall.market.snapshot import MarketSnapshot
from seawall.products.portfolio import portfolio
from seawall.report import margin_book
from seawall.report.margin_book import MarginBook
from seawall.report.what_if import parse_trade
from seawall.risk.resident import Units
from seawall.risk.trades import with_trades
from tests.account_tables import alone, drawn_accounts
from tests.resident_books import (
    BTC,
    MARKET,
    PUT,
    TRADED,
    USD,
    assert_as_alone,
    book_of,
    cents,
    lots,
)


def vectors(book, account):
    """What is resident of an account, part by part: the vectors, and the same found anew."""
    state, own = book._reading(account)
    for k, segment in own.segments.items():
        kept = state.held(own, k)
        anew = type(kept).of(state.parts[k], segment)
        yield from (
            (kept, one, other)
            for one, other in zip(kept.vectors, anew.vectors, strict=True)
            if one is not None
        )


def test_drift_stays_below_1e_9_of_gross_through_thousands_of_fills_and_ticks():
    rng, market, most, off = np.random.default_rng(3), MARKET, 0, 0.0
    names = [each.name for each in TRADED if each.underlying == "BTC"]
    book = book_of(USD, refresh_every=400)
    for step in range(3_000):
        if step % 997 == 996:
            market = moved(market, "BTC", float(rng.uniform(-0.05, 0.05)))
            book.tick("BTC", market)
        quantity = Decimal(f"{rng.normal() * 10.0 ** int(rng.integers(-4, 3)):.4g}") or 1
        book.fill("ann", str(rng.choice(names)), quantity)
        if step % 25 == 0:
            for kept, one, other in vectors(book, "ann"):
                most = max(most, kept.trades)
                error = float(np.abs(one - other).max())
                assert error <= 1e-9 * kept.reach_usd
                assert error <= kept.doubt_usd
                off = max(off, error)
    assert 300 < most < 400, "vectors live through many fills, and are made anew in time"
    assert off > 0.0, "sums of floats that come in another order differ"
    assert_as_alone(book.requirement("ann"), book.portfolio("ann"), market, load_preset("prbm"), "")


def test_what_a_huge_position_leaves_behind_is_made_anew_when_it_is_gone():
    """A vector that was large is off by more than what is left may be."""
    book = book_of(USD, ("SOL_USDC-PERPETUAL", 1))
    book.fill("ann", "SOL_USDC-PERPETUAL", 50_000_000)
    book.fill("ann", PUT, "0.001")
    book.fill("ann", "SOL_USDC-PERPETUAL", Decimal("-50000000.9999"))
    for kept, one, other in vectors(book, "ann"):
        assert np.abs(one - other).max() <= 1e-11 * kept.reach_usd
        assert kept.doubt_usd <= 1e-11 * kept.reach_usd


def test_refresh_finds_the_same_anew():
    accounts = drawn_accounts(5, MARKET, 6)
    book = MarginBook(accounts, MARKET)
    for each in TRADED[::9]:
        book.fill("account 3", each.name, lots(np.random.default_rng(1), each))
    before = {name: book.requirement(name) for name in book.accounts}
    book.refresh()
    for name, known in before.items():
        assert cents(book.requirement(name)) == cents(known), name
    assert all(kept.trades == 0 for kept, _, _ in vectors(book, "account 3"))


def test_more_accounts_trade_between_two_ticks_than_are_kept_apart(monkeypatch):
    monkeypatch.setattr(margin_book, "MOST_FRESH", 3)
    monkeypatch.setattr(changes, "MOST_CHANGED", 4)
    book, model = MarginBook(drawn_accounts(8, MARKET, 8), MARKET), load_preset("prbm")
    for step in range(24):
        book.fill(f"account {step % 8}", PUT, 1 + step)
        book.fill(f"account {step % 7}", "ETH-PERPETUAL", -1)
    for name in book.accounts:
        assert_as_alone(book.requirement(name), book.portfolio(name), MARKET, model, name)
    whole = book.requirements()
    assert whole.accounts == book.accounts
    assert whole.margin.initial_cents.tolist() == [
        book.requirement(name).initial_cents for name in whole.accounts
    ]


def test_one_writer_at_a_time():
    book = book_of(USD)
    with book._writing():
        for change in (
            lambda: book.fill("ann", PUT, 1),
            lambda: book.tick("BTC", MARKET),
            lambda: book.tick_all(MARKET),
            book.refresh,
        ):
            with pytest.raises(StateError, match="another thread"):
                change()
        assert book.what_if("ann", PUT, 1).after.initial > 0
    book.fill("ann", PUT, 1)


def test_readers_in_threads_see_every_state_whole():
    """While one thread fills and ticks, every answer is that of a state that there was."""
    rng, model = np.random.default_rng(2), load_preset("prbm")
    markets = [moved(MARKET, "BTC", x) for x in (0.0, 0.03, -0.04)]
    book = MarginBook(drawn_accounts(21, MARKET, 5), MARKET, instruments=[PUT])
    names = [PUT, "BTC-PERPETUAL", "ETH-PERPETUAL", "BTC"]
    account, seen, stop, faults = "account 2", [], threading.Event(), []

    def read():
        try:
            while not stop.wait(0.0005):
                effect = book.what_if(account, PUT, 1)
                seen.append((effect.before, effect.after))
                seen.append((book.requirement(account), None))
        except Exception as error:  # noqa: BLE001 - told below, by the thread that can fail
            faults.append(error)

    def answers():
        held = book.portfolio(account)
        traded = with_trades(held, [parse_trade((PUT, 1))], book.market_of("BTC"))
        return tuple(alone(own, book.market_of("BTC"), model).cents for own in (held, traded))

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    there_were = {answers()}
    for step in range(40):
        if step % 5 == 4:
            book.tick("BTC", markets[step // 5 % 3])
        else:
            book.fill(account, names[int(rng.integers(4))], int(rng.integers(1, 9)) - 4.5)
        there_were.add(answers())
    stop.set()
    for reader in readers:
        reader.join()
    assert not faults
    assert len(seen) > 50
    befores = {before for before, _ in there_were}
    for before, after in seen:
        assert cents(before) in befores
        assert after is None or (cents(before), cents(after)) in there_were


def alive(kind):
    gc.collect()
    return sum(isinstance(each, kind) for each in gc.get_objects())


def test_what_a_tick_replaces_is_let_go_of():
    """Whatever has been asked before: else every tick would keep the columns of all accounts."""
    accounts = drawn_accounts(17, MARKET, 12)
    book = MarginBook(accounts, MARKET, instruments=[PUT])
    book.fill("account 0", PUT, 1)

    def ticks(count):
        for step in range(count):
            book.tick("BTC", moved(MARKET, "BTC", 0.001 * (step + 1)))
            name = f"account {step % 12}"
            book.requirement(name)
            book.what_if(name, TRADED[step % len(TRADED)].name, 1)
            book.fill(name, PUT, 1)
        return alive(Part), alive(Units), alive(MarketSnapshot)

    assert ticks(4) >= ticks(24)


def test_an_account_that_is_just_being_added_is_there_or_is_not(monkeypatch):
    """A reader between the state that has it and the names that have it asks again."""
    book, seen = book_of(USD), []

    class Names(dict):
        def setdefault(self, name, place):
            reader = threading.Thread(target=lambda: seen.append(book.requirements().accounts))
            reader.start()
            reader.join(0.2)
            super().setdefault(name, place)
            reader.join()

    monkeypatch.setattr(book, "_names", Names(book._names))
    book.set_portfolio(portfolio([BTC], account="bea"))
    assert seen == [("ann", "bea")]


class Stopped(BaseException):
    """As an interrupt is none of ours."""


def test_what_is_interrupted_is_done_or_is_not():
    """At every line of every change: the book answers, and takes the same change once more."""
    done = 0
    for change in (
        lambda book: book.fill("ann", "ETH-PERPETUAL", 1),
        lambda book: book.set_portfolio(portfolio([BTC, (PUT, -2)], account="ann")),
        lambda book: book.tick("BTC", moved(MARKET, "BTC", 0.02)),
        lambda book: book.tick_all(moved(MARKET, "BTC", 0.02)),
        lambda book: book.refresh(),
    ):
        whole = book_of(USD, BTC)
        whole.fill("ann", "BTC-PERPETUAL", 1)
        before = whole.requirement("ann")
        change(whole)
        after, line = whole.requirement("ann"), 0
        while True:
            book = book_of(USD, BTC)
            book.fill("ann", "BTC-PERPETUAL", 1)
            line += 1
            if not interrupted(lambda book=book, change=change: change(book), line):
                break
            assert book.requirement("ann") in (before, after), line
            assert book.requirements().accounts == ("ann",)
            if book._turn:  # but for the lines at which its turn is taken and given back
                change(book)
                assert book.requirement("ann").initial > 0
                done += 1
    assert done > 30


def interrupted(change, line):
    """Whether a change was stopped before so many of the book's own lines had run."""
    left = [line]

    def own_line(frame, event, _):
        left[0] -= event == "line"
        if left[0] == 0:
            raise Stopped
        return own_line

    def watched(frame, event, argument):
        return own_line if frame.f_code.co_filename == margin_book.__file__ else None

    sys.settrace(watched)
    try:
        change()
    except Stopped:
        return True
    finally:
        sys.settrace(None)
    return False
