"""Files of options on shares and their indices: recognised, and read in units, money and time."""

from __future__ import annotations

import contextlib
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from seawall.basics.errors import (
    BadNumber,
    InputError,
    MissingQuote,
    SeawallError,
    UnrecognisedFile,
)
from seawall.basics.time import tenor_years
from seawall.feeds.market import read_market, read_quotes
from seawall.market.quotes import FutureQuotes, OptionQuotes
from seawall.market.snapshot import MarketSnapshot
from seawall.pricing.black76 import price
from tests.equity_tables import (
    INR_USD,
    NSE_CLOSE,
    NSE_DISCOUNT,
    NSE_END,
    NSE_SPOTS,
    QUOTED,
    SPX_DISCOUNT,
    SPX_END,
    SPX_FORWARD,
    SPX_INDEX,
    SPX_STRIKES,
    cboe,
    nse,
    smile,
)
from tests.tables import write

SPX_KEY = ("SPX.US", "USD", SPX_END)


def write_text(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


# ---- Cboe


def test_cboe_quotes_tell_index_forward_discount_and_volatilities(tmp_path):
    market = read_market(write(cboe(), tmp_path / "quotes.parquet"))
    assert market.as_of == QUOTED
    assert market.index_usd == {"SPX.US": SPX_INDEX}
    listed = market.slices[SPX_KEY]
    assert listed.discount == pytest.approx(SPX_DISCOUNT, abs=2e-6)
    assert listed.forward == pytest.approx(SPX_FORWARD, abs=0.02)
    expected = [smile(strike, SPX_FORWARD) for strike in listed.strike]
    np.testing.assert_allclose(listed.vol, expected, rtol=5e-4)
    assert not np.isfinite(listed.mark).any()  # a mid is no mark of the venue
    assert market.warnings == ()
    assert listed.warnings == ()


def test_open_interest_of_cboe_counts_contracts_of_a_hundred(tmp_path):
    quotes = read_quotes(write(cboe(), tmp_path / "quotes.csv"))[0]
    told = quotes.liquidity.open_interest
    assert set(told.values()) == {1_200.0}
    assert len(told) == 2 * len(SPX_STRIKES)


def test_csv_and_parquet_of_cboe_say_the_same(tmp_path):
    one, other = (
        read_market(write(cboe(), tmp_path / f"quotes.{form}")) for form in ("csv", "parquet")
    )
    assert one.as_of == other.as_of
    assert one.slices[SPX_KEY].names == other.slices[SPX_KEY].names
    np.testing.assert_array_equal(one.slices[SPX_KEY].vol, other.slices[SPX_KEY].vol)


def test_rows_without_a_name_are_named_by_their_columns(tmp_path):
    bare = cboe().drop("instrument_name", "root")
    named = [q.instruments for q in read_quotes(write(cboe(), tmp_path / "named.parquet"))]
    assert [q.instruments for q in read_quotes(write(bare, tmp_path / "bare.parquet"))] == named


@pytest.mark.parametrize(
    ("ticker", "day", "name"),
    [
        ("SPX", date(2026, 6, 19), "SPX260619C06000000"),  # a third Friday: at the open
        ("SPX", date(2026, 6, 26), "SPXW260626C06000000"),
        ("XSP", date(2026, 6, 19), "XSP260619C06000000"),  # only at the close
        ("SPY", date(2026, 6, 19), "SPY260619C06000000"),
        ("DJX", date(2026, 6, 26), "DJX260626C06000000"),  # only at the open
    ],
)
def test_the_hour_of_a_nameless_index_option_follows_from_its_day(tmp_path, ticker, day, name):
    bare = (
        cboe()
        .drop("instrument_name", "root")
        .filter(pl.col("strike") == 6_000.0, pl.col("option_type") == "call")
        .with_columns(underlying=pl.lit(ticker), expiry=pl.lit(day.isoformat()))
    )
    [quotes] = read_quotes(write(bare, tmp_path / "bare.parquet"))
    assert [option.name for option in quotes.instruments] == [name]


def test_a_quote_time_at_midnight_is_a_date_and_means_its_close(tmp_path):
    dated = cboe().with_columns(quote_time=pl.lit("2026-03-02"))
    market = read_market(write(dated, tmp_path / "quotes.csv"))
    assert market.as_of == datetime(2026, 3, 2, 21, tzinfo=UTC)
    assert "taken as its close in New York" in market.warnings[0]


def test_an_index_that_nothing_tells_is_the_first_forward_and_says_so(tmp_path):
    path = write(cboe().with_columns(underlying_price=pl.lit(None)), tmp_path / "quotes.parquet")
    market = read_market(path)
    assert market.index_usd["SPX.US"] == market.slices[SPX_KEY].forward
    assert "No index price of SPX.US: taken at" in market.warnings[0]
    given = read_market(path, prices={"SPX.US": SPX_INDEX})
    assert given.index_usd["SPX.US"] == SPX_INDEX
    assert given.warnings == ()


def test_prices_tell_before_the_vendors_volatility(tmp_path):
    """A volatility of the vendor rests on rates of its own; it counts where prices tell none."""
    vendor = cboe().with_columns(iv=pl.lit(0.5))
    market = read_market(write(vendor, tmp_path / "quotes.parquet"))
    assert market.slices[SPX_KEY].vol.max() < 0.3


# ---- discounting


def test_without_parity_the_curve_discounts_and_without_a_curve_nothing_does(tmp_path):
    calls = write(cboe().filter(pl.col("option_type") == "call"), tmp_path / "calls.parquet")
    rates = write_text(tmp_path / "rates.csv", "T,DF\n0.0,1.0\n0.1,0.996\n1.0,0.96\n")
    call = read_quotes(calls)[0].instruments[0]
    bare = read_market(calls)
    with pytest.raises(MissingQuote, match="nothing tells the forward"):
        bare.forward(call)
    # Three strikes with both are too few for a line, and enough for a forward.
    few = cboe().filter(pl.col("strike").is_in(SPX_STRIKES[3:6]))
    path = write(few, tmp_path / "few.parquet")
    alone = read_market(path).slices[SPX_KEY]
    assert alone.discount == 1.0
    assert "No discount factor of SPX.US for 2026-06-18T20:00:00Z: taken as 1" in alone.warnings[0]
    with_rates = read_market([path, rates]).slices[SPX_KEY]
    tenor = tenor_years(QUOTED, SPX_END)
    weight = (tenor - 0.1) / 0.9
    expected = 0.996 ** (1.0 - weight) * 0.96**weight
    assert with_rates.discount == pytest.approx(expected, rel=1e-12)
    assert with_rates.warnings == ()


@pytest.mark.parametrize("discount", [0.86, 1.10])
def test_parity_that_tells_an_absurd_rate_is_not_believed(tmp_path, discount):
    """0.296 years at 51 % or −32 %."""
    path = write(cboe(discount=discount), tmp_path / "quotes.parquet")
    assert read_market(path).slices[SPX_KEY].discount == 1.0


def test_a_minority_of_bad_quotes_does_not_bend_the_line(tmp_path):
    stale = pl.col("strike").is_in([5_000.0, 7_000.0]) & (pl.col("option_type") == "call")
    bad = cboe().with_columns(
        bid_price=pl.when(stale).then(pl.col("bid_price") + 60.0).otherwise(pl.col("bid_price")),
        ask_price=pl.when(stale).then(pl.col("ask_price") + 60.0).otherwise(pl.col("ask_price")),
    )
    listed = read_market(write(bad, tmp_path / "quotes.parquet")).slices[SPX_KEY]
    assert listed.discount == pytest.approx(SPX_DISCOUNT, abs=5e-5)


def test_options_on_coins_are_never_discounted(tmp_path):
    """Their venues do not, whatever their parity says and whatever curve there is."""
    from tests.tables import chain

    rates = write_text(tmp_path / "rates.csv", "T,DF\n1.0,0.9\n")
    usdc = write(chain(settlement="USDC"), tmp_path / "chain.parquet")
    market = read_market([usdc, rates], prices={"USDC": 1.0})
    assert {listed.discount for listed in market.slices.values()} == {1.0}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("T,DF\n0.5,0\n", "cannot be one"),
        ("T,DF\n0.5,-0.9\n", "cannot be one"),
        ("T,DF\n-0.5,0.9\n", "cannot be one"),
        ("T,DF\n0.0,0.9\n", "cannot be one"),
        ("T,DF\n0.5,0.98\n0.5,0.97\n", "cannot be one"),
        ("T,DF,currency\n0.5,0.98,BTC\n", "cannot be one"),
        ("T,DF\n0.5,\n", "DF"),
        ("T,DF\nsoon,0.98\n", "T"),
        ("underlying,ex_date,amount\nNVDA.US,2026-03-11,-1\n", "cannot be one"),
        ("underlying,ex_date,amount\nBTC,2026-03-11,1\n", "cannot be one"),
        ("underlying,ex_date,amount\nSPX.US,2026-03-11,1\n", "cannot be one"),
        ("underlying,ex_date,amount\nNVDA.US,soon,1\n", "no date"),
        ("underlying,ex_date,amount\nNVDA.US,2026-03-11,1\nNVDA.US,2026-03-11,2\n", "cannot be"),
    ],
)
def test_a_discount_factor_or_dividend_that_is_none_is_an_error(tmp_path, text, why):
    with pytest.raises(BadNumber, match=why) as caught:
        read_quotes(write_text(tmp_path / "told.csv", text))
    assert "told.csv row" in str(caught.value)


