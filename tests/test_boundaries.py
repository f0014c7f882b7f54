"""Every documented limit of feeds and market, held from both sides through what a reader sees."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import seawall as sw
from seawall.basics.errors import AmbiguousSnapshot, BadNumber, MissingQuote, StaleQuote
from seawall.feeds.market import read_quotes
from seawall.pricing.black76 import implied_vol
from seawall.products.names import parse_name
from tests.market_quotes import name, vols
from tests.naive.black76 import price
from tests.tables import AS_OF, EXPIRY, FORWARD, INDEX, STRIKES, YEAR, chain, listing, smile, write

TENOR = (EXPIRY - AS_OF) / YEAR
MILLISECOND = timedelta(milliseconds=1)
# How far on either side of a limit a number is put, relative to it: far above rounding.
NEAR = 1e-6
UNDER, OVER = 1.0 - NEAR, 1.0 + NEAR
SETTLEMENTS = pytest.mark.parametrize("settlement", ["BTC", "USDC"])

Read = Callable[..., sw.MarketSnapshot]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """The snapshot of tables that are written to files first."""

    def market(*frames: pl.DataFrame, **options: object) -> sw.MarketSnapshot:
        files = [write(f, tmp_path / f"quotes{i}.parquet") for i, f in enumerate(frames)]
        return sw.read_market(files, **options)

    return market


def listed_as(strike: float, right: str, settlement: str = "BTC") -> str:
    pair = "BTC" if settlement == "BTC" else "BTC_USDC"
    return name(strike, right).replace("BTC", pair, 1)


def with_row(frame: pl.DataFrame, instrument: str, **values: float | None) -> pl.DataFrame:
    """The table with other numbers in one instrument's row."""
    here = pl.col("instrument_name") == instrument
    assert frame.filter(here).height == 1
    return frame.with_columns(
        pl.when(here).then(pl.lit(value, pl.Float64)).otherwise(column).alias(column)
        for column, value in values.items()
    )


def without_prices(frame: pl.DataFrame) -> pl.DataFrame:
    """Volatilities and the venue's forward alone, so that nothing but they decides."""
    return frame.with_columns(
        pl.lit(None, pl.Float64).alias(column)
        for column in ("mark_price", "bid_price", "ask_price")
    )


def can_be_margined(market: sw.MarketSnapshot, instrument: str) -> bool:
    try:
        sw.margin(sw.portfolio([(instrument, 1)]), market)
    except MissingQuote:
        return False
    return True


def forward_of_expiry(market: sw.MarketSnapshot) -> float:
    """The options' forward, at which an unlisted future of the same expiry stands."""
    return market.forward(parse_name("BTC-27MAR26"))


# ------------------------------------------------------------------------------------- time


def later_row(after: timedelta) -> pl.DataFrame:
    """A chain whose first row is later than all others."""
    return pl.concat([chain(as_of=AS_OF + after).head(1), chain().tail(-1)])


def test_a_row_five_minutes_after_the_first_belongs_to_its_snapshot(read):
    market = read(later_row(timedelta(minutes=5)))
    assert market.as_of == AS_OF + timedelta(minutes=5)
    assert len(market.option_rows) == len(chain())


def test_a_row_a_millisecond_later_is_another_snapshot(read):
    after = timedelta(minutes=5) + MILLISECOND
    with pytest.raises(
        AmbiguousSnapshot, match=r"2 snapshots.*16:00:12\.345Z and .*16:05:12\.346Z"
    ):
        read(later_row(after))
    assert read(later_row(after), at=AS_OF + after - MILLISECOND).as_of == AS_OF


def test_a_snapshot_states_its_age_from_five_minutes_on(read):
    age = timedelta(minutes=5)
    assert read(chain(), at=AS_OF + age).warnings == ()
    [said] = read(chain(), at=AS_OF + age + MILLISECOND).warnings
    assert "0:05:00 (h:mm:ss) older" in said


def test_files_fifteen_minutes_apart_are_one_market_and_a_millisecond_more_are_not(read):
    gap = timedelta(minutes=15)
    for first, second in (
        (chain(), listing(as_of=AS_OF + gap)),
        (chain(as_of=AS_OF + gap), listing()),
    ):
        assert read(first, second).as_of == AS_OF + gap
    gap += MILLISECOND
    for first, second in (
        (chain(), listing(as_of=AS_OF + gap)),
        (chain(as_of=AS_OF + gap), listing()),
    ):
        with pytest.raises(StaleQuote, match="within 15 minutes"):
            read(first, second)


