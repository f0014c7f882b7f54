"""Tests of backtests as the papers write them: one observation at a time, no arrays."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence


def weighted_log(count: float, chance: float) -> float:
    return count * math.log(chance) if count else 0.0


def kupiec(exceeding: int, observations: int, rate: float) -> float:
    missing, share = observations - exceeding, exceeding / observations
    hoped = weighted_log(missing, 1.0 - rate) + weighted_log(exceeding, rate)
    free = weighted_log(missing, 1.0 - share) + weighted_log(exceeding, share)
    return max(0.0, 2.0 * (free - hoped))


def transitions(hits: Sequence[bool]) -> dict[tuple[bool, bool], int]:
    table = dict.fromkeys(itertools.product((False, True), repeat=2), 0)
    for pair in itertools.pairwise(hits):
        table[pair] += 1
    return table


def independence(hits: Sequence[bool]) -> float:
    table = transitions(hits)
    after = {end: table[False, end] + table[True, end] for end in (False, True)}
    whole = sum(after.values())
    together = sum(weighted_log(n, n / whole) for n in after.values()) if whole else 0.0
    apart = 0.0
    for begin in (False, True):
        row = [table[begin, False], table[begin, True]]
        apart += sum(weighted_log(n, n / sum(row)) for n in row) if sum(row) else 0.0
    return max(0.0, 2.0 * (apart - together))


def exact_p_values(hits: Sequence[bool], rate: float) -> tuple[float, float]:
    """Of independence and of conditional coverage: every sequence of that length, one by one."""
    size = len(hits)
    order = independence(hits)
    both = order + kupiec(sum(hits), size, rate)
    of_order, of_both = [], []
    for sequence in itertools.product((False, True), repeat=size):
        chance = rate ** sum(sequence) * (1.0 - rate) ** (size - sum(sequence))
        ratio = independence(sequence)
        if ratio >= order - 1e-9:
            of_order.append(chance)
        if ratio + kupiec(sum(sequence), size, rate) >= both - 1e-9:
            of_both.append(chance)
    return math.fsum(of_order), math.fsum(of_both)


def weibull_log_likelihood(hits: Sequence[bool], shape: float) -> float:
    """Durations one by one, the first and the last censored unless a hit ends them."""
    lengths, since = [], 0
    for hit in hits:
        since += 1
        if hit:
            lengths.append((since, True))
            since = 0
    if since:
        lengths.append((since, False))
    if hits[0] is False or not hits[0]:
        lengths[0] = (lengths[0][0], False)
    else:
        # A hit at once ends no duration: nobody knows when the one before it was.
        lengths.pop(0)
    ended = sum(known for _, known in lengths)
    scale = (ended / sum(d**shape for d, _ in lengths)) ** (1.0 / shape)
    total = 0.0
    for d, known in lengths:
        survival = -((scale * d) ** shape)
        hazard = shape * math.log(scale) + math.log(shape) + (shape - 1.0) * math.log(d)
        total += survival + (hazard if known else 0.0)
    return total


def e_process(
    losses: Sequence[float], var: Sequence[float], es: Sequence[float], rate: float, betting: str
) -> list[float]:
    """Money after each loss, betting on what is known before it."""
    money, path = 1.0, []
    for t, loss in enumerate(losses):
        past = [
            max(losses[s] - var[u], 0.0) / (rate * (es[u] - var[u])) - 1.0
            for s in range(t)
            for u in ((s,) if betting == "gree" else (t,))
        ]
        squares = sum(e * e for e in past)
        bet = min(0.5, max(0.0, sum(past) / squares)) if squares else 0.0
        value = max(loss - var[t], 0.0) / (rate * (es[t] - var[t]))
        money *= 1.0 - bet + bet * value
        path.append(money)
    return path


def effective_observations(hits: Sequence[bool], rate: float, steps: int, flat: bool) -> float:
    size, mean = len(hits), sum(hits) / len(hits)
    if sum(hits) < 2:
        return max(1.0, size / steps)
    spread = rate * (1.0 - rate)
    for lag in range(1, min(steps, size)):
        products = [(hits[t] - mean) * (hits[t - lag] - mean) for t in range(lag, size)]
        spread += 2.0 * (1.0 if flat else 1.0 - lag / steps) * sum(products) / size
    return size * rate * (1.0 - rate) / max(spread, rate * (1.0 - rate))
