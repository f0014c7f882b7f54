"""The synthetic market: shaped like a venue's, free of arbitrage, the same for the same seed."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.basics.errors import BadParameter, UnwritableFile
from seawall.basics.time import tenor_years
from seawall.feeds.books import read_portfolios
from seawall.feeds.market import read_market
from seawall.feeds.synthetic import (
    AS_OF,
    STABLE_USD,
    SyntheticCoin,
    listed_expiries,
    synthetic_coins,
    synthetic_market,
    synthetic_quotes,
)
from seawall.feeds.synthetic_book import synthetic_portfolio
from seawall.feeds.synthetic_surface import SsviSurface
from seawall.feeds.writers import write_book_csv, write_market_csv
from seawall.market.quotes import FutureQuotes, OptionQuotes
from seawall.pricing.black76 import price
from seawall.products.instruments import DatedFuture, Option, Perpetual
from seawall.products.names import parse_name
from seawall.risk.book import join

SEEDS = st.integers(min_value=0, max_value=10_000)
LOG_MONEYNESS = np.linspace(-1.5, 1.5, 601)


def chain(seed: int = 1) -> OptionQuotes:
    options, _ = synthetic_quotes(seed)
    assert isinstance(options, OptionQuotes)
    return options


def futures(seed: int = 1) -> FutureQuotes:
    _, table = synthetic_quotes(seed)
    assert isinstance(table, FutureQuotes)
    return table


def tenors() -> list[float]:
    return [tenor_years(AS_OF, expiry) for expiry in listed_expiries()]


# ---- the calendar


def test_expiries_of_the_constant_day_are_a_venues() -> None:
    """Friday afternoon: this morning's weekly is gone, the month's last Friday is the 30th."""
    days = [(e.year, e.month, e.day) for e in listed_expiries()]
    assert days == [
        (2026, 1, 17),
        (2026, 1, 18),
        (2026, 1, 19),
        (2026, 1, 23),
        (2026, 1, 30),
        (2026, 2, 6),
        (2026, 2, 27),
        (2026, 3, 27),
        (2026, 6, 26),
        (2026, 9, 25),
        (2026, 12, 25),
    ]


@given(st.integers(min_value=0, max_value=50_000))
def test_expiries_lie_ahead_and_run_a_year_of_quarters(hours: int) -> None:
    as_of = AS_OF + timedelta(hours=hours)
    expiries = listed_expiries(as_of)
    assert all(e > as_of and (e.hour, e.minute) == (8, 0) for e in expiries)
    assert expiries == tuple(sorted(set(expiries)))
    beyond_days = [e for e in expiries if e - as_of > timedelta(days=4)]
    assert all(e.weekday() == 4 for e in beyond_days)
    quarters = [
        e for e in expiries if (e + timedelta(days=7)).month != e.month and e.month % 3 == 0
    ]
    assert len([e for e in quarters if e.weekday() == 4]) == 4


# ---- the surface


@given(SEEDS)
def test_no_butterfly_arbitrage(seed: int) -> None:
    """Calls on one expiry fall and are convex in strike: the density they imply is not negative."""
    for coin in synthetic_coins(seed):
        for tenor in tenors():
            strike = np.exp(LOG_MONEYNESS)
            call = price(
                1.0, strike, coin.surface.vol(LOG_MONEYNESS, tenor), tenor, np.full(601, True)
            )
            slope = np.diff(call) / np.diff(strike)
            assert (slope <= 1e-12).all()
            assert (slope >= -1.0 - 1e-12).all()
            assert (np.diff(slope) >= -1e-9).all()


@given(SEEDS)
def test_no_calendar_arbitrage(seed: int) -> None:
    """Total variance at a log-moneyness never falls with tenor."""
    for coin in synthetic_coins(seed):
        variance = np.stack([coin.surface.total_variance(LOG_MONEYNESS, t) for t in tenors()])
        assert (np.diff(variance, axis=0) > 0.0).all()


def test_surface_has_its_stated_level_and_skew_at_the_forward() -> None:
    """w(0) = θ and w'(0) = ρ·θ·φ(θ), the meaning of the parameters."""
    surface = SsviSurface(0.4, 0.5, 3.0, -0.25, 0.85)
    tenor, h = 0.25, 1e-6
    theta = surface.atm_variance(tenor)
    below, at, above = surface.total_variance(np.array([-h, 0.0, h]), tenor)
    assert at == pytest.approx(theta, rel=1e-14)
    phi = 0.85 / np.sqrt(theta * (1.0 + theta))
    assert (above - below) / (2 * h) == pytest.approx(-0.25 * theta * phi, rel=1e-6)


