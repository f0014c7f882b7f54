"""Trades worth a try where no scenarios tell which: closing, covering, hedging, and pairs of them.

Where a short call and a short put of one expiry margin each other, covering one of them saves
nothing until the other is covered too: so covers of both are tried at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import accumulate, islice, pairwise, product

import numpy as np
from numpy.typing import NDArray

from seawall.margin.reduction.candidates import Candidates
from seawall.products.instruments import Expiring, Option

Floats = NDArray[np.float64]

# Strikes beyond a short option that are tried as its cover, and futures as a hedge.
_COVERS, _HEDGES = 3, 3
# Pairs of a short call and a short put, and short options of an underlying with their hedge, that
# are tried at most: the largest come first. So a large account takes seconds more, not minutes.
_PAIRS, _HEDGED = 12, 12


def moves_worth_trying(of: Candidates, lots: Floats) -> list[Floats]:
    """Sets of lots [N] that go one trade, or some that belong together, beyond ``lots``.

    Of every contract held all of it and half of it closed; of every short option the same size
    bought at the next strikes beyond it, of its expiry and of the next one; of every underlying its
    net delta hedged by the futures nearest in time. At once: covers of a short call and of a short
    put of one expiry; covers of all shorts of an expiry; a short option closed, or covered at the
    next strike, with the hedge of the delta left.
    """
    units: Floats = of.held + lots * of.lot
    found = [
        lots + change
        for trades in (
            *_single(of, units),
            *_two_covers(of, units),
            *_all_covers(of, units),
            *_with_hedge(of, units),
        )
        if (change := _lots(of, trades)).any()
    ]
    return list({each.tobytes(): each for each in found}.values())


def _lots(of: Candidates, trades: Mapping[int, float]) -> Floats:
    """Whole lots of trades in units of candidates; shape [N]."""
    found = np.zeros(of.lot.size)
    for place, units in trades.items():
        found[place] = np.trunc(units / of.lot[place] * (1.0 + 1e-9))
    return found


def _single(of: Candidates, units: Floats) -> Iterable[dict[int, float]]:
    for place in np.flatnonzero(units).tolist():
        yield {place: -units[place]}
        yield {place: -0.5 * units[place]}
        instrument = of.instruments[place]
        if isinstance(instrument, Option) and units[place] < 0.0:
            for cover in _covers(of, place, instrument, expiries=2):
                yield {cover: -units[place]}
    for rows in _by_underlying(of):
        delta = float(units[rows] @ of.delta[rows])
        for place in _hedges(of, rows):
            yield {place: -delta / (of.delta[place] or 1.0)}


def _two_covers(of: Candidates, units: Floats) -> Iterable[dict[int, float]]:
    """A short call and a short put of one expiry, each covered at one of the next strikes."""
    pairs = [
        (call, put)
        for shorts in _shorts_by_expiry(of, units)
        for call, put in product(shorts, shorts)
        if _option(of, call).is_call and not _option(of, put).is_call
    ]
    pairs.sort(key=lambda pair: units[list(pair)].max())  # by the smaller of the two
    for pair in pairs[:_PAIRS]:
        for covers in product(*(_covers(of, short, _option(of, short)) for short in pair)):
            yield {cover: -units[short] for cover, short in zip(covers, pair, strict=True)}


def _all_covers(of: Candidates, units: Floats) -> Iterable[dict[int, float]]:
    """All shorts of an expiry covered, each at the next strike beyond it, the second, the third."""
    for shorts in _shorts_by_expiry(of, units):
        covers = [_covers(of, short, _option(of, short)) for short in shorts]
        if len(shorts) < 2 or not all(covers):
            continue
        for beyond in range(_COVERS):
            trades: dict[int, float] = {}
            for short, its in zip(shorts, covers, strict=True):
                cover = its[min(beyond, len(its) - 1)]
                trades[cover] = trades.get(cover, 0.0) - units[short]
            yield trades


def _with_hedge(of: Candidates, units: Floats) -> Iterable[dict[int, float]]:
    """Short options closed, or covered at the next strike, with the hedge of the delta left."""
    for rows in _by_underlying(of):
        delta = float(units[rows] @ of.delta[rows])
        shorts = [row for row in rows if units[row] < 0.0 and _is_option(of, row)]
        shorts.sort(key=lambda row: units[row])
        for short, hedge in islice(product(shorts, _hedges(of, rows)[:1]), _HEDGED):
            for bought in (short, *_covers(of, short, _option(of, short))[:1]):
                left = delta - units[short] * of.delta[bought]
                yield {bought: -units[short], hedge: -left / (of.delta[hedge] or 1.0)}


def _is_option(of: Candidates, place: int) -> bool:
    return isinstance(of.instruments[place], Option)


def _option(of: Candidates, place: int) -> Option:
    instrument = of.instruments[place]
    assert isinstance(instrument, Option)
    return instrument


def _by_underlying(of: Candidates) -> list[list[int]]:
    """The candidates on each underlying."""
    stops = [0, *accumulate(len(part.positions) for part in of.books)]
    return [list(range(start, stop)) for start, stop in pairwise(stops)]


def _shorts_by_expiry(of: Candidates, units: Floats) -> list[list[int]]:
    """Short options by underlying, settlement and expiry."""
    found: dict[object, list[int]] = {}
    for place in np.flatnonzero(units < 0.0).tolist():
        if _is_option(of, place):
            its = _option(of, place)
            found.setdefault((its.underlying, its.settlement, its.expiry), []).append(place)
    return list(found.values())


def _covers(of: Candidates, place: int, short: Option, *, expiries: int = 1) -> list[int]:
    """Options of its right and settlement at strikes beyond, of so many expiries from its own."""
    same = [
        (each.expiry, abs(each.strike - short.strike), other)
        for other, each in enumerate(of.instruments)
        if isinstance(each, Option)
        and other != place
        and (each.underlying, each.settlement) == (short.underlying, short.settlement)
        and each.right == short.right
        and each.expiry >= short.expiry
        and (each.strike >= short.strike if short.is_call else each.strike <= short.strike)
    ]
    soonest = sorted({expiry for expiry, *_ in same})[:expiries]
    return [
        other
        for expiry in soonest
        for _, _, other in sorted(each for each in same if each[0] == expiry)[:_COVERS]
    ]


def _hedges(of: Candidates, rows: list[int]) -> list[int]:
    """Perpetuals, and then futures by time."""
    futures = [row for row in rows if not _is_option(of, row)]

    def ends(row: int) -> float:
        instrument = of.instruments[row]
        return instrument.expiry.timestamp() if isinstance(instrument, Expiring) else 0.0

    return sorted(futures, key=ends)[:_HEDGES]
