"""Were there as many exceedances as promised? Tests of their number alone.

Sources: Kupiec (1995), "Techniques for verifying the accuracy of risk measurement models"; Basel
Committee (1996), "Supervisory framework for the use of backtesting"; Clopper and Pearson (1934).
"""

from __future__ import annotations

import math
from typing import Literal

import msgspec
import numpy as np

from seawall.basics.errors import BadNumber
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

# Likelihood ratios that agree to this are the same number computed in another order.
TIE_ABS = 1e-10
# Basel's add-on to the multiplier of 3 by number of exceedances in 250 at 99 %; from 10 on, 1.
BASEL_ADD_ONS = {5: 0.4, 6: 0.5, 7: 0.65, 8: 0.75, 9: 0.85}
BASEL_OBSERVATIONS, BASEL_RATE = 250, 0.01
# The zones begin where so many or fewer exceedances have this probability under a true model.
YELLOW_FROM, RED_FROM = 0.95, 0.9999

Zone = Literal["green", "yellow", "red"]


class TrafficLight(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The zone of a number of exceedances.

    ``cumulative`` is the probability of so many or fewer under a true model, ``type_one`` of so
    many or more; ``multiplier`` Basel's, None where its table (250 observations at 99 %) is silent.
    """

    exceedances: int
    observations: int
    zone: Zone
    cumulative: float
    type_one: float
    multiplier: float | None


def kupiec(exceeding: int, observations: int, rate: float) -> Outcome:
    """Kupiec's proportion of failures: LR = −2 ln(L(rate) / L(x/n)), chi-squared with one degree.

    Raises BadNumber for counts that are impossible and BadParameter for such a rate.
    """
    statistic = float(_ratios(exceeding, observations, rate)[0])
    return Outcome(
        test="Kupiec POF",
        hypothesis=f"exceedances come at a rate of {rate:.3%}",
        law="chi-squared, 1 degree of freedom",
        observations=observations,
        statistic=statistic,
        p_value=chi_squared(statistic, 1),
    )


def kupiec_exact(exceeding: int, observations: int, rate: float) -> Outcome:
    """Kupiec's statistic with its own distribution: the sum of binomial chances of counts that are
    at least as extreme by likelihood ratio. Raises as :func:`kupiec`.
    """
    statistic = float(_ratios(exceeding, observations, rate)[0])
    ratios = _ratios(np.arange(observations + 1), observations, rate)
    chances = binomial_chances(observations, rate)
    return Outcome(
        test="Kupiec POF, exact",
        hypothesis=f"exceedances come at a rate of {rate:.3%}",
        law="its own, from the binomial",
        observations=observations,
        statistic=statistic,
        p_value=min(1.0, math.fsum(chances[ratios >= statistic - TIE_ABS])),
    )


def binomial(exceeding: int, observations: int, rate: float) -> Outcome:
    """One-sided exact test: the chance of so many exceedances or more. Raises as :func:`kupiec`."""
    _require_counts(exceeding, observations, rate)
    at_least = 1.0 if exceeding == 0 else special.bdtrc(exceeding - 1, observations, rate)
    return Outcome(
        test="binomial, exact",
        hypothesis=f"exceedances come at a rate of at most {rate:.3%}",
        law=f"binomial, {observations} draws",
        observations=observations,
        statistic=float(exceeding),
        p_value=float(at_least),
    )


def tuff(hits: Hits, rate: float) -> Outcome:
    """Kupiec's time until first failure: LR = −2 ln(p (1−p)ⁿ⁻¹ / ((1/n)(1−1/n)ⁿ⁻¹)), n the
    observation of the first exceedance, counted from one; chi-squared with one degree.

    Raises PoorHistory for no observations and BadParameter for an impossible rate.
    """
    hits = as_hits(hits, "TUFF")
    require_rate(rate, "TUFF")
    words = {
        "test": "Kupiec TUFF",
        "hypothesis": f"the first exceedance comes as late as a rate of {rate:.3%} has it",
        "law": "chi-squared, 1 degree of freedom",
    }
    if not hits.any():
        return bare(**words, observations=hits.size, note="There is no exceedance yet.")
    first = int(np.argmax(hits)) + 1
    hoped = math.log(rate) + (first - 1) * math.log1p(-rate)
    free = -math.log(first) + ((first - 1) * math.log1p(-1.0 / first) if first > 1 else 0.0)
    statistic = max(0.0, -2.0 * (hoped - free))
    return Outcome(
        **words,
        observations=hits.size,
        statistic=statistic,
        p_value=chi_squared(statistic, 1),
        note=f"The first exceedance is observation {first}.",
    )


def traffic_light(exceeding: int, observations: int, rate: float) -> TrafficLight:
    """Basel's zones by the binomial: yellow from a cumulative chance of 95 %, red from 99.99 %.

    At 250 observations and 99 % that is 0-4, 5-9 and 10 or more. Raises as :func:`kupiec`.
    """
    _require_counts(exceeding, observations, rate)
    cumulative = float(special.bdtr(exceeding, observations, rate))
    type_one = 1.0 if exceeding == 0 else float(special.bdtrc(exceeding - 1, observations, rate))
    zone: Zone = "green" if cumulative < YELLOW_FROM else "yellow"
    if cumulative >= RED_FROM:
        zone = "red"
    multiplier = None
    if observations == BASEL_OBSERVATIONS and rate == BASEL_RATE:
        multiplier = 4.0 if zone == "red" else 3.0 + BASEL_ADD_ONS.get(exceeding, 0.0)
    return TrafficLight(
        exceedances=exceeding,
        observations=observations,
        zone=zone,
        cumulative=cumulative,
        type_one=type_one,
        multiplier=multiplier,
    )


def kupiec_region(observations: int, rate: float, level: float = 0.05) -> tuple[int, int] | None:
    """The least and the greatest number of exceedances that Kupiec's test does not reject.

    None if it rejects every number. Raises as :func:`kupiec`.
    """
    require_rate(level, "Kupiec region, level")
    ratios = _ratios(np.arange(observations + 1), observations, rate)
    kept = np.flatnonzero(special.chdtrc(1, ratios) >= level)
    return (int(kept[0]), int(kept[-1])) if kept.size else None


def clopper_pearson(
    exceeding: int, observations: int, confidence: float = 0.95
) -> tuple[float, float]:
    """The exact interval of the rate of exceedances, from quantiles of the beta distribution.

    Raises BadNumber for impossible counts and BadParameter for an impossible confidence.
    """
    _require_counts(exceeding, observations, confidence)
    tail = (1.0 - confidence) / 2.0
    left = observations - exceeding
    low = special.betaincinv(exceeding, left + 1, tail) if exceeding else 0.0
    high = special.betaincinv(exceeding + 1, left, 1.0 - tail) if left else 1.0
    return float(low), float(high)


def binomial_chances(observations: int, rate: float) -> Floats:
    """The probability of 0 to n exceedances; shape [n + 1]."""
    counts = np.arange(observations + 1.0)
    ways = special.gammaln(observations + 1.0) - special.gammaln(counts + 1.0)
    ways = ways - special.gammaln(observations - counts + 1.0)
    logs = ways + counts * math.log(rate) + (observations - counts) * math.log1p(-rate)
    return np.asarray(np.exp(logs), dtype=np.float64)


def likelihood(misses: Floats, hits: Floats, rate: Floats | float) -> Floats:
    """(misses) ln(1 − rate) + (hits) ln(rate), where nothing times ln 0 is nothing."""
    return np.asarray(
        special.xlog1py(misses, -np.asarray(rate)) + special.xlogy(hits, rate), dtype=np.float64
    )


def _ratios(exceeding: int | np.ndarray, observations: int, rate: float) -> Floats:
    _require_counts(int(np.max(exceeding)), observations, rate)
    hits = np.atleast_1d(np.asarray(exceeding, dtype=np.float64))
    misses = observations - hits
    free = likelihood(misses, hits, hits / observations)
    return np.maximum(0.0, -2.0 * (likelihood(misses, hits, rate) - free))


def _require_counts(exceeding: int, observations: int, rate: float) -> None:
    require_rate(rate, "count of exceedances")
    if not 0 <= exceeding <= observations or observations < 1:
        raise BadNumber(
            f"{exceeding} exceedances in {observations} observations",
            where="count of exceedances",
            remedy="Count at least one observation and no more exceedances than there are.",
        )
