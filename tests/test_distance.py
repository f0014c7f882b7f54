"""Liquidation prices: by hand, against a walk in small steps, and as laws of any account."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from seawall.margin import distance
from seawall.margin.distance import LiquidationPrice, excess_maintenance, liquidation_prices
from seawall.margin.presets import load_preset, preset_names
from seawall.margin.requirement import margin_requirement, risk_arrays
from seawall.margin.status import margin_status
from seawall.market.moved import moved
from seawall.products.names import parse_name
from seawall.products.portfolio import Portfolio, Position
from seawall.risk.book import join
from seawall.risk.moved import carried_portfolio, moved_book
from tests.naive.moved import first_under_water, naive_excess
from tests.strategies import accounts, between
from tests.test_golden_books import market as golden_market
from tests.test_moved import without_marks
from tests.test_oracle import rounding_usd

PRBM = load_preset("prbm")
MARKET = golden_market()


def book_of(*held):
    """A portfolio of (name, quantity[, entry price]) in the document's market."""
    positions = tuple(
        Position(
            instrument=parse_name(name),
            quantity=Decimal(str(quantity)),
            entry_price=Decimal(str(entry[0])) if entry else None,
        )
        for name, quantity, *entry in held
    )
    return Portfolio(account="by hand", positions=positions)


def prices(portfolio, market=MARKET, model=PRBM) -> dict[tuple[str, str], LiquidationPrice]:
    found = liquidation_prices(join(portfolio, market), market, model)
    return {(row.underlying, row.direction): row for row in found}


def none_found(row):
    return row.price_usd is None and row.distance_rel is None


# ---- by hand


def test_long_inverse_perpetual_by_hand():
    """1 coin long at 100,000 with 50,000 USD. At y = price / 100,000:

    contracts 1/y coins, unrealised 1 − 1/y coins, together 1 coin, worth 100,000·y
    margin value    50,000 + 100,000·(y − 1)
    scanning risk   16,000·y
    liquidity       N = 100,000·y: 0.0005·N + 0.8·0.045·√(N / 5bn)·N
    basis           perpetual 1/y, coin balance 1 − 1/y: h = 1 − 1 / (2/y − 1) and 500·h
    Equal at y = 0.5990904 (by repeated substitution: y = (50,000 + 500·h + 16.09969·y^1.5) /
    83,950).
    """
    y = 0.6
    for _ in range(100):
        hedged = 1.0 - 1.0 / (2.0 / y - 1.0)
        y = (50_000.0 + 500.0 * hedged + 0.036 * math.sqrt(1e5 / 5e9) * 1e5 * y**1.5) / 83_950.0
    found = prices(book_of(("BTC-PERPETUAL", 1), ("USD", 50_000)))
    down = found["BTC", "down"]
    assert down.price_usd == pytest.approx(100_000.0 * y, rel=2e-6)
    assert down.price_usd == pytest.approx(59_909.04, rel=2e-6)
    assert down.distance_rel == pytest.approx(1.0 - y, abs=2e-6)
    assert none_found(found["BTC", "up"])


def test_short_linear_perpetual_by_hand():
    """1 coin short at its index with 50,000 USD and USDC at 1: 50,000 − 100,000·(y − 1) equals
    16,050·y + 16.09969·y^1.5 at y = 1.29234…; falling prices only help.
    """
    y = 1.3
    for _ in range(200):
        y = (150_000.0 - 0.036 * math.sqrt(1e5 / 5e9) * 1e5 * y**1.5) / 116_050.0
    market = replace(MARKET, stable_usd={"USDC": 1.0})
    found = prices(book_of(("BTC_USDC-PERPETUAL", -1), ("USD", 50_000)), market)
    assert found["BTC", "up"].price_usd == pytest.approx(100_000.0 * y, rel=2e-6)
    assert found["BTC", "up"].price_usd == pytest.approx(129_235.0, rel=1e-4)
    assert none_found(found["BTC", "down"])


def test_short_put_fails_downwards_only_and_not_when_its_strike_is_paid_in():
    put = ("BTC-31JAN26-90000-P", -1)
    found = prices(book_of(put, ("USD", 20_000)))
    down = found["BTC", "down"]
    assert 85_000.0 < down.price_usd < 100_000.0
    assert down.distance_rel == pytest.approx(1.0 - down.price_usd / 100_000.0)
    assert none_found(found["BTC", "up"])
    # Its loss is at most the strike.
    secured = prices(book_of(put, ("USD", 100_000)))
    assert none_found(secured["BTC", "down"])
    assert none_found(secured["BTC", "up"])


