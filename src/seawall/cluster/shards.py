"""Which shard an account belongs to: the same on every machine, in every process and release."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import polars as pl

Words = NDArray[np.uint64]

_WORD_BYTES = 8
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def shard_of(accounts: pl.Series, shards: int) -> NDArray[np.int64]:
    """The shard of each account, from 0 to ``shards`` − 1; shape [n].

    An account's name in UTF-8, padded with zeros to words of 8 bytes, least byte first; h ← mix(h ^
    word) from h = 0 over its words, with the finaliser of SplitMix64 (Steele, Lea and Flood 2014)
    for mix; the shard is h modulo ``shards``. Python's own hash differs from process to process,
    and polars' from version to version.
    """
    import polars as pl

    names = accounts.cast(pl.String)
    size = names.str.len_bytes().to_numpy()
    longest = int(size.max()) if len(names) else 0
    padded = names.str.pad_end(-(-longest // _WORD_BYTES) * _WORD_BYTES, "\0").cast(pl.Binary)
    hashed = np.zeros(len(names), dtype=np.uint64)
    for start in range(0, longest, _WORD_BYTES):
        piece = padded.bin.slice(start, _WORD_BYTES)
        word: Words = (
            piece.bin.reinterpret(dtype=pl.UInt64, endianness="little")
            .to_numpy()
            .astype(np.uint64, copy=False)
        )
        # The padding of the longest name is no part of the shorter ones.
        hashed = np.where(start < size, _mixed(hashed ^ word), hashed)
    return (hashed % np.uint64(shards)).astype(np.int64)


def _mixed(values: Words) -> Words:
    """Every bit of the result depends on every bit of the value; modulo 2^64."""
    values = (values ^ (values >> np.uint64(30))) * _FIRST
    values = (values ^ (values >> np.uint64(27))) * _SECOND
    return values ^ (values >> np.uint64(31))
