"""Of a tail measure: what it rests on, and the paths on which most is lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from seawall.basics.time import DAY_SECONDS, UtcTime
from seawall.margin.combinations import Combination
from seawall.margin.model import MarginModel
from seawall.margin.offsets import TailMeasure
from seawall.margin.requirement import MarginRequirement
from seawall.margin.status import MarginStatus
from seawall.products.markets import market_of
from seawall.report.parts import Part
from seawall.risk.book import Book
from seawall.risk.joint_scenarios import JointScenarios, OfHistory, Past
from seawall.risk.paths import Paths, Taken
from seawall.risk.tail import tail_estimate, value_at_risk
from seawall.risk.windows import DAY_NS

FAR_CONFIDENCE = 0.999
"""At which a value at risk is told beside whatever the model asks for."""

_SHOWN = 3
_SHORT = 0.9
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class UnderlyingMove(Part, frozen=True, kw_only=True):
    """How one underlying moves on a path, and what its positions gain there."""

    underlying: str
    price_move_rel: float
    vol_move_rel: float
    pnl: float


class WorstPath(Part, frozen=True, kw_only=True):
    """A path on which much is lost, at its worst point; ``start`` of one of history."""

    loss: float
    start: UtcTime | None
    moves: tuple[UnderlyingMove, ...]


class Tail(Part, frozen=True, kw_only=True):
    """What a tail measure of joint losses rests on; amounts in the report's currency, before floors
    and factors.

    ``value`` is the ``measure`` at ``confidence`` of the loss at the ``path``'s worst point or end
    over ``horizon_days``, told at so many ``points``; ``standard_error`` how far a sample of
    ``effective_paths`` independent ones may be off, ``lower`` and ``upper`` its 95 % interval.
    ``is_resolved`` is False where fewer than one of them is in the tail. ``far_value_at_risk`` is
    at 99.9 %. ``since`` and ``until`` are when paths of history began first and last,
    ``across_gaps`` counts those in which bars are missing; ``worst_paths`` are the worst, first the
    worst of all.
    """

    measure: str
    confidence: float
    path: str
    horizon_days: float
    paths: int
    points: int
    effective_paths: float
    value: float
    standard_error: float
    lower: float
    upper: float
    is_resolved: bool
    far_value_at_risk: float
    since: UtcTime | None
    until: UtcTime | None
    across_gaps: int
    worst_paths: tuple[WorstPath, ...]

    def lines(self) -> tuple[str, ...]:
        """The tail in words, then each of the worst paths."""
        name = {"var": "value at risk", "es": "expected shortfall"}[self.measure]
        point = {"worst": "worst point", "end": "end"}[self.path]
        days = "a day" if self.horizon_days == 1.0 else f"{self.horizon_days:g} days"
        heading = (
            f"{name} {self.confidence:.2%} of the loss at the {point} of {self.paths:,} paths of "
            f"{days}, told at {self.points:,} points: {self.value:,.0f}, standard error "
            f"{self.standard_error:,.0f}; value at risk 99.9 %: {self.far_value_at_risk:,.0f}"
        )
        found = [heading]
        if self.since is not None and self.until is not None:
            found.append(
                f"history from {self.since:%Y-%m-%d} to {self.until:%Y-%m-%d}, "
                f"{self.across_gaps:,} paths across gaps"
            )
        if not self.is_resolved:
            found.append("fewer than one independent path is in the tail: the truth may be worse")
        for each in self.worst_paths:
            begun = "" if each.start is None else f", from {each.start:%Y-%m-%d %H:%M}"
            moves = ", ".join(
                f"{move.underlying} {move.price_move_rel:+.1%} vol {move.vol_move_rel:+.0%}"
                for move in each.moves
            )
            found.append(f"loses {each.loss:,.0f}{begun}: {moves}")
        return tuple(found)


def tail_of(requirement: MarginRequirement, model: MarginModel) -> Tail | None:
    """What the tail measure of a requirement rests on, of a hybrid that of the model that has one;
    None under a model without one, and where nothing is moved.
    """
    pair = model.pair()
    if pair is not None:
        first = tail_of(requirement, pair[0])
        second = requirement.second
        return first if first is not None or second is None else tail_of(second, pair[1])
    offset, scenarios = model.offsets, model.scenarios
    if not (isinstance(offset, TailMeasure) and isinstance(scenarios, JointScenarios)):
        return None
    if not requirement.combinations:
        return None
    [group] = requirement.combinations
    paths = group.units[0].cells.scenarios.paths
    if paths is None:
        return None
    pnl = np.sum([unit.cells.damped for unit in group.units], axis=0)
    losses, cells = paths.losses(pnl)
    found = tail_estimate(
        losses,
        offset.confidence,
        offset.measure,
        weights=paths.weights,
        overlap=paths.overlap,
    )
    worst = np.argsort(-losses, kind="stable")[:_SHOWN]
    starts = paths.start_ns
    return Tail(
        measure=offset.measure,
        confidence=offset.confidence,
        path=offset.path,
        horizon_days=scenarios.horizon_days,
        paths=losses.size,
        points=paths.points,
        effective_paths=found.effective_count,
        value=found.value,
        standard_error=found.standard_error,
        lower=found.low,
        upper=found.high,
        is_resolved=found.is_resolved,
        far_value_at_risk=value_at_risk(losses, FAR_CONFIDENCE, paths.weights),
        since=None if starts is None else _instant(int(starts.min())),
        until=None if starts is None else _instant(int(starts.max())),
        across_gaps=paths.across_gaps,
        worst_paths=tuple(
            _worst_path(group, paths, path, int(cells[path]), float(losses[path]))
            for path in worst.tolist()
            if losses[path] > 0.0
        ),
    )


def warnings_of(
    status: MarginStatus, tail: Tail | None, book: Book, model: MarginModel
) -> tuple[str, ...]:
    """What a report must repeat: of the status, and of the history that a tail measure rests on."""
    return (*status.warnings, *_history_warnings(tail, book, model))


def _history_warnings(tail: Tail | None, book: Book, model: MarginModel) -> tuple[str, ...]:
    """What a history lacks that a tail measure rests on: bars, points, span, enough paths."""
    if tail is None:
        return ()
    found: list[str] = []
    scenarios = [each.scenarios for each in model.pair() or (model,)]
    for past in (each for each in scenarios if isinstance(each, OfHistory)):
        span_days = past.windows.lookback_days + past.warm_up_days
        at_ns = Past.of(book.history, book.as_of).at_ns
        for part in book.underlyings:
            found += _gaps_told(part.underlying, book, at_ns - round(span_days * DAY_NS), at_ns)
        if tail.points < past.windows.points:
            found.append(
                f"Paths of history are told at {tail.points} of {past.windows.points} points: "
                f"bars are long, and what is lost between them is not seen."
            )
        if tail.since is not None and tail.until is not None:
            told_days = (tail.until - tail.since).total_seconds() / DAY_SECONDS + tail.horizon_days
            if told_days < _SHORT * past.windows.lookback_days:
                found.append(
                    f"Paths of history span {told_days:,.0f} of "
                    f"{past.windows.lookback_days:,.0f} days."
                )
    if not tail.is_resolved:
        found.append(
            f"{tail.effective_paths:,.0f} independent paths do not resolve a confidence of "
            f"{tail.confidence:.2%}: the truth may be worse."
        )
    return tuple(found)


def _gaps_told(underlying: str, book: Book, since_ns: int, at_ns: int) -> list[str]:
    """Bars that a history lacks, in a line; of a market that closes none are missing at night."""
    bars = book.history.bars.get(underlying)
    if bars is None or market_of(underlying) is not None:
        return []
    kept = bars.until(at_ns).since(since_ns)
    missing = np.diff(kept.end_ns) // kept.bar_ns - 1
    gaps = int((missing > 0).sum())
    if not gaps:
        return []
    across = np.log(kept.close[1:] / kept.close[:-1])[missing > 0]
    largest = float(np.expm1(across[np.abs(across).argmax()]))
    total = int(missing.sum())
    told = (
        f"History of {underlying}: {total:,} bar{'s' * (total > 1)} missing in {gaps:,} "
        f"gap{'s' * (gaps > 1)}; the largest move across one is {largest:+.1%}."
    )
    return [told]


def _worst_path(group: Combination, paths: Paths, path: int, cell: int, loss: float) -> WorstPath:
    taken = Taken.one(cell)
    moves: list[UnderlyingMove] = []
    for unit in group.units:
        scenarios = unit.cells.scenarios
        vol_rel = 0.0 if scenarios.vol_rel is None else float(scenarios.vol_rel[cell])
        moves.append(
            UnderlyingMove(
                underlying=unit.book.underlying,
                price_move_rel=float(scenarios.price_rel[cell]),
                vol_move_rel=vol_rel,
                pnl=-taken.loss(unit.cells.damped),
            )
        )
    start = None if paths.start_ns is None else _instant(int(paths.start_ns[path]))
    return WorstPath(loss=loss, start=start, moves=tuple(moves))


def _instant(at_ns: int) -> datetime:
    return _EPOCH + timedelta(microseconds=at_ns // 1_000)
