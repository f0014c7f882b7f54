"""Documents in files: what is written reads back, no text becomes a formula, no file is lost."""

from __future__ import annotations

import csv
import io
import json
import os
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastexcel
import msgspec
import polars as pl
import pytest

import seawall as sw
from seawall.basics.errors import InputError, UnwritableFile
from seawall.report.schema import MarginReport, to_json
from seawall.report.tables import Table, tables
from tests.documents import NASTY, documents, market

NAMES = sorted(documents())
SUFFIXES = (".json", ".csv", ".xlsx")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


@pytest.fixture
def report() -> MarginReport:
    document = documents()["margin-report"]
    assert isinstance(document, MarginReport)
    return document


def named(account: str) -> MarginReport:
    return sw.margin(sw.portfolio([("BTC", 1), ("USDC", 100)], account=account), market())


def csv_rows(path: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_bytes().decode(), newline="")))


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def beside(path: Path, table: Table) -> Path:
    return path if table.name == "summary" else path.with_suffix(f".{table.name}{path.suffix}")


# ---- JSON


@pytest.mark.parametrize("name", NAMES)
def test_json_file_is_the_document(name: str, tmp_path: Path) -> None:
    target = tmp_path / "told.json"
    assert sw.write_report(documents()[name], target) == (target,)
    assert target.read_bytes() == documents()[name].to_json() + b"\n"


def test_json_file_of_several_accounts_is_a_list(tmp_path: Path) -> None:
    reports = [named("one"), named("two")]
    sw.write_report(reports, tmp_path / "told.json")
    written = (tmp_path / "told.json").read_bytes()
    assert written == to_json(reports) + b"\n"
    assert [each["account"] for each in json.loads(written)] == ["one", "two"]
    # One alone is an object, as on standard output.
    sw.write_report(reports[:1], tmp_path / "one.json")
    assert json.loads((tmp_path / "one.json").read_bytes())["account"] == "one"


# ---- CSV


def as_value(text: str, kind: str) -> Any:
    """A field of a CSV file as the value it was written from."""
    if text == "":
        return None
    readers: dict[str, Any] = {
        "amount": Decimal,
        "exact": Decimal,
        "number": float,
        "share": float,
        "count": int,
        "instant": datetime.fromisoformat,
        "date": date.fromisoformat,
        "flag": lambda flag: {"true": True, "false": False}[flag],
    }
    return readers.get(kind, str)(text)


@pytest.mark.parametrize("name", NAMES)
def test_csv_files_read_back_exactly(name: str, tmp_path: Path) -> None:
    target = tmp_path / "told.csv"
    files = sw.write_report(documents()[name], target)
    expected = tables([documents()[name]])
    assert files == tuple(beside(target, table) for table in expected)
    for file, table in zip(files, expected, strict=True):
        rows = csv_rows(file)
        assert rows[0] == [column.key for column in table.columns]
        kinds = [column.kind for column in table.columns]
        read = [tuple(map(as_value, row, kinds)) for row in rows[1:]]
        assert read == list(table.rows), table.name


def test_csv_is_read_by_polars_and_adds_up(report: MarginReport, tmp_path: Path) -> None:
    sw.write_report(report, tmp_path / "told.csv")
    rows = pl.read_csv(tmp_path / "told.requirement.csv", schema_overrides={"initial": pl.String})
    assert sum(map(Decimal, rows["initial"])) == report.initial
    assert pl.read_csv(tmp_path / "told.risk_matrix.csv")["worst"].sum() == 2


def test_steps_in_csv_add_up_to_the_change(tmp_path: Path) -> None:
    sw.write_report(documents()["change"], tmp_path / "told.csv")
    [ends] = read_csv(tmp_path / "told.csv")
    steps = read_csv(tmp_path / "told.steps.csv")
    for key in ("initial", "maintenance", "margin_value"):
        change = Decimal(ends[f"{key}_after"]) - Decimal(ends[f"{key}_before"])
        assert sum(Decimal(step[key]) for step in steps) == change != 0


def test_summary_has_a_row_an_account(tmp_path: Path) -> None:
    sw.write_report([named("one"), named("two")], tmp_path / "told.csv")
    rows = read_csv(tmp_path / "told.csv")
    assert [row["account"] for row in rows] == ["one", "two"]
    assert {row["currency"] for row in rows} == {"USD"}
    assert {row["as_of"] for row in rows} == {"2026-01-16T16:00:00Z"}


@pytest.mark.parametrize("account", ["a\r=1+1", "a\n=1+1", "a\r\n=1+1"])
def test_an_end_of_line_in_a_text_begins_no_row_of_csv(account: str, tmp_path: Path) -> None:
    [file, *_] = sw.write_report(named(account), tmp_path / "told.csv")
    assert f'"{account}"'.encode() in file.read_bytes()


