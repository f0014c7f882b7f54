"""A trade on plain numbers: what it leaves of a position, and what it pays.

The rules are those of :mod:`seawall.risk.trades`, on floats; what these cannot be sure of, a price
near the limit or a number that is none, is left to it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from seawall.kernels import resident
from seawall.products.instruments import (
    CASH,
    Cash,
    Derivative,
    Future,
    Instrument,
    Option,
    Stablecoin,
)
from seawall.products.markets import is_signed
from seawall.products.names import parse_name
from seawall.products.portfolio import MAX_QUANTITY
from seawall.risk.assumptions import ENTRY_MAX_FACTOR, MAX_POSITION_USD
from seawall.risk.resident import Units
from seawall.risk.trades import least_price, mark_of, traded_future

# Nearer to a limit than this, Decimals decide.
_SURE = 0.99
_MOST_FACTOR = _SURE * ENTRY_MAX_FACTOR
MOST_USD = _SURE * MAX_POSITION_USD
"""What no position can be worth if floats are to be sure of it."""
_MOST_UNITS = _SURE * float(MAX_QUANTITY)


def paid_in(instrument: Instrument) -> Instrument:
    """What trades in an instrument are paid in: an asset in USD, a contract as it settles."""
    is_contract = isinstance(instrument, Derivative)
    return parse_name(instrument.settlement if is_contract else CASH)


@dataclass(frozen=True, slots=True)
class Listing:
    """What a trade needs to know of an instrument in a market, and the name of what it pays in.

    ``mark`` and ``least_price`` are in quote units, ``price_usd`` judges how large a position can
    be; the rest is as in :mod:`seawall.kernels.resident`, ``size`` the quantity of one kept.
    """

    is_future: bool
    is_inverse: bool
    mark: float
    least_price: float
    price_usd: float
    worth_usd: float
    forward: float
    unit_usd: float
    spot_usd: float
    size: float
    paid_in: str

    @classmethod
    def of(cls, units: Units, row: int) -> Listing | None:
        """None for what only Decimals trade, contracts on prices of either sign, and for money."""
        instrument, market = units.positions[row].instrument, units.market
        if is_signed(instrument.underlying) or isinstance(instrument, Cash | Stablecoin):
            return None
        if isinstance(instrument, Derivative):
            price_usd = market.level_usd(instrument.underlying)
        else:
            price_usd = market.asset_usd(instrument)
        unit = units.unit[row].tolist()
        return cls(
            is_future=isinstance(instrument, Future),
            is_inverse=isinstance(instrument, Future | Option) and instrument.is_inverse,
            mark=float(mark_of(instrument, market)),
            least_price=least_price(instrument, market),
            price_usd=price_usd,
            worth_usd=unit[resident.WORTH],
            forward=unit[resident.FORWARD],
            unit_usd=unit[resident.UNIT_USD],
            spot_usd=unit[resident.SPOT_USD],
            size=unit[resident.SIZE],
            paid_in=paid_in(instrument).name,
        )

    def traded(
        self, quantity: float, entry: float, change: float, price: float | None
    ) -> tuple[float, float, float, float] | None:
        """What is left of ``quantity`` entered at ``entry`` after a trade: quantity, value in USD,
        coins of profit per unit; and what is paid, + received. None where Decimals must decide.
        """
        paid = self.mark if price is None else price
        after = quantity + change
        if not (0.0 < abs(change) < _MOST_UNITS and abs(change) * self.price_usd < MOST_USD):
            return None
        if not abs(after) * self.price_usd < MOST_USD:
            return None
        if price is not None and not _is_near(paid, self.mark, self.least_price):
            return None
        if not self.is_future:
            return after, after * self.worth_usd, 0.0, -change * paid
        if quantity and not _is_near(entry, self.mark, 0.0):
            return None
        before = entry if quantity else self.mark
        after, entry, profit = traded_future(
            quantity, before, change, paid, self.mark, inverse=self.is_inverse
        )
        if self.is_inverse:
            coins = self.forward / entry - 1.0
            return after, after * (coins * self.spot_usd), coins, profit
        return after, after * ((self.forward - entry) * self.unit_usd), 0.0, profit


def _is_near(price: float, mark: float, least: float) -> bool:
    """Whether one price is surely less than a limit away from another; not for NaN."""
    if not 0.0 < price < math.inf:
        return False
    one, other = max(price, least), max(mark, least)
    return one < _MOST_FACTOR * other and other < _MOST_FACTOR * one
