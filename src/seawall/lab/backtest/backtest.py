"""A backtest from Python in one call: books, a history and models to a judgement."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from seawall.basics.time import instant_of_ns
from seawall.lab.backtest.book_files import book_of_portfolio, read_walk_books
from seawall.lab.backtest.books import WalkBook
from seawall.lab.backtest.document import backtest_document, require_coverage
from seawall.lab.backtest.files import write_backtest
from seawall.lab.backtest.markets import HistoricalMarkets, SurfaceShape
from seawall.lab.backtest.run import run_walk
from seawall.lab.backtest.walk import FixedModel, ModelAt, Walk, WalkPlan
from seawall.margin.model import MarginModel
from seawall.margin.presets import load_preset
from seawall.market.history import MarketHistory
from seawall.products.portfolio import Portfolio
from seawall.report.backtest import Backtest

Book = str | Path | Portfolio | WalkBook

_DAY = timedelta(days=1)


def backtest(
    books: Book | Sequence[Book],
    history: MarketHistory,
    models: Sequence[str | MarginModel | ModelAt] = ("prbm",),
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    every: timedelta = _DAY,
    horizons: Sequence[timedelta] = (_DAY,),
    coverage: float = 0.99,
    close_out_rel: float = 0.0,
    folder: str | Path | None = None,
    resume: bool = False,
    jobs: int = 1,
) -> Backtest:
    """Margins of books along a history, held against the path-worst losses that came after.

    ``books`` are files or portfolios; ``models`` names of presets, models, or models by time. From
    ``start`` to ``end``, by default as much as the history tells, a margin is taken ``every`` so
    often and losses are watched over ``horizons``. ``coverage`` is the share of losses that
    margins are to cover; ``close_out_rel`` the cost of closing out as a share of gross notional.
    With ``folder`` rows, document and page are written there, and an interrupted run goes on with
    ``resume``. Raises what reading books, :meth:`Walk.check` and :func:`run_walk` raise. Source:
    docs/backtest.md.
    """
    require_coverage(coverage)  # before the work
    listed = [books] if isinstance(books, str | Path | Portfolio | WalkBook) else books
    held = tuple(book for one in listed for book in _walk_books(one))
    plan = plan_of(
        history, held, start, end, every=every, horizons=horizons, close_out_rel=close_out_rel
    )
    walk = Walk(history, held, tuple(map(_model_at, models)), plan)
    out = None if folder is None else Path(folder)
    walked = run_walk(walk, folder=out, resume=resume, jobs=jobs)
    document = backtest_document(walked, plan, coverage=coverage, result=out and str(out))
    if out is not None:
        write_backtest(out, walked.rows, document)
    return document


def plan_of(
    history: MarketHistory,
    books: Sequence[WalkBook],
    start: datetime | None,
    end: datetime | None,
    *,
    every: timedelta,
    horizons: Sequence[timedelta],
    close_out_rel: float,
) -> WalkPlan:
    """The plan; without times from the first midnight of all prices to the last whole horizon.

    Raises PoorHistory where prices of a book are not told, InputError for a plan that is none.
    """
    lengths = tuple(sorted(set(horizons)))
    first, last = _told(history, books)
    if start is None:
        midnight = first.replace(hour=0, minute=0, second=0, microsecond=0)
        start = first if first == midnight else midnight + _DAY
    return WalkPlan(
        start=start,
        end=last - lengths[-1] if end is None and lengths else end or last,
        every=every,
        horizons=lengths,
        close_out_rel=close_out_rel,
    )


def _told(history: MarketHistory, books: Sequence[WalkBook]) -> tuple[datetime, datetime]:
    """Between when the prices of all books are told. Raises PoorHistory where some are not."""
    markets = HistoricalMarkets(history, SurfaceShape())
    names = {name for book in books for name in book.underlyings}
    ends = [markets.bars(name).end_ns for name in sorted(names)]
    first = max(int(each[0]) for each in ends)
    return instant_of_ns(first), instant_of_ns(min(int(each[-1]) for each in ends))


def _walk_books(book: Book) -> tuple[WalkBook, ...]:
    if isinstance(book, WalkBook):
        return (book,)
    return (book_of_portfolio(book),) if isinstance(book, Portfolio) else read_walk_books([book])


def _model_at(model: str | MarginModel | ModelAt) -> ModelAt:
    if isinstance(model, str):
        model = load_preset(model)
    return FixedModel(model) if isinstance(model, MarginModel) else model
