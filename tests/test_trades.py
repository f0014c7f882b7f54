"""Trades put into a portfolio: by hand, against plain floats, and as laws of any account."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seawall.basics.errors import BadNumber, ExpiredInstrument, InputError, MissingQuote
from seawall.margin.presets import load_preset, preset_names
from seawall.products.instruments import DatedFuture, Perpetual
from seawall.products.names import parse_name
from seawall.products.portfolio import MAX_QUANTITY
from seawall.risk.book import join
from seawall.risk.trades import CHEAP_OPTION_REL, Trade, mark_of, with_trades
from tests.naive.trades import naive_trades
from tests.strategies import accounts, assets, between, listed_futures, listed_options, quantities
from tests.test_distance import MARKET, book_of
from tests.test_oracle import rounding_usd

PRBM = load_preset("prbm")


def trade(name, quantity, price=None):
    return Trade(
        instrument=parse_name(name),
        quantity=Decimal(str(quantity)),
        price=None if price is None else Decimal(str(price)),
    )


def after(portfolio, *trades, market=MARKET):
    """Name → (quantity, entry price) after trades in the document's market."""
    return stood(with_trades(portfolio, [trade(*each) for each in trades], market))


def stood(portfolio):
    return {p.instrument.name: (p.quantity, p.entry_price) for p in portfolio.positions}


def equity_usd(portfolio, market, model=PRBM):
    holdings = model.collateral.holdings(join(portfolio, market), model.classes)
    return sum(holding.value for holding in holdings)


def put_marked_at(price):
    """The document's market, where the venue says what its put is worth in coin."""
    key, row = MARKET.option_rows["BTC-31JAN26-90000-P"]
    mark = MARKET.slices[key].mark.copy()
    mark[row] = price
    return replace(MARKET, slices={**MARKET.slices, key: replace(MARKET.slices[key], mark=mark)})


def near(value):
    return pytest.approx(value, rel=Decimal("1e-20"), abs=Decimal("1e-20"))


# ---- by hand: futures


def test_a_new_future_stands_at_its_price_and_pays_nothing():
    held = after(book_of(("USD", 5)), ("BTC-2MAR26", 2))
    assert held == {"USD": (5, None), "BTC-2MAR26": (2, 101_000)}
    assert after(book_of(("USD", 5)), ("BTC-2MAR26", 2, 98_000))["BTC-2MAR26"] == (2, 98_000)


def test_linear_entry_price_is_the_weighted_mean():
    """(2 · 90,000 + 1 · 105,000) / 3 = 95,000; nothing is paid."""
    held = after(book_of(("BTC_USDC-PERPETUAL", 2, 90_000)), ("BTC_USDC-PERPETUAL", 1, 105_000))
    assert held == {"BTC_USDC-PERPETUAL": (3, 95_000)}


def test_inverse_entry_price_is_the_harmonic_mean_by_usd_size():
    """1 coin at 80,000 and 1 at 120,000: 2 / (1/80,000 + 1/120,000) = 96,000, not 100,000."""
    held = after(book_of(("BTC-PERPETUAL", -1, 80_000)), ("BTC-PERPETUAL", -1, 120_000))
    assert held["BTC-PERPETUAL"] == (-2, near(Decimal(96_000)))
    assert list(held) == ["BTC-PERPETUAL"]


def test_closing_an_inverse_future_pays_its_profit_in_coin():
    """2 coins at the mark of 101,000 are 202,000 USD. Entered at 50,500 and closed at 101,000:
    202,000 · (1/50,500 − 1/101,000) = 4 − 2 = 2 BTC. Half of it closed: 1 BTC, entry as before.
    """
    book = book_of(("BTC-2MAR26", 2, 50_500), ("USD", 7))
    assert after(book, ("BTC-2MAR26", -2)) == {"USD": (7, None), "BTC": (near(Decimal(2)), None)}
    assert after(book, ("BTC-2MAR26", -1)) == {
        "USD": (7, None),
        "BTC": (near(Decimal(1)), None),
        "BTC-2MAR26": (1, 50_500),
    }


