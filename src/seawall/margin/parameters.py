"""The check of numbers that need only be finite and at least zero.

Parts whose numbers have other bounds check them themselves, so that no number of a preset goes
unchecked.
"""

from __future__ import annotations

import math

import msgspec

from seawall.basics.errors import BadParameter


class Rates(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of parts whose numbers are shares, multiples or amounts: finite and at least zero.

    Raises BadParameter naming the number.
    """

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, float) and not (math.isfinite(value) and value >= 0.0):
                raise BadParameter(
                    f"{name} is {value}",
                    where=type(self).__name__,
                    remedy="Give a finite number of at least 0.",
                )
