"""Sums over positions: what floors, charges and haircuts ask of what is held.

A formula of such sums holds for one account, where each is a number, and for many at once, where
each is an array with one number an account.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.basics.arrays import freeze

Floats = NDArray[np.float64]

Total = float | Floats
"""A number of one account, or one number for each of many; shape [G]."""


@dataclass(frozen=True, slots=True)
class PerUnit:
    """What each instrument brings to a sum per unit held ``long`` and per unit held ``short``.

    Both have shape [M] and are read-only; the sum is Σ|q|·long over what is held long plus
    Σ|q|·short over what is held short.
    """

    long: Floats
    short: Floats

    def __post_init__(self) -> None:
        freeze(self, self.long.size)

    @classmethod
    def net(cls, values: Floats) -> PerUnit:
        """Σ q·value: short positions take away."""
        return cls(values, -values)

    @classmethod
    def gross(cls, values: Floats) -> PerUnit:
        """Σ|q|·value."""
        return cls(values, values)

    @classmethod
    def long_only(cls, values: Floats) -> PerUnit:
        """Σ max(q, 0)·value."""
        return cls(values, np.zeros(values.size))

    @classmethod
    def short_only(cls, values: Floats) -> PerUnit:
        """Σ max(−q, 0)·value."""
        return cls(np.zeros(values.size), values)

    def of(self, size: Floats) -> Floats:
        """What positions of a size, + long, bring each; shape [M]."""
        both = self.long is self.short
        return np.abs(size) * (self.long if both else np.where(size > 0.0, self.long, self.short))


@dataclass(frozen=True, slots=True)
class PerBucket:
    """Σ_e |Δ_e|·weight_e over the net deltas Δ_e of buckets, in coins, or Σ_e Δ_e·weight_e, which
    is ``net``. ``weight`` has shape [buckets] and is read-only.
    """

    weight: Floats
    net: bool

    def __post_init__(self) -> None:
        freeze(self, self.weight.size)

    def of(self, delta: Floats) -> float:
        """The sum over the net deltas of one account; shape [buckets]."""
        return float((delta if self.net else np.abs(delta)) @ self.weight)


Term = PerUnit | PerBucket
"""What a formula asks to be summed over positions."""


def sums_of(terms: Sequence[PerUnit], size: Floats) -> tuple[float, ...]:
    """The sums of one account's positions of a size [M], + long."""
    return tuple(float(term.of(size).sum()) for term in terms)


def greater(one: Total, other: Total) -> Total:
    """The greater of two totals, element by element."""
    if one.__class__ is float and other.__class__ is float:
        return other if other > one else one
    return np.maximum(one, other)
