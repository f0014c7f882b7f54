"""Keys go to the venue, signed as it asks, and nowhere else; without them nothing is asked."""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
from urllib.parse import urlencode

import msgspec
import pytest

from seawall.basics.errors import InputError
from seawall.feeds.fetch import fetch_positions
from seawall.feeds.fetched import Fetched
from seawall.feeds.venues import Venue
from tests.venues.account import KEY, PASSPHRASE, SECRET, account_of, environment
from tests.venues.fixtures import at_once  # noqa: F401
from tests.venues.server import Request, Server, serving

pytestmark = pytest.mark.usefixtures("at_once")
ALL = pytest.mark.parametrize("venue", list(Venue))


def private(venue: Venue, server: Server) -> list[Request]:
    parts = {"deribit": "/private/", "okx": "/account/", "bybit": "/position/"}
    found = [request for request in server.requests if parts[venue] in request.path]
    assert found
    return found


@ALL
def test_key_arrives_signed_and_the_secret_does_not(venue: Venue) -> None:
    _, server = account_of(venue)
    for request in server.requests:
        assert (request.method, request.body) == ("GET", "")
        assert SECRET not in request.everything
        is_private = request in private(venue, server) or "wallet" in request.path
        assert (KEY in request.everything) is is_private
    for request in private(venue, server):
        assert signature_of(venue, request) == expected_signature(venue, request)


def signature_of(venue: Venue, request: Request) -> str:
    headers = request.headers
    if venue is Venue.DERIBIT:
        return dict(p.split("=", 1) for p in headers["authorization"].split(" ")[1].split(","))[
            "sig"
        ]
    return headers["ok-access-sign" if venue is Venue.OKX else "x-bapi-sign"]


def expected_signature(venue: Venue, request: Request) -> str:
    """As each venue's documentation of its API tells to compute it."""
    headers, query = request.headers, urlencode(request.params)
    path = request.path + (f"?{query}" if query else "")
    if venue is Venue.DERIBIT:
        told = dict(p.split("=", 1) for p in headers["authorization"].split(" ")[1].split(","))
        assert told["id"] == KEY
        text = f"{told['ts']}\n{told['nonce']}\nGET\n{path}\n\n"
    elif venue is Venue.OKX:
        assert (headers["ok-access-key"], headers["ok-access-passphrase"]) == (KEY, PASSPHRASE)
        text = f"{headers['ok-access-timestamp']}GET{path}"
    else:
        assert headers["x-bapi-api-key"] == KEY
        text = f"{headers['x-bapi-timestamp']}{KEY}{headers['x-bapi-recv-window']}{query}"
    digest = hmac.new(SECRET.encode(), text.encode(), hashlib.sha256)
    return base64.b64encode(digest.digest()).decode() if venue is Venue.OKX else digest.hexdigest()


@ALL
def test_what_is_fetched_holds_no_secret_and_nothing_of_the_owner(venue: Venue) -> None:
    fetched, _ = account_of(venue)
    text = msgspec.json.encode(fetched).decode()
    for secret in (KEY, SECRET, PASSPHRASE, "not-to-be-kept", "someone@example.com", "posId"):
        assert secret not in text
    assert msgspec.json.decode(text, type=Fetched) == fetched


@ALL
def test_no_log_holds_a_key(venue: Venue, caplog: pytest.LogCaptureFixture) -> None:
    """Not even where whoever calls has every library say all that it can."""
    caplog.set_level(logging.DEBUG)
    account_of(venue)
    assert "GET" in caplog.text
    for secret in (KEY, SECRET, PASSPHRASE):
        assert secret not in caplog.text


@pytest.mark.parametrize(
    ("venue", "endings"),
    [
        ("deribit", ("KEY", "SECRET")),
        ("okx", ("KEY", "SECRET", "PASSPHRASE")),
        ("bybit", ("KEY", "SECRET")),
    ],
)
def test_missing_keys_are_named_and_nothing_is_asked(venue: str, endings: tuple[str, ...]) -> None:
    name = f"SEAWALL_{venue.upper()}_API"
    with serving({}) as server:
        whole = environment(venue, server.url)
        for ending in endings:
            for given in ({k: v for k, v in whole.items() if k != f"{name}_{ending}"}, whole):
                if given is whole:
                    given = {**whole, f"{name}_{ending}": " "}
                with pytest.raises(InputError, match=rf"and {name}_{ending} is not set"):
                    fetch_positions(Venue(venue), given)
        with pytest.raises(InputError, match=", ".join(f"{name}_{e}" for e in endings)):
            fetch_positions(Venue(venue), {})
    assert server.requests == []


@pytest.mark.parametrize("odd", ["kéy", "key\u200b1", "ke\ny", "ke\x7fy"])
@pytest.mark.parametrize("ending", ["KEY", "SECRET", "PASSPHRASE"])
def test_what_cannot_be_a_key_is_named_and_nothing_is_asked(ending: str, odd: str) -> None:
    name = f"SEAWALL_OKX_API_{ending}"
    with serving({}) as server:
        with pytest.raises(InputError, match=f"{name} holds a character that no key has") as raised:
            fetch_positions(Venue.OKX, {**environment("okx", server.url), name: odd})
        assert odd not in str(raised.value)
    assert server.requests == []
