"""Tests that ask a venue do so at once, and past no proxy of this machine."""

from __future__ import annotations

import ccxt
import pytest

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """ccxt waits between requests for as long as the venue wishes; a server of ours does not."""
    monkeypatch.setattr(ccxt.Exchange, "throttle", lambda exchange, cost=None: None)
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
