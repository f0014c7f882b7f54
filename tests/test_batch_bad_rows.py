"""Files of accounts with bad rows: each is named, or its account left out and no other changed."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from msgspec import structs

from seawall.basics.errors import (
    BadNumber,
    BadParameter,
    DuplicatePosition,
    InputError,
    UnknownInstrument,
)
from seawall.feeds.account_margins import check_positions
from seawall.feeds.batch.files import batch_files
from seawall.feeds.batch.run import margin_file
from seawall.margin.model import MarginModel
from seawall.margin.presets import load_preset
from tests.account_tables import wide_market
from tests.batches import ROWS, run, spoilt, whole, written
from tests.many_positions import MARKET, many_positions, shuffled

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


def test_keep_going_without_a_bad_row_lists_none(tmp_path: Path) -> None:
    source = written(ROWS, tmp_path / "positions.parquet")
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


def test_a_debt_of_what_no_class_takes_is_its_accounts_own_matter(tmp_path: Path) -> None:
    """A pool's share may be held under a model without a class for it, and not be owed."""
    rows = pl.DataFrame(
        {
            "account": ["ann", "bea", "cleo"],
            "instrument": ["EUR-SUSDE-LP", "BTC", "EUR-SUSDE-LP"],
            "quantity": [-8_000.0, 1.0, 5.0],
        }
    )
    market = wide_market()
    model = without_ether("prbm")
    source, out = written(rows, tmp_path / "positions.parquet"), tmp_path / "margins.parquet"
    files = batch_files(out, keep_going=True)
    summary = margin_file(source, market, model, files)
    assert (summary.accounts, summary.rejected_accounts) == (2, 1)
    assert pl.read_parquet(out)["account"].to_list() == ["bea", "cleo"]
    for listed in (pl.read_csv(files.rejected), check_positions(rows, market, model)):
        assert listed.select("row", "account", "problem").rows() == [
            (1, "ann", "no class takes EUR-SUSDE-LP")
        ]
