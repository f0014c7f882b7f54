"""Risk arrays: B(F·(1 + move), K, σ·factor, T) − B(F, K, σ, T) for options × scenarios.

Arrays: ``forward`` [1]; ``strike``, ``vol``, ``tenor_years``, ``is_call`` [M]; ``price_rel``,
``vol_factor`` [S]. The answer has shape [M, S].
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from benchmarks.peers.prepared import Arrays, Floats, Peers, Prepared


def numpy_broadcast(given: Arrays) -> Prepared:
    """The formula as it is written, over the whole table."""
    from scipy.special import ndtr

    strike, call = given["strike"][:, None], given["is_call"][:, None]
    root = np.sqrt(given["tenor_years"])[:, None]
    sign = np.where(call, 1.0, -1.0)

    def value(forward: Floats, vol: Floats) -> Floats:
        sd = vol * root
        d1 = np.log(forward / strike) / sd + 0.5 * sd
        return sign * (forward * ndtr(sign * d1) - strike * ndtr(sign * (d1 - sd)))

    vol, forward = given["vol"][:, None], given["forward"]

    def run() -> Floats:
        moved = value(forward * (1.0 + given["price_rel"]), vol * given["vol_factor"])
        return moved - value(forward, vol)

    return Prepared(run)


def numpy_separable(given: Arrays) -> Prepared:
    """ln(F(1 + x)/K) = ln(F/K) + ln(1 + x): a logarithm an option and one a scenario."""
    from scipy.special import ndtr

    strike, vol = given["strike"][:, None], given["vol"][:, None]
    sign = np.where(given["is_call"], 1.0, -1.0)[:, None]
    root, F = np.sqrt(given["tenor_years"])[:, None], float(given["forward"][0])

    def run() -> Floats:
        moneyness, sd = np.log(F / strike), vol * root
        now = sign * (
            F * ndtr(sign * (moneyness / sd + 0.5 * sd))
            - strike * ndtr(sign * (moneyness / sd - 0.5 * sd))
        )
        sd = sd * given["vol_factor"]
        d1 = (moneyness + np.log1p(given["price_rel"])) / sd
        d1 += 0.5 * sd
        d2 = d1 - sd
        d1 *= sign
        d2 *= sign
        out = ndtr(d1, out=d1)
        out *= F * (1.0 + given["price_rel"])
        second = ndtr(d2, out=d2)
        second *= strike
        out -= second
        out *= sign
        out -= now
        return out

    return Prepared(run)


def numba_loop(given: Arrays) -> Prepared:
    """Two loops over the formula, compiled as they stand."""
    from numba import njit

    @njit
    def value(forward: float, strike: float, sd: float, call: bool) -> float:
        d1 = math.log(forward / strike) / sd + 0.5 * sd
        sign = 1.0 if call else -1.0
        upper = 0.5 * math.erfc(-sign * d1 / math.sqrt(2.0))
        lower = 0.5 * math.erfc(-sign * (d1 - sd) / math.sqrt(2.0))
        return sign * (forward * upper - strike * lower)

    @njit
    def table(forward, strike, vol, tenor_years, is_call, price_rel, vol_factor):
        out = np.empty((strike.size, price_rel.size))
        for i in range(strike.size):
            sd = vol[i] * math.sqrt(tenor_years[i])
            now = value(forward, strike[i], sd, is_call[i])
            for s in range(price_rel.size):
                moved = forward * (1.0 + price_rel[s])
                out[i, s] = value(moved, strike[i], sd * vol_factor[s], is_call[i]) - now
        return out

    names = ("strike", "vol", "tenor_years", "is_call", "price_rel", "vol_factor")
    columns = [given[name] for name in names]
    return Prepared(lambda: table(float(given["forward"][0]), *columns))


def quantlib(given: Arrays) -> Prepared:
    """QuantLib's blackFormula, called for each option and scenario."""
    import QuantLib

    F = float(given["forward"][0])
    moved = (F * (1.0 + given["price_rel"])).tolist()
    factors = given["vol_factor"].tolist()
    sd = (given["vol"] * np.sqrt(given["tenor_years"])).tolist()
    kinds = [QuantLib.Option.Call if c else QuantLib.Option.Put for c in given["is_call"]]
    rows = list(zip(kinds, given["strike"].tolist(), sd, strict=True))

    def row(kind: int, strike: float, sd: float) -> list[float]:
        black = QuantLib.blackFormula
        now = black(kind, strike, F, sd)
        cells = zip(moved, factors, strict=True)
        return [black(kind, strike, forward, sd * factor) - now for forward, factor in cells]

    return Prepared(lambda: np.array([row(*each) for each in rows]))


