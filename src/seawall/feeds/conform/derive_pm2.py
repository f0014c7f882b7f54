"""Cases of Derive's portfolio margin, second version: one a file, with every scenario's profit.

Coins that stand for the underlying of the options (``IsRiskCancelling``) are wrappers of it; all
others are margined beside it, with charges and without scenarios.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, TypeAlias, cast

import msgspec
import numpy as np
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
from seawall.feeds.conform.derive_pm2_parameters import Parameters, with_parameters
from seawall.feeds.conform.shapes import read_as
from seawall.margin.model import MarginModel
from seawall.margin.requirement import margin_requirement
from seawall.market.snapshot import OptionSlice
from seawall.pricing.svi import raw_svi
from seawall.products.instruments import Instrument, Option, SpotAsset, Wrapper

MOST_MONEYNESS_SD, MOST_VARIANCE = 4.0, 20.0
"""The wings of a slice are flat beyond so many deviations, and total variance ends there."""
_Number: TypeAlias = float | str
"""Some are texts of more digits than a float has, and may begin with the point."""
_DISABLED = "disabled upstream: a skew that moves the price as well is no set of parameters"


class _Collateral(
    msgspec.Struct,
    frozen=True,
    rename={
        "name": "Name",
        "amount": "Amount",
        "price": "Price",
        "confidence": "Confidence",
        "maintenance_cut": "MMHaircut",
        "initial_cut": "IMHaircut",
        "cancels": "IsRiskCancelling",
    },
):
    name: str
    amount: float
    price: float
    confidence: float
    maintenance_cut: float
    initial_cut: float
    cancels: bool


class _Held(
    msgspec.Struct,
    frozen=True,
    rename={"seconds": "Expiry", "strike": "Strike", "is_call": "IsCall", "amount": "Amount"},
):
    seconds: int
    strike: float
    is_call: bool
    amount: float


class _Feed(
    msgspec.Struct,
    frozen=True,
    rename={
        "seconds": "FeedExpiry",
        "forward": "Forward",
        "forward_confidence": "ForwardConfidence",
        "rate": "Rate",
        "rate_confidence": "RateConfidence",
        "svi": "SVIparam",
        "vol_confidence": "OptionVolConfidences",
    },
):
    seconds: int
    forward: float
    forward_confidence: float
    rate: float
    rate_confidence: float
    svi: tuple[_Number, _Number, _Number, _Number, _Number, _Number, _Number]
    vol_confidence: float

    @property
    def confidence(self) -> float:
        return min(self.forward_confidence, self.rate_confidence, self.vol_confidence)

    def vol(self, strike: float) -> float:
        a, b, rho, m, sigma, forward, tenor = map(float, self.svi)
        most = MOST_MONEYNESS_SD * math.sqrt(a + b * sigma)
        k = max(-most, min(most, math.log(strike / forward)))
        variance = float(raw_svi(k, a, b, rho, m, sigma)[0])
        return math.sqrt(min(variance, MOST_VARIANCE) / tenor)


class _Scenario(
    msgspec.Struct,
    frozen=True,
    rename={
        "cash": "Cash",
        "collaterals": "Collaterals",
        "spot": "SpotPrice",
        "spot_confidence": "SpotConfidence",
        "perpetuals": "NumPerps",
        "perpetual_price": "PerpPrice",
        "perpetual_confidence": "PerpConfidence",
        "profit": "UnrealisedPerpPNL",
        "funding": "UnrealisedFunding",
        "stable": "StablePrice",
        "options": "Options",
        "feeds": "OptionFeeds",
    },
):
    cash: float
    collaterals: list[_Collateral]
    spot: float
    spot_confidence: float
    perpetuals: float
    perpetual_price: float
    perpetual_confidence: float
    profit: float
    funding: float
    stable: float
    options: list[_Held]
    feeds: list[_Feed]


class _Result(
    msgspec.Struct,
    frozen=True,
    rename={
        "basis": "ForwardContingency",
        "options": "OptionMTM",
        "collateral": "CollateralMTM",
        "portfolio": "PortfolioMTM",
        "initial": "IM",
        "maintenance": "MM",
    },
):
    reg_losses: list[tuple[Any, Any, _Number]]
    tail_losses: list[tuple[Any, Any, _Number]]
    skew_losses: list[tuple[str, _Number]]
    basis: float
    options: float
    collateral: float
    portfolio: float
    initial: float
    maintenance: float


class _Entry(
    msgspec.Struct,
    frozen=True,
    rename={"scenario": "Scenario", "parameters": "Parameters", "result": "Result"},
):
    scenario: _Scenario
    parameters: Parameters
    result: _Result


def cases(document: Any, model: MarginModel, where: str) -> Iterator[Case] | None:
    """The case of a document, None where it has another shape.

    Raises BadNumber for a case that cannot be read, BadParameter for a model without its parts.
    """
    scenario: Any = cast("dict[str, Any]", document).get("Scenario") if _is_dict(document) else None
    if not (_is_dict(scenario) and "Collaterals" in scenario and "Parameters" in document):
        return None
    return iter((_case(document, model, where),))


def _is_dict(table: Any) -> bool:
    return isinstance(table, dict)


def _case(document: Any, model: MarginModel, where: str) -> Case:
    read = read_as(_Entry, document, where)
    result, cells = read.result, read.parameters.scenarios
    plain = iter([float(row[-1]) for row in (*result.reg_losses, *result.tail_losses)])
    skewed = iter([float(row[-1]) for row in result.skew_losses])
    profits = {
        _cell_name(number, cell.shock, cell.vol): next(skewed if cell.is_skew else plain, math.nan)
        for number, cell in enumerate(cells)
    }
    odd = any(cell.is_skew and cell.shock != 1.0 for cell in cells)
    return Case(
        name=where.removesuffix(".json"),
        expected={
            **profits,
            "basis contingency": result.basis,
            "options": result.options,
            "collateral": result.collateral,
            "portfolio": result.portfolio,
            "im": result.initial,
            "mm": result.maintenance,
        },
        compute=partial(_computed, read.scenario, read.parameters, model, list(profits)),
        tolerance_abs=1e-9,
        skipped=_DISABLED if odd else None,
    )


def _cell_name(number: int, shock: float, vol: str) -> str:
    return f"scenario {number + 1}: {shock - 1.0:+.3g}, {vol}"


def _computed(
    case: _Scenario, numbers: Parameters, model: MarginModel, cells: list[str]
) -> Mapping[str, float]:
    """Profits, values and surplus, in cash."""
    market = _market(case)
    collateral = _collateral(case)
    own = {asset: each for asset, each in collateral.items() if each.cancels}
    beside = {asset: each.amount for asset, each in collateral.items() if not each.cancels}
    cuts = {asset.name: each.maintenance_cut for asset, each in collateral.items()}
    more = {asset.name: each.initial_cut for asset, each in collateral.items()}
    classes = (
        class_named(model, "base", (BASE,)),
        class_named(model, "beside", tuple(asset.name for asset in beside)),
    )
    chosen = with_parameters(replace(model, classes=classes), numbers, cuts, more)
    # What stands for the underlying is counted in units of it.
    index = case.spot * case.stable
    coins = {asset: each.amount * each.price / index for asset, each in own.items()}
    held = {**_options(case), PERPETUAL: case.perpetuals, **coins}
    book, others = book_of(held, market), book_of(beside, market)
    factors = numbers.margin.initial, numbers.margin.maintenance
    total = value_and_surplus(book, chosen, *factors)
    total += value_and_surplus(others, _without_scenarios(chosen), *factors)
    profits, apart, options = np.zeros(len(cells)), 0.0, 0.0
    if book is not None:
        profits, apart = profits_and_apart(margin_requirement(book, chosen), chosen)
        [part] = book.underlyings
        options = float(part.value_usd[part.is_option].sum())
    value, initial, maintenance = total / case.stable
    loose = case.profit + case.funding
    # Cells that the fold alone asks for stand behind those of the case.
    named = dict(zip(cells, (profits / case.stable).tolist(), strict=False))
    return named | {
        "basis contingency": -apart / case.stable,
        "options": options / case.stable,
        "collateral": value - options / case.stable,
        "portfolio": value + loose + case.cash,
        "im": initial + loose + case.cash,
        "mm": maintenance + loose + case.cash,
    }


def _without_scenarios(model: MarginModel) -> MarginModel:
    """The model's charges and collateral alone."""
    return replace(
        model,
        scenarios=None,
        revaluation=None,
        fold=None,
        status=replace(model.status, scenarios=None, revaluation=None, fold=None),
    )


