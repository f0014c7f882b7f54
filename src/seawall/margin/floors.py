"""Floors under scanning risk: what a book costs however well it hedges itself.

Floors are not additive: a unit's losses are raised to the greatest of them. Each is a formula of
sums over positions (``terms``), the same for one account and for many.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import BadParameter
from seawall.margin.parameters import Rates
from seawall.risk.accounts import UnderlyingAccounts
from seawall.risk.book import CALL, PUT, UnderlyingBook
from seawall.risk.sums import PerUnit, Total, greater, sums_of

__all__ = [
    "ContractMinimum",
    "DeltaFloor",
    "Floor",
    "GrossFloor",
    "ShortOptionMinimum",
    "floor_shares",
    "greatest_floor",
]

Floats = NDArray[np.float64]


class ShortOptionMinimum(Rates, frozen=True, kw_only=True, tag="short-option-minimum"):
    """``rate_rel`` · S · the greater of calls and puts held short, in coins.

    Each instrument counts by itself: a long option of another strike does not reduce it.
    """

    rate_rel: float

    def terms(self, book: UnderlyingBook) -> tuple[PerUnit, ...]:
        """Calls held short and puts held short, in coins."""
        return tuple(
            PerUnit.short_only(np.where(book.kind == kind, 1.0, 0.0)) for kind in (CALL, PUT)
        )

    def amount(self, book: UnderlyingBook, sums: Sequence[Total], earned_coins: Total) -> Total:
        """The floor in USD."""
        calls, puts = sums
        return self.rate_rel * book.level_usd * greater(calls, puts)

    def shares(self, book: UnderlyingBook) -> Floats:
        """Each row's part of it, which is leg times slope; shape [M] in USD."""
        calls, puts = (term.of(book.quantity) for term in self.terms(book))
        return self.rate_rel * book.level_usd * (calls if calls.sum() >= puts.sum() else puts)


class GrossFloor(Rates, frozen=True, kw_only=True, tag="gross-floor"):
    """``rate_rel`` · S · Σ|q| over everything in the array, options at the index.

    Coins held, owed and earned but not yet settled count as one balance.
    """

    rate_rel: float

    def terms(self, book: UnderlyingBook) -> tuple[PerUnit, ...]:
        """Contracts of either side and the balance of coins held outright, in coins."""
        contracts = PerUnit.gross(np.where(book.is_spot, 0.0, 1.0))
        return contracts, PerUnit.net(book.unit_coins)

    def amount(self, book: UnderlyingBook, sums: Sequence[Total], earned_coins: Total) -> Total:
        """The floor in USD."""
        contracts, outright = sums
        return self.rate_rel * book.level_usd * (contracts + abs(outright + earned_coins))

    def shares(self, book: UnderlyingBook) -> Floats:
        """Each row's part of it, which is leg times slope; shape [M] in USD."""
        contracts = np.where(book.is_spot, 0.0, np.abs(book.quantity))
        coins = contracts + np.sign(book.coin_balance) * book.coins
        return self.rate_rel * book.level_usd * coins


class ContractMinimum(Rates, frozen=True, kw_only=True, tag="contract-minimum"):
    """``unit_usd`` for each unit of the underlying in every option held, long or short.

    A long option asks no more than its market value. The minimum of a contract is that of a unit
    times its multiplier, which is in the quantity. Source: FINRA rule 4210(g).
    """

    unit_usd: float

    def terms(self, book: UnderlyingBook) -> tuple[PerUnit, ...]:
        """What each option asks, in USD."""
        short = np.where(book.is_option, self.unit_usd, 0.0)
        return (PerUnit(np.minimum(short, np.maximum(book.mark_usd, 0.0)), short),)

    def amount(self, book: UnderlyingBook, sums: Sequence[Total], earned_coins: Total) -> Total:
        """The floor in USD."""
        return sums[0]

    def shares(self, book: UnderlyingBook) -> Floats:
        """Each option's own, which is leg times slope; shape [M] in USD."""
        return self.terms(book)[0].of(book.quantity)


