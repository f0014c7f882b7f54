"""What makes one state of resident accounts out of another: trades, ticks, more instruments.

One writer at a time: parts share room that grows, of which an older state sees only what it had.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from seawall.margin.resident.parts import MOST_ROWS, Held, Part
from seawall.margin.resident.state import Account, Kept, State, models_of
from seawall.market.snapshot import MarketSnapshot
from seawall.market.unlisted import with_unlisted
from seawall.products.instruments import CASH, Cash
from seawall.products.portfolio import Portfolio, Position
from seawall.risk.resident import Segment, Units
from seawall.risk.trades import Trade, with_trades

MOST_CHANGED = 4_000
"""Accounts of a part that have traded, beyond which its columns are made anew."""


def with_positions(
    state: State,
    account: Account,
    before: Mapping[str, Kept],
    kept: Mapping[str, Kept],
    refresh_every: int,
) -> State:
    """The state in which an account, which held ``before`` at the marks of now, holds ``kept``.

    All instruments are known. What is the same object before and after has not changed.
    """
    moved = {
        name: kept.get(name)
        for name in dict.fromkeys((*before, *kept))
        if kept.get(name) is not before.get(name)
    }
    segments, held = dict(account.segments), dict(account.held)
    of_part: dict[int, dict[int, Kept | None]] = {}
    for name, own in moved.items():
        k, row = state.rows[name]
        of_part.setdefault(k, {})[row] = own
    for k, changed in of_part.items():
        part = state.parts[k]
        segment = _segment_after(part.units, account.segments.get(k), changed)
        if len(changed) > MOST_ROWS:
            held[k] = Held.of(part, segment)
        else:
            held[k] = state.held(account, k).traded(part, segment, [*changed], refresh_every)
        segments[k] = segment
    after = Account(
        name=account.name,
        place=account.place,
        version=state.version + 1,
        segments=segments,
        touched=account.touched | of_part.keys(),
        positions=kept,
        held=held,
    )
    return replace(
        state,
        version=after.version,
        count=max(state.count, account.place + 1),
        fresh={**state.fresh, account.place: after},
    )


def traded(
    state: State, account: str, positions: Mapping[str, Kept], trade: Trade
) -> dict[str, Kept]:
    """What an account that holds ``positions``, at the marks of now, holds after a trade.

    Raises what :func:`seawall.risk.trades.with_trades` raises.
    """
    market = state.market_for(trade.instrument)
    nothing = Position(instrument=Cash(name=CASH), quantity=Decimal(0))
    held = tuple(position for position, _ in positions.values()) or (nothing,)
    after = with_trades(Portfolio(account=account, positions=held), [trade], market)
    found: dict[str, Kept] = {}
    for position in after.positions:
        instrument = position.instrument
        before = positions.get(instrument.name)
        if before is not None and before[0] is position:
            found[instrument.name] = before
        elif position.quantity != 0:
            found[instrument.name] = position, state.mark_of(instrument)
    return found


def _segment_after(
    units: Units, segment: Segment | None, changed: Mapping[int, Kept | None]
) -> Segment:
    held = {} if segment is None else segment.by_row
    for row, kept in changed.items():
        if kept is None:
            held.pop(row, None)
        else:
            held[row] = units.kept(row, kept[0])
    return Segment.of(held)


def merged(state: State) -> tuple[State, dict[int, Account]]:
    """The state with all trades in its parts; and the accounts that had traded, by place."""
    if not state.fresh:
        return state, {}
    models = models_of(state.model)
    parts: list[Part] = []
    for k, part in enumerate(state.parts):
        changed = {
            account.place: (account.segments[k], state.held(account, k).figures)
            for account in state.fresh.values()
            if k in account.touched
        }
        part = part.merged(changed)
        parts.append(part.at(part.units, models) if len(part.changed) > MOST_CHANGED else part)
    accounts = {
        place: replace(account, touched=frozenset()) for place, account in state.fresh.items()
    }
    after = replace(state, version=state.version + 1, parts=tuple(parts), fresh={})
    return after, accounts


def ticked(state: State, market: MarketSnapshot, homes: Sequence[str]) -> State:
    """The state, its trades merged, with some underlyings in another market.

    Raises what the snapshot raises for an instrument that somebody holds.
    """
    models, parts = models_of(state.model), list(state.parts)
    elsewhere, dead = dict(state.ticked), set[str]()
    for home in homes:
        k = state.place.get(home)
        if k is None:
            elsewhere[home] = market
            continue
        part = parts[k]
        alive = [
            position.instrument
            for position, alive in zip(part.units.positions, part.units.alive, strict=True)
            if alive
        ]
        own = with_unlisted(market, alive)
        units = part.units.at(own, lambda held=part: held.held_rows)
        parts[k] = part.at(units, models)
        dead |= {each.name for each in alive} - units.alive_names
    return replace(
        state,
        version=state.version + 1,
        epoch=object(),
        as_of=market.as_of,
        ticked=elsewhere,
        parts=tuple(parts),
        rows={name: place for name, place in state.rows.items() if name not in dead}
        if dead
        else state.rows,
    )


def refreshed(state: State) -> State:
    """The state, its trades merged, with every sum and vector found anew."""
    models = models_of(state.model)
    parts = tuple(part.at(part.units.renewed(), models) for part in state.parts)
    return replace(state, version=state.version + 1, epoch=object(), parts=parts)
