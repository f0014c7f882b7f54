"""Which leg brings how much of a requirement, and how far each underlying may move."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from seawall.basics.time import UtcTime
from seawall.margin.distance import liquidation_prices
from seawall.margin.euler import euler_contributions
from seawall.margin.fold import Direction
from seawall.margin.marginal import marginal_contributions
from seawall.margin.model import MarginModel
from seawall.margin.status import margin_status
from seawall.market.snapshot import MarketSnapshot
from seawall.products.instruments import CASH
from seawall.products.portfolio import Portfolio
from seawall.report.build import checked_inputs, model_info
from seawall.report.schema import Document, ModelInfo
from seawall.report.tail import tail_of, warnings_of
from seawall.risk.book import join


class LegShare(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one leg brings to the requirement; negative where it hedges the others.

    ``marginal_*``: what removing it would save, by full recomputation. ``euler_*``: its share, leg
    times slope; the shares add up to the requirement less ``unallotted``. Unrounded amounts.
    """

    underlying: str
    instrument: str
    quantity: Decimal
    marginal_initial: float
    marginal_maintenance: float
    euler_initial: float
    euler_maintenance: float


class LiquidationRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first move of one underlying at which excess maintenance is 0, all else equal.

    ``price`` of the index in the report's currency and ``distance_rel`` to it; both None where no
    move liquidates.
    """

    underlying: str
    direction: Direction
    price: float | None
    distance_rel: float | None


class UnallottedRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A step of the requirement that is no leg's, such as the charge on a debt in money."""

    path: str
    initial: float
    maintenance: float


class Explanation(Document, frozen=True, kw_only=True, tag="seawall.explanation/1"):
    """One account's legs and liquidation prices under one model."""

    account: str
    model: ModelInfo
    currency: str
    as_of: UtcTime
    initial: Decimal
    maintenance: Decimal
    liquidation_prices: tuple[LiquidationRow, ...]
    legs: tuple[LegShare, ...]
    unallotted: tuple[UnallottedRow, ...]
    warnings: tuple[str, ...]


def explain(
    portfolio: Portfolio, market: MarketSnapshot, model: str | MarginModel = "prbm"
) -> Explanation:
    """What every leg brings and where the account is liquidated. Formulas: docs/explain.md.

    ``initial`` and ``maintenance`` are the report's, rounded up row by row, so that the shares of
    legs and what is unallotted add up to a few cents less.

    Raises what :func:`seawall.report.build.margin` raises.
    """
    chosen, market = checked_inputs(portfolio, market, model)
    book = join(portfolio, market)
    status = margin_status(book, chosen)
    shares = euler_contributions(book, chosen)
    marginal = marginal_contributions(book, chosen)
    quantity = {p.instrument.name: p.quantity for p in portfolio.positions}
    return Explanation(
        account=portfolio.account,
        model=model_info(chosen),
        currency=CASH,
        as_of=market.as_of,
        initial=status.initial.amount,
        maintenance=status.maintenance.amount,
        liquidation_prices=tuple(
            LiquidationRow(
                underlying=row.underlying,
                direction=row.direction,
                price=row.price_usd,
                distance_rel=row.distance_rel,
            )
            for row in liquidation_prices(book, market, chosen)
        ),
        legs=tuple(
            LegShare(
                underlying=share.underlying,
                instrument=share.instrument,
                quantity=quantity[share.instrument],
                marginal_initial=alone.initial,
                marginal_maintenance=alone.maintenance,
                euler_initial=share.initial,
                euler_maintenance=share.maintenance,
            )
            for share, alone in zip(shares.legs, marginal, strict=True)
        ),
        unallotted=tuple(
            UnallottedRow(path=step.path, initial=step.initial, maintenance=step.maintenance)
            for step in shares.unallotted
        ),
        warnings=warnings_of(status, tail_of(status.requirement, chosen), book, chosen),
    )
