"""Whole processes as a user waits for them: interpreter, imports, files, answer."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from benchmarks.environments import ROOT
from benchmarks.frame import Effort, Floats, Job, Ours, measure
from benchmarks.record import Section
from seawall.feeds.market import read_market
from seawall.feeds.synthetic import synthetic_market, synthetic_quotes
from seawall.feeds.writers import write_market_csv
from seawall.market.snapshot import MarketSnapshot

KEY, RECORDED_KEY = "processes", "processes, recorded chain"
MARGIN, IMPORT, NOTHING = "seawall margin --json", "import seawall", "python -c pass"
LEGS = 50
SHARED = Path(os.environ.get("SEAWALL_SHARED", ROOT / "shared"))
RECORDED = (
    SHARED / "data/options/deribit_chain_intraday_2026-02-03_2026-02-07_BTC_ETH.parquet",
    "2026-02-05T16:00",
)
NO_ANSWER: Floats = np.empty(0)

Commands = Mapping[str, tuple[str, ...]]


def sections(effort: Effort) -> list[Section]:
    """Seconds of processes on the synthetic chain and, where it lies there, on a recorded one."""
    with tempfile.TemporaryDirectory() as folder:
        title, commands = synthetic(Path(folder))
        made = [_measured(KEY, title, commands, effort)]
        if RECORDED[0].is_file():
            title, commands = recorded(Path(folder))
            made.append(_measured(RECORDED_KEY, title, commands, effort))
    return made


def synthetic(folder: Path) -> tuple[str, Commands]:
    """`seawall margin` on the synthetic chain as CSV, then what any Python process costs."""
    chains = [folder / f"{i}.csv" for i, _ in enumerate(synthetic_quotes())]
    for quotes, path in zip(synthetic_quotes(), chains, strict=True):
        write_market_csv(quotes, path)
    markets = [word for path in chains for word in ("--market", str(path))]
    market = synthetic_market()
    book = _book(market, folder / "synthetic.csv")
    return f"synthetic chain of {len(market.option_rows)}, CSV", {
        MARGIN: (*_seawall(), "margin", book, *markets, "--json"),
        "seawall margin": (*_seawall(), "margin", book, *markets),
        "seawall --version": (*_seawall(), "--version"),
        IMPORT: (sys.executable, "-c", "import seawall"),
        NOTHING: (sys.executable, "-c", "pass"),
    }


def recorded(folder: Path) -> tuple[str, Commands]:
    """`seawall margin` on a recorded chain out of a file of many snapshots."""
    path, at = RECORDED
    market = read_market(path, at=at)
    book = _book(market, folder / "recorded.csv")
    words = ("margin", book, "--market", str(path), "--at", at)
    return f"recorded chain of {len(market.option_rows)}, one of 20 snapshots in parquet", {
        MARGIN: (*_seawall(), *words, "--json"),
        "seawall margin": (*_seawall(), *words),
    }


def _measured(key: str, title: str, commands: Commands, effort: Effort) -> Section:
    job = Job(
        key=key,
        title=f"whole process, warm, book of {LEGS} legs, {title}",
        unit="s",
        scale=1.0,
        tolerance=0.0,
    )
    return measure(job, [Ours(name, _run(words)) for name, words in commands.items()], {}, effort)


def _seawall() -> tuple[str, ...]:
    """The command as it is installed beside this interpreter."""
    return (str(Path(sys.executable).with_name("seawall")),)


def _book(market: MarketSnapshot, path: Path) -> str:
    """A file with every so many listed options, long and short in turn, and cash."""
    names = sorted(market.option_rows)
    legs = names[:: len(names) // (LEGS - 1)][: LEGS - 1]
    rows = [f"main,{name},{1 if i % 2 else -1}" for i, name in enumerate(legs)]
    path.write_text("\n".join(["account,instrument,quantity", "main,USDC,5000000", *rows, ""]))
    return str(path)


def _run(words: tuple[str, ...]) -> Callable[[], Floats]:
    def run() -> Floats:
        subprocess.run(words, check=True, capture_output=True)
        return NO_ANSWER

    return run
