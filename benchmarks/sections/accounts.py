"""J2: many accounts over risk arrays, least of each account or of each account and underlying."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from benchmarks.frame import Contender, Effort, Floats, Job, Ours, measure, peer
from benchmarks.record import Section
from benchmarks.sections.risk_arrays import Arrays, options, profits
from seawall.kernels.lanes import LEAST
from seawall.kernels.segments import fold_segments

UNDERLYINGS, OPTIONS, SCENARIOS, POSITIONS = 20, 250, 69, 30
ACCOUNTS = (100_000, 1_000_000)

OURS, TWO_THREADS, UP_DOWN = "seawall", "seawall, two threads", "seawall, least up and least down"
SCIPY, DUCKDB = "scipy.sparse", "duckdb"
QUICK_PEERS = (SCIPY, "torch, sparse rows")
SLOW_PEERS = (DUCKDB, "numpy, loop", "polars", "pure Python")
BYTES = "bytes per account"

# USD; what accounts hold is worth millions, and sums in another order differ by rounding.
TOLERANCE = 1e-5
# Of accounts, the share that trades in 1, 2, 3 and 4 underlyings.
SPREAD = (0.2, 0.4, 0.2, 0.2)
# Steps around the circle of underlyings; none shares a divisor with their number.
STEPS = (1, 3, 7, 9)


class Accounts(NamedTuple):
    """Positions sorted by underlying, then account.

    ``segments`` [B + 1] counts segments up to each underlying; ``positions`` [G + 1] positions up
    to each segment; ``account`` [G]; ``row`` and ``quantity`` [P].
    """

    segments: np.ndarray
    positions: np.ndarray
    account: np.ndarray
    row: np.ndarray
    quantity: np.ndarray


def key(accounts: int, per: str) -> str:
    """The section's key; ``per`` is ``"account"`` or ``"underlying"``."""
    return f"accounts, {accounts:,}, per {per}"


def arrays(scenarios: int) -> Floats:
    """Profits of the options of each underlying, [B, N, S]."""
    each = [options(OPTIONS, scenarios, seed) for seed in range(UNDERLYINGS)]
    return np.stack([profits(given)() for given in each])


def accounts(size: int, per_account: int, seed: int = 9) -> Accounts:
    """So many accounts and positions each, spread over one to four underlyings."""
    rng = np.random.default_rng(seed)
    wide = rng.choice(len(SPREAD), size, p=SPREAD) + 1
    wide = np.minimum(wide, per_account)
    account = np.repeat(np.arange(size), wide)
    slot = np.arange(account.size) - np.repeat(np.cumsum(wide) - wide, wide)
    first, step = rng.integers(0, UNDERLYINGS, size), rng.choice(STEPS, size)
    underlying = (first[account] + slot * step[account]) % UNDERLYINGS
    count = per_account // wide[account] + (slot < per_account % wide[account])
    order = np.argsort(underlying, kind="stable")
    segments = np.searchsorted(underlying[order], np.arange(UNDERLYINGS + 1))
    positions = np.concatenate([[0], np.cumsum(count[order])])
    total = int(positions[-1])
    return Accounts(
        segments.astype(np.int64),
        positions.astype(np.int64),
        account[order],
        rng.integers(0, OPTIONS, total, dtype=np.uint32),
        rng.uniform(-10.0, 10.0, total),
    )


def by_underlying(held: Accounts, array: Floats) -> Arrays:
    """The job per account and underlying, as peers take it."""
    return {**held._asdict(), "array": array}


def by_account(held: Accounts, array: Floats) -> Arrays:
    """The same positions sorted by account alone: one segment an account, one table for all."""
    counts = np.diff(held.positions)
    underlying = np.searchsorted(held.segments, np.arange(counts.size), side="right") - 1
    order = np.argsort(np.repeat(held.account, counts), kind="stable")
    row = held.row + np.repeat(underlying, counts).astype(np.uint32) * np.uint32(OPTIONS)
    size = int(held.account.max()) + 1
    total = np.bincount(held.account, weights=counts, minlength=size).astype(np.int64)
    return {
        "segments": np.array([0, size]),
        "positions": np.concatenate([[0], np.cumsum(total)]),
        "row": row[order],
        "quantity": held.quantity[order],
        "array": array.reshape(1, -1, array.shape[2]),
    }


