"""The files that a batch writes: its result, the list of bad rows, reports of single accounts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from seawall.basics.errors import InputError
from seawall.feeds.files import as_path
from seawall.feeds.table_files import writable_table
from seawall.feeds.writing import require_free, unwritable


@dataclass(frozen=True, slots=True)
class BatchFiles:
    """Where a batch writes: ``result``, ``rejected`` where it keeps going, and ``reports`` by
    account. Shards that are done wait in the folder ``unfinished``. None of them is one of
    ``inputs``.
    """

    result: Path
    rejected: Path | None
    reports: Mapping[str, Path]
    inputs: tuple[Path, ...] = ()

    @property
    def unfinished(self) -> Path:
        """Beside the result and named after it."""
        return self.result.with_name(f"{self.result.name}.parts")


def batch_files(
    out: str | Path,
    *,
    keep_going: bool = False,
    rejected: str | Path | None = None,
    explain: str | Sequence[str] = (),
    explain_to: str | Path | None = None,
    overwrite: bool = False,
    inputs: str | Path | Iterable[str | Path] = (),
) -> BatchFiles:
    """The files of a batch with the result ``out``, by its suffix parquet, CSV or Arrow.

    What is not named stands beside it: ``NAME.rejected.csv``, and ``NAME.explained/ACCOUNT.json``
    with the characters of an account's name that a file should not have as in a web address.
    ``inputs`` are files that must not be written over, such as those of the market and the model;
    the positions are one of them without being named. Raises UnwritableFile for another suffix, a
    folder that is not there, a file that is in the way and one that is read; InputError for a place
    that nothing would be written to.
    """
    # One name or path is meant as one, never letter by letter.
    explain = [explain] if isinstance(explain, str) else explain
    inputs = [inputs] if isinstance(inputs, str | Path) else inputs
    result = writable_table(out, overwrite=overwrite)
    for place, wanted, option in (
        (rejected, keep_going, "--keep-going (keep_going=True in Python)"),
        (explain_to, explain, "--explain ACCOUNT (explain= in Python)"),
    ):
        if place is not None and not wanted:
            raise InputError(
                "nothing would be written here", where=str(place), remedy=f"Add {option}."
            )
    listed = None
    if keep_going:
        listed = writable_table(rejected or _beside(result, ".rejected.csv"), overwrite=overwrite)
    folder = as_path(explain_to or _beside(result, ".explained"))
    if explain:
        require_free(folder, overwrite=True)
    reports = {account: folder / f"{quote(account, safe='')}.json" for account in explain}
    for report in reports.values():
        if folder.is_dir():
            require_free(report, overwrite=overwrite)
    files = BatchFiles(result, listed, reports, tuple(map(as_path, inputs)))
    require_apart(files)
    return files


def _beside(result: Path, ending: str) -> Path:
    """A place named after a result, with another ending."""
    return result.with_name(result.stem + ending)


def require_apart(files: BatchFiles, *positions: Path) -> None:
    """Raise UnwritableFile where a batch would write over what it reads, or one file twice, or keep
    either where its unfinished shards are, which are thrown away.

    Links are followed.
    """
    written = [files.result, *([files.rejected] if files.rejected else []), *files.reports.values()]
    inputs = (*files.inputs, *positions)
    for file in (*inputs, *written):
        if Path(os.path.realpath(files.unfinished)) in Path(os.path.realpath(file)).parents:
            why = f"shards wait here and are thrown away, and {str(file)!r} would be with them"
            raise unwritable(files.unfinished, why, "Choose another name.")
    taken = {os.path.realpath(given): given for given in inputs}
    for file in written:
        place = os.path.realpath(file)
        other = taken.get(place)
        if other is None and file.exists():
            same = (path for path in taken.values() if path.exists() and path.samefile(file))
            other = next(same, None)
        if other is not None:
            why = f"the same batch reads or writes {str(other)!r}, which is this file"
            raise unwritable(file, why, "Choose another name.")
        taken[place] = file
