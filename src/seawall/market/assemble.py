"""From quotes to the snapshot: indices, forwards, implied volatilities, and what was assumed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import BadNumber, MissingQuote, StaleQuote
from seawall.basics.time import isoformat_utc, tenor_years
from seawall.market.forwards import choose_forward
from seawall.market.quotes import FutureQuotes, OptionQuotes, Quotes
from seawall.market.snapshot import MarketSnapshot, OptionSlice, SliceKey
from seawall.pricing.black76 import implied_vol
from seawall.products.instruments import CASH, STABLECOINS, DatedFuture

Floats = NDArray[np.float64]

# Sources further apart than this do not describe one market.
MAX_SOURCE_GAP = timedelta(minutes=15)
# Implied volatilities outside this range are placeholders of a venue, not measurements.
MIN_VOL, MAX_VOL = 0.01, 20.0
MAX_PRICE = 1e12


def assemble_snapshot(
    quotes: Sequence[Quotes], prices: Mapping[str, float] | None = None
) -> MarketSnapshot:
    """One snapshot from option and future quotes and from given USD prices.

    ``prices`` maps assets to USD and overrides an index that the quotes carry. The snapshot's
    time is the latest of its sources. Raises StaleQuote when sources lie too far apart, BadNumber
    for an impossible price, MissingQuote when nothing was given at all.
    """
    given = _checked_prices(prices or {})
    if not quotes:
        raise MissingQuote(
            "no quotes were given",
            where="market",
            remedy="Give at least one chain or futures file with --market.",
        )
    as_of = _common_time(quotes)
    stable = {asset: value for asset, value in given.items() if asset in STABLECOINS}
    options = [q for q in quotes if isinstance(q, OptionQuotes)]
    futures = [q for q in quotes if isinstance(q, FutureQuotes)]
    index = _indices(quotes, stable) | {a: v for a, v in given.items() if a not in STABLECOINS}
    marks, curve = _future_marks(futures, as_of)
    slices = {s.key: s for q in options for s in _slices(q, as_of)}
    rows = {name: (key, i) for key, s in slices.items() for i, name in enumerate(s.names)}
    forwards = {key: s.forward for key, s in slices.items()}
    return MarketSnapshot(
        as_of=as_of,
        index_usd=index,
        stable_usd=stable,
        # A listed future or the venue's curve only fills in where no option chain gives a forward.
        forwards={**curve, **forwards},
        futures=marks,
        slices=slices,
        option_rows=rows,
    )


def _checked_prices(prices: Mapping[str, float]) -> dict[str, float]:
    for asset, value in prices.items():
        if asset == CASH or not np.isfinite(value) or not 0.0 < value < MAX_PRICE:
            raise BadNumber(
                f"{value} is not a price of {asset} in USD",
                where=f"price {asset}={value}",
                remedy="Give a positive, finite USD price of an asset other than USD.",
            )
    return dict(prices)


def _common_time(quotes: Sequence[Quotes]) -> datetime:
    earliest = min(quotes, key=lambda q: q.as_of)
    latest = max(quotes, key=lambda q: q.as_of)
    if latest.as_of - earliest.as_of > MAX_SOURCE_GAP:
        raise StaleQuote(
            f"{earliest.source} is of {isoformat_utc(earliest.as_of)} but {latest.source} of "
            f"{isoformat_utc(latest.as_of)}",
            where="market",
            remedy=f"Choose sources within {MAX_SOURCE_GAP.seconds // 60} minutes of each other, "
            "for example with --at.",
        )
    return latest.as_of


def _indices(quotes: Sequence[Quotes], stable: Mapping[str, float]) -> dict[str, float]:
    """USD index per underlying: the median over all rows that carry one."""
    seen: dict[str, list[float]] = {}
    for table in quotes:
        for contract, index in zip(table.instruments, table.index, strict=True):
            if np.isfinite(index) and 0.0 < index < MAX_PRICE:
                unit = 1.0 if contract.is_inverse else stable.get(contract.settlement, 1.0)
                seen.setdefault(contract.underlying, []).append(float(index) * unit)
    return {underlying: float(np.median(values)) for underlying, values in seen.items()}


def _future_marks(
    futures: Iterable[FutureQuotes], as_of: datetime
) -> tuple[dict[str, float], dict[SliceKey, float]]:
    marks: dict[str, float] = {}
    curve: dict[SliceKey, float] = {}
    for table in futures:
        for contract, mark, synthetic in zip(
            table.instruments, table.mark, table.is_synthetic, strict=True
        ):
            if not (np.isfinite(mark) and 0.0 < mark < MAX_PRICE):
                continue
            if isinstance(contract, DatedFuture):
                if contract.expiry <= as_of:
                    continue
                curve[contract.underlying, contract.settlement, contract.expiry] = float(mark)
            if not synthetic:
                marks[contract.name] = float(mark)
    return marks, curve


def _slices(quotes: OptionQuotes, as_of: datetime) -> Iterable[OptionSlice]:
    groups: dict[SliceKey, list[int]] = {}
    for row, option in enumerate(quotes.instruments):
        if option.expiry > as_of:
            key = (option.underlying, option.settlement, option.expiry)
            groups.setdefault(key, []).append(row)
    for key, rows in groups.items():
        built = _slice(quotes, key, np.array(rows), as_of)
        if built is not None:
            yield built


def _slice(
    quotes: OptionQuotes, key: SliceKey, rows: NDArray[np.intp], as_of: datetime
) -> OptionSlice | None:
    """One expiry's slice, or None when no row of it can be used."""
    options = [quotes.instruments[row] for row in rows]
    inverse = options[0].is_inverse
    strike = np.array([option.strike for option in options])
    is_call = np.array([option.is_call for option in options])
    tenor = tenor_years(as_of, key[2])
    mark = np.where(quotes.mark[rows] >= 0.0, quotes.mark[rows], np.nan)
    iv = quotes.iv[rows]
    iv = np.where((iv >= MIN_VOL) & (iv <= MAX_VOL), iv, np.nan)
    bid, ask = quotes.bid[rows], quotes.ask[rows]
    mid = np.where((bid > 0.0) & (ask >= bid), 0.5 * (bid + ask), np.nan)
    forward = choose_forward(
        strike, is_call, mark, mid, iv, quotes.forward[rows], tenor, inverse=inverse
    )
    if not np.isfinite(forward):
        return None
    unit = forward if inverse else 1.0
    for premium in (mark, mid):
        wanted = np.isnan(iv) & np.isfinite(premium)
        if wanted.any():
            found = implied_vol(
                premium[wanted] * unit, forward, strike[wanted], tenor, is_call[wanted]
            )
            iv[wanted] = np.where((found >= MIN_VOL) & (found <= MAX_VOL), found, np.nan)
    usable = np.isfinite(iv)
    if not usable.any():
        return None
    strike, is_call, iv = strike[usable], is_call[usable], iv[usable]
    return OptionSlice(
        key=key,
        forward=forward,
        names=tuple(o.name for o, use in zip(options, usable, strict=True) if use),
        strike=strike,
        is_call=is_call,
        vol=iv,
        mark=np.where(np.isfinite(mark), mark, mid)[usable],
        atm_vol=_vol_at_forward(forward, strike, iv),
    )


def _vol_at_forward(forward: float, strike: Floats, vol: Floats) -> float:
    """Volatility at the forward, linear in log-strike between the nearest strikes, flat outside."""
    levels, where = np.unique(strike, return_inverse=True)
    mean = np.bincount(where, weights=vol) / np.bincount(where)
    return float(np.interp(np.log(forward), np.log(levels), mean))
