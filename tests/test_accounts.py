"""Many accounts margined at once: the numbers of each are those that it has by itself."""

from __future__ import annotations

import dataclasses
import importlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from seawall.basics.errors import BadNumber, BadParameter
from seawall.margin.accounts.requirement import AccountsMargin, ModelArrays, margin_of_accounts
from seawall.margin.model import MarginModel
from seawall.margin.presets import load_preset, preset_names
from seawall.market.snapshot import MarketSnapshot
from seawall.products.portfolio import Portfolio, portfolio
from seawall.risk.accounts import joined_accounts
from tests.account_models import PRBM, models
from tests.account_tables import (
    accounts_of,
    alone,
    assert_same,
    at_once,
    columns_of,
    drawn_accounts,
    instruments_of,
    told,
    universe,
    wide_market,
)
from tests.collateral_books import worked_market
from tests.conftest import ROOT
from tests.follow import FENCE
from tests.golden_books import WORKED
from tests.signed_books import cl_account, cl_legs, cl_market
from tests.strategies import SHARE_MIXES, books, markets
from tests.strategy_books import (
    basis_trades,
    boxes,
    butterflies,
    chains,
    conversions,
    covered_calls,
    straddles,
)
from tests.test_golden_books import market as golden_market
from tests.test_golden_books import worked

BARE = wide_market()
MARKETS = {"all told": wide_market(told(BARE)), "nothing told": BARE}
CROWDED = wide_market(told(BARE, crowd=300.0))
# American options take a grid each: they have a table of their own.
AMERICAN = "KO.US"


def without_american(market):
    return [each for each in instruments_of(market) if each.underlying != AMERICAN]


@pytest.mark.parametrize("name", models())
@pytest.mark.parametrize("where", MARKETS)
def test_a_random_table_is_its_accounts_one_by_one(name: str, where: str) -> None:
    market = MARKETS[where]
    seed = 100 * list(models()).index(name) + list(MARKETS).index(where)
    held = drawn_accounts(seed, market, 25, without_american(market))
    found = assert_same(held, market, models()[name])
    assert (found.initial_cents >= found.maintenance_cents).all()
    assert found.initial_cents.any()


@pytest.mark.parametrize(
    "name", ["prbm", "the worst smile", "no netting", "a large least of a cluster"]
)
def test_a_table_of_crowded_accounts(name: str) -> None:
    held = drawn_accounts(7, CROWDED, 25, without_american(CROWDED))
    assert_same(held, CROWDED, models()[name])
    rows = [row.path for each in held for row in alone(each, CROWDED, PRBM).status.rows]
    assert sum(path.startswith("concentration/") for path in rows) > 20


@pytest.mark.parametrize("name", ["prbm", "the worst smile", "isolated"])
def test_a_table_of_american_options_and_shares(name: str) -> None:
    market = MARKETS["all told"]
    own = [each for each in instruments_of(market) if each.underlying in (AMERICAN, "BTC")]
    assert_same(drawn_accounts(3, market, 8, own), market, models()[name])


@pytest.mark.parametrize("name", preset_names())
def test_the_worked_books(name: str) -> None:
    held = [portfolio(worked(title).holdings, account=title) for title in WORKED]
    assert_same(held, golden_market(), load_preset(name))


def strategies_of_a_chain(market) -> list[Portfolio]:
    """Named strategies, ten times their size."""
    found = []
    for chain in chains(market)[:2]:
        found += covered_calls(chain)
        found += [legs for *_, legs in boxes(chain)]
        found += [legs for _, legs in conversions(chain)]
        found += [legs for _, legs in butterflies(chain)][:4]
        found += [[*legs, hedge] for legs, hedge in straddles(chain)]
        found += basis_trades(chain)
    return [
        portfolio([(name, 10 * quantity) for name, quantity in legs], account=f"strategy {i}")
        for i, legs in enumerate(found)
    ]


@pytest.mark.parametrize("name", ["prbm", "sticky delta", "hybrid:isolated"])
def test_strategies(name: str, synthetic) -> None:
    held = strategies_of_a_chain(synthetic)
    assert len(held) > 25
    assert_same(held, synthetic, models()[name])


@pytest.fixture(scope="module")
def synthetic():
    from seawall.feeds.synthetic import synthetic_market

    return synthetic_market()


# ---- what an account may be, each with a row that it is there for

