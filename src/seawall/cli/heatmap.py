"""The risk matrix as a heat map: red loss, green gain, a star at the worst cell.

Colour only repeats what the number and the star already say, so that the map reads the same
without colour and in a pipe.
"""

from __future__ import annotations

from rich import box
from rich.table import Table
from rich.text import Text

from seawall.report.schema import RiskMatrix
from seawall.report.words import WORST_MARK, matrix_title, scale_of, shade, whole


def heat_map(matrix: RiskMatrix, currency: str) -> Table:
    """Net PnL of one underlying by price move (down the side) and volatility move (across)."""
    table = _table(matrix_title(matrix, currency))
    table.add_column("price", justify="right", no_wrap=True)
    scale = scale_of(matrix)
    width = max((len(whole(pnl)) for row in matrix.pnl for pnl in row), default=1)
    for vol_move in matrix.vol_moves:
        table.add_column(f"vol {vol_move} ", justify="right", no_wrap=True)
    for price_move, pnls in zip(matrix.price_moves_rel, matrix.pnl, strict=True):
        cells = [
            _cell(pnl, scale, width, is_worst=matrix.is_worst(price_move, vol_move))
            for vol_move, pnl in zip(matrix.vol_moves, pnls, strict=True)
        ]
        table.add_row(f"{price_move:+.1%} ", *cells)
    return table


def cell_tables(matrix: RiskMatrix) -> tuple[Table, ...]:
    """The tails, damped and undamped, and the skew and term cells at zero price move."""
    tables: list[Table] = []
    if matrix.tails:
        tails = _columns(
            f"{matrix.underlying} tails", "price ", " damping ", " damped  ", " undamped"
        )
        for cell in matrix.tails:
            tails.add_row(
                f"{cell.price_move_rel:+.0%} ",
                f"{cell.damping:.3f} ",
                f" {whole(cell.pnl)}{_mark(cell == matrix.worst)}",
                f" {whole(cell.undamped_pnl)}",
                style="bold" if cell == matrix.worst else "",
            )
        tables.append(tails)
    if matrix.surface_cells:
        surface = _columns(f"{matrix.underlying} surface", "vol  ", " PnL  ")
        for cell in matrix.surface_cells:
            surface.add_row(
                f"{cell.vol_move} ",
                f" {whole(cell.pnl)}{_mark(cell == matrix.worst)}",
                style="bold" if cell == matrix.worst else "",
            )
        tables.append(surface)
    return tuple(tables)


def _cell(pnl: float, scale: float, width: int, *, is_worst: bool) -> Text:
    style = f"bold #ffffff on {shade(pnl, scale)}" + (" underline" if is_worst else "")
    return Text(f" {whole(pnl):>{width}}{_mark(is_worst)}", style=style)


def _mark(is_worst: bool) -> str:
    return WORST_MARK if is_worst else " "


def _table(title: str) -> Table:
    return Table(
        title=title,
        title_justify="left",
        title_style="bold",
        header_style="dim",
        box=box.SIMPLE_HEAD,
        padding=0,
        pad_edge=False,
        show_edge=False,
    )


def _columns(title: str, *headers: str) -> Table:
    table = _table(title)
    for header in headers:
        table.add_column(header, justify="right", no_wrap=True)
    return table
