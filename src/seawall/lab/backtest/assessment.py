"""One series of losses held against one series of margins: every test, figure and interval."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np

from seawall.lab.backtest.counts import (
    TrafficLight,
    binomial,
    clopper_pearson,
    kupiec,
    kupiec_exact,
    kupiec_region,
    traffic_light,
    tuff,
)
from seawall.lab.backtest.durations import duration_test
from seawall.lab.backtest.dynamic_quantile import dynamic_quantile
from seawall.lab.backtest.expected_shortfall import (
    acerbi_szekely,
    conditional_calibration,
    mcneil_frey,
)
from seawall.lab.backtest.independence import (
    Transitions,
    conditional_coverage,
    independence,
    transitions,
)
from seawall.lab.backtest.outcomes import (
    Floats,
    Hits,
    Outcome,
    as_margins,
    as_series,
    require_rate,
)
from seawall.lab.backtest.overlap import (
    Clusters,
    decluster,
    effective_observations,
    overlap_bootstrap,
    overlap_count,
    require_steps,
    without_overlap,
)


class Assessment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How well margins of a stated coverage covered losses.

    ``rate`` is the promised share of exceedances and ``breach_rate`` the share that came, with its
    exact ``breach_interval`` (Clopper-Pearson, of ``confidence``, of as many observations as tell
    independently: ``effective_observations``). Amounts are in the unit of the series:
    ``mean_margin``; ``mean_shortfall`` and ``worst_shortfall`` are losses beyond the margin where
    it was exceeded, 0.0 where it never was. ``kupiec_region`` is the least and greatest number of
    exceedances that Kupiec's test accepts at 5 %, None if none is; it and the traffic light are of
    the effective observations, and of as many exceedances as the share has it. ``transitions`` are
    of neighbours as they stand, overlapping or not. ``outcomes`` are the tests.
    """

    rate: float
    horizon_steps: int
    observations: int
    effective_observations: float
    exceedances: int
    breach_rate: float
    confidence: float
    breach_interval: tuple[float, float]
    mean_margin: float
    mean_shortfall: float
    worst_shortfall: float
    kupiec_region: tuple[int, int] | None
    traffic_light: TrafficLight
    transitions: Transitions
    clusters: Clusters
    outcomes: tuple[Outcome, ...]

    def rejected(self, level: float = 0.05) -> tuple[Outcome, ...]:
        """The tests that reject at a level."""
        return tuple(outcome for outcome in self.outcomes if outcome.rejects(level))


def assess(
    losses: Floats,
    margins: Floats,
    *,
    rate: float = 0.01,
    horizon_steps: int = 1,
    confidence: float = 0.95,
    es: Floats | None = None,
    degrees: float | None = None,
    generator: np.random.Generator | None = None,
) -> Assessment:
    """Hold losses against margins that promise exceedances at ``rate``.

    ``losses`` and ``margins`` have shape [n], one unit, in order of time; a loss is positive where
    money is lost. ``horizon_steps`` is how many steps a window of loss lasts where one begins at
    every step: beyond 1 the windows overlap, counts are judged by their long-run variance (and, of
    a ``generator``, by resampled blocks), tests of order by windows that do not overlap, and the
    counts that suppose independence (Kupiec, binomial) are left out.
    ``es``, shape [n], is the mean loss that is told for the worst ``rate``, of which ``margins``
    are the value at risk: given it, and windows that do not overlap, its tests are made as well
    (Acerbi-Székely of a ``generator`` alone, under a normal law or Student's of ``degrees``).
    Raises PoorHistory for no observations, BadNumber for numbers that are not finite, unlike
    lengths or a negative margin, BadParameter for an impossible rate, horizon or confidence.
    """
    where = "assessment of margins"
    losses, margins = as_series(where, losses=losses, margins=margins)
    as_margins(where, margins)
    require_rate(rate, where)
    require_rate(confidence, where)
    require_steps(horizon_steps)
    hits = losses > margins
    count, size = int(hits.sum()), hits.size
    beyond = (losses - margins)[hits]
    effective = effective_observations(hits, rate, horizon_steps)
    whole = max(1, int(effective))
    # Tests of shortfalls know no overlap, which would have them reject a true model.
    alone = horizon_steps == 1
    counted = _counts(hits, rate, horizon_steps, generator)
    return Assessment(
        rate=rate,
        horizon_steps=horizon_steps,
        observations=size,
        effective_observations=effective,
        exceedances=count,
        breach_rate=count / size,
        confidence=confidence,
        breach_interval=_interval(count / size, whole, confidence),
        mean_margin=float(margins.mean()),
        mean_shortfall=float(beyond.mean()) if count else 0.0,
        worst_shortfall=float(beyond.max()) if count else 0.0,
        kupiec_region=kupiec_region(whole, rate),
        traffic_light=traffic_light(_scaled(count, size, whole), whole, rate),
        transitions=transitions(hits),
        clusters=decluster(hits, horizon_steps),
        outcomes=counted
        + _order(losses, margins, hits, rate, horizon_steps)
        + (_shortfalls(losses, margins, es, rate, degrees, generator) if alone else ()),
    )


def _shortfalls(
    losses: Floats,
    margins: Floats,
    es: Floats | None,
    rate: float,
    degrees: float | None,
    generator: np.random.Generator | None,
) -> tuple[Outcome, ...]:
    if es is None:
        return ()
    series = (losses, margins, es, rate)
    drawn = () if generator is None else acerbi_szekely(*series, generator, degrees=degrees)
    return (
        *drawn,
        mcneil_frey(*series, generator=generator),
        conditional_calibration(*series),
        conditional_calibration(*series, kind="general"),
    )


def _scaled(count: int, size: int, whole: int) -> int:
    """As many exceedances of so many independent observations as the share has it, rounded up."""
    return min(whole, -(-count * whole // size))


def _interval(share: float, whole: int, confidence: float) -> tuple[float, float]:
    """The interval of the nearest counts on both sides, so that rounding never narrows it."""
    below, above = int(np.floor(share * whole + 1e-9)), int(np.ceil(share * whole - 1e-9))
    low, _ = clopper_pearson(below, whole, confidence)
    _, high = clopper_pearson(above, whole, confidence)
    return low, high


def _counts(
    hits: Hits, rate: float, horizon_steps: int, generator: np.random.Generator | None
) -> tuple[Outcome, ...]:
    if horizon_steps == 1:
        count, size = int(hits.sum()), hits.size
        return (
            kupiec(count, size, rate),
            kupiec_exact(count, size, rate),
            binomial(count, size, rate),
        )
    found = (overlap_count(hits, rate, horizon_steps),)
    if generator is None:
        return found
    # Blocks twice as long as a window keep most of what neighbours share.
    return (*found, overlap_bootstrap(hits, rate, 2 * horizon_steps, generator))


def _order(
    losses: Floats, margins: Floats, hits: Hits, rate: float, horizon_steps: int
) -> tuple[Outcome, ...]:
    tests: tuple[Callable[[slice], Outcome], ...] = (
        lambda part: tuff(hits[part], rate),
        lambda part: independence(transitions(hits[part])),
        lambda part: conditional_coverage(hits[part], rate),
        lambda part: dynamic_quantile(losses[part], margins[part], rate),
        lambda part: duration_test(hits[part]),
    )
    # A horizon longer than the history leaves no window that does not overlap with all the others.
    phases = min(horizon_steps, hits.size)
    return tuple(without_overlap(test, phases) for test in tests)
