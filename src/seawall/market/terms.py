"""What values the options of one expiry beside their strike and volatility: forward and discount.

Options on coins are not discounted: their venues do not. Those on shares and their indices are.
European ones tell the discount factor themselves, by put–call parity; where they do not, the curve
of their currency does, and without one it is 1, which a report repeats. American ones obey no
parity and take the curve; the forward is still their parity's near the money, where exercise is far
off, and what it tells beyond the dividends is a yield. Options on what may cost less than nothing
are valued by Bachelier's model, all others by Black-76. Source: docs/market.md, "Discounting" and
"Prices of either sign".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from seawall.basics.time import isoformat_utc, tenor_years
from seawall.market.carry import Carry, CarryQuotes, carry_of, forward_of
from seawall.market.early import EarlyExercise
from seawall.market.forwards import choose_forward, parity_discount
from seawall.market.snapshot import OptionSlice, SliceKey
from seawall.pricing import bachelier, black76
from seawall.pricing.discounting import rate_per_year
from seawall.products.instruments import CASH
from seawall.products.markets import is_signed, level_of, market_of

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

# A closing or settlement price of an option may be off by so much, relative to its strike.
MARK_PRECISION_REL = 0.0005
# How far in logarithm from the spot a strike of American options may lie to tell their forward.
NEAR_THE_MONEY = 0.05
# A forward that parity moves by less has come to rest; each step takes it about ten times nearer.
PARITY_ACCURACY_REL, MAX_PARITY_STEPS = 1e-6, 12
# A yield above both, a year and until expiry, is hardly a share's: its spot is of another moment
# than its options, or it costs that much to borrow.
MAX_YIELD_PER_YEAR, MAX_YIELD_REL = 0.05, 0.002


@dataclass(frozen=True, slots=True)
class ExpiryTerms:
    """Forward in strike units, years to expiry, and the discount factor of a payoff then.

    ``carry`` and ``early`` are those of American options, None of European ones; ``vol_unit`` as in
    :class:`seawall.market.snapshot.OptionSlice`.
    """

    forward: float
    tenor_years: float
    discount: float = 1.0
    carry: Carry | None = None
    early: EarlyExercise | None = None
    vol_unit: float | None = None

    @property
    def scale(self) -> float:
        """What prices of the expiry are large or small against, in quote currency, > 0."""
        return self.forward if self.vol_unit is None else self.vol_unit

    def value(self, strike: Floats, vol: Floats, is_call: Flags) -> Floats:
        """What options are worth in quote currency; all of shape [n]."""
        if self.early is not None:
            return self.early.value(strike, vol, is_call)
        tenor, discount = self.tenor_years, self.discount
        if self.vol_unit is not None:
            normal_vol = vol * self.vol_unit
            return bachelier.price(self.forward, strike, normal_vol, tenor, is_call, discount)
        return black76.price(self.forward, strike, vol, tenor, is_call, discount)

    def implied_vol(self, premium: Floats, strike: Floats, is_call: Flags) -> Floats:
        """Volatility at which options are worth ``premium``; shape [n], NaN where there is none."""
        if self.early is not None:
            return self.early.implied_vol(premium, strike, is_call)
        terms = self.forward, strike, self.tenor_years, is_call, self.discount
        if self.vol_unit is not None:
            return bachelier.implied_vol(premium, *terms).sigma / self.vol_unit
        return black76.implied_vol(premium, *terms).sigma


@dataclass(frozen=True, slots=True)
class Quoted:
    """The rows of one expiry: prices in quote units, NaN where missing; arrays of shape [n].

    ``mid`` only where bid and ask do not cross; ``iv`` and ``forward`` are the venue's own.
    """

    strike: Floats
    is_call: Flags
    mark: Floats
    bid: Floats
    ask: Floats
    mid: Floats
    iv: Floats
    forward: Floats


def terms_at(listed: OptionSlice, index_usd: Mapping[str, float], as_of: datetime) -> ExpiryTerms:
    """The terms of a slice at a time and at prices of underlyings and currencies in USD."""
    underlying, currency, expiry = listed.key
    tenor, carry, early = tenor_years(as_of, expiry), listed.carry, None
    if carry is not None:
        spot = index_usd[underlying] / (index_usd[currency] if currency != CASH else 1.0)
        early = _early(listed.discount, carry, spot, expiry, as_of)
    return ExpiryTerms(listed.forward, tenor, listed.discount, carry, early, listed.vol_unit)


def _early(
    discount: float, carry: Carry, spot: float, expiry: datetime, as_of: datetime
) -> EarlyExercise:
    tenor = tenor_years(as_of, expiry)
    return EarlyExercise(
        spot=spot,
        tenor_years=tenor,
        rate=float(rate_per_year(discount, tenor)),
        dividend_yield=carry.yield_per_year,
        dividends=carry.schedule(as_of),
    )


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known of an expiry beside its options: the time, its underlying's price in quote
    currency and its forward from futures (NaN where unknown), and what is told of carry.
    """

    as_of: datetime
    spot: float
    curve_forward: float
    carry: CarryQuotes


