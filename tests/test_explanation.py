"""What each leg brings and where an account is liquidated, as one value: ``explain``."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given, settings

import seawall as sw
from seawall.basics.errors import InputError, MissingQuote, UnknownModel
from seawall.margin.collateral import in_array
from seawall.margin.distance import liquidation_prices
from seawall.margin.euler import euler_contributions
from seawall.margin.marginal import marginal_contributions
from seawall.margin.presets import load_preset, preset_names
from seawall.margin.requirement import margin_requirement
from seawall.report.build import margin
from seawall.report.explanation import Explanation, explain
from seawall.report.schema import to_json
from seawall.risk.book import join
from tests.flat_fee import FlatFee
from tests.strategies import accounts
from tests.test_distance import MARKET, book_of
from tests.test_oracle import NOISE, rounding_usd

every_model = pytest.mark.parametrize("model", preset_names())
BOOK = book_of(
    ("BTC-31JAN26-90000-P", -5),
    ("BTC-PERPETUAL", -0.5, 98_000),
    ("ETH-PERPETUAL", -10),
    ("USDC", 200_000),
)
LEG_KEYS = [
    "underlying", "instrument", "quantity", "marginal_initial", "marginal_maintenance",
    "euler_initial", "euler_maintenance",
]  # fmt: skip


def adds_up(told, whole, slack):
    """Shares and what is unallotted are the unrounded requirement."""
    for level in ("initial", "maintenance"):
        shares = sum(getattr(leg, f"euler_{level}") for leg in told.legs)
        rest = sum(getattr(row, level) for row in told.unallotted)
        expected = getattr(whole, level)
        assert shares + rest == pytest.approx(expected, rel=1e-9, abs=slack)


@every_model
@settings(max_examples=8)
@given(account=accounts(max_legs=4))
def test_shares_add_up_and_marginals_are_those_of_the_legs(model, account):
    portfolio, market = account
    told = explain(portfolio, market, model)
    book, chosen = join(portfolio, market), load_preset(model)
    slack = rounding_usd(portfolio, market) + 4.0 * NOISE * len(portfolio.positions)
    adds_up(told, margin_requirement(book, chosen), slack)
    marginal = [
        (leg.underlying, leg.instrument, leg.initial, leg.maintenance)
        for leg in marginal_contributions(book, chosen)
    ]
    assert marginal == [
        (leg.underlying, leg.instrument, leg.marginal_initial, leg.marginal_maintenance)
        for leg in told.legs
    ]
    euler = [(leg.initial, leg.maintenance) for leg in euler_contributions(book, chosen).legs]
    assert euler == [(leg.euler_initial, leg.euler_maintenance) for leg in told.legs]
    held = {p.instrument.name: p.quantity for p in portfolio.positions}
    # Legs are what is in the array; a coin that no contract hedges may stand outside it.
    inside = {
        p.instrument.name for u in in_array(book, chosen.classes).underlyings for p in u.positions
    }
    assert {leg.instrument: leg.quantity for leg in told.legs} == {
        name: quantity for name, quantity in held.items() if name in inside
    }


@every_model
def test_totals_and_warnings_are_the_reports_and_prices_those_of_each_index(model):
    told = explain(BOOK, MARKET, model)
    report = margin(BOOK, MARKET, model)
    for name in ("account", "model", "currency", "as_of", "initial", "maintenance", "warnings"):
        assert getattr(told, name) == getattr(report, name)
    found = liquidation_prices(join(BOOK, MARKET), MARKET, load_preset(model))
    rows = [(r.underlying, r.direction, r.price, r.distance_rel) for r in told.liquidation_prices]
    assert rows == [(r.underlying, r.direction, r.price_usd, r.distance_rel) for r in found]
    assert [row[:2] for row in rows] == [
        ("BTC", "up"), ("BTC", "down"), ("ETH", "up"), ("ETH", "down")
    ]  # fmt: skip
    assert any(row.price is not None for row in told.liquidation_prices)


def test_the_hedge_saves_and_the_short_puts_cost():
    by_name = {leg.instrument: leg for leg in explain(BOOK, MARKET).legs}
    puts, hedge = by_name["BTC-31JAN26-90000-P"], by_name["BTC-PERPETUAL"]
    for puts_bring, hedge_brings in (
        (puts.marginal_initial, hedge.marginal_initial),
        (puts.marginal_maintenance, hedge.marginal_maintenance),
        (puts.euler_initial, hedge.euler_initial),
        (puts.euler_maintenance, hedge.euler_maintenance),
    ):
        assert hedge_brings < 0.0 < puts_bring


def test_charges_that_are_not_shared_out_stand_by_themselves():
    market, book = sw.synthetic_market(), book_of(("BTC-PERPETUAL", 800), ("USDC", 60_000_000))
    model = load_preset("prbm")
    assert explain(book, market, model).unallotted == ()
    model = msgspec.structs.replace(model, charges=(*model.charges, FlatFee(usd=7.0)))
    told = explain(book, market, model)
    assert [row.path for row in told.unallotted] == ["flat_fee/BTC"]
    whole = margin_requirement(join(book, market), model)
    adds_up(told, whole, 1e-3)
    steps = {step.path: (step.initial, step.maintenance) for step in whole.steps}
    for row in told.unallotted:
        assert (row.initial, row.maintenance) == steps[row.path]


@every_model
def test_a_book_of_money_alone_has_no_leg_and_no_liquidation_price(model):
    told = explain(book_of(("USD", 5_000), ("USDC", 10)), MARKET, model)
    assert (told.legs, told.liquidation_prices, told.unallotted) == ((), (), ())
    assert (told.initial, told.maintenance) == (0, 0)


def test_json_has_stable_keys():
    document = json.loads(to_json(explain(BOOK, MARKET)))
    assert list(document) == ["schema", *Explanation.__struct_fields__] == [
        "schema", "account", "model", "currency", "as_of", "initial", "maintenance",
        "liquidation_prices", "legs", "unallotted", "warnings",
    ]  # fmt: skip
    assert list(document["legs"][0]) == LEG_KEYS
    assert list(document["liquidation_prices"][0]) == [
        "underlying", "direction", "price", "distance_rel"
    ]  # fmt: skip


def test_what_cannot_be_explained_is_one_error():
    with pytest.raises(InputError, match="'book' is no Portfolio"):
        sw.explain("book", MARKET)
    with pytest.raises(InputError, match="None is no MarketSnapshot"):
        sw.explain(BOOK, None)
    with pytest.raises(InputError, match="None is no MarginModel"):
        sw.explain(BOOK, MARKET, None)
    with pytest.raises(UnknownModel, match="'none'"):
        sw.explain(BOOK, MARKET, "none")
    with pytest.raises(MissingQuote, match="SOL"):
        sw.explain(book_of(("SOL", 1)), MARKET)
