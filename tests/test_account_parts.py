"""The parts of the margin of many accounts against those of one: charges, floors, books."""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import cache

import numpy as np
import pytest

from seawall.margin.accounts.collateral import by_account, divided
from seawall.margin.accounts.requirement import ModelArrays
from seawall.margin.charges import ConcentrationCharge
from seawall.margin.charges.base import (
    ChargeAmounts,
    ChargedAccounts,
    NamedCharge,
    UnderlyingCharge,
)
from seawall.margin.classes import class_of
from seawall.margin.floors import greatest_floor, greatest_of_sums
from seawall.margin.presets import load_preset
from seawall.products.portfolio import portfolio
from seawall.risk.accounts import Columns, repeated
from seawall.risk.book import join
from seawall.risk.sums import PerBucket
from tests.account_models import PRBM
from tests.account_tables import (
    accounts_of,
    columns_of,
    drawn_accounts,
    instruments_of,
    told,
    universe,
    wide_market,
)
from tests.flat_fee import FlatFee

BARE = wide_market()
MARKET = wide_market(told(BARE, crowd=300.0))
TABLE = drawn_accounts(
    5, MARKET, 80, [i for i in instruments_of(MARKET) if i.underlying != "KO.US"]
)
WITHOUT_ARRAY = ("cross", "collateral-factor")
CHARGES = {
    **{type(charge).__name__: charge for charge in PRBM.charges},
    "NoLeast": ConcentrationCharge(factor=4.0, free_share=0.0, least_cluster_share=0.0),
    **{type(c).__name__: c for name in WITHOUT_ARRAY for c in load_preset(name).charges},
}


@cache
def charged(told: bool = True, arrays: bool = True) -> list[ChargedAccounts]:
    """What charges are taken on in the table, underlying by underlying, at worst losses drawn."""
    market = MARKET if told else BARE
    rng = np.random.default_rng(8)
    instruments = universe(TABLE, market)
    found = ModelArrays.of(instruments, PRBM).arrays if arrays else {}
    accounts = accounts_of(TABLE, instruments)
    return [
        ChargedAccounts(
            held=part,
            numbers=class_of(part.book.underlying, PRBM.classes),
            liquidity=market.liquidity,
            worst_loss=rng.choice([0.0, 400.0, 9e4], part.start.size) * rng.random(part.start.size),
            array=found.get(part.book.underlying),
        )
        for part in divided(accounts, PRBM.classes).inside
    ]


def taken(charge: NamedCharge, on: ChargedAccounts) -> ChargeAmounts:
    """What a charge takes, by its own form for many accounts."""
    return charge.amounts_of_accounts(on, on.held.sums(charge.terms(on)))


def gross_usd(on: ChargedAccounts) -> np.ndarray:
    """What a charge may get wrong is a share of this; by account."""
    size = np.abs(on.held.quantity) * on.book.level_usd
    return by_account(on.held.account_of_position, size, len(TABLE))


@pytest.mark.parametrize("name", CHARGES)
@pytest.mark.parametrize("case", ["told", "not told", "without scenarios"])
def test_a_charge_of_many_accounts_is_that_of_one_after_another(name: str, case: str) -> None:
    charge = CHARGES[name]
    assert type(charge).amounts_of_accounts is not NamedCharge.amounts_of_accounts
    some = False
    for on in charged(case != "not told", case != "without scenarios"):
        many, single = taken(charge, on), NamedCharge.amounts_of_accounts(charge, on, ())
        slack = 1e-12 * gross_usd(on) + 1e-300
        for level in ("initial", "maintenance"):
            found, expected = (
                by_account(each.account, getattr(each, level), len(TABLE))
                for each in (many, single)
            )
            assert (np.abs(found - expected) <= slack).all()
        some = some or bool(single.initial.any())
        assert costly(many) == costly(single), "an amount stands for a row, which is rounded"
    # Without scenarios a worst loss is still given here.
    assert some or (name in ("OracleCharge", "UtilisationCharge") and case == "not told")


def costly(amounts: ChargeAmounts) -> Counter[int]:
    """How many amounts above noise each account has."""
    return Counter(amounts.account[amounts.initial > 1e-7].tolist())


def test_a_charge_on_money_is_that_of_one_account_after_another() -> None:
    accounts = accounts_of(TABLE, universe(TABLE, MARKET))
    charge = CHARGES["BorrowFactorCharge"]
    many = charge.amounts_on_money_of_accounts(accounts)
    single = NamedCharge.amounts_on_money_of_accounts(charge, accounts)
    assert Counter(many.account.tolist()) == Counter(single.account.tolist())
    for level in ("initial", "maintenance"):
        found, expected = (
            by_account(each.account, getattr(each, level), len(TABLE)) for each in (many, single)
        )
        assert found == pytest.approx(expected, rel=1e-12)
        assert expected.any()


def test_a_charge_without_a_form_is_taken_account_by_account() -> None:
    for on in charged(arrays=False):
        amounts = taken(FlatFee(usd=7.0), on)
        assert amounts.account.tolist() == on.held.account.tolist()
        assert set(amounts.initial.tolist()) == {7.0}
        assert (
            not FlatFee(usd=7.0)
            .amounts_on_money_of_accounts(accounts_of(TABLE, universe(TABLE, MARKET)))
            .account.size
        )


class Fee(UnderlyingCharge, frozen=True, kw_only=True, tag="fee"):
    """A formula that asks for nothing of an account's own."""

    head = "fee"
    in_maintenance = False
    usd: float

    def cost_usd(self, on, sums):
        return self.usd


