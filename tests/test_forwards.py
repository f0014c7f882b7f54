"""The forward of an expiry: parity of fair prices, a minority of bad rows, and which is taken."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from seawall.market.forwards import MIN_PAIRS, choose_forward, parity_estimates
from seawall.pricing.black76 import price
from tests.tables import FORWARD, STRIKES

SIDES = (True, False)


def fair_pairs(forward: float, strikes: list[float], inverse: bool):
    """Strikes, flags and parity-consistent premiums: calls first, then puts."""
    strike = np.array(strikes * 2)
    is_call = np.repeat(SIDES, len(strikes))
    premium = price(forward, strike, 0.6, 0.25, is_call) / (forward if inverse else 1.0)
    return strike, is_call, premium


levels = st.lists(st.integers(5, 40).map(lambda n: n * 5_000.0), min_size=3, unique=True)


@given(st.floats(3e4, 2e5), levels, st.booleans())
def test_parity_finds_the_forward_behind_fair_prices(forward, strikes, inverse):
    strike, is_call, premium = fair_pairs(forward, strikes, inverse)
    estimates = parity_estimates(strike, is_call, premium, inverse=inverse)
    assert estimates.shape == (len(strikes),)
    np.testing.assert_allclose(estimates, forward, rtol=1e-9)


@given(st.data(), st.floats(3e4, 2e5), levels, st.booleans())
def test_a_minority_of_bad_rows_does_not_move_the_forward(data, forward, strikes, inverse):
    strike, is_call, premium = fair_pairs(forward, strikes, inverse)
    bad = data.draw(
        st.lists(st.integers(0, 2 * len(strikes) - 1), max_size=(len(strikes) - 1) // 2)
    )
    for row in bad:
        premium[row] = data.draw(st.floats(0.0, 1e12) | st.just(math.nan))
    pairs = len(strikes) - len({row % len(strikes) for row in bad if math.isnan(premium[row])})
    wrong = len({row % len(strikes) for row in bad if not math.isnan(premium[row])})
    assume(pairs >= MIN_PAIRS and 2 * wrong < pairs)
    missing = np.full(strike.shape, math.nan)
    found = choose_forward(
        strike, is_call, premium, missing, missing, missing, 0.25, inverse=inverse
    )
    assert found == pytest.approx(forward, rel=1e-9)


def chosen(mark, mid, iv, own, *, strikes=STRIKES):
    strike = np.array(strikes * 2)
    is_call = np.repeat(SIDES, len(strikes))
    columns = [
        np.full(strike.shape, math.nan) if column is None else np.broadcast_to(column, strike.shape)
        for column in (mark, mid, iv, own)
    ]
    return choose_forward(strike, is_call, *columns, 0.25, inverse=True)


FAIR = fair_pairs(FORWARD, list(STRIKES), inverse=True)[2]


def test_parity_is_taken_before_a_venue_forward_of_another_moment():
    assert chosen(FAIR, None, 0.6, FORWARD * 1.001) == pytest.approx(FORWARD)


def test_the_venue_forward_is_taken_where_it_reprices_the_marks_as_well():
    assert chosen(FAIR, None, 0.6, FORWARD) == FORWARD


def test_without_volatilities_parity_of_marks_decides():
    assert chosen(FAIR, None, None, FORWARD * 1.2) == pytest.approx(FORWARD)


def test_without_marks_a_venue_forward_that_the_quotes_do_not_contradict_is_taken():
    assert chosen(None, FAIR, None, FORWARD * 1.001) == FORWARD * 1.001
    assert chosen(None, FAIR, None, FORWARD * 1.2) == pytest.approx(FORWARD)
    assert chosen(None, FAIR, None, None) == pytest.approx(FORWARD)


def test_too_few_pairs_leave_the_venue_forward():
    strikes = STRIKES[: MIN_PAIRS - 1]
    premium = fair_pairs(FORWARD, list(strikes), inverse=True)[2]
    assert chosen(premium, None, 0.6, FORWARD * 1.01, strikes=strikes) == FORWARD * 1.01
    assert chosen(premium, None, 0.6, None, strikes=strikes) == pytest.approx(FORWARD)


def test_nothing_determines_no_forward():
    assert math.isnan(chosen(None, None, 0.6, None))
