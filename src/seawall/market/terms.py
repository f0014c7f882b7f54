"""What values the options of one expiry beside their strike and volatility: forward and discount.

Options on coins are not discounted: their venues do not. Those on shares and their indices are.
European ones tell the discount factor themselves, by put–call parity; where they do not, the curve
of their currency does, and without one it is 1, which a report repeats.
Source: docs/market.md, "Discounting".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.basics.time import isoformat_utc
from seawall.market.carry import CarryQuotes
from seawall.market.forwards import choose_forward, parity_discount
from seawall.market.snapshot import SliceKey
from seawall.pricing.black76 import implied_vol, price
from seawall.products.markets import market_of

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

# A closing or settlement price of an option may be off by so much, relative to its strike.
MARK_PRECISION_REL = 0.0005


@dataclass(frozen=True, slots=True)
class ExpiryTerms:
    """Forward in strike units, years to expiry, and the discount factor of a payoff then."""

    forward: float
    tenor_years: float
    discount: float = 1.0

    def value(self, strike: Floats, vol: Floats, is_call: Flags) -> Floats:
        """What options are worth in quote currency; all of shape [n]."""
        return price(self.forward, strike, vol, self.tenor_years, is_call, self.discount)

    def implied_vol(self, premium: Floats, strike: Floats, is_call: Flags) -> Floats:
        """Volatility at which options are worth ``premium``; shape [n], NaN where there is none."""
        tenor = self.tenor_years
        return implied_vol(premium, self.forward, strike, tenor, is_call, self.discount).sigma


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


def terms_of(
    key: SliceKey, quoted: Quoted, tenor_years: float, curve_forward: float, carry: CarryQuotes
) -> tuple[ExpiryTerms | None, tuple[str, ...]]:
    """The terms of one expiry, None where nothing tells its forward, and what was assumed.

    ``curve_forward`` is that of futures, for expiries whose options determine none; NaN without.
    """
    inverse = key[0] == key[1]
    discount, warnings = 1.0, ()
    if market_of(key[0]) is not None:
        told = _by_parity(quoted, tenor_years)
        if told is not None:
            return ExpiryTerms(told[1], tenor_years, told[0]), ()
        discount, warnings = _by_curve(key, tenor_years, carry)
    forward = choose_forward(
        quoted.strike,
        quoted.is_call,
        quoted.mark / discount,
        quoted.mid / discount,
        quoted.iv,
        quoted.forward,
        tenor_years,
        inverse=inverse,
    )
    forward = curve_forward if np.isnan(forward) else forward
    terms = None if np.isnan(forward) else ExpiryTerms(forward, tenor_years, discount)
    return terms, warnings


def _by_parity(quoted: Quoted, tenor_years: float) -> tuple[float, float] | None:
    """Discount factor and forward that European options tell, None where they do not."""
    marked = np.isfinite(quoted.mark)
    premium = np.where(marked, quoted.mark, quoted.mid)
    precision = np.where(
        marked, MARK_PRECISION_REL * quoted.strike, 0.5 * (quoted.ask - quoted.bid)
    )
    # A locked quote is as precise as a narrow one.
    least = np.finfo(np.float64).eps * quoted.strike
    precision = np.where(precision > 0.0, precision, least)
    return parity_discount(quoted.strike, quoted.is_call, premium, precision, tenor_years)


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
