"""What ``seawall backtest`` shows: tables of the judgement, what was assumed, files written."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from seawall.cli.terminal import Terminal
    from seawall.report.backtest import Backtest

_SHOWN = 20


def show_backtest(document: Backtest, files: Sequence[Path], terminal: Terminal) -> None:
    """Print how margins held, over all books and one by one, and which files were written."""
    from seawall.cli.tables import instant_text, plain_table, show_warnings
    from seawall.report.backtest_tables import (
        evidence_table,
        moves_table,
        pooled_table,
        series_table,
    )
    from seawall.report.words import backtest_sentence

    terminal.print(
        f"{instant_text(document.start)} to {instant_text(document.end)}, "
        f"{document.times:,} times, {document.currency}",
        style="bold",
    )
    terminal.print(backtest_sentence(document))
    terminal.print()
    for place, made in enumerate((pooled_table, series_table, evidence_table, moves_table)):
        if place:
            terminal.print()
        told = made(document)
        table = plain_table(told.title, *told.headers, left=told.left)
        for row in told.rows:
            table.add_row(*row)
        terminal.show(table)
    shown = document.warnings[:_SHOWN]
    others = len(document.warnings) - len(shown)
    show_warnings((*shown, *([f"and {others:,} more (--json)"] if others else [])), terminal)
    if files:
        terminal.print()
        terminal.lines(["written:", *(f"  {file}" for file in files)])
