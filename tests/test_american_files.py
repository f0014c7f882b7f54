"""Chains of American options: implied, valued, carried to expiry; and what is said of bad ones."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import seawall as sw
from seawall.basics.errors import BadNumber, ExpiredInstrument, MissingQuote
from seawall.feeds.market import read_market, read_quotes
from seawall.market.quotes import OptionQuotes
from seawall.market.terms import terms_at
from seawall.pricing.american import price
from seawall.products.markets import US, ends_at
from tests.equity_tables import (
    ACME_RATE,
    ACME_SPOT,
    ACME_YEARS,
    DIVIDENDS,
    EX,
    EX_YEARS,
    PAID,
    QUOTED,
    RATES,
    SPX_END,
    YEAR_S,
    acme,
    american_value,
    smile,
)
from tests.tables import write

KEY = ("ACME.US", "USD", SPX_END)


def files(folder: Path, frame: pl.DataFrame | None = None, **told: str) -> list[Path]:
    paths = [write(acme() if frame is None else frame, folder / "quotes.parquet")]
    for name, text in told.items():
        paths.append(folder / f"{name}.csv")
        paths[-1].write_text(text)
    return paths


def book(folder: Path, text: str) -> sw.Portfolio:
    path = folder / "book.csv"
    path.write_text(f"instrument,quantity\n{text}\nUSD,100000\n")
    return sw.read_portfolio(path)


def test_volatility_forward_and_carry_are_those_behind_the_quotes(tmp_path):
    listed = read_market(files(tmp_path, rates=RATES, dividends=DIVIDENDS)).slices[KEY]
    growth = np.exp(ACME_RATE * ACME_YEARS)
    forward = ACME_SPOT * growth - PAID * np.exp(ACME_RATE * (ACME_YEARS - EX_YEARS))
    assert listed.forward == pytest.approx(forward, rel=2e-4)
    assert listed.discount == pytest.approx(1.0 / growth, rel=1e-9)
    assert listed.carry.yield_per_year == pytest.approx(0.0, abs=0.001)
    assert [each.amount for each in listed.carry.dividends] == [0.8, PAID]
    expected = [smile(strike, ACME_SPOT) for strike in listed.strike]
    np.testing.assert_allclose(listed.vol, expected, rtol=0.01)
    assert listed.warnings == ()


def test_quotes_are_repriced_without_dividends_and_even_without_rates(tmp_path):
    for told, least in (({}, 16), ({"rates": RATES}, 20)):
        market = read_market(files(tmp_path, **told))
        listed = market.slices[KEY]
        # Deep in the money two cents tell that a rate is missing.
        assert len(listed.names) >= least
        found = terms_at(listed, market.index_usd, market.as_of).value(
            listed.strike, listed.vol, listed.is_call
        )
        quoted = [american_value(k, c) for k, c in zip(listed.strike, listed.is_call, strict=True)]
        # Of a call and a put the out-of-the-money one tells for both.
        np.testing.assert_allclose(found, quoted, atol=0.25)


@pytest.mark.parametrize(
    ("day", "rate", "vol"), [("2027-03-19", 0.05, 0.2), ("2028-01-21", 0.05, 0.25)]
)
def test_early_exercise_takes_nothing_off_the_forward(tmp_path, day, rate, vol):
    """Of one and two years, where a put near the money is worth a tenth more for it."""
    ends = ends_at(US, date.fromisoformat(day), at_open=False)
    tenor = (ends - QUOTED).total_seconds() / YEAR_S
    rows = [
        {
            "quote_time": QUOTED,
            "underlying": "ACME",
            "underlying_price": ACME_SPOT,
            "expiry": day,
            "strike": strike,
            "option_type": right,
            "bid_price": worth - 0.03,
            "ask_price": worth + 0.03,
        }
        for strike in (100.0, 120.0, 140.0, 147.0, 150.0, 155.0, 165.0, 180.0, 200.0)
        for right in ("call", "put")
        for worth in [float(price(ACME_SPOT, strike, vol, tenor, rate, 0.0, right == "call"))]
    ]
    rates = f"T,DF\n{tenor},{np.exp(-rate * tenor)}\n"
    [listed] = read_market(files(tmp_path, pl.DataFrame(rows), rates=rates)).slices.values()
    assert listed.forward == pytest.approx(ACME_SPOT * np.exp(rate * tenor), rel=1e-5)
    assert len(listed.names) == len(rows)
    np.testing.assert_allclose(listed.vol, vol, atol=2e-3)


def test_what_is_not_told_is_warned_of_in_the_report(tmp_path):
    held = book(tmp_path, "ACME260618P00150000,-100")
    bare = sw.margin(held, read_market(files(tmp_path)), model="prbm")
    said = " ".join(bare.warnings)
    assert "No discount factor of ACME.US" in said
    assert "Dividends of ACME.US are unknown" in said
    told = read_market(files(tmp_path, rates=RATES, dividends=DIVIDENDS))
    full = sw.margin(held, told, model="prbm")
    assert not any("ACME.US" in warning and "Defaults" not in warning for warning in full.warnings)
    assert float(bare.initial) == pytest.approx(float(full.initial), rel=0.01)


def test_a_spot_of_another_moment_than_its_options_is_doubted(tmp_path):
    late = acme().with_columns(underlying_price=pl.lit(1.02 * ACME_SPOT))
    paths = files(tmp_path, late, rates=RATES, dividends=DIVIDENDS)
    [doubt] = read_market(paths).slices[KEY].warnings
    assert "ACME.US at 153 may be of another moment than its options" in doubt
    assert "--price ACME.US=VALUE" in doubt
    assert read_market(paths, prices={"ACME.US": ACME_SPOT}).slices[KEY].warnings == ()


def test_an_ask_below_what_exercise_brings_points_to_the_price(tmp_path):
    late = acme().with_columns(underlying_price=pl.lit(1.02 * ACME_SPOT))
    deep = "ACME260618C00120000"
    market = read_market(files(tmp_path, late, rates=RATES, dividends=DIVIDENDS))
    ask = american_value(120.0, True) + 0.01
    assert ask < 33.0
    assert market.dropped[deep] == (
        f"its ask of {ask:.6g} is below the 33 exercise brings at 153; where that is of "
        "another moment, give --price ACME.US=VALUE"
    )
    path = files(tmp_path, late, rates=RATES, dividends=DIVIDENDS)
    assert deep in read_market(path, prices={"ACME.US": ACME_SPOT}).option_rows


def test_without_both_rights_the_forward_is_the_growth_of_the_price(tmp_path):
    calls = acme().filter(pl.col("option_type") == "call")
    listed = read_market(files(tmp_path, calls, rates=RATES, dividends=DIVIDENDS)).slices[KEY]
    grown = ACME_SPOT * np.exp(ACME_RATE * ACME_YEARS) - PAID * np.exp(
        ACME_RATE * (ACME_YEARS - EX_YEARS)
    )
    assert listed.forward == pytest.approx(grown, rel=1e-12)
    assert listed.carry.yield_per_year == pytest.approx(0.0, abs=1e-12)
    assert "No call and put near the money tell the forward of ACME.US" in listed.warnings[0]


def test_an_american_option_needs_the_price_of_its_share(tmp_path):
    paths = files(tmp_path, acme().with_columns(underlying_price=pl.lit(None, pl.Float64)))
    market = read_market(paths)
    with pytest.raises(MissingQuote):
        sw.margin(book(tmp_path, "ACME260618P00150000,-100"), market, model="prbm")
    assert KEY in read_market(paths, prices={"ACME.US": ACME_SPOT}).slices


def test_a_dividend_above_the_share_leaves_its_options_out(tmp_path):
    cents = DIVIDENDS.replace(f"{EX},{PAID}", f"{EX},160")
    market = read_market(files(tmp_path, dividends=cents))
    with pytest.raises(MissingQuote, match="a dividend of 160 on 2026-04-15T13:30:00Z is more"):
        sw.margin(book(tmp_path, "ACME260618P00150000,-100"), market, model="prbm")
    # Several that together are more, where parity does not tell the forward.
    rows = "".join(f"ACME.US,2026-04-{day},50\n" for day in (14, 15, 16, 17))
    calls = acme().filter(pl.col("option_type") == "call")
    told = "underlying,ex_date,amount\n" + rows
    assert not read_market(files(tmp_path, calls, dividends=told)).slices


def test_dividends_of_what_is_not_quoted_are_named(tmp_path):
    told = DIVIDENDS.replace("ACME.US", "ACEM.US")
    market = read_market(files(tmp_path, dividends=told + "BCME.US,2026-04-15,1\n"))
    assert "Dividends of ACEM.US and 1 more are used by nothing" in market.warnings[0]
    assert "Dividends of ACME.US are unknown" in " ".join(market.slices[KEY].warnings)


@pytest.mark.parametrize("text", ["T,DF\n0.5,0.5\n", "T,DF\n0.01,1.2\n", "T,DF\n180,98.2\n"])
def test_a_discount_factor_beyond_every_rate_is_refused(tmp_path, text):
    with pytest.raises(BadNumber, match="cannot be one"):
        read_market(files(tmp_path, rates=text))


def test_dividends_that_went_ex_change_nothing(tmp_path):
    past = "underlying,ex_date,amount\nACME.US,2026-03-02,50\n"  # at that day's open
    nothing = "underlying,ex_date,amount\nACME.US,2027-03-02,1\n"
    one, other = (
        read_market(files(tmp_path, rates=RATES, dividends=text)).slices[KEY]
        for text in (past, nothing)
    )
    np.testing.assert_array_equal(one.vol, other.vol)


def test_an_option_that_ended_today_cannot_be_held(tmp_path):
    after = acme().with_columns(quote_time=pl.lit(SPX_END))
    later = acme().with_columns(
        quote_time=pl.lit(SPX_END),
        expiry=pl.lit("2026-07-17"),
        instrument_name=pl.col("instrument_name").str.replace("260618", "260717"),
    )
    market = read_market(files(tmp_path, pl.concat([after, later])))
    with pytest.raises(ExpiredInstrument):
        sw.margin(book(tmp_path, "ACME260618P00150000,-100"), market, model="prbm")


def test_deep_in_the_money_the_strikes_beside_lend_their_volatility(tmp_path):
    """Its put is worth nothing, so that no price tells; elsewhere its own price decides."""
    deep = pl.DataFrame(
        {
            **acme().row(0, named=True),
            "instrument_name": f"ACME260618C{50_000:08d}",
            "strike": 50.0,
            "bid_price": bid,
            "ask_price": bid + 1.0,
        }
        for bid in (99.9,)
    )
    with_deep = pl.concat([acme(), deep])
    market = read_market(files(tmp_path, with_deep, rates=RATES, dividends=DIVIDENDS))
    key, row = market.option_rows["ACME260618C00050000"]
    listed = market.slices[key]
    assert listed.vol[row] == pytest.approx(listed.vol[listed.strike == 120.0].mean())
    off = pl.concat([acme(), deep.with_columns(bid_price=96.0, ask_price=97.0)])
    market = read_market(files(tmp_path, off, rates=RATES, dividends=DIVIDENDS))
    assert "ACME260618C00050000" in market.dropped


@pytest.mark.parametrize("model", ["prbm", "cross", "isolated", "risk-based-collateral", "hybrid"])
def test_a_covered_call_is_margined_by_every_model(tmp_path, model):
    market = read_market(files(tmp_path, rates=RATES, dividends=DIVIDENDS))
    naked = sw.margin(book(tmp_path, "ACME260618C00155000,-100"), market, model=model)
    covered = book(tmp_path, "ACME260618C00155000,-100\nACME.US,100")
    report = sw.margin(covered, market, model=model)
    assert naked.initial > 0
    # Shares hedge calls where scenarios net the two, and are collateral alone elsewhere.
    if model in ("prbm", "hybrid"):
        assert report.initial < naked.initial
    assert report.excess_initial > naked.excess_initial


def test_recorded_american_quotes_are_repriced(shared, tmp_path):
    """The spot of the file is of after hours; 149.43 was the close of that day, 16:00."""
    path = shared / "data" / "options" / "cboe_NVDA_2025-01-06.parquet"
    [quotes] = read_quotes(path)
    assert isinstance(quotes, OptionQuotes)
    living = np.flatnonzero((quotes.bid > 0.0) & (quotes.ask >= quotes.bid)).tolist()
    names = [quotes.instruments[row].name for row in living]
    rates = tmp_path / "rates.csv"
    rates.write_text("T,DF\n0.25,0.9886\n")
    market = read_market([path, rates], prices={"NVDA.US": 149.43})
    assert set(names) <= set(market.option_rows)
    worth = {}
    for listed in market.slices.values():
        terms = terms_at(listed, market.index_usd, market.as_of)
        found = terms.value(listed.strike, listed.vol, listed.is_call).tolist()
        worth |= zip(listed.names, found, strict=True)
    values, cent = np.array([worth[name] for name in names]), 0.005
    within = (values >= quotes.bid[living] - cent) & (values <= quotes.ask[living] + cent)
    assert np.mean(within) >= 0.995
    as_told = read_market(path)
    assert all("another moment" in " ".join(s.warnings) for s in list(as_told.slices.values())[:2])
