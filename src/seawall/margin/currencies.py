"""Units of risk by the currency in which positions settle, and what counts of their cells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import BadParameter
from seawall.margin.parameters import Rates
from seawall.risk.book import UnderlyingBook
from seawall.risk.numeraire import counted_moves
from seawall.risk.revaluation import RiskArray

Floats = NDArray[np.float64]
T = TypeVar("T")

LINEAR, INVERSE = "linear", "inverse"
"""The numbers of currencies that have none of their own: of contracts that settle in another
currency than their underlying, and in their underlying."""


class CurrencyNumbers(Rates, frozen=True, kw_only=True):
    """What counts of the cells of a unit that settles in a currency.

    ``dampener_usd`` times (|move| / range − 1) is taken off what is left of a tail;
    ``gain_share`` of a gain counts against losses of other units, ``most_gain_usd`` at most. Raises
    BadParameter for a share above 1.
    """

    dampener_usd: float
    gain_share: float
    most_gain_usd: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.gain_share > 1.0:
            raise BadParameter(
                f"gain_share is {self.gain_share}",
                where="fold.by_currency",
                remedy="Give a share between 0 and 1.",
            )


class CurrencyUnits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Positions net within an underlying and the currency in which they settle.

    ``tail_factor`` multiplies the damped tails; ``numbers`` by currency, those of ``linear`` and
    ``inverse`` for what is not named. Source: model_params of Deribit's private/pme/simulate,
    docs/models/deribit-pm-2024-06.md. Raises BadParameter for a factor that is not finite and at
    least 0.
    """

    tail_factor: float
    numbers: Mapping[str, CurrencyNumbers]

    def __post_init__(self) -> None:
        if not 0.0 <= self.tail_factor < float("inf"):
            raise BadParameter(
                f"tail_factor is {self.tail_factor}",
                where="fold.by_currency",
                remedy="Give a finite number of at least 0.",
            )

    def counted(self, array: RiskArray, currency: str, damped: Floats) -> Floats:
        """What counts of the damped PnL of a unit; shape [C], in USD.

        Raises BadParameter for a currency without numbers.
        """
        inverse = currency == array.book.underlying
        numbers = of_currency(self.numbers, currency, array.book.underlying, "fold.by_currency")
        out = damped.copy()
        if array.scenarios.tail_count:
            tails = slice(-array.scenarios.tail_count, None)
            at = counted_moves(array.scenarios)[tails]
            beyond = np.maximum(np.abs(array.scenarios.price_rel[tails]) / np.abs(at), 1.0) - 1.0
            # In coin the dampener is worth what a coin is at the end of the grid.
            rate = 1.0 + at if inverse and array.in_coin else 1.0
            left = np.abs(self.tail_factor * out[tails]) - beyond * numbers.dampener_usd / rate
            out[tails] = np.sign(out[tails]) * np.maximum(left, 0.0)
        gains = np.minimum(numbers.gain_share * out, numbers.most_gain_usd)
        return np.where(out > 0.0, gains, out)


def of_currency(numbers: Mapping[str, T], currency: str, underlying: str, where: str) -> T:
    """The numbers of a currency in which contracts on an underlying settle.

    Raises BadParameter where there are none.
    """
    rest = INVERSE if currency == underlying else LINEAR
    if currency not in numbers and rest not in numbers:
        raise BadParameter(
            f"no numbers of contracts on {underlying} that settle in {currency}",
            where=where,
            remedy=f"Add those of {currency}, or of all {rest} ones.",
        )
    return numbers[currency if currency in numbers else rest]


def currency_of(book: UnderlyingBook, row: int) -> str:
    """The currency in which a position settles; coins held outright are their underlying's."""
    return book.underlying if book.is_spot[row] else book.positions[row].instrument.settlement


def rows_by_currency(book: UnderlyingBook) -> dict[str, list[int]]:
    """The rows of each currency, in the order of the book."""
    found: dict[str, list[int]] = {}
    for row in range(len(book.positions)):
        found.setdefault(currency_of(book, row), []).append(row)
    return found
