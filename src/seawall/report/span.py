"""What a book of contracts requires by a clearing house's own parameters, step by step."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Literal

import msgspec

from seawall.basics.money import requirement_money
from seawall.margin import span
from seawall.report.schema import Document

__all__ = ["SpanMargin", "span_margin"]


class SpanCommodity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One combined commodity, losses and charges +.

    ``credit`` ≥ 0 of its credit spreads, ``option_minimum`` the short option minimum,
    ``option_value`` of its premium-style options, ``available_option_value`` what of it counts
    against maintenance, ``risk`` before adjustment and ratio.
    """

    commodity: str
    currency: str
    scan_risk: float
    intra_charge: float
    spot_charge: float
    credit: float
    option_minimum: float
    option_value: float
    available_option_value: float
    risk: float


class SpanScan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One scan tier, 0 for a whole commodity: ``active_scenario`` is the worst, by number."""

    commodity: str
    tier: int
    active_scenario: int
    scan_risk: float
    time_risk: float
    price_risk: float
    net_delta: float
    weighted_price_risk: float


class SpanLeg(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A leg of ``count`` spreads that were formed: the ``delta`` it took, its ``credit``; the
    ``charge`` of all legs stands on the first.
    """

    step: str
    priority: int
    count: float
    commodity: str
    place: str
    delta: float
    charge: float
    credit: float


class SpanTotal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a currency asks at a level; ``excess`` ≥ 0 is option value beyond all risk."""

    currency: str
    level: Literal["maintenance", "initial"]
    requirement: Decimal
    excess: Decimal


class SpanRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a step of a commodity, or of a currency, adds to a total."""

    currency: str
    level: Literal["maintenance", "initial"]
    step: str
    of: str
    amount: Decimal


class SpanMargin(Document, frozen=True, kw_only=True, tag="seawall.span-margin/1"):
    """One account under a clearing house's parameters of one day.

    ``rows`` of a currency and level add up exactly to requirement less excess; each is rounded up
    to the cent. ``spreads`` are in the order in which they were formed. ``left_out`` is what of the
    file the algorithm does not know; nothing that is held is in it.
    """

    account: str
    clearing_house: str
    business_date: date
    policy: str
    account_class: str
    totals: tuple[SpanTotal, ...]
    rows: tuple[SpanRow, ...]
    commodities: tuple[SpanCommodity, ...]
    scans: tuple[SpanScan, ...]
    spreads: tuple[SpanLeg, ...]
    left_out: tuple[str, ...]


def span_margin(
    holdings: Iterable[span.Holding],
    parameters: span.SpanParameters,
    *,
    account: str,
    clearing_house: str,
    business_date: date,
    account_class: str,
    left_out: tuple[str, ...] = (),
) -> SpanMargin:
    """What the holdings require. Raises as :func:`seawall.margin.span.requirement`."""
    found = span.requirement(holdings, parameters)
    rows = tuple(_row(row, total) for total in found.totals for row in total.rows)
    return SpanMargin(
        account=account,
        clearing_house=clearing_house,
        business_date=business_date,
        policy=found.policy,
        account_class=account_class,
        totals=tuple(_total(total, rows) for total in found.totals),
        rows=rows,
        commodities=tuple(_commodity(risk, found) for risk in found.commodities),
        scans=tuple(
            SpanScan(
                commodity=risk.code,
                tier=scan.tier,
                active_scenario=scan.active,
                scan_risk=scan.risk,
                time_risk=scan.time_risk,
                price_risk=scan.price_risk,
                net_delta=scan.net_delta,
                weighted_price_risk=scan.weighted_price_risk,
            )
            for risk in found.commodities
            for scan in risk.scans
        ),
        spreads=tuple(_legs(found)),
        left_out=left_out,
    )


def _row(row: span.Row, total: span.CurrencyTotal) -> SpanRow:
    where = f"{row.step} of {row.of}"
    return SpanRow(
        currency=total.currency,
        level=total.level,
        step=row.step,
        of=row.of,
        amount=requirement_money(row.amount, total.currency, where).amount,
    )


def _total(total: span.CurrencyTotal, rows: tuple[SpanRow, ...]) -> SpanTotal:
    own = [row.amount for row in rows if (row.currency, row.level) == (total.currency, total.level)]
    asked = sum(own, Decimal("0.00"))
    return SpanTotal(
        currency=total.currency,
        level=total.level,
        requirement=max(asked, Decimal("0.00")),
        excess=max(-asked, Decimal("0.00")),
    )


def _commodity(risk: span.CommodityRisk, found: span.SpanRequirement) -> SpanCommodity:
    rows = found.total(risk.currency).rows
    available = [-r.amount for r in rows if (r.step, r.of) == ("option value", risk.code)]
    return SpanCommodity(
        commodity=risk.code,
        currency=risk.currency,
        scan_risk=risk.scan_risk,
        intra_charge=risk.intra_charge,
        spot_charge=risk.spot_charge,
        credit=risk.credit,
        option_minimum=risk.option_minimum,
        option_value=risk.option_value,
        available_option_value=sum(available),
        risk=risk.risk,
    )


def _legs(found: span.SpanRequirement) -> Iterable[SpanLeg]:
    for spread in found.spreads:
        for place, leg in enumerate(spread.legs):
            yield SpanLeg(
                step=spread.pass_name,
                priority=spread.priority,
                count=spread.count,
                commodity=leg.commodity,
                place=leg.place,
                delta=leg.delta,
                charge=0.0 if place else spread.charge,
                credit=leg.credit,
            )
