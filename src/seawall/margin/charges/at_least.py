"""A least that scanning risk and the charges beside it come to: what closing the book out costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seawall.margin.charges.base import ChargeAmount, Charged, ChargeShares, NamedCharge
from seawall.margin.charges.by_class import of_class
from seawall.margin.charges.expiries import (
    ExpiryBasisCharge,
    RateShiftCharge,
    VegaAcrossExpiriesCharge,
)
from seawall.margin.charges.tiers import Tier, by_tiers, check_tiers, rate_at
from seawall.margin.parameters import Rates
from seawall.market.needs import Need
from seawall.risk.book import UnderlyingBook

Floats = NDArray[np.float64]

Beside = VegaAcrossExpiriesCharge | ExpiryBasisCharge | RateShiftCharge
"""Charges that count toward a least; none of them asks anything of the market beside prices."""


class ClosingNumbers(Rates, frozen=True, kw_only=True):
    """Of a class of underlyings, shares of the index.

    A future or perpetual costs ``future_rel`` for each coin of its delta. An option costs slippage,
    ``option_rel`` for each coin of its delta and at least ``option_floor_rel`` a unit, of one held
    long at most its mark. ``tiers`` are what parts of the sum are multiplied by.
    """

    future_rel: float
    option_rel: float
    option_floor_rel: float
    tiers: tuple[Tier, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        check_tiers(self.tiers, "closing.tiers")


class ClosingCost(Rates, frozen=True, kw_only=True):
    """What it costs to close every contract of an underlying out, one by one.

    Slippage by class, and of options a fee beside it: ``option_fee_rel`` of the index, at most
    ``option_fee_of_mark`` of the mark. Raises BadParameter for a class without numbers.
    """

    classes: Mapping[str, ClosingNumbers]
    option_fee_rel: float
    option_fee_of_mark: float

    def cost_usd(self, on: Charged) -> float:
        """With the multiples of its tiers, in USD ≥ 0."""
        return float(by_tiers(float(self.raw_shares(on).sum()), self._numbers(on).tiers))

    def raw_shares(self, on: Charged) -> Floats:
        """What each leg costs before tiers; shape [M] in USD, ≥ 0."""
        book, numbers = on.book, self._numbers(on)
        delta = np.abs(book.delta) * book.level_usd
        future = np.where(book.is_spot | book.is_option, 0.0, numbers.future_rel * delta)
        option = np.where(book.is_option, self._option_usd(book, numbers, delta), 0.0)
        return np.abs(book.quantity) * (future + option)

    def shares(self, on: Charged) -> tuple[Floats, Floats]:
        """What each leg has of the cost, and leg times slope of it; shapes [M] in USD."""
        raw, tiers = self.raw_shares(on), self._numbers(on).tiers
        total = float(raw.sum())
        mean = float(by_tiers(total, tiers)) / total if total > 0.0 else 0.0
        return mean * raw, rate_at(total, tiers) * raw

    def _option_usd(self, book: UnderlyingBook, numbers: ClosingNumbers, delta: Floats) -> Floats:
        """Slippage and fee of one unit; shape [M]."""
        slippage = np.maximum(numbers.option_floor_rel * book.level_usd, numbers.option_rel * delta)
        slippage = np.where(book.quantity > 0.0, np.minimum(slippage, book.mark_usd), slippage)
        fee = np.minimum(
            self.option_fee_rel * book.level_usd, self.option_fee_of_mark * book.mark_usd
        )
        return slippage + fee

    def _numbers(self, on: Charged) -> ClosingNumbers:
        return of_class(self.classes, on.numbers.name, "at-least.closing.classes")


class AtLeastCharge(NamedCharge, frozen=True, kw_only=True, tag="at-least"):
    """Some charges, and what scanning risk and they together lack of the cost of closing out.

    Of each underlying the amounts of ``beside``, and then max(0, ``closing`` − M − their sum), M
    the worst loss with floors. In initial and maintenance margin. Meant for models that take no
    offsets between underlyings: of those M is the scanning risk.
    """

    needs: ClassVar[frozenset[Need]] = frozenset()
    beside: tuple[Beside, ...]
    closing: ClosingCost

    def amounts(self, on: Charged) -> tuple[ChargeAmount, ...]:
        """Those of the charges beside, and one amount per underlying."""
        beside = [amount for charge in self.beside for amount in charge.amounts(on)]
        more = max(0.0, self.closing.cost_usd(on) - self._risk_usd(on, beside))
        least = ChargeAmount(f"closing_cost/{on.book.underlying}", more, more)
        return (*beside, least)

    def shares(self, on: Charged, worst_shares: Floats) -> ChargeShares:
        """Those of the charges beside; where closing out costs more, its own less theirs and less
        those of the worst loss.
        """
        beside = [charge.shares(on, worst_shares) for charge in self.beside]
        share = sum((each.maintenance for each in beside), np.zeros(worst_shares.size))
        slope = sum((each.slope_maintenance for each in beside), np.zeros(worst_shares.size))
        amounts = [amount for charge in self.beside for amount in charge.amounts(on)]
        if self.closing.cost_usd(on) > self._risk_usd(on, amounts):
            closing, closing_slope = self.closing.shares(on)
            share, slope = closing - worst_shares, closing_slope - worst_shares
        return ChargeShares(share, share, slope, slope)

    def _risk_usd(self, on: Charged, beside: Sequence[ChargeAmount]) -> float:
        return on.worst_loss + sum(amount.maintenance for amount in beside)
