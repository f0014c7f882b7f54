"""The file system's own troubles, said in one way: missing, a folder, empty, too large."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from seawall.basics.errors import UnreadableFile

MAX_FILE_BYTES = 2 * 1024**3
"""Files above this size, and texts that unpack to more, are refused."""

WRITE_AGAIN = "Write or download it again."


def as_path(given: object) -> Path:
    """A path from what a program handed in. Raises UnreadableFile for what is none."""
    if isinstance(given, str | Path):
        return Path(given)
    raise UnreadableFile(f"{given!r:.60} is no path", where="file", remedy="Give text or a Path.")


def file_size(path: Path) -> int:
    """The size in bytes. Raises UnreadableFile unless it is a file of a size that can be read."""
    with system_errors(path):
        size = path.stat().st_size
    if not path.is_file():
        raise unreadable(path, "it is not a file", "Name a file.")
    if size > MAX_FILE_BYTES:
        raise too_large(path)
    return size


def read_text(path: Path, kind: str) -> str:
    """The text of a file that should be ``kind``, without a byte order mark.

    Raises UnreadableFile for what is missing, too large or not UTF-8 text.
    """
    file_size(path)
    with system_errors(path):
        content = path.read_bytes()
    save = f"Save it as {kind} in UTF-8."
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise unreadable(path, f"it is not UTF-8 text at row {line}", save) from None
    if "\0" in text:
        raise unreadable(path, "it is not text", save)
    return text


@contextmanager
def system_errors(path: Path) -> Generator[None]:
    """Turn the system's errors while a file is opened or read into UnreadableFile."""
    try:
        yield
    except FileNotFoundError:
        raise unreadable(path, "there is no such file", "Check the path.") from None
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise unreadable(path, why.lower(), "Check the file and its permissions.") from None
    except ValueError:  # a path with a zero byte in it
        raise unreadable(path, "that is no path", "Check the path.") from None


def may_be_cut(name: str) -> str:
    """The warning about a text whose last line has no end: its last cell may lack digits."""
    return f"{name} does not end with a line break: if it was cut off, so is its last number."


def unreadable(path: Path, why: str, remedy: str) -> UnreadableFile:
    """The error for a file that cannot be read, ready to be raised."""
    return UnreadableFile(f"the file cannot be read: {why}", where=str(path), remedy=remedy)


def too_large(path: Path) -> UnreadableFile:
    """The error for a file beyond the bound, ready to be raised."""
    limit = f"it is larger than {MAX_FILE_BYTES // 1024**3} GiB"
    return unreadable(path, limit, "Cut out the time you need first.")
