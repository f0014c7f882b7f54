"""Names read and written: the one that each instrument has here, and its aliases at venues.

A canonical name (canonical.py) and whatever only one venue could have written are read as they
stand; any other name of a venue is read when it says whose it is, ``bybit:BTCUSDT``. What is read
has its canonical name, so that no contract can be held twice under two names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from seawall.basics.errors import InputError, UnknownInstrument
from seawall.products.canonical import NAMED_ASSETS, parse_canonical
from seawall.products.contracts import EXPIRY_HOUR_UTC, contract_name, unknown
from seawall.products.instruments import Derivative, Instrument
from seawall.products.venues import (
    binance,
    bitmex,
    bybit,
    ccxt,
    deribit,
    kraken,
    nse,
    occ,
    okx,
)
from seawall.products.venues.base import ContractSpec, Venue, units_of

__all__ = [
    "EXPIRY_HOUR_UTC",
    "NAMED_ASSETS",
    "VENUES",
    "ContractSpec",
    "contract_name",
    "contract_spec",
    "parse_name",
    "parse_venue_name",
    "units_of",
    "venue_name",
    "venue_of",
]

_VENUES: Mapping[str, Venue] = MappingProxyType(
    {
        "binance": binance,
        "bitmex": bitmex,
        "bybit": bybit,
        "ccxt": ccxt,
        "deribit": deribit,
        "kraken": kraken,
        "nse": nse,
        "occ": occ,
        "okx": okx,
    }
)
VENUES = tuple(_VENUES)
"""Whose names are known."""

MAX_NAME_LENGTH = 200
"""Characters; the longest names are those of pools' shares."""

_QUALIFIED = re.compile(r"(?P<venue>[a-z]+):(?P<name>.+)")


def parse_name(name: str) -> Instrument:
    """The instrument that a name stands for: canonical, a venue's own, or ``venue:name``.

    Raises UnknownInstrument if no rule of naming fits, its date does not exist, its strike is
    not a price, or it is not how the contract is listed; the remedy says what may be meant.
    """
    _require_text(name)
    return _parsed(name)


def parse_venue_name(name: str, venue: str) -> Instrument:
    """The contract that a venue calls by a name.

    Raises UnknownInstrument if it is none of the venue's names, InputError for a venue that is
    not in ``VENUES``.
    """
    _require_text(name)
    found = _venue(venue).read(name)
    if found is None:
        raise unknown(
            name,
            f"{_venue(venue).TITLE} lists no contract under such a name",
            "Check the name, or give the canonical one, such as BTC_USDT-PERPETUAL.",
        )
    # What has no canonical name cannot be held.
    return parse_canonical(found.name)


def venue_name(instrument: Instrument, venue: str) -> str:
    """What a venue calls a contract: the alias that :func:`parse_venue_name` reads back.

    Raises UnknownInstrument if the venue lists no such contract, InputError for a venue that is
    not in ``VENUES``.
    """
    name = _venue(venue).write(_derivative(instrument))
    if name is None:
        raise unknown(
            instrument.name,
            f"{_venue(venue).TITLE} lists no contract of its kind",
            f"Ask for its name at another of {', '.join(VENUES)}.",
        )
    return name


def contract_spec(instrument: Instrument, venue: str) -> ContractSpec:
    """How much one contract is at a venue.

    Raises UnknownInstrument for what the venue does not list, InputError if its size there is not
    known here or the venue is not in ``VENUES``: never a guess.
    """
    venue_name(instrument, venue)
    found = _venue(venue).spec(_derivative(instrument))
    if found is None:
        raise InputError(
            f"the size of a contract of {instrument.name} at {_venue(venue).TITLE} is not known",
            where="contract size",
            remedy="Give it with the position (contractSize, ctVal, lot size), or give the "
            "quantity in units of the underlying.",
        )
    return found


def venue_of(name: str) -> str | None:
    """Whose name it is: it says so, or nobody else could have written it; None of any other."""
    own = next((key for key, venue in _VENUES.items() if venue.OWN.fullmatch(name)), None)
    qualified = _QUALIFIED.fullmatch(name)
    return qualified["venue"] if own is None and qualified else own


def _require_text(name: object) -> None:
    """Programs hand in what they have; only a text can be a name, and be looked up as one."""
    if not isinstance(name, str):
        raise unknown(name, "a name is text")
    if len(name) > MAX_NAME_LENGTH:
        raise unknown(name, f"it has more than {MAX_NAME_LENGTH} characters")


def _venue(venue: str) -> Venue:
    if venue not in _VENUES:
        raise InputError(
            f"{venue!r:.40} is no venue whose names are known",
            where="venue",
            remedy=f"Use one of {', '.join(VENUES)}.",
        )
    return _VENUES[venue]


def _derivative(instrument: Instrument) -> Derivative:
    if not isinstance(instrument, Derivative):
        raise unknown(instrument.name, "it is held outright: no venue lists contracts of it")
    return instrument


@lru_cache(maxsize=65_536)
def _parsed(name: str) -> Instrument:
    for key, venue in _VENUES.items():
        if venue.OWN.fullmatch(name):
            return parse_venue_name(name, key)
    qualified = _QUALIFIED.fullmatch(name)
    if qualified:
        if qualified["venue"] not in _VENUES:
            raise unknown(
                name,
                f"no names of {qualified['venue'][:20]} are known",
                f"Known are those of {', '.join(VENUES)}; or write it as BTC-PERPETUAL.",
            )
        return parse_venue_name(qualified["name"], qualified["venue"])
    try:
        return parse_canonical(name)
    except UnknownInstrument as error:
        meant = _meant(name)
        if meant is None:
            raise
        raise UnknownInstrument(
            error.what, where=error.where, remedy=f"Write {meant}, if that is meant."
        ) from None


def _meant(name: str) -> str | None:
    """The canonical name of which another spelling was given; None if none is near."""
    tidy = name.strip().upper().replace("/", "_") if len(name) < 40 else name
    tidy = re.sub(r"-PERP$", "-PERPETUAL", tidy)
    tidy = re.sub(r"--(\d+(?:[.D]\d+)?-[CP])$", r"-M\1", tidy)
    tidy = re.sub(r"-(M?\d+)\.(\d+)-([CP])$", r"-\1D\2-\3", tidy)
    tidy = re.sub(r"-0+(\d)", r"-\1", tidy)
    for candidate in (tidy, f"{tidy}-C"):
        try:
            found = parse_canonical(candidate)
        except UnknownInstrument:
            continue
        if candidate == tidy:
            return found.name
        return f"{found.name} or {found.name[:-1]}P"
    return None
