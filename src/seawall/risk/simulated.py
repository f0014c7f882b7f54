"""Paths drawn from numbers alone: Student-t factors, common jumps, volatility that goes along.

Every underlying is drawn by its own name from a seed, and what it shares with others by the name of
the factor: so its paths are the same whoever holds what. Formulas: docs/models/mc-es.md.
"""

from __future__ import annotations

import math
from functools import lru_cache

import msgspec
import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import BadParameter
from seawall.basics.time import DAYS_PER_YEAR
from seawall.risk.paths import Paths, PathTail
from seawall.risk.scenarios import ScenarioSet
from seawall.risk.vol_laws import require

Floats = NDArray[np.float64]


class Loading(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How closely the underlyings of a class go with a factor: ``loading``, a correlation.

    Raises BadParameter unless it is between 0 and 1.
    """

    of_class: str
    factor: str
    loading: float

    def __post_init__(self) -> None:
        require(0.0 <= self.loading <= 1.0, f"a loading of {self.loading}", "simulation.loadings")


class Jumps(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Jumps that all underlyings make at once, ``per_year`` of them on average.

    A jump of the logarithm of the price is normal, of ``mean_sd`` and ``sd_sd`` in daily
    volatilities of the underlying, the same draw for all; each multiplies volatilities by
    1 + ``vol_rel``. Source: Merton (1976). Raises BadParameter for a number out of its range.
    """

    per_year: float
    mean_sd: float
    sd_sd: float
    vol_rel: float

    def __post_init__(self) -> None:
        sane = (
            0.0 <= self.per_year < 10_000.0
            and math.isfinite(self.mean_sd)
            and 0.0 <= self.sd_sd < 100.0
            and -1.0 < self.vol_rel < 100.0
        )
        require(sane, "jumps with an impossible number", "simulation.jumps")


class Simulation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What paths are drawn from.

    ``count`` paths of ``points`` steps over ``horizon_days``; ``degrees_of_freedom`` of the
    Student-t that all factors share, scaled to the volatility of the class; ``factor_correlation``
    between any two factors. A volatility moves by ``daily_vol_of_vol_rel`` a day, with
    ``price_vol_correlation`` to its own price and the rest to its factor. Raises BadParameter for
    a number out of its range.
    """

    seed: int
    count: int
    points: int
    horizon_days: float
    degrees_of_freedom: float
    factor_correlation: float
    loadings: tuple[Loading, ...]
    jumps: Jumps
    daily_vol_of_vol_rel: float
    price_vol_correlation: float

    def __post_init__(self) -> None:
        sane = (
            self.seed >= 0
            and 100 <= self.count <= 1_000_000
            and 1 <= self.points <= 1_000
            and 0.0 < self.horizon_days <= 366.0
            and 2.0 < self.degrees_of_freedom <= 1_000.0
            and 0.0 <= self.factor_correlation <= 1.0
            and 0.0 <= self.daily_vol_of_vol_rel < 10.0
            and -1.0 <= self.price_vol_correlation <= 1.0
        )
        require(sane, "a simulation with an impossible number", "simulation")
        classes = [each.of_class for each in self.loadings]
        require(len(set(classes)) == len(classes), "a class loaded twice", "simulation.loadings")

    def loading_of(self, class_name: str) -> Loading:
        """The loading of a class. Raises BadParameter where it has none."""
        for each in self.loadings:
            if each.of_class == class_name:
                return each
        raise BadParameter(
            f"no loading of class {class_name}",
            where="scenarios.simulation.loadings",
            remedy=f"Add that of {class_name} to it.",
        )


@lru_cache(maxsize=64)
def simulated_paths(
    simulation: Simulation, loading: Loading, underlying: str, daily_vol_rel: float, tail: PathTail
) -> ScenarioSet:
    """The paths of one underlying with that volatility a day.

    Per step Δ of days: Δ ln S = σ√Δ·√((ν − 2)/W)·(ℓ·F + √(1 − ℓ²)·ε) + σ·J, W ~ χ²_ν one for a
    whole path and all underlyings; F = √c·M + √(1 − c)·G of the factor; J = K·mean + √K·sd·Z of
    K ~ Poisson common jumps. Mean-free but for the jumps. Source: docs/models/mc-es.md.
    """
    count, points = simulation.count, simulation.points
    shape = (count, points)
    days = simulation.horizon_days / points
    common, factor, own = (
        np.random.Generator(np.random.PCG64([simulation.seed, *name.encode()]))
        for name in ("market", f"factor {loading.factor}", f"underlying {underlying}")
    )
    freedom = simulation.degrees_of_freedom
    stretch = np.sqrt((freedom - 2.0) / common.chisquare(freedom, count))[:, None]
    market = common.standard_normal(shape)
    jumps = common.poisson(simulation.jumps.per_year / DAYS_PER_YEAR * days, shape)
    size = jumps * simulation.jumps.mean_sd + np.sqrt(jumps) * simulation.jumps.sd_sd * (
        common.standard_normal(shape)
    )
    shared = simulation.factor_correlation
    along = math.sqrt(shared) * market + math.sqrt(1.0 - shared) * factor.standard_normal(shape)
    beta = loading.loading
    price = beta * along + math.sqrt(1.0 - beta * beta) * own.standard_normal(shape)
    log_price = np.cumsum(daily_vol_rel * (math.sqrt(days) * stretch * price + size), axis=1)
    rho = simulation.price_vol_correlation
    vol = rho * price + math.sqrt(1.0 - rho * rho) * factor.standard_normal(shape)
    log_vol = np.cumsum(
        simulation.daily_vol_of_vol_rel * math.sqrt(days) * stretch * vol
        + jumps * math.log1p(simulation.jumps.vol_rel),
        axis=1,
    )
    paths = Paths(points=points, weights=np.full(count, 1.0 / count), tail=tail)
    return ScenarioSet.of_paths(np.expm1(log_price), np.expm1(log_vol), paths)
