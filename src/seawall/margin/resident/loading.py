"""Portfolios as a state of resident accounts: instruments looked up, positions as columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from seawall.basics.errors import located
from seawall.margin.resident.parts import Part
from seawall.margin.resident.state import State, models_of
from seawall.market.unlisted import with_unlisted
from seawall.products.instruments import Instrument
from seawall.products.portfolio import Portfolio, Position
from seawall.risk.accounts import one_unit
from seawall.risk.assumptions import assumptions
from seawall.risk.book import place_of
from seawall.risk.resident import Block, Units, empty_block, home_of
from seawall.risk.resident_trades import paid_in


def with_instruments(state: State, wanted: Iterable[Instrument]) -> State:
    """The state that knows some instruments, and what trades in them are paid in.

    Raises what the snapshot raises, and BadParameter when no class takes an underlying.
    """
    new: dict[str, dict[str, Instrument]] = {}
    for each in wanted:
        for instrument in (each, paid_in(each)):
            if instrument.name not in state.rows:
                new.setdefault(home_of(instrument), {})[instrument.name] = instrument
    if not new:
        return state
    parts, place, rows = list(state.parts), dict(state.place), dict(state.rows)
    models = models_of(state.model)
    for home, instruments in new.items():
        k = place.setdefault(home, len(parts))
        market = with_unlisted(state.market_of(home), instruments.values())
        for each in instruments.values():
            assumptions(one_unit(each, market), market)
        before = Units.of(home, market) if k == len(parts) else parts[k].units
        units = replace(before, market=market).adding([*instruments.values()])
        first = len(before.positions)
        rows |= {name: (k, first + at) for at, name in enumerate(instruments)}
        if k == len(parts):
            parts.append(Part.of(units, empty_block(), models))
        else:
            parts[k] = parts[k].adding(units, models)
    return replace(state, version=state.version + 1, parts=tuple(parts), place=place, rows=rows)


def with_holdings(state: State, portfolios: Sequence[Portfolio]) -> State:
    """The state in which accounts, by place, hold portfolios whose instruments are known.

    Raises what a position is refused for.
    """
    models = models_of(state.model)
    blocks = _columns(portfolios, state)
    parts = tuple(
        Part.of(part.units, blocks[k], models) if k in blocks else part
        for k, part in enumerate(state.parts)
    )
    return replace(state, version=state.version + 1, parts=parts, count=len(portfolios))


def marks_of(state: State) -> dict[str, float | None]:
    """The marks of all futures, by name."""
    instruments = (p.instrument for part in state.parts for p in part.units.positions)
    return {each.name: state.mark_of(each) for each in instruments}


def possible(portfolio: Portfolio, state: State) -> Iterable[Position]:
    """Positions other than of nothing, whose instruments are known. Raises what one is refused
    for.
    """
    for position in portfolio.positions:
        with located(place_of(position, portfolio.account), position.where):
            assumptions(position, state.market_for(position.instrument))
        if position.quantity != 0:
            yield position


def _columns(portfolios: Iterable[Portfolio], state: State) -> dict[int, Block]:
    """What accounts hold, part by part."""
    found: dict[int, list[tuple[int, int, float, float]]] = {}
    for account, each in enumerate(portfolios):
        for position in possible(each, state):
            k, row = state.rows[position.instrument.name]
            size, entry = state.parts[k].units.kept(row, position)
            found.setdefault(k, []).append((account, row, size, entry))
    blocks: dict[int, Block] = {}
    for k, positions in found.items():
        account, row, size, entry = np.array(positions).T
        blocks[k] = Block.of(
            account.astype(np.int64), row.astype(np.uint32), size.copy(), entry.copy()
        )
    return blocks
