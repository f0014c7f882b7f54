"""Positions and the portfolio of one account."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, cast

import msgspec
from msgspec.structs import force_setattr

from seawall.basics.decimals import MAX_PRICE, parse_decimal
from seawall.basics.errors import BadNumber, DuplicatePosition, EmptyPortfolio, InputError
from seawall.basics.text import printable
from seawall.products.instruments import Future, Instrument
from seawall.products.markets import is_signed
from seawall.products.names import parse_name

Number = str | int | float | Decimal

# From here on a quantity is a unit mistake (wei, satoshi), whatever the coin is worth; what it
# may be worth is bounded where its price is known.
MAX_QUANTITY = Decimal(10) ** 15

NOWHERE = "portfolio"
"""Where a position stands that was not read from anywhere."""


class Position(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A holding: quantity in units of the underlying, + long, − short.

    An inverse contract's quantity is in coin at today's mark: its USD size over the mark.
    ``entry_price`` (used for futures and perpetuals, in USD or the settlement currency per coin;
    of either sign where the underlying's price may be)
    gives the unrealised profit; without it the position counts as settled at its mark.
    ``where`` is the place it was read from, for messages. Raises BadNumber for a quantity or entry
    price that is none.
    """

    instrument: Instrument
    quantity: Decimal
    entry_price: Decimal | None = None
    where: str = NOWHERE

    def __post_init__(self) -> None:
        if not self.quantity.is_finite() or self.quantity.copy_abs() >= MAX_QUANTITY:
            raise BadNumber(
                f"quantity {self.quantity} of {self.instrument.name} cannot be margined",
                where=self.where,
                remedy=f"Give a finite quantity in units of the underlying, below "
                f"{MAX_QUANTITY:.0E} in size.",
            )
        price = self.entry_price
        if price is not None and not can_be_price(self.instrument, price):
            raise BadNumber(
                f"entry price {price} of {self.instrument.name} is not a price",
                where=self.where,
                remedy="Give a positive, finite price or leave it empty.",
            )


def can_be_price(instrument: Instrument, price: Decimal) -> bool:
    """Whether one unit can be bought at a price: above 0, but for futures on signed underlyings."""
    least = 0.0
    if isinstance(instrument, Future) and is_signed(instrument.underlying):
        least = -MAX_PRICE
    return price.is_finite() and least < price < MAX_PRICE


class Portfolio(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything one account holds; each instrument once.

    ``warnings`` says what a report on it must repeat. Raises EmptyPortfolio without positions,
    DuplicatePosition when an instrument is repeated.
    """

    account: str
    positions: tuple[Position, ...]
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.positions:
            raise EmptyPortfolio(
                f"account {self.account!r} holds nothing",
                where=f"account {self.account}",
                remedy="Give at least one position.",
            )
        force_setattr(self, "warnings", tuple(map(printable, self.warnings)))
        first: dict[str, Position] = {}
        for position in self.positions:
            name = position.instrument.name
            if name in first:
                raise DuplicatePosition(
                    f"{name} appears twice in account {self.account!r}",
                    where=f"{first[name].where} and {position.where}",
                    remedy="Merge the two into one net position.",
                )
            first[name] = position


def portfolio(
    holdings: Iterable[tuple[str, Number] | tuple[str, Number, Number | None]],
    account: str = "main",
) -> Portfolio:
    """A portfolio from ``(instrument name, quantity[, entry price])``; numbers may be text.

    Raises BadNumber for a number that is none, InputError for what is no such tuple, and what
    :func:`parse_name`, :class:`Position` and :class:`Portfolio` raise.
    """
    if not isinstance(holdings, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise _no_position(holdings)
    return Portfolio(account=account, positions=tuple(_position(holding) for holding in holdings))


def _no_position(given: object) -> InputError:
    return InputError(
        f"{given!r:.60} is no position",
        where=NOWHERE,
        remedy='Give ("BTC-PERPETUAL", 1) or ("BTC-PERPETUAL", 1, 71250).',
    )


def _position(given: Any) -> Position:
    is_row = isinstance(given, tuple | list)
    holding: list[Any] = [*cast("list[Any]", given)] if is_row else [given]
    if not 2 <= len(holding) <= 3:
        raise _no_position(holding)
    name, entry = holding[0], holding[2] if len(holding) > 2 else None
    return Position(
        instrument=parse_name(name),
        quantity=_exactly(holding[1], f"quantity of {name}"),
        entry_price=None if entry is None else _exactly(entry, f"entry price of {name}"),
    )


def _exactly(given: object, what: str) -> Decimal:
    """The number exactly; a float as it is printed."""
    return given if isinstance(given, Decimal) else parse_decimal(str(given), what, NOWHERE)
