"""Cases of Drift's weights: of an asset or a liability of a size, in ten-thousandths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import partial
from typing import Any, Literal, cast

import msgspec

from seawall.feeds.conform.cases import Case
from seawall.feeds.conform.shapes import market_of_perpetuals, read_as, with_charge
from seawall.margin.charges import SizeWeightCharge
from seawall.margin.charges.size_weight import LevelWeights, SizeWeights
from seawall.margin.classes import class_of
from seawall.margin.model import MarginModel
from seawall.margin.requirement import margin_requirement
from seawall.products.instruments import SpotAsset
from seawall.products.portfolio import Portfolio, Position
from seawall.risk.book import join

_UNDERLYING = "BTC"
_FUNCTIONS = ("asset_weight", "liability_weight", "scaled_initial_asset_weight")


class _Entry(msgspec.Struct, frozen=True):
    """``size_1e9`` in 1e-9 coins, the factor in millionths, weights in ten-thousandths."""

    fn: Literal["asset_weight", "liability_weight", "scaled_initial_asset_weight"]
    weight_1e4: int
    expected_1e4: int
    size_1e9: int = 0
    imf_factor_1e6: int = 0


def cases(document: Any, model: MarginModel, where: str) -> Iterator[Case] | None:
    """The cases of a document, None where it has another shape.

    Raises BadNumber for a case that cannot be read.
    """
    if not isinstance(document, dict):
        return None
    listed: Any = cast("dict[str, Any]", document).get("cases")
    first: Any = cast("list[Any]", listed)[0] if isinstance(listed, list) and listed else None
    if not isinstance(first, dict) or cast("dict[str, Any]", first).get("fn") not in _FUNCTIONS:
        return None
    entries = read_as(list[_Entry], listed, where)
    return (_case(place, entry, model) for place, entry in enumerate(entries))


def _case(place: int, read: _Entry, model: MarginModel) -> Case:
    """The program rounds the root of a size and a weight down."""
    asset = read.fn == "asset_weight"
    skipped = None
    if read.fn == "scaled_initial_asset_weight":
        skipped = "deposits of a whole pool, which no market tells"
    elif not asset and read.weight_1e4 < 10_000:
        skipped = "a liability that counts for less than it is"
    return Case(
        name=f"{read.fn} {place + 1}",
        expected={"weight_1e4": float(read.expected_1e4)},
        compute=partial(_computed, read, asset, model),
        tolerance_rel=0.0,
        tolerance_abs=1.0,
        skipped=skipped,
    )


def _computed(read: _Entry, asset: bool, model: MarginModel) -> Mapping[str, float]:
    """What a coin of 1 USD counts for, of so many held or owed: full less what is charged."""
    weight = read.weight_1e4 / 1e4
    level = LevelWeights(
        asset=weight if asset else 1.0, liability=1.0 if asset else weight, contract=0.0
    )
    weights = SizeWeights(initial=level, maintenance=level, size_factor=read.imf_factor_1e6 / 1e6)
    charge = SizeWeightCharge(classes={class_of(_UNDERLYING, model.classes).name: weights})
    size = Decimal(read.size_1e9).scaleb(-9)
    held = Position(instrument=SpotAsset(name=_UNDERLYING), quantity=size if asset else -size)
    book = join(
        Portfolio(account="case", positions=(held,)), market_of_perpetuals({_UNDERLYING: 1.0})
    )
    found = margin_requirement(book, with_charge(model, charge)).maintenance / float(size)
    return {"weight_1e4": 1e4 * (weight - found if asset else 1.0 + found)}
