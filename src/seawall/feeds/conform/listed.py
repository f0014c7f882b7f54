"""The shape that most case files share: an object with a list ``cases`` of objects."""

from __future__ import annotations

from typing import Any

import msgspec


class _Document(msgspec.Struct, frozen=True, kw_only=True):
    cases: list[dict[str, Any]]


def cases_of(document: Any) -> list[dict[str, Any]]:
    """The cases of a document, none of one of another shape."""
    try:
        return msgspec.convert(document, _Document).cases
    except msgspec.ValidationError:
        return []
