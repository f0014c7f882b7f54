"""The folder of an unfinished batch: its inputs, its cut into shards, and the shards that are done.

It stands beside the result and is named after it. Whatever is in it is there whole, so that a batch
which ended in the middle, however it did, goes on with the shards that are missing. One batch at a
time holds it.
"""

from __future__ import annotations

import hashlib
import io
import shutil
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from seawall.basics.errors import InputError
from seawall.feeds.digests import digest_of, digest_of_file
from seawall.feeds.locks import drop_lock, take_lock
from seawall.feeds.shards import Cut
from seawall.feeds.writing import refusals, unwritable, write_files

if TYPE_CHECKING:
    import polars as pl

Held = TypeVar("Held", bound=msgspec.Struct)

_INPUTS, _CUT, _DEALT, _DONE = "inputs.json", "cut.json", "dealt", "done"
_LOCK = ".lock"


class Inputs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the shards of a batch follow from: the version of this package, and digests."""

    seawall: str
    positions: str
    market: str
    model: str
    shard_positions: int
    keep_going: bool


class ShardTotals(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a shard adds to the summary of the batch; amounts in cents, exact.

    Positions without an entry price are those in futures; ``far_entries`` are worth a second look,
    ``unused_entries`` of what is no future.
    """

    accounts: int
    positions: int
    initial_cents: int
    maintenance_cents: int
    margin_value_cents: int
    equity_cents: int
    states: dict[str, int]
    rejected_accounts: int
    rejected_rows: int
    without_entry: int
    far_entries: int
    unused_entries: int


@contextmanager
def held_folder(folder: Path) -> Generator[None]:
    """Hold the folder of a batch, made where there is none, against every other process.

    In the end it goes where nothing is kept in it. Raises UnwritableFile where another batch holds
    it, where it cannot be made and where it is of somebody else.
    """
    if folder.exists() and not _is_ours(folder):
        raise unwritable(
            folder, "it is no folder of an unfinished batch", "Move it, or choose another name."
        )
    lock = _lock_of(folder)
    try:
        yield
    finally:
        is_empty = [each.name for each in folder.iterdir()] == [_LOCK]
        drop_lock(lock, folder / _LOCK, remove=is_empty)
        if is_empty:
            with suppress(OSError):  # another batch has begun there
                folder.rmdir()


def _lock_of(folder: Path) -> int:
    while True:
        with refusals(folder):
            folder.mkdir(exist_ok=True)
            try:
                lock = take_lock(folder / _LOCK)
            except FileNotFoundError:
                continue  # whoever held it has just removed it
        if lock is None:
            raise unwritable(
                folder,
                "another seawall batch is writing this result",
                "Wait for it, or give another --out.",
            )
        return lock