def test_closing_a_short_inverse_future_at_a_price():
    """1 coin at 100,000 is 100,000 USD: −100,000 · (1/80,000 − 1/125,000) = −1.25 + 0.8 BTC."""
    held = after(book_of(("BTC-PERPETUAL", -1, 80_000)), ("BTC-PERPETUAL", 1, 125_000))
    assert held == {"BTC": (near(Decimal("-0.45")), None)}


@pytest.mark.parametrize(("pair", "currency"), [("BTC_USDC", "USDC"), ("BTC_USD", "USD")])
def test_closing_a_linear_future_pays_in_its_currency(pair, currency):
    """3 coins from 95,000 to 101,000: 1 closed pays 6,000."""
    book = book_of((f"{pair}-PERPETUAL", 3, 95_000), (currency, 10))
    held = after(book, (f"{pair}-PERPETUAL", -1, 101_000))
    assert held == {f"{pair}-PERPETUAL": (2, 95_000), currency: (6_010, None)}


def test_a_trade_through_zero_pays_the_old_and_opens_the_new():
    """1 long from 95,000 sold at 98,000 pays 3,000; the 2 sold beyond stand at 98,000."""
    held = after(book_of(("BTC_USDC-PERPETUAL", 1, 95_000)), ("BTC_USDC-PERPETUAL", -3, 98_000))
    assert held == {"BTC_USDC-PERPETUAL": (-2, 98_000), "USDC": (3_000, None)}
    back = after(
        book_of(("BTC_USDC-PERPETUAL", 1, 95_000)),
        ("BTC_USDC-PERPETUAL", -3, 98_000),
        ("BTC_USDC-PERPETUAL", 4, 97_000),
    )
    assert back == {"BTC_USDC-PERPETUAL": (2, 97_000), "USDC": (5_000, None)}


def test_a_position_without_an_entry_price_counts_as_settled_at_its_mark_and_says_so():
    """Sold 1,000 over the mark of 101,000: 101,000 · (1/101,000 − 1/102,000) coins of profit."""
    book = book_of(("BTC-2MAR26", 1))
    traded = with_trades(book, [trade("BTC-2MAR26", -1, 102_000)], MARKET)
    assert stood(traded) == {"BTC": (near(1 - Decimal(101_000) / 102_000), None)}
    said = "No entry price of BTC-2MAR26: its unrealised profit is taken as 0."
    assert said in join(traded, MARKET).warnings


# ---- by hand: options and coins


def test_an_inverse_options_premium_is_paid_in_coin():
    held = after(book_of(("BTC", 1)), ("BTC-31JAN26-90000-P", -2, "0.0185"))
    assert held == {"BTC": (Decimal("1.037"), None), "BTC-31JAN26-90000-P": (-2, None)}


def test_a_premium_that_is_not_there_is_owed():
    held = after(book_of(("USD", 9)), ("BTC-31JAN26-90000-P", 4, "0.02"))
    assert held["BTC"] == (Decimal("-0.08"), None)


@pytest.mark.parametrize("currency", ["USDC", "USD"])
def test_a_linear_options_premium_is_paid_in_its_currency(currency):
    name = f"BTC_{currency}-31JAN26-90000-P"
    key, row = MARKET.option_rows["BTC-31JAN26-90000-P"]
    listed, other = MARKET.slices[key], ("BTC", currency, key[2])
    market = replace(
        MARKET,
        forwards={**MARKET.forwards, other: listed.forward},
        slices={**MARKET.slices, other: replace(listed, key=other)},
        option_rows={**MARKET.option_rows, name: (other, row)},
    )
    held = after(book_of((currency, 5_000)), (name, 2, 1_850), market=market)
    assert held == {currency: (1_300, None), name: (2, None)}


def test_an_option_without_a_mark_trades_at_its_model_value():
    """docs/models/prbm.md owes 1,827.70 USD for this put, rounded against: 0.0182769 coin."""
    name = "BTC-31JAN26-90000-P"
    assert float(mark_of(parse_name(name), MARKET)) == pytest.approx(0.0182769, abs=5e-8)
    traded = with_trades(book_of(("USD", 1)), [trade(name, 1)], MARKET)
    assert f"No mark of {name}: valued at its implied volatility." in traded.warnings


