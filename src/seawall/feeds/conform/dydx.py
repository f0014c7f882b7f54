"""Cases of dYdX's perpetuals: margin of one position in quote quantums, millionths of a USD."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import partial
from typing import Any, cast

import msgspec

from seawall.feeds.conform.cases import Case
from seawall.feeds.conform.shapes import market_of_perpetuals, perpetual, read_as, with_charge
from seawall.margin.charges import OpenInterestCharge
from seawall.margin.charges.perpetual_venues import OpenInterestTier
from seawall.margin.classes import class_of
from seawall.margin.model import MarginModel
from seawall.margin.requirement import margin_requirement
from seawall.products.portfolio import MAX_PRICE, MAX_QUANTITY, Portfolio, Position
from seawall.risk.book import join

_QUANTUM_USD = 1e-6
_MILLIONTH = 1e-6
_UNDERLYING = "BTC"


class _Inputs(msgspec.Struct, frozen=True, rename="camel"):
    """``price`` times 10 to the ``exponent`` is USD, quantums times 10 to the resolution coins; the
    rest are parts per million, and quote quantums.
    """

    price: int
    exponent: int
    base_currency_atomic_resolution: int
    big_base_quantums: int
    initial_margin_ppm: int
    maintenance_fraction_ppm: int
    open_interest: int
    open_interest_lower_cap: int
    open_interest_upper_cap: int

    @property
    def price_usd(self) -> Decimal:
        """USD per coin."""
        return Decimal(self.price).scaleb(self.exponent)

    def coins(self, quantums: int) -> Decimal:
        """A size in coins."""
        return Decimal(quantums).scaleb(self.base_currency_atomic_resolution)


class _Expected(msgspec.Struct, frozen=True):
    imr: int
    mmr: int


class _Entry(msgspec.Struct, frozen=True):
    name: str
    inputs: _Inputs
    expected: _Expected


def cases(document: Any, model: MarginModel, where: str) -> Iterator[Case] | None:
    """The cases of a document, None where it has another shape.

    Raises BadNumber for a case that cannot be read.
    """
    listed: Any = cast("dict[str, Any]", document).get("cases") if _is_table(document) else None
    if not isinstance(listed, list) or not listed:
        return None
    entries = cast("list[Any]", listed)
    inputs: Any = (
        cast("dict[str, Any]", entries[0]).get("inputs") if _is_table(entries[0]) else None
    )
    if not _is_table(inputs) or "bigBaseQuantums" not in inputs:
        return None
    return (_case(read_as(_Entry, entry, where), model) for entry in entries)


def _is_table(value: Any) -> bool:
    return isinstance(value, dict)


def _case(read: _Entry, model: MarginModel) -> Case:
    """The chain rounds amounts up to a quantum, and a fraction that rises down to a millionth."""
    inputs = read.inputs
    size = abs(inputs.coins(inputs.big_base_quantums))
    rises = inputs.open_interest_upper_cap > 0
    notional_quantums = float(size * inputs.price_usd) / _QUANTUM_USD
    return Case(
        name=read.name,
        expected={"imr": float(read.expected.imr), "mmr": float(read.expected.mmr)},
        compute=partial(_computed, inputs, model),
        tolerance_rel=1e-12,
        tolerance_abs=1.0 + (_MILLIONTH * notional_quantums if rises else 0.0),
        skipped=_no_market(inputs.price_usd, size),
    )


def _no_market(price_usd: Decimal, size: Decimal) -> str | None:
    if not 0 < price_usd < Decimal(MAX_PRICE) or size >= MAX_QUANTITY:
        return f"a price of {float(price_usd):g} USD and a size of {float(size):g} are no market"
    return None


def _computed(inputs: _Inputs, model: MarginModel) -> Mapping[str, float]:
    """Both margins of the position in quote quantums."""
    price_usd, held = float(inputs.price_usd), perpetual(_UNDERLYING)
    tier = OpenInterestTier(
        initial_rel=inputs.initial_margin_ppm * _MILLIONTH,
        maintenance_share=inputs.maintenance_fraction_ppm * _MILLIONTH,
        lower_cap_usd=inputs.open_interest_lower_cap * _QUANTUM_USD,
        upper_cap_usd=inputs.open_interest_upper_cap * _QUANTUM_USD,
    )
    charge = OpenInterestCharge(tiers={class_of(_UNDERLYING, model.classes).name: tier})
    told = [(_UNDERLYING, float(inputs.coins(inputs.open_interest)))]
    position = Position(instrument=held, quantity=inputs.coins(inputs.big_base_quantums))
    book = join(
        Portfolio(account="case", positions=(position,)),
        market_of_perpetuals({_UNDERLYING: price_usd}, told),
    )
    found = margin_requirement(book, with_charge(model, charge))
    return {"imr": found.initial / _QUANTUM_USD, "mmr": found.maintenance / _QUANTUM_USD}
