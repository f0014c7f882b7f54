"""Tables of what a market tells beside prices: one row per underlying and time.

Columns: ``timestamp, underlying`` and any of ``adv_usd`` (30-day average daily volume),
``depth_usd`` (resting orders within 1 % of the mid), ``confidence`` (in the index, 0 to 1) and
``pool_utilisation`` (0 to 1); others are ignored.

A number that cannot be one is left out with a warning, and the charge that asks for it takes its
default. Of an underlying given twice at one time with unlike numbers neither row counts.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np

from seawall.basics.errors import UnrecognisedFile
from seawall.feeds.snapshots import TIME_COLUMN, read_snapshot
from seawall.feeds.tables import Table, float_column, number, text
from seawall.market.liquidity import Liquidity, is_possible
from seawall.market.quotes import LiquidityQuotes, latest

ACTIVITY_COLUMNS = (TIME_COLUMN, "underlying")
"""The columns by which such a table is recognised, with at least one of its numbers."""

ACTIVITY_NUMBERS = ("adv_usd", "depth_usd", "confidence", "pool_utilisation")


def read_activity(table: Table, at: datetime | None) -> LiquidityQuotes:
    """The numbers of one snapshot.

    Raises UnrecognisedFile when no number can be used, and what :func:`read_snapshot` raises.
    """
    given = [name for name in ACTIVITY_NUMBERS if name in table.schema]
    columns = {name: number(table, name) for name in given}
    wanted = {"underlying": text(table, "underlying"), **columns}
    as_of, rows = read_snapshot(table, wanted, at)
    numbers = {name: float_column(rows, name) for name in given}
    names: list[str | None] = rows["underlying"].to_list()
    time_ms: list[int] = rows["time_ms"].to_list()
    lines: list[int] = rows["row"].to_list()

    def disagreement(one: int, other: int) -> str | None:
        if all(np.array_equal(c[one], c[other], equal_nan=True) for c in numbers.values()):
            return None
        return f"rows {lines[one]} and {lines[other]} differ at one time"

    quoted = ((name, (True, time_ms[row]), row) for row, name in enumerate(names) if name)
    found, disagree = latest(quoted, disagreement)
    told: dict[str, dict[str, float]] = {name: {} for name in given}
    faults = [f"{name} of {table.name}: {why}" for name, why in disagree.items()]
    for underlying, row in found.items():
        for name, column in numbers.items():
            if is_possible(name, column[row]):
                told[name][underlying] = float(column[row])
            elif not np.isnan(column[row]):
                where = f"{table.name} row {lines[row]}"
                faults.append(f"{where} gives {name} {column[row]:.6g} of {underlying}")
    if not any(told.values()):
        why = f": {faults[0]}" if faults else ""
        raise UnrecognisedFile(
            f"none of {len(rows)} rows can be used{why}",
            where=table.name,
            remedy=f"Give underlyings such as BTC with {', '.join(given)}.",
        )
    return LiquidityQuotes(
        source=table.name,
        as_of=as_of,
        liquidity=Liquidity(**told),
        warnings=(*table.warnings, *(f"Left out: {fault}." for fault in faults)),
    )
