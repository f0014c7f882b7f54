"""A resident book answers as if each account were margined by itself, whatever has happened."""

from __future__ import annotations

import pickle
from dataclasses import replace
from decimal import Decimal

import msgspec
import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import seawall as sw
from seawall.basics.errors import (
    BadNumber,
    BadParameter,
    EmptyPortfolio,
    ExpiredInstrument,
    InputError,
    MissingQuote,
    UnknownInstrument,
)
from seawall.margin.presets import load_preset, preset_names
from seawall.market.moved import at_time, moved
from seawall.products.portfolio import Portfolio, Position, portfolio
from seawall.report.margin_book import MarginBook
from seawall.report.what_if import parse_trade
from seawall.risk.moved import carried_portfolio
from seawall.risk.trades import mark_of, with_trades
from tests.account_tables import drawn_accounts
from tests.resident_books import (
    BTC,
    MARKET,
    PUT,
    TRADED,
    USD,
    assert_as_alone,
    book_of,
    cents,
    lots,
    model_of,
    stood,
)

EXPIRING = sorted(name for name in MARKET.option_rows if name.startswith("BTC-2MAR26"))


def replace_quantity(position, quantity):
    return Position(instrument=position.instrument, quantity=Decimal(quantity))


@pytest.mark.parametrize("model", [*preset_names(), "hybrid:risk-based-collateral"])
def test_every_model_margins_resident_accounts_as_it_margins_one(model):
    """Before anything, after fills, what-ifs and ticks: the report's cents, and 1e-9 unrounded."""
    chosen = model_of(model)
    rng, market = np.random.default_rng(7), MARKET
    accounts = drawn_accounts(3, market, 12)
    book = MarginBook(accounts, market, chosen)
    held = {each.account: each for each in accounts}
    for name, own in held.items():
        assert_as_alone(book.requirement(name), own, market, chosen, name)
    for step in range(40):
        if step % 8 == 7:
            underlying = str(rng.choice(["BTC", "ETH", "TRX", "KO.US", "SOL"]))
            after = moved(market, underlying, float(rng.uniform(-0.1, 0.1)))
            held = {name: carried_portfolio(own, market, after) for name, own in held.items()}
            market = after
            book.tick(underlying, market)
        name = str(rng.choice(list(held)))
        instrument = TRADED[int(rng.integers(len(TRADED)))]
        trade = parse_trade((instrument.name, lots(rng, instrument)))
        after = with_trades(held[name], [trade], market)
        said = f"step {step}, {name}, {trade.where}"
        effect = book.what_if(name, instrument.name, trade.quantity)
        assert_as_alone(effect.before, held[name], market, chosen, said)
        assert_as_alone(effect.after, after, market, chosen, said)
        expected = with_trades(book.portfolio(name), [trade], market)
        book.fill(name, instrument.name, trade.quantity)
        held[name] = after
        assert stood(book.portfolio(name)) == stood(expected), f"{said}: to the last digit"
        assert_as_alone(book.requirement(name), after, market, chosen, said)
    whole = book.requirements()
    assert whole.accounts == book.accounts
    for place, name in enumerate(whole.accounts):
        one, columns = book.requirement(name), whole.margin
        assert columns.initial_cents[place] == one.initial_cents, name
        assert columns.maintenance_cents[place] == one.maintenance_cents, name
        assert columns.equity_cents[place] == one.equity_cents, name
        assert columns.haircut_cents[place] == one.haircut_cents, name
        assert_as_alone(one, held[name], market, chosen, name)


