"""JSON Schema of every kind of document, made from the classes that write it.

Draft 2020-12. A document's form is published as docs/schema/NAME-VERSION.json.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, cast

import msgspec

from seawall.basics.errors import InputError
from seawall.basics.nearest import did_you_mean, nearest_name
from seawall.report.backtest import Backtest
from seawall.report.batch import BatchSummary
from seawall.report.calibration import CalibrationReport
from seawall.report.change import Change
from seawall.report.comparison import Comparison
from seawall.report.conformance import Conformance
from seawall.report.explanation import Explanation
from seawall.report.reduction import Reduction
from seawall.report.schema import Document, MarginReport
from seawall.report.span import SpanMargin
from seawall.report.surface import SurfaceReport
from seawall.report.what_if import WhatIf

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_DECIMAL = {"type": "string", "format": "decimal"}


def _names(*kinds: type[Document]) -> Mapping[str, type[Document]]:
    return MappingProxyType({_tag(kind)[0]: kind for kind in kinds})


def _tag(kind: type[Document]) -> tuple[str, str]:
    """Name and version of a kind of document: its tag is ``seawall.NAME/VERSION``."""
    name, _, version = str(kind.__struct_config__.tag).removeprefix("seawall.").partition("/")
    return name, version


DOCUMENTS = _names(
    MarginReport,
    Comparison,
    Explanation,
    WhatIf,
    Reduction,
    Change,
    SurfaceReport,
    BatchSummary,
    Conformance,
    CalibrationReport,
    SpanMargin,
    Backtest,
)
"""Every kind of document by its name, such as ``margin-report``."""


def json_schema(document: str | type[Document]) -> dict[str, Any]:
    """The JSON Schema of one kind of document, by name or class.

    ``$id`` is a name, not an address. Amounts are numbers, instants have the format date-time, and
    no key beside those named is allowed. Raises InputError for what is no kind of document.
    """
    kind = _kind(document)
    name, version = _tag(kind)
    made = _told(msgspec.json.schema(kind))
    return {"$schema": DIALECT, "$id": f"urn:seawall:{name}:{version}", **made}


def schema_text(document: str | type[Document]) -> str:
    """The schema as it is published and printed: indented, and closed by a line break."""
    return json.dumps(json_schema(document), indent=2) + "\n"


def published_name(document: str | type[Document]) -> str:
    """The file of docs/schema that has the schema, such as ``margin-report-1.json``."""
    name, version = _tag(_kind(document))
    return f"{name}-{version}.json"


def _kind(document: str | type[Document]) -> type[Document]:
    for name, kind in DOCUMENTS.items():
        if document in (name, kind):
            return kind
    raise InputError(
        f"{document!r:.60} is no kind of document",
        where="schema",
        remedy=did_you_mean(
            nearest_name(str(document), DOCUMENTS), f"Choose from {', '.join(DOCUMENTS)}."
        ),
    )


def _told(part: Any) -> Any:
    """A schema as our writer writes: Decimals are numbers; docstrings are plain text of JSON."""
    if part == _DECIMAL:
        return {"type": "number"}
    if isinstance(part, dict):
        told = {key: _told(value) for key, value in cast("dict[str, Any]", part).items()}
        if isinstance(told.get("description"), str):
            words = " ".join(told["description"].replace("``", "`").split())
            told["description"] = re.sub(r"\bNone\b", "null", words)
        return told
    # A default that is an empty tuple is an empty list of JSON.
    if isinstance(part, list | tuple):
        return [_told(each) for each in cast("list[Any]", part)]
    return part
