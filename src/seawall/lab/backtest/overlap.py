"""Windows that overlap share what happened: exceedances then come in runs even of a true model.

A window of h steps that begins at every step shares h − 1 steps with the next. Counts are judged by
a long-run variance or by resampled blocks; tests of order by windows that do not overlap, of which
there are h interleaved series.

Sources: Hansen and Hodrick (1980), Newey and West (1987), Politis and Romano (1992, circular
blocks), Rüger (1978, twice the median of p-values).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import msgspec
import numpy as np

from seawall.basics.errors import BadParameter
from seawall.lab.backtest.outcomes import (
    Floats,
    Hits,
    Outcome,
    as_hits,
    bare,
    normal_cdf,
    require_rate,
)

Kernel = Literal["flat", "bartlett"]


def effective_observations(
    hits: Hits, rate: float, horizon_steps: int, *, kernel: Kernel = "flat"
) -> float:
    """How many independent observations tell as much: n p(1−p) / long-run variance, at most n.

    The variance is p(1−p) + 2 Σ w_j γ_j over j < h, γ_j the sample's autocovariance of hits.
    ``flat`` (Hansen-Hodrick) has w_j = 1: hits h steps apart share nothing, so no lag is missing.
    ``bartlett`` (Newey-West) has w_j = 1 − j/h, which leaves some of the dependence out. It is
    never taken to be below p(1−p), that of independent hits. Fewer than two hits tell nothing of
    dependence: then only windows that do not overlap count, n/h.
    Raises PoorHistory for no observations, BadParameter for an impossible rate, horizon or kernel.
    """
    hits = as_hits(hits, "overlapping windows")
    require_rate(rate, "overlapping windows")
    require_steps(horizon_steps)
    if hits.sum() < 2:
        return max(1.0, hits.size / horizon_steps)
    plain = rate * (1.0 - rate)
    spread = plain + lagged_covariances(hits.astype(np.float64), horizon_steps, kernel)
    return hits.size * (plain / max(spread, plain))


def lagged_covariances(values: Floats, horizon_steps: int, kernel: Kernel) -> float:
    """2 Σ w_j γ_j over 0 < j < h, γ_j the autocovariance about the mean with divisor n.

    Raises BadParameter for an unknown kernel.
    """
    if kernel not in ("flat", "bartlett"):
        raise BadParameter(
            f"kernel {kernel!r}",
            where="long-run variance",
            remedy='Choose "flat" or "bartlett".',
        )
    centred, total = values - values.mean(), 0.0
    for lag in range(1, min(horizon_steps, values.size)):
        weight = 1.0 if kernel == "flat" else 1.0 - lag / horizon_steps
        total += 2.0 * weight * float(centred[lag:] @ centred[:-lag]) / values.size
    return total


def overlap_count(
    hits: Hits, rate: float, horizon_steps: int, *, kernel: Kernel = "flat"
) -> Outcome:
    """z = (share of hits − p) / √(p(1−p)/effective observations), two-sided, standard normal.

    Raises as :func:`effective_observations`.
    """
    hits = as_hits(hits, "overlapping windows")
    effective = effective_observations(hits, rate, horizon_steps, kernel=kernel)
    z = float((hits.mean() - rate) / math.sqrt(rate * (1.0 - rate) / effective))
    return Outcome(
        test=f"count of overlapping windows, {kernel} kernel, {horizon_steps - 1} lags",
        hypothesis=f"exceedances come at a rate of {rate:.3%}",
        law="standard normal, two-sided",
        observations=hits.size,
        statistic=z,
        p_value=2.0 * normal_cdf(-abs(z)),
        note=f"as many as {effective:.1f} independent observations tell",
    )


def overlap_bootstrap(
    hits: Hits,
    rate: float,
    block_steps: int,
    generator: np.random.Generator,
    *,
    draws: int = 2_000,
) -> Outcome:
    """The count test by resampling: circular blocks of hits, centred at their own share.

    The p-value is (1 + draws at least as far from the share as the rate is) / (1 + draws). Raises
    PoorHistory for no observations, BadParameter for an impossible rate, block or draws.
    """
    hits = as_hits(hits, "overlapping windows")
    require_rate(rate, "overlapping windows")
    require_steps(block_steps)
    require_steps(draws)
    words = {
        "test": f"count of overlapping windows, blocks of {block_steps}",
        "hypothesis": f"exceedances come at a rate of {rate:.3%}",
        "law": f"{draws:,} resampled series",
    }
    if not hits.any():
        return bare(**words, observations=hits.size, note="Blocks without exceedances do not vary.")
    share = float(hits.mean())
    means = block_means(hits.astype(np.float64), block_steps, draws, generator)
    far = int((np.abs(means - share) >= abs(share - rate) - 1e-12).sum())
    return Outcome(
        **words,
        observations=hits.size,
        statistic=share - rate,
        p_value=(1 + far) / (1 + draws),
    )


def block_means(
    values: Floats, block_steps: int, draws: int, generator: np.random.Generator
) -> Floats:
    """Means of series put together from circular blocks; shape [draws].

    The last block is cut so that every series has the length of the first.
    """
    size = values.size
    whole, rest = divmod(size, block_steps)
    sums = np.concatenate([[0.0], np.cumsum(np.concatenate([values, values[: block_steps - 1]]))])
    starts = generator.integers(0, size, size=(draws, whole + 1))
    total = (sums[starts[:, :whole] + block_steps] - sums[starts[:, :whole]]).sum(axis=1)
    return (total + sums[starts[:, whole] + rest] - sums[starts[:, whole]]) / size


class Clusters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Exceedances less than a horizon apart, counted as one event.

    ``mean_size`` is exceedances a cluster, 0.0 of none; ``largest`` the greatest number in one.
    """

    clusters: int
    mean_size: float
    largest: int


