"""Joint scenarios of diffusion with jumps: Merton's and Kou's, exact at every point of the path.

Every draw comes from a generator that the caller has seeded. docs/risk-measures.md tells the
formulas and their sources.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from seawall.basics.errors import BadParameter
from seawall.basics.time import DAYS_PER_YEAR
from seawall.risk.correlation import root_of
from seawall.risk.joint_moves import JointMoves
from seawall.risk.monte_carlo import Draws, simulated

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


class MertonJumps(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="merton"
):
    """Jumps of a normal logarithm, ``jumps_per_year`` of them on average. Source: Merton (1976).

    Raises BadParameter for numbers that are not finite, and a rate or deviation below 0.
    """

    jumps_per_year: float
    log_mean: float
    log_deviation: float

    def __post_init__(self) -> None:
        sane = 0.0 <= self.jumps_per_year < math.inf and 0.0 <= self.log_deviation < math.inf
        _refuse(self, not (sane and math.isfinite(self.log_mean)))

    @property
    def mean_rel(self) -> float:
        """What a jump adds to the price on average, a share of it."""
        return math.expm1(self.log_mean + 0.5 * self.log_deviation**2)

    @property
    def up_share(self) -> float:
        """The share of jumps drawn as upward ones: none, as the normal has both sides."""
        return 0.0

    def sums(self, rng: Generator, up: Counts, down: Counts, normals: Floats) -> Floats:
        """Logarithms of so many jumps, which add up to a normal; shape as given."""
        count = up + down
        return count * self.log_mean + np.sqrt(count) * self.log_deviation * normals


class KouJumps(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="kou"):
    """Jumps of a double exponential logarithm: upward with probability ``up_share`` and mean
    1/``up_rate``, else downward with mean 1/``down_rate``. Source: Kou (2002).

    Raises BadParameter for numbers that are not finite, a rate of jumps below 0, a share that is
    none, ``up_rate`` of 1 or less, where the price has no mean, and ``down_rate`` not above 0.
    """

    jumps_per_year: float
    up_share: float
    up_rate: float
    down_rate: float

    def __post_init__(self) -> None:
        sane = 0.0 <= self.jumps_per_year < math.inf and 0.0 <= self.up_share <= 1.0
        _refuse(self, not (sane and 1.0 < self.up_rate < math.inf and self.down_rate > 0.0))

    @property
    def mean_rel(self) -> float:
        """What a jump adds to the price on average, a share of it."""
        up = self.up_share * self.up_rate / (self.up_rate - 1.0)
        return up + (1.0 - self.up_share) * self.down_rate / (self.down_rate + 1.0) - 1.0

    def sums(self, rng: Generator, up: Counts, down: Counts, normals: Floats) -> Floats:
        """Logarithms of so many jumps either way, each side adding up to a gamma; shape as given.

        The ``normals`` are of no use to it.
        """
        return rng.standard_gamma(up) / self.up_rate - rng.standard_gamma(down) / self.down_rate


Jumps = MertonJumps | KouJumps


def jump_diffusion_moves(
    rng: Generator,
    underlyings: tuple[str, ...],
    draws: Draws,
    *,
    vol_per_year: Floats,
    correlation: Floats,
    jumps: Sequence[Jumps],
    growth_per_year: float = 0.0,
    common_jumps: bool = False,
) -> JointMoves:
    """Paths of U underlyings that diffuse together and jump.

    log S moves by (growth − σ²/2 − λκ)·t + σ·B(t) + the jumps until t, with σ ``vol_per_year`` [U]
    of the diffusion alone, B correlated, λ jumps a year of mean κ: the mean of S is e^{growth·t}.
    Between two points the number of jumps is Poisson and their sum is drawn from its own law, so
    that nothing is lost between points but the path itself.

    With ``common_jumps`` all underlyings jump at once and, with Kou's, to the same side; Merton's
    jumps are then correlated as the diffusion is. They must agree on how often, and which side.
    Raises BadParameter where they do not, for numbers that do not belong to the underlyings, and a
    matrix that is no correlation.
    """
    size = len(underlyings)
    sane = vol_per_year.shape == (size,) and len(jumps) == size and math.isfinite(growth_per_year)
    if not (sane and bool(np.isfinite(vol_per_year).all()) and bool((vol_per_year >= 0.0).all())):
        raise BadParameter(
            f"{vol_per_year.shape} volatilities and {len(jumps)} laws of jumps",
            where=f"jump diffusion of {', '.join(underlyings)}",
            remedy="Give each underlying a finite volatility of at least 0 and a law of jumps.",
        )
    if common_jumps and len({(law.jumps_per_year, law.up_share) for law in jumps}) > 1:
        raise BadParameter(
            "common jumps of unlike rates or sides",
            where=f"jump diffusion of {', '.join(underlyings)}",
            remedy="Give all the same jumps_per_year and up_share, or let each jump by itself.",
        )
    root = root_of(correlation, size)
    step_years = draws.horizon_days / draws.points / DAYS_PER_YEAR
    shape = (draws.count, draws.points, size)
    logs = math.sqrt(step_years) * vol_per_year * (rng.standard_normal(shape) @ root.T)
    means = np.array([law.jumps_per_year * law.mean_rel for law in jumps])
    logs += (growth_per_year - 0.5 * np.square(vol_per_year) - means) * step_years
    normals = rng.standard_normal(shape)
    if common_jumps:
        normals = normals @ root.T
    up = down = np.empty(0, dtype=np.int64)
    for column, law in enumerate(jumps):
        if column == 0 or not common_jumps:
            count = rng.poisson(law.jumps_per_year * step_years, shape[:2])
            up = rng.binomial(count, law.up_share)
            down = count - up
        logs[:, :, column] += law.sums(rng, up, down, normals[:, :, column])
    return simulated(underlyings, draws, np.cumsum(logs, axis=1))


def _refuse(law: Jumps, refused: bool) -> None:
    if refused:
        raise BadParameter(
            f"{law}",
            where="law of jumps",
            remedy="Give finite numbers: a rate and a deviation of at least 0, a share from 0 to "
            "1, up_rate above 1 and down_rate above 0.",
        )
