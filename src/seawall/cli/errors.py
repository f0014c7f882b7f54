"""Errors as the shell sees them: one line on stderr and an exit code.

The table below is the only place where an error becomes an exit code.
"""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

import typer

from seawall.basics.errors import (
    ClusterError,
    InputError,
    ModelError,
    SeawallError,
    StateError,
    VenueError,
)

EXIT_CODES: tuple[tuple[type[BaseException], int], ...] = (
    (InputError, 2),
    (typer.TyperException, 2),  # the command line itself is wrong: unknown option, missing file
    (ModelError, 3),
    (VenueError, 4),
    (ClusterError, 5),
    (StateError, 7),
    (typer.Abort, 130),
    (KeyboardInterrupt, 130),
    (Exception, 1),  # the system refused, or a fault of seawall
)

SOME_LEFT_OUT = 6
"""The exit code of what was answered but for accounts that could not be, which are listed."""

NOT_CONFORMING = 8
"""The exit code of a model that does not give what a published case expects."""

EXIT_MEANINGS = {
    0: "answered; also when the reader of a pipe leaves early",
    1: "the system refused to write, or a fault of seawall itself",
    2: "the input is wrong: an InputError, or the command line",
    3: "the model is wrong: a ModelError",
    4: "a venue was not reached, refused, or gave nothing usable: a VenueError",
    5: "the machines that share the work cannot do it: a ClusterError",
    SOME_LEFT_OUT: "answered but for accounts that are listed (batch --keep-going)",
    7: "what is kept cannot be changed in that way now: a StateError",
    NOT_CONFORMING: "a published case does not come out as published (conform)",
    130: "interrupted",
}
"""What a script may take from each exit code, as help and docs/cli.md say it."""

EXIT_CODES_TOLD = "\b\nExit codes:\n" + "\n".join(
    f"  {code:<3}  {meaning}" for code, meaning in EXIT_MEANINGS.items()
)


def exit_code(error: BaseException) -> int:
    """The exit code of the first class in the table that the error belongs to."""
    return next(code for kind, code in EXIT_CODES if isinstance(error, kind))


def report_error(error: BaseException) -> None:
    """Write ``error: what (where). remedy`` to stderr, red on a terminal that allows colour."""
    from rich.console import Console
    from rich.text import Text

    if isinstance(error, (KeyboardInterrupt, typer.Abort)):
        return
    line = Text.assemble(("error: ", "bold red"), one_line(error))
    Console(file=sys.stderr, highlight=False, soft_wrap=True).print(line)


def one_line(error: BaseException) -> str:
    """What is wrong, where, and the remedy, on one line."""
    if isinstance(error, SeawallError):
        message = str(error)
    elif isinstance(error, typer.TyperException):
        context = getattr(error, "ctx", None)
        command = getattr(context, "command_path", "seawall")
        what = error.format_message().strip().rstrip(".")
        message = f"{what} (command line). See {command} --help."
    elif isinstance(error, OSError) and error.strerror:
        where = error.filename or "standard output"
        message = f"{error.strerror.lower()} ({where}). Check the space and permissions there."
    else:
        message = (
            f"unexpected {type(error).__name__}: {str(error) or 'no message'} ({_place(error)}). "
            "This is a fault of seawall: please report it with the command that led to it."
        )
    return " ".join(message.split())


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "unknown place"
