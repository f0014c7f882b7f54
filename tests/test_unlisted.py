"""What no source lists, valued by the surface: its rows by plain loops, and all else untouched."""

from __future__ import annotations

import math
import re
from dataclasses import astuple, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from seawall.basics.arrays import array_fields
from seawall.basics.errors import BadNumber, ExpiredInstrument, MissingQuote
from seawall.feeds.synthetic import synthetic_market
from seawall.market import unlisted
from seawall.market.moved import at_time, moved
from seawall.market.snapshot import MarketSnapshot, OptionSlice
from seawall.market.surface import vol_surface
from seawall.market.unlisted import with_unlisted
from seawall.products.names import contract_name, parse_name
from seawall.products.portfolio import portfolio
from seawall.report.build import margin
from seawall.report.change import explain_change
from seawall.report.explanation import explain
from seawall.report.what_if import what_if
from seawall.risk.book import join
from tests.naive import svi as naive
from tests.naive.margin import naive_prbm
from tests.naive.parameters import PRBM
from tests.surfaces import without_options
from tests.test_attribution import attributions
from tests.test_surface import NOW
from tests.test_surface import market as svi_market

YEAR_S = 31_536_000.0
BETWEEN = datetime(2026, 3, 13, 8, tzinfo=UTC)
HOLDINGS = (("BTC-27MAR26-90000-P", -5), ("BTC-PERPETUAL", 2, 91_000), ("USDC", 400_000))
STRIKE, EXPIRY, FUTURE = "BTC-27MAR26-91234-C", "BTC-13MAR26-88000-P", "BTC-13MAR26"


@cache
def listed_market() -> MarketSnapshot:
    return synthetic_market()


def asked(*names: str, market: MarketSnapshot | None = None) -> MarketSnapshot:
    return with_unlisted(market or listed_market(), [parse_name(name) for name in names])


def row_of(market: MarketSnapshot, name: str) -> tuple[float, float, float]:
    """Volatility, forward and at-the-money volatility of an option."""
    listed, row = market.option_row(parse_name(name))
    return float(listed.vol[row]), listed.forward, listed.atm_vol


def tenor_of(expiry: datetime) -> float:
    return (expiry - listed_market().as_of).total_seconds() / YEAR_S


@st.composite
def unlisted_names(draw, most: int = 4) -> list[str]:
    """Options of BTC near the money, at strikes or expiries that the market does not list."""
    market = listed_market()
    first = min(key[2] for key in market.slices)
    names = []
    for _ in range(draw(st.integers(1, most))):
        expiry = first + timedelta(days=draw(st.integers(0, 342)))
        strike = 100_000 + draw(st.integers(-15_000, 15_000))
        right = draw(st.sampled_from(("call", "put")))
        names.append(contract_name("BTC", "BTC", expiry, strike, right))
    names = [name for name in dict.fromkeys(names) if name not in market.option_rows]
    names = [name for name in names if name in asked(name).option_rows]
    assume(names)
    return names


# ---------------------------------------------------------------- the rows


def naive_variance(key, k: float) -> float:
    """Total variance at log-moneyness k of a listed expiry, strike by strike."""
    market = listed_market()
    smile = vol_surface(market, "BTC", "BTC").smile(key[2])
    fitted = smile.fit().slice
    column = market.slices[key]
    told = {
        strike: vol
        for strike, vol, call in zip(column.strike, column.vol, column.is_call, strict=True)
        if call == (strike >= column.forward)
    }
    ks = [math.log(strike / column.forward) for strike in sorted(told)]
    ws = [told[strike] ** 2 * tenor_of(key[2]) for strike in sorted(told)]
    return naive.smile_variance(k, astuple(fitted), ks, ws)


