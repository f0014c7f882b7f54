"""Timing ours and peers side by side: same arrays, same answer, rounds in turn.

Each contender runs once to warm up; its answer is held against ours, and one that disagrees is
reported and not timed. Then every round times each contender in turn, so that a machine that slows
down for a while slows all of them; a figure is the median of the rounds'.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.environments import PEERS, ROOT, interpreter
from benchmarks.machine import ONE_THREAD
from benchmarks.record import MEDIAN, Row, Section, with_ratios

Floats = NDArray[np.float64]

# In one turn; a shorter job than this needs figures of its own (benchmarks/sections/latency.py).
MOST_RUNS = 10_000


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure. ``quick`` runs use this interpreter for peers, and build nothing."""

    rounds: int = 7
    turn_seconds: float = 0.05
    contender_seconds: float = 4.0
    quick: bool = False


class NotPresent(Exception):
    """A contender that cannot run here, with the reason."""


class Contender(Protocol):
    """One way to do a job."""

    name: str

    def prepare(self, inputs: Path) -> tuple[Floats, float]:
        """Bring the inputs into its form and run once: the answer, and the share it did."""
        ...

    def seconds(self, times: int) -> list[float]:
        """Run again so many times, and the seconds of each."""
        ...

    def close(self) -> None:
        """Let go of everything."""
        ...


class Ours:
    """A function of this process."""

    def __init__(self, name: str, run: Callable[[], Floats]) -> None:
        self.name, self._run = name, run

    def prepare(self, inputs: Path) -> tuple[Floats, float]:
        return self._run(), 1.0

    def seconds(self, times: int) -> list[float]:
        found = []
        for _ in range(times):
            start = time.perf_counter()
            self._run()
            found.append(time.perf_counter() - start)
        return found

    def close(self) -> None:
        pass


