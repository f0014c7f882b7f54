"""A seeded synthetic BTC and ETH market, shaped like an options venue's and labelled as made up.

Indices, a futures curve with basis, perpetuals and about a thousand options on an arbitrage-free
surface, quoted in ticks with spreads; open interest and funding (``synthetic_activity``). No number
is a venue's. The quotes are of the same kind as those read from files and go through the same
:func:`assemble_snapshot`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import BadNumber
from seawall.basics.time import DAYS_PER_YEAR, tenor_years
from seawall.feeds.synthetic_activity import future_activity, option_activity
from seawall.feeds.synthetic_history import history_of
from seawall.feeds.synthetic_surface import SsviSurface
from seawall.market.assemble import assemble_snapshot
from seawall.market.history import MarketHistory
from seawall.market.quotes import FutureQuotes, OptionQuotes, PriceQuotes
from seawall.market.snapshot import MarketSnapshot
from seawall.pricing.black76 import price
from seawall.products.contracts import EXPIRY_HOUR_UTC, future, option, perpetual
from seawall.products.instruments import Future, Option

Floats = NDArray[np.float64]

AS_OF = datetime(2026, 1, 16, 16, tzinfo=UTC)
DEFAULT_SEED = 1
STABLE_USD: Mapping[str, float] = MappingProxyType({"USDC": 0.9998, "USDT": 0.9994})

_FRIDAY = 4
_QUARTER_MONTHS = (3, 6, 9, 12)
# Premium ticks of coin-settled options: fine below the step, coarse from it on.
_FINE_TICK, _COARSE_TICK, _TICK_STEP = 0.0001, 0.0005, 0.005
# Strike ladders: up to so many days, rungs of so many standard deviations and coin steps.
_LADDERS = (
    (5.0, ((1.25, 0.5), (3.0, 1.0))),
    (25.0, ((1.0, 1.0), (2.0, 2.0), (3.5, 5.0))),
    (80.0, ((0.8, 2.0), (2.0, 5.0), (3.5, 10.0))),
    (400.0, ((0.75, 5.0), (1.5, 10.0), (2.5, 20.0))),
)


@dataclass(frozen=True, slots=True)
class _Coin:
    """Typical levels of one coin, from which a seed departs a little."""

    symbol: str
    index_usd: float
    strike_step_usd: float
    surface: SsviSurface


@dataclass(frozen=True, slots=True)
class SyntheticCoin:
    """One coin's market as drawn: index in USD, basis per year and volatility surface."""

    symbol: str
    index_usd: float
    basis_per_year: float
    strike_step_usd: float
    surface: SsviSurface

    def forward(self, expiry: datetime) -> float:
        """Forward price in USD for ``expiry``, in the venue's cents."""
        growth = np.exp(self.basis_per_year * tenor_years(AS_OF, expiry))
        return round(float(self.index_usd * growth), 2)


_COINS = (
    _Coin("BTC", 95_000.0, 1_000.0, SsviSurface(0.38, 0.50, 3.0, -0.22, 0.85)),
    _Coin("ETH", 3_300.0, 50.0, SsviSurface(0.54, 0.68, 3.0, -0.16, 0.80)),
)


def synthetic_market(seed: int = DEFAULT_SEED) -> MarketSnapshot:
    """The snapshot of :func:`synthetic_quotes` with the stablecoin prices ``STABLE_USD`` and a
    history that ends with it, :func:`synthetic_history`.
    """
    market = assemble_snapshot(synthetic_quotes(seed), STABLE_USD)
    return replace(market, history=synthetic_history(seed))


def synthetic_quotes(seed: int = DEFAULT_SEED) -> tuple[PriceQuotes, ...]:
    """An option chain and a futures table as of ``AS_OF``; the same seed gives the same quotes.

    Raises BadNumber for a seed that is not a whole number of at least 0.
    """
    rng = _generator(seed)
    coins = [_draw(coin, rng) for coin in _COINS]
    options, futures = _option_quotes(coins, rng), _future_quotes(coins, rng)
    return (
        replace(options, liquidity=option_activity(options, rng)),
        replace(futures, liquidity=future_activity(futures, rng)),
    )


