"""What a market tells of itself that widens parameters: depth, crowding, error of its surface."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from seawall.basics.arrays import pickled
from seawall.basics.time import DAY_SECONDS
from seawall.market.liquidity import WHOLE
from seawall.market.snapshot import MarketSnapshot
from seawall.report.surface import surface


@dataclass(frozen=True, slots=True)
class Measured:
    """By underlying; whatever was not measured is absent. The mappings are read-only copies.

    ``depth_usd`` resting near the mid, ``adv_usd`` volume of a day, ``open_interest_usd`` of all
    contracts; ``surface_error_abs`` root mean square error of the smiles at all listed strikes,
    decimal volatility, ``surface_age_days`` of the oldest quote behind it.
    """

    depth_usd: Mapping[str, float] = field(default_factory=dict[str, float])
    adv_usd: Mapping[str, float] = field(default_factory=dict[str, float])
    open_interest_usd: Mapping[str, float] = field(default_factory=dict[str, float])
    surface_error_abs: Mapping[str, float] = field(default_factory=dict[str, float])
    surface_age_days: Mapping[str, float] = field(default_factory=dict[str, float])

    __reduce__ = pickled

    def __post_init__(self) -> None:
        for name in self.__slots__:
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))


def measured(market: MarketSnapshot) -> Measured:
    """What a snapshot tells of depth, crowding and its surfaces."""
    told = market.liquidity
    coins = {name: told.listed(name).get(WHOLE, 0.0) for name in market.index_usd}
    squares: dict[str, float] = {}
    strikes: dict[str, int] = {}
    age: dict[str, float] = {}
    for report in surface(market) if market.slices else ():
        name = report.underlying
        for row in report.expiries:
            age[name] = max(age.get(name, 0.0), (row.age_s or 0.0) / DAY_SECONDS)
            if row.rms_error_vol_points is not None:
                error = row.rms_error_vol_points / 100.0
                squares[name] = squares.get(name, 0.0) + row.strikes * error**2
                strikes[name] = strikes.get(name, 0) + row.strikes
    return Measured(
        depth_usd=told.depth_usd,
        adv_usd=told.adv_usd,
        open_interest_usd={
            name: held * market.index_usd[name] for name, held in coins.items() if held > 0.0
        },
        surface_error_abs={
            name: math.sqrt(total / strikes[name])
            for name, total in squares.items()
            if strikes[name]
        },
        surface_age_days=age,
    )
