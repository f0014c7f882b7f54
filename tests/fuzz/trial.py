"""One input: how it is made from the seeds of a title, put through its door, and told of."""

from __future__ import annotations

import hashlib
import time
import traceback
from pathlib import Path
from random import Random

from seawall.basics.errors import SeawallError
from tests.fuzz.doors import DOORS
from tests.fuzz.mutations import mutated
from tests.fuzz.refusals import check_refusal
from tests.fuzz.seeds import Seed, seeds

READ, MARGINED, FAULT = "read", "margined", "fault"

INPUT = "input"
"""The file in which an input is tried: what it holds when a process ends has ended it."""

_ROOT = Path(__file__).resolve().parents[2]


def outcome(door: str, content: bytes, path: Path) -> str:
    """``margined``, ``read`` where no margin is asked or its refusal says why, or the class of the
    package's error that refused it.

    Whatever else is raised by the reader, or by the checks of what it said, is a fault.
    """
    path.write_bytes(content)
    try:
        return MARGINED if DOORS[door](content, path) else READ
    except SeawallError as error:
        check_refusal(error)
        return type(error).__name__


def titled(title: str) -> list[Seed]:
    """The seeds of a title."""
    return [seed for seed in seeds() if seed.title == title]


def titles() -> list[str]:
    """All titles, in the order of the seeds."""
    return [*dict.fromkeys(seed.title for seed in seeds())]


def made(chosen: list[Seed], number: int, seed: int) -> tuple[Seed, bytes]:
    """The input of a number, always the same, and what it was made from."""
    base = chosen[number % len(chosen)]
    return base, mutated(base.content, base.form, Random(f"{seed}:{base.title}:{number}"))


def told(door: str, content: bytes, folder: Path) -> str:
    """One line: the outcome and its seconds; of a fault also what it was, where, and its file."""
    started = time.perf_counter()
    try:
        found, why = outcome(door, content, folder / INPUT), ""
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001  # a library's panic is no Exception
        found, why = FAULT, f"{_described(error)} (as in {keep(door, content, folder)})"
    return f"{found}\t{time.perf_counter() - started:.6f}\t{why}\n"


def keep(door: str, content: bytes, folder: Path) -> str:
    """Write an input to a file of its own. Returns its name."""
    name = f"{door}-{hashlib.sha256(content).hexdigest()[:12]}"
    (folder / name).write_bytes(content)
    return name


def _described(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename.startswith(str(_ROOT))] or frames
    file = Path(own[-1].filename).name
    message = " ".join(str(error).split())[:300].encode("ascii", "backslashreplace").decode()
    return f"{type(error).__name__} at {file}:{own[-1].lineno}: {message}"
