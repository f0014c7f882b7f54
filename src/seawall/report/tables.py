"""Documents as flat tables of values: what CSV and Excel files hold, and HTML for the most part.

Columns have the keys of the JSON, those of an object within put together with ``_``. They follow
from the classes of the documents: a key of a document is a column without more ado. What is no
single value, such as intervals of arbitrage, is a text of JSON.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Literal, cast

import msgspec
from msgspec import inspect

from seawall.basics.errors import InputError
from seawall.report.schema import Document, MarginReport, ModelInfo, RiskMatrix

Kind = Literal["text", "amount", "exact", "number", "share", "count", "instant", "date", "flag"]
"""``amount`` is exact money to the cent, ``exact`` a Decimal as it is, ``number`` a float64,
``share`` a float64 of which 1 is the whole, ``flag`` a bool."""

Value = str | Decimal | float | int | bool | datetime | date | None


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its key and the kind of its values."""

    key: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of one kind; each has a value, or None for none, for every column."""

    name: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]

    def led_by(self, key: str, value: Value) -> Table:
        """The table with a column of one text in front; one that it has already moves there."""
        kept = [place for place, column in enumerate(self.columns) if column.key != key]
        columns = (Column(key, "text"), *(self.columns[place] for place in kept))
        rows = tuple((value, *(row[place] for place in kept)) for row in self.rows)
        return replace(self, columns=columns, rows=rows)


# Tables whose key in the JSON does not say what their rows are.
_NAMES = {
    "RequirementRow": "requirement",
    "CollateralRow": "collateral",
    "ComparisonRow": "models",
    "LegEffect": "trades",
    "ReductionTrade": "trades",
    "ChangeRow": "steps",
}
# By what a document is told from others of its kind; the first that it has.
_WHOSE = (("account",), ("underlying", "settlement"), ("result",), ("model",))
_EXACT = ("quantity", "price")
_SHARES = (
    "saving",
    "mm_ratio",
    "atm_vol",
    "coverage",
    "breach_rate",
    "breach_rate_lower",
    "breach_rate_upper",
    "worst_book_rate",
)
_KINDS: Mapping[type[inspect.Type], Kind] = {
    inspect.DecimalType: "amount",
    inspect.FloatType: "number",
    inspect.IntType: "count",
    inspect.DateTimeType: "instant",
    inspect.DateType: "date",
    inspect.BoolType: "flag",
}
_CELLS = (
    Column("underlying", "text"),
    Column("part", "text"),
    Column("price_move_rel", "share"),
    Column("vol_move", "text"),
    Column("pnl", "number"),
    Column("undamped_pnl", "number"),
    Column("worst", "flag"),
)


def tables(documents: Sequence[Document]) -> tuple[Table, ...]:
    """The tables of documents of one kind, each row led by whose it is.

    The first, ``summary``, has one row a document. Raises InputError as :func:`require_one_kind`.
    """
    require_one_kind(documents)
    return _joined(_led(document) for document in documents)


def require_one_kind(documents: Sequence[object]) -> None:
    """Raise InputError for no document, for what is none, and for documents of several kinds."""
    kinds = {type(document) for document in documents}
    if len(kinds) != 1 or not issubclass(kinds.pop(), Document):
        raise InputError(
            f"{documents!r:.60} are no documents of one kind",
            where="documents",
            remedy="Give one or more reports, or comparisons, or others of one kind.",
        )


def tables_of(document: Document) -> tuple[Table, ...]:
    """The tables of one document. Those of reports within it come last, each row led by which."""
    kind = type(document)
    found = {"summary": _table("summary", kind, (document,))}
    within: list[tuple[Table, ...]] = []
    for field in _fields(kind):
        item, told = _item(field.type), getattr(document, field.name)
        if item is RiskMatrix:
            found["worst_cells"] = _table("worst_cells", RiskMatrix, told)
            cells = tuple(row for matrix in told for row in _cells(matrix))
            found[field.encode_name] = Table(field.encode_name, _CELLS, cells)
        elif item is str:
            column = Column(field.encode_name.removesuffix("s"), "text")
            rows = tuple((text,) for text in told)
            found[field.encode_name] = Table(field.encode_name, (column,), rows)
        elif item is MarginReport:
            within += [_within(report, "model", report.model.name) for report in told]
        elif item is not None:
            name = _NAMES.get(item.__name__, field.encode_name)
            found[name] = _table(name, item, told)
        elif isinstance(told, MarginReport):
            within.append(_within(told, "report", field.encode_name))
    more = _joined(within) if within else ()
    return (*found.values(), *(table for table in more if table.name not in found))


def decimals(values: Iterable[Value]) -> int:
    """Decimals that show six digits of the greatest float64 of a column; 0 to 8."""
    sizes = [abs(value) for value in values if isinstance(value, float) and math.isfinite(value)]
    greatest = max(sizes, default=0.0)
    return min(8, max(0, 5 - math.floor(math.log10(greatest)))) if greatest else 0


def _led(document: Document) -> tuple[Table, ...]:
    """The document's tables, each row led by whose it is."""
    led = tables_of(document)
    whose = next(keys for keys in _WHOSE if set(keys) <= set(document.__struct_fields__))
    for key in reversed(whose):
        value = getattr(document, key)
        if isinstance(value, ModelInfo):
            key, value = f"{key}_name", value.name
        led = tuple(table.led_by(key, value) for table in led)
    return led


