"""Options of an expiry that count for another value than theirs, together."""

from __future__ import annotations

import math
from itertools import groupby

import msgspec
import numpy as np
import pytest

import seawall as sw
from seawall.margin.discounts import ExpiriesApart, StaticDiscount
from seawall.margin.euler import euler_contributions
from seawall.margin.fold import NetByUnderlying
from seawall.margin.marginal import marginal_contributions
from seawall.margin.presets import load_preset
from seawall.margin.requirement import margin_requirement
from seawall.risk.book import join
from tests.account_tables import assert_same, drawn_accounts, told, wide_market
from tests.resident_books import assert_as_alone

MARKET = wide_market(told(wide_market()))
DISCOUNT = StaticDiscount(
    long_base=0.95,
    long_rate_mult=1.0,
    long_rate_add=0.12,
    short_base=1.05,
    short_rate_mult=0.5,
    short_rate_add=0.08,
)
PRBM = load_preset("prbm")
MODEL = msgspec.structs.replace(PRBM, fold=NetByUnderlying(discount=DISCOUNT))
# Of the cells of BTC and ETH a quarter and half of the range.
APART = ExpiriesApart(price_up_rel=0.08, price_down_rel=0.04, factor=2.0, factor_per_year=3.0)
CALENDARS = msgspec.structs.replace(
    PRBM,
    classes=tuple(
        msgspec.structs.replace(each, price_range_up_rel=0.16, price_range_down_rel=0.16)
        for each in PRBM.classes
    ),
    fold=NetByUnderlying(discount=DISCOUNT, apart_by=APART),
)
BOTH = pytest.mark.parametrize("model", [MODEL, CALENDARS], ids=["discount", "apart"])


def naive_loss(array):
    """The largest loss over cells and instants, cell by cell and expiry by expiry."""
    book, cells = array.book, array.scenarios.price_rel.size
    worst = 0.0
    for cell in range(cells):
        instants = []
        for instant in range(len(array.instants)):
            column, total = instant * cells + cell, 0.0
            rows = sorted(range(len(book.positions)), key=lambda row: int(book.bucket[row]))
            for _, own in groupby(rows, key=lambda row: int(book.bucket[row])):
                mark = value = 0.0
                for row in own:
                    gain = book.quantity[row] * array.unit_pnl_usd[row, column]
                    if not book.is_option[row]:
                        total += gain
                        continue
                    mark += book.quantity[row] * book.mark_usd[row]
                    value += book.quantity[row] * book.mark_usd[row] + gain
                    tenor, discount = book.tenor_years[row], book.discount[row]
                if mark or value:
                    rate = max(0.0, -math.log(discount) / tenor)
                    if value >= 0.0:
                        value *= 0.95 * math.exp(-tenor * (rate + 0.12))
                    else:
                        most = 1.05 * math.exp(tenor * (0.5 * rate + 0.08))
                        value *= min(math.exp(rate * tenor), most)
                    total += value - mark
            instants.append(total)
        worst = min(worst, min(instants) * array.scenarios.damping[cell])
    return -worst


def test_scanning_risk_is_that_of_a_plain_loop():
    for account in drawn_accounts(23, MARKET, 8):
        found = margin_requirement(join(account, MARKET), MODEL)
        for array in found.arrays:
            [unit] = MODEL.fold.units([array])
            assert unit.worst == pytest.approx(naive_loss(array), rel=1e-12, abs=1e-6)


def test_long_options_count_for_less_and_short_ones_for_no_less():
    name = next(n for n in MARKET.option_rows if n.startswith("BTC-27MAR26") and n[-1] == "C")
    for side, other in ((1, PRBM), (-1, PRBM)):
        held = sw.portfolio([(name, side), ("BTC", 2)])
        assert sw.margin(held, MARKET, MODEL).initial >= sw.margin(held, MARKET, other).initial


@BOTH
def test_many_accounts_and_resident_ones_have_the_cents_of_one(model):
    accounts = drawn_accounts(29, MARKET, 8)
    assert_same(accounts, MARKET, model)
    book = sw.MarginBook(accounts, MARKET, model)
    for account in accounts:
        assert_as_alone(book.requirement(account.account), account, MARKET, model, account.account)


def test_forwards_that_move_apart_are_a_floor_of_a_plain_loop():
    """Calendars that lose nothing where all expiries move together."""
    raised = 0
    for account in drawn_accounts(23, MARKET, 8):
        book = join(account, MARKET)
        found = margin_requirement(book, CALENDARS)
        for array in found.arrays:
            [unit] = CALENDARS.fold.units([array])
            assert unit.least == pytest.approx(naive_apart(array), rel=1e-12, abs=1e-9)
            raised += unit.least > unit.worst
    assert raised


def naive_apart(array):
    """What options of each expiry lose at the worse of two moves, times what is said of it."""
    total = 0.0
    cells = array.scenarios
    moves = [
        next(
            cell
            for cell in range(cells.price_rel.size)
            if abs(cells.price_rel[cell] - move) < 1e-12 and cells.vol_move(cell).value == "none"
        )
        for move in (0.08, -0.04)
    ]
    for bucket in set(array.book.bucket.tolist()):
        rows = [
            row
            for row in range(len(array.book.positions))
            if array.book.bucket[row] == bucket and array.book.is_option[row]
        ]
        if rows:
            gains = [
                sum(array.book.quantity[row] * array.unit_pnl_usd[row, cell] for row in rows)
                for cell in moves
            ]
            tenor = array.book.tenor_years[rows[0]]
            total += -min(0.0, *gains) * (2.0 + 3.0 * tenor)
    return total


@BOTH
def test_legs_share_what_was_discounted(model):
    for account in drawn_accounts(31, MARKET, 6):
        book = join(account, MARKET)
        whole, shared = margin_requirement(book, model), euler_contributions(book, model)
        total = sum(leg.initial for leg in shared.legs) + shared.unallotted_initial
        assert total == pytest.approx(whole.initial, rel=1e-9, abs=1e-4)
        saved = marginal_contributions(book, model)
        assert np.isfinite([leg.initial for leg in saved]).all()
