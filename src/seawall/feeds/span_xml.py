"""SPAN's XML files read part by part: a file is never held whole.

Parts are the children of the containers: a future, a series of options, a combined commodity. Each
is handed out when it ends and then let go, so that memory is that of the largest part. A document
type, and with it every entity that could grow, is refused.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import cast
from xml.etree.ElementTree import Element, ParseError, XMLPullParser

from seawall.basics.errors import BadNumber, UnrecognisedFile
from seawall.feeds.files import WRITE_AGAIN, file_size, opened, require_modest, unreadable

__all__ = ["as_number", "needed", "number", "parts", "text"]

_CHUNK_BYTES = 256 * 1024
_PROLOG_BYTES = 64 * 1024
"""Before the root there are a declaration and comments."""
_ROOT = "spanFile"
_GIVE = "Give a .spn file of SPAN."
MAX_DEPTH = 32
"""The published schema has some ten levels."""

_LEVELS = {
    _ROOT: 0,
    "pointInTime": 1,
    "clearingOrg": 2,
    "exchange": 3,
    **dict.fromkeys(("phyPf", "futPf", "oofPf", "oopPf"), 4),
}
"""How deep each container stands; of another depth an element of its name is none."""
_KEPT = frozenset(("date", "ec", "exch", "pfId", "pfCode", "cvf", "valueMeth"))
"""Children of containers that parts after them are read by."""


def parts(path: Path) -> Iterator[tuple[Element, tuple[Element, ...]]]:
    """Each part with the containers around it, the root first; gzip is unpacked.

    Of a container what came before the part is there as far as it is kept. Raises UnrecognisedFile
    unless the root is ``spanFile``, UnreadableFile for a document type and for what is cut off or
    no XML.
    """
    size, read = file_size(path), 0
    stack = _Stack(path)
    parser: XMLPullParser[Element] = XMLPullParser(("start", "end"))
    with opened(path) as file:
        chunk = file.read(_PROLOG_BYTES)
        _check_prolog(chunk, path)
        try:
            while chunk:
                read += len(chunk)
                require_modest(read, size, path)
                parser.feed(chunk)
                yield from stack.ended(cast("Iterator[tuple[str, Element]]", parser.read_events()))
                chunk = file.read(_CHUNK_BYTES)
            parser.close()
        except ParseError as error:
            raise unreadable(path, f"it is cut off or no XML: {error!s:.80}", WRITE_AGAIN) from None


def _check_prolog(head: bytes, path: Path) -> None:
    before, root, _ = head.partition(b"<" + _ROOT.encode())
    if not root:
        raise UnrecognisedFile(f"no root {_ROOT} begins in it", where=path.name, remedy=_GIVE)
    if b"<!DOCTYPE" in before or b"<!ENTITY" in before:
        raise unreadable(path, "it has a document type, which SPAN's files have not", WRITE_AGAIN)


class _Stack:
    """The open elements, of which the first so many are containers."""

    def __init__(self, path: Path) -> None:
        self.path, self.open, self.containers = path, list[Element](), 0

    def ended(
        self, events: Iterator[tuple[str, Element]]
    ) -> Iterator[tuple[Element, tuple[Element, ...]]]:
        """The parts that end in what was fed."""
        for event, element in events:
            if event == "start":
                self._begin(element)
                continue
            self.open.pop()
            was_container = len(self.open) < self.containers
            self.containers = min(self.containers, len(self.open))
            if not self.open or self.containers < len(self.open):
                continue
            if len(element) and not was_container:
                yield element, tuple(self.open)
            if element.tag not in _KEPT:
                self.open[-1].remove(element)

    def _begin(self, element: Element) -> None:
        depth = len(self.open)
        if self.containers == depth == _LEVELS.get(element.tag):
            self.containers += 1
        elif depth == 0:
            raise UnrecognisedFile(
                f"its root is {element.tag:.40}", where=self.path.name, remedy=_GIVE
            )
        self.open.append(element)
        if depth >= MAX_DEPTH:
            raise unreadable(self.path, f"it is nested more than {MAX_DEPTH} deep", WRITE_AGAIN)


def text(element: Element, name: str) -> str:
    """What stands in a child, without blanks around it; nothing where there is none."""
    return (element.findtext(name) or "").strip()


def number(element: Element, name: str, where: str) -> float | None:
    """The number in a child, None where it is blank. Raises BadNumber for what is no number."""
    found = text(element, name)
    return as_number(found, name, where) if found else None


def needed(element: Element, name: str, where: str) -> float:
    """The number in a child; raises BadNumber where it is blank or no number."""
    found = number(element, name, where)
    if found is None:
        raise BadNumber(f"{name} is blank", where=where, remedy=WRITE_AGAIN)
    return found


def as_number(found: str, name: str, where: str) -> float:
    """The number that a text is. Raises BadNumber for one that is none, or not finite."""
    try:
        value = math.nan if "_" in found else float(found)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise BadNumber(
            f"{name} is {found!r:.40}, which is no number", where=where, remedy=WRITE_AGAIN
        )
    return value
