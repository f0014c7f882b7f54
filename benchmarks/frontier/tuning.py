"""How the dynamic grid's settings were found: on training days alone, by leaving out years.

``python -m benchmarks.frontier --tune`` prints the search; what it found stands in ``TUNED``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks.frontier.data import DAY_NS
from benchmarks.frontier.models import DynamicSettings
from benchmarks.frontier.statistics import Case, pooled_margin
from seawall.lab.backtest.procyclicality import procyclicality
from seawall.lab.calibration.settings import GuardSettings, RangeSettings
from seawall.lab.calibration.split import require_training

Floats = NDArray[np.float64]

# What is to hold on the training years; the test of them is out of each left-out year.
MOST_PEAK_TO_TROUGH, MOST_RISE_5, MOST_RISE_30 = 2.0, 0.30, 0.40
MOST_BREACH, MOST_BREACH_OF_A_YEAR = 1.2, 2.5

LAMBDAS = (0.97, 0.98, 0.985, 0.99)
STRESSED_WEIGHTS = (0.0, 0.10, 0.25)
BUFFERS = (0.0, 0.10, 0.25)
JUMPS_REL = (0.05, 0.10, 0.50)
LONG_RUN_DAYS = (1095, 3653)
CONFIDENCES = (0.90, 0.95, 0.98, 0.995)
KAPPAS = (0.75, 1.0)
FLOOR_SHARE, LOOSEN_PER_DAY = 0.30, 0.01

Cases = Callable[[DynamicSettings], Case]

TUNED = DynamicSettings(ranges=RangeSettings(scale=1.0), kappa=1.0)
"""What :func:`search` found on the days until the end of 2022: since then the calibration's own
settings, but for the scale, whose part the fitted multipliers take here.
"""


@dataclass(frozen=True, slots=True)
class Score:
    """Settings over left-out years: cost, how far limits are overstepped, and what they were."""

    settings: DynamicSettings
    cost_rel: float
    overstep: float
    breach_rate: float
    worst_year: float
    peak_to_trough: float
    rise_5: float
    rise_30: float


def candidates() -> Iterator[DynamicSettings]:
    """The first stage: what makes ranges follow, and what holds them back."""
    for decay, weight, buffer, jump, long_run in product(
        LAMBDAS, STRESSED_WEIGHTS, BUFFERS, JUMPS_REL, LONG_RUN_DAYS
    ):
        guards = GuardSettings(
            stressed_weight=weight, floor_share=FLOOR_SHARE, buffer_rel=buffer, jump_rel=jump,
            loosen_per_day=LOOSEN_PER_DAY, deadband_rel=0.0, digits=4,
        )  # fmt: skip
        ranges = RangeSettings(
            lambda_vol=decay, slow_share=0.0, confidence_im=0.98, confidence_mm=0.90,
            long_run_days=long_run, guards=guards, scale=1.0,
        )  # fmt: skip
        yield DynamicSettings(ranges=ranges)


def refinements(best: DynamicSettings) -> Iterator[DynamicSettings]:
    """The second stage: how wide the grid is that the multiplier scales, and the credit."""
    for confidence, kappa in product(CONFIDENCES, KAPPAS):
        ranges = msgspec.structs.replace(
            best.ranges, confidence_im=confidence, confidence_mm=min(CONFIDENCES)
        )
        yield msgspec.structs.replace(best, ranges=ranges, kappa=kappa)


def score(settings: DynamicSettings, case: Case, rate: float) -> Score:
    """Settings by leaving out each year; raises BadParameter for a day after the training part."""
    require_training(int(case.days_ns[-1]) + DAY_NS)
    year = case.days_ns.astype("datetime64[ns]").astype("datetime64[Y]")
    ratios, rel = case.ratios, case.margin_rel
    breaches: list[float] = []
    costs: list[float] = []
    for each in np.unique(year):
        rest, own = ratios[year != each], ratios[year == each]
        factor = float(np.quantile(rest[np.isfinite(rest)], 1.0 - rate))
        breaches.append(float((own[np.isfinite(own)] > factor).mean()))
        costs.append(factor * float(np.nanmean(rel[year == each])))
    cyclic = procyclicality(pooled_margin(case), steps=(5, 30))
    rises = [each.share for each in cyclic.rises]
    limits = (
        (float(np.mean(breaches)), MOST_BREACH * rate),
        (max(breaches), MOST_BREACH_OF_A_YEAR * rate),
        (cyclic.peak_to_trough, MOST_PEAK_TO_TROUGH),
        (rises[0], MOST_RISE_5),
        (rises[1], MOST_RISE_30),
    )
    overstep = sum(max(0.0, value / limit - 1.0) for value, limit in limits)
    return Score(
        settings, float(np.mean(costs)), overstep, limits[0][0], limits[1][0], limits[2][0], *rises
    )


def search(linear: Cases, whole: Cases, rate: float) -> list[Score]:
    """Both stages, the best first: least overstepping of limits, then least cost.

    Each makes a case of training days under some settings: the first stage has perpetuals alone,
    whose margins are as the ranges, the second every book.
    """
    first = min((score(each, linear(each), rate) for each in candidates()), key=_order)
    found = (score(each, whole(each), rate) for each in refinements(first.settings))
    return sorted(found, key=_order)


def _order(each: Score) -> tuple[float, float]:
    return round(each.overstep, 3), each.cost_rel
