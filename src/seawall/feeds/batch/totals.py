"""What a batch comes to: counts and sums of its shards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from seawall.feeds.assumed import EntryDoubts, entry_doubts
from seawall.feeds.batch.parts import ShardTotals
from seawall.feeds.position_tables import Fault, HeldInstruments, PositionTable
from seawall.margin.status import STATES
from seawall.report.batch import StateCount

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
    doubts = entry_doubts(table.columns, held)
    return ShardTotals(
        accounts=len(margins),
        positions=table.columns.account.size,
        initial_cents=initial,
        maintenance_cents=maintenance,
        margin_value_cents=margin_value,
        equity_cents=equity,
        states=dict(Counter(margins["state"].to_list())),
        rejected_accounts=len({fault.account for fault in faults if fault.account}),
        rejected_rows=len(faults),
        without_entry=doubts.without_entry,
        far_entries=doubts.far_entries,
        unused_entries=doubts.unused_entries,
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


def doubts_of(totals: Iterable[ShardTotals]) -> list[EntryDoubts]:
    """What is doubtful about entry prices, shard by shard."""
    return [
        EntryDoubts(each.without_entry, each.far_entries, each.unused_entries) for each in totals
    ]
