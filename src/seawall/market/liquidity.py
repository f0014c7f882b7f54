"""What a market tells beside prices: volume, open interest, funding, and how far to trust it.

Every number may be absent; the charge that asks for it then takes its written default, with a
warning.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from seawall.basics.arrays import pickled
from seawall.basics.errors import BadNumber
from seawall.products.instruments import DatedFuture, Derivative, Instrument, Option
from seawall.products.names import parse_name

RANGES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "adv_usd": (1.0, 1e12),
        "depth_usd": (0.0, 1e12),
        "open_interest": (0.0, 1e15),
        # More than half of the notional a day is a unit mistake: percent, or a year's rate.
        "funding_per_day": (-0.5, 0.5),
        "confidence": (0.0, 1.0),
        "index_age_s": (0.0, 1e9),
        "pool_utilisation": (0.0, 1.0),
        "supply": (0.0, 1e15),
        "stable_price_usd": (1e-12, 1e12),
    }
)
"""The least and the most that each number can be."""

_OF_INSTRUMENTS = ("open_interest", "funding_per_day", "supply")

Cluster = tuple[datetime | None, float | None]
"""Contracts that must be closed out together: an expiry and a strike, a whole expiry, or all."""

WHOLE: Cluster = (None, None)


@dataclass(frozen=True, slots=True)
class Liquidity:
    """Numbers by underlying, and by contract name where that is said.

    ``adv_usd`` 30-day average daily volume; ``depth_usd`` resting orders within 1 % of the mid,
    both sides; ``open_interest`` of each contract in coins; ``funding_per_day`` of each perpetual,
    as a share of notional, + longs pay; ``confidence`` in the index, or in the price of a contract
    by its name, 0 to 1; ``index_age_s`` seconds since the index was observed; ``pool_utilisation``
    share of the lending or insurance pool of an underlying that is in use, 0 to 1; ``supply`` units
    of an asset in circulation; ``stable_price_usd`` a price of an underlying that follows its index
    slowly. ``stable_usd`` what stablecoins cost, which a snapshot sets to its
    own prices. The mappings are read-only copies of what was given. Raises
    BadNumber for a number that is not one of these.
    """

    adv_usd: Mapping[str, float] = field(default_factory=dict[str, float])
    depth_usd: Mapping[str, float] = field(default_factory=dict[str, float])
    open_interest: Mapping[str, float] = field(default_factory=dict[str, float])
    funding_per_day: Mapping[str, float] = field(default_factory=dict[str, float])
    confidence: Mapping[str, float] = field(default_factory=dict[str, float])
    index_age_s: Mapping[str, float] = field(default_factory=dict[str, float])
    pool_utilisation: Mapping[str, float] = field(default_factory=dict[str, float])
    supply: Mapping[str, float] = field(default_factory=dict[str, float])
    stable_price_usd: Mapping[str, float] = field(default_factory=dict[str, float])
    stable_usd: Mapping[str, float] = field(
        default_factory=dict[str, float], repr=False, compare=False
    )
    _listed: Mapping[str, Mapping[Cluster, float]] = field(init=False, repr=False, compare=False)

    __reduce__ = pickled

    def __post_init__(self) -> None:
        for name, (least, most) in RANGES.items():
            numbers: Mapping[str, float] = getattr(self, name)
            for what, value in numbers.items():
                if not is_possible(name, value):
                    raise BadNumber(
                        f"{name} of {what} is {value}",
                        where="market liquidity",
                        remedy=f"Give a number between {least:g} and {most:g}, or leave it out.",
                    )
            object.__setattr__(self, name, MappingProxyType(dict(numbers)))
        object.__setattr__(self, "stable_usd", MappingProxyType(dict(self.stable_usd)))
        listed: dict[str, list[tuple[tuple[Cluster, ...], float]]] = {}
        for name, coins in self.open_interest.items():
            contract = parse_name(name)
            listed.setdefault(contract.underlying, []).append((clusters_of(contract), coins))
        clusters = {
            underlying: MappingProxyType({c: n for c, n in by_cluster(rows).items() if n > 0.0})
            for underlying, rows in listed.items()
        }
        object.__setattr__(self, "_listed", clusters)

    def listed(self, underlying: str) -> Mapping[Cluster, float]:
        """Open interest in coins of every cluster of an underlying that has any."""
        return self._listed.get(underlying, MappingProxyType({}))


def joined(markets: Mapping[str, Liquidity]) -> Liquidity:
    """One out of several: of each underlying the numbers of its own."""
    if len({id(each) for each in markets.values()}) == 1:
        return next(iter(markets.values()))
    found = {
        name: {
            what: value
            for underlying, own in markets.items()
            for what, value in getattr(own, name).items()
            if _underlying_of(name, what) == underlying
        }
        for name in RANGES
    }
    stable_usd = {what: usd for own in markets.values() for what, usd in own.stable_usd.items()}
    return Liquidity(**found, stable_usd=stable_usd)


def _underlying_of(name: str, what: str) -> str:
    """Whose number it is; confidence is told of underlyings and of contracts."""
    of_contract = name in _OF_INSTRUMENTS or (name == "confidence" and "-" in what)
    return parse_name(what).underlying if of_contract else what


def is_possible(name: str, value: float) -> bool:
    """Whether a value can be the number of that name."""
    least, most = RANGES[name]
    return least <= value <= most


def by_cluster(
    amounts: Iterable[tuple[tuple[Cluster, ...], float]],
) -> dict[Cluster, float]:
    """Amounts of contracts, each with the clusters it belongs to, added up by cluster."""
    found: dict[Cluster, float] = {}
    for clusters, amount in amounts:
        for cluster in clusters:
            found[cluster] = found.get(cluster, 0.0) + amount
    return found


def clusters_of(contract: Instrument) -> tuple[Cluster, ...]:
    """All contracts, its expiry and its strike, as far as it has them; an asset is in none."""
    if not isinstance(contract, Derivative):
        return ()
    if isinstance(contract, Option):
        return (WHOLE, (contract.expiry, None), (contract.expiry, contract.strike))
    return (WHOLE, (contract.expiry, None)) if isinstance(contract, DatedFuture) else (WHOLE,)
