"""Folding risk arrays: Σ quantity · unit PnL over the rows of each group."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seawall.kernels._jit import kernel

Floats = NDArray[np.float64]


@kernel("void(f8[:, ::1], f8[::1], i8[::1], f8[:, ::1])")
def fold_groups(unit_pnl: Floats, quantity: Floats, group: NDArray[np.int64], out: Floats) -> None:
    """Add ``quantity[i] · unit_pnl[i, :]`` into ``out[group[i], :]``, in row order.

    ``unit_pnl`` [M, S], ``quantity`` and ``group`` [M], ``out`` [G, S] (zeroed by the caller).
    """
    for i in range(quantity.shape[0]):
        for s in range(unit_pnl.shape[1]):
            out[group[i], s] += quantity[i] * unit_pnl[i, s]
