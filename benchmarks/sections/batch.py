"""`sw.margin_accounts` whole: table in, table out, each run in a process of its own."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Sequence

from benchmarks.environments import ROOT
from benchmarks.frame import Effort
from benchmarks.record import Row, Section, with_ratios
from benchmarks.sections.accounts import POSITIONS

KEY = "batch"
ACCOUNTS = (100_000, 1_000_000)
MODELS = ("prbm", "cross")
COLUMNS = ("seconds", "us per account", "peak MB", "bytes per account")


def key(accounts: int) -> str:
    """The section's key."""
    return f"{KEY}, {accounts:,}"


def sections(effort: Effort) -> list[Section]:
    """For each size: models on as many workers as there are cores, the first on one too."""
    made = []
    for size in (200,) if effort.quick else ACCOUNTS:
        rows = [
            whole(f"{model}, {said}", size, ("--model", model, *words))
            for model, said, words in (
                (MODELS[0], "all cores", ()),
                (MODELS[0], "one worker", ("--workers", "1")),
                (MODELS[1], "all cores", ()),
            )
        ]
        made.append(
            Section(
                key=key(size),
                title=f"margin_accounts, {size:,} accounts x {POSITIONS} positions",
                unit="",
                rows=with_ratios(rows, COLUMNS[0]),
                columns=COLUMNS,
            )
        )
    return made


def whole(name: str, accounts: int, words: Sequence[str]) -> Row:
    """Run benchmarks/batch_process.py: medians of its runs, and the memory that it took at most."""
    command = [sys.executable, "-m", "benchmarks.batch_process", "--accounts", str(accounts)]
    done = subprocess.run([*command, *words], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        return Row(name, note=f"not present: {done.stderr.strip().splitlines()[-1]}")
    said = json.loads(done.stdout.splitlines()[-1])
    seconds = statistics.median(said["seconds"])
    figures = {
        "seconds": seconds,
        "us per account": 1e6 * seconds / accounts,
        "peak MB": said["peak_bytes"] / 1e6,
        "bytes per account": said["peak_bytes"] / accounts,
    }
    return Row(name, figures, runs=len(said["seconds"]))
