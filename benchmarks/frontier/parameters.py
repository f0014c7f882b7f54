"""Haircuts and offsets of the house, fixed and calibrated, held against what came."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks.frontier.data import DAY_NS, day_ns
from benchmarks.frontier.models import DynamicSettings, correlation_bound
from benchmarks.frontier.statistics import TEST_LEVEL
from seawall.lab.backtest.assessment import Assessment
from seawall.lab.backtest.parameters import haircut_coverage, offset_coverage
from seawall.lab.calibration.days import days_of
from seawall.lab.calibration.guards import guarded
from seawall.lab.calibration.ranges import dynamic_ranges, range_path
from seawall.lab.calibration.settings import RangeSettings
from seawall.lab.calibration.split import TRAINING_ENDS_NS
from seawall.margin.classes import class_of
from seawall.margin.haircuts import Haircuts
from seawall.margin.offsets import CorrelationOffset
from seawall.margin.presets import load_preset
from seawall.market.history import PriceBars

Floats = NDArray[np.float64]
Times = NDArray[np.int64]

RATE = 0.01
FIRST_DAY = "2019-01-01"


class ParameterResult(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter over one part of the days, at 99 %."""

    parameter: str
    part: str
    days: int
    mean: float
    breach_rate: float
    interval: tuple[float, float]
    worst_beyond: float
    rejected: tuple[str, ...]


def parameter_results(
    bars: Mapping[str, PriceBars], settings: DynamicSettings
) -> tuple[ParameterResult, ...]:
    """Haircuts of each coin and the offset of BTC and ETH, on training days and on test days."""
    return (*_haircuts(bars, settings.ranges), *_offsets(bars, settings))


def _haircuts(bars: Mapping[str, PriceBars], settings: RangeSettings) -> Iterator[ParameterResult]:
    model = load_preset("prbm")
    rule = model.collateral
    if not isinstance(rule, Haircuts):
        raise TypeError("the house model has no haircuts")
    root = float(np.sqrt(rule.horizon_days))
    for coin, each in bars.items():
        numbers = class_of(coin, model.classes)
        path = guarded(range_path(days_of(each), settings).vol_targets(), settings.guards)
        moving = rule.z * path.in_force * root + numbers.spot_haircut_rel
        fixed = rule.z * numbers.daily_vol_rel * root + numbers.spot_haircut_rel
        for name, haircut in (("fixed", np.full(moving.size, fixed)), ("calibrated", moving)):
            for part, keep in _parts(path.at_ns):
                found = haircut_coverage(
                    each, path.at_ns[keep], haircut[keep], horizon_ns=DAY_NS, rate=RATE
                )
                yield _told(f"haircut {coin}, {name}", part, haircut[keep], found)


def _offsets(bars: Mapping[str, PriceBars], settings: DynamicSettings) -> Iterator[ParameterResult]:
    """BTC against ETH: ranges of the dynamic grid, ρ its share of the correlation's bound."""
    one, other = bars["BTC"], bars["ETH"]
    at_ns, own = dynamic_ranges(one, settings.ranges)
    there, others = dynamic_ranges(other, settings.ranges)
    at_ns, mine, theirs = np.intersect1d(at_ns, there, return_indices=True)
    ranges = own[mine], others[theirs]
    closes = [b.close[np.searchsorted(b.end_ns, at_ns, "right") - 1] for b in (one, other)]
    moves = np.diff(np.log(closes), axis=1, prepend=0.0).T
    # The bound of a row is of the year before it; a day's own move is known at its end.
    rho = settings.kappa * correlation_bound(np.append(moves[1:], np.zeros((2, 2)), axis=0))[:-1]
    fixed = load_preset("prbm").offsets
    if not isinstance(fixed, CorrelationOffset):
        raise TypeError("the house model has no offset by correlation")
    credit = fixed.kappa * fixed.groups[0].pairs[0].lower
    for name, given in (("fixed", np.full(rho.size, credit)), ("calibrated", rho)):
        for part, keep in _parts(at_ns):
            found = offset_coverage(
                (one, other),
                at_ns[keep],
                (ranges[0][keep], ranges[1][keep]),
                given[keep],
                horizon_ns=DAY_NS,
                rate=RATE,
            )
            yield _told(f"ρ of BTC and ETH, {name}", part, given[keep], found)


def _parts(at_ns: Times) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    since = at_ns >= day_ns(FIRST_DAY)
    trained = at_ns + DAY_NS <= TRAINING_ENDS_NS
    yield "training", since & trained
    yield "test", since & (at_ns >= TRAINING_ENDS_NS)


def _told(parameter: str, part: str, numbers: Floats, found: Assessment) -> ParameterResult:
    return ParameterResult(
        parameter=parameter,
        part=part,
        days=found.observations,
        mean=float(numbers.mean()),
        breach_rate=found.breach_rate,
        interval=found.breach_interval,
        worst_beyond=found.worst_shortfall,
        rejected=tuple(each.test for each in found.rejected(TEST_LEVEL)),
    )