def test_a_portfolio_is_a_new_account_or_takes_the_place_of_what_one_held():
    model, book = load_preset("prbm"), book_of(BTC)
    bea = portfolio([("BTC", 1), (PUT, -3), ("ETH-PERPETUAL", 2)], account="bea")
    book.set_portfolio(bea)
    assert book.accounts == ("ann", "bea")
    assert_as_alone(book.requirement("bea"), bea, MARKET, model, "new")
    market = moved(MARKET, "BTC", 0.01)
    book.tick("BTC", market)
    book.fill("bea", PUT, 1)
    assert_as_alone(book.requirement("bea"), book.portfolio("bea"), market, model, "traded")
    names = [PUT, "BTC-PERPETUAL", "ETH-PERPETUAL", "BTC", "USDC"]
    other = portfolio([(name, place + 1) for place, name in enumerate(names)], account="bea")
    book.set_portfolio(other)
    assert stood(book.portfolio("bea")) == stood(other)
    assert_as_alone(book.requirement("bea"), other, market, model, "replaced")
    market = moved(market, "BTC", -0.02)
    book.tick("BTC", market)
    held = book.portfolio("bea")
    assert_as_alone(book.requirement("bea"), held, market, model, "after a tick")
    with pytest.raises(MissingQuote, match="QQQQ"):
        book.set_portfolio(portfolio([("QQQQ-PERPETUAL", 1)], account="cleo"))
    with pytest.raises(BadNumber, match="times away"):
        book.set_portfolio(portfolio([("BTC-PERPETUAL", 1, 1)], account="cleo"))
    assert book.accounts == ("ann", "bea")


def test_who_holds_nothing_requires_nothing_and_stays():
    book = book_of(("BTC", "0.5"))
    index = MARKET.index_usd["BTC"]
    book.fill("ann", "BTC", "-0.5", index)
    (cash,) = book.portfolio("ann").positions
    assert cash.instrument.name == "USD"
    nothing = Portfolio(account="ann", positions=(replace_quantity(cash, 0),))
    book.set_portfolio(nothing)
    assert cents(book.requirement("ann")) == (0, 0, 0, 0)
    assert book.requirement("ann").state == "healthy"
    assert book.accounts == ("ann",)
    with pytest.raises(EmptyPortfolio, match="ann"):
        book.portfolio("ann")
    assert book.what_if("ann", PUT, -1).after.initial > 0


def test_a_tick_of_everything_takes_stablecoins_cash_and_other_underlyings_too():
    accounts, model = drawn_accounts(13, MARKET, 8), load_preset("prbm")
    book = MarginBook(accounts, MARKET)
    other = replace(
        MARKET,
        index_usd={**MARKET.index_usd, "INR": 0.0125, "SOL": 111.0},
        stable_usd={"USDC": 0.97, "USDT": 1.01},
    )
    book.tick_all(other)
    for each in accounts:
        held = carried_portfolio(each, MARKET, other)
        assert_as_alone(book.requirement(each.account), held, other, model, each.account)
    book.tick("BTC", other)
    money = replace(other, stable_usd={"USDC": 0.9, "USDT": 1.0})
    book.tick("USDC", money)
    rich = portfolio([("USDC", 1_000)], account="cash")
    book.set_portfolio(rich)
    assert_as_alone(book.requirement("cash"), rich, money, model, "stablecoins")


def test_instruments_become_known_when_they_are_first_traded():
    book = book_of(USD)
    before = book.what_if("ann", PUT, 3)
    asked = MarginBook(portfolio([USD], account="ann"), MARKET, instruments=[PUT])
    assert cents(asked.what_if("ann", PUT, 3).after) == cents(before.after)
    book.fill("ann", PUT, 3)
    assert cents(book.requirement("ann")) == cents(before.after)
    for name in ("BTC-PERPETUAL", "ETH-27MAR26", "KO.US", "wSTETH"):
        if name in MARKET.index_usd or name in MARKET.futures:
            book.fill("ann", name, 1)
    model = load_preset("prbm")
    assert_as_alone(book.requirement("ann"), book.portfolio("ann"), MARKET, model, "ann")


