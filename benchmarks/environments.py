"""Environments of peers: `.bench/NAME`, made from `benchmarks/requirements/NAME.txt`.

None is part of the project's own: a peer may need what the project cannot live with. What cannot be
installed is left out, and its rows say so.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = Path(__file__).parent / "requirements"
FOLDER = ROOT / ".bench"

PEERS, VOLLIB = "peers", "vollib"


def interpreter(name: str) -> Path | None:
    """The environment's Python, or None where it has not been made."""
    python = FOLDER / name / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    return python if python.exists() else None


def build(name: str) -> None:
    """Make the environment unless it was made from the same requirements before.

    Packages are installed together; where one cannot be had, one by one, and what fails is said.
    """
    wanted = (REQUIREMENTS / f"{name}.txt").read_text(encoding="utf-8")
    stamp = FOLDER / name / "installed.txt"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return
    print(f"making .bench/{name} for peers", flush=True)
    venv.create(FOLDER / name, clear=True, with_pip=True)
    pins = [line for line in wanted.splitlines() if line and not line.startswith("#")]
    if _install(name, pins):
        for pin in pins:
            if reason := _install(name, [pin]):
                print(f"  {pin} is not present: {reason}", flush=True)
    stamp.write_text(wanted, encoding="utf-8")


def _install(name: str, pins: list[str]) -> str:
    """Empty when done, else the reason why not."""
    pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    python = interpreter(name)
    assert python is not None, f"venv made no interpreter in .bench/{name}"
    done = subprocess.run([python, *pip, *pins], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return ""
    said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
    return said[-1].removeprefix("ERROR: ") if said else f"pip ended with {done.returncode}"
