"""The listed options of one expiry: their forward, their volatilities, and which rows to trust.

The venue's volatility counts where it has one. Where not, it is implied from the mark, or without
a mark from the mid of bid and ask if these two agree on it. Of a call and a put of one strike the
out-of-the-money one tells for both: the other's price is nearly all intrinsic value, and its last
digit would be taken for volatility. A row without a volatility, or whose prices contradict it,
is left out: what cannot be valued cannot be margined, an error and never a smaller margin.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from seawall.basics.time import tenor_years
from seawall.market.forwards import choose_forward
from seawall.market.quotes import OptionQuotes
from seawall.market.snapshot import OptionSlice, SliceKey
from seawall.pricing.black76 import implied_vol, price

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

# Implied volatilities outside this range are placeholders of a venue, not measurements.
MIN_VOL, MAX_VOL = 0.01, 20.0
# A mark this far from the value at its own volatility, relative to the forward, is damaged. The
# recorded marks of a venue stay below half of it (0.00145 on 2020-05-21), also in a crash.
MAX_MARK_ERROR_REL = 0.003
# A mark of zero on an option worth more than this, relative to the forward, is a placeholder:
# five ticks of the venue are not rounded away.
MAX_VALUE_AT_ZERO_MARK_REL = 0.0005
# An in-the-money price tells its volatility to about 1 % only with this much time value, relative
# to the forward; below, the price's last digit decides.
MIN_TIME_VALUE_REL = 0.001
# Bid and ask agree on a volatility when the ask's is at most this multiple of the bid's.
MAX_VOL_RATIO = 1.25


def option_slices(
    tables: Sequence[OptionQuotes], curve: Mapping[SliceKey, float], as_of: datetime
) -> Iterator[OptionSlice]:
    """One slice per underlying, settlement and expiry after ``as_of`` that has a usable row.

    Of an option in several tables the latest row counts. ``curve`` holds forwards for expiries
    whose options determine none.
    """
    groups: dict[SliceKey, dict[str, tuple[OptionQuotes, int]]] = {}
    for table in sorted(tables, key=lambda table: table.as_of):
        for row, option in enumerate(table.instruments):
            if option.expiry > as_of:
                key = option.underlying, option.settlement, option.expiry
                groups.setdefault(key, {})[option.name] = table, row
    for key, places in groups.items():
        built = _slice(key, list(places.values()), curve.get(key, np.nan), as_of)
        if built is not None:
            yield built


def _slice(
    key: SliceKey,
    places: Sequence[tuple[OptionQuotes, int]],
    curve_forward: float,
    as_of: datetime,
) -> OptionSlice | None:
    """One expiry's slice, or None when no row of it can be used."""
    options = [table.instruments[row] for table, row in places]

    def column(name: str) -> Floats:
        return np.array([getattr(table, name)[row] for table, row in places], dtype=np.float64)

    inverse = options[0].is_inverse
    strike = np.array([option.strike for option in options])
    is_call = np.array([option.is_call for option in options])
    mark, bid, ask, iv = column("mark"), column("bid"), column("ask"), column("iv")
    mark = np.where(mark >= 0.0, mark, np.nan)
    mid = np.where((bid > 0.0) & (ask >= bid), 0.5 * (bid + ask), np.nan)
    vol = np.where((iv >= MIN_VOL) & (iv <= MAX_VOL), iv, np.nan)
    tenor = tenor_years(as_of, key[2])
    forward = choose_forward(
        strike, is_call, mark, mid, vol, column("forward"), tenor, inverse=inverse
    )
    forward = curve_forward if np.isnan(forward) else forward
    if np.isnan(forward):
        return None
    unit = forward if inverse else 1.0
    if np.isnan(vol).any():
        terms = forward, strike, tenor, is_call
        agreed = _quotes_agree(bid * unit, ask * unit, *terms)
        # The mid tells a volatility but is no mark of the venue, and is not passed on as one.
        premium = np.where(np.isnan(mark) & agreed, mid, mark)
        vol = np.where(np.isnan(vol), _vol_from_prices(premium * unit, *terms), vol)
    usable = np.isfinite(vol)
    value = price(forward, strike, np.where(usable, vol, 0.0), tenor, is_call)
    usable &= ~_contradicted(value, mark * unit, bid * unit, ask * unit, forward)
    if not usable.any():
        return None
    strike, vol = strike[usable], vol[usable]
    return OptionSlice(
        key=key,
        forward=forward,
        names=tuple(o.name for o, use in zip(options, usable, strict=True) if use),
        strike=strike,
        is_call=is_call[usable],
        vol=vol,
        mark=mark[usable],
        atm_vol=_vol_at_forward(forward, strike, vol),
    )


def _contradicted(value: Floats, mark: Floats, bid: Floats, ask: Floats, forward: float) -> Flags:
    """Rows whose value at their volatility is not what their prices say; all in quote currency.

    The mark counts, and where it is missing the bid and ask if there are both; nothing contradicts
    a row with neither.
    """
    reach = MAX_MARK_ERROR_REL * forward
    placeholder = (mark == 0.0) & (value > MAX_VALUE_AT_ZERO_MARK_REL * forward)
    outside = (value < bid - reach) | (value > ask + reach)
    two_sided = (bid > 0.0) & (ask >= bid)
    return (np.abs(value - mark) > reach) | placeholder | (np.isnan(mark) & two_sided & outside)


def _quotes_agree(
    bid: Floats, ask: Floats, forward: float, strike: Floats, tenor: float, is_call: Flags
) -> Flags:
    """Rows whose bid and ask, in quote currency, tell nearly the same volatility."""
    low = _vol_from_prices(bid, forward, strike, tenor, is_call)
    high = _vol_from_prices(ask, forward, strike, tenor, is_call)
    return np.asarray(high <= MAX_VOL_RATIO * low)


def _vol_from_prices(
    premium: Floats, forward: float, strike: Floats, tenor: float, is_call: Flags
) -> Floats:
    """Volatility of each row from prices in quote currency; NaN where they determine none."""
    found = implied_vol(premium, forward, strike, tenor, is_call).sigma
    out_of_money = is_call == (strike >= forward)
    time_value = premium - np.where(out_of_money, 0.0, np.abs(forward - strike))
    telling = (found >= MIN_VOL) & (found <= MAX_VOL)
    telling &= out_of_money | (time_value >= MIN_TIME_VALUE_REL * forward)
    found = np.where(telling, found, np.nan)
    told = dict(zip(strike[telling & out_of_money], found[telling & out_of_money], strict=True))
    return np.array([told.get(k, vol) for k, vol in zip(strike, found, strict=True)])


def _vol_at_forward(forward: float, strike: Floats, vol: Floats) -> float:
    """Volatility at the forward, linear in log-strike between the nearest strikes, flat outside."""
    levels, place = np.unique(strike, return_inverse=True)
    mean = np.bincount(place, weights=vol) / np.bincount(place)
    return float(np.interp(math.log(forward), np.log(levels), mean))
