"""Cases of Derive's portfolio margin, first version: portfolios in integers of 1e-18, and accounts
before and after each bid of a liquidation.

The files hold no parameters: their publisher's tests run them under a configuration of their own,
``test/config-test.sol`` of its repository, which stands here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, cast

import msgspec
from msgspec.structs import replace

from seawall.feeds.conform.cases import Case
from seawall.feeds.conform.derive_market import (
    BASE,
    PERPETUAL,
    CaseMarket,
    book_of,
    class_named,
    option,
    option_slice,
    profits_and_apart,
    value_and_surplus,
)
from seawall.feeds.conform.shapes import charge_of, read_as, with_charge
from seawall.margin.charges import ContingencyCharge, ExpiryConfidenceCharge
from seawall.margin.charges.contingency import ContingencyRates, LossDepeg
from seawall.margin.discounts import ExpiriesApart, StaticDiscount
from seawall.margin.factors import CollateralFactors
from seawall.margin.fold import NetByUnderlying
from seawall.margin.model import MarginModel
from seawall.margin.requirement import margin_requirement
from seawall.market.snapshot import OptionSlice
from seawall.products.instruments import Instrument, Option, SpotAsset
from seawall.risk.scenarios import ListedCell, ListedCells
from seawall.risk.shocks import Shock
from seawall.risk.vol_laws import TenorLaw

_ONE = 1e18
_IM_FACTOR = 1.3
_STATIC = ContingencyRates(contracts_rel=0.02, coins_rel=0.02, naked_options_rel=0.01)
_DISABLED = "disabled upstream: auctions of insolvent accounts"


class _Portfolio(
    msgspec.Struct,
    frozen=True,
    rename={
        "seconds": "OptionExpiries",
        "strikes": "OptionStrikes",
        "is_call": "OptionIsCall",
        "amounts": "OptionAmounts",
        "vols": "OptionVols",
        "vol_confidences": "OptionVolConfidences",
        "cash": "Cash",
        "perpetuals": "Perps",
        "coins": "Base",
        "spot": "SpotPrice",
        "spot_confidence": "SpotConfidence",
        "perpetual_price": "PerpPrice",
        "perpetual_confidence": "PerpConfidence",
        "feeds": "FeedExpiries",
        "fixed": "ForwardsFixed",
        "variable": "ForwardsVariable",
        "forward_confidences": "ForwardConfidences",
        "rates": "Rates",
        "rate_confidences": "RateConfidences",
        "stable": "StablePrice",
        "profit": "UnrealisedPerpPNL",
        "funding": "UnrealisedFunding",
    },
):
    seconds: list[int]
    strikes: list[float]
    is_call: list[bool]
    amounts: list[float]
    vols: list[float]
    vol_confidences: list[float]
    cash: float
    perpetuals: float
    coins: float
    spot: float
    spot_confidence: float
    perpetual_price: float
    perpetual_confidence: float
    feeds: list[int]
    fixed: list[float]
    variable: list[float]
    forward_confidences: list[float]
    rates: list[float]
    rate_confidences: list[float]
    stable: float
    profit: float
    funding: float


class _Result(
    msgspec.Struct,
    frozen=True,
    rename={
        "basis": "ForwardContingency",
        "doubt": "OracleContingency",
        "portfolio": "PortfolioMTM",
        "initial": "InitialMarginHand",
        "maintenance": "MaintenanceMarginHand",
    },
):
    basis: float
    doubt: float
    portfolio: float
    initial: float
    maintenance: float


class _Entry(msgspec.Struct, frozen=True, rename={"scenario": "Scenario", "result": "Result"}):
    scenario: _Portfolio
    result: _Result


class _Bid(
    msgspec.Struct,
    frozen=True,
    rename={
        "value_before": "PreMtM",
        "maintenance_before": "PreMM",
        "value_after": "PostMtM",
        "maintenance_after": "PostMM",
        "paid": "ExpectedBidPrice",
        "share": "fLiquidatedOfOriginal",
    },
):
    value_before: float
    maintenance_before: float
    value_after: float
    maintenance_after: float
    paid: float
    share: float


class _Action(
    msgspec.Struct,
    frozen=True,
    rename={"seconds": "Time", "portfolio": "PortfolioAndFeeds", "bid": "Results"},
):
    seconds: int
    portfolio: _Portfolio
    bid: _Bid


class _Liquidation(msgspec.Struct, frozen=True, rename={"actions": "Actions"}):
    actions: list[_Action]


def cases(document: Any, model: MarginModel, where: str) -> Iterator[Case] | None:
    """The cases of a document, None where it has another shape.

    Raises BadNumber for a case that cannot be read, BadParameter for a model without its parts.
    """
    entries = cast("dict[str, Any]", document) if isinstance(document, dict) else {}
    first = next(iter(entries.values()), None)
    table = cast("dict[str, Any]", first) if isinstance(first, dict) else {}
    if {"InitialPortfolio", "Actions"} <= table.keys():
        return (
            case
            for name, entry in entries.items()
            for case in _liquidation(name, entry, model, where)
        )
    scenario = table.get("Scenario")
    # Options of the standard manager name an underlying each; here there is one alone.
    if not isinstance(scenario, dict) or "OptionStrikes" not in scenario:
        return None
    if "OptionUnderlying" in scenario:
        return None
    return (_case(name, entry, model, where) for name, entry in entries.items())


def _case(name: str, entry: Any, model: MarginModel, where: str) -> Case:
    read = read_as(_Entry, entry, f"{where}, {name}")
    result = read.result
    return Case(
        name=name,
        expected={
            "basis contingency": result.basis / _ONE,
            "confidence": result.doubt / _ONE,
            "portfolio": result.portfolio / _ONE,
            "im": result.initial / _ONE,
            "mm": result.maintenance / _ONE,
        },
        compute=partial(_computed, read.scenario, model),
        tolerance_abs=1e-9,
    )


def _liquidation(name: str, entry: Any, model: MarginModel, where: str) -> Iterator[Case]:
    """A case a bid: the liquidator takes a share of everything but earlier bids, and pays."""
    read = read_as(_Liquidation, entry, f"{where}, {name}")
    insolvent = any(action.bid.value_before < 0.0 for action in read.actions)
    reserved = 0.0
    for number, action in enumerate(read.actions, start=1):
        bid = action.bid
        yield Case(
            name=f"{name}, bid {number}",
            expected={
                "portfolio before": bid.value_before / _ONE,
                "mm before": bid.maintenance_before / _ONE,
                "portfolio after": bid.value_after / _ONE,
                "mm after": bid.maintenance_after / _ONE,
            },
            compute=partial(_bid, action, reserved, model),
            tolerance_abs=1e-9,
            skipped=_DISABLED if insolvent else None,
        )
        reserved += bid.paid


def _bid(action: _Action, reserved: float, model: MarginModel) -> Mapping[str, float]:
    """Value and surplus of maintenance margin before and after; ``reserved`` has been paid."""
    told = action.portfolio
    # Expiries are told as they were when the auction began.
    now = replace(
        told,
        seconds=[each - action.seconds for each in told.seconds],
        feeds=[each - action.seconds for each in told.feeds],
        cash=told.cash - reserved,
    )
    before = _computed(now, model)
    after = _computed(now, model, left=1.0 - action.bid.share / _ONE)
    paid, kept = action.bid.paid / _ONE, reserved / _ONE
    return {
        "portfolio before": before["portfolio"] + kept,
        "mm before": before["mm"] + kept,
        "portfolio after": after["portfolio"] + kept + paid,
        "mm after": after["mm"] + kept + paid,
    }


def _computed(case: _Portfolio, model: MarginModel, left: float = 1.0) -> Mapping[str, float]:
    """Values and surplus, in cash, of what is ``left`` of everything."""
    market, chosen = _market(case), _configured(model, case.stable / _ONE)
    held: dict[Instrument, float] = defaultdict(float)
    for own, amount in zip(_options(case), case.amounts, strict=True):
        held[own] += left * amount / _ONE
    held[PERPETUAL] = left * case.perpetuals / _ONE
    # Derive divides what coins are worth by the price of the cash, and counts no more of them.
    held[SpotAsset(name=BASE)] = left * case.coins / case.stable
    book = book_of(held, market)
    stable = case.stable / _ONE
    value, initial, maintenance = value_and_surplus(book, chosen, _IM_FACTOR, 1.0) / stable
    loose = left * (case.cash + case.profit + case.funding) / _ONE
    apart, doubt = 0.0, 0.0
    if book is not None:
        found = margin_requirement(book, chosen)
        _, apart = profits_and_apart(found, chosen)
        doubt = sum(step.initial for step in found.steps if step.path.startswith("confidence/"))
    return {
        "basis contingency": -apart / stable,
        "confidence": -doubt / stable,
        "portfolio": value + loose,
        "im": initial + loose,
        "mm": maintenance + loose,
    }


def _options(case: _Portfolio) -> list[Option]:
    terms = zip(case.seconds, case.strikes, case.is_call, strict=True)
    return [option(BASE, seconds, strike / _ONE, is_call) for seconds, strike, is_call in terms]


def _market(case: _Portfolio) -> CaseMarket:
    place = {seconds: row for row, seconds in enumerate(case.feeds)}
    confidence = {
        BASE: case.spot_confidence / _ONE,
        PERPETUAL.name: case.perpetual_confidence / _ONE,
    }
    by_expiry: dict[int, dict[Option, float]] = defaultdict(dict)
    for row, own in enumerate(_options(case)):
        seconds = case.seconds[row]
        by_expiry[seconds][own] = case.vols[row] / _ONE
        feed = place[seconds]
        told = (
            case.vol_confidences[row],
            case.forward_confidences[feed],
            case.rate_confidences[feed],
        )
        confidence[own.name] = min(told) / _ONE
    return CaseMarket(
        spot=case.spot / _ONE,
        stable=case.stable / _ONE,
        perpetual=case.perpetual_price / _ONE,
        slices=tuple(_slice(case, place[s], listed) for s, listed in by_expiry.items()),
        confidence=confidence,
    )


def _slice(case: _Portfolio, feed: int, listed: Mapping[Option, float]) -> OptionSlice:
    fixed = case.fixed[feed] / _ONE
    return option_slice(
        listed,
        fixed + case.variable[feed] / _ONE,
        fixed=fixed,
        rate_per_year=case.rates[feed] / _ONE,
    )


def _configured(model: MarginModel, stable: float) -> MarginModel:
    """The model with its publisher's test configuration."""
    # Coins in units of the cash are more than there are, by its price.
    low = replace(_STATIC, coins_rel=_STATIC.coins_rel * stable)
    high = ContingencyRates(
        contracts_rel=_IM_FACTOR * low.contracts_rel,
        coins_rel=_IM_FACTOR * low.coins_rel,
        naked_options_rel=_IM_FACTOR * low.naked_options_rel,
    )
    doubt = replace(charge_of(model, ExpiryConfidenceCharge), threshold=0.6, factor=0.5)
    static = ContingencyCharge(
        initial={"base": high},
        maintenance={"base": low},
        depeg=LossDepeg(
            stablecoin="USDC", threshold_usd=0.98, factor=2.0, of="loss-and-contingency"
        ),
    )
    for charge in (static, doubt):
        model = with_charge(model, charge)
    return replace(
        model,
        classes=(class_named(model, "base", (BASE,)),),
        scenarios=_scenarios(),
        fold=_fold(),
        collateral=CollateralFactors(factors={"base": 1.0, "stablecoin": 1.0, "long-options": 1.0}),
    )


def _scenarios() -> ListedCells:
    moves = (0.15, 0.10, 0.05, 0.0, -0.05, -0.10, -0.15)
    return ListedCells(
        vol_up=Shock(kind="relative", size=0.45),
        vol_down=Shock(kind="relative", size=-0.3),
        vol_up_floor=0.0,
        tenor_law=TenorLaw(reference_days=30.0, floor_days=1.0, short_power=0.3, long_power=0.13),
        horizon_days=0.0,
        cells=tuple(
            ListedCell(price_rel=move, vol=vol) for move in moves for vol in ("up", "none", "down")
        ),
    )


def _fold() -> NetByUnderlying:
    return NetByUnderlying(
        discount=StaticDiscount(
            long_base=0.95,
            long_rate_mult=4.0,
            long_rate_add=0.05,
            short_base=1.0,
            short_rate_mult=0.0,
            short_rate_add=0.0,
        ),
        apart_by=ExpiriesApart(
            price_up_rel=0.05, price_down_rel=0.05, factor=0.25, factor_per_year=0.01
        ),
    )
