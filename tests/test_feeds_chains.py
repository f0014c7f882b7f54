"""Quote files: recognised by their columns, cut to one time, bad rows dropped, never a crash."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.basics.errors import (
    AmbiguousSnapshot,
    MissingQuote,
    SeawallError,
    UnreadableFile,
    UnrecognisedFile,
)
from seawall.feeds import files
from seawall.feeds.market import read_market, read_quotes
from seawall.market.quotes import FutureQuotes, OptionQuotes
from tests.tables import AS_OF, FORWARD, INDEX, chain, curve, listing, smile, write

NEXT = AS_OF + timedelta(hours=6)
CHANGES = st.tuples(st.integers(0, 100_000), st.binary(min_size=0, max_size=4), st.integers(0, 8))


@pytest.mark.parametrize("name", ["chain.csv", "chain.parquet", "no_suffix"])
def test_a_chain_becomes_option_quotes(tmp_path, name):
    [quotes] = read_quotes(write(chain(), tmp_path / name))
    assert isinstance(quotes, OptionQuotes)
    assert (quotes.source, quotes.as_of) == (name, AS_OF)
    assert [o.name for o in quotes.instruments] == chain()["instrument_name"].to_list()
    np.testing.assert_allclose(quotes.mark, chain()["mark_price"])
    np.testing.assert_allclose(quotes.iv, chain()["mark_iv"])
    np.testing.assert_allclose(quotes.bid, chain()["bid_price"])
    assert set(quotes.forward) == {FORWARD}
    assert set(quotes.index) == {INDEX}
    assert set(quotes.observed_s) == {AS_OF.timestamp()}


def test_a_gzipped_csv_is_unpacked(tmp_path):
    path = tmp_path / "chain.csv.gz"
    path.write_bytes(gzip.compress(chain().write_csv().encode()))
    [quotes] = read_quotes(path)
    assert len(quotes.instruments) == len(chain())


def test_a_listing_becomes_future_quotes(tmp_path):
    [quotes] = read_quotes(write(listing(), tmp_path / "futures.csv"))
    assert isinstance(quotes, FutureQuotes)
    assert [f.name for f in quotes.instruments] == ["BTC-PERPETUAL", "BTC-27MAR26"]
    assert quotes.mark.tolist() == [70_510.0, 70_990.0]
    assert not quotes.is_synthetic.any()


def test_one_file_may_list_options_and_futures(tmp_path):
    both = pl.concat([chain(), listing()], how="diagonal")
    options, futures = read_quotes(write(both, tmp_path / "all.parquet"))
    assert (len(options.instruments), len(futures.instruments)) == (len(chain()), 2)


def test_a_curve_marks_what_is_not_listed(tmp_path):
    [quotes] = read_quotes(write(curve(), tmp_path / "curve.csv"))
    assert [f.name for f in quotes.instruments] == ["BTC-27MAR26", "BTC-24APR26"]
    assert quotes.is_synthetic.tolist() == [False, True]


def test_a_curve_row_named_after_the_index_is_synthetic(tmp_path):
    odd = curve().with_columns(underlying_name=pl.lit("index_price"), is_synthetic=pl.lit(False))
    [quotes] = read_quotes(write(odd, tmp_path / "curve.parquet"))
    assert [f.name for f in quotes.instruments] == ["BTC-27MAR26", "BTC-24APR26"]
    assert quotes.is_synthetic.all()


def test_a_curve_keeps_the_listed_future_beside_a_synthetic_forward(tmp_path):
    twin = curve().head(1).with_columns(underlying_name=pl.lit("SYN.BTC-27MAR26"))
    twin = twin.with_columns(futures_price=pl.lit(1.5))
    [quotes] = read_quotes(write(pl.concat([curve(), twin]), tmp_path / "curve.csv"))
    assert quotes.mark.tolist() == [70_990.0, 71_300.0]


def test_a_curve_row_whose_name_tells_another_expiry_is_dropped(tmp_path):
    odd = curve().with_columns(underlying_name=pl.Series(["BTC-24APR26", "SYN.BTC-24APR26"]))
    [quotes] = read_quotes(write(odd, tmp_path / "curve.csv"))
    assert quotes.mark.tolist() == [71_300.0]


@pytest.mark.parametrize(
    ("columns", "named"),
    [
        (["timestamp", "instrument_name"], "mark_price"),
        (["mark_price", "instrument_name"], "timestamp"),
        (["underlying_price"], "timestamp, instrument_name, mark_price"),
    ],
)
def test_foreign_columns_name_what_is_missing(tmp_path, columns, named):
    path = write(chain().select(columns), tmp_path / "foreign.csv")
    with pytest.raises(UnrecognisedFile) as caught:
        read_quotes(path)
    assert caught.value.what.endswith(f"lacks {named}")
    assert "an option chain or futures listing" in caught.value.what
    assert caught.value.where == "foreign.csv"


@pytest.mark.parametrize("column", ["mark_price", "instrument_name", "timestamp"])
def test_columns_of_an_impossible_type_are_named(tmp_path, column):
    odd = chain().with_columns(pl.concat_list(column))
    with pytest.raises(UnrecognisedFile, match=column):
        read_quotes(write(odd, tmp_path / "lists.parquet"))


# ------------------------------------------------------------------------------------ times


def as_epoch(unit: str) -> pl.Expr:
    return pl.col("timestamp").dt.epoch(unit)


@pytest.mark.parametrize(
    "stamp",
    [
        pytest.param(as_epoch("ms"), id="ms"),
        pytest.param(as_epoch("us"), id="us"),
        pytest.param(as_epoch("ns"), id="ns"),
        pytest.param(as_epoch("ms") / 1e3, id="s"),
        pytest.param(pl.col("timestamp").dt.replace_time_zone(None), id="naive"),
        pytest.param(pl.col("timestamp").dt.convert_time_zone("Asia/Tokyo"), id="zone"),
        pytest.param(pl.col("timestamp").dt.strftime("%Y-%m-%d %H:%M:%S%.3f"), id="space"),
        pytest.param(pl.col("timestamp").dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ"), id="Z"),
    ],
)
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_every_way_of_writing_a_time_is_the_same_instant(tmp_path, stamp, suffix):
    path = write(chain().with_columns(timestamp=stamp), tmp_path / f"chain.{suffix}")
    [quotes] = read_quotes(path)
    assert quotes.as_of == AS_OF


@pytest.mark.parametrize(
    "stamp", ["", "yesterday", "20260205", "nan", "-5", "1e308", "0001-01-01T00+14:00"]
)
def test_rows_without_a_time_are_dropped(tmp_path, stamp):
    text = chain().with_columns(pl.col("timestamp").dt.strftime("%+"))
    one_bad = text.with_columns(
        timestamp=pl.when(pl.int_range(pl.len()) == 0).then(pl.lit(stamp)).otherwise("timestamp")
    )
    path = write(one_bad, tmp_path / "one.csv")
    if stamp == "20260205":  # a date is a time, though hardly the one that was meant
        with pytest.raises(AmbiguousSnapshot):
            read_quotes(path)
        return
    [quotes] = read_quotes(path)
    assert len(quotes.instruments) == len(chain()) - 1
    with pytest.raises(UnrecognisedFile, match="no row has a time"):
        read_quotes(write(text.with_columns(timestamp=pl.lit(stamp)), tmp_path / "all.csv"))


def test_rows_within_five_minutes_are_one_snapshot_of_the_latest_time(tmp_path):
    spread = chain().with_columns(
        timestamp=pl.lit(AS_OF) - pl.duration(seconds=20 * pl.int_range(pl.len()))
    )
    assert spread["timestamp"].min() >= AS_OF - timedelta(minutes=5)
    [quotes] = read_quotes(write(spread, tmp_path / "spread.parquet"))
    assert (quotes.as_of, len(quotes.instruments)) == (AS_OF, len(chain()))


def test_several_snapshots_need_a_time(tmp_path):
    hours = [chain(as_of=AS_OF + timedelta(hours=n)) for n in range(6)]
    with pytest.raises(AmbiguousSnapshot) as caught:
        read_quotes(write(pl.concat(hours), tmp_path / "day.parquet"))
    message = str(caught.value)
    assert "6 snapshots" in message
    assert "2026-02-05T16:00:12.345Z, 2026-02-05T17:00:12.345Z" in message
    assert "2026-02-05T21:00:12.345Z" in message
    assert "--at" in caught.value.remedy


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-02-05T16:00:12.345Z", AS_OF),  # as the message of an ambiguous file prints it
        ("2026-02-05 21:59", AS_OF),
        ("2026-02-05T22:00:12.345", NEXT),
        ("2026-02-06T08:00:13+09:00", NEXT),
        (datetime(2026, 3, 1, tzinfo=UTC), NEXT),
    ],
)
def test_a_time_takes_the_nearest_snapshot_at_or_before(tmp_path, at, expected):
    path = write(pl.concat([chain(), chain(as_of=NEXT)]), tmp_path / "two.csv")
    assert read_market(path, at=at).as_of == expected


def test_a_naive_time_is_utc(tmp_path):
    path = write(pl.concat([chain(), chain(as_of=NEXT)]), tmp_path / "two.csv")
    assert read_market(path, at=AS_OF.replace(tzinfo=None)).as_of == AS_OF


def test_a_time_before_every_snapshot_names_the_first(tmp_path):
    path = write(pl.concat([chain(), chain(as_of=NEXT)]), tmp_path / "two.csv")
    with pytest.raises(MissingQuote, match=r"at or before 2026-02-05T16:00:12Z.*16:00:12.345Z"):
        read_market(path, at="2026-02-05T16:00:12")


def test_the_later_of_two_rows_counts(tmp_path):
    newer = chain(as_of=AS_OF + timedelta(minutes=1)).with_columns(mark_iv=pl.lit(0.9)).head(1)
    [quotes] = read_quotes(write(pl.concat([newer, chain()]), tmp_path / "twice.parquet"))
    assert len(quotes.instruments) == len(chain())
    by_name = dict(zip([o.name for o in quotes.instruments], quotes.iv, strict=True))
    assert by_name[newer["instrument_name"][0]] == 0.9


# ------------------------------------------------------------------------- units, bad rows


def test_percent_volatilities_become_decimal(tmp_path):
    percent = chain().with_columns(pl.col("mark_iv") * 100.0)
    [quotes] = read_quotes(write(percent, tmp_path / "percent.csv"))
    np.testing.assert_allclose(quotes.iv, chain()["mark_iv"])


def test_other_names_of_bid_and_ask(tmp_path):
    renamed = chain().rename({"bid_price": "best_bid_price", "ask_price": "best_ask_price"})
    [quotes] = read_quotes(write(renamed, tmp_path / "renamed.csv"))
    np.testing.assert_allclose(quotes.ask, chain()["ask_price"])


def with_first(column: str, value: object) -> pl.DataFrame:
    text = chain().with_columns(pl.col("timestamp").dt.strftime("%+")).cast(pl.String)
    first = pl.int_range(pl.len()) == 0
    return text.with_columns(pl.when(first).then(pl.lit(value)).otherwise(column).alias(column))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("instrument_name", "NOBODY-KNOWS"),
        ("instrument_name", None),
        ("instrument_name", "BTC"),
        ("instrument_name", f"BTC-27MAR26-{'9' * 400}-C"),
        ("mark_price", "-0.01"),
        ("mark_price", "inf"),
        ("mark_price", "1e300"),
        ("mark_iv", "-0.5"),
        ("underlying_price", "-1"),
        ("index_price", "inf"),
        ("bid_price", "1e308"),
        ("bid_price", "-3"),
    ],
)
def test_a_damaged_row_is_dropped_and_the_others_stay(tmp_path, column, value):
    [quotes] = read_quotes(write(with_first(column, value), tmp_path / "bad.csv"))
    assert len(quotes.instruments) == len(chain()) - 1
    every = with_first(column, value).with_columns(pl.lit(value).alias(column))
    with pytest.raises(UnrecognisedFile, match=f"none of {len(chain())} rows"):
        read_quotes(write(every.cast(pl.String), tmp_path / "every.csv"))


@pytest.mark.parametrize("value", [None, "NaN", "n/a", "1,5"])
def test_a_missing_number_is_nan_and_the_row_stays(tmp_path, value):
    [quotes] = read_quotes(write(with_first("mark_price", value), tmp_path / "gap.csv"))
    assert len(quotes.instruments) == len(chain())
    assert np.isnan(quotes.mark[0])
    assert quotes.iv[0] == pytest.approx(smile(40_000.0))


def test_a_row_without_any_price_is_dropped(tmp_path):
    bare = with_first("mark_price", None)
    first = pl.int_range(pl.len()) == 0
    for column in ("mark_iv", "bid_price"):
        bare = bare.with_columns(pl.when(first).then(pl.lit(None)).otherwise(column).alias(column))
    [quotes] = read_quotes(write(bare, tmp_path / "bare.csv"))
    assert len(quotes.instruments) == len(chain()) - 1


# ---------------------------------------------------------------------- files of all sorts


def damaged(kind: str) -> bytes:
    text = chain().write_csv()
    return {
        "empty": b"",
        "cut.csv": text.encode()[: len(text) // 2],
        "cut.csv.gz": gzip.compress(text.encode())[:-30],
        "cut.parquet": b"PAR1" + text.encode(),
        "words.parquet": b"these are words",
        "utf16.csv": text.encode("utf-16"),
        "latin1.csv": (text + "\xe9" + "," * (len(chain().columns) - 1)).encode("latin-1"),
        "zeros.csv": bytes(500),
        "twice.csv": b"timestamp,mark_price,mark_price\n1,2,3\n",
        "long.csv": text.encode() + b"1," * 30 + b"1\n",
        "quote.csv": text.encode() + b'"' + b"," * (len(chain().columns) - 1),
        "header.csv": text.encode().splitlines(keepends=True)[0],
    }[kind]


KINDS = [
    *("empty", "cut.csv", "cut.csv.gz", "cut.parquet", "words.parquet", "utf16.csv"),
    *("latin1.csv", "zeros.csv", "twice.csv", "long.csv", "quote.csv"),
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_is_unreadable_and_named(tmp_path, kind):
    path = tmp_path / kind
    path.write_bytes(damaged(kind))
    with pytest.raises(UnreadableFile) as caught:
        read_quotes(path)
    assert caught.value.where == str(path)
    assert len(str(caught.value).splitlines()) == 1


def test_a_header_alone_has_no_rows(tmp_path):
    path = tmp_path / "header.csv"
    path.write_bytes(damaged("header.csv"))
    with pytest.raises(UnrecognisedFile, match="a header and no rows"):
        read_quotes(path)


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(UnreadableFile, match="no such file"):
        read_market(tmp_path / "nowhere.csv")
    with pytest.raises(UnreadableFile, match="not a file"):
        read_market(tmp_path)
    with pytest.raises(UnreadableFile, match="no path"):
        read_market("a\0b.csv")


@pytest.mark.parametrize("name", ["chain.csv", "chain.csv.gz"])
def test_memory_is_bounded_by_the_size_of_the_file_and_of_what_it_unpacks_to(
    tmp_path, monkeypatch, name
):
    text = chain().write_csv().encode()
    path = tmp_path / name
    path.write_bytes(gzip.compress(text) if name.endswith("gz") else text)
    monkeypatch.setattr(files, "MAX_FILE_BYTES", len(text) - 1)
    with pytest.raises(UnreadableFile, match="larger than"):
        read_quotes(path)


def test_names_with_stars_are_names(tmp_path):
    write(chain(), tmp_path / "chain1.csv")
    with pytest.raises(UnreadableFile, match="no such file"):
        read_quotes(tmp_path / "chain*.csv")


def check_answer(path: Path) -> None:
    """A file is either refused in one line or becomes a market of finite numbers."""
    try:
        market = read_market(path)
    except SeawallError as error:
        refusal = str(error)
    else:
        numbers = [(s.forward, *s.vol, s.atm_vol) for s in market.slices.values()]
        assert np.isfinite(np.concatenate([*numbers, [*market.futures.values()]])).all()
        return
    assert len(refusal.splitlines()) == 1


def mutated(content: bytes, changes: list[tuple[int, bytes, int]]) -> bytes:
    for place, written, removed in changes:
        at = place % (len(content) + 1)
        content = content[:at] + written + content[at + removed :]
    return content


SOUND = {
    "chain.csv": chain().write_csv().encode(),
    "curve.csv": curve().write_csv().encode(),
    "chain.csv.gz": gzip.compress(chain().write_csv().encode()),
}


@pytest.mark.parametrize("name", sorted(SOUND))
@given(changes=st.lists(CHANGES, min_size=1, max_size=6))
def test_whatever_the_bytes_only_our_errors_come_out(tmp_path_factory, name, changes):
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(mutated(SOUND[name], changes))
    check_answer(path)


CELLS = st.sampled_from(["", "nan", "inf", "-1", "0", "1e400", "x", '"', "BTC-27MAR26-70000-C"])


@given(st.dictionaries(st.tuples(st.integers(0, 13), st.integers(0, 7)), CELLS, max_size=40))
def test_whatever_the_cells_only_our_errors_come_out(tmp_path_factory, changes):
    lines = [line.split(",") for line in chain().write_csv().splitlines()]
    for (row, column), cell in changes.items():
        lines[row + 1][column] = cell
    path = tmp_path_factory.getbasetemp() / "cells.csv"
    path.write_text("\n".join(",".join(line) for line in lines) + "\n", encoding="utf-8")
    check_answer(path)
