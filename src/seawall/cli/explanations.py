"""Contributions, liquidation prices and what-ifs as terminal tables; every number is a report's."""

from __future__ import annotations

import math
from decimal import Decimal

from rich.table import Table
from rich.text import Text

from seawall.cli.tables import STATE_STYLES, before_and_after, plain_table, show_warnings
from seawall.cli.terminal import Terminal
from seawall.products.markets import level_of
from seawall.report.explanation import Explanation, LiquidationRow
from seawall.report.reduction import Reduction
from seawall.report.what_if import WhatIf
from seawall.report.words import cents, instant_text, signed, whole_up

# A liquidation price is found to within a millionth of its level.
SEARCH_DIGITS = 6


def show_explanation(explained: Explanation, terminal: Terminal) -> None:
    """Print where one account is liquidated and what each of its legs brings."""
    show_heading(explained, terminal)
    if explained.liquidation_prices:
        terminal.show(_liquidation(explained))
        terminal.print()
    if explained.legs:
        terminal.show(_legs(explained, narrow=terminal.is_narrow))
        terminal.print(
            "marginal: what removing the leg would save. share: leg times slope; shares add up.",
            style="dim",
        )
    else:
        terminal.print("Nothing held is moved by scenarios: there is no leg and no requirement.")
    show_warnings(explained.warnings, terminal)


def show_what_if(answer: WhatIf, terminal: Terminal) -> None:
    """Print what trades would change, each of them, and under other models."""
    show_heading(answer, terminal)
    terminal.show(_totals(answer))
    terminal.print(
        Text.assemble("state ", _state(answer.before.state), " to ", _state(answer.after.state))
    )
    terminal.print()
    terminal.show(_trades(answer))
    terminal.print("each trade: all of them against all the others.", style="dim")
    if len(answer.by_model) > 1:
        terminal.print()
        terminal.show(_by_model(answer))
        terminal.print()
        terminal.show(_legs_by_model(answer))
        terminal.print("as above: what the trade adds to all the others.", style="dim")
    show_warnings(answer.warnings, terminal)


def show_heading(answer: Explanation | WhatIf | Reduction, terminal: Terminal) -> None:
    """Print whose margin it is, under which model, in which market."""
    terminal.print(
        Text.assemble(
            (answer.account, "bold"),
            f"  {answer.model.name}  market {instant_text(answer.as_of)}  {answer.currency}",
        )
    )
    terminal.print()


def _state(state: str) -> tuple[str, str]:
    return state, STATE_STYLES[state]


def _liquidation(explained: Explanation) -> Table:
    headers = ("down to", "move", "up to", "move")
    table = plain_table("Liquidation price, all else equal", "index", *headers)
    rows = {(row.underlying, row.direction): row for row in explained.liquidation_prices}
    for underlying in dict.fromkeys(row.underlying for row in explained.liquidation_prices):
        down, up = rows[underlying, "down"], rows[underlying, "up"]
        table.add_row(underlying, *_reached(down, -1.0), *_reached(up, 1.0))
    return table


def _reached(row: LiquidationRow, sign: float) -> tuple[str, str]:
    """A liquidation price and the move to it."""
    if row.price is None or row.distance_rel is None:
        return "none", ""
    move = f"{sign * row.distance_rel:+.1%}" if row.distance_rel else "0.0%"
    return price_text(row.price, level_of(row.underlying, row.price)), move


def price_text(price: float, level: float) -> str:
    """A price in as many digits as its search is exact to, and never finer than cents from 1 on.

    The search is exact to a share of the ``level``, which for most underlyings is the price.
    """
    size = float(f"{level:.{SEARCH_DIGITS}g}")
    finer = SEARCH_DIGITS - 1 - math.floor(math.log10(size))
    return f"{round(price, finer):z,.{max(0, min(2, finer) if size >= 1.0 else finer)}f}"


def _legs(explained: Explanation, *, narrow: bool) -> Table:
    # Below 100 columns cents make room, rounded against the account as everywhere.
    amount = whole_up if narrow else cents
    headers = ("marginal IM", "marginal MM", "share of IM", "share of MM")
    folded = [" ".join(h.split()[:-1]) + "\n" + h.split()[-1] if narrow else h for h in headers]
    table = plain_table("Legs", "leg", "quantity", *folded)
    for leg in explained.legs:
        amounts = (
            leg.marginal_initial,
            leg.marginal_maintenance,
            leg.euler_initial,
            leg.euler_maintenance,
        )
        cells = (amount(Decimal(value)) for value in amounts)
        table.add_row(leg.instrument, f"{leg.quantity:,f}", *cells)
    for row in explained.unallotted:
        left = (amount(Decimal(value)) for value in (row.initial, row.maintenance))
        table.add_row(row.path, "", "", "", *left)
    table.add_section()
    totals = (amount(explained.initial), amount(explained.maintenance))
    table.add_row("total", "", "", "", *totals, style="bold")
    return table


def _totals(answer: WhatIf) -> Table:
    keys = ("initial", "maintenance", "margin_value", "excess_initial", "excess_maintenance")
    return before_and_after(answer.before, answer.after, *keys)


def _trades(answer: WhatIf) -> Table:
    table = plain_table("Trades", "trade", "quantity", "price", "initial", "maintenance")
    for leg in answer.legs:
        table.add_row(
            leg.instrument,
            f"{leg.quantity:+,f}",
            f"{float(leg.price):,.10g}",
            signed(leg.initial),
            signed(leg.maintenance),
        )
    return table


def _by_model(answer: WhatIf) -> Table:
    headers = ("initial", "maintenance", "excess initial", "state")
    table = plain_table("By model", "model", "", *headers, left=2)
    for row in answer.by_model:
        table.add_row(
            row.model,
            "before",
            cents(row.initial_before),
            cents(row.maintenance_before),
            cents(row.excess_initial_before),
            Text(*_state(row.state_before)),
        )
        table.add_row(
            "",
            "after",
            cents(row.initial_after),
            cents(row.maintenance_after),
            cents(row.excess_initial_after),
            Text(*_state(row.state_after)),
        )
    return table


def _legs_by_model(answer: WhatIf) -> Table:
    """Initial and maintenance margin that each trade adds, the models side by side."""
    models = [row.model for row in answer.by_model]
    headers = [f"{model} {level}" for model in models for level in ("IM", "MM")]
    table = plain_table("Trades by model", "trade", *headers)
    rows = [[leg for leg in answer.legs_by_model if leg.model == model] for model in models]
    for place, leg in enumerate(answer.legs):
        own = [of[place] for of in rows]
        each = (signed(amount) for of in own for amount in (of.initial, of.maintenance))
        table.add_row(leg.instrument, *each)
    return table
