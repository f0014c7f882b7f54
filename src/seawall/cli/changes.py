"""Explained changes as terminal tables. Every number comes from the report."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from seawall.basics.errors import InputError
from seawall.cli.tables import plain_table, show_warnings
from seawall.cli.terminal import Terminal
from seawall.products.portfolio import Portfolio
from seawall.report.change import Change, WorstCellChange
from seawall.report.schema import Cell
from seawall.report.words import cell_sentence, cents, instant_text, signed


def pair_accounts(
    accounts: Sequence[Portfolio], later: Sequence[Portfolio] | None
) -> list[tuple[Portfolio, Portfolio | None]]:
    """Each account of a book with the one of the same name of the later book, if one is given.

    Raises InputError for an account that is in one of the books only.
    """
    if later is None:
        return [(account, None) for account in accounts]
    found = {account.account: account for account in later}
    odd = sorted({account.account for account in accounts} ^ found.keys())
    if odd:
        raise InputError(
            f"account {odd[0]!r} is in one of the two books only",
            where="--to-book",
            remedy="Give both books the same accounts.",
        )
    return [(account, found[account.account]) for account in accounts]


def show_change(change: Change, terminal: Terminal) -> None:
    """Print why one account's margin changed: the steps, the rows and the cells that moved."""
    before, after = change.model_before.name, change.model_after.name
    terminal.print(
        Text.assemble(
            (change.account, "bold"),
            f"  {before if before == after else f'{before} to {after}'}"
            f"  market {instant_text(change.as_of_before)} to {instant_text(change.as_of_after)}"
            f"  {change.currency}",
        )
    )
    terminal.print()
    terminal.show(_steps(change))
    terminal.print("each step: all positions recomputed before and after it.", style="dim")
    if change.moved_rows:
        terminal.print()
        terminal.show(_rows(change))
    for cell in change.worst_cells:
        terminal.print()
        _show_cell(cell, change.currency, terminal)
    show_warnings(change.warnings, terminal)


def _steps(change: Change) -> Table:
    table = plain_table("Change by step", "step", "initial", "maintenance", "margin value")
    table.add_row(
        "before",
        cents(change.initial_before),
        cents(change.maintenance_before),
        cents(change.margin_value_before),
    )
    for row in change.rows:
        table.add_row(
            row.step, signed(row.initial), signed(row.maintenance), signed(row.margin_value)
        )
    table.add_section()
    table.add_row(
        "after",
        cents(change.initial_after),
        cents(change.maintenance_after),
        cents(change.margin_value_after),
        style="bold",
    )
    return table


def _rows(change: Change) -> Table:
    headers = ("before", "after", "before", "after")
    table = plain_table("Requirement rows that moved (initial, maintenance)", "row", *headers)
    for row in change.moved_rows:
        amounts = (
            row.initial_before,
            row.initial_after,
            row.maintenance_before,
            row.maintenance_after,
        )
        table.add_row(row.path, *map(cents, amounts))
    return table


def _show_cell(moved: WorstCellChange, currency: str, terminal: Terminal) -> None:
    def told(direction: str | None, cell: Cell | None) -> str:
        if cell is None:
            return "none"
        return f"{direction}, {cell_sentence(cell, currency)}"

    before = told(moved.direction_before, moved.worst_before)
    after = told(moved.direction_after, moved.worst_after)
    terminal.print(Text(f"{moved.underlying} active direction and worst cell", style="bold"))
    terminal.print(f"before: {before}")
    terminal.print(f"after:  {after}")
