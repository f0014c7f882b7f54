"""Option chains and futures listings: tables with one row per instrument and time.

Columns: ``timestamp, instrument_name, mark_price``, usually with ``mark_iv``,
``underlying_price`` (the venue's forward), ``index_price``, bids and asks as ``bid_price`` or
``best_bid_price``, ``open_interest`` (coins; USD for inverse futures and perpetuals) or
``open_interest_coins``, and ``funding_8h``; others are ignored. The names say what each row is:
options become :class:`OptionQuotes`, futures and perpetuals :class:`FutureQuotes`; a file may hold
both.

Units. Prices of inverse options are in coin, all others in the quote currency per coin. Implied
volatilities are decimal in these rooms; a file whose median ``mark_iv`` exceeds 3 (300 %) is
taken to be in percent, as the venue's own interface gives it, and is divided by 100. Where
there are prices a wrong guess cannot pass: a row whose volatility contradicts its mark, or without
a mark its bid and ask, is dropped in ``market``. Without any price a guess is refused.

Bad rows. A row is dropped if its name is unknown, its time unreadable, one of its numbers
negative, infinite or beyond 10¹², its index zero, or if it has no price at all; of a signed
underlying index, forward and prices of futures may be zero and negative. NaN, empty and
unreadable cells are missing numbers, and so are a bid or ask of zero. Of an instrument quoted twice
in a snapshot the later row counts; two rows of one time that differ are both dropped. What is
dropped cannot be margined, so dropping never lowers a margin; its reason goes along with the
quotes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import UnknownInstrument, UnrecognisedFile
from seawall.feeds.snapshots import TIME_COLUMN, read_snapshot, untimed_text
from seawall.feeds.tables import Table, collect, float_column, is_sound, number, text
from seawall.market.liquidity import Liquidity, is_possible
from seawall.market.quotes import FutureQuotes, OptionQuotes, Quotes, Rank, is_backed, latest
from seawall.products.instruments import Derivative, Option, Perpetual
from seawall.products.markets import SIGNED, is_price, is_signed
from seawall.products.names import parse_name

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]

LISTING_COLUMNS = (TIME_COLUMN, "instrument_name", "mark_price")
"""The columns by which a listing is recognised."""

PERCENT_ABOVE = 3.0
"""A file whose median implied volatility exceeds this is in percent."""

# What the numbers are called in files, in the order in which the names are looked for.
_NUMBERS = {
    "bid": ("bid_price", "best_bid_price"),
    "ask": ("ask_price", "best_ask_price"),
    "mark": ("mark_price",),
    "iv": ("mark_iv",),
    "forward": ("underlying_price",),
    "index": ("index_price",),
}
# Told beside prices; a damaged one of these is as good as missing and spoils no price.
_BESIDE = ("open_interest", "funding_8h", "open_interest_coins")
FUNDINGS_PER_DAY = 3.0
"""A rate of eight hours is paid so often."""


def read_listing(table: Table, at: datetime | None, vol_unit: float | None = None) -> list[Quotes]:
    """The options and the futures of one snapshot, one table of quotes for each kind there is.

    ``vol_unit`` is 100 where volatilities are known to be in percent and 1 where they are known to
    be decimal; None has the file's median decide. Raises UnrecognisedFile when no row can be used,
    and what :func:`read_snapshot` raises.
    """
    wanted = {
        role: number(table, column)
        for role, names in _NUMBERS.items()
        for column in names
        if column in table.schema
    }
    is_guess = vol_unit is None
    if vol_unit is None:
        vol_unit = _vol_unit(table, wanted["iv"]) if "iv" in wanted else 1.0
    if "iv" in wanted:
        wanted["iv"] = wanted["iv"] / vol_unit
    beside = {name: number(table, name) for name in _BESIDE if name in table.schema}
    columns = {"name": text(table, "instrument_name"), **wanted, **beside}
    as_of, rows, untimed = read_snapshot(table, columns, at)
    values = {role: float_column(rows, role) for role in _NUMBERS}
    used, dropped = _sorted_out(rows, untimed, values, table.name)
    if not used:
        why = next((f": {name}, {reason}" for name, reason in dropped.items()), "")
        raise UnrecognisedFile(
            f"none of {len(rows)} rows can be used{why}",
            where=table.name,
            remedy="Give listed names such as BTC-27MAR26-80000-P and finite prices ≥ 0.",
        )
    options = [(c, row) for c, row in used.items() if isinstance(c, Option)]
    futures = [(c, row) for c, row in used.items() if not isinstance(c, Option)]
    found: list[Quotes] = []
    if options:
        keep = np.array([row for _, row in options])
        quotes = OptionQuotes(
            source=table.name,
            as_of=as_of,
            instruments=tuple(option for option, _ in options),
            bid=values["bid"][keep],
            ask=values["ask"][keep],
            mark=values["mark"][keep],
            iv=values["iv"][keep],
            forward=values["forward"][keep],
            index=values["index"][keep],
            observed_s=rows["time_ms"].to_numpy()[keep] / 1e3,
        )
        if is_guess:
            _check_vol_unit(quotes, vol_unit)
        found.append(quotes)
    if futures:
        keep = np.array([row for _, row in futures])
        found.append(
            FutureQuotes(
                source=table.name,
                as_of=as_of,
                instruments=tuple(future for future, _ in futures),
                mark=values["mark"][keep],
                index=values["index"][keep],
                is_synthetic=np.zeros(keep.size, dtype=np.bool_),
            )
        )
    liquidity, doubts = _beside(rows, used, values["index"], table.name)
    warnings = (*table.warnings, *doubts)
    found[0] = replace(found[0], dropped=dropped, warnings=warnings, liquidity=liquidity)
    return found


def _beside(
    rows: pl.DataFrame, used: Mapping[Derivative, int], index: Floats, source: str
) -> tuple[Liquidity, list[str]]:
    """Open interest in coins and funding a day of the contracts that have them, and what of it
    was left out.
    """
    open_interest, funding_8h, in_coins = (float_column(rows, name) for name in _BESIDE)
    told: dict[str, dict[str, float]] = {"open_interest": {}, "funding_per_day": {}}
    doubts: list[str] = []
    for contract, row in used.items():
        # The venue counts inverse futures in USD and everything else in coins. The index converts
        # them, since a damaged mark is known as such only later.
        in_usd = contract.is_inverse and not isinstance(contract, Option)
        coins = in_coins[row]
        if np.isnan(coins):
            coins = open_interest[row] / (index[row] if in_usd else 1.0)
        numbers = {"open_interest": float(coins)}
        if isinstance(contract, Perpetual):
            numbers["funding_per_day"] = float(funding_8h[row] * FUNDINGS_PER_DAY)
        for name, value in numbers.items():
            if is_possible(name, value):
                told[name][contract.name] = value
            elif not np.isnan(value):
                doubts.append(f"Left out: {name} {value:.6g} of {contract.name} in {source}.")
    return Liquidity(**told), doubts


def _vol_unit(table: Table, iv: pl.Expr) -> float:
    """100 if the file's volatilities are in percent, otherwise 1.

    Those of signed underlyings are in neither, and have no say.
    """
    underlying = text(table, "instrument_name").str.split("_").list.first()
    normal = underlying.is_in(SIGNED).fill_null(value=False)
    known = iv.filter(iv.is_finite() & (iv > 0.0) & ~normal)
    median = collect(table, table.frame.select(known.median())).item()
    return 100.0 if median is not None and median > PERCENT_ABOVE else 1.0


def _check_vol_unit(quotes: OptionQuotes, vol_unit: float) -> None:
    """Percent is a guess, and only prices can contradict a wrong one."""
    if vol_unit != 1.0 and not is_backed(quotes.mark, quotes.bid, quotes.ask).any():
        raise UnrecognisedFile(
            f"the median mark_iv exceeds {PERCENT_ABOVE:g}, and no price tells whether it is in "
            "percent",
            where=quotes.source,
            remedy="Give decimal volatilities (0.6 is 60 %), or marks or bids and asks.",
        )


def _sorted_out(
    rows: pl.DataFrame, untimed: pl.DataFrame, values: Mapping[str, Floats], source: str
) -> tuple[dict[Derivative, int], dict[str, str]]:
    """Usable contracts with their rows, and why others were dropped.

    Of an option's rows those with a price count before those with a volatility alone.
    """
    names: list[str | None] = rows["name"].to_list()
    time_ms: list[int] = rows["time_ms"].to_list()
    lines: list[int] = rows["row"].to_list()
    sound = {role: is_sound(column) for role, column in values.items()}
    sound["index"] &= ~(values["index"] == 0.0)
    all_sound = np.logical_and.reduce([*sound.values()])
    mark: list[float] = values["mark"].tolist()
    backed = is_backed(values["mark"], values["bid"], values["ask"])
    quoted = np.isfinite(values["mark"]) | ((values["bid"] > 0.0) & (values["ask"] > 0.0))
    option_priced = quoted | (values["iv"] > 0.0)
    usable: list[tuple[Derivative, Rank, int]] = []
    unusable: dict[str, str] = {}
    for row, name in enumerate(names):
        contract = contract_of(name)
        if contract is None:
            continue
        where = f"{source} row {lines[row]}"
        is_option = isinstance(contract, Option)
        bad = () if all_sound[row] else [role for role in sound if not sound[role][row]]
        free = _free(contract)
        bad = [r for r in bad if r not in free or not is_price(contract.underlying, values[r][row])]
        if bad:
            role = bad[0]
            column = _NUMBERS[role][0]
            unusable[contract.name] = f"{where} gives {column} {values[role][row]:.6g}"
        elif not (option_priced[row] if is_option else is_price(contract.underlying, mark[row])):
            unusable[contract.name] = f"{where} gives no price"
        else:
            # A future that is priced at all, and may be below zero, has its price.
            rank = bool(backed[row]) or not is_option, time_ms[row]
            usable.append((contract, rank, row))

    def differing(one: int, other: int) -> str | None:
        if all(np.array_equal(c[one], c[other], equal_nan=True) for c in values.values()):
            return None
        return f"{source} rows {lines[one]} and {lines[other]}"

    used, disagree = latest(usable, differing)
    dropped = _without_time(untimed, source) | unusable
    dropped |= {contract.name: why for contract, why in disagree.items()}
    for contract in used:  # another of its rows can be used
        dropped.pop(contract.name, None)
    return used, dropped


def _without_time(rows: pl.DataFrame, source: str) -> dict[str, str]:
    """Why contracts are dropped that stand in rows without a time."""
    named = zip(map(contract_of, rows["name"]), rows["row"], strict=True)
    return {c.name: untimed_text(source, line) for c, line in named if c is not None}


def _free(contract: Derivative) -> tuple[str, ...]:
    """The numbers that may be zero or negative: of a signed underlying all but premiums."""
    if not is_signed(contract.underlying):
        return ()
    beside = ("forward", "index")
    return beside if isinstance(contract, Option) else (*beside, "mark", "bid", "ask")


def contract_of(name: str | None) -> Derivative | None:
    """The contract of that name; None for what is none."""
    try:
        contract = None if name is None else parse_name(name)
    except UnknownInstrument:
        return None
    return contract if isinstance(contract, Derivative) else None
