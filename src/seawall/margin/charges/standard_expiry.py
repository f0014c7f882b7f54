"""Options expiry by expiry: each short by itself, or the most that all of them can lose."""

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
from seawall.risk.book import CALL, UnderlyingBook

Floats = NDArray[np.float64]


class ExpiryNumbers(Rates, frozen=True, kw_only=True):
    """Shares of the index that a short option costs beside its mark, and multiples.

    Calls: ``initial_rel`` less what it is out of the money, at least ``initial_floor_rel``, and
    ``maintenance_call_rel``. Puts: maintenance the greater of ``maintenance_put_rel`` of the index
    and ``maintenance_put_of_mark`` of the mark, initial as of calls and at least
    ``put_initial_multiple`` times all of maintenance. ``unpaired_*`` multiply the forward for each
    call short beyond those held. Raises BadParameter where maintenance could exceed initial margin.
    """

    initial_rel: float
    initial_floor_rel: float
    maintenance_call_rel: float
    maintenance_put_rel: float
    maintenance_put_of_mark: float
    put_initial_multiple: float
    unpaired_initial: float
    unpaired_maintenance: float

    def __post_init__(self) -> None:
        super().__post_init__()
        ordered = (
            self.maintenance_call_rel <= self.initial_floor_rel
            and self.put_initial_multiple >= 1.0
            and 1.0 <= self.unpaired_maintenance <= self.unpaired_initial
        )
        if not ordered:
            raise BadParameter(
                "initial margin would be below maintenance, or an unpaired call below its loss",
                where="standard-expiry",
                remedy="Give initial_floor_rel at least maintenance_call_rel, put_initial_multiple "
                "at least 1, and unpaired_initial at least unpaired_maintenance, at least 1.",
            )


class StandardExpiryCharge(NamedCharge, frozen=True, kw_only=True, tag="standard-expiry"):
    """Per expiry, what its options are worth less what they are counted for, at least nothing.

    Counted for the better of two amounts, both ≤ 0: the sum of each short option by itself, −mark −
    margin, long ones nothing; or the least of 0 and the payoff of all of them at a price of 0 and
    at every strike, with net short calls at a multiple of the forward beyond. Equity holds what the
    options are worth, so that the collateral of the model must count long ones in full. On an
    underlying whose price may be below 0 only the first counts: no price is the least.

    ``classes`` are the numbers by class of the underlying. Source: StandardManager of Derive's
    protocol, functions _getIsolatedMargin and _calcNetBasicMarginSingleExpiry.
    """

    needs: ClassVar[frozenset[Need]] = frozenset()
    classes: Mapping[str, ExpiryNumbers]

    def amounts(self, on: Charged) -> tuple[ChargeAmount, ...]:
        """One amount per expiry with options. Raises BadParameter for a class without numbers."""
        book, shares = on.book, self._leg_shares(on)
        return tuple(
            ChargeAmount(
                f"standard_expiry/{book.underlying}/{book.buckets[bucket]}",
                *(float(level[rows].sum()) for level in shares),
            )
            for bucket, rows in _expiries(book)
        )

    def shares(self, on: Charged, worst_shares: Floats) -> ChargeShares:
        """Each leg by itself, or what it brings to the payoff at the worst price."""
        return ChargeShares.of_degree_one(*self._leg_shares(on))

    def _leg_shares(self, on: Charged) -> tuple[Floats, Floats]:
        """What each leg brings to the amount of its expiry, initial and maintenance; shapes [M]."""
        book = on.book
        numbers = of_class(self.classes, on.numbers.name, "standard-expiry.classes")
        value = book.quantity * book.mark_usd
        isolated = _isolated_usd(book, numbers, value)
        unpaired = (numbers.unpaired_initial, numbers.unpaired_maintenance)
        found = np.zeros((2, value.size))
        for _, rows in _expiries(book):
            for level in range(2):
                counted = isolated[level][rows]
                if not book.is_signed:
                    bounded = _worst_payoff_usd(book, rows, unpaired[level])
                    counted = max(counted, bounded, key=lambda each: float(each.sum()))
                share = value[rows] - counted
                # Marks that contradict each other could be worth less than the worst payoff.
                found[level, rows] = share if share.sum() > 0.0 else 0.0
        return found[0], found[1]


def _expiries(book: UnderlyingBook) -> list[tuple[int, NDArray[np.intp]]]:
    """Each bucket that has options, with its rows."""
    options = np.flatnonzero(book.is_option)
    bucket = book.bucket[options]
    return [(int(each), options[bucket == each]) for each in np.unique(bucket)]


def _isolated_usd(
    book: UnderlyingBook, numbers: ExpiryNumbers, value: Floats
) -> tuple[Floats, Floats]:
    """What each row counts for by itself, ≤ 0, initial and maintenance; shapes [M]."""
    spot, level, call = book.spot_usd, book.level_usd, book.kind == CALL
    strike = _quoted_usd(book, book.strike)
    short = np.where(book.is_option, np.minimum(book.quantity, 0.0), 0.0) * level
    own = np.where(short < 0.0, value, 0.0)
    out_of_money = np.maximum(np.where(call, strike - spot, spot - strike), 0.0) / level
    initial = np.maximum(numbers.initial_rel - out_of_money, numbers.initial_floor_rel) * short
    put = np.minimum(numbers.maintenance_put_rel * short, numbers.maintenance_put_of_mark * own)
    maintenance = own + np.where(call, numbers.maintenance_call_rel * short, put)
    of_put = np.minimum(own + initial, numbers.put_initial_multiple * maintenance)
    return np.where(call, own + initial, of_put), maintenance


def _worst_payoff_usd(book: UnderlyingBook, rows: NDArray[np.intp], unpaired: float) -> Floats:
    """What each option of an expiry pays at the worst of all prices, with net short calls at
    ``unpaired`` times the forward; shape [rows]. Nothing where no price costs anything.
    """
    quantity, call = book.quantity[rows], book.kind[rows] == CALL
    strike = _quoted_usd(book, book.strike)[rows]
    prices = np.unique(np.append(strike, 0.0))[:, None]
    paid = quantity * np.maximum(np.where(call, prices - strike, strike - prices), 0.0)
    total = paid.sum(axis=1)
    worst = int(total.argmin())
    found = paid[worst] if total[worst] < 0.0 else np.zeros(rows.size)
    calls = np.where(call, quantity, 0.0)
    beyond = calls * _quoted_usd(book, book.forward)[rows]
    return found + unpaired * beyond if calls.sum() < 0.0 else found


def _quoted_usd(book: UnderlyingBook, price: Floats) -> Floats:
    """Prices in USD: those of linear contracts are in the currency of their quote."""
    return price * np.where(book.inverse, 1.0, book.unit_usd)
