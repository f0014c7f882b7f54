"""Documents as HTML for notebooks: self-contained, without scripts, every text escaped.

Colours are the surroundings' own but in heat maps, so that it reads on light and dark alike; what
colour says there, numbers and a mark say too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from html import escape
from types import MappingProxyType
from typing import Any

from seawall.report.batch import BatchSummary
from seawall.report.change import Change
from seawall.report.comparison import Comparison
from seawall.report.conformance import Conformance
from seawall.report.explanation import Explanation
from seawall.report.reduction import Reduction
from seawall.report.schema import Document, MarginReport, RiskMatrix
from seawall.report.span import SpanMargin
from seawall.report.surface import SurfaceReport
from seawall.report.tables import Column, Table, Value, decimals, tables_of
from seawall.report.what_if import WhatIf
from seawall.report.words import (
    WORST_MARK,
    accounts_sentence,
    cases_sentence,
    cents,
    instant_text,
    matrix_title,
    ratio_sentence,
    rejected_sentence,
    scale_of,
    shade,
    signed,
    signless_zero,
    whole,
    worst_sentence,
)

Row = Sequence[Value]

_STYLE = """<style>
.seawall{font:13px/1.4 system-ui,sans-serif;overflow-x:auto}
.seawall .side{display:flex;flex-wrap:wrap;gap:0 2.5em;align-items:flex-start}
.seawall table{border-collapse:collapse;margin:.7em 0;font-variant-numeric:tabular-nums}
.seawall caption{text-align:left;font-weight:600;white-space:pre-line;color:inherit}
.seawall th,.seawall td{padding:.15em .6em;text-align:right;white-space:nowrap;border:0;
border-bottom:1px solid rgba(128,128,128,.35)}
.seawall th{font-weight:400}
.seawall thead th{opacity:.75}
.seawall .text{text-align:left}
.seawall tfoot th,.seawall tfoot td{font-weight:600}
.seawall td.heat{color:#fff;border-color:transparent}
.seawall td.worst{font-weight:700;outline:2px solid currentColor;outline-offset:-2px}
</style>"""
_WORST_TOLD = f"{WORST_MARK} worst cell in the active direction. Tails count damped."
_LEGS_TOLD = (
    "marginal: what removing the leg would save. euler: its share, leg times slope; shares and "
    "what is unallotted add up."
)


def html_of(document: Document) -> str:
    """One document as an HTML element. Every number comes from the document."""
    body = "".join(_BODIES[type(document)](document))
    return f'<div class="seawall">{_STYLE}{body}</div>'


# ---- documents


def _report(report: MarginReport) -> Iterable[str]:
    found = _named(report)
    value = report.margin_value
    yield _heading(report.account, report.model.name, instant_text(report.as_of), report.currency)
    yield _levels(
        "Totals",
        [
            ("margin value", value, value),
            ("requirement", report.initial, report.maintenance),
            ("excess", report.excess_initial, report.excess_maintenance),
        ],
    )
    yield _line(f"state {report.state}, {ratio_sentence(report)}")
    if report.bounds is not None:
        yield from map(_line, report.bounds.lines())
    total = ("total", report.initial, report.maintenance)
    held = (("equity", report.equity, None), ("margin value", report.margin_value, None))
    yield _side(
        _table(found["requirement"], "Requirement", feet=(total,)),
        _table(found["collateral"], "Collateral", feet=held),
    )
    for matrix in report.risk_matrices:
        yield _side(_heat_map(matrix, report.currency), _other_cells(matrix, found["risk_matrix"]))
    if report.risk_matrices:
        yield _line(_WORST_TOLD)
    if report.worst_scenario is not None:
        yield _line(worst_sentence(report.worst_scenario, report.currency))
    yield _table(found["greeks"], "Greeks")
    yield _warnings(report.warnings)


def _comparison(comparison: Comparison) -> Iterable[str]:
    equity = f"equity {cents(comparison.equity)}"
    yield _heading(comparison.account, instant_text(comparison.as_of), comparison.currency, equity)
    yield _table(_named(comparison)["models"], "Models")
    yield _line(
        "capital used = initial + haircuts. saving = share of the first model's capital that is "
        "freed."
    )
    yield _warnings(dict.fromkeys(w for report in comparison.reports for w in report.warnings))
    for report in comparison.reports:
        yield _folded(report.model.name, report)


def _what_if(answer: WhatIf) -> Iterable[str]:
    found, before, after = _named(answer), answer.before, answer.after
    yield _heading(answer.account, answer.model.name, instant_text(answer.as_of), answer.currency)
    yield _totals(before, after)
    yield _line(f"state {before.state} to {after.state}")
    yield _table(found["trades"], "Trades", changes=("initial", "maintenance"))
    yield _line("each trade: all of them against all the others.")
    if len(answer.by_model) > 1:
        yield _table(found["by_model"], "By model")
        changes = ("initial", "maintenance")
        yield _table(found["legs_by_model"], "Trades by model", changes=changes)
    yield _warnings(answer.warnings)
    yield _folded("before", before)
    yield _folded("after", after)


def _reduction(told: Reduction) -> Iterable[str]:
    yield _heading(told.account, told.model.name, instant_text(told.as_of), told.currency)
    yield _totals(told.before, told.after)
    yield _table(_named(told)["trades"], "Trades", changes=("initial", "maintenance"))
    if told.trades:
        yield _line(f"saves {cents(told.saving)} for {cents(told.cost)}")
    else:
        none = f"none of the {told.tried:,d} trades tried lowers initial margin"
        yield _line(f"{none} by more than it costs")
    yield _warnings(told.warnings)
    yield _folded("before", told.before)
    yield _folded("after", told.after)


def _totals(before: MarginReport, after: MarginReport) -> str:
    """Both reports' totals and what they differ by."""
    keys = ("initial", "maintenance", "margin_value", "excess_initial", "excess_maintenance")
    pairs = [(key, getattr(before, key), getattr(after, key)) for key in keys]
    rows = tuple((_words(key), one, other, other - one) for key, one, other in pairs)
    totals = Table("totals", _columns("before", "after", "change"), rows)
    return _table(totals, "Totals", changes=("change",))


def _explanation(told: Explanation) -> Iterable[str]:
    found = _named(told)
    yield _heading(told.account, told.model.name, instant_text(told.as_of), told.currency)
    yield _levels("Totals", [("requirement", told.initial, told.maintenance)])
    yield _table(found["liquidation_prices"], "Liquidation price, all else equal")
    yield _table(found["legs"], "Legs")
    yield _table(found["unallotted"], "Unallotted")
    yield _line(_LEGS_TOLD)
    yield _warnings(told.warnings)


def _change(change: Change) -> Iterable[str]:
    found = _named(change)
    before, after = change.model_before.name, change.model_after.name
    yield _heading(
        change.account,
        before if before == after else f"{before} to {after}",
        f"{instant_text(change.as_of_before)} to {instant_text(change.as_of_after)}",
        change.currency,
    )
    keys = ("initial", "maintenance", "margin_value")
    start, end = (
        (end, *(getattr(change, f"{key}_{end}") for key in keys)) for end in ("before", "after")
    )
    steps = found["steps"]
    yield _table(steps, "Change by step", heads=(start,), feet=(end,), changes=keys)
    yield _table(found["moved_rows"], "Requirement rows that moved")
    yield _table(found["worst_cells"], "Active direction and worst cell")
    yield _warnings(change.warnings)


def _surface(report: SurfaceReport) -> Iterable[str]:
    yield _heading(
        report.underlying, f"options settled in {report.settlement}", instant_text(report.as_of)
    )
    yield _table(_named(report)["expiries"], "Expiries")
    yield _warnings(report.warnings)


def _batch(summary: BatchSummary) -> Iterable[str]:
    yield _heading(
        summary.result, summary.model.name, instant_text(summary.as_of), summary.currency
    )
    yield _levels("Totals", [("requirement", summary.initial, summary.maintenance)])
    yield _table(_named(summary)["states"], "States")
    yield _line(accounts_sentence(summary))
    if summary.rejected is not None:
        yield _line(rejected_sentence(summary))
    yield _warnings(summary.warnings)


def _conformance(held: Conformance) -> Iterable[str]:
    found = _named(held)
    yield _heading(held.model.name, "published cases")
    yield _line(cases_sentence(held))
    yield _table(found["cases"], "Cases")
    yield _table(found["figures"], "Figures")


def _span(margin: SpanMargin) -> Iterable[str]:
    yield _heading(margin.account, margin.clearing_house, f"{margin.business_date}", margin.policy)
    found = _named(margin)
    for name in ("totals", "rows", "commodities", "scans", "spreads"):
        yield _table(found[name], name.capitalize())
    yield _warnings([f"left out: {each}" for each in margin.left_out])


_BODIES: Mapping[type[Document], Callable[[Any], Iterable[str]]] = MappingProxyType(
    {
        MarginReport: _report,
        Comparison: _comparison,
        WhatIf: _what_if,
        Reduction: _reduction,
        Explanation: _explanation,
        Change: _change,
        SurfaceReport: _surface,
        BatchSummary: _batch,
        Conformance: _conformance,
        SpanMargin: _span,
    }
)


# ---- parts


def _named(document: Document) -> dict[str, Table]:
    return {table.name: table for table in tables_of(document)}


def _words(key: str) -> str:
    return key.replace("_", " ")


def _heading(first: str, *others: str) -> str:
    return f"<p><strong>{escape(first)}</strong> {escape(' · '.join(others))}</p>"


def _line(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def _side(*parts: str) -> str:
    """Tables side by side where there is room."""
    return f'<div class="side">{"".join(parts)}</div>'


def _folded(title: str, report: MarginReport) -> str:
    """A report that opens on a click."""
    body = "".join(_report(report))
    return f"<details><summary>Report: {escape(title)}</summary>{body}</details>"


def _warnings(warnings: Iterable[str]) -> str:
    told = "".join(f"<li>{escape(text)}</li>" for text in warnings)
    return f"<p><strong>Warnings</strong></p><ul>{told}</ul>" if told else ""


def _columns(*keys: str) -> tuple[Column, ...]:
    """A column of names, then amounts."""
    return (Column("", "text"), *(Column(key, "amount") for key in keys))


def _levels(caption: str, rows: Sequence[Row]) -> str:
    return _table(Table("", _columns("initial", "maintenance"), tuple(map(tuple, rows))), caption)


def _table(
    table: Table,
    caption: str,
    *,
    heads: Sequence[Row] = (),
    feet: Sequence[Row] = (),
    changes: Collection[str] = (),
) -> str:
    """A table, or nothing without rows. Its own rows have signs in the columns ``changes``, the
    rows ``heads`` and ``feet`` around them have amounts as they are.
    """
    if not table.rows:
        return ""
    places = [decimals(row[i] for row in table.rows) for i in range(len(table.columns))]
    header = "".join(
        f'<th scope="col"{_aligned(column)}>{escape(_words(column.key))}</th>'
        for column in table.columns
    )
    first = "".join(_row(row, table.columns, places) for row in heads)
    rows = "".join(_row(row, table.columns, places, changes) for row in table.rows)
    last = "".join(_row(row, table.columns, places) for row in feet)
    return (
        f"<table><caption>{escape(caption)}</caption><thead><tr>{header}</tr></thead>"
        f"<tbody>{first}{rows}</tbody>{f'<tfoot>{last}</tfoot>' if last else ''}</table>"
    )


def _row(
    row: Row, columns: Sequence[Column], places: Sequence[int], changes: Collection[str] = ()
) -> str:
    (first, name), *others = (
        (_aligned(column), escape(_shown(value, column, shown, is_change=column.key in changes)))
        for value, column, shown in zip(row, columns, places, strict=True)
    )
    cells = "".join(f"<td{aligned}>{text}</td>" for aligned, text in others)
    return f'<tr><th scope="row"{first}>{name}</th>{cells}</tr>'


def _aligned(column: Column) -> str:
    return ' class="text"' if column.kind in ("text", "instant", "date") else ""


def _shown(value: Value, column: Column, places: int, *, is_change: bool) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        if column.kind == "exact":
            return f"{value:,f}"
        return signed(value) if is_change else cents(value)
    if isinstance(value, datetime):
        return instant_text(value)
    if isinstance(value, bool):
        return WORST_MARK if value else ""
    if column.kind == "share":
        sign = "+" if column.key.endswith("move_rel") else ""
        return signless_zero(f"{value:{sign}.1%}")
    if column.kind == "number":
        return signless_zero(f"{value:,.{places}f}")
    return f"{value}"


def _heat_map(matrix: RiskMatrix, currency: str) -> str:
    """Net PnL by price move, down the side, and volatility move, across."""
    scale = scale_of(matrix)
    header = "".join(f'<th scope="col">vol {escape(vol)}</th>' for vol in matrix.vol_moves)
    rows = ""
    for move, pnls in zip(matrix.price_moves_rel, matrix.pnl, strict=True):
        cells = "".join(
            _heat_cell(pnl, scale, is_worst=matrix.is_worst(move, vol))
            for vol, pnl in zip(matrix.vol_moves, pnls, strict=True)
        )
        rows += f'<tr><th scope="row">{move:+.1%}</th>{cells}</tr>'
    return (
        f"<table><caption>{escape(matrix_title(matrix, currency))}</caption>"
        f'<thead><tr><th scope="col">price</th>{header}</tr></thead><tbody>{rows}</tbody></table>'
    )


def _heat_cell(pnl: float, scale: float, *, is_worst: bool) -> str:
    marked = (" worst", f" {WORST_MARK}") if is_worst else ("", "")
    style = f"background-color:{shade(pnl, scale)}"
    return f'<td class="heat{marked[0]}" style="{style}">{whole(pnl)}{marked[1]}</td>'


def _other_cells(matrix: RiskMatrix, cells: Table) -> str:
    """The skew and term cells and the tails of an underlying, the worst with its mark."""
    rows = (row for row in cells.rows if row[0] == matrix.underlying and row[1] != "grid")
    own = Table("cells", cells.columns[1:], tuple(row[1:] for row in rows))
    return _table(own, f"{matrix.underlying} surface and tails")