def test_covered_and_hedged_books_have_none():
    """A call on a coin that is held, and a coin sold forward for so many dollars."""
    for book in (
        book_of(("BTC", 1), ("BTC-31JAN26-110000-C", -1)),
        book_of(("BTC", 1), ("BTC-PERPETUAL", -1, 100_000), ("USD", 3_000)),
    ):
        assert all(none_found(row) for row in prices(book).values()), book


def test_a_naked_call_has_no_price_downwards():
    found = prices(book_of(("BTC-31JAN26-110000-C", -1), ("USD", 40_000)))
    assert 100_000.0 < found["BTC", "up"].price_usd < 140_000.0
    assert none_found(found["BTC", "down"])


def test_who_is_in_liquidation_has_no_distance():
    found = prices(book_of(("BTC-PERPETUAL", 1), ("ETH", 0.1), ("USD", 10_000)))
    for underlying, spot in (("BTC", 100_000.0), ("ETH", 4_000.0)):
        for direction in ("up", "down"):
            row = found[underlying, direction]
            assert (row.price_usd, row.distance_rel) == (spot, 0.0)


def test_who_must_hold_nothing_has_no_price():
    """A long option is locked under ``cross`` and backs nothing, and asks for nothing."""
    option = book_of(("BTC-31JAN26-110000-C", 1))
    assert all(none_found(row) for row in prices(option, model=load_preset("cross")).values())
    assert liquidation_prices(join(book_of(("USD", 5)), MARKET), MARKET, PRBM) == ()


def test_each_underlying_moves_alone():
    """What BTC may lose is what the whole account has, whatever ETH is."""
    found = prices(book_of(("BTC-PERPETUAL", 1), ("ETH-PERPETUAL", 25), ("USD", 60_000)))
    assert set(found) == {(u, d) for u in ("BTC", "ETH") for d in ("up", "down")}
    for underlying, x in (("BTC", "down"), ("ETH", "down")):
        alone = prices(book_of((f"{underlying}-PERPETUAL", {"BTC": 1, "ETH": 25}[underlying]),
                               ("USD", 60_000)))  # fmt: skip
        assert found[underlying, x].distance_rel < alone[underlying, x].distance_rel


# ---- against a walk in small steps


WALKED = {
    "short straddle": [("BTC-31JAN26-100000-C", -1), ("BTC-31JAN26-100000-P", -1), ("USD", 45_000)],
    "delta-hedged": [("BTC-31JAN26-100000-C", -1), ("BTC-PERPETUAL", 0.5), ("USD", 30_000)],
    "collateral in coin": [("BTC", 1), ("BTC-2MAR26-90000-P", -2), ("BTC-2MAR26", 0.5, 98_000)],
    "short butterfly": [
        ("BTC-2JAN26-90000-C", -20),
        ("BTC-2JAN26-102000-C", 40),
        ("BTC-2JAN26-110000-C", -20),
        ("USD", 320_000),
    ],
    "ratio spread": [("BTC-31JAN26-100000-C", 1), ("BTC-31JAN26-110000-C", -3), ("USD", 60_000)],
    "loan against a coin": [("ETH", 10), ("USDC", -28_000)],
}


@pytest.mark.parametrize("name", WALKED)
def test_a_walk_in_small_steps_finds_the_same(name):
    """Steps of half a percent down to a tenth and up to three times the price, by the oracle."""
    portfolio = book_of(*WALKED[name])
    underlying = "ETH" if "ETH" in {row[0] for row in WALKED[name]} else "BTC"
    found = prices(portfolio)
    for direction, steps in (
        ("up", 1.005 ** np.arange(1, 220) - 1.0),
        ("down", 1.005 ** -np.arange(1.0, 460) - 1.0),
    ):
        row = found[underlying, direction]
        walked = first_under_water(portfolio, MARKET, underlying, steps.tolist())
        if walked is None:
            beyond = row.distance_rel is None or row.distance_rel > abs(steps[-1])
            assert beyond, (name, direction, row)
            continue
        near, far = sorted(abs(x) for x in walked)
        assert near <= row.distance_rel <= far + 1e-6, (name, direction, row, walked)
        price = row.price_usd / MARKET.index_usd[underlying] - 1.0
        inside, outside = price * (1.0 - 1e-5), price * (1.0 + 1e-5)
        assert naive_excess(portfolio, MARKET, underlying, inside) > 0.0
        assert naive_excess(portfolio, MARKET, underlying, outside) < 0.0