def test_a_coin_is_paid_in_usd():
    held = after(book_of(("USD", 1_000)), ("ETH", "2.5"))
    assert held == {"USD": (-9_000, None), "ETH": (Decimal("2.5"), None)}
    assert after(book_of(("ETH", 1)), ("ETH", -1, 4_100)) == {"USD": (4_100, None)}


def test_who_sells_all_for_nothing_left_holds_no_usd():
    book = book_of(("BTC_USDC-PERPETUAL", 1, 95_000))
    assert after(book, ("BTC_USDC-PERPETUAL", -1, 95_000)) == {"USD": (0, None)}


def test_what_is_bought_and_sold_again_leaves_no_dust():
    """A premium of 1e-40 coin is none, beside one that is large."""
    name, market = "BTC-31JAN26-90000-P", put_marked_at(1e-40)
    held = after(book_of(("USD", 1)), (name, 7), ("ETH", 3), (name, -7), market=market)
    assert held == {"USD": (-11_999, None), "ETH": (3, None)}


# ---- laws


@st.composite
def traded_accounts(draw, at_marks=False, most=5):
    """An account, its market, and trades in what that lists, each at its mark or near it."""
    portfolio, market = draw(accounts(max_legs=4))
    coins = [asset for asset in assets(market) if asset.name in market.index_usd]
    held = [p.instrument for p in portfolio.positions if hasattr(p.instrument, "settlement")]
    held = [i for i in held if i.name not in ("USD", "USDC", "USDT")]
    chosen = draw(
        st.lists(
            st.sampled_from(held + coins + listed_futures(market) + listed_options(market)),
            min_size=1,
            max_size=most,
        )
    )
    trades = []
    for instrument in chosen:
        mark, price = mark_of(instrument, market), None
        if not at_marks and mark > Decimal("1e-9") and draw(st.booleans()):
            price = mark * Decimal(str(draw(between(0.8, 1.25))))
        quantity = draw(quantities(market, instrument, draw(st.sampled_from((1.0, 1e3, 1e6)))))
        trades.append(Trade(instrument=instrument, quantity=quantity, price=price))
    return portfolio, market, trades


def gross_slack(portfolio, trades, market):
    """What float64 may get wrong in USD, of what is held and of what is traded."""
    sizes = sum(abs(float(t.quantity)) * market.index_usd[t.instrument.underlying] for t in trades)
    return rounding_usd(portfolio, market) + 1e-11 * sizes + 1e-9


@pytest.mark.parametrize("model", preset_names())
@settings(max_examples=10)
@given(drawn=traded_accounts(at_marks=True))
def test_trades_at_marks_change_no_equity(model, drawn):
    portfolio, market, trades = drawn
    chosen = load_preset(model)
    traded = with_trades(portfolio, trades, market)
    slack = gross_slack(portfolio, trades, market)
    before, now = (equity_usd(each, market, chosen) for each in (portfolio, traded))
    assert now == pytest.approx(before, rel=1e-11, abs=slack)


@given(drawn=traded_accounts())
def test_a_price_off_the_mark_changes_equity_by_the_difference(drawn):
    """Linear and option trades pay q·(mark − price)·c, inverse futures q·S·(F/price − 1)."""
    portfolio, market, trades = drawn
    gained = 0.0
    for each in trades:
        mark = float(mark_of(each.instrument, market))
        price = mark if each.price is None else float(each.price)
        q, kind = float(each.quantity), each.instrument
        is_future = isinstance(kind, Perpetual | DatedFuture)
        if is_future and kind.is_inverse:
            gained += q * market.index_usd[kind.underlying] * (mark / price - 1.0)
        elif kind.is_inverse:
            gained += q * market.index_usd[kind.underlying] * (mark - price)
        else:
            is_coin = kind.name in market.index_usd
            unit = 1.0 if is_coin else market.currency_usd(kind.settlement)
            gained += q * (mark - price) * unit
    traded = with_trades(portfolio, trades, market)
    moved = equity_usd(traded, market) - equity_usd(portfolio, market)
    slack = gross_slack(portfolio, trades, market)
    assert moved == pytest.approx(gained, rel=1e-9, abs=10.0 * slack)


