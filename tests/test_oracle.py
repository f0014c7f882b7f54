"""The engine against the oracle: hundreds of random accounts, every model, every figure.

The oracle (tests/naive) knows docs/models only; the numbers it uses are keyed in by hand.
"""

from __future__ import annotations

import math
from datetime import timedelta

import pytest
from hypothesis import given, settings
from msgspec.structs import replace

from seawall.margin.fold import net
from seawall.margin.offsets import CorrelationCollapse
from seawall.margin.presets import load_preset
from seawall.margin.requirement import margin_requirement
from seawall.report.build import margin
from seawall.risk.book import join
from seawall.risk.revaluation import Black76Revaluation
from tests.naive.charges import state
from tests.naive.collateral import in_array
from tests.naive.margin import (
    naive_cross,
    naive_hybrid,
    naive_isolated,
    naive_prbm,
    naive_risk_based_collateral,
)
from tests.naive.market import legs
from tests.naive.parameters import PRBM
from tests.strategies import SHARE_MIXES, accounts

ORACLES = {
    "prbm": naive_prbm,
    "risk-based-collateral": naive_risk_based_collateral,
    "cross": naive_cross,
    "isolated": naive_isolated,
    "hybrid:cross": naive_hybrid,
}
PREFIXES = (
    "scanning_risk", "decorrelation", "floor", "correlation_collapse",
    "liquidity", "basis", "concentration", "funding", "oracle", "utilisation",
    "im_factor", "hybrid",
)  # fmt: skip
HOUSE = load_preset("prbm")
CENT = 0.01
# What the rounding to cents takes for noise of float64 and cuts off first.
NOISE = 0.5e-6


def rounding_usd(portfolio, market):
    """What float64 may get wrong: a share of the account's gross value in the farthest tail."""
    gross = sum(
        abs(leg["q"]) * (max(leg["c"] * leg["F"], leg["L"]) if "c" in leg else leg["S"])
        for leg in legs(portfolio, market)
    )
    return 1e-13 * 6.0 * gross


def close(figure, expected, slack):
    """Whether two USD figures agree to 1e-9 and to the rounding of what they came from."""
    return math.isclose(figure, expected, rel_tol=1e-9, abs_tol=slack)


def rounded_up(amount, expected, slack):
    """Whether an amount of money is the expected figure, at most a cent above it."""
    slack += NOISE + 1e-9 * abs(expected)
    return expected - slack <= float(amount) <= expected + CENT + slack


def assert_steps_agree(account, model, naive, parameters):
    """Every step of the waterfall, path by path, at both levels."""
    portfolio, market = account
    # Directions that tie to NOISE may be named either way, and their losses differ by as much.
    slack = rounding_usd(portfolio, market) + 2.0 * NOISE * len(portfolio.positions)
    expected = naive(portfolio, market, parameters)
    found = margin_requirement(join(portfolio, market), model)
    steps = {step.path: (step.initial, step.maintenance) for step in found.steps}
    assert len(steps) == len(found.steps), "a path appears twice"
    for path in steps.keys() | expected["rows"].keys():
        have, want = steps.get(path, (0.0, 0.0)), expected["rows"].get(path, (0.0, 0.0))
        assert close(have[0], want[0], slack), f"{path}: initial {have[0]}, not {want[0]}"
        assert close(have[1], want[1], slack), f"{path}: maintenance {have[1]}, not {want[1]}"
    assert close(found.initial, expected["initial"], slack)
    assert close(found.maintenance, expected["maintenance"], slack)


def assert_holdings_agree(account, model, naive, parameters):
    """Equity and haircuts."""
    portfolio, market = account
    slack = rounding_usd(portfolio, market)
    expected = naive(portfolio, market, parameters)
    found = model.collateral.holdings(join(portfolio, market), model.classes)
    assert close(sum(h.value for h in found), expected["equity"], slack)
    assert close(sum(h.haircut for h in found), expected["haircuts"], slack)


@pytest.mark.parametrize("model", ORACLES)
def test_preset_holds_the_documented_numbers_of_every_class(model):
    """Random books meet a class by chance only, and a haircut under another's floor never."""
    preset = load_preset(model)
    found = {
        c.name: {
            "range": c.price_range_up_rel,
            "sigma_day": c.daily_vol_rel,
            "adv_usd": c.adv_usd,
            "haircut": c.spot_haircut_rel,
            "open_interest_usd": c.open_interest_usd,
        }
        for c in preset.classes
    }
    assert found == PRBM["classes"]
    assert all(c.price_range_down_rel == c.price_range_up_rel for c in preset.classes)
    assert {m: c.name for c in preset.classes for m in c.members} == PRBM["members"]
    assert {m: c.name for c in preset.classes for m in c.markets} == PRBM["markets"]
    haircuts = preset.collateral
    assert PRBM["haircut"] == {
        "sds": haircuts.z,
        "stable_min": haircuts.stablecoin.floor_rel,
        "stable_sigma": haircuts.stablecoin.daily_vol_rel,
        "stable_spread": haircuts.stablecoin.liquidity_rel,
    }


