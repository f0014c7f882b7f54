"""Joint scenarios: how the prices and volatilities of several underlyings move together, by path.

A row is one scenario of all underlyings at once, so that what they share is kept and what hedges
in it counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.basics.arrays import array_fields, pickled
from seawall.basics.errors import BadNumber

Floats = NDArray[np.float64]
Times = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class JointMoves:
    """N scenarios of U underlyings at P points of a path after its start; arrays are read-only.

    ``price_rel`` [N, P, U] is the move of the price since the start, a share of it, and ``vol_rel``
    that of the at-the-money volatility; ``funding_rel`` what a long perpetual has paid since the
    start, a share of its value; ``basis_per_year`` by how much futures then stand further above
    the index, a year. The start itself, where nothing has moved, is no point. ``elapsed_days``
    [N, P] is the time since the start, and ``weights`` [N] the probability of each scenario.

    ``start_ns`` [N] tells when a scenario of history began, in nanoseconds since 1970 UTC; None of
    simulated ones. A window shares bars with the ``overlap`` − 1 windows on either side.
    ``across_gaps`` counts the windows in which bars are missing. ``unmoved`` names what no history
    was told of and so stays still: "volatility of SOL".

    Raises ValueError for a shape that does not fit, BadNumber for a number that is not finite, a
    price or volatility that falls to 0 or below, and weights that are negative or do not add up
    to 1.
    """

    underlyings: tuple[str, ...]
    price_rel: Floats
    vol_rel: Floats
    funding_rel: Floats
    basis_per_year: Floats
    elapsed_days: Floats
    weights: Floats
    start_ns: Times | None = None
    overlap: int = 1
    across_gaps: int = 0
    unmoved: tuple[str, ...] = ()

    __reduce__ = pickled

    def __post_init__(self) -> None:
        count, points, _ = self.price_rel.shape
        shapes = {"weights": (count,), "start_ns": (count,), "elapsed_days": (count, points)}
        for name, values in array_fields(self).items():
            shape = shapes.get(name, (count, points, len(self.underlyings)))
            if values.shape != shape:
                raise ValueError(f"JointMoves.{name} has shape {values.shape}, not {shape}")
            values.setflags(write=False)
        moves = (self.price_rel, self.vol_rel, self.funding_rel, self.basis_per_year)
        finite = all(bool(np.isfinite(values).all()) for values in (*moves, self.elapsed_days))
        alive = bool((self.price_rel > -1.0).all() and (self.vol_rel > -1.0).all())
        weighed = bool((self.weights >= 0.0).all()) and abs(self.weights.sum() - 1.0) < 1e-9
        if not (finite and alive and weighed):
            raise BadNumber(
                "moves that are not finite or take a price or volatility to 0, or weights that "
                "do not add up to 1",
                where=f"joint moves of {', '.join(self.underlyings)}",
                remedy="Look for a wrong price in the history, or give smaller volatilities.",
            )

    @property
    def count(self) -> int:
        """The number of scenarios, N."""
        return self.price_rel.shape[0]


def still(count: int, points: int, underlyings: int) -> Floats:
    """Zeros of shape [N, P, U] that take no memory, for what does not move."""
    return np.broadcast_to(np.zeros(1), (count, points, underlyings))
