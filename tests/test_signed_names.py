"""Contracts on commodities: strikes of either sign, their terms, their class, what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.basics.errors import UnknownInstrument
from seawall.margin.classes import class_of
from seawall.margin.presets import load_preset
from seawall.products.contracts import contract_name, expiry_of
from seawall.products.instruments import DatedFuture, Option
from seawall.products.markets import level_of, times_apart
from seawall.products.names import parse_name, venue_name
from tests.signed_books import AS_OF, CL


@pytest.mark.parametrize(
    ("name", "strike"),
    [
        ("CL.CME_USD-14MAY20-25-C", 25.0),
        ("CL.CME_USD-14MAY20-M5-P", -5.0),
        ("CL.CME_USD-14MAY20-M0D5-P", -0.5),
        ("CL.CME_USD-14MAY20-0-C", 0.0),
        ("CL.CME_USD-14MAY20-37D5-C", 37.5),
    ],
)
def test_strikes_of_either_sign_have_names(name, strike):
    option = parse_name(name)
    assert isinstance(option, Option)
    assert (option.name, option.strike, option.underlying) == (name, strike, CL)
    assert (option.exercise, option.delivery, option.averaging_minutes) == ("european", "cash", 0)
    assert option.expiry.isoformat() == "2020-05-14T18:30:00+00:00"  # 14:30 in New York


@given(st.integers(-10_000, 10_000), st.sampled_from("CP"))
def test_every_strike_comes_back_from_its_name(hundredths, right):
    when, side = expiry_of(CL, AS_OF.date()), "call" if right == "C" else "put"
    name = contract_name(CL, "USD", when, hundredths / 100.0, side)
    assert parse_name(name).strike == hundredths / 100.0
    assert parse_name(name).name == name


def test_a_future_on_oil_ends_in_delivery():
    future = parse_name("CL.CME_USD-19MAY20")
    assert isinstance(future, DatedFuture)
    assert (future.delivery, future.settlement) == ("physical", "USD")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("CL.CME", "not held outright"),
        ("HO.CME_USD-19MAY20", "no commodity known"),
        ("CL.CME-19MAY20", "expire and settle in USD"),
        ("CL.CME_USD-PERPETUAL", "expire and settle in USD"),
        ("CL.CME_USD-14MAY20AM-5-C", "settle at an open"),
        ("CL.CME_USD-14MAY20-M0-C", "listed as CL.CME_USD-14MAY20-0-C"),
        ("CL.CME_USD-14MAY20--5-P", "Write CL.CME_USD-14MAY20-M5-P"),
        ("CL.CME_USD-14MAY20--5.5-P", "Write CL.CME_USD-14MAY20-M5D5-P"),
        ("BTC-27MAR26-M5-P", "strike is not a price"),
        ("BTC-27MAR26-0-P", "strike is not a price"),
        ("NIFTY.IN_INR-24FEB26-M5-P", "strike is not a price"),
    ],
)
def test_what_is_no_such_contract_is_refused_with_the_reason(name, why):
    with pytest.raises(UnknownInstrument, match=why):
        parse_name(name)


def test_no_venue_of_coins_lists_oil():
    for venue in ("deribit", "okx", "bybit", "binance", "ccxt", "occ", "nse"):
        with pytest.raises(UnknownInstrument):
            venue_name(parse_name("CL.CME_USD-19MAY20"), venue)


def test_oil_has_the_widest_class():
    classes = load_preset("prbm").classes
    assert class_of(CL, classes).name == "other"
    assert class_of(CL, classes).price_range_rel == max(c.price_range_rel for c in classes)


# ---- levels


@pytest.mark.parametrize(
    ("price", "level"), [(-37.63, 37.63), (-20.0, 20.0), (-1.0, 20.0), (0.0, 20.0), (64.0, 64.0)]
)
def test_the_level_is_the_size_of_the_price_but_not_below_the_least(price, level):
    assert level_of(CL, price) == level
    assert level_of("BTC", 64.0) == 64.0


@given(st.floats(20.0, 1e6), st.floats(20.0, 1e6))
def test_prices_above_the_least_level_are_as_far_apart_as_any(one, other):
    assert times_apart(CL, one, other) == pytest.approx(times_apart("BTC", one, other))
    assert times_apart(CL, one, other) == times_apart(CL, other, one)
