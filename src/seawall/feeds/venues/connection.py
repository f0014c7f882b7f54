"""A venue's ccxt exchange: where it is, its keys, and what its failures are called here.

Only requests that read are made. Keys come from the environment, and neither they nor anything
that ccxt says of a request goes into a message: of a failure only the venue's own words are told.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any, cast
from urllib.parse import urlsplit

import msgspec

from seawall.basics.errors import InputError
from seawall.feeds.venues.failures import malformed, translated

KEY_NAMES = {"apiKey": "API_KEY", "secret": "API_SECRET", "password": "API_PASSPHRASE"}
"""ccxt's names of credentials, and how the variables of the environment that hold them end."""

# A chain takes about twenty; a page of what comes in pages holds hundreds of rows.
_MAX_REQUESTS = 300
MOST_DIGITS = 40
"""Before the point or behind it: numbers of more are no prices, sizes or times."""

_LOCAL = ("localhost", "127.0.0.1", "::1")


class Patience(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long a venue is waited for: per request, and how often one that failed is repeated."""

    timeout_s: float = 10.0
    repeats: int = 2
    pause_s: float = 0.5


def variable(venue: str, ending: str) -> str:
    """The variable of the environment that holds something of a venue: SEAWALL_OKX_API_KEY."""
    return f"SEAWALL_{venue.upper()}_{ending}"


def keys_of(venue: str, names: tuple[str, ...], environment: Mapping[str, str]) -> dict[str, str]:
    """The keys of a venue by ccxt's ``names`` for them.

    Raises InputError naming those not set, and one that is no key.
    """
    variables = {name: variable(venue, KEY_NAMES[name]) for name in names}
    found = {name: environment.get(key, "").strip() for name, key in variables.items()}
    missing = [variables[name] for name, value in found.items() if not value]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise InputError(
            f"{venue} shows positions to keys alone, and {', '.join(missing)} {verb} not set",
            where="environment",
            remedy="Make a key that can only read and put it into these variables.",
        )
    for name, value in found.items():
        if not (value.isascii() and value.isprintable()):
            raise InputError(
                f"{variables[name]} holds a character that no key has",
                where="environment",
                remedy="Copy the key again as the venue shows it.",
            )
    return found


@contextmanager
def connection(
    venue: str, keys: Mapping[str, str], environment: Mapping[str, str], patience: Patience
) -> Generator[Any]:
    """ccxt's exchange of a venue, closed afterwards; asked through :func:`ask` alone.

    Raises InputError if ccxt is not installed or the address in the environment is none.
    """
    try:
        ccxt = import_module("ccxt")
    except ModuleNotFoundError:
        raise InputError(
            "venues are asked through ccxt, which is not installed",
            where="fetch",
            remedy="Install it: pip install 'seawall[fetch]'.",
        ) from None
    exchange = getattr(ccxt, venue)(_settings(keys, patience))
    url = _address(venue, environment)
    if url is not None:
        exchange.urls["api"] = dict.fromkeys(exchange.urls["api"], url)
    exchange.fetch = _guarded(exchange.fetch, ccxt.BadResponse)
    # Else requests would look for a password of the venue's host in ~/.netrc and send that,
    exchange.session.auth = _as_it_is
    # and take keys along to wherever it is redirected.
    exchange.session.max_redirects = 0
    try:
        yield exchange
    finally:
        exchange.close()


def ask(exchange: Any, endpoint: str, params: Mapping[str, str], *path: str | int) -> Any:
    """What stands at ``path`` of the answer to a request, which is named as ccxt does.

    Raises VenueError: VenueUnavailable, VenueRefused, or itself for an answer of another form.
    """
    with translated(exchange, endpoint):
        found = getattr(exchange, endpoint)(dict(params))
        for key in path:
            found = found[key]
        return found


def ask_rows(exchange: Any, endpoint: str, params: Mapping[str, str], *path: str) -> list[Any]:
    """The rows, objects all, at ``path`` of an answer. Raises what :func:`ask` raises."""
    found = ask(exchange, endpoint, params, *path)
    if isinstance(found, list):
        rows = cast("list[Any]", found)
        if all(isinstance(row, dict) for row in rows):
            return rows
    raise malformed(exchange, endpoint)


def load_markets(exchange: Any) -> None:
    """Have the exchange know its contracts. Raises VenueError as :func:`ask` does."""
    with translated(exchange, "instruments"):
        exchange.load_markets()
    if not exchange.markets:
        raise malformed(exchange, "instruments")


def _settings(keys: Mapping[str, str], patience: Patience) -> dict[str, Any]:
    """ccxt's settings: numbers as text, the system's proxies and certificates, no log."""
    return {
        **keys,
        "number": str,
        "timeout": patience.timeout_s * 1000.0,
        "requests_trust_env": True,
        "enableLastJsonResponse": True,
        # With keys ccxt would ask for currencies too, which takes rights that nothing here needs.
        "has": {"fetchCurrencies": False},
        "logger": logging.Logger("seawall.venues", logging.CRITICAL + 1),
        "options": {
            "maxRetriesOnFailure": patience.repeats,
            "maxRetriesOnFailureDelay": int(patience.pause_s * 1000.0),
        },
    }


def _address(venue: str, environment: Mapping[str, str]) -> str | None:
    """Another address than the venue's usual one. Raises InputError for one that is not safe."""
    name = variable(venue, "URL")
    url = environment.get(name, "").strip().rstrip("/")
    if not url:
        return None
    parts = urlsplit(url)
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOCAL)
    if not safe or not parts.hostname or parts.username or parts.query:
        raise InputError(
            f"{name} is no address for keys to be sent to",
            where="environment",
            remedy="Give one that begins with https://, for example https://test.deribit.com.",
        )
    return url


def _guarded(fetch: Callable[..., Any], error: type[Exception]) -> Callable[..., Any]:
    """The same function, for so many calls and answers that ccxt can reckon with.

    Pages that never end must not be read for ever, and ccxt writes numbers out: of 1e999999999
    every zero.
    """
    left = iter(range(_MAX_REQUESTS))

    def guarded(*args: Any, **named: Any) -> Any:
        if next(left, None) is None:
            raise error("pages without end")
        answer = fetch(*args, **named)
        if any(map(_is_endless, _texts(answer))):
            raise error("a number of an absurd size")
        return answer

    return guarded


def _texts(answer: Any) -> Generator[str]:
    """Every text of an answer but for keys."""
    left = [answer]
    while left:
        part = left.pop()
        if isinstance(part, str):
            yield part
        elif isinstance(part, dict):
            left += cast("dict[str, Any]", part).values()
        elif isinstance(part, list):
            left += cast("list[Any]", part)


def _is_endless(text: str) -> bool:
    """Whether it is a number, as ccxt reads one, with an exponent that no price or size has."""
    digits, mark, exponent = text.lower().partition("e")
    if not mark:
        return False
    try:
        int(digits.replace(".", ""))
        return abs(int(exponent)) > MOST_DIGITS
    except ValueError:
        return False


def _as_it_is(request: Any) -> Any:
    return request
