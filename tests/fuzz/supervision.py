"""Watches over the process that tries inputs: where it ends or goes silent, another goes on."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz.trial import FAULT, INPUT, MARGINED, READ, keep, titled

ROOT = Path(__file__).resolve().parents[2]
LONGEST_S = 30.0
"""For one input; the slowest sound ones take a tenth of a second."""

START_S = 300.0
"""For a process to load and compile, on a busy machine."""

MOST_ENDS = 10
"""A title whose process ends time and again is left."""


@dataclass(frozen=True, slots=True)
class Run:
    """The module that tries inputs, how many of a title, from which seed, and where faults go."""

    module: str
    inputs: int
    seed: int
    keep: Path


@dataclass(slots=True)
class Tally:
    """What came of the inputs of one title, or of all."""

    outcomes: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    peak_mib: int = 0

    @property
    def inputs(self) -> int:
        """How many were tried."""
        return self.outcomes.total()

    @property
    def refused(self) -> int:
        """How many were met by the package's own errors."""
        return self.inputs - sum(self.outcomes[each] for each in (READ, MARGINED, FAULT))

    def put(self, line: str) -> None:
        """Count a line of :func:`tests.fuzz.trial.told`."""
        found, seconds, why = line.rstrip("\n").split("\t")
        self.slowest_s = max(self.slowest_s, float(seconds))
        self.outcomes[found] += 1
        if found == FAULT:
            self.faults.append(why)

    def add(self, other: Tally) -> None:
        """Count what another counted."""
        self.outcomes += other.outcomes
        self.faults += other.faults
        self.slowest_s = max(self.slowest_s, other.slowest_s)
        self.peak_mib = max(self.peak_mib, other.peak_mib)


def tried(title: str, run: Run) -> Tally:
    """What came of the inputs of a title. Raises RuntimeError where they cannot be begun."""
    tally = Tally()
    for attempt in range(MOST_ENDS):
        numbers = (tally.inputs, run.inputs, run.seed + attempt)
        words = [run.module, title, *map(str, numbers), str(run.keep)]
        before = tally.inputs
        with subprocess.Popen(
            [sys.executable, "-W", "error", "-m", *words], stdout=subprocess.PIPE, cwd=ROOT
        ) as process:
            silent = _counted(process, tally)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        tally.peak_mib = max(tally.peak_mib, usage.ru_maxrss // 1024)
        if tally.inputs >= run.inputs:
            break
        if tally.inputs == before and not silent:
            raise RuntimeError(f"{title}: no input was tried, the process ended at once")
        why = f"silent for {LONGEST_S:.0f} s" if silent else f"ended, status {process.returncode}"
        tally.put(f"{FAULT}\t0\tthe process {why}; its input is {_kept(title, run)}")
    return tally


def _counted(process: subprocess.Popen[bytes], tally: Tally) -> bool:
    """Count what it says until it ends; one that is silent for too long is ended, and that told."""
    assert process.stdout is not None
    rest, patience_s = b"", START_S
    while select.select([process.stdout], [], [], patience_s)[0]:
        chunk = os.read(process.stdout.fileno(), 65_536)
        if not chunk:
            return False
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            tally.put(line.decode())
            patience_s = LONGEST_S
    process.kill()
    return True


def _kept(title: str, run: Run) -> str:
    """The name of the input that was tried last, kept as a fault is."""
    content = (run.keep / INPUT).read_bytes()
    return keep(titled(title)[0].door, content, run.keep)