class DeltaRates(Rates, frozen=True, kw_only=True):
    """What a coin of net delta costs, and one that is hedged, as shares of the index.

    Raises BadParameter where a hedge would cost more than it saves.
    """

    net_rel: float
    hedged_rel: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.hedged_rel > 2.0 * self.net_rel:
            raise BadParameter(
                f"net_rel is {self.net_rel} and hedged_rel {self.hedged_rel}",
                where="delta-floor",
                remedy="Give a hedged_rel of at most twice the net_rel.",
            )


class DeltaFloor(Rates, frozen=True, kw_only=True, tag="delta-floor"):
    """A share of the net delta, and another of what is hedged.

    (``net_rel``·|Σδ| + ``hedged_rel``·(Σ|δ| − |Σδ|)/2)·S, δ the delta of each position in coins, a
    balance of coins as one of them; rates of ``underlyings``, or those of ``others``. Source:
    tradeparadex/paradex-docs, portfolio-margin.mdx.
    """

    others: DeltaRates
    underlyings: Mapping[str, DeltaRates] = {}

    def terms(self, book: UnderlyingBook) -> tuple[PerUnit, ...]:
        """Net and gross delta of contracts, and the balance of coins held outright, in coins."""
        contracts = np.where(book.is_spot, 0.0, book.delta)
        gross, outright = PerUnit.gross(np.abs(contracts)), PerUnit.net(book.unit_coins)
        return PerUnit.net(contracts), gross, outright

    def amount(self, book: UnderlyingBook, sums: Sequence[Total], earned_coins: Total) -> Total:
        """The floor in USD."""
        rates = self._rates(book)
        contracts, gross, outright = sums
        balance = outright + earned_coins
        net = abs(contracts + balance)
        hedged = 0.5 * (gross + abs(balance) - net)
        return book.level_usd * (rates.net_rel * net + rates.hedged_rel * hedged)

    def shares(self, book: UnderlyingBook) -> Floats:
        """Each row's part of it, which is leg times slope; shape [M] in USD."""
        rates = self._rates(book)
        contracts = np.where(book.is_spot, 0.0, book.quantity * book.delta)
        deltas = contracts + book.coins
        net = np.sign(deltas.sum()) * deltas
        gross = np.abs(contracts) + np.sign(book.coin_balance) * book.coins
        hedged = 0.5 * (gross - net)
        return book.level_usd * (rates.net_rel * net + rates.hedged_rel * hedged)

    def _rates(self, book: UnderlyingBook) -> DeltaRates:
        return self.underlyings.get(book.underlying, self.others)


Floor = ShortOptionMinimum | GrossFloor | ContractMinimum | DeltaFloor


def greatest_floor(floors: tuple[Floor, ...], book: UnderlyingBook) -> float:
    """The least that scanning risk of a book may be, in USD; 0 without floors."""
    return max((_amount(floor, book) for floor in floors), default=0.0)


def greatest_of_sums(
    floors: tuple[Floor, ...], held: UnderlyingAccounts, sums: Sequence[Floats]
) -> Floats:
    """The least that scanning risk of each segment may be, in USD; shape [G], 0 without floors.

    ``sums`` are those of all floors' terms, floor by floor.
    """
    greatest, left = np.zeros(held.start.size), iter(sums)
    for floor in floors:
        own = [next(left) for _ in floor.terms(held.book)]
        greatest = np.maximum(greatest, floor.amount(held.book, own, held.earned_coins))
    return greatest


def floor_shares(floors: tuple[Floor, ...], book: UnderlyingBook) -> Floats:
    """Each row's part of the greatest floor, of equal ones the first; shape [M] in USD."""
    if not floors:
        return np.zeros(book.quantity.size)
    return max(floors, key=lambda floor: _amount(floor, book)).shares(book)


def _amount(floor: Floor, book: UnderlyingBook) -> float:
    sums = sums_of(floor.terms(book), book.quantity)
    return float(floor.amount(book, sums, book.earned_coins))
