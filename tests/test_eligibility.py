"""Entering and leaving a model: hysteresis, and never a jump of the requirement on leaving."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from seawall.basics.errors import BadParameter, InputError
from seawall.feeds.synthetic import synthetic_market
from seawall.margin.eligibility import Eligibility, Membership, next_membership, split
from seawall.margin.presets import load_preset
from seawall.market.moved import moved
from seawall.products.instruments import is_money
from seawall.products.portfolio import Portfolio, portfolio
from seawall.report.build import margin
from seawall.report.membership import margin_of_member
from seawall.risk.moved import resized_portfolio
from tests.strategies import accounts

MARKET = synthetic_market()
RULE = load_preset("prbm").eligibility
PUT, PERPETUAL = "BTC-27MAR26-90000-P", "BTC-PERPETUAL"
OUTSIDE, MEMBER = Membership(state="outside"), Membership(state="member")


def book(usd: float, *risk: tuple[str, float]) -> Portfolio:
    return portfolio([("USD", usd), *risk])


def states(values: list[float], before: Membership) -> list[str]:
    """The states of an account that holds a put through margin values one after another."""
    found = []
    for value in values:
        held = book(value, (PUT, -1))
        before = next_membership(RULE, before, Decimal(value), held, MARKET)
        found.append(before.state)
    return found


def test_an_account_enters_at_one_value_and_stays_down_to_a_lower_one():
    values = [99_999.99, 100_000, 75_000, 99_999, 74_999.99, 75_000, 99_999.99, 100_000]
    assert states(values, OUTSIDE) == [
        "outside", "member", "member", "member", "leaving", "leaving", "leaving", "member",
    ]  # fmt: skip


@given(values=st.lists(st.floats(75_000, 99_999.99), max_size=8), state=st.sampled_from([0, 1]))
def test_between_the_two_values_nothing_changes(values, state):
    before = (OUTSIDE, MEMBER)[state]
    assert set(states(values, before)) <= {before.state}


@settings(max_examples=80)
@given(account=accounts())
def test_leaving_changes_no_requirement(account):
    """Whatever is held, at whatever value: as a member and the moment it leaves."""
    held, market = account
    assume(any(p.quantity != 0 and not is_money(p.instrument) for p in held.positions))
    value = float(margin(held, market).margin_value)
    entered, left = (
        replace(load_preset("prbm"), eligibility=replace(RULE, stay_usd=stay, enter_usd=1e15))
        for stay in (0.0, max(value, 0.0) + 1.0)
    )
    before = margin_of_member(held, market, MEMBER, left)
    house = margin(held, market, entered)
    assert before.membership.state == "leaving"
    assert [(r.path, r.initial) for r in before.report.rows] == [
        (r.path, r.initial) for r in house.rows
    ]
    assert before.report.maintenance == house.maintenance
    assert before.report.margin_value == house.margin_value


def leaving() -> Membership:
    found = margin_of_member(book(70_000, (PERPETUAL, 1), (PUT, -1)), MARKET, MEMBER)
    assert found.membership.state == "leaving"
    assert found.report.state == "reduce-only"
    return found.membership


def test_new_risk_is_margined_under_the_other_model_and_what_is_kept_under_the_house_model():
    found = margin_of_member(book(70_000, (PERPETUAL, 2.5), (PUT, -1)), MARKET, leaving())
    kept = margin(book(70_000, (PERPETUAL, 1), (PUT, -1)), MARKET)
    new = margin(book(0, (PERPETUAL, 1.5)), MARKET, "cross")
    rows = {r.path: (r.initial, r.maintenance) for r in found.report.rows}
    assert rows == {r.path: (r.initial, r.maintenance) for r in kept.rows} | {
        f"new_risk/{r.path}": (r.initial, r.maintenance) for r in new.rows
    }
    assert found.report.initial == kept.initial + new.initial


def test_a_coin_bought_while_leaving_is_shocked_like_the_others():
    """It is collateral of the house model, which cuts it by 1 % because its array moves it."""
    found = margin_of_member(book(0, ("BTC", 0.7), (PUT, -1)), MARKET, leaving())
    house = margin(book(0, ("BTC", 0.7), (PUT, -1)), MARKET)
    assert [(r.path, r.initial) for r in found.report.rows] == [
        (r.path, r.initial) for r in house.rows
    ]
    owed = margin_of_member(book(70_000, ("BTC", -0.1), (PUT, -1)), MARKET, leaving())
    assert "new_risk/notional/BTC" in {row.path for row in owed.report.rows}


def test_what_is_reduced_or_turned_is_not_given_back():
    less = margin_of_member(book(70_000, (PERPETUAL, 0.4), (PUT, 1)), MARKET, leaving())
    kept, added = split(book(0, (PERPETUAL, 1), (PUT, -1)), less.membership, MARKET)
    assert [(p.instrument.name, float(p.quantity)) for p in kept] == [
        (PERPETUAL, pytest.approx(0.4))
    ]
    assert [(p.instrument.name, float(p.quantity)) for p in added] == [
        (PERPETUAL, pytest.approx(0.6)),
        (PUT, -1.0),
    ]


def test_an_account_that_has_closed_everything_is_outside():
    done = margin_of_member(book(70_000), MARKET, leaving())
    assert done.membership == OUTSIDE
    assert done.report.model.name == "cross"


@pytest.mark.parametrize("price_rel", [-0.30, 0.25])
def test_a_move_of_the_price_is_no_new_risk(price_rel):
    """An inverse perpetual of so many USD is another number of coins at another price."""
    held = book(70_000, (PERPETUAL, 1), (PUT, -1))
    after = moved(MARKET, "BTC", price_rel)
    held = resized_portfolio(held, MARKET, after)
    kept, added = split(held, leaving(), after)
    assert added == ()
    assert [p.quantity for p in kept] == [p.quantity for p in held.positions[1:]]


def test_a_report_below_the_entry_says_so():
    said = "Margin value below 100,000 USD: prbm takes no new account"
    small, large = (margin(book(usd, (PUT, -1)), MARKET) for usd in (50_000, 500_000))
    assert any(w.startswith(said) for w in small.warnings)
    assert not any(w.startswith(said) for w in large.warnings)
    assert not any(
        "no new account" in w for w in margin(book(1, (PUT, -1)), MARKET, "cross").warnings
    )


@pytest.mark.parametrize(("enter", "stay"), [(1.0, 2.0), (float("nan"), 0.0), (1.0, -1.0)])
def test_amounts_out_of_order_are_refused(enter, stay):
    with pytest.raises(BadParameter, match="enters with"):
        Eligibility(enter_usd=enter, stay_usd=stay, otherwise="cross")


def test_a_model_without_eligibility_has_no_members():
    with pytest.raises(BadParameter, match="takes every account"):
        margin_of_member(book(1, (PUT, -1)), MARKET, MEMBER, "cross")


@pytest.mark.parametrize(
    ("state", "kept"),
    [
        ("Member", {}),
        ("leaving", {}),
        ("member", {PUT: Decimal(1)}),
        ("leaving", {PUT: Decimal("NaN")}),
        ("leaving", {PUT: Decimal(0)}),
        ("leaving", {PUT: -1.0}),
    ],
)
def test_a_membership_with_a_slip_in_it_is_refused(state, kept):
    with pytest.raises(BadParameter, match="no membership"):
        Membership(state=state, kept=kept)


def test_what_is_no_membership_is_refused():
    with pytest.raises(InputError, match="is no Membership"):
        margin_of_member(book(1, (PUT, -1)), MARKET, "member")
