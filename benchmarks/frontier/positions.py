"""Models of fixed percentages: position by position, netted, and by strategies."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.frontier.data import COINS
from benchmarks.frontier.legs import Table

Floats = NDArray[np.float64]

FUTURE_REL = 0.15
# Deribit's standard margin of a short option: 15 % less what it is out of the money, at least 10 %.
OPTION_REL, OPTION_LEAST_REL = 0.15, 0.10


def isolated(table: Table) -> Floats:
    """Every position by itself; [D, B], ≥ 0."""
    return _futures(table, netted=False) + short_options(table) + premiums(table)


def cross(table: Table) -> Floats:
    """Perpetuals and futures of a coin by their net; options as in ``isolated``; [D, B], ≥ 0."""
    return _futures(table, netted=True) + short_options(table) + premiums(table)


def strategy(table: Table) -> Floats:
    """Options that belong together by the most they can lose at expiry; [D, B], ≥ 0.

    Of each coin the lesser of ``isolated``'s sum and the greatest loss at expiry, long perpetuals
    covering short calls. Options of several expiries count as of one where no short outlives a
    long. Perpetuals and futures as in ``cross``. Source: spreads, covered calls and long options
    of FINRA rule 4210(f)(2), with the percentages above for what stays naked.
    """
    margin = _futures(table, netted=True)
    single = short_options(table, by_leg=True) + premiums(table, by_leg=True)
    for column in range(len(COINS)):
        for row, book in enumerate(table.books):
            held = {table.legs.index(leg): size for leg, size in book.legs if leg.is_option}
            held = {place: size for place, size in held.items() if table.coin[place] == column}
            for group in _together(table, held):
                alone = single[:, row, group].sum(axis=1)
                margin[:, row] += np.minimum(alone, _most_lost(table, row, group, column))
    return margin


def _together(table: Table, held: dict[int, float]) -> list[list[int]]:
    """Options of a book and coin, by place with their sizes, in groups that are one strategy."""
    tenor = {place: table.legs[place].tenor_days for place in held}
    longs = [tenor[place] for place, size in held.items() if size > 0.0]
    shorts = [tenor[place] for place, size in held.items() if size < 0.0]
    if longs and shorts and max(shorts) <= min(longs):
        return [list(held)]
    return [[p for p in held if tenor[p] == days] for days in sorted(set(tenor.values()))]


def _most_lost(table: Table, row: int, group: list[int], column: int) -> Floats:
    """What options can lose until expiry at any price; [D], infinite for naked short calls."""
    sizes = table.quantity[:, row, group]
    worth_now = (sizes * table.value[:, group]).sum(axis=1)
    strikes = np.array([table.legs[place].moneyness for place in group])
    is_call = np.array([table.legs[place].kind == "call" for place in group])
    spot = [i for i, leg in enumerate(table.legs) if leg.kind == "perpetual"]
    spot = [i for i in spot if table.coin[i] == column]
    covered = np.maximum(table.quantity[:, row, spot].sum(axis=1), 0.0)
    slope = (sizes * is_call).sum(axis=1)
    covering = np.minimum(covered, np.maximum(-slope, 0.0))
    prices = np.concatenate([[0.0], strikes])
    payoff = np.where(
        is_call,
        np.maximum(prices[:, None] - strikes, 0.0),
        np.maximum(strikes - prices[:, None], 0.0),
    )
    # What covers short calls pays no more than they cost above the price of today.
    gains = sizes @ payoff.T + covering[:, None] * np.maximum(prices - 1.0, 0.0)
    least = np.maximum(worth_now - gains.min(axis=1), 0.0)
    return np.where(slope + covering < -1e-12, np.inf, least)


def _futures(table: Table, *, netted: bool) -> Floats:
    margin = np.zeros(table.quantity.shape[:2])
    for column in range(len(COINS)):
        own = [i for i, leg in enumerate(table.legs) if not leg.is_option]
        sizes = table.quantity[:, :, [i for i in own if table.coin[i] == column]]
        margin += FUTURE_REL * (np.abs(sizes.sum(axis=2)) if netted else np.abs(sizes).sum(axis=2))
    return margin


def short_options(table: Table, *, by_leg: bool = False) -> Floats:
    """What short options cost one by one; [D, B], or [D, B, L] ``by_leg``."""
    rate = np.zeros(len(table.legs))
    for place, leg in enumerate(table.legs):
        if leg.is_option:
            out = leg.moneyness - 1.0 if leg.kind == "call" else 1.0 - leg.moneyness
            rate[place] = max(OPTION_REL - max(out, 0.0), OPTION_LEAST_REL)
    margin = np.maximum(-table.quantity, 0.0) * rate
    return margin if by_leg else margin.sum(axis=2)


def premiums(table: Table, *, by_leg: bool = False) -> Floats:
    """What long options are worth, all of which they can lose; [D, B], or [D, B, L] ``by_leg``."""
    option = np.array([leg.is_option for leg in table.legs])
    margin = np.maximum(table.quantity, 0.0) * table.value[:, None, :] * option
    return margin if by_leg else margin.sum(axis=2)
