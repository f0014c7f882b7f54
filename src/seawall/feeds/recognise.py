"""Which kind of file something is, told by its columns or keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from seawall.basics.errors import UnrecognisedFile

Content = TypeVar("Content")
Reader = TypeVar("Reader")


@dataclass(frozen=True, slots=True)
class Kind(Generic[Content, Reader]):
    """A kind of file that can be read.

    ``name`` is what people call it; ``lacks`` says what keeps a content from being of this kind,
    and nothing for one that is; ``read`` takes such a content.
    """

    name: str
    lacks: Callable[[Content], Sequence[str]]
    read: Reader


def recognise(
    kinds: Sequence[Kind[Content, Reader]], content: Content, where: str
) -> Kind[Content, Reader]:
    """The first kind that the content is of.

    Raises UnrecognisedFile that names the kind which lacks least, and what.
    """
    lacking = [(kind.lacks(content), kind) for kind in kinds]
    missing, nearest = min(lacking, key=lambda pair: len(pair[0]))
    if missing:
        raise UnrecognisedFile(
            f"it is of no kind that can be read; the nearest is {nearest.name}, but it lacks "
            f"{', '.join(missing)}",
            where=where,
            remedy="Give it these columns or keys, or another file; docs/files.md lists all kinds.",
        )
    return nearest


def missing(wanted: Iterable[str], given: Iterable[str]) -> list[str]:
    """The wanted names that are not among the given ones."""
    found = set(given)
    return [name for name in wanted if name not in found]
