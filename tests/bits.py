"""Digests of what kernels answer to golden inputs: ``python -m tests.bits ROWS.npz`` prints them.

Run in processes that are told to compile for other processors than the one they run on.
"""

from __future__ import annotations

import hashlib
import sys

import numpy as np

from tests import test_segments
from tests.risk_rows import revalued, risk_rows


def digest(*arrays: np.ndarray) -> str:
    """A digest of all bits, shapes included."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(repr(array.shape).encode() + array.tobytes())
    return found.hexdigest()


def digest_of_everything(margined: str) -> dict[str, str]:
    """What is to be the same on every processor, by name.

    ``margined`` names a file of the rows that a margin of the synthetic book revalues.
    """
    with np.load(margined) as rows:
        return {
            "risk arrays": digest(
                *(revalued(risk_rows(seed, signed=signed)) for seed in (1, 2) for signed in (0, 1))
            ),
            "risk array of the synthetic book": digest(revalued(dict(rows))),
            "segments of many accounts": test_segments.digest(),
        }


if __name__ == "__main__":
    for name, found in digest_of_everything(sys.argv[1]).items():
        sys.stdout.write(f"{name}: {found}\n")
