"""Derive's standard margin: the published cases, by hand, and what it may and may not net."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from seawall.basics.errors import BadNumber, BadParameter
from seawall.feeds.conform import derive_pm2, derive_pmrm, derive_srm_upstream
from seawall.feeds.conform.derive_srm import cases
from seawall.margin.charges import ConfidenceCharge, StandardExpiryCharge
from seawall.margin.charges.standard_expiry import ExpiryNumbers
from seawall.margin.presets import load_preset
from seawall.margin.requirement import margin_requirement
from seawall.margin.status import margin_status
from seawall.market.liquidity import Liquidity
from seawall.market.snapshot import MarketSnapshot, OptionSlice
from seawall.products.portfolio import portfolio
from seawall.risk.book import join
from tests.strategies import accounts

MODEL = load_preset("derive-srm")
AS_OF = datetime(2026, 3, 1, 8, tzinfo=UTC)
EXPIRIES = {
    "27MAR26": datetime(2026, 3, 27, 8, tzinfo=UTC),
    "26JUN26": datetime(2026, 6, 26, 8, tzinfo=UTC),
}
STRIKES = (80, 100, 110, 120)
# Index 100: a call is marked at its intrinsic value and 5, a put likewise.
MARK = {
    (strike, right): 5.0 + max(0.0, (100 - strike) if right == "C" else (strike - 100))
    for strike in STRIKES
    for right in "CP"
}


def market(usdc=1.0, **told) -> MarketSnapshot:
    """Linear ETH options with round marks, index and forwards 100."""
    forwards, slices, rows = {}, {}, {}
    for name, expiry in EXPIRIES.items():
        key = ("ETH", "USDC", expiry)
        listed = list(MARK)
        names = tuple(f"ETH_USDC-{name}-{strike}-{right}" for strike, right in listed)
        forwards[key] = 100.0
        slices[key] = OptionSlice(
            key=key,
            forward=100.0,
            names=names,
            strike=np.array([float(strike) for strike, _ in listed]),
            is_call=np.array([right == "C" for _, right in listed]),
            vol=np.full(len(names), 0.5),
            mark=np.array([MARK[each] for each in listed]),
            observed_s=np.full(len(names), np.nan),
            atm_vol=0.5,
        )
        rows.update({each: (key, row) for row, each in enumerate(names)})
    return MarketSnapshot(
        as_of=AS_OF,
        index_usd={"ETH": 100.0 * usdc},
        stable_usd={"USDC": usdc},
        forwards=forwards,
        futures={"ETH_USDC-PERPETUAL": 100.0},
        slices=slices,
        option_rows=rows,
        liquidity=Liquidity(**told),
    )


def surplus(*held, at=None, model=MODEL) -> tuple[float, float]:
    """Margin value less initial and maintenance margin."""
    status = margin_status(join(portfolio(held), at or market()), model)
    return tuple(
        float((status.margin_value - margin).amount)
        for margin in (status.initial, status.maintenance)
    )


def option(strike, right, quantity, expiry="27MAR26"):
    return f"ETH_USDC-{expiry}-{strike}-{right}", quantity


def test_published_cases_agree(shared):
    document = json.loads((shared / "vectors/derive/srm_cases_expanded.json").read_text())
    found = list(cases(document, MODEL, "srm"))
    assert len(found) == len(document) == 28
    for case in found:
        assert case.compute() == pytest.approx(dict(case.expected), rel=1e-12, abs=1e-9), case.name


def upstream(shared):
    return json.loads((shared / "vectors/derive/srm_test-cases.json").read_text())


def test_cases_in_integers_give_the_figures_of_the_expanded_ones(shared):
    expanded = json.loads((shared / "vectors/derive/srm_cases_expanded.json").read_text())
    found = list(derive_srm_upstream.cases(upstream(shared), MODEL, "srm"))
    assert len(found) == 28
    for own, other in zip(found, cases(expanded, MODEL, "srm"), strict=True):
        assert own.name == other.name
        near = {"rel": 1e-12, "abs": 1e-9}
        assert dict(own.expected) == pytest.approx(dict(other.expected), **near), own.name
        assert own.compute() == pytest.approx(other.compute(), **near), own.name


def test_no_other_reader_of_derive_takes_cases_in_integers_for_its_own(shared):
    document = upstream(shared)
    for reader in (cases, derive_pm2.cases, derive_pmrm.cases):
        assert reader(document, MODEL, "srm") is None
    theirs = json.loads((shared / "vectors/derive/pmrm1_testAndVerifyScenarios.json").read_text())
    assert derive_srm_upstream.cases(theirs, MODEL, "pmrm") is None


@pytest.mark.parametrize(
    ("test", "told", "key"),
    [
        ("Test28", {"LastEntryETH": None}, "LastEntryETH"),
        ("Test28", {"AccountBTCFundingIndex": None}, "AccountBTCFundingIndex"),
        ("Test24", {"PercentFixedETH": None}, "PercentFixedETH"),
        ("Test24", {"TWAP_ETH": None}, "TWAP_ETH"),
        ("Test24", {"OptionUnderlying": ["SOL"]}, "OptionUnderlying"),
        ("Test24", {"FeedExpiries": [901]}, "FeedExpiries"),
        ("Test24", {"Forwards": []}, "differ in length"),
        ("Test24", {"wBTC": "many"}, "wBTC"),
    ],
)
def test_a_case_in_integers_that_lacks_a_number_is_named_with_its_key(shared, test, told, key):
    entry = upstream(shared)[test]
    entry["Scenario"] |= told
    with pytest.raises(BadNumber, match=key) as caught:
        list(derive_srm_upstream.cases({test: entry}, MODEL, "f.json"))
    assert f"f.json, {test}" in str(caught.value)


def test_a_market_with_its_own_parameters_is_taken_with_them(shared):
    """Shares of the spot doubled in one market only: the short put of that market pays for it."""
    document = json.loads((shared / "vectors/derive/srm_cases_expanded.json").read_text())
    entry = document["Test26"]
    entry["inputs"]["markets"]["ETH"]["exps"] = {}
    short = [[20000.0, True, -1.0, 1e-3]]
    expiry = {"fwd": 28000.0, "fconf": 1.0, "volconf": 1.0, "opts": short}
    entry["inputs"]["markets"]["BTC"]["exps"] = {"500400": expiry}
    entry["inputs"]["markets"]["BTC"]["op"] |= {"maxS": 0.3, "minS": 0.2, "mmC": 0.1}
    [case] = cases({"x": entry}, MODEL, "srm")
    found = case.compute()
    assert found["mtm"] == pytest.approx(-8000.0)
    assert found["im"] == pytest.approx(-8000.0 - 0.3 * 28000.0)
    assert found["mm"] == pytest.approx(-8000.0 - 0.1 * 28000.0)


@pytest.mark.parametrize("document", [{}, [], 3, {"x": {"inputs": {"cash": 0}}}, {"x": 1}])
def test_a_document_of_another_shape_is_nobodys_case(document):
    assert cases(document, MODEL, "x") is None


def test_a_broken_case_is_named_with_its_key():
    entry = {"inputs": {"markets": {}, "depegT": "much"}, "expected": {}}
    with pytest.raises(BadNumber, match=r"depegT.*Test9|Test9.*depegT|cash.*Test9"):
        list(cases({"Test9": entry}, MODEL, "f.json"))


def test_cases_of_another_model_are_refused(shared):
    document = json.loads((shared / "vectors/derive/srm_cases_expanded.json").read_text())
    with pytest.raises(BadParameter, match="cross has no charge"):
        next(cases(document, load_preset("cross"), "srm")).compute()


@pytest.mark.parametrize(
    ("held", "initial", "maintenance"),
    [
        # mark 5; 15 % and 9 % of 100; by itself, for the bound is 120 and more.
        ([option(100, "C", -1)], -20.0, -14.0),
        # 20 % out of the money: the floor of 13 %.
        ([option(120, "C", -1)], -18.0, -14.0),
        # The bound is the payoff at 0, −100.
        ([option(100, "P", -1)], -20.0, -14.0),
        # In the money by 20: 25 + 15; maintenance 25 + 9; 1.05·34 is less than 40.
        ([option(120, "P", -1)], -40.0, -34.0),
        ([option(100, "C", 1)], 0.0, 0.0),
        # A call spread that costs at most 10.
        ([option(100, "C", -1), option(110, "C", 1)], -10.0, -10.0),
        # Of other expiries nothing is bounded: the short one by itself.
        ([option(100, "C", -1), option(110, "C", 1, "26JUN26")], -20.0, -14.0),
        # Long call and short put of a strike, short call and long put of another: 10 for sure.
        (
            [option(100, "C", 1), option(100, "P", -1), option(110, "C", -1), option(110, "P", 1)],
            0.0,
            0.0,
        ),
        # Perpetuals 10 % and 6.5 %; a hedge of a short call by them is none.
        ([("ETH_USDC-PERPETUAL", -3)], -30.0, -19.5),
        ([option(100, "C", -1), ("ETH_USDC-PERPETUAL", 1)], -30.0, -20.5),
        # Coins at 80 %, in initial margin 75 %.
        ([("ETH", 2), option(100, "C", -1)], 150.0 - 20.0, 160.0 - 14.0),
    ],
)
def test_by_hand(held, initial, maintenance):
    assert surplus(*held) == pytest.approx((initial, maintenance))


def test_net_short_calls_are_held_at_a_multiple_of_the_forward():
    """With shares so large that the bound is better: the payoff at 120, and the call beyond."""
    numbers = ExpiryNumbers(
        initial_rel=9.0,
        initial_floor_rel=9.0,
        maintenance_call_rel=9.0,
        maintenance_put_rel=9.0,
        maintenance_put_of_mark=9.0,
        put_initial_multiple=1.05,
        unpaired_initial=1.2,
        unpaired_maintenance=1.1,
    )
    model = replace(MODEL, charges=(StandardExpiryCharge(classes={"eth": numbers}),))
    held = option(100, "C", -1), option(120, "P", 0.5)
    # At 0: 60. At 120: −20.
    assert surplus(*held, model=model) == pytest.approx((-20.0 - 120.0, -20.0 - 110.0))


def test_doubt_costs_in_initial_margin_only():
    held = option(100, "C", -1), option(100, "C", 2, "26JUN26"), ("ETH_USDC-PERPETUAL", 1)
    sure = surplus(*held)
    # Of the underlying: short option and perpetual, not the long one. 0.6·1·100 each.
    assert surplus(*held, at=market(confidence={"ETH": 0.4})) == (sure[0] - 120.0, sure[1])
    # Of one contract alone; the threshold of 0.55 itself costs nothing.
    told = {"ETH": 0.9, "ETH_USDC-PERPETUAL": 0.5}
    assert surplus(*held, at=market(confidence=told)) == (sure[0] - 50.0, sure[1])
    assert surplus(*held, at=market(confidence={"ETH": 0.55})) == sure


def test_a_stablecoin_below_its_peg_costs_in_initial_margin_only():
    """Everything is worth 0.9 of what it was, and the short option pays 0.09·2·90 more."""
    sure, low = surplus(option(100, "C", -1)), surplus(option(100, "C", -1), at=market(usdc=0.9))
    assert low[1] == pytest.approx(0.9 * sure[1])
    assert low[0] == pytest.approx(0.9 * sure[0] - 0.09 * 2.0 * 90.0)


strike = st.sampled_from(STRIKES)
legs = st.lists(
    st.tuples(strike, st.sampled_from("CP"), st.sampled_from((-3, -1, 1, 2))),
    min_size=1,
    max_size=6,
    unique_by=lambda leg: leg[:2],
)


@given(legs)
def test_a_loop_over_prices_says_the_same(held):
    """Surplus of an expiry, computed option by option and price by price."""

    def payoff(price):
        return sum(q * max(0, price - k if r == "C" else k - price) for k, r, q in held)

    calls = min(0, sum(q for _, r, q in held if r == "C"))
    levels = surplus(*(option(*leg) for leg in held))
    for level, unpaired, found in zip((0, 1), (1.2, 1.1), levels, strict=True):
        alone = sum(_alone(*leg)[level] for leg in held)
        bound = min(0, *map(payoff, (0, *(k for k, _, _ in held)))) + calls * unpaired * 100.0
        value = sum(q * MARK[k, r] for k, r, q in held)
        # Round marks may be worth less than the worst payoff; then no credit is given.
        assert found == pytest.approx(min(value, max(alone, bound)), abs=0.011)


def _alone(strike, right, quantity):
    """A leg by itself at both levels."""
    if quantity > 0:
        return 0.0, 0.0
    mark = MARK[strike, right]
    out = max(0, strike - 100 if right == "C" else 100 - strike) / 100
    initial = mark + max(0.15 - out, 0.13) * 100
    maintenance = mark + (9.0 if right == "C" else max(9.0, 0.09 * mark))
    if right == "P":
        initial = max(initial, 1.05 * maintenance)
    return quantity * initial, quantity * maintenance


@given(account=accounts())
def test_shares_of_the_expiries_add_up(account):
    held, at = account
    charge = MODEL.charges[0]
    for on in margin_requirement(join(held, at), MODEL).charged:
        shares, amounts = charge.shares(on, np.zeros(len(on.book.positions))), charge.amounts(on)
        noise = 1e-9 * float(np.abs(shares.initial).sum())
        assert shares.initial.sum() == pytest.approx(sum(a.initial for a in amounts), abs=noise)
        assert shares.maintenance.sum() == pytest.approx(
            sum(a.maintenance for a in amounts), abs=noise
        )


@pytest.mark.parametrize(
    "changed",
    [
        {"initial_floor_rel": 0.05},
        {"put_initial_multiple": 0.9},
        {"unpaired_maintenance": 1.3},
        {"unpaired_maintenance": 0.5},
        {"initial_rel": float("nan")},
    ],
)
def test_numbers_that_would_turn_the_levels_over_are_refused(changed):
    charge = MODEL.charges[0]
    with pytest.raises(BadParameter):
        ExpiryNumbers(**(msgspec.structs.asdict(charge.classes["btc"]) | changed))


def test_a_threshold_above_certainty_is_refused():
    with pytest.raises(BadParameter, match="threshold"):
        ConfidenceCharge(
            perpetual_threshold=1.5,
            option_threshold=0.5,
            spot_threshold=0.5,
            factor=1.0,
            default_confidence=1.0,
        )


def test_a_class_without_numbers_is_named():
    model = replace(MODEL, charges=(StandardExpiryCharge(classes={}),))
    with pytest.raises(BadParameter, match="class eth"):
        surplus(option(100, "C", 1), model=model)
