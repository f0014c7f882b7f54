"""The snapshot: forwards robust to bad rows, volatilities, times, prices, and what is missing."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from seawall.basics.errors import BadNumber, ExpiredInstrument, MissingQuote, StaleQuote
from seawall.basics.time import tenor_years
from seawall.market.assemble import MAX_SOURCE_GAP, assemble_snapshot
from seawall.market.quotes import OptionQuotes
from seawall.pricing.black76 import implied_vol, price
from seawall.products.names import parse_name
from tests.market_quotes import changed, name, vols
from tests.tables import (
    AS_OF,
    EXPIRY,
    FORWARD,
    INDEX,
    chain,
    curve,
    listing,
    smile,
)

KEY = ("BTC", "BTC", EXPIRY)
SIDES = (True, False)
MAPPINGS = (
    "index_usd",
    "stable_usd",
    "forwards",
    "futures",
    "slices",
    "option_rows",
    "refused",
    "dropped",
)


# ------------------------------------------------------------------------------ volatilities


@pytest.mark.parametrize("settlement", ["BTC", "USDC"])
def test_the_venue_volatility_is_kept(quotes, settlement):
    market = assemble_snapshot([quotes(chain(settlement=settlement))])
    [listed] = market.slices.values()
    assert listed.forward == pytest.approx(FORWARD)
    np.testing.assert_allclose(listed.vol, [smile(k) for k in listed.strike])
    assert listed.atm_vol == pytest.approx(smile(FORWARD), abs=2e-3)
    assert set(market.option_rows) == set(chain(settlement=settlement)["instrument_name"])


@pytest.mark.parametrize("settlement", ["BTC", "USDC"])
@pytest.mark.parametrize("source", ["mark", "mid"])
def test_an_absent_volatility_is_implied_by_the_price(quotes, settlement, source):
    frame = chain(settlement=settlement).drop("mark_iv")
    if source == "mid":
        frame = frame.with_columns(mark_price=pl.lit(None, pl.Float64))
    [listed] = assemble_snapshot([quotes(frame)]).slices.values()
    assert len(listed.names) == len(frame)
    expected = [smile(k) for k in listed.strike]
    np.testing.assert_allclose(listed.vol, expected, rtol=1e-6 if source == "mark" else 0.02)


@given(vol=st.floats(0.1, 3.0))
def test_of_one_strike_the_out_of_the_money_option_tells_the_volatility(vol):
    """A tick on a deep in-the-money price is not mistaken for volatility."""
    strike = 20_000.0
    call, put = (parse_name(name(strike, right)) for right in "CP")
    tenor = tenor_years(AS_OF, EXPIRY)
    value = price(FORWARD, strike, vol, tenor, np.array(SIDES)) / FORWARD
    missing = np.full(2, math.nan)
    assume(value[1] > 1e-12)
    table = OptionQuotes(
        source="ticks",
        as_of=AS_OF,
        instruments=(call, put),
        bid=missing,
        ask=missing.copy(),
        mark=value + np.array([1e-4, 0.0]),
        iv=missing.copy(),
        forward=np.full(2, FORWARD),
        index=np.full(2, INDEX),
        observed_s=np.full(2, AS_OF.timestamp()),
    )
    found = vols(assemble_snapshot([table]))
    assert found[call.name] == found[put.name] == pytest.approx(vol, rel=1e-3)


def test_a_price_that_tells_no_volatility_leaves_the_option_out(options):
    """An in-the-money option at its intrinsic value, without its twin of the same strike."""
    call, put = name(40_000.0, "C"), name(40_000.0, "P")
    rows = [o.name for o in options.instruments]
    bare = changed(options, rows.index(call), iv=math.nan, mark=1.0 - 40_000.0 / FORWARD)
    bare = changed(bare, rows.index(put), iv=math.nan, mark=math.nan, bid=math.nan)
    market = assemble_snapshot([bare])
    assert {call, put} == set(rows) - set(market.option_rows)
    with pytest.raises(MissingQuote, match=call):
        market.option_row(parse_name(call))


@pytest.mark.parametrize("iv", [0.0, 0.001, 21.0, 60.0])
def test_a_placeholder_volatility_counts_as_absent(options, iv):
    market = assemble_snapshot([changed(options, 4, iv=iv)])
    placed = options.instruments[4]
    assert vols(market)[placed.name] == pytest.approx(smile(placed.strike), rel=1e-6)


def test_wide_quotes_tell_no_volatility(options):
    wide = changed(options, slice(None), iv=math.nan, mark=math.nan)
    wide = changed(wide, slice(None), ask=30.0 * wide.ask)
    assert not assemble_snapshot([wide]).option_rows


@pytest.mark.parametrize("mark", [0.0, 0.5, 1.7, 1e9])
def test_a_mark_that_contradicts_its_volatility_leaves_the_option_out(options, mark):
    """A damaged mark would move equity; the other rows stay as they are."""
    market = assemble_snapshot([changed(options, 6, mark=mark)])
    left_out = {o.name for o in options.instruments} - set(market.option_rows)
    assert left_out == {options.instruments[6].name}


@pytest.mark.parametrize("settlement", ["BTC", "USDC"])
@pytest.mark.parametrize(("error", "stays"), [(0.0025, True), (0.0035, False)])
def test_a_mark_is_within_reach_of_its_value_or_damaged(quotes, settlement, error, stays):
    table = quotes(chain(settlement=settlement))
    unit = 1.0 if settlement == "BTC" else FORWARD
    market = assemble_snapshot([changed(table, 6, mark=table.mark[6] + error * unit)])
    assert (table.instruments[6].name in market.option_rows) is stays


@pytest.mark.parametrize(("value", "stays"), [(0.0004, True), (0.0006, False), (0.002, False)])
def test_a_zero_mark_on_an_option_of_value_is_a_placeholder(options, value, stays):
    """Too near to its value to be called damaged, but a venue does not round it to nothing."""
    row = [o.name for o in options.instruments].index(name(110_000.0, "C"))
    tenor = tenor_years(AS_OF, EXPIRY)
    iv = implied_vol(value * FORWARD, FORWARD, 110_000.0, tenor, True).sigma
    nothing = dict.fromkeys(("mark", "bid", "ask"), math.nan)
    alone = changed(options, slice(None), **nothing)
    market = assemble_snapshot([changed(alone, row, mark=0.0, iv=float(iv))])
    assert (options.instruments[row].name in market.option_rows) is stays


@pytest.mark.parametrize("settlement", ["BTC", "USDC"])
@pytest.mark.parametrize(
    ("miss", "stays"), [(-0.0035, False), (-0.0025, True), (0.0025, True), (0.0035, False)]
)
def test_without_a_mark_the_value_lies_within_the_quotes_or_is_damaged(
    quotes, settlement, miss, stays
):
    """``miss``: how far, in forwards, the value lies above the ask or below the bid."""
    table = quotes(chain(settlement=settlement))
    edge = table.mark[6] - miss * (1.0 if settlement == "BTC" else FORWARD)
    sides = {"bid": 0.9 * edge, "ask": edge} if miss > 0.0 else {"bid": edge, "ask": 1.1 * edge}
    market = assemble_snapshot([changed(table, 6, mark=math.nan, **sides)])
    assert (table.instruments[6].name in market.option_rows) is stays
    one_sided = changed(table, 6, mark=math.nan, **{**sides, "bid": math.nan})
    assert table.instruments[6].name in assemble_snapshot([one_sided]).option_rows


def test_a_mid_is_not_passed_on_as_a_mark(options):
    bare = changed(options, 6, mark=math.nan, iv=math.nan)
    listed, row = assemble_snapshot([bare]).option_row(options.instruments[6])
    assert math.isnan(listed.mark[row])
    assert listed.vol[row] == pytest.approx(smile(listed.strike[row]), rel=1e-6)


def test_a_missing_mark_is_no_reason_to_leave_an_option_out(options):
    market = assemble_snapshot([changed(options, 6, mark=math.nan)])
    listed, row = market.option_row(options.instruments[6])
    assert math.isnan(listed.mark[row])
    assert listed.vol[row] == options.iv[6]


@given(
    rows=st.lists(st.integers(0, 13), max_size=14),
    column=st.sampled_from(("mark_price", "mark_iv")),
)
def test_missing_numbers_never_change_the_volatility_of_what_stays(rows, column):
    gone = pl.int_range(pl.len()).is_in(rows)
    frame = chain().with_columns(pl.when(gone).then(None).otherwise(column).alias(column))
    market = assemble_snapshot([as_quotes(frame)])
    for listed in market.slices.values():
        assert listed.forward == pytest.approx(FORWARD, rel=1e-9)
        np.testing.assert_allclose(listed.vol, [smile(k) for k in listed.strike], rtol=1e-6)


def as_quotes(frame: pl.DataFrame) -> OptionQuotes:
    def column(label: str):
        return frame[label].fill_null(math.nan).to_numpy().copy()

    return OptionQuotes(
        source="frame",
        as_of=AS_OF,
        instruments=tuple(parse_name(n) for n in frame["instrument_name"]),
        bid=column("bid_price"),
        ask=column("ask_price"),
        mark=column("mark_price"),
        iv=column("mark_iv"),
        forward=column("underlying_price"),
        index=column("index_price"),
        observed_s=np.full(len(frame), AS_OF.timestamp()),
    )


# ----------------------------------------------------------------------- times and sources


def test_the_time_is_that_of_the_latest_source(quotes):
    earlier = AS_OF - MAX_SOURCE_GAP
    market = assemble_snapshot([quotes(chain(as_of=earlier)), quotes(listing())])
    assert market.as_of == AS_OF


def test_sources_too_far_apart_are_refused_with_both_names(quotes):
    earlier = AS_OF - MAX_SOURCE_GAP - timedelta(milliseconds=1)
    with pytest.raises(StaleQuote) as caught:
        assemble_snapshot(
            [quotes(listing(), "futures.csv"), quotes(chain(as_of=earlier), "options.csv")]
        )
    assert "options.csv is of 2026-02-05T15:45:12.344Z" in caught.value.what
    assert "futures.csv of 2026-02-05T16:00:12.345Z" in caught.value.what


def test_the_order_of_sources_does_not_matter(quotes):
    later = chain(as_of=AS_OF + timedelta(minutes=2)).with_columns(pl.col("mark_iv") * 1.001)
    tables = [quotes(chain()), quotes(later), quotes(listing()), quotes(curve())]
    one, other = assemble_snapshot(tables), assemble_snapshot(tables[::-1])
    assert vols(one) == vols(other)
    assert (one.futures, one.forwards, one.index_usd) == (
        other.futures,
        other.forwards,
        other.index_usd,
    )


def test_of_two_chains_the_later_quote_of_an_option_counts(quotes):
    half = chain(as_of=AS_OF + timedelta(minutes=2)).head(4).with_columns(pl.col("mark_iv") * 1.001)
    market = assemble_snapshot([quotes(half), quotes(chain())])
    assert set(vols(market)) == set(chain()["instrument_name"])
    assert vols(market)[name(40_000.0, "C")] == pytest.approx(smile(40_000.0) * 1.001)
    assert vols(market)[name(80_000.0, "C")] == pytest.approx(smile(80_000.0))


def test_expired_options_are_not_listed(options):
    late = replace(options, as_of=EXPIRY)
    market = assemble_snapshot([late])
    assert not market.option_rows
    for contract in (options.instruments[0], parse_name("BTC-27MAR26")):
        with pytest.raises(ExpiredInstrument, match="2026-03-27T08:00:00Z"):
            market.forward(contract)


def test_no_quotes_at_all_are_an_error():
    with pytest.raises(MissingQuote, match="no quotes"):
        assemble_snapshot([])


def test_the_snapshot_cannot_be_changed(options):
    market = assemble_snapshot([options])
    with pytest.raises(AttributeError):
        market.as_of = AS_OF
    with pytest.raises(ValueError, match="read-only"):
        market.slices[KEY].vol[0] = 0.0
    for mapping in MAPPINGS:
        with pytest.raises(TypeError):
            getattr(market, mapping)["BTC"] = 1.0
    given = {"BTC": 1.0}
    other = replace(market, index_usd=given, warnings=("w",))
    given["BTC"] = 2.0
    assert (other.index_usd, other.warnings) == ({"BTC": 1.0}, ("w",))
    assert other.slices == market.slices


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
@pytest.mark.parametrize("prices", ["index_usd", "stable_usd", "futures", "forwards"])
def test_a_snapshot_built_by_hand_holds_only_prices(options, prices, value):
    market = assemble_snapshot([options])
    with pytest.raises(BadNumber, match=prices):
        replace(market, **{prices: {"X": value}})


@pytest.mark.parametrize("column", ["strike", "vol", "mark"])
def test_a_slice_built_by_hand_holds_only_possible_numbers(options, column):
    listed = assemble_snapshot([options]).slices[KEY]
    for value in (-0.1, math.inf):
        numbers = getattr(listed, column).copy()
        numbers[0] = value
        with pytest.raises(BadNumber, match="option slice of BTC"):
            replace(listed, **{column: numbers})
