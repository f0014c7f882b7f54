"""Calibrated models of ``seawall backtest``: what ``seawall calibrate`` gives from time to time.

Labs do not know of each other: here the models that one makes are handed to the walk of the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seawall.lab.backtest.regulation import ProcyclicalityTools
    from seawall.lab.backtest.walk import ModelSchedule, WalkPlan
    from seawall.lab.calibration.calibrate import Calibration
    from seawall.lab.calibration.settings import CalibrationSettings, RangeSettings
    from seawall.margin.model import MarginModel
    from seawall.market.history import MarketHistory

_YEAR_DAYS = 365.25


@dataclass(frozen=True, slots=True)
class CalibratedModel:
    """A model calibrated along a walk: its ``schedule``, and what every report on it repeats."""

    schedule: ModelSchedule
    notes: tuple[str, ...]


def calibrated_model(
    history: MarketHistory,
    base: MarginModel,
    plan: WalkPlan,
    every: timedelta,
    settings: CalibrationSettings,
    sources: Sequence[str] = (),
) -> CalibratedModel:
    """``base`` calibrated at the start of a walk and every so often until its end.

    Each calibration knows the history until its time and has the one before as ``previous``; its
    model is used until the next. Raises what
    :func:`seawall.lab.calibration.calibrate.calibrate` raises, with the time of it, and InputError
    for a length that is none.
    """
    from seawall.basics.errors import SeawallError
    from seawall.basics.time import epoch_ns, isoformat_utc
    from seawall.lab.backtest.walk import ModelSchedule
    from seawall.lab.calibration.calibrate import calibrate

    found: list[Calibration] = []
    times = msgspec.structs.replace(plan, every=every).times
    for at in times:
        previous = found[-1].model if found else None
        try:
            found.append(calibrate(history, base, at, settings, previous, sources=sources))
        except SeawallError as error:
            raise error.located(f"{base.name}, calibrated {isoformat_utc(at)}", "") from None
    name = f"{base.name} (calibrated)"
    models = tuple(zip(map(epoch_ns, times), (each.model for each in found), strict=True))
    tools = _tools(settings.ranges)
    return CalibratedModel(ModelSchedule(name, models, tools), tuple(_notes(name, base, found)))


def _tools(ranges: RangeSettings) -> ProcyclicalityTools:
    """The guards of price ranges as article 28 tells tools; a floor below the whole is none."""
    from seawall.lab.backtest.regulation import ProcyclicalityTools

    guards = ranges.guards
    return ProcyclicalityTools(
        buffer_share=min(1.0, guards.buffer_rel),
        stress_weight=guards.stressed_weight,
        floor_years=ranges.long_run_days / _YEAR_DAYS if guards.floor_share >= 1.0 else 0.0,
    )


def _notes(name: str, base: MarginModel, found: Sequence[Calibration]) -> list[str]:
    first, last = found[0].report.as_of, found[-1].report.as_of
    said = (
        f"{name}: {len(found):,} calibrations from {first:%Y-%m-%d} to {last:%Y-%m-%d}, each of "
        "what was known then. A rise is used at once, without its notice; numbers that history "
        f"does not tell stay as they were, at first those of {base.name} of {base.as_of}."
    )
    held = sum(any(move.needs_confirmation for move in each.report.moves) for each in found)
    if not held:
        return [said]
    waits = (
        f"{name}: at {held:,} calibrations a jump was held, since nobody confirms it; "
        "confirmed_by in --settings lets it through."
    )
    return [said, waits]
