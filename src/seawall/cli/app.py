"""The commands of ``seawall``. Each only reads its arguments, calls the rooms below and prints.

Rooms are imported inside the commands, so that ``seawall --help`` loads none of them.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

import seawall
from seawall.cli import completion
from seawall.cli.backtest import backtest
from seawall.cli.batch import batch
from seawall.cli.calibrate import calibrate
from seawall.cli.conform import conform
from seawall.cli.errors import EXIT_CODES_TOLD, exit_code, report_error
from seawall.cli.fetch import fetch
from seawall.cli.inputs import inputs, market_of, model_of, models_of
from seawall.cli.options import (
    DEFAULT_MODEL,
    At,
    Book,
    Json,
    Market,
    MarketFiles,
    Model,
    Models,
    OneModel,
    OneUnderlying,
    OtherModel,
    OtherModels,
    Out,
    Overwrite,
    Price,
    Trades,
)
from seawall.cli.output import output
from seawall.cli.reduce import reduce
from seawall.cli.schemas import schema
from seawall.cli.span import span_file, span_generate
from seawall.cli.warmup import warmup

if TYPE_CHECKING:
    from seawall.cli.terminal import Terminal
    from seawall.report.change import Change
    from seawall.report.comparison import Comparison
    from seawall.report.schema import MarginReport

app = typer.Typer(
    name="seawall",
    add_completion=False,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    epilog=EXIT_CODES_TOLD,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def main() -> NoReturn:
    """Entry point of the ``seawall`` executable."""
    if sys.stdout is None:  # closed by whoever started us
        closed = OSError(errno.EBADF, os.strerror(errno.EBADF))
        report_error(closed)
        sys.exit(exit_code(closed))
    # A terminal that lacks a letter of an account's name gets its code, not an error.
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
    if os.environ.get(completion.VARIABLE):
        sys.exit(completion.answer_shell(app))
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line; returns its exit code, errors reported on stderr."""
    try:
        code = app(args=list(arguments), prog_name="seawall", standalone_mode=False)
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit):
        # Whoever read our output has left, which is no error; typer and rich exit then, and at
        # no other time. What is still buffered must not raise again as the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the table has a code for each
        report_error(error)
        return exit_code(error)
    # An interrupt comes back as typer's code for it; commands themselves return nothing.
    return code if isinstance(code, int) else 0


