"""What the driver was given, and what each shard is rebuilt from: positions and fills."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seawall.basics.decimals import parse_decimal
from seawall.basics.errors import InputError, UnrecognisedFile, located
from seawall.cluster.holdings import Fill, Held
from seawall.cluster.shards import shard_of
from seawall.feeds.account_margins import sound_positions
from seawall.feeds.files import as_path
from seawall.feeds.holdings import instrument_of
from seawall.feeds.position_frames import table_frame
from seawall.feeds.position_tables import PositionTable, names_by_place
from seawall.feeds.shards import Stamp, open_positions, stamp_of
from seawall.market.snapshot import MarketSnapshot
from seawall.risk.trades import Trade

if TYPE_CHECKING:
    import polars as pl

# Floats are written with as many digits as it takes to tell them apart.
_FLOAT_DECIMALS = 400

FILLS = ("account", "instrument", "quantity", "price")


@dataclass(frozen=True, slots=True)
class Dealt:
    """A table of accounts, the names of the instruments it numbers, and the shard [A] of each."""

    table: PositionTable
    names: tuple[str, ...]
    shard: NDArray[np.int64]

    def of(self, shard: int) -> tuple[list[str], Held]:
        """The names of a shard's accounts, and what they hold."""
        import polars as pl

        own = self.table.only(self.shard == shard)
        names = own.accounts.cast(pl.String).to_list()
        return names, Held(self.names, own.columns, len(names))


def source_stamp(positions: Any) -> Stamp | None:
    """What tells a file of positions from another; None of a table. Raises UnreadableFile."""
    return stamp_of(as_path(positions)) if isinstance(positions, str | Path) else None


def read_source(
    positions: Any, market: MarketSnapshot, stamp: Stamp | None
) -> tuple[PositionTable, tuple[str, ...]]:
    """Positions, a table or the path of a file of them, and the names of what they number.

    ``stamp`` is what :func:`source_stamp` said when they were first read. Raises what
    :func:`seawall.feeds.account_margins.margin_of_positions` raises of a table, and what
    :func:`seawall.feeds.shards.open_positions` raises of a file, and of another one.
    """
    given = positions if stamp is None else _read(as_path(positions), stamp)
    table, held = sound_positions(given, market)
    return table, names_by_place(held)


def deal(source: tuple[PositionTable, tuple[str, ...]], shards: int) -> Dealt:
    """Accounts dealt to so many shards."""
    table, names = source
    return Dealt(table, names, shard_of(table.accounts, shards))


def _read(path: Path, stamp: Stamp) -> pl.DataFrame:
    with TemporaryDirectory() as folder:
        file, _ = open_positions(path, Path(folder), stamp)
        return file.between(0, file.rows)


def fills_of(fills: Any) -> list[Fill]:
    """The fills of a table with the columns account, instrument, quantity and price.

    A frame of polars, an Arrow table or a mapping of arrays; ``price`` null or NaN is the mark.
    Raises InputError for what is no table, UnrecognisedFile for other columns, and what
    :class:`seawall.risk.trades.Trade` raises, naming the fill by its number from 1.
    """
    import polars as pl

    table = table_frame(fills, "fills", "read the file first")
    if sorted(table.columns) != sorted(FILLS):
        raise UnrecognisedFile(
            f"a table of fills has the columns {', '.join(table.columns)}",
            where="fills",
            remedy=f"Give {', '.join(FILLS)}.",
        )
    rows = table.select(pl.col("account").cast(pl.String), *FILLS[1:]).iter_rows()
    return [_fill(number, row) for number, row in enumerate(rows, 1)]


def _fill(number: int, row: Sequence[Any]) -> Fill:
    account, name, quantity, price = row
    where = f"fill {number}"
    if account is None:
        raise InputError("no account is named", where=where, remedy="Name one in every row.")
    with located(f"{where}, account {account}", where):
        trade = Trade(
            instrument=instrument_of(name, where),
            quantity=_decimal(quantity, f"quantity of {name}", where),
            price=None
            if price is None or price != price
            else _decimal(price, f"price of {name}", where),
        )
    return Fill(number, account, trade)


def _decimal(number: Any, what: str, where: str) -> Decimal:
    return parse_decimal("" if number is None else str(number), what, where, _FLOAT_DECIMALS)
