"""Cases of customer portfolio margin: positions in words, points and what they ask."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import BadNumber, BadParameter
from seawall.feeds.conform.cases import Case
from seawall.feeds.conform.shapes import AS_OF, read_as
from seawall.margin.classes import class_of
from seawall.margin.model import MarginModel
from seawall.margin.requirement import margin_requirement
from seawall.market.snapshot import MarketSnapshot, OptionSlice
from seawall.products.instruments import CASH, Option, Stock
from seawall.products.portfolio import Portfolio, Position
from seawall.risk.book import join
from seawall.risk.joint_scenarios import JointScenarios
from seawall.risk.scenarios import grid_of, lay_out

_SHARE = "CASE.US"
_OF_KIND = {
    "high_cap_broad_index": "SPX.US",
    "non_high_cap_broad_index": "RUT.US",
    "equity_or_narrow_index": _SHARE,
}
# A contract is of a hundred shares. Options are worth their payoff: without volatility, and so far
# out of the money, where a case says that, that no point reaches them.
_MULTIPLIER, _NO_VOL, _FAR = 100, 1e-9, 100.0
_EXPIRY = AS_OF + timedelta(days=30)
_SPOT = 50.0
_STOCK = re.compile(r"([+-]\d+) stock @([\d.]+)")
_OPTIONS = re.compile(r"(long|short) (\d+) (?:far-OTM |([\d.]+)-)(call|put)s?")


class _Entry(msgspec.Struct, frozen=True):
    """A position in words, what it asks in USD, and its points where they are listed."""

    pos: str
    requirement: float
    points: tuple[float, ...] = ()


class _Document(msgspec.Struct, frozen=True):
    """``moves`` are the ends of the points, down and up, by kind of underlying."""

    moves: dict[str, tuple[float, float]]
    cases: list[_Entry]


def cases(document: Any, model: MarginModel, where: str) -> Iterator[Case] | None:
    """The cases of a document, None where it has another shape.

    Raises BadNumber for a case that cannot be read.
    """
    if not isinstance(document, dict) or "moves" not in cast("dict[str, Any]", document):
        return None
    read = read_as(_Document, document, where)
    return (
        case
        for part in (
            (_ends(kind, ends, model) for kind, ends in read.moves.items()),
            (_case(entry, model, where) for entry in read.cases),
        )
        for case in part
    )


def _ends(kind: str, ends: tuple[float, float], model: MarginModel) -> Case:
    return Case(
        name=f"moves of {kind}",
        expected={"down": ends[0], "up": ends[1]},
        compute=partial(_moved, kind, model),
    )


def _moved(kind: str, model: MarginModel) -> Mapping[str, float]:
    if kind not in _OF_KIND:
        raise BadParameter(
            f"underlyings of kind {kind} are unknown",
            where="moves",
            remedy=f"Known are {', '.join(_OF_KIND)}.",
        )
    moves = _points(_OF_KIND[kind], model)
    return {"down": float(moves.min()), "up": float(moves.max())}


def _points(underlying: str, model: MarginModel) -> NDArray[np.float64]:
    """The price moves of an underlying but for the base scenario, the lowest first."""
    if model.scenarios is None or isinstance(model.scenarios, JointScenarios):
        raise BadParameter(
            f"{model.name} has no scenarios, which the cases are of",
            where=f"model {model.name}",
            remedy="Ask for the model that the cases were published for.",
        )
    numbers = class_of(underlying, model.classes)
    grid = grid_of(model.scenarios, numbers.name)
    cells = lay_out(grid, numbers.price_range_up_rel, numbers.price_range_down_rel)
    moves = np.unique(cells.price_rel)
    return moves[moves != 0.0]


def _case(entry: _Entry, model: MarginModel, where: str) -> Case:
    """Sources round to USD; a payoff without volatility is exact to far less than a cent."""
    points = {f"point_{i + 1}": price for i, price in enumerate(entry.points)}
    return Case(
        name=entry.pos,
        expected={"requirement": entry.requirement, **points},
        compute=partial(_computed, entry, model, where),
        tolerance_abs=1e-3,
    )


def _computed(entry: _Entry, model: MarginModel, where: str) -> Mapping[str, float]:
    stock = _STOCK.search(entry.pos)
    spot = float(stock[2]) if stock else _SPOT
    positions: list[Position] = []
    if stock:
        positions.append(Position(instrument=Stock(name=_SHARE), quantity=Decimal(stock[1])))
    options: list[Option] = []
    for side, count, strike, right in _OPTIONS.findall(entry.pos):
        far = spot * (_FAR if right == "call" else 1.0 / _FAR)
        option = Option(
            name=f"{_SHARE} {right} {len(options) + 1}",
            underlying=_SHARE,
            settlement=CASH,
            expiry=_EXPIRY,
            strike=float(strike) if strike else far,
            right=right,
        )
        options.append(option)
        contracts = Decimal(count) * _MULTIPLIER
        quantity = contracts if side == "long" else -contracts
        positions.append(Position(instrument=option, quantity=quantity))
    if not positions:
        raise BadNumber(
            f"no position in {entry.pos!r}",
            where=where,
            remedy="Write +100 stock @50, long 1 50-put, or short 10 far-OTM calls.",
        )
    book = join(Portfolio(account="case", positions=tuple(positions)), _market(spot, options))
    moves = _points(_SHARE, model).tolist()
    points = {f"point_{i + 1}": spot * (1.0 + x) for i, x in enumerate(moves)}
    return {"requirement": margin_requirement(book, model).maintenance, **points}


def _market(spot: float, options: list[Option]) -> MarketSnapshot:
    """A share and options on it that are worth what they pay."""
    key = (_SHARE, CASH, _EXPIRY)
    count = len(options)
    listed = OptionSlice(
        key=key,
        forward=spot,
        names=tuple(option.name for option in options),
        strike=np.array([option.strike for option in options]),
        is_call=np.array([option.is_call for option in options]),
        vol=np.full(count, _NO_VOL),
        mark=np.full(count, np.nan),
        observed_s=np.full(count, np.nan),
        atm_vol=_NO_VOL,
    )
    return MarketSnapshot(
        as_of=AS_OF,
        index_usd={_SHARE: spot},
        stable_usd={},
        forwards={key: spot} if options else {},
        futures={},
        slices={key: listed} if options else {},
        option_rows={option.name: (key, row) for row, option in enumerate(options)},
    )
