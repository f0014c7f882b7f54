"""J3 through the public face: `sw.MarginBook` asked, traded and ticked, call by call."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

import seawall as sw
from benchmarks.batch_process import positions
from benchmarks.frame import Effort
from benchmarks.record import Section, with_ratios
from benchmarks.sections.accounts import POSITIONS
from benchmarks.sections.latency import COLUMNS, Latencies, busy, each_call, percentiles
from seawall.market.moved import moved

KEY = "book"
WHAT_IF, FILL, UNDER_LOAD = "what_if", "fill", "what_if, margin_accounts in another thread"
TICK = "tick of BTC, ns per affected position"
MODEL = "prbm"


def sections(effort: Effort) -> list[Section]:
    """One section: microseconds of single calls on prepared books; a tick among the facts."""
    size, calls = (20, 40) if effort.quick else (2_000, 4_000)
    market = sw.synthetic_market()
    table = positions(market, size)
    books = [
        sw.portfolio([*zip(held["instrument"], held["quantity"], strict=True)], account=str(name))
        for (name,), held in table.group_by("account", maintain_order=True)
    ]
    names = sorted(market.option_rows)
    book = sw.MarginBook(books, market, MODEL, instruments=names)
    _agrees(book, books[0], market)
    what_if, fill = _calls(book, names, calls)
    for i in range(calls):
        what_if(i)

    def under_load() -> Latencies:
        with busy(lambda: sw.margin_accounts(table, market, MODEL, workers=1)):
            return each_call(calls, what_if)

    def whole(i: int) -> object:
        return sw.what_if(books[i % size], f"{names[i % len(names)]}:1", market, MODEL)

    ways: dict[str, Callable[[], Latencies]] = {
        WHAT_IF: lambda: each_call(calls, what_if),
        UNDER_LOAD: under_load,
        FILL: lambda: each_call(calls // 10, fill),
        "requirement": lambda: each_call(
            calls, lambda i: book.requirement(books[i % size].account)
        ),
        "sw.what_if, with both reports": lambda: each_call(max(5, calls // 200), whole),
    }
    section = Section(
        key=KEY,
        title=f"J3 MarginBook of {size:,} accounts x {POSITIONS} positions, {MODEL}",
        unit="us",
        rows=with_ratios(percentiles(ways, effort), COLUMNS[0]),
        columns=COLUMNS,
        facts={TICK: _tick(book, market, table.height, effort)},
    )
    return [section]


def _calls(
    book: sw.MarginBook, names: list[str], calls: int
) -> tuple[Callable[[int], object], Callable[[int], object]]:
    """Random orders of random accounts: what if, and filled."""
    rng = np.random.default_rng(14)
    accounts = [book.accounts[i] for i in rng.integers(0, len(book.accounts), calls)]
    bought = [names[i] for i in rng.integers(0, len(names), calls)]
    quantity = rng.integers(1, 10, calls).astype(float).tolist()

    def what_if(i: int) -> object:
        return book.what_if(accounts[i], bought[i], quantity[i]).after.initial_cents

    def fill(i: int) -> object:
        return book.fill(accounts[i], bought[i], quantity[i])

    return what_if, fill


def _agrees(book: sw.MarginBook, held: sw.Portfolio, market: sw.MarketSnapshot) -> None:
    """The book says what the report says, or there is nothing to measure."""
    own, report = book.requirement(held.account), sw.margin(held, market, MODEL)
    assert (own.initial, own.maintenance) == (report.initial, report.maintenance), held.account


def _tick(book: sw.MarginBook, market: sw.MarketSnapshot, held: int, effort: Effort) -> float:
    """Nanoseconds per position in BTC; every account has some, about half of what it holds."""
    listed = [name.startswith("BTC") for name in market.option_rows]
    affected = held * sum(listed) / len(listed)
    seconds = []
    for step in range(effort.rounds + 1):
        after = moved(market, "BTC", 0.001 * (step + 1))
        start = time.perf_counter()
        book.tick("BTC", after)
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds[1:])) / affected * 1e9
