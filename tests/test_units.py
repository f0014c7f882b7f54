"""What one unit of an instrument is in a market is worked out once, and is always the same."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import hypothesis.strategies as st
import msgspec
import numpy as np
import pytest
from hypothesis import given

from seawall.basics.arrays import array_fields
from seawall.basics.errors import BadNumber
from seawall.feeds.synthetic import synthetic_market
from seawall.market import memo
from seawall.market.memo import Memo
from seawall.market.snapshot import MarketSnapshot
from seawall.products.names import parse_name
from seawall.products.portfolio import Portfolio, Position, portfolio
from seawall.report.build import margin
from seawall.risk.book import Book, join
from tests.strategies import books, markets

NAMES = [
    "BTC",
    "BTC-PERPETUAL",
    "BTC-27MAR26",
    "BTC-27MAR26-90000-P",
    "BTC-27MAR26-110000-C",
    "ETH_USDC-PERPETUAL",
    "ETH-30JAN26-3200-P",
    "USDC",
]

MARKET = synthetic_market()


def fresh() -> MarketSnapshot:
    """The same market with nothing worked out."""
    return dataclasses.replace(MARKET)


def columns(book: Book) -> list[dict[str, list[float]]]:
    return [
        {name: values.tolist() for name, values in array_fields(part).items()}
        for part in book.underlyings
    ]


@given(st.lists(st.lists(st.sampled_from(NAMES), min_size=1, unique=True), max_size=4))
def test_what_was_asked_for_before_changes_no_bit(asked: list[list[str]]) -> None:
    market = fresh()
    for names in asked:
        join(portfolio([(name, -2) for name in names]), market)
    held = portfolio([(name, 1) for name in NAMES])
    assert columns(join(held, market)) == columns(join(held, fresh()))


@given(st.data())
def test_a_second_report_on_a_market_is_the_first(data: st.DataObject) -> None:
    market = data.draw(markets())
    held = data.draw(books(market))
    first = margin(held, market)
    assert margin(held, market) == first


def test_rows_are_found_for_their_own_terms_only() -> None:
    """Whatever has a contract's name but other terms is looked up for itself."""
    market = fresh()
    option = parse_name("BTC-27MAR26-90000-P")
    delivered = msgspec.structs.replace(option, delivery="physical")
    for instrument, physical in ((option, False), (delivered, True), (option, False)):
        held = Portfolio(
            account="main", positions=(Position(instrument=instrument, quantity=Decimal(1)),)
        )
        [part] = join(held, market).underlyings
        assert part.physical.tolist() == [physical]


def test_a_market_made_from_another_knows_nothing_of_it() -> None:
    market = fresh()
    held = portfolio([("BTC", 1), ("BTC-27MAR26-90000-P", 1)])
    before = join(held, market)
    index = {**market.index_usd, "BTC": 2.0 * market.index_usd["BTC"]}
    after = join(held, dataclasses.replace(market, index_usd=index))
    ratio = after.underlyings[0].mark_usd / before.underlyings[0].mark_usd
    assert ratio == pytest.approx([2.0, 2.0])


def test_what_cannot_be_is_refused_every_time() -> None:
    """An error is not remembered as an answer, nor hidden by one."""
    market = fresh()
    join(portfolio([("BTC", 1)]), market)
    for _ in range(2):
        with pytest.raises(BadNumber, match="is worth"):
            join(portfolio([("BTC", 1e14)]), market)


def test_a_full_memo_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memo, "MOST_ENTRIES", 2)
    kept: Memo[str] = Memo()
    instruments = [parse_name(name) for name in NAMES[:3]]
    for instrument in instruments:
        kept.put(instrument, instrument.name)
    assert [kept.get(instrument) for instrument in instruments] == [None, None, NAMES[2]]
    market, held = fresh(), portfolio([(name, 1) for name in NAMES])
    alone = margin(held, fresh())
    assert margin(held, market) == alone
    assert margin(held, market) == alone


def test_threads_share_a_market() -> None:
    market = fresh()
    names = sorted(market.option_rows)
    accounts = [portfolio([(name, 1) for name in names[i : i + 40]]) for i in range(0, 200, 10)]
    alone = [margin(each, fresh()) for each in accounts]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda each: margin(each, market), accounts * 3))
    assert together == alone * 3


def test_columns_are_in_canonical_order_whatever_was_given() -> None:
    market = fresh()
    parts = [
        join(portfolio([(name, 1) for name in names]), market).underlyings[0]
        for names in (NAMES[:5], NAMES[4::-1])
    ]
    assert parts[0].positions == parts[1].positions
    expiring = parts[0].tenor_years
    assert (np.diff(expiring) >= 0.0).all()
