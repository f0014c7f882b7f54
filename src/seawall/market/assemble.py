"""From quotes to the snapshot: one time, indices, forwards, futures and option slices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from seawall.basics.errors import BadNumber, MissingQuote, StaleQuote, UnknownInstrument
from seawall.basics.time import isoformat_utc
from seawall.market.credibility import Prices, contradictions, is_near, refuse_given
from seawall.market.quotes import FutureQuotes, OptionQuotes, Quotes, latest
from seawall.market.slices import option_slices
from seawall.market.snapshot import MarketSnapshot, OptionSlice, SliceKey
from seawall.products.instruments import (
    STABLECOINS,
    DatedFuture,
    Perpetual,
    SpotAsset,
    Stablecoin,
)
from seawall.products.names import parse_name

# Sources further apart than this do not describe one market.
MAX_SOURCE_GAP = timedelta(minutes=15)
MAX_PRICE = 1e12
# A stablecoin may lose its peg downwards; above this the price is a slip.
MAX_STABLE_PRICE = 1.5


def assemble_snapshot(
    quotes: Sequence[Quotes], prices: Mapping[str, float] | None = None
) -> MarketSnapshot:
    """One snapshot from option and future quotes and from given USD prices.

    ``prices`` maps assets to USD and overrides an index that the quotes carry, with a warning. The
    snapshot's time is the latest of its sources. An underlying whose prices contradict each other
    is refused in the snapshot. Raises StaleQuote when sources lie too far apart, BadNumber for an
    impossible given price or one that the quotes contradict, MissingQuote when nothing was given.
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
    sources = _index_rows(quotes, stable)
    listed = {name: float(np.median(np.concatenate(rows))) for name, rows in sources.items()}
    _refuse_misspelt(given, listed)
    chosen = {asset: value for asset, value in given.items() if asset not in STABLECOINS}
    index = {**listed, **chosen}
    marks, curve, told, doubted = _future_marks(futures, as_of, index, stable)
    slices, unusable = option_slices(options, curve, as_of)
    # A listed future or the venue's curve only fills in where no option chain gives a forward.
    forwards = {**curve, **{key: s.forward for key, s in slices.items()}}
    of_options = _option_forwards(slices, curve, stable)
    refused = contradictions(index, sources, chosen, told, of_options)
    refuse_given(chosen, refused)
    option_rows = {
        name: (key, row) for key, s in slices.items() for row, name in enumerate(s.names)
    }
    dropped = {name: why for table in quotes for name, why in table.dropped.items()}
    dropped |= doubted | unusable
    return MarketSnapshot(
        as_of=as_of,
        index_usd={name: value for name, value in index.items() if name not in refused},
        stable_usd=stable,
        forwards=forwards,
        futures=marks,
        slices=slices,
        option_rows=option_rows,
        warnings=(
            *(warning for table in quotes for warning in table.warnings),
            *(
                f"Index of {name} given as {value:.10g}; the files say {listed[name]:.10g}."
                for name, value in chosen.items()
                if listed.get(name, value) != value
            ),
        ),
        refused=refused,
        # What one source spoils another may give.
        dropped={n: why for n, why in dropped.items() if n not in option_rows | marks},
    )


def _checked_prices(prices: Mapping[str, float]) -> dict[str, float]:
    for asset, value in prices.items():
        try:
            priced = isinstance(parse_name(asset), Stablecoin | SpotAsset)
        except UnknownInstrument:
            priced = False
        most = MAX_STABLE_PRICE if asset in STABLECOINS else MAX_PRICE
        if not priced or not 0.0 < value < most:
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


def _unit_usd(underlying: str, settlement: str, stable: Mapping[str, float]) -> float:
    """USD per unit of the quote currency: an inverse contract is quoted in USD."""
    return 1.0 if settlement == underlying else stable.get(settlement, 1.0)