@pytest.mark.parametrize("model", ORACLES)
@settings(max_examples=80)
@given(account=accounts())
def test_every_step_agrees(model, account):
    assert_steps_agree(account, load_preset(model), ORACLES[model], PRBM)


@pytest.mark.parametrize("model", ORACLES)
@settings(max_examples=40)
@given(account=accounts(mixes=SHARE_MIXES, max_legs=5))
def test_every_step_and_holding_agrees_on_shares(model, account):
    """Discount factors, American options, dividends, delivery and the rupee."""
    assert_steps_agree(account, load_preset(model), ORACLES[model], PRBM)
    assert_holdings_agree(account, load_preset(model), ORACLES[model], PRBM)


@settings(max_examples=40)
@given(account=accounts(mixes=SHARE_MIXES, max_legs=5))
def test_every_step_agrees_on_shares_under_the_worse_smile(account):
    model = replace(HOUSE, revaluation=Black76Revaluation(smile="worst"))
    assert_steps_agree(account, model, naive_prbm, PRBM | {"smile": "worst"})


@pytest.mark.parametrize("smile", ["sticky-delta", "worst"])
@settings(max_examples=50)
@given(account=accounts())
def test_every_step_agrees_where_the_smile_goes_along_with_the_price(smile, account):
    model = replace(HOUSE, revaluation=Black76Revaluation(smile=smile))
    assert_steps_agree(account, model, naive_prbm, PRBM | {"smile": smile})


@pytest.mark.parametrize(
    ("to", "declared_days_ago", "rhos"),
    [
        ("low", 0.0, {"rho": 0.60, "rho_initial": 0.40}),
        ("low", 7.0, {"rho": 0.40, "rho_initial": 0.40}),
        ("zero", 6.9, {"rho": 0.60, "rho_initial": 0.0}),
        ("zero", 8.0, {"rho": 0.0, "rho_initial": 0.0}),
        ("zero", -0.1, {"rho": 0.60, "rho_initial": 0.60}),
    ],
)
@settings(max_examples=40)
@given(account=accounts(mixes=(("BTC", "ETH"), ("BTC", "ETH", "SOL"))))
def test_every_step_agrees_in_a_correlation_collapse(to, declared_days_ago, rhos, account):
    declared = account[1].as_of - timedelta(days=declared_days_ago)
    collapse = CorrelationCollapse(to=to, declared=declared, notice_days=7.0)
    model = replace(HOUSE, offsets=replace(HOUSE.offsets, collapse=collapse))
    assert_steps_agree(account, model, naive_prbm, PRBM | rhos)


@pytest.mark.parametrize("model", ORACLES)
@settings(max_examples=80)
@given(account=accounts())
def test_every_holding_agrees(model, account):
    assert_holdings_agree(account, load_preset(model), ORACLES[model], PRBM)


@pytest.mark.parametrize("model", ORACLES)
@settings(max_examples=50)
@given(account=accounts())
def test_report_is_the_oracle_rounded_against_the_account(model, account):
    portfolio, market = account
    slack = rounding_usd(portfolio, market)
    expected = ORACLES[model](portfolio, market, PRBM)
    report = margin(portfolio, market, model=model)
    for row in report.rows:
        initial, maintenance = expected["rows"].get(row.path, (0.0, 0.0))
        assert rounded_up(row.initial, initial, slack), row
        assert rounded_up(row.maintenance, maintenance, slack), row
    left_out = expected["rows"].keys() - {row.path for row in report.rows}
    assert all(expected["rows"][path][0] <= NOISE + slack for path in left_out)
    holdings = len(report.collateral_rows)
    tolerance = slack + 2 * NOISE * holdings + 1e-9 * abs(expected["equity"])
    assert -tolerance <= expected["equity"] - float(report.equity) <= CENT * holdings + tolerance
    lost = expected["margin_value"] - float(report.margin_value)
    assert -tolerance <= lost <= 2 * CENT * holdings + tolerance


@settings(max_examples=150)
@given(account=accounts())
def test_every_cell_agrees_at_every_instant(account):
    assert_cells_agree(*account)


