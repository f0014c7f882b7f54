"""J1: risk arrays, options × scenarios, beside peers; their error and bits."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.environments import ROOT, VOLLIB
from benchmarks.frame import (
    Effort,
    Floats,
    Job,
    NotPresent,
    Ours,
    largest_difference,
    measure,
    peer,
    saved,
)
from benchmarks.record import Section
from seawall.kernels.revalue import CALL_KIND, revalue

KEY, OURS = "risk arrays", "seawall"
BROADCAST, FAST_VOLLIB, VECTORIZED = (
    "numpy + scipy, broadcast",
    "fast-vollib, numba",
    "py_vollib_vectorized",
)
ERROR = "largest error over the price"
OTHER_BITS = "processors with other bits, of AVX2 with FMA and of neither"
# What LLVM calls the first of Intel's processors with AVX2, and one before AVX and FMA.
PROCESSORS = ("haswell", "nehalem")
FORWARD = 100_000.0
VOL_FACTORS = (0.7, 1.0, 1.4)
# Of the price, in which unit errors are told.
TOLERANCE_REL = 1e-10

Arrays = dict[str, NDArray[Any]]


def options(M: int, S: int, seed: int = 7) -> Arrays:
    """M options of one forward, from a week to a year and a half; S scenarios: moves × 3 vols."""
    rng = np.random.default_rng(seed)
    cells = np.arange(S)
    return {
        "forward": np.array([FORWARD]),
        "strike": FORWARD * np.exp(rng.normal(0.0, 0.3, M)),
        "vol": rng.uniform(0.3, 1.2, M),
        "tenor_years": rng.uniform(0.02, 1.5, M),
        "is_call": rng.random(M) < 0.5,
        "price_rel": np.linspace(-0.5, 0.5, -(-S // 3))[cells // 3],
        "vol_factor": np.array(VOL_FACTORS)[cells % 3],
        "vol_index": 1 + cells % 3,
    }


def profits(given: Arrays) -> Callable[[], Floats]:
    """The kernel, its columns prepared: profit of one unit, [M, S]."""
    M, S = given["strike"].size, given["price_rel"].size
    none, no = np.zeros(M), np.zeros(M, dtype=np.bool_)
    vol = np.ascontiguousarray(given["vol"][:, None] * np.array([1.0, *VOL_FACTORS]))
    columns = (
        np.where(given["is_call"], CALL_KIND, CALL_KIND + 1),
        no,
        no,
        np.full(M, FORWARD),
        none,
        given["strike"],
        np.ones(M),
        none,
        vol,
        np.ascontiguousarray(given["tenor_years"][:, None]),
        np.ones((M, 1)),
        np.zeros((M, 1), dtype=np.bool_),
        given["price_rel"],
        given["vol_index"],
    )
    out = np.empty((M, S))

    def run() -> Floats:
        revalue(*columns, out)
        return out

    return run


def job(M: int, S: int) -> Job:
    """The measurement of one array."""
    return Job(
        key=KEY,
        title=f"J1 risk arrays, {M:,} options x {S} scenarios",
        unit="ns per option and scenario",
        scale=1e9 / (M * S),
        tolerance=TOLERANCE_REL * FORWARD,
    )


def sections(effort: Effort) -> list[Section]:
    """One section: nanoseconds per option and scenario."""
    M, S = (100, 69) if effort.quick else (5_000, 69)
    given = options(M, S)
    peers = [
        peer(name, "risk_arrays", effort)
        for name in (
            BROADCAST,
            "numpy + scipy, separable logs",
            "numba, plain loops",
            "torch",
            FAST_VOLLIB,
            "fast-vollib, numpy",
            "QuantLib blackFormula, loop",
        )
    ]
    peers.append(peer(VECTORIZED, "risk_arrays", effort, VOLLIB))
    section = measure(job(M, S), [Ours(OURS, profits(given)), *peers], given, effort)
    return [replace(section, facts={**_error(effort), **({} if effort.quick else _other_bits())})]


def _error(effort: Effort) -> dict[str, float]:
    """Our largest error against arithmetic of 50 digits, over the price; none without mpmath."""
    given = options(5 if effort.quick else 200, 69, seed=3)
    exact = peer("mpmath, 50 digits", "risk_arrays", effort)
    try:
        with saved(given) as folder:
            answer, _ = exact.prepare(folder)
    except NotPresent:
        return {}
    finally:
        exact.close()
    return {ERROR: largest_difference(profits(given)(), answer) / FORWARD}


def _other_bits() -> dict[str, float]:
    """How many kinds of processor give other bits than this one; none where they are unlike it."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return {}
    here = bits_as("")
    return {OTHER_BITS: float(sum(bits_as(processor) != here for processor in PROCESSORS))}


def bits_as(processor: str) -> str:
    """A digest of the bits that kernels compiled for a processor give; for this one where empty."""
    as_if = {"NUMBA_CPU_NAME": processor, "NUMBA_CPU_FEATURES": ""} if processor else {}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.bits"],
        cwd=ROOT,
        env={**os.environ, **as_if},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()
