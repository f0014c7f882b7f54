"""Documents in notebooks: well-formed, escaped, accessible, and with the documents' own numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import seawall as sw
from seawall.report.backtest import Backtest
from seawall.report.comparison import Comparison
from seawall.report.explanation import Explanation
from seawall.report.schema import Document, MarginReport
from seawall.report.what_if import WhatIf
from seawall.report.words import cents, shade, whole
from tests.documents import NASTY, documents, market, spread

NAMES = sorted(documents())
ALLOWED = {
    "div", "style", "p", "strong", "table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td",
    "ul", "li", "details", "summary",
}  # fmt: skip


@dataclass(slots=True)
class Element:
    tag: str
    attributes: dict[str, str | None]
    children: list[Element] = field(default_factory=list)
    text: str = ""

    def all(self, tag: str) -> Iterator[Element]:
        for child in self.children:
            if child.tag == tag:
                yield child
            yield from child.all(tag)

    @property
    def within(self) -> str:
        """All text, that of a style left out."""
        inner = "".join(child.within for child in self.children if child.tag != "style")
        return self.text + inner


class Reader(HTMLParser):
    """Reads into a tree and fails at an element that is not closed where it should be."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open = [Element("document", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs)
        element = Element(tag, dict(attrs))
        self.open[-1].children.append(element)
        self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        self.open[-1].text += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    handle_decl = handle_pi = unknown_decl = handle_comment


def read(document: Document) -> Element:
    reader = Reader()
    reader.feed(document._repr_html_())  # pyright: ignore[reportPrivateUsage]
    reader.close()
    [root] = reader.open
    [shown] = root.children
    return shown


def table(shown: Element, caption: str) -> list[list[str]]:
    """The first table whose caption begins so, cell by cell."""
    for each in shown.all("table"):
        if next(each.all("caption")).within.startswith(caption):
            return [[cell.within for cell in row.children] for row in each.all("tr")]
    raise AssertionError(caption)


def number(text: str) -> Decimal:
    return Decimal(text.replace(",", ""))


@pytest.fixture
def report() -> MarginReport:
    document = documents()["margin-report"]
    assert isinstance(document, MarginReport)
    return document


# ---- form


@pytest.mark.parametrize("name", NAMES)
def test_html_is_one_closed_element_of_harmless_parts(name: str) -> None:
    shown = read(documents()[name])
    assert (shown.tag, shown.attributes) == ("div", {"class": "seawall"})
    tags = {each.tag for tag in ALLOWED for each in shown.all(tag)}
    text = documents()[name]._repr_html_()  # pyright: ignore[reportPrivateUsage]
    assert set(re.findall(r"<(\w+)", text)) <= ALLOWED
    assert "table" in tags
    assert len(list(shown.all("style"))) == 1
    # Nothing is fetched from anywhere, and nothing runs.
    assert not re.search(r"\b(?:src|href|url|on\w+)\s*[=(]|@import|javascript:", text)


@pytest.mark.parametrize("name", NAMES)
def test_every_table_has_a_caption_and_headers_that_say_what_they_head(name: str) -> None:
    for each in read(documents()[name]).all("table"):
        assert each.children[0].tag == "caption"
        assert each.children[0].within.strip()
        [head] = each.all("thead")
        assert all(cell.attributes["scope"] == "col" for cell in head.all("th"))
        width = len(list(head.all("th")))
        for row in each.all("tr"):
            assert len(row.children) == width
        for part in (*each.all("tbody"), *each.all("tfoot")):
            for row in part.all("tr"):
                assert [cell.tag for cell in row.children] == ["th", *["td"] * (width - 1)]
                assert row.children[0].attributes["scope"] == "row"


@pytest.mark.parametrize("account", NASTY)
def test_names_are_shown_as_they_are_and_never_as_markup(account: str) -> None:
    report = sw.margin(spread(account), market())
    bad = "<img src=x onerror=alert(1)> & co"
    rows = (msgspec.structs.replace(report.rows[0], path=bad), *report.rows[1:])
    info = msgspec.structs.replace(report.model, name=bad)
    altered = msgspec.structs.replace(report, warnings=(bad,), rows=rows, model=info)
    shown = read(altered)
    assert account in shown.within
    assert next(shown.all("li")).within == bad
    assert table(shown, "Requirement")[1][0] == bad
    assert not list(shown.all("img"))
    assert not list(shown.all("script"))
    compared = sw.compare(spread(account), market(), ["cross"])
    assert account in read(compared).within


def test_html_is_written_without_rows_too() -> None:
    shown = read(sw.margin(sw.portfolio([("USD", 5)]), market()))
    captions = [each.within for each in shown.all("caption")]
    assert captions == ["Totals", "Collateral"]
    explained = read(sw.explain(sw.portfolio([("USD", 5)]), market()))
    assert [each.within for each in explained.all("caption")] == ["Totals"]


# ---- numbers


def test_report_shows_rows_that_add_up(report: MarginReport) -> None:
    shown = read(report)
    rows = table(shown, "Requirement")[1:]
    assert [row[0] for row in rows] == [*(row.path for row in report.rows), "total"]
    for place, total in ((1, report.initial), (2, report.maintenance)):
        assert sum(number(row[place]) for row in rows[:-1]) == number(rows[-1][place]) == total
    held = table(shown, "Collateral")[1:]
    assert number(held[-2][1]) == sum(number(row[1]) for row in held[:-2]) == report.equity
    haircuts = sum(number(row[2]) for row in held[:-2])
    assert number(held[-1][1]) == report.equity - haircuts == report.margin_value
    assert table(shown, "Totals")[3][1:] == [
        cents(report.excess_initial), cents(report.excess_maintenance)
    ]  # fmt: skip
    assert f"state {report.state}" in shown.within
    assert [each.within for each in shown.all("li")] == list(report.warnings)
    assert len(table(shown, "Greeks")) == 1 + len(report.greek_rows)


