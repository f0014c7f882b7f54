"""The demonstration: a made-up market maker's book under four models, explained."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from shlex import quote

from seawall.basics.errors import UnwritableFile
from seawall.cli.tables import plain_table, show_comparison, show_report
from seawall.cli.terminal import Terminal
from seawall.feeds.synthetic import (
    DEFAULT_SEED,
    STABLE_USD,
    synthetic_history,
    synthetic_market,
    synthetic_quotes,
)
from seawall.feeds.synthetic_book import synthetic_portfolio
from seawall.feeds.writers import write_book_csv, write_history_csv, write_market_csv
from seawall.market.snapshot import MarketSnapshot
from seawall.products.instruments import Asset, Option
from seawall.products.portfolio import Portfolio
from seawall.report.comparison import Comparison, compare

MODELS = ("isolated", "cross", "risk-based-collateral", "prbm")
SUGGESTED_FOLDER = "demo"
FILES = ("book.csv", "chain.csv", "futures.csv", "history.csv")


def run_demo(seed: int | None, save: str | None) -> None:
    """Print the demonstration; with ``save`` also write its files into that folder.

    Raises UnwritableFile if they cannot be written.
    """
    seed = DEFAULT_SEED if seed is None else seed
    market, portfolio = synthetic_market(seed), synthetic_portfolio(seed)
    comparison = compare(portfolio, market, MODELS)
    if save is not None:
        _save(seed, portfolio, Path(save))
    terminal = Terminal()
    _show_label(seed, market, terminal)
    _heading("1. The book", terminal)
    _show_book(portfolio, terminal)
    _heading("2. What it must hold under four models", terminal)
    show_comparison(comparison, terminal, with_warnings=False)
    terminal.print(_saving(comparison), style="bold")
    _heading(f"3. Why: the {comparison.reports[-1].model.name} report", terminal)
    show_report(comparison.reports[-1], terminal)
    _heading("4. Next", terminal)
    _show_next(seed, save, terminal)


def _show_label(seed: int, market: MarketSnapshot, terminal: Terminal) -> None:
    terminal.print(
        "SYNTHETIC DATA: market and book are made up; no price is a venue's.", style="bold"
    )
    index = ", ".join(f"{coin} at {usd:,.2f} USD" for coin, usd in market.index_usd.items())
    terminal.print(
        f"seed {seed}, {market.as_of:%Y-%m-%d %H:%M} UTC: {index}; {len(market.option_rows):,} "
        f"options in {len(market.slices)} expiries, {len(market.futures)} futures and perpetuals"
    )


def _show_book(portfolio: Portfolio, terminal: Terminal) -> None:
    counts: Counter[tuple[str, str]] = Counter()
    collateral: list[str] = []
    for position in portfolio.positions:
        instrument = position.instrument
        if isinstance(instrument, Asset):
            collateral.append(f"{position.quantity:,} {instrument.name}")
            continue
        side = "long" if position.quantity > 0 else "short"
        kind = "options" if isinstance(instrument, Option) else "futures"
        counts[instrument.underlying, f"{side} {kind}"] += 1
    columns = ("long options", "short options", "long futures", "short futures")
    table = plain_table(None, "legs", *columns)
    for underlying in sorted({name for name, _ in counts}):
        table.add_row(underlying, *(str(counts[underlying, column]) for column in columns))
    terminal.show(table)
    terminal.print(
        f"{counts.total()} legs (futures include perpetuals), hedged to a small delta; "
        f"collateral {', '.join(collateral)}"
    )


def _saving(comparison: Comparison) -> str:
    first, last = comparison.rows[0], comparison.rows[-1]
    saving = "" if last.saving is None else f", {last.saving:.0%} less"
    return (
        f"{last.model} uses {math.ceil(last.capital_used):,} {comparison.currency} of capital "
        f"where {first.model} uses {math.ceil(first.capital_used):,}{saving}."
    )


def _save(seed: int, portfolio: Portfolio, folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnwritableFile(
            f"the folder cannot be made: {error.strerror}",
            where=str(folder),
            remedy="Choose another with --save.",
        ) from error
    book, *market, history = (folder / name for name in FILES)
    write_book_csv(portfolio, book)
    for quotes, path in zip(synthetic_quotes(seed), market, strict=True):
        write_market_csv(quotes, path)
    write_history_csv(synthetic_history(seed), history)


def _show_next(seed: int, save: str | None, terminal: Terminal) -> None:
    folder = Path(save or SUGGESTED_FOLDER)
    if save is None:
        again = "" if seed == DEFAULT_SEED else f" --seed {seed}"
        terminal.print("Write this market and book to files, then work on them:")
        terminal.lines((f"  seawall demo{again} --save {folder}",))
    else:
        saved = f"{', '.join(FILES[1:])} and {FILES[0]}"
        terminal.print(f"Saved {saved} in {folder}. Work on them:")
    book, *told = (quote(str(folder / name)) for name in FILES)
    prices = " ".join(f"--price {coin}={usd}" for coin, usd in STABLE_USD.items())
    market = f"    {' '.join(f'--market {file}' for file in told)} \\"
    terminal.lines(
        (
            f"  seawall margin {book} \\",
            market,
            f"    {prices}",
            f"  seawall compare {book} \\",
            market,
            f"    {prices} \\",
            f"    --models {','.join(MODELS)}",
            "  seawall models prbm",
        )
    )


def _heading(text: str, terminal: Terminal) -> None:
    terminal.print()
    terminal.rule(text, align="left", characters="-", style="dim")
