"""Path-worst losses bar by bar and leg by leg, in plain loops on Python's floats."""

from __future__ import annotations

import math
from bisect import bisect_right

from seawall.market.history import MarketHistory, TimeSeries
from seawall.products.instruments import DatedFuture, Option
from seawall.products.portfolio import Portfolio, Position
from tests.naive import black76

YEAR_NS = 365 * 86_400 * 10**9
DAY_NS = 86_400 * 10**9


def last_told(series: TimeSeries | None, at_ns: int) -> float:
    """The last number by an instant; 0 before the first and where nothing is told."""
    if series is None:
        return 0.0
    place = bisect_right(series.at_ns.tolist(), at_ns)
    return float(series.value[place - 1]) if place else 0.0


def ssvi_vol(k: float, atm_vol: float, tenor: float, skew: float, curvature: float) -> float:
    """Gatheral and Jacquier (2014), the power law with gamma one half."""
    theta = atm_vol**2 * tenor
    phi = curvature / math.sqrt(theta * (1.0 + theta))
    root = math.sqrt((phi * k + skew) ** 2 + 1.0 - skew**2)
    return math.sqrt(theta / 2.0 * (1.0 + skew * phi * k + root) / tenor)


def value_usd(
    position: Position, history: MarketHistory, spot: float, at_ns: int, smile: tuple[float, float]
) -> float:
    """A unit of an option, a coin, or the forward of a future, in USD."""
    contract = position.instrument
    if not isinstance(contract, DatedFuture | Option):
        return spot
    left = max(0, int(contract.expiry.timestamp()) * 10**9 - at_ns) / YEAR_NS
    basis = last_told(history.basis_per_year.get(contract.underlying), at_ns)
    forward = spot * math.exp(basis * left)
    if isinstance(contract, DatedFuture):
        return forward
    atm = last_told(history.vols[contract.underlying], at_ns)
    vol = ssvi_vol(math.log(contract.strike / forward), atm, left, *smile) if left else 0.0
    value = black76.price(forward, contract.strike, vol, left, contract.is_call)
    return value * spot / forward if contract.is_inverse else value


def gain_usd(
    position: Position,
    history: MarketHistory,
    start: tuple[float, int],
    now: tuple[float, int],
    smile: tuple[float, float],
) -> float:
    """What a position gains between two spots and times, without funding."""
    contract, quantity = position.instrument, float(position.quantity)
    before = value_usd(position, history, *start, smile)
    after = value_usd(position, history, *now, smile)
    if isinstance(contract, DatedFuture) and contract.is_inverse:
        # USD contracts of today's mark pay in coin.
        contracts = quantity * before
        return contracts * (1.0 / before - 1.0 / after) * now[0]
    return quantity * (after - before)


def path_worst_loss(
    portfolio: Portfolio,
    history: MarketHistory,
    at_ns: int,
    horizon_ns: int,
    smile: tuple[float, float],
) -> float:
    """The greatest fall in value at any close, high or low of the hours after an instant."""
    worst = 0.0
    for which in ("close", "high", "low"):
        paid: dict[str, float] = {}
        ended: dict[str, float] = {}
        ends = next(iter(history.bars.values())).end_ns.tolist()
        previous = at_ns
        for place, end in enumerate(ends):
            if end <= at_ns or end > at_ns + horizon_ns:
                continue
            total = 0.0
            for position in portfolio.positions:
                contract = position.instrument
                bars = history.bars[contract.underlying]
                start = float(bars.close[ends.index(at_ns)]), at_ns
                close, price = float(bars.close[place]), float(getattr(bars, which)[place])
                if contract.name in ended:
                    total += ended[contract.name]
                    continue
                total += gain_usd(position, history, start, (price, end), smile)
                expiry = getattr(contract, "expiry", None)
                if expiry is None:
                    rate = last_told(history.funding_per_day.get(contract.underlying), end)
                    days = (end - previous) / DAY_NS
                    before = paid.get(contract.name, 0.0)
                    paid[contract.name] = before + rate * days * close * float(position.quantity)
                    total -= paid[contract.name]
                elif int(expiry.timestamp()) * 10**9 <= end:
                    ended[contract.name] = gain_usd(position, history, start, (close, end), smile)
            previous = end
            worst = max(worst, -total)
    return worst
