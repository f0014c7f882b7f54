"""Positions and the portfolio of one account."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from seawall.basics.decimals import parse_decimal
from seawall.basics.errors import BadNumber, DuplicatePosition, EmptyPortfolio
from seawall.products.instruments import Instrument
from seawall.products.names import parse_name

# From here on a quantity is a unit mistake (wei, satoshi), whatever the coin is worth; what it
# may be worth is bounded where its price is known.
MAX_QUANTITY = Decimal(10) ** 15
MAX_ENTRY_PRICE = Decimal(10) ** 12


class Position(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A holding: quantity in units of the underlying, + long, − short.

    An inverse contract's quantity is in coin at today's mark: its USD size over the mark.
    ``entry_price`` (used for futures and perpetuals, in USD or the settlement currency per coin)
    gives the unrealised profit; without it the position counts as settled at its mark.
    ``where`` is the place it was read from, for messages. Raises BadNumber for a quantity or entry
    price that is none.
    """

    instrument: Instrument
    quantity: Decimal
    entry_price: Decimal | None = None
    where: str = "portfolio"

    def __post_init__(self) -> None:
        if not self.quantity.is_finite() or self.quantity.copy_abs() >= MAX_QUANTITY:
            raise BadNumber(
                f"quantity {self.quantity} of {self.instrument.name} cannot be margined",
                where=self.where,
                remedy=f"Give a finite quantity in units of the underlying, below "
                f"{MAX_QUANTITY:.0E} in size.",
            )
        price = self.entry_price
        if price is not None and not (price.is_finite() and 0 < price < MAX_ENTRY_PRICE):
            raise BadNumber(
                f"entry price {price} of {self.instrument.name} is not a price",
                where=self.where,
                remedy="Give a positive, finite price or leave it empty.",
            )


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
    holdings: Iterable[tuple[str, str | int | float | Decimal]], account: str = "main"
) -> Portfolio:
    """A portfolio from ``(instrument name, quantity)`` pairs; a quantity may be text.

    Raises BadNumber for a quantity that is none, and what :func:`parse_name`, :class:`Position`
    and :class:`Portfolio` raise.
    """
    positions = tuple(
        Position(instrument=parse_name(name), quantity=_quantity(name, quantity))
        for name, quantity in holdings
    )
    return Portfolio(account=account, positions=positions)


def _quantity(name: str, given: object) -> Decimal:
    """The quantity exactly; a float as it is printed."""
    if isinstance(given, Decimal):
        return given
    text = "" if isinstance(given, bool) or given is None else str(given)
    return parse_decimal(text, f"quantity of {name}", "portfolio")
