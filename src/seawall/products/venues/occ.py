"""OCC's symbols of US options, padded to 21 characters: ``NVDA  250117C00150000``.

Canonical here is the same without the blanks.
Sources: OCC's Options Symbology Initiative; contracts of 100 shares, or 100 USD an index point.
"""

from __future__ import annotations

import re

from seawall.products.canonical import parse_canonical
from seawall.products.instruments import Derivative, Instrument, Option
from seawall.products.markets import US, market_of
from seawall.products.occ import SYMBOL
from seawall.products.venues.base import ContractSpec, known_size

TITLE = "OCC"
OWN = re.compile(r"[A-Z]{1,6}[0-9]? +\d{6}[CP]\d{8}", re.ASCII)
_ROOT_WIDTH, _REST = 6, 15


def read(name: str) -> Instrument | None:
    """The option of a symbol, padded or not; None for what is none."""
    compact = name.replace(" ", "") if len(name) == _ROOT_WIDTH + _REST else name
    return parse_canonical(compact) if SYMBOL.fullmatch(compact) else None


def write(contract: Derivative) -> str | None:
    """The padded symbol; None of what is no US option, or of a strike that no symbol tells."""
    is_listed = isinstance(contract, Option) and market_of(contract.underlying) is US
    if not is_listed or not SYMBOL.fullmatch(contract.name):
        return None
    return contract.name[:-_REST].ljust(_ROOT_WIDTH) + contract.name[-_REST:]


def spec(contract: Derivative) -> ContractSpec | None:
    """A hundred shares, or a hundred units of an index; adjusted contracts are never read."""
    return known_size("100", "OCC, standard contracts")
