"""Trades put into a portfolio: what they pay, what they close, and the entry prices they leave.

A trade at its mark changes no equity: an option's premium is paid out of its settlement currency,
a closed future's profit into it, and a new future stands at its price. Source: docs/explain.md,
"What if".
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal, localcontext
from typing import TypeVar

import msgspec
import numpy as np
from msgspec import structs

from seawall.basics.errors import BadNumber, InputError, located
from seawall.market.snapshot import MarketSnapshot
from seawall.market.terms import terms_at
from seawall.products.instruments import (
    CASH,
    Cash,
    Future,
    Instrument,
    Option,
    Stablecoin,
)
from seawall.products.markets import is_signed, times_apart
from seawall.products.names import parse_name
from seawall.products.portfolio import MAX_QUANTITY, Portfolio, Position, can_be_price
from seawall.risk.assumptions import ENTRY_MAX_FACTOR, assumptions, require_possible_size

CHEAP_OPTION_REL = 0.001
"""Share of the forward, or of the level of a price of either sign, below which an option's price
counts as this much when it is compared with its mark: a nearly worthless option may cost many times
its mark."""

N = TypeVar("N", float, Decimal)

# Payments are whole numbers of the first, finer than any coin divides, and add exactly within the
# second: what is bought and sold again leaves no dust behind.
_FINEST = Decimal("1e-30")
_PRECISION = 60


class Trade(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``quantity`` in units of the underlying, + bought; ``price`` in quote units, None: the mark.

    Quote units are coin for an inverse option's premium, the settlement currency or USD per coin
    for everything else. An inverse contract's quantity is in coin at today's mark, whatever the
    price. Raises BadNumber for a quantity or price that is none, InputError for a trade in money.
    """

    instrument: Instrument
    quantity: Decimal
    price: Decimal | None = None

    def __post_init__(self) -> None:
        name = self.instrument.name
        for number in (self.quantity, self.price):
            if number is not None and not isinstance(number, Decimal):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise BadNumber(
                    f"{number!r:.40} is no Decimal",
                    where=f"trade in {name}",
                    remedy="Give a Decimal, or trade by text or tuple.",
                )
        if isinstance(self.instrument, Cash | Stablecoin):
            raise InputError(
                f"{name} is money: it pays for trades and is not traded",
                where=self.where,
                remedy="Give a contract, a coin or another asset; put more money into the book "
                "itself.",
            )
        size = self.quantity
        if not size.is_finite() or size == 0 or size.copy_abs() >= MAX_QUANTITY:
            raise BadNumber(
                f"{size} {name} cannot be traded",
                where=self.where,
                remedy="Give a finite quantity other than 0 in units of the underlying, below "
                f"{MAX_QUANTITY:.0E} in size.",
            )
        price = self.price
        if price is not None and not can_be_price(self.instrument, price):
            raise BadNumber(
                f"{price} is not a price of {name}",
                where=self.where,
                remedy="Give a positive, finite price, or none for the mark.",
            )

    @property
    def where(self) -> str:
        """The trade named for messages, as it is written."""
        at = "" if self.price is None else f"@{self.price}"
        return f"trade {self.instrument.name}:{self.quantity}{at}"


def with_trades(portfolio: Portfolio, trades: Iterable[Trade], market: MarketSnapshot) -> Portfolio:
    """The portfolio after the trades, in the order given.

    Positions that are closed are gone; what was paid stands as cash, stablecoin or coin, and as
    a debt where there was none. ``warnings`` of the result also say what was assumed of what was
    traded. Raises BadNumber for a price more than ``ENTRY_MAX_FACTOR`` away from the mark and for a
    trade or position of an impossible worth or entry price, and what the snapshot raises.
    """
    warnings = list(portfolio.warnings)
    with localcontext(prec=_PRECISION):
        held = {position.instrument.name: position for position in portfolio.positions}
        for trade in trades:
            with located(trade.where, trade.where):
                warnings += _done(held, trade, market)
        kept = tuple(position for position in held.values() if position.quantity != 0)
    nothing = (Position(instrument=Cash(name=CASH), quantity=Decimal(0)),)
    return Portfolio(
        account=portfolio.account,
        positions=kept or nothing,
        warnings=tuple(dict.fromkeys(warnings)),
    )


def _done(held: dict[str, Position], trade: Trade, market: MarketSnapshot) -> list[str]:
    """Put one trade into what is held; what was assumed of what was traded."""
    before, mark = dict(held), mark_of(trade.instrument, market)
    paid = mark if trade.price is None else trade.price
    _require_near(trade, paid, mark, market)
    warnings = assumptions(_opened(trade, paid), market)
    if isinstance(trade.instrument, Future):
        known = held.get(trade.instrument.name)
        if known is not None:
            warnings += assumptions(known, market)
        _trade_future(held, trade, paid, mark)
    else:
        _add(held, trade.instrument, trade.quantity, trade.where)
        _pay(held, trade, -trade.quantity * paid)
    for name, position in held.items():
        if position is not before.get(name):  # too large by the trade, wherever the rest stands
            require_possible_size(structs.replace(position, where=trade.where), market)
    return warnings


