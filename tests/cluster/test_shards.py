"""Which shard an account belongs to."""

from __future__ import annotations

import numpy as np
import polars as pl

from seawall.cluster.shards import shard_of


def test_shards_are_those_of_the_formula() -> None:
    names = ["", "a", "12345678", "123456789", "köln", "0x" + "f" * 40]

    def plainly(name: str) -> int:
        text, hashed = name.encode(), 0
        for start in range(0, len(text), 8):
            value = hashed ^ int.from_bytes(text[start : start + 8], "little")
            value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 % 2**64
            value = (value ^ value >> 27) * 0x94D049BB133111EB % 2**64
            hashed = value ^ value >> 31
        return hashed % 1000

    assert shard_of(pl.Series(names), 1000).tolist() == [plainly(name) for name in names]


def test_the_shard_of_an_account_never_changes() -> None:
    """Pinned: what is written of shards anywhere holds in the next release too."""
    assert shard_of(pl.Series(["alice", "bob", "carol"]), 1000).tolist() == [884, 779, 994]


def test_shards_are_even() -> None:
    sizes = np.bincount(shard_of(pl.Series([f"account {i}" for i in range(20_000)]), 10))
    assert sizes.size == 10
    assert abs(sizes - 2_000).max() < 200  # 4.7 standard deviations