def test_what_has_expired_goes_with_a_tick_if_nobody_holds_it():
    book = book_of(USD, BTC)
    name = EXPIRING[0]
    later = at_time(MARKET, MARKET.as_of.replace(hour=9))
    book.fill("ann", name, 2)
    known = book.requirement("ann")
    with pytest.raises(ExpiredInstrument, match=name):
        book.tick("BTC", later)
    assert book.requirement("ann") == known
    assert book.market_of("BTC").as_of == MARKET.as_of
    book.fill("ann", name, -2)
    book.tick("BTC", later)
    model = load_preset("prbm")
    assert_as_alone(book.requirement("ann"), book.portfolio("ann"), later, model, "ann")
    with pytest.raises(ExpiredInstrument, match=name):
        book.what_if("ann", name, 1)
    with pytest.raises(ExpiredInstrument, match=name):
        book.fill("ann", name, 1)
    book.fill("ann", PUT, 1)
    assert_as_alone(book.requirement("ann"), book.portfolio("ann"), later, model, "ann")


REFUSED = {
    "no number": ((PUT, float("nan")), BadNumber, "nan"),
    "infinite": ((PUT, float("inf")), BadNumber, "inf"),
    "nothing": ((PUT, 0), BadNumber, "other than 0"),
    "too many": ((PUT, 1e15), BadNumber, "cannot be traded"),
    "worth too much": (("BTC-PERPETUAL", 10**9), BadNumber, "1E\\+13"),
    "no price": (("BTC-PERPETUAL", 1, -5), BadNumber, "not a price"),
    "a slip of the price": (("BTC-PERPETUAL", 1, 8_000_000), BadNumber, "10 times away"),
    "NaN for a price": ((PUT, 1, float("nan")), BadNumber, "price is 'nan'"),
    "a name of nothing": (("BTC-27MAR26-80000-X", 1), UnknownInstrument, "BTC-27MAR26-80000-X"),
    "another coin": (("QQQQ-PERPETUAL", 1), MissingQuote, "QQQQ"),
}


@pytest.mark.parametrize("said", REFUSED)
def test_bad_trades_are_refused_before_anything_changes(said):
    trade, error, message = REFUSED[said]
    book = book_of(USD, BTC, ("BTC-PERPETUAL", 1, 79_000), instruments=[PUT])
    known, held = book.requirement("ann"), book.portfolio("ann")
    for asked in (book.what_if, book.fill):
        with pytest.raises(error, match=message):
            asked("ann", *trade)
    assert book.requirement("ann") == known
    assert book.portfolio("ann") == held
    assert book.accounts == ("ann",)


def test_prices_are_taken_as_the_rules_of_trades_take_them():
    model, book = load_preset("prbm"), book_of(USD, BTC, ("BTC-PERPETUAL", -3, 79_000))
    for name, quantity, price in (
        ("BTC-PERPETUAL", 1, 81_000),
        ("BTC-PERPETUAL", 5, "82000.5"),
        (PUT, -2, 0.0013),
        ("ETH_USDT-PERPETUAL", "-0.5", 2_000.25),
        ("SOL", 3, 119),
    ):
        trade = parse_trade((name, quantity, price))
        expected = with_trades(book.portfolio("ann"), [trade], MARKET)
        effect = book.what_if("ann", name, quantity, price)
        assert_as_alone(effect.after, expected, MARKET, model, trade.where)
        book.fill("ann", name, quantity, price)
        assert stood(book.portfolio("ann")) == stood(expected)
        assert_as_alone(book.requirement("ann"), expected, MARKET, model, trade.where)
    assert mark_of(trade.instrument, MARKET) != 119


