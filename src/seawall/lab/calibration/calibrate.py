"""A model's numbers from history: estimated, guarded, explained, and written as a dated preset."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
import numpy as np

from seawall.basics.errors import BadParameter, CalibrationFailed
from seawall.basics.time import isoformat_utc
from seawall.lab.calibration.causes import with_vols_before
from seawall.lab.calibration.guards import RawTargets, guarded, rounded_up, step, wanted
from seawall.lab.calibration.lengths import length_warnings
from seawall.lab.calibration.measured import Measured
from seawall.lab.calibration.of_classes import class_proposals, estimated
from seawall.lab.calibration.of_offsets import offset_proposals
from seawall.lab.calibration.of_shocks import shock_proposals
from seawall.lab.calibration.preset_text import preset_text
from seawall.lab.calibration.proposals import Proposal
from seawall.lab.calibration.settings import CalibrationSettings, GuardSettings
from seawall.margin.bounds import chosen_value, with_numbers
from seawall.margin.catalogue import preset_names
from seawall.margin.model import MarginModel, PartStatus
from seawall.margin.presets import parse_model
from seawall.market.history import MarketHistory
from seawall.report.build import model_info
from seawall.report.calibration import CalibrationReport, ParameterFactor, ParameterMove

OURS = CalibrationSettings()
"""The settings that stand where none are given."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a calibration gives: the new ``model``, its ``text`` as a preset, which reads back as
    it, the model whose numbers stood ``before``, and the ``report``.
    """

    model: MarginModel
    text: str
    before: MarginModel
    report: CalibrationReport


def calibrate(
    history: MarketHistory,
    base: MarginModel,
    as_of: datetime,
    settings: CalibrationSettings = OURS,
    previous: MarginModel | None = None,
    *,
    market: Measured | None = None,
    sources: Sequence[str] = (),
) -> Calibration:
    """The numbers of ``base`` anew, from what was known at ``as_of``, guarded against those before.

    Those before are ``previous``'s, else those of ``base`` if it is not of a later date; where it
    is, nothing was in force, and guards walk through the history alone. ``market`` tells depth,
    crowding and surfaces of the day; ``sources`` name the histories. Raises PoorHistory for prices
    too short, old or full of gaps, CalibrationFailed for what cannot be estimated, and
    BadParameter for a base that is no preset, a previous model of the same or a later date or of
    other parts, and numbers that the model refuses.
    """
    if base.name not in preset_names():
        raise BadParameter(
            f"{base.name!r} is no preset",
            where="model to calibrate",
            remedy="Calibrate a preset, and give the last calibrated file as the previous one.",
        )
    known, told = history.until(_ns(as_of)), market or Measured()
    kept: list[str] = []
    warnings = list(known.repairs)
    found = estimated(known, _ns(as_of), settings, told)
    warnings += length_warnings([each.days for each in found.values()], settings.ranges)
    proposals = [
        *class_proposals(base, found, settings),
        *shock_proposals(base, known, settings, told, kept.append),
        *offset_proposals(base, found, settings, kept.append, warnings.append),
    ]
    if not proposals:
        raise CalibrationFailed(
            "the history tells no number of the model",
            where=f"calibration of {base.name}",
            remedy="Give prices of underlyings that the model's classes name.",
        )
    before = base if previous is None else previous
    days = _days_in_force(before, as_of, warnings.append, given=previous is not None)
    settled = [_settle(each, before, days, as_of, settings) for each in proposals]
    moves = with_vols_before([move for move, _, _ in settled], given=previous is not None)
    numbers = {move.key: move.after for move in moves}
    model, text = _model(base, before, numbers, as_of, settings, sources)
    report = CalibrationReport(
        model=model_info(model),
        base=base.name,
        previous=before.name,
        as_of=as_of,
        moves=tuple(move for move in moves if move.after != move.before),
        factors=tuple(factor for _, factors, _ in settled for factor in factors),
        accounts=(),
        notices=(),
        kept=(*kept, *_classes_kept(base, proposals), *(told for *_, told in settled if told)),
        warnings=tuple(warnings),
    )
    return Calibration(model=model, text=text, before=before, report=report)


def _ns(instant: datetime) -> int:
    return round(instant.timestamp() * 1e6) * 1000


def _days_in_force(
    before: MarginModel, as_of: datetime, warn: Callable[[str], None], *, given: bool
) -> float | None:
    """Days since the numbers before were set; None, and a warning, where they came later."""
    days = (as_of.date() - before.as_of).days
    if given and days == 0:
        # What is held until two persons confirm it would go through by running twice.
        raise BadParameter(
            f"{before.name} is of {before.as_of}, the calibration's own date",
            where="previous model",
            remedy="Give the model of an earlier date that was in force; what a calibration holds "
            "goes through when two persons confirm it.",
        )
    if days >= 0:
        return float(days)
    if given:
        raise BadParameter(
            f"{before.name} is of {before.as_of}, after the time of the calibration",
            where="previous model",
            remedy="Give the model that was in force before it.",
        )
    warn(
        f"nothing was in force at {isoformat_utc(as_of)}: the numbers of {before.name} are of "
        f"{before.as_of}, so no limit on falls was applied; give the model that was in force "
        "(--previous)."
    )
    return None


def _settle(
    proposal: Proposal,
    before: MarginModel,
    days: float | None,
    as_of: datetime,
    settings: CalibrationSettings,
) -> tuple[ParameterMove, tuple[ParameterFactor, ...], str]:
    """One number after all guards, its factors, and why it is held at the number before, if so."""
    guards = settings.ranges.guards
    number = chosen_value(before, proposal.key)
    last = proposal.size(number)
    least, estimate = (last if proposal.untold else 0.0), _wanted(proposal, as_of, guards)
    want, most = max(estimate, least), max(proposal.most, least)
    if days is not None:
        size, held = step(want, last, days, guards, confirmed=settings.confirmed)
    elif proposal.path is not None:
        path = guarded(proposal.path, guards, least=least)
        size, held = float(path.announced[-1]), bool(path.held[-1])
    else:
        size, held = step(want, None, 0.0, guards)
    size = min(size, most)
    # A number that stays is not written anew with another last digit.
    if want == last and size == rounded_up(last, guards.digits):
        size = last
    after = number if size == last else proposal.number(size)
    notice = guards.notice_days if size > last else 0.0
    move = ParameterMove(
        key=proposal.key,
        before=number,
        after=after,
        change_rel=after / number - 1.0 if number else 0.0,
        raw=proposal.number(min(proposal.target, proposal.most)),
        wanted=proposal.number(min(want, most)),
        in_force_from=as_of + timedelta(days=notice),
        needs_confirmation=held,
        cause=proposal.cause,
    )
    factors = (*proposal.factors, *_guard_factors(proposal, guards))
    why = f"no history of {proposal.untold}"
    if proposal.untold:
        factors = (*factors, ("number before", number, f"it may only ask for more: {why}"))
    return (
        move,
        tuple(
            ParameterFactor(key=proposal.key, name=name, value=value, why=said)
            for name, value, said in factors
        ),
        f"{proposal.key}: held at the number before: {why}" if estimate < least else "",
    )


def _wanted(proposal: Proposal, as_of: datetime, guards: GuardSettings) -> float:
    if proposal.long_run is None or proposal.stressed is None:
        return proposal.target
    raw = RawTargets(
        at_ns=np.array([_ns(as_of)]),
        target=np.array([proposal.target]),
        long_run=np.array([proposal.long_run]),
        stressed=np.array([proposal.stressed]),
    )
    return float(wanted(raw, guards)[0])


def _guard_factors(proposal: Proposal, guards: GuardSettings) -> tuple[tuple[str, float, str], ...]:
    if proposal.long_run is None or proposal.stressed is None:
        return ()
    return (
        ("stressed", proposal.stressed, f"in the worst time, weight {guards.stressed_weight:.0%}"),
        ("long run", proposal.long_run, f"buffer of {guards.buffer_rel:.0%} is whole below it"),
        ("floor", guards.floor_share * proposal.long_run, f"{guards.floor_share:.0%} of long run"),
    )  # fmt: skip


def _model(
    base: MarginModel,
    before: MarginModel,
    numbers: Mapping[str, float],
    as_of: datetime,
    settings: CalibrationSettings,
    sources: Sequence[str],
) -> tuple[MarginModel, str]:
    """The new model and its text; the model is what the text reads as.

    A number that nothing tells today stays what it was before, not what the base has.
    """
    calibrated = msgspec.structs.replace(
        with_numbers(before, numbers, "calibrated numbers", "calibration"),
        name=f"{base.name}-{as_of.date()}",
        title=f"{base.title}, calibrated",
        as_of=as_of.date(),
        source=f"calibrated at {isoformat_utc(as_of)} from {', '.join(sources) or 'a history'}; "
        "docs/calibration.md",
        # A number that is estimated now no longer lies between the ends of what nobody knows.
        unknowns=tuple(each for each in before.unknowns if each.key not in numbers),
    )
    notes = (
        f"Numbers of {base.name} by seawall calibrate. Every choice, as JSON:",
        msgspec.json.encode(settings).decode().replace(",", ", "),
    )
    changed = tuple(
        part
        for part in (*PartStatus.__struct_fields__, "unknowns")
        if getattr(calibrated, part) != getattr(base, part)
        or any(key.split(".")[0] == part for key in numbers)
    )
    text = preset_text(calibrated, base.name, changed, notes=notes)
    return parse_model(text, f"{calibrated.name}.toml"), text


def _classes_kept(base: MarginModel, proposals: Sequence[Proposal]) -> list[str]:
    moved = {
        proposal.key.split(".")[1] for proposal in proposals if ".price_range_" in proposal.key
    }
    return [
        f"classes.{each.name}: no history of a member"
        for each in base.classes
        if each.name not in moved
    ]
