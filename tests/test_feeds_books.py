"""Books of positions: what is tolerated, and one error with file and row for everything else."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.basics.errors import (
    BadNumber,
    DuplicatePosition,
    EmptyPortfolio,
    InputError,
    SeawallError,
    UnknownInstrument,
    UnreadableFile,
    UnrecognisedFile,
)
from seawall.feeds import files
from seawall.feeds.books import read_portfolio, read_portfolios
from seawall.feeds.market import read_market

HEADER = "account,instrument,quantity,entry_price\n"
BOOK = (
    HEADER
    + "maker,BTC-PERPETUAL,-2.5,71000.5\n"
    + "maker,BTC-27MAR26-80000-P,10,\n"
    + "fund,USDC,1e6,\n"
    + "maker,USDC,250000,\n"
)


@pytest.fixture
def book(tmp_path):
    def written(content: str | bytes) -> Path:
        path = tmp_path / "book.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return written


def holdings(path: Path) -> list[tuple[str, list[tuple[str, Decimal]]]]:
    return [
        (p.account, [(held.instrument.name, held.quantity) for held in p.positions])
        for p in read_portfolios(path)
    ]


HELD = [
    (
        "maker",
        [
            ("BTC-PERPETUAL", Decimal("-2.5")),
            ("BTC-27MAR26-80000-P", Decimal(10)),
            ("USDC", Decimal(250_000)),
        ],
    ),
    ("fund", [("USDC", Decimal(1_000_000))]),
]


def test_accounts_come_in_the_order_in_which_they_appear(book):
    path = book(BOOK)
    assert holdings(path) == HELD
    first = read_portfolios(path)[0].positions[0]
    assert (first.entry_price, first.where) == (Decimal("71000.5"), "book.csv row 2")


@pytest.mark.parametrize(
    "written",
    [
        pytest.param("\ufeff" + BOOK, id="byte order mark"),
        pytest.param(BOOK.replace("\n", "\r\n"), id="windows"),
        pytest.param(BOOK.replace("\n", "\r"), id="old mac"),
        pytest.param(BOOK.replace("\n", "\n\n"), id="blank lines"),
        pytest.param(BOOK.replace("\n", "\n,,,\n", 2), id="empty rows"),
        pytest.param(BOOK.replace(",", " ,  "), id="spaces"),
        pytest.param(BOOK.replace("maker", '"maker"'), id="quoted"),
        pytest.param(BOOK.removesuffix("\n"), id="no last newline"),
        pytest.param(BOOK.replace(",\n", "\n"), id="no comma before a missing entry price"),
        pytest.param(BOOK.replace("account,", "Account,"), id="capitals in the header"),
    ],
)
def test_what_spreadsheets_and_people_do_is_tolerated(book, written):
    assert holdings(book(written)) == HELD


def test_columns_in_another_order_and_no_account(book):
    portfolio = read_portfolio(book("quantity,instrument\n1.5,BTC\n-2,ETH-PERPETUAL\n"))
    assert portfolio.account == "main"
    assert [p.quantity for p in portfolio.positions] == [Decimal("1.5"), Decimal(-2)]


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e3", "1000"), ("+.5", "0.5"), ("7.", "7"), ("-0.00000001", "-1e-8"), ("1E-3", "0.001")],
)
def test_quantities_are_exact_decimals(book, text, value):
    [held] = read_portfolio(book(f"instrument,quantity\nBTC,{text}\n")).positions
    assert held.quantity == Decimal(value)


def test_one_portfolio_of_several_is_refused(book):
    with pytest.raises(InputError, match=r"2 accounts, 'maker' and 'fund'.*book\.csv") as caught:
        read_portfolio(book(BOOK))
    assert "read_portfolios" in caught.value.remedy


@pytest.mark.parametrize(
    ("row", "error", "said"),
    [
        ("maker,ETH-NEVER,1,", UnknownInstrument, "ETH-NEVER"),
        ("maker,,1,", UnknownInstrument, "''"),
        ("maker,BTC,,", BadNumber, "quantity of BTC is ''"),
        ("maker,BTC,NaN,", BadNumber, "'NaN'"),
        ("maker,BTC,inf,", BadNumber, "'inf'"),
        ("maker,BTC,-Infinity,", BadNumber, "'-Infinity'"),
        ("maker,BTC,1e15,", BadNumber, "quantity 1E+15 of BTC"),
        ("maker,BTC,1e9999999999999999999,", BadNumber, "finite number"),
        ("maker,BTC,1e-40,", BadNumber, "30 decimals"),
        ("maker,BTC,0x10,", BadNumber, "'0x10'"),
        ("maker,BTC,٣,", BadNumber, "not a number"),
        ("maker,BTC,ten,", BadNumber, "'ten'"),
        ('maker,BTC,"1,000",', BadNumber, "without thousands separators"),
        ("maker,BTC,1 000 000.5,", BadNumber, "without thousands separators"),
        ("maker,BTC,1_000,", BadNumber, "without thousands separators"),
        ("maker,BTC-27MAR26,1,0", BadNumber, "entry price 0 of BTC-27MAR26"),
        ("maker,BTC-27MAR26,1,-3", BadNumber, "entry price -3"),
        ("maker,BTC-27MAR26,1,x", BadNumber, "entry price of BTC-27MAR26 is 'x'"),
        (",BTC,1,", UnreadableFile, "'' is not the name of an account"),
        ("a\tb,BTC,1,", UnreadableFile, "is not the name of an account"),
        ("maker,BTC,1,2,3", UnreadableFile, "5 cells and the header 4"),
        ("maker,BTC,1,000,", UnreadableFile, "without commas inside numbers"),
        ("maker,BTC", UnreadableFile, "2 cells and the header 4"),
        ('maker,"BTC"x,1,', UnreadableFile, "not CSV"),
    ],
)
def test_a_bad_row_is_named(book, row, error, said):
    with pytest.raises(error) as caught:
        read_portfolios(book(BOOK + row + "\nfund,ETH,1,\n"))
    assert "book.csv row 6" in caught.value.where
    assert said in str(caught.value)
    assert caught.value.remedy


def test_duplicates_name_both_rows(book):
    with pytest.raises(DuplicatePosition) as caught:
        read_portfolios(book(BOOK + "maker,BTC-PERPETUAL,1,\n"))
    assert caught.value.where == "book.csv row 2 and book.csv row 6"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("maker,BTC-PERPETUAL,-2.5,\n", "lacks 'instrument', 'quantity'"),
        ("account,instrument\nmaker,BTC\n", "lacks 'quantity'"),
        ("instrument,quantity,side\nBTC,1,short\n", "unknown 'side'"),
        ("instrument,quantity,quantity\nBTC,1,2\n", "repeats 'quantity'"),
    ],
)
def test_a_wrong_header_is_not_a_book(book, content, said):
    with pytest.raises(UnrecognisedFile) as caught:
        read_portfolios(book(content))
    assert said in caught.value.what
    assert caught.value.where == "book.csv row 1"


@pytest.mark.parametrize("content", ["", "\n\n", HEADER, HEADER + "\n,,,\n"])
def test_a_book_without_positions_is_empty(book, content):
    with pytest.raises(EmptyPortfolio, match=r"book\.csv"):
        read_portfolios(book(content))


@pytest.mark.parametrize("kept", range(len(HEADER) + 1, len(BOOK) - 1))
def test_a_book_cut_off_inside_a_row_is_never_margined_short_of_a_cell(book, kept):
    """Where the cut leaves whole cells nobody can tell; a missing quantity is always seen."""
    cut = BOOK[:kept]
    last = cut.rsplit("\n", 1)[-1]
    if not last or last.count(",") == 3:
        assert len(holdings(book(cut))) in {1, 2}
        return
    with pytest.raises(UnreadableFile, match="cut off"):
        read_portfolios(book(cut))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(BOOK.encode("utf-16"), id="utf-16"),
        pytest.param(BOOK.encode() + b"b\xe9b\xe9,BTC,1,\n", id="latin-1"),
        pytest.param(bytes(100), id="zeros"),
        pytest.param(b"PAR1\x15\x00\x00PAR1", id="parquet"),
        pytest.param((BOOK + '"open,BTC,1,\n').encode(), id="open quotation"),
    ],
)
def test_what_is_no_text_is_unreadable(book, content):
    with pytest.raises(UnreadableFile, match=r"UTF-8|CSV"):
        read_portfolios(book(content))


def test_missing_folder_and_huge(book, tmp_path, monkeypatch):
    with pytest.raises(UnreadableFile, match="no such file"):
        read_portfolios(tmp_path / "nowhere.csv")
    with pytest.raises(UnreadableFile, match="not a file"):
        read_portfolios(tmp_path)
    monkeypatch.setattr(files, "MAX_FILE_BYTES", 10)
    with pytest.raises(UnreadableFile, match="larger than"):
        read_portfolios(book(BOOK))


def check_answer(path: Path) -> None:
    """A book is either refused in one line or becomes portfolios of finite quantities."""
    try:
        portfolios = read_portfolios(path)
    except SeawallError as error:
        refusal = str(error)
    else:
        assert all(p.quantity.is_finite() for held in portfolios for p in held.positions)
        return
    assert len(refusal.splitlines()) == 1


@given(
    st.lists(
        st.tuples(st.integers(0, 200), st.binary(max_size=4), st.integers(0, 8)),
        min_size=1,
        max_size=5,
    )
)
def test_whatever_the_bytes_only_our_errors_come_out(tmp_path_factory, changes):
    content = BOOK.encode()
    for place, written, removed in changes:
        content = content[:place] + written + content[place + removed :]
    path = tmp_path_factory.getbasetemp() / "bytes.csv"
    path.write_bytes(content)
    check_answer(path)


@given(st.lists(st.lists(st.text(max_size=8), min_size=1, max_size=5), max_size=5))
def test_whatever_the_cells_only_our_errors_come_out(tmp_path_factory, rows):
    text = HEADER + "".join(",".join(row) + "\n" for row in rows)
    path = tmp_path_factory.getbasetemp() / "cells.csv"
    path.write_text(text, encoding="utf-8", errors="surrogatepass", newline="")
    check_answer(path)


def test_a_book_without_a_last_line_break_may_be_cut_and_every_account_says_so(book):
    assert not any(p.warnings for p in read_portfolios(book(BOOK)))
    for portfolio in read_portfolios(book(BOOK.removesuffix("\n"))):
        [warning] = portfolio.warnings
        assert warning.startswith("book.csv does not end with a line break")


@pytest.mark.parametrize(("separator", "name"), [(";", "semicolons"), ("\t", "tabs")])
@pytest.mark.parametrize("read", [read_portfolio, read_market])
def test_another_separator_is_named(book, read, separator, name):
    header = HEADER if read is read_portfolio else "timestamp,instrument_name,mark_price,mark_iv\n"
    path = book(f"{header}a,BTC,1,2\n".replace(",", separator))
    with pytest.raises(UnrecognisedFile, match=f"separated by {name}") as caught:
        read(path)
    assert f"commas instead of {name}" in caught.value.remedy
