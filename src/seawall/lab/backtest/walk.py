"""The walk over history: margins by what was known, losses by what came after.

At each time the market is built from the history until then, the book is margined under each
model, and the book is revalued along the bars that follow. A row is one time, book and model.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from operator import itemgetter
from typing import Protocol

import msgspec
import numpy as np

from seawall.basics.errors import EmptyPortfolio, InputError, PoorHistory, SeawallError
from seawall.basics.time import epoch_ns, isoformat_utc
from seawall.lab.backtest.books import WalkBook
from seawall.lab.backtest.losses import BarPaths, bar_paths, gross_notional_usd, path_loss
from seawall.lab.backtest.markets import NS, HistoricalMarkets, SurfaceShape
from seawall.lab.backtest.recorded import RecordedChains, RecordedMarkets
from seawall.lab.backtest.regulation import ProcyclicalityTools
from seawall.margin.model import MarginModel
from seawall.margin.status import (
    Default,
    MarginStatus,
    dated_after,
    funding_taken,
    joined_defaults,
    margin_status,
    untold,
)
from seawall.market.history import MarketHistory
from seawall.market.snapshot import MarketSnapshot
from seawall.products.instruments import Instrument, Option
from seawall.products.portfolio import Portfolio
from seawall.risk.book import join


def instruments(portfolio: Portfolio) -> tuple[Instrument, ...]:
    """What a portfolio holds."""
    return tuple(position.instrument for position in portfolio.positions)


class ModelAt(Protocol):
    """A model by what is known: called with the history until an instant, and the instant.

    It goes to other processes and into a digest of the inputs, so that it is a frozen dataclass or
    a struct of plain values.
    """

    @property
    def name(self) -> str:
        """What rows and reports call it."""
        ...

    def __call__(self, history: MarketHistory, at: datetime) -> MarginModel:
        """The model at an instant."""
        ...


@dataclass(frozen=True, slots=True)
class FixedModel:
    """The same model at every time."""

    model: MarginModel

    @property
    def name(self) -> str:
        """The model's own."""
        return self.model.name

    def __call__(self, history: MarketHistory, at: datetime) -> MarginModel:
        """The model, whatever the history."""
        return self.model


@dataclass(frozen=True, slots=True)
class ModelSchedule:
    """Dated models under one name, each used from an instant until the next.

    ``models`` are (nanoseconds since 1970 UTC, model) by ascending time, each made of what was
    known by its time; ``tools`` against procyclicality are those of its calibration, None where
    nothing is known of them. Raises InputError for none, or times that do not ascend.
    """

    name: str
    models: tuple[tuple[int, MarginModel], ...]
    tools: ProcyclicalityTools | None = None

    def __post_init__(self) -> None:
        since = [at_ns for at_ns, _ in self.models]
        if not since or since != sorted(set(since)):
            raise InputError(
                "no dated model, or some out of order",
                where=f"models of {self.name}",
                remedy="Give each a later time than the one before.",
            )

    def __call__(self, history: MarketHistory, at: datetime) -> MarginModel:
        """The newest model at an instant. Raises InputError before the first."""
        place = bisect_right(self.models, epoch_ns(at), key=itemgetter(0))
        if not place:
            raise InputError(
                f"no model at {isoformat_utc(at)}, before the first",
                where=f"models of {self.name}",
                remedy="Begin the walk later, or date a model earlier.",
            )
        return self.models[place - 1][1]


class WalkPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When margins are taken and for how long losses are watched.

    ``start``, ``start + every``, … up to ``end``; ``horizons`` ascending, each at least a
    second. ``close_out_rel`` is the cost of closing out as a share of
    gross notional. Raises InputError for a plan that is none.
    """

    start: datetime
    end: datetime
    every: timedelta
    horizons: tuple[timedelta, ...]
    shape: SurfaceShape = SurfaceShape()
    close_out_rel: float = 0.0

    def __post_init__(self) -> None:
        nothing = timedelta()
        wrong = None
        if not self.start <= self.end:
            wrong = f"an end of {self.end:%Y-%m-%d %H:%M} before the start"
        elif self.every <= nothing or self.every.microseconds:
            wrong = f"a step of {self.every}"
        elif not self.horizons or self.horizons[0] <= nothing:
            wrong = "no horizon above 0"
        elif list(self.horizons) != sorted(set(self.horizons)):
            wrong = "horizons that do not ascend"
        elif not 0.0 <= self.close_out_rel < 1.0:
            wrong = f"a close-out cost of {self.close_out_rel:.0%} of notional"
        if wrong is not None:
            raise InputError(
                wrong, where="backtest", remedy="Give times in order and lengths above 0."
            )

    @property
    def times(self) -> tuple[datetime, ...]:
        """When margins are taken."""
        count = (self.end - self.start) // self.every + 1
        return tuple(self.start + place * self.every for place in range(count))


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One book under one model at one time; amounts in USD.

    ``initial`` and ``maintenance`` margin, with the haircuts on what is held outright;
    ``gross_notional``; ``losses`` path-worst by horizon, ≥ 0; ``close_losses`` at its last close,
    < 0 for a gain; ``has_gap`` that bars are missing in the longest horizon.
    """

    at: datetime
    book: str
    model: str
    initial: float
    maintenance: float
    gross_notional: float
    losses: tuple[float, ...]
    close_losses: tuple[float, ...]
    has_gap: bool
    modelled: bool

    @property
    def hits(self) -> tuple[bool, ...]:
        """Whether the path-worst loss exceeds initial margin, by horizon."""
        return tuple(loss > self.initial for loss in self.losses)