def _collateral(case: _Scenario) -> dict[Instrument, _Collateral]:
    """Each by a name of its own, for the same coin may stand in a case twice."""
    return {
        Wrapper(name=f"{each.name}{n}", wraps=BASE)
        if each.cancels
        else SpotAsset(name=f"{each.name}{n}"): each
        for n, each in enumerate(case.collaterals)
    }


def _options(case: _Scenario) -> dict[Option, float]:
    held: dict[Option, float] = defaultdict(float)
    for each in case.options:
        held[option(BASE, each.seconds, each.strike, each.is_call)] += each.amount
    return held


def _market(case: _Scenario) -> CaseMarket:
    feeds = {feed.seconds: feed for feed in case.feeds}
    confidence = {BASE: case.spot_confidence, PERPETUAL.name: case.perpetual_confidence}
    by_expiry: dict[int, dict[Option, float]] = defaultdict(dict)
    for each in case.options:
        own, feed = option(BASE, each.seconds, each.strike, each.is_call), feeds[each.seconds]
        by_expiry[each.seconds][own] = feed.vol(each.strike)
        confidence[own.name] = feed.confidence
    collateral = _collateral(case)
    confidence |= {
        asset.name: min(each.confidence, case.spot_confidence) for asset, each in collateral.items()
    }
    return CaseMarket(
        spot=case.spot,
        stable=case.stable,
        perpetual=case.perpetual_price,
        slices=tuple(_slice(feeds[seconds], listed) for seconds, listed in by_expiry.items()),
        confidence=confidence,
        assets={
            asset.name: case.spot * case.stable if each.cancels else each.price
            for asset, each in collateral.items()
        },
    )


def _slice(feed: _Feed, listed: Mapping[Option, float]) -> OptionSlice:
    tenor = feed.seconds / 31_536_000.0
    discount = math.exp(-max(feed.rate, 0.0) * tenor)
    return option_slice(listed, feed.forward, discount=discount)
