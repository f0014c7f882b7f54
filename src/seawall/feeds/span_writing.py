"""Parameters written as a clearing house publishes them: ``.pa2`` records or ``.spn`` XML.

What is written reads back as it was. What a format has no place for is refused, never rounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from seawall.basics.errors import BadParameter
from seawall.feeds.files import as_path
from seawall.feeds.span_house import SpanFile
from seawall.feeds.span_pa2_writing import pa2_lines
from seawall.feeds.span_spn_writing import spn_lines
from seawall.feeds.writing import require_free, unwritable, written_whole

__all__ = ["writable_span", "write_span"]

_WRITERS = {".pa2": pa2_lines, ".spn": spn_lines}


def writable_span(path: str | Path, *, overwrite: bool = False) -> Path:
    """The path, if it ends in .pa2 or .spn and no file is in the way. Raises UnwritableFile."""
    target = as_path(path)
    if target.suffix.lower() not in _WRITERS:
        raise unwritable(target, "its suffix names no format", f"End it in {', '.join(_WRITERS)}.")
    require_free(target, overwrite=overwrite)
    return target


def write_span(house: SpanFile, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write a house's file, the format by its suffix; returns the path.

    All classes of account get the same charges and ratios. Raises UnwritableFile, and BadParameter
    for what the format cannot tell: a number with too many digits, a credit between houses.
    """
    target = writable_span(path, overwrite=overwrite)
    _check(house)
    lines: Iterator[str] = _WRITERS[target.suffix.lower()](house)
    with written_whole(target) as place, place.open("w", encoding="latin-1", newline="\n") as out:
        out.writelines(_ended(lines))
    return target


def _ended(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield f"{line}\n"


def _check(house: SpanFile) -> None:
    """Every contract has its key, and no credit is between houses: no file of one says those."""
    listed = [each.name for own in house.parameters.commodities for each in own.contracts]
    between = [s for s in house.parameters.credit_spreads if s.pass_name == "exchange"]
    if listed != [key.name for key in house.keys] or between:
        raise BadParameter(
            "credits between houses" if between else "contracts without a key of their name",
            where=house.complex,
            remedy="Leave those credits out." if between else "Give each contract its key.",
        )
