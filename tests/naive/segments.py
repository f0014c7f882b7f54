"""Segments of many accounts as loops over one account at a time."""

from __future__ import annotations

import math


def net(array, positions, earned_usd, price_rel):
    """Profit [instant][cell] of (row, quantity) positions and of coins earned."""
    rows = []
    for i in range(len(array[0])):
        row = []
        for w, move in enumerate(price_rel):
            profit = 0.0
            for place, quantity in positions:
                profit += quantity * array[place][i][w]
            row.append(profit + earned_usd * move)
        rows.append(row)
    return rows


def counted(vector, damping):
    """Each cell at its worst instant, damped."""
    return [factor * min(row[w] for row in vector) for w, factor in enumerate(damping)]


def reduced(cells, kind, inside, k):
    """One reduction: 0 the least, 1 the k-th least, 2 the mean of the k least."""
    ranked = sorted(value for value, flag in zip(cells, inside, strict=True) if flag)
    if kind == 0:
        return ranked[0]
    if kind == 1:
        return ranked[k - 1]
    return math.fsum(ranked[:k]) / k


def summed(long, short, positions):
    """Σ |quantity| · the figures of the side that each position is on."""
    total = [0.0] * len(long[0])
    for place, quantity in positions:
        side = long if quantity > 0.0 else short
        for j, figure in enumerate(side[place]):
            total[j] += abs(quantity) * figure
    return total
