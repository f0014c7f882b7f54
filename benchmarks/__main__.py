"""`make bench`: risk arrays beside their peers, then whole processes."""

from __future__ import annotations

import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path

from benchmarks import processes, risk_arrays

ROUNDS = 7


def main() -> None:
    """Run everything and print one table a measurement, with the conditions it holds under."""
    conditions()
    measure(
        f"risk array, {risk_arrays.OPTIONS} options x {risk_arrays.SCENARIOS} scenarios",
        risk_arrays.peers(),
        unit="ns per option and scenario",
        per=risk_arrays.OPTIONS * risk_arrays.SCENARIOS / 1e9,
    )
    with tempfile.TemporaryDirectory() as folder:
        for made in (processes.synthetic(Path(folder)), processes.recorded(Path(folder))):
            if made is None:
                print("no recorded chain: put shared/ beside the project or set SEAWALL_SHARED")
                continue
            what, runs = made
            title = f"whole process, warm: book of {processes.LEGS} legs, {what}"
            measure(title, runs, unit="s", per=1.0)


def conditions() -> None:
    """Machine and versions."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    packages = ("numpy", "numba", "scipy", "polars", "QuantLib")
    print(f"commit {commit.stdout.strip() or 'unknown'}, {processor()}, {platform.system()}")
    print(f"Python {platform.python_version()}, ", end="")
    print(", ".join(f"{name} {version(name)}" for name in packages))
    print(f"medians of {ROUNDS} interleaved runs after one to warm up\n")


def processor() -> str:
    """The processor's name where the system tells it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def measure(title: str, runs: Mapping[str, Callable[[], object]], *, unit: str, per: float) -> None:
    """Time each run; the first is ours, and each ratio is the peer's time over ours."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for attempt in range(ROUNDS + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            if attempt:
                seconds[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(times) / per for name, times in seconds.items()}
    ours = next(iter(medians.values()))
    print(title)
    for name, value in medians.items():
        print(f"  {name:<38}{value:>12.3f} {unit}{value / ours:>10.1f} x")
    print()


if __name__ == "__main__":
    sys.exit(main())
