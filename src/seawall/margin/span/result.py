"""What a SPAN requirement is made of: every step's figures, and rows that add up to the totals.

Amounts are in the commodity's currency, losses and charges +, credits −.
"""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = [
    "CommodityRisk",
    "CurrencyTotal",
    "LegTaken",
    "Row",
    "Scan",
    "SpanRequirement",
    "SpotTaken",
    "SpreadFormed",
]


class Scan(msgspec.Struct, frozen=True, kw_only=True):
    """One scan tier (0: the whole commodity).

    ``losses`` by scenario, ``active`` the number of the worst, the lowest of equals, ``risk`` its
    loss or 0; ``paired_loss`` that of the same price and the other volatility,
    ``volatility_adjusted`` the mean of both, ``time_risk`` the mean of scenarios 1 and 2,
    ``price_risk`` their difference, ``net_delta`` before any spread and ``weighted_price_risk`` the
    price risk of one delta, 0 where there is none.
    """

    tier: int
    losses: tuple[float, ...]
    active: int
    risk: float
    paired_loss: float
    volatility_adjusted: float
    time_risk: float
    price_risk: float
    net_delta: float
    weighted_price_risk: float


class LegTaken(msgspec.Struct, frozen=True, kw_only=True):
    """A leg of a spread that was formed: the signed ``delta`` it took, from where, its
    ``credit``.
    """

    commodity: str
    place: str
    delta: float
    credit: float


class SpreadFormed(msgspec.Struct, frozen=True, kw_only=True):
    """``count`` spreads of one definition, with the A legs long or short.

    ``charge`` of all of them, ``credit`` of each leg that has any.
    """

    pass_name: Literal["super", "tiers", "series", "inter", "exchange"]
    priority: int
    a_is_long: bool
    count: float
    charge: float
    legs: tuple[LegTaken, ...]


class SpotTaken(msgspec.Struct, frozen=True, kw_only=True):
    """Deltas (≥ 0) of a period near delivery, in spreads and outright, and what they cost."""

    period: str
    in_spreads: float
    outright: float
    charge: float


class CommodityRisk(msgspec.Struct, frozen=True, kw_only=True):
    """One combined commodity: its parts, and its risk as its house's policy puts them together.

    ``credit`` ≥ 0 of all its credit spreads, at most its price risk; ``option_minimum`` the short
    option minimum, ``option_value`` the net value of its premium-style options, ``risk`` before
    adjustment and ratio, ``capped`` whether it is only long options at their value,
    ``limits_option_value`` whether its value serves its own risk only. ``deltas_left`` by period.
    """

    code: str
    currency: str
    scans: tuple[Scan, ...]
    scan_risk: float
    intra_charge: float
    spot: tuple[SpotTaken, ...]
    spot_charge: float
    credit: float
    option_minimum: float
    option_value: float
    risk: float
    capped: bool
    limits_option_value: bool
    adjustment: float
    initial_ratio: float
    deltas_left: dict[str, float]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a total: what ``step`` of which commodity (or currency) adds."""

    step: str
    of: str
    amount: float


class CurrencyTotal(msgspec.Struct, frozen=True, kw_only=True):
    """What one currency asks at one level; ``rows`` add up to ``requirement`` − ``excess``.

    ``requirement`` ≥ 0; ``excess`` ≥ 0 is option value beyond all risk, which some houses pay out.
    One of both is 0.
    """

    currency: str
    level: Literal["maintenance", "initial"]
    requirement: float
    excess: float
    rows: tuple[Row, ...]


class SpanRequirement(msgspec.Struct, frozen=True, kw_only=True):
    """All commodities held, all spreads in the order in which they were formed, all totals."""

    policy: str
    commodities: tuple[CommodityRisk, ...]
    spreads: tuple[SpreadFormed, ...]
    totals: tuple[CurrencyTotal, ...]

    def total(self, currency: str, level: str = "maintenance") -> CurrencyTotal:
        """The total of a currency at a level; raises KeyError where nothing of it is held."""
        for total in self.totals:
            if (total.currency, total.level) == (currency, level):
                return total
        raise KeyError((currency, level))
