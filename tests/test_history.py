"""Bars are mended by stated rules or refused, and nothing is known before its time."""

from __future__ import annotations

import pickle
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seawall.basics.errors import BadNumber, PoorHistory
from seawall.basics.time import epoch_ns, instant_of_ns
from seawall.market.history import MarketHistory, PriceBars, TimeSeries
from seawall.market.history_join import (
    HistoryTable,
    merged_history,
    require_length,
    resampled,
    warnings_of_age,
)
from seawall.market.history_repairs import RawBars, repaired, repaired_series
from tests.naive import history as naive

HOUR = 3_600 * 10**9
START = epoch_ns(datetime(2026, 1, 1, tzinfo=UTC))
few = settings(max_examples=40, deadline=None, derandomize=True, database=None)


def raw(rows, *, step=HOUR, times_are="starts", underlying="BTC", symbol="BTCUSD", rank=0):
    """Bars of rows of (number of the bar, open, high, low, close)."""
    columns = np.array([row[1:] for row in rows], dtype=np.float64).reshape(-1, 4).T
    time_ns = START + step * np.array([row[0] for row in rows], dtype=np.int64)
    return RawBars("file.csv", symbol, underlying, times_are, time_ns, *columns.copy(), rank=rank)


def wave(count, *, first=0, level=100.0):
    """Sound bars that move a little."""
    closes = [level * (1.0 + 0.01 * np.sin(1.7 * n)) for n in range(count + 1)]
    return [
        (first + n, closes[n], max(closes[n : n + 2]) * 1.002, min(closes[n : n + 2]) * 0.998, c)
        for n, c in enumerate(closes[1:])
    ]


def columns(bars: PriceBars) -> list[naive.Row]:
    """Bars as rows."""
    names = ("end_ns", "open", "high", "low", "close")
    return list(zip(*(getattr(bars, name).tolist() for name in names), strict=True))


def put(rows, at, **changes):
    """Rows with one changed: ``o``, ``h``, ``l`` and ``c`` replace its prices."""
    number, *prices = rows[at]
    held = dict(zip("ohlc", prices, strict=True)) | changes
    return [*rows[:at], (number, *held.values()), *rows[at + 1 :]]


# ---- order and repetition


@few
@given(
    order=st.randoms(use_true_random=False),
    again=st.lists(st.integers(0, 39), max_size=10),
    times_are=st.sampled_from(["starts", "ends"]),
)
def test_shuffled_and_repeated_rows_give_the_same_bars(order, again, times_are):
    rows = wave(40)
    expected, _ = repaired(raw(rows, times_are=times_are))
    mixed = [*rows, *(rows[at] for at in again)]
    order.shuffle(mixed)
    found, told = repaired(raw(mixed, times_are=times_are))
    assert columns(found) == columns(expected)
    assert any("stand twice" in line for line in told) == bool(again)


@few
@given(
    which=st.sets(st.integers(0, 199), min_size=1, max_size=2),
    width=st.floats(0.2, 3.0),
    order=st.randoms(use_true_random=False),
)
def test_of_unlike_rows_of_one_time_the_worst_is_kept(which, width, order):
    rows = wave(200)
    for at in which:
        number, opened, high = rows[at][:3]
        narrow = (number, opened, opened + width * (high - opened), opened - 0.1, opened)
        rows = [*rows, narrow]
    mixed = list(rows)
    order.shuffle(mixed)
    found, told = repaired(raw(mixed))
    expected = naive.bars([(START + HOUR * r[0], *r[1:]) for r in rows], HOUR)
    sound = [(t, o, max(o, h, c), min(o, low, c), c) for t, o, h, low, c in expected]
    assert columns(found) == sound
    assert any("unlike" in line for line in told)


def test_too_many_contradictions_are_refused():
    rows = wave(50)
    twice = [(number, o, h * 1.01, low, c) for number, o, h, low, c in rows[:5]]
    with pytest.raises(PoorHistory, match="told twice and unlike"):
        repaired(raw([*rows, *twice]))


# ---- times


def test_a_bar_is_known_when_it_ends_and_a_close_when_it_was_seen():
    starts, _ = repaired(raw(wave(5), times_are="starts"))
    ends, _ = repaired(raw(wave(5), times_are="ends"))
    assert starts.end_ns[0] == START + HOUR
    assert ends.end_ns[0] == START
    assert starts.until(START + HOUR - 1).end_ns.size == 0


