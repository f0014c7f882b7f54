"""Mango's health: the published cases, the stable price by hand, and its laws."""

from __future__ import annotations

import json
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.basics.errors import BadParameter
from seawall.feeds.conform import mango
from seawall.feeds.conform.shapes import charge_of, market_of_perpetuals
from seawall.margin.charges import StablePriceCharge
from seawall.margin.charges.stable_price import HealthWeights, StablePriceWeights
from seawall.margin.presets import load_preset
from seawall.margin.status import defaults_taken, margin_status
from seawall.market.liquidity import Liquidity
from seawall.products.portfolio import portfolio
from seawall.risk.book import join

MANGO = load_preset("mango")
CHARGE = charge_of(MANGO, StablePriceCharge)


def book_of(holdings, stable=None, price=100.0):
    market = market_of_perpetuals({"BTC": price})
    told = Liquidity(stable_price_usd={} if stable is None else {"BTC": stable})
    return join(portfolio(holdings), replace(market, liquidity=told))


def health(holdings, stable=None, price=100.0, model=MANGO):
    """Initial and maintenance health."""
    status = margin_status(book_of(holdings, stable, price), model)
    value = float(status.margin_value.amount)
    return value - float(status.initial.amount), value - float(status.maintenance.amount)


def test_published_health_comes_out(shared):
    read = json.loads((shared / "vectors/defi/mango/health_init_cases.json").read_text())
    found = list(mango.cases(read, MANGO, "mango"))
    assert len(found) == 18
    for case in found:
        assert case.compute() == pytest.approx(dict(case.expected), rel=1e-9), case.name


@pytest.mark.parametrize("other", [None, {}, [1], {"cases": []}, {"cases": [{"fn": "x"}]}])
def test_a_document_of_another_shape_is_no_case(other):
    assert mango.cases(other, MANGO, "other") is None


@pytest.mark.parametrize(
    ("holding", "stable", "initial", "maintenance"),
    [
        # Coins: 0.8 of the lower price, 0.9 of the index.
        (("BTC", 10), None, 800.0, 900.0),
        (("BTC", 10), 90.0, 720.0, 900.0),
        (("BTC", 10), 130.0, 800.0, 900.0),
        # Debts: 1.2 of the higher price, 1.1 of the index.
        (("BTC", -10), 90.0, -1_200.0, -1_100.0),
        (("BTC", -10), 130.0, -1_560.0, -1_100.0),
        # Contracts: 0.9 of the lower and 1.1 of the higher, against 100 paid.
        (("BTC_USDC-PERPETUAL", 10), 90.0, -190.0, -50.0),
        (("BTC_USDC-PERPETUAL", -10), 90.0, -100.0, -50.0),
        (("BTC_USDC-PERPETUAL", -10), 130.0, -430.0, -50.0),
        # Entered at 60: 0.9·900 − 600, and 0.95·1,000 − 600.
        (("BTC_USDC-PERPETUAL", 10, 60), 90.0, 210.0, 350.0),
    ],
)
def test_by_hand(holding, stable, initial, maintenance):
    assert health([holding], stable) == pytest.approx((initial, maintenance))


def test_a_gain_counts_for_its_weight_and_a_loss_in_full():
    level = HealthWeights(
        asset=0.8, liability=1.2, base_asset=0.8, base_liability=1.2, overall_asset=0.95
    )
    weights = StablePriceWeights(initial=level, maintenance=level)
    charge = StablePriceCharge(classes=dict.fromkeys(CHARGE.classes, weights))
    charges = (charge, *MANGO.charges[1:])
    model = msgspec.structs.replace(MANGO, charges=charges)
    short = [("BTC_USDC-PERPETUAL", -10, 10)]
    assert health(short, price=5.0, model=model) == pytest.approx((38.0, 38.0))
    assert health([("BTC_USDC-PERPETUAL", -10, 5.5)], price=5.0, model=model) == pytest.approx(
        (-5.0, -5.0)
    )


@given(
    name=st.sampled_from(("BTC", "BTC_USDC-PERPETUAL")),
    quantity=st.floats(0.01, 100.0),
    side=st.sampled_from((-1.0, 1.0)),
    stable=st.floats(10.0, 1_000.0),
)
def test_a_stable_price_only_ever_lowers_initial_health(name, quantity, side, stable):
    holdings = [(name, side * quantity)]
    initial, maintenance = health(holdings, stable)
    at_index, same = health(holdings)
    assert initial <= at_index + 0.02
    assert maintenance == same
    assert initial <= maintenance + 0.02


def test_without_a_stable_price_the_report_says_so():
    assert defaults_taken(book_of([("BTC", 1)]), MANGO) == [
        "Defaults of mango for BTC: stable price."
    ]
    assert defaults_taken(book_of([("BTC", 1)], 90.0), MANGO) == []


def test_collateral_counts_coins_at_the_weight_of_maintenance():
    for name, weights in CHARGE.classes.items():
        assert MANGO.collateral.factors[name] == weights.maintenance.asset


@pytest.mark.parametrize(
    "odd", [{"asset": 1.1}, {"liability": 0.9}, {"base_asset": -0.1}, {"overall_asset": 1.01}]
)
def test_impossible_weights_are_refused(odd):
    sane = msgspec.structs.asdict(CHARGE.classes["btc"].initial)
    with pytest.raises(BadParameter, match=next(iter(odd))):
        HealthWeights(**(sane | odd))


def test_initial_margin_below_maintenance_is_refused():
    own = CHARGE.classes["btc"]
    with pytest.raises(BadParameter, match="base_asset"):
        StablePriceWeights(initial=own.maintenance, maintenance=own.initial)
