"""Percentages of a notional that rise with the size of a position."""

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
from seawall.risk.book import FUTURE, PERPETUAL

Floats = NDArray[np.float64]


class SizeRates(Rates, frozen=True, kw_only=True):
    """Shares of the notional of a small position, and what each coin of it adds to both.

    Raises BadParameter for an initial share below that of maintenance.
    """

    initial_rel: float
    maintenance_rel: float
    per_coin_rel: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.initial_rel < self.maintenance_rel:
            raise BadParameter(
                "initial margin would be below maintenance",
                where="size-notional.classes",
                remedy="Give an initial_rel of at least the maintenance_rel.",
            )


class SizeNotionalCharge(NamedCharge, frozen=True, kw_only=True, tag="size-notional"):
    """(share + ``per_coin_rel``·s)·s·S of each future, perpetual and spot debt of s coins, without
    netting.

    ``classes`` by class of the underlying. Source: Deribit's page of linear perpetuals,
    docs/models/deribit-sm.md.
    """

    needs: ClassVar[frozenset[Need]] = frozenset()
    classes: Mapping[str, SizeRates]

    def amounts(self, on: Charged) -> tuple[ChargeAmount, ...]:
        """One amount per position that costs something. Raises BadParameter for a class without
        shares.
        """
        levels = self.shares(on, np.zeros(0))
        return tuple(
            ChargeAmount(
                f"notional/{on.book.positions[row].instrument.name}",
                float(levels.initial[row]),
                float(levels.maintenance[row]),
            )
            for row in np.flatnonzero(levels.initial).tolist()
        )

    def shares(self, on: Charged, worst_shares: Floats) -> ChargeShares:
        """Wholly each position's own; what rises with its size has twice the slope."""
        book = on.book
        rates = of_class(self.classes, on.numbers.name, "size-notional.classes")
        contract = np.isin(book.kind, (PERPETUAL, FUTURE))
        owed = book.is_spot & (book.quantity < 0.0)
        # A wrapper is as many coins as it is worth.
        coins = np.where(contract, 1.0, np.where(owed, book.unit_coins, 0.0))
        size = coins * np.abs(book.quantity)
        initial, maintenance = rates.initial_rel * size, rates.maintenance_rel * size
        rising = rates.per_coin_rel * size**2
        return ChargeShares(
            book.level_usd * (initial + rising),
            book.level_usd * (maintenance + rising),
            book.level_usd * (initial + 2.0 * rising),
            book.level_usd * (maintenance + 2.0 * rising),
        )
