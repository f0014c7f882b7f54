"""Tables of what a market tells beside prices: one row per underlying and time.

Columns: ``timestamp, underlying`` and any of ``adv_usd`` (30-day average daily volume),
``depth_usd`` (resting orders within 1 % of the mid), ``confidence`` (in the index, 0 to 1),
``pool_utilisation`` (0 to 1), ``supply`` (units in circulation) and ``stable_price_usd`` (a price
that follows the index slowly); others are ignored.

An empty cell is a missing number. One that cannot be, an underlying given twice, and a row without
a time or an underlying are errors: left out they could lower a charge.
"""

from __future__ import annotations

from datetime import datetime

from seawall.basics.decimals import parse_decimal
from seawall.basics.errors import BadNumber, UnreadableFile, UnrecognisedFile
from seawall.feeds.snapshots import TIME_COLUMN, read_snapshot, require_times
from seawall.feeds.tables import Table, text
from seawall.market.liquidity import RANGES, Liquidity, is_possible
from seawall.market.quotes import LiquidityQuotes

ACTIVITY_COLUMNS = (TIME_COLUMN, "underlying")
"""The columns by which such a table is recognised, with at least one of its numbers."""

ACTIVITY_NUMBERS = (
    "adv_usd",
    "depth_usd",
    "confidence",
    "pool_utilisation",
    "supply",
    "stable_price_usd",
)


def read_activity(table: Table, at: datetime | None) -> LiquidityQuotes:
    """The numbers of one snapshot.

    Raises BadNumber for a number that cannot be or a row without a time, UnreadableFile for an
    underlying that is missing or stands twice, UnrecognisedFile without any number, and
    what :func:`read_snapshot` raises.
    """
    given = [name for name in ACTIVITY_NUMBERS if name in table.schema]
    columns = {name: text(table, name) for name in ("underlying", *given)}
    as_of, rows, _ = read_snapshot(table, columns, at)
    require_times(table, columns)
    told: dict[str, dict[str, float]] = {name: {} for name in given}
    where: dict[str, str] = {}
    for row in rows.iter_rows(named=True):
        place, underlying = f"{table.name} row {row['row']}", row["underlying"]
        if not underlying:
            if any(row[name] for name in given):
                raise UnreadableFile(
                    "the row names no underlying",
                    where=place,
                    remedy="Name one, such as BTC, or leave out the row.",
                )
            continue
        if underlying in where:
            raise UnreadableFile(
                f"{underlying} stands twice",
                where=f"{where[underlying]} and {place}",
                remedy="Keep one row for each underlying and time.",
            )
        where[underlying] = place
        for name in given:
            if row[name]:
                told[name][underlying] = _number(row[name], name, underlying, place)
    if not any(told.values()):
        raise UnrecognisedFile(
            f"none of {len(rows)} rows has a number",
            where=table.name,
            remedy=f"Give underlyings such as BTC with {', '.join(given)}.",
        )
    return LiquidityQuotes(
        source=table.name, as_of=as_of, liquidity=Liquidity(**told), warnings=table.warnings
    )


def _number(cell: str, name: str, underlying: str, place: str) -> float:
    value = float(parse_decimal(cell, f"{name} of {underlying}", place))
    if not is_possible(name, value):
        least, most = RANGES[name]
        raise BadNumber(
            f"{name} of {underlying} is {cell}",
            where=place,
            remedy=f"Give a number between {least:g} and {most:g}.",
        )
    return value