def test_a_formula_may_be_a_number() -> None:
    fee = Fee(usd=3.0)
    for on in charged(arrays=False):
        many, single = taken(fee, on), NamedCharge.amounts_of_accounts(fee, on, ())
        for column in ("account", "initial", "maintenance"):
            np.testing.assert_array_equal(getattr(many, column), getattr(single, column))


@pytest.mark.parametrize("apart", [False, True])
def test_floors_of_many_accounts_are_those_of_one_after_another(apart: bool) -> None:
    for on in charged(arrays=False):
        held = on.held.each_position() if apart else on.held
        expected = [
            greatest_floor(PRBM.floors, held.one(segment)) for segment in range(held.start.size)
        ]
        terms = [term for floor in PRBM.floors for term in floor.terms(held.book)]
        found = greatest_of_sums(PRBM.floors, held, held.sums(terms))
        assert found == pytest.approx(expected, rel=1e-12, abs=1e-9)
        assert not greatest_of_sums((), held, ()).any()


def both_over_buckets(weights: np.ndarray) -> list[PerBucket]:
    return [PerBucket(weights, net=False), PerBucket(weights, net=True)]


def test_segments_hold_what_a_book_of_the_account_holds() -> None:
    instruments = universe(TABLE, MARKET)
    accounts = accounts_of(TABLE, instruments, order=4)
    books = [join(each, MARKET) for each in TABLE]
    seen = defaultdict(int)
    for part in accounts.underlyings:
        assert (np.diff(part.row) > 0)[np.diff(part.segment) == 0].all()
        for segment, account in enumerate(part.account.tolist()):
            [own] = [b for b in books[account].underlyings if b.underlying == part.book.underlying]
            one = part.one(segment)
            place = {p.instrument.name: row for row, p in enumerate(own.positions)}
            order = [place[p.instrument.name] for p in one.positions]
            seen[account] += len(order)
            for column in ("quantity", "value_usd", "coin_profit", "mark_usd", "delta", "vol"):
                np.testing.assert_array_equal(getattr(one, column), getattr(own, column)[order])
            earned = part.earned_coins[segment]
            assert earned == pytest.approx(own.earned_coins, rel=1e-12, abs=1e-12)
            weights = np.linspace(0.0, 2.0, len(part.book.buckets))
            at = [part.book.buckets.index(bucket) for bucket in own.buckets]
            delta, noise = own.net_delta_by_bucket, 1e-11 * float(np.abs(own.quantity).sum())
            gross, net = (found[segment] for found in part.sums(both_over_buckets(weights)))
            assert gross == pytest.approx(np.abs(delta) @ weights[at], rel=1e-12, abs=noise)
            assert net == pytest.approx(delta @ weights[at], rel=1e-12, abs=noise)
    for account, book in enumerate(books):
        own = sorted(value for _, value in book.money)
        assert sorted(accounts.money_usd[accounts.money_account == account].tolist()) == own
        assert seen[account] + len(own) == len(TABLE[account].positions)


def test_rows_of_a_cluster_stand_side_by_side() -> None:
    """Strikes of either sign, a strike of zero and the futures of the same expiry among them."""
    instruments = universe([portfolio([(i.name, 1)]) for i in instruments_of(MARKET)], MARKET)
    for book in instruments.book.underlyings:
        assert (np.diff(book.bucket) >= 0).all()
        places = defaultdict(list)
        for row, position in enumerate(book.positions):
            own = position.instrument
            places[getattr(own, "expiry", None), getattr(own, "strike", None)].append(row)
        for rows in places.values():
            assert rows == list(range(rows[0], rows[0] + len(rows)))


def test_an_instrument_held_twice_is_found() -> None:
    columns = columns_of(TABLE, universe(TABLE, MARKET), order=2)
    assert not repeated(columns, len(TABLE)).size
    again = np.array([3, 17, 3, 40])
    doubled = Columns(
        *(
            np.append(values, values[again])
            for values in (
                columns.account,
                columns.instrument,
                columns.quantity,
                columns.entry_price,
            )
        )
    )
    size = columns.account.size
    expected = sorted([(3, size), (17, size + 1), (size, size + 2), (40, size + 3)])
    assert sorted(map(tuple, repeated(doubled, len(TABLE)).tolist())) == expected


def test_a_share_of_each_position_leaves_out_those_of_which_nothing_is_left() -> None:
    for on in charged(arrays=False):
        held = on.held
        shares = np.random.default_rng(1).choice([0.0, 0.25, 1.0], held.row.size)
        part = held.scaled(shares)
        kept = np.flatnonzero(shares)
        np.testing.assert_array_equal(part.quantity, (held.quantity * shares)[kept])
        np.testing.assert_array_equal(part.value_usd, (held.value_usd * shares)[kept])
        np.testing.assert_array_equal(part.account_of_position, held.account_of_position[kept])
        assert sorted(set(part.account.tolist())) == part.account.tolist()
        assert (part.stop > part.start).all()
        coins = by_account(held.segment, held.quantity * shares * held.coin_profit, held.start.size)
        expected = dict(zip(held.account.tolist(), coins.tolist(), strict=True))
        for account, earned in zip(part.account.tolist(), part.earned_coins.tolist(), strict=True):
            assert earned == pytest.approx(expected[account], rel=1e-12, abs=1e-12)
        assert not held.scaled(np.zeros(held.row.size)).start.size
