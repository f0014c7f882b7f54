"""Indices, marks and forwards of the snapshot: which count, and what contradicts the index."""

from __future__ import annotations

import math
from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from seawall.basics.errors import BadNumber, MissingQuote
from seawall.feeds.market import read_market
from seawall.market.assemble import assemble_snapshot
from seawall.market.quotes import FutureQuotes
from seawall.products.names import parse_name
from tests.market_quotes import changed, name
from tests.tables import (
    AS_OF,
    EXPIRY,
    FORWARD,
    INDEX,
    chain,
    curve,
    listing,
    write,
)

KEY = ("BTC", "BTC", EXPIRY)


# --------------------------------------------------------------------- futures and forwards


def test_futures_are_at_their_marks_and_options_at_parity(quotes):
    market = assemble_snapshot([quotes(chain()), quotes(listing())])
    assert market.forward(parse_name("BTC-PERPETUAL")) == 70_510.0
    assert market.forward(parse_name("BTC-27MAR26")) == 70_990.0
    assert market.forward(parse_name(name(70_000.0, "C"))) == pytest.approx(FORWARD)


def test_a_curve_fills_in_expiries_without_options(quotes):
    market = assemble_snapshot([quotes(chain()), quotes(curve())])
    assert market.forwards[KEY] == pytest.approx(FORWARD)
    assert market.forward(parse_name("BTC-24APR26")) == 71_300.0
    assert "BTC-24APR26" not in market.futures
    assert market.futures["BTC-27MAR26"] == 70_990.0


def test_a_curve_gives_the_forward_of_options_that_determine_none(quotes):
    bare = chain().select("timestamp", "instrument_name", "mark_iv", mark_price=pl.lit(None))
    assert not assemble_snapshot([quotes(bare)]).slices
    market = assemble_snapshot([quotes(bare), quotes(curve())])
    assert market.slices[KEY].forward == 70_990.0
    assert len(market.option_rows) == len(chain())


def test_a_perpetual_without_a_mark_is_at_its_index(quotes):
    market = assemble_snapshot([quotes(chain())], {"USDC": 0.5})
    assert market.forward(parse_name("BTC-PERPETUAL")) == INDEX
    assert market.forward(parse_name("BTC_USDC-PERPETUAL")) == 2.0 * INDEX


@pytest.mark.parametrize("factor", [0.0, 0.1, 10.0])
def test_a_future_far_from_its_index_is_a_bad_tick(quotes, factor):
    ticks = listing().with_columns(pl.col("mark_price") * factor)
    table = FutureQuotes(
        source="ticks",
        as_of=AS_OF,
        instruments=tuple(parse_name(n) for n in ticks["instrument_name"]),
        mark=ticks["mark_price"].to_numpy().copy(),
        index=ticks["index_price"].to_numpy().copy(),
        is_synthetic=np.zeros(2, dtype=np.bool_),
    )
    market = assemble_snapshot([quotes(chain()), table])
    assert not market.futures
    assert market.forward(parse_name("BTC-27MAR26")) == pytest.approx(FORWARD)


def future_quotes(*rows: tuple[str, float, float], synthetic: bool = False) -> FutureQuotes:
    """Futures from (name, mark, index)."""
    return FutureQuotes(
        source="futures",
        as_of=AS_OF,
        instruments=tuple(parse_name(row[0]) for row in rows),
        mark=np.array([row[1] for row in rows]),
        index=np.array([row[2] for row in rows]),
        is_synthetic=np.full(len(rows), synthetic),
    )


def assert_refused(market, underlying: str, contract: str) -> None:
    assert underlying not in market.index_usd
    for ask, wanted in (
        (market.spot_usd, underlying),
        (market.forward, parse_name(contract)),
        (market.asset_usd, parse_name(underlying)),
    ):
        with pytest.raises(BadNumber, match=f"index of {underlying}") as caught:
            ask(wanted)
        assert caught.value.where == "snapshot of 2026-02-05T16:00:12.345Z"
        assert f"--price {underlying}=VALUE" in caught.value.remedy


@pytest.mark.parametrize("contract", ["BTC-PERPETUAL", "BTC-27MAR26", "BTC_USDC-PERPETUAL"])
@pytest.mark.parametrize(("index", "mark"), [(1.0, 1e5), (1e5, 1.0), (1e5, 45_000.0)])
def test_an_index_and_a_mark_that_contradict_each_other_margin_nothing(contract, index, mark):
    market = assemble_snapshot([future_quotes((contract, mark, index))])
    assert not market.futures
    assert_refused(market, "BTC", contract)
    assert assemble_snapshot([future_quotes((contract, 1e5, 1.0))], {"BTC": 1e5}).futures


