"""Strategies paired at the least cost: published values, corner cases, and every pairing tried."""

from __future__ import annotations

import json
from itertools import product

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seawall.basics.errors import BadParameter, UnrecognisedFile
from seawall.feeds.conform import regt
from seawall.feeds.synthetic import synthetic_market
from seawall.margin.charges import StrategyPairingCharge
from seawall.margin.charges.strategies import Leg
from seawall.margin.presets import load_preset
from seawall.products.portfolio import portfolio
from seawall.report.build import margin
from seawall.report.explanation import explain

MODEL = load_preset("reg-t")
(CHARGE,) = (c for c in MODEL.charges if isinstance(c, StrategyPairingCharge))
MARKET = synthetic_market()
S = 100.0


def leg(kind, quantity, strike=0.0, price=0.0, years=0.1):
    stock = kind == "stock"
    return Leg(
        name=f"{kind} {strike} {years}",
        kind=kind,
        quantity=quantity,
        price_usd=S if stock else price,
        strike_usd=strike,
        tenor_years=0.0 if stock else years,
    )


def paired(*legs, lot=1.0, underlying="NVDA.US", charge=CHARGE):
    return charge.pairings(legs, charge.rulebook(underlying, S, S), lot)


def values(*legs, **how):
    return tuple(pairing.value_usd for pairing in paired(*legs, **how))


def names(*legs, **how):
    return sorted(strategy.name for strategy, _ in paired(*legs, **how)[0].strategies)


# ---- published values


def test_every_published_strategy_has_its_exact_value(shared):
    path = shared / "vectors/tradfi/regt_strategy_vectors.json"
    found = list(regt.cases(json.loads(path.read_text()), MODEL, path.name))
    assert len(found) == 14
    for case in found:
        assert case.skipped is None
        assert case.compute() == pytest.approx(case.expected, rel=1e-9, abs=1e-6), case.name


def published(**changed):
    """Three short calls of ten units each, with a key or two of the leg changed."""
    leg = {"type": "C", "strike": 110, "expiry": "20260320", "price": 2.5, "qty": -3}
    case = {
        "name": "by hand",
        "underlying_price": 105.0,
        "multiplier": 10,
        "legs": [leg | changed],
        "initial_excl_premium_credit": 555.0,
        "maintenance": None,
    }
    return {"cases": [case]}


def test_a_case_in_that_shape_is_computed_by_the_models_own_charge():
    """30·(2.5 + 0.2·105 − 5) = 555."""
    (case,) = regt.cases(published(), MODEL, "f")
    assert case.compute() == pytest.approx(case.expected)
    assert set(case.expected) == {"initial"}
    dearer = msgspec.structs.replace(CHARGE.rates, naked_rel=0.30)
    model = msgspec.structs.replace(MODEL, charges=(msgspec.structs.replace(CHARGE, rates=dearer),))
    (case,) = regt.cases(published(), model, "f")
    assert case.compute()["initial"] == pytest.approx(30 * (2.5 + 31.5 - 5))


def test_a_model_without_the_charge_skips_and_another_shape_is_not_taken():
    (case,) = regt.cases(published(), load_preset("cross"), "f")
    assert "strategy-pairing" in case.skipped
    for other in ([], {}, {"cases": []}, {"cases": [{"legs": []}]}, {"cases": 3}):
        assert regt.cases(other, MODEL, "f") is None


@pytest.mark.parametrize("changed", [{"type": "X"}, {"strike": None}, {"expiry": "soon"}])
def test_a_broken_leg_is_refused_with_its_case(changed):
    with pytest.raises(UnrecognisedFile, match=r"f, case 0"):
        list(regt.cases(published(**changed), MODEL, "f"))


# ---- corner cases, S = 100


def test_the_wider_wing_of_a_condor_counts():
    condor = [
        leg("put", 1, 80), leg("put", -1, 90, 6.0), leg("call", -1, 110, 6.0), leg("call", 1, 125),
    ]  # fmt: skip
    assert values(*condor) == (15.0, 15.0)
    assert names(*condor) == ["iron condor"]
    wider_below = [leg("put", 1, 70), *condor[1:]]
    assert values(*wider_below) == (20.0, 20.0)


def test_a_butterfly_of_unequal_wings_loses_the_difference():
    legs = [leg("call", 1, 95, 8.0), leg("call", -2, 100, 5.0), leg("call", 1, 108, 2.0)]
    assert values(*legs) == (3.0, 3.0)
    assert names(*legs) == ["butterfly"]


