"""Percentages that a venue tells class by class, not as multiples of one price range."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, TypeVar

import numpy as np

from seawall.basics.errors import BadParameter
from seawall.margin.charges.base import Holder, PositionCharge
from seawall.margin.charges.percentages import contracts_and_debts_usd
from seawall.margin.factors import check_factors, factor_of
from seawall.market.needs import Need
from seawall.risk.sums import PerUnit

T = TypeVar("T")

# Nobody asks for more than ten times what a position is worth.
_MOST_REL = 10.0


class ClassNotionalCharge(PositionCharge, frozen=True, kw_only=True, tag="class-notional"):
    """A share of the notional of each future, perpetual and spot debt, without netting.

    ``initial`` and ``maintenance`` are the shares, by class of the underlying. Raises BadParameter
    for a share outside 0 to 10, an initial one below that of maintenance, or classes that differ.
    """

    head: ClassVar[str] = "notional"
    needs: ClassVar[frozenset[Need]] = frozenset()
    initial: Mapping[str, float]
    maintenance: Mapping[str, float]

    def __post_init__(self) -> None:
        odd = self.initial.keys() ^ self.maintenance.keys() or {
            name
            for name, share in self.initial.items()
            if not 0.0 <= self.maintenance[name] <= share <= _MOST_REL
        }
        if odd:
            raise BadParameter(
                f"the shares of {', '.join(sorted(odd))} are missing at one level, impossible, or "
                "lower in initial margin than in maintenance",
                where="class-notional",
                remedy="Give both levels the same classes, and shares of at least 0 that are no "
                "lower in initial margin.",
            )

    def rates(self, on: Holder) -> tuple[PerUnit, PerUnit]:
        """Of contracts of either side, and of debts. Raises BadParameter for a class without
        shares.
        """
        long, short = contracts_and_debts_usd(on.book)
        initial = of_class(self.initial, on.numbers.name, "class-notional.initial")
        maintenance = of_class(self.maintenance, on.numbers.name, "class-notional.maintenance")
        return (
            PerUnit(initial * long, initial * short),
            PerUnit(maintenance * long, maintenance * short),
        )


class InitialCollateralCharge(PositionCharge, frozen=True, kw_only=True, tag="initial-collateral"):
    """What coins held outright count less in initial margin than in maintenance.

    ``less_rel`` is the difference of the two factors, by name of the asset or else by class of the
    underlying: a share of the market value. The factor of maintenance is that of the model's
    collateral. Raises BadParameter for a share outside 0 to 1.
    """

    head: ClassVar[str] = "initial_collateral"
    of_value: ClassVar[bool] = True
    needs: ClassVar[frozenset[Need]] = frozenset()
    less_rel: Mapping[str, float]

    def __post_init__(self) -> None:
        check_factors(self.less_rel, 0.0, "initial-collateral.less_rel")

    def rates(self, on: Holder) -> tuple[PerUnit, PerUnit]:
        """Of what is held. Raises BadParameter for a class without a share."""
        named = (position.instrument.name for position in on.book.positions)
        keys = (name if name in self.less_rel else on.numbers.name for name in named)
        less = [factor_of(self.less_rel, key, "initial-collateral.less_rel") for key in keys]
        initial = np.where(on.book.is_spot, less, 0.0)
        return PerUnit.long_only(initial), PerUnit.gross(np.zeros(initial.size))


def of_class(numbers: Mapping[str, T], name: str, where: str) -> T:
    """The numbers of a class. Raises BadParameter where there are none."""
    if name not in numbers:
        raise BadParameter(
            f"no numbers of class {name}", where=where, remedy=f"Add those of {name} to it."
        )
    return numbers[name]
