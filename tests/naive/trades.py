"""Trades in plain floats, one at a time, written from docs/explain.md alone.

An inverse contract is a number of USD whose price is coins per USD: then one rule serves all.
"""

from __future__ import annotations

from tests.naive.market import forward_of


def naive_trades(portfolio, trades, snapshot):
    """Name → (quantity, entry price or None) after ``(instrument, quantity, price)`` trades."""
    held, entries, instruments = {}, {}, {}
    for position in portfolio.positions:
        name = position.instrument.name
        instruments[name] = position.instrument
        held[name] = float(position.quantity)
        if position.entry_price is not None:
            entries[name] = float(position.entry_price)
    for instrument, quantity, price in trades:
        name, kind = instrument.name, type(instrument).__name__
        if kind in ("Perpetual", "DatedFuture"):
            mark = forward_of(instrument, snapshot)
            q, e = held.get(name, 0.0), entries.get(name, mark)
            profit, q, e = _future(q, e, quantity, price, mark, _inverse(instrument))
            held[name], entries[name] = q, e
            paid_in = instrument.settlement
        else:
            held[name] = held.get(name, 0.0) + quantity
            profit = -quantity * price
            paid_in = instrument.settlement if kind == "Option" else "USD"
        held[paid_in] = held.get(paid_in, 0.0) + profit
    return {name: (q, entries.get(name)) for name, q in held.items()}


def _inverse(instrument):
    return instrument.settlement == instrument.underlying


def _future(q, entry, traded, price, mark, inverse):
    """Profit paid, quantity and entry price left of a position after a trade.

    An inverse contract is so many USD, and USD per coin turned round is what it pays.
    """
    if inverse:
        size, change = q * mark, traded * mark
        profit, size, level = _level(size, 1.0 / entry, change, 1.0 / price)
        return -profit, size / mark, 1.0 / level
    return _level(q, entry, traded, price)


def _level(q, entry, traded, price):
    if q == 0.0 or (q > 0.0) == (traded > 0.0):
        return 0.0, q + traded, (q * entry + traded * price) / (q + traded)
    if abs(traded) <= abs(q):
        return -traded * (price - entry), q + traded, entry
    return q * (price - entry), q + traded, price
