"""Keys of nobody, and the environment in which a venue is the server of a test."""

from __future__ import annotations

from types import ModuleType

from seawall.feeds.fetch import fetch_positions
from seawall.feeds.fetched import Fetched
from seawall.feeds.venues import Venue
from seawall.feeds.venues.connection import Patience
from tests.venues import bybit, deribit, okx
from tests.venues.server import Server, serving

KEY, SECRET, PASSPHRASE = "key-7b1f", "secret-c0ffee", "phrase-4d2"
VENUES: dict[str, ModuleType] = {"deribit": deribit, "okx": okx, "bybit": bybit}
AT_ONCE = Patience(timeout_s=5.0, repeats=2, pause_s=0.0)


def environment(venue: str, url: str) -> dict[str, str]:
    name = f"SEAWALL_{venue.upper()}"
    return {
        f"{name}_URL": url,
        f"{name}_API_KEY": KEY,
        f"{name}_API_SECRET": SECRET,
        f"{name}_API_PASSPHRASE": PASSPHRASE,
    }


def account_of(venue: Venue) -> tuple[Fetched, Server]:
    """The positions of its account, and the server that was asked for them."""
    with serving(VENUES[venue].account_answers()) as server:
        env = environment(venue, server.url)
        return fetch_positions(venue, env, patience=AT_ONCE), server
