"""``seawall backtest``: margins of books along a history, against the losses that came after.

Rooms are imported inside the functions, so that ``seawall --help`` loads none of them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from seawall.cli import completion
from seawall.cli.inputs import models_of
from seawall.cli.options import DEFAULT_MODEL, Json

if TYPE_CHECKING:
    from pathlib import Path

    from seawall.cli.calibrated import CalibratedModel
    from seawall.lab.backtest.books import WalkBook
    from seawall.lab.backtest.run import Say
    from seawall.lab.backtest.walk import ModelAt, WalkPlan
    from seawall.market.history import MarketHistory

_LENGTH = re.compile(r"(\d+(?:\.\d+)?)([mhd])")
_MINUTES = {"m": 1, "h": 60, "d": 1_440}
_BP = 1e-4

_Books = Annotated[
    list[str],
    typer.Argument(
        metavar="BOOK...",
        help="Relative books, books with timestamps, or any book of positions.",
    ),
]
_History = Annotated[
    list[str],
    typer.Option(
        "--history",
        metavar="FILE",
        help="Bars, volatilities, funding or basis, by their content; may be given several times.",
    ),
]
_Chains = Annotated[
    list[str] | None,
    typer.Option(
        "--market",
        "-m",
        metavar="FILE",
        help="Option chains recorded at many times, used in place of modelled volatilities; "
        "may be given several times.",
    ),
]
_Models = Annotated[
    str,
    typer.Option(
        "--models",
        metavar="A,B,C",
        help="Names of models, or .toml files.",
        autocompletion=completion.several_models,
    ),
]
_From = Annotated[str | None, typer.Option("--from", metavar="TIME", help="First margin, in UTC.")]
_To = Annotated[
    str | None, typer.Option("--to", metavar="TIME", help="Last margin at this UTC time or before.")
]
_Every = Annotated[
    str, typer.Option("--every", metavar="LENGTH", help="Time between margins: 4h, 1d.")
]
_Horizon = Annotated[
    str,
    typer.Option(
        "--horizon",
        metavar="LENGTHS",
        help="How long losses are watched; margins are judged by the longest: 1h,4h,24h.",
    ),
]
_Coverage = Annotated[
    float, typer.Option("--coverage", metavar="SHARE", help="Share of losses margins are to cover.")
]
_CloseOut = Annotated[
    float,
    typer.Option("--close-out-bp", metavar="BP", help="Cost of closing out, in bp of notional."),
]
_Out = Annotated[
    str | None, typer.Option("--out", metavar="DIR", help="Write rows, document and page there.")
]
_Jobs = Annotated[
    int, typer.Option("--jobs", metavar="N", min=1, help="Work in N processes at once.")
]
_CalibrateEvery = Annotated[
    str | None,
    typer.Option(
        "--calibrate-every",
        metavar="LENGTH",
        help="Also margin under models calibrated so often on what was known: 7d.",
    ),
]
_Calibrate = Annotated[
    str | None,
    typer.Option(
        "--calibrate",
        metavar="A,B,C",
        help="The presets that --calibrate-every calibrates; prbm if left out.",
        autocompletion=completion.several_models,
    ),
]
_Settings = Annotated[
    str | None,
    typer.Option("--settings", metavar="TOML", help="Choices of the calibration other than ours."),
]
_Resume = Annotated[
    bool, typer.Option("--resume", help="Go on with the unfinished backtest in --out.")
]


def backtest(
    books: _Books,
    history: _History,
    market: _Chains = None,
    models: _Models = DEFAULT_MODEL,
    since: _From = None,
    until: _To = None,
    every: _Every = "1d",
    horizon: _Horizon = "24h",
    coverage: _Coverage = 0.99,
    close_out_bp: _CloseOut = 0.0,
    calibrate_every: _CalibrateEvery = None,
    calibrate: _Calibrate = None,
    settings: _Settings = None,
    out: _Out = None,
    jobs: _Jobs = 1,
    resume: _Resume = False,
    as_json: Json = False,
) -> None:
    """Margins along a history, held against the losses that came after.

    \b
    Examples:
      seawall backtest relative.csv --history history.csv --models prbm,isolated
      seawall backtest relative.csv --history history.csv --every 8h \\
        --horizon 1h,4h,24h --from 2026-01-02 --to 2026-01-12 --out bt --jobs 2
      seawall backtest relative.csv --history history.csv --every 8h \\
        --horizon 1h,4h,24h --from 2026-01-02 --to 2026-01-12 --out bt --resume
      seawall backtest relative.csv --history history.csv --coverage 0.995 \\
        --close-out-bp 5 --json
      seawall backtest coin.csv --history history.csv --market chains.csv \\
        --from 2026-01-03T16:00 --to 2026-01-12
      seawall backtest relative.csv --history bars.csv --history history.csv \\
        --from 2026-01-03 --to 2026-01-17 --calibrate-every 7d \\
        --calibrate prbm,cross --settings calm.toml
    """
    from seawall.cli.backtest_tables import show_backtest
    from seawall.cli.terminal import Terminal
    from seawall.feeds.histories import read_history
    from seawall.lab.backtest.book_files import read_walk_books
    from seawall.lab.backtest.document import backtest_document, require_coverage
    from seawall.lab.backtest.files import write_backtest
    from seawall.lab.backtest.recorded import read_chains
    from seawall.lab.backtest.run import run_walk
    from seawall.lab.backtest.walk import Walk

    require_coverage(coverage)  # before the work
    folder = _folder(out, resume=resume)
    told, held = read_history(history), read_walk_books(books)
    plan = _plan(told, held, (since, until), every, horizon, close_out_bp)
    own = _calibrated(told, plan, (calibrate_every, calibrate, settings), history)
    named = (*_models_at(models), *(each.schedule for each in own))
    walk = Walk(told, held, named, plan, read_chains(market) if market else None)
    with _resumable(folder), _progress() as say:
        walked = run_walk(walk, folder=folder, resume=resume, jobs=jobs, say=say)
    notes = [note for each in own for note in each.notes]
    walked = replace(walked, warnings=(*notes, *walked.warnings))
    document = backtest_document(walked, plan, coverage=coverage, result=out)
    files = () if folder is None else write_backtest(folder, walked.rows, document)
    if as_json:
        sys.stdout.write(document.to_json().decode() + "\n")
    else:
        show_backtest(document, files, Terminal())


# ---- what is given


def _folder(out: str | None, *, resume: bool) -> Path | None:
    from pathlib import Path

    from seawall.basics.errors import InputError

    if out is None and resume:
        raise InputError(
            "nothing is kept without a folder",
            where="--resume",
            remedy="Give the folder of the unfinished backtest with --out.",
        )
    return None if out is None else Path(out)


def _models_at(models: str) -> tuple[ModelAt, ...]:
    """Models by what is known at a time; each named one has its numbers of today at all times."""
    from seawall.lab.backtest.walk import FixedModel
    from seawall.margin.presets import load_preset

    chosen = models_of(models)
    return tuple(FixedModel(load_preset(m) if isinstance(m, str) else m) for m in chosen)


def _calibrated(
    history: MarketHistory,
    plan: WalkPlan,
    asked: tuple[str | None, str | None, str | None],
    files: Sequence[str],
) -> list[CalibratedModel]:
    """The models that are calibrated along the walk: how often, which, and by which settings."""
    from seawall.basics.errors import InputError
    from seawall.cli.calibrated import calibrated_model
    from seawall.lab.calibration.files import read_settings
    from seawall.lab.calibration.settings import CalibrationSettings
    from seawall.margin.presets import load_preset

    every, names, settings = asked
    if every is None:
        if names is not None or settings is not None:
            raise InputError(
                "nothing is calibrated",
                where="--settings" if names is None else "--calibrate",
                remedy="Say how often with --calibrate-every, for example 7d.",
            )
        return []
    length = _length(every, "--calibrate-every")
    chosen = CalibrationSettings() if settings is None else read_settings(settings)
    bases = [load_preset(m) if isinstance(m, str) else m for m in models_of(names or DEFAULT_MODEL)]
    sources = [file.replace("\\", "/").rpartition("/")[2] for file in files]
    return [calibrated_model(history, b, plan, length, chosen, sources) for b in bases]


def _plan(
    history: MarketHistory,
    books: Sequence[WalkBook],
    between: tuple[str | None, str | None],
    every: str,
    horizon: str,
    close_out_bp: float,
) -> WalkPlan:
    from seawall.basics.time import parse_utc
    from seawall.lab.backtest.backtest import plan_of

    return plan_of(
        history,
        books,
        *(None if each is None else parse_utc(each) for each in between),
        every=_length(every, "--every"),
        horizons=[_length(each, "--horizon") for each in horizon.split(",")],
        close_out_rel=close_out_bp * _BP,
    )


def _length(text: str, where: str) -> timedelta:
    from seawall.basics.errors import BadNumber

    match = _LENGTH.fullmatch(text.strip())
    if match is None:
        raise BadNumber(
            f"{text!r:.40} is no length of time", where=where, remedy="Write 30m, 4h or 1d."
        )
    return timedelta(minutes=float(match[1]) * _MINUTES[match[2]])


# ---- while it runs


@contextmanager
def _resumable(folder: Path | None) -> Generator[None]:
    """Say how an interrupted run goes on."""
    try:
        yield
    except KeyboardInterrupt:
        if folder is not None and folder.exists():
            sys.stderr.write(
                f"interrupted: finished blocks are kept in {folder}; "
                "the same command with --resume goes on with them\n"
            )
        raise


@contextmanager
def _progress() -> Generator[Say]:
    """A bar on standard error while it is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (
        BarColumn(bar_width=None),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f} times"),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bars:
        task = bars.add_task("times", total=None)

        def say(done: int, times: int) -> None:
            bars.update(task, completed=done, total=times)

        yield say
