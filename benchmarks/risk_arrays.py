"""One risk array by our kernel and by its peers: same options, scenarios, volatilities."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import QuantLib
from numpy.typing import NDArray
from scipy.special import ndtr

from seawall.kernels.revalue import CALL_KIND, revalue

OPTIONS, SCENARIOS = 1_600, 78
FORWARD = 100_000.0

Floats = NDArray[np.float64]


def peers() -> dict[str, Callable[[], object]]:
    """Ours first. The peers value the options; ours also subtracts the value now."""
    rng = np.random.default_rng(7)
    strike = FORWARD * np.exp(rng.normal(0.0, 0.3, OPTIONS))
    vol = rng.uniform(0.3, 1.2, OPTIONS)
    tenor = rng.uniform(0.02, 1.5, OPTIONS)
    is_call = rng.random(OPTIONS) < 0.5
    move = np.linspace(-0.5, 1.0, SCENARIOS)
    return {
        "seawall": lambda: _ours(strike, vol, tenor, is_call, move),
        "numpy + scipy, broadcast": lambda: _numpy(strike, vol, tenor, is_call, move),
        "QuantLib blackFormula, loop": lambda: _quantlib(strike, vol, tenor, is_call, move),
    }


def _ours(
    strike: Floats, vol: Floats, tenor: Floats, is_call: NDArray[np.bool_], move: Floats
) -> Floats:
    out = np.empty((OPTIONS, SCENARIOS))
    revalue(
        np.where(is_call, CALL_KIND, CALL_KIND + 1),
        np.zeros(OPTIONS, dtype=np.bool_),
        np.zeros(OPTIONS, dtype=np.bool_),
        np.full(OPTIONS, FORWARD),
        np.zeros(OPTIONS),
        strike,
        np.ones(OPTIONS),
        np.zeros(OPTIONS),
        np.ascontiguousarray(vol[:, None]),
        np.ascontiguousarray(tenor[:, None]),
        np.ones((OPTIONS, 1)),
        np.zeros((OPTIONS, 1), dtype=np.bool_),
        move,
        np.zeros(SCENARIOS, dtype=np.int64),
        out,
    )
    return out


def _numpy(
    strike: Floats, vol: Floats, tenor: Floats, is_call: NDArray[np.bool_], move: Floats
) -> Floats:
    forward = FORWARD * (1.0 + move)[None, :]
    sd = (vol * np.sqrt(tenor))[:, None]
    d1 = np.log(forward / strike[:, None]) / sd + 0.5 * sd
    sign = np.where(is_call, 1.0, -1.0)[:, None]
    return sign * (forward * ndtr(sign * d1) - strike[:, None] * ndtr(sign * (d1 - sd)))


def _quantlib(
    strike: Floats, vol: Floats, tenor: Floats, is_call: NDArray[np.bool_], move: Floats
) -> list[list[float]]:
    forwards = (FORWARD * (1.0 + move)).tolist()
    rows = zip(strike.tolist(), (vol * np.sqrt(tenor)).tolist(), is_call.tolist(), strict=True)
    return [
        [
            QuantLib.blackFormula(QuantLib.Option.Call if call else QuantLib.Option.Put, k, f, sd)
            for f in forwards
        ]
        for k, sd, call in rows
    ]
