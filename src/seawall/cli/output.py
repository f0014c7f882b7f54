"""Where the answers of commands go: tables on a terminal, JSON on standard output, files."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from seawall.cli.terminal import Terminal
    from seawall.report.schema import Document

Answer = TypeVar("Answer", bound="Document")


def output(
    documents: Sequence[Answer],
    show: Callable[[Answer, Terminal], None],
    as_json: bool,
    out: str | None,
    overwrite: bool,
) -> None:
    """One document an account or surface: as JSON, several as a list, or shown, or written to
    files, whose names are then printed unless there is JSON.
    """
    if out is not None:
        from seawall.feeds.reports import write_report

        files = write_report(documents, out, overwrite=overwrite)
        if not as_json:
            sys.stdout.writelines(f"{file}\n" for file in files)
            return
    if as_json:
        from seawall.report.schema import to_json

        sys.stdout.write(to_json(documents).decode() + "\n")
        return
    from seawall.cli.terminal import Terminal

    terminal = Terminal()
    for place, document in enumerate(documents):
        terminal.separate(place)
        show(document, terminal)