# ------------------------------------------------------------------------------ volatilities


@pytest.mark.parametrize(("median", "unit"), [(3.0, 1.0), (math.nextafter(3.0, 4.0), 100.0)])
def test_a_file_whose_median_volatility_exceeds_three_is_in_percent(tmp_path, median, unit):
    """Three rows below it and three above: the median decides, not the mean or an end."""
    iv = [median * scale for scale in (0.5, 0.6, 0.7, 1.0, 20.0, 30.0, 40.0)]
    frame = chain().head(7).with_columns(mark_iv=pl.Series(iv))
    [quotes] = read_quotes(write(frame, tmp_path / "chain.parquet"))
    np.testing.assert_allclose(quotes.iv, np.array(iv) / unit, rtol=1e-15)


@pytest.mark.parametrize(
    ("iv", "stays"),
    [
        (math.nextafter(0.01, 0.0), False),
        (0.01, True),
        (20.0, True),
        (math.nextafter(20.0, 21.0), False),
    ],
)
def test_a_volatility_is_from_one_to_two_thousand_percent(read, iv, stays):
    option = name(80_000.0, "C")
    market = read(with_row(without_prices(chain()), option, mark_iv=iv))
    assert can_be_margined(market, option) is stays
    assert not stays or vols(market)[option] == iv


@SETTLEMENTS
@pytest.mark.parametrize(
    ("vol", "stays"),
    [(0.01 * UNDER, False), (0.01 * OVER, True), (20.0 * UNDER, True), (20.0 * OVER, False)],
)
def test_a_price_tells_volatilities_from_one_to_two_thousand_percent(read, settlement, vol, stays):
    strike, right = (70_000.0, "P") if vol < 1.0 else (80_000.0, "C")
    option = listed_as(strike, right, settlement)
    mark = price(FORWARD, strike, vol, TENOR, right == "C")
    mark /= FORWARD if settlement == "BTC" else 1.0
    frame = chain(settlement=settlement)
    market = read(with_row(frame, option, mark_price=mark, mark_iv=None))
    assert can_be_margined(market, option) is stays
    assert not stays or vols(market)[option] == pytest.approx(vol, rel=0.1 * NEAR)


@SETTLEMENTS
@pytest.mark.parametrize(("ratio", "stays"), [(1.25 * UNDER, True), (1.25 * OVER, False)])
def test_bid_and_ask_agree_when_their_volatilities_differ_by_a_quarter(
    read, settlement, ratio, stays
):
    option = listed_as(80_000.0, "C", settlement)
    unit = FORWARD if settlement == "BTC" else 1.0
    bid, ask = (price(FORWARD, 80_000.0, vol, TENOR, True) / unit for vol in (0.5, 0.5 * ratio))
    sides = {"bid_price": bid, "ask_price": ask, "mark_price": None, "mark_iv": None}
    market = read(with_row(chain(settlement=settlement), option, **sides))
    assert can_be_margined(market, option) is stays
    assert not stays or 0.5 < vols(market)[option] < 0.5 * ratio


@SETTLEMENTS
@pytest.mark.parametrize(
    ("strike", "right"), [(60_000.0, "C"), (80_000.0, "P")], ids=["call", "put"]
)
@pytest.mark.parametrize(("factor", "stays"), [(UNDER, False), (OVER, True)])
def test_an_in_the_money_price_tells_its_volatility_with_enough_time_value(
    read, settlement, strike, right, factor, stays
):
    """0.1 % of the forward; its out-of-the-money twin, which would tell for both, is not listed."""
    option = listed_as(strike, right, settlement)
    twin = listed_as(strike, "P" if right == "C" else "C", settlement)
    mark = abs(FORWARD - strike) + 0.001 * factor * FORWARD
    expected = float(implied_vol(mark, FORWARD, strike, TENOR, right == "C").sigma)
    mark /= FORWARD if settlement == "BTC" else 1.0
    frame = chain(settlement=settlement).filter(pl.col("instrument_name") != twin)
    market = read(with_row(frame, option, mark_price=mark, mark_iv=None))
    assert can_be_margined(market, option) is stays
    assert not stays or vols(market)[option] == pytest.approx(expected, rel=NEAR)


# ------------------------------------------------------------- prices that contradict themselves


