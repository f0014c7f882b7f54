"""Whatever a venue or the way to it does, an error of the project comes out, soon and in words."""

from __future__ import annotations

import socket
import sys
import threading
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from ccxt.base import errors
from ccxt.base.errors import error_hierarchy

from seawall.basics.errors import (
    InputError,
    SeawallError,
    VenueError,
    VenueRefused,
    VenueUnavailable,
)
from seawall.feeds.fetch import fetch_chain, fetch_positions
from seawall.feeds.venues import Venue
from seawall.feeds.venues.connection import Patience, ask, connection
from tests.venues import bybit, deribit, okx
from tests.venues.account import AT_ONCE, KEY, SECRET, VENUES, environment
from tests.venues.fixtures import at_once  # noqa: F401
from tests.venues.server import Answer, Reply, Request, serving

pytestmark = pytest.mark.usefixtures("at_once")
ALL = pytest.mark.parametrize("venue", list(Venue))


def both(venue: Venue, url: str, patience: Patience = AT_ONCE) -> list[SeawallError]:
    """The errors of a chain and of positions, which must be errors."""
    env = environment(venue, url)
    with pytest.raises(SeawallError) as chain:
        fetch_chain(venue, ("BTC",), env, patience=patience)
    with pytest.raises(SeawallError) as positions:
        fetch_positions(venue, env, patience=patience)
    return [chain.value, positions.value]


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


# ---- the way to a venue


@ALL
def test_no_network_is_one_clear_line(venue: Venue) -> None:
    url = f"http://127.0.0.1:{closed_port()}"
    for error in both(venue, url):
        assert type(error) is VenueUnavailable
        assert f"{venue} cannot be reached ({url}" in str(error)
        assert "Check the network" in str(error)


@ALL
def test_silence_ends_in_time(venue: Venue) -> None:
    done = threading.Event()

    def silent(request: Request) -> Reply:
        done.wait(10.0)
        return Reply()

    with serving({"*": silent}) as server:
        for error in both(venue, server.url, Patience(timeout_s=0.1, repeats=1, pause_s=0.0)):
            assert type(error) is VenueUnavailable
            assert "does not answer in time" in str(error)
        done.set()
    assert len(server.requests) == 4


@ALL
@pytest.mark.parametrize("damage", [{"Content-Length": "9999"}, {"Content-Encoding": "gzip"}])
def test_an_answer_damaged_on_its_way_is_the_networks(venue: Venue, damage: dict[str, str]) -> None:
    """Cut off by whoever stands between, or no longer what its head says."""
    with serving({"*": lambda _: Reply('{"result": [', headers=damage)}) as server:
        for error in both(venue, server.url):
            assert type(error) is VenueUnavailable
            assert f"{venue} cannot be reached ({server.url}" in str(error)


@pytest.mark.parametrize("repeats", [0, 1, 3])
def test_a_busy_venue_is_asked_again_as_often_as_told(repeats: int) -> None:
    with serving({"*": lambda _: Reply(status=503)}) as server:
        env = {"SEAWALL_DERIBIT_URL": server.url}
        patience = Patience(repeats=repeats, pause_s=0.0)
        with pytest.raises(VenueUnavailable, match="out of order"):
            fetch_chain(Venue.DERIBIT, ("BTC",), env, patience=patience)
    assert len(server.requests) == 1 + repeats


@ALL
def test_a_slip_of_the_network_is_mended_by_asking_again(venue: Venue) -> None:
    seen: set[str] = set()

    def first_fails(answer: Answer) -> Answer:
        def once(request: Request) -> Reply:
            known = f"{request.path}{request.params}" in seen
            seen.add(f"{request.path}{request.params}")
            return answer(request) if known else Reply(status=502)

        return once

    answers = {path: first_fails(answer) for path, answer in VENUES[venue].chain_answers().items()}
    with serving(answers) as server:
        env = {f"SEAWALL_{venue.upper()}_URL": server.url}
        assert fetch_chain(venue, ("BTC",), env, patience=AT_ONCE).options


def test_requests_keep_to_the_pace_of_the_venue() -> None:
    for venue in Venue:
        with connection(venue, {}, {}, AT_ONCE) as exchange:
            assert exchange.enableRateLimit
            assert exchange.rateLimit > 0


