"""Files of accounts margined shard by shard: the numbers of one table."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import seawall as sw
from seawall.basics.errors import (
    BadNumber,
    EmptyPortfolio,
    InputError,
    UnreadableFile,
    UnrecognisedFile,
    UnwritableFile,
)
from seawall.feeds.batch.files import batch_files
from seawall.feeds.batch.run import margin_file
from tests.batches import ROWS, run, spoilt, whole, written
from tests.many_positions import MARKET, many_positions, shuffled

SIZES = (50, 100, 10_000)
"""Positions of a shard: of some accounts, and of all."""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return written(ROWS, tmp_path / "positions.parquet")


# ---- numbers


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("order", ["grouped", "shuffled"])
@pytest.mark.parametrize("model", ["prbm", "cross"])
def test_margins_are_those_of_one_table_in_its_order(
    size: int, order: str, model: str, tmp_path: Path
) -> None:
    rows = ROWS if order == "grouped" else shuffled(ROWS)
    source, out = written(rows, tmp_path / "positions.parquet"), tmp_path / "margins.parquet"
    summary = run(source, out, model, size=size)
    expected = whole(rows, model)
    assert pl.read_parquet(out).equals(expected)
    assert (summary.accounts, summary.positions) == (60, 540)
    for name in ("initial", "maintenance", "margin_value", "equity"):
        cents = (expected[name] * 100).round().cast(pl.Int64).sum()
        assert getattr(summary, name) * 100 == cents
    states = {row.state: row.accounts for row in summary.states}
    assert {k: n for k, n in states.items() if n} == dict(expected["state"].value_counts().rows())
    assert {path.name for path in tmp_path.iterdir()} == {"positions.parquet", "margins.parquet"}


@pytest.mark.parametrize("name", ["positions.csv", "positions.arrow"])
@pytest.mark.parametrize("out", ["margins.csv", "margins.arrow"])
def test_other_formats_say_the_same(name: str, out: str, tmp_path: Path) -> None:
    run(written(ROWS, tmp_path / name), tmp_path / out)
    read = pl.read_csv if out.endswith("csv") else pl.read_ipc
    assert read(tmp_path / out).equals(whole(ROWS))


def test_accounts_may_be_integers_and_categories(tmp_path: Path) -> None:
    number = pl.col("account").str.strip_suffix("/a").cast(pl.Int64)
    for kind, account in (("int", number), ("cat", pl.col("account").cast(pl.Categorical))):
        rows = ROWS.with_columns(account, pl.col("instrument").cast(pl.Categorical))
        for given in (rows, shuffled(rows)):
            run(written(given, tmp_path / "p.parquet"), tmp_path / f"{kind}.arrow", overwrite=True)
            assert pl.read_ipc(tmp_path / f"{kind}.arrow").equals(whole(given))


def test_row_groups_and_shards_cut_no_account(tmp_path: Path) -> None:
    """Accounts larger than a shard, and a row group that ends within each."""
    rows = pl.concat(
        [
            many_positions(3, 150),
            many_positions(40, 5).with_columns(pl.col("account").str.replace("/a", "/b")),
        ]
    )
    rows.write_parquet(tmp_path / "positions.parquet", row_group_size=64)
    run(tmp_path / "positions.parquet", tmp_path / "margins.parquet", size=1)
    assert pl.read_parquet(tmp_path / "margins.parquet").equals(whole(rows))


def test_an_account_whose_rows_stand_apart_is_one(tmp_path: Path) -> None:
    """Its first row in the first shard, its last in the last."""
    rows = pl.concat([ROWS[:4], ROWS[9:], ROWS[4:9]])
    run(written(rows, tmp_path / "positions.parquet"), tmp_path / "margins.parquet")
    assert pl.read_parquet(tmp_path / "margins.parquet").equals(whole(rows))


def test_positions_without_entry_prices_need_no_column(tmp_path: Path) -> None:
    rows = ROWS.drop("entry_price")
    run(written(rows, tmp_path / "positions.parquet"), tmp_path / "margins.parquet")
    assert pl.read_parquet(tmp_path / "margins.parquet").equals(whole(rows))


def test_a_name_that_would_be_a_formula_is_text_in_csv(tmp_path: Path) -> None:
    rows = pl.DataFrame({"account": ["=1+1", "b"], "instrument": "BTC", "quantity": 1.0})
    run(written(rows, tmp_path / "positions.parquet"), tmp_path / "margins.csv")
    assert pl.read_csv(tmp_path / "margins.csv")["account"].to_list() == ["'=1+1", "b"]


def test_what_was_assumed_is_said_once(source: Path, tmp_path: Path) -> None:
    summary = run(source, tmp_path / "margins.parquet", size=50)
    is_future = ROWS["instrument"].is_in(list(MARKET.futures))
    missing = (is_future & ROWS["entry_price"].is_null()).sum()
    assert missing
    told = f"{missing:,} positions in futures have no entry price"
    assert next(w for w in summary.warnings if "entry price" in w).startswith(told)
    assert len(set(summary.warnings)) == len(summary.warnings)
    defaults = "Defaults of prbm for BTC, ETH"
    assert any(warning.startswith(defaults) for warning in summary.warnings)


def test_doubtful_entry_prices_are_counted(tmp_path: Path) -> None:
    mark = MARKET.futures["BTC-PERPETUAL"]
    rows = pl.DataFrame(
        {
            "account": ["a", "b", "c"],
            "instrument": ["BTC-PERPETUAL", "BTC-PERPETUAL", "BTC"],
            "quantity": 1.0,
            "entry_price": [mark * 3, mark * 1.5, 5.0],
        }
    )
    summary = run(written(rows, tmp_path / "positions.parquet"), tmp_path / "margins.parquet")
    assert [w[:14] for w in summary.warnings if w[0] == "1"] == ["1 entry prices", "1 entry prices"]
    assert any("over 2 times away" in warning for warning in summary.warnings)
    assert any("of no future" in warning for warning in summary.warnings)


# ---- accounts explained


def test_an_account_is_explained_by_its_own_report(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "margins.parquet"
    summary = run(source, out, explain=("7/a", "31/a"))
    folder = tmp_path / "margins.explained"
    assert summary.explained == tuple(str(folder / f"{n}%2Fa.json") for n in (7, 31))
    for account in ("7/a", "31/a"):
        own = ROWS.filter(pl.col("account") == account)
        held = own.select("instrument", "quantity", "entry_price").rows()
        report = sw.margin(sw.portfolio(held, account=account), MARKET, "prbm")
        file = folder / f"{account.replace('/', '%2F')}.json"
        assert file.read_bytes() == report.to_json() + b"\n"
        row = pl.read_parquet(out).row(by_predicate=pl.col("account") == account, named=True)
        told = json.loads(file.read_bytes())
        for name in ("initial", "maintenance", "margin_value", "equity", "mm_ratio", "state"):
            assert row[name] == told[name]


def test_reports_go_where_they_are_asked_for(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    options = {"explain": ("7/a",), "explain_to": folder}
    run(source, tmp_path / "margins.parquet", **options)
    assert [path.name for path in folder.iterdir()] == ["7%2Fa.json"]
    with pytest.raises(UnwritableFile, match="exists"):
        batch_files(tmp_path / "other.parquet", **options)


def test_an_account_that_is_not_there_cannot_be_explained(source: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no position is of account 'nobody'"):
        run(source, tmp_path / "margins.parquet", explain=("7/a", "nobody"))
    assert [path.name for path in tmp_path.iterdir()] == ["positions.parquet"]


# ---- files that cannot be read or written


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    content = written(ROWS, tmp_path / "whole.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(content[: len(content) // 2])
    (tmp_path / "empty.parquet").write_bytes(b"")
    (tmp_path / "text.parquet").write_text("account,instrument")
    (tmp_path / "cut.csv").write_text("account,instrument,quantity\na,BTC,1\nb,BT")
    (tmp_path / "packed.csv").write_bytes(b"\x1f\x8b\x08")
    (tmp_path / "book.json").write_text('[{"account": "a"}]')
    (tmp_path / "folder").mkdir()
    names = ("cut.parquet", "empty.parquet", "text.parquet", "cut.csv", "packed.csv", "book.json")
    for name in (*names, "folder", "absent.parquet"):
        with pytest.raises(UnreadableFile, match=name):
            run(tmp_path / name, tmp_path / "margins.parquet")
        assert not list(tmp_path.glob("margins*"))


def test_a_page_that_is_damaged_is_an_error_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "positions.parquet"
    ROWS.write_parquet(path, compression="zstd")
    content = bytearray(path.read_bytes())
    content[60:400] = bytes(340)
    path.write_bytes(content)
    with pytest.raises(UnreadableFile, match=r"positions\.parquet"):
        run(path, tmp_path / "margins.parquet")


def test_a_file_without_rows_or_with_other_columns_is_refused(tmp_path: Path) -> None:
    for suffix in ("parquet", "arrow"):
        empty = written(ROWS[:0], tmp_path / f"empty.{suffix}")
        with pytest.raises(EmptyPortfolio, match="no position"):
            run(empty, tmp_path / "margins.parquet")
        other = written(ROWS.rename({"quantity": "size"}), tmp_path / f"other.{suffix}")
        with pytest.raises(UnrecognisedFile, match="lacks 'quantity'"):
            run(other, tmp_path / "margins.parquet")


def test_what_is_in_the_way_is_told_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "margins.parquet").touch()
    for name in ("margins.parquet", "margins.txt", "nowhere/margins.parquet"):
        with pytest.raises(UnwritableFile, match="cannot be written"):
            batch_files(tmp_path / name)
    for options in ({"rejected": "bad.csv"}, {"explain_to": "reports"}):
        with pytest.raises(InputError, match="nothing would be written here"):
            batch_files(tmp_path / "other.parquet", **options)
    batch_files(tmp_path / "margins.parquet", overwrite=True)


def test_what_is_there_stays_where_the_run_fails(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "margins.parquet"
    out.write_bytes(b"mine")
    bad = written(spoilt(ROWS, 5, quantity=None), tmp_path / "bad.parquet")
    with pytest.raises(BadNumber):
        run(bad, out, overwrite=True)
    assert out.read_bytes() == b"mine"
    run(source, out, overwrite=True)
    assert pl.read_parquet(out).equals(whole(ROWS))


def test_threads_change_nothing(source: Path, tmp_path: Path) -> None:
    files = batch_files(tmp_path / "margins.parquet")
    margin_file(source, MARKET, "prbm", files, threads=1)
    assert pl.read_parquet(files.result).equals(whole(ROWS))


def test_progress_goes_on_and_ends_with_all_rows(tmp_path: Path) -> None:
    source = written(shuffled(ROWS), tmp_path / "positions.parquet")
    told: dict[str, list[int]] = {}

    def say(step: str, done: int, rows: int) -> None:
        assert rows == len(ROWS)
        told.setdefault(step, []).append(done)

    files = batch_files(tmp_path / "margins.parquet")
    margin_file(source, MARKET, "prbm", files, say=say, shard_positions=100)
    assert list(told) == ["reading", "dealing", "margining"]
    for counts in told.values():
        assert (np.diff(counts) > 0).all()
        assert counts[-1] == len(ROWS)