def mark_of(instrument: Instrument, market: MarketSnapshot) -> Decimal:
    """Today's price of one unit in quote units: the mark, an option's model value without one.

    Raises what the snapshot raises.
    """
    if isinstance(instrument, Future):
        return _exactly(market.forward(instrument))
    if not isinstance(instrument, Option):
        return _exactly(market.asset_usd(instrument))
    listed, row = market.option_row(instrument)
    if np.isfinite(listed.mark[row]):
        return _exactly(listed.mark[row])
    terms = terms_at(listed, market.index_usd, market.as_of)
    value = terms.value(listed.strike[row], listed.vol[row], listed.is_call[row])
    return _exactly(float(value) / (listed.forward if instrument.is_inverse else 1.0))


def _opened(trade: Trade, paid: Decimal) -> Position:
    """The trade as a position of its own."""
    is_future = isinstance(trade.instrument, Future)
    return Position(
        instrument=trade.instrument,
        quantity=trade.quantity,
        entry_price=paid if is_future else None,
        where=trade.where,
    )


def _require_near(trade: Trade, paid: Decimal, mark: Decimal, market: MarketSnapshot) -> None:
    """Refuse a price that is a slip: what it claims to earn would be collateral."""
    instrument, least = trade.instrument, _exactly(least_price(trade.instrument, market))
    low, high = sorted((max(paid, least), max(mark, least)))
    far = high > low * Decimal(ENTRY_MAX_FACTOR)
    if isinstance(instrument, Future) and is_signed(instrument.underlying):
        times = times_apart(instrument.underlying, float(paid), float(mark))
        far = times > ENTRY_MAX_FACTOR
    if far:
        raise BadNumber(
            f"price {paid} of {instrument.name} is more than {ENTRY_MAX_FACTOR:g} times away from "
            f"its mark {float(mark):.10g}",
            where=trade.where,
            remedy="Give USD or the settlement currency per coin, for an inverse option coin.",
        )


def least_price(instrument: Instrument, market: MarketSnapshot) -> float:
    """What a cheaper price counts as where it is compared with a mark, in quote units.

    Raises what the snapshot raises.
    """
    if not isinstance(instrument, Option):
        return 0.0
    return CHEAP_OPTION_REL * _option_unit(instrument, market)


def _option_unit(option: Option, market: MarketSnapshot) -> float:
    """What an option's price is compared with, in quote units: its forward, or the level."""
    if option.is_inverse:
        return 1.0
    if is_signed(option.underlying):
        return market.level_usd(option.underlying) / market.quote_usd(option)
    return market.forward(option)


def _trade_future(held: dict[str, Position], trade: Trade, paid: Decimal, mark: Decimal) -> None:
    """Close what is held the other way, paying its profit, and add the rest at its price."""
    contract = trade.instrument
    known = held.get(contract.name)
    before = known.quantity if known else Decimal(0)
    # A position without an entry price counts as settled at its mark.
    entry = mark if known is None or known.entry_price is None else known.entry_price
    after, entry, profit = traded_future(
        before, entry, trade.quantity, paid, mark, inverse=contract.is_inverse
    )
    _credit(held, contract.settlement, profit, trade.where)
    held[contract.name] = Position(
        instrument=contract,
        quantity=after,
        entry_price=entry,
        where=known.where if known else trade.where,
    )


def traded_future(
    before: N, entry: N, change: N, paid: N, mark: N, *, inverse: bool
) -> tuple[N, N, N]:
    """Quantity and entry price of a future after a trade of ``change`` units, and the profit paid.

    What is held the other way is closed and pays its profit, coin where ``inverse``; the rest
    stands at its price, averaged with what was held. The rule of Decimals and of floats.
    """
    after = before + change
    if before * change >= 0:
        return after, _average(before, entry, change, paid, inverse=inverse), before - before
    closed = before if abs(change) >= abs(before) else -change
    # An inverse quantity is coin at today's mark: closed·mark USD contracts, profit in coin.
    profit = closed * mark * (1 / entry - 1 / paid) if inverse else closed * (paid - entry)
    return after, paid if after * before <= 0 else entry, profit


def _average(one: N, entry: N, other: N, paid: N, *, inverse: bool) -> N:
    """The entry price of two positions of one sign, so that their profits add up."""
    if one == 0 or entry == paid:  # quotients would leave the last digits of Decimal in it
        return paid
    if inverse:
        return (one + other) / (one / entry + other / paid)
    return (one * entry + other * paid) / (one + other)


def _pay(held: dict[str, Position], trade: Trade, amount: Decimal) -> None:
    """``amount`` in the currency in which the instrument is paid: an asset's is USD."""
    is_option = isinstance(trade.instrument, Option)
    _credit(held, trade.instrument.settlement if is_option else CASH, amount, trade.where)


def _credit(held: dict[str, Position], currency: str, amount: Decimal, where: str) -> None:
    paid = amount.quantize(_FINEST)
    if paid != 0:
        _add(held, parse_name(currency), paid.normalize(), where)


def _add(held: dict[str, Position], instrument: Instrument, quantity: Decimal, where: str) -> None:
    known = held.get(instrument.name)
    held[instrument.name] = (
        Position(instrument=instrument, quantity=quantity, where=where)
        if known is None
        else structs.replace(known, quantity=known.quantity + quantity)
    )


def _exactly(number: float) -> Decimal:
    """As it is printed, so that quantities stay readable."""
    return Decimal(repr(float(number)))
