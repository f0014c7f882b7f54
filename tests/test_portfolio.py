"""Positions and portfolios: each instrument once, every quantity a sane number."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from seawall.basics.errors import (
    BadNumber,
    DuplicatePosition,
    EmptyPortfolio,
    InputError,
    UnknownInstrument,
)
from seawall.products.names import parse_name
from seawall.products.portfolio import MAX_QUANTITY, Portfolio, Position, portfolio

PERPETUAL = parse_name("BTC-PERPETUAL")


def test_pairs_become_positions():
    book = portfolio([("BTC-PERPETUAL", -2.5), ("USDC", "1000.10"), ("BTC", 3)], account="a")
    assert book.account == "a"
    held = {p.instrument.name: p.quantity for p in book.positions}
    assert held == {
        "BTC-PERPETUAL": Decimal("-2.5"),
        "USDC": Decimal("1000.10"),
        "BTC": Decimal(3),
    }


def test_an_instrument_twice_names_both_places():
    rows = tuple(
        Position(instrument=PERPETUAL, quantity=Decimal(n), where=f"book.csv row {n}")
        for n in (2, 5)
    )
    with pytest.raises(DuplicatePosition) as caught:
        Portfolio(account="main", positions=rows)
    assert caught.value.where == "book.csv row 2 and book.csv row 5"


def test_nothing_to_margin_is_an_error():
    with pytest.raises(EmptyPortfolio, match="holds nothing"):
        Portfolio(account="main", positions=())


@pytest.mark.parametrize("quantity", ["NaN", "Infinity", "-Infinity", "1e15", "-1000000000000000"])
def test_impossible_quantities_are_refused(quantity):
    with pytest.raises(BadNumber, match=r"BTC-PERPETUAL cannot be margined \(row 7\)"):
        Position(instrument=PERPETUAL, quantity=Decimal(quantity), where="row 7")


def test_the_largest_quantity_is_still_one():
    largest = Decimal(1) - MAX_QUANTITY
    assert Position(instrument=PERPETUAL, quantity=largest).quantity == largest


@pytest.mark.parametrize("price", ["NaN", "Infinity", "0", "-1", "1e13"])
def test_impossible_entry_prices_are_refused(price):
    with pytest.raises(BadNumber, match="is not a price"):
        Position(instrument=PERPETUAL, quantity=Decimal(1), entry_price=Decimal(price))


def test_unknown_instruments_are_refused():
    with pytest.raises(UnknownInstrument):
        portfolio([("BTC-NEVER", 1)])


def test_a_portfolio_survives_a_round_trip_through_json():
    book = portfolio([("BTC-27MAR26-80000-P", "-2.5"), ("USDC", 1000)], account="a")
    assert msgspec.json.decode(msgspec.json.encode(book), type=Portfolio) == book


def test_a_portfolio_cannot_be_changed():
    book = portfolio([("USDC", 1)])
    with pytest.raises(AttributeError):
        book.positions = ()


def test_an_exponent_beyond_every_context_is_a_bad_number():
    with pytest.raises(BadNumber, match="cannot be margined"):
        Position(instrument=parse_name("BTC"), quantity=Decimal("1e999999999"))


@pytest.mark.parametrize("quantity", ["x", "", None, True, "1,000", "٣", float("nan"), [1]])
def test_a_quantity_that_is_no_number_is_refused_by_name(quantity):
    with pytest.raises(BadNumber, match=r"quantity of BTC is .* not a number"):
        portfolio([("BTC", quantity)])


def test_an_entry_price_may_stand_third():
    held = portfolio([("BTC-PERPETUAL", 1, "71250.5"), ("BTC", 2, None)])
    assert [p.entry_price for p in held.positions] == [Decimal("71250.5"), None]


@pytest.mark.parametrize("holding", [("BTC",), ("BTC", 1, 2, 3), "BT"])
def test_what_is_no_position_is_refused(holding):
    with pytest.raises(InputError, match="is no position"):
        portfolio([holding])


@pytest.mark.parametrize("name", ["usdc", "Usdt", "usd"])
def test_money_is_written_in_capitals(name):
    with pytest.raises(UnknownInstrument, match=f"it is written {name.upper()}"):
        portfolio([(name, 1)])


@pytest.mark.parametrize("name", [None, 5, ["BTC"], b"BTC"])
def test_a_name_that_is_no_text_is_an_unknown_instrument(name):
    with pytest.raises(UnknownInstrument, match="a name is text"):
        portfolio([(name, 1)])
