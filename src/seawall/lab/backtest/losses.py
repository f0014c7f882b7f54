"""What a book loses after its margin is taken, by full revaluation along the bars that follow.

At every bar until that in which the horizon ends the book is worth what its contracts are at the
bar's close, high and low, with that much less time and the volatility, basis and funding told by
the bar's end. A path-worst loss is the greatest fall in value at any of these. Of a book on several
underlyings the extremes are taken together, all highs and all lows: when within a bar each was
reached is not known. A contract that expires is settled at the close of the first bar that ends
then or later, and is held as money from there on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from seawall.basics.arrays import freeze
from seawall.basics.time import DAY_SECONDS, epoch_ns
from seawall.lab.backtest.markets import NS, tenors_years
from seawall.market.history import MarketHistory, Times
from seawall.pricing.black76 import price
from seawall.products.instruments import Asset, Derivative, Expiring, Option, Perpetual, is_money
from seawall.products.portfolio import Portfolio, Position

Floats = NDArray[np.float64]

_CLOSE = 0
"""The row of the closes among the prices of a bar."""


class PathMarkets(Protocol):
    """What contracts are valued by along bars, beside the bars' prices."""

    @property
    def history(self) -> MarketHistory:
        """What is told of funding."""
        ...

    def log_carries(self, contract: Derivative, times_ns: Times) -> Floats:
        """ln(F / S) at each time, 0 of a perpetual and after expiry; shape [n]."""
        ...

    def option_vols(self, option: Option, log_moneyness: Floats, times_ns: Times) -> Floats:
        """Volatility (decimal) at each time before expiry, at ln(K / F) [3, n]; same shape."""
        ...


@dataclass(frozen=True, slots=True)
class BarWindow:
    """Bars of a book's underlyings that end after an instant and within a horizon of it.

    ``times_ns`` [1 + B] are the ends of the bars, first that by which the margin was taken;
    ``price_usd`` by underlying [3, 1 + B] of close, high and low. ``has_gap`` says that bars are
    missing, so that extremes may be.
    """

    times_ns: Times
    price_usd: Mapping[str, Floats]
    has_gap: bool


@dataclass(frozen=True, slots=True)
class BarPaths:
    """The bars that all underlyings of a book have: ``end_ns`` [N], ``price_usd`` [3, N] each."""

    end_ns: Times
    bar_ns: int
    price_usd: Mapping[str, Floats]

    def told(self, times_ns: Times, horizon_ns: int) -> NDArray[np.bool_]:
        """Whether the market is told at each time and until the end of the horizon; shape [T].

        It is where a bar ended within a bar's length before, and one ends with the horizon or
        later.
        """
        if not self.end_ns.size:
            return np.zeros(times_ns.size, dtype=np.bool_)
        until = times_ns + horizon_ns
        first = np.searchsorted(self.end_ns, times_ns, side="right")
        before = self.end_ns[np.maximum(first - 1, 0)]
        fresh = (first > 0) & (before > times_ns - self.bar_ns)
        return fresh & (self.end_ns[-1] >= until)

    def window(self, at_ns: int, horizon_ns: int) -> BarWindow:
        """The bars after a time at which the market is told."""
        first = int(np.searchsorted(self.end_ns, at_ns, side="right"))
        last = _bars_until(self.end_ns, at_ns + horizon_ns)
        times = self.end_ns[first - 1 : last]
        steps = np.diff(times)
        prices = {name: each[:, first - 1 : last] for name, each in self.price_usd.items()}
        return BarWindow(times, prices, has_gap=bool((steps > self.bar_ns).any()))


def _bars_until(end_ns: Times, until_ns: int) -> int:
    """How many bars a horizon takes: that in which it ends counts whole, also after a gap, since
    what is not told of a shorter time is not taken for no loss.
    """
    return int(np.searchsorted(end_ns, until_ns, side="left")) + 1


def bar_paths(history: MarketHistory, underlyings: tuple[str, ...]) -> BarPaths:
    """The bars that all of some underlyings have, every one of which is in the history."""
    ends = history.common_end_ns(underlyings)
    prices: dict[str, Floats] = {}
    for name in underlyings:
        bars = history.bars[name]
        rows = np.searchsorted(bars.end_ns, ends)
        prices[name] = np.stack([bars.close[rows], bars.high[rows], bars.low[rows]])
    return BarPaths(ends, max(history.bars[name].bar_ns for name in underlyings), prices)


