"""The fold of many accounts: the risk array of all instruments, laid out so that it is read once.

The numbers are those of :mod:`seawall.margin.fold`; the arithmetic is that of
:mod:`seawall.kernels.segments`, which never holds what all accounts lose in all cells.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seawall.kernels.backends import CPU, implementation
from seawall.kernels.lanes import LEAST
from seawall.risk.accounts import UnderlyingAccounts
from seawall.risk.book import UnderlyingBook
from seawall.risk.revaluation import RiskArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Rows = NDArray[np.uint32]
Reductions = tuple[Floats, Floats, NDArray[np.int8], NDArray[np.bool_], Integers]
"""Profit of one unit [M, I, W], damping [W]; of each reduction [R] its kind, cells and count."""

# Cells of a row are padded to whole vectors of the widest processors, and rows begin where their
# caches do.
_CELLS, _ALIGNED_BYTES = 8, 64


@dataclass(frozen=True, slots=True)
class ArrayInRows:
    """A risk array with a padded row for each instrument and instant, for reductions over cells.

    ``unit_pnl_usd`` [M, I, W] in USD of one unit, + gain; ``price_rel``, of coins earned, and
    ``damping`` [W];
    ``inside`` [R, W] says over which cells each reduction goes, ``kind`` and ``count`` [R] which it
    is, as :mod:`seawall.kernels.segments` reads them: here the least over the upward and the least
    over the downward cells. None goes over a padding cell. Arrays are read-only.
    """

    source: RiskArray
    unit_pnl_usd: Floats
    price_rel: Floats
    damping: Floats
    kind: NDArray[np.int8]
    inside: NDArray[np.bool_]
    count: Integers

    @classmethod
    def of(cls, array: RiskArray) -> ArrayInRows:
        """The array with its cells padded."""
        scenarios, instants = array.scenarios, len(array.instants)
        cells = scenarios.price_rel.size
        width = -(-cells // _CELLS) * _CELLS
        rows = _aligned(len(array.book.positions), instants, width)
        rows[:, :, :cells] = array.unit_pnl_usd.reshape(-1, instants, cells)
        inside = np.zeros((2, width), dtype=np.bool_)
        inside[0, :cells], inside[1, :cells] = scenarios.up, scenarios.down
        made = cls(
            source=array,
            unit_pnl_usd=rows,
            price_rel=np.append(array.coin_moves_rel[:cells], np.zeros(width - cells)),
            damping=np.append(scenarios.damping, np.ones(width - cells)),
            kind=np.full(2, LEAST, dtype=np.int8),
            inside=inside,
            count=np.ones(2, dtype=np.int64),
        )
        for values in (made.unit_pnl_usd, made.price_rel, made.damping, made.inside):
            values.flags.writeable = False
        return made

    def losses(self, held: UnderlyingAccounts) -> tuple[Floats, Floats]:
        """The largest loss of each segment upward and downward, in USD, ≥ 0; shapes [G]."""
        earned_usd = held.earned_coins * self.source.book.spot_usd
        return self.losses_of(held.row, held.quantity, held.start, held.stop, earned_usd)

    @property
    def has_paths(self) -> bool:
        """Whether losses are a tail of joint paths, which no reduction over cells tells."""
        return self.source.scenarios.paths is not None

    @property
    def reductions(self) -> Reductions:
        """The array without ``price_rel``, as kernels of contracts alone take it."""
        return self.unit_pnl_usd, self.damping, self.kind, self.inside, self.count

    @property
    def most_pnl_usd(self) -> Floats:
        """The most that a unit can gain or lose in a cell, in USD; shape [M]."""
        return np.abs(self.unit_pnl_usd).max(axis=(1, 2))

    @property
    def most_move_rel(self) -> float:
        """The greatest move of coins earned in any cell."""
        return float(np.abs(self.price_rel).max())

    def of_book(self, held: UnderlyingAccounts, segment: int, book: UnderlyingBook) -> RiskArray:
        """The array of one account: that of the rows of a segment, of which ``book`` is made."""
        rows = held.row[held.start[segment] : held.stop[segment]]
        whole = self.source
        earned_usd = book.coin_profit * book.spot_usd
        unit_pnl_usd = whole.unit_pnl_usd[rows] + earned_usd[:, None] * whole.coin_moves_rel
        return replace(whole, book=book, unit_pnl_usd=unit_pnl_usd)

    def losses_of(
        self, row: Rows, quantity: Floats, start: Integers, stop: Integers, earned_usd: Floats
    ) -> tuple[Floats, Floats]:
        """The largest losses of ranges of positions [P] with coins earned [G], in USD, ≥ 0."""
        out = np.empty((start.size, self.kind.size))
        implementation(CPU).fold_segments(
            self.unit_pnl_usd,
            row,
            quantity,
            start,
            stop,
            earned_usd,
            self.price_rel,
            self.damping,
            self.kind,
            self.inside,
            self.count,
            out,
        )
        up, down = np.maximum(0.0, -out.T)
        return up, down


def no_reductions() -> Reductions:
    """Those of an array without instants, which a model without scenarios has."""
    nothing = np.zeros(0)
    return (
        nothing.reshape(0, 0, 0),
        nothing,
        nothing.astype(np.int8),
        nothing.reshape(0, 0).astype(np.bool_),
        nothing.astype(np.int64),
    )


def _aligned(*shape: int) -> Floats:
    """Zeros of a shape that begin on a boundary of the cache."""
    size = int(np.prod(shape))
    room = np.zeros(size + _ALIGNED_BYTES // 8)
    first = -room.ctypes.data % _ALIGNED_BYTES // 8
    return room[first : first + size].reshape(shape)