def test_level_runs_from_short_to_long() -> None:
    surface = SsviSurface(0.4, 0.6, 3.0, -0.2, 0.8)
    at_forward = [float(surface.vol(np.zeros(1), t)[0]) for t in (1e-6, 0.1, 1.0, 1e4)]
    assert at_forward[0] == pytest.approx(0.4, abs=1e-5)
    assert at_forward == sorted(at_forward)
    assert at_forward[-1] == pytest.approx(0.6, abs=1e-4)


@pytest.mark.parametrize(
    "numbers",
    [(0.4, 0.5, 3.0, -0.25, 1.7), (0.4, 0.5, 3.0, -1.0, 0.5), (0.0, 0.5, 3.0, 0.0, 0.5)],
    ids=["curvature", "skew", "level"],
)
def test_surface_with_arbitrage_is_refused(numbers: tuple[float, ...]) -> None:
    with pytest.raises(BadParameter, match="arbitrage"):
        SsviSurface(*numbers)


@given(SEEDS)
def test_smile_leans_to_puts_and_rises_in_both_wings(seed: int) -> None:
    for coin in synthetic_coins(seed):
        put, at, call = coin.surface.vol(np.array([-0.4, 0.0, 0.4]), 0.2)
        assert put > call > at


# ---- quotes


@given(SEEDS)
def test_about_a_thousand_options(seed: int) -> None:
    instruments = chain(seed).instruments
    assert 800 <= len(instruments) <= 1_300
    assert len({option.name for option in instruments}) == len(instruments)
    assert {option.underlying for option in instruments} == {"BTC", "ETH"}


def test_names_say_what_the_instruments_are() -> None:
    for contract in (*chain().instruments, *futures().instruments):
        assert parse_name(contract.name) == contract


def test_strikes_lie_on_coarse_steps_that_hold_the_forward() -> None:
    options = chain()
    for coin, step in (("BTC", 500.0), ("ETH", 25.0)):
        for expiry in listed_expiries():
            rows = [
                row
                for row, option in enumerate(options.instruments)
                if (option.underlying, option.expiry) == (coin, expiry)
            ]
            strikes = np.array([options.instruments[row].strike for row in rows])
            assert (strikes % step == 0.0).all()
            assert strikes.min() < options.forward[rows[0]] < strikes.max()


def test_quotes_lie_on_ticks_around_the_mark() -> None:
    options = chain()
    assert (options.ask > options.mark).all()
    bid = np.isfinite(options.bid)
    assert bid.mean() > 0.9
    assert not bid.all(), "a real chain has worthless options that nobody bids for"
    assert (options.bid[bid] < options.ask[bid]).all()
    assert (options.bid[bid] <= options.mark[bid] + 1e-6).all()
    for quote in (options.bid[bid], options.ask):
        tick = np.where(quote < 0.005, 0.0001, 0.0005)
        assert np.abs(quote / tick - np.round(quote / tick)).max() < 1e-6


def test_marks_are_black76_of_their_volatility_in_the_venues_decimals() -> None:
    options = chain()
    for row in range(0, len(options.instruments), 7):
        option = options.instruments[row]
        forward, vol = float(options.forward[row]), float(options.iv[row])
        tenor = tenor_years(AS_OF, option.expiry)
        model = float(price(forward, option.strike, vol, tenor, option.is_call)) / forward
        assert options.mark[row] == round(model, 6)
        assert vol == round(vol, 4)


def test_futures_curve_rises_and_perpetuals_stay_near_the_index() -> None:
    table = futures()
    for coin in ("BTC", "ETH"):
        dated = [
            (contract.expiry, mark)
            for contract, mark in zip(table.instruments, table.mark, strict=True)
            if isinstance(contract, DatedFuture) and contract.underlying == coin
        ]
        marks = [mark for _, mark in sorted(dated)]
        assert len(marks) >= 6
        assert marks == sorted(marks)
    perpetual = np.array([isinstance(c, Perpetual) for c in table.instruments])
    assert perpetual.sum() == 4
    assert np.abs(table.mark[perpetual] / table.index[perpetual] - 1.0).max() < 0.002


@pytest.mark.parametrize("seed", [1, 5])
def test_every_contract_has_open_interest_and_every_perpetual_a_funding_rate(seed: int) -> None:
    told = synthetic_market(seed).liquidity
    contracts = (*chain(seed).instruments, *futures(seed).instruments)
    assert told.open_interest.keys() == {contract.name for contract in contracts}
    perpetuals = {c.name for c in futures(seed).instruments if isinstance(c, Perpetual)}
    assert told.funding_per_day.keys() == perpetuals
    for coin, total in (("BTC", 250_000.0), ("ETH", 1_800_000.0)):
        names = [o.name for o in chain(seed).instruments if o.underlying == coin]
        coins = sum(told.open_interest[name] for name in names)
        assert coins == pytest.approx(total, rel=1e-3), "lots round, and add up but for that"


