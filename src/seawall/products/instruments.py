"""Contract terms of everything that can be held.

A quantity of any of these is in units of the underlying (a coin, a share), + long, − short.
An *inverse* contract settles in its own underlying (coin-settled), a *linear* one in a
stablecoin or in cash.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

STABLECOINS = frozenset({"USDC", "USDT", "DAI", "USDE", "USDS", "PYUSD", "FDUSD", "TUSD", "USDP"})
CASH = "USD"


class _Terms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Common to all instruments: the name under which it is listed."""

    name: str


class _Asset(_Terms, frozen=True):
    """Common to what is held outright; a negative quantity is a debt in it."""

    @property
    def underlying(self) -> str:
        """The asset is its own underlying."""
        return self.name

    @property
    def settlement(self) -> str:
        """It is paid in itself."""
        return self.name

    @property
    def is_inverse(self) -> bool:
        """Nothing is settled, so nothing is settled in coin."""
        return False


class Cash(_Asset, frozen=True, tag="cash"):
    """The numeraire itself (USD)."""


class Stablecoin(_Asset, frozen=True, tag="stablecoin"):
    """A coin that aims at one USD; priced, never assumed to be exactly one."""


class SpotAsset(_Asset, frozen=True, tag="spot"):
    """A coin or other asset held outright."""


class _Derivative(_Terms, frozen=True, kw_only=True):
    """Common to all contracts on an underlying."""

    underlying: str
    settlement: str

    @property
    def is_inverse(self) -> bool:
        """Whether profit and loss is paid in the underlying itself."""
        return self.settlement == self.underlying


class Perpetual(_Derivative, frozen=True, tag="perpetual"):
    """A future without expiry, tied to its index by funding."""


class DatedFuture(_Derivative, frozen=True, kw_only=True, tag="future"):
    """A future that settles to the index at ``expiry`` (UTC)."""

    expiry: datetime


class EuropeanOption(_Derivative, frozen=True, kw_only=True, tag="option"):
    """A European call or put on the forward of ``expiry`` (UTC).

    ``strike`` is in USD per coin for inverse options and in the settlement currency per coin
    for linear ones. An inverse option's premium is quoted in coin.
    """

    expiry: datetime
    strike: float
    right: Literal["call", "put"]

    @property
    def is_call(self) -> bool:
        """Whether it is a call."""
        return self.right == "call"


Derivative = Perpetual | DatedFuture | EuropeanOption
Instrument = Cash | Stablecoin | SpotAsset | Derivative
