"""Markets supposed rather than quoted: one number of a snapshot changed and what follows from it.

Volatilities are sticky-strike throughout: every listed option keeps its own. A mark of the venue
moves by what the model's value moves, so that what the venue saw and the model does not stays,
and never falls below zero. What a surface was asked for is a row like the others and keeps its
volatility too: nothing is fitted anew. Source: docs/explain.md, "A moved market".
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import BadNumber
from seawall.basics.time import tenor_years
from seawall.market.slices import vol_at_forward
from seawall.market.snapshot import MarketSnapshot, OptionSlice, SliceKey
from seawall.pricing.black76 import price
from seawall.pricing.discounting import discount_left
from seawall.products.assets import WRAPPERS
from seawall.products.names import parse_name

Floats = NDArray[np.float64]


def moved(market: MarketSnapshot, underlying: str, price_rel: float) -> MarketSnapshot:
    """The market with one underlying's index, forwards and future marks times 1 + ``price_rel``.

    Prices of wrappers of it move with it. Time, stablecoins and other underlyings stay, pools that
    hold it among them. Raises BadNumber for a move to zero or below or a refused underlying,
    MissingQuote for an underlying without an index.
    """
    factor = 1.0 + price_rel
    if not (math.isfinite(factor) and factor > 0.0):
        raise BadNumber(
            f"a move of {price_rel:+.1%} leaves no price of {underlying}",
            where=market.where,
            remedy="Give a move above -100 %.",
        )
    spot = market.spot_usd(underlying)
    forwards = {
        key: f * factor if key[0] == underlying else f for key, f in market.forwards.items()
    }
    futures = {
        name: mark * factor if parse_name(name).underlying == underlying else mark
        for name, mark in market.futures.items()
    }
    of_it = {key: s.forward * factor for key, s in market.slices.items() if key[0] == underlying}
    return replace(
        market,
        index_usd={
            **market.index_usd,
            **{name: usd * factor for name, usd in _wrappers(market, underlying).items()},
            underlying: spot * factor,
        },
        forwards=forwards,
        futures=futures,
        slices={**market.slices, **_repriced(market, of_it, market.as_of)},
    )


def at_time(market: MarketSnapshot, as_of: datetime) -> MarketSnapshot:
    """The market as it would be at another time with every price, forward and volatility as now.

    What has expired by then is no longer listed.
    """
    alive = {key: s.forward for key, s in market.slices.items() if key[2] > as_of}
    slices = _repriced(market, alive, as_of)
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
    slices |= _repriced(market, of_it, market.as_of)
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
    market: MarketSnapshot, forwards: Mapping[SliceKey, float], as_of: datetime
) -> dict[SliceKey, OptionSlice]:
    """The slices of ``forwards`` at these forwards and that time, their volatilities unchanged."""
    if not forwards:
        return {}
    slices = [market.slices[key] for key in forwards]
    sizes = [len(s.names) for s in slices]

    def column(values: list[float]) -> Floats:
        return np.repeat(np.array(values), sizes)

    strike, vol = (np.concatenate([getattr(s, n) for s in slices]) for n in ("strike", "vol"))
    is_call = np.concatenate([s.is_call for s in slices])

    def premium(levels: list[float], discounts: list[float], time: datetime) -> Floats:
        """Model values in quote units: an inverse option is quoted in coin."""
        tenor = column([tenor_years(time, key[2]) for key in forwards])
        units = [f if k[0] == k[1] else 1.0 for k, f in zip(forwards, levels, strict=True)]
        values = price(column(levels), strike, vol, tenor, is_call, column(discounts))
        return values / column(units)

    now = [s.discount for s in slices]
    then = [
        float(discount_left(s.discount, *(tenor_years(t, s.key[2]) for t in (market.as_of, as_of))))
        for s in slices
    ]
    change = premium(list(forwards.values()), then, as_of)
    change -= premium([s.forward for s in slices], now, market.as_of)
    parts = np.split(change, np.cumsum(sizes)[:-1])
    return {
        key: replace(
            s,
            forward=forward,
            discount=discount,
            mark=np.maximum(s.mark + part, 0.0),  # a missing mark stays missing
            atm_vol=vol_at_forward(forward, s.strike[s.smile_rows], s.vol[s.smile_rows]),
        )
        for (key, forward), discount, s, part in zip(
            forwards.items(), then, slices, parts, strict=True
        )
    }
