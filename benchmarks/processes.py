"""Whole processes as a user waits for them: interpreter, imports, files, answer."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from seawall.feeds.synthetic import synthetic_market, synthetic_quotes
from seawall.feeds.writers import write_market_csv

LEGS = 50


def commands(folder: Path) -> dict[str, Callable[[], object]]:
    """`seawall margin` first, then what any Python process costs."""
    seawall = str(Path(sys.executable).with_name("seawall"))
    chains = [folder / f"{i}.csv" for i, _ in enumerate(synthetic_quotes())]
    for quotes, path in zip(synthetic_quotes(), chains, strict=True):
        write_market_csv(quotes, path)
    book = folder / "book.csv"
    book.write_text(_book())
    markets = [word for path in chains for word in ("--market", str(path))]
    return {
        "seawall margin --json": lambda: _run(seawall, "margin", str(book), *markets, "--json"),
        "seawall margin": lambda: _run(seawall, "margin", str(book), *markets),
        "seawall --version": lambda: _run(seawall, "--version"),
        "python -c pass": lambda: _run(sys.executable, "-c", "pass"),
    }


def options() -> int:
    """How many options the chain lists."""
    return len(synthetic_market().option_rows)


def _book() -> str:
    """Every so many listed options, long and short in turn, and cash."""
    names = sorted(synthetic_market().option_rows)
    legs = names[:: len(names) // (LEGS - 1)][: LEGS - 1]
    rows = [f"main,{name},{1 if i % 2 else -1}" for i, name in enumerate(legs)]
    return "\n".join(["account,instrument,quantity", "main,USDC,5000000", *rows, ""])


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
