"""Names and prices of assets: what is read, what is refused, and what moves with what."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.basics.errors import BadNumber, InputError, MissingQuote, UnknownInstrument
from seawall.feeds.books import read_portfolio
from seawall.feeds.writers import write_book_csv
from seawall.margin.distance import excess_maintenance, liquidation_prices
from seawall.margin.presets import load_preset
from seawall.market.given import check_given
from seawall.market.moved import moved, with_prices_of
from seawall.products.assets import CURRENCIES, REAL_WORLD_ASSETS, ROUGH_LEVELS_USD, WRAPPERS
from seawall.products.instruments import (
    Cash,
    Instrument,
    LpShare,
    RealWorldAsset,
    SpotAsset,
    Wrapper,
    is_money,
)
from seawall.products.names import NAMED_ASSETS, parse_name
from seawall.products.portfolio import portfolio
from seawall.report.build import margin
from seawall.report.change import explain_change
from seawall.report.explanation import explain
from seawall.report.what_if import what_if
from seawall.risk.book import join
from tests.collateral_books import with_prices, worked_market
from tests.naive.market import STABLECOINS
from tests.naive.parameters import PRBM as NUMBERS
from tests.test_golden_books import market as golden_market

PRBM = load_preset("prbm")


# ---- names


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("EUR", Cash(name="EUR")),
        ("STETH", Wrapper(name="STETH", wraps="ETH")),
        ("SDAI", Wrapper(name="SDAI", wraps="DAI")),
        ("BUIDL", RealWorldAsset(name="BUIDL")),
        ("ETH-USDC-LP", LpShare(name="ETH-USDC-LP", components=("ETH", "USDC"))),
        ("BTC-ETH-SOL-LP", LpShare(name="BTC-ETH-SOL-LP", components=("BTC", "ETH", "SOL"))),
        ("UNI", SpotAsset(name="UNI")),
    ],
)
def test_a_name_says_what_is_held(name, expected):
    assert parse_name(name) == expected
    assert msgspec.json.decode(msgspec.json.encode(expected), type=Instrument) == expected


def test_the_tables_are_those_of_the_document():
    assert {c for c in CURRENCIES if c != "USD"} == set(NUMBERS["assets"]["currencies"])
    assert dict(WRAPPERS) == NUMBERS["assets"]["wraps"]
    assert set(NUMBERS["assets"]["rwa"]) == REAL_WORLD_ASSETS
    assert all(is_money(parse_name(n)) == (w in STABLECOINS) for n, w in WRAPPERS.items())


@pytest.mark.parametrize("name", sorted(NAMED_ASSETS))
def test_a_named_asset_is_one_thing_written_in_capitals(name):
    assert parse_name(name).name == name
    with pytest.raises(UnknownInstrument, match=f"it is written {name}"):
        parse_name(name[0].lower() + name[1:])


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("USDC-ETH-LP", "it is written ETH-USDC-LP"),
        ("eth-usdc-lp", "it is written ETH-USDC-LP"),
        ("ETH-USDC-lp", "it is written ETH-USDC-LP"),
        ("ETH-LP", "at least two assets"),
        ("ETH-ETH-LP", "at least two assets"),
        ("ETH-ETH-USDC-LP", "each once"),
        ("-LP", "'' is no asset"),
        ("ETH--USDC-LP", "'' is no asset"),
        ("BTC-27JUN26-LP", "'27JUN26' is no asset"),
        ("BTC-PERPETUAL-LP", "'PERPETUAL' is no asset"),
        ("BTC_USDC-ETH-LP", "'BTC_USDC' is no asset"),
        ("ETH-STETH/WETH-LP", "is no asset"),
    ],
)
def test_a_pool_has_one_name_and_assets_for_components(name, why):
    with pytest.raises(UnknownInstrument, match=why):
        parse_name(name)


@given(st.lists(st.sampled_from(("ETH", "USDC", "STETH", "EUR", "BUIDL", "X1")), min_size=2))
def test_of_all_orders_of_a_pool_one_is_its_name(components):
    listed = sorted(components)
    name = "-".join(components) + "-LP"
    if len(set(components)) == len(components) and components == listed:
        assert parse_name(name) == LpShare(name=name, components=tuple(components))
        return
    with pytest.raises(UnknownInstrument):
        parse_name(name)


def test_no_contract_is_settled_in_foreign_cash():
    with pytest.raises(UnknownInstrument, match="EUR is not a known settlement currency"):
        parse_name("BTC_EUR-PERPETUAL")


def test_a_book_of_every_kind_survives_its_file(tmp_path):
    names = ("STETH", "SUSDE", "EUR", "BUIDL", "ETH-USDC-LP", "UNI", "BTC-PERPETUAL")
    held = portfolio([(name, f"{i}.5") for i, name in enumerate(names, start=1)])
    write_book_csv(held, tmp_path / "book.csv")
    again = read_portfolio(tmp_path / "book.csv")
    one, other = ([(p.instrument, p.quantity) for p in b.positions] for b in (held, again))
    assert one == other


# ---- prices


@pytest.mark.parametrize("name", ["STETH", "SDAI", "EUR", "BUIDL", "ETH-USDC-LP", "UNI"])
def test_without_a_price_of_its_own_nothing_is_margined(name):
    """No price is derived from what it is a claim on, and none is taken as 1."""
    with pytest.raises(MissingQuote, match=rf"no index price of {name}.*--price {name}=VALUE"):
        margin(portfolio([(name, 1)]), golden_market())


def test_a_wrapper_needs_the_price_of_what_it_wraps_too():
    market = with_prices(replace(golden_market(), index_usd={"BTC": 1e5}), {"STETH": 3_900.0})
    with pytest.raises(MissingQuote, match=r"no index price of ETH.*--price ETH=VALUE"):
        margin(portfolio([("STETH", 1)]), market)


@pytest.mark.parametrize(
    "prices",
    [{"STETH": 3_960}, {"EUR": 1.16}, {"ETH-USDC-LP": 150.5}, {"BUIDL": 1}, {"SUSDE": Decimal(2)}],
)
def test_prices_of_all_kinds_are_given(prices):
    assert check_given(prices) == {name: float(value) for name, value in prices.items()}


@pytest.mark.parametrize(
    ("asset", "value", "why"),
    [
        ("STETH", float("nan"), "nan is not a price of STETH"),
        ("ETH-USDC-LP", 0.0, "is not a price of ETH-USDC-LP"),
        ("BUIDL", 1e12, "is not a price of BUIDL"),
        ("USD", 1.0, "is not a price of USD"),
        ("JPY", 151.0, "JPY in USD, which is worth about 0.007: the price is JPY per USD, turned"),
        ("JPY", 2.9, "JPY in USD, which is worth about 0.007: the price is scaled"),
        ("EUR", 2.9, "EUR in USD, which is worth about 1.1: the price is scaled"),
        ("EUR", 0.0001, "the price is scaled"),
        ("HKD", 7.8, "the price is HKD per USD, turned round"),
        ("GBP", -1.3, "-1.3 is not a price of GBP in USD \\(price"),
        ("stETH", 3_960.0, "stETH is not how STETH is written"),
        ("eur", 1.16, "eur is not how EUR is written"),
        ("USDC-ETH-LP", 150.0, "it is written ETH-USDC-LP"),
    ],
)
def test_impossible_and_misspelt_prices_are_refused(asset, value, why):
    with pytest.raises(BadNumber, match=why):
        check_given({asset: value})


@pytest.mark.parametrize(
    ("name", "units", "said"),
    [
        ("STETH", 1.0, None),
        ("STETH", 0.9, None),
        ("WSTETH", 1.6, None),
        ("STETH", 0.89, "check its price"),
        ("WSTETH", 1.61, "check its price"),
        ("STETH", 0.099, BadNumber),
        ("STETH", 2.01, BadNumber),
        ("SUSDE", 1.25, None),
        ("SUSDE", 0.5, "check its price"),
        ("SUSDE", 4_000.0, BadNumber),
    ],
)
def test_a_wrapper_far_from_what_it_wraps_is_doubted_or_refused(name, units, said):
    par = 4_000.0 if "ETH" in name else 1.0
    market = with_prices(golden_market(), {name: units * par})
    book = portfolio([(name, 1), ("USD", 1)])
    if said is BadNumber:
        with pytest.raises(BadNumber, match=f"of which it is one claim.*--price {name}=VALUE"):
            margin(book, market)
        return
    doubts = [w for w in margin(book, market).warnings if name in w]
    assert [said in doubt for doubt in doubts] == ([] if said is None else [True])


def test_a_price_of_a_wrapper_that_is_not_held_is_said_to_be_unused():
    market = replace(worked_market(), given=frozenset({"STETH", "EUR"}))
    said = margin(portfolio([("EUR", 5), ("ETH", 1)]), market).warnings
    unused = [warning for warning in said if "used by no position" in warning]
    assert unused == ["The price given of STETH is used by no position."]


# ---- what moves with what


def test_wrappers_move_with_their_underlying_and_pools_do_not():
    before = with_prices(worked_market(), {"WBTC": 99_900.0})
    after = moved(before, "ETH", -0.25)
    changed = {n for n, usd in after.index_usd.items() if usd != before.index_usd[n]}
    assert changed == {"ETH", "STETH"}
    assert after.index_usd["STETH"] == pytest.approx(0.75 * 3_960.0)
    back = with_prices_of(after, before, "ETH")
    assert back.index_usd == before.index_usd
    bare = replace(before, index_usd={"ETH": 4_000.0})
    assert "STETH" not in with_prices_of(after, bare, "ETH").index_usd


def test_equity_of_a_wrapper_gains_what_the_array_says():
    market = worked_market()
    book = join(portfolio([("STETH", 10)]), market)
    lost = join(portfolio([("STETH", 10)]), moved(market, "ETH", -0.2))
    [before], [after] = book.underlyings, lost.underlyings
    assert after.value_usd.sum() - before.value_usd.sum() == pytest.approx(-0.2 * 39_600.0)


def test_liquidation_price_of_what_is_only_collateral():
    """UNI is cut by 38 % and by the cap: 0.62·8,000·y, at most the 4,000 USD beside, against an
    ETH perpetual that must keep its maintenance.
    """
    market = with_prices(golden_market(), {"UNI": 8.0}, {"UNI": 1e9})
    held = portfolio([("UNI", 1_000), ("USD", 4_000), ("ETH-PERPETUAL", 8)])
    book = join(held, market)
    needed = 0.20 * 32_000 + 0.0005 * 32_000 + 0.8 * 0.055 * (32_000 / 5e9) ** 0.5 * 32_000
    assert excess_maintenance(book, PRBM) == pytest.approx(8_000 - needed, abs=1e-6)
    rows = {(r.underlying, r.direction): r for r in liquidation_prices(book, market, PRBM)}
    down = rows["UNI", "down"]
    assert down.price_usd == pytest.approx((needed - 4_000) / 620.0, rel=2e-6)
    assert rows["UNI", "up"].price_usd is None


def test_a_contract_that_is_only_listed_changes_nothing():
    """What files list is no fact of the account: its coin stays outside wherever it moves."""
    market = with_prices(golden_market(), {"UNI": 8.0})
    listed = replace(market, futures={**market.futures, "UNI_USDC-PERPETUAL": 8.0})
    held = portfolio([("UNI", 1_000), ("BTC", "0.1"), ("USD", -8_000)])
    rows = [liquidation_prices(join(held, each), each, PRBM) for each in (market, listed)]
    assert rows[0] == rows[1]
    found = {(row.underlying, row.direction): row.price_usd for row in rows[0]}
    assert found["UNI", "up"] is None


def test_a_book_of_collateral_alone_has_prices_and_no_leg():
    told = explain(portfolio([("UNI", 1_000), ("USD", 1)]), worked_market())
    assert told.legs == ()
    assert {row.underlying for row in told.liquidation_prices} == {"UNI"}


# ---- trades and changes


@pytest.mark.parametrize("name", ["STETH", "SUSDE", "BUIDL", "ETH-USDC-LP", "UNI"])
def test_what_is_bought_at_its_price_is_paid_in_dollars(name):
    market = worked_market()
    held = portfolio([("USD", 100_000), ("BTC-PERPETUAL", 1, 100_000)])
    told = what_if(held, f"{name}:4", market)
    paid = 4 * market.index_usd[name]
    rows = {row.path: row.value for row in told.after.collateral_rows}
    assert float(rows["cash/USD"]) == pytest.approx(100_000 - paid)
    assert told.after.equity == told.before.equity
    with pytest.raises(BadNumber, match="times away from its mark"):
        what_if(held, f"{name}:4@{11 * market.index_usd[name]}", market)


def test_foreign_cash_is_money_and_not_traded():
    with pytest.raises(InputError, match="EUR is money"):
        what_if(portfolio([("USD", 1)]), "EUR:5", worked_market())


def test_a_change_has_a_row_for_each_price_that_moved():
    """A wrapper's price is its underlying's step; foreign cash and savings have their own."""
    before = worked_market()
    prices = {"STETH": 3_800.0, "EUR": 1.10, "SUSDE": 1.21, "UNI": 7.0}
    after = with_prices(before, prices, dict(before.liquidity.supply))
    held = portfolio([("USD", 10**6), ("STETH", 10), ("EUR", 1_000), ("SUSDE", 100), ("UNI", 10)])
    change = explain_change(held, before, after)
    rows = {row.step: float(row.margin_value) for row in change.rows if row.margin_value}
    assert rows == {
        "price/ETH": pytest.approx(-1_600.0 * 0.94, abs=0.02),
        "price/EUR": pytest.approx(-60.0 * 0.98, abs=0.02),
        "price/SUSDE": pytest.approx(1.0 * 0.945, abs=0.02),
        "price/UNI": pytest.approx(-10.0 * 0.62, abs=0.02),
    }
    total = change.margin_value_after - change.margin_value_before
    assert sum(row.margin_value for row in change.rows) == total


def test_every_currency_has_a_level_and_its_neighbourhood_is_given():
    """Two and a half times as much either way, and no more."""
    assert frozenset(ROUGH_LEVELS_USD) == CURRENCIES
    for currency in CURRENCIES - {"USD"}:
        level = ROUGH_LEVELS_USD[currency]
        for factor in (1.0, 2.49, 1.0 / 2.49):
            assert check_given({currency: level * factor})
        for factor in (2.51, 1.0 / 2.51, 1e4, 1e-4):
            with pytest.raises(BadNumber, match="Give USD per"):
                check_given({currency: level * factor})