def terms_of(
    key: SliceKey, quoted: Quoted, around: Surroundings, *, american: bool
) -> tuple[ExpiryTerms | None, tuple[str, ...]]:
    """The terms of one expiry and what was assumed; None, and why, where nothing tells them."""
    tenor = tenor_years(around.as_of, key[2])
    discount, warnings = 1.0, ()
    signed = is_signed(key[0])
    if signed and american:
        return None, (f"American options on {key[0]}, whose price may be negative, are not valued",)
    # Before there is a forward the strikes tell where prices are, if nothing else does.
    near = float(np.median(quoted.strike)) if np.isnan(around.spot) else around.spot
    level = level_of(key[0], near) if signed else None
    if market_of(key[0]) is not None:
        told = None if american else _by_parity(quoted, tenor, level)
        if told is not None:
            return _european(key, told[1], tenor, told[0], around), ()
        discount, warnings = _by_curve(key, tenor, around.carry)
    if american:
        return _american(key, quoted, discount, around, warnings)
    forward = _forward(quoted, discount, tenor, inverse=key[0] == key[1], level=level)
    forward = around.curve_forward if np.isnan(forward) else forward
    if np.isnan(forward):
        return None, (f"nothing tells the forward of {key[0]} for {isoformat_utc(key[2])}",)
    return _european(key, forward, tenor, discount, around), warnings


def _european(
    key: SliceKey, forward: float, tenor: float, discount: float, around: Surroundings
) -> ExpiryTerms:
    """Terms whose unit of volatility, where prices are of either sign, is today's level of the
    index, or of the forward where no index is told.
    """
    if not is_signed(key[0]):
        return ExpiryTerms(forward, tenor, discount)
    near = forward if np.isnan(around.spot) else around.spot
    return ExpiryTerms(forward, tenor, discount, vol_unit=level_of(key[0], near))


def _forward(
    quoted: Quoted,
    discount: float,
    tenor_years: float,
    *,
    inverse: bool,
    level: float | None = None,
) -> float:
    return choose_forward(
        quoted.strike,
        quoted.is_call,
        quoted.mark / discount,
        quoted.mid / discount,
        quoted.iv,
        quoted.forward,
        tenor_years,
        inverse=inverse,
        level=level,
    )


def _american(
    key: SliceKey,
    quoted: Quoted,
    discount: float,
    around: Surroundings,
    warnings: tuple[str, ...],
) -> tuple[ExpiryTerms | None, tuple[str, ...]]:
    """The terms of an expiry of American options, of which those near the spot tell the forward:
    parity holds once what their early exercise is worth is taken out of their prices.
    """
    underlying, _, expiry = key
    if np.isnan(around.spot):
        return None, (f"an American option needs the price of {underlying}",)
    tenor, spot = tenor_years(around.as_of, expiry), around.spot
    dividends = around.carry.dividends.get(underlying, ())
    too_much = [each for each in dividends if each.amount >= spot]
    if too_much:
        what = f"a dividend of {too_much[0].amount:.10g} on {isoformat_utc(too_much[0].ex)}"
        return None, (f"{what} is more than {underlying} costs, {spot:.10g}",)
    near = np.abs(np.log(quoted.strike / spot)) <= NEAR_THE_MONEY
    kept = {name: np.where(near, getattr(quoted, name), np.nan) for name in ("mark", "mid")}
    quoted = replace(quoted, **kept)
    forward = _forward(quoted, discount, tenor, inverse=False)

    def terms_with(forward: float) -> ExpiryTerms:
        carry = carry_of(forward, spot, discount, expiry, dividends, around.as_of)
        early = _early(discount, carry, spot, expiry, around.as_of)
        return ExpiryTerms(forward, tenor, discount, carry, early)

    if np.isfinite(forward):
        forward = _without_early_exercise(quoted, terms_with, forward)
    forward = around.curve_forward if np.isnan(forward) else forward
    if np.isnan(forward):
        forward = forward_of(spot, discount, Carry(0.0, dividends), expiry, around.as_of)
        if not forward > 0.0:
            return None, (f"dividends until then are more than {underlying} costs, {spot:.10g}",)
        what = f"No call and put near the money tell the forward of {underlying} for "
        warnings = (*warnings, f"{what}{isoformat_utc(expiry)}: taken at the growth of its price.")
    terms = terms_with(forward)
    assert terms.carry is not None
    is_told = underlying in around.carry.dividends
    return terms, warnings + _doubts(key, terms.carry, spot, tenor, is_told=is_told)


