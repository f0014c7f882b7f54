"""Shares, indices and quantos: their names, the terms of their contracts, how they are margined."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.basics.errors import BadNumber, InputError, MissingQuote, UnknownInstrument
from seawall.margin.classes import class_of
from seawall.margin.presets import load_preset
from seawall.market.snapshot import MarketSnapshot
from seawall.products.contracts import contract_name, expiry_of
from seawall.products.instruments import DatedFuture, Option, Perpetual, Stock
from seawall.products.names import parse_name, parse_venue_name, venue_name
from seawall.products.portfolio import Portfolio, Position, portfolio
from seawall.products.venues.nse import MONTHLY_DAYS
from seawall.report.build import margin
from seawall.risk.book import join

PRBM = load_preset("prbm")
MARKET = MarketSnapshot(
    as_of=datetime(2025, 1, 6, 21, tzinfo=UTC),
    index_usd={"NVDA.US": 150.0, "BTC": 100_000.0, "ETH": 3_000.0},
    stable_usd={},
    forwards={},
    futures={"ETH_USD:BTC-PERPETUAL": 3_010.0},
    slices={},
    option_rows={},
)


@pytest.mark.parametrize(
    ("name", "underlying", "expiry", "exercise", "delivery"),
    [
        # 16:00 in New York is 21:00 UTC in winter, 20:00 in summer; 9:30 is 14:30 and 13:30.
        ("NVDA250117C00150000", "NVDA.US", (2025, 1, 17, 21), "american", "physical"),
        ("F250718P00012500", "F.US", (2025, 7, 18, 20), "american", "physical"),
        ("SPY230914C00450000", "SPY.US", (2023, 9, 14, 20), "american", "physical"),
        ("SPXW230914C04500000", "SPX.US", (2023, 9, 14, 20), "european", "cash"),
        ("SPX230915C04500000", "SPX.US", (2023, 9, 15, 13, 30), "european", "cash"),
        ("SPX241220P04500000", "SPX.US", (2024, 12, 20, 14, 30), "european", "cash"),
        ("XSP230915C00450000", "XSP.US", (2023, 9, 15, 20), "european", "cash"),
        ("NDX250117C20000000", "NDX.US", (2025, 1, 17, 14, 30), "european", "cash"),
        ("NDXP250116C20000000", "NDX.US", (2025, 1, 16, 21), "european", "cash"),
        ("RUTW250116C02000000", "RUT.US", (2025, 1, 16, 21), "european", "cash"),
        ("OEX250117P02500000", "OEX.US", (2025, 1, 17, 21), "american", "cash"),
    ],
)
def test_us_options(name, underlying, expiry, exercise, delivery):
    option = parse_name(name)
    assert isinstance(option, Option)
    assert (option.name, option.underlying, option.settlement) == (name, underlying, "USD")
    assert option.expiry == datetime(*expiry, tzinfo=UTC)
    assert (option.exercise, option.delivery) == (exercise, delivery)
    assert option.averaging_minutes == 0
    assert option.strike == int(name[-8:]) / 1_000.0
    assert option.right == ("call" if name[-9] == "C" else "put")


@pytest.mark.parametrize(
    ("name", "expiry", "kind", "delivery", "averaging_minutes"),
    [
        ("NIFTY.IN_INR-24FEB26-26000-C", (2026, 2, 24, 10), Option, "cash", 30),
        ("BANKNIFTY.IN_INR-24FEB26", (2026, 2, 24, 10), DatedFuture, "cash", 30),
        ("RELIANCE.IN_INR-24FEB26-1450-P", (2026, 2, 24, 10), Option, "physical", 0),
        ("M&M.IN_INR-30MAR26", (2026, 3, 30, 10), DatedFuture, "physical", 0),
    ],
)
def test_indian_contracts_end_at_their_close(name, expiry, kind, delivery, averaging_minutes):
    contract = parse_name(name)
    assert isinstance(contract, kind)
    assert (contract.name, contract.settlement) == (name, "INR")
    assert contract.expiry == datetime(*expiry, tzinfo=UTC)
    assert (contract.delivery, contract.averaging_minutes) == (delivery, averaging_minutes)
    assert kind is not Option or contract.exercise == "european"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("NVDA1250117C00150000", "something else than 100 shares"),
        ("VIX250117C00015000", "volatility"),
        ("XEO250117C02500000", "OEX"),
        ("MRUT250117C00200000", "terms are not known"),
        ("NVDA250117C00000000", "not a price"),
        ("NVDA251317C00150000", "not a date"),
        ("SPX.US", "an index is not held"),
        ("NIFTY.IN", "an index is not held"),
        ("VIX.US", "no share or index known"),
        ("SPXW.US", "no share or index known"),
        ("BRK-B.US", "no share or index known"),
        ("SAP.DE", "markets end in .US, .IN"),
        ("NVDA.US-PERPETUAL", "settle in USD"),
        ("NVDA.US_USDT-PERPETUAL", "settle in USD"),
        ("NVDA.US_USDC-17JAN25", "settle in USD"),
        ("NIFTY.IN-24FEB26", "settle in INR"),
        ("BTC_INR-24FEB26", "not a known settlement currency"),
        ("BTC-24FEB26AM", "only contracts on share indices"),
        ("NVDA.US_USD-17JAN25-150-C", "listed as NVDA250117C00150000"),
        ("SPX.US_USD-17JAN25AM-6000-C", "listed as SPX250117C06000000"),
    ],
)
def test_what_is_no_contract_on_shares_is_refused_with_the_reason(name, why):
    with pytest.raises(UnknownInstrument, match=why):
        parse_name(name)


def test_a_strike_that_no_symbol_can_tell_has_the_grammars_name():
    """Strikes that a surface is asked for lie between the listed ones."""
    expiry = expiry_of("SPX.US", date(2025, 1, 17), at_open=True)
    name = contract_name("SPX.US", "USD", expiry, 5_923.45678, "put")
    assert name == "SPX.US_USD-17JAN25AM-5923D45678-P"
    option = parse_name(name)
    assert (option.expiry, option.strike, option.delivery) == (expiry, 5_923.45678, "cash")
    assert option.exercise == "european"
    expiry = expiry_of("NVDA.US", date(2025, 1, 17))
    name = contract_name("NVDA.US", "USD", expiry, 150.0005, "call")
    assert name == "NVDA.US_USD-17JAN25-150D0005-C"
    assert parse_name(name).exercise == "american"


def test_a_coin_may_have_a_shares_ticker():
    coin, share = parse_name("LINK"), parse_name("LINK.US")
    assert isinstance(share, Stock)
    assert coin.underlying != share.underlying
    assert parse_name("SPX-PERPETUAL").underlying == "SPX"


def test_every_recorded_us_option_is_that_of_its_row(shared):
    """Names, expiries, strikes and rights of 93,000 rows of Cboe's files, among them SPX's."""
    paths = sorted((shared / "data/options").glob("cboe_*.parquet"))
    checked = 0
    for path in paths:
        frame = pl.read_parquet(path)
        if "instrument_name" not in frame.columns:
            continue
        columns = ["instrument_name", "underlying", "root", "expiry", "strike", "option_type"]
        for name, underlying, root, day, strike, right in frame.select(columns).rows():
            option = parse_name(name)
            assert (option.underlying, option.strike) == (f"{underlying}.US", strike)
            assert (option.right, f"{option.expiry:%Y-%m-%d}") == (right, day)
            assert option.expiry.hour in ((13, 14) if root == "SPX" else (20, 21))
            assert name == contract_name(option.underlying, "USD", option.expiry, strike, right)
            assert parse_name(venue_name(option, "occ")) == option
            checked += 1
    assert checked > 90_000


def test_every_recorded_indian_contract_has_a_name(shared):
    path = shared / "data/options/nse_fo_eod_2026-02-10_all.parquet"
    frame = pl.read_parquet(path)
    columns = ["instrument_type", "symbol", "expiry", "strike", "option_type"]
    monthly = frame.filter(pl.col("instrument_type") == "STF")["expiry"].unique().to_list()
    assert all(MONTHLY_DAYS[f"{day[2:4]}{day[5:7]}"] == day[8:] for day in monthly)
    assert len(monthly) == 3
    aliased = 0
    for kind, symbol, day, strike, right in frame.select(columns).rows():
        expiry = expiry_of(f"{symbol}.IN", date.fromisoformat(day))
        contract = parse_name(contract_name(f"{symbol}.IN", "INR", expiry, strike, right))
        assert contract.expiry == expiry
        assert contract.delivery == ("physical" if kind in ("STF", "STO") else "cash")
        if day[:4] == "2026":
            alias = venue_name(contract, "nse")
            assert parse_venue_name(alias, "nse") == parse_name(alias) == contract
            aliased += 1
    assert aliased > 45_000


@given(st.dates(date(2010, 1, 1), date(2099, 12, 31)), st.booleans())
def test_an_expirys_day_is_read_back_in_summer_and_winter(day, at_open):
    name = contract_name("SPX.US", "USD", expiry_of("SPX.US", day, at_open), 6_000.0, "call")
    assert name == f"{'SPX' if at_open else 'SPXW'}{day:%y%m%d}C06000000"


# ---- margin


@pytest.mark.parametrize(
    ("underlying", "name"),
    [
        ("SPX.US", "equity-index"),
        ("SPY.US", "equity-index"),
        ("NIFTY.IN", "equity-index"),
        ("NVDA.US", "single-stock"),
        ("BANKNIFTY.IN", "single-stock"),
        ("RELIANCE.IN", "single-stock"),
        ("SOL", "large"),
        ("SOL.US", "single-stock"),
        ("SPX", "other"),
    ],
)
def test_classes_of_shares_and_coins(underlying, name):
    assert class_of(underlying, PRBM.classes).name == name


@pytest.mark.parametrize("shares", [100, -100])
def test_a_share_is_margined_by_its_class(shares):
    """15,000 USD of a single stock: 20 % in the array, a haircut of 5 % on what is held."""
    book = portfolio([("NVDA.US", shares), ("USD", 100_000)])
    report = margin(book, MARKET, "prbm")
    scanned = next(row for row in report.rows if row.path == "scanning_risk/NVDA.US")
    assert float(scanned.maintenance) == pytest.approx(3_000.0)
    cut = {row.path: row for row in report.collateral_rows}["stock/NVDA.US"]
    assert float(cut.value) == 150.0 * shares
    assert float(cut.haircut) == pytest.approx(750.0 if shares > 0 else 0.0)
    assert not any(row.path.startswith("outside/") for row in report.collateral_rows)


def test_a_share_needs_a_price():
    with pytest.raises(MissingQuote, match=r"no index price of AMD\.US"):
        join(portfolio([("AMD.US", 1)]), MARKET)


# ---- quantos


def test_a_quanto_pays_a_fixed_rate_in_another_coin():
    quanto = parse_name("ETH_USD:BTC-PERPETUAL")
    assert (quanto.settlement, quanto.quote, quanto.is_inverse) == ("BTC", "USD", False)
    assert quanto.quanto_rate == 1e-6
    with pytest.raises(UnknownInstrument, match="what it pays is not known"):
        parse_name("SOL_USD:BTC-PERPETUAL")
    with pytest.raises(UnknownInstrument, match="what it pays is not known"):
        parse_name("ETH_USD:BTC-27MAR26")


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf")])
def test_a_quantos_rate_is_positive(rate):
    with pytest.raises(BadNumber, match="quanto rate"):
        Perpetual(name="X", underlying="ETH", settlement="BTC", quanto_rate=rate)


def test_an_inverse_contract_is_no_quanto():
    with pytest.raises(BadNumber, match="quanto rate"):
        Perpetual(name="X", underlying="BTC", settlement="BTC", quanto_rate=1.0)


@pytest.mark.parametrize(
    "held",
    [
        parse_name("ETH_USD:BTC-PERPETUAL"),
        Perpetual(name="BY-HAND", underlying="ETH", settlement="USDC", quanto_rate=0.1),
        Option(
            name="BY-HAND-C",
            underlying="ETH",
            settlement="USDC",
            quanto_rate=0.1,
            expiry=datetime(2025, 3, 28, 8, tzinfo=UTC),
            strike=3_000.0,
            right="call",
        ),
    ],
)
def test_a_quanto_is_not_margined(held):
    position = Position(instrument=held, quantity=Decimal(1))
    book = Portfolio(account="main", positions=(position,))
    with pytest.raises(InputError, match=r"is a quanto, which is not margined.*account main"):
        join(book, MARKET)
