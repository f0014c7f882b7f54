"""``seawall schema``: the forms of the JSON documents that the other commands write."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from seawall.cli import completion


def schema(
    document: Annotated[
        str | None,
        typer.Argument(
            metavar="[DOCUMENT]",
            help="Print the JSON Schema of this one.",
            autocompletion=completion.documents,
        ),
    ] = None,
) -> None:
    """List the JSON documents that commands write, or print the JSON Schema of one.

    \b
    Examples:
      seawall schema
      seawall schema margin-report > margin-report.json
    """
    from seawall.report.json_schema import DOCUMENTS, schema_text

    if document is not None:
        sys.stdout.write(schema_text(document))
        return
    from seawall.cli.tables import plain_table
    from seawall.cli.terminal import Terminal

    table = plain_table(None, "document", "schema", "holds", left=3)
    table.columns[2].no_wrap = False
    for name, kind in DOCUMENTS.items():
        first_line = (kind.__doc__ or "").partition("\n")[0]
        table.add_row(name, str(kind.__struct_config__.tag), first_line)
    Terminal().show(table)