@pytest.mark.parametrize("text", ["T,DF\n0.0,1.0\n", "T,DF\n", "underlying,ex_date,amount\n"])
def test_an_empty_curve_is_refused(tmp_path, text):
    with pytest.raises(UnrecognisedFile):
        read_quotes(write_text(tmp_path / "told.csv", text))


def test_a_curve_that_stands_in_two_files_is_refused(tmp_path):
    paths = [write(cboe(), tmp_path / "quotes.parquet")]
    paths += [write_text(tmp_path / f"{i}.csv", "T,DF\n0.5,0.98\n") for i in range(2)]
    with pytest.raises(InputError, match="the discount curve of USD stands in two files"):
        read_market(paths)


# ---- NSE


def nse_market(tmp_path: Path) -> MarketSnapshot:
    return read_market(write(nse(), tmp_path / "nse.parquet"), prices={"INR": INR_USD})


def test_a_day_of_nse_is_read_in_rupees_and_priced_in_dollars(tmp_path):
    market = nse_market(tmp_path)
    assert market.as_of == NSE_CLOSE
    assert market.index_usd["NIFTY.IN"] == pytest.approx(NSE_SPOTS["NIFTY"] * INR_USD)
    assert market.futures["ACME.IN_INR-30MAR26"] == 1.005 * NSE_SPOTS["ACME"]
    listed = market.slices["ACME.IN", "INR", NSE_END]
    assert listed.discount == pytest.approx(NSE_DISCOUNT, abs=2e-4)
    assert listed.forward == pytest.approx(1.005 * NSE_SPOTS["ACME"], rel=1e-5)
    assert np.isfinite(listed.mark).all()


