"""Exact money: unlike currencies never meet, and measures cross over against the account."""

from __future__ import annotations

import math
import operator
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.basics.errors import BadNumber, CurrencyMismatch
from seawall.basics.money import (
    CENT,
    NOISE_DECIMALS,
    Money,
    collateral_money,
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


@given(amounts, amounts)
def test_subtraction_undoes_addition(a, b):
    there = Money(a, "USD") + Money(b, "USD")
    assert there - Money(b, "USD") == Money(a, "USD")
