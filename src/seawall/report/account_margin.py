"""Totals of accounts as a resident book answers with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import msgspec
import numpy as np
from numpy.typing import NDArray

from seawall.margin.accounts.requirement import AccountsMargin
from seawall.margin.status import STATES, WARNING_RATIO, State, mm_ratio_of, state_of

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class AccountMargin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The totals of one account, as a margin report has them.

    Cents are exact sums of rows rounded against the account; ``initial_usd`` and
    ``maintenance_usd`` are not rounded.
    """

    initial_usd: float
    maintenance_usd: float
    initial_cents: int
    maintenance_cents: int
    equity_cents: int
    haircut_cents: int

    @classmethod
    def of(cls, totals: Sequence[float]) -> AccountMargin:
        """From numbers in the order of :data:`seawall.kernels.resident_totals.TOTALS`."""
        initial_usd, maintenance_usd, initial, maintenance, equity, haircut = totals
        return cls(
            initial_usd=initial_usd,
            maintenance_usd=maintenance_usd,
            initial_cents=int(initial),
            maintenance_cents=int(maintenance),
            equity_cents=int(equity),
            haircut_cents=int(haircut),
        )

    @property
    def initial(self) -> Decimal:
        """Initial margin in USD."""
        return Decimal(self.initial_cents).scaleb(-2)

    @property
    def maintenance(self) -> Decimal:
        """Maintenance margin in USD."""
        return Decimal(self.maintenance_cents).scaleb(-2)

    @property
    def equity(self) -> Decimal:
        """Market value of everything held, in USD."""
        return Decimal(self.equity_cents).scaleb(-2)

    @property
    def margin_value(self) -> Decimal:
        """Equity less haircuts, in USD."""
        return Decimal(self.equity_cents - self.haircut_cents).scaleb(-2)

    @property
    def excess_initial(self) -> Decimal:
        """Margin value beyond initial margin, in USD."""
        return self.margin_value - self.initial

    @property
    def excess_maintenance(self) -> Decimal:
        """Margin value beyond maintenance margin, in USD."""
        return self.margin_value - self.maintenance

    @property
    def mm_ratio(self) -> float | None:
        """Maintenance over margin value; None for infinity, when the margin value is ≤ 0."""
        return mm_ratio_of(self.maintenance, self.margin_value)

    @property
    def state(self) -> State:
        """As :func:`seawall.margin.status.state_of` says."""
        return state_of(self.initial, self.maintenance, self.margin_value)


@dataclass(frozen=True, slots=True)
class AccountMargins:
    """The totals of many accounts: their names, and what each requires in the order of these."""

    accounts: tuple[str, ...]
    margin: AccountsMargin

    def columns(self) -> dict[str, Sequence[str] | Floats]:
        """Columns of a table, in USD, as :func:`seawall.margin_accounts` has them; ``mm_ratio`` is
        NaN for infinity.
        """
        states: list[int] = account_states(self.margin).tolist()
        amounts = account_amounts(self.margin)
        return {"account": self.accounts, **amounts, "state": [STATES[each] for each in states]}


class TradeEffect(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account before and after a trade."""

    before: AccountMargin
    after: AccountMargin


def account_amounts(margin: AccountsMargin) -> dict[str, Floats]:
    """Amounts of accounts in USD, as their reports have them, by name; shapes [A].

    ``mm_ratio`` is NaN for infinity.
    """
    initial, maintenance = margin.initial_cents, margin.maintenance_cents
    value = margin.equity_cents - margin.haircut_cents
    return {
        "initial": initial / 100,
        "maintenance": maintenance / 100,
        "margin_value": value / 100,
        "equity": margin.equity_cents / 100,
        "excess_initial": (value - initial) / 100,
        "excess_maintenance": (value - maintenance) / 100,
        "mm_ratio": _ratios(margin),
    }


def account_states(margin: AccountsMargin) -> Integers:
    """Places in ``STATES``, by the rules of :func:`seawall.margin.status.state_of`; shape [A]."""
    maintenance, value = margin.maintenance_cents, margin.equity_cents - margin.haircut_cents
    liquidated = (value < 0) | ((maintenance > 0) & (value <= maintenance))
    rules = [liquidated, value < margin.initial_cents, _ratios(margin) >= WARNING_RATIO]
    return np.select(rules, [3, 2, 1], default=0).astype(np.int64)


def _ratios(margin: AccountsMargin) -> Floats:
    value = margin.equity_cents - margin.haircut_cents
    positive = value > 0
    return np.where(positive, margin.maintenance_cents / np.where(positive, value, 1), np.nan)