def test_same_seed_same_market() -> None:
    first, again, other = chain(3), chain(3), chain(4)
    assert first.instruments == again.instruments
    for column in ("bid", "ask", "mark", "iv", "forward", "index"):
        np.testing.assert_array_equal(getattr(first, column), getattr(again, column))
    assert first.index[0] != other.index[0]


def test_every_option_reaches_the_snapshot() -> None:
    market, options = synthetic_market(2), chain(2)
    coins: dict[str, SyntheticCoin] = {coin.symbol: coin for coin in synthetic_coins(2)}
    assert set(market.option_rows) == {option.name for option in options.instruments}
    assert market.index_usd == pytest.approx({s: c.index_usd for s, c in coins.items()})
    assert market.stable_usd == STABLE_USD
    for (underlying, _, expiry), slice_ in market.slices.items():
        assert slice_.forward == pytest.approx(coins[underlying].forward(expiry), rel=1e-5)


# ---- the book


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 11, 123])
def test_book_is_a_hedged_market_makers(seed: int) -> None:
    book, market = synthetic_portfolio(seed), synthetic_market(seed)
    legs = [p for p in book.positions if hasattr(p.instrument, "settlement")]
    assert len(legs) >= 40
    kinds = Counter(
        (p.instrument.underlying, p.instrument.right, p.quantity > 0)
        for p in legs
        if isinstance(p.instrument, Option)
    )
    assert len(kinds) == 8, "calls and puts, long and short, on both coins"
    joined = join(book, market)
    for rows in joined.underlyings:
        gross = float(np.abs(rows.quantity * rows.delta).sum())
        assert abs(float(rows.quantity @ rows.delta)) < 1e-3 * gross


def test_book_holds_every_kind_of_instrument() -> None:
    names = {position.instrument.name for position in synthetic_portfolio().positions}
    assert {"USDC", "USDT", "BTC", "ETH"} <= names
    assert {"BTC-PERPETUAL", "ETH-PERPETUAL", "BTC_USDC-PERPETUAL"} <= names
    assert {"BTC-27MAR26", "BTC-26JUN26", "ETH-27MAR26", "ETH-26JUN26"} <= names
    entries = {p.instrument.name: p.entry_price for p in synthetic_portfolio().positions}
    assert all((entries[n] is not None) == (n in synthetic_market().futures) for n in names)


# ---- files


@pytest.mark.parametrize("seed", [1, 8])
def test_files_read_back_as_the_same_market_and_book(seed: int, tmp_path: Path) -> None:
    for quotes, name in zip(synthetic_quotes(seed), ("chain.csv", "futures.csv"), strict=True):
        write_market_csv(quotes, tmp_path / name)
    write_book_csv(synthetic_portfolio(seed), tmp_path / "book.csv")
    market = synthetic_market(seed)
    read = read_market([tmp_path / "chain.csv", tmp_path / "futures.csv"], prices=STABLE_USD)
    assert read.as_of == market.as_of
    for field in ("index_usd", "stable_usd", "forwards", "futures", "option_rows"):
        assert getattr(read, field) == getattr(market, field), field
    for told in ("open_interest", "funding_per_day"):
        assert getattr(read.liquidity, told) == getattr(market.liquidity, told), told
    for key, slice_ in market.slices.items():
        for column in ("strike", "is_call", "vol", "mark"):
            np.testing.assert_array_equal(
                getattr(read.slices[key], column), getattr(slice_, column)
            )
    (book,) = read_portfolios(tmp_path / "book.csv")
    held = [(p.instrument, p.quantity, p.entry_price) for p in book.positions]
    expected = synthetic_portfolio(seed)
    assert book.account == expected.account
    assert held == [(p.instrument, p.quantity, p.entry_price) for p in expected.positions]


def test_missing_number_is_an_empty_field(tmp_path: Path) -> None:
    write_market_csv(chain(), tmp_path / "chain.csv")
    text = (tmp_path / "chain.csv").read_text(encoding="utf-8")
    assert "nan" not in text.lower()
    header, *rows = text.splitlines()
    place = header.split(",").index("bid_price")
    empty = sum(row.split(",")[place] == "" for row in rows)
    assert empty == int(np.isnan(chain().bid).sum()) > 0


def test_files_that_cannot_be_written_say_so(tmp_path: Path) -> None:
    with pytest.raises(UnwritableFile, match="cannot be written"):
        write_book_csv(synthetic_portfolio(), tmp_path / "absent" / "book.csv")
