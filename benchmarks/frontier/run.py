"""The benchmark's parts: every book by the path, six books by the close, real chains."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.frontier.chains import among, read_records, recorded
from benchmarks.frontier.data import (
    CLOSE,
    HOURS,
    Panel,
    day_ns,
    read_panel,
)
from benchmarks.frontier.legs import Table, tabulate
from benchmarks.frontier.models import DynamicSettings, Known, all_models, dynamic_grid, floored
from benchmarks.frontier.parameters import ParameterResult, parameter_results
from benchmarks.frontier.portfolios import Book, all_books, delta_one, six_books
from benchmarks.frontier.statistics import (
    Case,
    Floats,
    Result,
    breach_interval,
    equal_cost,
    result,
    testing,
    training,
)
from benchmarks.frontier.tuning import Score, search
from benchmarks.frontier.walk import Losses, path_losses
from seawall.lab.calibration.split import TRAINING_ENDS_NS

Say = Callable[[str], None]

FIRST_DAY = "2019-01-01"
RATES = (0.01, 0.005)
REFERENCE = "dynamic grid"
QUICK_BOOKS = 6
QUICK_MODELS = ("strategy", "Deribit-like", "SPAN-like", REFERENCE)


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Results of one set of books: what was lost when, and every model at every target."""

    name: str
    losses: str
    books: tuple[str, ...]
    days: int
    first: str
    last: str
    results: tuple[Result, ...]


class ChainResult(msgspec.Struct, frozen=True, kw_only=True):
    """One model on recorded chains at 99 %, with the multiplier of all books."""

    model: str
    multiplier: float
    book_days: int
    breach_rate: float
    breach_interval: tuple[float, float]
    mean_margin_rel: float
    at_equal_coverage: float


def part(
    name: str,
    losses: str,
    known: Known,
    table: Table,
    lost: Mapping[int, Floats],
    margins: Mapping[str, Floats],
    say: Say,
) -> Part:
    """Every model's results on the books of a table."""
    since = day_ns(FIRST_DAY)
    days_ns = known.panel.days_ns
    books = tuple(book.name for book in table.books)
    kept = days_ns >= since
    cases = {
        model: Case(days_ns, books, lost, margin, table.gross).rows(kept)
        for model, margin in margins.items()
    }
    found: list[Result] = []
    for rate in RATES:
        for model, case in cases.items():
            say(f"{name}, {1 - rate:.1%}: {model}")
            found.append(result(model, case, cases[REFERENCE], rate, since))
    dates = known.panel.dates[testing(days_ns)]
    return Part(
        name=name,
        losses=losses,
        books=books,
        days=int(dates.size),
        first=str(dates[0]),
        last=str(dates[-1]),
        results=tuple(found),
    )


def margins_of(
    known: Known, table: Table, settings: DynamicSettings, say: Say, only: Sequence[str] = ()
) -> dict[str, Floats]:
    """Every model's margins of a table, or some models'."""
    found: dict[str, Floats] = {}
    for name, margins in all_models(known, settings).items():
        if not only or name in only:
            say(f"margins: {name}")
            found[name] = floored(margins(table), table)
    return found


def closes_only(panel: Panel) -> Panel:
    """The same days with nothing between their starts and their ends but closes.

    Paths stand still until the last hour; low and high are the close.
    """
    last = np.ones_like(panel.ratio)
    last[:, -1] = panel.ratio[:, -1, CLOSE][:, None, :]
    last[np.isnan(panel.ratio)] = np.nan
    moves = np.repeat(panel.moves[:, CLOSE : CLOSE + 1], 3, axis=1)
    return replace(panel, ratio=last, moves=moves)


def measured(
    known: Known, books: Sequence[Book], settings: DynamicSettings, say: Say, only: Sequence[str]
) -> tuple[Table, Losses, dict[str, Floats]]:
    """The table of some books, their losses and margins."""
    table = tabulate(known.panel, books)
    losses = path_losses(table, known.panel, known.daily_vol)
    return table, losses, margins_of(known, table, settings, say, only)