class _Kept(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Totals of a shard, and SHA-256 of its margins, its bad rows and these totals together."""

    totals: ShardTotals
    sha256: str


def open_folder(folder: Path, inputs: Inputs, *, restart: bool) -> None:
    """Keep what a held folder has of the same inputs, or begin anew where it has nothing.

    ``restart`` empties it first. Raises InputError where it is of other inputs, and UnwritableFile.
    """
    known = _read(folder / _INPUTS, Inputs)
    if known == inputs and not restart:
        return
    if known is not None and not restart:
        raise _other_inputs(folder, known, inputs)
    empty_folder(folder)
    write_files({folder / _INPUTS: msgspec.json.encode(inputs)})


def empty_folder(folder: Path) -> None:
    """Remove all that a held folder keeps. Raises UnwritableFile."""
    with refusals(folder):
        # What tells whose folder it is goes last, and first what tells that rows are dealt.
        kept = {_CUT: 0, _INPUTS: 2}
        for each in sorted(folder.iterdir(), key=lambda each: kept.get(each.name, 1)):
            if each.is_dir():
                shutil.rmtree(each)
            elif each.name != _LOCK:
                each.unlink()


def _is_ours(folder: Path) -> bool:
    """Whether a batch made it; what one was only beginning to write is nothing."""
    try:
        names = [each.name for each in folder.iterdir()]
    except FileNotFoundError:
        return True  # another batch has just removed it
    except OSError:
        return False
    begun = all(name == _LOCK or name.startswith(f".{_INPUTS}.") for name in names)
    return begun or _read(folder / _INPUTS, Inputs) is not None


def _other_inputs(folder: Path, known: Inputs, inputs: Inputs) -> InputError:
    differ = [
        name.replace("_", " ")
        for name in Inputs.__struct_fields__
        if getattr(known, name) != getattr(inputs, name)
    ]
    return InputError(
        f"an unfinished batch is here, of other inputs ({', '.join(differ)})",
        where=str(folder),
        remedy="Give the same inputs to go on with it, or begin anew with --restart "
        "(restart=True in Python).",
    )


# ---- the cut


class _KeptCut(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a batch is cut, and SHA-256 of that and of the rows that are dealt."""

    cut: Cut
    sha256: str


def read_cut(folder: Path) -> Cut | None:
    """How the batch is cut; None before that is known and rows are dealt, and where either has
    been changed since.
    """
    kept = _read(folder / _CUT, _KeptCut)
    return kept.cut if kept is not None and kept.sha256 == _cut_sha256(folder, kept.cut) else None


def write_cut(folder: Path, cut: Cut) -> None:
    """Keep how the batch is cut, once rows are dealt. Raises UnwritableFile."""
    kept = _KeptCut(cut=cut, sha256=_cut_sha256(folder, cut))
    write_files({folder / _CUT: msgspec.json.encode(kept)})


def _cut_sha256(folder: Path, cut: Cut) -> str:
    dealt = dealt_folder(folder)
    heaps = sorted(dealt.glob("*/*.parquet")) if cut.dealt else []
    told = [(str(heap.relative_to(dealt)), digest_of_file(heap)) for heap in heaps]
    return digest_of((msgspec.json.encode(cut), told))


def dealt_folder(folder: Path) -> Path:
    """Where rows are dealt to."""
    return folder / _DEALT


def empty_dealt(folder: Path) -> Path:
    """The same without what an unfinished dealing left. Raises UnwritableFile."""
    dealt = dealt_folder(folder)
    if dealt.exists():
        with refusals(dealt):
            shutil.rmtree(dealt)
    return dealt


# ---- shards


def write_shard(
    folder: Path, number: int, rows: pl.DataFrame, rejected: pl.DataFrame, totals: ShardTotals
) -> None:
    """Keep a shard that is done, whole or not at all. Raises UnwritableFile."""
    done = folder / _DONE
    with refusals(done):
        done.mkdir(exist_ok=True)
    margins, listed = _as_parquet(rows), _as_parquet(rejected)
    kept = _Kept(totals=totals, sha256=_sha256(margins, listed, totals))
    contents = {_rows(folder, number): margins}
    contents[_totals(folder, number)] = msgspec.json.encode(kept)
    contents[_rejected(folder, number)] = listed
    write_files(contents)


def read_totals(folder: Path, number: int) -> ShardTotals | None:
    """What a shard that is done adds to the summary; None of one that is not, or not whole."""
    kept = _read(_totals(folder, number), _Kept)
    try:
        margins, listed = (p(folder, number).read_bytes() for p in (_rows, _rejected))
    except OSError:
        return None
    if kept is None or kept.sha256 != _sha256(margins, listed, kept.totals):
        return None
    return kept.totals


def _sha256(margins: bytes, listed: bytes, totals: ShardTotals) -> str:
    parts = (margins, listed, msgspec.json.encode(totals))
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def done_rows(folder: Path, shards: int) -> Sequence[Path]:
    """The files of margins of every shard."""
    return [_rows(folder, number) for number in range(shards)]


def done_rejected(folder: Path, shards: int) -> Sequence[Path]:
    """The files of rows that cannot be margined of every shard."""
    return [_rejected(folder, number) for number in range(shards)]


def _rows(folder: Path, number: int) -> Path:
    return folder / _DONE / f"{number:06}.parquet"


def _rejected(folder: Path, number: int) -> Path:
    return folder / _DONE / f"{number:06}.rejected.parquet"


def _totals(folder: Path, number: int) -> Path:
    return folder / _DONE / f"{number:06}.json"


def _as_parquet(rows: pl.DataFrame) -> bytes:
    content = io.BytesIO()
    rows.write_parquet(content, compression="lz4")
    return content.getvalue()


def _read(file: Path, kind: type[Held]) -> Held | None:
    """What a file of the folder holds; None where there is none, or none of this form."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError):
        return None