@few
@given(st.lists(st.integers(1, 10 * 3_600), min_size=3, max_size=40, unique=True))
def test_no_price_at_an_odd_time_is_known_before_it(seconds):
    """However irregular the times, each close ends a bar at or after the time it was seen."""
    time_ns = START + np.array(sorted(seconds), dtype=np.int64) * 10**9
    close = 100.0 + np.arange(time_ns.size, dtype=np.float64)
    nan = np.full(time_ns.size, np.nan)
    seen = RawBars("f", "BTC", "BTC", "ends", time_ns, nan, nan, nan, close)
    bars, _ = repaired(seen)
    jitter_ns = min(2 * 10**9, bars.bar_ns // 100)
    for end, price in zip(bars.end_ns, bars.close, strict=True):
        assert end >= time_ns[close == price][0] - jitter_ns


# ---- prices


def test_a_bar_without_a_close_is_a_gap_and_told():
    for bad in (0.0, -5.0, np.nan, np.inf, 1e13):
        bars, told = repaired(raw(put(wave(30), 7, c=bad)))
        assert bars.end_ns.size == 29
        assert not bars.follows[7]
        assert any("left out as gaps" in line for line in told)


def test_extremes_that_are_no_price_are_taken_from_the_bar():
    bars, told = repaired(raw(put(wave(30), 7, h=np.nan, l=0.0)))
    assert bars.high[7] == max(bars.open[7], bars.close[7])
    assert bars.low[7] == min(bars.open[7], bars.close[7])
    assert told


def test_a_high_below_the_close_is_widened():
    bars, told = repaired(raw(put(wave(30), 7, h=1.0)))
    assert bars.high[7] == max(bars.open[7], bars.close[7])
    assert any("widened" in line for line in told)


@pytest.mark.parametrize("print_usd", [0.01, 10_000.0])
def test_a_single_false_print_is_mended_wherever_it_stands(print_usd):
    sound, none = repaired(raw(wave(60)))
    assert not none
    extreme = "l" if print_usd < 1.0 else "h"
    bars, told = repaired(raw(put(wave(60), 20, **{extreme: print_usd})))
    assert any("no price" in line for line in told)
    assert bars.low.min() > 90.0
    assert bars.high.max() < 110.0
    bars, told = repaired(raw(put(wave(60), 20, c=print_usd)))
    assert bars.close[20] == pytest.approx(sound.close[19], rel=1e-12)
    assert bars.low.min() > 90.0
    assert bars.high.max() < 110.0
    assert any("far from both" in line for line in told)


@pytest.mark.parametrize("print_usd", [0.01, 10_000.0])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_false_prints_in_a_row_and_at_the_beginning_are_mended(print_usd, count):
    rows, sound = wave(60), repaired(raw(wave(60)))[0]
    inside, first = rows, rows
    for place in range(count):
        inside = put(inside, 20 + place, c=print_usd)
        first = put(first, place, c=print_usd)
    bars, told = repaired(raw(inside))
    assert bars.close[20 : 20 + count] == pytest.approx([sound.close[19]] * count, rel=1e-12)
    assert 90.0 < bars.low.min() < bars.high.max() < 110.0
    assert any("far from both" in line for line in told)
    bars, told = repaired(raw(first))
    assert bars.end_ns.tolist() == sound.end_ns[count:].tolist()
    assert 90.0 < bars.low.min() < bars.high.max() < 110.0
    assert any("first bars" in line for line in told)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_what_may_be_a_collapse_or_a_false_print_at_the_end_is_refused(count):
    rows = wave(60)
    for place in range(count):
        rows = put(rows, 59 - place, c=0.01)
    with pytest.raises(PoorHistory, match=f"last {count} closes are far"):
        repaired(raw(rows))


def test_four_bars_in_a_row_are_a_price():
    rows = wave(60)
    for place in range(4):
        rows = put(rows, 20 + place, o=1.0, h=1.0, l=0.99, c=0.995)
    bars, _ = repaired(raw(rows))
    assert bars.close[20:24].tolist() == [0.995] * 4


def test_a_crash_by_half_stays_whether_it_returns_or_not():
    stays = [*wave(30), *wave(30, first=30, level=45.0)]
    returns = put(put(wave(60), 20, l=45.0, c=50.0), 21, o=50.0, l=44.0)
    for rows in (stays, put(wave(60), 20, l=40.0), returns):
        bars, told = repaired(raw(rows))
        assert bars.low.min() == min(row[3] for row in rows)
        assert bars.close.tolist() == [row[4] for row in rows]
        assert not told


def test_a_fall_to_a_hundredth_that_stays_is_kept():
    rows = [*wave(30), *wave(30, first=30, level=1.0)]
    bars, _ = repaired(raw(rows))
    assert bars.close.tolist() == [row[4] for row in rows]


def test_a_price_that_stands_still_is_a_gap_and_one_that_never_moves_is_refused():
    still = [(30 + n, 100.0, 100.0, 100.0, 100.0) for n in range(40)]
    bars, told = repaired(raw([*wave(30), *still, *wave(30, first=70)]))
    assert bars.end_ns.size == 61
    assert any("stood still" in line for line in told)
    with pytest.raises(PoorHistory, match="never moves"):
        repaired(raw(still))
    with pytest.raises(PoorHistory, match="fewer than two"):
        repaired(raw(still[:1]))


# ---- several sources


def table(*bars: RawBars) -> HistoryTable:
    return HistoryTable("file.csv", bars=bars)


def test_the_first_file_counts_where_both_have_a_bar():
    first, more = raw(wave(30)), raw(wave(30, first=20, level=200.0))
    history = merged_history([table(first), table(more)])
    bars = history.bars["BTC"]
    assert bars.end_ns.size == 50
    assert bars.close[:30].tolist() == first.close.tolist()
    assert bars.close[30:].tolist() == more.close[10:].tolist()
    assert any("30 from" in line and "20 from" in line for line in history.repairs)


def test_a_price_in_usd_counts_before_one_in_a_stablecoin():
    usd, tether = raw(wave(30)), raw(wave(30, level=105.0), symbol="ABC", rank=1)
    bars = merged_history([table(tether, usd)]).bars["BTC"]
    assert bars.close.tolist() == usd.close.tolist()


@few
@given(missing=st.sets(st.integers(0, 47), max_size=6))
def test_longer_bars_are_of_all_bars_they_span(missing):
    rows = [row for row in wave(48) if row[0] not in missing]
    bars, _ = repaired(raw(rows))
    found = resampled(bars, 4 * HOUR)
    expected = naive.longer([(end - START, *rest) for end, *rest in columns(bars)], HOUR, 4)
    assert columns(found) == [(START + end, *rest) for end, *rest in expected]


def test_bars_of_unlike_lengths_are_joined_to_the_longest_or_refused():
    hours, days = raw(wave(72)), raw(wave(10, first=1), step=24 * HOUR, times_are="ends")
    bars = merged_history([table(hours), table(days)]).bars["BTC"]
    assert bars.bar_ns == 24 * HOUR
    assert bars.end_ns.size == 10
    odd = raw(wave(20), step=3 * HOUR // 2)
    with pytest.raises(PoorHistory, match="do not make up"):
        merged_history([table(hours), table(odd)])


def test_too_many_missing_bars_are_refused_and_few_are_named_with_their_span():
    rows = [row for row in wave(100) if not 40 <= row[0] < 50]
    history = merged_history([table(raw(rows))])
    told = " ".join(history.repairs)
    assert "10 bars of 1 h are missing in 1 gaps" in told
    assert "10 after 2026-01-02T16:00:00Z" in told
    with pytest.raises(PoorHistory, match="30 of 100 bars"):
        merged_history([table(raw([row for row in rows if not 50 <= row[0] < 70]))])


def test_funding_is_the_median_of_what_venues_told_within_a_day():
    venues = [
        TimeSeries("BTC", START + HOUR * np.array(hours), np.array(rates))
        for hours, rates in (
            ([0, 8, 16, 40], [1e-4, 2e-4, 3e-4, 9e-4]),
            ([1, 9, 60], [4e-4, -5e-4, 6e-4]),
            ([30], [8e-4]),
        )
    ]
    found = merged_history([HistoryTable("f", funding=tuple(venues))]).funding_per_day["BTC"]
    for at, value in zip(found.at_ns, found.value, strict=True):
        known = []
        for venue in venues:
            told = [
                (t, v)
                for t, v in zip(venue.at_ns, venue.value, strict=True)
                if t <= at <= t + 24 * HOUR
            ]
            known += [max(told)[1]] if told else []
        assert value == pytest.approx(naive.median(known), abs=1e-15)


def test_series_are_extended_and_not_mixed():
    first = TimeSeries("BTC", START + HOUR * np.array([5, 6]), np.array([0.5, 0.6]))
    more = TimeSeries("BTC", START + HOUR * np.array([1, 5, 9]), np.array([0.1, 0.2, 0.9]))
    vols = merged_history([HistoryTable("f", vols=(first, more))]).vols["BTC"]
    assert vols.value.tolist() == [0.1, 0.5, 0.6, 0.9]


def test_numbers_of_one_time_that_differ_leave_the_larger_in_size():
    at_ns = START + HOUR * np.array([2, 1, 1, 3])
    value = np.array([1e-4, 2e-4, -3e-4, 7.0])
    series, told = repaired_series("BTC", "f", at_ns, value, (-0.5, 0.5))
    assert series.value.tolist() == [-3e-4, 1e-4]
    assert len(told) == 2


# ---- holders


@few
@given(hour=st.integers(-2, 50))
def test_nothing_is_known_before_its_time(hour):
    history = merged_history([table(raw(wave(40)))])
    series = TimeSeries("BTC", history.bars["BTC"].end_ns, history.bars["BTC"].close)
    history = replace(history, vols={"BTC": series}, funding_per_day={"BTC": series})
    known = history.until(START + HOUR * hour)
    expected = max(0, min(hour, 40))
    assert known.bars["BTC"].end_ns.size == expected
    assert known.vols["BTC"].at_ns.size == known.funding_per_day["BTC"].at_ns.size == expected


def test_a_history_reaches_another_process_as_it_is():
    history = merged_history([table(raw(wave(40)))])
    again = pickle.loads(pickle.dumps(history))
    assert columns(again.bars["BTC"]) == columns(history.bars["BTC"])
    assert not again.bars["BTC"].close.flags.writeable


def test_bars_that_were_not_mended_are_no_history():
    bars, _ = repaired(raw(wave(5)))
    for changes in ({"close": -bars.close}, {"end_ns": bars.end_ns[::-1]}, {"high": bars.low}):
        with pytest.raises(BadNumber):
            replace(bars, **{name: value.copy() for name, value in changes.items()})


def test_a_history_that_is_too_short_is_named():
    history = merged_history([table(raw(wave(40)))])
    require_length(history, "BTC", 40)
    with pytest.raises(PoorHistory, match="41 bars of history are needed, and there are 40"):
        require_length(history, "BTC", 41)
    with pytest.raises(PoorHistory, match="there are none"):
        require_length(history, "ETH", 1)
    with pytest.raises(PoorHistory, match="2 units of 1 days"):
        require_length(history, "BTC", 2, 24 * HOUR)


def test_a_history_that_ended_long_ago_is_told():
    history = merged_history([table(raw(wave(40)))])
    last = START + 40 * HOUR
    assert warnings_of_age(history, instant_of_ns(last + 26 * HOUR)) == []
    assert (
        "ends 2026-01-02T16:00:00Z"
        in warnings_of_age(history, instant_of_ns(last + 26 * HOUR + 10**6))[0]
    )
    assert warnings_of_age(MarketHistory(), instant_of_ns(last)) == []
    assert "begins after" in warnings_of_age(history.until(START), instant_of_ns(START))[0]


def test_a_history_says_how_much_it_holds_in_place_of_its_arrays():
    history = merged_history([table(raw(wave(40)))])
    span = "from 2026-01-01T01:00 to 2026-01-02T16:00"
    assert repr(history.bars["BTC"]) == f"PriceBars(BTC: 40 bars {span})"
    kinds = "bars of 1, vols of 0, funding_per_day of 0, basis_per_year of 0"
    assert repr(history) == f"MarketHistory({kinds} {span})"
    assert repr(MarketHistory()).endswith("basis_per_year of 0)")
    at_ns = np.array([START, START + HOUR])
    series = TimeSeries(name="DVOL", at_ns=at_ns, value=np.array([0.5, 0.6]))
    told = "TimeSeries(DVOL: 2 numbers from 2026-01-01T00:00 to 2026-01-01T01:00)"
    assert repr(series) == told
    assert repr(series.until(START - 1)) == "TimeSeries(DVOL: 0 numbers)"