def test_an_unlisted_strike_is_on_the_smile_of_its_expiry():
    key = ("BTC", "BTC", parse_name(STRIKE).expiry)
    listed = listed_market().slices[key]
    vol, forward, atm_vol = row_of(asked(STRIKE), STRIKE)
    expected = naive_variance(key, math.log(91_234 / listed.forward))
    assert vol == pytest.approx(math.sqrt(expected / tenor_of(key[2])), rel=1e-12)
    assert (forward, atm_vol) == (listed.forward, listed.atm_vol)


def test_an_unlisted_expiry_lies_between_the_listed_ones():
    market = listed_market()
    before, after = (("BTC", "BTC", datetime(2026, *d, 8, tzinfo=UTC)) for d in ((2, 27), (3, 27)))
    first, second = tenor_of(before[2]), tenor_of(after[2])
    share = (tenor_of(BETWEEN) - first) / (second - first)
    logs = [math.log(market.forwards[key]) for key in (before, after)]
    expected = math.exp(logs[0] + share * (logs[1] - logs[0]))
    vol, forward, atm_vol = row_of(asked(EXPIRY), EXPIRY)
    assert forward == pytest.approx(expected, rel=1e-12)

    def at(k: float) -> float:
        one, other = naive_variance(before, k), naive_variance(after, k)
        return math.sqrt((one + share * (other - one)) / tenor_of(BETWEEN))

    assert vol == pytest.approx(at(math.log(88_000 / forward)), rel=1e-9)
    assert atm_vol == pytest.approx(at(0.0), rel=1e-9)
    assert asked(EXPIRY).forward(parse_name(FUTURE)) == forward


def test_a_moved_market_keeps_volatilities_and_reads_the_money_off_the_same_smile():
    found = asked(STRIKE, EXPIRY)
    for change in (-0.2, 0.1):
        after = moved(found, "BTC", change)
        for name in (STRIKE, EXPIRY):
            assert row_of(after, name)[0] == row_of(found, name)[0]
            assert row_of(after, name)[1] == pytest.approx(row_of(found, name)[1] * (1 + change))
        _, forward, atm_vol = row_of(after, EXPIRY)
        surface = vol_surface(listed_market(), "BTC", "BTC")
        told, _ = surface.vol(BETWEEN, forward)
        # Straight between strikes where the surface bends.
        assert atm_vol == pytest.approx(told, abs=0.003)


@settings(max_examples=20)
@given(names=unlisted_names())
def test_the_oracle_agrees_on_a_book_of_unlisted_options(names):
    held = portfolio([*((name, -1) for name in names), *HOLDINGS])
    expected = naive_prbm(held, asked(*names), PRBM)
    found = margin(held, listed_market())
    for have, want in ((found.initial, "initial"), (found.maintenance, "maintenance")):
        assert expected[want] - 0.01 <= float(have) <= expected[want] + 0.2


@given(days=st.lists(st.integers(0, 342), min_size=2, max_size=5, unique=True))
def test_total_variance_at_the_forward_grows_from_expiry_to_expiry(days):
    first, found = min(key[2] for key in listed_market().slices), []
    for day in sorted(days):
        expiry = first + timedelta(days=day)
        name = contract_name("BTC", "BTC", expiry, 95_123.0, "call")
        _, _, atm_vol = row_of(asked(name), name)
        found.append(atm_vol**2 * tenor_of(expiry))
    # A listed slice reads the money off a straight line, the surface off its smile.
    assert all(b >= a * (1.0 - 2e-3) for a, b in pairwise(found))


# ---------------------------------------------------------------- all else


def test_what_is_listed_is_looked_up_without_a_surface(monkeypatch):
    monkeypatch.setattr(unlisted, "vol_surface", None)
    monkeypatch.setattr(unlisted, "forward_curve", None)
    market = listed_market()
    every = [parse_name(name) for name in (*market.option_rows, *market.futures, "BTC", "USD")]
    assert with_unlisted(market, every) is market
    assert margin(portfolio(HOLDINGS), market).initial > 0


