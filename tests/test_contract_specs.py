"""Contract sizes: what one contract is at each venue, and counts turned into quantities."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.basics.errors import BadNumber, InputError, UnknownInstrument
from seawall.products.names import contract_spec, parse_name, parse_venue_name, units_of
from seawall.products.venues.base import ContractSpec


@pytest.mark.parametrize(
    ("venue", "name", "size", "unit"),
    [
        ("okx", "BTC-USDT-SWAP", "0.01", "underlying"),
        ("okx", "ETH-USDT-260327", "0.1", "underlying"),
        ("okx", "SOL-USDT-SWAP", "1", "underlying"),
        ("okx", "DOGE-USDT-SWAP", "1000", "underlying"),
        ("okx", "BTC-USD-SWAP", "100", "USD"),
        ("okx", "ETH-USD-260327", "10", "USD"),
        ("okx", "BTC-USD-260327-80000-C", "0.01", "underlying"),
        ("okx", "ETH-USD-260327-3000-P", "0.1", "underlying"),
        ("bybit", "BTCUSDT", "1", "underlying"),
        ("bybit", "BTCPERP", "1", "underlying"),
        ("bybit", "BTCUSD", "1", "USD"),
        ("bybit", "BTC-27MAR26-80000-C", "1", "underlying"),
        ("binance", "BTCUSDT", "1", "underlying"),
        ("binance", "BTCUSD_PERP", "100", "USD"),
        ("binance", "ETHUSD_260327", "10", "USD"),
        ("binance", "BTC-260327-80000-C", "1", "underlying"),
        ("binance", "XRP-260327-2.25-P", "100", "underlying"),
        ("kraken", "PF_XBTUSD", "1", "underlying"),
        ("kraken", "PI_XBTUSD", "1", "USD"),
        ("deribit", "BTC-27MAR26-80000-C", "1", "underlying"),
        ("deribit", "SOL_USDC-27MAR26-200-C", "10", "underlying"),
        ("deribit", "BTC-PERPETUAL", "10", "USD"),
        ("deribit", "ETH-27MAR26", "1", "USD"),
        ("bitmex", "ETHUSD", "1", "underlying"),
        ("occ", "NVDA250117C00150000", "100", "underlying"),
        ("occ", "SPXW230914C04500000", "100", "underlying"),
    ],
)
def test_sizes_that_venues_publish(venue, name, size, unit):
    spec = contract_spec(parse_venue_name(name, venue), venue)
    assert (spec.size, spec.unit) == (Decimal(size), unit)
    assert spec.source


@pytest.mark.parametrize(
    ("venue", "name"),
    [
        ("okx", "PEPE-USDT-SWAP"),
        ("okx", "BTC-USDC-SWAP"),
        ("okx", "SOL-USD-SWAP"),
        ("okx", "SOL-USD-260327-200-C"),
        ("binance", "AVAXUSD_PERP"),
        ("binance", "PEPE-260327-1-C"),
        ("deribit", "SOL_USDC-PERPETUAL"),
        ("deribit", "AVAX_USDC-27MAR26-20-C"),
        ("ccxt", "BTC/USDT:USDT"),
        ("nse", "NIFTY26FEBFUT"),
    ],
)
def test_a_size_that_is_not_known_is_an_error_and_no_guess(venue, name):
    with pytest.raises(InputError, match="is not known") as caught:
        contract_spec(parse_venue_name(name, venue), venue)
    assert "contractSize" in caught.value.remedy


def test_a_size_is_of_what_the_venue_lists():
    with pytest.raises(UnknownInstrument, match="Bybit lists no contract of its kind"):
        contract_spec(parse_name("NVDA250117C00150000"), "bybit")
    with pytest.raises(UnknownInstrument, match="held outright"):
        contract_spec(parse_name("BTC"), "okx")
    with pytest.raises(InputError, match="is no venue"):
        contract_spec(parse_name("BTC-PERPETUAL"), "ftx")


def test_counts_become_quantities():
    swap = contract_spec(parse_name("BTC-USDT-SWAP"), "okx")
    assert units_of(Decimal(-250), swap) == Decimal("-2.5")
    inverse = contract_spec(parse_name("BTC-PERPETUAL"), "okx")
    assert units_of(Decimal(400), inverse, Decimal(80_000)) == Decimal("0.5")
    option = contract_spec(parse_name("NVDA250117C00150000"), "occ")
    assert units_of(Decimal(3), option, Decimal(12)) == 300


@pytest.mark.parametrize("contracts", [Decimal("NaN"), Decimal("inf"), 5.5, "5"])
def test_what_is_no_number_of_contracts_is_refused(contracts):
    spec = contract_spec(parse_name("BTC-PERPETUAL"), "bybit")
    with pytest.raises(BadNumber, match="no number of contracts"):
        units_of(contracts, spec, Decimal(80_000))


@pytest.mark.parametrize(
    "mark", [None, 90_000, Decimal(0), Decimal(-1), Decimal("NaN"), Decimal("inf")]
)
def test_a_size_in_usd_needs_a_mark(mark):
    spec = contract_spec(parse_name("BTC-PERPETUAL"), "bybit")
    with pytest.raises(BadNumber, match="cannot be counted in coins"):
        units_of(Decimal(1), spec, mark)


@pytest.mark.parametrize("size", ["0", "-1", "NaN", "Infinity"])
def test_a_contract_is_of_something(size):
    with pytest.raises(BadNumber, match="is none"):
        ContractSpec(size=Decimal(size), source="by hand")


sizes = st.decimals("0.0001", "10000", places=4)
counts = st.decimals("-1000000", "1000000", places=3)


@given(count=counts, size=sizes, mark=sizes)
def test_usd_of_contracts_are_the_same_at_the_mark(count, size, mark):
    spec = ContractSpec(size=size, unit="USD", source="by hand")
    assert float(units_of(count, spec, mark) * mark) == pytest.approx(float(count * size))


def test_okx_counts_the_same_coins(shared):
    """Notional and delta in OKX's own example, to within the drift of its index and mark."""
    path = shared / "vectors/cefi/okx_position_builder_docs.json"
    example = json.loads(path.read_text(encoding="utf-8"))
    assumed = example["assumed_contract"]
    held = [each for unit in example["risk_units"] for each in unit["positions"]]
    assert len(held) == 2
    for position in held:
        spec = contract_spec(parse_name(position["instId"]), "okx")
        assert spec.size == Decimal(str(assumed[position["instId"]]["ctVal"]))
        coins = units_of(Decimal(position["amt"]), spec)
        usd = float(coins) * position["markPx"]
        assert usd == pytest.approx(position["delta"], rel=1e-3)
        assert abs(usd) == pytest.approx(position["notionalUsd"], rel=2e-3)
