"""Files of positions of any size, read in shards: so many whole accounts as memory holds easily.

Of a file in which the rows of every account stand together a shard is a range of rows. Of any other
the rows are dealt to shards once, by a hash of their account, into files of their own. A file that
is not parquet is first copied into one, of which any rows can be read without those before them.

Rows are numbered from 1, in CSV as a text editor counts lines: the header is row 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import EmptyPortfolio, UnreadableFile
from seawall.feeds.digests import digest_of_file
from seawall.feeds.files import GZIP, WRITE_AGAIN, file_size, form_of, system_errors, unreadable
from seawall.feeds.parquet import MAGIC, check_parquet
from seawall.feeds.position_frames import (
    REQUIRED,
    name_columns,
    position_frame,
    require_position_columns,
)
from seawall.feeds.table_files import refusals_of_polars
from seawall.feeds.tables import open_table, table_errors
from seawall.feeds.writing import refusals, write_files, written_whole

if TYPE_CHECKING:
    import polars as pl

Say = Callable[[str, int, int], None]
"""Told what is done, and of how many rows, how many it is done with."""

Stamp = tuple[int, int, int]
"""Size, time of the last change and number of a file."""

SHARD_POSITIONS = 2_000_000
"""Positions of a shard: some 100,000 accounts of a venue, and with what is worked out of them less
than a gigabyte."""

MAX_FILE_BYTES, MAX_ROWS = 2**40, 10**10
"""Of a file of positions in parquet or Arrow; one in CSV is at most as large as other CSV."""

_SLICE_ROWS = 1_000_000
_GROUP_ROWS = 2**18
_ARROW_MAGIC = b"ARROW1"
_COLUMNS = (*REQUIRED, "entry_price")


class Cut(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a file is cut into shards, and what was seen on the way.

    Shard k is the rows from ``stops``[k − 1] (0 for the first) to ``stops``[k], counted from 0; of
    a file that is ``dealt`` the k-th of as many heaps. ``instruments`` are all names that are held,
    in the order of the alphabet, ``rows`` how many each shard has.
    """

    stops: tuple[int, ...]
    rows: tuple[int, ...] = ()
    dealt: bool
    instruments: tuple[str, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PositionFile:
    """A file of positions, any rows of which can be read.

    ``path`` is named in messages and ``parquet`` read, which is the same or a copy; ``first_row``
    is the number of its first row. ``stamp`` tells whether it is still the same file.
    """

    path: Path
    parquet: Path
    rows: int
    columns: tuple[str, ...]
    first_row: int
    stamp: Stamp

    def between(self, start: int, stop: int) -> pl.DataFrame:
        """Some rows, counted from 0, as a :func:`seawall.feeds.position_frames.position_frame`.

        Raises UnreadableFile for bytes that are damaged, and for another file than was opened.
        """
        frame = self._read(self.columns, start, stop)
        return position_frame(frame.with_row_index("row", offset=self.first_row + start))

    def _read(self, columns: tuple[str, ...], start: int, stop: int) -> pl.DataFrame:
        import polars as pl

        _require_unchanged(self.path, self.parquet, self.stamp)
        with table_errors(self.path):
            rows = pl.scan_parquet(self.parquet, glob=False).select(columns)
            return rows.slice(start, stop - start).collect()

    def slices(self, rows: int = _SLICE_ROWS) -> Iterator[tuple[int, int]]:
        """All rows in ranges of so many."""
        for start in range(0, self.rows, rows):
            yield start, min(start + rows, self.rows)

    def names(self, start: int, stop: int) -> tuple[pl.Series, pl.Series]:
        """The accounts and instruments of some rows, as :meth:`between` has them."""
        frame = self._read(("account", "instrument"), start, stop)
        names = frame.select(*name_columns(frame.schema))
        return names["account"], names["instrument"]


def open_positions(path: Path, folder: Path, stamp: Stamp) -> tuple[PositionFile, tuple[str, ...]]:
    """A file in parquet, CSV or Arrow IPC, and what a report on it must repeat.

    What is not parquet is copied into ``folder``, unless its copy is there and unchanged. ``stamp``
    is what :func:`stamp_of` said of the file when it was looked at. Raises UnreadableFile,
    UnrecognisedFile for other columns, EmptyPortfolio for a file without rows.
    """
    import polars as pl

    size = file_size(path, MAX_FILE_BYTES)
    if size == 0:
        raise unreadable(path, "it is empty", WRITE_AGAIN)
    with system_errors(path), path.open("rb") as file:
        head = file.read(len(_ARROW_MAGIC))
        if head.startswith(MAGIC) or path.suffix.lower() in {".parquet", ".pq"}:
            check_parquet(file, size, path, MAX_ROWS)
            return _opened(path, path, 1, stamp), ()
    copy = folder / "copy.parquet"
    if head == _ARROW_MAGIC:
        with table_errors(path):
            _copy(pl.scan_ipc(path), path, copy)
        _require_unchanged(path, path, stamp)
        return _opened(path, copy, 1, stamp_of(copy)), ()
    if head.startswith(GZIP) or form_of(path) != "table":
        why = "it is neither parquet, CSV nor Arrow IPC"
        raise unreadable(path, why, "Save it as one of these, unpacked.")
    table = open_table(path)
    _copy(table.frame.with_columns(pl.all().str.strip_chars()), path, copy)
    _require_unchanged(path, path, stamp)
    return _opened(path, copy, table.first_row, stamp_of(copy)), table.warnings


def _copy(rows: pl.LazyFrame, path: Path, copy: Path) -> None:
    with table_errors(path):
        schema = rows.collect_schema()
    require_position_columns(schema)
    told = copy.with_suffix(".sha256")
    if _is_as_told(copy, told):
        return
    chosen = rows.select(name for name in _COLUMNS if name in schema)
    with written_whole(copy) as part, table_errors(path):
        chosen.sink_parquet(part, compression="lz4", row_group_size=_GROUP_ROWS)
    write_files({told: digest_of_file(copy).encode()})


def _is_as_told(copy: Path, told: Path) -> bool:
    """Whether a copy is there whole and unchanged."""
    try:
        return told.read_bytes() == digest_of_file(copy).encode()
    except (OSError, UnreadableFile):
        return False


def _opened(path: Path, parquet: Path, first_row: int, stamp: Stamp) -> PositionFile:
    import polars as pl

    _require_unchanged(path, parquet, stamp)
    with table_errors(path):
        scanned = pl.scan_parquet(parquet, glob=False)
        schema = scanned.collect_schema()
        require_position_columns(schema)
        rows = int(scanned.select(pl.len()).collect().item())
    if rows == 0:
        raise EmptyPortfolio(
            "the file has no position", where=str(path), remedy="Give one row per position."
        )
    columns = tuple(name for name in _COLUMNS if name in schema)
    return PositionFile(path, parquet, rows, columns, first_row, stamp)


def stamp_of(path: Path) -> Stamp:
    """What tells a file from another one under its name. Raises UnreadableFile."""
    with system_errors(path):
        told = path.stat()
    return told.st_size, told.st_mtime_ns, told.st_ino


def _require_unchanged(path: Path, parquet: Path, stamp: Stamp) -> None:
    if stamp_of(parquet) != stamp:
        why = "it was changed while it was read"
        raise unreadable(path, why, "Begin again when it is written whole.")


# ---- shards


def cut_of(file: PositionFile, shard_positions: int, warnings: tuple[str, ...], say: Say) -> Cut:
    """Where a file can be cut so that no account is, each shard of ``shard_positions`` or more.

    Of all accounts 8 to 16 bytes are kept meanwhile, to see whether one stands in two places.
    """
    accounts, instruments = _Names(), set[str]()
    stops: list[int] = []
    cut_at, last = shard_positions, None
    for start, stop in file.slices():
        account, instrument = file.names(start, stop)
        instruments.update(instrument.unique().drop_nulls())
        if not accounts.repeat:
            begins = account.ne_missing(account.shift(1, fill_value=last)).to_numpy()
            begins[0] |= start == 0
            places = np.flatnonzero(begins)
            accounts.add(account.gather(places).hash().to_numpy())
            last = account[-1]
            while (first := int(np.searchsorted(places, cut_at - start))) < places.size:
                stops.append(start + int(places[first]))
                cut_at = stops[-1] + shard_positions
        say("reading", stop, file.rows)
    dealt = accounts.repeated()
    if dealt:
        stops = list(range(shard_positions, file.rows, shard_positions))
    names = tuple(sorted(instruments))
    return Cut(stops=(*stops, file.rows), dealt=dealt, instruments=names, warnings=warnings)


class _Names:
    """Hashes of names that should each come once."""

    def __init__(self) -> None:
        self.repeat = False
        self._hashes: list[NDArray[np.uint64]] = []
        self._checked = 0

    def add(self, hashes: NDArray[np.uint64]) -> None:
        """Take in more; whether any repeats is looked at when they have doubled."""
        self._hashes.append(hashes)
        if sum(part.size for part in self._hashes) > 2 * self._checked:
            self.repeated()

    def repeated(self) -> bool:
        """Whether one came twice. Two names of one hash, hardly ever seen, count as one."""
        if not self.repeat:
            every = np.concatenate(self._hashes)
            every.sort()
            self.repeat = bool((every[1:] == every[:-1]).any())
            self._hashes, self._checked = [every], every.size
        return self.repeat


def deal(file: PositionFile, cut: Cut, folder: Path, say: Say) -> None:
    """Deal the rows of a file to the shards of a cut, each in the order of the file."""
    import polars as pl

    for number, (start, stop) in enumerate(file.slices()):
        frame = file.between(start, stop)
        heap = pl.col("account").hash() % len(cut.stops)
        heaps = frame.with_columns(heap=heap).partition_by("heap", as_dict=True, include_key=False)
        for (place,), rows in heaps.items():
            target = folder / f"{place:06}" / f"{number:06}.parquet"
            with refusals(target), refusals_of_polars(target):
                target.parent.mkdir(parents=True, exist_ok=True)
                rows.write_parquet(target, compression="lz4")
        say("dealing", stop, file.rows)


def shard(file: PositionFile, cut: Cut, dealt: Path, number: int) -> pl.DataFrame:
    """The positions of a shard, rows in the order of the file; ``dealt`` is where :func:`deal` put
    them, of a file that is.
    """
    import polars as pl

    if not cut.dealt:
        return file.between(cut.stops[number - 1] if number else 0, cut.stops[number])
    parts = sorted((dealt / f"{number:06}").glob("*.parquet"))
    if not parts:
        return file.between(0, 0)
    with table_errors(dealt):
        return pl.concat([pl.read_parquet(part) for part in parts])


def heap_rows(dealt: Path, heaps: int) -> tuple[int, ...]:
    """How many rows each heap has; a file that is damaged has none."""
    return tuple(sum(map(_rows, (dealt / f"{heap:06}").glob("*.parquet"))) for heap in range(heaps))


def _rows(part: Path) -> int:
    import polars as pl

    try:
        return int(pl.scan_parquet(part, glob=False).select(pl.len()).collect().item())
    except (OSError, pl.exceptions.PolarsError):
        return 0
