"""Markets supposed rather than quoted: one number of a snapshot changed and what follows from it.

Volatilities are sticky-strike throughout: every listed option keeps its own. A mark of the venue
moves by what the model's value moves, so that what the venue saw and the model does not stays,
and never falls below zero. What a surface was asked for is a row like the others and keeps its
volatility too: nothing is fitted anew. Source: docs/explain.md, "A moved market".
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import BadNumber
from seawall.basics.time import tenor_years
from seawall.market.slices import vol_at_forward
from seawall.market.snapshot import MarketSnapshot, OptionSlice, SliceKey
from seawall.market.terms import ExpiryTerms, terms_at
from seawall.pricing.black76 import price
from seawall.pricing.discounting import discount_left
from seawall.products.assets import WRAPPERS
from seawall.products.instruments import CASH
from seawall.products.markets import is_signed
from seawall.products.names import parse_name

Floats = NDArray[np.float64]


def moved(market: MarketSnapshot, underlying: str, price_rel: float) -> MarketSnapshot:
    """The market with one underlying's index, forwards and future marks times 1 + ``price_rel``; of
    a signed underlying plus ``price_rel`` times its level.

    Prices of wrappers of it move with it. Time, stablecoins and other underlyings stay, pools that
    hold it among them. Raises BadNumber for a move to zero or below or a refused underlying,
    MissingQuote for an underlying without an index.
    """
    factor, signed = 1.0 + price_rel, is_signed(underlying)
    if not (math.isfinite(factor) and (factor > 0.0 or signed)):
        raise BadNumber(
            f"a move of {price_rel:+.1%} leaves no price of {underlying}",
            where=market.where,
            remedy="Give a move above -100 %.",
        )
    spot = market.spot_usd(underlying)
    shift_usd = price_rel * market.level_usd(underlying)

    def to(price: float, currency: str) -> float:
        if signed:
            return price + shift_usd / market.currency_usd(currency)
        return price * factor

    forwards = {
        key: to(f, key[1]) if key[0] == underlying else f for key, f in market.forwards.items()
    }
    of_futures = ((name, parse_name(name), mark) for name, mark in market.futures.items())
    futures = {
        name: to(mark, future.settlement) if future.underlying == underlying else mark
        for name, future, mark in of_futures
    }
    of_it = {key: to(s.forward, key[1]) for key, s in market.slices.items() if key[0] == underlying}
    index = {
        **market.index_usd,
        **{name: usd * factor for name, usd in _wrappers(market, underlying).items()},
        underlying: to(spot, CASH),
    }
    return replace(
        market,
        index_usd=index,
        forwards=forwards,
        futures=futures,
        slices={**market.slices, **_repriced(market, of_it, market.as_of, index)},
    )


def at_time(market: MarketSnapshot, as_of: datetime) -> MarketSnapshot:
    """The market as it would be at another time with every price, forward and volatility as now.

    What has expired by then is no longer listed.
    """
    alive = {key: s.forward for key, s in market.slices.items() if key[2] > as_of}
    slices = _repriced(market, alive, as_of, market.index_usd)
    return replace(market, as_of=as_of, slices=slices, option_rows=_rows_of(market, slices))


def with_prices_of(
    market: MarketSnapshot, other: MarketSnapshot, underlying: str
) -> MarketSnapshot:
    """The market with one underlying's index, forwards and future marks as in ``other``.

    Prices of its wrappers are as there too. Each option listed here keeps its volatility; an expiry
    without a forward there is no longer listed. Raises MissingQuote, BadNumber if ``other`` has no
    index of the underlying.
    """
    wrappers = _wrappers(market, underlying)
    index = {name: usd for name, usd in market.index_usd.items() if name not in wrappers}
    index |= _wrappers(other, underlying) | {underlying: other.spot_usd(underlying)}
    forwards = {key: f for key, f in market.forwards.items() if key[0] != underlying}
    forwards |= {key: f for key, f in other.forwards.items() if key[0] == underlying}
    futures = {n: f for n, f in market.futures.items() if parse_name(n).underlying != underlying}
    futures |= {n: f for n, f in other.futures.items() if parse_name(n).underlying == underlying}
    of_it = {
        key: forwards[key] for key in market.slices if key[0] == underlying and key in forwards
    }
    slices = {key: s for key, s in market.slices.items() if key[0] != underlying}
    slices |= _repriced(market, of_it, market.as_of, index)
    return replace(
        market,
        index_usd=index,
        forwards=forwards,
        futures=futures,
        slices=slices,
        option_rows=_rows_of(market, slices),
    )


def _wrappers(market: MarketSnapshot, underlying: str) -> dict[str, float]:
    """Prices of claims on an underlying."""
    return {n: usd for n, usd in market.index_usd.items() if WRAPPERS.get(n) == underlying}


def _rows_of(
    market: MarketSnapshot, slices: Mapping[SliceKey, OptionSlice]
) -> dict[str, tuple[SliceKey, int]]:
    return {name: at for name, at in market.option_rows.items() if at[0] in slices}


def _repriced(
    market: MarketSnapshot,
    forwards: Mapping[SliceKey, float],
    as_of: datetime,
    index_usd: Mapping[str, float],
) -> dict[SliceKey, OptionSlice]:
    """The slices of ``forwards`` at these forwards and prices and that time, their volatilities
    unchanged.
    """
    before = [market.slices[key] for key in forwards]
    after = [_at(s, forwards[s.key], market.as_of, as_of) for s in before]
    black76 = [row for row, s in enumerate(before) if s.carry is None and s.vol_unit is None]
    change = [np.zeros(0)] * len(before)
    if black76:
        sizes = [len(before[row].names) for row in black76]
        changed = _premiums([after[row] for row in black76], as_of)
        changed -= _premiums([before[row] for row in black76], market.as_of)
        for row, part in zip(black76, np.split(changed, np.cumsum(sizes)[:-1]), strict=True):
            change[row] = part
    for row, (old, new) in enumerate(zip(before, after, strict=True)):
        if row not in black76:
            was = terms_at(old, market.index_usd, market.as_of)
            change[row] = _change_of(old, was, terms_at(new, index_usd, as_of))
    return {
        s.key: replace(s, mark=np.maximum(s.mark + part, 0.0))  # a missing mark stays missing
        for s, part in zip(after, change, strict=True)
    }


def _at(s: OptionSlice, forward: float, before: datetime, after: datetime) -> OptionSlice:
    """A slice at another forward and time, its marks as they were."""
    tenors, rows = (tenor_years(time, s.key[2]) for time in (before, after)), s.smile_rows
    return replace(
        s,
        forward=forward,
        discount=float(discount_left(s.discount, *tenors)),
        atm_vol=vol_at_forward(forward, s.strike[rows], s.vol[rows], s.vol_unit),
    )


def _premiums(slices: Sequence[OptionSlice], as_of: datetime) -> Floats:
    """Black-76 values of options in quote units (coin of inverse ones), slice after slice."""
    sizes = [len(s.names) for s in slices]

    def column(values: list[float]) -> Floats:
        return np.repeat(np.array(values), sizes)

    strike, vol = (np.concatenate([getattr(s, n) for s in slices]) for n in ("strike", "vol"))
    is_call = np.concatenate([s.is_call for s in slices])
    tenor = column([tenor_years(as_of, s.key[2]) for s in slices])
    forward, discount = column([s.forward for s in slices]), column([s.discount for s in slices])
    unit = column([s.forward if s.key[0] == s.key[1] else 1.0 for s in slices])
    return price(forward, strike, vol, tenor, is_call, discount) / unit


def _change_of(listed: OptionSlice, before: ExpiryTerms, after: ExpiryTerms) -> Floats:
    """What the options of a slice gain between two terms; 0 where there is no mark to move."""
    marked = np.isfinite(listed.mark)
    change = np.zeros(len(listed.names))
    if marked.any():
        rows = listed.strike[marked], listed.vol[marked], listed.is_call[marked]
        change[marked] = after.value(*rows) - before.value(*rows)
    return change
