"""The command that margins a file of accounts, its progress and what it says in the end.

Rooms are imported inside the functions, so that ``seawall --help`` loads none of them.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from seawall.cli.errors import SOME_LEFT_OUT
from seawall.cli.inputs import market_of, model_of
from seawall.cli.options import DEFAULT_MODEL, At, Json, Market, Model, Overwrite, Price

if TYPE_CHECKING:
    from pathlib import Path

    from seawall.cli.terminal import Terminal
    from seawall.feeds.shards import Say
    from seawall.report.batch import BatchSummary

_SHOWN = 20
"""So many warnings are printed; what thousands of instruments lack is a long list."""


_Positions = Annotated[
    str,
    typer.Argument(
        metavar="POSITIONS",
        help="account,instrument,quantity[,entry_price] in parquet, CSV or Arrow IPC.",
    ),
]
_Out = Annotated[
    str, typer.Option("--out", metavar="FILE", help="Write a .parquet, .csv or .arrow file.")
]
_Explain = Annotated[
    list[str] | None,
    typer.Option(
        "--explain",
        metavar="ACCOUNT",
        help="Write this account's whole report too; may be given several times.",
    ),
]
_ExplainTo = Annotated[
    str | None, typer.Option("--explain-to", metavar="DIR", help="Where reports go, in JSON.")
]
_KeepGoing = Annotated[
    bool, typer.Option("--keep-going", help="Leave out accounts with bad rows and list these.")
]
_Rejected = Annotated[
    str | None, typer.Option("--rejected", metavar="FILE", help="Where bad rows are listed.")
]
_Threads = Annotated[
    int | None, typer.Option("--threads", metavar="N", min=1, help="Use N threads, not one a core.")
]
_Restart = Annotated[
    bool, typer.Option("--restart", help="Throw away what an unfinished run has done.")
]


def batch(
    positions: _Positions,
    market: Market,
    out: _Out,
    at: At = None,
    model: Model = DEFAULT_MODEL,
    price: Price = None,
    explain: _Explain = None,
    explain_to: _ExplainTo = None,
    keep_going: _KeepGoing = False,
    rejected: _Rejected = None,
    threads: _Threads = None,
    restart: _Restart = False,
    as_json: Json = False,
    overwrite: Overwrite = False,
) -> None:
    """Margin of every account of a file of any size, written to a file.

    A run that was interrupted goes on where it was when the same command is given again.

    \b
    Examples:
      seawall batch positions.parquet --market chain.csv --out margins.parquet
      seawall batch positions.csv -m chain.csv --out margins.csv --explain maker \\
        --overwrite
      seawall batch positions.parquet -m chain.csv --out margins.parquet \\
        --keep-going --rejected bad.csv --overwrite
    """
    from seawall.feeds.batch.files import batch_files
    from seawall.feeds.batch.run import margin_file

    files = batch_files(
        out,
        keep_going=keep_going,
        rejected=rejected,
        explain=explain or (),
        explain_to=explain_to,
        overwrite=overwrite,
        inputs=[positions, *market, model.rpartition(":")[2]],
    )
    chosen, snapshot = model_of(model), market_of(market, at, price)
    with _resumable(files.unfinished), _progress() as say:
        summary = margin_file(
            positions, snapshot, chosen, files, threads=threads, restart=restart, say=say
        )
    if as_json:
        sys.stdout.write(summary.to_json().decode() + "\n")
    else:
        _show(summary)
    if summary.rejected_rows:
        raise typer.Exit(SOME_LEFT_OUT)


@contextmanager
def _resumable(folder: Path) -> Generator[None]:
    """Say how an interrupted run goes on."""
    try:
        yield
    except KeyboardInterrupt:
        if folder.exists():
            sys.stderr.write(
                f"interrupted: finished shards are kept in {folder}; "
                "the same command goes on with them\n"
            )
        raise


@contextmanager
def _progress() -> Generator[Say]:
    """A bar on standard error while it is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f} positions"),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bars:
        known: dict[str, TaskID] = {}

        def say(step: str, done: int, rows: int) -> None:
            if step not in known:
                known[step] = bars.add_task(step, total=rows)
            bars.update(known[step], completed=done)

        yield say


def _show(summary: BatchSummary) -> None:
    from rich.text import Text

    from seawall.cli.tables import STATE_STYLES, plain_table, show_warnings
    from seawall.cli.terminal import Terminal
    from seawall.report.words import accounts_sentence, cents, instant_text, rejected_sentence

    terminal: Terminal = Terminal()
    model, instant = summary.model.name, instant_text(summary.as_of)
    terminal.print(Text.assemble((model, "bold"), f"  market {instant}  {summary.currency}"))
    terminal.print()
    totals = plain_table("Totals", "", "initial", "maintenance")
    totals.add_row("requirement", cents(summary.initial), cents(summary.maintenance))
    value, equity = cents(summary.margin_value), cents(summary.equity)
    totals.add_row("margin value", value, value)
    totals.add_row("equity", equity, equity)
    states = plain_table("States", "", "accounts")
    for row in summary.states:
        states.add_row(Text(row.state, style=STATE_STYLES[row.state]), f"{row.accounts:,}")
    terminal.show(totals, states)
    terminal.print()
    terminal.lines([accounts_sentence(summary)])
    if summary.rejected is not None:
        terminal.lines([rejected_sentence(summary)])
    shown = summary.warnings[:_SHOWN]
    others = len(summary.warnings) - len(shown)
    show_warnings((*shown, *([f"and {others:,} more (--json)"] if others else [])), terminal)
    terminal.print()
    written = (summary.rejected, *summary.explained, summary.result)
    terminal.lines(["written:", *(f"  {file}" for file in written if file is not None)])
