"""How much of one asset counts as collateral beside everything else an account is worth.

Two caps, both on what scenarios do not see: no units beyond a share of all that circulate, and no
value beyond a share of the whole account's. Formulas and why they are smooth: docs/collateral.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import BadParameter
from seawall.margin.parameters import Rates

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Capped:
    """One asset before caps, in USD, ≥ 0: its market value and what is left after its haircut.

    ``units`` held, and ``supply`` units in circulation, None where nobody tells.
    """

    name: str
    units: float
    value: float
    after_haircut: float
    supply: float | None


class Caps(Rates, frozen=True, kw_only=True):
    """At most ``value_share`` of the margin value from one asset, and of its supply no units beyond
    ``supply_share``. ``default_supply_usd`` is the worth of a supply that nobody tells.

    Raises BadParameter for a share that is none, or a value share of all.
    """

    value_share: float
    supply_share: float
    default_supply_usd: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.value_share >= 1.0 or self.supply_share > 1.0:
            raise BadParameter(
                f"value_share is {self.value_share} and supply_share {self.supply_share}",
                where="Caps",
                remedy="Give shares between 0 and 1, a value_share below 1.",
            )

    def cuts(self, rest: float, assets: Sequence[Capped]) -> list[tuple[float, float]]:
        """What the supply cap and the value cap take off each asset, in USD, ≥ 0.

        ``rest`` is the margin value of everything that is not in ``assets``, debts subtracted.
        """
        over = [asset.after_haircut * self._beyond_supply(asset) for asset in assets]
        counted = [asset.after_haircut - cut for asset, cut in zip(assets, over, strict=True)]
        times = self.value_share / (1.0 - self.value_share)
        cuts: list[tuple[float, float]] = []
        for place, own in enumerate(counted):
            others = rest + sum(counted[:place]) + sum(counted[place + 1 :])
            cuts.append((over[place], max(0.0, own - times * max(0.0, others))))
        return cuts

    def cuts_of_accounts(
        self,
        account: NDArray[np.int64],
        rest: Floats,
        units: Floats,
        value: Floats,
        after_haircut: Floats,
        supply: Floats,
    ) -> tuple[Floats, Floats]:
        """What :meth:`cuts` says, of each of many accounts: both cuts of N assets, shapes [N].

        ``account`` [N] is a place in ``rest``, which has a number an account; ``supply`` NaN where
        nobody tells.
        """
        told = np.isfinite(supply)
        held = np.where(told, units, value)
        most = np.where(told, supply, self.default_supply_usd)
        some = held > 0.0
        within = self.supply_share * most / np.where(some, held, 1.0)
        over = after_haircut * np.where(some & (value > 0.0), np.maximum(0.0, 1.0 - within), 0.0)
        own = after_haircut - over
        others = (rest + np.bincount(account, weights=own, minlength=rest.size))[account] - own
        times = self.value_share / (1.0 - self.value_share)
        return over, np.maximum(0.0, own - times * np.maximum(0.0, others))

    def _beyond_supply(self, asset: Capped) -> float:
        """Share of the holding that is beyond the share of the supply."""
        if asset.value <= 0.0:
            return 0.0
        held, most = (
            (asset.value, self.default_supply_usd)
            if asset.supply is None
            else (asset.units, asset.supply)
        )
        return max(0.0, 1.0 - self.supply_share * most / held)
