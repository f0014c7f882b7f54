"""Why a preset is refused, with the line of its text that is the reason."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, cast, get_args, get_type_hints

import msgspec

from seawall.basics.errors import BadParameter
from seawall.margin.model import MarginModel
from seawall.margin.toml_lines import line_of


def refused(fault: msgspec.ValidationError, text: str, where: str) -> BadParameter:
    """What is wrong with a table, with the line on which its text has it."""
    said, _, path = str(fault).partition(" - at `$")
    # Places of lists stand in brackets, and dots there for the key of a table of one's own keys.
    steps = tuple(step for step in re.split(r"[.\[\]`]+", path) if step)
    unknown = re.search(r"unknown field `(.+?)`", said)
    remedy = "Correct the key it names."
    if unknown is not None:
        steps = (*steps, unknown[1])
        with_unit = sorted(key for key in _keys() if key.startswith(f"{unknown[1]}_"))
        if with_unit:
            remedy = f"Write its unit last: {', '.join(with_unit)}."
    return at_line(
        BadParameter(f"the preset cannot be used: {fault}", where="preset", remedy=remedy),
        text,
        where,
        steps,
    )


def at_line(fault: BadParameter, text: str, where: str, path: tuple[str, ...]) -> BadParameter:
    """An error that says where in the file it is: the line, where the text has the key itself."""
    line = line_of(text, path)
    # A part that is refused knows its own name in the code, which no file has.
    own = ".".join(path) if path and re.fullmatch(r"([A-Z][a-z]+)+", fault.where) else fault.where
    places = [where, *([] if line is None else [f"line {line}"]), *filter(None, [own])]
    return BadParameter(fault.what, where=": ".join(places), remedy=fault.remedy)


def path_of(table: Mapping[str, Any], fault: BadParameter) -> tuple[str, ...]:
    """Which part, member of a list and key of a table has what a struct refuses."""
    kinds = get_type_hints(MarginModel)
    for part, value in table.items():
        if part not in kinds or not _is_refused(value, kinds[part]):
            continue
        path, inner = (part,), value
        if isinstance(value, list):
            kind = get_args(kinds[part])[0]
            members = enumerate(cast("list[Any]", value))
            place, inner = next((i, each) for i, each in members if _is_refused(each, kind))
            path = (part, str(place))
        return _key_of(inner, path, fault.what) or path
    return ()


def _key_of(inner: Any, path: tuple[str, ...], said: str) -> tuple[str, ...] | None:
    """The key, however deep, that a message names with its value; else one that it names."""
    named: tuple[str, ...] | None = None
    members: Iterable[tuple[Any, Any]] = ()
    if isinstance(inner, dict):
        members = cast("dict[str, Any]", inner).items()
    elif isinstance(inner, list):
        members = enumerate(cast("list[Any]", inner))
    for key, value in members:
        own = (*path, str(key))
        deeper = _key_of(value, own, said)
        if deeper is not None:
            return deeper
        if isinstance(key, str) and re.search(rf"\b{re.escape(key)}\b", said):
            if not isinstance(value, dict | list) and str(value) in said:
                return own
            named = named or own
    return named


def _is_refused(value: Any, kind: Any) -> bool:
    try:
        msgspec.convert(value, kind)
    except BadParameter:
        return True
    except msgspec.ValidationError:
        return False
    return False


@cache
def _keys() -> frozenset[str]:
    """Every key that a part of a model may have."""
    _, parts = msgspec.json.schema_components([MarginModel])
    return frozenset(key for part in parts.values() for key in part.get("properties", ()))
