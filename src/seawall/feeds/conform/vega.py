"""Cases of the Vega protocol: expected losses, risk factors, and margin levels of a position."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import partial
from typing import Any, cast

import msgspec
from msgspec.structs import replace

from seawall.basics.time import DAYS_PER_YEAR
from seawall.feeds.conform.cases import Case
from seawall.feeds.conform.shapes import market_of_perpetuals, perpetual, read_as, with_charge
from seawall.margin.charges import ShortfallCharge
from seawall.margin.charges.perpetual_venues import ShortfallFactors, SideFactors
from seawall.margin.classes import class_of
from seawall.margin.model import Levels, MarginModel
from seawall.margin.requirement import margin_requirement
from seawall.products.portfolio import Portfolio, Position
from seawall.risk.book import join

_UNDERLYING = "BTC"
# Source: "tolerance" of the file of risk measures, beside numbers of eleven digits.
_TOLERANCE = 1e-8


class _Tail(msgspec.Struct, frozen=True, rename={"shortfall": "ES"}):
    """A lognormal variable exp(μ + σ·Z) and its lower, or negated its upper, tail."""

    mu: float
    sigma: float
    lambda_: float
    shortfall: float


class _Factors(msgspec.Struct, frozen=True):
    lambda_: float
    tau: float
    mu: float
    sigma: float
    long: float
    short: float
    src: str


class _Unordered(msgspec.Struct, frozen=True):
    """Maintenance margin of a position without orders; sizes are over ``position_factor``."""

    mark: float
    position_factor: float
    position: float
    linear_slippage: float
    quadratic_slippage: float
    rf_long: float
    rf_short: float
    funding_per_unit: float
    maintenance_margin_reference: float


class _Scaling(msgspec.Struct, frozen=True):
    initial: float


class _Levels(msgspec.Struct, frozen=True):
    position: float
    buy_orders: float
    sell_orders: float
    mark: float
    linear_slippage: float
    quadratic_slippage: float
    rf_long: float
    rf_short: float
    scaling: _Scaling


class _ExpectedLevels(msgspec.Struct, frozen=True):
    maintenance: float
    initial: float


class _LevelsEntry(msgspec.Struct, frozen=True):
    source: str
    inputs: _Levels
    expected: _ExpectedLevels


def cases(document: Any, model: MarginModel, where: str) -> Iterator[Case] | None:
    """The cases of a document, None where it has neither of the two shapes.

    Raises BadNumber for a case that cannot be read.
    """
    if not isinstance(document, dict):
        return None
    table = cast("dict[str, Any]", document)
    if {"lognormal_var_es", "forward_risk_factors"} & table.keys():
        return _measures(table, model, where)
    if {"gherkin_margin_levels", "liquidation_price_no_orders"} & table.keys():
        return _levels(table, model, where)
    return None


def _measures(table: dict[str, Any], model: MarginModel, where: str) -> Iterator[Case]:
    """Expected losses and risk factors: what a unit of notional costs on either side."""
    for key, side in (("lognormal_var_es", 1), ("neg_lognormal_var_es", -1)):
        for tail in read_as(list[_Tail], table.get(key, []), f"{where}, {key}"):
            yield Case(
                name=f"{key}, mu {tail.mu:g}, sigma {tail.sigma:g}, lambda {tail.lambda_:g}",
                expected={"ES": tail.shortfall},
                compute=partial(_expected_shortfall, tail, side, model),
                tolerance_rel=_TOLERANCE,
                tolerance_abs=_TOLERANCE,
            )
    key = "forward_risk_factors"
    for factors in read_as(list[_Factors], table.get(key, []), f"{where}, {key}"):
        stale = "(comment)" in factors.src
        yield Case(
            name=f"{key}, {factors.src}",
            expected={"long": factors.long, "short": factors.short},
            compute=partial(_unit_factors, factors, model),
            tolerance_rel=_TOLERANCE,
            tolerance_abs=_TOLERANCE,
            skipped="a comment of its source, which its margins contradict" if stale else None,
        )


def _expected_shortfall(tail: _Tail, side: int, model: MarginModel) -> Mapping[str, float]:
    """Of exp(μ + σ·Z), whose mean is exp(μ + σ²/2): over a year, the drift of the risk factors."""
    chosen = ShortfallFactors(
        tail_probability=tail.lambda_,
        horizon_years=1.0,
        drift_per_year=tail.mu + 0.5 * tail.sigma**2,
    )
    margin = _margin(_with(model, chosen, vol_per_year=tail.sigma), side, 1.0)[1]
    return {"ES": margin - 1.0 if side > 0 else margin + 1.0}


def _unit_factors(factors: _Factors, model: MarginModel) -> Mapping[str, float]:
    chosen = ShortfallFactors(
        tail_probability=factors.lambda_,
        horizon_years=factors.tau,
        drift_per_year=factors.mu,
    )
    chosen_model = _with(model, chosen, vol_per_year=factors.sigma)
    return {
        "long": _margin(chosen_model, 1.0, 1.0)[1],
        "short": _margin(chosen_model, -1.0, 1.0)[1],
    }


def _levels(table: dict[str, Any], model: MarginModel, where: str) -> Iterator[Case]:
    """Margin of positions: without orders exactly, of the scenarios in whole units, rounded up."""
    key = "liquidation_price_no_orders"
    for place, each in enumerate(read_as(list[_Unordered], table.get(key, []), f"{where}, {key}")):
        given = SideFactors(long_rel=each.rf_long, short_rel=each.rf_short)
        chosen = _with(model, given, slippage_rel=each.linear_slippage)
        yield Case(
            name=f"{key} {place + 1}",
            expected={"maintenance": each.maintenance_margin_reference},
            compute=partial(_level, chosen, each.position / each.position_factor, each.mark),
            tolerance_rel=_TOLERANCE,
            skipped=_beyond(each.quadratic_slippage, funding=each.funding_per_unit),
        )
    key = "gherkin_margin_levels"
    for entry in read_as(list[_LevelsEntry], table.get(key, []), f"{where}, {key}"):
        inputs = entry.inputs
        given = SideFactors(long_rel=inputs.rf_long, short_rel=inputs.rf_short)
        chosen = replace(
            _with(model, given, slippage_rel=inputs.linear_slippage),
            levels=Levels(im_factor=inputs.scaling.initial, of="requirement"),
        )
        yield Case(
            name=entry.source,
            expected=msgspec.structs.asdict(entry.expected),
            compute=partial(_level, chosen, inputs.position, inputs.mark),
            tolerance_rel=0.0,
            # Up to a unit in maintenance, and what initial margin makes of that, down to a unit.
            tolerance_abs=1.0 + inputs.scaling.initial,
            skipped=_beyond(inputs.quadratic_slippage, inputs.buy_orders + inputs.sell_orders),
        )
    for place, _ in enumerate(table.get("maintenance_margin_test_inputs", [])):
        yield Case(
            name=f"maintenance_margin_test_inputs {place + 1}",
            expected={},
            compute=dict[str, float],
            skipped="margin of open orders, which no book holds",
        )


def _beyond(quadratic: float, orders: float = 0.0, funding: float = 0.0) -> str | None:
    """Why a case is not of the charge."""
    if quadratic:
        return "quadratic slippage, which the protocol has given up"
    if orders:
        return "margin of open orders, which no book holds"
    return "funding that is due is part of equity" if funding else None


def _with(
    model: MarginModel,
    factors: ShortfallFactors | SideFactors,
    slippage_rel: float = 0.0,
    vol_per_year: float | None = None,
) -> MarginModel:
    """The model with the factors of a case, and its volatility in the class."""
    chosen = with_charge(model, ShortfallCharge(factors=factors, slippage_rel=slippage_rel))
    if vol_per_year is None:
        return chosen
    numbers = class_of(_UNDERLYING, model.classes)
    own = replace(numbers, daily_vol_rel=vol_per_year / math.sqrt(DAYS_PER_YEAR))
    classes = tuple(own if each is numbers else each for each in model.classes)
    return replace(chosen, classes=classes)


def _level(model: MarginModel, position: float, mark: float) -> Mapping[str, float]:
    initial, maintenance = _margin(model, position, mark)
    return {"initial": initial, "maintenance": maintenance}


def _margin(model: MarginModel, position: float, mark: float) -> tuple[float, float]:
    """Initial and maintenance margin of a perpetual."""
    held = Position(instrument=perpetual(_UNDERLYING), quantity=Decimal(repr(position)))
    book = join(
        Portfolio(account="case", positions=(held,)), market_of_perpetuals({_UNDERLYING: mark})
    )
    found = margin_requirement(book, model)
    return found.initial, found.maintenance
