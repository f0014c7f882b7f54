"""What all charges have in common: what they are taken on, what they say, how they are shared."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.basics.arrays import freeze
from seawall.margin.classes import UnderlyingClass
from seawall.margin.parameters import Rates
from seawall.market.liquidity import Liquidity
from seawall.products.portfolio import Position
from seawall.risk.book import UnderlyingBook
from seawall.risk.revaluation import RiskArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ChargeAmount:
    """One charge of one underlying or position, in USD, ≥ 0."""

    path: str
    initial: float
    maintenance: float


@dataclass(frozen=True, slots=True)
class Charged:
    """What a charge is taken on: one underlying of an account.

    ``numbers`` of its class, ``liquidity`` of the market, ``worst_loss`` M in USD, ≥ 0, with
    floors (the sum over positions where these do not net; 0 in a model without scenarios);
    ``array`` of its positions, None in a model without scenarios.
    """

    book: UnderlyingBook
    numbers: UnderlyingClass
    liquidity: Liquidity
    worst_loss: float
    array: RiskArray | None


@dataclass(frozen=True, slots=True)
class ChargeShares:
    """One charge of one underlying shared out among its legs; arrays [M] in USD, read-only.

    ``initial`` and ``maintenance`` add up to the charge's amounts; a leg that lowers the charge has
    less than nothing. ``slope_initial`` and ``slope_maintenance`` are leg times slope, q·∂/∂q:
    another array only where the charge does not grow in step with the book.
    """

    initial: Floats
    maintenance: Floats
    slope_initial: Floats
    slope_maintenance: Floats

    def __post_init__(self) -> None:
        freeze(self, self.initial.size)

    @classmethod
    def of_degree_one(cls, initial: Floats, maintenance: Floats) -> ChargeShares:
        """Shares of a charge that doubles with the book: leg times slope adds up to it."""
        return cls(initial, maintenance, initial, maintenance)


class NamedCharge(Rates, frozen=True, kw_only=True):
    """Base of every charge, which has ``needs``, ``amounts`` and, where slopes are derived,
    ``shares``.
    """

    def on_money(self, money: Iterable[tuple[Position, float]]) -> tuple[ChargeAmount, ...]:
        """What is taken on cash and stablecoins, each with its value in USD: mostly nothing."""
        return ()

    def shares(self, on: Charged, worst_shares: Floats) -> ChargeShares | None:
        """The amounts shared out among the legs; None where no slope is derived.

        ``worst_shares`` [M] are leg times slope of ``worst_loss``, which they add up to. Source:
        docs/explain.md, "Euler contributions".
        """
        return None


def amounts_by_position(
    head: str,
    book: UnderlyingBook,
    charged: NDArray[np.bool_],
    initial: Floats,
    maintenance: Floats,
) -> tuple[ChargeAmount, ...]:
    """One amount for each row that is ``charged``; arrays [M], amounts in USD."""
    return tuple(
        ChargeAmount(
            f"{head}/{book.positions[row].instrument.name}",
            float(initial[row]),
            float(maintenance[row]),
        )
        for row in np.flatnonzero(charged).tolist()
    )
