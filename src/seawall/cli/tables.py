"""Reports and comparisons as terminal tables. Every number comes from the report."""

from __future__ import annotations

from collections.abc import Iterable

from rich import box
from rich.table import Table
from rich.text import Text

from seawall.cli.heatmap import cell_tables, heat_map
from seawall.cli.terminal import Terminal
from seawall.report.comparison import Comparison, ComparisonRow
from seawall.report.schema import GreekRow, MarginReport
from seawall.report.words import (
    cents,
    instant_text,
    ratio_sentence,
    signed,
    signless_zero,
    whole_up,
    worst_sentence,
)

STATE_STYLES = {
    "healthy": "bold green",
    "warning": "bold yellow",
    "reduce-only": "bold red",
    "liquidation": "bold red reverse",
}
_LONG_NAME = 16


def show_report(report: MarginReport, terminal: Terminal) -> None:
    """Print one account's report: totals, rows, collateral, risk matrix, Greeks, warnings."""
    terminal.print(_title(report))
    terminal.print(f"numbers of {report.model.as_of}: {report.model.source}", style="dim italic")
    terminal.print()
    terminal.show(_totals(report))
    terminal.print(_state(report))
    if report.bounds is not None:
        terminal.lines(report.bounds.lines(), style="yellow")
    if report.tail is not None:
        terminal.lines(report.tail.lines(), style="dim")
    terminal.print()
    terminal.show(_requirement(report), _collateral(report))
    for matrix in report.risk_matrices:
        terminal.print()
        terminal.show(heat_map(matrix, report.currency), *cell_tables(matrix))
    if report.risk_matrices:
        terminal.print(
            "* worst cell in the active direction. Each cell is the worse of its instants. "
            "Tails count damped.",
            style="dim",
        )
    if report.worst_scenario is not None:
        terminal.print(worst_sentence(report.worst_scenario, report.currency))
    for underlying in dict.fromkeys(row.underlying for row in report.greek_rows):
        terminal.print()
        terminal.show(_greeks(underlying, report.greek_rows))
    show_warnings(report.warnings, terminal)


def show_comparison(
    comparison: Comparison, terminal: Terminal, *, with_warnings: bool = True
) -> None:
    """Print one account under several models; saving is against the first."""
    terminal.print(
        Text.assemble(
            (comparison.account, "bold"),
            f"  market {instant_text(comparison.as_of)}  {comparison.currency}"
            f"  equity {cents(comparison.equity)}",
        )
    )
    terminal.print()
    terminal.show(_comparison(comparison, narrow=terminal.is_narrow))
    terminal.print(
        "capital used = initial + haircuts. saving = share of the first model's capital that is "
        "freed.",
        style="dim",
    )
    if with_warnings:
        seen = dict.fromkeys(w for report in comparison.reports for w in report.warnings)
        show_warnings(seen, terminal)


def plain_table(title: str | None, *headers: str, left: int = 1) -> Table:
    """A table whose first ``left`` columns are names and whose others are numbers."""
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        header_style="dim",
        box=box.SIMPLE_HEAD,
        padding=(0, 1),
        collapse_padding=True,
        pad_edge=False,
        show_edge=False,
    )
    for place, header in enumerate(headers):
        justify = "left" if place < left else "right"
        table.add_column(header, justify=justify, no_wrap=True)
    return table


def _title(report: MarginReport) -> Text:
    return Text.assemble(
        (report.account, "bold"),
        f"  {report.model.name}  market {instant_text(report.as_of)}  {report.currency}",
    )


def _totals(report: MarginReport) -> Table:
    table = plain_table(None, "", "initial", "maintenance")
    value = cents(report.margin_value)
    table.add_row("margin value", value, value)
    table.add_row("requirement", cents(report.initial), cents(report.maintenance), style="bold")
    table.add_row("excess", cents(report.excess_initial), cents(report.excess_maintenance))
    return table


def _state(report: MarginReport) -> Text:
    style = STATE_STYLES[report.state]
    return Text.assemble("state ", (report.state, style), f", {ratio_sentence(report)}")


def _requirement(report: MarginReport) -> Table:
    table = plain_table("Requirement", "row", "initial", "maintenance")
    for row in report.rows:
        table.add_row(row.path, cents(row.initial), cents(row.maintenance))
    table.add_section()
    table.add_row("total", cents(report.initial), cents(report.maintenance), style="bold")
    return table


def _collateral(report: MarginReport) -> Table:
    table = plain_table("Collateral", "holding", "value", "haircut")
    for row in report.collateral_rows:
        table.add_row(row.path, cents(row.value), cents(row.haircut))
    table.add_section()
    table.add_row("equity", cents(report.equity), "")
    table.add_row("margin value", cents(report.margin_value), "", style="bold")
    return table


def _greeks(underlying: str, rows: Iterable[GreekRow]) -> Table:
    headers = ("delta coin", "delta USD", "gamma/USD", "vega/pt", "theta/day")
    table = plain_table(f"{underlying} Greeks", "expiry", *headers)
    for row in rows:
        if row.underlying != underlying:
            continue
        table.add_row(
            _bucket(row.bucket),
            signless_zero(f"{row.delta_coin:,.3f}"),
            signless_zero(f"{row.delta_usd:,.0f}"),
            signless_zero(f"{row.gamma_coin_per_usd:,.6f}"),
            signless_zero(f"{row.vega_usd_per_point:,.0f}"),
            signless_zero(f"{row.theta_usd_per_day:,.0f}"),
            style="bold" if row.bucket == "total" else "",
        )
    return table


def _comparison(comparison: Comparison, *, narrow: bool) -> Table:
    used = "capital\nused" if narrow else "capital used"
    headers = ("initial", "maintenance", "haircuts", used, "saving", "state")
    table = plain_table(None, "model", *headers)
    for row in comparison.rows:
        table.add_row(*_comparison_cells(row, narrow=narrow))
    return table


def _comparison_cells(row: ComparisonRow, *, narrow: bool) -> tuple[str | Text, ...]:
    # On a narrow terminal cents and the tail of a long name make room for the other columns.
    # All these amounts burden the account, so none is shown smaller than it is.
    amount = whole_up if narrow else cents
    head, dash, tail = row.model.rpartition("-")
    folded = f"{head}{dash}\n{tail}" if narrow and len(row.model) > _LONG_NAME else row.model
    return (
        folded,
        amount(row.initial),
        amount(row.maintenance),
        amount(row.haircuts),
        Text(amount(row.capital_used), style="bold"),
        Text("-" if row.saving is None else signless_zero(f"{row.saving:.1%}"), style="bold"),
        Text(row.state, style=STATE_STYLES.get(row.state, "")),
    )


def before_and_after(before: MarginReport, after: MarginReport, *keys: str) -> Table:
    """Amounts of two reports by key, and what changes."""
    table = plain_table(None, "", "before", "after", "change")
    for key in keys:
        one, other = getattr(before, key), getattr(after, key)
        table.add_row(key.replace("_", " "), cents(one), cents(other), signed(other - one))
    return table


def show_warnings(warnings: Iterable[str], terminal: Terminal) -> None:
    """Print every warning on a line of its own, after an empty one."""
    for place, warning in enumerate(warnings):
        if place == 0:
            terminal.print()
        terminal.print(Text.assemble(("warning: ", "bold yellow"), warning))


def _bucket(bucket: str) -> str:
    """An expiry's ISO instant to the minute; other buckets are words already."""
    date, _, time = bucket.partition("T")
    return f"{date} {time[:5]}" if time else bucket
