"""The tables of a backtest as texts: what the terminal and the page show alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from seawall.report.backtest import (
    Backtest,
    BacktestEvidence,
    BacktestModel,
    BacktestSeries,
    BacktestTest,
    MarginMoves,
    RegulatoryRow,
)
from seawall.report.words import instant_text

_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True)
class TextTable:
    """Rows of texts under headers; the first ``left`` columns are names and others numbers."""

    title: str
    headers: tuple[str, ...]
    left: int
    rows: tuple[tuple[str, ...], ...]


def pooled_table(walked: Backtest) -> TextTable:
    """Every model over all books."""
    headers = ("model", "times", "exceeded", "share", "worst book", "its share", "margin/gross")

    def row(one: BacktestModel) -> tuple[str, ...]:
        return (
            one.model,
            f"{one.observations:,}",
            f"{one.exceedances:,}",
            f"{one.breach_rate:.2%}",
            one.worst_book,
            f"{one.worst_book_rate:.2%}",
            f"{one.mean_margin_rel:.2%}",
        )

    return _table("All books", headers, 1, walked.models, row)


def series_table(walked: Backtest) -> TextTable:
    """Every model on every book at every horizon."""
    names = ("model", "book", "within", "zone")
    numbers = (
        "times", "exceeded", "share", "interval", "margin/gross", "worst beyond", "tests",
    )  # fmt: skip

    def row(one: BacktestSeries) -> tuple[str, ...]:
        return (
            one.model,
            one.book,
            one.horizon,
            one.zone,
            f"{one.observations:,}",
            f"{one.exceedances:,}",
            f"{one.breach_rate:.2%}",
            f"{one.breach_rate_lower:.2%} to {one.breach_rate_upper:.2%}",
            f"{one.mean_margin_rel:.2%}",
            f"{one.worst_shortfall:,.0f}",
            f"{one.rejected} reject" if one.rejected else "",
        )

    return _table("Books", (*names, *numbers), len(names), walked.series, row)


def evidence_table(walked: Backtest) -> TextTable:
    """The e-process of every model on every book."""
    headers = ("model", "book", "windows", "e-value", "highest", "warns at", "first warning")

    def row(one: BacktestEvidence) -> tuple[str, ...]:
        return (
            one.model,
            one.book,
            f"{one.observations:,}",
            _e_value(one.e_value),
            _e_value(one.highest_e_value),
            f"{one.warns_at_e_value:g}",
            "" if one.warned_at is None else instant_text(one.warned_at),
        )

    return _table("Evidence against the coverage (e-process)", headers, 2, walked.evidence, row)


def moves_table(walked: Backtest) -> TextTable:
    """How margin over gross notional moved."""
    headers = ("model", "book", "peak/trough", "1 d", "5 d", "20 d", "30 d")

    def row(one: MarginMoves) -> tuple[str, ...]:
        rises = (one.rise_1d_rel, one.rise_5d_rel, one.rise_20d_rel, one.rise_30d_rel)
        peak = "" if one.peak_to_trough is None else f"{one.peak_to_trough:.2f}"
        told = ("" if rise is None else f"{rise:+.1%}" for rise in rises)
        return (one.model, one.book, peak, *told)

    return _table("Procyclicality of margin/gross", headers, 2, walked.procyclicality, row)


def table_of_tests(tests: Sequence[BacktestTest]) -> TextTable:
    """Tests of one book."""
    headers = ("model", "within", "test", "hypothesis", "note", "statistic", "p-value")

    def row(one: BacktestTest) -> tuple[str, ...]:
        return (
            one.model,
            one.horizon,
            one.test,
            one.hypothesis,
            one.note or "",
            "" if one.statistic is None else f"{one.statistic:,.3f}",
            "" if one.p_value is None else f"{one.p_value:.4f}",
        )

    return _table("Tests", headers, 5, tests, row)


def rules_table(rules: Sequence[RegulatoryRow]) -> TextTable:
    """Rules for one book."""
    headers = ("model", "source", "rule", "asked", "found", "passed")
    words = {True: "yes", False: "no", None: ""}

    def row(one: RegulatoryRow) -> tuple[str, ...]:
        return (
            one.model,
            one.source,
            one.rule,
            one.asked or "",
            one.found,
            words[one.passed],
        )

    return _table("Regulators' rules", headers, len(headers), rules, row)


def _table(
    title: str,
    headers: tuple[str, ...],
    left: int,
    rows: Sequence[_Row],
    row: Callable[[_Row], tuple[str, ...]],
) -> TextTable:
    return TextTable(title, headers, left, tuple(map(row, rows)))


def _e_value(value: float | None) -> str:
    """To three digits, since its size is what counts."""
    return "beyond 1e308" if value is None else f"{value:,.3g}"
