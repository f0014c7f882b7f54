"""Writes docs/schema/NAME-VERSION.json, the JSON Schema of every document.

What is published of a version is a promise: a schema that breaks it is not written until the
version, which stands in the tag of the document's class, is raised. Older versions stay.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seawall.report.json_schema import DOCUMENTS, json_schema, published_name, schema_text

FOLDER = Path(__file__).with_name("schema")


def main(folder: Path = FOLDER) -> None:
    """Write every schema as `seawall schema NAME` prints it; none while a promise is broken."""
    broken = [
        f"{name} {what}"
        for name in DOCUMENTS
        if (file := folder / published_name(name)).exists()
        for what in broken_promises(json.loads(file.read_bytes()), json_schema(name))
    ]
    if broken:
        sys.exit("\n".join([*broken, "Raise the version in the tag of the class."]))
    folder.mkdir(exist_ok=True)
    for name in DOCUMENTS:
        (folder / published_name(name)).write_text(schema_text(name), encoding="utf-8")


def broken_promises(published: dict[str, Any], today: dict[str, Any]) -> list[str]:
    """What readers of the published schema would miss in documents of today's, or the reverse.

    Allowed are other descriptions and new keys that may be left out, so that documents from before
    are valid too. Everything else that differs is named.
    """
    return list(_broken(published["$defs"], today["$defs"]))


def _broken(published: dict[str, Any], today: dict[str, Any]) -> Iterator[str]:
    for name, then in published.items():
        now = today.get(name)
        if now is None:
            yield f"{name} is gone"
            continue
        keys = now.get("properties", {})
        for key, meaning in then.get("properties", {}).items():
            if keys.get(key) != meaning:
                yield f"{name}.{key} is {'another' if key in keys else 'gone'}"
        for key in sorted(set(then.get("required", ())) ^ set(now.get("required", ()))):
            left_out = "may now" if key in then.get("required", ()) else "may no longer"
            yield f"{name}.{key} {left_out} be left out"
        if _rest(then) != _rest(now):
            yield f"{name} is of another form"


def _rest(part: dict[str, Any]) -> dict[str, Any]:
    """A part of a schema without its words and keys."""
    return {
        key: value
        for key, value in part.items()
        if key not in ("description", "properties", "required")
    }


if __name__ == "__main__":
    main()
