"""One input put through one door, and what came of many."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from seawall.basics.errors import SeawallError
from tests.fuzz.doors import DOORS
from tests.fuzz.refusals import check_refusal

READ, MARGINED = "read", "margined"


def outcome(door: str, content: bytes, path: Path) -> str:
    """``margined``, ``read`` where no margin is asked or its refusal says why, or the class of the
    package's error that refused it.

    Whatever else is raised by the reader, or by the checks of what it said, is a fault.
    """
    try:
        return MARGINED if DOORS[door](content, path) else READ
    except SeawallError as error:
        check_refusal(error)
        return type(error).__name__


@dataclass(slots=True)
class Tally:
    """What came of the inputs of one door or seed."""

    outcomes: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0

    def put(self, door: str, content: bytes, path: Path) -> None:
        """Count one input. Raises what :func:`outcome` raises."""
        started = time.perf_counter()
        self.outcomes[outcome(door, content, path)] += 1
        self.slowest_s = max(self.slowest_s, time.perf_counter() - started)
