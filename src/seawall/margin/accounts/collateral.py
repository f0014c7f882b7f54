"""What many accounts' holdings are worth as collateral: :mod:`seawall.margin.collateral` by column.

A row of one account is an element here; rows of one kind stand together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.basics.arrays import freeze
from seawall.margin.classes import class_of
from seawall.margin.collateral import Classes
from seawall.products.instruments import LpShare, RealWorldAsset
from seawall.risk.accounts import Accounts, UnderlyingAccounts
from seawall.risk.sums import PerUnit

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class HoldingValues:
    """Market values in USD of holdings of one kind, the haircuts on them (≥ 0) and whose they are.

    ``account`` are places of accounts; all have shape [N] and are read-only.
    """

    account: Integers
    value: Floats
    haircut: Floats

    def __post_init__(self) -> None:
        freeze(self, self.account.size)

    @classmethod
    def cuts(cls, account: Integers, haircut: Floats) -> HoldingValues:
        """Haircuts of their own."""
        return cls(account, np.zeros(account.size), haircut)


@dataclass(frozen=True, slots=True)
class CutRates:
    """Shares of the values of what can be held in an underlying that do not count.

    ``rate`` of positive values and ``peg`` of the size of either, shape [M], read-only; ``net`` of
    the size of what all positions in the underlying are worth together.
    """

    rate: Floats
    peg: Floats
    net: float

    def __post_init__(self) -> None:
        freeze(self, self.rate.size)


def by_account(account: Integers, amount: Floats, count: int) -> Floats:
    """The sum of amounts [N] over each of ``count`` accounts."""
    return np.bincount(account, weights=amount, minlength=count).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Divided:
    """What many accounts hold, by whether scenarios move it: both underlying by underlying.

    ``inside`` is what requirements are taken on, ``outside`` what is collateral only, as
    :func:`seawall.margin.collateral.in_array` and ``outside_array`` say of one account.
    """

    inside: tuple[UnderlyingAccounts, ...]
    outside: tuple[UnderlyingAccounts, ...]


def divided(accounts: Accounts, classes: Classes) -> Divided:
    """Raises BadParameter when no class takes an underlying that is held outright."""
    inside: list[UnderlyingAccounts] = []
    outside: list[UnderlyingAccounts] = []
    for part in accounts.underlyings:
        shares = _shares_in_array(part, classes)
        if shares is None:
            inside.append(part)
            continue
        outside.append(part.scaled(1.0 - shares))
        if shares.any():
            inside.append(part.scaled(shares))
    return Divided(tuple(inside), tuple(outside))


def _shares_in_array(part: UnderlyingAccounts, classes: Classes) -> Floats | None:
    """The share of each position that is in the array, shape [P]; None where it is all of it."""
    book = part.book
    outright = [book.positions[row].instrument for row in np.flatnonzero(book.is_spot).tolist()]
    never = any(isinstance(asset, LpShare | RealWorldAsset) for asset in outright)
    if not outright or not (never or class_of(book.underlying, classes).takes_the_rest):
        return None
    held = book.is_spot[part.row] & (part.quantity >= 0.0)
    if never or not held.any():
        return np.where(held, 0.0, 1.0) if held.any() else None
    spot = np.where(book.is_spot, book.delta, 0.0)
    coins, others = part.sums(
        [PerUnit.long_only(spot), PerUnit(book.delta - spot, -book.delta)],
    )
    hedging = np.maximum(0.0, -(others + part.earned_coins))
    some = coins > 0.0
    hedged = np.where(some, np.minimum(coins, hedging) / np.where(some, coins, 1.0), 0.0)
    return np.where(held, hedged[part.segment], 1.0)


def money_of_accounts(
    accounts: Accounts, rates: Sequence[float], either: Sequence[bool]
) -> list[HoldingValues]:
    """Rows of money, each kind of it at its haircut rate; ``either`` cuts values of both signs."""
    if not rates:
        return []
    place, value = accounts.money_place, accounts.money_usd
    exposed = np.where(np.array(either)[place], np.abs(value), np.maximum(value, 0.0))
    return [HoldingValues(accounts.money_account, value, np.array(rates)[place] * exposed)]


def pegs_of_accounts(account: Integers, rate: Floats, value: Floats) -> list[HoldingValues]:
    """Rows of pegs, whose ``rate`` cuts values of both signs; all of shape [N]."""
    own = np.flatnonzero(rate)
    return [HoldingValues.cuts(account[own], rate[own] * np.abs(value[own]))] if own.size else []


def cut_holdings_of_accounts(part: UnderlyingAccounts, cut: CutRates) -> list[HoldingValues]:
    """Rows of :func:`holdings_of_accounts`, of pegs and of what is cut off the net."""
    rows = holdings_of_accounts(part, cut.rate)
    rows += pegs_of_accounts(part.account_of_position, cut.peg[part.row], part.value_usd)
    if cut.net:
        (value,) = part.value_sums([PerUnit.net(np.ones(cut.rate.size))])
        rows.append(HoldingValues.cuts(part.account, cut.net * np.abs(value)))
    return rows


def holdings_of_accounts(part: UnderlyingAccounts, rate: Floats) -> list[HoldingValues]:
    """What positions in one underlying are worth: a row for each asset held outright, one an
    account for options and one for unrealised profit; positive values are cut by ``rate`` [M].
    """
    book = part.book
    spot = np.flatnonzero(book.is_spot[part.row])
    value = part.value_usd[spot]
    cut = rate[part.row[spot]] * np.maximum(value, 0.0)
    rows = [HoldingValues(part.account_of_position[spot], value, cut)] if spot.size else []
    groups = (book.is_option, ~book.is_spot & ~book.is_option)
    terms = [
        term
        for group in groups
        if group.any()
        for term in (
            PerUnit.net(np.where(group, 1.0, 0.0)),
            PerUnit.long_only(np.where(group, rate, 0.0)),
        )
    ]
    sums = part.value_sums(terms)
    return rows + [
        HoldingValues(part.account, worth, cut)
        for worth, cut in zip(sums[::2], sums[1::2], strict=True)
    ]
