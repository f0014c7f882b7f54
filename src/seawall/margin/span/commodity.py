"""What a clearing house publishes of a combined commodity: contracts, tiers, charges, ratios.

Contract periods are texts CCYYMM or CCYYMMDD; a tier that is bounded by months holds their days
too.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import combinations
from typing import Literal

import msgspec

from seawall.basics.errors import BadParameter
from seawall.margin.span.scenarios import SCENARIOS

__all__ = [
    "CombinedCommodity",
    "Contract",
    "SeriesLeg",
    "SeriesSpread",
    "ShortOptionMinimum",
    "Side",
    "SpotCharge",
    "Tier",
    "TierLeg",
    "TierSpread",
    "check",
]

Side = Literal["A", "B"]
"""Legs of one letter are on the same side of the market, those of the other opposite to them."""


def check(sane: bool, what: str, where: str, remedy: str) -> None:
    """Raise BadParameter unless ``sane``."""
    if not sane:
        raise BadParameter(what, where=where, remedy=remedy)


def _within(low: float, numbers: Iterable[float]) -> bool:
    return all(math.isfinite(number) and number >= low for number in numbers)


class Contract(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One future or option, per contract held.

    ``array`` the loss (+) of one long contract in each of the 16 scenarios, in the commodity's
    currency and final: extreme scenarios are already covered in part. ``delta`` the composite
    delta, ``delta_scaling`` what one contract counts for among its commodity's. ``price`` the
    settlement price, of which ``value_factor`` makes money. ``period`` the contract period to which
    its delta belongs: of an option on a future the future's. ``style`` an option's: paid for when
    it is bought (``premium``) or settled daily (``futures``), which has no option value.

    Raises BadParameter for an array of another length, and for a number that is not finite.
    """

    name: str
    kind: Literal["future", "call", "put"]
    period: str
    array: tuple[float, ...]
    delta: float
    price: float
    value_factor: float
    delta_scaling: float = 1.0
    style: Literal["premium", "futures"] = "premium"

    def __post_init__(self) -> None:
        check(
            len(self.array) == len(SCENARIOS),
            f"a risk array of {len(self.array)} values",
            self.name,
            f"Give all {len(SCENARIOS)}.",
        )
        numbers = (*self.array, self.delta, self.price)
        check(
            _within(-math.inf, numbers) and _within(0.0, (self.value_factor, self.delta_scaling)),
            "a value of the array, the delta, price or a factor is no finite number, or below 0",
            self.name,
            "Give finite numbers, factors of at least 0.",
        )

    @property
    def is_option(self) -> bool:
        """Whether it is a call or a put."""
        return self.kind != "future"

    @property
    def has_value(self) -> bool:
        """Whether it is an option that was paid for and so has value in the account."""
        return self.is_option and self.style == "premium"


