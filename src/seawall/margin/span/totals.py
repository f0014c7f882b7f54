"""From commodities' risks to what each currency asks, as rows that add up.

    maintenance factor f = adjustment, initial f = adjustment · initial ratio
    floor by commodity:  Σ f·max(scan + intra + spot − credit, SOM) − Σ available NOV
    floor by currency:   max(Σ f·(scan + intra + spot), Σ f·SOM) − Σ f·credit − Σ available NOV

Below 0 the requirement is 0 and what is beyond is ``excess``. Every row that makes up a difference
(to a minimum, to a cap, to a rounding) is taken from the exact sum of the rows before it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from seawall.margin.span.policy import ClearingPolicy
from seawall.margin.span.result import CommodityRisk, CurrencyTotal, Row
from seawall.margin.span.rounding import rounded

__all__ = ["totals"]

Level = Literal["maintenance", "initial"]


def totals(risks: Sequence[CommodityRisk], policy: ClearingPolicy) -> tuple[CurrencyTotal, ...]:
    """Maintenance and initial of each currency, in the currencies' alphabetical order."""
    levels: tuple[Level, ...] = ("maintenance", "initial")
    currencies = sorted({risk.currency for risk in risks})
    return tuple(
        _total([risk for risk in risks if risk.currency == currency], currency, level, policy)
        for currency in currencies
        for level in levels
    )


def _sum(rows: Sequence[Row]) -> float:
    return math.fsum(row.amount for row in rows)


def _total(
    risks: Sequence[CommodityRisk], currency: str, level: Level, policy: ClearingPolicy
) -> CurrencyTotal:
    rows: list[Row] = []
    if policy.floor == "commodity":
        for risk in risks:
            rows += _by_commodity(risk, level)
    else:
        rows += _by_currency(risks, currency, level, policy)
    for risk in risks:
        own = _factor(risk, level) * risk.risk
        available = min(risk.option_value, own) if risk.limits_option_value else risk.option_value
        rows.append(Row(step="option value", of=risk.code, amount=-available))
    rows = [row for row in rows if row.amount != 0.0]
    asked = _sum(rows)
    return CurrencyTotal(
        currency=currency,
        level=level,
        requirement=max(asked, 0.0),
        excess=max(-asked, 0.0),
        rows=tuple(rows),
    )


def _factor(risk: CommodityRisk, level: Level) -> float:
    return risk.adjustment * (risk.initial_ratio if level == "initial" else 1.0)


def _charges(risk: CommodityRisk) -> list[Row]:
    return [
        *(
            Row(
                step="scan" if scan.tier == 0 else f"scan tier {scan.tier}",
                of=risk.code,
                amount=scan.risk,
            )
            for scan in risk.scans
        ),
        Row(step="intra-commodity spreads", of=risk.code, amount=risk.intra_charge),
        Row(step="spot charge", of=risk.code, amount=risk.spot_charge),
    ]


def _scaled(rows: list[Row], risk: CommodityRisk, level: Level) -> list[Row]:
    """The rows and what adjustment and ratio make of them."""
    own = _sum(rows)
    adjusted = own * risk.adjustment
    rows = [*rows, Row(step="adjustment", of=risk.code, amount=adjusted - own)]
    if level == "initial":
        more = adjusted * risk.initial_ratio - adjusted
        rows.append(Row(step="initial ratio", of=risk.code, amount=more))
    return rows


def _by_commodity(risk: CommodityRisk, level: Level) -> list[Row]:
    rows = [*_charges(risk), Row(step="credits", of=risk.code, amount=-risk.credit)]
    more = risk.option_minimum - _sum(rows)
    if more > 0.0:
        rows.append(Row(step="short option minimum", of=risk.code, amount=more))
    if risk.capped:
        less = risk.risk - _sum(rows)
        rows.append(Row(step="long options at their value", of=risk.code, amount=less))
    return _scaled(rows, risk, level)


def _by_currency(
    risks: Sequence[CommodityRisk], currency: str, level: Level, policy: ClearingPolicy
) -> list[Row]:
    rows = [row for risk in risks for row in _scaled(_charges(risk), risk, level)]
    intra = math.fsum(risk.intra_charge for risk in risks)
    off = rounded(intra, policy.decimals.charge) - intra
    rows.append(Row(step="rounding of charges", of=currency, amount=off))
    minimum = math.fsum(_factor(risk, level) * risk.option_minimum for risk in risks)
    more = minimum - _sum(rows)
    if more > 0.0:
        rows.append(Row(step="short option minimum", of=currency, amount=more))
    given = [
        Row(step="credits", of=risk.code, amount=-_factor(risk, level) * risk.credit)
        for risk in risks
    ]
    credit = -_sum(given)
    off = credit - rounded(credit, policy.decimals.credit)
    return [*rows, *given, Row(step="rounding of credits", of=currency, amount=off)]
