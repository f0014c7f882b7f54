"""All that a requirement is computed from beside the positions, and the positions themselves."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

import msgspec

from seawall.basics.errors import BadNumber, UnknownInstrument
from seawall.margin.span.commodity import CombinedCommodity, Side, check
from seawall.margin.span.policy import ClearingPolicy

__all__ = ["CreditLeg", "CreditSpread", "Holding", "SpanParameters", "net_quantities"]


class CreditLeg(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``ratio`` deltas of a commodity, or of one of its scan tiers, for each spread.

    ``rate`` the part of the leg's price risk that is credited, where it is not the spread's.
    """

    commodity: str
    ratio: float
    side: Side
    tier: int | None = None
    rate: float | None = None


class CreditSpread(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A credit for opposite deltas of several commodities, at ``rate`` (0.85 for 85 %).

    ``pass_name`` says when it is tried: ``super`` before the charges within commodities, ``inter``
    after them, ``exchange`` last. Legs of one letter must be on one side of the market, those of
    the other opposite; all may be of one letter. Raises BadParameter for fewer than two legs, a
    place named twice or with and without its tier, a ratio not above 0 or a rate not between 0 and
    1.
    """

    pass_name: Literal["super", "inter", "exchange"]
    priority: int
    rate: float
    legs: tuple[CreditLeg, ...]

    def __post_init__(self) -> None:
        places = {(leg.commodity, leg.tier) for leg in self.legs}
        whole = {leg.commodity for leg in self.legs if leg.tier is None}
        apart = all(leg.tier is None or leg.commodity not in whole for leg in self.legs)
        check(
            len(self.legs) >= 2 and len(places) == len(self.legs) and apart,
            f"a credit spread of {', '.join(leg.commodity for leg in self.legs)}",
            f"{self.pass_name} {self.priority}",
            "Give two legs or more, each commodity or tier once.",
        )
        rates = [self.rate, *(leg.rate for leg in self.legs if leg.rate is not None)]
        check(
            all(0.0 <= rate <= 1.0 for rate in rates)
            and all(math.isfinite(leg.ratio) and leg.ratio > 0.0 for leg in self.legs),
            f"credit rates {rates}, ratios {[leg.ratio for leg in self.legs]}",
            f"{self.pass_name} {self.priority}",
            "Give rates between 0 and 1 and ratios above 0.",
        )


class SpanParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One clearing house's parameters of one day.

    Raises BadParameter for commodities or contracts of one name, or for a credit spread of a
    commodity or tier that is not listed.
    """

    policy: ClearingPolicy
    commodities: tuple[CombinedCommodity, ...]
    credit_spreads: tuple[CreditSpread, ...] = ()

    def __post_init__(self) -> None:
        codes = [commodity.code for commodity in self.commodities]
        names = [contract.name for own in self.commodities for contract in own.contracts]
        check(
            len(set(codes)) == len(codes) and len(set(names)) == len(names),
            "a combined commodity or a contract listed twice",
            "commodities",
            "List each code and each contract once.",
        )
        places = {(own.code, None) for own in self.commodities} | {
            (own.code, tier.number) for own in self.commodities for tier in own.scan_tiers
        }
        unknown = [
            leg
            for spread in self.credit_spreads
            for leg in spread.legs
            if (leg.commodity, leg.tier) not in places
        ]
        check(
            not unknown,
            f"a credit spread of {', '.join(f'{x.commodity} tier {x.tier}' for x in unknown)}",
            "credit_spreads",
            "List the commodities and scan tiers that spreads name.",
        )


class Holding(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``quantity`` contracts of one name, long +, short −."""

    contract: str
    quantity: float


def net_quantities(
    holdings: Iterable[Holding], parameters: SpanParameters
) -> dict[str, tuple[float, ...]]:
    """Net contracts of each commodity, in the order of its contracts; those with none left out.

    The order of holdings is of no consequence, to the last bit. Raises BadNumber for a quantity
    that is not finite, UnknownInstrument for a contract that the parameters do not list.
    """
    held: dict[str, list[float]] = {}
    for holding in holdings:
        if not math.isfinite(holding.quantity):
            raise BadNumber(
                f"a quantity of {holding.quantity}",
                where=holding.contract,
                remedy="Give a finite number of contracts.",
            )
        held.setdefault(holding.contract, []).append(holding.quantity)
    known = {contract.name for own in parameters.commodities for contract in own.contracts}
    for name in sorted(held.keys() - known):
        raise UnknownInstrument(
            f"{name} is in no combined commodity",
            where=f"{parameters.policy.name} parameters",
            remedy="Take parameters that list it, or leave the position out.",
        )
    nets = {
        own.code: tuple(math.fsum(held.get(contract.name, ())) for contract in own.contracts)
        for own in parameters.commodities
    }
    return {code: quantities for code, quantities in nets.items() if any(quantities)}