def synthetic_history(seed: int = DEFAULT_SEED) -> MarketHistory:
    """Hourly bars, volatilities and funding of 400 days that end at ``AS_OF`` at the levels of
    :func:`synthetic_coins`; the same seed gives the same history. Raises BadNumber for no seed.
    """
    return history_of(synthetic_coins(seed), AS_OF, seed)


def synthetic_coins(seed: int = DEFAULT_SEED) -> tuple[SyntheticCoin, ...]:
    """The levels and surfaces from which :func:`synthetic_quotes` of this seed is quoted."""
    rng = _generator(seed)
    return tuple(_draw(coin, rng) for coin in _COINS)


def _generator(seed: int) -> np.random.Generator:
    if type(seed) is not int or seed < 0:
        raise BadNumber(
            f"{seed!r} is not a seed",
            where="synthetic market",
            remedy="Give a whole number of at least 0.",
        )
    return np.random.default_rng(seed)


def listed_expiries(as_of: datetime = AS_OF) -> tuple[datetime, ...]:
    """Expiries as a venue lists them: three days, three Fridays, three month ends, four quarters.

    All at 08:00 UTC and after ``as_of``; month and quarter ends are their last Fridays.
    """
    first = as_of.date() if as_of.hour < EXPIRY_HOUR_UTC else as_of.date() + timedelta(days=1)
    friday = first + timedelta(days=(_FRIDAY - first.weekday()) % 7)
    days = {first + timedelta(days=n) for n in range(3)}
    days |= {friday + timedelta(weeks=n) for n in range(3)}
    month_ends = [day for n in range(16) if (day := _last_friday(first, n)) >= first]
    days |= set(month_ends[:3])
    days |= set([day for day in month_ends if day.month in _QUARTER_MONTHS][:4])
    return tuple(datetime.combine(day, time(EXPIRY_HOUR_UTC), UTC) for day in sorted(days))


def _last_friday(start: date, months_ahead: int) -> date:
    """Last Friday of the month that lies ``months_ahead`` after that of ``start``."""
    year, month = divmod(start.year * 12 + start.month + months_ahead, 12)
    last = date(year, month + 1, 1) - timedelta(days=1)
    return last - timedelta(days=(last.weekday() - _FRIDAY) % 7)


def _draw(coin: _Coin, rng: np.random.Generator) -> SyntheticCoin:
    level, skew, curvature, index, basis = rng.standard_normal(5)
    base = coin.surface
    factor = float(np.exp(0.04 * level))
    surface = SsviSurface(
        short_vol=base.short_vol * factor,
        long_vol=base.long_vol * factor,
        reversion_per_year=base.reversion_per_year,
        skew=float(np.clip(base.skew + 0.03 * skew, -0.4, 0.0)),
        curvature=float(np.clip(base.curvature * np.exp(0.05 * curvature), 0.6, 1.2)),
    )
    return SyntheticCoin(
        symbol=coin.symbol,
        index_usd=round(float(coin.index_usd * np.exp(0.02 * index)), 2),
        basis_per_year=float(0.05 + 0.005 * np.clip(basis, -3.0, 3.0)),
        strike_step_usd=coin.strike_step_usd,
        surface=surface,
    )


# ---- options


def _option_quotes(coins: list[SyntheticCoin], rng: np.random.Generator) -> OptionQuotes:
    instruments: list[Option] = []
    columns: list[Floats] = []
    for coin in coins:
        for expiry in listed_expiries():
            listed, quoted = _chain(coin, expiry, rng)
            instruments += listed
            columns.append(quoted)
    bid, ask, mark, iv, forward, index = np.concatenate(columns, axis=1)
    return OptionQuotes(
        source="synthetic chain",
        as_of=AS_OF,
        instruments=tuple(instruments),
        bid=bid,
        ask=ask,
        mark=mark,
        iv=iv,
        forward=forward,
        index=index,
        observed_s=np.full(len(instruments), AS_OF.timestamp()),
    )