@pytest.mark.parametrize("account", NASTY)
def test_text_in_csv_is_never_a_formula(account: str, tmp_path: Path) -> None:
    """An account's name is anybody's text; numbers stay numbers though they begin with -."""
    target = tmp_path / "told.csv"
    for file in sw.write_report(named(account), target):
        for row in csv_rows(file):
            for cell in row:
                if cell.startswith(FORMULA_STARTS):
                    float(cell)
    [row] = read_csv(target)
    guarded = account.startswith(FORMULA_STARTS)
    assert row["account"] == (f"'{account}" if guarded else account)
    assert any(row["pnl"].startswith("-") for row in read_csv(tmp_path / "told.risk_matrix.csv"))


# ---- Excel


def sheet_values(path: Path, name: str) -> list[list[Any]]:
    sheet = fastexcel.read_excel(path).load_sheet(name, schema_sample_rows=None)
    frame = sheet.to_polars()
    return [list(frame.columns), *map(list, frame.rows())]


@pytest.mark.parametrize("name", NAMES)
def test_workbook_has_a_sheet_a_table_and_every_number(name: str, tmp_path: Path) -> None:
    target = tmp_path / "told.xlsx"
    assert sw.write_report(documents()[name], target) == (target,)
    expected = tables([documents()[name]])
    book = fastexcel.read_excel(target)
    assert book.sheet_names == [table.name for table in expected]
    for table in expected:
        header, *rows = sheet_values(target, table.name)
        assert header == [column.key for column in table.columns]
        assert len(rows) == len(table.rows)
        for read, written in zip(rows, table.rows, strict=True):
            for value, expected_value, column in zip(read, written, table.columns, strict=True):
                if expected_value is None:
                    assert not value
                elif isinstance(expected_value, float | Decimal):
                    # Excel holds float64 and its files 16 digits of it.
                    assert value == pytest.approx(float(expected_value), rel=1e-15, abs=0)
                elif column.kind == "instant":
                    assert value.replace(tzinfo=UTC) == expected_value
                elif column.kind == "date":
                    assert value.date() == expected_value
                else:
                    assert value == expected_value


def test_workbook_has_types_that_excel_computes_with(report: MarginReport, tmp_path: Path) -> None:
    sw.write_report(report, tmp_path / "told.xlsx")
    book = fastexcel.read_excel(tmp_path / "told.xlsx")
    summary = book.load_sheet("summary").to_polars()
    assert summary["as_of"].to_list() == [report.as_of.replace(tzinfo=None)]
    assert summary["initial"].to_list() == [float(report.initial)]
    assert summary["currency"].to_list() == ["USD"]
    matrix = book.load_sheet("risk_matrix").to_polars()
    assert matrix["worst"].dtype == pl.Boolean
    assert matrix["pnl"].dtype == pl.Float64


def test_rows_in_excel_add_up_to_the_totals(report: MarginReport, tmp_path: Path) -> None:
    """To the cent, which is how Excel shows them: its sums are of float64."""
    sw.write_report(report, tmp_path / "told.xlsx")
    book = fastexcel.read_excel(tmp_path / "told.xlsx")
    totals = book.load_sheet("summary").to_polars()
    for sheet, column, total in (
        ("requirement", "initial", "initial"),
        ("requirement", "maintenance", "maintenance"),
        ("collateral", "value", "equity"),
    ):
        added = book.load_sheet(sheet).to_polars()[column].sum()
        assert round(added, 2) == totals[total][0] == float(getattr(report, total))


def part(path: Path, name: str) -> str:
    with zipfile.ZipFile(path) as parts:
        return parts.read(name).decode()


def test_workbook_has_formats_and_a_header_that_stays(report: MarginReport, tmp_path: Path) -> None:
    target = tmp_path / "told.xlsx"
    sw.write_report(report, target)
    styles, sheet = part(target, "xl/styles.xml"), part(target, "xl/worksheets/sheet5.xml")
    for shape in ("0.0%", "yyyy-mm-dd hh:mm:ss", "#,##0.00"):
        assert f'formatCode="{shape}"' in styles
    assert '<pane xSplit="1" ySplit="1" topLeftCell="B2"' in sheet
    assert "<colorScale>" in sheet
    assert "<formula>$H2</formula>" in sheet
    assert "<cols>" in sheet


