"""J3: how long one answer takes from what is resident, call by call; a tick of an underlying."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import numba
import numpy as np
from numpy.typing import NDArray

from benchmarks.frame import Effort, Floats, Job, Ours, measure, peer
from benchmarks.record import Row, Section, with_ratios
from benchmarks.sections import accounts
from benchmarks.sections.accounts import OPTIONS, SCENARIOS, Arrays, Fold
from benchmarks.sections.risk_arrays import options, profits
from seawall.kernels.segments import (
    fold_segments,
    net_segments,
    rebuild_segments,
    what_if_vector,
)

KEY, TICK_KEY = "latency", "tick"
KERNEL, UNDER_LOAD = "what-if kernel", "what-if kernel from Python, a fold in another thread"
IDLE = "what-if kernel from Python"
POSITIONS = 50
COLUMNS = ("p50", "p99")
AFFECTED = 12_000
TICK = "seawall"

Latencies = NDArray[np.int64]

_clock_gettime = ctypes.CDLL(None).clock_gettime
_clock_gettime.argtypes = (ctypes.c_int, ctypes.c_void_p)
_clock_gettime.restype = ctypes.c_int
_CLOCK = time.CLOCK_MONOTONIC


class Resident:
    """Accounts in one underlying with their vectors, and orders that ask what if."""

    def __init__(self, size: int, calls: int) -> None:
        rng = np.random.default_rng(12)
        positions = np.arange(size + 1) * POSITIONS
        given: Arrays = {
            "segments": np.array([0, size]),
            "positions": positions,
            "row": rng.integers(0, OPTIONS, positions[-1], dtype=np.uint32),
            "quantity": rng.uniform(-10.0, 10.0, positions[-1]),
            "array": accounts.arrays(SCENARIOS)[:1],
        }
        self.fold = Fold(given, inside=accounts.up_and_down())
        self.vectors = np.empty((size, *self.fold.arrays[0].shape[1:]))
        net_segments(*self.fold.positions_of(0), self.vectors)
        self.account = rng.integers(0, size, calls)
        self.row = rng.integers(0, OPTIONS, calls)
        self.change = rng.uniform(-5.0, 5.0, calls)


def sections(effort: Effort) -> list[Section]:
    """Microseconds of single calls, then nanoseconds per affected position of a tick."""
    return [_calls(effort), _tick(effort)]


def _calls(effort: Effort) -> Section:
    size, calls = (50, 100) if effort.quick else (10_000, 20_000)
    book = Resident(size, calls)
    ways: dict[str, Callable[[], Latencies]] = {
        KERNEL: lambda: _kernel_latencies(book),
        IDLE: lambda: each_call(calls, _what_if(book)),
        UNDER_LOAD: lambda: _under_load(book, calls),
        "numpy on the same vector": lambda: each_call(calls // 10, _numpy_what_if(book)),
        f"fold of {POSITIONS} positions from Python": lambda: each_call(
            calls // 10, _one_fold(book)
        ),
        f"numpy on {POSITIONS} positions": lambda: each_call(calls // 10, _numpy_fold(book)),
    }
    return Section(
        key=KEY,
        title=f"J3 one account, {SCENARIOS} scenarios, least up and least down",
        unit="us",
        rows=with_ratios(percentiles(ways, effort), COLUMNS[0]),
        columns=COLUMNS,
        facts={"the clock itself, p50 us": float(np.median(_clock_latencies(1_000))) / 1e3},
    )


def percentiles(ways: Mapping[str, Callable[[], Latencies]], effort: Effort) -> list[Row]:
    """Medians over rounds, in turn, of each way's 50th and 99th percentile, in microseconds."""
    found: dict[str, list[Floats]] = {name: [] for name in ways}
    for attempt in range(effort.rounds + 1):
        for name, run in ways.items():
            nanoseconds = run()
            if attempt:
                found[name].append(np.percentile(nanoseconds, (50, 99)) / 1e3)
    return [
        Row(
            name,
            dict(zip(COLUMNS, np.median(rounds, axis=0).tolist(), strict=True)),
            runs=len(rounds),
        )
        for name, rounds in found.items()
    ]


def each_call(calls: int, run: Callable[[int], object]) -> Latencies:
    """Nanoseconds of each call, read from Python."""
    out = np.empty(calls, dtype=np.int64)
    clock = time.perf_counter_ns
    for i in range(calls):
        start = clock()
        run(i)
        out[i] = clock() - start
    return out


# ---------------------------------------------------------------- clocks within compiled loops


@numba.njit
def _now(room: Latencies) -> int:
    _clock_gettime(_CLOCK, room.ctypes)
    return room[0] * 1_000_000_000 + room[1]