def test_what_cannot_be_margined_is_refused_at_the_door():
    with pytest.raises(MissingQuote, match="QQQQ"):
        book_of(("QQQQ-PERPETUAL", 1))
    with pytest.raises(BadNumber, match=r"80,160 times away.*account ann"):
        book_of(("BTC-PERPETUAL", 1, 1))
    with pytest.raises(InputError, match="given twice"):
        MarginBook([portfolio([USD]), portfolio([BTC])], MARKET)
    with pytest.raises(InputError, match="no Portfolio"):
        MarginBook([3], MARKET)
    book = book_of(USD)
    for asked in (
        book.portfolio,
        book.requirement,
        lambda name: book.what_if(name, PUT, 1),
        lambda name: book.fill(name, PUT, 1),
    ):
        for name in ("nobody", None, ["ann"]):
            with pytest.raises(InputError, match="no account"):
                asked(name)
    for nothing in (None, "nan", True, [1]):
        with pytest.raises(BadNumber, match="trade in"):
            book.what_if("ann", PUT, nothing)


def test_the_columns_of_all_accounts_are_those_of_a_table_of_positions():
    accounts = drawn_accounts(4, MARKET, 9)
    rows = [
        (each.account, p.instrument.name, float(p.quantity), p.entry_price and float(p.entry_price))
        for each in accounts
        for p in each.positions
    ]
    names = ("account", "instrument", "quantity", "entry_price")
    table = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    expected = sw.margin_accounts(table, MARKET, "prbm").drop("currency")
    found = pl.DataFrame(MarginBook(accounts, MARKET).requirements().columns())
    assert_frame_equal(found.with_columns(pl.col("mm_ratio").fill_nan(None)), expected)


@pytest.mark.parametrize("model", ["prbm", "hybrid:risk-based-collateral"])
def test_an_underlying_keeps_all_of_its_market_until_its_own_tick(model):
    """Volumes and open interest too, whichever way an account is margined."""
    chosen = model_of(model)
    calm = replace(MARKET, liquidity=replace(MARKET.liquidity, adv_usd={"ETH": 1e6, "BTC": 1e9}))
    deep = replace(calm, liquidity=replace(calm.liquidity, adv_usd={"ETH": 1e9, "BTC": 1e9}))
    held = portfolio([BTC, ("ETH", 10), ("ETH-PERPETUAL", -2_000), (PUT, -1)], account="ann")
    book = MarginBook(held, calm, chosen)
    known = book.requirement("ann")
    book.tick("BTC", deep)
    assert book.requirement("ann") == known
    assert book.report("ann").initial == known.initial
    fast, exact = (book.what_if("ann", "ETH-PERPETUAL", size).after for size in (1, "1"))
    assert cents(fast) == cents(exact)
    book.tick("ETH", deep)
    assert_as_alone(book.requirement("ann"), book.portfolio("ann"), deep, chosen, "both")


def test_a_report_explains_an_account_in_the_markets_that_the_book_has():
    market = moved(moved(MARKET, "ETH", 0.08), "BTC", -0.03)
    held = portfolio([BTC, ("ETH", 10), ("USDC", 500), ("ETH-PERPETUAL", -20)], account="ann")
    book = MarginBook(held, MARKET)
    book.tick("BTC", market)
    report = book.report("ann")
    assert report.initial == book.requirement("ann").initial
    assert sum(row.initial for row in report.rows) == report.initial
    assert any("Defaults of prbm" in line for line in report.warnings), "what is assumed is told"
    assert book.market_of("BTC").index_usd["BTC"] == market.index_usd["BTC"]
    assert book.market_of("ETH").index_usd["ETH"] == MARKET.index_usd["ETH"]
    book.tick("ETH", market)
    alone_now = sw.margin(book.portfolio("ann"), market)
    assert book.report("ann").rows == alone_now.rows


def test_ticks_are_of_underlyings_that_there_are():
    market = moved(MARKET, "BTC", -0.5)
    market = replace(market, stable_usd={"USDC": 0.5})
    book = book_of(BTC, ("USDC", 1_000))
    known = book.requirement("ann")
    for wrong in ("btc", "NOPE", "", None, 3, ["BTC"]):
        with pytest.raises(InputError, match="no underlying"):
            book.tick(wrong, market)
        with pytest.raises(InputError, match="no underlying"):
            book.market_of(wrong)
    book.tick("TRX", replace(market, index_usd={**market.index_usd, "TRX": 0.5}))
    assert book.requirement("ann") == known, "nobody holds it"
    book.fill("ann", "TRX", 10)
    bought = {each.instrument.name: each for each in book.portfolio("ann").positions}
    assert bought["USD"].quantity == -5, "it is bought in its own market, that of its tick"


