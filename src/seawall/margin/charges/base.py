"""What all charges have in common: what they are taken on, what they say, how they are shared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from seawall.basics.arrays import freeze
from seawall.margin.accounts.fold import ArrayInRows
from seawall.margin.classes import UnderlyingClass
from seawall.margin.parameters import Rates
from seawall.market.liquidity import Liquidity
from seawall.products.instruments import Instrument
from seawall.products.portfolio import Position
from seawall.risk.accounts import Accounts, UnderlyingAccounts
from seawall.risk.book import UnderlyingBook
from seawall.risk.revaluation import RiskArray
from seawall.risk.sums import PerBucket, PerUnit, Term, Total

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

    @property
    def earned_coins(self) -> float:
        """Coins of unrealised profit."""
        return self.book.earned_coins

    def sums(self, terms: Sequence[Term]) -> tuple[float, ...]:
        """Sums over the positions; as many as terms."""
        quantity, delta = self.book.quantity, self.book.net_delta_by_bucket
        return tuple(
            term.of(delta) if isinstance(term, PerBucket) else float(term.of(quantity).sum())
            for term in terms
        )


class Holder(Protocol):
    """What a formula of sums is taken on: :class:`Charged`, or the same of many accounts.

    ``book`` has what can be held as rows, of which a formula uses the columns per unit. All else is
    a number, or an array of one number an account.
    """

    @property
    def book(self) -> UnderlyingBook:
        """What can be held, as rows."""
        ...

    @property
    def numbers(self) -> UnderlyingClass:
        """Of the class of the underlying."""
        ...

    @property
    def liquidity(self) -> Liquidity:
        """What the market tells beside prices."""
        ...

    @property
    def worst_loss(self) -> Total:
        """M with floors, in USD, ≥ 0."""
        ...

    @property
    def earned_coins(self) -> Total:
        """Coins of unrealised profit."""
        ...


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


@dataclass(frozen=True, slots=True)
class ChargedAccounts:
    """What a charge is taken on in many accounts: one underlying of each.

    ``held`` their positions; ``worst_loss`` M of each segment, shape [G]; ``array`` that of one
    unit of every instrument. All else as :class:`Charged`.
    """

    held: UnderlyingAccounts
    numbers: UnderlyingClass
    liquidity: Liquidity
    worst_loss: Floats
    array: ArrayInRows | None

    @property
    def book(self) -> UnderlyingBook:
        """One unit of every instrument."""
        return self.held.book

    @property
    def earned_coins(self) -> Floats:
        """Coins of unrealised profit; shape [G]."""
        return self.held.earned_coins

    def one(self, segment: int) -> Charged:
        """The underlying of one account."""
        part = self.held.one(segment)
        return Charged(
            book=part,
            numbers=self.numbers,
            liquidity=self.liquidity,
            worst_loss=float(self.worst_loss[segment]),
            array=None if self.array is None else self.array.of_book(self.held, segment, part),
        )


@dataclass(frozen=True, slots=True)
class ChargeAmounts:
    """Amounts of one charge in USD, ≥ 0, and whose they are.

    ``account`` are places of accounts; all have shape [N] and are read-only.
    """

    account: NDArray[np.int64]
    initial: Floats
    maintenance: Floats

    def __post_init__(self) -> None:
        freeze(self, self.account.size)

    @classmethod
    def listed(cls, amounts: Sequence[tuple[int, float, float]]) -> ChargeAmounts:
        """Amounts that were found one after another: account, initial, maintenance."""
        columns = np.array(amounts, dtype=np.float64).reshape(-1, 3).T
        return cls(columns[0].astype(np.int64), np.array(columns[1]), np.array(columns[2]))


class NamedCharge(Rates, frozen=True, kw_only=True):
    """Base of every charge, which has ``needs``, ``amounts`` and, where slopes are derived,
    ``shares``.
    """

    if TYPE_CHECKING:  # every charge has its own

        def amounts(self, on: Charged) -> tuple[ChargeAmount, ...]:
            """What is taken on one underlying of an account."""
            ...

    def terms(self, on: Holder) -> tuple[Term, ...]:
        """What is summed over positions; none where no formula asks for a sum."""
        return ()

    def amounts_of_accounts(self, on: ChargedAccounts, sums: Sequence[Floats]) -> ChargeAmounts:
        """What is taken on one underlying of many accounts, of which ``sums`` are the sums of
        ``terms``, shapes [G]: here of one account after another.

        A charge that many accounts pay had better be a formula of sums.
        """
        found = [
            (account, amount.initial, amount.maintenance)
            for segment, account in enumerate(on.held.account.tolist())
            for amount in self.amounts(on.one(segment))
        ]
        return ChargeAmounts.listed(found)

    def on_money(self, money: Iterable[tuple[Position, float]]) -> tuple[ChargeAmount, ...]:
        """What is taken on cash and stablecoins, each with its value in USD: mostly nothing."""
        return ()

    def money_rates(self, money: Sequence[Instrument]) -> tuple[PerUnit, PerUnit] | None:
        """What a USD of value in each kind of money costs in initial margin and in maintenance;
        None where it costs nothing, or is no rate.
        """
        return None

    def amounts_on_money_of_accounts(self, accounts: Accounts) -> ChargeAmounts:
        """What is taken on the money of many accounts: here of one after another, if at all."""
        found: list[tuple[int, float, float]] = []
        if type(self).on_money is not NamedCharge.on_money:
            positions = [position for position, _ in accounts.instruments.book.money]
            held: dict[int, list[tuple[Position, float]]] = {}
            for i, account in enumerate(accounts.money_account.tolist()):
                position = positions[int(accounts.money_place[i])]
                held.setdefault(account, []).append((position, float(accounts.money_usd[i])))
            found = [
                (account, amount.initial, amount.maintenance)
                for account, money in held.items()
                for amount in self.on_money(money)
            ]
        return ChargeAmounts.listed(found)

    def shares(self, on: Charged, worst_shares: Floats) -> ChargeShares | None:
        """The amounts shared out among the legs; None where no slope is derived.

        ``worst_shares`` [M] are leg times slope of ``worst_loss``, which they add up to. Source:
        docs/explain.md, "Euler contributions".
        """
        return None


class UnderlyingCharge(NamedCharge, frozen=True, kw_only=True):
    """Base of charges with one amount an underlying, which is a formula of sums over positions.

    The formula holds for one account and for many. ``head`` begins its path; one that is not
    ``in_maintenance`` counts in initial margin only.
    """

    head: ClassVar[str]
    in_maintenance: ClassVar[bool] = True

    if TYPE_CHECKING:  # every charge has its own

        def cost_usd(self, on: Holder, sums: Sequence[Total]) -> Total:
            """The amount in USD, ≥ 0, from the sums of ``terms``."""
            ...

    def amounts(self, on: Charged) -> tuple[ChargeAmount, ...]:
        """One amount per underlying."""
        cost = float(self.cost_usd(on, on.sums(self.terms(on))))
        maintenance = cost if self.in_maintenance else 0.0
        return (ChargeAmount(f"{self.head}/{on.book.underlying}", cost, maintenance),)

    def amounts_of_accounts(self, on: ChargedAccounts, sums: Sequence[Floats]) -> ChargeAmounts:
        """One amount per account."""
        # A formula may ask for nothing that is an account's own.
        cost = np.full(on.held.account.size, self.cost_usd(on, sums), dtype=np.float64)
        maintenance = cost if self.in_maintenance else np.zeros(cost.size)
        return ChargeAmounts(on.held.account, cost, maintenance)


class PositionCharge(NamedCharge, frozen=True, kw_only=True):
    """Base of charges with an amount a position, which is its size times a rate.

    ``of_value`` says that the size is the position's market value in USD, not its quantity.
    """

    head: ClassVar[str]
    of_value: ClassVar[bool] = False

    if TYPE_CHECKING:  # every charge has its own

        def rates(self, on: Holder) -> tuple[PerUnit, PerUnit]:
            """What one unit costs in initial margin and in maintenance, in USD, ≥ 0."""
            ...

    def amounts(self, on: Charged) -> tuple[ChargeAmount, ...]:
        """One amount per position that costs something."""
        initial, maintenance = self._costs_usd(on)
        return tuple(
            ChargeAmount(
                f"{self.head}/{on.book.positions[row].instrument.name}",
                float(initial[row]),
                float(maintenance[row]),
            )
            for row in np.flatnonzero(initial).tolist()
        )

    def amounts_of_accounts(self, on: ChargedAccounts, sums: Sequence[Floats]) -> ChargeAmounts:
        """One amount per position that costs something."""
        held = on.held
        initial, maintenance = self.rates(on)
        costs = initial.long[held.row] + initial.short[held.row] > 0.0
        own = np.flatnonzero(costs)
        row, size = held.row[own], (held.value_usd if self.of_value else held.quantity)[own]
        long, part = size > 0.0, np.abs(size)
        return ChargeAmounts(
            held.account_of_position[own],
            part * np.where(long, initial.long[row], initial.short[row]),
            part * np.where(long, maintenance.long[row], maintenance.short[row]),
        )

    def shares(self, on: Charged, worst_shares: Floats) -> ChargeShares:
        """Wholly each position's own."""
        return ChargeShares.of_degree_one(*self._costs_usd(on))

    def _costs_usd(self, on: Charged) -> tuple[Floats, Floats]:
        """What each position costs, initial and maintenance; shapes [M]."""
        size = on.book.value_usd if self.of_value else on.book.quantity
        initial, maintenance = self.rates(on)
        return initial.of(size), maintenance.of(size)
