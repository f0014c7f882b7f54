"""Derive's portfolio margin, second version: published cases, by hand, and what nets in it."""

from __future__ import annotations

import json
from dataclasses import replace as changed
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

import seawall as sw
from seawall.basics.errors import BadNumber, BadParameter
from seawall.feeds.conform.derive_pm2 import cases
from seawall.margin.charges import ContingencyCharge, ExpiryConfidenceCharge
from seawall.margin.charges.contingency import ContingencyRates, LossDepeg
from seawall.margin.presets import load_preset
from seawall.margin.requirement import margin_requirement
from seawall.products.portfolio import portfolio
from seawall.risk.book import join
from seawall.risk.revaluation import Black76Revaluation
from seawall.risk.scenarios import lay_out
from tests.derive_books import PERPETUAL, STRIKES, amounts, market, option, required
from tests.strategies import accounts

MODEL = load_preset("derive-pm2")
NAKED = "contingency/naked_options"


def published(shared):
    for file in sorted((shared / "vectors/derive/pm2").glob("*.json")):
        document = json.loads(file.read_text(encoding="utf-8"))
        [case] = cases(document, MODEL, file.name)
        yield document, case


def test_every_figure_of_every_case_comes_out_as_published(shared):
    held = [case for _, case in published(shared) if case.skipped is None]
    assert len(held) >= 69
    for case in held:
        found = case.compute()
        assert found.keys() == case.expected.keys()
        for name, expected in case.expected.items():
            within = 1e-9 * max(1.0, abs(expected))
            assert found[name] == pytest.approx(expected, rel=0.0, abs=within), (case.name, name)


def test_a_skew_that_moves_the_price_is_disabled_by_its_publisher_and_told_by_the_file(shared):
    """Whatever the file is called: the case itself has parameters that the rule does not take."""
    skipped = [(document, case) for document, case in published(shared) if case.skipped is not None]
    [(document, case)] = skipped
    assert "disabled upstream" in case.skipped
    document["Parameters"]["Scenarios"][-1]["SpotShock"] = 1
    [mended] = cases(document, MODEL, "any.json")
    assert mended.skipped is None


def test_parameters_go_with_the_case(shared):
    """A perpetual alone: a percentage doubled in the case is doubled in its margin."""
    found = {case.name: document for document, case in published(shared)}
    document = found["test_29_perps_basic_perp"]
    [before] = cases(document, MODEL, "x")
    document["Parameters"]["OtherContingency"]["MM_PERP_PERCENT"] *= 2.0
    [after] = cases(document, MODEL, "x")
    scenario = document["Scenario"]
    more = abs(scenario["NumPerps"]) * scenario["SpotPrice"] * 0.015
    assert after.compute()["mm"] == pytest.approx(before.compute()["mm"] - more, rel=1e-12)


@pytest.mark.parametrize("document", [{}, [], 3, {"Scenario": 1}, {"Scenario": {"Cash": 0}}])
def test_a_document_of_another_shape_is_nobodys_case(document):
    assert cases(document, MODEL, "x") is None


def test_a_broken_case_is_named_with_its_key():
    broken = {"Scenario": {"Collaterals": []}, "Parameters": {}, "Result": {}}
    with pytest.raises(BadNumber, match=r"Cash.*f\.json"):
        cases(broken, MODEL, "f.json")


# ---- by hand


def test_a_perpetual_by_hand():
    """2 short at 100: worst at +500 %·0.02772 = 0.1386 or +18 %: 36; 3 % and 4 % of 200."""
    found = required((PERPETUAL, -2), model=MODEL)
    assert found.initial == pytest.approx(36.0 + 8.0)
    assert found.maintenance == pytest.approx(0.8 * 36.0 + 6.0)


def test_coins_against_a_short_perpetual_leave_the_contingency_alone():
    found = required((PERPETUAL, -2), ("ETH", 2), model=MODEL)
    # What coins count less in initial margin: 1 % of 200.
    assert found.initial == pytest.approx(8.0 + 2.0)
    assert found.maintenance == pytest.approx(6.0)


