"""Provisions: what an account must put aside for payments that are sure to come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seawall.margin.charges.base import Charged, ChargeShares, Holder, UnderlyingCharge
from seawall.market.needs import Need
from seawall.risk.book import PERPETUAL
from seawall.risk.sums import PerUnit, Total

Floats = NDArray[np.float64]

_HOURS_PER_DAY = 24.0


class FundingProvisionCharge(UnderlyingCharge, frozen=True, kw_only=True, tag="funding-provision"):
    """The funding that perpetuals pay over the next ``hours`` at the rate of now.

    Longs pay at a rate above zero, shorts below; what is received counts for nothing. Without a
    known rate either side pays ``default_per_day``. In USD, in both levels. Source:
    tradeparadex/paradex-docs, portfolio-margin.mdx.
    """

    head: ClassVar[str] = "funding_provision"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.FUNDING})
    hours: float
    default_per_day: float

    def terms(self, on: Holder) -> tuple[PerUnit, ...]:
        """What is paid, in USD."""
        book, told = on.book, on.liquidity.funding_per_day
        names = [position.instrument.name for position in book.positions]
        long = np.array([max(told.get(name, self.default_per_day), 0.0) for name in names])
        short = np.array([max(-told.get(name, -self.default_per_day), 0.0) for name in names])
        notional = np.where(book.kind == PERPETUAL, book.unit_notional_usd, 0.0)
        notional = notional * (self.hours / _HOURS_PER_DAY)
        return (PerUnit(notional * long, notional * short),)

    def cost_usd(self, on: Holder, sums: Sequence[Total]) -> Total:
        """The sum itself."""
        return sums[0]

    def shares(self, on: Charged, worst_shares: Floats) -> ChargeShares:
        """Each perpetual's own cost."""
        cost = self.terms(on)[0].of(on.book.quantity)
        return ChargeShares.of_degree_one(cost, cost)


class FeeProvisionCharge(UnderlyingCharge, frozen=True, kw_only=True, tag="fee-provision"):
    """Fees of closing all contracts: ``notional_rel`` of Σ|q| at the price of each, options at the
    forward. In USD, in both levels. Source: tradeparadex/paradex-docs, portfolio-margin.mdx.
    """

    head: ClassVar[str] = "fee_provision"
    needs: ClassVar[frozenset[Need]] = frozenset()
    notional_rel: float

    def terms(self, on: Holder) -> tuple[PerUnit, ...]:
        """The notional of contracts, in USD."""
        return (PerUnit.gross(np.where(on.book.is_spot, 0.0, on.book.unit_notional_usd)),)

    def cost_usd(self, on: Holder, sums: Sequence[Total]) -> Total:
        """The sum at the rate."""
        return self.notional_rel * sums[0]

    def shares(self, on: Charged, worst_shares: Floats) -> ChargeShares:
        """Each contract's own cost."""
        cost = self.notional_rel * self.terms(on)[0].of(on.book.quantity)
        return ChargeShares.of_degree_one(cost, cost)
