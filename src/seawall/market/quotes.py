"""Quotes as columns: the door through which market data enters.

Prices of inverse options are in coin, of linear ones in the settlement currency; a missing
number is NaN. Readers in ``feeds`` produce these; :mod:`seawall.market.assemble` consumes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from seawall.basics.arrays import freeze
from seawall.products.instruments import DatedFuture, EuropeanOption, Perpetual

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class OptionQuotes:
    """Option quotes near one instant, one row per instrument; every array has shape [n].

    ``bid``, ``ask``, ``mark`` in quote units; ``iv`` the venue's own implied volatility
    (0.6 = 60 %); ``forward`` the venue's own forward in strike units; ``index`` the index price
    of the underlying in quote currency; ``observed_s`` seconds since 1970 UTC. NaN is missing.
    """

    source: str
    as_of: datetime
    instruments: tuple[EuropeanOption, ...]
    bid: Floats
    ask: Floats
    mark: Floats
    iv: Floats
    forward: Floats
    index: Floats
    observed_s: Floats

    def __post_init__(self) -> None:
        freeze(self, len(self.instruments))


@dataclass(frozen=True, slots=True)
class FutureQuotes:
    """Prices of perpetuals and dated futures near one instant; every array has shape [n].

    ``mark`` and ``index`` in USD (inverse) or the settlement currency (linear) per coin. NaN is
    missing. ``is_synthetic`` rows carry a forward of the venue for which no future is listed.
    """

    source: str
    as_of: datetime
    instruments: tuple[DatedFuture | Perpetual, ...]
    mark: Floats
    index: Floats
    is_synthetic: NDArray[np.bool_]

    def __post_init__(self) -> None:
        freeze(self, len(self.instruments))


Quotes = OptionQuotes | FutureQuotes
