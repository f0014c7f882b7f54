"""Four hundred days of hourly bars, volatilities and funding that end at the synthetic market.

Made up, as the market is: returns of BTC and ETH are correlated Student-t shocks scaled by a
GARCH(1,1) volatility, with common jumps; extremes inside a bar are those of a Brownian bridge;
at-the-money volatility reverts to its level and rises when prices fall. The last bar ends at the
market's time at its index, and the last volatility is that of its surface at 30 days.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seawall.basics.time import DAYS_PER_YEAR, epoch_ns
from seawall.feeds.chains import FUNDINGS_PER_DAY
from seawall.market.history import MarketHistory, PriceBars, TimeSeries

if TYPE_CHECKING:
    from seawall.feeds.synthetic import SyntheticCoin

Floats = NDArray[np.float64]

DAYS = 400
_HOURS, _HOUR_NS = DAYS * 24, 3_600 * 10**9
_HOURS_PER_YEAR = 24.0 * DAYS_PER_YEAR
_FUNDING_HOURS = 8
# Shocks: correlation, degrees of freedom of the t, what GARCH(1,1) keeps and takes a bar.
_CORRELATION, _TAIL_DF = 0.82, 4.0
_GARCH_KEPT, _GARCH_TAKEN = 0.93, 0.06
_JUMPS_PER_YEAR, _JUMP_MEAN, _JUMP_SD = 8.0, -0.015, 0.035
# Log volatility: the share of its distance that is left after an hour, its noise, and how much of
# a return, in standard deviations, it takes with the other sign.
_VOL_KEPT, _VOL_NOISE, _VOL_LEVERAGE = 0.998, 0.006, -0.008
_FUNDING_8H, _FUNDING_KEPT, _FUNDING_NOISE = 1e-4, 0.9, 6e-5
_TENOR_YEARS = 30.0 / DAYS_PER_YEAR
# Realised volatility a year, somewhat below what is implied.
_REALISED: Mapping[str, float] = MappingProxyType({"BTC": 0.42, "ETH": 0.60})
# Its own stream: the market's quotes are drawn from the seed alone.
_STREAM = 2


def history_of(coins: Sequence[SyntheticCoin], as_of: datetime, seed: int) -> MarketHistory:
    """A history that ends at ``as_of`` at the coins' levels; the same seed gives the same."""
    rng = np.random.default_rng([seed, _STREAM])
    end_ns = epoch_ns(as_of) + _HOUR_NS * np.arange(1 - _HOURS, 1, dtype=np.int64)
    shocks = _shocks(len(coins), rng)
    jumps = np.where(
        rng.random(_HOURS) < _JUMPS_PER_YEAR / _HOURS_PER_YEAR,
        _JUMP_MEAN + _JUMP_SD * rng.standard_normal(_HOURS),
        0.0,
    )
    bars: dict[str, PriceBars] = {}
    vols: dict[str, TimeSeries] = {}
    funding: dict[str, TimeSeries] = {}
    for coin, shock in zip(coins, shocks, strict=True):
        usual = _REALISED[coin.symbol] / np.sqrt(_HOURS_PER_YEAR)
        deviation = _deviations(shock, usual)
        returns = deviation * shock + jumps
        bars[coin.symbol] = _bars(coin, end_ns, returns, deviation, rng)
        vols[coin.symbol] = TimeSeries(coin.symbol, end_ns, _vols(coin, returns / usual, rng))
        paid = end_ns % (_FUNDING_HOURS * _HOUR_NS) == 0
        rates = _rates(int(paid.sum()), rng) * FUNDINGS_PER_DAY
        funding[coin.symbol] = TimeSeries(coin.symbol, end_ns[paid], rates)
    return MarketHistory(
        bars=bars,
        vols=vols,
        funding_per_day=funding,
        repairs=("The history is synthetic: no price in it is a venue's.",),
    )


def _shocks(coins: int, rng: np.random.Generator) -> Floats:
    """Standardised Student-t shocks [coins, hours] with one correlation."""
    common = rng.standard_normal(_HOURS)
    own = rng.standard_normal((coins, _HOURS))
    normal = np.sqrt(_CORRELATION) * common + np.sqrt(1.0 - _CORRELATION) * own
    mixing = rng.chisquare(_TAIL_DF, _HOURS) / (_TAIL_DF - 2.0)
    return normal / np.sqrt(mixing)


def _deviations(shock: Floats, usual: float) -> Floats:
    """Standard deviation of every hour's return, by GARCH(1,1)."""
    floor = (1.0 - _GARCH_KEPT - _GARCH_TAKEN) * usual**2
    variance, found = usual**2, np.empty(_HOURS)
    for hour, z in enumerate(shock.tolist()):
        found[hour] = variance
        variance = floor + _GARCH_KEPT * variance + _GARCH_TAKEN * variance * min(z * z, 25.0)
    return np.sqrt(found)


def _bars(
    coin: SyntheticCoin,
    end_ns: NDArray[np.int64],
    returns: Floats,
    deviation: Floats,
    rng: np.random.Generator,
) -> PriceBars:
    """Bars in cents whose last close is the market's index."""
    path = np.append(0.0, np.cumsum(returns))
    path += np.log(coin.index_usd) - path[-1]
    first, last = path[:-1], path[1:]
    # The greatest point of a Brownian bridge, by its distribution function inverted.
    spread = 2.0 * deviation**2 * -np.log(rng.random((2, _HOURS)))
    reach = np.sqrt((last - first) ** 2 + spread)
    top, bottom = 0.5 * (first + last + reach[0]), 0.5 * (first + last - reach[1])
    opened, high, low, close = np.round(np.exp(np.stack([first, top, bottom, last])), 2)
    return PriceBars(coin.symbol, _HOUR_NS, end_ns, opened, high, low, close)


def _vols(coin: SyntheticCoin, moves: Floats, rng: np.random.Generator) -> Floats:
    """At-the-money volatilities of 30 days, the last that of the coin's surface."""
    level, found = 0.0, np.empty(_HOURS)
    pushed = _VOL_LEVERAGE * np.clip(moves, -5.0, 5.0) + _VOL_NOISE * rng.standard_normal(_HOURS)
    for hour, push in enumerate(pushed.tolist()):
        level = _VOL_KEPT * level + push
        found[hour] = level
    at_the_money = np.sqrt(coin.surface.atm_variance(_TENOR_YEARS) / _TENOR_YEARS)
    vols: Floats = at_the_money * np.exp(found - found[-1])
    return np.round(vols, 4)


def _rates(count: int, rng: np.random.Generator) -> Floats:
    """Funding rates of eight hours."""
    rate, found = _FUNDING_8H, np.empty(count)
    for row, noise in enumerate(rng.standard_normal(count).tolist()):
        rate = _FUNDING_8H + _FUNDING_KEPT * (rate - _FUNDING_8H) + _FUNDING_NOISE * noise
        found[row] = rate
    return np.round(found, 8)
