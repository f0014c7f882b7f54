"""Files written whole or not at all, and what keeps one from being written."""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from seawall.basics.errors import UnwritableFile


def write_files(contents: Mapping[Path, bytes], *, private: bool = False) -> None:
    """Write files beside their places, then move all there, the first of them last.

    Whoever waits for the first finds the others. Files that are there are replaced, and of a link
    what it points to; none is while one of them cannot be written. ``private`` ones only their
    owner can read. Raises UnwritableFile.
    """
    places = {file: Path(os.path.realpath(file)) for file in contents}
    parts = {file: at.with_name(f".{at.name}.{os.getpid()}.part") for file, at in places.items()}
    try:
        for file, content in contents.items():
            if places[file].exists() and not places[file].is_file():  # a folder, or /dev/null
                raise unwritable(file, "what stands there is no file", "Choose another name.")
            with refusals(file):
                parts[file].touch(mode=0o600 if private else 0o666)
                parts[file].write_bytes(content)
        for file in reversed(parts):
            with refusals(file):
                parts[file].replace(places[file])
    finally:
        for part in parts.values():
            with suppress(OSError):  # moved, or never written
                part.unlink()


@contextmanager
def written_whole(file: Path) -> Generator[Path]:
    """A place beside a file to write to in pieces; what is there in the end becomes the file.

    Nothing is left there where writing fails. Raises UnwritableFile.
    """
    place = Path(os.path.realpath(file))
    part = place.with_name(f".{place.name}.{os.getpid()}.part")
    try:
        with refusals(file):
            yield part
            part.replace(place)
    finally:
        with suppress(OSError):  # moved, or never written
            part.unlink()


def require_free(file: Path, *, overwrite: bool) -> None:
    """Raise UnwritableFile where there is no such folder, or a file in the way that is to stay."""
    folder = Path(os.path.realpath(file)).parent
    if not folder.is_dir():
        why = f"there is no folder {str(folder)!r:.200}"
        raise unwritable(file, why, "Choose a folder that exists and that you may write to.")
    if not overwrite and os.path.lexists(file):
        raise unwritable(
            file,
            "the file exists",
            "Choose another name, or allow it with --overwrite (overwrite=True in Python).",
        )


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
