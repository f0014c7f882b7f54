"""Weights on the worse of two prices: the market's, and one that follows it slowly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import BadParameter
from seawall.margin.charges.base import ChargeAmount, Charged, ChargeShares, NamedCharge
from seawall.margin.charges.by_class import of_class
from seawall.margin.parameters import Rates
from seawall.market.needs import Need
from seawall.risk.book import FUTURE, PERPETUAL, UnderlyingBook

Floats = NDArray[np.float64]

_AT_MOST_ONE = ("asset", "base_asset", "overall_asset")
_AT_LEAST_ONE = ("liability", "base_liability")


class HealthWeights(Rates, frozen=True, kw_only=True):
    """The weights of one level: of a coin held and of one owed, of the notional of a contract held
    long (``base_asset``) and short, and of what a contract is worth when that is a gain.

    Raises BadParameter for a weight of an asset above 1 or of a liability below.
    """

    asset: float
    liability: float
    base_asset: float
    base_liability: float
    overall_asset: float

    def __post_init__(self) -> None:
        super().__post_init__()
        odd = [name for name in _AT_MOST_ONE if getattr(self, name) > 1.0]
        odd += [name for name in _AT_LEAST_ONE if getattr(self, name) < 1.0]
        if odd:
            raise BadParameter(
                f"{', '.join(f'{name} is {getattr(self, name)}' for name in odd)}",
                where="stable-price.classes",
                remedy="Give assets a weight of at most 1, and liabilities one of at least 1.",
            )


class StablePriceWeights(Rates, frozen=True, kw_only=True):
    """Weights at both levels. Raises BadParameter where initial margin would ask less."""

    initial: HealthWeights
    maintenance: HealthWeights

    def __post_init__(self) -> None:
        one, other = self.initial, self.maintenance
        odd = [n for n in _AT_MOST_ONE if getattr(one, n) > getattr(other, n)]
        odd += [n for n in _AT_LEAST_ONE if getattr(one, n) < getattr(other, n)]
        if odd:
            raise BadParameter(
                f"initial margin would be below maintenance by {', '.join(odd)}",
                where="stable-price.classes",
                remedy="Give initial margin assets no higher and liabilities no lower.",
            )


class StablePriceCharge(NamedCharge, frozen=True, kw_only=True, tag="stable-price"):
    """In initial margin assets count at the lower of two prices, debts at the higher.

    Of the index S and the stable price P, which follows it slowly, m = min(1, P/S) and
    n = max(1, P/S), both 1 in maintenance and where the market tells no P. A coin counts for
    asset·m of its value, a debt for liability·n. A contract of notional N and unrealised profit G
    counts for h = G − (1 − base_asset·m)·N long and G − (base_liability·n − 1)·N short, and for
    overall_asset·h where that is a gain. The collateral of the model counts coins at the asset's
    weight of maintenance, debts and profits in full; the charge is what is beyond that. ``classes``
    by class of the underlying. Source: programs/mango-v4/src/health/cache.rs of
    blockworks-foundation/mango-v4.
    """

    needs: ClassVar[frozenset[Need]] = frozenset({Need.STABLE_PRICE})
    classes: Mapping[str, StablePriceWeights]

    def amounts(self, on: Charged) -> tuple[ChargeAmount, ...]:
        """One amount per position that costs something. Raises BadParameter for a class without
        weights.
        """
        initial, maintenance = self._costs_usd(on)
        return tuple(
            ChargeAmount(
                f"stable_price/{on.book.positions[row].instrument.name}",
                float(initial[row]),
                float(maintenance[row]),
            )
            for row in np.flatnonzero(initial).tolist()
        )

    def shares(self, on: Charged, worst_shares: Floats) -> ChargeShares:
        """Wholly each position's own, which grows in step with it."""
        return ChargeShares.of_degree_one(*self._costs_usd(on))

    def _costs_usd(self, on: Charged) -> tuple[Floats, Floats]:
        """What each position costs, initial and maintenance; shapes [M]."""
        weights = of_class(self.classes, on.numbers.name, "stable-price.classes")
        price_usd = on.book.level_usd
        stable_usd = on.liquidity.stable_price_usd.get(on.book.underlying, price_usd)
        counted = weights.maintenance.asset
        return (
            _cost_usd(on.book, weights.initial, counted, stable_usd / price_usd),
            _cost_usd(on.book, weights.maintenance, counted, 1.0),
        )


def _cost_usd(book: UnderlyingBook, level: HealthWeights, counted: float, ratio: float) -> Floats:
    """What each row is worth as collateral less what it counts for at one level; shape [M].

    ``counted`` the weight at which collateral has coins, ``ratio`` stable price over price.
    """
    lower, higher = min(1.0, ratio), max(1.0, ratio)
    short = book.quantity < 0.0
    coin = np.where(short, level.liability * higher - 1.0, counted - level.asset * lower)
    base = np.where(short, level.base_liability * higher - 1.0, 1.0 - level.base_asset * lower)
    contract = np.isin(book.kind, (PERPETUAL, FUTURE))
    of_base = np.where(contract, base * book.notional_usd, 0.0)
    gain = np.where(contract, np.maximum(book.value_usd - of_base, 0.0), 0.0)
    held = np.where(book.is_spot, coin * np.abs(book.value_usd), 0.0)
    return held + of_base + (1.0 - level.overall_asset) * gain
