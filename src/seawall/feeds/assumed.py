"""What is assumed of the positions of many accounts, each sentence once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from seawall.feeds.position_tables import HeldInstruments
from seawall.margin.model import MarginModel
from seawall.margin.status import dated_after, defaults_taken
from seawall.risk.accounts import Columns
from seawall.risk.assumptions import ENTRY_WARNING_FACTOR


@dataclass(frozen=True, slots=True)
class EntryDoubts:
    """How many positions in futures have no entry price, how many entry prices are worth a second
    look, and how many are of no future.
    """

    without_entry: int
    far_entries: int
    unused_entries: int


def entry_doubts(columns: Columns, held: HeldInstruments) -> EntryDoubts:
    """Count what is doubtful about the entry prices of positions."""
    entry, mark = columns.entry_price, held.mark[columns.instrument]
    entered, future = np.isfinite(entry), np.isfinite(mark)
    far = np.maximum(entry, mark) > ENTRY_WARNING_FACTOR * np.minimum(entry, mark)
    far &= ~held.signed[columns.instrument]
    return EntryDoubts(
        without_entry=int((future & ~entered).sum()),
        far_entries=int((future & entered & far).sum()),
        unused_entries=int((entered & ~future).sum()),
    )


def assumed(
    held: HeldInstruments, model: MarginModel, doubts: Iterable[EntryDoubts]
) -> tuple[str, ...]:
    """One sentence for each thing that was assumed of what any account holds."""
    book, every = held.joined.book, tuple(doubts)
    declared = model.offsets.notices(book.as_of) if model.offsets else ()
    counted = (
        (
            sum(each.without_entry for each in every),
            "positions in futures have no entry price: their unrealised profit is taken as 0.",
        ),
        (
            sum(each.far_entries for each in every),
            f"entry prices are over {ENTRY_WARNING_FACTOR:g} times away from the mark: check them.",
        ),
        (
            sum(each.unused_entries for each in every),
            "entry prices are of no future and not used: these positions count at their marks.",
        ),
    )
    told = (f"{count:,} {sentence}" for count, sentence in counted if count)
    return (
        *book.warnings,
        *dated_after(book, model),
        *declared,
        *defaults_taken(book, model),
        *told,
    )
