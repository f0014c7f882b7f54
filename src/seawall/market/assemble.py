"""From quotes to the snapshot: one time, indices, forwards, futures and option slices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from seawall.basics.errors import MissingQuote, StaleQuote
from seawall.basics.time import epoch_ns, isoformat_utc, tenor_years
from seawall.market.carry import CarryQuotes, merged_carry
from seawall.market.conditions import merged_liquidity
from seawall.market.credibility import (
    MAX_FUTURE_ERROR_REL,
    Prices,
    Quoted,
    contradictions,
    is_near,
)
from seawall.market.given import (
    check_given,
    refuse_contradicted,
    refuse_misspelt,
    warnings_of_given,
)
from seawall.market.history import MarketHistory
from seawall.market.history_join import HistoryTable, merged_history, warnings_of_age
from seawall.market.quotes import (
    FutureQuotes,
    LiquidityQuotes,
    OptionQuotes,
    PriceQuotes,
    Quotes,
    Told,
    half_spreads,
    latest,
)
from seawall.market.slices import option_slices
from seawall.market.snapshot import MarketSnapshot, OptionSlice, SliceKey, slice_key
from seawall.products.assets import CURRENCIES
from seawall.products.instruments import CASH, STABLECOINS, DatedFuture, Future
from seawall.products.markets import is_price, is_signed, market_of
from seawall.products.names import contract_name

# Sources further apart than this do not describe one market.
MAX_SOURCE_GAP = timedelta(minutes=15)


def assemble_snapshot(
    told: Sequence[Told], prices: Mapping[str, float] | None = None
) -> MarketSnapshot:
    """One snapshot from option and future quotes, what is told of carry and of the past, and
    given USD prices.

    ``prices`` maps assets to USD and overrides an index that the quotes carry, with a warning. An
    index of shares that nothing tells is the forward of the first expiry of its options, the price
    of a signed underlying the first forward there is, with a warning. The snapshot's time is the
    latest of its sources of prices; of a history what was known then is kept. An underlying whose
    prices contradict each other is refused in the snapshot. Raises StaleQuote when sources lie too
    far apart, BadNumber for an impossible given price or one that the quotes contradict,
    MissingQuote when nothing was given or a currency in which something is quoted has no price,
    PoorHistory for a history that cannot be mended.
    """
    carry, quotes, priced = _by_kind(told)
    as_of = _common_time(priced)
    history = _known(told, as_of)
    given = check_given(prices or {})
    stable = {asset: value for asset, value in given.items() if asset in STABLECOINS}
    units = _unit_prices(priced, stable, given)
    options = [table for table in priced if isinstance(table, OptionQuotes)]
    futures = [table for table in priced if isinstance(table, FutureQuotes)]
    sources = _index_rows(priced, units)
    listed = {name: float(np.median(np.concatenate(rows))) for name, rows in sources.items()}
    refuse_misspelt(given, listed)
    chosen = {asset: value for asset, value in given.items() if asset not in STABLECOINS}
    index = {**listed, **chosen}
    marks, curve, quoted, doubted = _future_marks(futures, as_of, index, units)

    def spot(key: SliceKey) -> float:
        return index.get(key[0], np.nan) / _unit_usd(*key[:2], units)

    slices, unusable = option_slices(options, curve, spot, carry, as_of)
    # A listed future or the venue's curve only fills in where no option chain gives a forward.
    forwards = {**curve, **{key: s.forward for key, s in slices.items()}}
    telling = {key: f for key, f in forwards.items() if key in slices or is_signed(key[0])}
    assumed = _assumed_index(telling, index, units)
    index |= {underlying: level for underlying, (level, _) in assumed.items()}
    sources |= {underlying: [[level]] for underlying, (level, _) in assumed.items()}
    of_options = _option_forwards(slices, curve, units, as_of)
    refused = contradictions(index, sources, chosen, quoted, of_options)
    refuse_contradicted(chosen, refused)
    slices, damaged = _drop_far_expiries(slices, index, units, as_of)
    forwards = {key: value for key, value in forwards.items() if key in slices or key in curve}
    doubted |= _drop_bad_ticks(marks, slices, curve)
    liquidity, doubts = merged_liquidity(quotes, as_of, index, chosen)
    option_rows = {
        name: (key, row) for key, s in slices.items() for row, name in enumerate(s.names)
    }
    dropped = _dropped(quotes) | doubted | unusable | damaged
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
            *carry.warnings,
            *_unused_dividends(carry, priced),
            *warnings_of_given(given, listed),
            *(warning for _, warning in assumed.values()),
            *doubts,
            *warnings_of_age(history, as_of),
        ),
        given=frozenset(given.keys() - listed.keys()),
        refused=refused,
        # What one source spoils another may give.
        dropped={n: why for n, why in dropped.items() if n not in option_rows | marks},
        liquidity=liquidity,
        half_spreads=half_spreads(options),
        history=history,
    )


def _dropped(quotes: Iterable[Quotes]) -> dict[str, str]:
    """Names that sources quote of no use, to the reason."""
    return {name: why for table in quotes for name, why in table.dropped.items()}


def _known(told: Sequence[Told], as_of: datetime) -> MarketHistory:
    """What the tables of the past tell that was known at the snapshot's time."""
    tables = [table for table in told if isinstance(table, HistoryTable)]
    return merged_history(tables).until(epoch_ns(as_of))