@dataclass(frozen=True, slots=True)
class PathLoss:
    """Gains of a book in USD along a window of B ≥ 1 bars; arrays have shape [B].

    ``worst_usd`` is the least of close, high and low, ``close_usd`` that of the close.
    """

    end_ns: Times
    worst_usd: Floats
    close_usd: Floats

    def __post_init__(self) -> None:
        freeze(self, self.end_ns.size)

    def loss_usd(self, until_ns: int) -> float:
        """The path-worst loss by an instant, ≥ 0."""
        seen = self.worst_usd[: _bars_until(self.end_ns, until_ns)]
        return max(0.0, -float(seen.min()))

    def close_loss_usd(self, until_ns: int) -> float:
        """What is lost at the close of the bar in which an instant lies, < 0 for a gain."""
        return -float(self.close_usd[: _bars_until(self.end_ns, until_ns)][-1])


def path_loss(
    portfolio: Portfolio,
    markets: PathMarkets,
    at: datetime,
    window: BarWindow,
    close_out_rel: float = 0.0,
) -> PathLoss:
    """The gains of a book along a window, less what closing out costs as a share of its notional.

    Raises PoorHistory where an option's volatility is not told.
    """
    gains = np.zeros((3, window.times_ns.size))
    for position in portfolio.positions:
        if not is_money(position.instrument):
            gains += _gains(position, markets, at, window)
    gains -= close_out_rel * gross_notional_usd(portfolio, window)
    return PathLoss(window.times_ns[1:], gains.min(axis=0)[1:], gains[_CLOSE, 1:])


def gross_notional_usd(portfolio: Portfolio, window: BarWindow) -> float:
    """Coins of every position, long or short, at the index by which the margin was taken."""
    return sum(
        abs(float(position.quantity))
        * float(window.price_usd[position.instrument.underlying][_CLOSE, 0])
        for position in portfolio.positions
        if not is_money(position.instrument)
    )


def _gains(position: Position, markets: PathMarkets, at: datetime, window: BarWindow) -> Floats:
    """What a position has gained by each price of a window, in USD, shape [3, 1 + B]."""
    instrument, quantity = position.instrument, float(position.quantity)
    spot, times = window.price_usd[instrument.underlying], window.times_ns
    if isinstance(instrument, Expiring):
        spot, times = _settled(instrument, at, spot, times)
    if isinstance(instrument, Option):
        value = _option_values(instrument, markets, at, spot, times)
        return quantity * (value - value[_CLOSE, 0])
    if isinstance(instrument, Asset):
        return quantity * (spot - spot[_CLOSE, 0])
    forward = spot * np.exp(markets.log_carries(instrument, _told_by(at, times)))
    start = forward[_CLOSE, 0]
    # Coins at today's mark are a size in USD, which pays size · (1/start − 1/forward) coins.
    gain = spot * (1.0 - start / forward) if instrument.is_inverse else forward - start
    return quantity * (gain - _funding(instrument, markets.history, spot, times))


def _settled(contract: Expiring, at: datetime, spot: Floats, times: Times) -> tuple[Floats, Times]:
    """Prices and times with what follows the settlement held at it."""
    after = int(np.searchsorted(times[1:], epoch_ns(contract.expiry))) + 2
    if after >= times.size:
        return spot, times
    spot, times = spot.copy(), times.copy()
    spot[:, after:] = spot[_CLOSE, after - 1]
    times[after:] = times[after - 1]
    return spot, times


def _told_by(at: datetime, times: Times) -> Times:
    """When time left and what is told beside prices count: at the instant, then at bars' ends."""
    return np.append(epoch_ns(at), times[1:])


def _option_values(
    option: Option, markets: PathMarkets, at: datetime, spot: Floats, times: Times
) -> Floats:
    """Value of a unit in USD: Black-76 on the forward, of an inverse one times S / F; [3, 1 + B].

    Where it is worth its payoff no volatility is asked for.
    """
    asked = _told_by(at, times)
    tenor = tenors_years(option.expiry, asked)
    forward = spot * np.exp(markets.log_carries(option, asked))
    alive = tenor > 0.0
    vol = np.zeros_like(forward)
    k = np.log(option.strike / forward[:, alive])
    vol[:, alive] = markets.option_vols(option, k, asked[alive])
    value = price(forward, option.strike, vol, tenor, option.is_call)
    return value * (spot / forward) if option.is_inverse else value


def _funding(
    contract: Derivative, history: MarketHistory, spot: Floats, times: Times
) -> Floats | float:
    """USD that a long perpetual has paid a coin by each time, at rates told by the bars' ends."""
    series = history.funding_per_day.get(contract.underlying)
    if series is None or not isinstance(contract, Perpetual):
        return 0.0
    days = np.diff(times) / NS / DAY_SECONDS
    rate = np.nan_to_num(series.at(times[1:]))
    return np.append(0.0, np.cumsum(rate * days * spot[_CLOSE, 1:]))
