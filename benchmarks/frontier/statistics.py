"""What margins covered and cost: multipliers of training days, figures of test days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks.frontier.data import DAY_NS
from seawall.lab.backtest.assessment import assess
from seawall.lab.backtest.procyclicality import procyclicality
from seawall.lab.calibration.split import TRAINING_ENDS_NS, require_training

Floats = NDArray[np.float64]
Times = NDArray[np.int64]

RISES_DAYS = (1, 5, 20, 30)
BLOCK_DAYS = 20
RESAMPLES = 400
BOOTSTRAP_SEED = 1
# A test rejects where its p-value is below this over the number of books: Bonferroni.
TEST_LEVEL = 0.05
STRESS_DAYS = ("2020-03-12", "2021-05-19", "2022-06", "2022-11", "2024-08-05", "2025-10-10")


@dataclass(frozen=True, slots=True)
class Case:
    """Books over days with losses and one model's margins, USD a dollar of notional; [D, B].

    ``losses`` by hours of horizon, NaN where a book has no day; ``gross`` notional.
    """

    days_ns: Times
    books: tuple[str, ...]
    losses: Mapping[int, Floats]
    margins: Floats
    gross: Floats

    def rows(self, keep: NDArray[np.bool_]) -> Case:
        """Some of the days."""
        losses = {hours: each[keep] for hours, each in self.losses.items()}
        return Case(self.days_ns[keep], self.books, losses, self.margins[keep], self.gross[keep])

    @property
    def horizon(self) -> int:
        """The longest horizon, which the margin is to cover."""
        return max(self.losses)

    @property
    def ratios(self) -> Floats:
        """Loss over margin at the longest horizon."""
        return self.losses[self.horizon] / self.margins

    @property
    def margin_rel(self) -> Floats:
        """Margin as a share of gross notional; NaN where a book has no day."""
        return np.where(np.isfinite(self.ratios), self.margins / self.gross, np.nan)


class BookResult(msgspec.Struct, frozen=True, kw_only=True):
    """One book: breaches with their exact interval, tests that reject, mean margin."""

    book: str
    days: int
    breach_rate: float
    interval: tuple[float, float]
    rejected: tuple[str, ...]
    mean_margin_rel: float


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One model out of sample at one target; shares of gross notional unless said otherwise.

    Intervals are 95 % of a bootstrap by blocks of dates, all books together. ``at_equal_coverage``
    is the mean margin were the multiplier such that test days breach at exactly the target;
    ``against`` its difference from the dynamic grid's, with interval. ``rise`` by days.
    ``stress`` by day or month the largest pooled shortfall of a day.
    """

    model: str
    rate: float
    multiplier: float
    breach_rate: float
    breach_interval: tuple[float, float]
    breach_by_hours: dict[str, float]
    worst_book: str
    worst_breach_rate: float
    books_rejected: int
    mean_margin_rel: float
    mean_interval: tuple[float, float]
    at_equal_coverage: float
    against: float
    against_interval: tuple[float, float]
    mean_shortfall_rel: float
    peak_to_trough: float
    rise: dict[str, float]
    stress: dict[str, float]
    walk_forward_breach: float
    walk_forward_margin_rel: float
    books: tuple[BookResult, ...]


def multiplier(case: Case, rate: float) -> float:
    """The factor at which a share ``rate`` of all books' days breach.

    Raises BadParameter for a day that ends after the training part.
    """
    require_training(int(case.days_ns[-1]) + DAY_NS)
    return _quantile(case.ratios, rate)


def _quantile(ratios: Floats, rate: float) -> float:
    return float(np.quantile(ratios[np.isfinite(ratios)], 1.0 - rate))


def training(days_ns: Times, since_ns: int) -> NDArray[np.bool_]:
    """Days of the training part since a day."""
    return (days_ns >= since_ns) & (days_ns + DAY_NS <= TRAINING_ENDS_NS)


def testing(days_ns: Times) -> NDArray[np.bool_]:
    """Days of the test part."""
    return days_ns >= TRAINING_ENDS_NS


def walk_forward(case: Case, rate: float, since_ns: int) -> tuple[float, float]:
    """Breach rate and mean margin of test days, the multiplier renewed each year from all before.

    A year's multiplier uses days that were over when the year began.
    """
    year = case.days_ns.astype("datetime64[ns]").astype("datetime64[Y]")
    ratios, rel = case.ratios, case.margin_rel
    hits, margins = [], []
    for each in np.unique(year[testing(case.days_ns)]):
        before = (year < each) & (case.days_ns >= since_ns)
        factor = _quantile(ratios[before], rate)
        own = ratios[year == each]
        hits.append(own[np.isfinite(own)] > factor)
        margins.append(factor * rel[year == each])
    return float(np.concatenate(hits).mean()), float(np.nanmean(np.concatenate(margins)))


