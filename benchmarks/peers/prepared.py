"""What a peer hands to its worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]
Floats = NDArray[np.float64]


class Prepared(NamedTuple):
    """``run`` does the job once; ``share`` is the part of it that it does, from the first row on.

    A peer too slow for the whole job does a part of it, and its seconds count 1 / share times.
    """

    run: Callable[[], Floats]
    share: float = 1.0


Peers = Mapping[str, Callable[[Arrays], Prepared]]
