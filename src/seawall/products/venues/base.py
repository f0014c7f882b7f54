"""What is common to all venues: the shape of one, contract sizes, counts turned into quantities."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Literal, Protocol

import msgspec

from seawall.basics.errors import BadNumber
from seawall.products.contracts import day_of, expiry_of, future, option, perpetual, strike_of
from seawall.products.instruments import DatedFuture, Derivative, Instrument, Option, Perpetual
from seawall.products.markets import market_of


class ContractSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one contract is: ``size`` units of the underlying, or ``size`` USD of it.

    ``source`` says whose number it is.
    """

    size: Decimal
    unit: Literal["underlying", "USD"] = "underlying"
    source: str

    def __post_init__(self) -> None:
        if not (self.size.is_finite() and self.size > 0):
            raise BadNumber(
                f"a contract of {self.size} {self.unit} is none",
                where="contract size",
                remedy="Give a positive size.",
            )


def units_of(contracts: Decimal, spec: ContractSpec, mark: Decimal | None = None) -> Decimal:
    """The quantity, in units of the underlying, of a number of contracts; both are signed.

    ``mark`` is the contract's price in USD, which a size in USD is divided by. Raises BadNumber
    when it is needed and is no price, and for a number that is no finite Decimal.
    """
    if not _is_number(contracts):
        raise BadNumber(
            f"{contracts!r:.40} is no number of contracts",
            where="contract size",
            remedy="Give a finite Decimal.",
        )
    if spec.unit == "underlying":
        return contracts * spec.size
    if mark is None or not (_is_number(mark) and mark > 0):
        raise BadNumber(
            f"contracts of {spec.size} USD cannot be counted in coins at a mark of {mark}",
            where="contract size",
            remedy="Give the contract's mark in USD, or a quantity in coins.",
        )
    return contracts * spec.size / mark


def _is_number(given: object) -> bool:
    return isinstance(given, Decimal) and given.is_finite()


def known_size(
    size: str | None, source: str, unit: Literal["underlying", "USD"] = "underlying"
) -> ContractSpec | None:
    """The spec of a size that stands in a table; None for one that does not."""
    return None if size is None else ContractSpec(size=Decimal(size), unit=unit, source=source)


class Venue(Protocol):
    """One venue: the module of its file."""

    @property
    def TITLE(self) -> str:  # noqa: N802
        """Its name as people write it."""
        ...

    @property
    def OWN(self) -> re.Pattern[str]:  # noqa: N802
        """Names that no other venue gives to another contract."""
        ...

    def read(self, name: str) -> Instrument | None:
        """The contract of a name; None for what is none of the venue's forms.

        Raises UnknownInstrument for a form of it that stands for nothing, and says why.
        """
        ...

    def write(self, contract: Derivative) -> str | None:
        """The venue's name of a contract; None for a kind that it does not list."""
        ...

    def spec(self, contract: Derivative) -> ContractSpec | None:
        """The size of a contract; None where it is not known here."""
        ...


def contract_of(
    name: str, underlying: str, settlement: str, parts: Mapping[str, str | None]
) -> Perpetual | DatedFuture | Option:
    """The contract of a name's ``day``, ``strike`` and ``right``; without a day a perpetual.

    Raises UnknownInstrument for a day or strike that is none.
    """
    day, strike, right = parts.get("day"), parts.get("strike"), parts.get("right")
    if day is None:
        return perpetual(underlying, settlement)
    expiry = expiry_of(underlying, day_of(day, name))
    if strike is None or right is None:
        return future(underlying, settlement, expiry)
    level = strike_of(strike, name, underlying)
    return option(underlying, settlement, expiry, level, "call" if right[0] == "C" else "put")


def is_coin_contract(contract: Derivative) -> bool:
    """Whether it is on a coin and pays in that coin or in what it is priced in: no quanto."""
    return market_of(contract.underlying) is None and contract.quanto_rate is None


def right_of(option: Option) -> str:
    """C or P."""
    return "C" if option.is_call else "P"


def spot_pair(coin: str) -> tuple[str, str]:
    """Why a spot pair of a coin stands for nothing that is held, and what to write."""
    shown = coin[:20]
    return "a spot pair is traded, not held", f"Write {shown}, or {shown}-PERPETUAL, say."
