"""Joint scenarios drawn by a Student t copula from margins of each underlying.

Every draw comes from a generator that the caller has seeded, so that a seed gives the same
scenarios again. docs/risk-measures.md tells the formulas and their sources.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from seawall.basics.arrays import freeze
from seawall.basics.errors import BadParameter
from seawall.risk.correlation import root_of
from seawall.risk.joint_moves import JointMoves, still
from seawall.risk.parametric import student_scale

Floats = NDArray[np.float64]


class Draws(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many paths, over how long, told at how many evenly spaced points.

    Raises BadParameter for numbers that are not above 0.
    """

    count: int = 10_000
    horizon_days: float = 1.0
    points: int = 1

    def __post_init__(self) -> None:
        if self.count < 1 or self.points < 1 or not 0.0 < self.horizon_days < math.inf:
            raise BadParameter(
                f"{self}", where="simulated scenarios", remedy="Give finite numbers above 0."
            )

    @property
    def days(self) -> Floats:
        """Days since the start at each point, shape [P]."""
        return self.horizon_days * np.arange(1, self.points + 1) / self.points


class StudentMargin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A logarithmic move a day: Student t about 0. ``daily_vol_rel`` is its standard deviation.

    Raises BadParameter for a deviation below 0, and for df of 2 or less.
    """

    daily_vol_rel: float
    df: float

    def __post_init__(self) -> None:
        student_scale(self.df)
        if not 0.0 <= self.daily_vol_rel < math.inf:
            raise BadParameter(
                f"a daily volatility of {self.daily_vol_rel}",
                where="margin of a copula",
                remedy="Give a finite share of at least 0.",
            )

    def quantile(self, below: Floats, above: Floats) -> Floats:
        """The move that has these probabilities on either side, shape as given.

        Of the two the lesser is read, so that both tails keep their digits.
        """
        from scipy.special import stdtrit

        lower = np.asarray(stdtrit(self.df, np.minimum(below, above)))
        return student_scale(self.df, self.daily_vol_rel) * np.where(below < above, lower, -lower)


@dataclass(frozen=True, slots=True)
class EmpiricalMargin:
    """A logarithmic move a day drawn from those seen, ``log_moves`` [n], read-only.

    Between two of them it is linear. Raises BadParameter for fewer than two, or one not finite.
    """

    log_moves: Floats

    def __post_init__(self) -> None:
        if self.log_moves.size < 2 or not np.isfinite(self.log_moves).all():
            raise BadParameter(
                "fewer than two moves, or one that is not finite",
                where="margin of a copula",
                remedy="Give the logarithmic daily moves of a longer history.",
            )
        freeze(self, self.log_moves.size)

    def quantile(self, below: Floats, above: Floats) -> Floats:
        """The move that has these probabilities on either side, shape as given."""
        ordered = np.sort(self.log_moves)
        levels = np.linspace(0.0, 1.0, ordered.size)
        # Probabilities near 1 keep their digits as distances from 1.
        falling = np.interp(above, levels, ordered[::-1])
        return np.where(below < above, np.interp(below, levels, ordered), falling)


Margin = StudentMargin | EmpiricalMargin


def t_copula_moves(
    rng: Generator,
    underlyings: tuple[str, ...],
    draws: Draws,
    *,
    correlation: Floats,
    df: float,
    prices: Sequence[Margin],
    vols: Sequence[Margin] = (),
) -> JointMoves:
    """Paths of U underlyings that are drawn together by a Student t copula.

    A path is a Brownian motion B with ``correlation`` over √(χ²_df/df), one for the whole path and
    all underlyings: at time t, B(t)/√t is multivariate t, and factor u moves by √t·Q_u(T_df(·)), Q
    the quantile of its margin a day. So every point has the copula and the margins that are asked
    for. ``vols`` are margins of the logarithmic move of at-the-money volatilities; with them
    ``correlation`` is [2U, 2U], prices first (:func:`with_volatilities`), else [U, U].

    Raises BadParameter for a matrix that is no correlation, df not above 0, and margins that do not
    belong to the underlyings. Source: Demarta and McNeil (2005), The t copula and related copulas.
    """
    from scipy.special import stdtr

    margins = (*prices, *vols)
    if len(prices) != len(underlyings) or len(vols) not in {0, len(underlyings)}:
        raise BadParameter(
            f"{len(prices)} margins of prices and {len(vols)} of volatilities for "
            f"{len(underlyings)} underlyings",
            where="t copula",
            remedy="Give one each, or none of volatilities.",
        )
    if not 0.0 < df < math.inf:
        raise BadParameter(
            f"{df} degrees of freedom", where="t copula", remedy="Give a finite number above 0."
        )
    root = root_of(correlation, len(margins))
    steps = rng.standard_normal((draws.count, draws.points, len(margins))) @ root.T
    mixing = np.sqrt(df / rng.chisquare(df, (draws.count, 1, 1)))
    walked = np.cumsum(steps, axis=1) / np.sqrt(np.arange(1.0, draws.points + 1.0))[:, None]
    below = np.asarray(stdtr(df, walked * mixing))
    above = np.asarray(stdtr(df, -walked * mixing))
    logs = np.empty(below.shape)
    for column, margin in enumerate(margins):
        a_day = margin.quantile(below[:, :, column], above[:, :, column])
        logs[:, :, column] = a_day * np.sqrt(draws.days)
    log_vol = logs[:, :, len(prices) :] if vols else None
    return simulated(underlyings, draws, logs[:, :, : len(prices)], log_vol)


def simulated(
    underlyings: tuple[str, ...], draws: Draws, log_price: Floats, log_vol: Floats | None = None
) -> JointMoves:
    """Equally likely scenarios of logarithmic moves since the start, [N, P, U].

    Funding and basis stay still, and volatility without moves of its own: all are named.
    """
    nothing = still(draws.count, draws.points, len(underlyings))
    kept = ("funding", "basis") if log_vol is not None else ("volatility", "funding", "basis")
    return JointMoves(
        underlyings=underlyings,
        price_rel=np.expm1(log_price),
        vol_rel=nothing if log_vol is None else np.expm1(log_vol),
        funding_rel=nothing,
        basis_per_year=nothing,
        elapsed_days=np.broadcast_to(draws.days, (draws.count, draws.points)),
        weights=np.full(draws.count, 1.0 / draws.count),
        unmoved=tuple(f"{factor} of {name}" for factor in kept for name in underlyings),
    )
