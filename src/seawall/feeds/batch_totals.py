"""What a batch comes to: counts and sums of its shards, and everything that was assumed, once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from seawall.feeds.account_margins import STATES
from seawall.feeds.batch_parts import ShardTotals
from seawall.feeds.position_tables import Fault, HeldInstruments, PositionTable
from seawall.margin.model import MarginModel
from seawall.margin.status import defaults_taken
from seawall.report.batch import StateCount
from seawall.risk.assumptions import ENTRY_WARNING_FACTOR

if TYPE_CHECKING:
    import polars as pl

_AMOUNTS = ("initial", "maintenance", "margin_value", "equity")


def shard_totals(
    margins: pl.DataFrame, table: PositionTable, faults: Iterable[Fault], held: HeldInstruments
) -> ShardTotals:
    """What the accounts of a shard add up to; ``table`` is what they hold."""
    import polars as pl

    # Amounts are whole cents, whose sums are exact as integers.
    cents = margins.select((pl.col(_AMOUNTS) * 100).round().cast(pl.Int64).sum()).row(0)
    initial, maintenance, margin_value, equity = (int(amount) for amount in cents)
    faults = list(faults)
    columns = table.columns
    entry, mark = columns.entry_price, held.mark[columns.instrument]
    entered, future = np.isfinite(entry), np.isfinite(mark)
    far = np.maximum(entry, mark) > ENTRY_WARNING_FACTOR * np.minimum(entry, mark)
    far &= ~held.signed[columns.instrument]
    return ShardTotals(
        accounts=len(margins),
        positions=entry.size,
        initial_cents=initial,
        maintenance_cents=maintenance,
        margin_value_cents=margin_value,
        equity_cents=equity,
        states=dict(Counter(margins["state"].to_list())),
        rejected_accounts=len({fault.account for fault in faults if fault.account}),
        rejected_rows=len(faults),
        without_entry=int((future & ~entered).sum()),
        far_entries=int((future & entered & far).sum()),
        unused_entries=int((entered & ~future).sum()),
    )


def summed(totals: Sequence[ShardTotals]) -> dict[str, Any]:
    """Counts and sums of all shards, by the keys of a :class:`seawall.report.batch.BatchSummary`.

    States are in order, the worst last.
    """
    states = sum((Counter(each.states) for each in totals), Counter[str]())
    counts = ("accounts", "positions", "rejected_accounts", "rejected_rows")
    amounts = {
        name: Decimal(sum(getattr(each, f"{name}_cents") for each in totals)).scaleb(-2)
        for name in _AMOUNTS
    }
    return {
        **{name: sum(getattr(each, name) for each in totals) for name in counts},
        **amounts,
        "states": tuple(StateCount(state=state, accounts=states[state]) for state in STATES),
    }


def assumed(
    held: HeldInstruments, model: MarginModel, totals: Sequence[ShardTotals]
) -> tuple[str, ...]:
    """One sentence for each thing that was assumed of what any account holds."""
    book = held.joined.book
    declared = model.offsets.notices(book.as_of) if model.offsets else ()
    counted = (
        (
            sum(each.without_entry for each in totals),
            "positions in futures have no entry price: their unrealised profit is taken as 0.",
        ),
        (
            sum(each.far_entries for each in totals),
            f"entry prices are over {ENTRY_WARNING_FACTOR:g} times away from the mark: check them.",
        ),
        (
            sum(each.unused_entries for each in totals),
            "entry prices are of no future and not used: these positions count at their marks.",
        ),
    )
    told = (f"{count:,} {sentence}" for count, sentence in counted if count)
    return (*book.warnings, *declared, *defaults_taken(book, model), *told)