@settings(max_examples=30)
@given(names=unlisted_names(), data=st.data())
def test_an_added_row_changes_no_number_of_another_position(names, data):
    market = listed_market()
    listed = data.draw(st.lists(st.sampled_from([*market.option_rows]), min_size=1, max_size=5))
    extras = [*((name, 1) for name in dict.fromkeys(listed)), ("BTC-27MAR26", 1), ("ETH", 3)]
    held = portfolio([*extras, *(h for h in HOLDINGS if h[0] not in listed)])
    found = asked(*names)
    for one, other in (
        (market, found),
        (moved(market, "BTC", -0.1), moved(found, "BTC", -0.1)),
        *[[at_time(m, m.as_of + timedelta(hours=5)) for m in (market, found)]],
    ):
        books = [join(held, m).underlyings for m in (one, other)]
        for left, right in zip(*books, strict=True):
            for name, values in array_fields(left).items():
                assert np.array_equal(values, array_fields(right)[name], equal_nan=True), name
    assert margin(held, found) == margin(held, market)


@pytest.mark.parametrize("expiry", ["27MAR26", "13MAR26"])
def test_what_is_asked_for_tells_no_volatility_at_the_forward(expiry):
    """Not even a strike that lies at the moved forward, and whether asked in turn or not."""
    names = [f"BTC-{expiry}-{strike}-C" for strike in (84_321, 93_456, 102_345)]
    listed = asked(f"BTC-{expiry}-70123-P")
    found = listed
    for name in names:
        found = asked(name, market=found)
    key = ("BTC", "BTC", parse_name(names[0]).expiry)
    for name in names:
        change = parse_name(name).strike / found.forwards[key] - 1.0
        one, other = (moved(market, "BTC", change).slices[key] for market in (listed, found))
        assert one.atm_vol == other.atm_vol
        assert len(other.names) == len(one.names) + 3


def test_explanations_of_a_listed_book_are_the_same_with_rows_added():
    held, market = portfolio(HOLDINGS), listed_market()
    found = asked(STRIKE, EXPIRY, FUTURE)
    assert explain(held, found) == explain(held, market)
    later = moved(at_time(market, market.as_of + timedelta(hours=1)), "BTC", 0.02)
    assert explain_change(held, found, later) == explain_change(held, market, later)


@given(names=unlisted_names(), data=st.data())
def test_what_is_asked_for_together_or_in_turn_is_the_same(names, data):
    together, turn = asked(*names), listed_market()
    for name in data.draw(st.permutations(names)):
        turn = asked(name, market=turn)
    for name in names:
        assert row_of(turn, name) == row_of(together, name)
        assert turn.unlisted.valued[name] == together.unlisted.valued[name]
    assert turn.forwards == together.forwards
    assert asked(*names, market=together) is together


def test_the_surface_of_what_is_listed_is_not_that_of_what_was_added():
    one, other = (vol_surface(m, "BTC", "BTC") for m in (listed_market(), asked(STRIKE, EXPIRY)))
    assert [s.expiry for s in one.smiles] == [s.expiry for s in other.smiles]
    for left, right in zip(one.smiles, other.smiles, strict=True):
        assert left.strike.tolist() == right.strike.tolist()
    assert one.curve.forward.tolist() == other.curve.forward.tolist()


# ---------------------------------------------------------------- what a report says


