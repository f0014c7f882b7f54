"""The listed options of one expiry: their forward, their volatilities, and which rows to trust.

The venue's volatility counts where it has one. Where not, it is implied from the mark, or without
a mark from the mid of bid and ask if these two agree on it. Of a call and a put of one strike the
out-of-the-money one tells for both: the other's price is nearly all intrinsic value, and its last
digit would be taken for volatility. A row without a volatility, or whose prices contradict it,
is left out, with the reason: what cannot be valued cannot be margined, an error and never a
smaller margin.

Of options on shares and their indices prices tell before the venue's volatility does: that one
rests on rates and dividends of its vendor's own. Where the price is all intrinsic value and fits,
the strikes beside it tell. On what may cost less than nothing prices alone tell: vendors give
normal volatilities in units of their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from seawall.basics.time import isoformat_utc
from seawall.market.carry import CarryQuotes
from seawall.market.quotes import OptionQuotes, is_backed, is_two_sided, latest
from seawall.market.snapshot import OptionSlice, SliceKey, slice_key
from seawall.market.terms import ExpiryTerms, Quoted, Surroundings, terms_of
from seawall.products.markets import is_signed, market_of

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

# Implied volatilities outside this range are placeholders of a venue, not measurements.
MIN_VOL, MAX_VOL = 0.01, 20.0
# A mark this far from the value at its own volatility, relative to the forward, is damaged. Shares
# of the forward are here shares of the level where prices are of either sign. The
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
# A volatility that no price backs is damaged if it is this many times what those beside it say.
MAX_UNBACKED_VOL_RATIO = 1.5

# What a row says of an option; two rows of one moment that differ in any of these disagree.
_PRICES = ("bid", "ask", "mark", "iv")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an option is quoted."""

    table: OptionQuotes
    row: int

    def column(self, name: str) -> float:
        return float(getattr(self.table, name)[self.row])

    def prices(self) -> Floats:
        return np.array([self.column(name) for name in _PRICES])


def option_slices(
    tables: Sequence[OptionQuotes],
    curve: Mapping[SliceKey, float],
    spot: Callable[[SliceKey], float],
    carry: CarryQuotes,
    as_of: datetime,
) -> tuple[dict[SliceKey, OptionSlice], dict[str, str]]:
    """One slice per underlying, settlement and expiry after ``as_of`` that has a usable row.

    Of an option in several tables the latest row counts; two of one moment that disagree are both
    left out. ``curve`` holds forwards for expiries whose options determine none, ``spot``
    tells the price of an underlying in quote currency (NaN where unknown), ``carry`` discount
    curves and dividends. The second value says of each option left out why.
    """
    places, dropped = latest(
        (
            (option.name, (bool(backed[row]), float(table.observed_s[row])), _Place(table, row))
            for table in tables
            for backed in (is_backed(table.mark, table.bid, table.ask),)
            for row, option in enumerate(table.instruments)
        ),
        _differing,
    )
    groups: dict[SliceKey, list[_Place]] = {}
    for place in places.values():
        option = place.table.instruments[place.row]
        if option.expiry > as_of:
            groups.setdefault(slice_key(option), []).append(place)
    slices: dict[SliceKey, OptionSlice] = {}
    for key, group in groups.items():
        around = Surroundings(as_of, spot(key), curve.get(key, np.nan), carry)
        built, unusable = _slice(key, group, around)
        dropped |= unusable
        if built is not None:
            slices[key] = built
    return slices, dropped


def _differing(one: _Place, other: _Place) -> str | None:
    if np.array_equal(one.prices(), other.prices(), equal_nan=True):
        return None
    return f"{one.table.source} and {other.table.source}"


