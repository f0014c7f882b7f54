"""Where tables are printed: widths, and numbers that are never cut off."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console, RenderableType
from rich.measure import Measurement
from rich.table import Table

# Pipes and files have no width of their own; with this one output is the same everywhere.
PIPE_WIDTH = 120
NARROW = 100
_UNBOUNDED = 10_000
_GAP = 4


class Terminal(Console):
    """Standard output for people: plain when piped or when NO_COLOR is set."""

    def __init__(self) -> None:
        width = None if sys.stdout.isatty() else PIPE_WIDTH
        super().__init__(width=width, highlight=False, markup=False, emoji=False)

    @property
    def is_narrow(self) -> bool:
        """Whether long names should give way to numbers."""
        return self.width < NARROW

    def show(self, *tables: Table) -> None:
        """Print tables side by side where they fit, else below each other, each in full.

        Only columns that may wrap give way where a table is wider than the terminal. The others
        are not squeezed, even if it is still wider then: their numbers would lose digits.
        """
        widths = [self._natural_width(table) for table in tables]
        if sum(widths) + _GAP * (len(tables) - 1) <= self.width:
            row = Table.grid(padding=(0, _GAP, 0, 0))
            row.add_row(*tables)
            self.print(row)
        else:
            for place, table in enumerate(tables):
                if place:
                    self.print()
                self._print_in_full(table)

    def separate(self, place: int) -> None:
        """Print a rule before every account but the first (``place`` 0)."""
        if place:
            self.print()
            self.rule(characters="=", style="dim")
            self.print()

    def lines(self, lines: Sequence[str], style: str = "") -> None:
        """Print lines as they are, without wrapping, so that they can be copied."""
        for line in lines:
            self.print(line, style=style, soft_wrap=True)

    def _measure(self, shown: RenderableType) -> Measurement:
        return Measurement.get(self, self.options.update(width=_UNBOUNDED), shown)

    def _natural_width(self, table: Table) -> int:
        return self._measure(table).maximum

    def _least_width(self, table: Table) -> int:
        """Width with every column that may wrap as narrow as its longest word."""
        width = self._natural_width(table)
        for column in table.columns:
            if not column.no_wrap:
                cells = [self._measure(cell) for cell in (column.header, *column.cells)]
                width -= max(c.maximum for c in cells) - max(c.minimum for c in cells)
        return width

    def _print_in_full(self, table: Table) -> None:
        usual = self.width
        self.width = max(usual, self._least_width(table))
        try:
            self.print(table)
        finally:
            self.width = usual