def test_what_nobody_lists_is_asked_of_the_surface_by_who_asks_first():
    name = "BTC-27MAR26-90001-C"
    held = portfolio([USD, BTC], account="ann")
    book, market = MarginBook(held, MARKET), MARKET
    asked = book.what_if("ann", name, 1)
    report = sw.what_if(held, (name, 1), market)
    assert asked.after.initial == report.after.initial
    assert asked.before.initial == report.before.initial
    book.fill("ann", name, 1)
    assert book.requirement("ann") == asked.after
    assert book.what_if("ann", name, -1).after == asked.before


def test_collateral_in_no_class_is_held_as_a_report_holds_it():
    model = load_preset("prbm")
    narrow = msgspec.structs.replace(
        model, classes=tuple(each for each in model.classes if not each.takes_the_rest)
    )
    held = portfolio([BTC, ("OUSG", 1_000), ("ETH-USDC-LP", 5), (PUT, -1)], account="ann")
    book = MarginBook(held, MARKET, narrow)
    assert_as_alone(book.requirement("ann"), held, MARKET, narrow, "held")
    after = with_trades(held, [parse_trade((PUT, -1))], MARKET)
    assert_as_alone(book.what_if("ann", PUT, -1).after, after, MARKET, narrow, "traded")
    with pytest.raises(BadParameter, match="OUSG"):
        book.fill("ann", "OUSG", -2_000) or book.requirement("ann")


def test_beyond_all_amounts_an_account_is_named_and_no_cent_guessed():
    whale = portfolio([("BTC", 90_000_000), ("BTC_USDC-PERPETUAL", -90_000_000)], account="whale")
    book = MarginBook([portfolio([BTC], account="ann"), whale], MARKET)
    book.tick("BTC", moved(MARKET, "BTC", 1.0))
    assert book.requirement("ann").initial > 0
    for asked in (lambda: book.requirement("whale"), book.requirements):
        with pytest.raises(BadNumber, match=r"worth .* USD \(account whale"):
            asked()


@pytest.mark.parametrize("quantity", ["1e-31", 5e-324, Decimal("sNaN"), 10**400, Decimal("1e-40")])
def test_what_a_fill_refuses_a_what_if_refuses(quantity):
    book = book_of(USD, BTC)
    said = []
    for asked in (book.what_if, book.fill):
        with pytest.raises(BadNumber) as refused:
            asked("ann", PUT, quantity)
        said.append(str(refused.value))
    assert said[0] == said[1]


def test_doors_say_what_they_want():
    for given in (None, 3, "book.csv"):
        with pytest.raises(InputError, match="no list"):
            MarginBook(given, MARKET)
    for instruments in (3, "BTC-PERPETUAL"):
        with pytest.raises(InputError, match="no list"):
            book_of(BTC, instruments=instruments)
    with pytest.raises(InputError, match="no name of an instrument"):
        book_of(BTC, instruments=[None])
    for every in (0, -1, True, "2", 1.0):
        with pytest.raises(InputError, match="refresh_every"):
            book_of(BTC, refresh_every=every)
    book = book_of(BTC)
    for name in (None, ["BTC"], 3):
        for asked in (book.what_if, book.fill):
            with pytest.raises(InputError, match="no name of an instrument"):
                asked("ann", name, 1)
    with pytest.raises(MissingQuote, match="account ann, trade QQQQ:1"):
        book.fill("ann", "QQQQ", 1)
    assert pickle.loads(pickle.dumps(book)).requirement("ann") == book.requirement("ann")
