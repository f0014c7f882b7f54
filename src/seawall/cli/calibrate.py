"""``seawall calibrate``: a model's numbers anew from history, guarded and explained."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from seawall.cli import completion
from seawall.cli.options import DEFAULT_MODEL, Json, Overwrite, Price

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from rich.table import Table

    from seawall.cli.terminal import Terminal
    from seawall.lab.calibration.settings import CalibrationSettings
    from seawall.market.history import MarketHistory
    from seawall.market.snapshot import MarketSnapshot
    from seawall.products.portfolio import Portfolio
    from seawall.report.calibration import AccountNotice, CalibrationReport, ParameterMove


HistoryFiles = Annotated[
    list[str],
    typer.Option(
        "--history",
        metavar="FILE",
        help="Bars, implied volatilities, funding or basis; may be given several times.",
    ),
]
Preset = Annotated[str | None, typer.Option("--out", metavar="TOML", help="Write the preset here.")]
Base = Annotated[
    str,
    typer.Option(
        "--model",
        metavar="NAME",
        help="The preset to calibrate.",
        autocompletion=completion.models,
    ),
]
KnownAt = Annotated[
    str | None,
    typer.Option("--at", metavar="TIME", help="What was known then; else at the last bar's end."),
]
Previous = Annotated[
    str | None,
    typer.Option("--previous", metavar="TOML", help="The calibrated file in force before."),
]
Settings = Annotated[
    str | None, typer.Option("--settings", metavar="TOML", help="Choices other than ours.")
]
Persons = Annotated[
    list[str] | None,
    typer.Option(
        "--confirmed-by",
        metavar="PERSON",
        help="Let held jumps through; two different persons must be named.",
    ),
]
SampleBook = Annotated[
    str | None, typer.Option("--book", metavar="BOOK", help="Show what it does to accounts.")
]
SampleMarket = Annotated[
    list[str] | None,
    typer.Option(
        "--market",
        "-m",
        metavar="FILE",
        help="The book's market, measured for depth and surfaces too; may be given several times.",
    ),
]
WhatChanges = Annotated[
    bool, typer.Option("--what-changes", help="Tell each account what each number does to it.")
]
Factors = Annotated[bool, typer.Option("--factors", help="Show every factor of every number.")]


def calibrate(
    history: HistoryFiles,
    out: Preset = None,
    model: Base = DEFAULT_MODEL,
    at: KnownAt = None,
    previous: Previous = None,
    settings: Settings = None,
    confirmed_by: Persons = None,
    book: SampleBook = None,
    market: SampleMarket = None,
    price: Price = None,
    what_changes: WhatChanges = False,
    factors: Factors = False,
    as_json: Json = False,
    overwrite: Overwrite = False,
) -> None:
    """A model's numbers anew from history: guarded, explained, written as a preset.

    \b
    Examples:
      seawall calibrate --history bars.csv --out prbm-2026-02-04.toml
      seawall calibrate --history bars.csv --at 2026-02-04T16:00 --book book.csv \\
        --market chain.csv --what-changes
      seawall calibrate --history bars.csv --settings calm.toml --factors
    """
    import msgspec

    from seawall.basics.time import parse_utc
    from seawall.cli.output import output
    from seawall.feeds.histories import read_history
    from seawall.feeds.models import read_model
    from seawall.lab.calibration.calibrate import calibrate as calibrated
    from seawall.lab.calibration.effects import with_effects
    from seawall.lab.calibration.files import preset_file, write_preset
    from seawall.lab.calibration.measured import measured
    from seawall.margin.presets import load_preset

    _require_book(book, market, what_changes=what_changes)
    if out is not None:
        preset_file(out, overwrite=overwrite)
    chosen = _settings(settings, confirmed_by or [])
    base, before = load_preset(model), None if previous is None else read_model(previous)
    known = read_history(history)
    when = _last_end(known) if at is None else parse_utc(at)
    accounts, snapshot = _accounts(book, market, when, price)
    told = None if snapshot is None else measured(snapshot)
    sources = [file.replace("\\", "/").rpartition("/")[2] for file in history]
    found = calibrated(known, base, when, chosen, before, market=told, sources=sources)
    report = found.report
    if snapshot is not None:
        report = with_effects(found, accounts, snapshot, notices=what_changes)

    notes: list[str] = []
    if confirmed_by:
        alone = msgspec.structs.replace(chosen, confirmed_by=())
        notes = _unneeded(calibrated(known, base, when, alone, before, market=told).report)

    def show(answer: CalibrationReport, terminal: Terminal) -> None:
        show_calibration(answer, terminal, persons=chosen.persons)
        terminal.lines(notes)
        if factors:
            terminal.print()
            terminal.show(_factors(answer))

    output([report], show, as_json, None, overwrite)
    if out is not None:
        file = write_preset(found, out, overwrite=overwrite)
        if not as_json:
            sys.stdout.write(f"\n{file}\n")


def _settings(file: str | None, confirmed_by: list[str]) -> CalibrationSettings:
    """The settings of a file, or ours, confirmed by those who are named."""
    import msgspec

    from seawall.lab.calibration.files import read_settings
    from seawall.lab.calibration.settings import CalibrationSettings

    chosen = CalibrationSettings() if file is None else read_settings(file)
    if not confirmed_by:
        return chosen
    return msgspec.structs.replace(chosen, confirmed_by=tuple(confirmed_by))


def _last_end(history: MarketHistory) -> datetime:
    """When the last bar of any underlying ended.

    Raises PoorHistory where there is no bar, and where the files' prices go on for more than two
    days after the last sound one: a feed that stands still must not date a calibration back.
    """
    from datetime import UTC, datetime, timedelta

    from seawall.basics.errors import PoorHistory
    from seawall.basics.time import DAY_NS
    from seawall.market.history_repairs import shown_time

    ends = [int(bars.end_ns[-1]) for bars in history.bars.values() if bars.end_ns.size]
    if not ends:
        raise PoorHistory(
            "no bars of any underlying",
            where="--history",
            remedy="Give a file of timestamp, symbol, open, high, low and close.",
        )
    last = max(ends)
    if history.told_until_ns - last > 2 * DAY_NS:
        until = shown_time(history.told_until_ns)
        raise PoorHistory(
            f"the last sound bar ended {shown_time(last)}, and the files go on until {until}",
            where="--history",
            remedy=f"Give prices that move until then, or --at {shown_time(last)[:16]}.",
        )
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=last // 1000)


def _unneeded(unconfirmed: CalibrationReport) -> list[str]:
    """A note where nothing is held that persons could confirm."""
    if any(move.needs_confirmation for move in unconfirmed.moves):
        return []
    return ["--confirmed-by: no jump is held, and nothing was to be confirmed."]


def _require_book(book: str | None, market: list[str] | None, *, what_changes: bool) -> None:
    """Raises BadParameter for a notice to accounts without accounts, or a market to value them."""
    from seawall.basics.errors import BadParameter

    if what_changes and (book is None or market is None):
        raise BadParameter(
            "--what-changes needs --book and --market",
            where="--what-changes",
            remedy="Add --book BOOK and --market FILE.",
        )


def _accounts(
    book: str | None, market: list[str] | None, when: datetime, price: list[str] | None
) -> tuple[Sequence[Portfolio], MarketSnapshot | None]:
    """The accounts of a book and the market at a time, as far as they are given.

    Raises BadParameter for a book without a market.
    """
    from seawall.basics.errors import BadParameter
    from seawall.basics.time import isoformat_utc
    from seawall.cli.inputs import inputs, market_of

    if market is None:
        if book is None:
            return (), None
        raise BadParameter(
            "a book and no market to value it in",
            where="--book",
            remedy="Add --market FILE.",
        )
    at = isoformat_utc(when)
    return ((), market_of(market, at, price)) if book is None else inputs(book, market, at, price)


def show_calibration(report: CalibrationReport, terminal: Terminal, *, persons: int = 0) -> None:
    """Print which numbers moved and why, what stays, and what it does to accounts.

    ``persons`` is how many have confirmed held jumps.
    """
    from rich.text import Text

    from seawall.cli.tables import show_warnings
    from seawall.report.words import instant_text

    terminal.print(
        Text.assemble(
            (report.model.name, "bold"),
            f"  from {report.base}, before {report.previous}  {instant_text(report.as_of)}",
        )
    )
    terminal.print()
    terminal.show(_moves(report))
    terminal.lines(_causes(report.moves), style="dim")
    held = [move for move in report.moves if move.needs_confirmation]
    if held:
        terminal.print()
        so_far = f" ({persons} of 2 confirmed)" if persons else ""
        terminal.print(f"held{so_far}: the rest of the rise waits until two persons confirm it.")
    if report.accounts:
        terminal.print()
        terminal.show(_accounts_moved(report))
    for account in dict.fromkeys(notice.account for notice in report.notices):
        terminal.print()
        of_account = [notice for notice in report.notices if notice.account == account]
        terminal.show(_notices(account, of_account))
        terminal.lines(_causes(of_account), style="dim")
        terminal.print("each number by itself, against the numbers before.", style="dim")
    if report.kept:
        terminal.print()
        terminal.lines([f"kept: {line}" for line in report.kept], style="dim")
    show_warnings(report.warnings, terminal)


def _moves(report: CalibrationReport) -> Table:
    from seawall.cli.tables import plain_table

    headers = ("before", "after", "change", "raw", "in force from", "held")
    table = plain_table("Numbers that moved", "number", *headers)
    for move in report.moves:
        table.add_row(move.key, *_change(move), "yes" if move.needs_confirmation else "")
    return table


def _causes(moved: Sequence[ParameterMove | AccountNotice]) -> list[str]:
    """One line for each cause, after the numbers that it moved."""
    keys: dict[str, list[str]] = {}
    for each in moved:
        keys.setdefault(each.cause, []).append(each.key)
    return [f"{', '.join(several)}: {cause}" for cause, several in keys.items()]


def _factors(report: CalibrationReport) -> Table:
    from seawall.cli.tables import plain_table

    table = plain_table("Factors", "number", "factor", "why", "value", left=3)
    for each in report.factors:
        table.add_row(each.key, each.name, each.why, f"{each.value:.4g}")
    return table


def _change(move: ParameterMove) -> tuple[str, ...]:
    from seawall.report.words import instant_text

    return (
        f"{move.before:.4g}",
        f"{move.after:.4g}",
        f"{move.change_rel:+.1%}",
        f"{move.raw:.4g}",
        instant_text(move.in_force_from),
    )


def _accounts_moved(report: CalibrationReport) -> Table:
    from seawall.cli.tables import plain_table
    from seawall.report.words import cents, signed

    headers = ("initial", "after", "change", "maintenance", "after", "change")
    table = plain_table("Accounts", "account", *headers)
    for each in report.accounts:
        table.add_row(
            each.account,
            cents(each.initial_before),
            cents(each.initial_after),
            signed(each.initial_after - each.initial_before),
            cents(each.maintenance_before),
            cents(each.maintenance_after),
            signed(each.maintenance_after - each.maintenance_before),
        )
    return table


def _notices(account: str, notices: Sequence[AccountNotice]) -> Table:
    from seawall.cli.tables import plain_table
    from seawall.report.words import instant_text, signed

    headers = ("before", "after", "initial", "maintenance", "in force from")
    table = plain_table(f"What changes for {account}", "number", *headers)
    for each in notices:
        table.add_row(
            each.key,
            f"{each.before:.4g}",
            f"{each.after:.4g}",
            signed(each.initial),
            signed(each.maintenance),
            instant_text(each.in_force_from),
        )
    return table
