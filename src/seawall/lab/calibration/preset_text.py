"""A calibrated model as the text of a preset: what it changes of its base, and where it is from."""

from __future__ import annotations

import json
import textwrap
from datetime import date, datetime
from typing import Any, cast

import msgspec

from seawall.basics.errors import BadParameter
from seawall.margin.model import MarginModel, PartStatus

_WIDTH = 98


def preset_text(
    model: MarginModel, base: str, changed: tuple[str, ...], *, notes: tuple[str, ...] = ()
) -> str:
    """TOML that takes ``base`` over and writes the ``changed`` parts; ``notes`` become comments.

    Every changed part that has a status is tagged ``unknown``: its numbers are this calibration's
    and no publisher's. Raises BadParameter for a part that is no part of a model.
    """
    table = cast("dict[str, Any]", msgspec.to_builtins(model, builtin_types=(date, datetime)))
    lines = [f"# {line}" for note in notes for line in textwrap.wrap(note, _WIDTH)]
    lines += [f"from = {_value(base)}"]
    lines += [f"{key} = {_value(table[key])}" for key in ("name", "title", "as_of", "source")]
    tagged = [part for part in changed if part in PartStatus.__struct_fields__]
    if "unknowns" in changed and not model.unknowns:
        lines.append("unknowns = []")
    lines += ["", "[status]", *(f'{part} = "unknown"' for part in tagged)]
    for part in changed:
        if part not in MarginModel.__struct_fields__:
            raise BadParameter(f"no part {part!r}", where="preset", remedy="Name a model's part.")
        value = table[part]
        several = isinstance(value, list | tuple)
        header = f"[[{part}]]" if several else f"[{part}]"
        members = cast("list[Any]", value) if several else [value]
        for member in members:
            lines += ["", header, *_rows(cast("dict[str, Any]", member))]
    return "\n".join(lines) + "\n"


def _rows(table: dict[str, Any]) -> list[str]:
    return [f"{key} = {_value(value)}" for key, value in table.items() if value is not None]


def _value(value: Any) -> str:
    """A value in TOML; tables are written inline, and what is None is left out of them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict):
        inner = ", ".join(_rows(cast("dict[str, Any]", value)))
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(each) for each in cast('list[Any]', value))}]"
    if isinstance(value, date | datetime):
        return value.isoformat()
    return repr(value)