TODAY, FAR = "BTC-2MAR26-80000-C", "BTC-26JUN26-82000-C"
BOX = ("72400-C", "88500-C", "72400-P", "88500-P")
KINDS = {
    "money": ([("USD", 1_000), ("USDC", -20), ("SUSDE", 50), ("EUR", -30)], "depeg/SUSDE"),
    "a debt": ([("BTC", -2)], "scanning_risk/BTC"),
    "a coin without contracts": ([("BTC", 2)], "scanning_risk/BTC"),
    "only collateral": ([("UNI", 900), ("BUIDL", 10**5), ("ETH-USDC-LP", 40)], "cap/BUIDL"),
    "more than there is": ([("USD", 10**9), ("PEPE", 9 * 10**9)], "supply_cap/PEPE"),
    "a fund owed": ([("USD", 5_000), ("BUIDL", -300)], "scanning_risk/BUIDL"),
    "a pool's share owed": ([("ETH-USDC-LP", -3)], "scanning_risk/ETH-USDC-LP"),
    "a coin hedged in part": ([("UNI", 900), ("UNI_USDT-PERPETUAL", -300)], "outside/UNI"),
    "a coin hedged and more": ([("UNI", 900), ("UNI_USDT-PERPETUAL", -990)], "spot/UNI"),
    "a coin not hedged": ([("TRX", 9_000), ("TRX_USDT-27MAR26", 400)], "outside/TRX"),
    "a coin hedged by a contract that has earned": (
        [("TRX", 9_000), ("TRX-PERPETUAL", -7_000, 0.2), ("TRX_USDT-27MAR26", 400)],
        "outside/TRX",
    ),
    "a gain in coin": ([("BTC-27MAR26", 3, 56_000)], "unrealised/BTC"),
    "a loss in coin": ([("BTC-27MAR26", 3, 110_000), ("BTC", 1)], "unrealised/BTC"),
    "a gain of a short": ([("ETH-PERPETUAL", -90, 3_400)], "unrealised/ETH"),
    "a gain in a stablecoin": ([("BTC_USDC-PERPETUAL", 2, 60_000)], "unrealised/BTC"),
    "a loss in a stablecoin": ([("SOL_USDC-27MAR26", -200, 99)], "unrealised/SOL"),
    "wrappers of either sign": ([("WSTETH", 30), ("STETH", -20), ("WBTC", 1)], "depeg/STETH"),
    "rupees": ([("NIFTY.IN_INR-30MAR26", 500, 24_000), ("INR", 900)], "currency/NIFTY.IN"),
    "Indian options": ([("NIFTY.IN_INR-30MAR26-25400-P", -75)], "options/NIFTY.IN"),
    "a share": ([("NVDA.US", 40)], "stock/NVDA.US"),
    "oil below zero": ([("CL.CME_USD-17MAR26", 20, -31.5)], "scanning_risk/CL.CME"),
    "oil bought for nothing": ([("CL.CME_USD-17MAR26", 20, 0)], "unrealised/CL.CME"),
    "oil at a strike of zero": ([("CL.CME_USD-17MAR26-0-P", -900)], "concentration/CL.CME"),
    "an expiry within the day": ([(TODAY, -5)], "scanning_risk/BTC"),
    "expiries today and later": ([(TODAY, -5), (FAR, 9)], "basis/BTC"),
    "a side that pays funding": ([("TRX_USDT-PERPETUAL", 800_000)], "funding/TRX"),
    "an index long not seen": ([("TRX_USDT-PERPETUAL", -800_000)], "oracle/TRX"),
    "a pool used up": ([("ETH-27MAR26-2510-C", -30)], "utilisation/ETH"),
    "a crowded strike": ([(FAR, -80)], "concentration/BTC"),
    "a group in both directions": (
        [("BTC-PERPETUAL", 1), ("ETH-PERPETUAL", -32)],
        "decorrelation/",
    ),
    "a box": (
        [(f"BTC-27MAR26-{leg}", n) for leg, n in zip(BOX, (4, -4, -4, 4), strict=True)],
        "floor/",
    ),
}


@pytest.mark.parametrize("market", [CROWDED, BARE], ids=["told", "bare"])
@pytest.mark.parametrize(
    "name",
    [
        "prbm",
        "hybrid",
        "collateral-factor",
        "no netting",
        "classes without open interest",
        "no named classes",
    ],
)
def test_accounts_of_every_kind(name: str, market: MarketSnapshot) -> None:
    held = [portfolio(rows, account=kind) for kind, (rows, _) in KINDS.items()]
    held.append(portfolio([("BTC-PERPETUAL", 0), ("UNI", 0), ("USD", 0), ("BUIDL", 0)], "nothing"))
    found = assert_same(held, market, models()[name])
    assert found.initial_cents[-1] == found.equity_cents[-1] == 0


