"""Why margin changed between two snapshots: rows that add up, and steps that stand alone."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import hypothesis.strategies as st
import pytest
from hypothesis import assume, given, settings

from seawall.basics.errors import ExpiredInstrument, InputError, MissingQuote
from seawall.basics.time import isoformat_utc
from seawall.feeds.books import read_portfolio
from seawall.feeds.market import read_market
from seawall.margin.presets import preset_names
from seawall.market.liquidity import Liquidity
from seawall.market.moved import at_time, moved
from seawall.market.unlisted import with_unlisted
from seawall.products.names import parse_name
from seawall.products.portfolio import Portfolio
from seawall.report.build import margin
from seawall.report.change import Change, explain_change
from seawall.report.schema import to_json
from seawall.risk.moved import carried_portfolio, resized_portfolio
from tests.histories import history_until
from tests.strategies import accounts, between, books
from tests.surfaces import without_options
from tests.test_distance import MARKET, book_of
from tests.test_real_chains import CRASH, chain_file

TOTALS = ("initial", "maintenance", "margin_value")
BOOK = book_of(
    ("BTC-31JAN26-90000-P", -5),
    ("BTC-2MAR26-110000-C", -3),
    ("BTC-PERPETUAL", 2),
    ("ETH-PERPETUAL", -30, 4_100),
    ("USDC", 200_000),
)


def with_vols(market, factor):
    """Every volatility times a factor; marks as they are."""
    slices = {
        key: replace(s, vol=s.vol * factor, atm_vol=s.atm_vol * factor)
        for key, s in market.slices.items()
    }
    return replace(market, slices=slices)


def step(change: Change, name: str):
    [row] = [row for row in change.rows if row.step == name]
    return row


def amounts(row):
    return [getattr(row, total) for total in TOTALS]


def moving_steps(change: Change) -> set[str]:
    return {row.step for row in change.rows if any(amounts(row))}


def adds_up(change: Change) -> None:
    for total in TOTALS:
        whole = getattr(change, f"{total}_after") - getattr(change, f"{total}_before")
        assert sum((getattr(row, total) for row in change.rows), Decimal(0)) == whole
    for level in ("initial", "maintenance"):
        moved_by = sum(
            getattr(row, f"{level}_after") - getattr(row, f"{level}_before")
            for row in change.moved_rows
        )
        assert moved_by == getattr(change, f"{level}_after") - getattr(change, f"{level}_before")


def ends(change: Change, before, after) -> None:
    """The ends are the reports of the account there."""
    for which, report in (("before", before), ("after", after)):
        for total in TOTALS:
            assert getattr(change, f"{total}_{which}") == getattr(report, total)
        cells = {m.underlying: (m.direction, m.worst) for m in report.risk_matrices}
        told = {
            c.underlying: (getattr(c, f"direction_{which}"), getattr(c, f"worst_{which}"))
            for c in change.worst_cells
        }
        for underlying, cell in told.items():
            assert cell == cells.get(underlying, (None, None))


# ---- laws


@settings(max_examples=80)
@given(account=accounts(max_legs=5), data=st.data())
def test_rows_add_exactly_and_the_ends_are_the_reports(account, data):
    portfolio, before = account
    after = before
    for underlying in before.index_usd:
        after = moved(after, underlying, data.draw(between(-0.4, 0.6)))
    after = with_vols(after, data.draw(between(0.6, 1.6)))
    after = replace(after, stable_usd={"USDC": data.draw(between(0.9, 1.05))})
    after = at_time(after, after.as_of + timedelta(minutes=data.draw(st.integers(1, 900))))
    names = {p.instrument.name for p in portfolio.positions if hasattr(p.instrument, "expiry")}
    assume(all(parse_name(name).expiry > after.as_of for name in names))
    model, to_model = (data.draw(st.sampled_from(preset_names())) for _ in range(2))
    change = explain_change(portfolio, before, after, model, to_model=to_model)
    adds_up(change)
    carried = carried_portfolio(portfolio, before, after)
    ends(change, margin(portfolio, before, model), margin(carried, after, to_model))
    assert amounts(step(change, "positions")) == [0, 0, 0]
    assert (change.as_of_before, change.as_of_after) == (before.as_of, after.as_of)
    assert list(json.loads(to_json(change))) == ["schema", *Change.__struct_fields__]


@settings(max_examples=40)
@given(account=accounts(max_legs=5), data=st.data())
def test_with_another_book_the_positions_are_a_row(account, data):
    portfolio, before = account
    underlying = data.draw(st.sampled_from(sorted(before.index_usd)))
    after = moved(before, underlying, data.draw(between(-0.4, 0.6)))
    later = data.draw(books(after, max_legs=5))
    change = explain_change(portfolio, before, after, to_portfolio=later)
    adds_up(change)
    ends(change, margin(portfolio, before), margin(later, after))
    there = margin(resized_portfolio(later, after, before), before)
    assert step(change, "positions").initial == there.initial - change.initial_before


@settings(max_examples=30)
@given(account=accounts(max_legs=5))
def test_where_nothing_changes_every_row_is_zero(account):
    portfolio, market = account
    change = explain_change(portfolio, market, market)
    assert moving_steps(change) == set()
    assert change.moved_rows == ()
    assert change.initial_before == change.initial_after == margin(portfolio, market).initial


# ---- each step alone


@pytest.mark.parametrize("model", preset_names())
def test_each_cause_shows_in_its_own_row(model):
    later = MARKET.as_of + timedelta(hours=12)
    moved_btc = moved(MARKET, "BTC", -0.07)
    causes = {
        "price/BTC": moved_btc,
        "price/ETH": moved(MARKET, "ETH", 0.1),
        "price/stablecoins": replace(MARKET, stable_usd={"USDC": 0.97}),
        "volatility": with_vols(MARKET, 1.3),
        "time": at_time(MARKET, later),
    }
    for name, after in causes.items():
        change = explain_change(BOOK, MARKET, after, model)
        # Options without marks are worth their model values, so that the margin value always moves.
        assert moving_steps(change) == {name}, (name, change.rows)
        if model == "prbm" and name != "price/stablecoins":
            assert step(change, name).initial != 0
            assert step(change, name).maintenance != 0
    assert moving_steps(explain_change(BOOK, MARKET, MARKET, model, to_model=model)) == set()
    other = "cross" if model in ("prbm", "hybrid") else "prbm"
    assert moving_steps(explain_change(BOOK, MARKET, MARKET, model, to_model=other)) == {"model"}


@pytest.mark.parametrize(
    "told",
    [
        {"adv_usd": {"BTC": 1e8}},
        {"open_interest": {"BTC-31JAN26-90000-P": 20.0}},
        {"funding_per_day": {"BTC-PERPETUAL": -0.001}},
        {"confidence": {"ETH": 0.9}},
        {"index_age_s": {"BTC": 7_200.0}},
        {"pool_utilisation": {"BTC": 0.95}},
        {"supply": {"UNI": 500.0}},
    ],
)
def test_what_is_told_beside_prices_has_a_row_of_its_own(told):
    """Also where volatilities change at the same time, whose row is theirs alone."""
    held = Portfolio(account="by hand", positions=BOOK.positions + book_of(("UNI", 100)).positions)
    before = replace(MARKET, index_usd={**MARKET.index_usd, "UNI": 10.0})
    after = replace(before, liquidity=Liquidity(**told))
    change = explain_change(held, before, after)
    adds_up(change)
    assert moving_steps(change) == {"liquidity"}
    both = explain_change(held, before, with_vols(after, 1.3))
    adds_up(both)
    alone = explain_change(held, before, with_vols(before, 1.3))
    assert amounts(step(both, "volatility")) == amounts(step(alone, "volatility"))
    assert any(amounts(step(both, "liquidity")))
    assert step(both, "liquidity").initial == both.initial_after - alone.initial_after


def test_steps_are_in_the_stated_order():
    names = [row.step for row in explain_change(BOOK, MARKET, MARKET).rows]
    assert names == [
        "positions",
        "time",
        "price/BTC",
        "price/ETH",
        "volatility",
        "liquidity",
        "model",
    ]
    after = replace(MARKET, stable_usd={})
    names = [row.step for row in explain_change(BOOK, MARKET, after).rows]
    assert names[3:5] == ["price/ETH", "price/stablecoins"]


def test_a_perpetual_without_an_entry_earns_from_the_first_snapshot_on():
    held = book_of(("BTC-PERPETUAL", 2), ("USD", 100_000))
    change = explain_change(held, MARKET, moved(MARKET, "BTC", 0.05))
    price = step(change, "price/BTC")
    # 2 · 100,000 · 5 %, less the haircut of 1 % on a profit in coin
    assert price.margin_value == Decimal("9900.00")
    assert change.margin_value_after == Decimal("109900.00")


def test_the_charge_and_the_cell_that_moved_are_named():
    held = book_of(("BTC-31JAN26-100000-C", -10), ("BTC-31JAN26-100000-P", -10), ("USD", 9e5))
    change = explain_change(held, MARKET, moved(MARKET, "BTC", -0.2))
    assert {"scanning_risk/BTC", "liquidity/BTC", "im_factor"} == {
        row.path for row in change.moved_rows
    }
    [cell] = change.worst_cells
    assert (cell.underlying, cell.direction_before) == ("BTC", "up")
    assert cell.worst_before.price_move_rel == 5.0
    assert (
        cell.worst_after
        == margin(
            carried_portfolio(held, MARKET, moved(MARKET, "BTC", -0.2)), moved(MARKET, "BTC", -0.2)
        )
        .risk_matrix("BTC")
        .worst
    )


def test_under_a_model_without_scenarios_no_cell_is_named():
    change = explain_change(BOOK, MARKET, MARKET, "prbm", to_model="cross")
    assert [c.underlying for c in change.worst_cells] == ["BTC", "ETH"]
    assert all(c.worst_before and c.worst_after is None for c in change.worst_cells)


# ---- what cannot be explained


def test_an_option_listed_at_one_time_only_is_valued_by_the_surface_at_the_other():
    name = "BTC-31JAN26-90000-P"
    later = at_time(MARKET, MARKET.as_of + timedelta(hours=1))
    rest = Portfolio(account="by hand", positions=BOOK.positions[1:])
    both = explain_change(BOOK, MARKET, later)
    for before, after, held, ending in (
        (MARKET, without_options(later, [name]), BOOK, None),
        (without_options(MARKET, [name]), later, BOOK, None),
        (without_options(MARKET, [name]), later, rest, BOOK),
    ):
        change = explain_change(held, before, after, to_portfolio=ending)
        adds_up(change)
        [said] = [w for w in change.warnings if w.startswith(f"{name} is not listed at 2026-01-01")]
        assert ("T09:00" if before is MARKET else "T08:00") in said
        assert float(change.initial_after) == pytest.approx(float(both.initial_after), rel=0.01)
    # What is sold before the end need not be known there.
    sold = explain_change(BOOK, MARKET, without_options(later, [name]), to_portfolio=rest)
    adds_up(sold)
    assert not any("is not listed" in warning for warning in sold.warnings)


def test_an_option_out_of_reach_at_one_time_is_an_error_that_names_it_and_the_time():
    name = "BTC-31JAN26-90000-P"
    later = at_time(MARKET, MARKET.as_of + timedelta(hours=1))
    bare = replace(later, slices={}, option_rows={})
    held = Portfolio(account="by hand", positions=BOOK.positions[:1])
    rest = Portfolio(account="by hand", positions=BOOK.positions[2:])
    with pytest.raises(MissingQuote, match=rf"{name}, which is not listed.*2026-01-01T09:00"):
        explain_change(held, MARKET, bare)
    with pytest.raises(MissingQuote, match=rf"{name}, which is not listed.*2026-01-01T09:00"):
        explain_change(rest, bare, later, to_portfolio=held)


def test_what_expires_in_between_is_an_error():
    held = book_of(("BTC-2JAN26-102000-P", 1), ("USD", 1))
    after = replace(MARKET, as_of=MARKET.as_of + timedelta(days=1))
    with pytest.raises(ExpiredInstrument, match="BTC-2JAN26-102000-P expired") as caught:
        explain_change(held, MARKET, after)
    assert caught.value.where == "account by hand, snapshot of 2026-01-02T08:00:00Z"
    assert "--to-book (to_portfolio in Python)" in caught.value.remedy
    settled = explain_change(held, MARKET, after, to_portfolio=book_of(("USD", 2_000)))
    adds_up(settled)
    with pytest.raises(ExpiredInstrument, match="BTC-2JAN26-102000-P expired") as caught:
        explain_change(book_of(("USD", 1)), MARKET, after, to_portfolio=held)
    assert "Leave it out of the book at the end" in caught.value.remedy
    with pytest.raises(ExpiredInstrument, match="BTC-2JAN26-102000-P expired") as caught:
        explain_change(held, after, MARKET, to_portfolio=book_of(("USD", 1)))
    assert "Leave it out of the book or start" in caught.value.remedy


def test_what_expires_in_between_is_named_with_its_row_also_if_it_is_a_future(tmp_path):
    name = "BTC-2JAN26"
    before = replace(MARKET, futures={**MARKET.futures, name: 100_000.0})
    after = replace(before, as_of=MARKET.as_of + timedelta(days=1))
    path = tmp_path / "book.csv"
    path.write_text(f"account,instrument,quantity\nmaker,USD,9\nmaker,{name},1\n")
    with pytest.raises(ExpiredInstrument, match=f"{name} expired") as caught:
        explain_change(read_portfolio(path), before, after)
    assert caught.value.where == ("account maker, book.csv row 3, snapshot of 2026-01-02T08:00:00Z")


def test_two_accounts_are_not_one_that_changed():
    other = Portfolio(account="other", positions=BOOK.positions)
    with pytest.raises(InputError, match="'by hand' and 'other'"):
        explain_change(BOOK, MARKET, MARKET, to_portfolio=other)


# ---- recorded chains


@pytest.mark.parametrize("model", preset_names())
def test_a_day_of_the_crash_of_february_2026(shared, model):
    path = chain_file(shared, CRASH)
    before, after = (read_market(path, at=f"2026-02-0{day}T16:00") for day in (5, 6))
    past = history_until(["BTC", "ETH"], after.as_of)
    before, after = (replace(each, history=past) for each in (before, after))
    held = book_of(
        ("BTC-27MAR26-70000-P", -5),
        ("BTC-27MAR26-80000-C", -3),
        ("BTC-26JUN26-90000-C", 4),
        ("BTC-PERPETUAL", "1.5"),
        ("ETH-27MAR26-2000-P", 20),
        ("ETH-PERPETUAL", -40, 2_000),
        ("USDC", 600_000),
    )
    change = explain_change(held, before, after, model)
    adds_up(change)
    carried = carried_portfolio(held, before, after)
    ends(change, margin(held, before, model), margin(carried, after, model))
    assert {"price/BTC", "volatility"} <= moving_steps(change)
    backwards = explain_change(carried, after, before, model, to_portfolio=held)
    assert backwards.initial_after == change.initial_before


def test_options_listed_on_one_day_only_are_explained_unless_they_expire(shared):
    path = chain_file(shared, CRASH)
    before, after = (read_market(path, at=f"2026-02-0{day}T16:00") for day in (5, 6))
    gone = sorted(set(before.option_rows) - set(after.option_rows))
    alive = [n for n in gone if parse_name(n).expiry > after.as_of]
    expired = [n for n in gone if parse_name(n).expiry <= after.as_of]
    assert expired
    with pytest.raises(ExpiredInstrument, match=expired[0]):
        explain_change(book_of((expired[0], 1)), before, after)
    new = sorted(set(after.option_rows) - set(before.option_rows))
    assert new
    beyond = 0
    for name in (*alive, *new):
        missing = after if name in alive else before
        held = book_of((name, -1), ("USD", 100_000))
        if name in with_unlisted(missing, [parse_name(name)]).unlisted.beyond:
            with pytest.raises(MissingQuote, match="to which listed strikes tell a volatility"):
                explain_change(held, before, after)
            beyond += 1
            continue
        change = explain_change(held, before, after)
        adds_up(change)
        said = f"{name} is not listed at {isoformat_utc(missing.as_of)}"
        assert any(warning.startswith(said) for warning in change.warnings)
    assert beyond < len(alive + new) / 5


def test_an_end_before_the_start_or_at_it_is_said():
    book, later = book_of(("BTC", 1)), at_time(MARKET, MARKET.as_of + timedelta(hours=1))
    assert any("is before the start" in w for w in explain_change(book, later, MARKET).warnings)
    assert not any("the start," in w for w in explain_change(book, MARKET, later).warnings)
    said = explain_change(book, MARKET, MARKET).warnings
    assert any(warning.startswith("Both times are the snapshot of") for warning in said)


def test_a_carried_future_without_an_entry_price_is_said_to_earn_from_the_start():
    later = moved(at_time(MARKET, MARKET.as_of + timedelta(hours=1)), "BTC", 0.01)
    change = explain_change(book_of(("BTC-PERPETUAL", 1), ("USD", 1000)), MARKET, later)
    assert change.margin_value_after > change.margin_value_before
    said = [w for w in change.warnings if w.startswith("No entry price of BTC-PERPETUAL")]
    assert said == ["No entry price of BTC-PERPETUAL: its unrealised profit counts from the start."]


@pytest.mark.parametrize("other", [0, [], "book"])
def test_what_is_no_portfolio_is_refused(other):
    with pytest.raises(InputError, match="is no Portfolio"):
        explain_change(book_of(("BTC", 1)), MARKET, MARKET, to_portfolio=other)