def test_a_long_option_that_expires_first_covers_nothing():
    short, naked = leg("put", -1, 100, 6.0, years=0.5), 6.0 + 20.0
    assert values(short, leg("put", 1, 100, 3.0, years=0.1)) == (naked, naked)
    assert values(short, leg("put", 1, 100, 6.5, years=0.6)) == (0.0, 0.0)
    assert values(short, leg("put", 1, 97, 6.5, years=0.6)) == (3.0, 3.0)


def test_a_broad_index_has_rates_of_its_own():
    call, put = leg("call", -1, 104, 2.0), leg("put", -1, 50, 0.1)
    assert values(call, underlying="SPX.US")[0] == 2.0 + 15.0 - 4.0
    assert values(call)[0] == 2.0 + 20.0 - 4.0
    # Far out of the money: of a put the strike counts.
    assert values(put, underlying="SPX.US")[0] == 0.1 + 5.0
    assert values(leg("call", -1, 190, 0.1))[0] == pytest.approx(0.1 + 10.0)


def test_a_straddle_is_the_greater_side_and_the_others_premium():
    legs = [leg("call", -1, 100, 5.0), leg("put", -1, 100, 4.0)]
    assert values(*legs) == (29.0, 29.0)
    # Neither option covers the other's time.
    apart = [leg("call", -1, 100, 5.0), leg("put", -1, 100, 4.0, years=0.2)]
    assert values(*apart) == (49.0, 49.0)


@pytest.mark.parametrize(
    ("legs", "expected"),
    [
        ([leg("stock", 1)], (50.0, 25.0)),
        ([leg("stock", -1)], (50.0, 30.0)),
        # The call is 10 in the money, and the share counts as 90.
        ([leg("stock", 1), leg("call", -1, 90, 12.0)], (60.0, 32.5)),
        ([leg("stock", -1), leg("put", -1, 110, 12.0)], (60.0, 60.0)),
        ([leg("stock", 1), leg("put", 1, 95, 2.0)], (50.0, 14.5)),
        ([leg("stock", -1), leg("call", 1, 105, 2.0)], (50.0, 15.5)),
        ([leg("stock", 1), leg("put", 1, 95), leg("call", -1, 105)], (50.0, 14.5)),
        ([leg("stock", 1), leg("put", 1, 90, 1.0), leg("call", -1, 90, 12.0)], (60.0, 19.0)),
        ([leg("stock", -1), leg("put", -1, 110, 12.0), leg("call", 1, 110, 1.0)], (60.0, 21.0)),
        ([leg("call", 1, 100, 8.0, years=0.7)], (0.0, 0.0)),
        ([leg("call", 1, 100, 8.0, years=0.8)], (-2.0, -2.0)),
    ],
)
def test_shares_and_long_options_by_hand(legs, expected):
    assert values(*legs) == pytest.approx(expected)


def test_what_is_no_whole_lot_stands_alone():
    """150 shares cover one contract of 100; the odd 50 are shares."""
    call = leg("call", -100, 110, 1.0)
    initial, maintenance = values(leg("stock", 150), call, lot=100.0)
    assert (initial, maintenance) == (150 * 50.0, 150 * 25.0)
    short_of_a_lot = values(leg("stock", 99), call, lot=100.0)
    assert short_of_a_lot[0] == pytest.approx(99 * 50.0 + 100 * 11.0)


def test_combinations_are_left_out_where_they_would_be_too_many():
    legs = [leg("call", 1, 95), leg("call", -2, 100), leg("call", 1, 105)]
    none = msgspec.structs.replace(CHARGE, most_combinations=0)
    assert values(*legs)[0] == 0.0
    assert values(*legs, charge=none)[0] == 5.0


def test_impossible_lots_are_refused():
    with pytest.raises(BadParameter, match="a lot of 0"):
        msgspec.structs.replace(CHARGE, lots={".US": 0.0})
    with pytest.raises(BadParameter, match="negative most_combinations"):
        msgspec.structs.replace(CHARGE, most_combinations=-1)


# ---- every pairing tried


def tried(legs, level, charge=CHARGE):
    """The least of all pairings, by taking off one strategy after another in every way."""
    strategies = charge.rulebook("NVDA.US", S, S).strategies(legs, charge.most_combinations)
    known = {}

    def least(left):
        if not any(left):
            return 0.0
        if left not in known:
            first = next(i for i, n in enumerate(left) if n)
            best = float("inf")
            for each in strategies:
                after = list(left)
                for place, count in each.legs:
                    after[place] -= count
                if after[first] < left[first] and min(after) >= 0:
                    best = min(best, getattr(each, level) + least(tuple(after)))
            known[left] = best
        return known[left]

    return least(tuple(int(abs(each.quantity)) for each in legs))