def run(
    folder: Path, settings: DynamicSettings, say: Say, *, quick: bool
) -> tuple[tuple[Part, ...], tuple[ChainResult, ...], tuple[ParameterResult, ...]]:
    """All parts, the recorded chains and the parameters; ``quick`` takes few books and models."""
    panel, bars = read_panel(folder)
    known = Known(panel, bars)
    only = QUICK_MODELS if quick else ()
    books = all_books()[:: len(all_books()) // QUICK_BOOKS] if quick else all_books()
    table, losses, margins = measured(known, books, settings, say, only)
    found = [part("all books", "path", known, table, losses.by_horizon, margins, say)]
    hedged = [row for row, book in enumerate(books) if book.hedged]
    if hedged:
        own = {name: each[:, hedged] for name, each in margins.items()}
        lost = {hours: each[:, hedged] for hours, each in losses.by_horizon.items()}
        some = columns(table, hedged)
        found.append(part("hedged option books", "path", known, some, lost, own, say))
    multipliers = {e.model: e.multiplier for e in found[0].results if e.rate == RATES[0]}
    chains = on_chains(folder, known, settings, multipliers, say)
    for by, panel_of in (("path", panel), ("close", closes_only(panel))):
        alike = Known(panel_of, bars)
        table, losses, margins = measured(alike, six_books(), settings, say, only)
        # By the close is what a day lost, whatever it then costs to leave.
        lost = losses.by_horizon if by == "path" else {HOURS: _before_cost(losses)}
        found.append(part("six books", by, alike, table, lost, margins, say))
    return tuple(found), chains, parameter_results(bars, settings)


def columns(table: Table, books: Sequence[int]) -> Table:
    """Some of a table's books."""
    return replace(
        table,
        books=tuple(table.books[row] for row in books),
        quantity=table.quantity[:, books],
        known=table.known[:, books],
    )


def on_chains(
    folder: Path,
    known: Known,
    settings: DynamicSettings,
    multipliers: Mapping[str, float],
    say: Say,
) -> tuple[ChainResult, ...]:
    """Option books on recorded chains, every model with the multiplier it had before."""
    books = [book for book in all_books() if book.has_options]
    table, losses = among(known.panel.days_ns, *recorded(read_records(folder), books))
    days = table.known.any(axis=1)
    names = tuple(book.name for book in books)
    margins = margins_of(known, table, settings, say, tuple(multipliers))
    found: list[ChainResult] = []
    for model, margin in margins.items():
        case = Case(known.panel.days_ns, names, {HOURS: losses}, margin, table.gross).rows(days)
        ratios, factor = case.ratios, multipliers[model]
        there = np.isfinite(ratios)
        found.append(
            ChainResult(
                model=model,
                multiplier=factor,
                book_days=int(there.sum()),
                breach_rate=float((ratios[there] > factor).mean()),
                breach_interval=breach_interval(ratios, factor),
                mean_margin_rel=factor * float(np.nanmean(case.margin_rel)),
                at_equal_coverage=equal_cost(case, RATES[0]),
            )
        )
    return tuple(found)


def _before_cost(losses: Losses) -> Floats:
    return losses.by_horizon[HOURS] - losses.cost


def tuned(folder: Path) -> list[Score]:
    """The search for settings, which is handed the training part of the data and no more."""
    panel, bars = read_panel(folder)
    known = Known(
        panel.before(TRAINING_ENDS_NS),
        {coin: each.until(TRAINING_ENDS_NS) for coin, each in bars.items()},
    )
    linear = [book for book in delta_one() if book.family in ("outright", "pair", "basket")]
    whole = [book for book in linear if "SOL" not in book.name and "three" not in book.name]
    return search(_case_maker(known, whole), _case_maker(known, all_books()), RATES[0])


def _case_maker(known: Known, books: Sequence[Book]) -> Callable[[DynamicSettings], Case]:
    table = tabulate(known.panel, books)
    losses = path_losses(table, known.panel, known.daily_vol)
    days_ns = known.panel.days_ns
    keep = training(days_ns, day_ns(FIRST_DAY))
    names = tuple(book.name for book in books)

    def case(settings: DynamicSettings) -> Case:
        margins = floored(dynamic_grid(known, settings)(table), table)
        return Case(days_ns, names, losses.by_horizon, margins, table.gross).rows(keep)

    return case
