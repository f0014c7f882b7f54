"""The programme that lowers scanning risk: against a published answer, by hand, and by search."""

from __future__ import annotations

import json
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from seawall.margin.reduction.programme import (
    Netted,
    Netting,
    ReductionProgramme,
    Scenarios,
    Terms,
)


def scenarios(now, unit):
    return Scenarios(np.array(now, dtype=float), np.array(unit, dtype=float))


def one_unit(now, unit, count):
    return Netting((Netted(scenarios(now, unit), scenarios([], np.zeros((0, count)))),))


def test_the_published_programme_goes_from_18_to_2(shared) -> None:
    case = json.loads((shared / "vectors/quant/mechanisms.json").read_text())["margin_optimiser_lp"]
    unit, cost = np.array(case["scenario_pnl_per_unit"]), np.array(case["cost"])
    programme = ReductionProgramme([one_unit(unit @ np.array(case["q0"]), unit, 3)])
    terms = Terms(
        buy_cost=cost,
        sell_cost=cost,
        lowest=np.array([0.0, -1.0, -2.0]),
        highest=np.array([0.0, 2.0, 2.0]),
    )
    assert programme.margin(np.zeros(3)) == pytest.approx(case["margin_before"], rel=1e-12)
    traded = programme.solve(terms)
    assert programme.margin(traded) == pytest.approx(case["margin_after"], rel=1e-9)
    assert programme.margin(traded) + cost @ np.abs(traded) == pytest.approx(
        case["objective"], rel=1e-9
    )
    assert traded == pytest.approx(case["trades"], abs=1e-9)


def test_of_two_directions_each_group_counts_as_its_offset_says() -> None:
    """ΣM = 10 + 8, D = max(10 + 2, 4 + 8): R = 0.5·18 + 0.5·12 = 15 before, and after 15 − 3·1."""
    hedge = np.array([[1.0]])
    first = Netted(scenarios([-10.0], hedge), scenarios([-4.0], -0.0 * hedge))
    second = Netted(scenarios([-2.0], 0.0 * hedge), scenarios([-8.0], 0.0 * hedge))
    programme = ReductionProgramme([Netting((first, second), rho=0.5)], factor=2.0)
    assert programme.margin(np.zeros(1)) == 30.0
    terms = Terms(np.array([0.01]), np.array([0.01]), np.array([-3.0]), np.array([3.0]))
    traded = programme.solve(terms)
    # ΣM falls by 3, D stays at max(9, 12) = 12.
    assert traded == pytest.approx([3.0])
    assert programme.margin(traded) == pytest.approx(2 * (0.5 * 15 + 0.5 * 12))


def test_a_floor_under_a_unit_is_not_traded_away() -> None:
    unit = Netted(scenarios([-10.0], [[1.0]]), scenarios([], np.zeros((0, 1))), least=6.0)
    programme = ReductionProgramme([Netting((unit,))])
    terms = Terms(np.array([0.1]), np.array([0.1]), np.array([-20.0]), np.array([20.0]))
    assert programme.solve(terms) == pytest.approx([4.0])


@settings(max_examples=40, deadline=None)
@given(
    now=arrays.arrays(np.float64, 12, elements=st.integers(-20, 5).map(float)),
    unit=arrays.arrays(np.float64, (12, 3), elements=st.integers(-4, 4).map(float)),
    budget=st.sampled_from([0.5, 1.0, np.inf]),
    trades=st.sampled_from([None, 1, 2]),
)
def test_whole_lots_are_the_best_of_all_that_can_be_traded(now, unit, budget, trades) -> None:
    """Against every combination of −2 to 2 lots of 0.5: scenario rows left out change nothing."""
    cost, lot = np.array([0.25, 0.5, 0.125]), np.full(3, 0.5)
    programme = ReductionProgramme([one_unit(now, unit, 3)])
    terms = Terms(
        cost, cost, np.full(3, -1.0), np.full(3, 1.0), lot=lot, max_cost=budget, max_trades=trades
    )
    traded = programme.solve(terms)
    assert cost @ np.abs(traded) <= budget + 1e-9
    assert trades is None or np.count_nonzero(traded) <= trades
    assert (np.rint(traded / lot) * lot == traded).all()

    def value(sizes):
        return programme.margin(sizes) + cost @ np.abs(sizes)

    possible = (np.array(each) * 0.5 for each in product(range(-2, 3), repeat=3))
    best = min(
        value(sizes)
        for sizes in possible
        if cost @ np.abs(sizes) <= budget and (trades is None or np.count_nonzero(sizes) <= trades)
    )
    assert value(traded) <= best * (1 + 5e-3) + 1e-6
