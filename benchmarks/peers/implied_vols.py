"""Implied volatilities.

Arrays [N]: ``value``, ``forward``, ``strike``, ``tenor_years``, ``is_call``. The answer is [N].
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.peers.prepared import Arrays, Floats, Peers, Prepared

# Of a larger job QuantLib, called one by one, does the first part.
ONE_BY_ONE = 50_000


def _by_library(given: Arrays, invert: Callable[..., Floats]) -> Prepared:
    flag = np.where(given["is_call"], "c", "p")
    columns = (given["value"], given["forward"], given["strike"], 0.0, given["tenor_years"], flag)
    return Prepared(lambda: np.asarray(invert(*columns, return_as="numpy")).ravel())


def fast_vollib_numba(given: Arrays) -> Prepared:
    """fast-vollib's compiled backend."""
    from fast_vollib import fast_implied_volatility_black as invert

    return _by_library(given, lambda *columns, **words: invert(*columns, backend="numba", **words))


def py_vollib_vectorized(given: Arrays) -> Prepared:
    """py_vollib_vectorized as it is installed."""
    from py_vollib_vectorized.implied_volatility import vectorized_implied_volatility_black

    return _by_library(given, vectorized_implied_volatility_black)


def quantlib(given: Arrays) -> Prepared:
    """QuantLib's blackFormulaImpliedStdDevLiRS, option by option."""
    import QuantLib

    N = given["value"].size
    share = min(1.0, ONE_BY_ONE / N)
    part = slice(round(share * N))
    kinds = [QuantLib.Option.Call if c else QuantLib.Option.Put for c in given["is_call"][part]]
    names = ("strike", "forward", "value")
    rows = list(zip(kinds, *(given[name][part].tolist() for name in names), strict=True))
    root = np.sqrt(given["tenor_years"][part])
    invert = QuantLib.blackFormulaImpliedStdDevLiRS

    def run() -> Floats:
        sds = [invert(kind, K, F, v, 1.0, 0.0, 0.3, 1.0, 1e-12, 100) for kind, K, F, v in rows]
        return np.array(sds) / root

    return Prepared(run, share)


PEERS: Peers = {
    "fast-vollib, numba": fast_vollib_numba,
    "py_vollib_vectorized": py_vollib_vectorized,
    "QuantLib LiRS, loop": quantlib,
}
