"""Joint scenarios of all underlyings as paths, and the tail of what is lost on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from seawall.basics.arrays import freeze
from seawall.basics.errors import BadParameter
from seawall.basics.money import NOISE_DECIMALS
from seawall.risk.tail import tail_weights

Floats = NDArray[np.float64]
Cells = NDArray[np.intp]


class PathTail(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """VaR or ES at ``confidence`` of the loss on a path: at its ``worst`` point, or at its ``end``.

    A path on which something is gained counts as no loss. Raises BadParameter for a confidence that
    is not between 0.5 and 1.
    """

    measure: Literal["var", "es"]
    confidence: float
    path: Literal["worst", "end"] = "worst"

    def __post_init__(self) -> None:
        if not 0.5 < self.confidence < 1.0:
            raise BadParameter(
                f"a confidence of {self.confidence}",
                where="offsets.confidence",
                remedy="Give one above 0.5 and below 1, such as 0.975.",
            )


@dataclass(frozen=True, slots=True)
class Paths:
    """Which cells make a joint scenario of all underlyings: cell n·P + p is point p of path n.

    ``points`` is P; ``weights`` [N] the probability of each path; ``start_ns`` [N] when one of
    history began, in nanoseconds since 1970 UTC, None of simulated ones; a path of history shares
    bars with ``overlap`` − 1 on either side. ``across_gaps`` counts those in which bars are
    missing. ``tail`` is what counts of losses on them. Arrays are read-only.
    """

    points: int
    weights: Floats
    tail: PathTail
    start_ns: NDArray[np.int64] | None = None
    overlap: int = 1
    across_gaps: int = 0

    def __post_init__(self) -> None:
        freeze(self, self.weights.size)

    def losses(self, pnl: Floats) -> tuple[Floats, Cells]:
        """What is lost on each path of profits [C] in USD, ≥ 0, and in which cell; shapes [N]."""
        by_path = pnl.reshape(-1, self.points)
        rows = np.arange(len(by_path))
        if self.tail.path == "worst":
            # Without float64 noise ties stay ties.
            point = by_path.round(NOISE_DECIMALS).argmin(axis=1)
        else:
            point = np.full(rows.size, self.points - 1)
        return np.maximum(0.0, -by_path[rows, point]), rows * self.points + point

    def taken(self, pnl: Floats) -> Taken:
        """The cells in the tail of profits [C], and how much each counts."""
        losses, cells = self.losses(pnl)
        weights = tail_weights(losses, self.tail.confidence, self.tail.measure, self.weights)
        inside = np.flatnonzero((weights > 0.0) & (losses > 0.0))
        inside = inside[np.argsort(-losses[inside], kind="stable")]
        return Taken(cells[inside], weights[inside])


@dataclass(frozen=True, slots=True)
class Taken:
    """Cells in which everything is taken together, the greatest loss first, and how much each
    counts; arrays have shape [K] and are read-only.
    """

    cells: Cells
    weights: Floats

    def __post_init__(self) -> None:
        freeze(self, self.cells.size)

    @classmethod
    def one(cls, cell: int) -> Taken:
        """A single cell, which counts whole."""
        return cls(np.array([cell], dtype=np.intp), np.ones(1))

    def loss(self, pnl: Floats) -> float:
        """The weighted loss of profits [C] in USD; less than nothing for a gain."""
        return -float(pnl[self.cells] @ self.weights)
