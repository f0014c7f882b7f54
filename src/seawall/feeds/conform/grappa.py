"""Cases of full collateral in the shape in which those of Grappa Finance are published.

``cases`` of ``inputs``: ``putWeights``, ``putStrikes``, ``callWeights``, ``callStrikes``, whole
numbers of millionths, and ``numeraire_is_underlying``. ``expected`` are ``numeraire`` and
``underlying`` in units of 10^``nd`` and 10^``ud``; an ``expected_error`` is the name of a refusal.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import partial
from typing import Any

import msgspec

from seawall.basics.errors import BadNumber, UnrecognisedFile
from seawall.feeds.conform.cases import Case
from seawall.feeds.conform.listed import cases_of
from seawall.margin.charges import PayoffBoundCharge
from seawall.margin.charges.payoff_bound import Number, Side
from seawall.margin.model import MarginModel

_SKIPPED = "the model has no charge payoff-bound"
_SCALE = 10**6
# What the engine refuses, by the name that the source gives to it.
_REFUSALS = {
    "weights of calls": "CMM_InvalidCallWeight",
    "weights of puts": "CMM_InvalidPutWeight",
    "lengths of calls": "CMM_InvalidCallLengths",
    "lengths of puts": "CMM_InvalidPutLengths",
}


class _Inputs(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The options of one expiry; decimals of both tokens."""

    put_weights: tuple[int, ...]
    put_strikes: tuple[int, ...]
    call_weights: tuple[int, ...]
    call_strikes: tuple[int, ...]
    numeraire_is_underlying: bool = msgspec.field(default=False, name="numeraire_is_underlying")
    ud: int = 6
    nd: int = 6


class _Case(msgspec.Struct, frozen=True, kw_only=True):
    """A case as it is published: numbers or a refusal."""

    test: str
    inputs: _Inputs
    expected: Mapping[str, int] = {}
    expected_error: str | None = None


def cases(document: Any, model: MarginModel, where: str) -> Iterator[Case] | None:
    """The cases of a document, None of one of another shape.

    Raises UnrecognisedFile for a case that lacks a key or has another kind of value there.
    """
    listed = cases_of(document)
    if not listed or not all("putStrikes" in each.get("inputs", ()) for each in listed):
        return None
    charges = [c for c in model.charges if isinstance(c, PayoffBoundCharge)]
    charge = charges[0] if charges else None
    return (_case(each, charge, f"{where}, case {i}") for i, each in enumerate(listed))


def _case(published: Any, charge: PayoffBoundCharge | None, where: str) -> Case:
    try:
        told = msgspec.convert(published, _Case)
    except msgspec.ValidationError as error:
        raise UnrecognisedFile(
            f"a case of full collateral that cannot be read: {error}",
            where=where,
            remedy="Give inputs of whole weights and strikes, and expected or expected_error.",
        ) from None
    if not told.expected and told.expected_error is None:
        raise UnrecognisedFile(
            "a case without what is expected",
            where=where,
            remedy="Give it expected or expected_error.",
        )
    refused = {} if told.expected_error is None else {told.expected_error: 1.0}
    expected = {name: float(value) for name, value in told.expected.items()} | refused
    if charge is None:
        return Case(name=told.test, expected=expected, compute=dict, skipped=_SKIPPED)
    compute = partial(_computed, charge, told)
    return Case(name=told.test, expected=expected, compute=compute, tolerance_rel=0.0)


def _computed(charge: PayoffBoundCharge, told: _Case) -> dict[str, float]:
    """What covers the options, exactly and rounded down as the source does, or the refusal."""
    inputs = told.inputs
    pays = "underlying" if inputs.numeraire_is_underlying else "numeraire"
    own = msgspec.structs.replace(charge, pays=pays)
    try:
        calls = Side("calls", _exact(inputs.call_strikes), _exact(inputs.call_weights))
        puts = Side("puts", _exact(inputs.put_strikes), _exact(inputs.put_weights))
    except BadNumber as error:
        return {_REFUSALS[error.where]: 1.0}
    need = own.needed(calls, puts)
    found = {
        "numeraire": _rounded_down(need.numeraire, inputs.nd),
        "underlying": _rounded_down(need.underlying, inputs.ud),
    }
    return found if told.expected_error else {name: found[name] for name in told.expected}


def _exact(millionths: tuple[int, ...]) -> tuple[Fraction, ...]:
    return tuple(Fraction(each, _SCALE) for each in millionths)


def _rounded_down(amount: Number, decimals: int) -> float:
    return float(math.floor(Fraction(amount) * Fraction(10) ** decimals))
