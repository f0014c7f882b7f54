"""Files as bytes and text, and what form they have: the content decides, not the name.

The file system's own troubles are said in one way: missing, a folder, empty, too large.
"""

from __future__ import annotations

import gzip
import io
import os
import zlib
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from seawall.basics.errors import UnreadableFile, UnrecognisedFile

MAX_FILE_BYTES = 2 * 1024**3
"""Files above this size, and texts that unpack to more, are refused."""

MAX_UNPACKING, UNPACKED_BYTES = 200, 64 * 1024**2
"""A file may unpack to so many times its size, or to so many bytes, whichever is more.

Quotes of a season unpack to some 30 times; what is made to exhaust a memory, to a thousand.
"""

MAX_COLUMNS = 1_000
"""Of a table; chains have some 40."""

WRITE_AGAIN = "Write or download it again."

BOM, GZIP = b"\xef\xbb\xbf", b"\x1f\x8b"
_ZIP, _OLD_EXCEL = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_CHUNK_BYTES = 1024 * 1024
_HEAD_BYTES = 4096

Form = Literal["json", "excel", "table"]
"""JSON, an Excel workbook, or a table of text or parquet."""


def as_path(given: object) -> Path:
    """A path from what a program handed in. Raises UnreadableFile for what is none."""
    if isinstance(given, str | Path):
        return Path(given)
    raise UnreadableFile(f"{given!r:.60} is no path", where="file", remedy="Give text or a Path.")


def file_size(path: Path, most: int | None = None) -> int:
    """The size in bytes. Raises UnreadableFile unless it is a file of at most ``most`` bytes."""
    with system_errors(path):
        size = path.stat().st_size
    if not path.is_file():
        raise unreadable(path, "it is not a file", "Name a file.")
    if size > (MAX_FILE_BYTES if most is None else most):
        raise too_large(path, most)
    return size


def form_of(path: Path) -> Form:
    """What a file is by its first bytes, unpacked where it is gzip.

    Raises UnreadableFile for what is missing, a folder, too large or an Excel file of the old kind.
    """
    file_size(path)
    with opened(path) as file:
        head = file.read(_HEAD_BYTES)
    if head.startswith(_OLD_EXCEL):
        raise unreadable(path, "it is an Excel file of the old kind", "Save it as .xlsx.")
    if head.startswith(_ZIP):
        return "excel"
    return "json" if head.removeprefix(BOM).lstrip().startswith((b"{", b"[")) else "table"


def read_bytes(path: Path, most: int | None = None) -> bytes:
    """The content of a file, unpacked where it is gzip, of at most ``most`` bytes.

    Raises UnreadableFile for what is missing, a folder, too large, damaged, cut off, or unpacks to
    far more than its size.
    """
    size = file_size(path)
    most = MAX_FILE_BYTES if most is None else most
    content = io.BytesIO()
    with opened(path) as file:
        while chunk := file.read(_CHUNK_BYTES):
            content.write(chunk)
            if content.tell() > most:
                raise too_large(path, most)
            require_modest(content.tell(), size, path)
    return content.getvalue()


def require_modest(unpacked_bytes: int, packed_bytes: int, path: Path) -> None:
    """Raise UnreadableFile for a file that unpacks to far more than files of quotes do."""
    if unpacked_bytes > max(UNPACKED_BYTES, MAX_UNPACKING * packed_bytes):
        why = f"it unpacks to more than {MAX_UNPACKING} times its size"
        raise unreadable(path, why, "Give it unpacked, or as CSV.")


@contextmanager
def opened(path: Path) -> Generator[io.BufferedIOBase]:
    """The file opened for reading, as gzip where it is that."""
    with system_errors(path), path.open("rb") as file:
        if file.peek(len(GZIP)).startswith(GZIP):
            try:
                with gzip.open(file, "rb") as unpacked:
                    yield unpacked
            except (EOFError, zlib.error, gzip.BadGzipFile):
                why = "its compression is damaged or cut off"
                raise unreadable(path, why, WRITE_AGAIN) from None
        else:
            yield file


def read_text(path: Path, kind: str, most: int | None = None) -> str:
    """The text of a file that should be ``kind``, without a byte order mark, gzip unpacked.

    Raises UnreadableFile for what is missing, larger than ``most`` bytes or not UTF-8 text.
    """
    content = read_bytes(path, most)
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


def require_commas(header: Sequence[str], where: str) -> None:
    """Raise UnrecognisedFile for a header of one cell that holds several, separated otherwise."""
    for separator, name in ((";", "semicolons"), ("\t", "tabs")):
        if len(header) == 1 and separator in header[0]:
            raise UnrecognisedFile(
                f"its columns are separated by {name}",
                where=where,
                remedy=f"Save it with commas instead of {name}, and with points in numbers.",
            )


def may_be_cut(name: str) -> str:
    """The warning about a text whose last line has no end: its last cell may lack digits."""
    return f"{name} does not end with a line break: if it was cut off, so is its last number."


def unreadable(path: Path, why: str, remedy: str) -> UnreadableFile:
    """The error for a file that cannot be read, ready to be raised."""
    return UnreadableFile(f"the file cannot be read: {why}", where=str(path), remedy=remedy)


def too_large(path: Path, most: int | None = None) -> UnreadableFile:
    """The error for a file beyond the bound of ``most`` bytes, ready to be raised."""
    most = MAX_FILE_BYTES if most is None else most
    gib = most >= 1024**3
    shown = f"{most // 1024**3} GiB" if gib else f"{most // 1024**2} MiB"
    return unreadable(path, f"it is larger than {shown}", "Cut out the time you need first.")
