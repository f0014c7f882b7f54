"""Tests that ask a venue do so at once, and past no proxy of this machine."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack

import ccxt
import pytest

from tests.venues.account import VENUES, environment
from tests.venues.server import serving

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """ccxt waits between requests for as long as the venue wishes; a server of ours does not."""
    monkeypatch.setattr(ccxt.Exchange, "throttle", lambda exchange, cost=None: None)
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def venues_here(at_once: None, monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """Every venue answers on this machine, and the environment holds its address and keys."""
    with ExitStack() as servers:
        for venue, answers in VENUES.items():
            server = servers.enter_context(serving(answers.account_answers()))
            for name, value in environment(venue, server.url).items():
                monkeypatch.setenv(name, value)
        yield
