"""Flat tables hold what the documents hold, every row once and under the JSON's keys."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

import seawall as sw
from seawall.basics.errors import InputError
from seawall.report.schema import MarginReport
from seawall.report.tables import Table, decimals, tables, tables_of
from seawall.report.what_if import WhatIf
from tests.documents import documents, market, spread

NAMES = sorted(documents())


def named(found: tuple[Table, ...]) -> dict[str, Table]:
    return {table.name: table for table in found}


def column(table: Table, key: str) -> list[Any]:
    place = [column.key for column in table.columns].index(key)
    return [row[place] for row in table.rows]


def leaves(part: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Paths of what is neither object nor list."""
    for key, value in part.items():
        if isinstance(value, dict):
            yield from leaves(value, (*at, key))
        elif not isinstance(value, list):
            yield (*at, key)


@pytest.fixture
def report() -> MarginReport:
    document = documents()["margin-report"]
    assert isinstance(document, MarginReport)
    return document


def test_tables_of_a_report_have_its_rows_and_add_up(report: MarginReport) -> None:
    found = named(tables_of(report))
    assert list(found) == [
        "summary", "requirement", "collateral", "worst_cells", "risk_matrix", "greeks", "warnings"
    ]  # fmt: skip
    assert column(found["requirement"], "path") == [row.path for row in report.rows]
    for level in ("initial", "maintenance"):
        assert sum(column(found["requirement"], level), Decimal(0)) == getattr(report, level)
    assert sum(column(found["collateral"], "value"), Decimal(0)) == report.equity
    haircuts = sum(column(found["collateral"], "haircut"), Decimal(0))
    assert report.equity - haircuts == report.margin_value
    assert column(found["warnings"], "warning") == list(report.warnings)
    assert column(found["greeks"], "theta_usd_per_day") == [
        row.theta_usd_per_day for row in report.greeks()
    ]


def test_every_scenario_is_a_row_and_one_of_an_underlying_is_the_worst(
    report: MarginReport,
) -> None:
    cells = named(tables_of(report))["risk_matrix"]
    for matrix in report.risk_matrices:
        rows = [row for row in cells.rows if row[0] == matrix.underlying]
        grid = len(matrix.price_moves_rel) * len(matrix.vol_moves)
        assert len(rows) == grid + len(matrix.surface_cells) + len(matrix.tails)
        [worst] = [row for row in rows if row[-1]]
        assert worst[2:6] == (
            matrix.worst.price_move_rel,
            matrix.worst.vol_move,
            matrix.worst.pnl,
            matrix.worst.undamped_pnl,
        )
        told = {(row[2], row[3]): row[4] for row in rows if row[1] == "grid"}
        for i, move in enumerate(matrix.price_moves_rel):
            for j, vol in enumerate(matrix.vol_moves):
                assert told[move, vol] == matrix.pnl[i][j]


def test_worst_cell_among_the_tails_is_marked_there_alone() -> None:
    """The grid may end at the price move of a tail, whose loss is damped."""
    book = sw.portfolio([("BTC-27MAR26-200000-C", -50), ("USDC", 9_000_000)])
    report = sw.margin(book, market())
    [matrix] = report.risk_matrices
    assert matrix.worst in matrix.tails
    marked = [row for row in named(tables_of(report))["risk_matrix"].rows if row[-1]]
    assert [row[1] for row in marked] == ["tail"]


@pytest.mark.parametrize("name", NAMES)
def test_summary_has_every_single_value_of_the_json(name: str) -> None:
    document = documents()[name]
    told = json.loads(document.to_json())
    within = [key for key, value in told.items() if isinstance(value, dict) and "schema" in value]
    for key in ("schema", *within):
        del told[key]
    summary = tables_of(document)[0]
    assert len(summary.rows) == 1
    expected = {"_".join(path) for path in leaves(told)}
    # What an object would have is a column also where there is none.
    absent = tuple(f"{key}_" for key, value in told.items() if value is None)
    shown = {c.key for c in summary.columns if not (absent and c.key.startswith(absent))}
    assert shown == {key for key in expected if f"{key}_" not in absent or key in shown}


@pytest.mark.parametrize("name", NAMES)
def test_every_row_of_the_json_is_a_row(name: str) -> None:
    document = documents()[name]
    told = json.loads(document.to_json())
    lengths = [len(table.rows) for table in tables_of(document)]
    for key, value in told.items():
        if isinstance(value, list) and key not in ("risk_matrix", "reports"):
            assert len(value) in lengths, key
    for table in tables_of(document):
        assert all(len(row) == len(table.columns) for row in table.rows)


def test_reports_within_a_document_are_told_apart() -> None:
    compared = named(tables_of(documents()["comparison"]))
    assert column(compared["reports"], "model") == ["isolated", "cross", "prbm"]
    assert list(dict.fromkeys(column(compared["requirement"], "model"))) == [
        "isolated", "cross", "prbm"
    ]  # fmt: skip
    answer = documents()["what-if"]
    assert isinstance(answer, WhatIf)
    asked = named(tables_of(answer))
    assert column(asked["reports"], "report") == ["before", "after"]
    assert column(asked["reports"], "initial") == [answer.before.initial, answer.after.initial]
    # The warnings are those of the answer, not twice those of its reports.
    assert column(asked["warnings"], "warning") == list(answer.warnings)


def test_rows_of_several_accounts_say_whose_they_are() -> None:
    reports = [sw.margin(spread(name), market()) for name in ("one", "two")]
    found = named(tables(reports))
    for table in found.values():
        assert table.columns[0].key == "account"
        assert set(column(table, "account")) == {"one", "two"}
    assert column(found["summary"], "initial") == [report.initial for report in reports]
    assert [c.key for c in found["summary"].columns].count("account") == 1
    surfaces = named(tables(sw.surface(market())))
    for table in (surfaces["summary"], surfaces["expiries"]):
        assert [c.key for c in table.columns[:2]] == ["underlying", "settlement"]
        assert set(column(table, "underlying")) == {"BTC", "ETH"}


def test_kinds_tell_money_from_measures_and_shares(report: MarginReport) -> None:
    kinds = {
        (table.name, c.key): c.kind
        for name in NAMES
        for table in tables_of(documents()[name])
        for c in table.columns
    }
    assert kinds["requirement", "initial"] == "amount"
    assert kinds["legs", "quantity"] == kinds["trades", "price"] == "exact"
    assert kinds["legs", "euler_initial"] == "number"
    assert kinds["expiries", "atm_vol"] == kinds["risk_matrix", "price_move_rel"] == "share"
    assert kinds["models", "saving"] == kinds["summary", "mm_ratio"] == "share"
    assert kinds["expiries", "strikes"] == "count"
    assert kinds["summary", "as_of"] == kinds["expiries", "expiry"] == "instant"
    assert kinds["summary", "model_as_of"] == "date"
    assert kinds["expiries", "butterfly"] == "text"


@pytest.mark.parametrize(
    ("values", "places"),
    [
        ((123_456.7, 1.0), 0),
        ((-9_999.9,), 2),
        ((1.5, 2.5), 5),
        ((0.00012,), 8),
        ((), 0),
        ((0.0, None), 0),
        ((1e12,), 0),
    ],
)
def test_a_column_shows_six_digits_of_its_greatest(values: Any, places: int) -> None:
    assert decimals(values) == places


@pytest.mark.parametrize(
    "given", [[], ["text"], list(documents().values())], ids=["none", "text", "mixed"]
)
def test_what_is_no_document_of_one_kind_has_no_tables(given: Any) -> None:
    with pytest.raises(InputError, match="no documents of one kind"):
        tables(given)
