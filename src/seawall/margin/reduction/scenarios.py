"""The risk arrays of an account and of what it may trade, as rows of the programme."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from seawall.margin.fold import Direction, net
from seawall.margin.model import MarginModel
from seawall.margin.offsets import TailMeasure
from seawall.margin.reduction.candidates import Candidates
from seawall.margin.reduction.programme import Netted, Netting, ReductionProgramme, Scenarios
from seawall.margin.requirement import MarginRequirement, risk_arrays
from seawall.risk.book import Book
from seawall.risk.revaluation import RiskArray
from seawall.risk.shocks import Instant

Floats = NDArray[np.float64]

# Where nothing expires the instant after expiry says what the horizon says.
_SAME = {
    Instant.POST_EXPIRY: Instant.HORIZON,
    Instant.POST_EXPIRY_STICKY_DELTA: Instant.HORIZON_STICKY_DELTA,
}


def programme_of(
    whole: MarginRequirement, book: Book, candidates: Candidates, model: MarginModel
) -> ReductionProgramme | None:
    """The scanning risk of an account as a function of trades; None where it is not one of nets.

    Exact for a fold in which positions of an underlying add up cell by cell. Where a fold counts
    them otherwise the programme starts from what it says of the account and adds trades cell by
    cell; a full revaluation decides afterwards in any case.
    """
    units = [unit for group in whole.combinations for unit in group.units]
    if model.fold is None or any(unit.path != unit.book.underlying for unit in units):
        return None
    if isinstance(model.offsets, TailMeasure):
        return None
    parts = replace(book, underlyings=candidates.books, array_only=True)
    offered = {array.book.underlying: array for array in risk_arrays(parts, model)}
    arrays = {array.book.underlying: array for array in whole.arrays}
    count, places = len(candidates.instruments), _places(candidates)
    floors = {unit.path: unit for group in whole.floored for unit in group.units}
    nettings: list[Netting] = []
    for group in whole.combinations:
        netted: list[Netted] = []
        for unit in group.units:
            name = unit.book.underlying
            held = model.fold.effective(arrays[name])
            raised = floors[unit.path]
            least = min(raised.up, raised.down) if raised != unit else 0.0
            rows = _rows(held, offered.get(name), places.get(name, slice(0)), count)
            netted.append(Netted(*rows, least=least if least > min(unit.up, unit.down) else 0.0))
        nettings.append(Netting(tuple(netted), group.rho.initial))
    return ReductionProgramme(nettings, model.levels.im_factor)


def _places(candidates: Candidates) -> dict[str, slice]:
    """Which candidates are on an underlying."""
    found: dict[str, slice] = {}
    start = 0
    for part in candidates.books:
        found[part.underlying] = slice(start, start + len(part.positions))
        start += len(part.positions)
    return found


def _rows(
    held: RiskArray, offered: RiskArray | None, places: slice, count: int
) -> tuple[Scenarios, Scenarios]:
    """Damped PnL of an underlying's net and of one unit of each candidate, up and down."""
    instants = max((held.instants, offered.instants if offered else ()), key=len)
    now = _laid_out(held.instants, net(held)[None], instants)[0]
    cells = held.cells
    unit = np.zeros((len(instants) * cells, count))
    if offered is not None:
        flat = offered.unit_pnl_usd.reshape(-1, len(offered.instants), cells)
        unit[:, places] = _laid_out(offered.instants, flat, instants).T
    damping = np.tile(held.scenarios.damping, len(instants))
    now, unit = now * damping, unit * damping[:, None]

    def side(direction: Direction) -> Scenarios:
        chosen = held.scenarios.up if direction == "up" else held.scenarios.down
        rows = np.tile(chosen, len(instants))
        return Scenarios(now[rows], unit[rows])

    return side("up"), side("down")


def _laid_out(own: Sequence[Instant], pnl: Floats, wanted: Sequence[Instant]) -> Floats:
    """``pnl`` [K, own instants, C] at the instants that are wanted; shape [K, wanted·C]."""
    at = [own.index(each if each in own else _SAME[each]) for each in wanted]
    return np.ascontiguousarray(pnl[:, at]).reshape(len(pnl), -1)
