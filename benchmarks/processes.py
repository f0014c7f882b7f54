"""Whole processes as a user waits for them: interpreter, imports, files, answer."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from seawall.feeds.market import read_market
from seawall.feeds.synthetic import synthetic_market, synthetic_quotes
from seawall.feeds.writers import write_market_csv
from seawall.market.snapshot import MarketSnapshot

LEGS = 50
SHARED = Path(os.environ.get("SEAWALL_SHARED", Path(__file__).parents[2] / "shared"))
RECORDED = (
    SHARED / "data/options/deribit_chain_intraday_2026-02-03_2026-02-07_BTC_ETH.parquet",
    "2026-02-05T16:00",
)


def synthetic(folder: Path) -> tuple[str, dict[str, Callable[[], object]]]:
    """`seawall margin` on the synthetic chain as CSV, then what any Python process costs."""
    seawall = str(Path(sys.executable).with_name("seawall"))
    chains = [folder / f"{i}.csv" for i, _ in enumerate(synthetic_quotes())]
    for quotes, path in zip(synthetic_quotes(), chains, strict=True):
        write_market_csv(quotes, path)
    markets = [word for path in chains for word in ("--market", str(path))]
    market = synthetic_market()
    book = _book(market, folder / "synthetic.csv")
    return f"synthetic chain of {len(market.option_rows)}, CSV", {
        "seawall margin --json": lambda: _run(seawall, "margin", book, *markets, "--json"),
        "seawall margin": lambda: _run(seawall, "margin", book, *markets),
        "seawall --version": lambda: _run(seawall, "--version"),
        "python -c pass": lambda: _run(sys.executable, "-c", "pass"),
    }


def recorded(folder: Path) -> tuple[str, dict[str, Callable[[], object]]] | None:
    """`seawall margin` on a recorded chain out of a file of many snapshots; None without it."""
    path, at = RECORDED
    if not path.is_file():
        return None
    seawall = str(Path(sys.executable).with_name("seawall"))
    market = read_market(path, at=at)
    book = _book(market, folder / "recorded.csv")
    words = ("margin", book, "--market", str(path), "--at", at)
    return f"recorded chain of {len(market.option_rows)}, one of 20 snapshots in parquet", {
        "seawall margin --json": lambda: _run(seawall, *words, "--json"),
        "seawall margin": lambda: _run(seawall, *words),
    }


def _book(market: MarketSnapshot, path: Path) -> str:
    """A file with every so many listed options, long and short in turn, and cash."""
    names = sorted(market.option_rows)
    legs = names[:: len(names) // (LEGS - 1)][: LEGS - 1]
    rows = [f"main,{name},{1 if i % 2 else -1}" for i, name in enumerate(legs)]
    path.write_text("\n".join(["account,instrument,quantity", "main,USDC,5000000", *rows, ""]))
    return str(path)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
