"""What a venue answered, in the form in which it is kept in a file and read again.

One JSON object, the same for every venue: rows are ccxt's unified structures, cut to the keys
below, and every number is text, so that no digit is lost. Where ccxt leaves a number out or gives
it in a venue's own unit, it is put in here, so that a reader needs to know no venue.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from seawall.feeds.venues import Part, Venue
from seawall.feeds.writing import require_free, write_files

Row = dict[str, str | int | bool | None]


class Fetched(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A chain, or the positions and balances of one account. What was not asked for is empty.

    ``options`` by symbol: ``markPrice``, ``bidPrice``, ``askPrice`` (coin for inverse options,
    else the settlement currency per coin), ``impliedVolatility`` of the mark (decimal),
    ``underlyingPrice`` (the venue's forward of that expiry), ``indexPrice`` (quote currency per
    coin), ``openInterest`` (coins) and ``timestamp`` (ms since 1970).

    ``tickers`` of futures and perpetuals: ``markPrice``, ``bid``, ``ask``, ``indexPrice`` (quote
    currency per coin), ``openInterest`` (coins), ``fundingRate8h`` (perpetuals: what
    longs pay per 8 hours, decimal) and ``timestamp``.

    ``positions``: ``symbol``, ``side`` (long or short), ``contracts`` > 0, ``contractSize``,
    ``markPrice``, ``entryPrice`` (futures: the price from which profit is not yet in the balances).
    ``contracts`` times ``contractSize`` is coins, or USD for inverse futures and perpetuals.

    ``balances`` by asset, in its own units, + held, - owed: cash without the unrealised profit of
    positions and without the value of options.

    ``markets``: the contract of every symbol above: the venue's own ``id``, ``type`` (option,
    future, swap), ``base``, ``quote``, ``settle``, ``inverse``, ``linear``, ``quanto``,
    ``contractSize``, ``expiry`` (ms since 1970), ``strike``, ``optionType`` (call, put).
    """

    source: Literal["ccxt"] = "ccxt"
    venue: Venue
    kind: Part
    fetched_at: datetime
    positions: tuple[Row, ...] = ()
    balances: dict[str, str] = {}
    options: dict[str, Row] = {}
    tickers: dict[str, Row] = {}
    markets: dict[str, Row] = {}

    def oldest_price_s(self) -> float | None:
        """How old the oldest price of a chain was on arrival; None where no price has a time."""
        rows = (*self.options.values(), *self.tickers.values())
        times = [time for row in rows if isinstance(time := row.get("timestamp"), int)]
        return max(0.0, self.fetched_at.timestamp() - min(times) / 1000.0) if times else None

    def expiries(self) -> int:
        """How many expiries the options of a chain have."""
        return len({self.markets[symbol]["expiry"] for symbol in self.options})

    def coins(self) -> list[str]:
        """The underlyings of its contracts, in the order of the alphabet."""
        return sorted({str(market["base"]) for market in self.markets.values()})


def write_fetched(fetched: Fetched, path: Path, *, overwrite: bool = False) -> int:
    """Write it as one line of JSON, whole or not at all; returns the size in bytes.

    A file that exists is left as it is unless ``overwrite``. Raises UnwritableFile for that and for
    a place that cannot be written.
    """
    require_free(path, overwrite=overwrite)
    content = msgspec.json.encode(fetched) + b"\n"
    write_files({path: content}, private=True)
    return len(content)
