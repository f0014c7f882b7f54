"""The process in which the inputs of one title are tried, within a bound of memory.

`python -W error -m tests.fuzz.worker TITLE FIRST LAST SEED FOLDER` writes a line to standard output
for each input, as :func:`tests.fuzz.trial.told`; what libraries print goes nowhere.
"""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path

from tests.fuzz.trial import FAULT, made, titled, told

HEADROOM_BYTES = 1024**3
"""Address space beyond what the process has taken when every reader was used."""


def main(title: str, first: int, last: int, seed: int, folder: Path) -> None:
    """Try the inputs from ``first`` to before ``last``."""
    say = begun(title, folder)
    chosen = titled(title)
    for number in range(first, last):
        base, content = made(chosen, number, seed)
        say(told(base.door, content, folder))


def begun(title: str, folder: Path) -> Callable[[str], None]:
    """Put the sound inputs through, which compiles what they need, and bound the memory.

    Returns what writes a line to standard output.
    """
    for base in titled(title):
        line = told(base.door, base.content, folder)
        if line.startswith(FAULT):
            raise AssertionError(f"a seed of {title} is not sound: {line}")
    bound_memory(HEADROOM_BYTES)
    return _private_output()


def bound_memory(headroom_bytes: int) -> None:
    """Let the process take so much more address space and no more."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_address_space_bytes() + headroom_bytes, hard))


def _address_space_bytes() -> int:
    pages = Path("/proc/self/statm")
    if not pages.exists():
        return 0
    return int(pages.read_text().split()[0]) * resource.getpagesize()


def _private_output() -> Callable[[str], None]:
    """Writes to what was standard output; what anybody else writes there, or to errors, is lost."""
    own = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    return lambda line: _write(own, line.encode())


def _write(stream: int, line: bytes) -> None:
    while line:
        line = line[os.write(stream, line) :]


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:5]), Path(sys.argv[5]))