def test_keys_do_not_follow_to_where_an_answer_points() -> None:
    with serving(deribit.account_answers()) as elsewhere:
        moved = {"Location": f"{elsewhere.url}{deribit.API}/public/get_instruments"}
        with serving({"*": lambda _: Reply(status=302, headers=moved)}) as server:
            for error in both(Venue.DERIBIT, server.url):
                assert type(error) is VenueUnavailable
    assert elsewhere.requests == []


def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(deribit.chain_answers()) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        env = {"SEAWALL_DERIBIT_URL": f"http://127.0.0.1:{closed_port()}"}
        assert fetch_chain(Venue.DERIBIT, ("BTC",), env, patience=AT_ONCE).options
    assert proxy.requests


def test_a_password_in_netrc_does_not_take_the_place_of_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login someone password else\n", encoding="utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with serving(deribit.account_answers()) as server:
        fetch_positions(Venue.DERIBIT, environment("deribit", server.url), patience=AT_ONCE)
    headers = [request.headers.get("authorization", "") for request in server.requests]
    assert {header.split(" ")[0] for header in headers} == {"", "deri-hmac-sha256"}


@pytest.mark.parametrize(
    "url",
    [
        "http://www.deribit.com",
        "ftp://127.0.0.1",
        "www.deribit.com",
        "https://",
        "https://me:word@www.deribit.com",
        "https://www.deribit.com/?to=elsewhere",
        "http://127.0.0.1.example.com",
    ],
)
def test_keys_are_sent_to_no_unsafe_address(url: str) -> None:
    with pytest.raises(InputError, match="SEAWALL_DERIBIT_URL is no address"):
        fetch_positions(Venue.DERIBIT, environment("deribit", url))


def test_without_an_address_the_venue_itself_is_asked() -> None:
    for venue, host in (("deribit", "deribit.com"), ("okx", "okx.com"), ("bybit", "bybit.com")):
        with connection(venue, {}, {f"SEAWALL_{venue.upper()}_URL": " "}, AT_ONCE) as exchange:
            for url in exchange.urls["api"].values():
                assert exchange.implode_hostname(url).startswith("https://")
                assert exchange.implode_hostname(url).endswith(host)


def test_without_ccxt_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ccxt", None)
    with pytest.raises(InputError, match=r"ccxt, which is not installed .*seawall\[fetch\]"):
        fetch_chain(Venue.DERIBIT, ("BTC",), {})


# ---- what a venue says

SAID = [
    ("deribit", deribit.failure(13009, "unauthorized"), VenueRefused, "does not accept the keys"),
    ("deribit", deribit.failure(13004, "invalid_credentials"), VenueRefused, "_DERIBIT_API_"),
    ("deribit", deribit.failure(13021, "forbidden"), VenueRefused, "does not let these keys read"),
    ("deribit", deribit.failure(10028, "too_many_requests", 429), VenueUnavailable, "too often"),
    ("deribit", deribit.failure(11051, "system_maintenance", 503), VenueUnavailable, "maintenance"),
    ("deribit", deribit.failure(-32602, "Invalid params"), VenueRefused, "'-32602 Invalid params'"),
    ("okx", okx.failure(50111, "Invalid OK-ACCESS-KEY"), VenueRefused, "'50111 Invalid OK-ACC"),
    ("okx", okx.failure(50105, "OK_ACCESS_PASSPHRASE incorrect"), VenueRefused, "_OKX_API_"),
    ("okx", okx.failure(50110, "Invalid IP"), VenueRefused, "from this machine's address"),
    ("okx", okx.failure(50011, "Request too frequent", 429), VenueUnavailable, "too often"),
    ("okx", okx.failure(50001, "Service upgrading", 503), VenueUnavailable, "maintenance"),
    ("okx", okx.failure(50102, "Timestamp expired"), VenueRefused, "Set this machine's clock"),
    ("okx", okx.failure(50026, "System error"), VenueUnavailable, "out of order"),
    ("okx", okx.failure(59999, "Something new"), VenueRefused, "'59999 Something new'"),
    ("bybit", bybit.failure(10003, "API key is invalid."), VenueRefused, "does not accept the key"),
    ("bybit", bybit.failure(10005, "Permission denied"), VenueRefused, "Let the key read"),
    ("bybit", bybit.failure(10006, "Too many visits!"), VenueUnavailable, "too often"),
    ("bybit", bybit.failure(10002, "timestamp error"), VenueRefused, "Set this machine's clock"),
    ("bybit", bybit.failure(33004, "apiKey expired"), VenueRefused, "has not expired"),
]


