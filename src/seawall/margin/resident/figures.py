"""From the sums over an account's positions to the amounts that its requirement is made of.

The formulas of floors and charges hold for one account, where a sum is a number, and for many,
where it is an array [G]; what they give goes through :mod:`seawall.kernels.resident_totals`, which
rounds and adds it up by the waterfall of :mod:`seawall.margin.requirement`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seawall.kernels import resident
from seawall.kernels.resident_totals import FIGURES, OF_INITIAL, figures_of_amounts
from seawall.margin.charges.base import NamedCharge
from seawall.margin.resident.terms import ModelTerms, OfUnits
from seawall.risk.sums import Total, greater

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Rows = NDArray[np.uint32]


class Segments(NamedTuple):
    """What formulas are taken on that are none of sums: positions ``row``, ``quantity`` [P] in
    segments [``start``, ``stop``) [G], or, of all that there is, what ``exact`` tells.
    """

    row: Rows
    quantity: Floats
    start: Integers
    stop: Integers
    exact: Callable[[NamedCharge, Floats], Floats]
    """What a charge asks of each segment, M [G] given; shape [4, G], in USD, initial and
    maintenance, and the same in cents, row by row."""


def figures_of_one(
    terms: ModelTerms, sums: Floats, losses: tuple[float, float], held: Segments
) -> Floats:
    """The figures [1, FIGURES] of one account in an underlying, or in money.

    ``sums`` [1, N]; ``losses`` upward and downward in USD, ≥ 0, both 0 in a model without
    scenarios.
    """
    amounts, worst = _amounts(terms, sums[0].tolist(), losses, held)
    return _figures(terms, sums, np.array([amounts]), worst, held)


def figures_of_many(
    terms: ModelTerms, sums: Floats, losses: tuple[Floats, Floats], held: Segments
) -> Floats:
    """The figures [G, FIGURES] of many accounts, as :func:`figures_of_one` of each."""
    columns = list(np.ascontiguousarray(sums.T))
    amounts, worst = _amounts(terms, columns, losses, held)
    count = sums.shape[0]
    rows = np.stack([np.broadcast_to(each, count) for each in amounts], axis=1)
    return _figures(terms, sums, rows, worst, held)


def _figures(
    terms: ModelTerms, sums: Floats, amounts: Floats, worst: Total, held: Segments
) -> Floats:
    out = np.empty((sums.shape[0], FIGURES))
    figures_of_amounts(sums, amounts, terms.counts, terms.losses, terms.is_exact, out)
    for charge in terms.others:
        losses = np.full(sums.shape[0], worst, dtype=np.float64)
        out[:, OF_INITIAL : OF_INITIAL + 4] += held.exact(charge, losses).T
    return out


def _amounts(
    terms: ModelTerms, sums: Sequence[Total], losses: tuple[Total, Total], held: Segments
) -> tuple[list[Total], Total]:
    """The columns of amounts, and M."""
    up, down = losses
    if terms.on is None:
        return [0.0, up, down], 0.0
    book, earned = terms.on.book, sums[resident.EARNED]
    floor: Total = 0.0
    for each, picked in terms.floors:
        floor = greater(floor, each.amount(book, picked(sums), earned))
    worst = 0.0 if terms.array is None else greater(greater(up, down), floor)
    on = OfUnits(book, terms.on.numbers, terms.on.liquidity, worst, earned)
    amounts = [floor, up, down]
    if terms.crowds is not None:
        charge, table = terms.crowds
        row, quantity, start, stop, _ = held
        losses_usd = np.full(start.size, worst, dtype=np.float64)
        costs = charge.costs_usd(table, row, quantity, start, stop, losses_usd)
        amounts.append(costs if isinstance(earned, np.ndarray) else costs.item())
    for charge, picked in terms.charges:
        amounts.append(charge.cost_usd(on, picked(sums)))
    amounts += terms.collateral(sums)
    rate, place = terms.net
    amounts.append(rate * greater(sums[place], -sums[place]))
    return amounts, worst
