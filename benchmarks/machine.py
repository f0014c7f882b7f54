"""The conditions that figures hold under."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.environments import ROOT

OURS = ("numpy", "numba", "scipy", "polars", "msgspec", "QuantLib", "ray")

# A load average from which on a run shares its cores with others.
BUSY = 0.7

# One thread each: what a library may otherwise start is named here before it is imported.
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "POLARS_MAX_THREADS": "1",
}


def conditions() -> dict[str, str]:
    """Machine, system, versions, commit and load at the start."""
    return {
        "commit": commit(),
        "processor": f"{processor()}, {os.cpu_count()} cores",
        "vector instructions": ", ".join(vector_instructions()) or "unknown",
        "memory": f"{memory_gb():.0f} GB",
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        "versions": ", ".join(f"{name} {installed(name)}" for name in OURS),
        "threads": "one in each process, unless a row says otherwise",
        "load at the start": load(),
    }


def load() -> str:
    """Load average over 1, 5 and 15 minutes, and whether others were at work."""
    averages = os.getloadavg()
    said = " ".join(f"{value:.2f}" for value in averages)
    return f"{said}: busy, so these figures are none to rely on" if averages[0] > BUSY else said


def commit() -> str:
    """The commit that is checked out, and whether files of it were changed since."""
    try:
        known = _git("rev-parse", "--short", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no", "--", "src")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{known} with changes in src" if changed else known


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def processor() -> str:
    """The processor's name where the system tells it."""
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def vector_instructions() -> list[str]:
    """The widest vector instructions of the processor, where the system tells them."""
    flags = set(_cpuinfo("flags").split())
    return [name for name in ("avx512f", "avx2", "fma") if name in flags]


def _cpuinfo(key: str) -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "")


def memory_gb() -> float:
    """Memory of the machine in GB; 0 where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    except (ValueError, OSError):
        return 0.0


def installed(package: str) -> str:
    """A package's version, or that it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
