"""Digest of the bits of a risk array and of a fold: ``python -m benchmarks.bits``.

A process of its own, so that numba compiles for the processor that its environment names.
"""

from __future__ import annotations

import hashlib

from benchmarks.sections import accounts, risk_arrays


def main() -> None:
    """Print the digest."""
    array = risk_arrays.profits(risk_arrays.options(1_000, 69))()
    held = accounts.accounts(1_000, accounts.POSITIONS)
    given = accounts.by_underlying(held, accounts.arrays(accounts.SCENARIOS))
    digest = hashlib.sha256(array.tobytes())
    digest.update(accounts.Fold(given, inside=accounts.up_and_down()).run().tobytes())
    print(digest.hexdigest())


if __name__ == "__main__":
    main()