@pytest.mark.parametrize(
    ("held", "naked"),
    [
        ([option(100, "C", -1)], 1.0),
        ([option(100, "C", -1), option(100, "P", -2)], 3.0),
        # Short parity, a call sold and a put bought, is a short future: only at the same strike.
        ([option(100, "C", -1), option(100, "P", 1)], 0.0),
        ([option(100, "C", -1), option(90, "P", 1)], 1.0),
        ([option(100, "C", -3), option(100, "P", 1)], 2.0),
        ([option(100, "C", 3), option(100, "P", -1)], 0.0),
        # A long call covers no other call.
        ([option(100, "C", -1), option(110, "C", 1)], 1.0),
    ],
)
def test_naked_options_net_at_one_strike_alone(held, naked):
    initial, maintenance = amounts(required(*held, model=MODEL), NAKED)
    assert (initial, maintenance) == pytest.approx((naked * 0.5, naked * 0.3))


def test_a_low_stablecoin_raises_the_factor_of_initial_margin():
    """0.99 − 0.94 = 0.05, times 4: a fifth of the worst loss, also where only coins are held."""
    for held in ((PERPETUAL, -2), ("ETH", 2)):
        low = required(held, model=MODEL, at=market(usdc=0.94))
        worst = sum(on.worst_loss for on in low.charged)
        assert worst == pytest.approx(36.0 * 0.94)
        assert amounts(low, "contingency/depeg") == (pytest.approx(0.2 * worst), 0.0)
    high = required((PERPETUAL, -2), model=MODEL, at=market(usdc=1.01))
    assert amounts(high, "contingency/depeg") == (0.0, 0.0)


@pytest.mark.parametrize(
    ("told", "cost"),
    [
        # Index: two options of either side and a perpetual, 60 each, and a coin.
        ({"ETH": 0.4}, 60.0 * 5),
        # A perpetual held hedges the options: not the coin.
        ({"ETH": 1.0, PERPETUAL: 0.4}, 60.0 * 4),
        # One volatility makes the whole expiry doubtful.
        ({"ETH": 1.0, "ETH_USDC-27MAR26-100-C": 0.3}, 70.0 * 3),
        ({"ETH": 0.55}, 0.0),
    ],
)
def test_doubt_costs_by_expiry(told, cost):
    held = option(100, "C", -1), option(90, "P", 2), (PERPETUAL, 1), ("ETH", 1)
    found = required(*held, model=MODEL, at=market(confidence=told))
    assert amounts(found, "confidence/") == (pytest.approx(cost), 0.0)


# ---- settlement by an average


def _profit(at, instrument, average_s=1800.0):
    """Gains of one unit in the cells where the price alone moves, by move."""
    [part] = join(portfolio([(instrument, 1)]), at).underlyings
    cells = lay_out(MODEL.scenarios, 0.1, 0.1)
    revaluation = Black76Revaluation(smile="sticky-strike", settlement_average_s=average_s)
    array = revaluation.array(part, MODEL.scenarios, cells)
    return {
        round(float(cells.price_rel[cell]), 6): float(array.unit_pnl_usd[0, cell])
        for cell in range(array.cells)
        if cells.vol_move(cell) == "none"
    }


def test_in_the_last_half_hour_only_what_is_not_fixed_moves():
    """A call deep in the money at 15 of 30 minutes is half a future."""
    name = "ETH_USDC-27MAR26-80-C"
    half = _profit(market(left=timedelta(minutes=15)), name)
    assert half[0.09] == pytest.approx(4.5, rel=1e-6)
    assert half[-0.135] == pytest.approx(-6.75, rel=1e-6)
    before = _profit(market(left=timedelta(minutes=30)), name)
    assert before[0.09] == pytest.approx(9.0, rel=1e-6)
    assert _profit(market(left=timedelta(minutes=15)), name, 0.0)[0.09] == pytest.approx(9.0)


def test_what_the_market_tells_as_fixed_goes_before_the_time():
    """70 of 100 are fixed after half of the time: 30 move."""
    told = market(left=timedelta(minutes=15), fixed=70.0)
    assert _profit(told, "ETH_USDC-27MAR26-80-C")[0.09] == pytest.approx(2.7, rel=1e-6)


