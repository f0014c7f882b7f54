"""What a walk knows of how margins are set, held against the rules of :mod:`.regulation`.

A walk knows what coverage is promised, how long losses are watched and, of a model that follows the
history, how much of it there was and which tools against procyclicality its calibration has. What
it does not know is no failure and no success: such a rule has no verdict and says why.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

import msgspec

from seawall.basics.time import DAY_SECONDS, epoch_ns
from seawall.lab.backtest.books import WalkBook
from seawall.lab.backtest.regulation import MarginSetUp, ProcyclicalityTools, RuleRow, rules
from seawall.lab.backtest.walk import FixedModel, ModelAt, ModelSchedule, Walk
from seawall.risk.joint_scenarios import OfHistory

_DAY = timedelta(days=1)
_DAY_NS = DAY_SECONDS * 1e9
_YEAR_DAYS = 365.25
# Twelve of them are a year of 365 days.
_MONTH_DAYS = 365.0 / 12.0

_NOT_ESTIMATED = "not told: the preset's numbers are not estimated on this history"
_STRESS = "not told: whether the history has stressed times is for its owner to say"
_OFFSETS = "not told: a walk margins whole books, not their products apart"
_NO_TOOLS = "not told: the model is not calibrated along the walk"


class KnownSetUp(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model on one book: days of history before the first margin, and its calibration's tools.

    None where the model's numbers do not follow the history.
    """

    lookback_days: float | None
    tools: ProcyclicalityTools | None


class Verdict(NamedTuple):
    """One rule as :class:`~seawall.lab.backtest.regulation.RuleRow`, ``passed`` None if unknown."""

    source: str
    rule: str
    asked: str
    found: str
    passed: bool | None


def set_ups(walk: Walk) -> dict[tuple[str, str], KnownSetUp]:
    """What is known of every model on every book, by their names."""
    return {
        (model.name, book.name): _known(walk, model, book)
        for model in walk.models
        for book in walk.books
    }


def _known(walk: Walk, model: ModelAt, book: WalkBook) -> KnownSetUp:
    """Of a fixed model history counts only where its scenarios are made of it, so far back."""
    first_ns = max(
        int(bars.end_ns[0] - bars.bar_ns)
        for bars in (walk.history.bars[name] for name in book.underlyings)
    )
    days = max(0.0, (epoch_ns(walk.plan.start) - first_ns) / _DAY_NS)
    if isinstance(model, FixedModel):
        scenarios = model.model.scenarios
        of_history = isinstance(scenarios, OfHistory)
        longest = min(days, scenarios.windows.lookback_days) if of_history else None
        return KnownSetUp(lookback_days=longest, tools=None)
    tools = model.tools if isinstance(model, ModelSchedule) else None
    return KnownSetUp(lookback_days=days, tools=tools)


def verdicts(known: KnownSetUp, confidence: float, horizon: timedelta) -> Iterator[Verdict]:
    """PFMI principle 6 and EMIR articles 24 to 28, for both kinds of contracts where they differ.

    ``confidence`` is the coverage that margins promise, ``horizon`` the liquidation period.
    """
    lookback_days, tools = known.lookback_days or 0.0, known.tools or ProcyclicalityTools()
    listed = MarginSetUp(
        otc=False,
        confidence=confidence,
        horizon_days=horizon / _DAY,
        lookback_months=lookback_days / _MONTH_DAYS,
        stress_in_lookback=False,
        offset_share=0.0,
        buffer_share=tools.buffer_share,
        stress_weight=tools.stress_weight,
        # A floor of ten years needs ten years of history.
        floor_years=min(tools.floor_years, lookback_days / _YEAR_DAYS),
    )
    rows = rules(listed)
    otc = [row for row in rules(msgspec.structs.replace(listed, otc=True)) if row not in rows]
    order = list(dict.fromkeys(row.source for row in rows))
    for row in sorted((*rows, *otc), key=lambda each: order.index(each.source)):
        why = _untold(row, known)
        if why is None:
            yield Verdict(row.source, row.rule, row.asked, row.found, row.passed)
        elif row.source != "EMIR art. 28" and row.source.startswith("EMIR art. 28"):
            continue  # the article's first row says it for its three tools
        else:
            yield Verdict(row.source, row.rule, row.asked, why, None)


def _untold(row: RuleRow, known: KnownSetUp) -> str | None:
    """Why a walk cannot say what a rule asks; None where it can."""
    if row.source == "EMIR art. 25":
        if known.lookback_days is None:
            return _NOT_ESTIMATED
        return None if row.rule == "look-back" else _STRESS
    if row.source == "EMIR art. 27":
        return _OFFSETS
    if row.source.startswith("EMIR art. 28") and known.tools is None:
        return _NO_TOOLS
    return None
