"""Strategy cases in the shape in which those of QuantConnect's Lean are published.

``cases`` of ``underlying_price``, ``multiplier`` and ``legs``: ``type`` ``C``, ``P`` or ``STK``,
``strike``, ``expiry`` (YYYYMMDD), ``price`` and ``qty``, of options contracts, of shares pieces.
The expected ``initial_excl_premium_credit`` and ``maintenance`` are rule values: money that
is asked where premiums of short options were added to it and long ones have no value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal

import msgspec

from seawall.basics.errors import UnrecognisedFile
from seawall.basics.time import tenor_years
from seawall.feeds.conform.cases import Case
from seawall.feeds.conform.listed import cases_of
from seawall.margin.charges import StrategyPairingCharge
from seawall.margin.charges.strategies import Leg
from seawall.margin.model import MarginModel

_SKIPPED = "the model has no charge strategy-pairing"
_KINDS: Mapping[str, Literal["call", "put"]] = {"C": "call", "P": "put"}
_EXPECTED = {"initial_excl_premium_credit": "initial", "maintenance": "maintenance"}


class _Leg(msgspec.Struct, frozen=True, kw_only=True):
    """A leg as it is published."""

    type: Literal["C", "P", "STK"]
    qty: float
    price: float
    strike: float | None = None
    expiry: str | None = None


class _Case(msgspec.Struct, frozen=True, kw_only=True):
    """A case as it is published; what the rule does not tell is None."""

    name: str
    underlying_price: float
    multiplier: float
    legs: tuple[_Leg, ...]
    initial_excl_premium_credit: float | None = None
    maintenance: float | None = None


def cases(document: Any, model: MarginModel, where: str) -> Iterator[Case] | None:
    """The cases of a document, None of one of another shape.

    Raises UnrecognisedFile for a case that lacks a key or has another kind of value there.
    """
    listed = cases_of(document)
    if not listed or not all({"legs", "underlying_price"} <= set(each) for each in listed):
        return None
    charges = [c for c in model.charges if isinstance(c, StrategyPairingCharge)]
    charge = charges[0] if charges else None
    return (_case(each, charge, f"{where}, case {i}") for i, each in enumerate(listed))


def _case(published: Any, charge: StrategyPairingCharge | None, where: str) -> Case:
    try:
        told = msgspec.convert(published, _Case)
        legs = tuple(_leg(leg, told.multiplier) for leg in told.legs)
    except (msgspec.ValidationError, ValueError) as error:
        raise UnrecognisedFile(
            f"a strategy case that cannot be read: {error}",
            where=where,
            remedy="Give each leg type, qty and price, and options strike and expiry (YYYYMMDD).",
        ) from None
    numbers = {name: getattr(told, key) for key, name in _EXPECTED.items()}
    expected = {name: value for name, value in numbers.items() if value is not None}
    if charge is None:
        return Case(name=told.name, expected=expected, compute=dict, skipped=_SKIPPED)
    compute = partial(_computed, charge, legs, told, tuple(expected))
    return Case(name=told.name, expected=expected, compute=compute, tolerance_abs=1e-6)


def _leg(leg: _Leg, multiplier: float) -> Leg:
    """A published leg in units of the underlying; the tenor counts from the year 2000, since only
    the order of expiries is told.
    """
    if leg.type == "STK":
        return Leg(name="stock", kind="stock", quantity=leg.qty, price_usd=leg.price)
    if leg.strike is None or leg.expiry is None:
        raise ValueError("an option without strike or expiry")
    expiry = datetime.strptime(leg.expiry, "%Y%m%d").replace(tzinfo=UTC)
    return Leg(
        name=f"{leg.expiry}-{leg.strike:g}-{leg.type}",
        kind=_KINDS[leg.type],
        quantity=leg.qty * multiplier,
        price_usd=leg.price,
        strike_usd=leg.strike,
        tenor_years=tenor_years(datetime(2000, 1, 1, tzinfo=UTC), expiry),
    )


def _computed(
    charge: StrategyPairingCharge, legs: tuple[Leg, ...], told: _Case, names: tuple[str, ...]
) -> dict[str, float]:
    """Rule values by the model's charge, of an underlying that is no broad index.

    Nobody is lent on a long option here: how long it still runs is not told.
    """
    rates = msgspec.structs.replace(charge.rates, long_term_loan_rel=0.0)
    own = msgspec.structs.replace(charge, rates=rates)
    price = told.underlying_price
    initial, maintenance = own.pairings(legs, own.rulebook("", price, price), told.multiplier)
    values = {"initial": initial.value_usd, "maintenance": maintenance.value_usd}
    return {name: values[name] for name in names}
