"""What the market says each number of a model should be, before what is in force is looked at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from seawall.lab.calibration.guards import RawTargets

Form = Literal["plain", "negative", "inverse"]


@dataclass(frozen=True, slots=True)
class Proposal:
    """One number of a model, at ``key``, as a size above zero of which more asks for more margin.

    ``form`` is how the number stands in the model: the size itself, its negative, or one over it
    (a correlation). ``long_run`` and ``stressed`` are the size by long-run and by stressed
    estimates; one without them (None) has neither stress weight nor buffer nor floor of its own.
    ``most`` is what the model can hold. ``path`` are raw sizes of earlier days, where they are
    known. ``factors`` are (name, value, why). ``untold`` names what the number also holds for
    and no history tells of: with any, it may only ask for more than before.
    """

    key: str
    target: float
    long_run: float | None
    stressed: float | None
    cause: str
    factors: tuple[tuple[str, float, str], ...]
    form: Form = "plain"
    most: float = float("inf")
    path: RawTargets | None = field(default=None, repr=False)
    untold: str = ""

    def number(self, size: float) -> float:
        """The size as it stands in the model, a correlation cut to six digits and never up."""
        if self.form == "inverse":
            return int(1e6 / size * (1.0 + 1e-12)) / 1e6
        return -size if self.form == "negative" else size

    def size(self, number: float) -> float:
        """The size of a number that stands in a model, ``most`` for a correlation of zero."""
        if self.form == "inverse":
            return min(self.most, 1.0 / number) if number > 0.0 else self.most
        return abs(number)