def _by_kind(told: Sequence[Told]) -> tuple[CarryQuotes, list[Quotes], list[PriceQuotes]]:
    """What is told of carry, all else, and what of it has prices, of which there must be some."""
    carry = merged_carry(table for table in told if isinstance(table, CarryQuotes))
    quotes = [table for table in told if not isinstance(table, CarryQuotes | HistoryTable)]
    priced = [table for table in quotes if not isinstance(table, LiquidityQuotes)]
    if not priced:
        raise MissingQuote(
            "no quotes were given",
            where="market",
            remedy="Give at least one chain or futures file with --market.",
        )
    return carry, quotes, priced


def _unused_dividends(carry: CarryQuotes, quotes: Iterable[PriceQuotes]) -> list[str]:
    """A sentence on dividends of names on which nothing is quoted: one may be misspelt."""
    quoted = {contract.underlying for table in quotes for contract in table.instruments}
    unused = sorted(carry.dividends.keys() - quoted)
    if not unused:
        return []
    more = f" and {len(unused) - 1} more" if len(unused) > 1 else ""
    return [f"Dividends of {unused[0]}{more} are used by nothing: no contract on it is quoted."]


def _unit_prices(
    quotes: Iterable[PriceQuotes], stable: Mapping[str, float], given: Mapping[str, float]
) -> dict[str, float]:
    """USD per unit of given stablecoins and of the cash in which something is quoted.

    Raises MissingQuote for foreign cash without a price: none of its quotes could be used.
    """
    units = dict(stable)
    for table in quotes:
        for currency in {contract.settlement for contract in table.instruments} & CURRENCIES:
            if currency != CASH and currency not in given:
                raise MissingQuote(
                    f"prices in {currency} and no price of {currency} in USD",
                    where=table.source,
                    remedy=f"Give it: --price {currency}=VALUE.",
                )
            units[currency] = given.get(currency, 1.0)
    return units


def _unit_usd(underlying: str, settlement: str, units: Mapping[str, float]) -> float:
    """USD per unit of the quote currency: an inverse contract is quoted in USD."""
    return 1.0 if settlement == underlying else units.get(settlement, 1.0)


def _assumed_index(
    forwards: Mapping[SliceKey, float], index: Mapping[str, float], units: Mapping[str, float]
) -> dict[str, tuple[float, str]]:
    """USD prices of what is listed on markets that nothing tells: the first forward, and a
    warning.
    """
    found: dict[str, tuple[float, str]] = {}
    for key in sorted(forwards, key=lambda key: key[2]):
        underlying, settlement, expiry = key
        if underlying in index or underlying in found or market_of(underlying) is None:
            continue
        level = forwards[key] * _unit_usd(underlying, settlement, units)
        warning = (
            f"No index price of {underlying}: taken at {level:.10g}, the forward of its first "
            f"expiry {isoformat_utc(expiry)}; give --price {underlying}=VALUE."
        )
        found[underlying] = level, warning
    return found


def _option_forwards(
    slices: Mapping[SliceKey, OptionSlice],
    curve: Mapping[SliceKey, float],
    units: Mapping[str, float],
    as_of: datetime,
) -> Prices:
    """Forwards that options tell of themselves; one from the curve is no second evidence."""
    found: Prices = {}
    for key, listed in slices.items():
        underlying, settlement, expiry = key
        if listed.forward != curve.get(key):
            what = f"its forward in {settlement} for {isoformat_utc(expiry)}"
            usd = listed.forward * _unit_usd(underlying, settlement, units)
            found.setdefault(underlying, {})[what] = Quoted(usd, tenor_years(as_of, expiry))
    return found


