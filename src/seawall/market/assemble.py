"""From quotes to the snapshot: one time, indices, forwards, futures and option slices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import BadNumber, MissingQuote, StaleQuote, UnknownInstrument
from seawall.basics.time import isoformat_utc
from seawall.market.quotes import FutureQuotes, OptionQuotes, Quotes
from seawall.market.slices import option_slices
from seawall.market.snapshot import MarketSnapshot, SliceKey
from seawall.products.instruments import STABLECOINS, DatedFuture, SpotAsset, Stablecoin
from seawall.products.names import parse_name

# Sources further apart than this do not describe one market.
MAX_SOURCE_GAP = timedelta(minutes=15)
MAX_PRICE = 1e12
# A future or forward further from its index than this factor is a bad number, not a basis.
MAX_BASIS_FACTOR = 2.0


def assemble_snapshot(
    quotes: Sequence[Quotes], prices: Mapping[str, float] | None = None
) -> MarketSnapshot:
    """One snapshot from option and future quotes and from given USD prices.

    ``prices`` maps assets to USD and overrides an index that the quotes carry. The snapshot's
    time is the latest of its sources. Raises StaleQuote when sources lie too far apart, BadNumber
    for an impossible price, MissingQuote when nothing was given at all.
    """
    if not quotes:
        raise MissingQuote(
            "no quotes were given",
            where="market",
            remedy="Give at least one chain or futures file with --market.",
        )
    as_of = _common_time(quotes)
    given = _checked_prices(prices or {})
    stable = {asset: value for asset, value in given.items() if asset in STABLECOINS}
    options = [q for q in quotes if isinstance(q, OptionQuotes)]
    futures = [q for q in quotes if isinstance(q, FutureQuotes)]
    index = _indices(quotes, stable)
    _refuse_misspelt(given, index)
    index |= {asset: value for asset, value in given.items() if asset not in STABLECOINS}
    marks, curve = _future_marks(futures, as_of)
    slices = {s.key: s for s in option_slices(options, curve, as_of)}
    # A listed future or the venue's curve only fills in where no option chain gives a forward.
    forwards = {**curve, **{key: s.forward for key, s in slices.items()}}
    _refuse_unlike(index, forwards, stable)
    return MarketSnapshot(
        as_of=as_of,
        index_usd=index,
        stable_usd=stable,
        forwards=forwards,
        futures=marks,
        slices=slices,
        option_rows={
            name: (key, row) for key, s in slices.items() for row, name in enumerate(s.names)
        },
    )


def _checked_prices(prices: Mapping[str, float]) -> dict[str, float]:
    for asset, value in prices.items():
        try:
            priced = isinstance(parse_name(asset), Stablecoin | SpotAsset)
        except UnknownInstrument:
            priced = False
        if not priced or not 0.0 < value < MAX_PRICE:
            raise BadNumber(
                f"{value} is not a price of {asset} in USD",
                where=f"price {asset}={value}",
                remedy="Give a positive, finite USD price of a coin or stablecoin, such as "
                "USDC=0.9998.",
            )
    return dict(prices)


def _refuse_misspelt(given: Mapping[str, float], index: Mapping[str, float]) -> None:
    """A price of ``usdc`` would be kept and never used, and USDC silently count as 1."""
    meant = {asset.casefold(): asset for asset in (*index, *STABLECOINS)}
    for asset, value in given.items():
        known = meant.get(asset.casefold(), asset)
        if known != asset:
            raise BadNumber(
                f"{asset} is not how {known} is written",
                where=f"price {asset}={value}",
                remedy=f"Write {known}={value}.",
            )


def _refuse_unlike(
    index: Mapping[str, float], forwards: Mapping[SliceKey, float], stable: Mapping[str, float]
) -> None:
    """An index in the wrong unit would scale every requirement on its underlying."""
    for (underlying, settlement, expiry), forward in forwards.items():
        unit = 1.0 if settlement == underlying else stable.get(settlement, 1.0)
        ratio = forward * unit / index.get(underlying, forward * unit)
        if not 1.0 / MAX_BASIS_FACTOR <= ratio <= MAX_BASIS_FACTOR:
            raise BadNumber(
                f"the index of {underlying} is {index[underlying]:g} USD but its forward for "
                f"{isoformat_utc(expiry)} is {forward:g}",
                where="market",
                remedy=f"Correct the chain or the given price of {underlying}.",
            )


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
        for contract, index in zip(table.instruments, table.index.tolist(), strict=True):
            if 0.0 < index < MAX_PRICE:
                unit = 1.0 if contract.is_inverse else stable.get(contract.settlement, 1.0)
                seen.setdefault(contract.underlying, []).append(index * unit)
    return {underlying: float(np.median(values)) for underlying, values in seen.items()}


def _future_marks(
    futures: Iterable[FutureQuotes], as_of: datetime
) -> tuple[dict[str, float], dict[SliceKey, float]]:
    """Marks of listed futures and perpetuals by name, and the forwards that futures tell.

    Of a contract in several tables the latest mark counts, and a listed future's before a
    synthetic forward.
    """
    marks: dict[str, float] = {}
    listed: dict[SliceKey, float] = {}
    synthetic: dict[SliceKey, float] = {}
    for table in sorted(futures, key=lambda table: table.as_of):
        credible = _credible(table.mark, table.index)
        for row in np.flatnonzero(credible).tolist():
            contract, mark = table.instruments[row], float(table.mark[row])
            is_synthetic = bool(table.is_synthetic[row])
            if isinstance(contract, DatedFuture):
                if contract.expiry <= as_of:
                    continue
                key = contract.underlying, contract.settlement, contract.expiry
                (synthetic if is_synthetic else listed)[key] = mark
            if not is_synthetic:
                marks[contract.name] = mark
    return marks, {**synthetic, **listed}


def _credible(mark: NDArray[np.float64], index: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Marks that are prices and, where their row carries an index, within reach of it."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = mark / index
    far = (ratio > MAX_BASIS_FACTOR) | (ratio < 1.0 / MAX_BASIS_FACTOR)
    return (mark > 0.0) & (mark < MAX_PRICE) & ~(far & (index > 0.0))