def test_quantities_of_nse_are_units_and_not_lots(tmp_path):
    options, futures = read_quotes(write(nse(), tmp_path / "nse.parquet"))
    assert isinstance(options, OptionQuotes)
    assert isinstance(futures, FutureQuotes)
    told = options.liquidity.open_interest
    assert told["NIFTY.IN_INR-30MAR26"] == 40 * 75
    assert told["ACME.IN_INR-30MAR26-1500-C"] == 3 * 400


def test_prices_in_rupees_need_a_price_of_the_rupee(tmp_path):
    with pytest.raises(MissingQuote, match="no price of INR in USD") as caught:
        read_market(write(nse(), tmp_path / "nse.parquet"))
    assert "--price INR=VALUE" in caught.value.remedy
    with pytest.raises(BadNumber, match="turned round"):
        read_market(write(nse(), tmp_path / "nse.parquet"), prices={"INR": 87.0})


def test_settlement_prices_of_nse_are_futures_with_their_index(tmp_path):
    text = (
        "DATE,INSTRUMENT,UNDERLYING,EXPIRY DATE,MTM SETTLEMENT PRICE\n"
        "02-MAR-2026,OPTSTK,ACME,,1500.00\n"
        "02-MAR-2026,FUTSTK,ACME,30-MAR-2026,1507.50\n"
        "02-MAR-2026,FUTSTK,OTHER,30-MAR-2026,0\n"
    )
    market = read_market(write_text(tmp_path / "prices.csv", text), prices={"INR": INR_USD})
    assert market.as_of == NSE_CLOSE
    assert market.futures == {"ACME.IN_INR-30MAR26": 1507.5}
    assert market.index_usd["ACME.IN"] == pytest.approx(1_500.0 * INR_USD)
    assert "OTHER.IN_INR-30MAR26" in market.dropped


# ---- the recorded files

SPX_FILES = {
    "cboe_SPX_2019-11-08.parquet": (0.999, 0.999),
    "cboe_SPX_2022-06-10.parquet": (0.999, 0.999),
    "cboe_SPX_2023-02-07.parquet": (0.999, 0.999),
    "cboe_SPX_2024-11-11.parquet": (0.93, 0.985),
}


@pytest.mark.parametrize("name", SPX_FILES)
def test_forward_discount_and_volatility_reprice_the_quotes_of_spx(shared, name):
    """The share of living two-sided quotes that are used, and of these those within bid and ask."""
    path = shared / "data" / "options" / name
    market = read_market(path)
    [quotes] = read_quotes(path)
    assert isinstance(quotes, OptionQuotes)
    living = [
        row
        for row in np.flatnonzero((quotes.bid > 0.0) & (quotes.ask >= quotes.bid)).tolist()
        if quotes.instruments[row].expiry > market.as_of
    ]
    used = [row for row in living if quotes.instruments[row].name in market.option_rows]
    options = [quotes.instruments[row] for row in used]
    found = [market.option_row(option) for option in options]
    value = price(
        [listed.forward for listed, _ in found],
        [option.strike for option in options],
        [listed.vol[row] for listed, row in found],
        [tenor_years(market.as_of, option.expiry) for option in options],
        [option.is_call for option in options],
        [listed.discount for listed, _ in found],
    )
    cent = 0.005
    within = (value >= quotes.bid[used] - cent) & (value <= quotes.ask[used] + cent)
    least_used, least_within = SPX_FILES[name]
    assert len(used) >= least_used * len(living)
    assert np.mean(within) >= least_within


