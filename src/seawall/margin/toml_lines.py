"""On which line of a TOML text a key stands, for messages; the parser itself does not tell."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

Path = tuple[str, ...]

_HEADER = re.compile(r"^\s*(\[{1,2})([^\[\]]+)\]{1,2}\s*(?:#.*)?$")
_KEY = re.compile(r"^\s*([A-Za-z0-9_.\"'-]+)\s*=")
_QUOTED = re.compile(r"\"(?:\\.|[^\"\\])*\"|'[^']*'")


def line_of(text: str, path: Path) -> int | None:
    """The line, from 1, on which the deepest part of a path stands that the text writes itself.

    Members of a list go by their place, as in ``("charges", "0", "rate_rel")``. None where not
    even the first part stands in the text: it is another preset's.
    """
    lines: dict[Path, int] = {}
    for found, number in _keys(text):
        for depth in range(1, len(found) + 1):
            lines.setdefault(found[:depth], number)
    depths = range(len(path), 0, -1)
    return next((lines[path[:depth]] for depth in depths if path[:depth] in lines), None)


def _keys(text: str) -> Iterator[tuple[Path, int]]:
    """Every key that begins a line, and every key of an inline table on such a line."""
    table: Path = ()
    members: Counter[Path] = Counter()
    depth = 0
    for number, line in enumerate(text.splitlines(), 1):
        bare = _QUOTED.sub('""', line).partition("#")[0]
        if depth == 0 and (header := _HEADER.match(line)):
            table = _placed(_path(header[2]), members, adds=header[1] == "[[")
            yield table, number
            continue
        if depth == 0 and (key := _KEY.match(line)):
            own = (*table, *_path(key[1]))
            yield own, number
            for inner in re.findall(r"[{,]\s*([A-Za-z0-9_-]+)\s*=", bare):
                yield (*own, inner), number
        depth = max(0, depth + sum(map(bare.count, "[{")) - sum(map(bare.count, "]}")))


def _path(dotted: str) -> Path:
    return tuple(step.strip(" \"'") for step in dotted.split("."))


def _placed(path: Path, members: Counter[Path], *, adds: bool) -> Path:
    """The path of a header with the places of the members of lists that it runs through."""
    placed: Path = ()
    for step in path[:-1]:
        placed = (*placed, step)
        if members[placed]:
            placed = (*placed, str(members[placed] - 1))
    placed = (*placed, path[-1])
    if adds:
        members[placed] += 1
        return (*placed, str(members[placed] - 1))
    return placed