def blocks(days: int, generator: np.random.Generator) -> NDArray[np.intp]:
    """Rows of days drawn in blocks that wrap around; shape [days]."""
    starts = generator.integers(0, days, -(-days // BLOCK_DAYS))
    return ((starts[:, None] + np.arange(BLOCK_DAYS)) % days).ravel()[:days]


def _interval(values: Sequence[float]) -> tuple[float, float]:
    low, high = np.quantile(np.asarray(values), [0.025, 0.975])
    return float(low), float(high)


def equal_cost(case: Case, rate: float) -> float:
    """The mean margin at exactly the target's breaches on these very days."""
    return _quantile(case.ratios, rate) * float(np.nanmean(case.margin_rel))


def pooled_margin(case: Case) -> Floats:
    """The margin of all books together over their gross notional; [D'], days with every book."""
    whole = np.isfinite(case.margin_rel).all(axis=1)
    return np.asarray(case.margins[whole].sum(axis=1) / case.gross[whole].sum(axis=1))


def result(name: str, case: Case, reference: Case, rate: float, since_ns: int) -> Result:
    """One model's figures of all days; ``reference`` is the dynamic grid's case."""
    factor = multiplier(case.rows(training(case.days_ns, since_ns)), rate)
    part, other = (each.rows(testing(each.days_ns)) for each in (case, reference))
    ratios, rel = part.ratios, part.margin_rel
    there = np.isfinite(ratios)
    hits = there & (ratios > factor)
    losses = part.losses[part.horizon]
    short = np.where(hits, (losses - factor * part.margins) / part.gross, 0.0)
    by_book = hits.sum(axis=0) / there.sum(axis=0)
    books = tuple(_book(part, row, factor, rate) for row in range(len(part.books)))
    breaches, means, differences = _resampled(part, other, factor, rate)
    cyclic = procyclicality(pooled_margin(part), steps=RISES_DAYS)
    walked, walked_margin = walk_forward(case, rate, since_ns)
    worst = int(by_book.argmax())
    cost = equal_cost(part, rate)
    return Result(
        model=name,
        rate=rate,
        multiplier=factor,
        breach_rate=float(hits.sum() / there.sum()),
        breach_interval=_interval(breaches),
        breach_by_hours={
            str(hours): float((each > factor * part.margins)[there].mean())
            for hours, each in part.losses.items()
        },
        worst_book=part.books[worst],
        worst_breach_rate=float(by_book[worst]),
        books_rejected=sum(bool(each.rejected) for each in books),
        mean_margin_rel=factor * float(np.nanmean(rel)),
        mean_interval=_interval(means),
        at_equal_coverage=cost,
        against=cost - equal_cost(other, rate),
        against_interval=_interval(differences),
        mean_shortfall_rel=float(short[hits].mean()) if hits.any() else 0.0,
        peak_to_trough=cyclic.peak_to_trough,
        rise={str(each.steps): each.share for each in cyclic.rises},
        stress=stress_shortfalls(case, factor),
        walk_forward_breach=walked,
        walk_forward_margin_rel=walked_margin,
        books=books,
    )


def breach_interval(ratios: Floats, factor: float) -> tuple[float, float]:
    """The interval of the share of losses beyond ``factor`` margins, resampled."""
    generator = np.random.default_rng(BOOTSTRAP_SEED)
    hits, there = (ratios > factor).sum(axis=1), np.isfinite(ratios).sum(axis=1)
    drawn = [blocks(ratios.shape[0], generator) for _ in range(RESAMPLES)]
    return _interval([float(hits[rows].sum() / there[rows].sum()) for rows in drawn])


def _resampled(
    case: Case, other: Case, factor: float, rate: float
) -> tuple[list[float], list[float], list[float]]:
    """Breach rate, mean margin, and cost against another model at equal coverage, resampled."""
    generator = np.random.default_rng(BOOTSTRAP_SEED)
    ratios, rel = case.ratios, case.margin_rel
    there = np.isfinite(ratios)
    hit_days, there_days = (ratios > factor).sum(axis=1), there.sum(axis=1)
    sums, counts = np.nansum(rel, axis=1), np.isfinite(rel).sum(axis=1)
    other_ratios, other_rel = other.ratios, np.nansum(other.margin_rel, axis=1)
    breaches, means, differences = [], [], []
    for _ in range(RESAMPLES):
        drawn = blocks(ratios.shape[0], generator)
        breaches.append(float(hit_days[drawn].sum() / there_days[drawn].sum()))
        mean = float(sums[drawn].sum() / counts[drawn].sum())
        means.append(factor * mean)
        rest = _quantile(other_ratios[drawn], rate) * other_rel[drawn].sum()
        differences.append(
            _quantile(ratios[drawn], rate) * mean - float(rest / counts[drawn].sum())
        )
    return breaches, means, differences


def _book(case: Case, row: int, factor: float, rate: float) -> BookResult:
    there = np.isfinite(case.ratios[:, row])
    losses, margins = case.losses[case.horizon][there, row], factor * case.margins[there, row]
    found = assess(losses, margins, rate=rate)
    level = TEST_LEVEL / len(case.books)
    return BookResult(
        book=case.books[row],
        days=found.observations,
        breach_rate=found.breach_rate,
        interval=found.breach_interval,
        rejected=tuple(each.test for each in found.rejected(level)),
        mean_margin_rel=float(np.mean(margins / case.gross[there, row])),
    )


def stress_shortfalls(case: Case, factor: float) -> dict[str, float]:
    """On each day or month of stress the largest shortfall of a day, all books over their gross."""
    losses = case.losses[case.horizon]
    there = np.isfinite(case.ratios)
    short = np.where(there, np.maximum(losses - factor * case.margins, 0.0), 0.0).sum(axis=1)
    gross = np.where(there, case.gross, 0.0).sum(axis=1)
    dates = case.days_ns.astype("datetime64[ns]").astype("datetime64[D]").astype(str).tolist()
    found: dict[str, float] = {}
    for told in STRESS_DAYS:
        rows = [row for row, date in enumerate(dates) if date.startswith(told) and gross[row] > 0.0]
        if rows:
            found[told] = float((short[rows] / gross[rows]).max())
    return found