@dataclass(frozen=True, slots=True)
class Walk:
    """Everything that the rows of a walk follow from.

    Where a snapshot of ``chains`` that is at most ``plan.every`` old tells all options of a book,
    it is the book's market; else option volatilities are modelled.
    """

    history: MarketHistory
    books: tuple[WalkBook, ...]
    models: tuple[ModelAt, ...]
    plan: WalkPlan
    chains: RecordedChains | None = None
    _paths: dict[tuple[str, ...], BarPaths] = field(
        default_factory=dict[tuple[str, ...], BarPaths], init=False, repr=False, compare=False
    )
    _held: dict[str, dict[datetime, Portfolio]] = field(
        default_factory=dict[str, dict[datetime, Portfolio]], init=False, repr=False, compare=False
    )

    @property
    def markets(self) -> HistoricalMarkets:
        """The markets of its history."""
        return HistoricalMarkets(self.history, self.plan.shape)

    def check(self) -> tuple[str, ...]:
        """Raise what would end the walk, before anything is written.

        Every model margins every book at the first time that can be walked; what its reports would
        repeat is returned. Raises InputError where a name is given twice or there is none,
        PoorHistory where no time of a book can be walked, and what margining raises, which names
        model, book and time.
        """
        for what, names in (
            ("book", [book.name for book in self.books]),
            ("model", [model.name for model in self.models]),
        ):
            if not names or len(set(names)) != len(names):
                raise InputError(
                    f"a {what} is named twice, or there is none",
                    where="backtest",
                    remedy=f"Name each {what} once.",
                )
        first = [self._first_warnings(book) for book in self.books]
        found = chain.from_iterable(warnings for warnings, _ in first)
        defaults = chain.from_iterable(taken for _, taken in first)
        return tuple(dict.fromkeys((*found, *joined_defaults(defaults))))

    def _first_warnings(self, book: WalkBook) -> tuple[list[str], list[Default]]:
        """Of a book at its first time; the defaults that its models take there stand apart."""
        told = self.told(book, self.plan.times)
        bar_ns, shortest = self._path(book).bar_ns, self.plan.horizons[0]
        if shortest.total_seconds() * NS < bar_ns:
            raise InputError(
                f"a horizon of {shortest} where bars last {timedelta(seconds=bar_ns // NS)}",
                where=f"backtest of {book.name}",
                remedy="Watch losses for at least a bar, or give a finer history.",
            )
        if not told:
            raise PoorHistory(
                f"no time of {self.plan.start:%Y-%m-%d} to {self.plan.end:%Y-%m-%d} has prices of "
                f"{', '.join(book.underlyings)} then and for the whole horizon after it",
                where=f"backtest of {book.name}",
                remedy="Choose --from and --to within the history, or a shorter --horizon.",
            )
        for at in told:
            portfolio = self._portfolios(book, told[:1] if at == told[0] else [at]).get(at)
            if portfolio is not None:
                known = self.history.until(epoch_ns(at))
                models = [each(known, at) for each in self.models]
                market = self._markets(portfolio, at, known).snapshot(at, instruments(portfolio))
                self._margined(portfolio, at, market, models)
                book_then = join(portfolio, market)
                of_models = (dated_after(book_then, m) for m in models)
                funding = (funding_taken(book_then, m) for m in models)
                defaults = [one for m in models for one in untold(book_then, m)]
                return [*market.warnings, *chain(*of_models), *chain(*funding)], defaults
        raise PoorHistory(
            "it holds nothing at any time of the walk",
            where=f"backtest of {book.name}",
            remedy="Begin before its last timestamp, and end after its first.",
        )

    def told(self, book: WalkBook, times: Sequence[datetime]) -> list[datetime]:
        """Those times at which the market of a book is told, and until the end of the horizon."""
        asked = np.array([epoch_ns(at) for at in times], dtype=np.int64)
        keep = self._path(book).told(asked, self._horizon_ns)
        return [at for at, kept in zip(times, keep.tolist(), strict=True) if kept]

    def rows(self, times: Sequence[datetime]) -> list[Record]:
        """The rows of some of the plan's times, by time, book and model in their order.

        A time at which a book's market is not told, or not until the end of the horizon, has no
        row of it. Raises PoorHistory and what margining raises.
        """
        held = {book.name: self._portfolios(book, self.told(book, times)) for book in self.books}
        rows: list[Record] = []
        for at in times:
            known = self.history.until(epoch_ns(at))
            models = [each(known, at) for each in self.models]
            for book in self.books:
                portfolio = held[book.name].get(at)
                if portfolio is not None:
                    rows += self._rows_of(book, portfolio, at, known, models)
        return rows

    @property
    def _horizon_ns(self) -> int:
        return round(self.plan.horizons[-1].total_seconds()) * NS

    def _path(self, book: WalkBook) -> BarPaths:
        names = book.underlyings
        for name in names:
            self.markets.bars(name)
        if not names:
            raise EmptyPortfolio(
                f"the book {book.name!r} holds money alone, which does not move",
                where="backtest",
                remedy="Give it a coin or a contract.",
            )
        if names not in self._paths:
            self._paths[names] = bar_paths(self.history, names)
        return self._paths[names]

    def _portfolios(
        self, book: WalkBook, times: Sequence[datetime]
    ) -> Mapping[datetime, Portfolio]:
        """What a book holds at some times; where that depends on earlier ones, by the whole plan.

        Whatever the plan, what is held at a time follows from the times until then alone.
        """
        if book.has_memory:
            if book.name not in self._held:
                told = self.told(book, self.plan.times)
                self._held[book.name] = self._struck(book, told)
            return self._held[book.name]
        return self._struck(book, times)

    def _struck(self, book: WalkBook, times: Sequence[datetime]) -> dict[datetime, Portfolio]:
        held = zip(times, book.portfolios(times, self.markets), strict=True)
        return {at: portfolio for at, portfolio in held if portfolio is not None}

    def _markets(
        self, portfolio: Portfolio, at: datetime, known: MarketHistory
    ) -> HistoricalMarkets | RecordedMarkets:
        """Markets by what is known and the chains recorded; modelled where none tells the book."""
        base = HistoricalMarkets(known, self.plan.shape)
        if self.chains is None:
            return base
        found = self.chains.markets(base, instruments(portfolio), at, self.plan.every)
        return found or base

    def _margined(
        self,
        portfolio: Portfolio,
        at: datetime,
        market: MarketSnapshot,
        models: Sequence[MarginModel],
    ) -> list[MarginStatus]:
        """The book under each model."""
        book = join(portfolio, market)
        found: list[MarginStatus] = []
        for model, named in zip(models, self.models, strict=True):
            try:
                found.append(margin_status(book, model))
            except SeawallError as error:
                here = f"{named.name}, {portfolio.account}, {isoformat_utc(at)}"
                raise error.located(here, "") from None
        return found

    def _rows_of(
        self,
        book: WalkBook,
        portfolio: Portfolio,
        at: datetime,
        known: MarketHistory,
        models: Sequence[MarginModel],
    ) -> list[Record]:
        window = self._path(book).window(epoch_ns(at), self._horizon_ns)
        market = self._markets(portfolio, at, known).snapshot(at, instruments(portfolio))
        after = self._markets(portfolio, at, self.history)
        path = path_loss(portfolio, after, at, window, self.plan.close_out_rel)
        until = [epoch_ns(at + horizon) for horizon in self.plan.horizons]
        losses = tuple(path.loss_usd(end) for end in until)
        close_losses = tuple(path.close_loss_usd(end) for end in until)
        has_options = any(isinstance(each, Option) for each in instruments(portfolio))
        rows: list[Record] = []
        margined = self._margined(portfolio, at, market, models)
        for named, status in zip(self.models, margined, strict=True):
            haircuts = float((status.equity - status.margin_value).amount)
            rows.append(
                Record(
                    at=at,
                    book=book.name,
                    model=named.name,
                    initial=float(status.initial.amount) + haircuts,
                    maintenance=float(status.maintenance.amount) + haircuts,
                    gross_notional=gross_notional_usd(portfolio, window),
                    losses=losses,
                    close_losses=close_losses,
                    has_gap=window.has_gap,
                    modelled=has_options and isinstance(after, HistoricalMarkets),
                )
            )
        return rows
