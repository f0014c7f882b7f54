"""Exact money: unlike currencies never meet, and measures cross over against the account."""

from __future__ import annotations

import math
import operator
import re
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from seawall.basics.errors import BadNumber, CurrencyMismatch
from seawall.basics.money import (
    CENT,
    MAX_CENTS_USD,
    NOISE_DECIMALS,
    Money,
    collateral_cents,
    collateral_cents_of,
    collateral_money,
    requirement_cents,
    requirement_cents_of,
    requirement_money,
)

NOISE = Decimal(1).scaleb(-NOISE_DECIMALS)

amounts = st.decimals(-(10**15), 10**15, places=6)
measures = st.floats(-1e15, 1e15)


def usd(amount: str) -> Money:
    return Money(Decimal(amount), "USD")


def test_arithmetic_is_exact():
    assert usd("0.10") + usd("0.20") == usd("0.30")
    assert usd("0.30") - usd("0.10") == usd("0.20")
    assert -usd("1.50") == usd("-1.50")
    assert usd("1") < usd("1.01") <= usd("1.01")


@pytest.mark.parametrize(
    "combine",
    [operator.add, operator.sub, operator.lt, operator.le],
    ids=["add", "subtract", "less", "at most"],
)
def test_unlike_currencies_are_refused(combine):
    with pytest.raises(CurrencyMismatch, match=r"BTC and USD|USD and BTC"):
        combine(usd("1"), Money(Decimal(1), "BTC"))


@pytest.mark.parametrize("amount", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_money_refuses_what_is_no_number(amount):
    with pytest.raises(BadNumber):
        Money(Decimal(amount), "USD")


@given(measures)
def test_requirements_round_up_and_collateral_down(measure):
    exact = Decimal(measure)
    asked = requirement_money(measure, "USD", "test").amount
    credited = collateral_money(measure, "USD", "test").amount
    assert exact - NOISE <= asked < exact + CENT + NOISE
    assert exact - CENT - NOISE < credited <= exact + NOISE
    assert asked == asked.quantize(CENT)
    assert credited == credited.quantize(CENT)


def test_noise_of_the_measure_costs_no_cent():
    assert requirement_money(0.1 + 0.2, "USD", "test") == usd("0.30")
    assert collateral_money(0.7 + 0.1, "USD", "test") == usd("0.80")
    assert requirement_money(0.300001, "USD", "test") == usd("0.31")
    assert collateral_money(0.799999, "USD", "test") == usd("0.79")


@given(measures)
def test_no_negative_zero(measure):
    for cross in (requirement_money, collateral_money):
        amount = cross(measure * 1e-18, "USD", "test").amount
        assert amount or not amount.is_signed()


@pytest.mark.parametrize("cross", [requirement_money, collateral_money])
@pytest.mark.parametrize("measure", [math.nan, math.inf, -math.inf, 1e20, -1e55, 1e308])
def test_a_measure_that_is_no_number_never_becomes_money(cross, measure):
    with pytest.raises(BadNumber, match="scanning risk"):
        cross(measure, "USD", "scanning risk")


# Halves of a millionth, where a cent ends and elsewhere, and the floats next to them.
halves = st.builds(
    lambda cents, millionths, toward: math.nextafter(
        (cents * 1e4 + millionths + 0.5) * 1e-6, toward
    ),
    st.integers(-(10**11), 10**11),
    st.sampled_from((-1, 0, 1, 4_999, 9_998)),
    st.sampled_from((-math.inf, 0.0, math.inf)),
)
rows = st.lists(
    halves | st.floats(-9e12, 9e12) | st.floats(-1e-5, 1e-5) | st.integers(-999, 999).map(float),
    max_size=9,
)


@given(rows)
@example([-5564.3800005, 7296554.4299995, 72751541.9100005, 9007199254.740992, -9.00720000000001e9])
def test_many_measures_become_the_cents_that_each_becomes(measures):
    for many, one in ((requirement_cents, requirement_money), (collateral_cents, collateral_money)):
        cents = many(np.array(measures), "test")
        assert cents.dtype == np.int64
        assert cents.tolist() == [one(m, "USD", "test").amount * 100 for m in measures]


@pytest.mark.parametrize("cross", [requirement_cents, collateral_cents])
@pytest.mark.parametrize(
    "measure", [math.nan, math.inf, -math.inf, MAX_CENTS_USD, -2e13, 1e20, 1e308]
)
def test_of_many_measures_one_that_is_no_number_is_refused(cross, measure):
    with pytest.raises(BadNumber, match=re.escape(f"is {measure:g} USD")) as found:
        cross(np.array([1.0, measure, 2.0]), "scanning risk")
    assert found.value.where == "scanning risk"
    one = {requirement_cents: requirement_cents_of, collateral_cents: collateral_cents_of}[cross]
    with pytest.raises(BadNumber) as of_one:
        one(measure, "scanning risk")
    assert str(of_one.value) == str(found.value)


def test_cents_keep_the_shape_of_their_measures():
    measures = np.array([[0.001, -0.001, 1e10], [2.0, 2.0000004, -1e12]])
    expected = [[1, 0, 10**12], [200, 200, -(10**14)]]
    assert requirement_cents(measures, "test").tolist() == expected


@given(amounts, amounts)
def test_subtraction_undoes_addition(a, b):
    there = Money(a, "USD") + Money(b, "USD")
    assert there - Money(b, "USD") == Money(a, "USD")
