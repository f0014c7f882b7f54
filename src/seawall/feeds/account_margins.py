"""Many accounts margined on this machine, from a table of positions to a table of margins.

Accounts are cut into blocks, which threads take one after another: the kernels let go of the
interpreter. What comes out does not depend on the blocks.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from seawall.basics.errors import EmptyPortfolio, InputError, ModelError, SeawallError
from seawall.feeds.assumed import assumed, entry_doubts
from seawall.feeds.position_frames import position_frame
from seawall.feeds.position_tables import (
    Fault,
    HeldInstruments,
    PositionTable,
    held_instruments,
    names_by_place,
    read_positions,
)
from seawall.margin.accounts.requirement import AccountsMargin, ModelArrays, margin_of_accounts
from seawall.margin.model import MarginModel
from seawall.margin.presets import load_preset
from seawall.margin.status import STATES
from seawall.market.snapshot import MarketSnapshot
from seawall.products.instruments import CASH
from seawall.report.account_margin import account_amounts, account_states
from seawall.risk.accounts import Columns, Instruments, by_account_order, joined_accounts

if TYPE_CHECKING:
    import polars as pl

Item = TypeVar("Item")

BLOCK_POSITIONS = 500_000
"""Positions of a block: what its columns take stays near the processor."""

REFUSALS = (InputError, ModelError)
"""What is said of positions, and of what a model does not take of them."""

Progress = Callable[[int, int], None]
"""Told how many accounts are done, and of how many."""


def no_progress(done: int, of: int) -> None:
    """Nobody is told."""


def margin_of_positions(
    positions: Any,
    market: MarketSnapshot,
    model: MarginModel,
    threads: int | None = None,
    progress: Progress = no_progress,
) -> pl.DataFrame:
    """The margin of every account of a table, on this machine; in the order of their first rows.

    Raises what the first row that cannot be margined would raise by itself, else what the first
    account would; EmptyPortfolio for a table without rows, and what :func:`position_frame` raises.
    """
    frame = _filled_frame(positions)
    held = held_instruments(_names(frame), market)
    try:
        table, arrays = _sound_table(frame, held), ModelArrays.of(held.joined, model)
        return margin_table(table, held, arrays, threads, progress)
    except REFUSALS as error:
        raise first_refusal(frame, market, model) or error from None


def first_refusal(
    positions: Any, market: MarketSnapshot, model: MarginModel
) -> SeawallError | None:
    """What is said of the first row of a table that cannot be margined, else of the first account;
    None where all can. Raises what :func:`position_frame` raises.
    """
    frame = position_frame(positions)
    held, arrays = held_under(_names(frame), market, model)
    table, faults = read_positions(frame, held, most_faults=1)
    if faults:
        return faults[0].error
    return next((error for _, error in failing_accounts(table, held, arrays)), None)


def sound_positions(
    positions: Any, market: MarketSnapshot
) -> tuple[PositionTable, HeldInstruments]:
    """A table of which every row can be margined under a model that takes all it holds; raises as
    :func:`margin_of_positions`.
    """
    frame = _filled_frame(positions)
    held = held_instruments(_names(frame), market)
    return _sound_table(frame, held), held


def _filled_frame(positions: Any) -> pl.DataFrame:
    frame = position_frame(positions)
    if frame.is_empty():
        raise EmptyPortfolio(
            "the table has no position", where="positions", remedy="Give one row per position."
        )
    return frame


def _names(frame: pl.DataFrame) -> list[str]:
    return frame["instrument"].unique().drop_nulls().to_list()


def _sound_table(frame: pl.DataFrame, held: HeldInstruments) -> PositionTable:
    table, faults = read_positions(frame, held, most_faults=1)
    if faults:
        raise faults[0].error
    return table


def held_under(
    names: Sequence[str], market: MarketSnapshot, model: MarginModel
) -> tuple[HeldInstruments, ModelArrays]:
    """What a table holds with its risk arrays; names that cannot be margined, in the market or
    under the model, are left to their rows.
    """
    held = held_instruments(names, market)
    try:
        return held, _arrays(held, model)
    except REFUSALS:
        why = dict(
            failing(
                names_by_place(held),
                lambda some: _arrays(held_instruments(some, held.market), model),
            )
        )
        if not why:
            raise
    at = {held.place[name]: error for name, error in why.items()}
    refused = {name: at[place] for name, place in held.place.items() if place in at}
    taken = held_instruments([name for name in names if name not in refused], market)
    return replace(taken, refused=refused), _arrays(taken, model)


def _arrays(held: HeldInstruments, model: MarginModel) -> ModelArrays:
    """Risk arrays of what is held, once an account of one unit of each has been margined by them.

    Models without scenarios find only then that they cannot. Raises what such an account would.
    """
    arrays = ModelArrays.of(held.joined, model)
    count = held.price_usd.size
    place = np.arange(count)
    units = Columns(place, place, np.ones(count), np.full(count, np.nan))
    margin_of_accounts(joined_accounts(units, count, held.joined), arrays)
    return arrays


def position_warnings(
    positions: Any, market: MarketSnapshot, model: MarginModel | str
) -> tuple[str, ...]:
    """What is assumed of the accounts of a table for want of a number, each sentence once: what
    their reports would say as warnings. Raises as :func:`margin_of_positions`, and UnknownModel.
    """
    chosen = load_preset(model) if isinstance(model, str) else model
    table, held = sound_positions(positions, market)
    return assumed(held, chosen, [entry_doubts(table.columns, held)])


def check_positions(
    positions: Any, market: MarketSnapshot, model: MarginModel | str | None = None
) -> pl.DataFrame:
    """The rows of a table that cannot be margined: row, account, instrument, problem and remedy.

    With a ``model`` those too that it does not take, and the first row of each account whose rows
    it takes and that it does not margin. Empty where all can. Raises what :func:`position_frame`
    raises, and UnknownModel.
    """
    frame = position_frame(positions)
    chosen = load_preset(model) if isinstance(model, str) else model
    if chosen is None:
        return fault_frame(read_positions(frame, held_instruments(_names(frame), market))[1])
    held, arrays = held_under(_names(frame), market, chosen)
    table, faults = read_positions(frame, held)
    found = failing_accounts(table, held, arrays)
    return fault_frame([*faults, *(fault_of_account(frame, table, *each) for each in found)])


def fault_frame(faults: list[Fault]) -> pl.DataFrame:
    """Faults as a table."""
    import polars as pl

    rows = [(f.row, f.account, f.instrument, f.error.what, f.error.remedy) for f in faults]
    text = ("account", "instrument", "problem", "remedy")
    schema = [("row", pl.Int64()), *((name, pl.String()) for name in text)]
    return pl.DataFrame(rows, schema=schema, orient="row")


def margin_table(
    table: PositionTable,
    held: HeldInstruments,
    arrays: ModelArrays,
    threads: int | None = None,
    progress: Progress = no_progress,
) -> pl.DataFrame:
    """The margin of every account of a table that has been read."""
    count = len(table.accounts)
    margin = margin_of_columns(table.columns, count, held.joined, arrays, threads, progress)
    return margin_frame(table.accounts, margin)


def failing_accounts(
    table: PositionTable, held: HeldInstruments, arrays: ModelArrays
) -> Iterator[tuple[int, SeawallError]]:
    """The places of accounts that cannot be margined although each of their rows can, in their
    order, and why: what they add up to is beyond all amounts, or a debt that the model has no
    number for.
    """

    def margined(some: Sequence[int]) -> None:
        stays = np.zeros(len(table.accounts), dtype=np.bool_)
        stays[some] = True
        margin_table(table.only(stays), held, arrays)

    for place, error in failing(range(len(table.accounts)), margined):
        yield place, error.located(f"account {table.accounts[place]}", "")


def fault_of_account(
    frame: pl.DataFrame, table: PositionTable, place: int, error: SeawallError
) -> Fault:
    """The fault of a whole account, told of its first row."""
    import polars as pl

    account = table.accounts[place]
    row = frame.filter(pl.col("account") == account)["row"][0]
    return Fault(row, str(account), "", error.located(f"row {row}", ""))


def failing(
    items: Sequence[Item], attempt: Callable[[Sequence[Item]], object]
) -> Iterator[tuple[Item, SeawallError]]:
    """Those for which an attempt fails by themselves, and why; found by halves."""
    try:
        attempt(items)
    except REFUSALS as error:
        if len(items) == 1:
            yield items[0], error
            return
        half = len(items) // 2
        yield from failing(items[:half], attempt)
        yield from failing(items[half:], attempt)


def margin_of_columns(
    columns: Columns,
    count: int,
    joined: Instruments,
    arrays: ModelArrays,
    threads: int | None = None,
    progress: Progress = no_progress,
) -> AccountsMargin:
    """The margin of ``count`` accounts, block by block; ``threads`` None: as many as processors."""

    def margined(block: tuple[int, Columns]) -> AccountsMargin:
        size, own = block
        return margin_of_accounts(joined_accounts(own, size, joined), arrays)

    parts: list[AccountsMargin] = []
    done = 0
    with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        for part in pool.map(margined, account_blocks(columns, count)):
            parts.append(part)
            done += part.initial_cents.size
            progress(done, count)
    return AccountsMargin.joined(parts)


def account_blocks(
    columns: Columns, count: int, most_positions: int = BLOCK_POSITIONS
) -> Iterator[tuple[int, Columns]]:
    """The accounts in their order, so many at a time, with their positions."""
    columns = by_account_order(columns, count)
    starts: list[int] = np.searchsorted(columns.account, np.arange(count + 1)).tolist()
    first = 0
    while first < count:
        # An account is never cut, however many positions it has.
        last = bisect_right(starts, starts[first] + most_positions) - 1
        last = min(max(last, first + 1), count)
        own = columns.at(slice(starts[first], starts[last]))
        yield last - first, replace(own, account=own.account - first)
        first = last


def margin_frame(accounts: pl.Series, margin: AccountsMargin) -> pl.DataFrame:
    """Amounts in USD, as the reports of the accounts have them."""
    import polars as pl

    currency = pl.repeat(CASH, len(accounts), dtype=pl.String, eager=True)
    state = pl.Series(STATES).gather(account_states(margin))
    columns = {"account": accounts, "currency": currency, **account_amounts(margin), "state": state}
    return pl.DataFrame(columns).with_columns(pl.col("mm_ratio").fill_nan(None))
