"""The risk matrix as a heat map: red loss, green gain, a star at the worst cell.

Colour only repeats what the number and the star already say, so that the map reads the same
without colour and in a pipe.
"""

from __future__ import annotations

from rich import box
from rich.table import Table
from rich.text import Text

from seawall.report.schema import Cell, RiskMatrix, WorstScenario

WORST_MARK = "*"

_GREY, _RED, _GREEN = (68, 68, 68), (178, 24, 43), (0, 104, 55)
_INSTANTS = {"now": "now", "horizon": "after the horizon", "post-expiry": "after expiry"}


def heat_map(matrix: RiskMatrix, currency: str) -> Table:
    """Net PnL of one underlying by price move (down the side) and volatility move (across)."""
    table = _table(
        f"{matrix.underlying} net PnL in {currency}, active: {matrix.direction}\n"
        f"worst loss {_whole(matrix.loss_up)} up, {_whole(matrix.loss_down)} down"
    )
    table.add_column("price", justify="right", no_wrap=True)
    scale = max((abs(pnl) for row in matrix.pnl for pnl in row), default=0.0)
    width = max((len(_whole(pnl)) for row in matrix.pnl for pnl in row), default=1)
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
                f" {_whole(cell.pnl)}{_mark(cell == matrix.worst)}",
                f" {_whole(cell.undamped_pnl)}",
                style="bold" if cell == matrix.worst else "",
            )
        tables.append(tails)
    if matrix.surface_cells:
        surface = _columns(f"{matrix.underlying} surface", "vol  ", " PnL  ")
        for cell in matrix.surface_cells:
            surface.add_row(
                f"{cell.vol_move} ",
                f" {_whole(cell.pnl)}{_mark(cell == matrix.worst)}",
                style="bold" if cell == matrix.worst else "",
            )
        tables.append(surface)
    return tuple(tables)


def worst_sentence(worst: WorstScenario, currency: str) -> str:
    """The worst scenario of the account in words."""
    what = worst.position or worst.underlying
    return f"Worst: {what} {cell_sentence(worst.cell, currency)}."


def cell_sentence(cell: Cell, currency: str) -> str:
    """A scenario and its PnL in words."""
    damped = "" if cell.damping == 1.0 else f", damped from {_whole(cell.undamped_pnl)}"
    return (
        f"{cell.price_move_rel:+.1%}, vol {cell.vol_move}, "
        f"{_INSTANTS.get(cell.instant, cell.instant)}: {_whole(cell.pnl)} {currency}{damped}"
    )


def _cell(pnl: float, scale: float, width: int, *, is_worst: bool) -> Text:
    style = f"bold #ffffff on {_colour(pnl, scale)}" + (" underline" if is_worst else "")
    return Text(f" {_whole(pnl):>{width}}{_mark(is_worst)}", style=style)


def _mark(is_worst: bool) -> str:
    return WORST_MARK if is_worst else " "


def _colour(pnl: float, scale: float) -> str:
    """From grey at zero to red at the largest loss and green at the largest gain shown."""
    share = min(1.0, abs(pnl) / scale) if scale > 0.0 else 0.0
    end = _RED if pnl < 0.0 else _GREEN
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(_GREY, end, strict=True))
    return f"rgb({red},{green},{blue})"


def _whole(pnl: float) -> str:
    return f"{round(pnl):,}"


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
