"""``seawall span-file`` and ``seawall span-generate``: files of clearing houses."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from seawall.cli.options import Json, Out, Overwrite
from seawall.cli.output import output

if TYPE_CHECKING:
    from seawall.cli.terminal import Terminal
    from seawall.report.span import SpanMargin


def span_file(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="Risk parameters of a day: .pa2 or .spn, or .gz.")
    ],
    book: Annotated[
        str,
        typer.Option("--book", metavar="BOOK", help="CSV of product,expiry,strike,right,quantity."),
    ],
    policy: Annotated[
        Literal["cme", "kdpw", "jscc", "nse"],
        typer.Option("--policy", metavar="NAME", help="Whose way: cme, kdpw, jscc or nse."),
    ] = "cme",
    account_class: Annotated[
        Literal["member", "hedger", "speculator"],
        typer.Option(
            "--account-class", metavar="NAME", help="Whose ratios: member, hedger or speculator."
        ),
    ] = "speculator",
    as_json: Json = False,
    out: Out = None,
    overwrite: Overwrite = False,
) -> None:
    """Margin of a book by a clearing house's own SPAN file, step by step.

    \b
    Examples:
      seawall span-file day.pa2 --book contracts.csv
      seawall span-file day.spn --book contracts.csv \\
        --policy kdpw --account-class member
      seawall span-file day.spn --book contracts.csv --json
    """
    from seawall.feeds.span_books import span_file_margins
    from seawall.feeds.span_market import policy_named

    output(
        span_file_margins(file, book, policy_named(policy), account_class),
        _show,
        as_json,
        out,
        overwrite,
    )


def _written(context: typer.Context, out: str) -> str:
    """The file to write, refused before anything is computed if it cannot be."""
    if not context.resilient_parsing:
        from seawall.feeds.span_writing import writable_span

        writable_span(out, overwrite=bool(context.params.get("overwrite")))
    return out


def span_generate(
    market: Annotated[str, typer.Argument(metavar="MARKET", help="A described market, TOML.")],
    out: Annotated[
        str,
        typer.Option(
            "--out", metavar="FILE", callback=_written, help="Write a .pa2 or a .spn file."
        ),
    ],
    overwrite: Overwrite = False,
) -> None:
    """Write the SPAN file of a described market, arrays made from prices and volatilities.

    \b
    Examples:
      seawall span-generate house.toml --out new.pa2
      seawall span-generate house.toml --out new.spn --overwrite
    """
    from seawall.feeds.span_market import generated, read_span_market
    from seawall.feeds.span_writing import write_span

    written = write_span(generated(read_span_market(market)), out, overwrite=overwrite)
    sys.stdout.write(f"{written}\n")


def _show(margin: SpanMargin, terminal: Terminal) -> None:
    from seawall.cli.tables import plain_table, show_warnings

    terminal.print(
        f"{margin.account}  {margin.clearing_house} {margin.business_date}, way of "
        f"{margin.policy}, {margin.account_class}"
    )
    terminal.print()
    table = plain_table("commodities", "", "scan", "scenario", "intra", "spot", "credit",
                        "minimum", "option value", "available", "risk")  # fmt: skip
    for own in margin.commodities:
        active = [str(s.active_scenario) for s in margin.scans if s.commodity == own.commodity]
        money = (own.intra_charge, own.spot_charge, own.credit, own.option_minimum,
                 own.option_value, own.available_option_value, own.risk)  # fmt: skip
        cells = [f"{each:,.2f}" for each in money]
        table.add_row(own.commodity, f"{own.scan_risk:,.2f}", ", ".join(active), *cells)
    terminal.show(table)
    if margin.spreads:
        terminal.print()
        spreads = plain_table("spreads", "step", "priority", "of", "place", "delta", "charge",
                              "credit")  # fmt: skip
        for leg in margin.spreads:
            money = (leg.delta, leg.charge, leg.credit)
            cells = [f"{each:,.4f}" if n == 0 else f"{each:,.2f}" for n, each in enumerate(money)]
            spreads.add_row(leg.step, str(leg.priority), leg.commodity, leg.place, *cells)
        terminal.show(spreads)
    for total in margin.totals:
        terminal.print()
        rows = plain_table(f"{total.level}, {total.currency}", "", "of", "amount")
        for row in margin.rows:
            if (row.currency, row.level) == (total.currency, total.level):
                rows.add_row(row.step, row.of, f"{row.amount:,.2f}")
        rows.add_row("requirement", total.currency, f"{total.requirement:,.2f}")
        if total.excess:
            rows.add_row("excess", total.currency, f"{total.excess:,.2f}")
        terminal.show(rows)
    show_warnings(tuple(f"left out: {each}" for each in margin.left_out), terminal)