@pytest.mark.parametrize("mark", [5e-324, 1e-320, 1e-300])
def test_a_mark_next_to_nothing_is_far_from_any_index(mark):
    """Its ratio to the index is zero, of which there is no logarithm."""
    market = assemble_snapshot([future_quotes(("BTC-PERPETUAL", mark, 1e5))])
    assert_refused(market, "BTC", "BTC-PERPETUAL")


def test_an_index_column_does_not_outvote_the_marks():
    rows = [("BTC-PERPETUAL", 1e5, 1.0), ("BTC-27MAR26", 1.01e5, 1.0)]
    assert_refused(assemble_snapshot([future_quotes(*rows)]), "BTC", "BTC-PERPETUAL")
    agreeing = ("BTC-24APR26", 1.0, 1.0)
    assert_refused(assemble_snapshot([future_quotes(*rows, agreeing)]), "BTC", "BTC-27MAR26")


def test_a_bad_tick_among_agreeing_prices_is_left_out_alone():
    rows = [("BTC-PERPETUAL", 1.0, INDEX), ("BTC-27MAR26", 70_990.0, INDEX)]
    market = assemble_snapshot([future_quotes(*rows)])
    assert market.futures == {"BTC-27MAR26": 70_990.0}
    assert market.spot_usd("BTC") == INDEX
    assert not market.refused


def test_a_mark_is_held_to_the_settled_index_not_to_that_of_its_row(options):
    own = ("BTC-PERPETUAL", 70_510.0, 1.0)
    assert assemble_snapshot([options, future_quotes(own)]).futures == {own[0]: own[1]}
    own = ("BTC-PERPETUAL", 1.0, 1.0)
    market = assemble_snapshot([options, future_quotes(own)])
    assert not market.futures
    assert market.forward(parse_name(own[0])) == INDEX


def test_a_bad_forward_of_a_curve_values_no_option(quotes):
    bare = chain().select(
        "timestamp", "instrument_name", "mark_iv", "index_price", mark_price=pl.lit(None)
    )
    tick = future_quotes(("BTC-27MAR26", 710_000.0, INDEX), synthetic=True)
    market = assemble_snapshot([quotes(bare), tick])
    assert not market.slices
    assert not market.forwards
    assert_refused(market, "BTC", "BTC-27MAR26")


def test_marks_are_compared_with_the_index_in_usd():
    row = ("BTC_USDC-PERPETUAL", 250_000.0, math.nan)
    assert not assemble_snapshot([future_quotes(row)], {"USDC": 0.4, "BTC": 1e5}).refused
    with pytest.raises(BadNumber, match="mark of BTC_USDC-PERPETUAL is 250000 USD"):
        assemble_snapshot([future_quotes(row)], {"BTC": 1e5})


def test_a_contradiction_blocks_only_its_own_underlying(options):
    damaged = future_quotes(("ETH-PERPETUAL", 2_500.0, 1.0))
    market = assemble_snapshot([options, damaged])
    assert market.spot_usd("BTC") == INDEX
    assert set(market.refused) == {"ETH"}
    assert_refused(market, "ETH", "ETH-PERPETUAL")


def test_an_index_far_from_the_forward_of_options_refuses_them(options):
    market = assemble_snapshot([changed(options, slice(None), index=1.0)])
    assert_refused(market, "BTC", "BTC-PERPETUAL")
    with pytest.raises(BadNumber, match="its forward in BTC for 2026-03-27"):
        market.option_row(options.instruments[0])


def test_what_is_missing_is_named_with_its_remedy(options):
    market = assemble_snapshot([options])
    for wanted, contract in (("no forward of BTC", "BTC-24APR26"), ("no index", "ETH-PERPETUAL")):
        with pytest.raises(MissingQuote, match=wanted) as caught:
            market.forward(parse_name(contract))
        assert caught.value.where == "snapshot of 2026-02-05T16:00:12.345Z"
        assert caught.value.remedy
    with pytest.raises(MissingQuote, match="BTC-27MAR26-71000-C"):
        market.option_row(parse_name("BTC-27MAR26-71000-C"))


# ------------------------------------------------------------------------------------ prices


