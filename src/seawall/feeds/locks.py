"""Locks that one process at a time holds, and that the system drops with the process."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


def take_lock(file: Path) -> int | None:
    """Lock a file, made where there is none; None while another process holds it.

    Raises OSError, FileNotFoundError where its folder is gone.
    """
    while True:
        lock = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _lock(lock)
            # Whoever held it before may have removed the file that was opened.
            if os.path.samestat(os.fstat(lock), file.stat()):
                return lock
        except (BlockingIOError, PermissionError):
            os.close(lock)
            return None
        except BaseException:
            os.close(lock)
            raise
        os.close(lock)


def drop_lock(lock: int, file: Path, *, remove: bool) -> None:
    """Let go of a lock, its file removed before anybody else can hold it."""
    if sys.platform == "win32":  # where no open file can be removed, this one's or another's
        os.close(lock)
    if remove:
        with suppress(OSError):
            file.unlink()
    if sys.platform != "win32":
        os.close(lock)


def _lock(lock: int) -> None:
    if sys.platform == "win32":
        msvcrt.locking(lock, msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