def _chain(
    coin: SyntheticCoin, expiry: datetime, rng: np.random.Generator
) -> tuple[list[Option], Floats]:
    """Calls and puts of one expiry, and [6, n] of bid, ask, mark, iv, forward and index."""
    tenor, forward = tenor_years(AS_OF, expiry), coin.forward(expiry)
    strike = np.repeat(_strikes(coin, forward, tenor), 2)
    is_call = np.arange(strike.size) % 2 == 0
    vol = np.round(coin.surface.vol(np.log(strike / forward), tenor), 4)
    premium = price(forward, strike, vol, tenor, is_call) / forward
    mark = np.round(premium, 6)
    # A maker quotes about half a volatility point either side, and wider what is dearer to hedge.
    wider = price(forward, strike, vol + 0.006, tenor, is_call) / forward - premium
    noise = np.exp(0.2 * rng.standard_normal(strike.size))
    half_spread = (wider + 0.005 * premium + 0.00005) * noise
    bid = _to_tick(premium - half_spread, np.floor)
    ask = np.maximum(_to_tick(premium + half_spread, np.ceil), _FINE_TICK)
    listed = [
        option(coin.symbol, coin.symbol, expiry, float(k), "call" if call else "put")
        for k, call in zip(strike, is_call, strict=True)
    ]
    flat = np.ones_like(strike)
    bid = np.where(bid > 0.0, bid, np.nan)
    return listed, np.stack([bid, ask, mark, vol, forward * flat, coin.index_usd * flat])


def _strikes(coin: SyntheticCoin, forward: float, tenor: float) -> Floats:
    deviation = np.sqrt(coin.surface.atm_variance(tenor))
    rungs = next(rungs for days, rungs in _LADDERS if tenor * DAYS_PER_YEAR <= days)
    strikes: set[float] = set()
    for reach, multiple in rungs:
        step = multiple * coin.strike_step_usd
        low, high = forward * np.exp(-reach * deviation), forward * np.exp(reach * deviation)
        strikes |= {float(n * step) for n in range(int(low // step) + 1, int(high // step) + 1)}
    return np.array(sorted(strikes))


def _to_tick(premium: Floats, rounding: Callable[[Floats], Floats]) -> Floats:
    tick = np.where(premium < _TICK_STEP, _FINE_TICK, _COARSE_TICK)
    # Rounded first, so that a premium that already lies on a tick does not move by one.
    return np.round(rounding(np.round(premium / tick, 6)) * tick, 4)


# ---- futures


def _future_quotes(coins: list[SyntheticCoin], rng: np.random.Generator) -> FutureQuotes:
    rows: list[tuple[Future, float, float]] = []
    for coin in coins:
        symbol, index = coin.symbol, coin.index_usd
        # Futures are listed on Fridays only; the dailies have options alone.
        fridays = (day for day in listed_expiries() if day.weekday() == _FRIDAY)
        rows += [(future(symbol, symbol, day), coin.forward(day), index) for day in fridays]
        inverse, linear = np.exp(0.0002 * rng.standard_normal(2))
        rows.append((perpetual(symbol, symbol), round(float(index * inverse), 2), index))
        index /= STABLE_USD["USDC"]
        mark = round(float(index * linear), 2)
        rows.append((perpetual(symbol, "USDC"), mark, round(index, 4)))
    instruments, mark, index_price = zip(*rows, strict=True)
    return FutureQuotes(
        source="synthetic futures",
        as_of=AS_OF,
        instruments=instruments,
        mark=np.array(mark),
        index=np.array(index_price),
        is_synthetic=np.zeros(len(rows), dtype=np.bool_),
    )
