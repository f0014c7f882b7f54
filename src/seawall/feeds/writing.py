"""Files written whole or not at all, and what keeps one from being written."""

from __future__ import annotations

import errno
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from seawall.basics.errors import UnwritableFile


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Write files beside their places, then move all there, the first of them last.

    Whoever waits for the first finds the others. Files that are there are replaced; none is while
    one of them cannot be written. Raises UnwritableFile.
    """
    parts = {file: file.with_name(f".{file.name}.{os.getpid()}.part") for file in contents}
    try:
        for file, content in contents.items():
            with refusals(file):
                if file.is_dir():
                    raise IsADirectoryError(errno.EISDIR, "", str(file))
                parts[file].write_bytes(content)
        for file in reversed(parts):
            with refusals(file):
                os.replace(parts[file], file)
    finally:
        for part in parts.values():
            with suppress(OSError):  # moved, or never written
                part.unlink()


@contextmanager
def refusals(path: Path) -> Generator[None]:
    """Turn the system's errors while a file is written into UnwritableFile."""
    try:
        yield
    except OSError as error:
        why = os.strerror(error.errno).lower() if error.errno else str(error)
        remedy = "Choose a folder that exists and that you may write to."
        raise unwritable(path, why, remedy) from error


def unwritable(path: Path, why: str, remedy: str) -> UnwritableFile:
    """The error for a file that cannot be written, ready to be raised."""
    return UnwritableFile(f"the file cannot be written: {why}", where=str(path), remedy=remedy)
