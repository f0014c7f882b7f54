"""Reports on volatility surfaces as terminal tables. Every number comes from the report."""

from __future__ import annotations

from rich.text import Text

from seawall.cli.tables import plain_table, show_warnings
from seawall.cli.terminal import Terminal
from seawall.market.surface import SliceReport
from seawall.report.surface import SurfaceReport
from seawall.report.words import instant_text


def show_surface(report: SurfaceReport, terminal: Terminal) -> None:
    """Print how each expiry's slice follows its strikes, and how old its oldest quote is."""
    terminal.print(
        Text.assemble(
            (report.underlying, "bold"),
            f"  options settled in {report.settlement}  market {instant_text(report.as_of)}",
        )
    )
    terminal.print()
    headers = ("forward", "ATM vol", "strikes", "fit", "rms", "max", "arbitrage", "oldest")
    table = plain_table(None, "expiry", *headers)
    table.columns[headers.index("fit") + 1].no_wrap = False  # words: they may go on below
    for row in report.expiries:
        table.add_row(*_cells(row))
    terminal.show(table)
    terminal.print(
        "rms, max: fitted less listed volatility, in vol points. arbitrage: intervals of butterfly "
        "and of calendar arbitrage. oldest: age of the oldest quote.",
        style="dim",
    )
    show_warnings(report.warnings, terminal)


def _cells(row: SliceReport) -> tuple[str, ...]:
    def points(error: float | None) -> str:
        return "-" if error is None else f"{error:.2f}"

    return (
        f"{row.expiry:%Y-%m-%d}",
        f"{row.forward:,.7g}",
        f"{row.atm_vol:.1%}",
        f"{row.strikes}",
        row.status.value,
        points(row.rms_error_vol_points),
        points(row.max_error_vol_points),
        f"{len(row.butterfly)}, {len(row.calendar)}",
        "unknown" if row.age_s is None else f"{row.age_s:.0f} s",
    )
