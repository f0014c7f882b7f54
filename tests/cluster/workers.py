"""Workers of a test, and the death of one."""

from __future__ import annotations

import os
import signal
from typing import Any

from seawall.cluster.pool import Pool

WORKERS, CPUS = 2, 4


def kill(workers: Pool, slot: int) -> None:
    """Have a worker be killed as soon as it has done what it was asked for before."""

    def die(worker: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    workers.ask(slot, "__ray_call__", die)


def kill_within(workers: Pool, slot: int, step: str) -> None:
    """Have a worker be killed when a method of its own gets to a step."""

    def arm(worker: Any) -> None:
        setattr(worker, step, lambda *_: os.kill(os.getpid(), signal.SIGKILL))

    workers.answer(workers.ask(slot, "__ray_call__", arm))


def processes(workers: Pool) -> list[int]:
    """The process of each slot."""

    def own(worker: Any) -> int:
        return os.getpid()

    asked = [workers.ask(slot, "__ray_call__", own) for slot in range(len(workers))]
    return [workers.answer(reference) for reference in asked]