def _within(report: MarginReport, key: str, which: str) -> tuple[Table, ...]:
    """The tables of a report that is part of another document."""
    first, *others = tables_of(report)
    return tuple(table.led_by(key, which) for table in (replace(first, name="reports"), *others))


def _joined(documents: Iterable[tuple[Table, ...]]) -> tuple[Table, ...]:
    """Tables of the same names one below the other."""
    return tuple(
        replace(same[0], rows=tuple(row for table in same for row in table.rows))
        for same in zip(*documents, strict=True)
    )


def _table(name: str, kind: type[msgspec.Struct], rows: Iterable[msgspec.Struct]) -> Table:
    leaves = _leaves(kind)
    columns = tuple(column for column, _ in leaves)
    return Table(name, columns, tuple(tuple(_value(row, at) for _, at in leaves) for row in rows))


def _cells(matrix: RiskMatrix) -> Iterator[tuple[Value, ...]]:
    """Every scenario of an underlying: the grid, then skew and term cells, then the tails."""
    name = matrix.underlying
    for move, row in zip(matrix.price_moves_rel, matrix.pnl, strict=True):
        for vol, pnl in zip(matrix.vol_moves, row, strict=True):
            yield name, "grid", move, vol, pnl, pnl, matrix.is_worst(move, vol)
    for part, cells in (("surface", matrix.surface_cells), ("tail", matrix.tails)):
        for cell in cells:
            worst = cell == matrix.worst
            told = (cell.price_move_rel, cell.vol_move, cell.pnl, cell.undamped_pnl)
            yield name, part, *told, worst


# ---- columns from classes


def _fields(kind: type[msgspec.Struct]) -> tuple[inspect.Field, ...]:
    return cast("inspect.StructType", inspect.type_info(kind)).fields


def _plain(told: inspect.Type) -> inspect.Type:
    """A type without its constraints and without None."""
    if isinstance(told, inspect.Metadata):
        return _plain(told.type)
    if isinstance(told, inspect.UnionType):
        [one] = [each for each in told.types if not isinstance(each, inspect.NoneType)]
        return _plain(one)
    return told


def _item(told: inspect.Type) -> type | None:
    """What a sequence holds, str or a class of ours; None for what is no sequence."""
    plain = _plain(told)
    if not isinstance(plain, inspect.VarTupleType):
        return None
    item = _plain(plain.item_type)
    return item.cls if isinstance(item, inspect.StructType) else str


@cache
def _leaves(kind: type[msgspec.Struct]) -> tuple[tuple[Column, tuple[str, ...]], ...]:
    """The columns of a class, and by which attributes to reach each.

    Sequences of a document and of a risk matrix are tables of their own; elsewhere they are text.
    """
    sequences = not issubclass(kind, Document | RiskMatrix)
    found: list[tuple[Column, tuple[str, ...]]] = []
    for field in _fields(kind):
        key, plain = field.encode_name, _plain(field.type)
        if isinstance(plain, inspect.StructType):
            if not issubclass(plain.cls, Document):
                found += [
                    (Column(f"{key}_{column.key}", column.kind), (field.name, *at))
                    for column, at in _leaves(plain.cls)
                ]
        elif sequences or not isinstance(plain, inspect.VarTupleType):
            found.append((Column(key, _kind(key, plain)), (field.name,)))
    return tuple(found)


def _kind(key: str, plain: inspect.Type) -> Kind:
    if isinstance(plain, inspect.DecimalType) and key in _EXACT:
        return "exact"
    if isinstance(plain, inspect.FloatType) and (key.endswith("_rel") or key in _SHARES):
        return "share"
    return _KINDS.get(type(plain), "text")


def _value(row: object, at: tuple[str, ...]) -> Value:
    for name in at:
        row = getattr(row, name, None)
    if isinstance(row, Enum):
        return cast("str", row.value)
    if isinstance(row, float) and not math.isfinite(row):
        return None  # as in JSON
    return msgspec.json.encode(row).decode() if isinstance(row, tuple) else cast("Value", row)
