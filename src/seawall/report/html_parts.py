"""What HTML documents are made of: headings, lines, tables and heat maps, every text escaped."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from html import escape

from seawall.report.schema import Document, RiskMatrix
from seawall.report.tables import Column, Table, Value, decimals, tables_of
from seawall.report.words import (
    WORST_MARK,
    cents,
    instant_text,
    matrix_title,
    scale_of,
    shade,
    signed,
    signless_zero,
    whole,
)

Row = Sequence[Value]

STYLE = """<style>
.seawall{font:13px/1.4 system-ui,sans-serif;overflow-x:auto}
.seawall .side{display:flex;flex-wrap:wrap;gap:0 2.5em;align-items:flex-start}
.seawall table{border-collapse:collapse;margin:.7em 0;font-variant-numeric:tabular-nums}
.seawall caption{text-align:left;font-weight:600;white-space:pre-line;color:inherit}
.seawall th,.seawall td{padding:.15em .6em;text-align:right;white-space:nowrap;border:0;
border-bottom:1px solid rgba(128,128,128,.35)}
.seawall th{font-weight:400}
.seawall thead th{opacity:.75}
.seawall .text{text-align:left}
.seawall tfoot th,.seawall tfoot td{font-weight:600}
.seawall td.heat{color:#fff;border-color:transparent}
.seawall td.worst{font-weight:700;outline:2px solid currentColor;outline-offset:-2px}
</style>"""


def named_tables(document: Document) -> dict[str, Table]:
    """A document's tables by name."""
    return {table.name: table for table in tables_of(document)}


def words_of(key: str) -> str:
    """A key as words."""
    return key.replace("_", " ")


def heading(first: str, *others: str) -> str:
    """A paragraph that begins in bold."""
    return f"<p><strong>{escape(first)}</strong> {escape(' · '.join(others))}</p>"


def line(text: str) -> str:
    """A paragraph."""
    return f"<p>{escape(text)}</p>"


def side(*parts: str) -> str:
    """Tables side by side where there is room."""
    return f'<div class="side">{"".join(parts)}</div>'


def warnings(texts: Iterable[str]) -> str:
    """A list of them, or nothing without any."""
    told = "".join(f"<li>{escape(text)}</li>" for text in texts)
    return f"<p><strong>Warnings</strong></p><ul>{told}</ul>" if told else ""


def columns(*keys: str) -> tuple[Column, ...]:
    """A column of names, then amounts."""
    return (Column("", "text"), *(Column(key, "amount") for key in keys))


def levels(caption: str, rows: Sequence[Row]) -> str:
    """A table of both levels."""
    return table(Table("", columns("initial", "maintenance"), tuple(map(tuple, rows))), caption)


def table(
    table: Table,
    caption: str,
    *,
    heads: Sequence[Row] = (),
    feet: Sequence[Row] = (),
    changes: Collection[str] = (),
) -> str:
    """A table, or nothing without rows. Its own rows have signs in the columns ``changes``, the
    rows ``heads`` and ``feet`` around them have amounts as they are.
    """
    if not table.rows:
        return ""
    places = [decimals(row[i] for row in table.rows) for i in range(len(table.columns))]
    header = "".join(
        f'<th scope="col"{_aligned(column)}>{escape(words_of(column.key))}</th>'
        for column in table.columns
    )
    first = "".join(_row(row, table.columns, places) for row in heads)
    rows = "".join(_row(row, table.columns, places, changes) for row in table.rows)
    last = "".join(_row(row, table.columns, places) for row in feet)
    return (
        f"<table><caption>{escape(caption)}</caption><thead><tr>{header}</tr></thead>"
        f"<tbody>{first}{rows}</tbody>{f'<tfoot>{last}</tfoot>' if last else ''}</table>"
    )


def _row(
    row: Row, columns: Sequence[Column], places: Sequence[int], changes: Collection[str] = ()
) -> str:
    (first, name), *others = (
        (_aligned(column), escape(_shown(value, column, shown, is_change=column.key in changes)))
        for value, column, shown in zip(row, columns, places, strict=True)
    )
    cells = "".join(f"<td{aligned}>{text}</td>" for aligned, text in others)
    return f'<tr><th scope="row"{first}>{name}</th>{cells}</tr>'


def _aligned(column: Column) -> str:
    return ' class="text"' if column.kind in ("text", "instant", "date") else ""


def _shown(value: Value, column: Column, places: int, *, is_change: bool) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        if column.kind == "exact":
            return f"{value:,f}"
        return signed(value) if is_change else cents(value)
    if isinstance(value, datetime):
        return instant_text(value)
    if isinstance(value, bool):
        return WORST_MARK if value else ""
    if column.kind == "share":
        sign = "+" if column.key.endswith("move_rel") else ""
        return signless_zero(f"{value:{sign}.1%}")
    if column.kind == "number":
        return signless_zero(f"{value:,.{places}f}")
    return f"{value}"


def heat_map(matrix: RiskMatrix, currency: str) -> str:
    """Net PnL by price move, down the side, and volatility move, across."""
    scale = scale_of(matrix)
    header = "".join(f'<th scope="col">vol {escape(vol)}</th>' for vol in matrix.vol_moves)
    rows = ""
    for move, pnls in zip(matrix.price_moves_rel, matrix.pnl, strict=True):
        cells = "".join(
            _heat_cell(pnl, scale, is_worst=matrix.is_worst(move, vol))
            for vol, pnl in zip(matrix.vol_moves, pnls, strict=True)
        )
        rows += f'<tr><th scope="row">{move:+.1%}</th>{cells}</tr>'
    return (
        f"<table><caption>{escape(matrix_title(matrix, currency))}</caption>"
        f'<thead><tr><th scope="col">price</th>{header}</tr></thead><tbody>{rows}</tbody></table>'
    )


def _heat_cell(pnl: float, scale: float, *, is_worst: bool) -> str:
    marked = (" worst", f" {WORST_MARK}") if is_worst else ("", "")
    style = f"background-color:{shade(pnl, scale)}"
    return f'<td class="heat{marked[0]}" style="{style}">{whole(pnl)}{marked[1]}</td>'


def other_cells(matrix: RiskMatrix, cells: Table) -> str:
    """The skew and term cells and the tails of an underlying, the worst with its mark."""
    rows = (row for row in cells.rows if row[0] == matrix.underlying and row[1] != "grid")
    own = Table("cells", cells.columns[1:], tuple(row[1:] for row in rows))
    return table(own, f"{matrix.underlying} surface and tails")
