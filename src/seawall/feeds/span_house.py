"""What a clearing house's file of one day holds, whatever its format, and how contracts are named.

A contract is named EXCHANGE PRODUCT TYPE and, without what is blank, right, periods and strike:
``CBT W FUT 202703``, ``CBT W OOF C 202705 202705 600``. Both formats give the same names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from decimal import Decimal
from functools import partial
from typing import Literal, TypeAlias, TypeVar

import msgspec

from seawall.basics.errors import BadParameter, UnrecognisedFile
from seawall.feeds.files import WRITE_AGAIN
from seawall.margin import span

__all__ = [
    "AccountClass",
    "ContractKey",
    "Places",
    "SpanFile",
    "Wanted",
    "contract_period",
    "house",
    "or_left_out",
    "refuse",
    "strike_text",
]

AccountClass = Literal["member", "hedger", "speculator"]


T = TypeVar("T")

Places: TypeAlias = Mapping[str, Set[int]]
"""The commodities that can be margined, with the numbers of their scan tiers."""


class ContractKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a file tells a contract by; blank where a contract has none of it.

    ``type`` is that of the product (FUT, OOF, OOP, PHY), ``right`` C or P, ``future`` the period of
    the future, or of the one an option is on, ``expiry`` an option's own, ``strike`` a plain
    decimal.
    """

    exchange: str
    product: str
    type: str
    right: str = ""
    future: str = ""
    expiry: str = ""
    strike: str = ""

    @property
    def name(self) -> str:
        """The contract's name."""
        words = (self.exchange, self.product, self.type, self.right, self.future, self.expiry)
        return " ".join(word for word in (*words, self.strike) if word)

    @property
    def last_period(self) -> str:
        """When the contract itself ends: an option's expiry, a future's period."""
        return self.expiry if self.right else self.future


Wanted: TypeAlias = Callable[[ContractKey], bool]
"""Which contracts to keep: a file of a whole exchange has more than one account holds."""


class SpanFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a file holds: ``business_date`` CCYYMMDD, parameters with a key for each contract that
    was kept, and what was ``left_out`` and why.
    """

    complex: str
    business_date: str
    parameters: span.SpanParameters
    keys: tuple[ContractKey, ...]
    left_out: tuple[str, ...] = ()


def contract_period(month: str, day: str = "") -> str:
    """A period CCYYMM or CCYYMMDD; blank where it is blank or zero, a day of zeros left out."""
    if not month.strip("0"):
        return ""
    return month if not day.strip("0") else month + day


def strike_text(strike: Decimal) -> str:
    """A strike as plain digits, without zeros that say nothing."""
    text = f"{strike:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def refuse(what: str, where: str) -> BadParameter:
    """What leaves a commodity or a spread out, ready to be raised."""
    return BadParameter(what, where=where, remedy="Margin it with the house's own program.")


def or_left_out(make: Callable[[], T], of: str, left_out: list[str]) -> T | None:
    """What ``make`` makes; None, and the reason told, where the algorithm has no such thing."""
    try:
        return make()
    except BadParameter as error:
        left_out.append(f"{of}: {error.what}")
        return None


def house(
    found: Sequence[tuple[span.CombinedCommodity, tuple[ContractKey, ...]]],
    spreads: Sequence[tuple[str, Callable[[Places], span.CreditSpread]]],
    policy: span.ClearingPolicy,
    left_out: list[str],
) -> tuple[span.SpanParameters, tuple[ContractKey, ...]]:
    """Parameters of commodities with the keys of their contracts, and of credit spreads, each with
    where it stands: made last, for one that names what is not there is left out.

    Raises UnrecognisedFile where there is no commodity.
    """
    if not found:
        raise UnrecognisedFile(
            "no combined commodity in it can be margined",
            where="SPAN file",
            remedy="; ".join(left_out[:3]) or WRITE_AGAIN,
        )
    places: Places = {own.code: {tier.number for tier in own.scan_tiers} for own, _ in found}
    made = [or_left_out(partial(make, places), where, left_out) for where, make in spreads]
    parameters = span.SpanParameters(
        policy=policy,
        commodities=tuple(own for own, _ in found),
        credit_spreads=tuple(each for each in made if each is not None),
    )
    return parameters, tuple(key for _, keys in found for key in keys)
