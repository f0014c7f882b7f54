"""Supposed markets and the books that go with them: docs/explain.md, "A moved market"."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seawall.basics.errors import BadNumber, ExpiredInstrument, MissingQuote
from seawall.margin.fold import net
from seawall.margin.presets import load_preset
from seawall.margin.requirement import risk_arrays
from seawall.market.moved import at_time, moved, with_prices_of
from seawall.products.names import parse_name
from seawall.products.portfolio import Position
from seawall.report.build import margin
from seawall.risk.book import join
from seawall.risk.moved import carried, carried_portfolio, moved_book, resized
from seawall.risk.shocks import VolMove
from tests.naive.market import legs
from tests.naive.moved import naive_moved
from tests.strategies import SHARE_MIXES, accounts, between, markets
from tests.test_golden_books import market as golden_market

PRBM = load_preset("prbm")


def same_market(one, other, rel=1e-12):
    """Every number of two snapshots agrees."""
    for name in ("index_usd", "stable_usd", "forwards", "futures"):
        assert getattr(one, name) == pytest.approx(dict(getattr(other, name)), rel=rel)
    assert one.as_of == other.as_of
    assert one.slices.keys() == other.slices.keys()
    for key, column in one.slices.items():
        expected = other.slices[key]
        assert column.forward == pytest.approx(expected.forward, rel=rel)
        assert column.atm_vol == pytest.approx(expected.atm_vol, rel=1e-9)
        assert np.array_equal(column.vol, expected.vol)
        assert (column.discount, column.carry) == (expected.discount, expected.carry)
        unit = 1.0 if key[0] == key[1] else expected.forward
        np.testing.assert_allclose(column.mark, expected.mark, rtol=1e-9, atol=1e-11 * unit)


@settings(max_examples=100)
@given(account=accounts() | accounts(mixes=SHARE_MIXES), x=between(-0.95, 8.0), data=st.data())
def test_a_moved_account_is_that_of_the_oracle(account, x, data):
    portfolio, market = account
    underlying = data.draw(st.sampled_from(sorted(market.index_usd.keys() - {"INR"})))
    expected, expected_market = naive_moved(portfolio, market, underlying, x)
    after = moved(market, underlying, x)
    same_market(after, expected_market)
    found = carried_portfolio(portfolio, market, after)
    for one, other in zip(found.positions, expected.positions, strict=True):
        assert float(one.quantity) == pytest.approx(float(other.quantity), rel=1e-12)
        if getattr(one.instrument, "underlying", None) == underlying:
            assert one.entry_price == other.entry_price


@settings(max_examples=150)
@given(account=accounts() | accounts(mixes=SHARE_MIXES), data=st.data())
def test_equity_moves_by_what_the_risk_array_says(account, data):
    """A scenario without volatility move, now, is what equity gains when the market goes there."""
    portfolio, market = account
    market = without_marks(market)
    book = join(portfolio, market)
    for array in risk_arrays(book, PRBM):
        underlying, cells = array.book.underlying, array.scenarios
        still = np.flatnonzero(cells.vol_index == list(VolMove).index(VolMove.NONE))
        cell = data.draw(st.sampled_from(still.tolist()))
        after = moved_book(book, market, underlying, float(cells.price_rel[cell]))
        gain = equity(after) - equity(book)
        gross = sum(
            abs(leg["q"]) * leg["S"] for leg in legs(portfolio, market) if "underlying" in leg
        )
        assert gain == pytest.approx(float(net(array)[0, cell]), rel=1e-9, abs=1e-11 * gross)


def equity(book):
    return sum(float(part.value_usd.sum()) for part in book.underlyings)


def without_marks(market):
    slices = {k: replace(s, mark=np.full(s.mark.size, np.nan)) for k, s in market.slices.items()}
    return replace(market, slices=slices)


@settings(max_examples=60)
@given(market=markets(), x=between(-0.6, 1.5), y=between(-0.6, 1.5))
def test_two_moves_are_one(market, x, y):
    """Marks aside, which stop at zero on the way."""
    market = without_marks(market)
    for underlying in market.index_usd:
        twice = moved(moved(market, underlying, x), underlying, y)
        same_market(twice, moved(market, underlying, (1.0 + x) * (1.0 + y) - 1.0))
        same_market(moved(market, underlying, 0.0), market)


def test_a_market_cannot_move_to_nothing_or_what_it_does_not_list():
    market = golden_market()
    for x in (-1.0, -1.5, float("nan"), float("inf")):
        with pytest.raises(BadNumber, match="leaves no price of BTC"):
            moved(market, "BTC", x)
    with pytest.raises(MissingQuote, match="no index price of SOL"):
        moved(market, "SOL", 0.1)


def test_the_usd_size_of_an_inverse_contract_stays():
    market = golden_market()
    after = moved(market, "BTC", 0.25)
    perpetual = Position(instrument=parse_name("BTC-PERPETUAL"), quantity=Decimal(2))
    assert resized(perpetual, market, after).quantity == Decimal("1.6")
    assert resized(perpetual, market, after).entry_price is None
    assert carried(perpetual, market, after).entry_price == 100_000
    linear = Position(instrument=parse_name("BTC_USDC-PERPETUAL"), quantity=Decimal(2))
    assert carried(linear, market, after).quantity == 2
    assert float(carried(linear, market, after).entry_price) == pytest.approx(100_000 / 0.999)
    entered = Position(
        instrument=parse_name("BTC-2MAR26"), quantity=Decimal(-3), entry_price=Decimal(98_000)
    )
    assert carried(entered, market, after).entry_price == 98_000
    assert carried(entered, market, after).quantity == Decimal("-2.4")
    option = Position(instrument=parse_name("BTC-2MAR26-100000-C"), quantity=Decimal(-3))
    coin = Position(instrument=parse_name("BTC"), quantity=Decimal(1))
    assert carried(option, market, after) is option
    assert carried(coin, market, after) is coin


def test_time_alone_changes_no_price_and_takes_expired_options_off():
    market = golden_market()
    later = at_time(market, market.as_of + timedelta(days=2))
    assert later.as_of == market.as_of + timedelta(days=2)
    assert later.index_usd == market.index_usd
    assert later.forwards == market.forwards
    assert len(later.slices) == len(market.slices) - 1
    assert all(name.split("-")[1] != "2JAN26" for name in later.option_rows)
    expiring = parse_name("BTC-2JAN26-102000-P")
    with pytest.raises(ExpiredInstrument, match="BTC-2JAN26-102000-P expired"):
        later.option_row(expiring)


@settings(max_examples=60)
@given(account=accounts(), x=between(-0.5, 1.0))
def test_with_the_prices_of_a_moved_market_it_is_that_market(account, x):
    portfolio, market = account
    for underlying in market.index_usd:
        after = moved(market, underlying, x)
        same_market(with_prices_of(market, after, underlying), after)
        same_market(with_prices_of(market, market, underlying), market)
    assert margin(portfolio, at_time(market, market.as_of)).rows == margin(portfolio, market).rows


def test_an_expiry_that_the_other_market_does_not_know_is_taken_off():
    market = golden_market()
    gone = next(iter(market.forwards))
    other = replace(market, forwards={k: f for k, f in market.forwards.items() if k != gone})
    found = with_prices_of(market, other, "BTC")
    assert gone not in found.slices
    assert all(key in found.slices for key, _ in found.option_rows.values())