def test_the_index_is_the_median_of_all_rows(options):
    assert assemble_snapshot([options]).index_usd == {"BTC": INDEX}
    bad = changed(options, slice(0, 6), index=1.0)
    assert assemble_snapshot([bad]).index_usd == {"BTC": INDEX}
    missing = changed(options, slice(None), index=math.nan)
    assert assemble_snapshot([missing]).index_usd == {}


def test_given_prices_override_and_add(tmp_path):
    path = write(chain(), tmp_path / "chain.csv")
    market = read_market(path, prices={"USDC": 0.9998, "BTC": 70_000.0, "SOL": 120})
    assert market.index_usd == {"BTC": 70_000.0, "SOL": 120}
    assert market.stable_usd == {"USDC": 0.9998}
    assert market.currency_usd("USDC") == 0.9998
    assert market.currency_usd("USDT") == market.currency_usd("USD") == 1.0


def test_the_index_of_a_linear_contract_is_converted_at_its_stablecoin(quotes):
    market = assemble_snapshot([quotes(chain(settlement="USDC"))], {"USDC": 0.9})
    assert market.index_usd["BTC"] == pytest.approx(0.9 * INDEX)


@pytest.mark.parametrize("value", [math.nan, math.inf, 0.0, -1.0, 1e12])
def test_impossible_prices_are_refused(options, value):
    with pytest.raises(BadNumber, match="is not a price of BTC"):
        assemble_snapshot([options], {"BTC": value})


@pytest.mark.parametrize("asset", ["USD", "BTC-PERPETUAL", "no such thing", ""])
def test_only_assets_have_given_prices(options, asset):
    with pytest.raises(BadNumber, match="is not a price of"):
        assemble_snapshot([options], {asset: 1.0})


@pytest.mark.parametrize(("asset", "meant"), [("usdc", "USDC"), ("btc", "BTC"), ("Usdt", "USDT")])
def test_a_misspelt_asset_is_refused_before_it_is_silently_unused(options, asset, meant):
    with pytest.raises(BadNumber, match=f"{asset} is not how {meant} is written"):
        assemble_snapshot([options], {asset: 0.5})


@pytest.mark.parametrize("price", [700.0, 7_000_000.0])
def test_a_given_price_far_from_the_forwards_is_refused(tmp_path, price):
    path = write(chain(), tmp_path / "chain.parquet")
    with pytest.raises(BadNumber, match="index of BTC"):
        read_market(path, prices={"BTC": price})


def test_a_given_price_that_replaces_an_index_is_stated(tmp_path, options):
    said = "Index of BTC given as 70000; the files say 70500."
    prices = {"BTC": 70_000.0, "SOL": 120.0, "USDC": 0.9998}
    assert assemble_snapshot([options], prices).warnings == (said,)
    assert assemble_snapshot([options], {"BTC": INDEX}).warnings == ()
    path = write(chain(), tmp_path / "chain.parquet")
    late = read_market(path, at=AS_OF + timedelta(hours=3), prices=prices)
    assert late.warnings[0] == said
    assert "3:00:00" in late.warnings[1]


@pytest.mark.parametrize("currency", ["BTC", "usdc"])
def test_an_unknown_settlement_currency_is_not_counted_as_one_usd(options, currency):
    market = assemble_snapshot([options])
    with pytest.raises(MissingQuote, match=f"no price of {currency} in USD") as caught:
        market.currency_usd(currency)
    assert caught.value.where == market.where
    assert "USDC" in caught.value.remedy


def test_foreign_cash_is_worth_what_was_given_and_never_one_usd(options):
    assert assemble_snapshot([options], {"EUR": 1.16}).currency_usd("EUR") == 1.16
    with pytest.raises(MissingQuote, match="no price of EUR in USD") as caught:
        assemble_snapshot([options]).currency_usd("EUR")
    assert "--price EUR=VALUE" in caught.value.remedy


def test_a_snapshot_older_than_the_time_asked_for_states_its_age(tmp_path):
    path = write(chain(), tmp_path / "chain.parquet")
    assert read_market(path, at=AS_OF + timedelta(minutes=4)).warnings == ()
    (warning,) = read_market(path, at=AS_OF + timedelta(hours=3)).warnings
    assert "3:00:00 (h:mm:ss) older than the time asked for" in warning


def test_a_stablecoin_far_above_its_peg_is_refused(tmp_path):
    path = write(chain(), tmp_path / "chain.parquet")
    with pytest.raises(BadNumber, match="not a price of USDC"):
        read_market(path, prices={"USDC": 1000.0})