class Tier(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Contract periods from ``first`` to ``last``, both in, under a number from 1 on."""

    number: int
    first: str
    last: str

    def __post_init__(self) -> None:
        check(
            self.number >= 1 and self.first <= self.last,
            f"tier {self.number} from {self.first} to {self.last}",
            "tiers",
            "Number tiers from 1 on and give the earlier period first.",
        )

    def holds(self, period: str) -> bool:
        """Whether a contract of that period belongs to the tier."""
        after = self.first <= period[: len(self.first)]
        return after and period[: len(self.last)] <= self.last


class TierLeg(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``ratio`` deltas of one side within a tier, for each spread."""

    tier: int
    ratio: float
    side: Side


class SeriesLeg(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``ratio`` deltas of one side in one contract period, for each spread."""

    period: str
    ratio: float
    side: Side


def check_legs(places: Iterable[object], legs: Iterable[TierLeg | SeriesLeg], rate: float) -> None:
    """Raise BadParameter for legs that cannot form a spread, or a charge below 0."""
    listed, own = list(places), list(legs)
    sides = {leg.side for leg in own}
    check(
        len(set(listed)) == len(listed) and sides == {"A", "B"},
        f"a spread with legs {', '.join(map(str, listed))}",
        "spreads",
        "Give legs of both sides, each place once a side.",
    )
    check(
        _within(0.0, (rate,)) and all(math.isfinite(x.ratio) and x.ratio > 0 for x in own),
        f"a spread at {rate} with ratios {', '.join(str(x.ratio) for x in own)}",
        "spreads",
        "Give a rate of at least 0 and ratios above 0.",
    )


class TierSpread(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A charge, per spread, for deltas of opposite sides within or between tiers."""

    priority: int
    charge: float
    legs: tuple[TierLeg, ...]

    def __post_init__(self) -> None:
        check_legs([(leg.tier, leg.side) for leg in self.legs], self.legs, self.charge)


class SeriesSpread(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A charge, per spread, for deltas of opposite sides in named contract periods."""

    priority: int
    charge: float
    legs: tuple[SeriesLeg, ...]

    def __post_init__(self) -> None:
        check_legs([(leg.period, leg.side) for leg in self.legs], self.legs, self.charge)


class SpotCharge(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a delta of a period near delivery costs: within spreads formed so far, or outright."""

    period: str
    in_spreads: float
    outright: float

    def __post_init__(self) -> None:
        check(
            _within(0.0, (self.in_spreads, self.outright)),
            f"a spot charge of {self.in_spreads} and {self.outright}",
            self.period,
            "Give charges of at least 0 per delta.",
        )


class ShortOptionMinimum(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``rate`` for each short option: calls and puts (``sum``), or the more of the two."""

    rate: float
    counts: Literal["sum", "greater"] = "sum"

    def __post_init__(self) -> None:
        check(
            _within(0.0, (self.rate,)),
            f"a short option minimum of {self.rate}",
            "short_option_minimum",
            "Give a rate of at least 0.",
        )


class CombinedCommodity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Contracts of one underlying that are scanned together, with what is charged beside the scan.

    ``scan_tiers`` are scanned apart and their risks added; none is one tier of everything.
    ``spread_tiers`` those that tier spreads name. ``adjustment`` makes maintenance of the risk,
    ``initial_ratio`` initial of maintenance. ``limits_option_value`` the net option value serves
    its own risk only; else what is left of it serves the currency's other commodities.

    Raises BadParameter for contracts of one name, tiers that overlap or leave a contract out, a leg
    in a tier that is not listed, periods charged twice, or ratios that lower what they multiply.
    """

    code: str
    currency: str
    contracts: tuple[Contract, ...]
    scan_tiers: tuple[Tier, ...] = ()
    spread_tiers: tuple[Tier, ...] = ()
    tier_spreads: tuple[TierSpread, ...] = ()
    series_spreads: tuple[SeriesSpread, ...] = ()
    spot_charges: tuple[SpotCharge, ...] = ()
    short_option_minimum: ShortOptionMinimum = ShortOptionMinimum(rate=0.0)
    limits_option_value: bool = False
    adjustment: float = 1.0
    initial_ratio: float = 1.0

    def __post_init__(self) -> None:
        self._check_tiers()
        names = [contract.name for contract in self.contracts]
        spots = [charge.period for charge in self.spot_charges]
        check(
            len(set(names)) == len(names) and len(set(spots)) == len(spots),
            "a contract or a spot charge listed twice",
            self.code,
            "List each contract and each charged period once.",
        )
        check(
            math.isfinite(self.adjustment)
            and self.adjustment > 0.0
            and _within(1.0, (self.initial_ratio,)),
            f"adjustment {self.adjustment} and initial ratio {self.initial_ratio}",
            self.code,
            "Give an adjustment above 0 and an initial ratio of at least 1.",
        )

    def _check_tiers(self) -> None:
        for tiers in (self.scan_tiers, self.spread_tiers):
            apart = all(
                a.number != b.number and not a.holds(b.first) and not b.holds(a.first)
                for a, b in combinations(tiers, 2)
            )
            check(apart, "tiers that overlap", self.code, "Give each tier periods of its own.")
        for contract in self.contracts:
            check(
                not self.scan_tiers or any(t.holds(contract.period) for t in self.scan_tiers),
                f"{contract.name} of {contract.period} is in no scan tier",
                self.code,
                "Give scan tiers that hold every contract.",
            )
        known = {tier.number for tier in self.spread_tiers}
        named = {leg.tier for spread in self.tier_spreads for leg in spread.legs}
        check(
            named <= known,
            f"a spread of tiers {sorted(named - known)}",
            self.code,
            "List the tiers that spreads name.",
        )
