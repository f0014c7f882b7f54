"""A walk run in blocks of times, over processes where asked, and kept as it goes.

Blocks do not know of each other and are put together in their order, so that the rows are the same
whatever the number of processes, and after however many interruptions.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from seawall.basics.errors import InputError
from seawall.lab.backtest.parts import held_folder, inputs_of, read_block, write_block
from seawall.lab.backtest.set_up import KnownSetUp, set_ups
from seawall.lab.backtest.walk import Record, Walk

if TYPE_CHECKING:
    import polars as pl

Say = Callable[[int, int], None]
"""Told how many times of how many are done."""

BLOCK_TIMES = 32

RECORDED = (
    "Where a chain was recorded, losses of options follow the recorded surfaces: between two of "
    "them volatilities stay as they are by strike, and only prices and time move."
)


@dataclass(frozen=True, slots=True)
class WalkResult:
    """The rows of a walk as a table, and what every report on them repeats.

    Columns: ``at`` (UTC), ``book``, ``model``, ``initial_usd``, ``maintenance_usd``,
    ``gross_notional_usd``, for every horizon such as ``24h`` ``loss_24h_usd`` (path-worst, ≥ 0),
    ``close_loss_24h_usd`` (at its end, < 0 for a gain) and ``hit_24h`` (whether the former exceeds
    initial margin), ``has_gap``, and ``modelled`` (whether volatilities of its options are).
    ``times`` are those of the plan, ``resumed_blocks`` were done before. ``set_ups`` is what is
    known of how margins are set, by the names of model and book.
    """

    rows: pl.DataFrame
    times: int
    blocks: int
    resumed_blocks: int
    warnings: tuple[str, ...]
    set_ups: Mapping[tuple[str, str], KnownSetUp]


def run_walk(
    walk: Walk,
    *,
    folder: Path | None = None,
    resume: bool = False,
    jobs: int = 1,
    say: Say | None = None,
) -> WalkResult:
    """Run a walk; with ``folder`` every block is kept there as it is done.

    ``jobs`` processes work at once. Raises InputError for less than one, what
    :meth:`Walk.check` raises before anything is written, InputError for a folder with another
    backtest, UnwritableFile.
    """
    if jobs < 1:
        raise InputError(f"{jobs} processes", where="backtest", remedy="Give --jobs of at least 1.")
    warnings = walk.check()
    if folder is None:
        return _run(walk, warnings, None, jobs, say)
    with held_folder(folder, inputs_of(walk), resume=resume):
        return _run(walk, warnings, folder, jobs, say)


def _run(
    walk: Walk, warnings: tuple[str, ...], folder: Path | None, jobs: int, say: Say | None
) -> WalkResult:
    import polars as pl

    times = walk.plan.times
    blocks = [times[at : at + BLOCK_TIMES] for at in range(0, len(times), BLOCK_TIMES)]
    known = {
        number: block
        for number in range(len(blocks))
        if folder is not None and (block := read_block(folder, number)) is not None
    }
    found, done = dict(known), sum(len(blocks[number]) for number in known)
    left = [number for number in range(len(blocks)) if number not in known]
    with _workers(walk, min(jobs, len(left))) as rows_of:
        for number, rows in zip(left, rows_of([blocks[n] for n in left]), strict=True):
            found[number] = frame(rows, walk.plan.horizons)
            if folder is not None:
                write_block(folder, number, found[number])
            done += len(blocks[number])
            if say is not None:
                say(done, len(times))
    table = pl.concat([found[number] for number in range(len(blocks))])
    said = tuple(dict.fromkeys((*warnings, *_told(walk, table))))
    return WalkResult(table, len(times), len(blocks), len(known), said, set_ups(walk))


def _told(walk: Walk, rows: pl.DataFrame) -> list[str]:
    """What the rows themselves give to say: times left out, and gaps."""
    told = [walk.plan.shape.told] if rows["modelled"].any() else []
    if walk.chains is not None and not rows["modelled"].all():
        told.append(RECORDED)
    for book in walk.books:
        # Every model has the same times of a book.
        own = rows.filter((rows["book"] == book.name) & (rows["model"] == walk.models[0].name))
        missing, gaps = len(walk.plan.times) - own.height, int(own["has_gap"].sum())
        if missing:
            told.append(
                f"{book.name}: {missing:,} of {len(walk.plan.times):,} times have no row; nothing "
                "is held then, or prices are missing then or until the end of the horizon."
            )
        modelled = int(own["modelled"].sum())
        if modelled and walk.chains is not None:
            told.append(
                f"{book.name}: at {modelled:,} of {own.height:,} times no chain recorded within "
                f"{horizon_text(walk.plan.every)} before tells all its options, which are modelled."
            )
        if gaps:
            told.append(
                f"{book.name}: at {gaps:,} times bars are missing within the horizon; extremes "
                "between them are not in the losses."
            )
    return told


@contextmanager
def _workers(
    walk: Walk, jobs: int
) -> Generator[Callable[[Sequence[Sequence[datetime]]], Iterable[list[Record]]]]:
    """What maps blocks of times to their rows, in order: here, or in processes of their own.

    A process is started anew, which is the same on every system, and is sent the walk once.
    """
    if jobs <= 1:
        yield partial(map, walk.rows)
        return
    pool = ProcessPoolExecutor(
        jobs, mp_context=get_context("spawn"), initializer=_begin, initargs=(walk,)
    )
    try:
        yield partial(pool.map, _block_rows)
    finally:
        # What nobody waits for any more is not begun.
        pool.shutdown(wait=True, cancel_futures=True)


_walks: list[Walk] = []
"""The walk of a worker process."""


def _begin(walk: Walk) -> None:
    _walks[:] = [walk]


def _block_rows(times: Sequence[datetime]) -> list[Record]:
    return _walks[0].rows(times)


def horizon_text(horizon: timedelta) -> str:
    """A horizon as columns are named by: 4h, 24h, 30m."""
    minutes = horizon.total_seconds() / 60.0
    return f"{minutes / 60.0:g}h" if minutes >= 60.0 else f"{minutes:g}m"


def frame(rows: Sequence[Record], horizons: Sequence[timedelta]) -> pl.DataFrame:
    """Rows as a table with the columns of :class:`WalkResult`."""
    import polars as pl

    columns: dict[str, tuple[pl.DataType, list[object]]] = {
        "at": (pl.Datetime("us", "UTC"), [row.at for row in rows]),
        "book": (pl.String(), [row.book for row in rows]),
        "model": (pl.String(), [row.model for row in rows]),
        "initial_usd": (pl.Float64(), [row.initial for row in rows]),
        "maintenance_usd": (pl.Float64(), [row.maintenance for row in rows]),
        "gross_notional_usd": (pl.Float64(), [row.gross_notional for row in rows]),
    }
    for place, horizon in enumerate(horizons):
        name = horizon_text(horizon)
        columns |= {
            f"loss_{name}_usd": (pl.Float64(), [row.losses[place] for row in rows]),
            f"close_loss_{name}_usd": (pl.Float64(), [row.close_losses[place] for row in rows]),
            f"hit_{name}": (pl.Boolean(), [row.hits[place] for row in rows]),
        }
    columns["has_gap"] = (pl.Boolean(), [row.has_gap for row in rows])
    columns["modelled"] = (pl.Boolean(), [row.modelled for row in rows])
    return pl.DataFrame(
        {name: values for name, (_, values) in columns.items()},
        schema={name: kind for name, (kind, _) in columns.items()},
    )
