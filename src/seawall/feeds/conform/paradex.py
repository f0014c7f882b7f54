"""Paradex's portfolio margin as it is published: scenarios, coefficients and worked examples."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from functools import partial
from itertools import chain
from typing import Any, cast

import msgspec
import numpy as np

from seawall.basics.errors import BadParameter
from seawall.feeds.conform.cases import Case
from seawall.feeds.conform.shapes import AS_OF, perpetual, read_as
from seawall.margin.classes import class_of
from seawall.margin.floors import greatest_floor
from seawall.margin.model import MarginModel
from seawall.market.snapshot import MarketSnapshot, OptionSlice
from seawall.products.instruments import Option
from seawall.products.portfolio import Portfolio, Position
from seawall.risk.book import UnderlyingBook, join
from seawall.risk.joint_scenarios import JointScenarios
from seawall.risk.revaluation import vol_table
from seawall.risk.scenarios import grid_of, lay_out
from seawall.risk.shocks import VolMove

_DAYS = 30
_EXPIRY = AS_OF + timedelta(days=_DAYS)
_TENOR_YEARS = _DAYS / 365.0
# Shocks are published as shares of a volatility at 30 days, above the least an upward one leads to.
_VOL = 2.0
_OTHER_RULES = {
    "liquidation": "how a position is closed, which no requirement is",
    "cross_margin": "open orders of the venue's cross margin, which is another rule",
    "socialized_loss": "a loss that all share, which no requirement is",
}


class _Example(msgspec.Struct, frozen=True):
    """Perpetuals held long against calls sold, each of a delta."""

    name: str
    spot: float
    perp_long: Decimal
    short_calls: Decimal
    call_delta: float
    expected_min_delta_risk: float


class _Document(msgspec.Struct, frozen=True):
    """Scenarios are price move, relative volatility move at 30 days, and weight."""

    scenarios: dict[str, tuple[tuple[float, float, float], ...]]
    min_delta: dict[str, tuple[float, float]]
    mm_factor: float
    examples: tuple[_Example, ...]


def cases(document: Any, model: MarginModel, where: str) -> Iterator[Case] | None:
    """The cases of a document, None where it has another shape.

    Raises BadNumber for a case that cannot be read.
    """
    if not isinstance(document, dict):
        return None
    table = cast("dict[str, Any]", document)
    if not {"scenarios", "min_delta", "mm_factor"} <= table.keys():
        return None
    read = read_as(_Document, table, where)
    return chain(
        (_scenarios(asset, listed, model) for asset, listed in read.scenarios.items()),
        (_coefficients(asset, pair, model) for asset, pair in read.min_delta.items()),
        [
            Case(
                name="maintenance",
                expected={"mm_factor": read.mm_factor},
                compute=lambda: {"mm_factor": model.levels.mm_factor},
            )
        ],
        (_example(example, model) for example in read.examples),
        (
            Case(name=f"{part} example", expected={}, compute=dict, skipped=why)
            for part, why in _OTHER_RULES.items()
            if part in table
        ),
    )


def _scenarios(
    asset: str, listed: tuple[tuple[float, float, float], ...], model: MarginModel
) -> Case:
    """In order of price move and then of volatility: what there is, as the engine lays it out."""
    expected = {
        f"{number}.{part}": value
        for number, cell in enumerate(sorted(listed), 1)
        for part, value in zip(("price", "vol", "weight"), cell, strict=True)
    }
    expected["count"] = float(len(listed))
    return Case(
        name=f"scenarios of {asset}",
        expected=expected,
        compute=partial(_laid_out, asset, model),
        tolerance_abs=1e-12,
    )


def _laid_out(asset: str, model: MarginModel) -> Mapping[str, float]:
    """The unmoved cell is no scenario of the venue."""
    if model.scenarios is None or isinstance(model.scenarios, JointScenarios):
        raise BadParameter(
            f"{model.name} has no scenarios, which the cases are of",
            where=f"model {model.name}",
            remedy="Ask for the model that the cases were published for.",
        )
    numbers = class_of(asset, model.classes)
    grid = grid_of(model.scenarios, numbers.name)
    cells = lay_out(grid, numbers.price_range_up_rel, numbers.price_range_down_rel)
    book = _book(asset, 100.0, 0.5, Decimal(0), Decimal(1))
    moved = vol_table(book, np.full(1, _VOL), grid)[0] / _VOL - 1.0
    found = sorted(
        (price, float(moved[vol]), weight)
        for place, (price, vol, weight) in enumerate(
            zip(
                cells.price_rel.tolist(),
                cells.vol_index.tolist(),
                cells.damping.tolist(),
                strict=True,
            )
        )
        if price != 0.0 or cells.vol_move(place) is not VolMove.NONE
    )
    out = {
        f"{number}.{part}": value
        for number, cell in enumerate(found, 1)
        for part, value in zip(("price", "vol", "weight"), cell, strict=True)
    }
    return {**out, "count": float(len(found))}


def _coefficients(asset: str, pair: tuple[float, float], model: MarginModel) -> Case:
    return Case(
        name=f"least of deltas of {asset}",
        expected={"net_rel": pair[0], "hedged_rel": pair[1]},
        compute=partial(_coefficients_of, asset, model),
    )


def _coefficients_of(asset: str, model: MarginModel) -> Mapping[str, float]:
    """A coin long alone, and one that is half hedged, at a price of 1."""
    alone = greatest_floor(model.floors, _book(asset, 1.0, 0.5, Decimal(1), Decimal(0)))
    both = greatest_floor(model.floors, _book(asset, 1.0, 0.5, Decimal(1), Decimal(2)))
    return {"net_rel": alone, "hedged_rel": both}


def _example(example: _Example, model: MarginModel) -> Case:
    return Case(
        name=example.name,
        expected={"min_delta_risk": example.expected_min_delta_risk},
        compute=lambda: {"min_delta_risk": greatest_floor(model.floors, _of_example(example))},
    )


def _of_example(example: _Example) -> UnderlyingBook:
    return _book("BTC", example.spot, example.call_delta, example.perp_long, example.short_calls)


def _book(
    asset: str, spot: float, delta: float, perpetuals: Decimal, short_calls: Decimal
) -> UnderlyingBook:
    """Perpetuals long, and calls short, struck where their delta is the one given."""
    vol = 0.6
    deviation = vol * math.sqrt(_TENOR_YEARS)
    # Φ(d1) = delta, by Newton's method from the middle.
    d1 = 0.0
    for _ in range(50):
        density = math.exp(-0.5 * d1 * d1) / math.sqrt(2.0 * math.pi)
        d1 -= (0.5 * (1.0 + math.erf(d1 / math.sqrt(2.0))) - delta) / density
    option = Option(
        name=f"{asset} call",
        underlying=asset,
        settlement="USDC",
        expiry=_EXPIRY,
        strike=spot * math.exp(0.5 * deviation * deviation - d1 * deviation),
        right="call",
    )
    key = (asset, "USDC", _EXPIRY)
    listed = OptionSlice(
        key=key,
        forward=spot,
        names=(option.name,),
        strike=np.array([option.strike]),
        is_call=np.array([True]),
        vol=np.array([vol]),
        mark=np.full(1, np.nan),
        observed_s=np.full(1, np.nan),
        atm_vol=vol,
    )
    market = MarketSnapshot(
        as_of=AS_OF,
        index_usd={asset: spot},
        stable_usd={"USDC": 1.0},
        forwards={key: spot},
        futures={perpetual(asset).name: spot},
        slices={key: listed},
        option_rows={option.name: (key, 0)},
    )
    held = [(perpetual(asset), perpetuals), (option, -short_calls)]
    positions = tuple(Position(instrument=own, quantity=q) for own, q in held if q)
    [book] = join(Portfolio(account="case", positions=positions), market).underlyings
    return book
