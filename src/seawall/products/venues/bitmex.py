"""BitMEX's quanto perpetuals: ``ETHUSD``, priced in USD and paid in bitcoin at a fixed rate.

Only the quantos whose multiplier is known here; its other contracts are not read.
Source: BitMEX's announcements of its quanto perpetuals.
"""

from __future__ import annotations

import re

from seawall.products.contracts import QUANTO_RATES, quanto
from seawall.products.instruments import Derivative, Instrument
from seawall.products.venues.base import ContractSpec, known_size

TITLE = "BitMEX"
# Its names are those of other contracts elsewhere: none is its own.
OWN = re.compile(r"(?!)")
_ENDING = "USD"


def read(name: str) -> Instrument | None:
    """The quanto of a symbol; None for what is none."""
    return quanto(name.removesuffix(_ENDING), "BTC") if name.endswith(_ENDING) else None


def write(contract: Derivative) -> str | None:
    """The symbol of a quanto that is known here; None of all else."""
    known = quanto(contract.underlying, contract.settlement)
    return f"{contract.underlying}{_ENDING}" if contract == known else None


def spec(contract: Derivative) -> ContractSpec | None:
    """One unit of quantity, which pays the quanto's rate."""
    if (contract.underlying, contract.settlement) not in QUANTO_RATES:
        return None
    return known_size("1", "BitMEX, contract multiplier")
