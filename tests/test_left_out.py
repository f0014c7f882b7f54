"""What a file quotes and nobody can use is left out, and whoever holds it is told why."""

from __future__ import annotations

import itertools
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from seawall.basics.errors import MissingQuote, UnreadableFile, UnrecognisedFile
from seawall.feeds.market import read_market
from seawall.market.quotes import latest
from seawall.market.snapshot import MarketSnapshot
from seawall.products.portfolio import portfolio
from seawall.report.build import margin
from tests.market_quotes import name
from tests.tables import AS_OF, chain, curve, listing, smile, write

HELD = name(70_000.0, "C")
# The header is row 1, and of the seven strikes 70,000 is the fourth.
ROW = 8


def with_cell(column: str, value: float | None) -> pl.DataFrame:
    """The chain with another number in the row of HELD."""
    held = pl.col("instrument_name") == HELD
    return chain().with_columns(
        pl.when(held).then(pl.lit(value, pl.Float64)).otherwise(column).alias(column)
    )


def refusal(*paths: Path, held: str = HELD) -> str:
    with pytest.raises(MissingQuote) as caught:
        margin(portfolio([(held, -1)]), read_market(paths))
    return str(caught.value)


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("mark_price", float("inf"), f"chain.csv row {ROW} gives mark_price inf"),
        ("mark_price", -0.01, f"chain.csv row {ROW} gives mark_price -0.01"),
        ("mark_iv", -0.5, f"chain.csv row {ROW} gives mark_iv -0.5"),
        ("mark_iv", 5e12, f"chain.csv row {ROW} gives mark_iv 5e+12"),
        ("index_price", 0.0, f"chain.csv row {ROW} gives index_price 0"),
        ("underlying_price", -1.0, f"chain.csv row {ROW} gives underlying_price -1"),
        ("mark_price", 0.5, "its mark 0.5 contradicts its volatility 0.55"),
    ],
)
def test_an_option_left_out_is_refused_with_its_row_and_number(tmp_path, column, value, said):
    message = refusal(write(with_cell(column, value), tmp_path / "chain.csv"))
    assert f"no implied volatility of {HELD}: {said}" in message
    assert message.endswith("Correct its quote or use another snapshot.")


def test_rows_of_a_parquet_file_are_counted_from_one(tmp_path):
    message = refusal(write(with_cell("mark_price", -1.0), tmp_path / "chain.parquet"))
    assert f"chain.parquet row {ROW - 1} gives mark_price -1" in message


def test_an_option_without_any_price_is_refused_as_such(tmp_path):
    held = pl.col("instrument_name") == HELD
    bare = chain().with_columns(
        pl.when(held).then(None).otherwise(c).alias(c)
        for c in ("mark_price", "mark_iv", "bid_price", "ask_price")
    )
    message = refusal(write(bare, tmp_path / "chain.csv"))
    assert f"chain.csv row {ROW} gives no price" in message


def test_an_expiry_without_a_forward_is_refused_as_such(tmp_path):
    calls = chain().filter(pl.col("instrument_name").str.ends_with("C")).drop("underlying_price")
    message = refusal(write(calls, tmp_path / "chain.csv"))
    assert "nothing tells the forward of BTC for 2026-03-27T08:00:00Z" in message


def test_an_index_left_out_with_its_rows_is_refused_as_such(tmp_path):
    without = chain().with_columns(index_price=pl.lit(-5.0))
    both = pl.concat([without, chain(settlement="USDC").drop("index_price")], how="diagonal")
    message = refusal(write(both, tmp_path / "chain.csv"), held="BTC")
    assert "no index price of BTC; BTC-27MAR26-40000-C was left out" in message
    assert "chain.csv row 2 gives index_price -5" in message


def test_an_option_beyond_the_surface_is_said_to_be_unlisted(tmp_path):
    message = refusal(write(chain(), tmp_path / "chain.csv"), held="BTC-27MAR26-710000-C")
    assert "which is not listed: the strike 710000 lies" in message


def test_a_file_of_bad_rows_alone_says_what_is_wrong_with_the_first(tmp_path):
    every = chain().with_columns(mark_iv=pl.lit(-1.0))
    with pytest.raises(UnrecognisedFile, match=r"BTC-27MAR26-40000-C, .*row 2 gives mark_iv -1"):
        read_market(write(every, tmp_path / "chain.csv"))


# ---- two rows of one instrument


