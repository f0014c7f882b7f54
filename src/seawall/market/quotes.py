"""Quotes as columns: the door through which market data enters.

Prices of inverse options are in coin, of linear ones in the settlement currency; a missing
number is NaN. Readers in ``feeds`` produce these; :mod:`seawall.market.assemble` consumes them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from seawall.basics.arrays import freeze
from seawall.market.carry import CarryQuotes
from seawall.market.history_join import HistoryTable
from seawall.market.liquidity import Liquidity
from seawall.products.instruments import Future, Option

Floats = NDArray[np.float64]
# A bid and an ask further apart than this back no volatility.
MAX_SPREAD_RATIO = 2.0

Key = TypeVar("Key", bound=Hashable)
Quote = TypeVar("Quote")


@dataclass(frozen=True, slots=True)
class OptionQuotes:
    """Option quotes near one instant, one row per instrument; every array has shape [n].

    ``bid``, ``ask``, ``mark`` in quote units; ``iv`` the venue's own implied volatility
    (0.6 = 60 %); ``forward`` the venue's own forward in strike units; ``index`` the index price
    of the underlying in quote currency; ``observed_s`` seconds since 1970 UTC. NaN is missing.
    ``liquidity`` what the source tells beside prices. ``dropped`` maps names whose rows the source
    gave and nobody can use to the reason, and ``warnings`` says what a report on these quotes must
    repeat.
    """

    source: str
    as_of: datetime
    instruments: tuple[Option, ...]
    bid: Floats
    ask: Floats
    mark: Floats
    iv: Floats
    forward: Floats
    index: Floats
    observed_s: Floats
    liquidity: Liquidity = field(default_factory=Liquidity)
    dropped: Mapping[str, str] = field(default_factory=dict[str, str])
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        freeze(self, len(self.instruments))


@dataclass(frozen=True, slots=True)
class FutureQuotes:
    """Prices of perpetuals and dated futures near one instant; every array has shape [n].

    ``mark`` and ``index`` in USD (inverse) or the settlement currency (linear) per coin. NaN is
    missing. ``is_synthetic`` rows carry a forward of the venue for which no future is listed.
    ``liquidity``, ``dropped`` and ``warnings`` as in :class:`OptionQuotes`.
    """

    source: str
    as_of: datetime
    instruments: tuple[Future, ...]
    mark: Floats
    index: Floats
    is_synthetic: NDArray[np.bool_]
    liquidity: Liquidity = field(default_factory=Liquidity)
    dropped: Mapping[str, str] = field(default_factory=dict[str, str])
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        freeze(self, len(self.instruments))


@dataclass(frozen=True, slots=True)
class LiquidityQuotes:
    """Volume, depth, confidence and utilisation by underlying, without any price.

    They change slowly, so their time need not be that of the prices.
    """

    source: str
    as_of: datetime
    liquidity: Liquidity
    dropped: Mapping[str, str] = field(default_factory=dict[str, str])
    warnings: tuple[str, ...] = ()


PriceQuotes = OptionQuotes | FutureQuotes
Quotes = PriceQuotes | LiquidityQuotes
Told = Quotes | CarryQuotes | HistoryTable
"""Whatever a source tells of a market."""


def is_two_sided(bid: Floats, ask: Floats) -> NDArray[np.bool_]:
    """Rows with a bid and an ask that are not crossed."""
    return np.asarray((bid > 0.0) & (ask >= bid))


def is_backed(mark: Floats, bid: Floats, ask: Floats) -> NDArray[np.bool_]:
    """Rows with a price that a volatility can be held to: a mark, or a bid and ask near each other.

    A mark of zero is a placeholder as often as a price, and an ask of several bids tells nothing.
    """
    return (mark > 0.0) | (is_two_sided(bid, ask) & (ask / MAX_SPREAD_RATIO <= bid))


def half_spreads(tables: Iterable[OptionQuotes]) -> dict[str, float]:
    """Half of what bid and ask are apart, in quote units, of every option with both.

    Of an option in several tables the latest row counts, of one moment the dearest.
    """
    found: dict[str, tuple[float, float]] = {}
    for table in tables:
        half = 0.5 * (table.ask - table.bid)
        for row in np.flatnonzero(is_two_sided(table.bid, table.ask)).tolist():
            name = table.instruments[row].name
            told = (float(np.nan_to_num(table.observed_s[row])), float(half[row]))
            found[name] = max(told, found.get(name, told))
    return {name: half for name, (_, half) in found.items()}


Rank = tuple[bool, float]
"""How a quote ranks among those of one thing: whether a price backs it, then its time."""


def latest(
    quoted: Iterable[tuple[Key, Rank, Quote]], differing: Callable[[Quote, Quote], str | None]
) -> tuple[dict[Key, Quote], dict[Key, str]]:
    """The quote of the highest rank of each key, and why there is none for the others.

    ``quoted`` holds keys, ranks and quotes in any order. Two quotes of the highest rank that differ
    leave the key without one, whatever their order: ``differing`` names where two stand that say
    different things, or None.
    """
    found: dict[Key, tuple[Rank, Quote]] = {}
    disagree: dict[Key, str] = {}
    for key, rank, quote in quoted:
        known = found.get(key)
        if known is not None and rank < known[0]:
            continue
        if known is None or rank > known[0]:
            disagree.pop(key, None)
        elif places := differing(known[1], quote):
            disagree.setdefault(key, f"{places} quote it differently at one time")
        found[key] = rank, quote
    return {key: quote for key, (_, quote) in found.items() if key not in disagree}, disagree