def decluster(hits: Hits, horizon_steps: int) -> Clusters:
    """Runs declustering: an exceedance h steps or more after the last begins a new cluster.

    Raises PoorHistory for no observations and BadParameter for an impossible horizon.
    """
    places = np.flatnonzero(as_hits(hits, "clusters"))
    require_steps(horizon_steps)
    if not places.size:
        return Clusters(clusters=0, mean_size=0.0, largest=0)
    begins = np.append(True, np.diff(places) >= horizon_steps)
    sizes = np.bincount(np.cumsum(begins) - 1)
    return Clusters(
        clusters=sizes.size, mean_size=places.size / sizes.size, largest=int(sizes.max())
    )


def without_overlap(test: Callable[[slice], Outcome], horizon_steps: int) -> Outcome:
    """A test of order, made for each of the h interleaved series of windows that share nothing.

    ``test`` is called with the slice of each. Of the outcomes the statistic is the median, the
    p-value twice the median (at most 1), which holds however the series depend on each other; a
    series that cannot be tested counts as one that does not reject. At h = 1 it is the test itself.
    """
    require_steps(horizon_steps)
    found = [test(slice(phase, None, horizon_steps)) for phase in range(horizon_steps)]
    made = [one.statistic for one in found if one.statistic is not None]
    if horizon_steps == 1 or not made:
        return found[0]
    p_values = [1.0 if one.p_value is None else one.p_value for one in found]
    return msgspec.structs.replace(
        found[0],
        law=f"{found[0].law}; twice the median p-value of {horizon_steps} interleaved series",
        observations=sum(one.observations for one in found),
        statistic=float(np.median(made)),
        p_value=min(1.0, 2.0 * float(np.median(p_values))),
        note=f"made in {len(made)} of {horizon_steps} series of windows that do not overlap",
    )


def require_steps(steps: int) -> None:
    """Raise BadParameter unless steps or draws are at least one."""
    if steps < 1:
        raise BadParameter(
            f"{steps} steps or draws",
            where="overlapping windows",
            remedy="Hand in at least one.",
        )