def _slice(
    key: SliceKey, places: Sequence[_Place], around: Surroundings
) -> tuple[OptionSlice | None, dict[str, str]]:
    """One expiry's slice, None when no row of it can be used; and why rows were left out."""
    options = [place.table.instruments[place.row] for place in places]

    def column(name: str) -> Floats:
        return np.array([place.column(name) for place in places], dtype=np.float64)

    strike = np.array([option.strike for option in options])
    is_call = np.array([option.is_call for option in options])
    mark, bid, ask, iv = column("mark"), column("bid"), column("ask"), column("iv")
    mark = np.where(mark >= 0.0, mark, np.nan)
    mid = np.where(is_two_sided(bid, ask), 0.5 * (bid + ask), np.nan)
    vol, unused = _own_vols(key, iv)
    quoted = Quoted(strike, is_call, mark, bid, ask, mid, vol, column("forward"))
    american = options[0].exercise == "american"
    terms, warnings = terms_of(key, quoted, around, american=american)
    if terms is None:
        return None, {option.name: warnings[-1] for option in options}
    forward = terms.forward
    unit = forward if options[0].is_inverse else 1.0
    by_price = market_of(key[0]) is not None
    backed = mark > 0.0
    if by_price or np.isnan(vol).any() or not backed.all():
        implied, pinned = _implied(quoted, terms, unit)
        if by_price:
            implied = _lent(implied, bid, ask, terms, strike, is_call)
        first, second = (implied, vol) if by_price else (vol, implied)
        vol = np.where(np.isnan(first), second, first)
        backed |= pinned
    value = terms.value(strike, np.where(np.isfinite(vol), vol, 0.0), is_call)
    contradicted = _contradicted(value, mark * unit, bid * unit, ask * unit, terms.scale)
    exercised = _below_exercise(key, quoted, around.spot) if american else {}
    reasons = {
        row: exercised.get(row)
        or _reason(vol[row], value[row] / unit, mark[row], bid[row], ask[row])
        for row in np.flatnonzero(np.isnan(vol) | contradicted).tolist()
    }
    sound = np.where(contradicted, np.nan, vol)
    reasons |= _unbacked(strike, sound, backed, terms.vol_unit)
    usable = np.array([row not in reasons for row in range(len(options))])
    dropped = {options[row].name: why for row, why in reasons.items()}
    if not usable.any():
        return None, dropped
    strike, vol = strike[usable], vol[usable]
    built = OptionSlice(
        key=key,
        forward=forward,
        names=tuple(o.name for o, use in zip(options, usable, strict=True) if use),
        strike=strike,
        is_call=is_call[usable],
        vol=vol,
        mark=mark[usable],
        observed_s=column("observed_s")[usable],
        atm_vol=vol_at_forward(forward, strike, vol, terms.vol_unit),
        discount=terms.discount,
        carry=terms.carry,
        warnings=(*warnings, *unused),
        vol_unit=terms.vol_unit,
    )
    return built, dropped


def _implied(quoted: Quoted, terms: ExpiryTerms, unit: float) -> tuple[Floats, Flags]:
    """The volatility that each row's prices imply, NaN where they tell none, and where bid and ask
    pin it. ``unit`` takes prices to quote currency.
    """
    strike, is_call, mark = quoted.strike, quoted.is_call, quoted.mark
    bid, ask = quoted.bid, quoted.ask
    own = [terms.implied_vol(quote * unit, strike, is_call) for quote in (bid, ask)]
    pinned = is_two_sided(bid, ask) & (own[1] <= MAX_VOL_RATIO * own[0])
    # The mid tells a volatility but is no mark of the venue, and is not passed on as one.
    agreed = _quotes_agree(bid * unit, ask * unit, own, terms, strike, is_call)
    premium = np.where(np.isnan(mark) & agreed, quoted.mid, mark) * unit
    found = terms.implied_vol(premium, strike, is_call)
    return _told(found, premium, terms, strike, is_call), pinned


def _own_vols(key: SliceKey, iv: Floats) -> tuple[Floats, tuple[str, ...]]:
    """The source's volatilities where they can be ones, NaN elsewhere, and what is said of those of
    prices of either sign, which do not count.
    """
    if not is_signed(key[0]):
        return np.where((iv >= MIN_VOL) & (iv <= MAX_VOL), iv, np.nan), ()
    unused = (
        f"Volatilities given of {key[0]} for {isoformat_utc(key[2])} are not used: prices alone "
        "tell those of what may be priced below zero."
    )
    return np.full(iv.shape, np.nan), (unused,) if np.isfinite(iv).any() else ()


def _lent(
    vol: Floats, bid: Floats, ask: Floats, terms: ExpiryTerms, strike: Floats, is_call: Flags
) -> Floats:
    """The volatilities, and of two-sided rows without one what those beside them say, where at it
    they are worth what is bid and asked: deep in the money no price tells a volatility.
    """
    beside = _neighbours(strike, vol, np.isfinite(vol), terms.vol_unit)
    value = terms.value(strike, np.where(np.isfinite(beside), beside, 0.0), is_call)
    fits = np.isnan(vol) & is_two_sided(bid, ask) & (bid <= value) & (value <= ask)
    return np.where(fits, beside, vol)


def _neighbours(strike: Floats, vol: Floats, backed: Flags, vol_unit: float | None) -> Floats:
    """What the rows that a price backs say of every row's volatility; NaN if there are none.

    As :func:`listed_smile` between them and flat outside.
    """
    if not backed.any():
        return np.full(vol.shape, np.nan)
    places = strike_places(strike, vol_unit)
    return np.interp(places, *listed_smile(strike[backed], vol[backed], vol_unit))


def strike_places(strike: Floats, vol_unit: float | None) -> Floats:
    """Where strikes stand in a smile: their logarithm, or in units of ``vol_unit`` where there is
    one and they are of either sign. Same shape.
    """
    return np.log(strike) if vol_unit is None else strike / vol_unit


