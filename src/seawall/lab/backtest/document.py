"""The rows of a walk judged: coverage and its tests, procyclicality, regulators' tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import InputError
from seawall.lab.backtest.assessment import Assessment, assess
from seawall.lab.backtest.evidence import WARNS_AT, evidence
from seawall.lab.backtest.procyclicality import RISE_DAYS, procyclicality
from seawall.lab.backtest.regulation import PFMI_CONFIDENCE, acceptance
from seawall.lab.backtest.run import WalkResult, horizon_text
from seawall.lab.backtest.set_up import verdicts
from seawall.lab.backtest.walk import WalkPlan
from seawall.products.instruments import CASH
from seawall.report.backtest import (
    Backtest,
    BacktestEvidence,
    BacktestModel,
    BacktestSeries,
    BacktestTest,
    MarginMoves,
    RegulatoryRow,
)

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]

_REJECTED_AT = 0.05
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Series:
    """One model on one book: initial margin and gross notional [n], losses by horizon [n]."""

    model: str
    book: str
    at: list[datetime]
    initial: Floats
    gross: Floats
    losses: dict[str, Floats]

    @property
    def margin_rel(self) -> Floats:
        """Initial margin over gross notional."""
        return self.initial / self.gross


def require_coverage(coverage: float) -> None:
    """Raise InputError unless a coverage lies strictly between 0 and 1."""
    if not 0.0 < coverage < 1.0:
        raise InputError(
            f"a coverage of {coverage:g}, which is not between 0 and 1",
            where="backtest",
            remedy="Give 0.99, say, for margins that cover 99 % of losses.",
        )


def backtest_document(
    walked: WalkResult, plan: WalkPlan, *, coverage: float = 0.99, result: str | None = None
) -> Backtest:
    """The judgement of a walk under the coverage that its margins promise.

    ``result`` is where its rows were written. Raises InputError for an impossible coverage.
    """
    require_coverage(coverage)
    horizons = tuple(map(horizon_text, plan.horizons))
    series = list(_series(walked.rows, horizons))
    judged = [(one, h, _assessed(one, h, plan, coverage)) for one in series for h in horizons]
    longest = [(one, found) for one, horizon, found in judged if horizon == horizons[-1]]
    return Backtest(
        result=result,
        currency=CASH,
        start=plan.start,
        end=plan.end,
        every=horizon_text(plan.every),
        horizons=horizons,
        coverage=coverage,
        close_out_rel=plan.close_out_rel,
        overlapping=plan.horizons[-1] > plan.every,
        modelled=bool(walked.rows["modelled"].any()),
        times=walked.times,
        models=_models(longest),
        series=tuple(_series_row(*each) for each in judged),
        tests=tuple(row for each in judged for row in _tests(*each)),
        procyclicality=tuple(_moves(one, plan.every) for one in series),
        regulation=tuple(row for each in longest for row in _regulation(*each, walked, plan)),
        warnings=walked.warnings,
        evidence=tuple(_evidence(one, plan, coverage) for one in series),
    )


def _series(rows: pl.DataFrame, horizons: Sequence[str]) -> Iterator[_Series]:
    """The series of every model and book, in the order in which they were asked for."""
    for model in rows["model"].unique(maintain_order=True):
        for book in rows["book"].unique(maintain_order=True):
            own = rows.filter((rows["model"] == model) & (rows["book"] == book))
            yield _Series(
                model=model,
                book=book,
                at=own["at"].to_list(),
                initial=own["initial_usd"].to_numpy(),
                gross=own["gross_notional_usd"].to_numpy(),
                losses={each: own[f"loss_{each}_usd"].to_numpy() for each in horizons},
            )


def _assessed(one: _Series, horizon: str, plan: WalkPlan, coverage: float) -> Assessment:
    length = next(each for each in plan.horizons if horizon_text(each) == horizon)
    # A window that ends when the next begins shares nothing with it.
    steps = -(-length // plan.every)
    return assess(one.losses[horizon], one.initial, rate=1.0 - coverage, horizon_steps=steps)


def _series_row(one: _Series, horizon: str, found: Assessment) -> BacktestSeries:
    low, high = found.breach_interval
    return BacktestSeries(
        model=one.model,
        book=one.book,
        horizon=horizon,
        observations=found.observations,
        effective_observations=found.effective_observations,
        exceedances=found.exceedances,
        breach_rate=found.breach_rate,
        breach_rate_lower=low,
        breach_rate_upper=high,
        mean_margin=found.mean_margin,
        mean_margin_rel=float(one.margin_rel.mean()),
        mean_shortfall=found.mean_shortfall,
        worst_shortfall=found.worst_shortfall,
        zone=found.traffic_light.zone,
        rejected=len(found.rejected(_REJECTED_AT)),
    )


def _tests(one: _Series, horizon: str, found: Assessment) -> Iterator[BacktestTest]:
    for outcome in found.outcomes:
        yield BacktestTest(
            model=one.model,
            book=one.book,
            horizon=horizon,
            test=outcome.test,
            hypothesis=outcome.hypothesis,
            statistic=outcome.statistic,
            p_value=outcome.p_value,
            note=outcome.note or None,
        )


def _evidence(one: _Series, plan: WalkPlan, coverage: float) -> BacktestEvidence:
    longest = plan.horizons[-1]
    horizon = horizon_text(longest)
    found = evidence(one.at, one.losses[horizon], one.initial, longest, 1.0 - coverage)
    return BacktestEvidence(
        model=one.model,
        book=one.book,
        horizon=horizon,
        observations=found.observations,
        e_value=found.e_value,
        highest_e_value=found.highest_e_value,
        warns_at_e_value=1.0 / WARNS_AT,
        warned_at=found.warned_at,
    )


def _models(judged: Sequence[tuple[_Series, Assessment]]) -> tuple[BacktestModel, ...]:
    rows: list[BacktestModel] = []
    for model in dict.fromkeys(one.model for one, _ in judged):
        own = [(one, found) for one, found in judged if one.model == model]
        observations = sum(found.observations for _, found in own)
        exceedances = sum(found.exceedances for _, found in own)
        worst, of_worst = max(own, key=lambda each: each[1].breach_rate)
        rows.append(
            BacktestModel(
                model=model,
                observations=observations,
                exceedances=exceedances,
                breach_rate=exceedances / observations,
                worst_book=worst.book,
                worst_book_rate=of_worst.breach_rate,
                mean_margin_rel=float(np.concatenate([o.margin_rel for o, _ in own]).mean()),
            )
        )
    return tuple(rows)


def _moves(one: _Series, every: timedelta) -> MarginMoves:
    """Rises over days where a day is a whole number of steps, or a step one of days."""
    shares: dict[int, float | None] = {}
    peak_to_trough = None
    if (one.margin_rel > 0.0).all():
        spans = {days: days * _DAY // every for days in RISE_DAYS if not days * _DAY % every}
        found = procyclicality(one.margin_rel, steps=tuple(spans.values()))
        peak_to_trough = found.peak_to_trough
        rises = zip(spans, found.rises, strict=True)
        shares = {days: None if rise.at is None else rise.share for days, rise in rises}
    return MarginMoves(
        model=one.model,
        book=one.book,
        peak_to_trough=peak_to_trough,
        rise_1d_rel=shares.get(1),
        rise_5d_rel=shares.get(5),
        rise_20d_rel=shares.get(20),
        rise_30d_rel=shares.get(30),
    )


def _regulation(
    one: _Series, found: Assessment, walked: WalkResult, plan: WalkPlan
) -> Iterator[RegulatoryRow]:
    """Acceptance by the count of as many windows as tell independently; figures of disclosure;
    rules on the set-up.
    """
    light = found.traffic_light
    set_up = verdicts(walked.set_ups[one.model, one.book], 1.0 - found.rate, plan.horizons[-1])
    for row in (*acceptance(light.exceedances, light.observations, found.rate), *set_up):
        yield RegulatoryRow(
            model=one.model,
            book=one.book,
            source=row.source,
            rule=row.rule,
            asked=row.asked,
            found=row.found,
            passed=row.passed,
        )
    covered = 1.0 - found.breach_rate
    peak, mean = (f"{x:,.2f} {CASH}" for x in (found.worst_shortfall, found.mean_shortfall))
    for source, rule, asked, value, passed in (
        ("PFMI 6.3", "coverage achieved", f"at least {PFMI_CONFIDENCE:.0%}", f"{covered:.2%}",
         covered >= PFMI_CONFIDENCE),
        ("CPMI-IOSCO 6.5.1", "exceedances", None, f"{found.exceedances}", None),
        ("CPMI-IOSCO 6.5.2", "observations", None, f"{found.observations}", None),
        ("CPMI-IOSCO 6.5.3", "coverage achieved", None, f"{covered:.2%}", None),
        ("CPMI-IOSCO 6.5.4", "peak uncovered", None, peak, None),
        ("CPMI-IOSCO 6.5.5", "average uncovered", None, mean, None),
    ):  # fmt: skip
        yield RegulatoryRow(
            model=one.model,
            book=one.book,
            source=source,
            rule=rule,
            asked=asked,
            found=value,
            passed=passed,
        )
