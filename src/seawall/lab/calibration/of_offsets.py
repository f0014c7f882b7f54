"""Correlation bounds and κ, as numbers of a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from seawall.lab.calibration.correlations import Correlations, correlations
from seawall.lab.calibration.estimates import ewma
from seawall.lab.calibration.of_classes import Estimated
from seawall.lab.calibration.proposals import Proposal
from seawall.lab.calibration.ranges import stress_of
from seawall.lab.calibration.settings import CalibrationSettings
from seawall.margin.model import MarginModel
from seawall.margin.offsets import CorrelationOffset

# One over the least correlation that is told from none.
_MOST = 1e3


def offset_proposals(
    model: MarginModel,
    found: Mapping[str, Estimated],
    settings: CalibrationSettings,
    keep: Callable[[str], None],
    warn: Callable[[str], None],
) -> Iterator[Proposal]:
    """The bound of every pair of a group whose members all have histories, and κ.

    κ goes straight from calm to stress by the member under most stress; it holds for all groups and
    does not rise while one of them is without. Raises what
    :func:`correlations` raises.
    """
    if not isinstance(model.offsets, CorrelationOffset):
        return
    stressed: list[Estimated] = []
    untold: list[str] = []
    for group in model.offsets.groups:
        missing = [name for name in group.members if name not in found]
        if missing:
            keep(f"offsets.groups.{group.name}: no history of {', '.join(missing)}")
            untold += missing
            continue
        members = {name: found[name].days for name in group.members}
        estimate = correlations(members, settings.correlation)
        if estimate.repair:
            warn(estimate.repair)
        stressed += [found[name] for name in group.members]
        for place, pair in enumerate(group.pairs):
            key = f"offsets.groups.{group.name}.pairs.{place}.lower"
            yield _bound(key, pair.of, estimate, settings)
    if stressed:
        yield _kappa(model.offsets, stressed, settings, ", ".join(dict.fromkeys(untold)))


def _bound(
    key: str, pair: tuple[str, str], estimate: Correlations, settings: CalibrationSettings
) -> Proposal:
    lower, names = estimate.lower_of(*pair), " and ".join(pair)
    shrunk = float(estimate.shrunk[estimate.names.index(pair[0]), estimate.names.index(pair[1])])
    confidence = settings.correlation.confidence
    return Proposal(
        key=key,
        target=min(_MOST, 1.0 / lower) if lower > 0.0 else _MOST,
        long_run=None,
        stressed=None,
        cause=f"correlation of {names} {shrunk:.3f}",
        factors=(
            ("correlation", shrunk, "lower of the exponential and the rolling one, shrunk"),
            ("lower bound", lower, f"one-sided at {confidence:.0%} by Fisher, effective days"),
        ),
        form="inverse",
        most=_MOST,
    )


def _kappa(
    offsets: CorrelationOffset,
    members: list[Estimated],
    settings: CalibrationSettings,
    untold: str,
) -> Proposal:
    chosen = settings.correlation
    stress, worst = max((_stress(one, settings), one.underlying) for one in members)
    kappa = chosen.kappa_calm + stress * (chosen.kappa_stress - chosen.kappa_calm)
    # Below its low end κ cannot be: that is what a declared collapse takes.
    kappa = max(kappa, offsets.kappa_low)
    return Proposal(
        key="offsets.kappa",
        target=min(_MOST, 1.0 / kappa) if kappa > 0.0 else _MOST,
        long_run=None,
        stressed=None,
        cause=f"stress {stress:.2f} of 1 in {worst}",
        factors=(("stress", stress, "0 in calm, 1 in stress, by fast over long-run volatility"),),
        form="inverse",
        most=_MOST,
        untold=untold,
    )


def _stress(one: Estimated, settings: CalibrationSettings) -> float:
    """Stress by a volatility that is quick: what moves together parts within days."""
    decay, ranges = settings.correlation.decay_stress, settings.ranges
    vol = np.sqrt(ewma(one.days.variance, decay, ranges.warm_up_days)[-1:])
    return float(stress_of(vol / one.path.long_run_vol_rel[-1:], ranges)[0])
