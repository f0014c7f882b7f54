"""A charge that no leg has a part in: the same for any book of an underlying."""

from __future__ import annotations

from typing import ClassVar

from seawall.margin.charges import ChargeAmount
from seawall.margin.charges.base import NamedCharge


class FlatFee(NamedCharge, frozen=True, kw_only=True, tag="flat-fee"):
    """So many USD an underlying."""

    needs: ClassVar[frozenset] = frozenset()
    usd: float

    def amounts(self, on):
        return (ChargeAmount(f"flat_fee/{on.book.underlying}", self.usd, self.usd),)