@pytest.mark.parametrize(("venue", "reply", "error", "told"), SAID)
def test_refusals_say_what_is_wrong_and_repeat_the_venue(
    venue: str, reply: Reply, error: type[VenueError], told: str
) -> None:
    with serving({"*": lambda _: reply}) as server:
        for raised in both(Venue(venue), server.url):
            assert type(raised) is error, raised
            assert told in str(raised)
            assert server.url in str(raised)


@ALL
@pytest.mark.parametrize(
    ("status", "error", "told"),
    [
        (401, VenueRefused, "does not accept the keys"),
        (403, VenueRefused, "does not serve this machine"),
        (451, VenueRefused, "does not serve this machine"),
        (404, VenueUnavailable, "out of order"),
        (429, VenueUnavailable, "too often"),
        (500, VenueUnavailable, "out of order"),
        (504, VenueUnavailable, "does not answer in time"),
    ],
)
def test_statuses_with_a_page_for_people(
    venue: Venue, status: int, error: type[VenueError], told: str
) -> None:
    with serving({"*": lambda _: Reply("<html><p>No.</p></html>", status)}) as server:
        for raised in both(venue, server.url):
            assert type(raised) is error, raised
            assert told in str(raised)
            assert "html" not in str(raised)


def test_an_echoed_key_is_not_repeated_nor_is_anything_a_terminal_obeys() -> None:
    words = f"key {KEY} secret {SECRET}\x1b[2J\nnext line " + "x" * 1000
    refusal = {"*": lambda _: okx.failure(50111, words)}
    with serving(refusal) as server, pytest.raises(VenueRefused) as raised:
        fetch_positions(Venue.OKX, environment("okx", server.url), patience=AT_ONCE)
    said = str(raised.value)
    assert "'50111 key *** secret *** [2J next line xxx" in said
    assert said.isprintable()
    assert len(said) < 500


ECHOES = {
    "upper": str.upper,
    "url": quote_plus,
    "url in lower case": lambda key: quote_plus(key).lower(),
    "url twice": lambda key: quote(quote(key, safe="")),
    "every letter": lambda key: "".join(f"%{ord(letter):02X}" for letter in key),
    "some letters": lambda key: quote(key, safe="/ "),
}


@pytest.mark.parametrize("form", ECHOES)
def test_a_key_echoed_in_another_form_is_not_repeated_either(form: str) -> None:
    key = "aB/9+x =[z]*"
    words = f"id={ECHOES[form](key)} is unknown"
    with serving({"*": lambda _: deribit.failure(13004, words)}) as server:
        env = environment("deribit", server.url) | {"SEAWALL_DERIBIT_API_SECRET": key}
        with pytest.raises(VenueRefused) as raised:
            fetch_positions(Venue.DERIBIT, env, patience=AT_ONCE)
    assert "id=*** is unknown" in str(raised.value)


@ALL
def test_errors_bring_no_request_along(venue: Venue) -> None:
    """ccxt's own errors hold addresses and answers: a traceback must not show them."""
    with serving({"*": lambda _: Reply(status=500)}) as server:
        for raised in both(venue, server.url):
            assert raised.__cause__ is None
            assert raised.__suppress_context__


# ---- ccxt


def test_the_connection_is_closed_whatever_happens() -> None:
    closed: list[str] = []

    def fails() -> None:
        with connection("deribit", {}, {}, AT_ONCE) as exchange:
            exchange.close = lambda: closed.append(exchange.id)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert closed[0] == "deribit"


@pytest.mark.parametrize("kind", ["BaseError", *error_hierarchy["BaseError"]])
def test_every_error_of_ccxt_has_a_name_here(kind: str) -> None:
    """One that the table does not know falls to its base, and every base is in it."""
    with connection("deribit", {}, {}, AT_ONCE) as exchange:

        def fails(params: dict[str, str]) -> None:
            raise getattr(errors, kind)("no words")

        exchange.publicGetGetTime = fails
        with pytest.raises(VenueError, match=r"^deribit .*publicGetGetTime"):
            ask(exchange, "publicGetGetTime", {})
