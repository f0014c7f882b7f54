"""Do exceedances come one by one, or in clusters? Tests of their order.

Source: Christoffersen (1998), "Evaluating interval forecasts". The exact distributions are summed
over every possible table of transitions, which the runs of a sequence determine.
"""

from __future__ import annotations

import math

import msgspec
import numpy as np

from seawall.basics.errors import BadParameter
from seawall.lab.backtest.counts import TIE_ABS, kupiec, likelihood
from seawall.lab.backtest.outcomes import (
    Floats,
    Hits,
    Outcome,
    as_hits,
    bare,
    chi_squared,
    require_rate,
    special,
)

# The tables grow with the square: these take 0.1 GB, and beyond chi-squared serves as well.
MOST_EXACT = 1_000


class Transitions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often what followed what: ``n01`` is no exceedance, then one."""

    n00: int
    n01: int
    n10: int
    n11: int


def transitions(hits: Hits) -> Transitions:
    """The counts of each pair of neighbours. Raises PoorHistory for no observations."""
    hits = as_hits(hits, "transitions")
    before, after = hits[:-1], hits[1:]
    return Transitions(
        n00=int(np.sum(~before & ~after)),
        n01=int(np.sum(~before & after)),
        n10=int(np.sum(before & ~after)),
        n11=int(np.sum(before & after)),
    )


def independence(counts: Transitions) -> Outcome:
    """Christoffersen's independence: the chance of an exceedance does not depend on the last one.

    LR = −2 ln(L(π) / L(π01, π11)), π from all transitions; chi-squared with one degree.
    """
    pairs = counts.n00 + counts.n01 + counts.n10 + counts.n11
    words = {
        "test": "Christoffersen independence",
        "hypothesis": "an exceedance is no likelier after another",
        "law": "chi-squared, 1 degree of freedom",
    }
    if counts.n01 + counts.n10 + counts.n11 == 0:
        return bare(**words, observations=pairs + 1, note="There is no exceedance to depend on.")
    statistic = float(_ratios(_table(counts))[0])
    return Outcome(
        **words,
        observations=pairs + 1,
        statistic=statistic,
        p_value=chi_squared(statistic, 1),
    )


def conditional_coverage(hits: Hits, rate: float) -> Outcome:
    """Christoffersen's conditional coverage: Kupiec's ratio of all observations plus that of
    independence; chi-squared with two degrees.

    Raises PoorHistory for no observations and BadParameter for an impossible rate.
    """
    hits = as_hits(hits, "conditional coverage")
    statistic = _coverage_ratio(hits, rate)
    return Outcome(
        test="Christoffersen conditional coverage",
        hypothesis=f"exceedances come one by one at a rate of {rate:.3%}",
        law="chi-squared, 2 degrees of freedom",
        observations=hits.size,
        statistic=statistic,
        p_value=chi_squared(statistic, 2),
    )


def independence_exact(hits: Hits, rate: float) -> Outcome:
    """Christoffersen's independence with its own distribution under independent exceedances of the
    promised rate: the chance of every sequence whose ratio is at least as great.

    Raises as :func:`conditional_coverage`, and BadParameter beyond ``MOST_EXACT`` observations.
    """
    hits = as_hits(hits, "independence")
    statistic = float(_ratios(_table(transitions(hits)))[0])
    tables, _, chances = _every_table(hits.size, rate)
    return Outcome(
        test="Christoffersen independence, exact",
        hypothesis="an exceedance is no likelier after another",
        law=f"its own, from sequences at a rate of {rate:.3%}",
        observations=hits.size,
        statistic=statistic,
        p_value=_tail(chances, _ratios(tables), statistic),
    )


def conditional_coverage_exact(hits: Hits, rate: float) -> Outcome:
    """Conditional coverage with its own distribution. Raises as :func:`independence_exact`."""
    hits = as_hits(hits, "conditional coverage")
    statistic = _coverage_ratio(hits, rate)
    tables, totals, chances = _every_table(hits.size, rate)
    by_count = np.array(
        [kupiec(count, hits.size, rate).statistic for count in range(hits.size + 1)]
    )
    ratios = _ratios(tables) + by_count[totals]
    return Outcome(
        test="Christoffersen conditional coverage, exact",
        hypothesis=f"exceedances come one by one at a rate of {rate:.3%}",
        law=f"its own, from sequences at a rate of {rate:.3%}",
        observations=hits.size,
        statistic=statistic,
        p_value=_tail(chances, ratios, statistic),
    )


def _coverage_ratio(hits: Hits, rate: float) -> float:
    counted = kupiec(int(hits.sum()), hits.size, rate).statistic or 0.0
    return counted + float(_ratios(_table(transitions(hits)))[0])


def _tail(chances: Floats, ratios: Floats, statistic: float) -> float:
    return min(1.0, math.fsum(chances[ratios >= statistic - TIE_ABS]))


def _table(counts: Transitions) -> Floats:
    return np.array([[counts.n00, counts.n01, counts.n10, counts.n11]], dtype=np.float64)


def _ratios(tables: Floats) -> Floats:
    """The likelihood ratio of each row of n00, n01, n10, n11; a row never visited tells nothing."""
    n00, n01, n10, n11 = tables.T
    together = likelihood(n00 + n10, n01 + n11, _share(n01 + n11, n00 + n01 + n10 + n11))
    apart = likelihood(n00, n01, _share(n01, n00 + n01))
    apart = apart + likelihood(n10, n11, _share(n11, n10 + n11))
    return np.maximum(0.0, -2.0 * (together - apart))


def _share(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0.0)


def _every_table(observations: int, rate: float) -> tuple[Floats, np.ndarray, Floats]:
    """Every table of transitions, its number of exceedances, and its chance.

    A sequence that begins with f, ends with l (each 0 or 1) and has r runs of exceedances has
    r − f transitions into and r − l out of them. x exceedances fall into r runs in C(x−1, r−1)
    ways, and the z others into r + 1 − f − l runs likewise.
    """
    require_rate(rate, "exact distribution")
    if observations > MOST_EXACT:
        raise BadParameter(
            f"{observations} observations, more than {MOST_EXACT:,}",
            where="exact distribution of transitions",
            remedy="Use the chi-squared test, which is accurate for so many.",
        )
    hit, runs = (grid.ravel() for grid in np.mgrid[1:observations, 1:observations])
    hit, runs = hit[runs <= hit], runs[runs <= hit]
    rows: list[Floats] = [np.array([[observations - 1, 0, 0, 0], [0, 0, 0, observations - 1]])]
    totals, ways = [np.array([0, observations])], [np.zeros(2)]
    for first in (0, 1):
        for last in (0, 1):
            others, gaps = observations - hit, runs + 1 - first - last
            fits = (gaps >= 1) & (gaps <= others)
            x, r, z, s = hit[fits], runs[fits], others[fits], gaps[fits]
            rows.append(np.column_stack([z - s, r - first, r - last, x - r]))
            totals.append(x)
            ways.append(_log_choose(x - 1, r - 1) + _log_choose(z - 1, s - 1))
    total = np.concatenate(totals)
    logs = np.concatenate(ways) + likelihood(observations - total, total, rate)
    return np.concatenate(rows).astype(np.float64), total, np.exp(logs)


def _log_choose(whole: np.ndarray, part: np.ndarray) -> Floats:
    return (
        special.gammaln(whole + 1.0)
        - special.gammaln(part + 1.0)
        - special.gammaln(whole - part + 1.0)
    )
