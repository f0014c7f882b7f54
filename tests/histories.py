"""Histories made up for tests: days that fall and rise together, with fat tails, from a seed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import numpy as np

from seawall.market.history import MarketHistory, PriceBars, TimeSeries

HOUR_NS = 3_600 * 10**9


def history_until(
    names: Iterable[str], as_of: datetime, days: int = 300, bar_hours: int = 24
) -> MarketHistory:
    """Bars and volatilities of some underlyings up to the last midnight; the same object for the
    same day, so that scenarios are laid out once.
    """
    return _made(tuple(sorted(names)), as_of.astimezone(UTC).date().isoformat(), days, bar_hours)


@lru_cache(maxsize=64)
def _made(names: tuple[str, ...], day: str, days: int, bar_hours: int) -> MarketHistory:
    count = days * 24 // bar_hours
    last = datetime.fromisoformat(day).replace(tzinfo=UTC)
    end_ns = int(last.timestamp()) * 10**9 - HOUR_NS * bar_hours * np.arange(count)[::-1]
    rng = np.random.default_rng([7, *"".join(names).encode()])
    size = np.sqrt(bar_hours / 24.0)
    shared = rng.standard_t(4.0, count)
    bars, vols = {}, {}
    for place, name in enumerate(names):
        own = 0.7 * shared + 0.7 * rng.standard_t(4.0, count)
        moves = (0.02 + 0.005 * place) * size * own
        close = 100.0 * np.exp(np.cumsum(moves))
        opened = np.append(100.0, close[:-1])
        reach = np.exp(0.01 * size * np.abs(rng.standard_normal((2, count))))
        bars[name] = PriceBars(
            underlying=name,
            bar_ns=HOUR_NS * bar_hours,
            end_ns=end_ns,
            open=opened,
            high=np.maximum(opened, close) * reach[0],
            low=np.minimum(opened, close) / reach[1],
            close=close,
        )
        vol = 0.6 * np.exp(np.cumsum(-0.3 * moves + 0.01 * rng.standard_normal(count)))
        vols[name] = TimeSeries(name=name, at_ns=end_ns, value=vol)
    return MarketHistory(bars=bars, vols=vols)


def until_ns(as_of: datetime) -> int:
    """An instant in nanoseconds since 1970 UTC."""
    return (as_of - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1_000
