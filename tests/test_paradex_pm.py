"""Paradex's portfolio margin by hand: the floor on deltas, provisions, both levels."""

from __future__ import annotations

import dataclasses
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from seawall.basics.errors import BadParameter
from seawall.feeds.conform.shapes import market_of_perpetuals, perpetual
from seawall.margin.floors import DeltaFloor, DeltaRates
from seawall.margin.presets import load_preset
from seawall.margin.requirement import margin_requirement
from seawall.market.liquidity import Liquidity
from seawall.products.portfolio import Portfolio, Position
from seawall.risk.book import join
from seawall.risk.scenarios import CellsByClass, grid_of

MODEL = load_preset("paradex-pm")


def steps_of(rate_per_day: float | None, **quantity: float) -> dict[str, tuple[float, float]]:
    market = market_of_perpetuals({"BTC": 70_000.0, "ETH": 2_000.0, "HYPE": 30.0})
    if rate_per_day is not None:
        told = {perpetual(name).name: rate_per_day for name in quantity}
        market = dataclasses.replace(market, liquidity=Liquidity(funding_per_day=told))
    held = tuple(
        Position(instrument=perpetual(name), quantity=Decimal(str(q)))
        for name, q in quantity.items()
    )
    found = margin_requirement(join(Portfolio(account="a", positions=held), market), MODEL)
    return {s.path: (s.initial, s.maintenance) for s in found.steps if s.initial or s.maintenance}


def test_a_perpetual_loses_sixteen_percent_and_half_of_it_is_maintenance() -> None:
    found = steps_of(0.0003, BTC=1.0)
    assert found["scanning_risk/BTC"] == pytest.approx((11_200.0, 11_200.0))
    assert found["mm_factor"] == pytest.approx((0.0, -5_600.0))
    # A third of a day at 0.03 % a day, and 0.05 % of fees, at both levels.
    assert found["funding_provision/BTC"] == pytest.approx((7.0, 7.0))
    assert found["fee_provision/BTC"] == pytest.approx((35.0, 35.0))


def test_who_is_paid_funding_puts_nothing_aside_and_without_a_rate_either_side_does() -> None:
    assert "funding_provision/BTC" not in steps_of(0.0003, BTC=-1.0)
    assert steps_of(-0.0003, BTC=-1.0)["funding_provision/BTC"] == pytest.approx((7.0, 7.0))
    for side in (1.0, -1.0):
        assert steps_of(None, BTC=side)["funding_provision/BTC"] == pytest.approx((70.0, 70.0))


def test_hype_has_its_own_cells() -> None:
    """A tail of +50 % at 40 % loses 20 %, the grid's end 28 %."""
    assert steps_of(0.0, HYPE=-100.0)["scanning_risk/HYPE"][0] == pytest.approx(0.28 * 3_000.0)
    # BTC: +500 % at 2.4 % is 12 %, less than 16 %.
    assert steps_of(0.0, BTC=-1.0)["scanning_risk/BTC"][0] == pytest.approx(0.16 * 70_000.0)


@given(
    deltas=st.lists(st.floats(-5.0, 5.0), min_size=1, max_size=6),
    net_rel=st.floats(0.0, 0.1),
    ratio=st.floats(0.0, 2.0),
)
def test_the_floor_of_many_deltas_is_that_of_a_loop(deltas, net_rel, ratio) -> None:
    rates = DeltaRates(net_rel=net_rel, hedged_rel=ratio * net_rel)
    floor = DeltaFloor(others=rates)
    market = market_of_perpetuals({"BTC": 100.0})
    one = Position(instrument=perpetual("BTC"), quantity=Decimal(1))
    [book] = join(Portfolio(account="a", positions=(one,)), market).underlyings
    net, gross = abs(sum(deltas)), sum(map(abs, deltas))
    found = floor.amount(book, (sum(deltas), gross, 0.0), 0.0)
    expected = (net_rel * net + rates.hedged_rel * (gross - net) / 2.0) * 100.0
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_a_hedge_that_costs_more_than_it_saves_and_a_class_without_cells_are_refused() -> None:
    with pytest.raises(BadParameter, match="hedged_rel"):
        DeltaRates(net_rel=0.01, hedged_rel=0.03)
    assert isinstance(MODEL.scenarios, CellsByClass)
    some = replace(MODEL.scenarios, classes={"btc": MODEL.scenarios.classes["btc"]})
    with pytest.raises(BadParameter, match="no cells of class eth"):
        grid_of(some, "eth")