class Peer:
    """A peer in a process of its own, of its own environment (benchmarks/peers/worker.py)."""

    def __init__(self, name: str, module: str, python: Path | None) -> None:
        self.name, self._module, self._python = name, module, python
        self._process: subprocess.Popen[str] | None = None

    def prepare(self, inputs: Path) -> tuple[Floats, float]:
        self._process = self._started()
        with tempfile.TemporaryDirectory() as folder:
            answer = Path(folder) / "answer.npy"
            said = self._ask({"prepare": str(inputs), "answer": str(answer)})
            return np.load(answer), said["share"]

    def seconds(self, times: int) -> list[float]:
        return self._ask({"time": times})["seconds"]

    def close(self) -> None:
        if self._process is not None:
            self._process.communicate()
            self._process = None

    def _started(self) -> subprocess.Popen[str]:
        if self._python is None:
            raise NotPresent("its environment was not made")
        return subprocess.Popen(
            [self._python, "-m", "benchmarks.peers.worker", self._module, self.name],
            cwd=ROOT,
            env={**_without_own_paths(), **ONE_THREAD},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def _ask(self, request: Mapping[str, object]) -> dict[str, Any]:
        process = self._process
        assert process is not None, "prepare comes first"
        assert process.stdin is not None, "it was started with pipes"
        assert process.stdout is not None, "it was started with pipes"
        try:
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise NotPresent(f"its process ended with {process.wait()}")
        said: dict[str, Any] = json.loads(line)
        if "error" in said:
            raise NotPresent(said["error"])
        return said


def peer(name: str, module: str, effort: Effort, environment: str = PEERS) -> Peer:
    """A peer of its environment; in a quick run of this interpreter's, whatever that has."""
    python = Path(sys.executable) if effort.quick else interpreter(environment)
    return Peer(name, module, python)


def _without_own_paths() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


@dataclass(frozen=True, slots=True)
class Job:
    """What is measured: a run's seconds times ``scale`` are its figure in ``unit``.

    Answers agree where none of their numbers differs by more than ``tolerance``.
    """

    key: str
    title: str
    unit: str
    scale: float
    tolerance: float


def measure(
    job: Job, contenders: Sequence[Contender], inputs: Mapping[str, NDArray[Any]], effort: Effort
) -> Section:
    """Time the contenders, ours first; a figure is seconds of one run times ``job.scale``."""
    with saved(inputs) as folder, _closing(contenders):
        entries = _prepared(job, contenders, folder)
        turns = _rounds([entry for entry in entries if entry.timed], effort)
    rows = [_row(job, entry, turns.get(entry.contender.name, [])) for entry in entries]
    return Section(job.key, job.title, job.unit, with_ratios(rows, MEDIAN[0]))


@dataclass(frozen=True, slots=True)
class _Entry:
    """A contender after its first run. Why it is not ``timed`` is in its note."""

    contender: Contender
    share: float = 1.0
    differs: float | None = None
    note: str = ""
    timed: bool = True


@contextmanager
def saved(inputs: Mapping[str, NDArray[Any]]) -> Iterator[Path]:
    """A folder with each array as NAME.npy, for as long as it is needed."""
    with tempfile.TemporaryDirectory() as folder:
        for name, values in inputs.items():
            np.save(Path(folder) / f"{name}.npy", values)
        yield Path(folder)


@contextmanager
def _closing(contenders: Sequence[Contender]) -> Iterator[None]:
    try:
        yield
    finally:
        for contender in contenders:
            contender.close()


def _prepared(job: Job, contenders: Sequence[Contender], inputs: Path) -> list[_Entry]:
    ours, _ = contenders[0].prepare(inputs)
    entries = [_Entry(contenders[0])]
    for contender in contenders[1:]:
        try:
            answer, share = contender.prepare(inputs)
        except NotPresent as reason:
            entries.append(_Entry(contender, note=f"not present: {reason}", timed=False))
            continue
        differs = largest_difference(answer, ours)
        note = f"did {share:.1%} of the job, scaled" if share < 1.0 else ""
        agrees = differs <= job.tolerance
        if not agrees:
            note = "disagrees, so it is not timed"
            contender.close()
        entries.append(_Entry(contender, share, differs, note, timed=agrees))
    return entries


def largest_difference(answer: Floats, ours: Floats) -> float:
    """The largest between an answer, which may be of the first rows only, and ours; inf for NaN."""
    if answer.shape[1:] != ours.shape[1:] or answer.shape[0] > ours.shape[0]:
        return np.inf
    difference = float(np.max(np.abs(answer - ours[: answer.shape[0]]), initial=0.0))
    return difference if np.isfinite(difference) else np.inf


def _rounds(entries: Sequence[_Entry], effort: Effort) -> dict[str, list[float]]:
    """Medians of each contender's turns; a slow one has fewer of them, at least one.

    A first turn of one run tells how many fill a turn; it counts only where no other follows.
    """
    contenders = [entry.contender for entry in entries]
    first = {each.name: each.seconds(1)[0] for each in contenders}
    found: dict[str, list[float]] = {name: [] for name in first}
    spent = dict(first)
    for _ in range(effort.rounds):
        for each in contenders:
            if spent[each.name] + first[each.name] > effort.contender_seconds:
                continue
            times = max(1, min(MOST_RUNS, int(effort.turn_seconds / first[each.name])))
            seconds = each.seconds(times)
            spent[each.name] += sum(seconds)
            found[each.name].append(statistics.median(seconds))
    return {name: turns or [first[name]] for name, turns in found.items()}


def _row(job: Job, entry: _Entry, turns: Sequence[float]) -> Row:
    name, differs, note = entry.contender.name, entry.differs, entry.note
    if not turns:
        return Row(name, differs=differs, note=note)
    units = [seconds * job.scale / entry.share for seconds in turns]
    figures = dict(zip(MEDIAN, (statistics.median(units), min(units), max(units)), strict=True))
    return Row(name, figures, runs=len(units), differs=differs, note=note)
