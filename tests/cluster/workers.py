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