class Fold:
    """Ours: the blocks' arrays padded to whole cache lines, segments as starts and stops.

    ``inside`` [R, S] says over which scenarios each least is taken; all where it is not given.
    """

    def __init__(self, given: Arrays, inside: np.ndarray | None = None) -> None:
        cells = given["array"].shape[2]
        width = -(-cells // 8) * 8
        inside = np.ones((1, cells), dtype=np.bool_) if inside is None else inside
        wide = np.zeros((inside.shape[0], width), dtype=np.bool_)
        wide[:, :cells] = inside
        kind = np.full(inside.shape[0], LEAST, dtype=np.int8)
        self.reductions = (np.ones(width), kind, wide, np.ones(kind.size, dtype=np.int64))
        self.arrays = [_aligned(array, width) for array in given["array"]]
        self._segments, self._row = given["segments"], given["row"]
        self._quantity = given["quantity"]
        self._start = np.ascontiguousarray(given["positions"][:-1])
        self._stop = np.ascontiguousarray(given["positions"][1:])
        self._earned, self._price = np.zeros(self._start.size), np.zeros(width)
        self.out = np.empty((self._start.size, kind.size))

    @property
    def bytes(self) -> int:
        """What the accounts take, less what they share."""
        own = (self._row, self._quantity, self._start, self._stop, self._earned, self.out)
        return sum(column.nbytes for column in own)

    def positions_of(self, b: int) -> tuple[np.ndarray, ...]:
        """The kernels' first arguments for the segments of one table."""
        part = slice(self._segments[b], self._segments[b + 1])
        segments = (self._start[part], self._stop[part], self._earned[part])
        return (self.arrays[b], self._row, self._quantity, *segments, self._price)

    def block(self, b: int) -> None:
        """Fold the segments of one table."""
        part = slice(self._segments[b], self._segments[b + 1])
        fold_segments(*self.positions_of(b), *self.reductions, self.out[part])

    def run(self) -> Floats:
        """All blocks in turn."""
        for b in range(len(self.arrays)):
            self.block(b)
        return self.out[:, 0]

    def on(self, pool: ThreadPoolExecutor) -> Callable[[], Floats]:
        """All blocks, each a task of the pool."""

        def run() -> Floats:
            list(pool.map(self.block, range(len(self.arrays))))
            return self.out[:, 0]

        return run


def _aligned(array: Floats, width: int) -> Floats:
    """[N, S] as [N, 1, W] on a cache line, padded with zeros."""
    N, S = array.shape
    room = np.zeros(N * width + 8)
    skip = (-room.ctypes.data % 64) // 8
    out = room[skip : skip + N * width].reshape(N, 1, width)
    out[:, 0, :S] = array
    return out


def sections(effort: Effort) -> list[Section]:
    """For each size, per account and per account and underlying: nanoseconds per position."""
    made = []
    array = arrays(SCENARIOS)
    for size in (300,) if effort.quick else ACCOUNTS:
        held = accounts(size, POSITIONS)
        made.append(_per_account(size, by_account(held, array), effort))
        made.append(_per_underlying(size, by_underlying(held, array), effort))
    return made


def job(size: int, per: str, positions: int, scenarios: int = SCENARIOS) -> Job:
    """The measurement of so many accounts."""
    return Job(
        key=key(size, per),
        title=f"J2 least of each {'account' if per == 'account' else 'account and underlying'}, "
        f"{size:,} accounts x {positions // size} positions, {scenarios} scenarios",
        unit="ns per position",
        scale=1e9 / positions,
        tolerance=TOLERANCE,
    )


def _per_account(size: int, given: Arrays, effort: Effort) -> Section:
    fold = Fold(given)
    contenders: list[Contender] = [Ours(OURS, fold.run)]
    contenders += [peer(name, "accounts", effort) for name in (*QUICK_PEERS, *SLOW_PEERS)]
    return measure(job(size, "account", given["row"].size), contenders, given, effort)


def _per_underlying(size: int, given: Arrays, effort: Effort) -> Section:
    fold, halves = Fold(given), Fold(given, inside=up_and_down())
    with ThreadPoolExecutor(2) as pool:
        contenders: list[Contender] = [
            Ours(OURS, fold.run),
            Ours(TWO_THREADS, fold.on(pool)),
            Ours(UP_DOWN, lambda: np.minimum(halves.run(), halves.out[:, 1])),
            *(peer(name, "accounts", effort) for name in (*QUICK_PEERS, DUCKDB)),
        ]
        section = measure(job(size, "underlying", given["row"].size), contenders, given, effort)
    return replace(section, facts={BYTES: fold.bytes / size})


def up_and_down() -> np.ndarray:
    """Cells with a price move ≥ 0, and those with one ≤ 0, [2, S]."""
    move = options(1, SCENARIOS)["price_rel"]
    return np.stack([move >= 0.0, move <= 0.0])
