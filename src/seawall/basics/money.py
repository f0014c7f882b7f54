"""Exact money, and the two doors through which float64 measures become money.

Risk is measured in float64; what an account is asked for or credited with is an exact
Decimal of a named currency. A measure crosses over only in :func:`requirement_money` and
:func:`collateral_money`, and both round against the account.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal

import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import BadNumber, CurrencyMismatch

CENT = Decimal("0.01")

NOISE_DECIMALS = 6
"""Beyond these decimals an amount in USD is float64 noise: 32000.000000000004 means 32000."""
_NOISE = Decimal(1).scaleb(-NOISE_DECIMALS)
_EXACT = Context(prec=60)
_NOTHING = Decimal("0.00")

MAX_AMOUNT = 1e20
"""Below it sums are exact in the digits that Decimal keeps, and no market is worth as much."""
MAX_CENTS_USD = 10**13
"""Below it the cents of several amounts add up exactly in float64."""


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount of one currency. Addition and comparison refuse unlike currencies.

    Raises BadNumber for a NaN or infinite amount, CurrencyMismatch for unlike currencies.
    """

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        if not self.amount.is_finite():
            raise BadNumber(
                f"{self.amount} is not an amount of money",
                where=self.currency,
                remedy="Check the price or quantity that it was computed from.",
            )

    @classmethod
    def total(cls, amounts: Iterable[Money], currency: str) -> Money:
        """The exact sum of amounts, all of one currency; nothing where there are none."""
        nothing = cls(_NOTHING, currency)
        return cls(sum((nothing._like(amount) for amount in amounts), _NOTHING), currency)

    def _like(self, other: Money) -> Decimal:
        if other.currency != self.currency:
            raise CurrencyMismatch(
                f"{self.currency} and {other.currency} cannot be combined",
                where=f"{self.amount} {self.currency} with {other.amount} {other.currency}",
                remedy="Convert one of them at a stated price first.",
            )
        return other.amount

    def __add__(self, other: Money) -> Money:
        return Money(self.amount + self._like(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.amount - self._like(other), self.currency)

    def __neg__(self) -> Money:
        return Money(-self.amount, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.amount < self._like(other)

    def __le__(self, other: Money) -> bool:
        return self.amount <= self._like(other)


def requirement_money(measure: float, currency: str, where: str) -> Money:
    """A loss, charge or haircut in float64 as money, rounded *up* to the cent.

    Noise of float64 below a millionth of the currency's unit is taken off first.

    Raises BadNumber naming ``where`` when the measure is not finite or beyond all amounts.
    """
    return Money(_quantise(measure, ROUND_CEILING, where), currency)


def collateral_money(measure: float, currency: str, where: str) -> Money:
    """A value in the account's favour in float64 as money, rounded *down* to the cent.

    Noise of float64 below a millionth of the currency's unit is taken off first.

    Raises BadNumber naming ``where`` when the measure is not finite or beyond all amounts.
    """
    return Money(_quantise(measure, ROUND_FLOOR, where), currency)


def requirement_cents_of(measure: float, where: str) -> int:
    """One loss, charge or haircut in cents, as :func:`requirement_cents` rounds many."""
    if abs(measure) < _EXACT_USD:
        return -collateral_cents_of(-measure, where)
    return int(requirement_cents(np.array([measure]), where)[0])


def collateral_cents_of(measure: float, where: str) -> int:
    """One value in the account's favour in cents, as :func:`collateral_cents` rounds many."""
    if abs(measure) < _EXACT_USD:
        millionths = measure * 1e6
        if millionths % 1.0 != 0.5:
            return round(millionths) // _CENT_MILLIONTHS
    return int(collateral_cents(np.array([measure]), where)[0])


def _quantise(measure: float, rounding: str, where: str) -> Decimal:
    if not abs(measure) < MAX_AMOUNT:
        raise BadNumber(
            f"the measure is {measure}",
            where=where,
            remedy="A price, volatility or quantity behind it is out of range.",
        )
    if measure == 0.0:
        return _NOTHING
    settled = Decimal(measure).quantize(_NOISE, rounding=ROUND_HALF_EVEN, context=_EXACT)
    # Adding zero turns a negative zero into zero.
    return settled.quantize(CENT, rounding=rounding, context=_EXACT) + 0


# Below it millionths of a USD are whole numbers that float64 and int64 both hold exactly.
_EXACT_USD = 2.0**53 * 1e-6
_CENT_MILLIONTHS = 10_000


def requirement_cents(measures: NDArray[np.float64], where: str) -> NDArray[np.int64]:
    """Many losses, charges or haircuts in cents, each as :func:`requirement_money` rounds it.

    Shape as given. Raises BadNumber naming ``where`` when one is not finite or MAX_CENTS_USD or
    more.
    """
    _require_cents(measures, where)
    return -_floored(-measures, where)


def collateral_cents(measures: NDArray[np.float64], where: str) -> NDArray[np.int64]:
    """Many values in the account's favour in cents, each as :func:`collateral_money` rounds it.

    Shape as given. Raises BadNumber naming ``where`` when one is not finite or MAX_CENTS_USD or
    more, of either sign.
    """
    _require_cents(measures, where)
    return _floored(measures, where)


def _floored(measures: NDArray[np.float64], where: str) -> NDArray[np.int64]:
    near = np.abs(measures) < _EXACT_USD
    millionths = np.where(near, measures, 0.0) * 1e6
    cents = np.rint(millionths).astype(np.int64) // _CENT_MILLIONTHS
    # The product was rounded too: one that is a half may have come from either side of it, which
    # matters where a cent ends.
    below = np.floor(millionths)
    half = np.flatnonzero(millionths - below == 0.5)
    torn = half[(below.flat[half] + 1.0) % _CENT_MILLIONTHS == 0.0]
    for place in [*torn.tolist(), *np.flatnonzero(~near).tolist()]:
        amount = _quantise(float(measures.flat[place]), ROUND_FLOOR, where)
        cents.flat[place] = int(amount * 100)
    return cents


def _require_cents(measures: NDArray[np.float64], where: str) -> None:
    told = np.abs(measures) < MAX_CENTS_USD
    if not told.all():
        raise BadNumber(
            f"an amount is {measures[~told][0]:g} USD, and cents add up below {MAX_CENTS_USD:g}",
            where=where,
            remedy="A price, volatility or quantity behind it is out of range.",
        )
