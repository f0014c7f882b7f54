"""Writes docs/schema/NAME-VERSION.json, the JSON Schema of every document."""

from __future__ import annotations

from pathlib import Path

from seawall.report.json_schema import DOCUMENTS, published_name, schema_text

FOLDER = Path(__file__).with_name("schema")


def main() -> None:
    """Write every schema as `seawall schema NAME` prints it."""
    FOLDER.mkdir(exist_ok=True)
    for name in DOCUMENTS:
        (FOLDER / published_name(name)).write_text(schema_text(name), encoding="utf-8")


if __name__ == "__main__":
    main()