def _option_forwards(
    slices: Mapping[SliceKey, OptionSlice],
    curve: Mapping[SliceKey, float],
    stable: Mapping[str, float],
) -> Prices:
    """Forwards that options tell of themselves; one from the curve is no second evidence."""
    found: Prices = {}
    for key, listed in slices.items():
        underlying, settlement, expiry = key
        if listed.forward != curve.get(key):
            what = f"its forward in {settlement} for {isoformat_utc(expiry)}"
            usd = listed.forward * _unit_usd(underlying, settlement, stable)
            found.setdefault(underlying, {})[what] = usd
    return found


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


def _index_rows(
    quotes: Sequence[Quotes], stable: Mapping[str, float]
) -> dict[str, list[list[float]]]:
    """USD index prices per underlying, one list for each source that carries any."""
    found: dict[str, list[list[float]]] = {}
    for table in quotes:
        seen: dict[str, list[float]] = {}
        for contract, index in zip(table.instruments, table.index.tolist(), strict=True):
            if 0.0 < index < MAX_PRICE:
                unit = _unit_usd(contract.underlying, contract.settlement, stable)
                seen.setdefault(contract.underlying, []).append(index * unit)
        for underlying, values in seen.items():
            found.setdefault(underlying, []).append(values)
    return found


def _future_marks(
    futures: Iterable[FutureQuotes],
    as_of: datetime,
    index: Mapping[str, float],
    stable: Mapping[str, float],
) -> tuple[dict[str, float], dict[SliceKey, float], Prices, dict[str, str]]:
    """Marks of listed futures by name, the forwards they tell, all marks there were in USD, and
    why contracts are left out.

    A mark far from its index is in the third only. Of a contract in several tables the latest
    mark counts, and a listed future's before a synthetic forward; two unlike marks of one moment
    leave the contract without one.
    """
    marks: dict[str, float] = {}
    listed: dict[SliceKey, float] = {}
    synthetic: dict[SliceKey, float] = {}
    told: Prices = {}
    found, dropped = _latest_marks(futures)
    for (name, is_synthetic), place in found.items():
        contract, mark = place.contract, place.price
        if isinstance(contract, DatedFuture) and contract.expiry <= as_of:
            continue
        underlying = contract.underlying
        usd = mark * _unit_usd(underlying, contract.settlement, stable)
        what = f"the {'synthetic forward' if is_synthetic else 'mark'} of {name}"
        told.setdefault(underlying, {})[what] = usd
        if not is_near(usd, index.get(underlying, usd)):
            far = f"its mark of {mark:.10g} is far from the index of {underlying}"
            dropped.setdefault(name, far)
            continue
        if isinstance(contract, DatedFuture):
            key = underlying, contract.settlement, contract.expiry
            (synthetic if is_synthetic else listed)[key] = mark
        if not is_synthetic:
            marks[name] = mark
    return marks, {**synthetic, **listed}, told, dropped


def _latest_marks(
    futures: Iterable[FutureQuotes],
) -> tuple[dict[tuple[str, bool], _Mark], dict[str, str]]:
    """The latest mark of each contract, listed and synthetic apart, and disagreements by name.

    Keys are names and whether the row is synthetic.
    """
    marks = (
        _Mark(table, row)
        for table in futures
        for row in np.flatnonzero((table.mark > 0.0) & (table.mark < MAX_PRICE)).tolist()
    )
    found, disagree = latest(
        ((mark.key, mark.table.as_of.timestamp(), mark) for mark in marks), _disagreement
    )
    return found, {name: why for (name, _), why in disagree.items()}


@dataclass(frozen=True, slots=True)
class _Mark:
    """Where a future or perpetual is quoted."""

    table: FutureQuotes
    row: int

    @property
    def contract(self) -> DatedFuture | Perpetual:
        return self.table.instruments[self.row]

    @property
    def price(self) -> float:
        return float(self.table.mark[self.row])

    @property
    def key(self) -> tuple[str, bool]:
        return self.contract.name, bool(self.table.is_synthetic[self.row])


def _disagreement(one: _Mark, other: _Mark) -> str | None:
    if one.price == other.price:
        return None
    return f"{one.table.source} and {other.table.source} quote it differently at one time"
