"""Columns of positions of many accounts: of polars, Arrow or numpy, as a frame of one form.

``account`` (text or integers), ``instrument`` (as in a book), ``quantity`` (units of the
underlying, + long) and, where there is one, ``entry_price``, of which null and NaN say that there
is none. Blanks around a name are no part of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from seawall.basics.errors import InputError, UnrecognisedFile
from seawall.basics.nearest import did_you_mean, nearest_name

if TYPE_CHECKING:
    import polars as pl

REQUIRED, OPTIONAL = ("account", "instrument", "quantity"), ("entry_price", "row")
"""Columns of a table of positions; ``row`` numbers the rows of what is part of another table."""


def position_frame(positions: Any) -> pl.DataFrame:
    """A table's columns ``row``, ``account``, ``instrument``, ``quantity`` and ``entry_price``.

    From a frame of polars, whatever tells of itself as Arrow does, or a mapping of arrays, also of
    objects; rows are numbered from 1. Raises UnrecognisedFile for other columns, InputError for
    what is no table.
    """
    import polars as pl

    frame = table_frame(positions, "positions", "a file is margined by seawall batch")
    require_position_columns(frame.schema)
    if "row" not in frame.columns:
        frame = frame.with_row_index("row", offset=1)
    if "entry_price" not in frame.columns:
        frame = frame.with_columns(entry_price=pl.lit(None, dtype=pl.Float64))
    row, names = pl.col("row").cast(pl.Int64).fill_null(0), name_columns(frame.schema)
    return frame.select(row, *names, "quantity", "entry_price")


def table_frame(table: Any, of: str, no_path: str) -> pl.DataFrame:
    """A frame of polars from one, from whatever tells of itself as Arrow does, or from a mapping of
    arrays. Raises InputError, naming what it is to be a table ``of``, for all else and for a path.
    """
    import polars as pl

    try:
        if isinstance(table, str | Path):
            raise TypeError(no_path)
        if isinstance(table, pl.LazyFrame):
            table = table.collect()
        frame = table if isinstance(table, pl.DataFrame) else pl.DataFrame(table)
        objects = [name for name, kind in frame.schema.items() if kind == pl.Object]
        return frame.with_columns(_of_one_kind(frame[name]) for name in objects)
    except (TypeError, ValueError, pl.exceptions.PolarsError) as error:
        raise InputError(
            f"{type(table).__name__} is no table of {of}: {error!s:.80}",
            where=of,
            remedy="Give a frame of polars, an Arrow table or columns of equal length, each "
            "all text or all numbers.",
        ) from None


def _of_one_kind(objects: pl.Series) -> pl.Series:
    """Objects of Python as text or numbers. Raises TypeError for both in one column."""
    import polars as pl

    held = objects.to_list()
    try:
        return pl.Series(objects.name, held)
    except TypeError:  # numbers of several kinds, if numbers
        return pl.Series(objects.name, held, dtype=pl.Float64)


def name_columns(schema: pl.Schema) -> tuple[pl.Expr, pl.Expr]:
    """A table's accounts, integers or text, and its instruments, text without blanks around it."""
    import polars as pl

    account, instrument = (pl.col(name).cast(pl.String).str.strip_chars() for name in REQUIRED[:2])
    return (pl.col("account") if schema["account"].is_integer() else account), instrument


def require_position_columns(schema: pl.Schema) -> None:
    """Raise UnrecognisedFile for a table that has not the columns of positions, or other kinds."""
    import polars as pl

    known = (*REQUIRED, *OPTIONAL)
    for names, fault in (
        ([name for name in REQUIRED if name not in schema], "lacks"),
        ([name for name in schema if name not in known], "has unknown"),
    ):
        if names:
            meant = nearest_name(names[0], known if fault == "has unknown" else schema)
            raise UnrecognisedFile(
                f"the table {fault} {', '.join(repr(name) for name in names[:5])}",
                where="positions",
                remedy=did_you_mean(
                    meant, "Give account, instrument, quantity and, where known, entry_price."
                ),
            )
    if not schema.get("row", pl.Int64()).is_integer():
        raise UnrecognisedFile(
            f"column 'row' holds {schema['row']}",
            where="positions",
            remedy="Number the rows, or leave the column out.",
        )
    kinds = {"account": "text or integers", "instrument": "text", "quantity": "numbers"}
    for name, wanted in {**kinds, "entry_price": "numbers"}.items():
        kind = schema.get(name, pl.Null())
        number = kind.is_integer() if name == "account" else kind.is_numeric()
        # Numbers may be told as text; text may be told as codes of it.
        words = kind == pl.String or isinstance(kind, pl.Categorical | pl.Enum)
        if not (words or kind == pl.Null or (number and name != "instrument")):
            raise UnrecognisedFile(
                f"column {name!r} holds {kind}", where="positions", remedy=f"Give {wanted}."
            )
