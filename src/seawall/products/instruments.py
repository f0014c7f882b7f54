"""Contract terms of everything that can be held.

A quantity of any of these is in units of the underlying (a coin, a share), + long, − short; of an
asset held outright in units of itself.
An *inverse* contract settles in its own underlying (coin-settled), a *linear* one in a
stablecoin or in cash.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, TypeGuard

import msgspec

from seawall.basics.errors import BadNumber

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
    """The money of a state: USD, which is the numeraire, or another that has a price in it."""


class Stablecoin(_Asset, frozen=True, tag="stablecoin"):
    """A coin that aims at one USD; priced, never assumed to be exactly one."""


class SpotAsset(_Asset, frozen=True, tag="spot"):
    """A coin or other asset held outright."""


class Wrapper(_Asset, frozen=True, kw_only=True, tag="wrapper"):
    """A claim on another asset, ``wraps``, with a price of its own: wrapped or staked coins,
    stablecoins in savings.
    """

    wraps: str

    @property
    def underlying(self) -> str:
        """It moves with what it is a claim on."""
        return self.wraps


class LpShare(_Asset, frozen=True, kw_only=True, tag="lp-share"):
    """A share of a pool that makes markets between ``components``."""

    components: tuple[str, ...]


class RealWorldAsset(_Asset, frozen=True, tag="real-world-asset"):
    """A tokenised treasury or fund."""


class Stock(_Asset, frozen=True, tag="stock"):
    """A share of a company or an exchange-traded fund, named with its market: ``NVDA.US``."""


class _Derivative(_Terms, frozen=True, kw_only=True):
    """Common to all contracts on an underlying.

    ``quanto_rate`` of a quanto: units of ``settlement`` paid per USD of price and unit of quantity,
    fixed by the contract; None for all others. Raises BadNumber for a rate that is none, and for
    one of a contract that settles in its own underlying.
    """

    underlying: str
    settlement: str
    quanto_rate: float | None = None

    def __post_init__(self) -> None:
        rate = self.quanto_rate
        if rate is None or (0.0 < rate < float("inf") and not self.is_inverse):
            return
        raise BadNumber(
            f"quanto rate {rate} of {self.name} cannot be one",
            where="contract terms",
            remedy="Give a positive rate to a contract that settles in another coin than its own, "
            "and none to others.",
        )

    @property
    def is_inverse(self) -> bool:
        """Whether profit and loss is paid in the underlying itself."""
        return self.settlement == self.underlying

    @property
    def quote(self) -> str:
        """The currency in which its price is told: USD of what does not settle in it."""
        return CASH if self.is_inverse or self.quanto_rate is not None else self.settlement


class _Expiring(_Derivative, frozen=True, kw_only=True):
    """Common to contracts that end at ``expiry`` (UTC).

    What is settled in ``cash`` pays against the mean of the index over the last
    ``averaging_minutes`` before it, 0 against its last value; what is settled ``physical`` turns
    into the underlying itself.
    """

    expiry: datetime
    delivery: Literal["cash", "physical"] = "cash"
    averaging_minutes: int = 0


class Perpetual(_Derivative, frozen=True, tag="perpetual"):
    """A future without expiry, tied to its index by funding."""


class DatedFuture(_Expiring, frozen=True, kw_only=True, tag="future"):
    """A future that settles to the index at ``expiry``."""


class Option(_Expiring, frozen=True, kw_only=True, tag="option"):
    """A call or put on the forward of ``expiry``, exercised then or, if American, until then.

    ``strike`` is in USD per coin for inverse options and in the settlement currency per coin
    for linear ones. An inverse option's premium is quoted in coin.
    """

    strike: float
    right: Literal["call", "put"]
    exercise: Literal["european", "american"] = "european"

    @property
    def is_call(self) -> bool:
        """Whether it is a call."""
        return self.right == "call"


Future = Perpetual | DatedFuture
Expiring = DatedFuture | Option
Derivative = Future | Option
Asset = Cash | Stablecoin | SpotAsset | Wrapper | LpShare | RealWorldAsset | Stock
Instrument = Asset | Derivative


def is_money(instrument: Instrument) -> TypeGuard[Cash | Stablecoin | Wrapper]:
    """Whether it stands beside all underlyings: cash, a stablecoin, or a claim on one."""
    if isinstance(instrument, Wrapper):
        return instrument.wraps in STABLECOINS
    return isinstance(instrument, Cash | Stablecoin)


def has_usd_size(instrument: Instrument) -> TypeGuard[Future]:
    """Whether its size is fixed in USD, so that its coins are other ones at another mark: an
    inverse future or perpetual.
    """
    return isinstance(instrument, Future) and instrument.is_inverse