def test_each_kind_of_account_has_the_row_that_it_is_there_for() -> None:
    for kind, (rows, path) in KINDS.items():
        status = alone(portfolio(rows), CROWDED, PRBM).status
        paths = [row.path for row in status.rows]
        paths += [h.path for h in status.holdings if h.value.amount or h.haircut.amount]
        assert any(each.startswith(path) for each in paths), kind


@pytest.mark.parametrize("name", preset_names())
def test_the_account_of_the_page_on_collateral(name: str) -> None:
    names = ["USD", "EUR", "SUSDE", "STETH", "BUIDL", "ETH-USDC-LP", "UNI", "ETH-PERPETUAL"]
    sizes = (20_000, -10_000, 10_000, 10, 300_000, 200, 10_000, -5)
    whole = list(zip(names, sizes, strict=True))
    held = [portfolio(whole[:place] + whole[place + 1 :], account=name) for place in range(8)]
    assert_same([portfolio(whole), *held], worked_market(), load_preset(name))


# ---- drawn markets


@settings(max_examples=25, derandomize=True)
@given(data=st.data(), name=st.sampled_from(sorted(models())))
def test_accounts_of_a_drawn_market(data: st.DataObject, name: str) -> None:
    market = data.draw(markets())
    held = [data.draw(books(market)) for _ in range(data.draw(st.integers(1, 4)))]
    assert_same(held, market, models()[name])


@settings(max_examples=8, derandomize=True)
@given(data=st.data(), name=st.sampled_from(["prbm", "the worst smile", "hybrid:isolated"]))
def test_accounts_of_a_drawn_market_of_shares(data: st.DataObject, name: str) -> None:
    market = data.draw(markets(mixes=SHARE_MIXES))
    held = [data.draw(books(market, max_legs=4)) for _ in range(2)]
    assert_same(held, market, models()[name])


@settings(max_examples=20, derandomize=True)
@given(
    spot=st.sampled_from((-37.0, -0.25, 0.0, 3.5, 61.0)),
    legs=st.lists(cl_legs(), min_size=1, max_size=4),
    name=st.sampled_from(["prbm", "no netting, the worst smile, no floors", "cross"]),
)
def test_accounts_of_oil_at_any_price(spot, legs, name) -> None:
    held = [cl_account(spot, each, usd=1_000.0) for each in legs]
    assert_same(held, cl_market(spot), models()[name])


# ---- what it does not depend on


def same_bits(one: AccountsMargin, other: AccountsMargin, places: np.ndarray | slice) -> None:
    for name in AccountsMargin.__slots__:
        np.testing.assert_array_equal(getattr(one, name)[places], getattr(other, name))


@pytest.fixture(scope="module")
def table() -> list[Portfolio]:
    return drawn_accounts(11, CROWDED, 60, without_american(CROWDED))


@pytest.mark.parametrize("name", ["hybrid", "collateral-factor", "no netting", "sticky delta"])
def test_blocks_and_orders_change_no_bit(name: str, table: list[Portfolio]) -> None:
    instruments = universe(table, CROWDED)
    arrays = ModelArrays.of(instruments, models()[name])

    def margined(held, order=None):
        return margin_of_accounts(accounts_of(held, instruments, order), arrays)

    whole = margined(table)
    for seed in (1, 2):
        same_bits(whole, margined(table, seed), slice(None))
    shuffled = np.random.default_rng(3).permutation(len(table))
    same_bits(whole, margined([table[place] for place in shuffled]), shuffled)
    for cuts in ([1, 59], [7, 8, 9, 40], [30]):
        for first, last in zip([0, *cuts], [*cuts, len(table)], strict=True):
            same_bits(whole, margined(table[first:last], first), slice(first, last))


def test_what_others_hold_changes_no_bit(table: list[Portfolio]) -> None:
    """Instruments that nobody of a table holds, American ones and expiries of today among them."""
    everything = [portfolio([(each.name, 1)]) for each in instruments_of(CROWDED)]
    wide, narrow = (
        margin_of_accounts(
            accounts_of(table[:20], instruments), ModelArrays.of(instruments, models()["prbm"])
        )
        for instruments in (universe(everything, CROWDED), universe(table[:20], CROWDED))
    )
    same_bits(wide, narrow, slice(None))


