"""Documents as HTML for notebooks: self-contained, without scripts, every text escaped.

Colours are the surroundings' own but in heat maps, so that it reads on light and dark alike; what
colour says there, numbers and a mark say too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from html import escape
from types import MappingProxyType
from typing import Any

from seawall.report.backtest import Backtest
from seawall.report.backtest_tables import (
    TextTable,
    evidence_table,
    moves_table,
    pooled_table,
    rules_table,
    series_table,
    table_of_tests,
)
from seawall.report.batch import BatchSummary
from seawall.report.calibration import CalibrationReport
from seawall.report.change import Change
from seawall.report.comparison import Comparison
from seawall.report.conformance import Conformance
from seawall.report.explanation import Explanation
from seawall.report.html_parts import (
    STYLE,
    columns,
    heading,
    heat_map,
    levels,
    line,
    named_tables,
    other_cells,
    side,
    table,
    warnings,
    words_of,
)
from seawall.report.reduction import Reduction
from seawall.report.schema import Document, MarginReport
from seawall.report.span import SpanMargin
from seawall.report.surface import SurfaceReport
from seawall.report.tables import Column, Table
from seawall.report.what_if import WhatIf
from seawall.report.words import (
    WORST_MARK,
    accounts_sentence,
    backtest_sentence,
    cases_sentence,
    cents,
    instant_text,
    ratio_sentence,
    rejected_sentence,
    worst_sentence,
)

_WORST_TOLD = f"{WORST_MARK} worst cell in the active direction. Tails count damped."
_LEGS_TOLD = (
    "marginal: what removing the leg would save. euler: its share, leg times slope; shares and "
    "what is unallotted add up."
)


def html_of(document: Document) -> str:
    """One document as an HTML element. Every number comes from the document."""
    body = "".join(_BODIES[type(document)](document))
    return f'<div class="seawall">{STYLE}{body}</div>'


# ---- documents


def _report(report: MarginReport) -> Iterable[str]:
    found = named_tables(report)
    value = report.margin_value
    yield heading(report.account, report.model.name, instant_text(report.as_of), report.currency)
    yield levels(
        "Totals",
        [
            ("margin value", value, value),
            ("requirement", report.initial, report.maintenance),
            ("excess", report.excess_initial, report.excess_maintenance),
        ],
    )
    yield line(f"state {report.state}, {ratio_sentence(report)}")
    if report.bounds is not None:
        yield from map(line, report.bounds.lines())
    if report.tail is not None:
        yield from map(line, report.tail.lines())
    total = ("total", report.initial, report.maintenance)
    held = (("equity", report.equity, None), ("margin value", report.margin_value, None))
    yield side(
        table(found["requirement"], "Requirement", feet=(total,)),
        table(found["collateral"], "Collateral", feet=held),
    )
    for matrix in report.risk_matrices:
        yield side(heat_map(matrix, report.currency), other_cells(matrix, found["risk_matrix"]))
    if report.risk_matrices:
        yield line(_WORST_TOLD)
    if report.worst_scenario is not None:
        yield line(worst_sentence(report.worst_scenario, report.currency))
    yield table(found["greeks"], "Greeks")
    yield warnings(report.warnings)


def _comparison(comparison: Comparison) -> Iterable[str]:
    equity = f"equity {cents(comparison.equity)}"
    yield heading(comparison.account, instant_text(comparison.as_of), comparison.currency, equity)
    yield table(named_tables(comparison)["models"], "Models")
    yield line(
        "capital used = initial + haircuts. saving = share of the first model's capital that is "
        "freed."
    )
    yield warnings(dict.fromkeys(w for report in comparison.reports for w in report.warnings))
    for report in comparison.reports:
        yield _folded(report.model.name, report)


def _what_if(answer: WhatIf) -> Iterable[str]:
    found, before, after = named_tables(answer), answer.before, answer.after
    yield heading(answer.account, answer.model.name, instant_text(answer.as_of), answer.currency)
    yield _totals(before, after)
    yield line(f"state {before.state} to {after.state}")
    yield table(found["trades"], "Trades", changes=("initial", "maintenance"))
    yield line("each trade: all of them against all the others.")
    if len(answer.by_model) > 1:
        yield table(found["by_model"], "By model")
        changes = ("initial", "maintenance")
        yield table(found["legs_by_model"], "Trades by model", changes=changes)
    yield warnings(answer.warnings)
    yield _folded("before", before)
    yield _folded("after", after)


def _reduction(told: Reduction) -> Iterable[str]:
    yield heading(told.account, told.model.name, instant_text(told.as_of), told.currency)
    yield _totals(told.before, told.after)
    yield table(named_tables(told)["trades"], "Trades", changes=("initial", "maintenance"))
    if told.trades:
        yield line(f"saves {cents(told.saving)} for {cents(told.cost)}")
    else:
        none = f"none of the {told.tried:,d} trades tried lowers initial margin"
        yield line(f"{none} by more than it costs")
    yield warnings(told.warnings)
    yield _folded("before", told.before)
    yield _folded("after", told.after)


def _totals(before: MarginReport, after: MarginReport) -> str:
    """Both reports' totals and what they differ by."""
    keys = ("initial", "maintenance", "margin_value", "excess_initial", "excess_maintenance")
    pairs = [(key, getattr(before, key), getattr(after, key)) for key in keys]
    rows = tuple((words_of(key), one, other, other - one) for key, one, other in pairs)
    totals = Table("totals", columns("before", "after", "change"), rows)
    return table(totals, "Totals", changes=("change",))


