"""Positions and the portfolio of one account."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from seawall.basics.errors import BadNumber, DuplicatePosition, EmptyPortfolio
from seawall.products.instruments import Instrument
from seawall.products.names import parse_name

# Beyond this a quantity is a unit mistake (wei, satoshi, USD) and float64 loses cents.
MAX_QUANTITY = Decimal(10) ** 12


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
        if not self.quantity.is_finite() or self.quantity.copy_abs() > MAX_QUANTITY:
            raise BadNumber(
                f"quantity {self.quantity} of {self.instrument.name} cannot be margined",
                where=self.where,
                remedy=f"Give a finite quantity in units of the underlying, at most "
                f"{MAX_QUANTITY:.0E} in size.",
            )
        price = self.entry_price
        if price is not None and not (price.is_finite() and 0 < price <= MAX_QUANTITY):
            raise BadNumber(
                f"entry price {price} of {self.instrument.name} is not a price",
                where=self.where,
                remedy="Give a positive, finite price or leave it empty.",
            )


class Portfolio(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything one account holds; each instrument once.

    Raises EmptyPortfolio without positions, DuplicatePosition when an instrument is repeated.
    """

    account: str
    positions: tuple[Position, ...]

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
    """A portfolio from ``(instrument name, quantity)`` pairs.

    Raises what :func:`parse_name`, :class:`Position` and :class:`Portfolio` raise.
    """
    positions = tuple(
        Position(instrument=parse_name(name), quantity=Decimal(str(quantity)))
        for name, quantity in holdings
    )
    return Portfolio(account=account, positions=positions)