@SETTLEMENTS
@pytest.mark.parametrize(
    ("error", "stays"),
    [
        (-0.003 * OVER, False),
        (-0.003 * UNDER, True),
        (0.003 * UNDER, True),
        (0.003 * OVER, False),
    ],
)
def test_a_mark_lies_within_three_tenths_of_a_percent_of_its_value(read, settlement, error, stays):
    option = listed_as(75_000.0, "C", settlement)
    mark = price(FORWARD, 75_000.0, smile(75_000.0), TENOR, True) + error * FORWARD
    mark /= FORWARD if settlement == "BTC" else 1.0
    market = read(with_row(chain(settlement=settlement), option, mark_price=mark))
    assert can_be_margined(market, option) is stays


@SETTLEMENTS
@pytest.mark.parametrize("side", ["bid", "ask"])
@pytest.mark.parametrize(("factor", "stays"), [(UNDER, True), (OVER, False)])
def test_without_a_mark_a_value_lies_as_near_to_bid_and_ask(read, settlement, side, factor, stays):
    """The bid above the value, or the ask below it, by 0.3 % of the forward."""
    option = listed_as(75_000.0, "C", settlement)
    value = price(FORWARD, 75_000.0, smile(75_000.0), TENOR, True)
    miss = 0.003 * factor * FORWARD
    bid, ask = (value + miss, 2.0 * value) if side == "bid" else (0.5 * value, value - miss)
    unit = FORWARD if settlement == "BTC" else 1.0
    quoted = {"bid_price": bid / unit, "ask_price": ask / unit, "mark_price": None}
    market = read(with_row(chain(settlement=settlement), option, **quoted))
    assert can_be_margined(market, option) is stays


@SETTLEMENTS
@pytest.mark.parametrize(("factor", "stays"), [(UNDER, True), (OVER, False)])
def test_a_mark_of_zero_stands_on_a_value_up_to_half_a_thousandth(read, settlement, factor, stays):
    option = listed_as(110_000.0, "C", settlement)
    value = 0.0005 * factor * FORWARD
    iv = float(implied_vol(value, FORWARD, 110_000.0, TENOR, True).sigma)
    # Without prices beside it nothing else contradicts the volatility.
    alone = without_prices(chain(settlement=settlement))
    market = read(with_row(alone, option, mark_price=0.0, mark_iv=iv))
    assert can_be_margined(market, option) is stays


# -------------------------------------------------------------------------- index and forwards

# 5 % and a quarter of the price a year; nothing for time to a perpetual.
REACH = 0.05 + 0.25 * TENOR


def within(reach: float) -> list[tuple[float, bool]]:
    """Factors on a price at both ends of a reach in logarithms, and whether it stays."""
    return [
        (math.exp(side * reach * scale), scale < 1.0)
        for side in (-1.0, 1.0)
        for scale in (1.0 - 1e-9, 1.0 + 1e-9)
    ]


@pytest.mark.parametrize(("factor", "stays"), within(REACH))
def test_a_mark_of_a_future_counts_within_reach_of_the_index(read, factor, stays):
    """The perpetual agrees with the index, so a future that does not is a bad tick."""
    marks = listing().with_columns(mark_price=pl.Series([INDEX, INDEX * factor]))
    market = read(marks)
    assert can_be_margined(market, "BTC-PERPETUAL")
    assert can_be_margined(market, "BTC-27MAR26") is stays
    assert not stays or forward_of_expiry(market) == INDEX * factor


@pytest.mark.parametrize(("factor", "stays"), within(0.05))
def test_a_mark_of_a_perpetual_counts_within_five_percent_of_the_index(read, factor, stays):
    marks = listing().with_columns(mark_price=pl.Series([INDEX * factor, INDEX]))
    assert ("BTC-PERPETUAL" in read(marks).futures) is stays


@pytest.mark.parametrize(("factor", "stays"), within(REACH))
def test_a_forward_of_options_beyond_reach_contradicts_the_index(read, factor, stays):
    market = read(without_prices(chain()).with_columns(underlying_price=pl.lit(INDEX * factor)))
    if stays:
        assert can_be_margined(market, name(70_000.0, "C"))
        return
    with pytest.raises(BadNumber, match="its forward in BTC for 2026-03-27"):
        can_be_margined(market, name(70_000.0, "C"))


