"""Tables as an Excel workbook: a sheet for each, with formats, widths and a header that stays."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from seawall.basics.errors import UnwritableFile
from seawall.report.tables import Column, Kind, Table, Value, decimals

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.workbook import Workbook
    from xlsxwriter.worksheet import Worksheet

_FORMATS: Mapping[Kind, str] = MappingProxyType(
    {
        "amount": "#,##0.00",
        "share": "0.0%",
        "count": "#,##0",
        "instant": "yyyy-mm-dd hh:mm:ss",
        "date": "yyyy-mm-dd",
    }
)
_LEAST_WIDTH, _MOST_WIDTH = 9, 60
_RED, _WHITE, _GREEN = "#E67C73", "#FFFFFF", "#57BB8A"
_OPTIONS = {"in_memory": True, "remove_timezone": True}


def workbook(tables: Sequence[Table], where: str) -> bytes:
    """The workbook's bytes, the same for the same tables; the first has a row and a date in it.

    Instants are UTC, numbers float64, and text is never a formula. Raises UnwritableFile, with
    ``where``, for what no sheet can hold.
    """
    import xlsxwriter

    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, _OPTIONS) as book:
        # Otherwise the file would hold the time of day at which it was made.
        book.set_properties({"created": _time_of(tables[0])})  # pyright: ignore[reportUnknownMemberType]
        header = _format(book, bold=True, bottom=1)
        for table in tables:
            sheet = book.add_worksheet(table.name)  # pyright: ignore[reportUnknownMemberType]
            sheet.freeze_panes(1, 1)
            for place, column in enumerate(table.columns):
                _write_column(book, sheet, table, place, column, header, where)
            if any(column.key == "pnl" for column in table.columns):
                _colour(book, sheet, table)
    return buffer.getvalue()


def _time_of(summary: Table) -> datetime:
    """The instant of the first document; of one that has none, the date of its model."""
    dates = [value for value in summary.rows[0] if isinstance(value, date)]
    instants = [value for value in dates if isinstance(value, datetime)]
    return instants[0] if instants else datetime.combine(dates[0], time(), UTC)


def _write_column(
    book: Workbook,
    sheet: Worksheet,
    table: Table,
    place: int,
    column: Column,
    header: Format,
    where: str,
) -> None:
    values = [row[place] for row in table.rows]
    shape = _format(book, num_format=_number_format(column, values))
    sheet.write_string(0, place, column.key, header)
    for row, value in enumerate(values, start=1):
        if _write(sheet, row, place, column, value, shape) != 0:
            raise UnwritableFile(
                f"row {row} of {table.name} is more than a sheet of Excel holds",
                where=where,
                remedy="Write .csv or .json, or fewer accounts at once.",
            )
    widths = [len(column.key), *(_width(column, value) for value in values)]
    sheet.set_column(place, place, min(_MOST_WIDTH, max(_LEAST_WIDTH, *widths) + 2))


def _write(
    sheet: Worksheet, row: int, place: int, column: Column, value: Value, shape: Format
) -> int:
    """Write one value by its kind; 0 if the sheet has taken it."""
    if value is None:
        return sheet.write_blank(row, place, None, shape)
    if column.kind == "text":
        return sheet.write_string(row, place, str(value), shape)
    if column.kind == "flag":
        return sheet.write_boolean(row, place, bool(value), shape)
    if column.kind in ("instant", "date"):
        return sheet.write_datetime(row, place, cast("datetime", value), shape)
    return sheet.write_number(row, place, float(cast("float", value)), shape)


def _number_format(column: Column, values: Sequence[Value]) -> str:
    if column.kind != "number":
        return _FORMATS.get(column.kind, "General")
    places = decimals(values)
    return f"#,##0.{'0' * places}" if places else "#,##0"


def _width(column: Column, value: Value) -> int:
    """About how many characters a value takes."""
    if column.kind == "instant":
        return len("2026-01-16 16:00:00")
    if isinstance(value, float):
        return len(f"{value:,.0f}") + 3
    return 0 if value is None else len(f"{value}") + 3 * (column.kind == "amount")


def _colour(book: Workbook, sheet: Worksheet, table: Table) -> None:
    """Profit and loss from red to green about zero, and the worst cell of each matrix in bold."""
    from xlsxwriter.utility import xl_col_to_name

    keys = [column.key for column in table.columns]
    pnl, worst, last = keys.index("pnl"), keys.index("worst"), max(1, len(table.rows))
    scale = {"min_color": _RED, "mid_color": _WHITE, "max_color": _GREEN}
    middle = {"type": "3_color_scale", "mid_type": "num", "mid_value": 0}
    sheet.conditional_format(1, pnl, last, pnl, middle | scale)
    marked = {"type": "formula", "criteria": f"=${xl_col_to_name(worst)}2"}
    sheet.conditional_format(1, 0, last, worst, marked | {"format": _format(book, bold=True)})


def _format(book: Workbook, **properties: object) -> Format:
    return book.add_format(properties)  # pyright: ignore[reportUnknownMemberType]
