"""A live chain, or the positions and balances of an account, asked of a venue through ccxt.

The door to what reaches for the network. Everything else works on the file that comes of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from seawall.basics.errors import EmptyPortfolio, InputError, VenueError
from seawall.feeds.fetched import Fetched
from seawall.feeds.venues import Part, Venue, bybit, deribit, okx
from seawall.feeds.venues.connection import Patience, connection, keys_of
from seawall.feeds.venues.rows import Chain, Holdings

Say = Callable[[str], None]


class _Requests(NamedTuple):
    """How a venue is asked: the keys it wants, and its requests on ccxt's exchange."""

    keys: tuple[str, ...]
    chain: Callable[[Any, Sequence[str], Say], Chain]
    holdings: Callable[[Any, Say], Holdings]


_REQUESTS = {
    Venue.DERIBIT: _Requests(deribit.KEYS, deribit.chain, deribit.holdings),
    Venue.OKX: _Requests(okx.KEYS, okx.chain, okx.holdings),
    Venue.BYBIT: _Requests(bybit.KEYS, bybit.chain, bybit.holdings),
}
_USUAL = Patience()


def fetch_chain(
    venue: Venue,
    coins: Sequence[str],
    environment: Mapping[str, str],
    *,
    say: Say = lambda step: None,
    patience: Patience = _USUAL,
) -> Fetched:
    """Options, futures and perpetuals on some coins, with their marks and index prices.

    ``environment`` may hold another address in ``SEAWALL_<VENUE>_URL``; ``say`` hears what is
    asked for.

    Raises InputError (no coins, ccxt not installed, a bad address),
    UnknownInstrument for a coin without contracts, and VenueError.
    """
    asked = tuple(dict.fromkeys(coin.strip().upper() for coin in coins if coin.strip()))
    if not asked:
        raise InputError(
            "no coin to fetch a chain of", where="COIN", remedy="Name some, for example BTC ETH."
        )
    how = _REQUESTS[venue]
    with connection(venue, {}, environment, patience) as exchange:
        found = how.chain(exchange, asked, say)
    if not found.options and not found.tickers:
        raise VenueError(
            f"{venue} shows no price of any contract on {', '.join(asked)}",
            where=venue,
            remedy="Try again in a few minutes.",
        )
    return Fetched(
        venue=venue,
        kind=Part.CHAIN,
        fetched_at=datetime.now(UTC),
        options=found.options,
        tickers=found.tickers,
        markets=found.markets,
    )


def fetch_positions(
    venue: Venue,
    environment: Mapping[str, str],
    *,
    say: Say = lambda step: None,
    patience: Patience = _USUAL,
) -> Fetched:
    """Positions and balances of the account whose keys the ``environment`` holds.

    The keys are sent to the venue as it asks for them and kept nowhere.

    Raises InputError (keys not set, ccxt not installed, a bad address),
    EmptyPortfolio for an account that holds nothing, and VenueError.
    """
    how = _REQUESTS[venue]
    keys = keys_of(venue, how.keys, environment)
    with connection(venue, keys, environment, patience) as exchange:
        found = how.holdings(exchange, say)
    if not found.positions and not found.balances:
        raise EmptyPortfolio(
            "the account holds nothing",
            where=venue,
            remedy="Check that the key belongs to the account that trades, not to another one.",
        )
    return Fetched(
        venue=venue,
        kind=Part.POSITIONS,
        fetched_at=datetime.now(UTC),
        positions=tuple(found.positions),
        balances=found.balances,
        markets=found.markets,
    )
