"""The folder of a backtest: its inputs, and the blocks of times that are done.

A block is there whole or not at all, so that a walk which ended in the middle goes on with the
blocks that are missing. One backtest at a time holds the folder.
"""

from __future__ import annotations

import io
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

import seawall
from seawall.basics.errors import InputError
from seawall.feeds.digests import digest_of
from seawall.feeds.locks import drop_lock, take_lock
from seawall.feeds.writing import refusals, unwritable, write_files
from seawall.lab.backtest.walk import Walk

if TYPE_CHECKING:
    import polars as pl

_INPUTS, _LOCK, _PARTS = "inputs.json", ".lock", "parts"


class WalkInputs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the rows of a walk follow from: the version of this package, and digests."""

    seawall: str
    history: str
    chains: str
    books: str
    models: str
    plan: str


def inputs_of(walk: Walk) -> WalkInputs:
    """The inputs of a walk. Raises TypeError for a model that has no digest."""
    return WalkInputs(
        seawall=seawall.__version__,
        history=digest_of(walk.history),
        chains=digest_of(walk.chains),
        books=digest_of(walk.books),
        models=digest_of(walk.models),
        plan=digest_of(_plain(walk.plan)),
    )


def _plain(plan: msgspec.Struct) -> bytes:
    return msgspec.json.encode(plan)


@contextmanager
def held_folder(folder: Path, inputs: WalkInputs, *, resume: bool) -> Generator[None]:
    """Hold the folder of a backtest, made where there is none, against every other process.

    Raises UnwritableFile where another backtest holds it or it cannot be made; InputError where it
    has blocks and ``resume`` is not asked for, or they are of other inputs.
    """
    with refusals(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = take_lock(folder / _LOCK)
    if lock is None:
        raise unwritable(
            folder, "another backtest is writing here", "Wait for it, or give another --out."
        )
    try:
        _require_same(folder, inputs, resume=resume)
        with refusals(folder):
            (folder / _PARTS).mkdir(exist_ok=True)
        write_files({folder / _INPUTS: msgspec.json.encode(inputs)})
        yield
    finally:
        drop_lock(lock, folder / _LOCK, remove=True)


def _require_same(folder: Path, inputs: WalkInputs, *, resume: bool) -> None:
    try:
        known = msgspec.json.decode((folder / _INPUTS).read_bytes(), type=WalkInputs)
    except FileNotFoundError:
        return
    except msgspec.MsgspecError:
        raise InputError(
            "inputs.json there is of no backtest",
            where=str(folder),
            remedy="Give another folder with --out.",
        ) from None
    if not resume:
        raise InputError(
            "a backtest is here already",
            where=str(folder),
            remedy="Go on with it by --resume (resume=True in Python), or give another --out.",
        )
    names = WalkInputs.__struct_fields__
    differ = [name for name in names if getattr(known, name) != getattr(inputs, name)]
    if differ:
        raise InputError(
            f"the backtest here is of other inputs ({', '.join(differ)})",
            where=str(folder),
            remedy="Give the same inputs to go on with it, or another --out.",
        )


def write_block(folder: Path, number: int, rows: pl.DataFrame) -> None:
    """Keep a block that is done, whole or not at all. Raises UnwritableFile."""
    held = io.BytesIO()
    rows.write_parquet(held)
    write_files({_block(folder, number): held.getvalue()})


def read_block(folder: Path, number: int) -> pl.DataFrame | None:
    """A block that is done, None of one that is not, or cannot be read."""
    import polars as pl

    with suppress(OSError, pl.exceptions.PolarsError):
        return pl.read_parquet(_block(folder, number))
    return None


def _block(folder: Path, number: int) -> Path:
    return folder / _PARTS / f"{number:05d}.parquet"