def twice(second: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([chain(), second.filter(pl.col("instrument_name") == HELD)])


def test_two_unlike_rows_of_one_time_are_both_left_out(tmp_path):
    dearer = chain().with_columns(pl.col("mark_iv") * 1.01)
    path = write(twice(dearer), tmp_path / "chain.csv")
    market = read_market(path)
    assert set(market.option_rows) == set(chain()["instrument_name"]) - {HELD}
    assert f"chain.csv rows {ROW} and 16 quote it differently at one time" in refusal(path)


def test_two_like_rows_are_one(tmp_path):
    assert HELD in read_market(write(twice(chain()), tmp_path / "chain.csv")).option_rows


def test_a_later_row_settles_a_disagreement(tmp_path):
    dearer = chain().with_columns(pl.col("mark_iv") * 1.01)
    later = chain(as_of=AS_OF + timedelta(seconds=1)).filter(pl.col("instrument_name") == HELD)
    market = read_market(write(pl.concat([later, twice(dearer)]), tmp_path / "chain.csv"))
    key, row = market.option_rows[HELD]
    assert market.slices[key].vol[row] == later["mark_iv"][0]


def both_orders(*paths: Path) -> list[MarketSnapshot]:
    return [read_market(order) for order in itertools.permutations(paths)]


def test_two_files_of_one_time_that_disagree_settle_nothing_in_either_order(tmp_path):
    one = write(chain(), tmp_path / "one.csv")
    other = write(with_cell("mark_iv", 0.5501), tmp_path / "other.csv")
    for market in both_orders(one, other):
        assert HELD not in market.option_rows
        assert "quote it differently at one time" in market.dropped[HELD]


def test_what_one_file_spoils_another_may_give(tmp_path):
    spoilt = write(with_cell("mark_price", -1.0), tmp_path / "spoilt.csv")
    whole = write(chain(), tmp_path / "whole.csv")
    for market in both_orders(spoilt, whole):
        assert HELD in market.option_rows
        assert HELD not in market.dropped


def test_two_marks_of_a_future_at_one_time_leave_it_without_one_and_say_so(tmp_path):
    higher = listing().with_columns(pl.col("mark_price") + 10.0)
    files = [
        write(listing(), tmp_path / "one.csv"),
        write(higher, tmp_path / "other.csv"),
        write(chain(), tmp_path / "chain.csv"),
    ]
    for market in both_orders(*files):
        assert not market.futures
        warnings = " ".join(margin(portfolio([("BTC-27MAR26", -1)]), market).warnings)
        assert "No mark of BTC-27MAR26 (" in warnings
        assert "quote it differently at one time): taken at the forward implied" in warnings


def test_two_unlike_forwards_of_a_curve_are_both_left_out(tmp_path):
    other = curve().head(1).with_columns(futures_price=pl.lit(70_000.0))
    path = write(pl.concat([curve(), other]), tmp_path / "curve.csv")
    market = read_market(path)
    assert "BTC-27MAR26" not in market.futures
    assert market.dropped["BTC-27MAR26"] == (
        "curve.csv rows 2 and 4 quote it differently at one time"
    )


def test_the_latest_quote_does_not_depend_on_the_order():
    ranks = [("a", 1.0, 5), ("a", 2.0, 6), ("a", 2.0, 7), ("b", 1.0, 1), ("b", 1.0, 1)]
    quotes = [(key, (True, time), quote) for key, time, quote in ranks]

    def differing(one: int, other: int) -> str | None:
        return None if one == other else "two rows"

    why = "two rows quote it differently at one time"

    for order in itertools.permutations(quotes):
        assert latest(order, differing) == ({"b": 1}, {"a": why})
    # Later, but without a price behind it.
    quotes.append(("b", (False, 9.0), 2))
    settled = [*quotes, ("a", (True, 3.0), 8)]
    for order in itertools.permutations(settled):
        assert latest(order, differing) == ({"b": 1, "a": 8}, {})


# ---- what cannot be told


def test_percent_is_not_guessed_where_no_price_can_contradict_it(tmp_path):
    percent = chain().with_columns(
        pl.col("mark_iv") * 100.0,
        *(pl.lit(None, pl.Float64).alias(c) for c in ("mark_price", "bid_price", "ask_price")),
    )
    with pytest.raises(UnrecognisedFile, match="no price tells whether it is in percent"):
        read_market(write(percent, tmp_path / "chain.csv"))


def test_a_file_whose_last_line_has_no_end_may_be_cut_and_the_report_says_so(tmp_path):
    path = tmp_path / "chain.csv"
    path.write_text(chain().write_csv().removesuffix("\n"))
    warnings = margin(portfolio([("BTC", 1)]), read_market(path)).warnings
    assert any(w.startswith("chain.csv does not end with a line break") for w in warnings)
    whole = margin(portfolio([("BTC", 1)]), read_market(write(chain(), path))).warnings
    assert not any("line break" in w for w in whole)


# ---- volatilities that no price backs


def without_prices(iv: float, strikes: tuple[float, ...] = (70_000.0,)) -> pl.DataFrame:
    """The chain with a volatility alone in the rows of some calls."""
    names = [name(strike, "C") for strike in strikes]
    bare = pl.col("instrument_name").is_in(names)
    return chain().with_columns(
        pl.when(bare).then(pl.lit(value, pl.Float64)).otherwise(column).alias(column)
        for column, value in (
            ("mark_price", None), ("bid_price", None), ("ask_price", None), ("mark_iv", iv),
        )
    )  # fmt: skip


@pytest.mark.parametrize(
    ("iv", "stays"), [(0.05, False), (0.36, False), (0.37, True), (0.82, True), (0.83, False)]
)
def test_a_volatility_without_a_price_counts_only_beside_its_neighbours(tmp_path, iv, stays):
    """Its strike's put says 55 %, and a half more or a third less is the most."""
    market = read_market(write(without_prices(iv), tmp_path / "chain.csv"))
    assert (HELD in market.option_rows) is stays
    assert stays or "no price backs its volatility" in market.dropped[HELD]


@pytest.mark.parametrize(
    ("bid", "ask"), [(0.9, 0.0001), (0.0001, 0.99), (None, 0.07), (0.05, None)]
)
def test_a_bid_and_ask_that_tell_no_volatility_back_none(tmp_path, bid, ask):
    """Crossed, far apart or one-sided: the neighbours have the say."""
    held = pl.col("instrument_name") == HELD
    odd = without_prices(0.05).with_columns(
        pl.when(held).then(pl.lit(value, pl.Float64)).otherwise(column).alias(column)
        for column, value in (("bid_price", bid), ("ask_price", ask))
    )
    assert HELD not in read_market(write(odd, tmp_path / "chain.csv")).option_rows


def test_a_mark_of_zero_does_not_silence_bid_and_ask(tmp_path):
    held = pl.col("instrument_name") == HELD
    odd = chain().with_columns(
        pl.when(held).then(pl.lit(value, pl.Float64)).otherwise(column).alias(column)
        for column, value in (("mark_price", 0.0), ("mark_iv", 0.05))
    )
    assert "no implied volatility" in refusal(write(odd, tmp_path / "chain.csv"))


def test_one_damaged_expiry_is_left_out_alone(tmp_path):
    """The other expiries agree with the index, so it is not the index that is damaged."""
    lone = pl.DataFrame(
        {
            "timestamp": [AS_OF],
            "instrument_name": ["BTC-24JUL26-80000-C"],
            "underlying_price": [35_000.0],
            "mark_iv": [0.5],
        }
    )
    both = pl.concat([chain(), chain(settlement="USDC"), lone], how="diagonal")
    path = write(both, tmp_path / "chain.csv")
    assert margin(portfolio([("BTC", 1), (HELD, -1)]), read_market(path)).initial > 0
    message = refusal(path, held="BTC-24JUL26-80000-C")
    assert "the forward of its expiry, 35000, is far from the index" in message


def test_a_later_volatility_without_a_price_does_not_replace_a_priced_row(tmp_path):
    later = without_prices(0.05).with_columns(timestamp=pl.lit(AS_OF + timedelta(minutes=2)))
    later = later.filter(pl.col("instrument_name") == HELD)
    market = read_market(write(pl.concat([chain(), later]), tmp_path / "chain.csv"))
    key, row = market.option_rows[HELD]
    assert market.slices[key].vol[row] == pytest.approx(smile(70_000.0))


def test_a_chain_of_volatilities_alone_is_believed_and_said(tmp_path):
    strikes = tuple(chain()["instrument_name"].str.split("-").list.get(2).cast(float).unique())
    calls = chain().filter(pl.col("instrument_name").str.ends_with("C"))
    bare = without_prices(0.6, strikes).filter(
        pl.col("instrument_name").is_in(calls["instrument_name"].to_list())
    )
    market = read_market(write(bare, tmp_path / "chain.csv"))
    warnings = margin(portfolio([(HELD, -1)]), market).warnings
    assert f"No mark of {HELD}: valued at its implied volatility." in warnings


# ---- tables that are no tables


@pytest.mark.parametrize("cells", ["1,5", ""])
def test_a_row_with_more_or_fewer_cells_than_the_header_is_named(tmp_path, cells):
    lines = chain().write_csv().splitlines()
    head, _, tail = lines[5].partition(",")
    lines[5] = f"{head},{cells},{tail}" if cells else tail
    path = tmp_path / "chain.csv"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(UnreadableFile, match=r"row 6 has [0-9]+ cells, unlike its header"):
        read_market(path)


def test_commas_between_quotation_marks_are_text(tmp_path):
    lines = chain().with_columns(note=pl.lit("a, b")).write_csv().splitlines()
    path = tmp_path / "chain.csv"
    path.write_text("\n".join(lines) + "\n")
    assert len(read_market(path).option_rows) == len(chain())
    path.write_text("\n".join([*lines[:5], lines[5] + ",1", *lines[6:]]) + "\n")
    with pytest.raises(UnreadableFile, match="row 6 has 10 cells"):
        read_market(path)


def test_lines_that_end_in_carriage_returns_alone_are_said_to(tmp_path):
    path = tmp_path / "chain.csv"
    path.write_bytes(chain().write_csv().replace("\n", "\r").encode())
    with pytest.raises(UnreadableFile, match="carriage returns alone"):
        read_market(path)
