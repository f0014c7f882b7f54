"""Ray: one worker and two on the same accounts, resident and as a batch."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys

from benchmarks.environments import ROOT
from benchmarks.frame import Effort
from benchmarks.record import Row, Section, with_ratios
from benchmarks.sections.accounts import POSITIONS

KEY, ONE, TWO = "ray", "one worker", "two workers"
TICK, BATCH = "tick", "batch"
# As benchmarks/cluster.py names what it takes the seconds of.
COLUMNS = (TICK, BATCH, "load", "loss")
ACCOUNTS = 1_000_000


def sections(effort: Effort) -> list[Section]:
    """One section: medians of the runs of benchmarks/cluster.py."""
    size = 200 if effort.quick else ACCOUNTS
    command = [sys.executable, "-m", "benchmarks.cluster", "--accounts", str(size)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1]
        rows = [Row(name, note=f"not present: {reason}") for name in (ONE, TWO)]
        facts = {}
    else:
        said = json.loads(done.stdout.splitlines()[-1])
        rows = [_row(name, said["workers"][str(n)]) for n, name in ((1, ONE), (2, TWO))]
        facts = {
            "bytes of a worker per account": said["worker_bytes"],
            "bytes of a market": said["market_bytes"],
        }
    section = Section(
        key=KEY,
        title=f"Ray, prbm, {size:,} accounts x {POSITIONS} positions; loss is a tick with a worker "
        "killed before it",
        unit="s",
        rows=with_ratios(rows, TICK),
        columns=COLUMNS,
        facts=facts,
    )
    return [section]


def _row(name: str, seconds: dict[str, list[float]]) -> Row:
    figures = {column: statistics.median(seconds[column]) for column in COLUMNS}
    return Row(name, figures, runs=len(seconds[TICK]))
