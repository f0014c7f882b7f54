"""Excel workbooks: exact numbers, named cells, and nothing that unpacks beyond its bounds."""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from seawall.basics.errors import (
    BadNumber,
    EmptyPortfolio,
    SeawallError,
    UnknownInstrument,
    UnreadableFile,
    UnrecognisedFile,
)
from seawall.feeds import excel
from seawall.feeds.books import read_portfolio, read_portfolios
from seawall.feeds.excel import read_sheet
from seawall.feeds.market import read_market

SHEET = "xl/worksheets/sheet1.xml"
HEADER = ["instrument", "quantity"]
# Excel's dates have no zone.
DAY = datetime.fromisoformat("2026-02-05")


def workbook(path: Path, *rows: list[Any], sheet: str = "Sheet1", top: int = 0) -> Path:
    book = xlsxwriter.Workbook(path)
    page, date = book.add_worksheet(sheet), book.add_format({"num_format": "yyyy-mm-dd"})
    for number, row in enumerate(rows, top):
        for column, cell in enumerate(row):
            if isinstance(cell, datetime):
                page.write_datetime(number, column, cell, date)
            elif cell is not None:
                page.write(number, column, cell)
    book.close()
    return path


def changed(path: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """The workbook with its parts changed."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    change(parts)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return path


def cells(xml: str) -> Callable[[dict[str, bytes]], None]:
    """Replaces all cells of the sheet."""

    def change(parts: dict[str, bytes]) -> None:
        before, rest = parts[SHEET].decode().split("<sheetData>")
        after = rest.split("</sheetData>")[1]
        parts[SHEET] = f"{before}<sheetData>{xml}</sheetData>{after}".encode()

    return change


NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False, min_value=-1e14, max_value=1e14),
    st.sampled_from([0.1, 1 / 3, 1e-9, 123456789.123, 0.1 + 0.2, 5e-324, 1e14]),
)


@given(numbers=st.lists(NUMBERS, min_size=1, max_size=8))
def test_a_number_is_the_shortest_text_that_excel_stored(tmp_path_factory, numbers):
    """The sheet itself says what is stored; it has up to seventeen digits."""
    path = tmp_path_factory.getbasetemp() / "numbers.xlsx"
    rows = "".join(
        f'<row r="{row}"><c r="A{row}"><v>{number!r}</v></c></row>'
        for row, number in enumerate(numbers, 1)
    )
    changed(workbook(path, [1]), cells(rows))
    found = [row[0] for row in read_sheet(path, ()).rows]
    assert [Decimal(str(text)) for text in found] == [Decimal(repr(number)) for number in numbers]


def test_text_that_looks_like_a_number_stays_as_it_is_written(tmp_path):
    written = ["0.10000000000000000000001", "1e-3", "007", "-0"]
    path = tmp_path / "x.xlsx"
    book = xlsxwriter.Workbook(path)
    book.add_worksheet().write_row(0, 0, written)
    book.close()
    [row] = read_sheet(path, ()).rows
    assert list(row) == written


def test_rows_are_counted_as_the_sheet_counts_them(tmp_path):
    path = workbook(tmp_path / "x.xlsx", HEADER, ["BTC", 1], ["ETH-NEVER", 2], top=4)
    with pytest.raises(UnknownInstrument) as caught:
        read_portfolio(path)
    assert caught.value.where == "x.xlsx Sheet1 row 7"
    assert [p.quantity for p in read_portfolio(workbook(path, HEADER, ["BTC", 1], top=4)).positions]


@pytest.mark.parametrize("first", ["Sheet1", "Book"])
@pytest.mark.parametrize("title", [None, "the other desk"])
def test_books_on_two_sheets_are_refused_and_named(tmp_path, first, title):
    path = tmp_path / "x.xlsx"
    book = xlsxwriter.Workbook(path)
    for name, quantity in ((first, 1), ("Desk 2", -500)):
        sheet = book.add_worksheet(name)
        top = 2 if title and name == "Desk 2" else 0
        sheet.write(0, 0, title)
        sheet.write_row(top, 0, ["Instrument ", "Quantity"])
        sheet.write_row(top + 1, 0, ["BTC", quantity])
    book.add_worksheet("notes").write(0, 0, "an instrument, and its quantity")
    book.add_chartsheet("picture")
    book.close()
    with pytest.raises(UnreadableFile, match=f"sheets '{first}', 'Desk 2' each hold") as caught:
        read_portfolios(path)
    assert caught.value.remedy == "Put all rows on one sheet."


@pytest.mark.parametrize("name", ["Book", "POSITIONS", "portfolio"])
def test_a_sheet_of_the_right_name_counts_before_the_first(tmp_path, name):
    path = tmp_path / "x.xlsx"
    book = xlsxwriter.Workbook(path)
    book.add_worksheet("notes").write(0, 0, "not this one")
    sheet = book.add_worksheet(name)
    sheet.write_row(0, 0, HEADER)
    sheet.write_row(1, 0, ["BTC", 0.1])
    book.add_chartsheet("picture")
    book.close()
    assert read_portfolio(path).positions[0].quantity == Decimal("0.1")


@pytest.mark.parametrize(
    ("row", "error", "said"),
    [
        (["BTC", DAY], BadNumber, "quantity of BTC is '2026-02-05"),
        (["BTC", True], BadNumber, "quantity of BTC is 'true'"),
        (["BTC", None], BadNumber, "quantity of BTC is ''"),
        (["BTC", "1,000"], BadNumber, "'1,000'"),
        ([DAY, 1], UnknownInstrument, "2026-02-05"),
        ([5, 1], UnknownInstrument, "'5'"),
    ],
)
def test_a_cell_of_the_wrong_kind_is_named(tmp_path, row, error, said):
    with pytest.raises(error) as caught:
        read_portfolio(workbook(tmp_path / "x.xlsx", HEADER, row))
    assert said in caught.value.what
    assert caught.value.where == "x.xlsx Sheet1 row 2"


def test_a_wrong_header_and_an_empty_sheet(tmp_path):
    with pytest.raises(UnrecognisedFile, match="lacks 'quantity'"):
        read_portfolio(workbook(tmp_path / "x.xlsx", ["instrument"], ["BTC"]))
    for rows in ([], [HEADER]):
        with pytest.raises(EmptyPortfolio):
            read_portfolio(workbook(tmp_path / "x.xlsx", *rows))
    with pytest.raises(UnreadableFile, match="its sheet is empty"):
        read_market(workbook(tmp_path / "x.xlsx"))
    with pytest.raises(UnreadableFile, match="'mark_price' appears twice"):
        read_market(workbook(tmp_path / "x.xlsx", ["mark_price", None, None, "mark_price"]))


@pytest.mark.parametrize(
    ("xml", "said"),
    [
        ('<row r="1"><c r="B1" t="e"><v>#DIV/0!</v></c></row>', "cell B1 holds an error"),
        ('<row r="1"><c r="C1"><f>A1*2</f></c></row>', "cell C1 holds a formula and no value"),
        ('<row r="1"><c><v>1</v></c></row>', "a cell does not say where it stands"),
        ('<row r="1"><c r="AAAA1"><v>1</v></c></row>', "a cell does not say where it stands"),
        ('<row r="1"><c r="A1"/><c r="XFD1"/></row>', "16384 columns wide"),
        ('<row r="1"><c r="A1"/></row><row r="2"><c r="ALL1048576"/></row>', "columns wide"),
        ('<row r="1"><c r="A1"/><c r="E1048576"/></row>', "1048576 rows high"),
        ('<row r="1"><c r="A1"><v>1</v></row>', "sheet1.xml in it is damaged"),
    ],
)
def test_a_sheet_that_cannot_be_held_or_trusted_is_refused(tmp_path, xml, said):
    path = changed(workbook(tmp_path / "x.xlsx", HEADER, ["BTC", 1]), cells(xml))
    for read in (read_portfolio, read_market):
        with pytest.raises(UnreadableFile) as caught:
            read(path)
        assert said in caught.value.what
        assert "x.xlsx" in caught.value.where


def test_what_unpacks_to_more_than_the_bound_is_refused(tmp_path, monkeypatch):
    def grow(parts: dict[str, bytes]) -> None:
        parts["xl/worksheets/sheet2.xml"] = b"<a>" + b" " * 3_000_000 + b"</a>"

    monkeypatch.setattr(excel, "MAX_UNPACKED_BYTES", 1024**2)
    path = changed(workbook(tmp_path / "x.xlsx", HEADER, ["BTC", 1]), grow)
    assert path.stat().st_size < 20_000
    with pytest.raises(UnreadableFile, match="unpacks to more than 1 MiB"):
        read_portfolio(path)


def test_a_part_that_lies_about_its_size_is_never_unpacked_by_others(tmp_path):
    """What is read is what was counted: the directory says ten bytes, so ten are taken."""
    path = changed(workbook(tmp_path / "x.xlsx", HEADER, ["BTC", 1]), lambda parts: None)
    with zipfile.ZipFile(path) as archive:
        size = archive.getinfo(SHEET).file_size
    content = path.read_bytes().replace(size.to_bytes(4, "little"), (10).to_bytes(4, "little"))
    path.write_bytes(content)
    with pytest.raises(UnreadableFile, match="damaged"):
        read_portfolio(path)


def test_one_text_shared_by_many_cells_is_bounded(tmp_path, monkeypatch):
    path = workbook(tmp_path / "x.xlsx", *[["x" * 30_000]] * 50)
    assert read_sheet(path, ()).rows
    monkeypatch.setattr(excel, "MAX_TEXT_BYTES", 1024**2)
    with pytest.raises(UnreadableFile, match="its texts take more than 1 MiB"):
        read_sheet(path, ())


def test_a_document_type_is_refused(tmp_path):
    def declare(parts: dict[str, bytes]) -> None:
        head, body = parts[SHEET].split(b"?>", 1)
        parts[SHEET] = head + b'?><!DOCTYPE a [<!ENTITY b "bbbb">]>' + body

    with pytest.raises(UnreadableFile, match="document type"):
        read_portfolio(changed(workbook(tmp_path / "x.xlsx", HEADER, ["BTC", 1]), declare))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK\x03\x04" + bytes(50), "damaged or protected"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "an Excel file of the old kind"),
    ],
)
def test_what_is_no_workbook_says_so(tmp_path, content, said):
    path = tmp_path / "x.xlsx"
    path.write_bytes(content)
    with pytest.raises(UnreadableFile, match=said):
        read_portfolio(path)
    with pytest.raises(UnreadableFile, match=said):
        read_market(path)


def test_an_archive_of_something_else_is_no_workbook(tmp_path):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("book.csv", "instrument,quantity\nBTC,1\n")
    with pytest.raises(UnreadableFile, match="an archive and no Excel workbook"):
        read_portfolio(path)


@given(
    st.lists(
        st.tuples(st.integers(0, 8_000), st.binary(max_size=4), st.integers(0, 8)),
        min_size=1,
        max_size=4,
    ),
    st.booleans(),
)
def test_whatever_the_bytes_only_our_errors_come_out(tmp_path_factory, changes, of_a_part):
    path = workbook(tmp_path_factory.getbasetemp() / "bytes.xlsx", HEADER, ["BTC", 1.5])

    def edited(content: bytes) -> bytes:
        for place, written, removed in changes:
            place %= len(content) + 1
            content = content[:place] + written + content[place + removed :]
        return content

    def edit(parts: dict[str, bytes]) -> None:
        name = sorted(parts)[changes[0][0] % len(parts)]
        parts[name] = edited(parts[name])

    if of_a_part:
        changed(path, edit)
    else:
        path.write_bytes(edited(path.read_bytes()))
    try:
        assert read_portfolios(path)
    except SeawallError as error:
        refusal = str(error)
    else:
        refusal = ""
    assert len(refusal.splitlines()) < 2


def test_what_a_library_warns_of_is_not_printed_beside_the_error(tmp_path, capfd):
    def another(parts: dict[str, bytes]) -> None:
        parts[SHEET] = parts["docProps/core.xml"]

    path = changed(workbook(tmp_path / "x.xlsx", HEADER, ["BTC", 1]), another)
    for _ in range(2):
        with pytest.raises(SeawallError):
            read_portfolio(path)
    assert capfd.readouterr() == ("", "")
    assert len(logging.getLogger("calamine").handlers) == 1