def torch(given: Arrays) -> Prepared:
    """torch's tensors on the processor, with separable logarithms."""
    import torch as library

    library.set_num_threads(1)
    tensor = {name: library.from_numpy(values) for name, values in given.items()}
    strike, vol, F = tensor["strike"][:, None], tensor["vol"][:, None], tensor["forward"]
    sign = library.where(tensor["is_call"], 1.0, -1.0).to(library.float64)[:, None]
    root = library.sqrt(tensor["tenor_years"])[:, None]
    ndtr = library.special.ndtr

    def run() -> Floats:
        moneyness, sd = library.log(F / strike), vol * root
        d1 = moneyness / sd + 0.5 * sd
        now = sign * (F * ndtr(sign * d1) - strike * ndtr(sign * (d1 - sd)))
        sd = sd * tensor["vol_factor"]
        d1 = (moneyness + library.log1p(tensor["price_rel"])).div_(sd).add_(sd, alpha=0.5)
        d2 = (d1 - sd).mul_(sign)
        out = ndtr(d1.mul_(sign)).mul_(F * (1.0 + tensor["price_rel"]))
        out.sub_(ndtr(d2).mul_(strike)).mul_(sign).sub_(now)
        return out.numpy()

    return Prepared(run)


def _by_library(given: Arrays, black: Callable[..., Floats]) -> Prepared:
    """A library's Black-76 on flat columns, once for today and once for options × scenarios."""
    M, S = given["strike"].size, given["price_rel"].size
    flag = np.where(given["is_call"], "c", "p")
    strike, tenor, vol = given["strike"], given["tenor_years"], given["vol"]
    wide = [np.repeat(values, S) for values in (flag, strike, tenor)]
    forward = np.tile(given["forward"] * (1.0 + given["price_rel"]), M)
    shocked = (vol[:, None] * given["vol_factor"]).ravel()
    F = np.full(M, given["forward"][0])

    def run() -> Floats:
        now = np.asarray(black(flag, F, strike, tenor, 0.0, vol)).reshape(M, 1)
        moved = black(wide[0], forward, wide[1], wide[2], 0.0, shocked)
        return np.asarray(moved).reshape(M, S) - now

    return Prepared(run)


def fast_vollib_numba(given: Arrays) -> Prepared:
    """fast-vollib's compiled backend."""
    from fast_vollib import fast_black

    return _by_library(
        given, lambda *columns: fast_black(*columns, return_as="numpy", backend="numba")
    )


def fast_vollib_numpy(given: Arrays) -> Prepared:
    """fast-vollib as it is installed: its numpy backend."""
    from fast_vollib import fast_black

    return _by_library(
        given, lambda *columns: fast_black(*columns, return_as="numpy", backend="numpy")
    )


def py_vollib_vectorized(given: Arrays) -> Prepared:
    """py_vollib_vectorized as it is installed."""
    from py_vollib_vectorized import vectorized_black

    return _by_library(given, lambda *columns: vectorized_black(*columns, return_as="numpy"))


def reference(given: Arrays) -> Prepared:
    """The same in arithmetic of 50 digits: the yardstick of errors, for inputs of few options."""
    from mpmath import erfc, log, mp, mpf, sqrt

    mp.dps = 50

    def value(forward: float, strike: float, sd: float, call: bool) -> float:
        d1 = log(forward / strike) / sd + sd / 2
        sign = 1 if call else -1
        upper, lower = (erfc(-sign * d / sqrt(mpf(2))) / 2 for d in (d1, d1 - sd))
        return sign * (forward * upper - strike * lower)

    def run() -> Floats:
        out = np.empty((given["strike"].size, given["price_rel"].size))
        F = mpf(float(given["forward"][0]))
        for i, call in enumerate(given["is_call"]):
            K, T = mpf(float(given["strike"][i])), mpf(float(given["tenor_years"][i]))
            sd = mpf(float(given["vol"][i])) * sqrt(T)
            now = value(F, K, sd, call)
            cells = zip(given["price_rel"].tolist(), given["vol_factor"].tolist(), strict=True)
            for s, (move, factor) in enumerate(cells):
                out[i, s] = value(F * (1 + mpf(move)), K, sd * mpf(factor), call) - now
        return out

    return Prepared(run)


PEERS: Peers = {
    "numpy + scipy, broadcast": numpy_broadcast,
    "numpy + scipy, separable logs": numpy_separable,
    "numba, plain loops": numba_loop,
    "fast-vollib, numba": fast_vollib_numba,
    "fast-vollib, numpy": fast_vollib_numpy,
    "py_vollib_vectorized": py_vollib_vectorized,
    "QuantLib blackFormula, loop": quantlib,
    "torch": torch,
    "mpmath, 50 digits": reference,
}
