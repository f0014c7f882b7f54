"""Whose history a symbol tells: ``BTCUSDT``, ``BTC-USDT-SWAP``, ``BINANCE:ETH``, ``BTC_DVOL``.

A pair's underlying is its coin; prices in a stablecoin count as prices in USD, and a file that
tells a coin both in USD and in stablecoins is read in USD first. All else goes by the rules of
instruments' names (:func:`seawall.products.names.parse_name`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from seawall.basics.errors import UnknownInstrument
from seawall.products.canonical import NAMED_ASSETS
from seawall.products.instruments import STABLECOINS, Derivative
from seawall.products.names import parse_name

_VENUE = re.compile(r"[A-Za-z]+:(?=[A-Za-z0-9])")
_ENDING = re.compile(r"[_-](?:MARK|INDEX|SPOT|PERP|PERPETUAL)$")
# Without a sign between them a coin that ends in B or T would lose its letter to BUSD and TUSD.
_PAIR = re.compile(
    r"(?P<coin>[A-Z0-9]{2,}?)"
    r"(?:[-_/](?P<quote>USDT|USDC|FDUSD|TUSD|BUSD|PYUSD|DAI|USD)|(?P<joined>USDT|USDC|FDUSD|USD))",
    re.ASCII,
)
_VOL_INDEX = re.compile(r"(?P<coin>[A-Z0-9]{2,}?)(?:[-_]?DVOL|[-_]VOL)|DVOL", re.ASCII)
# Names of a coin elsewhere.
_ALIASES = {"XBT": "BTC"}
_RANK_USD, _RANK_OTHER = 0, 1


@dataclass(frozen=True, slots=True)
class HistorySymbol:
    """What a symbol stands for: a price, or a volatility index, of an underlying.

    ``rank`` is less of a price in USD than of one in a stablecoin, which ``quote`` names.
    """

    underlying: str
    is_vol: bool = False
    rank: int = _RANK_USD
    quote: str | None = None


def history_symbol(symbol: str, where: str) -> HistorySymbol:
    """The underlying of a symbol. Raises UnknownInstrument for one that no rule fits."""
    name = _VENUE.sub("", symbol.strip(), count=1)
    vol = _VOL_INDEX.fullmatch(name)
    if vol is not None:
        coin = vol["coin"] or "BTC"  # DVOL alone is Deribit's index of bitcoin, its first
        return HistorySymbol(_ALIASES.get(coin, coin), is_vol=True)
    bare = _ENDING.sub("", name)
    pair = None if bare in NAMED_ASSETS else _PAIR.fullmatch(bare)
    if pair is not None:
        coin, quote = _ALIASES.get(pair["coin"], pair["coin"]), pair["quote"] or pair["joined"]
        if quote == "USD":
            return HistorySymbol(coin)
        return HistorySymbol(coin, rank=_RANK_OTHER, quote=quote)
    try:
        instrument = parse_name(_ALIASES.get(bare, bare) if bare != name else name)
    except UnknownInstrument as error:
        raise UnknownInstrument(
            f"nobody knows whose history {symbol!r:.40} tells: {error.what}",
            where=where,
            remedy="Name the coin or a pair, such as BTC or BTCUSDT.",
        ) from None
    if not isinstance(instrument, Derivative):
        return HistorySymbol(_ALIASES.get(instrument.name, instrument.name))
    quote = instrument.settlement
    linear = not instrument.is_inverse and quote in STABLECOINS
    return HistorySymbol(
        instrument.underlying,
        rank=_RANK_OTHER if linear else _RANK_USD,
        quote=quote if linear else None,
    )