@pytest.mark.parametrize(
    ("off_rel", "stays"),
    [(side * 0.03 * scale, scale < 1.0) for side in (-1, 1) for scale in (1 - 1e-9, 1 + 1e-9)],
)
def test_a_future_lies_within_three_percent_of_the_forward_of_its_options(read, off_rel, stays):
    marks = listing().with_columns(mark_price=pl.Series([INDEX, FORWARD * (1.0 + off_rel)]))
    market = read(pl.concat([chain(), marks], how="diagonal"))
    assert ("BTC-27MAR26" in market.futures) is stays
    [listed] = market.slices.values()
    assert listed.forward == pytest.approx(FORWARD)
    assert stays or "options of its expiry imply" in market.dropped["BTC-27MAR26"]


@SETTLEMENTS
@pytest.mark.parametrize(
    ("gap", "is_venue"),
    [
        (-0.01 * OVER, False),
        (-0.01 * UNDER, True),
        (0.01 * UNDER, True),
        (0.01 * OVER, False),
    ],
)
def test_without_marks_the_venue_forward_counts_within_a_percent_of_parity(
    read, settlement, gap, is_venue
):
    venue = FORWARD * (1.0 + gap)
    frame = chain(settlement=settlement).with_columns(
        mark_price=pl.lit(None, pl.Float64), underlying_price=pl.lit(venue)
    )
    future = parse_name(listed_as(40_000.0, "P", settlement)[: -len("-40000-P")])
    expected = venue if is_venue else FORWARD
    assert read(frame).forward(future) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("prices", ["marks", "mids"])
@pytest.mark.parametrize(("pairs", "is_parity"), [(2, False), (3, True)])
def test_parity_decides_from_three_pairs_on(read, prices, pairs, is_parity):
    """The venue's own forward is two percent off, which either kind of parity would contradict."""
    strikes = STRIKES[-pairs:]
    frame = pl.concat(
        [chain().filter(instrument_name=name(k, right)) for k in strikes for right in "CP"]
    )
    venue = FORWARD * 1.02
    # An option far out of the money is worth the same at either forward, and always stays.
    far = chain().filter(instrument_name=name(40_000.0, "P"))
    frame = pl.concat([frame, far]).with_columns(underlying_price=pl.lit(venue))
    unused = ["mark_price"] if prices == "mids" else ["bid_price", "ask_price"]
    frame = frame.with_columns(pl.lit(None, pl.Float64).alias(column) for column in unused)
    expected = FORWARD if is_parity else venue
    assert forward_of_expiry(read(frame)) == pytest.approx(expected, rel=1e-9)


# --------------------------------------------------------------------------- at the money


def at_the_money_vol(read: Read, quoted: dict[float, float], forward: float) -> float:
    """What a slice with these volatilities by strike says at the forward."""
    frame = without_prices(chain(forward=forward)).with_columns(
        index_price=pl.lit(forward),
        strike=pl.col("instrument_name").str.split("-").list.get(2).cast(pl.Float64),
    )
    frame = frame.filter(pl.col("strike").is_in(list(quoted)))
    frame = frame.with_columns(mark_iv=pl.col("strike").replace_strict(quoted)).drop("strike")
    [listed] = read(frame).slices.values()
    assert listed.forward == forward
    return listed.atm_vol


@pytest.mark.parametrize("forward", [61_000.0, 69_282.0, 79_000.0])
def test_at_the_money_volatility_is_linear_in_log_strike(read, forward):
    """Between the nearest strikes; the farther ones, however wild, have no say."""
    low, high = 60_000.0, 80_000.0
    quoted = {40_000.0: 2.5, low: 0.4, high: 1.2, 110_000.0: 0.1}
    share = math.log(forward / low) / math.log(high / low)
    linear = (forward - low) / (high - low)
    assert abs(share - linear) > 0.005
    found = at_the_money_vol(read, quoted, forward)
    assert found == pytest.approx(0.4 + 0.8 * share, rel=1e-12)


def test_at_the_money_volatility_is_that_of_a_strike_at_the_forward(read):
    quoted = {60_000.0: 0.4, 70_000.0: 0.9, 80_000.0: 1.2}
    assert at_the_money_vol(read, quoted, 70_000.0) == pytest.approx(0.9, rel=1e-12)


@pytest.mark.parametrize(("forward", "expected"), [(59_000.0, 0.4), (81_000.0, 1.2)])
def test_at_the_money_volatility_is_flat_outside_the_strikes(read, forward, expected):
    quoted = {60_000.0: 0.4, 70_000.0: 0.9, 80_000.0: 1.2}
    assert at_the_money_vol(read, quoted, forward) == pytest.approx(expected, rel=1e-12)
