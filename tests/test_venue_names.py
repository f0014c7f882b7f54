"""Names of venues: which contract each stands for, back again, and what is refused or ambiguous."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.basics.errors import InputError, UnknownInstrument
from seawall.products.canonical import parse_canonical
from seawall.products.contracts import contract_name, expiry_of
from seawall.products.instruments import DatedFuture, Option, Perpetual, Stablecoin
from seawall.products.names import VENUES, parse_name, parse_venue_name, venue_name

# venue, its name, the canonical one; names that parse_name reads too are marked.
ALIASES = (
    ("okx", "BTC-USDT-SWAP", "BTC_USDT-PERPETUAL", True),
    ("okx", "SOL-USDC-SWAP", "SOL_USDC-PERPETUAL", True),
    ("okx", "BTC-USD-SWAP", "BTC-PERPETUAL", True),
    ("okx", "BTC-USD-260327", "BTC-27MAR26", True),
    ("okx", "ETH-USDT-260306", "ETH_USDT-6MAR26", True),
    ("okx", "BTC-USD-260327-80000-C", "BTC-27MAR26-80000-C", True),
    ("bybit", "BTCUSDT", "BTC_USDT-PERPETUAL", False),
    ("bybit", "1000BONKUSDT", "1000BONK_USDT-PERPETUAL", False),
    ("bybit", "BTCPERP", "BTC_USDC-PERPETUAL", False),
    ("bybit", "BTCUSD", "BTC-PERPETUAL", False),
    ("bybit", "BTCUSDH26", "BTC-27MAR26", False),
    ("bybit", "ETHUSDZ27", "ETH-31DEC27", False),
    ("bybit", "BTC-27MAR26", "BTC_USDC-27MAR26", False),
    ("bybit", "BTCUSDT-27MAR26", "BTC_USDT-27MAR26", True),
    ("bybit", "BTC-27MAR26-80000-C", "BTC_USDC-27MAR26-80000-C", False),
    ("bybit", "SOL-6MAR26-137.5-P-USDT", "SOL_USDT-6MAR26-137D5-P", True),
    ("binance", "BTCUSDT", "BTC_USDT-PERPETUAL", False),
    ("binance", "ETHUSDC", "ETH_USDC-PERPETUAL", False),
    ("binance", "BTCUSDT_260327", "BTC_USDT-27MAR26", True),
    ("binance", "BTCUSD_PERP", "BTC-PERPETUAL", True),
    ("binance", "BTCUSD_260327", "BTC-27MAR26", True),
    ("binance", "XRP-260327-2.25-P", "XRP_USDT-27MAR26-2D25-P", True),
    ("kraken", "PF_XBTUSD", "BTC_USD-PERPETUAL", True),
    ("kraken", "PI_ETHUSD", "ETH-PERPETUAL", True),
    ("kraken", "FF_XBTUSD_260327", "BTC_USD-27MAR26", True),
    ("deribit", "BTC-27MAR26-80000-C", "BTC-27MAR26-80000-C", True),
    ("deribit", "XRP_USDC-27JUN26-8d6-P", "XRP_USDC-27JUN26-8D6-P", True),
    ("deribit", "ETH-PERPETUAL", "ETH-PERPETUAL", True),
    ("bitmex", "ETHUSD", "ETH_USD:BTC-PERPETUAL", False),
    ("ccxt", "BTC/USDT:USDT", "BTC_USDT-PERPETUAL", True),
    ("ccxt", "BTC/USD:BTC", "BTC-PERPETUAL", True),
    ("ccxt", "BTC/USD:USD", "BTC_USD-PERPETUAL", True),
    ("ccxt", "ETH/USD:BTC", "ETH_USD:BTC-PERPETUAL", True),
    ("ccxt", "BTC/USDT:USDT-260327", "BTC_USDT-27MAR26", True),
    ("ccxt", "ETH/USD:ETH-251226-4000-C", "ETH-26DEC25-4000-C", True),
    ("ccxt", "XRP/USDC:USDC-260627-8.6-P", "XRP_USDC-27JUN26-8D6-P", True),
    ("occ", "NVDA  250117C00150000", "NVDA250117C00150000", True),
    ("nse", "NIFTY26FEB26000CE", "NIFTY.IN_INR-24FEB26-26000-C", True),
    ("nse", "NIFTY26MARFUT", "NIFTY.IN_INR-30MAR26", True),
    ("nse", "NIFTY2621726000PE", "NIFTY.IN_INR-17FEB26-26000-P", True),
    ("nse", "BAJAJ-AUTO26FEB9600CE", "BAJAJ-AUTO.IN_INR-24FEB26-9600-C", True),
    ("nse", "360ONE26FEB1162.5PE", "360ONE.IN_INR-24FEB26-1162D5-P", True),
)


@pytest.mark.parametrize(("venue", "alias", "name", "is_its_own"), ALIASES)
def test_an_alias_stands_for_the_canonical_contract(venue, alias, name, is_its_own):
    contract = parse_venue_name(alias, venue)
    assert contract == parse_name(name) == parse_name(f"{venue}:{alias}")
    assert contract.name == name
    assert venue_name(contract, venue) == alias
    if is_its_own:
        assert parse_name(alias) == contract


def test_a_name_that_two_venues_give_to_two_contracts_is_the_canonical_one():
    """Bybit's options without an ending look like Deribit's, and are no inverse ones."""
    name = "BTC-27MAR26-80000-C"
    assert parse_name(name).is_inverse
    assert not parse_venue_name(name, "bybit").is_inverse
    assert parse_venue_name("BTC-27MAR26", "deribit") != parse_venue_name("BTC-27MAR26", "bybit")


@pytest.mark.parametrize("name", ["BTCUSDT", "BTCUSDC", "ETHUSD", "BTCPERP", "ETHUSDM26"])
def test_a_pair_is_no_coin(name):
    with pytest.raises(UnknownInstrument, match="is a pair") as caught:
        parse_name(name)
    assert f"bybit:{name}" in caught.value.remedy
    assert f"{name[:3]}_USDT-PERPETUAL" in caught.value.remedy
    with pytest.raises(UnknownInstrument, match="is a pair"):
        parse_name(f"{name}-PERPETUAL")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("btc-27mar26-80000-p", "BTC-27MAR26-80000-P"),
        (" BTC-PERPETUAL", "BTC-PERPETUAL"),
        ("BTC-PERP", "BTC-PERPETUAL"),
        ("BTC_USDC-PERP", "BTC_USDC-PERPETUAL"),
        ("BTC-27MAR26-80000", "BTC-27MAR26-80000-C or BTC-27MAR26-80000-P"),
        ("BTC-07MAR26", "BTC-7MAR26"),
        ("XRP_USDC-27MAR26-8.6-C", "XRP_USDC-27MAR26-8D6-C"),
        ("nvda250117c00150000", "NVDA250117C00150000"),
        ("nvda.us", "NVDA.US"),
    ],
)
def test_what_may_be_meant_is_suggested(name, meant):
    with pytest.raises(UnknownInstrument) as caught:
        parse_name(name)
    assert caught.value.remedy == f"Write {meant}, if that is meant."


@pytest.mark.parametrize(
    ("venue", "name", "why"),
    [
        ("okx", "BTC-USDT", "spot pair"),
        ("ccxt", "BTC/USDT", "spot pair"),
        ("bybit", "BTCUSDC", "spot pair"),
        ("okx", "BTC-USD-260231", "not a date"),
        ("okx", "BTC-USD-260327-0-C", "not a price"),
        ("okx", "btc-usdt-swap", "OKX lists no contract"),
        ("ccxt", "ETH/BTC:BTC", "priced in BTC"),
        ("ccxt", "kPEPE/USDC:USDC", "capitals"),
        ("ccxt", "SOL/USD:BTC", "settles in BTC"),
        ("ccxt", "ETH/USD:BTC-260327", "settles in BTC"),
        ("kraken", "FI_XBTUSD_260327", "16:00 in London"),
        ("kraken", "BTC-PERPETUAL", "Kraken lists no contract"),
        ("bitmex", "XBTUSD", "BitMEX lists no contract"),
        ("deribit", "BTC_USDT-PERPETUAL", "Deribit lists no contract"),
        ("deribit", "BTC", "Deribit lists no contract"),
        ("nse", "NIFTY26MAY26000CE", "not known here"),
        ("nse", "RELIANCE2621026000CE", "NSE lists no contract"),
        ("binance", "BTCUSDT_PERP", "Binance lists no contract"),
    ],
)
def test_what_a_venue_does_not_list_is_refused_with_the_reason(venue, name, why):
    with pytest.raises(UnknownInstrument, match=why) as caught:
        parse_venue_name(name, venue)
    assert caught.value.remedy.endswith(".")


@pytest.mark.parametrize(
    ("name", "venue"),
    [
        ("BTC-27MAR26-80000-C", "bybit"),
        ("BTC-27MAR26-80000-C", "binance"),
        ("BTC_USDC-27MAR26-80000-C", "binance"),
        ("BTC_USDT-27MAR26-80000-C", "okx"),
        ("BTC-20MAR26", "bybit"),
        ("BTC_USD-PERPETUAL", "okx"),
        ("BTC_USDT-PERPETUAL", "deribit"),
        ("BTC-27MAR26", "kraken"),
        ("BTC_USDC-PERPETUAL", "kraken"),
        ("ETH_USD:BTC-PERPETUAL", "bybit"),
        ("ETH-PERPETUAL", "bitmex"),
        ("NVDA250117C00150000", "ccxt"),
        ("NVDA250117C00150000", "nse"),
        ("BTC-PERPETUAL", "occ"),
        ("NIFTY.IN_INR-26MAY26", "nse"),
        ("USDC", "okx"),
    ],
)
def test_a_venue_has_no_name_for_what_it_does_not_list(name, venue):
    with pytest.raises(UnknownInstrument):
        venue_name(parse_name(name), venue)


def test_a_venue_whose_names_are_not_known_is_an_error():
    with pytest.raises(InputError, match="'ftx' is no venue"):
        parse_venue_name("BTC-PERP", "ftx")
    with pytest.raises(InputError, match="is no venue"):
        venue_name(parse_name("BTC-PERPETUAL"), "ftx")
    with pytest.raises(UnknownInstrument, match="no names of ftx are known"):
        parse_name("ftx:BTC-PERP")
    with pytest.raises(UnknownInstrument, match="a name is text"):
        parse_venue_name(None, "okx")


days = st.dates(date(2010, 1, 1), date(2099, 12, 31))
strikes = st.one_of(
    st.integers(1, 10_000_000).map(float), st.integers(1, 10**9).map(lambda n: n / 10_000)
)


@st.composite
def contracts(draw):
    """Any contract on a coin, and any on a share or index, by its canonical name."""
    coin = draw(st.sampled_from(("BTC", "ETH", "XRP", "1INCH", "1000BONK", "USDC", "NVDA.US")))
    coin = draw(st.sampled_from((coin, coin, "SPX.US", "NIFTY.IN", "M&M.IN")))
    settlement = {".US": "USD", ".IN": "INR"}.get(coin[-3:])
    if settlement is None:
        settlement = draw(st.sampled_from((coin, "USDC", "USDT", "USD")))
        if draw(st.booleans()):
            return parse_canonical(perpetual_name(coin, settlement))
    at_open = coin == "SPX.US" and draw(st.booleans())
    expiry = expiry_of(coin, draw(days), at_open)
    if draw(st.booleans()):
        return parse_canonical(contract_name(coin, settlement, expiry))
    right = draw(st.sampled_from(("call", "put")))
    return parse_canonical(contract_name(coin, settlement, expiry, draw(strikes), right))


def perpetual_name(coin, settlement):
    return f"{coin}-PERPETUAL" if coin == settlement else f"{coin}_{settlement}-PERPETUAL"


@given(contract=contracts(), venue=st.sampled_from(VENUES))
def test_a_venue_reads_back_what_it_is_called_there(contract, venue):
    try:
        alias = venue_name(contract, venue)
    except UnknownInstrument:
        return
    assert parse_venue_name(alias, venue) == contract
    assert parse_name(f"{venue}:{alias}") == contract


@given(contract=contracts(), venue=st.sampled_from(VENUES))
def test_a_name_without_its_venue_is_never_another_contract_but_a_canonical_one(contract, venue):
    try:
        alias = venue_name(contract, venue)
        found = parse_name(alias)
    except UnknownInstrument:
        return
    assert found == contract or found.name == alias


@given(contract=contracts())
def test_a_canonical_name_is_read_as_itself(contract):
    assert parse_name(contract.name) == contract
    assert parse_name(contract.name).name == contract.name


@given(name=st.text("ABCTUSDPEX0123456789-_/:.CdF ", max_size=24), venue=st.sampled_from(VENUES))
def test_any_text_is_a_contract_of_a_venue_or_an_unknown_instrument(name, venue):
    try:
        contract = parse_venue_name(name, venue)
    except UnknownInstrument:
        return
    assert parse_canonical(contract.name) == contract


def test_every_symbol_of_binance_in_ccxts_words_is_read(shared):
    refused = set()
    for year in ("2024-10", "2025-10"):
        path = shared / f"data/exchange_params/binance_usdm_leverage_tiers_{year}.parquet"
        symbols = pl.read_parquet(path)["symbol"].unique().to_list()
        assert len(symbols) > 300
        for symbol in symbols:
            try:
                contract = parse_name(symbol)
            except UnknownInstrument:
                refused.add(symbol)
                continue
            assert isinstance(contract, Perpetual | DatedFuture)
            assert venue_name(contract, "ccxt") == symbol
            # Binance's own symbol: the pair, and the day of a dated one.
            pair, day = symbol.replace("/", "").split(":")[0], symbol.partition("-")[2]
            assert venue_name(contract, "binance") == (f"{pair}_{day}" if day else pair)
    assert refused == {"ETH/BTC:BTC"}


def test_recorded_options_of_deribit_have_aliases_that_lead_back(shared):
    path = shared / "data/options/deribit_chain_daily_2025-12-30_2026-04-15_BTC_ETH.parquet"
    frame = pl.read_parquet(path, columns=["instrument_name", "expiry", "strike", "option_type"])
    rows = frame.unique("instrument_name").rows()
    assert len(rows) > 3_000
    for name, expiry, strike, right in rows:
        contract = parse_name(name)
        assert (contract.expiry, contract.strike, contract.right) == (expiry, strike, right)
        for venue in ("ccxt", "okx", "deribit"):
            assert parse_venue_name(venue_name(contract, venue), venue) == contract
        in_usdt = parse_name(name.replace("-", "_USDT-", 1))
        for venue in ("binance", "bybit", "ccxt"):
            assert parse_venue_name(venue_name(in_usdt, venue), venue) == in_usdt


@pytest.mark.parametrize(
    ("venue", "name"),
    [
        ("okx", "BTC-USD-260327-80000-C"),
        ("bybit", "BTC-27MAR26-80000-C"),
        ("bybit", "ETH-6MAR26-2500-P-USDT"),
        ("binance", "BTC-260327-80000-C"),
        ("deribit", "BTC-27MAR26-80000-C"),
        ("deribit", "BTC_USDC-7MAR26-80000-P"),
        ("deribit", "XRP_USDC-27JUN26-8d6-P"),
    ],
)
def test_options_are_those_that_ccxt_understands(venue, name):
    ccxt = pytest.importorskip("ccxt")
    market = getattr(ccxt, venue)().create_expired_option_market(name)
    contract = parse_venue_name(name, venue)
    assert contract == parse_venue_name(market["symbol"], "ccxt")
    assert (contract.underlying, contract.settlement) == (
        market["base"].partition("_")[0],
        market["settle"],
    )
    assert contract.right == market["optionType"]
    assert contract.strike == float(market["symbol"].split("-")[2].replace("d", "."))
    day = datetime.fromtimestamp(market["expiry"] / 1_000, UTC).date()
    assert contract.expiry == datetime.combine(day, time(8), UTC)


def test_terms_of_coin_contracts_are_cash_european_and_averaged_over_half_an_hour():
    for name in ("BTC-27MAR26-80000-C", "BTC_USDT-27MAR26-80000-P", "BTC/USD:BTC-260327"):
        contract = parse_name(name)
        assert (contract.delivery, contract.averaging_minutes) == ("cash", 30)
        assert not isinstance(contract, Option) or contract.exercise == "european"
    assert parse_name("USDT") == Stablecoin(name="USDT")
