"""What every message of the package is held to."""

from __future__ import annotations

from collections.abc import Iterable

from seawall.basics.errors import SeawallError

LONGEST_MESSAGE = 3_100
"""Three parts of a thousand characters."""


def check_refusal(error: SeawallError) -> None:
    """An error is one printable line that a terminal can show, and says what to do."""
    said = str(error)
    assert said.isprintable(), f"a message that is not printable: {said!r}"
    assert len(said) <= LONGEST_MESSAGE, f"a message of {len(said)} characters"
    assert all((error.what, error.where, error.remedy)), f"a message without a part: {said!r}"


def check_printable(warnings: Iterable[str]) -> None:
    """A warning is printable too."""
    for warning in warnings:
        assert warning.isprintable(), f"a warning that is not printable: {warning!r}"