# ---- laws


@pytest.mark.parametrize("model", preset_names())
@settings(max_examples=8)
@given(account=accounts(max_legs=4))
def test_the_account_fails_there_and_not_before(model, account):
    """At the price the full report says liquidation; on the ladder before it, it does not."""
    portfolio, market = account
    chosen = load_preset(model)
    book = join(portfolio, market)
    state = margin_status(book, chosen).state
    for row in liquidation_prices(book, market, chosen):
        slack = 1e-6 * rounding_usd(portfolio, market) / 1e-13
        if row.distance_rel is not None and row.distance_rel <= distance.TOLERANCE_REL:
            assert excess_maintenance(book, chosen) <= 0.01 + slack * (row.distance_rel > 0.0)
            continue
        assert state != "liquidation" or abs(excess_maintenance(book, chosen)) < 0.1
        sign = 1.0 if row.direction == "up" else -1.0
        end = {"up": 10.0, "down": 0.999}[row.direction]
        reach = end if row.distance_rel is None else row.distance_rel
        for share in (0.2, 0.6, 0.9):
            x = sign * reach * share
            assert excess_maintenance(moved_book(book, market, row.underlying, x), chosen) > -1e-6
        # Farther down an entry price may be more than ten times the mark, which a join refuses.
        if row.distance_rel is not None and row.distance_rel < 0.85:
            after = moved(market, row.underlying, sign * row.distance_rel)
            there = join(carried_portfolio(portfolio, market, after), after)
            assert excess_maintenance(there, chosen) <= 1e-6 + slack


@settings(max_examples=200)
@example(centre=0.125, up=False)  # midway between two rungs, which are then alike
@given(centre=between(0.02, 2.3), up=st.booleans())
def test_a_dip_of_one_and_a_half_steps_is_found(centre, up):
    """Excess 1,000 but for one straight-sided dip that only just reaches zero."""
    half = 0.75 * (0.01 if centre < 0.48 else 0.04)
    centre = centre if up else -centre

    def excess(log_move):
        return 1_000.0 - 1_001.0 * max(0.0, 1.0 - abs(log_move - centre) / half)

    book = join(book_of(("BTC-PERPETUAL", 1)), MARKET).underlyings[0]
    ladder = distance._ladder(book, "up" if up else "down")
    assert np.all(np.diff(np.abs(ladder)) > 0.0)
    found = distance._first_crossing(excess, 1_000.0, ladder)
    assert found == pytest.approx(centre, abs=5e-5)
    assert excess(found) <= 0.0


def test_held_strikes_are_rungs():
    held = book_of(("BTC-2MAR26-110000-C", 1), ("BTC-2MAR26-90000-C", 1), ("BTC-PERPETUAL", 1))
    book = join(held, MARKET).underlyings[0]
    up, down = (distance._ladder(book, direction) for direction in ("up", "down"))
    assert np.isclose(up, math.log(110_000 / 101_000)).any()
    assert np.isclose(down, math.log(90_000 / 101_000)).any()
    assert math.expm1(up[-1]) == pytest.approx(10.0)
    assert math.expm1(down[-1]) == pytest.approx(-0.999)


@settings(max_examples=10)
@given(account=accounts(max_legs=4))
def test_what_the_book_does_not_hold_changes_no_price(account):
    """The search looks at held slices only; a market without the others gives the same."""
    portfolio, market = account
    market = without_marks(market)
    names = {position.instrument.name for position in portfolio.positions}
    rows = {name: at for name, at in market.option_rows.items() if name in names}
    keys = {key for key, _ in rows.values()}
    less = replace(
        market, option_rows=rows, slices={k: s for k, s in market.slices.items() if k in keys}
    )
    assert prices(portfolio, less) == prices(portfolio, market)


@settings(max_examples=60)
@given(account=accounts(), move=between(-0.5, 1.0))
def test_risk_arrays_of_underlyings_that_stay_are_those_of_a_full_recomputation(account, move):
    portfolio, market = account
    book = join(portfolio, market)
    known = risk_arrays(book, PRBM)
    for part in book.underlyings:
        there = moved_book(book, market, part.underlying, move)
        assert margin_requirement(there, PRBM, known).steps == margin_requirement(there, PRBM).steps
