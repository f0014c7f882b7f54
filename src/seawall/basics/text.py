"""Texts from outside, made fit for a terminal before they are repeated."""

from __future__ import annotations

_LONGEST_SHOWN = 1_000


def printable(text: str) -> str:
    """The text with what no terminal shows, or what would command it, escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def shown(text: str) -> str:
    """The text as part of a message: printable, and cut where it is long."""
    return printable(text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…")
