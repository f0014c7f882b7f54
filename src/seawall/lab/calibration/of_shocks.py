"""Shocks of implied volatility, funding and basis, and crowding, as numbers of a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from seawall.basics.errors import CalibrationFailed, PoorHistory
from seawall.lab.calibration.causes import shock_cause
from seawall.lab.calibration.measured import Measured
from seawall.lab.calibration.of_classes import without_history
from seawall.lab.calibration.proposals import Form, Proposal
from seawall.lab.calibration.settings import CalibrationSettings
from seawall.lab.calibration.shocks import (
    ShockEstimate,
    crowding_factor,
    level_shock,
    surface_add_on,
    vol_shocks,
)
from seawall.margin.charges.closing_out import BasisCharge
from seawall.margin.charges.concentration import ConcentrationCharge
from seawall.margin.charges.conditions import FundingCharge
from seawall.margin.classes import UnderlyingClass
from seawall.margin.model import MarginModel
from seawall.market.history import MarketHistory, TimeSeries
from seawall.risk.scenarios import Shocks
from seawall.risk.shocks import Shock

Told = Callable[[str], None]


def shock_proposals(
    model: MarginModel,
    history: MarketHistory,
    settings: CalibrationSettings,
    market: Measured,
    keep: Told,
) -> Iterator[Proposal]:
    """Every shock of the model that a history is given for; ``keep`` is told of those it is not.

    A shock is the largest that any underlying's history asks for. It holds for all underlyings, so
    it may fall only where each of every class has a history.
    """
    if isinstance(model.scenarios, Shocks):
        yield from _vol_shocks(model, model.scenarios, history, settings, market, keep)
    for charge in model.charges:
        if isinstance(charge, FundingCharge):
            yield from _rate_shock(
                "charges.funding.shock_per_day",
                model.classes,
                history.funding_per_day,
                charge.horizon_days,
                settings,
                keep,
            )
        elif isinstance(charge, BasisCharge):
            yield from _rate_shock(
                "charges.basis.annual_move_rel",
                model.classes,
                history.basis_per_year,
                settings.ranges.horizon_days,
                settings,
                keep,
            )
        elif isinstance(charge, ConcentrationCharge):
            yield from _crowding(charge, settings, market)


def _vol_shocks(
    model: MarginModel,
    scenarios: Shocks,
    history: MarketHistory,
    settings: CalibrationSettings,
    market: Measured,
    keep: Told,
) -> Iterator[Proposal]:
    both = scenarios.vol_up, scenarios.vol_down
    if not all(
        isinstance(shock, Shock) and shock.kind == "relative" and isinstance(shock.size, float)
        for shock in both
    ):
        keep("scenarios.vol_up, scenarios.vol_down: no relative shocks of one size")
        return
    horizon = settings.ranges.horizon_days
    ratio = model.levels.im_factor / model.levels.mm_factor
    levels = ((settings.shocks.confidence_im, ratio), (settings.shocks.confidence_mm, 1.0))
    sides: list[tuple[str, Form, float]] = [("up", "plain", 10.0), ("down", "negative", 0.95)]
    for side, (name, form, most) in enumerate(sides):
        key = f"scenarios.vol_{name}.size"

        def estimate(series: TimeSeries, side: int = side) -> list[tuple[ShockEstimate, float]]:
            return [
                (vol_shocks(series, horizon, confidence, settings.shocks)[side], over)
                for confidence, over in levels
            ]

        add_on = _surface_add_ons(history, settings, market) if name == "up" else {}
        yield from _largest(
            key, model.classes, history.vols, estimate, keep, form=form, most=most, added=add_on
        )


def _surface_add_ons(
    history: MarketHistory, settings: CalibrationSettings, market: Measured
) -> dict[str, float]:
    """What each measured surface adds to the shock of volatility, relative."""
    found: dict[str, float] = {}
    for name, series in history.vols.items():
        if name in market.surface_error_abs and series.value.size:
            rises, _ = vol_shocks(series, 1.0, settings.shocks.confidence_mm, settings.shocks)
            age = market.surface_age_days.get(name, 0.0)
            error = market.surface_error_abs[name]
            found[name] = surface_add_on(error, float(series.value[-1]), rises.size, age)
    return found


def _rate_shock(
    key: str,
    classes: Sequence[UnderlyingClass],
    series_of: Mapping[str, TimeSeries],
    horizon_days: float,
    settings: CalibrationSettings,
    keep: Told,
) -> Iterator[Proposal]:
    def estimate(series: TimeSeries) -> list[tuple[ShockEstimate, float]]:
        confidence = settings.shocks.confidence_im
        return [(level_shock(series, horizon_days, confidence, settings.shocks), 1.0)]

    yield from _largest(key, classes, series_of, estimate, keep)


def _largest(
    key: str,
    classes: Sequence[UnderlyingClass],
    series_of: Mapping[str, TimeSeries],
    estimate: Callable[[TimeSeries], list[tuple[ShockEstimate, float]]],
    keep: Told,
    *,
    form: Form = "plain",
    most: float = float("inf"),
    added: Mapping[str, float] | None = None,
) -> Iterator[Proposal]:
    """The largest of all underlyings; each level's estimate counts by what it is divided by."""
    found: list[Proposal] = []
    untold = _classes_without(classes, series_of)
    reasons: list[str] = []
    for name, series in series_of.items():
        try:
            levels = estimate(series)
        except (PoorHistory, CalibrationFailed) as fault:
            reasons.append(f"{fault.what} ({fault.where})")
            continue
        more = (added or {}).get(name, 0.0)
        recent = max(each.recent / over for each, over in levels) + more
        long_run = max(each.long_run / over for each, over in levels) + more
        factors = [
            ("recent", recent, f"of {name}, by the volatility of its moves now"),
            ("long run", long_run, f"quantile of {levels[0][0].moves} moves"),
        ]
        if more:
            factors.append(("surface", more, "error of the fitted surface and age of its quotes"))
        found.append(
            Proposal(
                key=key,
                target=max(recent, long_run),
                long_run=long_run,
                stressed=max(each.worst / over for each, over in levels) + more,
                cause=shock_cause(series.name or name, recent, long_run, levels),
                factors=tuple(factors),
                form=form,
                most=most,
                untold=untold,
            )
        )
    if reasons or not found:
        # What one history asks for may be less than what the one that failed would have.
        keep(f"{key}: {'; '.join(reasons) or 'no history of it'}")
    else:
        yield max(found, key=lambda each: each.target)


def _classes_without(classes: Sequence[UnderlyingClass], told: Mapping[str, TimeSeries]) -> str:
    """The classes that hold for an underlying without a history, in words."""
    names = [each.name for each in classes if without_history(each, told)]
    return f"all of {', '.join(names)}" if names else ""


def _crowding(
    charge: ConcentrationCharge, settings: CalibrationSettings, market: Measured
) -> Iterator[Proposal]:
    """The concentration charge, dearer where open interest is many days of volume."""
    factors = {
        name: crowding_factor(held, market.adv_usd[name], settings.depth)
        for name, held in market.open_interest_usd.items()
        if name in market.adv_usd
    }
    name = max(factors, key=lambda each: factors[each], default="")
    if name and factors[name] > 1.0 and charge.factor > 0.0:
        why = f"open interest over {settings.depth.crowded_days:g} days of volume, at least 1"
        yield Proposal(
            key="charges.concentration.factor",
            target=charge.factor * factors[name],
            long_run=None,
            stressed=None,
            cause=f"open interest of {name} against its volume",
            factors=(("crowding factor", factors[name], why),),
        )
