"""Cases of Derive's standard manager: surplus of initial and maintenance margin, and market value.

The shape is the expanded one: of each market its prices, confidences, parameters and positions, in
units and not in integers of 1e-18. Derive counts in its cash, a stablecoin, and takes prices in
USD for prices in that; here contracts are quoted in the stablecoin, and what comes out is divided
by its price. Its sums go over markets, so that each is computed with its own parameters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import partial
from typing import Any, cast

import msgspec
import numpy as np
from msgspec.structs import replace

from seawall.feeds.conform.cases import Case
from seawall.feeds.conform.derive_market import CASH, option, option_slice
from seawall.feeds.conform.shapes import AS_OF, charge_of, perpetual, read_as, with_charge
from seawall.margin.charges import (
    ClassNotionalCharge,
    ConfidenceCharge,
    DepegCharge,
    InitialCollateralCharge,
    StandardExpiryCharge,
)
from seawall.margin.charges.standard_expiry import ExpiryNumbers
from seawall.margin.classes import class_of
from seawall.margin.factors import CollateralFactors
from seawall.margin.model import MarginModel
from seawall.margin.requirement import margin_requirement
from seawall.market.liquidity import Liquidity
from seawall.market.snapshot import MarketSnapshot, OptionSlice
from seawall.products.instruments import Instrument, SpotAsset
from seawall.products.portfolio import Portfolio, Position
from seawall.risk.book import Book, join


class PerpetualInputs(msgspec.Struct, frozen=True):
    """A perpetual: coins held, price and unsettled profit in cash, confidence in its price."""

    pos: float
    price: float
    conf: float
    upnl: float


class OptionNumbers(
    msgspec.Struct,
    frozen=True,
    rename={
        "initial": "maxS",
        "initial_floor": "minS",
        "maintenance_call": "mmC",
        "maintenance_put": "mmP",
        "maintenance_put_of_mark": "mmPM",
        "unpaired_initial": "uIM",
        "unpaired_maintenance": "uMM",
        "put_multiple": "off",
    },
):
    """Shares of the spot and multiples that options owed are charged by."""

    initial: float
    initial_floor: float
    maintenance_call: float
    maintenance_put: float
    maintenance_put_of_mark: float
    unpaired_initial: float
    unpaired_maintenance: float
    put_multiple: float


class OracleNumbers(msgspec.Struct, frozen=True):
    """Confidences below which a price is doubted, and the share ``f`` of the doubt charged."""

    perp: float
    option: float
    base: float
    f: float


class ExpiryInputs(msgspec.Struct, frozen=True):
    """Forward in cash, confidences; of each option strike, is it a call, contracts, volatility."""

    fwd: float
    fconf: float
    volconf: float
    opts: list[tuple[float, bool, float, float]]


class MarketInputs(
    msgspec.Struct,
    frozen=True,
    rename={
        "base_factor": "baseMF",
        "base_initial_scale": "baseIMS",
        "perp_initial": "perpIM",
        "perp_maintenance": "perpMM",
        "spot_confidence": "sconf",
    },
):
    """What is held of one underlying, its prices in cash and its parameters."""

    spot: float
    spot_confidence: float
    perp: PerpetualInputs
    base: float
    base_factor: float
    base_initial_scale: float
    perp_initial: float
    perp_maintenance: float
    op: OptionNumbers
    oc: OracleNumbers
    exps: dict[int, ExpiryInputs]


class Inputs(
    msgspec.Struct,
    frozen=True,
    rename={"depeg_threshold": "depegT", "depeg_factor": "depegF"},
):
    """An account in units: cash, price of the cash in USD, and what is held of each underlying."""

    cash: float
    stable: float
    depeg_threshold: float
    depeg_factor: float
    markets: dict[str, MarketInputs]


class Expected(msgspec.Struct, frozen=True):
    """Surplus of initial and maintenance margin, and market value, in cash."""

    im: float
    mm: float
    mtm: float


class _Entry(msgspec.Struct, frozen=True):
    inputs: Inputs
    expected: Expected


def cases(document: Any, model: MarginModel, where: str) -> Iterator[Case] | None:
    """The cases of a document, None where it has another shape.

    Raises BadNumber for a case that cannot be read, BadParameter for a model without the charges.
    """
    if not _is_mine(document):
        return None
    return (_case(name, entry, model, where) for name, entry in document.items())


def _is_mine(document: Any) -> bool:
    if not isinstance(document, dict) or not document:
        return False
    first: Any = next(iter(cast("dict[str, Any]", document).values()))
    inputs: Any = cast("dict[str, Any]", first).get("inputs") if isinstance(first, dict) else None
    return isinstance(inputs, dict) and {"markets", "depegT"} <= inputs.keys()


def _case(name: str, entry: Any, model: MarginModel, where: str) -> Case:
    read = read_as(_Entry, entry, f"{where}, {name}")
    return case_of(name, read.inputs, read.expected, model)


def case_of(name: str, inputs: Inputs, expected: Expected, model: MarginModel) -> Case:
    """A case of what was read, in whatever shape that was published."""
    # The source keeps 18 decimals, and float64 of an account of millions ten or less.
    return Case(
        name=name,
        expected=msgspec.structs.asdict(expected),
        compute=partial(_computed, inputs, model),
        tolerance_abs=1e-9,
    )


def _computed(inputs: Inputs, model: MarginModel) -> Mapping[str, float]:
    """Surplus at both levels and market value, in cash."""
    found = np.array([inputs.cash] * 3)
    for underlying, market in inputs.markets.items():
        positions, snapshot = _positions(underlying, market), _snapshot(underlying, market, inputs)
        if positions:
            book = join(Portfolio(account="case", positions=positions), snapshot)
            found += _surplus(book, _with_parameters(model, underlying, market, inputs), inputs)
    initial, maintenance, value = found.tolist()
    return {"im": initial, "mm": maintenance, "mtm": value}


def _surplus(book: Book, model: MarginModel, inputs: Inputs) -> np.ndarray[Any, Any]:
    """Of one market: surplus at both levels and market value, in cash."""
    required = margin_requirement(book, model)
    held = model.collateral.holdings(book, model.classes)
    margin_value = sum(each.value - each.haircut for each in held)
    # Derive values a coin in cash here, and nowhere else.
    coins = sum(float(part.value_usd[part.is_spot].sum()) for part in book.underlyings)
    value = sum(each.value for each in held) - coins + coins / inputs.stable
    amounts = margin_value - required.initial, margin_value - required.maintenance, value
    return np.array(amounts) / inputs.stable


def _positions(underlying: str, market: MarketInputs) -> tuple[Position, ...]:
    """What is held in a market; profit of a perpetual is cash that could be settled now."""
    held: dict[str, tuple[Instrument, float]] = {}
    for seconds, expiry in market.exps.items():
        for strike, is_call, amount, _ in expiry.opts:
            own = option(underlying, seconds, strike, is_call)
            before = held[own.name][1] if own.name in held else 0.0
            held[own.name] = own, before + amount
    held["perpetual"] = perpetual(underlying), market.perp.pos
    held["base"] = SpotAsset(name=underlying), market.base
    held["profit"] = CASH, market.perp.upnl
    return tuple(
        Position(instrument=instrument, quantity=Decimal(repr(quantity)))
        for instrument, quantity in held.values()
        if quantity
    )


def _snapshot(underlying: str, market: MarketInputs, inputs: Inputs) -> MarketSnapshot:
    """The market of one underlying, all of it quoted in the cash."""
    slices: list[OptionSlice] = []
    own = perpetual(underlying).name
    confidence = {underlying: market.spot_confidence, own: market.perp.conf}
    for seconds, expiry in market.exps.items():
        listed = {option(underlying, seconds, k, call): vol for k, call, _, vol in expiry.opts}
        slices.append(option_slice(listed, expiry.fwd))
        doubt = min(expiry.fconf, expiry.volconf)
        confidence.update((each.name, doubt) for each in listed)
    return MarketSnapshot(
        as_of=AS_OF,
        index_usd={underlying: market.spot * inputs.stable},
        stable_usd={CASH.name: inputs.stable},
        forwards={each.key: each.forward for each in slices},
        futures={own: market.perp.price},
        slices={each.key: each for each in slices},
        option_rows={name: (s.key, row) for s in slices for row, name in enumerate(s.names)},
        liquidity=Liquidity(confidence=confidence),
    )


def _with_parameters(
    model: MarginModel, underlying: str, market: MarketInputs, inputs: Inputs
) -> MarginModel:
    """The model with the numbers of a case for one market."""
    name = class_of(underlying, model.classes).name
    oracle, rates = market.oc, market.op
    numbers = ExpiryNumbers(
        initial_rel=rates.initial,
        initial_floor_rel=rates.initial_floor,
        maintenance_call_rel=rates.maintenance_call,
        maintenance_put_rel=rates.maintenance_put,
        maintenance_put_of_mark=rates.maintenance_put_of_mark,
        put_initial_multiple=rates.put_multiple,
        unpaired_initial=rates.unpaired_initial,
        unpaired_maintenance=rates.unpaired_maintenance,
    )
    confidence = replace(
        charge_of(model, ConfidenceCharge),
        perpetual_threshold=oracle.perp,
        option_threshold=oracle.option,
        spot_threshold=oracle.base,
        factor=oracle.f,
    )
    for charge in (
        StandardExpiryCharge(classes={name: numbers}),
        ClassNotionalCharge(
            initial={name: market.perp_initial}, maintenance={name: market.perp_maintenance}
        ),
        InitialCollateralCharge(
            less_rel={name: market.base_factor * (1.0 - market.base_initial_scale)}
        ),
        confidence,
        DepegCharge(threshold_usd=inputs.depeg_threshold, factor=inputs.depeg_factor),
    ):
        model = with_charge(model, charge)
    factors = {"stablecoin": 1.0, "long-options": 1.0, name: market.base_factor}
    return replace(model, collateral=CollateralFactors(factors=factors))