@app.callback()
def seawall_command(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Margin of a portfolio of options and futures: computed, explained, compared.

    \b
    Examples:
      seawall demo
      seawall margin book.csv --market chain.csv
      seawall compare book.csv --market chain.csv --models isolated,cross,prbm
    """
    if version:
        sys.stdout.write(f"seawall {seawall.__version__}\n")
        raise typer.Exit
    if context.invoked_subcommand is None:
        sys.stdout.write(f"{context.get_help()}\n")


@app.command()
def demo(
    seed: Annotated[
        int | None,
        typer.Option("--seed", metavar="N", min=0, help="Draw another market and book."),
    ] = None,
    save: Annotated[
        str | None,
        typer.Option("--save", metavar="DIR", help="Write chain.csv, futures.csv and book.csv."),
    ] = None,
) -> None:
    """Margin a made-up market maker's book, offline.

    \b
    Examples:
      seawall demo
      seawall demo --seed 5
      seawall demo --save demo
    """
    from seawall.cli.demo import run_demo

    run_demo(seed, save)


@app.command()
def margin(
    book: Book,
    market: Market,
    at: At = None,
    model: Model = DEFAULT_MODEL,
    price: Price = None,
    as_json: Json = False,
    out: Out = None,
    overwrite: Overwrite = False,
) -> None:
    """Margin of each account of a book, explained.

    \b
    Examples:
      seawall margin book.csv --market chain.csv
      seawall margin book.csv -m chain.parquet --at 2026-02-05T16:00 --model cross
      seawall margin book.csv -m chain.csv -m futures.csv --price USDC=0.9998
      seawall margin book.csv --market chain.csv --json | jq .initial
      seawall margin book.csv --market chain.csv --out report.xlsx
    """
    from seawall.report.build import margin as margin_of

    def show(report: MarginReport, terminal: Terminal) -> None:
        from seawall.cli.tables import show_report

        show_report(report, terminal)

    chosen = model_of(model)
    accounts, snapshot = inputs(book, market, at, price)
    reports = [margin_of(account, snapshot, chosen) for account in accounts]
    output(reports, show, as_json, out, overwrite)


@app.command()
def compare(
    book: Book,
    market: Market,
    models: Models,
    at: At = None,
    price: Price = None,
    as_json: Json = False,
    out: Out = None,
    overwrite: Overwrite = False,
) -> None:
    """Margin under several models, side by side.

    \b
    Examples:
      seawall compare book.csv --market chain.csv --models isolated,cross,prbm
      seawall compare book.csv --market chain.csv --models cross,prbm --json
    """
    from seawall.report.comparison import compare as compare_models

    def show(comparison: Comparison, terminal: Terminal) -> None:
        from seawall.cli.tables import show_comparison

        show_comparison(comparison, terminal)

    names = models_of(models)
    accounts, snapshot = inputs(book, market, at, price)
    compared = [compare_models(account, snapshot, names) for account in accounts]
    output(compared, show, as_json, out, overwrite)


@app.command()
def explain(
    book: Book,
    market: Market,
    at: At = None,
    model: Model = DEFAULT_MODEL,
    price: Price = None,
    as_json: Json = False,
    out: Out = None,
    overwrite: Overwrite = False,
) -> None:
    """What each leg brings, and where the account is liquidated.

    \b
    Examples:
      seawall explain book.csv --market chain.csv
      seawall explain book.csv --market chain.csv --model cross --json
    """
    from seawall.cli.explanations import show_explanation
    from seawall.report.explanation import explain as explanation_of

    chosen = model_of(model)
    accounts, snapshot = inputs(book, market, at, price)
    explained = [explanation_of(account, snapshot, chosen) for account in accounts]
    output(explained, show_explanation, as_json, out, overwrite)


@app.command("what-if")
def what_if(
    book: Book,
    market: Market,
    add: Trades,
    at: At = None,
    model: Model = DEFAULT_MODEL,
    models: OtherModels = None,
    price: Price = None,
    as_json: Json = False,
    out: Out = None,
    overwrite: Overwrite = False,
) -> None:
    """Margin before and after trades, and what each of them adds.

    \b
    Examples:
      seawall what-if book.csv -m chain.csv --add BTC-PERPETUAL:-1
      seawall what-if book.csv -m chain.csv --add BTC-27MAR26-80000-P:-5 \\
        --add BTC-27MAR26-70000-P:5@0.021 --models deribit-pm,okx-pm,prbm
    """
    from seawall.cli.explanations import show_what_if
    from seawall.report.what_if import what_if as what_if_of

    chosen, others = model_of(model), [] if models is None else models_of(models)
    accounts, snapshot = inputs(book, market, at, price)
    answers = [what_if_of(account, add, snapshot, chosen, models=others) for account in accounts]
    output(answers, show_what_if, as_json, out, overwrite)


@app.command("explain-change")
def explain_change(
    book: Book,
    market: Market,
    since: Annotated[
        str, typer.Option("--from", metavar="TIME", help="Snapshot to start from, as for --at.")
    ],
    until: Annotated[
        str, typer.Option("--to", metavar="TIME", help="Snapshot to end with, as for --at.")
    ],
    model: Model = DEFAULT_MODEL,
    to_market: Annotated[
        list[str] | None,
        typer.Option(
            "--to-market",
            metavar="FILE",
            help="Files of the end, where those of --market hold the start alone.",
        ),
    ] = None,
    to_book: Annotated[
        str | None, typer.Option("--to-book", metavar="BOOK", help="Positions held at the end.")
    ] = None,
    to_model: OtherModel = None,
    price: Price = None,
    as_json: Json = False,
    out: Out = None,
    overwrite: Overwrite = False,
) -> None:
    """Why margin changed between two snapshots, in rows that add up.

    \b
    Examples:
      seawall explain-change book.csv -m chain.csv \\
        --from 2026-02-05T16:00 --to 2026-02-06T16:00
      seawall explain-change old.csv -m start.csv --from 2026-02-05T16:00 \\
        --to-market end.csv --to 2026-02-06T16:00 --to-book new.csv
    """
    from seawall.cli.changes import pair_accounts, show_change
    from seawall.feeds.books import read_portfolios
    from seawall.report.change import explain_change as change_of

    chosen, at_end = model_of(model), None if to_model is None else model_of(to_model)
    accounts, before = inputs(book, market, since, price)
    after = market_of(to_market or market, until, price)
    later = None if to_book is None else read_portfolios(to_book, market=after)
    changes: list[Change] = [
        change_of(one, before, after, chosen, to_portfolio=other, to_model=at_end)
        for one, other in pair_accounts(accounts, later)
    ]
    output(changes, show_change, as_json, out, overwrite)


@app.command()
def surface(
    market: MarketFiles,
    underlying: OneUnderlying = None,
    at: At = None,
    price: Price = None,
    as_json: Json = False,
    out: Out = None,
    overwrite: Overwrite = False,
) -> None:
    """Volatility surfaces: how each expiry is fitted, and how old its quotes are.

    \b
    Examples:
      seawall surface chain.csv
      seawall surface chain.csv --at 2026-02-05T16:00 --underlying BTC
    """
    from seawall.cli.surfaces import show_surface
    from seawall.report.surface import surface as surface_of

    surfaces = surface_of(market_of(market, at, price), underlying)
    output(surfaces, show_surface, as_json, out, overwrite)


app.command()(batch)
app.command()(backtest)
app.command()(reduce)
app.command()(fetch)
app.command()(conform)
app.command()(calibrate)
app.command("span-file")(span_file)
app.command("span-generate")(span_generate)


@app.command()
def models(
    name: OneModel = None,
) -> None:
    """List the models, or show every number of one.

    \b
    Examples:
      seawall models
      seawall models prbm
      seawall models my-model.toml
    """
    from seawall.cli.presets import show_preset, show_presets
    from seawall.cli.terminal import Terminal

    if name is None:
        show_presets(Terminal())
    else:
        show_preset(model_of(name), Terminal())


app.command("completion")(completion.show_script)
app.command()(schema)
app.command()(warmup)