@given(drawn=traded_accounts())
def test_plain_floats_find_the_same_positions(drawn):
    portfolio, market, trades = drawn
    found = stood(with_trades(portfolio, trades, market))
    told = [
        (t.instrument, float(t.quantity), float(t.price or mark_of(t.instrument, market)))
        for t in trades
    ]
    expected = naive_trades(portfolio, told, market)
    scale = max(abs(q) for q, _ in expected.values()) + sum(abs(q * p) for _, q, p in told)
    for name, (quantity, entry) in expected.items():
        held, its_entry = found.get(name, (Decimal(0), None))
        assert float(held) == pytest.approx(quantity, rel=1e-9, abs=1e-12 * scale)
        if entry is not None and abs(quantity) > 1e-9 * scale:
            assert its_entry is None or float(its_entry) == pytest.approx(entry, rel=1e-6)
    assert found.keys() <= expected.keys() | {"USD"}


@given(drawn=traded_accounts(at_marks=True))
def test_trading_back_restores_quantities_and_equity(drawn):
    portfolio, market, trades = drawn
    back = [
        Trade(instrument=t.instrument, quantity=-t.quantity, price=t.price)
        for t in reversed(trades)
    ]
    restored = with_trades(portfolio, [*trades, *back], market)
    names = {t.instrument.name for t in trades if isinstance(t.instrument, Perpetual | DatedFuture)}
    before, now = stood(portfolio), stood(restored)
    # What a closed future has earned stands as money; every other quantity is as it was.
    for name in names:
        assert now.get(name, (0,))[0] == before.get(name, (0,))[0]
    if not names & before.keys():
        held = {name: entry for name, entry in before.items() if entry[0] != 0}
        assert {n: e for n, e in now.items() if e[0] != 0} == held
    slack = gross_slack(portfolio, trades, market)
    old, new = (equity_usd(each, market) for each in (portfolio, restored))
    assert new == pytest.approx(old, rel=1e-11, abs=2.0 * slack)


@given(drawn=traded_accounts(most=1), part=st.integers(1, 99))
def test_a_trade_in_two_parts_is_the_trade(drawn, part):
    portfolio, market, [whole] = drawn
    share = whole.quantity * part / 100
    parts = [
        Trade(instrument=whole.instrument, quantity=q, price=whole.price)
        for q in (share, whole.quantity - share)
    ]
    one, two = (stood(with_trades(portfolio, each, market)) for each in ([whole], parts))
    agree(one, two)


@given(drawn=traded_accounts(), data=st.data())
def test_the_order_of_trades_in_unlike_instruments_does_not_matter(drawn, data):
    portfolio, market, trades = drawn
    distinct = list({t.instrument.name: t for t in trades}.values())
    turned = data.draw(st.permutations(distinct))
    one, two = (stood(with_trades(portfolio, each, market)) for each in (distinct, turned))
    agree(one, two)


def agree(one, two):
    """Positions alike to the last digits of Decimal; what is only such a digit may be missing."""
    for name in one.keys() | two.keys():
        for this, that in zip(one.get(name, (0, None)), two.get(name, (0, None)), strict=True):
            if this is not None and that is not None:
                assert math.isclose(this, that, rel_tol=1e-14, abs_tol=1e-25)


@given(drawn=traded_accounts())
def test_what_was_assumed_of_a_trade_is_told(drawn):
    """That a future has no mark is said after, even of one that is held only on the way."""
    portfolio, market, trades = drawn
    traded = with_trades(portfolio, trades, market)
    told = join(traded, market).warnings
    for each in trades:
        name = each.instrument.name
        if isinstance(each.instrument, Perpetual | DatedFuture) and name not in market.futures:
            assert any(warning.startswith(f"No mark of {name}") for warning in told)


# ---- errors