def _drop_far_expiries(
    slices: Mapping[SliceKey, OptionSlice],
    index: Mapping[str, float],
    units: Mapping[str, float],
    as_of: datetime,
) -> tuple[dict[SliceKey, OptionSlice], dict[str, str]]:
    """The slices whose forwards lie near their index, and why the options of others are dropped."""
    kept: dict[SliceKey, OptionSlice] = {}
    dropped: dict[str, str] = {}
    for key, listed in slices.items():
        underlying, settlement, expiry = key
        usd = listed.forward * _unit_usd(underlying, settlement, units)
        quoted = Quoted(usd, tenor_years(as_of, expiry))
        if is_near(underlying, quoted, index.get(underlying, usd)):
            kept[key] = listed
        else:
            why = f"the forward of its expiry, {listed.forward:.10g}, is far from the index"
            dropped |= dict.fromkeys(listed.names, why)
    return kept, dropped


def _drop_bad_ticks(
    marks: dict[str, float],
    slices: Mapping[SliceKey, OptionSlice],
    curve: Mapping[SliceKey, float],
) -> dict[str, str]:
    """Take listed futures far from the forward of their expiry's options out of ``marks``."""
    dropped: dict[str, str] = {}
    for key, listed in slices.items():
        name = contract_name(*key)
        mark = marks.get(name, listed.forward)
        if listed.vol_unit is None:
            off_rel = abs(mark / listed.forward - 1.0)
        else:
            off_rel = abs(mark - listed.forward) / listed.vol_unit
        if listed.forward != curve.get(key) and off_rel > MAX_FUTURE_ERROR_REL:
            dropped[name] = (
                f"its mark of {marks.pop(name):.10g} is far from the forward {listed.forward:.10g} "
                "that options of its expiry imply"
            )
    return dropped


def _common_time(quotes: Sequence[PriceQuotes]) -> datetime:
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
    quotes: Sequence[PriceQuotes], units: Mapping[str, float]
) -> dict[str, list[list[float]]]:
    """USD index prices per underlying, one list for each source that carries any."""
    found: dict[str, list[list[float]]] = {}
    for table in quotes:
        seen: dict[str, list[float]] = {}
        for contract, index in zip(table.instruments, table.index.tolist(), strict=True):
            if is_price(contract.underlying, index):
                unit = _unit_usd(contract.underlying, contract.settlement, units)
                seen.setdefault(contract.underlying, []).append(index * unit)
        for underlying, values in seen.items():
            found.setdefault(underlying, []).append(values)
    return found


def _future_marks(
    futures: Iterable[FutureQuotes],
    as_of: datetime,
    index: Mapping[str, float],
    units: Mapping[str, float],
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
        usd = mark * _unit_usd(underlying, contract.settlement, units)
        what = f"the {'synthetic forward' if is_synthetic else 'mark'} of {name}"
        expires = isinstance(contract, DatedFuture)
        quoted = Quoted(usd, tenor_years(as_of, contract.expiry) if expires else 0.0)
        told.setdefault(underlying, {})[what] = quoted
        if not is_near(underlying, quoted, index.get(underlying, usd)):
            far = f"its mark of {mark:.10g} is far from the index of {underlying}"
            dropped.setdefault(name, far)
            continue
        if isinstance(contract, DatedFuture):
            key = slice_key(contract)
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
        for row, contract in enumerate(table.instruments)
        if is_price(contract.underlying, float(table.mark[row]))
    )
    found, disagree = latest(
        ((mark.key, (True, mark.table.as_of.timestamp()), mark) for mark in marks), _differing
    )
    return found, {name: why for (name, _), why in disagree.items()}


@dataclass(frozen=True, slots=True)
class _Mark:
    """Where a future or perpetual is quoted."""

    table: FutureQuotes
    row: int

    @property
    def contract(self) -> Future:
        return self.table.instruments[self.row]

    @property
    def price(self) -> float:
        return float(self.table.mark[self.row])

    @property
    def key(self) -> tuple[str, bool]:
        return self.contract.name, bool(self.table.is_synthetic[self.row])


def _differing(one: _Mark, other: _Mark) -> str | None:
    if one.price == other.price:
        return None
    return f"{one.table.source} and {other.table.source}"
