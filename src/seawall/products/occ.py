"""OCC's symbols of US options: root, day, right, strike in thousandths of a dollar.

``NVDA250117C00150000`` is the call on NVDA of 17 January 2025 struck at 150; the root is that of a
share or fund, or one that stands for an index and its hour of settlement.
Sources: OCC's Options Symbology Initiative; Cboe's and Nasdaq's specifications of index options.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

SYMBOL = re.compile(
    r"(?P<root>[A-Z]{1,6})(?P<adjusted>\d?)(?P<day>\d{6})(?P<right>[CP])(?P<strike>\d{8})"
)

INDEX_ROOTS: Mapping[str, tuple[str, bool]] = MappingProxyType(
    {
        "SPX": ("SPX", True),
        "SPXW": ("SPX", False),
        "XSP": ("XSP", False),
        "NDX": ("NDX", True),
        "NDXP": ("NDX", False),
        "RUT": ("RUT", True),
        "RUTW": ("RUT", False),
        "DJX": ("DJX", True),
        "OEX": ("OEX", False),
    }
)
"""The index of each root, and whether it settles at the open rather than at the close."""

_ROOTS = {terms: root for root, terms in INDEX_ROOTS.items()}
_VOLATILITY = "its underlying is a volatility, which no price scenario here describes"
_OTHER_INDEX = "it is an option on an index whose terms are not known here"
REFUSED_ROOTS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("VIX", "VIXW"), _VOLATILITY),
        "XEO": "its index is known here by its American options, OEX",
        "NANOS": "its options are worth one unit of an index, not 100",
        "SPXPM": "it is an old root of the index SPX",
        **dict.fromkeys(
            (
                *("MRUT", "XND", "NQX", "RUI", "RLG", "RLV", "MXEA", "MXEF", "CBTX", "MBTX"),
                *("XAU", "SOX", "OSX", "HGX", "UTY", "BKX"),
            ),
            _OTHER_INDEX,
        ),
    }
)
"""Roots that are neither a share's nor of a known index, and why they are refused."""

_MAX_THOUSANDTHS = 10**8


def terms_of(root: str) -> tuple[str, bool]:
    """What a root stands for: a ticker, and whether it settles at the open."""
    return INDEX_ROOTS.get(root, (root, False))


def is_ticker(ticker: str) -> bool:
    """Whether a root of that name would be the ticker's own: a share's, or a known index's."""
    return ticker not in REFUSED_ROOTS and terms_of(ticker)[0] == ticker


def symbol(ticker: str, at_open: bool, day: str, strike: float, is_call: bool) -> str | None:
    """The symbol of an option, its day as YYMMDD; None where no symbol can be written.

    There is none of a strike that is no whole number of thousandths, nor of an hour at which
    nothing on the ticker settles.
    """
    root = _ROOTS.get((ticker, at_open), None if at_open or ticker in INDEX_ROOTS else ticker)
    thousandths = round(strike * 1_000.0)
    if root is None or not 0 < thousandths < _MAX_THOUSANDTHS or thousandths / 1_000.0 != strike:
        return None
    return f"{root}{day}{'C' if is_call else 'P'}{thousandths:08d}"