def test_accounts_without_positions_owe_and_own_nothing(table: list[Portfolio]) -> None:
    instruments = universe(table, CROWDED)
    arrays = ModelArrays.of(instruments, models()["hybrid"])
    among = [None, *table[:5], None, None, table[5], None]
    found = margin_of_accounts(accounts_of(among, instruments), arrays)
    empty = [place for place, held in enumerate(among) if held is None]
    for name in AccountsMargin.__slots__:
        assert not getattr(found, name)[empty].any()
    full = [place for place, held in enumerate(among) if held is not None]
    same_bits(found, margin_of_accounts(accounts_of(table[:6], instruments), arrays), full)
    none = margin_of_accounts(accounts_of([None, None], instruments), arrays)
    assert none.initial_cents.tolist() == none.equity_cents.tolist() == [0, 0]
    assert margin_of_accounts(accounts_of([], instruments), arrays).initial_cents.size == 0


# ---- what is refused


def named_only(model: MarginModel) -> MarginModel:
    """The model without the class that takes the rest."""
    return replace(model, classes=tuple(c for c in model.classes if not c.takes_the_rest))


def test_an_underlying_that_no_class_takes_is_refused_as_it_is_by_itself() -> None:
    model = named_only(PRBM)
    for rows in ([("TRX", 3)], [("UNI_USDT-PERPETUAL", 1)]):
        for margined in (alone, lambda held, *others: at_once([held], *others)):
            with pytest.raises(BadParameter, match=f"no class takes {rows[0][0][:3]}"):
                margined(portfolio(rows), BARE, model)


def test_what_is_only_collateral_needs_no_class_until_it_is_owed() -> None:
    model = named_only(PRBM)
    held = [portfolio([("BUIDL", 300), ("BTC-PERPETUAL", 1)], account="holds")]
    assert_same(held, BARE, model)
    owed = portfolio([("BUIDL", -300)], account="owes")
    for margined in (alone, lambda held, *others: at_once([held], *others)):
        with pytest.raises(BadParameter, match="no class takes BUIDL"):
            margined(owed, BARE, model)


def test_a_debt_of_a_kind_without_factor_is_refused_and_a_holding_is_not() -> None:
    model = load_preset("collateral-factor")
    [charge] = model.charges
    levels = {
        level: {k: v for k, v in getattr(charge, level).items() if k != "foreign-cash"}
        for level in ("initial", "maintenance")
    }
    model = replace(model, charges=(replace(charge, **levels),))
    assert_same([portfolio([("EUR", 5), ("USD", -1)])], BARE, model)
    with pytest.raises(BadParameter, match="no factor of foreign-cash"):
        at_once([portfolio([("EUR", -5), ("USD", 1)])], BARE, model)


def test_an_amount_beyond_all_is_refused(table: list[Portfolio]) -> None:
    instruments = universe(table, CROWDED)
    columns = columns_of(table, instruments)
    arrays = ModelArrays.of(instruments, models()["prbm"])
    huge = np.where(np.arange(columns.quantity.size) == 3, 1e200, columns.quantity)
    accounts = joined_accounts(dataclasses.replace(columns, quantity=huge), len(table), instruments)
    with pytest.raises(BadNumber, match=r"initial margin|equity"):
        margin_of_accounts(accounts, arrays)


def test_a_charge_of_the_page_on_charges_is_taken_of_many_accounts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both of them: the one that goes account by account, and the one that is a formula of sums."""
    page = (ROOT / "docs" / "adding-a-charge.md").read_text(encoding="utf-8")
    vega, gross = (
        next(body for language, body in FENCE.findall(page) if f"class {name}(" in body)
        for name in ("VegaCharge", "GrossVegaCharge")
    )
    gross = gross.replace("seawall.margin.charges import VegaCharge", "page_vega import VegaCharge")
    (tmp_path / "page_vega.py").write_text(vega, encoding="utf-8")
    (tmp_path / "page_gross_vega.py").write_text(gross, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    charges = importlib.import_module("page_gross_vega").charges
    assert [type(charge).__name__ for charge in charges] == ["VegaCharge", "GrossVegaCharge"]
    model = replace(PRBM, charges=(*PRBM.charges, *charges))
    held = drawn_accounts(9, CROWDED, 25, without_american(CROWDED))
    assert_same(held, CROWDED, model)