def test_heat_map_marks_the_worst_cell_without_colour(report: MarginReport) -> None:
    shown = read(report)
    for matrix in report.risk_matrices:
        rows = table(shown, f"{matrix.underlying} net PnL")
        assert [row[0] for row in rows[1:]] == [f"{x:+.1%}" for x in matrix.price_moves_rel]
        told = [cell for row in rows[1:] for cell in row[1:]]
        assert [cell.removesuffix(" *") for cell in told] == [
            whole(pnl) for row in matrix.pnl for pnl in row
        ]
        marked = [cell for cell in told if cell.endswith("*")]
        assert marked == [f"{whole(matrix.worst.pnl)} *"]
    assert "* worst cell" in shown.within


def test_worst_cell_among_the_tails_is_marked_there() -> None:
    book = sw.portfolio([("BTC-27MAR26-200000-C", -50), ("USDC", 9_000_000)])
    shown = read(sw.margin(book, market()))
    assert not any("*" in cell for row in table(shown, "BTC net PnL") for cell in row)
    assert [row[-1] for row in table(shown, "BTC surface and tails")].count("*") == 1


def relative_luminance(colour: str) -> float:
    """Of an sRGB colour as written, by WCAG 2."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@given(pnl=st.floats(-1e6, 1e6), scale=st.floats(0, 1e6))
def test_white_numbers_can_be_read_on_every_colour(pnl: float, scale: float) -> None:
    """Contrast of at least 4.5 to 1, as WCAG 2 asks of text."""
    assert 1.05 / (relative_luminance(shade(pnl, scale)) + 0.05) >= 4.5


def test_comparison_shows_every_model_and_its_report() -> None:
    compared = documents()["comparison"]
    assert isinstance(compared, Comparison)
    shown = read(compared)
    rows = table(shown, "Models")[1:]
    assert [row[0] for row in rows] == [row.model for row in compared.rows]
    assert [number(row[4]) for row in rows] == [row.capital_used for row in compared.rows]
    folded = list(shown.all("details"))
    assert [next(each.all("summary")).within for each in folded] == [
        f"Report: {row.model}" for row in compared.rows
    ]
    for each, report in zip(folded, compared.reports, strict=True):
        assert number(table(each, "Requirement")[-1][1]) == report.initial


def test_what_if_shows_before_after_and_each_trade() -> None:
    answer = documents()["what-if"]
    assert isinstance(answer, WhatIf)
    shown = read(answer)
    totals = table(shown, "Totals")
    assert totals[0][1:] == ["before", "after", "change"]
    for row in totals[1:]:
        before, after, change = map(number, row[1:])
        assert after - before == change
        assert row[3][0] in "+-" or change == 0
    assert number(totals[1][3]) == answer.initial_change
    trades = table(shown, "Trades")[1:]
    assert [row[0] for row in trades] == [leg.instrument for leg in answer.legs]
    assert [number(row[3]) for row in trades] == [leg.initial for leg in answer.legs]
    assert len(table(shown, "By model")) == 1 + len(answer.by_model) == 3
    assert len(list(shown.all("details"))) == 2


def test_explanation_shows_where_the_account_is_liquidated_and_its_legs() -> None:
    told = documents()["explanation"]
    assert isinstance(told, Explanation)
    shown = read(told)
    assert [row[:2] for row in table(shown, "Liquidation price")[1:]] == [
        [row.underlying, row.direction] for row in told.liquidation_prices
    ]
    assert [row[1:3] for row in table(shown, "Legs")[1:]] == [
        [leg.instrument, f"{leg.quantity:,f}"] for leg in told.legs
    ]


def test_change_shows_steps_from_start_to_end() -> None:
    document: Any = documents()["change"]
    rows = table(read(document), "Change by step")[1:]
    assert [row[0] for row in rows] == ["before", *(r.step for r in document.rows), "after"]
    for place in (1, 2, 3):
        *steps, end = (number(row[place]) for row in rows)
        assert sum(steps) == end


def test_surface_shows_every_expiry() -> None:
    document: Any = documents()["surface"]
    rows = table(read(document), "Expiries")[1:]
    assert len(rows) == len(document.expiries)
    assert rows[0][2] == f"{document.expiries[0].atm_vol:.1%}"


def test_a_backtest_is_shown_as_in_the_terminal_with_tests_and_rules_folded_by_book() -> None:
    walked = documents()["backtest"]
    assert isinstance(walked, Backtest)
    shown = read(walked)
    head, *rows = table(shown, "All books")
    assert head[1:5] == ["times", "exceeded", "share", "worst book"]
    assert [row[3] for row in rows] == [f"{row.breach_rate:.2%}" for row in walked.models]
    books = list(dict.fromkeys(row.book for row in walked.series))
    folded = list(shown.all("details"))
    assert len(folded) == len(books)
    for book, each in zip(books, folded, strict=True):
        assert each.children[0].within == f"Tests and rules: {book}"
        asked = [row for row in walked.regulation if row.book == book]
        tests, rules = (table(each, caption)[1:] for caption in ("Tests", "Regulators' rules"))
        assert len(tests) == sum(row.book == book for row in walked.tests)
        assert [(row[1], row[4]) for row in rules] == [(row.source, row.found) for row in asked]
    headers = {cell.within for part in shown.all("thead") for cell in part.all("th")}
    assert not any("_" in header for header in headers)
    evidence = table(shown, "Evidence against the coverage (e-process)")[1:]
    assert [row[2] for row in evidence] == [f"{row.observations:,}" for row in walked.evidence]
