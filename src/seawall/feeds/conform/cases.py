"""One published case: what its source says, and how the engine computes the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Case:
    """A case of a file, by name, with the numbers it expects.

    ``compute`` goes through the engine's part under test and gives a number for every key of
    ``expected``. A number agrees that is within ``tolerance_abs`` or within ``tolerance_rel`` of
    the expected one. ``skipped`` says why a case cannot be computed, None where it can.
    """

    name: str
    expected: Mapping[str, float]
    compute: Callable[[], Mapping[str, float]]
    tolerance_rel: float = 1e-9
    tolerance_abs: float = 0.0
    skipped: str | None = None