def assert_cells_agree(portfolio, market):
    """Net PnL of every underlying in every cell at every instant."""
    expected = naive_prbm(portfolio, market, PRBM)["underlyings"]
    books = in_array(legs(portfolio, market), PRBM)
    found = margin_requirement(join(portfolio, market), load_preset("prbm"))
    assert {array.book.underlying for array in found.arrays} == expected.keys()
    for array in found.arrays:
        underlying, scenarios = array.book.underlying, array.scenarios
        cells = expected[underlying]["cells"]
        gross = sum(abs(leg["q"]) * max(leg["c"] * leg["F"], leg["L"]) for leg in books[underlying])
        assert scenarios.price_rel.size == len(cells) == 39
        pnl_usd = net(array)
        for cell, move in enumerate(scenarios.price_rel):
            vol = scenarios.vol_move(cell).value
            (want,) = (c for label, c in cells.items() if label[1:] == (move, vol))
            assert scenarios.damping[cell] == want["damping"]
            assert [instant.value for instant in array.instants] == list(want["undamped"])
            for row, pnl in enumerate(want["undamped"].values()):
                assert close(pnl_usd[row, cell], pnl, 1e-12 * gross), (underlying, move, vol, row)


@settings(max_examples=150)
@given(account=accounts())
def test_matrix_of_the_report_shows_the_worst_instant(account):
    portfolio, market = account
    slack = rounding_usd(portfolio, market)
    expected = naive_prbm(portfolio, market, PRBM)
    active = {
        member: group["active"]
        for group in expected["groups"].values()
        for member in group["members"]
    }
    for matrix in margin(portfolio, market, model="prbm").risk_matrices:
        figures = expected["underlyings"][matrix.underlying]
        cells = figures["cells"]
        for i, move in enumerate(matrix.price_moves_rel):
            for j, vol in enumerate(matrix.vol_moves):
                want = min(cells["grid", move, vol]["pnl"].values())
                assert close(matrix.pnl[i][j], want, slack)
        for kind, shown in (("surface", matrix.surface_cells), ("tail", matrix.tails)):
            for cell in shown:
                want = cells[kind, cell.price_move_rel, cell.vol_move]
                assert close(cell.pnl, min(want["pnl"].values()), slack)
                # Of instants that tie but for noise the first is named.
                assert close(cell.pnl, want["pnl"][cell.instant], slack + 2.0 * NOISE)
                assert close(cell.undamped_pnl, want["undamped"][cell.instant], slack + 2.0 * NOISE)
        assert len(matrix.surface_cells) == 4
        assert len(matrix.tails) == 8
        # Two sums that tie but for the last bit may go either way.
        if matrix.direction == active[matrix.underlying]:
            loss = figures["M_up" if matrix.direction == "up" else "M_down"]
            assert close(max(0.0, -matrix.worst.pnl), loss, slack + 2.0 * NOISE)
            outward = matrix.worst.price_move_rel * (1 if matrix.direction == "up" else -1)
            assert outward >= 0.0
        else:
            group = next(
                g for g in expected["groups"].values() if matrix.underlying in g["members"]
            )
            tied = [
                sum(expected["underlyings"][m][side] for m in group["members"])
                for side in ("M_up", "M_down")
            ]
            assert close(*tied, slack)


@settings(max_examples=150)
@given(account=accounts())
def test_waterfall_stands_in_its_order_and_adds_to_the_levels(account):
    portfolio, market = account
    expected = naive_prbm(portfolio, market, PRBM)
    slack = rounding_usd(portfolio, market)
    report = margin(portfolio, market, model="prbm")
    order = [PREFIXES.index(row.path.split("/")[0]) for row in report.rows]
    assert order == sorted(order)
    direction_sums = sum(group["D"] for group in expected["groups"].values())
    scanned = [float(r.maintenance) for r in report.rows if r.path.startswith("scanning_risk/")]
    assert close(sum(scanned), direction_sums, slack + CENT * max(1, len(scanned)))


@pytest.mark.parametrize("model", ORACLES)
@settings(max_examples=60)
@given(account=accounts())
def test_ratio_and_state_follow_from_the_amounts(model, account):
    portfolio, market = account
    report = margin(portfolio, market, model=model)
    amounts = [float(a) for a in (report.initial, report.maintenance, report.margin_value)]
    ratio, word = state(*amounts, PRBM)
    assert report.state == word
    assert report.mm_ratio == (pytest.approx(ratio) if math.isfinite(ratio) else None)
    assert report.excess_initial == report.margin_value - report.initial
    assert report.excess_maintenance == report.margin_value - report.maintenance
