"""The book that goes with a moved market: the same contracts, as they stand at other marks.

It has its room here because it needs both what a position is and what a market says, and no
requirement. Source: docs/explain.md, "A moved market".
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import msgspec

from seawall.market.moved import moved
from seawall.market.snapshot import MarketSnapshot
from seawall.products.instruments import Future, has_usd_size
from seawall.products.portfolio import Portfolio, Position
from seawall.risk.book import Book, join_underlying


def resized(position: Position, before: MarketSnapshot, after: MarketSnapshot) -> Position:
    """The same contracts counted at another market's mark.

    The USD size of an inverse future or perpetual is fixed, and its quantity in coin is that size
    over the mark: q′ = q·F/F′. Everything else is counted in its own units and stays. Raises
    MissingQuote, ExpiredInstrument, BadNumber of either market.
    """
    instrument = position.instrument
    if not has_usd_size(instrument):
        return position
    return _resized(position, before.forward(instrument), after.forward(instrument))


def _resized(position: Position, mark: float, other: float) -> Position:
    """The same USD size, that was counted at ``mark``, counted at ``other``."""
    if mark == other:
        return position
    quantity = position.quantity * Decimal(mark) / Decimal(other)
    return msgspec.structs.replace(position, quantity=quantity)


def carried(position: Position, before: MarketSnapshot, after: MarketSnapshot) -> Position:
    """The position after the market has gone from ``before`` to ``after``.

    As :func:`resized`; and a future without an entry price has the old mark as its entry, so that
    its profit counts from then on. Raises what :func:`resized` raises.
    """
    instrument = position.instrument
    if not isinstance(instrument, Future):
        return position
    return carried_future(position, before.forward(instrument), after.forward(instrument))


def carried_future(position: Position, mark: float, other: float) -> Position:
    """A position in a future or perpetual after its mark has gone from ``mark`` to ``other``."""
    if position.entry_price is None:
        position = msgspec.structs.replace(position, entry_price=Decimal(mark))
    return _resized(position, mark, other) if has_usd_size(position.instrument) else position


def carried_portfolio(
    portfolio: Portfolio, before: MarketSnapshot, after: MarketSnapshot
) -> Portfolio:
    """The account after the market has gone from ``before`` to ``after``: every position carried.

    Raises what :func:`resized` raises.
    """
    positions = tuple(carried(position, before, after) for position in portfolio.positions)
    return msgspec.structs.replace(portfolio, positions=positions)


def resized_portfolio(
    portfolio: Portfolio, before: MarketSnapshot, after: MarketSnapshot
) -> Portfolio:
    """The same account counted at another market's marks: every position resized.

    Raises what :func:`resized` raises.
    """
    positions = tuple(resized(position, before, after) for position in portfolio.positions)
    return msgspec.structs.replace(portfolio, positions=positions)


def moved_book(book: Book, market: MarketSnapshot, underlying: str, price_rel: float) -> Book:
    """The account after one underlying has moved by ``price_rel``, all else equal.

    ``market`` is the one that the book was joined with. What guards a join against slips of
    input (size, entry price far from the mark) is not asked again of a supposed market. Raises what
    :func:`seawall.market.moved.moved` raises.
    """
    after = moved(market, underlying, price_rel)
    parts = tuple(
        join_underlying(
            underlying, [carried(position, market, after) for position in part.positions], after
        )
        if part.underlying == underlying
        else part
        for part in book.underlyings
    )
    return replace(book, underlyings=parts)
