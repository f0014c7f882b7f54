"""Instrument names: what each form means, that writing and reading agree, what is refused."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.basics.errors import UnknownInstrument
from seawall.products.instruments import (
    Cash,
    DatedFuture,
    Option,
    Perpetual,
    SpotAsset,
    Stablecoin,
)
from seawall.products.names import contract_name, parse_name

JUNE = datetime(2026, 6, 27, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "kind", "underlying", "settlement", "is_inverse"),
    [
        ("BTC-PERPETUAL", Perpetual, "BTC", "BTC", True),
        ("BTC_USDC-PERPETUAL", Perpetual, "BTC", "USDC", False),
        ("BTC-27JUN26", DatedFuture, "BTC", "BTC", True),
        ("BTC_USDC-27JUN26", DatedFuture, "BTC", "USDC", False),
        ("BTC-27JUN26-100000-C", Option, "BTC", "BTC", True),
        ("BTC_USDC-27JUN26-100000-P", Option, "BTC", "USDC", False),
        ("SPX_USD-27JUN26-6000-P", Option, "SPX", "USD", False),
    ],
)
def test_contract_names(name, kind, underlying, settlement, is_inverse):
    contract = parse_name(name)
    assert isinstance(contract, kind)
    assert (contract.name, contract.underlying) == (name, underlying)
    assert (contract.settlement, contract.is_inverse) == (settlement, is_inverse)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("USD", Cash), ("USDC", Stablecoin), ("USDT", Stablecoin), ("BTC", SpotAsset)],
)
def test_a_bare_asset_is_a_holding(name, kind):
    assert parse_name(name) == kind(name=name)


def test_contracts_expire_at_eight_utc():
    assert parse_name("BTC-27JUN26").expiry == JUNE
    assert parse_name("ETH-1JAN27-3000-P").expiry == datetime(2027, 1, 1, 8, tzinfo=UTC)


def test_strike_and_right():
    call, put = parse_name("BTC-27JUN26-100000-C"), parse_name("BTC-27JUN26-100000-P")
    assert (call.strike, call.right, call.is_call) == (100_000.0, "call", True)
    assert (put.strike, put.right, put.is_call) == (100_000.0, "put", False)


def test_d_is_the_decimal_point_of_a_strike():
    assert parse_name("XRP_USDC-27JUN26-8D6-P").strike == 8.6
    assert contract_name("XRP", "USDC", JUNE, 8.6, "put") == "XRP_USDC-27JUN26-8D6-P"


expiries = st.dates(date(2010, 1, 1), date(2099, 12, 31)).map(
    lambda day: datetime.combine(day, time(8), UTC)
)
strikes = st.one_of(
    st.integers(1, 10_000_000).map(float), st.integers(1, 10**9).map(lambda n: n / 10_000)
)


@given(
    underlying=st.sampled_from(("BTC", "ETH", "XRP", "1INCH")),
    settlement=st.sampled_from((None, "USDC", "USDT", "USD")),
    expiry=expiries,
    strike=strikes,
    right=st.sampled_from(("call", "put")),
)
def test_a_written_name_reads_back_as_the_same_contract(
    underlying, settlement, expiry, strike, right
):
    settlement = settlement or underlying
    name = contract_name(underlying, settlement, expiry, strike, right)
    assert parse_name(name) == Option(
        name=name,
        underlying=underlying,
        settlement=settlement,
        expiry=expiry,
        averaging_minutes=30,
        strike=strike,
        right=right,
    )
    future = contract_name(underlying, settlement, expiry)
    assert parse_name(future) == DatedFuture(
        name=future,
        underlying=underlying,
        settlement=settlement,
        expiry=expiry,
        averaging_minutes=30,
    )


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "BTC-",
        "BTC-PERP",
        "btc-perpetual",
        "BTC-PERPETUAL ",
        "BTC-31FEB26",  # no such day
        "BTC-00JAN26",
        "BTC-27JUM26",  # no such month
        "BTC-27JUN2026",
        "BTC-27JUN26-100000",  # neither call nor put
        "BTC-27JUN26-100000-X",
        "BTC-27JUN26-0-C",  # a strike of zero
        "BTC-27JUN26-0D0-C",
        "BTC-27JUN26--1-C",
        "BTC-27JUN26-8D-C",
        "BTC-27JUN26-8.6-C",
        "BTC_DOGE-PERPETUAL",  # settles in nothing known
        "BTC_BTC-PERPETUAL",
        "BTC-07JUN26",  # listed as BTC-7JUN26
        "BTC-27JUN26-0100000-C",
        "BTC-27JUN26-100000D0-C",
        f"BTC-27JUN26-{'9' * 400}-C",
        "BTC/USDC",
        "SYN.BTC-27JUN26",
        "index_price",
    ],
)
def test_bad_names_are_refused_with_the_reason(name):
    with pytest.raises(UnknownInstrument) as caught:
        parse_name(name)
    # A message stays short whatever was written, and says what may be.
    assert repr(name[:60]) in caught.value.what
    assert re.search(r"[A-Z]-(PERPETUAL|\d+JUN26)", caught.value.remedy)


@given(st.text(max_size=40))
def test_any_text_is_an_instrument_or_an_unknown_instrument(name):
    with suppress(UnknownInstrument):
        assert parse_name(name).name == name
