"""Cases of Deribit's standard margin: linear perpetuals of a size at an index."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import partial
from typing import Any, cast

import msgspec

from seawall.feeds.conform.cases import Case
from seawall.feeds.conform.shapes import market_of_perpetuals, read_as, with_charge
from seawall.margin.charges import SizeNotionalCharge
from seawall.margin.charges.size_notional import SizeRates
from seawall.margin.classes import class_of
from seawall.margin.model import MarginModel
from seawall.margin.requirement import margin_requirement
from seawall.products.names import parse_name
from seawall.products.portfolio import Portfolio, Position
from seawall.risk.book import join


class _PerpetualRates(msgspec.Struct, frozen=True):
    im0: float
    mm0: float
    k: float


class _PerpetualCase(msgspec.Struct, frozen=True):
    inst: str
    index: float
    size: float
    im: float
    mm: float | None = None


class _Perpetuals(msgspec.Struct, frozen=True):
    params: dict[str, _PerpetualRates]
    cases: list[_PerpetualCase]


def cases(document: Any, model: MarginModel, where: str) -> Iterator[Case] | None:
    """The cases of a document, None where it has another shape.

    Raises BadNumber for a case that cannot be read.
    """
    params: Any = cast("dict[str, Any]", document).get("params") if _is_table(document) else None
    listed = list(cast("dict[str, Any]", params).values()) if _is_table(params) else []
    first: Any = listed[0] if listed else None
    if not _is_table(first) or not {"im0", "mm0", "k"} <= cast("dict[str, Any]", first).keys():
        return None
    read = read_as(_Perpetuals, document, where)
    return (_case(own, read.params, model) for own in read.cases)


def _is_table(value: Any) -> bool:
    return isinstance(value, dict)


def _case(own: _PerpetualCase, params: Mapping[str, _PerpetualRates], model: MarginModel) -> Case:
    return Case(
        name=f"{own.inst} {own.size:g}",
        expected={"im": own.im} | ({} if own.mm is None else {"mm": own.mm}),
        compute=partial(_computed_perpetual, own, params, model),
    )


def _computed_perpetual(
    own: _PerpetualCase, params: Mapping[str, _PerpetualRates], model: MarginModel
) -> Mapping[str, float]:
    instrument = parse_name(own.inst)
    rates = params[own.inst.removesuffix("-PERPETUAL")]
    numbers = SizeRates(initial_rel=rates.im0, maintenance_rel=rates.mm0, per_coin_rel=rates.k)
    name = class_of(instrument.underlying, model.classes).name
    held = Position(instrument=instrument, quantity=Decimal(repr(own.size)))
    book = join(
        Portfolio(account="case", positions=(held,)),
        market_of_perpetuals({instrument.underlying: own.index}),
    )
    charged = with_charge(model, SizeNotionalCharge(classes={name: numbers}))
    found = margin_requirement(book, charged)
    return {"im": found.initial, "mm": found.maintenance}
