"""The process of one peer: ``python -m benchmarks.peers.worker MODULE PEER``.

It reads one JSON object a line and answers each with one line. ``{"prepare": FOLDER, "answer":
FILE}`` loads FOLDER/*.npy, prepares the peer, runs it once to warm up, saves its answer as FILE
(.npy) and says ``{"share": …, "version": …}``; ``{"time": N}`` runs it N times more and says
``{"seconds": […]}``. What goes wrong is ``{"error": …}``. The end of its input ends it.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.prepared import Peers, Prepared


def main(module: str, peer: str) -> None:
    """Answer requests until there are none; what libraries print goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    prepared: Prepared | None = None
    for line in sys.stdin:
        request: dict[str, Any] = json.loads(line)
        try:
            if "prepare" in request:
                prepared = _prepare(module, peer, Path(request["prepare"]))
                np.save(request["answer"], prepared.run())
                answer: dict[str, object] = {"share": prepared.share}
            else:
                assert prepared is not None, "time came before prepare"
                answer = {"seconds": [_seconds(prepared) for _ in range(request["time"])]}
        except Exception as error:  # noqa: BLE001 - whatever a peer raises is its answer
            answer = {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
        answers.write(json.dumps(answer) + "\n")


def _prepare(module: str, peer: str, folder: Path) -> Prepared:
    peers: Peers = importlib.import_module(f"benchmarks.peers.{module}").PEERS
    return peers[peer]({path.stem: np.load(path) for path in sorted(folder.glob("*.npy"))})


def _seconds(prepared: Prepared) -> float:
    start = time.perf_counter()
    prepared.run()
    return time.perf_counter() - start


if __name__ == "__main__":
    main(*sys.argv[1:])