@pytest.mark.parametrize("account", NASTY)
def test_text_in_excel_is_never_a_formula_or_a_link(account: str, tmp_path: Path) -> None:
    target = tmp_path / "told.xlsx"
    report = named(account)
    told = msgspec.structs.replace(report, warnings=("http://example.org", "=A1", "12"))
    sw.write_report(told, target)
    with zipfile.ZipFile(target) as parts:
        sheets = [parts.read(name).decode() for name in parts.namelist() if "sheet" in name]
    assert not any("<f>" in sheet or "<hyperlink" in sheet for sheet in sheets)
    read = sheet_values(target, "warnings")
    assert [row[1] for row in read[1:]] == ["http://example.org", "=A1", "12"]
    assert {row[0] for row in read[1:]} == {account}


def test_workbook_is_the_same_every_time(report: MarginReport, tmp_path: Path) -> None:
    written = [sw.write_report(report, tmp_path / f"{n}.xlsx")[0].read_bytes() for n in (1, 2)]
    assert written[0] == written[1]


def test_what_no_sheet_can_hold_is_refused(report: MarginReport, tmp_path: Path) -> None:
    long = msgspec.structs.replace(report, warnings=("x" * 32_768,))
    with pytest.raises(UnwritableFile, match=r"row 1 of warnings .*Write .csv or .json"):
        sw.write_report(long, tmp_path / "told.xlsx")
    assert list(tmp_path.iterdir()) == []
    sw.write_report(long, tmp_path / "told.csv")


# ---- files


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_that_exists_is_replaced_only_when_allowed(
    suffix: str, report: MarginReport, tmp_path: Path
) -> None:
    target = tmp_path / f"told{suffix.upper()}"
    target.write_bytes(b"mine")
    with pytest.raises(UnwritableFile, match=r"the file exists .*--overwrite"):
        sw.write_report(report, target)
    assert target.read_bytes() == b"mine"
    assert [path.name for path in tmp_path.iterdir()] == [target.name]
    sw.write_report(report, target, overwrite=True)
    assert target.read_bytes() != b"mine"


def test_a_table_of_csv_that_exists_keeps_all_files_from_being_written(
    report: MarginReport, tmp_path: Path
) -> None:
    (tmp_path / "told.greeks.csv").write_text("mine", encoding="utf-8")
    with pytest.raises(UnwritableFile, match=r"told\.greeks\.csv"):
        sw.write_report(report, tmp_path / "told.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["told.greeks.csv"]


def test_a_write_that_fails_leaves_everything_as_it_was(
    report: MarginReport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "told.csv").write_text("mine", encoding="utf-8")
    written = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if "greeks" in path.name:
            written(path, content[:10])
            raise OSError(28, "No space left on device")
        return written(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UnwritableFile, match="no space left"):
        sw.write_report(report, tmp_path / "told.csv", overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["told.csv"]
    assert (tmp_path / "told.csv").read_text(encoding="utf-8") == "mine"


def test_the_file_that_is_named_comes_last(
    report: MarginReport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved: list[str] = []
    replace = os.replace

    def watched(source: Path, target: Path) -> None:
        moved.append(Path(target).name)
        replace(source, target)

    monkeypatch.setattr(os, "replace", watched)
    files = sw.write_report(report, tmp_path / "told.csv")
    assert sorted(moved) == sorted(file.name for file in files)
    assert moved[-1] == "told.csv"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("told", "no format"),
        ("told.pdf", r"End it in \.json, \.csv, \.xlsx"),
        ("absent/told.json", "there is no folder"),
    ],
)
def test_a_place_that_cannot_be_written_is_refused(
    name: str, said: str, report: MarginReport, tmp_path: Path
) -> None:
    with pytest.raises(UnwritableFile, match=said):
        sw.write_report(report, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_the_way_of_one_table_keeps_all_as_it_was(
    report: MarginReport, tmp_path: Path
) -> None:
    (tmp_path / "told.greeks.csv").mkdir()
    (tmp_path / "told.warnings.csv").write_text("mine", encoding="utf-8")
    with pytest.raises(UnwritableFile, match=r"stands there is no file .*told\.greeks\.csv"):
        sw.write_report(report, tmp_path / "told.csv", overwrite=True)
    assert {p.name for p in tmp_path.iterdir()} == {"told.greeks.csv", "told.warnings.csv"}
    assert (tmp_path / "told.warnings.csv").read_text(encoding="utf-8") == "mine"


def test_a_folder_is_not_replaced(report: MarginReport, tmp_path: Path) -> None:
    (tmp_path / "told.json").mkdir()
    with pytest.raises(UnwritableFile, match="no file"):
        sw.write_report(report, tmp_path / "told.json", overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["told.json"]


@pytest.mark.parametrize("wrong", [5, [], "text", None, [documents()["change"], "text"]])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_no_document_is_not_written(wrong: Any, suffix: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no documents of one kind"):
        sw.write_report(wrong, tmp_path / f"told{suffix}")
    assert list(tmp_path.iterdir()) == []
