"""Customer portfolio margin by hand: ten points, class groups, product groups, minimum."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from seawall.basics.errors import BadParameter
from seawall.feeds.market import read_market
from seawall.margin.offsets import PointGroup, PointOffset
from seawall.margin.presets import load_preset
from seawall.margin.requirement import margin_requirement
from seawall.market.snapshot import MarketSnapshot
from seawall.products.instruments import Stock
from seawall.products.portfolio import Portfolio, Position
from seawall.report.build import margin
from seawall.risk.book import join
from seawall.risk.scenarios import PriceSteps
from tests.equity_tables import (
    ACME_SPOT,
    DIVIDENDS,
    RATES,
    american_value,
    cboe,
)
from tests.test_american_files import book as book_of
from tests.test_american_files import files

CPM = load_preset("cpm")
NOW = datetime(2026, 3, 2, 20, 30, tzinfo=UTC)


def shares(**quantity: float) -> tuple[Position, ...]:
    return tuple(
        Position(instrument=Stock(name=f"{name}.US"), quantity=Decimal(str(q)))
        for name, q in quantity.items()
    )


def at(**index: float) -> MarketSnapshot:
    return MarketSnapshot(
        as_of=NOW,
        index_usd={f"{name}.US": price for name, price in index.items()},
        stable_usd={},
        forwards={},
        futures={},
        slices={},
        option_rows={},
    )


def asked(positions, market, model=CPM):
    book = join(Portfolio(account="a", positions=tuple(positions)), market)
    found = margin_requirement(book, model)
    assert found.initial == found.maintenance
    return found.initial


def test_a_share_costs_fifteen_percent_either_way_and_indices_eight_down_and_six_up() -> None:
    market = at(ACME=50.0, SPY=600.0, IWM=200.0)
    assert asked(shares(ACME=100), market) == pytest.approx(750.0)
    assert asked(shares(ACME=-100), market) == pytest.approx(750.0)
    assert asked(shares(SPY=100), market) == pytest.approx(4_800.0)
    assert asked(shares(SPY=-100), market) == pytest.approx(3_600.0)
    assert asked(shares(IWM=-100), market) == pytest.approx(2_000.0)


def test_two_shares_do_not_net_and_two_indices_of_a_product_group_do_in_part() -> None:
    market = at(ACME=50.0, OTHER=50.0, SPY=600.0, QQQ=500.0)
    assert asked(shares(ACME=100, OTHER=-100), market) == pytest.approx(1_500.0)
    # Down 8 %: SPY loses 4,800 and QQQ gains 4,000, of which 90 % count. Up 6 %: SPY gains 3,600,
    # of which 90 % pay QQQ's loss of 3,000.
    book = join(Portfolio(account="a", positions=shares(SPY=100, QQQ=-100)), market)
    found = margin_requirement(book, CPM)
    assert found.initial == pytest.approx(4_800.0 - 0.9 * 4_000.0)
    steps = {step.path: step.initial for step in found.steps if step.initial}
    assert steps == pytest.approx(
        {"scanning_risk/SPY.US": 4_800.0, "offset/high-cap-indices": -3_600.0}
    )


@given(
    spy=st.floats(-500.0, 500.0),
    qqq=st.floats(-500.0, 500.0),
    dia=st.floats(-500.0, 500.0),
    gains_rel=st.floats(0.0, 1.0),
)
def test_a_product_group_is_the_worst_of_a_loop_over_its_points(spy, qqq, dia, gains_rel) -> None:
    held = {"SPY": round(spy, 2), "QQQ": round(qqq, 2), "DIA": round(dia, 2)}
    held = {name: q for name, q in held.items() if q}
    assume(held)
    price = {"SPY": 600.0, "QQQ": 500.0, "DIA": 400.0}
    group = PointGroup(name="g", members=("SPY.US", "QQQ.US", "DIA.US"), gains_rel=gains_rel)
    model = replace(CPM, offsets=PointOffset(groups=(group,)))
    worst = 0.0
    for step in range(-5, 6):
        move = 0.08 * step / 5 if step < 0 else 0.06 * step / 5
        pnl = [q * price[name] * move for name, q in held.items()]
        worst = max(worst, -sum(p if p < 0.0 else gains_rel * p for p in pnl))
    found = asked(shares(**held), at(**price), model)
    assert found == pytest.approx(worst, rel=1e-9, abs=1e-6)


def american_market(folder: Path) -> MarketSnapshot:
    return read_market(files(folder, rates=RATES, dividends=DIVIDENDS))


def test_an_american_put_is_worth_what_exercise_brings_at_every_point(tmp_path: Path) -> None:
    """Deep in the money: a European one would be worth less than K − S."""
    market = american_market(tmp_path)
    held = book_of(tmp_path, "ACME260618P00172000,-100")
    [array] = margin_requirement(join(held, market), CPM).arrays
    assert array.book.american_rows
    [pnl] = array.unit_pnl_usd[:, : array.cells]
    after = array.book.mark_usd[0] + pnl
    intrinsic = 172.0 - ACME_SPOT * (1.0 + array.scenarios.price_rel)
    assert (after >= intrinsic - 0.02).all()
    assert after[0] == pytest.approx(172.0 - 0.85 * ACME_SPOT, abs=0.02)
    # The short put loses what it is worth at 15 % down beyond what it is worth today.
    asked_usd = margin_requirement(join(held, market), CPM).initial
    today = american_value(172.0, False)
    assert asked_usd == pytest.approx(100.0 * (172.0 - 0.85 * ACME_SPOT - today), rel=0.01)


def test_reg_t_takes_the_american_premium(tmp_path: Path) -> None:
    market = american_market(tmp_path)
    held = book_of(tmp_path, "ACME260618P00172000,-100")
    report = margin(held, market, "reg-t")
    # A naked put in the money: 20 % of the share; the premium is in equity, which no forward
    # of a European put would take that far below zero.
    premium = american_value(172.0, False)
    assert premium >= 172.0 - ACME_SPOT
    assert float(report.initial) == pytest.approx(100.0 * 0.2 * ACME_SPOT, rel=1e-3)
    assert float(report.equity) == pytest.approx(100_000.0 - 100.0 * premium, abs=5.0)


def test_a_far_option_asks_its_minimum_short_and_its_value_long(tmp_path: Path) -> None:
    market = american_market(tmp_path)
    far = "ACME260618P00120000"
    short = margin_requirement(join(book_of(tmp_path, f"{far},-1"), market), CPM)
    value = float(short.arrays[0].book.mark_usd[0])
    # A box moves with nothing: the minimum of its four legs is what it asks.
    legs = "ACME260618C00150000,100\nACME260618P00150000,-100\n"
    legs += "ACME260618C00155000,-100\nACME260618P00155000,100"
    box = margin_requirement(join(book_of(tmp_path, legs), market), CPM)
    assert box.initial >= 4 * 100 * 0.375
    long = margin_requirement(join(book_of(tmp_path, f"{far},1"), market), CPM)
    assert long.initial <= value + 1e-9


def test_an_index_book_and_its_shares_run_and_rows_add_up(tmp_path: Path) -> None:
    market = read_market(files(tmp_path, cboe()))
    held = book_of(tmp_path, "SPXW260618P05400000,-100\nSPXW260618P05000000,100")
    report = margin(held, market, "cpm")
    assert sum(row.initial for row in report.rows) == report.initial > 0
    [matrix] = report.risk_matrices
    assert matrix.price_moves_rel[0] == pytest.approx(-0.08)
    assert matrix.price_moves_rel[-1] == pytest.approx(0.06)
    assert matrix.vol_moves == ("none",)
    # A put spread loses no more than its strikes.
    assert float(report.maintenance) <= 100 * 400.0


def test_an_account_below_the_minimum_is_told_of_reg_t() -> None:
    held = Portfolio(account="a", positions=shares(ACME=100))
    report = margin(held, at(ACME=50.0), "cpm")
    assert any("100,000 USD" in warning and "reg-t" in warning for warning in report.warnings)


def test_numbers_that_cannot_be_are_refused() -> None:
    with pytest.raises(BadParameter, match="gains"):
        PointGroup(name="g", members=("A.US",), gains_rel=1.1)
    one = PointGroup(name="g", members=("A.US",), gains_rel=0.9)
    with pytest.raises(BadParameter, match="more than once"):
        PointOffset(groups=(one, msgspec.structs.replace(one, name="h")))
    for steps in ((-1.0, 1.0), (0.0, 1.0), (-1.0, 0.0, 0.0, 1.0), (-np.inf, 0.0, 1.0)):
        with pytest.raises(BadParameter):
            PriceSteps(price_steps=steps)