def _without_early_exercise(
    quoted: Quoted, terms_with: Callable[[float], ExpiryTerms], forward: float
) -> float:
    """The forward at which parity holds for American options that are not exercised early.

    At one volatility a call and a put of one strike are worth C − P = D·(F − K) + e, of which e is
    the model's, the difference that early exercise makes. It is taken off the calls' prices and
    parity asked again, until the forward stays: e changes by little with it.
    """
    premium = np.where(np.isfinite(quoted.mark), quoted.mark, quoted.mid)
    rows = np.flatnonzero(np.isfinite(premium))
    strike, is_call = quoted.strike[rows], quoted.is_call[rows]
    strikes, at = np.unique(strike, return_inverse=True)
    for _ in range(MAX_PARITY_STEPS):
        terms = terms_with(forward)
        vol = terms.implied_vol(premium[rows], strike, is_call)
        known = np.isfinite(vol)
        count = np.bincount(at, weights=known)
        total = np.bincount(at, weights=np.where(known, vol, 0.0))
        told = count > 0.0
        level, mean = strikes[told], total[told] / count[told]
        calls, puts = (terms.value(level, mean, np.full(level.size, c)) for c in (True, False))
        extra = dict(zip(level, calls - puts - terms.discount * (forward - level), strict=True))
        at_strikes = np.array([extra.get(k, np.nan) for k in quoted.strike])
        off = np.where(quoted.is_call, at_strikes, 0.0)
        without = replace(quoted, mark=quoted.mark - off, mid=quoted.mid - off)
        found = _forward(without, terms.discount, terms.tenor_years, inverse=False)
        if not np.isfinite(found) or abs(found / forward - 1.0) <= PARITY_ACCURACY_REL:
            return forward if np.isnan(found) else found
        forward = found
    return forward


def _doubts(
    key: SliceKey, carry: Carry, spot: float, tenor_years: float, *, is_told: bool
) -> tuple[str, ...]:
    """What a report must repeat of a carry: dividends nobody told, a spot that does not fit."""
    underlying, _, expiry = key
    implied = carry.yield_per_year
    implies = f"the forward of {isoformat_utc(expiry)} implies a yield of {100.0 * implied:.2f} %"
    warnings: tuple[str, ...] = ()
    if not is_told:
        missing = (
            f"Dividends of {underlying} are unknown: {implies} a year; give them in a file with "
            "the columns underlying, ex_date and amount."
        )
        warnings = (missing,)
    if abs(implied) > MAX_YIELD_PER_YEAR and abs(implied) * tenor_years > MAX_YIELD_REL:
        doubt = (
            f"{underlying} at {spot:.10g} may be of another moment than its options: {implies} a "
            f"year; give --price {underlying}=VALUE if it is."
        )
        warnings = (*warnings, doubt)
    return warnings


def _by_parity(
    quoted: Quoted, tenor_years: float, level: float | None
) -> tuple[float, float] | None:
    """Discount factor and forward that European options tell, None where they do not.

    A price is as precise as a share of its strike, or of the ``level`` of prices of either sign.
    """
    size = quoted.strike if level is None else np.full(quoted.strike.shape, level)
    marked = np.isfinite(quoted.mark)
    premium = np.where(marked, quoted.mark, quoted.mid)
    precision = np.where(marked, MARK_PRECISION_REL * size, 0.5 * (quoted.ask - quoted.bid))
    # A locked quote is as precise as a narrow one.
    least = np.finfo(np.float64).eps * size
    precision = np.where(precision > 0.0, precision, least)
    return parity_discount(
        quoted.strike,
        quoted.is_call,
        premium,
        precision,
        tenor_years,
        signed=level is not None,
    )


def _by_curve(
    key: SliceKey, tenor_years: float, carry: CarryQuotes
) -> tuple[float, tuple[str, ...]]:
    """The discount factor of a currency's curve, and 1 with a warning without one."""
    underlying, currency, expiry = key
    if currency in carry.curves:
        return carry.curves[currency].at(tenor_years), ()
    missing = (
        f"No discount factor of {underlying} for {isoformat_utc(expiry)}: taken as 1; give those "
        f"of {currency} in a file with the columns T and DF."
    )
    return 1.0, (missing,)
