"""What several sources tell beside prices, put together: volume, open interest, funding, trust."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np

from seawall.basics.errors import BadNumber, StaleQuote
from seawall.basics.time import isoformat_utc
from seawall.market.given import misspelt
from seawall.market.liquidity import RANGES, Liquidity
from seawall.market.quotes import LiquidityQuotes, OptionQuotes, Quotes, Rank, latest
from seawall.products.markets import is_price

# Volumes and depths change slowly: a table of them may be this much older than the prices.
MAX_ACTIVITY_AGE = timedelta(days=7)
# Confidence, utilisation and stable prices are of the moment: these may be no further from prices.
MAX_MOMENT_GAP = timedelta(minutes=15)
_OF_THE_MOMENT = ("confidence", "pool_utilisation", "stable_price_usd")


def merged_liquidity(
    quotes: Sequence[Quotes],
    as_of: datetime,
    index: Collection[str],
    given: Container[str],
) -> tuple[Liquidity, list[str]]:
    """What all sources tell beside prices as of ``as_of``, and what a report must say of it.

    Of a number told several times the latest counts; two of one time that differ leave it out.
    ``index`` holds the underlyings that are priced, ``given`` those whose index was given: that
    has no age. Raises StaleQuote for a table too old or of a later time, or with numbers of another
    moment; BadNumber for an underlying spelt like a priced one but for its case.
    """
    doubts: list[str] = []
    for table in quotes:
        if isinstance(table, LiquidityQuotes):
            _require_fresh(table, as_of)
            _require_spelt(table, index)
    told: dict[str, dict[str, float]] = {}
    for name in RANGES:
        found, disagree = latest(_quoted(name, quotes), _differing)
        told[name] = {key: value for key, (_, value) in found.items()}
        doubts += [f"{name} of {key} left out: {why}." for key, why in disagree.items()]
    for table in quotes:
        if isinstance(table, LiquidityQuotes):
            doubts += _unused(table, index)
    ages = {
        underlying: max(0.0, as_of.timestamp() - seen_s)
        for underlying, seen_s in _seen_s(quotes).items()
        if underlying not in given
    }
    told["index_age_s"] = {**ages, **told["index_age_s"]}
    return Liquidity(**told), doubts


def _quoted(name: str, quotes: Iterable[Quotes]) -> Iterable[tuple[str, Rank, tuple[str, float]]]:
    """Every telling of one number, with its source and value."""
    for table in quotes:
        numbers: Mapping[str, float] = getattr(table.liquidity, name)
        for key, value in numbers.items():
            yield key, (True, table.as_of.timestamp()), (table.source, value)


def _differing(one: tuple[str, float], other: tuple[str, float]) -> str | None:
    return None if one[1] == other[1] else f"{one[0]} and {other[0]}"


def _require_fresh(table: LiquidityQuotes, as_of: datetime) -> None:
    if not -MAX_MOMENT_GAP <= as_of - table.as_of <= MAX_ACTIVITY_AGE:
        raise StaleQuote(
            f"{table.source} is of {isoformat_utc(table.as_of)} and the prices of "
            f"{isoformat_utc(as_of)}",
            where="market",
            remedy=f"Give one that is at most {MAX_ACTIVITY_AGE.days} days older.",
        )
    told = [name for name in _OF_THE_MOMENT if getattr(table.liquidity, name)]
    if told and abs(table.as_of - as_of) > MAX_MOMENT_GAP:
        # Left out they would lower a charge just when who tells them has stopped.
        raise StaleQuote(
            f"{' and '.join(told)} of {table.source} {'are' if len(told) > 1 else 'is'} of "
            f"{isoformat_utc(table.as_of)} and the prices of {isoformat_utc(as_of)}",
            where="market",
            remedy=f"Give a table within {MAX_MOMENT_GAP.seconds // 60} minutes of the prices, or "
            f"leave out {'these columns' if len(told) > 1 else 'this column'}.",
        )


def _require_spelt(table: LiquidityQuotes, index: Iterable[str]) -> None:
    """What is told of ``btc`` would be kept and never used, and the default of BTC count."""
    for name, known in misspelt(_underlyings(table), index):
        raise BadNumber(
            f"{name} is not how {known} is written", where=table.source, remedy=f"Write {known}."
        )


def _underlyings(table: LiquidityQuotes) -> list[str]:
    """Every underlying of which a table tells a number."""
    return sorted({key for name in RANGES for key in getattr(table.liquidity, name)})


def _unused(table: LiquidityQuotes, index: Container[str]) -> list[str]:
    """What a table tells in vain: of underlyings without a price."""
    unknown = ", ".join(name for name in _underlyings(table) if name not in index)
    return [f"{table.source} tells of {unknown}, which has no price here."] if unknown else []


def _seen_s(quotes: Iterable[Quotes]) -> dict[str, float]:
    """When the index of each underlying was last seen, in seconds since 1970."""
    seen: dict[str, float] = {}
    for table in quotes:
        if isinstance(table, LiquidityQuotes):
            continue
        of_table = np.full(len(table.instruments), table.as_of.timestamp())
        times = table.observed_s if isinstance(table, OptionQuotes) else of_table
        for row in np.flatnonzero(np.isfinite(table.index)).tolist():
            underlying = table.instruments[row].underlying
            if not is_price(underlying, float(table.index[row])):
                continue
            seen[underlying] = max(seen.get(underlying, -np.inf), float(times[row]))
    return seen
