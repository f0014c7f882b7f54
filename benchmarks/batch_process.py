"""One batch in a process of its own: ``python -m benchmarks.batch_process --accounts N …``.

Makes a table of positions, warms up on a small one, margins it up to REPEATS times as long as they
take less than ENOUGH_SECONDS, and prints one line of JSON: ``seconds`` of each, and ``peak_bytes``,
by how much the process was larger at most than with the table alone.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import time
from pathlib import Path

import numpy as np
import polars as pl

import seawall as sw
from benchmarks.sections.accounts import POSITIONS

REPEATS, ENOUGH_SECONDS, WARM_UP_ACCOUNTS = 5, 12.0, 2_000


def main() -> None:
    """Measure what is asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, required=True)
    parser.add_argument("--model", default="prbm")
    parser.add_argument("--engine", default="local")
    parser.add_argument("--workers", type=int)
    asked = parser.parse_args()
    market = sw.synthetic_market()

    def run(table: pl.DataFrame) -> float:
        start = time.perf_counter()
        sw.margin_accounts(table, market, asked.model, engine=asked.engine, workers=asked.workers)
        return time.perf_counter() - start

    run(positions(market, WARM_UP_ACCOUNTS))
    table = positions(market, asked.accounts)
    before = _resident()
    seconds = [run(table)]
    while len(seconds) < REPEATS and sum(seconds) < ENOUGH_SECONDS:
        seconds.append(run(table))
    print(json.dumps({"seconds": seconds, "peak_bytes": _peak() - before}))


def positions(market: sw.MarketSnapshot, accounts: int, seed: int = 11) -> pl.DataFrame:
    """For each account cash and options of both coins; columns account, instrument, quantity."""
    rng = np.random.default_rng(seed)
    names = pl.Series(sorted(market.option_rows))
    listed, legs = len(names), POSITIONS - 1
    # Odd steps below this meet no name twice: legs times the step stays within the list.
    step = rng.integers(1, listed // legs, accounts)
    first = rng.integers(0, listed, accounts)
    chosen = (first[:, None] + step[:, None] * np.arange(legs)) % listed
    held = names.gather(pl.Series(chosen.ravel()))
    account = pl.select(pl.format("A{}", pl.int_range(accounts).cast(pl.String).str.zfill(8)))
    owner = account.to_series().alias("account")
    options = pl.DataFrame(
        {
            "account": owner.gather(pl.Series(np.repeat(np.arange(accounts), legs))),
            "instrument": held,
            "quantity": rng.integers(1, 20, chosen.size) * rng.choice([-1.0, 1.0], chosen.size),
        }
    )
    cash = pl.DataFrame({"account": owner}).with_columns(
        instrument=pl.lit("USDC"), quantity=pl.lit(5e6)
    )
    return pl.concat([options, cash])


def _resident() -> int:
    """Bytes that the process takes; where the system can, it counts the most of them anew."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _peak() -> int:
    return _status("VmHWM")


def _status(key: str) -> int:
    """A line of the process's status in bytes; 0 where the system has none."""
    path = Path("/proc/self/status")
    lines = path.read_text().splitlines() if path.exists() else []
    found = [line.split()[1] for line in lines if line.startswith(f"{key}:")]
    return 1024 * int(found[0]) if found else 0


if __name__ == "__main__":
    main()
