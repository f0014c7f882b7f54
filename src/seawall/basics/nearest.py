"""What was probably meant by a name that nobody knows."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

# Two coins of three letters often differ in one alone (BCH and BTC, a likeness of 0.67).
LEAST_LIKENESS = 0.7


def nearest_name(name: str, known: Iterable[str]) -> str | None:
    """The other known name most like ``name``, whatever its case; None where none is near.

    Near is a likeness of :data:`LEAST_LIKENESS` (difflib's ratio) or the same letters in another
    order. The answer does not depend on the order of ``known``.
    """
    spelt = {each.casefold(): each for each in sorted(known) if each != name}
    wanted = name.casefold()
    near = get_close_matches(wanted, spelt, n=1, cutoff=LEAST_LIKENESS)
    letters = sorted(wanted)
    near += (each for each in spelt if sorted(each) == letters)
    return spelt[near[0]] if near else None


def did_you_mean(meant: str | None, remedy: str) -> str:
    """The remedy of a message, after what was probably meant where that is known."""
    return remedy if meant is None else f"Did you mean {meant}? {remedy}"
