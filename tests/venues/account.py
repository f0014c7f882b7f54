"""Keys of nobody, and the environment in which a venue is the server of a test."""

from __future__ import annotations

from types import ModuleType

from seawall.feeds.venues.connection import Patience
from tests.venues import bybit, deribit, okx

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
