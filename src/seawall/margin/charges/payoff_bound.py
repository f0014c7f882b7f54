"""Full collateral: what the payoffs of an expiry can owe at any price, whatever the market does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import BadNumber
from seawall.margin.charges.base import ChargeAmount, Charged, ChargeShares, NamedCharge
from seawall.market.needs import Need
from seawall.risk.book import CALL, PUT, UnderlyingBook

Floats = NDArray[np.float64]
Number = int | float | Fraction


@dataclass(frozen=True, slots=True)
class Side:
    """The calls or the puts of one expiry: strikes and how many of each, + long.

    What is reckoned of fractions is exact. Raises BadNumber for lists
    of unlike length and for a weight of 0.
    """

    name: str
    strikes: Sequence[Number] = ()
    weights: Sequence[Number] = ()

    def __post_init__(self) -> None:
        if len(self.strikes) != len(self.weights):
            raise BadNumber(
                f"{len(self.strikes)} strikes and {len(self.weights)} weights",
                where=f"lengths of {self.name}",
                remedy="Give each strike one weight.",
            )
        if any(weight == 0 for weight in self.weights):
            raise BadNumber(
                "a weight of 0",
                where=f"weights of {self.name}",
                remedy="Leave out what is not held.",
            )

    def pays(self, price: Number) -> Number:
        """What they pay together at a price, by the sign of the name: calls above, puts below."""
        up = 1 if self.name == "calls" else -1
        each = zip(self.strikes, self.weights, strict=True)
        return sum(weight * max(up * (price - strike), 0) for strike, weight in each)


@dataclass(frozen=True, slots=True)
class FullCollateral:
    """What covers an expiry at every price: ``numeraire`` of money and ``underlying`` units, ≥ 0;
    ``worst`` the price that asks for the money, None where none is asked.
    """

    numeraire: Number
    underlying: Number
    worst: Number | None


def full_collateral(calls: Side, puts: Side, pays: str = "numeraire") -> FullCollateral:
    """Units for calls that are short on balance, and money for the least payoff at any strike or 0.

    The payoff is linear between strikes, so its least is at one of them; beyond the last it falls
    by the net short calls, which units pay. Units ask for no less money, as the source has it. With
    ``pays`` ``underlying`` the losses above price 0 are paid in units as well: the most of
    −payoff/price. Source: CrossMarginCashMath of Grappa Finance.
    """
    prices = sorted({0, *calls.strikes, *puts.strikes})
    payoff = {price: calls.pays(price) + puts.pays(price) for price in prices}
    units = max(0, -sum(calls.weights))
    if pays == "underlying":
        money = max(0, -payoff[0])
        short = {price: -(payoff[price] + money) for price in prices if price > 0}
        units = max(units, *(loss / price for price, loss in short.items()), 0)
        return FullCollateral(money, units, 0 if money > 0 else None)
    worst = min(prices, key=lambda price: payoff[price])
    money = max(0, -payoff[worst])
    return FullCollateral(money, units, worst if money > 0 else None)


class PayoffBoundCharge(NamedCharge, frozen=True, kw_only=True, tag="payoff-bound"):
    """All that the contracts of an expiry can still lose at any price, summed over expiries.

    Of each expiry M + N·S + V, at least 0: M the money and N the units of :func:`full_collateral`,
    S the index, V the net mark of its options, which equity already holds, so that what is asked is
    the loss from here on. A future is a long call and a short put at its mark, so is a perpetual,
    which has a date of its own; a coin owed is a unit, of which nothing is held yet. Prices go down
    to 0, of a signed underlying to minus its level. Nothing nets between expiries.

    No book of which N is 0 can lose more, in any scenario; N·S holds for who has the units, whose
    price moves along. ``pays`` ``underlying`` asks for units in place of money where units can pay.
    Source: Grappa Finance's cross margin engine, docs/models/full-collateral.md.
    """

    needs: ClassVar[frozenset[Need]] = frozenset()
    pays: Literal["numeraire", "underlying"] = "numeraire"

    def amounts(self, on: Charged) -> tuple[ChargeAmount, ...]:
        """One amount per underlying of which something can be lost."""
        shares = self._shares(on.book)
        cost = max(0.0, float(shares.sum()))
        if cost == 0.0:
            return ()
        return (ChargeAmount(f"payoff_bound/{on.book.underlying}", cost, cost),)

    def shares(self, on: Charged, worst_shares: Floats) -> ChargeShares:
        """Each leg's payoff at its expiry's worst price, its units and its mark."""
        shares = self._shares(on.book)
        return ChargeShares.of_degree_one(shares, shares)

    def needed(self, calls: Side, puts: Side) -> FullCollateral:
        """What covers one expiry. Raises BadNumber for what is no number of options."""
        return full_collateral(calls, puts, self.pays)

    def _shares(self, book: UnderlyingBook) -> Floats:
        """What each position brings to its expiry's amount in USD; shape [M]."""
        found = np.zeros(book.quantity.size)
        owed = book.is_spot & (book.quantity < 0.0)
        found[owed] = -(book.quantity * book.unit_coins)[owed] * book.level_usd
        contracts = ~book.is_spot & (book.quantity != 0.0)
        for bucket in np.unique(book.bucket[contracts]).tolist():
            rows = np.flatnonzero(contracts & (book.bucket == bucket))
            shares = self._of_expiry(book, rows)
            found[rows] = shares if shares.sum() > 0.0 else 0.0
        return found

    def _of_expiry(self, book: UnderlyingBook, rows: NDArray[np.intp]) -> Floats:
        """What each of these rows brings to M + N·S + V, before the floor at 0."""
        option, quantity = book.is_option[rows], book.quantity[rows]
        call, put = book.kind[rows] != PUT, book.kind[rows] != CALL
        # Prices above the lowest there is, which is 0 but of a signed underlying.
        lowest = -book.level_usd if book.is_signed else 0.0
        price = np.where(option, book.strike_usd[rows], book.forward[rows] * book.unit_usd[rows])
        strike, weight = price - lowest, np.where(option, quantity, -quantity)
        need = self.needed(
            Side("calls", strike[call].tolist(), quantity[call].tolist()),
            Side("puts", strike[put].tolist(), weight[put].tolist()),
        )
        shares = np.where(option, quantity * book.mark_usd[rows], 0.0)
        if need.worst is not None:
            at = float(need.worst)
            above, below = np.maximum(at - strike, 0.0), np.maximum(strike - at, 0.0)
            shares -= np.where(call, quantity * above, 0.0) + np.where(put, weight * below, 0.0)
        return shares + self._units(book, float(need.underlying), quantity, call)

    def _units(
        self, book: UnderlyingBook, units: float, quantity: Floats, call: NDArray[np.bool_]
    ) -> Floats:
        """The units' worth, shared out in proportion to what makes calls short on balance."""
        brought = np.where(call, -quantity, 0.0)
        net = float(brought.sum())
        if units == 0.0:
            return np.zeros(quantity.size)
        return brought * (units / net) * book.spot_usd
