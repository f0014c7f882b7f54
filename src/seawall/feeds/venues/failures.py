"""What goes wrong between here and a venue, as errors of this project."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, NamedTuple, cast

from seawall.basics.errors import VenueError, VenueRefused, VenueUnavailable

_LATER = "Try again in a few minutes."
_LONGEST_SAID = 160
_HTTP_STATUS = re.compile(r"https?://\S+ (\d{3}) ")


class _Failure(NamedTuple):
    """One of ccxt's classes of errors, and what it is called here."""

    kind: str
    error: type[VenueError]
    what: str
    remedy: str


# The first that an error belongs to counts: ccxt's subclasses stand before their bases.
_FAILURES = (
    _Failure("RequestTimeout", VenueUnavailable, "does not answer in time", _LATER),
    _Failure("OnMaintenance", VenueUnavailable, "is under maintenance", _LATER),
    _Failure("ExchangeNotAvailable", VenueUnavailable, "is out of order", _LATER),
    _Failure("DDoSProtection", VenueUnavailable, "has been asked too often", _LATER),
    _Failure("RateLimitExceeded", VenueUnavailable, "has been asked too often", _LATER),
    _Failure(
        "InvalidNonce",
        VenueRefused,
        "does not accept the time of the request",
        "Set this machine's clock.",
    ),
    _Failure(
        "NetworkError",
        VenueUnavailable,
        "cannot be reached",
        "Check the network and, where there is one, the proxy in HTTPS_PROXY.",
    ),
    _Failure(
        "PermissionDenied",
        VenueRefused,
        "does not let these keys read that",
        "Let the key read account and positions, from this machine's address.",
    ),
    _Failure(
        "AuthenticationError",
        VenueRefused,
        "does not accept the keys",
        "Check the variables SEAWALL_{venue}_API_… and that the key has not expired.",
    ),
    _Failure(
        "RestrictedLocation",
        VenueRefused,
        "does not serve this machine",
        "Ask from elsewhere, or name the venue's address for your country in SEAWALL_{venue}_URL.",
    ),
    _Failure(
        "BaseError",
        VenueRefused,
        "does not take the request",
        "Look for a newer ccxt if its words do not help.",
    ),
)
_BY_KIND = {failure.kind: failure for failure in _FAILURES}
# Where ccxt's class for a status of HTTP says less than the status does. The first two answer a
# machine rather than a request: a country or an address that is not served.
_STATUSES = {
    "403": _BY_KIND["RestrictedLocation"],
    "451": _BY_KIND["RestrictedLocation"],
    "429": _BY_KIND["RateLimitExceeded"],
}
_UNTRUSTED = _Failure(
    "SSLError",
    VenueUnavailable,
    "shows a certificate that is not trusted",
    "Check this machine's clock, its certificates and who stands between it and the venue.",
)


@contextmanager
def translated(exchange: Any, endpoint: str) -> Generator[None]:
    """Have whatever fails while an exchange is asked leave as a VenueError, without its context."""
    errors = import_module("ccxt.base.errors")
    exchange.last_json_response = None
    try:
        yield
    except errors.BadResponse:
        raise malformed(exchange, endpoint) from None
    except errors.BaseError as error:
        failure = _failure(error, errors)
        raise _said(exchange, endpoint, failure) from None
    except OSError:  # the only one that requests lets through: certificates that are not there
        raise _said(exchange, endpoint, _UNTRUSTED) from None
    # ccxt takes answers apart without asking whether they are what it expects.
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError):
        raise malformed(exchange, endpoint) from None


def malformed(exchange: Any, endpoint: str) -> VenueError:
    """The error for an answer of another form than the venue's documents describe."""
    return VenueError(
        f"{exchange.id} answers in a form that is not understood",
        where=_where(exchange, endpoint),
        remedy="Try again; if it stays, look for a newer ccxt.",
    )


def _failure(error: Exception, errors: Any) -> _Failure:
    cause = error.__cause__
    if type(cause).__name__ == "SSLError":
        return _UNTRUSTED
    if type(error) is errors.ExchangeError and isinstance(cause, OSError):
        return _BY_KIND["NetworkError"]  # redirected, or an answer damaged on its way
    status = _HTTP_STATUS.search(str(error))
    if status is not None and status[1] in _STATUSES:
        return _STATUSES[status[1]]
    return next(
        failure for failure in _FAILURES if isinstance(error, getattr(errors, failure.kind))
    )


def _said(exchange: Any, endpoint: str, failure: _Failure) -> VenueError:
    words = _words(exchange)
    return failure.error(
        f"{exchange.id} {failure.what}" + (f" and says {words!r}" if words else ""),
        where=_where(exchange, endpoint),
        remedy=failure.remedy.format(venue=exchange.id.upper()),
    )


def _words(exchange: Any) -> str:
    """The code and message of the venue's last answer, without what only its owner may know."""
    answer: Any = exchange.last_json_response
    if not isinstance(answer, dict):
        return ""
    whole = cast("dict[str, Any]", answer)
    inner = whole.get("error")
    told = cast("dict[str, Any]", inner) if isinstance(inner, dict) else whole
    names = ("code", "retCode", "msg", "retMsg", "message")
    words = " ".join(str(told[name]) for name in names if told.get(name) not in (None, ""))
    for secret in (exchange.apiKey, exchange.secret, exchange.password):
        if secret:
            words = _as_echoed(secret).sub("***", words)
    plain = "".join(letter if letter.isprintable() else " " for letter in words)
    return " ".join(plain.split())[:_LONGEST_SAID]


def _as_echoed(secret: str) -> re.Pattern[str]:
    """A key as a server may repeat it: in another case, any character of it URL-encoded."""
    letters = (
        rf"(?:{re.escape(letter)}|%(?:25)*{ord(letter):02x}{'|[+]' if letter == ' ' else ''})"
        for letter in secret
    )
    return re.compile("".join(letters), re.IGNORECASE)


def _where(exchange: Any, endpoint: str) -> str:
    """The address and the request, as an error names its place."""
    url = next(iter(exchange.urls["api"].values()))
    return f"{exchange.implode_hostname(url)}, {endpoint}"
