"""Files of accounts margined shard by shard: the numbers of one table, and every bad row named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from msgspec import structs

import seawall as sw
from seawall.basics.errors import (
    BadNumber,
    BadParameter,
    DuplicatePosition,
    EmptyPortfolio,
    InputError,
    UnknownInstrument,
    UnreadableFile,
    UnrecognisedFile,
    UnwritableFile,
)
from seawall.feeds.account_margins import margin_of_positions
from seawall.feeds.batch import margin_file
from seawall.feeds.batch_files import batch_files
from seawall.margin.model import MarginModel
from seawall.margin.presets import load_preset
from tests.many_positions import MARKET, many_positions, shuffled

ROWS = many_positions(60, 9)
SIZES = (50, 100, 10_000)
"""Positions of a shard: of some accounts, and of all."""


def run(source: Path, out: Path, model: str = "prbm", *, size: int = 100, **options):
    files = batch_files(out, **options)
    return margin_file(source, MARKET, model, files, shard_positions=size)


def written(rows: pl.DataFrame, path: Path) -> Path:
    writers = {".parquet": rows.write_parquet, ".csv": rows.write_csv, ".arrow": rows.write_ipc}
    writers[path.suffix](path)
    return path


def whole(rows: pl.DataFrame, model: str = "prbm") -> pl.DataFrame:
    return margin_of_positions(rows, MARKET, load_preset(model))


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


# ---- bad rows


def spoilt(rows: pl.DataFrame, place: int, **cells: object) -> pl.DataFrame:
    """The rows with some cells of one of them changed."""
    here = pl.int_range(len(rows)) == place
    changed = [
        pl.when(here).then(pl.lit(v)).otherwise(pl.col(k)).alias(k) for k, v in cells.items()
    ]
    return rows.with_columns(changed)


MILLION = many_positions(100_000, 10)
FAULTS = [
    ({"quantity": float("nan")}, BadNumber),
    ({"instrument": "BTC-NONSENSE-1"}, UnknownInstrument),
    ({"instrument": MILLION["instrument"][654_320]}, DuplicatePosition),
]


@pytest.mark.parametrize("order", ["grouped", "apart"])
@pytest.mark.parametrize(("cells", "error"), FAULTS)
def test_one_bad_row_among_a_million_is_named_and_nothing_is_written(
    cells: dict[str, object], error: type[InputError], order: str, tmp_path: Path
) -> None:
    rows = spoilt(MILLION, 654_321, **cells)
    place = 654_322
    if order == "apart":  # the last row first
        rows, place = pl.concat([rows[-1:], rows[:-1]]), place + 1
    source = written(rows, tmp_path / "positions.parquet")
    with pytest.raises(error, match=rf"positions\.parquet rows? .*\b{place}\b") as found:
        run(source, tmp_path / "margins.parquet", size=300_000)
    assert "--keep-going" in found.value.remedy
    assert [path.name for path in tmp_path.iterdir()] == ["positions.parquet"]


def test_the_first_bad_row_is_named_and_the_others_counted(tmp_path: Path) -> None:
    rows = spoilt(spoilt(spoilt(ROWS, 500, quantity=None), 250, quantity=None), 40, quantity=1e15)
    for given in (rows, rows.reverse()):
        source = written(given, tmp_path / "positions.parquet")
        with pytest.raises(BadNumber, match="2 more rows are bad") as found:
            run(source, tmp_path / "margins.parquet")
        first = given.with_row_index("n", 1).filter(
            pl.col("quantity").is_null() | (pl.col("quantity") > 1e14)
        )["n"][0]
        assert f"row {first}," in found.value.where


def test_a_file_without_a_good_row_is_given_up_early(tmp_path: Path) -> None:
    rows = MILLION.with_columns(instrument=pl.lit("SOL-PERPETUAL"))
    source = written(rows, tmp_path / "positions.parquet")
    with pytest.raises(InputError, match=r"row 1, .*at least 999 more rows are bad"):
        run(source, tmp_path / "margins.parquet")


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("positions.csv", "positions.csv row 102, account 11/a; the header is row 1"),
        ("positions.arrow", "positions.arrow row 101, account 11/a; the first position is row 1"),
    ],
)
def test_rows_of_csv_are_counted_with_the_header(name: str, where: str, tmp_path: Path) -> None:
    """Of what has no lines they are not, and each error says so."""
    source = written(spoilt(ROWS, 100, quantity=None), tmp_path / name)
    with pytest.raises(BadNumber) as found:
        run(source, tmp_path / "margins.parquet")
    assert found.value.where == where
    if name.endswith("csv"):
        assert source.read_text(encoding="utf-8").splitlines()[101].startswith("11/a,")


@pytest.mark.parametrize("order", ["grouped", "shuffled"])
def test_keep_going_leaves_out_bad_accounts_and_no_other_number_changes(
    order: str, tmp_path: Path
) -> None:
    bad = {
        7: {"quantity": float("nan")},
        100: {"instrument": "BTC-NONSENSE-1"},
        101: {"quantity": None},
        301: {"instrument": ROWS["instrument"][300]},
        539: {"account": None},
    }
    rows = ROWS
    for place, cells in bad.items():
        rows = spoilt(rows, place, **cells)
    if order == "shuffled":
        rows = shuffled(rows)
    source, out = written(rows, tmp_path / "positions.parquet"), tmp_path / "margins.parquet"
    summary = run(source, out, keep_going=True, explain=("0/a", "1/a"))
    left_out = ["0/a", "11/a", "33/a"]
    others = rows.filter(~pl.col("account").is_in(left_out) & pl.col("account").is_not_null())
    assert pl.read_parquet(out).equals(whole(others))
    listed = pl.read_csv(tmp_path / "margins.rejected.csv")
    assert listed.columns == ["row", "account", "instrument", "problem", "remedy"]
    assert listed["row"].is_sorted()
    assert listed["account"].sort().to_list() == ["", "0/a", "11/a", "11/a", "33/a"]
    for row in listed.filter(pl.col("account") != "").iter_rows(named=True):
        assert rows["account"][row["row"] - 1] == row["account"]
        assert rows["instrument"][row["row"] - 1] == row["instrument"]
    assert (summary.accounts, summary.rejected_accounts, summary.rejected_rows) == (57, 3, 5)
    # One that is left out has no report.
    assert [Path(each).name for each in summary.explained] == ["1%2Fa.json"]


def test_keep_going_without_a_bad_row_lists_none(source: Path, tmp_path: Path) -> None:
    listed = tmp_path / "bad.csv"
    summary = run(source, tmp_path / "margins.parquet", keep_going=True, rejected=listed)
    assert pl.read_parquet(tmp_path / "margins.parquet").equals(whole(ROWS))
    assert pl.read_csv(listed).is_empty()
    assert summary.rejected == str(listed)


@pytest.mark.parametrize("order", ["grouped", "shuffled"])
def test_keep_going_may_leave_nobody(order: str, tmp_path: Path) -> None:
    rows = ROWS.with_columns(quantity=pl.lit(None, dtype=pl.Float64))
    given = rows if order == "grouped" else shuffled(rows)
    source, out = written(given, tmp_path / "positions.parquet"), tmp_path / "margins.parquet"
    summary = run(source, out, keep_going=True)
    assert (summary.accounts, summary.initial, summary.rejected_accounts) == (0, 0, 60)
    assert pl.read_parquet(out).equals(whole(ROWS)[:0])
    assert len(pl.read_csv(tmp_path / "margins.rejected.csv")) == len(ROWS)


def test_an_account_beyond_all_amounts_is_named_or_left_out(tmp_path: Path) -> None:
    """Each of its positions can be margined, and what it owes in one underlying cannot be told."""
    names = [name for name in sorted(MARKET.option_rows) if name.endswith("-C")][:40]
    huge = pl.DataFrame({"account": "huge", "instrument": names, "quantity": -9e7})
    rows = pl.concat([ROWS.drop("entry_price"), huge])
    source = written(rows, tmp_path / "positions.parquet")
    with pytest.raises(BadNumber, match=r"positions\.parquet row 541, account huge"):
        run(source, tmp_path / "margins.parquet")
    run(source, tmp_path / "margins.parquet", keep_going=True)
    left = whole(ROWS.drop("entry_price"))
    assert pl.read_parquet(tmp_path / "margins.parquet").equals(left)
    [row] = pl.read_csv(tmp_path / "margins.rejected.csv").rows()
    assert row[:2] == (541, "huge")


def without_ether(name: str) -> MarginModel:
    """The model, of which no class takes ETH any more."""
    model = load_preset(name)
    classes = tuple(each for each in model.classes if each.name not in ("eth", "other"))
    return structs.replace(model, classes=classes)


@pytest.mark.parametrize("order", ["grouped", "shuffled"])
@pytest.mark.parametrize("name", ["prbm", "collateral-factor"])
def test_keep_going_leaves_out_what_the_model_does_not_take(
    name: str, order: str, tmp_path: Path
) -> None:
    """Every fifth account holds ETH, and no other number changes."""
    is_ether = pl.col("instrument").str.starts_with("ETH")
    holds = pl.col("account").str.strip_suffix("/a").cast(pl.Int64) % 5 == 0
    rows = ROWS.filter(~is_ether | holds)
    rows = rows if order == "grouped" else shuffled(rows)
    bad = rows.with_row_index("row", 1).filter(is_ether)
    others = rows.filter(~pl.col("account").is_in(bad["account"].to_list()))
    source, out = written(rows, tmp_path / "positions.parquet"), tmp_path / "margins.parquet"
    with pytest.raises(BadParameter, match=f"no class takes ETH .*row {bad['row'][0]}, account"):
        run(source, out, without_ether(name))
    explain = (bad["account"][0], others["account"][0])
    summary = run(source, out, without_ether(name), keep_going=True, explain=explain)
    assert pl.read_parquet(out).equals(whole(others, name))
    listed = pl.read_csv(tmp_path / "margins.rejected.csv")
    assert (
        listed.select("row", "account", "instrument").rows()
        == bad.select("row", "account", "instrument").rows()
    )
    assert set(listed["problem"]) == {"no class takes ETH"}
    assert summary.accounts == others["account"].n_unique()
    assert summary.rejected_accounts == bad["account"].n_unique() > 0
    [explained] = summary.explained
    assert json.loads(Path(explained).read_bytes())["account"] == explain[1]


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
