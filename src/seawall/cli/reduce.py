"""``seawall reduce``: trades that lower initial margin most for what they cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from seawall.cli.inputs import inputs, model_of
from seawall.cli.options import (
    DEFAULT_MODEL,
    At,
    Book,
    Json,
    Market,
    Model,
    Out,
    Overwrite,
    Price,
)
from seawall.cli.output import output

if TYPE_CHECKING:
    from rich.table import Table

    from seawall.cli.terminal import Terminal
    from seawall.report.reduction import Reduction


def reduce(
    book: Book,
    market: Market,
    at: At = None,
    model: Model = DEFAULT_MODEL,
    max_cost: Annotated[
        float | None, typer.Option("--max-cost", metavar="USD", help="Cost of all trades at most.")
    ] = None,
    max_trades: Annotated[
        int, typer.Option("--max-trades", metavar="N", help="Contracts traded at most.")
    ] = 5,
    min_saving: Annotated[
        float,
        typer.Option("--min-saving", metavar="USD", help="What a USD of cost must save at least."),
    ] = 1.0,
    fee: Annotated[
        float,
        typer.Option("--fee", metavar="SHARE", help="Fee as a share of the notional traded."),
    ] = 0.0003,
    lot: Annotated[
        list[str] | None,
        typer.Option(
            "--lot",
            metavar="NAME=UNITS",
            help="Units of the underlying in a lot, of a contract or an underlying.",
        ),
    ] = None,
    price: Price = None,
    as_json: Json = False,
    out: Out = None,
    overwrite: Overwrite = False,
) -> None:
    """Trades that lower initial margin most for what they cost, confirmed in full.

    \b
    Examples:
      seawall reduce book.csv --market chain.csv
      seawall reduce book.csv -m chain.csv --model cross --max-cost 500 \\
        --max-trades 2
      seawall reduce book.csv -m chain.csv --min-saving 20 --fee 0.0005 \\
        --lot BTC=0.1
    """
    from seawall.margin.reduction.candidates import TradingCosts
    from seawall.report.reduction import reduce_margin

    chosen, sizes, costs = model_of(model), _lots(lot or []), TradingCosts(fee_rel=fee)
    accounts, snapshot = inputs(book, market, at, price)
    found = [
        reduce_margin(
            account,
            snapshot,
            chosen,
            max_cost=max_cost,
            max_trades=max_trades,
            min_saving_per_cost=min_saving,
            costs=costs,
            lots=sizes,
        )
        for account in accounts
    ]
    output(found, show_reduction, as_json, out, overwrite)


def _lots(given: list[str]) -> dict[str, str]:
    """Lots by name from texts such as ``BTC=0.1``. Raises BadParameter for another form."""
    from seawall.basics.errors import BadParameter

    found: dict[str, str] = {}
    for text in given:
        name, equals, units = (part.strip() for part in text.partition("="))
        if not (name and equals and units):
            raise BadParameter(
                f"{text!r} is not a lot",
                where="--lot",
                remedy="Write NAME=UNITS, for example --lot BTC=0.1.",
            )
        found[name] = units
    return found


def show_reduction(found: Reduction, terminal: Terminal) -> None:
    """Print what to trade, what it costs, and the margin before and after."""
    from rich.text import Text

    from seawall.cli.explanations import show_heading
    from seawall.cli.tables import show_warnings
    from seawall.report.words import cents

    show_heading(found, terminal)
    if found.trades:
        terminal.show(_trades(found))
        terminal.print("each trade: all of them against all the others.", style="dim")
        terminal.print()
        terminal.show(_totals(found))
        ratio = found.saving_per_cost
        each = "" if ratio is None else f", {ratio:,.2f} per {found.currency} of cost"
        terminal.print(Text(f"saves {cents(found.saving)} for {cents(found.cost)}{each}"))
        if found.premium:
            terminal.print(Text(f"premium {_premium_text(found)}"))
    elif found.tried:
        terminal.print(
            f"none of the {found.tried:,d} trades tried lowers initial margin by more than it costs"
        )
    else:
        terminal.print("no trade worth trying is within these limits")
    show_warnings(found.warnings, terminal)


def _premium_text(found: Reduction) -> str:
    """What all trades pay in premium, or receive."""
    from seawall.report.words import cents

    return f"{cents(abs(found.premium))} {'received' if found.premium < 0 else 'paid'}"


def _trades(found: Reduction) -> Table:
    from seawall.cli.tables import plain_table
    from seawall.report.words import cents, signed

    headers = ("quantity", "lots", "expiry", "price", "premium", "cost", "initial", "maintenance")
    table = plain_table("Trades", "trade", *headers)
    for trade in found.trades:
        table.add_row(
            trade.instrument,
            f"{trade.quantity:+,f}",
            f"{trade.lots:+,d}",
            f"{trade.expiry:%Y-%m-%d}" if trade.expiry else "",
            f"{float(trade.price):,.10g}",
            signed(trade.premium),
            cents(trade.cost),
            signed(trade.initial),
            signed(trade.maintenance),
        )
    return table


def _totals(found: Reduction) -> Table:
    from seawall.cli.tables import before_and_after

    keys = ("initial", "maintenance", "margin_value", "excess_initial")
    return before_and_after(found.before, found.after, *keys)