def listed_smile(strike: Floats, vol: Floats, vol_unit: float | None) -> tuple[Floats, Floats]:
    """Ascending places of strikes and the volatility at each, the mean of a call and a put of one
    strike.

    Both have the shape of the distinct strikes; between and beyond them ``np.interp`` is the smile.
    """
    levels, place = np.unique(strike, return_inverse=True)
    mean = np.bincount(place, weights=vol) / np.bincount(place)
    return strike_places(levels, vol_unit), mean


def _unbacked(strike: Floats, vol: Floats, backed: Flags, vol_unit: float | None) -> dict[int, str]:
    """Rows whose volatility no price backs and those beside it contradict, with the reason."""
    expected = _neighbours(strike, vol, backed & np.isfinite(vol), vol_unit)
    off = np.abs(np.log(vol / expected)) > math.log(MAX_UNBACKED_VOL_RATIO)
    return {
        row: f"no price backs its volatility {vol[row]:.6g}, and those beside it say "
        f"{expected[row]:.6g}"
        for row in np.flatnonzero(off & ~backed).tolist()
    }


def _reason(vol: float, value: float, mark: float, bid: float, ask: float) -> str:
    """Why a row was left out; prices in quote units."""
    if np.isnan(vol):
        return "it has no volatility, and no mark or bid and ask that tell one"
    prices = f"mark {mark:.6g}" if np.isfinite(mark) else f"bid {bid:.6g}, ask {ask:.6g}"
    return f"its {prices} contradicts its volatility {vol:.6g}, at which it is worth {value:.6g}"


def _below_exercise(key: SliceKey, quoted: Quoted, spot: float) -> dict[int, str]:
    """American options asked for less than exercise at once brings, and what that says of the
    price of their share.
    """
    brings = np.where(quoted.is_call, spot - quoted.strike, quoted.strike - spot)
    return {
        row: f"its ask of {quoted.ask[row]:.6g} is below the {brings[row]:.6g} exercise brings "
        f"at {spot:.10g}; where that is of another moment, give --price {key[0]}=VALUE"
        for row in np.flatnonzero((quoted.ask > 0.0) & (quoted.ask < brings)).tolist()
    }


def _contradicted(value: Floats, mark: Floats, bid: Floats, ask: Floats, scale: float) -> Flags:
    """Rows whose value at their volatility is not what their prices say; all in quote currency.

    The mark counts, and where it is missing or zero the bid and ask if there are both; nothing
    contradicts a row with neither.
    """
    reach = MAX_MARK_ERROR_REL * scale
    placeholder = (mark == 0.0) & (value > MAX_VALUE_AT_ZERO_MARK_REL * scale)
    outside = (value < bid - reach) | (value > ask + reach)
    unmarked = np.isnan(mark) | (mark == 0.0)
    refuted = unmarked & is_two_sided(bid, ask) & outside
    return (np.abs(value - mark) > reach) | placeholder | refuted


def _quotes_agree(
    bid: Floats,
    ask: Floats,
    own: Sequence[Floats],
    terms: ExpiryTerms,
    strike: Floats,
    is_call: Flags,
) -> Flags:
    """Rows whose bid and ask, in quote currency, tell nearly the same volatility.

    ``own`` are the volatilities that the two imply, each of its own row.
    """
    quotes = zip(own, (bid, ask), strict=True)
    low, high = (_told(found, quote, terms, strike, is_call) for found, quote in quotes)
    return is_two_sided(bid, ask) & (high <= MAX_VOL_RATIO * low)


def _told(
    found: Floats, premium: Floats, terms: ExpiryTerms, strike: Floats, is_call: Flags
) -> Floats:
    """Volatility of each row from what prices in quote currency imply; NaN where they tell none.

    The other option of a strike has the say where that one is out of the money.
    """
    forward = terms.forward
    out_of_money = is_call == (strike >= forward)
    intrinsic = np.where(out_of_money, 0.0, np.abs(forward - strike))
    time_value = premium - terms.discount * intrinsic
    telling = (found >= MIN_VOL) & (found <= MAX_VOL)
    telling &= out_of_money | (time_value >= MIN_TIME_VALUE_REL * terms.scale)
    found = np.where(telling, found, np.nan)
    told = dict(zip(strike[telling & out_of_money], found[telling & out_of_money], strict=True))
    return np.array([told.get(k, vol) for k, vol in zip(strike, found, strict=True)])


def vol_at_forward(
    forward: float, strike: Floats, vol: Floats, vol_unit: float | None = None
) -> float:
    """Volatility at the forward, linear in log-strike between the nearest strikes, flat outside;
    in the strike itself where there is a ``vol_unit`` and prices are of either sign.
    """
    place = math.log(forward) if vol_unit is None else forward / vol_unit
    return float(np.interp(place, *listed_smile(strike, vol, vol_unit)))