@pytest.mark.parametrize(
    ("terms", "kind", "said"),
    [
        (("BTC", 0), BadNumber, "0 BTC cannot be traded"),
        (("BTC", "nan"), BadNumber, "NaN BTC cannot be traded"),
        (("BTC", "-inf"), BadNumber, "-Infinity BTC cannot be traded"),
        (("BTC", MAX_QUANTITY), BadNumber, "cannot be traded"),
        (("BTC", 1, 0), BadNumber, "0 is not a price of BTC"),
        (("BTC", 1, -5), BadNumber, "-5 is not a price of BTC"),
        (("BTC", 1, "nan"), BadNumber, "NaN is not a price of BTC"),
        (("BTC", 1, "1e12"), BadNumber, "is not a price of BTC"),
        (("USDC", 1), InputError, "USDC is money"),
        (("USD", 1), InputError, "USD is money"),
    ],
)
def test_what_is_no_trade_is_refused_when_it_is_made(terms, kind, said):
    with pytest.raises(kind, match=said) as caught:
        trade(*terms)
    assert caught.value.where.startswith(f"trade {terms[0]}:")


@pytest.mark.parametrize(
    ("terms", "kind", "said"),
    [
        (("BTC", "1e9"), BadNumber, "quantity 1E\\+9 of BTC is worth 1e\\+14 USD"),
        (("BTC-PERPETUAL", "1e14"), BadNumber, "quantity 1E\\+14 of BTC-PERPETUAL is worth"),
        (("BTC-PERPETUAL", 1, 9_999), BadNumber, "price 9999 of BTC-PERPETUAL is more than 10"),
        (("BTC-2MAR26", 1, 1_010_001), BadNumber, "away from its mark 101000"),
        (("ETH", 1, 399), BadNumber, "price 399 of ETH is more than 10 times"),
        (("BTC-31JAN26-90000-P", 1, "0.19"), BadNumber, "more than 10 times"),
        (("BTC-31JAN26-90000-P", 1, 1_850), BadNumber, "for an inverse option coin"),
        (("BTC-1JAN26", 1), ExpiredInstrument, "BTC-1JAN26 expired"),
        (("BTC-1JAN26-90000-P", 1), ExpiredInstrument, "BTC-1JAN26-90000-P expired"),
        (("BTC-31JAN26-12345-P", 1), MissingQuote, "BTC-31JAN26-12345-P, which is not listed"),
        (("BTC-27MAR26", 1), MissingQuote, "needed by BTC-27MAR26"),
        (("SOL", 1), MissingQuote, "no index price of SOL"),
        (("SOL-PERPETUAL", 1), MissingQuote, "no index price of SOL"),
    ],
)
def test_what_cannot_be_traded_in_a_market_is_one_error(terms, kind, said):
    with pytest.raises(kind, match=said):
        after(book_of(("USD", 1)), terms)


@pytest.mark.parametrize("price", [10_000, 1_000_000])
def test_prices_at_the_limit_are_taken(price):
    assert after(book_of(("USD", 1)), ("BTC-PERPETUAL", 1, price))["BTC-PERPETUAL"] == (1, price)


def test_a_nearly_worthless_option_may_cost_many_times_its_mark():
    """A mark of 0.00001 coin counts as 0.001: up to 0.01 is believed, 0.0101 is not."""
    name, market = "BTC-31JAN26-90000-P", put_marked_at(0.00001)
    most = Decimal(str(CHEAP_OPTION_REL)) * 10
    assert after(book_of(("USD", 1)), (name, -1, most), market=market)["BTC"] == (most, None)
    with pytest.raises(BadNumber, match="more than 10 times"):
        after(book_of(("USD", 1)), (name, -1, "0.0101"), market=market)


def test_a_close_does_not_pay_out_what_a_slip_in_the_book_claims():
    """A long at 100 USD would claim 99.9 coins of profit for each; a report refuses it too."""
    with pytest.raises(BadNumber, match="entry price 100 of BTC-PERPETUAL is 1,000 times away"):
        after(book_of(("BTC-PERPETUAL", 1, 100)), ("BTC-PERPETUAL", -1))