@numba.njit
def _what_ifs(vectors, array, account, row, change, damping, kind, inside, k, out, out_ns):
    room = np.empty(2, dtype=np.int64)
    for i in range(account.size):
        start = _now(room)
        what_if_vector(vectors[account[i]], array[row[i]], change[i], damping, kind, inside, k, out)
        out_ns[i] = _now(room) - start


@numba.njit
def _clock_latencies(calls: int) -> Latencies:
    room = np.empty(2, dtype=np.int64)
    out = np.empty(calls, dtype=np.int64)
    for i in range(calls):
        start = _now(room)
        out[i] = _now(room) - start
    return out


def _kernel_latencies(book: Resident) -> Latencies:
    fold = book.fold
    out = np.empty(fold.out.shape[1])
    out_ns = np.empty(book.account.size, dtype=np.int64)
    _what_ifs(
        book.vectors, fold.arrays[0], book.account, book.row, book.change,
        *fold.reductions, out, out_ns,
    )  # fmt: skip
    return out_ns


# ---------------------------------------------------------------- single calls from Python


def _what_if(book: Resident) -> Callable[[int], object]:
    out = np.empty(book.fold.out.shape[1])
    orders = list(zip(book.account.tolist(), book.row.tolist(), book.change.tolist(), strict=True))
    vectors, array, reductions = book.vectors, book.fold.arrays[0], book.fold.reductions

    def run(i: int) -> object:
        account, row, change = orders[i]
        return what_if_vector(vectors[account], array[row], change, *reductions, out)

    return run


def _numpy_what_if(book: Resident) -> Callable[[int], object]:
    up, down = (np.flatnonzero(cells) for cells in book.fold.reductions[2])
    array = book.fold.arrays[0]

    def run(i: int) -> object:
        moved = book.vectors[book.account[i], 0] + book.change[i] * array[book.row[i], 0]
        return moved[up].min(), moved[down].min()

    return run


def _one_fold(book: Resident) -> Callable[[int], object]:
    array, row, quantity, start, stop, earned, price = book.fold.positions_of(0)
    reductions, out = book.fold.reductions, book.fold.out

    def run(i: int) -> object:
        g = slice(i % start.size, i % start.size + 1)
        return fold_segments(
            array, row, quantity, start[g], stop[g], earned[g], price, *reductions, out[g]
        )

    return run


def _numpy_fold(book: Resident) -> Callable[[int], object]:
    array, row, quantity = book.fold.positions_of(0)[:3]
    up, down = (np.flatnonzero(cells) for cells in book.fold.reductions[2])
    size = book.vectors.shape[0]

    def run(i: int) -> object:
        held = slice(i % size * POSITIONS, (i % size + 1) * POSITIONS)
        net = quantity[held] @ array[row[held], 0]
        return net[up].min(), net[down].min()

    return run


@contextmanager
def busy(work: Callable[[], object]) -> Iterator[None]:
    """Another thread that does the work over and over."""
    done = threading.Event()

    def loop() -> None:
        while not done.is_set():
            work()

    thread = threading.Thread(target=loop, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _under_load(book: Resident, calls: int) -> Latencies:
    with busy(book.fold.run):
        return each_call(calls, _what_if(book))


# ---------------------------------------------------------------- a tick


def _tick(effort: Effort) -> Section:
    """An underlying moves: its array is valued anew, and every account in it."""
    affected = 50 if effort.quick else AFFECTED
    rng = np.random.default_rng(13)
    held = np.sort(rng.integers(8, 18, affected))
    positions = np.concatenate([[0], np.cumsum(rng.permutation(held))])
    listed = options(OPTIONS, SCENARIOS, seed=0)
    unit = profits(listed)
    given: Arrays = {
        "segments": np.array([0, affected]),
        "positions": positions,
        "row": rng.integers(0, OPTIONS, positions[-1], dtype=np.uint32),
        "quantity": rng.uniform(-10.0, 10.0, positions[-1]),
        "array": unit()[None].copy(),
    }
    fold = Fold(given, inside=accounts.up_and_down())
    vectors = np.empty((affected, *fold.arrays[0].shape[1:]))
    segment = np.arange(affected)

    def run() -> Floats:
        fold.arrays[0][:, 0, :SCENARIOS] = unit()
        rebuild_segments(*fold.positions_of(0), *fold.reductions, segment, vectors, fold.out)
        return fold.out.min(axis=1)

    job = Job(
        key=TICK_KEY,
        title=f"J3 tick, {OPTIONS} options valued anew, {affected:,} accounts in them, "
        f"{positions[-1]:,} positions",
        unit="ns per affected position",
        scale=1e9 / float(positions[-1]),
        tolerance=accounts.TOLERANCE,
    )
    others = [peer("scipy.sparse", "accounts", effort), peer("numpy, loop", "accounts", effort)]
    return measure(job, [Ours(TICK, run), *others], given, effort)