@pytest.mark.parametrize("model", ["prbm", "cross"])
def test_a_report_says_of_each_one_how_it_was_valued(model):
    report = margin(
        portfolio([(STRIKE, -1), (EXPIRY, -1), (FUTURE, 1), *HOLDINGS]), listed_market(), model
    )
    said = [warning for warning in report.warnings if "is not listed" in warning]
    at = "is not listed at 2026-01-16T16:00:00Z"
    assert len(said) == 3
    assert said[0].startswith(f"{STRIKE} {at}: valued by the volatility surface at ")
    assert "(smile of its expiry fits 32 strikes to " in said[0]
    assert said[0].endswith("vol points rms; oldest quote 0 s old).")
    assert f"{EXPIRY} {at}" in said[1]
    assert "between two smiles: that of 2026-02-27 fits 23 strikes" in said[1]
    assert "that of 2026-03-27 fits 32 strikes" in said[1]
    assert said[2].startswith(f"{FUTURE} {at}: taken at the forward 93,3")
    assert not any("No mark of BTC-" in warning for warning in report.warnings)
    rest = margin(portfolio(HOLDINGS), asked(STRIKE, EXPIRY, FUTURE), model)
    assert not any("is not listed" in warning for warning in rest.warnings)


def named(market: MarketSnapshot) -> MarketSnapshot:
    """The market of tests/test_surface.py with names that can be held."""
    slices = {
        key: replace(s, names=tuple(contract_name(*key, k, "call") for k in s.strike.tolist()))
        for key, s in market.slices.items()
    }
    rows = {n: (key, i) for key, s in slices.items() for i, n in enumerate(s.names)}
    return replace(market, slices=slices, option_rows=rows)


@pytest.mark.parametrize(
    ("days", "strikes", "said"),
    [
        (9, 4, r"smile of its expiry of 4 strikes joined by lines, error unknown; age of its quo"),
        (1, 15, r"before the first smile: that of 2026-02-07 fits 15 .*; age of its quotes unknow"),
        (60, 15, r"after the last smile: that of 2026-02-07 .*, that of 2026-02-14 fits 15"),
        (5, 15, r"between two smiles: .*; forward 70,0\d\d\.\d+, log-linear in time"),
    ],
)
def test_where_the_expiry_lies_and_what_is_unknown_is_said(days, strikes, said):
    market = named(svi_market((2, 9), strikes=strikes))
    key = ("BTC", "BTC", NOW + timedelta(days=60))
    market = replace(market, forwards={**market.forwards, key: 70_600.0})
    name = contract_name("BTC", "BTC", NOW + timedelta(days=days), 70_001.0, "call")
    found = asked(name, market=market)
    assert found.forwards[key] == 70_600.0
    assert re.search(said, found.unlisted.valued[name])


def test_a_strike_beyond_the_listed_ones_is_said_to_be():
    listed: OptionSlice = listed_market().slices["BTC", "BTC", parse_name(STRIKE).expiry]
    past = contract_name(*listed.key, float(listed.strike.max()) + 1_000.0, "call")
    assert "the strike is beyond the listed ones" in asked(past).unlisted.valued[past]
    assert "beyond the listed" not in asked(STRIKE).unlisted.valued[STRIKE]


# ---------------------------------------------------------------- every way in


def test_trades_in_what_is_not_listed_are_margined():
    held, market = portfolio(HOLDINGS), listed_market()
    told = what_if(held, [f"{STRIKE}:-2", f"{EXPIRY}:1", f"{FUTURE}:1"], market)
    assert told.before == margin(held, market)
    assert [leg.instrument for leg in told.legs] == [STRIKE, EXPIRY, FUTURE]
    assert abs(told.margin_value_change) < 20_000
    for name in (STRIKE, EXPIRY, FUTURE):
        assert sum(warning.startswith(f"{name} is not listed") for warning in told.warnings) == 1
    with pytest.raises(MissingQuote, match="beyond") as caught:
        what_if(held, "BTC-27MAR26-9000000-C:1", market)
    assert caught.value.where.startswith("trade BTC-27MAR26-9000000-C:1")


def test_an_explanation_shares_out_what_is_not_listed():
    held = portfolio([(STRIKE, -3), (EXPIRY, -3), *HOLDINGS])
    told = explain(held, listed_market())
    shares = sum(leg.euler_initial for leg in told.legs) + sum(u.initial for u in told.unallotted)
    assert shares == pytest.approx(float(told.initial), abs=1.0)
    assert any(row.price for row in told.liquidation_prices)


