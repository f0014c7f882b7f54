"""Implied volatilities of many options beside peers, and their error."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.environments import VOLLIB
from benchmarks.frame import Effort, Job, Ours, largest_difference, measure, peer
from benchmarks.record import Section
from benchmarks.sections.risk_arrays import FORWARD, VECTORIZED, Arrays
from seawall.pricing import black76

KEY, OURS, ERROR = "implied vol", "seawall", "largest error of ours"


def quotes(N: int, seed: int = 8) -> Arrays:
    """Values of N options out of the money, within two deviations: their volatility is in them."""
    rng = np.random.default_rng(seed)
    vol, tenor = rng.uniform(0.2, 1.5, N), rng.uniform(0.02, 2.0, N)
    strike = FORWARD * np.exp(rng.uniform(-2.0, 2.0, N) * vol * np.sqrt(tenor))
    given: Arrays = {
        "forward": np.full(N, FORWARD),
        "strike": strike,
        "tenor_years": tenor,
        "is_call": strike >= FORWARD,
    }
    value = black76.price(given["forward"], strike, vol, tenor, given["is_call"])
    return {**given, "value": value, "vol": vol}


def sections(effort: Effort) -> list[Section]:
    """One section: nanoseconds per option; beside it the largest error of each."""
    N = 1_000 if effort.quick else 100_000
    given = quotes(N)
    true = given.pop("vol")
    job = Job(
        key=KEY,
        title=f"implied volatility, {N:,} options",
        unit="ns per option",
        scale=1e9 / N,
        tolerance=1e-8,
    )
    columns = [given[k] for k in ("value", "forward", "strike", "tenor_years", "is_call")]
    ours = Ours(OURS, lambda: black76.implied_vol(*columns).sigma)
    peers = [
        peer("fast-vollib, numba", "implied_vols", effort),
        peer("QuantLib LiRS, loop", "implied_vols", effort),
        peer(VECTORIZED, "implied_vols", effort, VOLLIB),
    ]
    section = measure(job, [ours, *peers], given, effort)
    error = largest_difference(black76.implied_vol(*columns).sigma, true)
    return [replace(section, facts={ERROR: error})]
