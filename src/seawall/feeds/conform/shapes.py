"""What readers of case files share: from a document's tables to numbers, and from numbers to a
market.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from seawall.basics.errors import BadNumber, BadParameter
from seawall.margin.charges import Charge
from seawall.margin.fold import WorstCells
from seawall.margin.model import MarginModel
from seawall.margin.requirement import MarginRequirement
from seawall.market.liquidity import Liquidity
from seawall.market.snapshot import MarketSnapshot
from seawall.products.instruments import Perpetual
from seawall.risk.scenarios import CENTRE_MOVES

T = TypeVar("T")
C = TypeVar("C")

AS_OF = datetime(2026, 1, 1, tzinfo=UTC)
"""When cases take place that tell seconds to expiry, and no time."""


def read_as(shape: type[T], table: Any, where: str) -> T:
    """A table of a document as a struct. Raises BadNumber naming the key that is amiss."""
    try:
        return msgspec.convert(table, shape, strict=False)
    except (msgspec.ValidationError, BadParameter) as fault:
        raise BadNumber(
            f"a case cannot be read: {fault}",
            where=where,
            remedy="Correct the key it names, or take the file as its source has it.",
        ) from None


def with_charge(model: MarginModel, charge: Charge) -> MarginModel:
    """The model with a charge in place of the one of that kind. Raises BadParameter where it has
    none: the case is of another model.
    """
    charge_of(model, type(charge))
    charges = tuple(charge if type(own) is type(charge) else own for own in model.charges)
    return msgspec.structs.replace(model, charges=charges)


def charge_of(model: MarginModel, kind: type[C]) -> C:
    """The model's charge of a kind. Raises BadParameter where it has none."""
    for charge in model.charges:
        if isinstance(charge, kind):
            return charge
    raise BadParameter(
        f"{model.name} has no charge {kind.__name__}, which the cases are of",
        where=f"model {model.name}",
        remedy="Ask for the model that the cases were published for.",
    )


def matrix_of(found: MarginRequirement, model: MarginModel) -> WorstCells:
    """The cells of the one unit of a requirement. Raises BadParameter where the model has no matrix
    of prices and three volatilities: the case is of another model.
    """
    cells = [unit.cells for group in found.combinations for unit in group.units]
    if not cells or cells[0].scenarios.grid_shape[1] != len(CENTRE_MOVES):
        raise BadParameter(
            f"{model.name} has no matrix of prices and volatilities, which the cases are of",
            where=f"model {model.name}",
            remedy="Ask for the model that the cases were published for.",
        )
    return cells[0]


def perpetual(underlying: str) -> Perpetual:
    """The perpetual of an underlying that is paid in USDC."""
    return Perpetual(name=f"{underlying}_USDC-PERPETUAL", underlying=underlying, settlement="USDC")


def market_of_perpetuals(
    price_usd: Mapping[str, float], open_interest: Iterable[tuple[str, float]] = ()
) -> MarketSnapshot:
    """Perpetuals at a price each, which is their index too; open interest in coins."""
    told = Liquidity(open_interest={perpetual(u).name: coins for u, coins in open_interest})
    return MarketSnapshot(
        as_of=AS_OF,
        index_usd=price_usd,
        stable_usd={"USDC": 1.0},
        forwards={},
        futures={perpetual(u).name: price for u, price in price_usd.items()},
        slices={},
        option_rows={},
        liquidity=told,
    )