def _explanation(told: Explanation) -> Iterable[str]:
    found = named_tables(told)
    yield heading(told.account, told.model.name, instant_text(told.as_of), told.currency)
    yield levels("Totals", [("requirement", told.initial, told.maintenance)])
    yield table(found["liquidation_prices"], "Liquidation price, all else equal")
    yield table(found["legs"], "Legs")
    yield table(found["unallotted"], "Unallotted")
    yield line(_LEGS_TOLD)
    yield warnings(told.warnings)


def _change(change: Change) -> Iterable[str]:
    found = named_tables(change)
    before, after = change.model_before.name, change.model_after.name
    yield heading(
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
    yield table(steps, "Change by step", heads=(start,), feet=(end,), changes=keys)
    yield table(found["moved_rows"], "Requirement rows that moved")
    yield table(found["worst_cells"], "Active direction and worst cell")
    yield warnings(change.warnings)


def _surface(report: SurfaceReport) -> Iterable[str]:
    yield heading(
        report.underlying, f"options settled in {report.settlement}", instant_text(report.as_of)
    )
    yield table(named_tables(report)["expiries"], "Expiries")
    yield warnings(report.warnings)


def _batch(summary: BatchSummary) -> Iterable[str]:
    yield heading(summary.result, summary.model.name, instant_text(summary.as_of), summary.currency)
    yield levels("Totals", [("requirement", summary.initial, summary.maintenance)])
    yield table(named_tables(summary)["states"], "States")
    yield line(accounts_sentence(summary))
    if summary.rejected is not None:
        yield line(rejected_sentence(summary))
    yield warnings(summary.warnings)


def _conformance(held: Conformance) -> Iterable[str]:
    found = named_tables(held)
    yield heading(held.model.name, "published cases")
    yield line(cases_sentence(held))
    yield table(found["cases"], "Cases")
    yield table(found["figures"], "Figures")


def _calibration(report: CalibrationReport) -> Iterable[str]:
    found = named_tables(report)
    yield heading(report.model.name, f"from {report.base}", instant_text(report.as_of))
    yield table(found["moves"], "Numbers that moved")
    if report.accounts:
        yield table(found["accounts"], "Accounts")
    if report.notices:
        yield table(found["notices"], "What each number alone changes")
    yield table(found["factors"], "Factors")
    yield warnings([*(f"kept: {each}" for each in report.kept), *report.warnings])


def _span(margin: SpanMargin) -> Iterable[str]:
    yield heading(margin.account, margin.clearing_house, f"{margin.business_date}", margin.policy)
    found = named_tables(margin)
    for name in ("totals", "rows", "commodities", "scans", "spreads"):
        yield table(found[name], name.capitalize())
    yield warnings([f"left out: {each}" for each in margin.left_out])


def _backtest(walked: Backtest) -> Iterable[str]:
    yield heading(
        "Backtest", f"{instant_text(walked.start)} to {instant_text(walked.end)}", walked.currency
    )
    yield line(backtest_sentence(walked))
    for told in (pooled_table, series_table, evidence_table, moves_table):
        yield _text_table(told(walked))
    for book in dict.fromkeys(row.book for row in walked.series):
        tests = table_of_tests([row for row in walked.tests if row.book == book])
        rules = rules_table([row for row in walked.regulation if row.book == book])
        both = _text_table(tests) + _text_table(rules)
        yield _details(f"Tests and rules: {book}", both)
    yield warnings(walked.warnings)


def _text_table(told: TextTable) -> str:
    names = [Column(header, "text") for header in told.headers[: told.left]]
    numbers = [Column(header, "count") for header in told.headers[told.left :]]
    return table(Table(told.title, (*names, *numbers), told.rows), told.title)


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
        CalibrationReport: _calibration,
        SpanMargin: _span,
        Backtest: _backtest,
    }
)


def _folded(title: str, report: MarginReport) -> str:
    """A report that opens on a click."""
    return _details(f"Report: {title}", "".join(_report(report)))


def _details(summary: str, body: str) -> str:
    """What opens on a click."""
    return f"<details><summary>{escape(summary)}</summary>{body}</details>"