def test_a_change_with_options_that_are_listed_at_neither_time_adds_up():
    market = listed_market()
    later = moved(at_time(market, market.as_of + timedelta(hours=6)), "BTC", -0.03)
    ending = portfolio([(STRIKE, -2), (EXPIRY, 1), (FUTURE, -1, 93_000), *HOLDINGS])
    change = explain_change(portfolio(HOLDINGS), market, later, to_portfolio=ending)
    total = sum((row.initial for row in change.rows), Decimal(0))
    assert total == change.initial_after - change.initial_before
    assert change.initial_after == margin(ending, later).initial
    # At the start it is counted for the step of positions, at the end held.
    assert sum(warning.startswith(f"{STRIKE} is not listed") for warning in change.warnings) == 2


def test_the_array_explains_what_unlisted_options_earn():
    """A move onto a grid price, rows of the surface at both ends: told to the last digit."""
    before = asked(STRIKE, EXPIRY)
    held = portfolio([(STRIKE, -2), (EXPIRY, 3)])
    [found] = attributions(held, before, moved(before, "BTC", -0.08))
    assert found.explained == pytest.approx(found.realised, rel=1e-6)
    assert found.realised != 0.0


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("BTC-27MAR26-9000000-C", MissingQuote, r"the strike 9000000 lies \+4.* nearer to it"),
        ("BTC-13MAR26-1-P", MissingQuote, r"the strike 1 lies -11.* nearer to it"),
        ("BTC-27MAR30-90000-C", MissingQuote, r"the curve goes from 0 to 0\.\d+ years.*both sides"),
        ("BTC-27MAR30", MissingQuote, r"needed by BTC-27MAR30, which is not listed: .*both sides"),
        ("BTC_USDC-27MAR26-90000-C", MissingQuote, "nothing on BTC settled in USDC has a forward"),
        ("BTC-27MAR20-90000-C", ExpiredInstrument, "BTC-27MAR20-90000-C expired"),
        ("SOL-27MAR26-90-C", MissingQuote, "no index price of SOL"),
    ],
)
def test_what_is_out_of_reach_is_an_error_with_its_reason(name, kind, said):
    with pytest.raises(kind, match=said) as caught:
        margin(portfolio([(name, 1)]), listed_market())
    assert caught.value.where.startswith("account main")


def test_an_underlying_without_options_has_no_surface():
    market = listed_market()
    bare = replace(market, slices={}, option_rows={})
    with pytest.raises(MissingQuote, match=r"no option on BTC settled in BTC.*Add an option chain"):
        margin(portfolio([(STRIKE, 1)]), bare)
    # Forwards need no option.
    assert margin(portfolio([(FUTURE, 1), ("USD", 1)]), bare).initial > 0


def test_a_refused_underlying_stays_refused():
    market = replace(listed_market(), refused={"BTC": "the index of BTC is wrong"})
    with pytest.raises(BadNumber, match="the index of BTC is wrong"):
        margin(portfolio([(STRIKE, 1)]), market)


def test_a_damaged_quote_stays_refused_with_its_reason():
    """Whatever else is held: neither the option nor, for its future, the expiry is interpolated."""
    gone = "BTC-27MAR26-90000-P"
    market = without_options(listed_market(), [gone])
    market = replace(market, dropped={gone: "row 7 gives mark -1", FUTURE: "row 9 gives mark 0"})
    with pytest.raises(MissingQuote, match=r"row 7 gives mark -1.*Correct its quote"):
        margin(portfolio([(gone, 1)]), market)
    for held in ([(FUTURE, 1)], [(EXPIRY, 1)], [(EXPIRY, 1), (FUTURE, 1)]):
        with pytest.raises(MissingQuote, match="row 9 gives mark 0"):
            margin(portfolio(held), market)