@given(st.integers(min_value=1, max_value=1799))
def test_the_average_runs_out_evenly(seconds):
    at = market(left=timedelta(seconds=seconds))
    found = _profit(at, "ETH_USDC-27MAR26-80-C")[0.045]
    assert found == pytest.approx(4.5 * seconds / 1800.0, rel=1e-6)


def test_a_perpetual_is_never_fixed():
    assert _profit(market(left=timedelta(minutes=1)), PERPETUAL)[0.09] == pytest.approx(9.0)


def test_a_fixed_part_beyond_the_forward_is_refused():
    with pytest.raises(BadNumber, match="fixed part"):
        market(fixed=101.0)
    with pytest.raises(BadParameter, match="settlement_average_s"):
        Black76Revaluation(smile="sticky-strike", settlement_average_s=-1.0)


# ---- laws


legs = st.lists(
    st.tuples(st.sampled_from(STRIKES), st.sampled_from("CP"), st.sampled_from((-3, -1, 1, 2))),
    min_size=1,
    max_size=6,
    unique_by=lambda leg: leg[:2],
)


@given(legs)
def test_a_loop_over_strikes_finds_as_many_naked_options(held):
    naked = 0.0
    for strike in STRIKES:
        call, put = (sum(q for k, r, q in held if (k, r) == (strike, right)) for right in "CP")
        if call * put < 0:
            naked += max(0, -(call + put))
        else:
            naked += max(0, -call) + max(0, -put)
    found = required(*(option(*leg) for leg in held), model=MODEL)
    assert amounts(found, NAKED)[1] == pytest.approx(0.3 * naked, abs=1e-12)


@given(account=accounts())
def test_shares_of_the_charges_add_up(account):
    charges = [
        c for c in MODEL.charges if isinstance(c, ContingencyCharge | ExpiryConfidenceCharge)
    ]
    doubtful = replace(charges[1], default_confidence=0.3)
    for on in margin_requirement(join(*account), MODEL).charged:
        worst = np.full(len(on.book.positions), on.worst_loss / len(on.book.positions))
        for charge in (charges[0], doubtful):
            shares, found = charge.shares(on, worst), charge.amounts(on)
            noise = 1e-9 * (1.0 + float(np.abs(shares.initial).sum()))
            initial, maintenance = shares.initial.sum(), shares.maintenance.sum()
            assert initial == pytest.approx(sum(a.initial for a in found), abs=noise)
            assert maintenance == pytest.approx(sum(a.maintenance for a in found), abs=noise)


def test_the_demo_book_is_margined():
    report = sw.margin(sw.synthetic_portfolio(), sw.synthetic_market(), MODEL)
    assert report.initial > report.maintenance > 0
    assert sum(row.initial for row in report.rows) == report.initial


def test_what_derive_does_not_list_pays_as_much_as_its_price_may_move():
    """Maintenance margin of a perpetual is no lower than the price range of the house model."""
    at = market()
    for underlying in ("SOL", "DOGE", "PEPE"):
        listed = changed(at, index_usd={**at.index_usd, underlying: 100.0})
        found = required((f"{underlying}_USDC-PERPETUAL", -1), model=MODEL, at=listed)
        [on] = found.charged
        assert found.maintenance >= 100.0 * on.numbers.price_range_up_rel


def test_rates_that_turn_the_levels_over_are_refused():
    low = ContingencyRates(contracts_rel=0.02, coins_rel=0.0, naked_options_rel=0.0)
    high = replace(low, contracts_rel=0.03)
    with pytest.raises(BadParameter, match="eth"):
        ContingencyCharge(initial={"eth": low}, maintenance={"eth": high})
    with pytest.raises(BadParameter, match="btc"):
        ContingencyCharge(initial={"btc": low}, maintenance={})
    with pytest.raises(BadParameter, match="BTC is no stablecoin"):
        LossDepeg(stablecoin="BTC", threshold_usd=0.99, factor=4.0, of="worst-loss")
    with pytest.raises(BadParameter, match="above 1"):
        ExpiryConfidenceCharge(threshold=1.5, factor=1.0, default_confidence=1.0)
