"""What trades would do to margin: before, after, each trade's part, other models, errors."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import seawall as sw
from seawall.basics.errors import (
    BadNumber,
    BadParameter,
    ExpiredInstrument,
    InputError,
    MissingQuote,
    UnknownInstrument,
    UnknownModel,
)
from seawall.margin.presets import load_preset, preset_names
from seawall.products.names import parse_name
from seawall.products.portfolio import Portfolio, Position
from seawall.report.build import margin
from seawall.report.schema import to_json
from seawall.report.what_if import LegEffect, ModelEffect, WhatIf, parse_trade, what_if
from seawall.risk.trades import Trade, mark_of, with_trades
from tests.strategies import accounts, listed_futures, listed_options, quantities
from tests.test_distance import MARKET, book_of

BOOK = book_of(
    ("BTC-31JAN26-90000-P", -5),
    ("BTC-PERPETUAL", 1, 98_000),
    ("ETH-PERPETUAL", -10),
    ("USDC", 200_000),
)
KEYS = [
    "schema", "account", "model", "currency", "as_of", "initial_change", "maintenance_change",
    "margin_value_change", "excess_initial_change", "legs", "by_model", "before", "after",
    "warnings",
    "legs_by_model",
]  # fmt: skip
LEG_KEYS = ["instrument", "quantity", "price", "initial", "maintenance"]


# ---- what is told


@pytest.mark.parametrize("model", preset_names())
@settings(max_examples=10)
@given(account=accounts(max_legs=4), data=st.data())
def test_before_and_after_are_the_reports_and_changes_their_difference(model, account, data):
    portfolio, market = account
    chosen = st.sampled_from(listed_futures(market) + listed_options(market))
    trades = [
        Trade(instrument=i, quantity=data.draw(quantities(market, i, 1_000.0)))
        for i in data.draw(st.lists(chosen, min_size=1, max_size=3))
    ]
    told = what_if(portfolio, trades, market, model)
    before = margin(portfolio, market, model)
    after = margin(with_trades(portfolio, trades, market), market, model)
    assert (told.before, told.after) == (before, after)
    assert (told.account, told.model, told.as_of) == (before.account, before.model, market.as_of)
    for total in ("initial", "maintenance", "margin_value", "excess_initial"):
        change = getattr(told, f"{total}_change")
        assert change == getattr(after, total) - getattr(before, total)
    assert len(told.legs) == len(trades)
    for place, leg in enumerate(told.legs):
        rest = [*trades[:place], *trades[place + 1 :]]
        without = margin(with_trades(portfolio, rest, market), market, model)
        assert leg.initial == after.initial - without.initial
        assert leg.maintenance == after.maintenance - without.maintenance
        assert leg.price == mark_of(trades[place].instrument, market)


@pytest.mark.parametrize("model", preset_names())
def test_a_single_trade_is_the_whole_change(model):
    told = what_if(BOOK, "BTC-2MAR26-110000-C:-3@0.03", MARKET, model)
    assert told.legs == (
        LegEffect(
            instrument="BTC-2MAR26-110000-C",
            quantity=Decimal(-3),
            price=Decimal("0.03"),
            initial=told.initial_change,
            maintenance=told.maintenance_change,
        ),
    )
    # A call sold may hedge what the book is long, where nothing but scenarios counts.
    assert told.initial_change
    assert told.maintenance_change


def test_a_trade_that_hedges_lowers_margin_and_one_that_adds_raises_it():
    """Short puts are long the market: selling the perpetual hedges, selling more puts adds."""
    hedge = what_if(BOOK, "BTC-PERPETUAL:-2", MARKET)
    adds = what_if(BOOK, "BTC-31JAN26-90000-P:-1", MARKET)
    assert hedge.initial_change < hedge.maintenance_change < 0 < adds.initial_change
    both = what_if(BOOK, ["BTC-PERPETUAL:-2", "BTC-31JAN26-90000-P:-1"], MARKET)
    first, second = both.legs
    assert first.initial < 0 < second.initial


def test_closing_everything_leaves_only_what_was_paid():
    """1 coin from 98,000 to 100,000 pays 2,041 USD of coin; the puts are bought for coin."""
    closing = [(p.instrument.name, -p.quantity) for p in BOOK.positions[:3]]
    told = what_if(BOOK, closing, MARKET)
    assert told.initial_change < 0
    assert [row.path for row in told.after.collateral_rows] == ["stablecoin/USDC", "spot/BTC"]
    assert abs(told.after.equity - told.before.equity) <= Decimal("0.03")  # a cent each row


def test_other_models_stand_beside_the_first_one():
    others = ["cross", load_preset("isolated")]
    told = what_if(BOOK, "BTC-PERPETUAL:-1", MARKET, "prbm", models=others)
    assert [row.model for row in told.by_model] == ["prbm", "cross", "isolated"]
    traded = with_trades(BOOK, [parse_trade("BTC-PERPETUAL:-1")], MARKET)
    for row in told.by_model:
        one, other = (margin(each, MARKET, row.model) for each in (BOOK, traded))
        assert row == ModelEffect(
            model=row.model,
            initial_before=one.initial,
            initial_after=other.initial,
            maintenance_before=one.maintenance,
            maintenance_after=other.maintenance,
            excess_initial_before=one.excess_initial,
            excess_initial_after=other.excess_initial,
            state_before=one.state,
            state_after=other.state,
        )
    assert told.model.name == "prbm"
    [alone] = what_if(BOOK, "BTC-PERPETUAL:-1", MARKET, "cross", models="prbm").by_model[1:]
    assert alone.model == "prbm"


def test_two_trades_in_one_instrument_are_done_in_order():
    """Sold at 110,000 first, the long from 98,000 pays 12,000 USD of coin; the second opens."""
    told = what_if(BOOK, ["BTC-PERPETUAL:-1@110000", "BTC-PERPETUAL:1"], MARKET)
    assert told.initial_change != 0  # the profit is coin now, and coin is shocked
    one, other = told.legs
    assert (one.price, other.price) == (110_000, 100_000)
    paid = with_trades(BOOK, [parse_trade("BTC-PERPETUAL:-1@110000")], MARKET).positions[-1]
    assert paid.instrument.name == "BTC"
    assert float(paid.quantity) == pytest.approx(100_000 * (1 / 98_000 - 1 / 110_000))


def test_json_has_stable_keys_and_numbers():
    told = what_if(BOOK, ["BTC-PERPETUAL:-1", ("ETH", 2)], MARKET, models=["cross"])
    document = json.loads(to_json(told), parse_float=Decimal)
    assert list(document) == KEYS
    assert list(document["legs"][0]) == LEG_KEYS
    assert list(document["by_model"][0]) == list(ModelEffect.__struct_fields__)
    assert document["initial_change"] == told.initial_change
    assert document["before"] == json.loads(told.before.to_json(), parse_float=Decimal)
    assert document["legs"][1] == {
        "instrument": "ETH",
        "quantity": 2,
        "price": Decimal("4000.0"),
        "initial": told.legs[1].initial,
        "maintenance": told.legs[1].maintenance,
    }


# ---- forms


@pytest.mark.parametrize(
    ("given", "name", "quantity", "price"),
    [
        ("BTC-PERPETUAL:-1", "BTC-PERPETUAL", "-1", None),
        (" BTC-PERPETUAL : +1.5 ", "BTC-PERPETUAL", "1.5", None),
        ("BTC_USDC-PERPETUAL:2@99500.5", "BTC_USDC-PERPETUAL", "2", "99500.5"),
        ("BTC-31JAN26-90000-P:-5@0.0185", "BTC-31JAN26-90000-P", "-5", "0.0185"),
        ("XRP_USDC-27JUN26-8D6-P:1e3@.4", "XRP_USDC-27JUN26-8D6-P", "1000", "0.4"),
        ("ETH:3 @ 4000", "ETH", "3", "4000"),
        (("BTC", 2), "BTC", "2", None),
        (("BTC", 0.1, 95_000), "BTC", "0.1", "95000"),
        (("BTC", Decimal("0.1"), None), "BTC", "0.1", None),
        (("BTC", "-2", "95000"), "BTC", "-2", "95000"),
    ],
)
def test_forms_of_a_trade(given, name, quantity, price):
    expected = Trade(
        instrument=parse_name(name),
        quantity=Decimal(quantity),
        price=None if price is None else Decimal(price),
    )
    assert parse_trade(given) == expected
    assert parse_trade(expected) is expected


def test_one_trade_or_several():
    market, book = sw.synthetic_market(), sw.synthetic_portfolio()
    one = sw.what_if(book, ("BTC-PERPETUAL", 1), market)
    assert [(leg.instrument, leg.quantity) for leg in one.legs] == [("BTC-PERPETUAL", 1)]
    several = sw.what_if(book, ["BTC-PERPETUAL:1", ("BTC", 2)], market)
    assert [leg.instrument for leg in several.legs] == ["BTC-PERPETUAL", "BTC"]
    alone = parse_trade("BTC-PERPETUAL:1")
    for form in ("BTC-PERPETUAL:1", alone, [alone], iter([alone])):
        assert sw.what_if(book, form, market) == one
    assert isinstance(one, WhatIf)


@pytest.mark.parametrize(
    "given",
    ["", "BTC", "BTC:", ":1", "BTC:1@", "BTC:@5", ("BTC",), ("BTC", 1, 2, 3), [("BTC",)], None, 5,
     [["BTC", 1]], {"BTC": 1}, [None], ()],
)  # fmt: skip
def test_what_is_no_trade_is_one_error(given):
    with pytest.raises(InputError, match="is no trade") as caught:
        what_if(BOOK, given, MARKET)
    assert type(caught.value) is InputError


@pytest.mark.parametrize("given", [[], iter(())])
def test_no_trade_at_all_is_an_error(given):
    with pytest.raises(InputError, match="no trade is given"):
        what_if(BOOK, given, MARKET)


@pytest.mark.parametrize(
    ("given", "kind", "said"),
    [
        ("BTC:x", BadNumber, "quantity is 'x', not a number"),
        ("BTC:1,000", BadNumber, "without thousands separators"),
        ("BTC:1@x", BadNumber, "price is 'x', not a number"),
        ("BTC:1@2@3", BadNumber, "price is '2@3'"),
        (("BTC", None), BadNumber, "quantity is 'None'"),
        (("BTC", float("nan")), BadNumber, "quantity is 'nan'"),
        ("BTC:0", BadNumber, "0 BTC cannot be traded"),
        ("BTC:1e15", BadNumber, "cannot be traded"),
        ("BTC:1e14", BadNumber, "is worth"),
        ("BTC-PERPETUAL:1@0", BadNumber, "0 is not a price"),
        ("BTC-PERPETUAL:1@-3", BadNumber, "-3 is not a price"),
        ("BTC-PERPETUAL:1@1000001", BadNumber, "more than 10 times away"),
        ("USDC:5", InputError, "USDC is money"),
        ("USD:5", InputError, "USD is money"),
        ("BTC-1JAN26:1", ExpiredInstrument, "BTC-1JAN26 expired"),
        ("BTC-31JAN26-12345-P:1", MissingQuote, "is not listed"),
        ("SOL-PERPETUAL:1", MissingQuote, "SOL"),
        ("nonsense-:1", UnknownInstrument, "'nonsense-' is not an instrument"),
        ((5, 1), UnknownInstrument, "a name is text"),
        (("BTC:1", "ETH:2"), UnknownInstrument, "'BTC:1' is not an instrument"),
    ],
)
def test_what_cannot_be_traded_is_one_error(given, kind, said):
    with pytest.raises(kind, match=said):
        what_if(BOOK, given, MARKET)


def test_errors_of_book_market_and_model_come_first():
    with pytest.raises(InputError, match="None is no Portfolio"):
        what_if(None, "BTC:1", MARKET)
    with pytest.raises(InputError, match="None is no MarketSnapshot"):
        what_if(BOOK, "BTC:1", None)
    with pytest.raises(UnknownModel, match="'none'"):
        what_if(BOOK, "BTC:1", MARKET, models=["none"])
    with pytest.raises(BadParameter, match="a model is named twice"):
        what_if(BOOK, "BTC:1", MARKET, models=["cross", "cross"])
    with pytest.raises(BadNumber, match="entry price 100 of BTC-PERPETUAL"):
        what_if(book_of(("BTC-PERPETUAL", 1, 100)), "BTC-PERPETUAL:-1", MARKET)


@pytest.mark.parametrize("others", [None, 5])
def test_what_are_no_models_is_refused(others):
    with pytest.raises(InputError, match="are no models"):
        what_if(book_of(("BTC", 1)), "BTC:1", MARKET, models=others)


@pytest.mark.parametrize("number", [2, 1.5, "1", True])
def test_a_trade_made_by_hand_holds_decimals(number):
    with pytest.raises(BadNumber, match="is no Decimal"):
        Trade(instrument=parse_name("BTC"), quantity=number)


@pytest.mark.parametrize("name", ["BTC", "BTC-PERPETUAL", "BTC-31JAN26-90000-P"])
def test_a_trade_that_makes_a_position_too_large_is_what_is_named(name):
    """Each half is possible; the place of what was held before is not to blame."""
    where = "book.csv row 2"
    held = Position(instrument=parse_name(name), quantity=Decimal("6e7"), where=where)
    account = Portfolio(account="by hand", positions=(held,))
    with pytest.raises(BadNumber, match=r"is worth 1.2e\+13 USD") as caught:
        what_if(account, f"{name}:6e7", MARKET)
    assert caught.value.where == f"trade {name}:6E+7"


def test_an_error_of_a_snapshot_names_the_trade():
    with pytest.raises(ExpiredInstrument) as caught:
        what_if(book_of(("USD", 1)), "BTC-1JAN26-90000-P:1", MARKET)
    assert caught.value.where == f"trade BTC-1JAN26-90000-P:1, {MARKET.where}"
    assert "book" not in caught.value.remedy


def test_a_model_that_stands_first_may_be_among_the_others() -> None:
    told = what_if(BOOK, "BTC-PERPETUAL:-1", MARKET, models=["cross", "prbm", "isolated"])
    assert [each.model for each in told.by_model] == ["prbm", "cross", "isolated"]