@st.composite
def small_books(draw):
    terms = list(product(("call", "put"), (80.0, 90.0, 100.0, 115.0), (0.1, 0.9)))
    chosen = draw(st.lists(st.sampled_from(terms), min_size=1, max_size=6, unique=True))
    signed = st.integers(-2, 2).filter(bool)
    premium = st.integers(0, 30).map(float)
    legs = [leg(k, draw(signed), strike, draw(premium), t) for k, strike, t in chosen]
    return [*legs, *(leg("stock", q) for q in draw(st.lists(signed, max_size=1)))]


@settings(max_examples=60)
@given(legs=small_books())
def test_no_pairing_is_cheaper_than_that_of_the_integer_programme(legs):
    found = values(*legs)
    assert found[0] == pytest.approx(tried(legs, "initial"), abs=1e-9)
    assert found[1] == pytest.approx(tried(legs, "maintenance"), abs=1e-9)
    for pairing in paired(*legs):
        used = [0.0] * len(legs)
        for strategy, units in pairing.strategies:
            for place, count in strategy.legs:
                used[place] += count * units
        assert used == [abs(each.quantity) for each in legs]


@settings(max_examples=40)
@given(legs=small_books(), lot=st.sampled_from((0.1, 100.0)))
def test_lots_of_another_size_are_that_many_units(legs, lot):
    other = [scaled(each, lot) for each in legs]
    expected = [lot * value for value in values(*legs)]
    assert values(*other, lot=lot) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def scaled(each, lot):
    return Leg(
        name=each.name,
        kind=each.kind,
        quantity=each.quantity * lot,
        price_usd=each.price_usd,
        strike_usd=each.strike_usd,
        tenor_years=each.tenor_years,
    )


# ---- in an account


def call_at(strike_of):
    """A listed call of the synthetic market and its mark in USD."""
    column = next(iter(MARKET.slices.values()))
    row = strike_of(column)
    return column.names[row]


def rows_of(report):
    return {row.path: (float(row.initial), float(row.maintenance)) for row in report.rows}


def test_equity_holds_the_premium_so_the_requirement_leaves_it_out():
    """Money less rule value is excess, whether premiums are money or marks."""
    market = MARKET
    spot = market.spot_usd("BTC")
    (_, column), *_ = ((k, s) for k, s in market.slices.items() if k[0] == "BTC" and k[0] == k[1])
    calls = [i for i, is_call in enumerate(column.is_call) if is_call]
    short = min(calls, key=lambda i: abs(column.strike[i] - 1.05 * spot))
    report = margin(portfolio([("USD", 100_000), (column.names[short], -1)]), market, MODEL)
    out = max(float(column.strike[short]) - spot, 0.0)
    beyond = max(0.20 * spot - out, 0.10 * spot)
    assert rows_of(report)["strategy_pairing/BTC"] == pytest.approx((beyond, beyond), abs=0.02)
    (options,) = (r for r in report.collateral_rows if r.path == "options/BTC")
    assert float(options.value) < 0.0
    rule_value = beyond - float(options.value)
    assert float(report.excess_initial) == pytest.approx(100_000 - rule_value, abs=0.05)


def test_a_long_option_is_paid_in_full():
    name = call_at(lambda column: int(column.is_call.argmax()))
    report = margin(portfolio([("USD", 1_000), (name, 1)]), MARKET, MODEL)
    assert float(report.excess_initial) == pytest.approx(1_000.0, abs=0.02)
    assert float(report.initial) > 0.0


def test_futures_are_charged_beside_the_pairing():
    held = portfolio([("USD", 100_000), ("BTC-PERPETUAL", 1), ("BTC", -1)])
    spot = MARKET.spot_usd("BTC")
    rows = rows_of(margin(held, MARKET, MODEL))
    assert rows["notional/BTC-PERPETUAL"] == pytest.approx(
        (1.25 * 0.16 * spot, 0.16 * spot), abs=0.02
    )
    assert rows["strategy_pairing/BTC"] == pytest.approx((0.50 * spot, 0.30 * spot), abs=0.02)
    assert "notional/BTC" not in rows


def test_a_pairing_belongs_to_no_leg():
    told = explain(portfolio([("USD", 1_000_000), ("BTC", -1)]), MARKET, MODEL)
    assert [row.path for row in told.unallotted] == ["strategy_pairing/BTC"]