def test_discount_factors_of_spx_are_those_of_the_day_s_sofr_curve(shared):
    """Two sources that know nothing of each other: parity of 46 expiries, and the SOFR curve.

    Deposits pay a little less than a box of options does: to a year the two lie within half a
    per cent of each other, half of the expiries within 0.15 %.
    """
    options = shared / "data" / "options"
    curve = pl.read_csv(options / "sofr_discount_factors_2024-11-11.csv")
    market = read_market(options / "cboe_SPX_2024-11-11.parquet")
    told = [s for s in market.slices.values() if not s.warnings]
    tenor = np.array([tenor_years(market.as_of, s.key[2]) for s in told])
    log_sofr = np.interp(tenor, curve["T"], np.log(curve["DF"]))
    off = np.array([s.discount for s in told]) - np.exp(log_sofr)
    assert len(told) >= 45
    assert np.abs(off[tenor < 1.15]).max() < 0.005
    assert np.median(np.abs(off)) < 0.0015
    # With the curve every expiry has a discount factor.
    paths = [
        options / "cboe_SPX_2024-11-11.parquet",
        options / "sofr_discount_factors_2024-11-11.csv",
    ]
    assert not any(s.warnings for s in read_market(paths).slices.values())


def test_a_day_of_nse_prices_all_its_underlyings(shared):
    day = shared / "data" / "options" / "nse_fo_eod_2026-02-10_all.parquet"
    settled = shared / "data" / "span" / "nse_fo_settlement_prices_2026-02-10.csv"
    market = read_market([day, settled], prices={"INR": 0.0115})
    assert len(market.index_usd) >= 212
    assert len(market.option_rows) > 0.95 * 45_000
    # A month's discount factor of the index at the rates of the rupee, and its forward at the
    # future's price.
    nifty = market.slices["NIFTY.IN", "INR", datetime(2026, 2, 24, 10, tzinfo=UTC)]
    assert 0.994 < nifty.discount < 0.999
    assert nifty.forward == pytest.approx(market.futures["NIFTY.IN_INR-24FEB26"], rel=2e-4)


@pytest.mark.parametrize("frame", [cboe(), nse()], ids=["cboe", "nse"])
@pytest.mark.parametrize("cell", ["x", "", "-1", "1e400", "2026-02-30", "0", "-026-03-02"])
def test_a_damaged_column_is_an_error_or_leaves_its_rows_out(tmp_path, frame, cell):
    for column in frame.columns:
        damaged = frame.with_columns(pl.lit(cell).alias(column))
        path = write(damaged, tmp_path / "damaged.csv")
        with contextlib.suppress(SeawallError):
            read_market(path, prices={"INR": INR_USD})


@pytest.mark.parametrize("column", ["strike", "expiry", "symbol"])
def test_an_option_of_nse_is_never_taken_for_a_future(tmp_path, column):
    """Its price would be taken for the future's."""
    broken = nse().with_columns(
        pl.when(pl.col("option_type") == "call").then(None).otherwise(pl.col(column)).alias(column)
    )
    market = read_market(write(broken, tmp_path / "nse.parquet"), prices={"INR": INR_USD})
    assert market.futures == {
        f"{symbol}.IN_INR-30MAR26": 1.005 * spot for symbol, spot in NSE_SPOTS.items()
    }


@pytest.mark.parametrize("year", [-26, 1926, 2126, 56_454])
@pytest.mark.parametrize("column", ["trade_date", "expiry"])
def test_a_day_of_another_century_is_none(tmp_path, year, column):
    """A name would tell its last two digits, and Python has no days before or far beyond ours."""
    frame = nse().with_columns(pl.col("trade_date", "expiry").str.to_date())
    moved = pl.col(column).dt.offset_by(f"{year - 2026}y").cast(pl.Datetime("ms"))
    first = pl.int_range(pl.len()) == 0
    changed = frame.with_columns(
        pl.when(first).then(moved).otherwise(pl.col(column).cast(pl.Datetime("ms"))).alias(column)
    )
    paths = [write(part, tmp_path / f"{i}.parquet") for i, part in enumerate((changed, frame))]
    damaged, sound = (read_market(path, prices={"INR": INR_USD}, at="2026-03-03") for path in paths)
    assert set(sound.futures) - set(damaged.futures) == {"NIFTY.IN_INR-30MAR26"}
    assert damaged.option_rows.keys() == sound.option_rows.keys()
