"""Quote tables with other numbers in them, and what a snapshot made of them."""

from __future__ import annotations

from dataclasses import replace

from seawall.market.quotes import OptionQuotes


def changed(table: OptionQuotes, row: int | slice, **values: float) -> OptionQuotes:
    """The same quotes with other numbers in a row."""
    columns = {name: getattr(table, name).copy() for name in values}
    for name, value in values.items():
        columns[name][row] = value
    return replace(table, **columns)


def name(strike: float, right: str) -> str:
    return f"BTC-27MAR26-{strike:.0f}-{right}"


def vols(market) -> dict[str, float]:
    return {n: float(market.slices[key].vol[row]) for n, (key, row) in market.option_rows.items()}
