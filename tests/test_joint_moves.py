"""Joint scenarios of history against loops over bars: docs/risk-measures.md."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from seawall.basics.errors import BadNumber, BadParameter, PoorHistory
from seawall.market.history import MarketHistory, PriceBars, TimeSeries
from seawall.risk.historical import Filter, ewma_variance, filtered_moves, historical_moves
from seawall.risk.windows import DAY_NS, HOUR_NS, Windows

NAMES = ("BTC", "ETH")
HOURS = 24 * 50
WINDOWS = Windows(horizon_hours=6.0, points=3, least_count=20, lookback_days=40.0)


def bars(name, hours=HOURS, seed=0, bar_ns=HOUR_NS, keep=None, vol=0.01):
    """Bars from hour 0 on; ``keep`` picks some."""
    rng = np.random.default_rng([seed, seed_of(name)])
    steps = vol * rng.standard_t(4, hours)
    close = 100.0 * np.exp(np.cumsum(steps))
    start = np.append(100.0, close[:-1])
    reach = 1.0 + 0.004 * rng.random((2, hours))
    high, low = np.maximum(start, close) * reach[0], np.minimum(start, close) / reach[1]
    keep = np.ones(hours, dtype=bool) if keep is None else keep
    end_ns = bar_ns * np.arange(1, hours + 1)
    columns = (end_ns, start, high, low, close)
    return PriceBars(name, bar_ns, *(column[keep] for column in columns))


def seed_of(name):
    return sum(ord(letter) for letter in name)


def series(name, hours=HOURS, first=0, mean=0.5, seed=3):
    rng = np.random.default_rng([seed, seed_of(name)])
    values = mean * np.exp(np.cumsum(0.01 * rng.standard_normal(hours)))
    at_ns = HOUR_NS * np.arange(1, hours + 1)
    return TimeSeries(name, at_ns[first:], values[first:])


HISTORY = MarketHistory(
    bars={name: bars(name) for name in NAMES},
    vols={"BTC": series("BTC")},
    funding_per_day={name: series(name, mean=3e-4) for name in NAMES},
    basis_per_year={"ETH": series("ETH", mean=0.08)},
)
AS_OF_NS = HOUR_NS * HOURS


def test_every_window_is_the_move_of_all_underlyings_over_the_same_bars():
    moves = historical_moves(HISTORY, NAMES, AS_OF_NS, WINDOWS)
    first = HOURS - 40 * 24
    assert moves.price_rel.shape == (HOURS - 6 - first + 1, 3, 2)
    assert moves.overlap == 6
    assert moves.across_gaps == 0
    for row in (0, 17, moves.count - 1):
        begin = first + row
        assert moves.start_ns[row] == HOUR_NS * begin
        for point, hour in enumerate((2, 4, 6)):
            assert moves.elapsed_days[row, point] == hour / 24.0
            for column, name in enumerate(NAMES):
                close = HISTORY.bars[name].close
                expected = close[begin + hour - 1] / close[begin - 1] - 1.0
                assert moves.price_rel[row, point, column] == pytest.approx(expected, rel=1e-12)
    assert moves.weights == pytest.approx(1.0 / moves.count)


def test_volatility_funding_and_basis_move_with_the_price_or_are_named():
    windows = Windows(
        horizon_hours=6.0, points=3, least_count=20, factors=("volatility", "funding", "basis")
    )
    moves = historical_moves(HISTORY, NAMES, AS_OF_NS, windows)
    assert moves.unmoved == ("volatility of ETH", "basis of BTC")
    begin = moves.start_ns[100] // HOUR_NS
    for point, hour in enumerate((2, 4, 6)):
        vol = HISTORY.vols["BTC"].value
        told = vol[begin + hour - 1] / vol[begin - 1] - 1.0
        assert moves.vol_rel[100, point] == pytest.approx([told, 0.0], rel=1e-12)
        basis = HISTORY.basis_per_year["ETH"].value
        told = basis[begin + hour - 1] - basis[begin - 1]
        assert moves.basis_per_year[100, point] == pytest.approx([0.0, told], rel=1e-12)
        for column, name in enumerate(NAMES):
            rates = HISTORY.funding_per_day[name].value[begin : begin + hour]
            assert moves.funding_rel[100, point, column] == pytest.approx(rates.sum() / 24.0)


def test_factors_that_are_not_asked_for_stay_still():
    moves = historical_moves(HISTORY, NAMES, AS_OF_NS, WINDOWS)
    assert not moves.funding_rel.any()
    assert not moves.basis_per_year.any()
    assert moves.vol_rel[:, :, 0].any()


def test_a_window_across_a_gap_is_told_at_the_next_bars_that_there_are():
    """Against a loop over hours; what begins in the gap begins before it, and the last counts."""
    missing = set(range(1001, 1004))
    keep = np.array([hour not in missing for hour in range(1, HOURS + 1)])
    history = replace(HISTORY, bars={"BTC": bars("BTC"), "ETH": bars("ETH", keep=keep)})
    moves = historical_moves(history, NAMES, AS_OF_NS, WINDOWS)
    begins = [
        hour for hour in range(HOURS - 40 * 24, HOURS - 6 + 1) if hour not in {1000, 1001, 1002}
    ]
    assert moves.count == len(begins)
    for row, begin in enumerate(begins):
        start = 1000 if begin == 1003 else begin
        assert moves.start_ns[row] == HOUR_NS * start
        for point, due in enumerate((begin + 2, begin + 4, begin + 6)):
            hour = 1004 if due in missing else due
            assert moves.elapsed_days[row, point] == pytest.approx((hour - start) / 24.0)
            for column, name in enumerate(NAMES):
                close = HISTORY.bars[name].close
                expected = close[hour - 1] / close[start - 1] - 1.0
                assert moves.price_rel[row, point, column] == pytest.approx(expected, rel=1e-12)
    assert moves.across_gaps == sum(begin < 1004 < begin + 6 + 4 for begin in begins)


@pytest.mark.parametrize("length", [1, 3, 11, 40])
@pytest.mark.parametrize("every_hours", [0.0, 4.0, 6.0])
@pytest.mark.parametrize("extremes", [False, True])
def test_no_move_across_a_gap_is_lost_from_all_windows(length, every_hours, extremes):
    """A fall by 30 % in hours of which nobody tells; another gap lies hours before it."""
    whole = bars("BTC")
    fall = np.where(np.arange(HOURS) >= 900 + length // 2, 0.7, 1.0)
    columns = (fall * getattr(whole, name) for name in ("open", "high", "low", "close"))
    keep = np.ones(HOURS, dtype=bool)
    keep[900 : 900 + length] = False
    keep[893:896] = False
    columns = [column[keep] for column in columns]
    history = MarketHistory(bars={"BTC": PriceBars("BTC", HOUR_NS, whole.end_ns[keep], *columns)})
    windows = Windows(
        horizon_hours=6.0, points=3, least_count=20, every_hours=every_hours, extremes=extremes
    )
    across = columns[3][900 - 3] / columns[3][900 - 3 - 1] - 1.0
    assert across < -0.25
    found = historical_moves(history, ("BTC",), AS_OF_NS, windows)
    held = (found.start_ns <= whole.end_ns[899]) & (
        found.start_ns + (found.elapsed_days[:, 2] * DAY_NS) >= whole.end_ns[900 + length]
    )
    assert held.any()
    assert found.price_rel[held].min(axis=1).max() < -0.2
    given = Filter(warm_up_days=5.0)
    as_of_ns = int(whole.end_ns[900 + length])
    calm = filtered_moves(HISTORY, ("BTC",), as_of_ns, WINDOWS, given)
    wild = filtered_moves(history, ("BTC",), as_of_ns, WINDOWS, given)
    assert np.abs(wild.price_rel[:200]).mean() > 1.5 * np.abs(calm.price_rel[:200]).mean()


def test_a_volatility_unknown_at_times_leaves_no_window_out():
    """Unknown over most windows it counts as without a history; over few the next one counts."""
    plain = historical_moves(HISTORY, NAMES, AS_OF_NS, WINDOWS)
    history = replace(HISTORY, vols={"BTC": series("BTC", first=600)})
    moves = historical_moves(history, NAMES, AS_OF_NS, WINDOWS)
    assert np.array_equal(moves.price_rel, plain.price_rel)
    assert "volatility of BTC" in moves.unmoved
    assert not moves.vol_rel.any()
    told = HISTORY.vols["BTC"]
    keep = (told.at_ns <= HOUR_NS * 700) | (told.at_ns > HOUR_NS * 755)
    history = replace(HISTORY, vols={"BTC": TimeSeries("BTC", told.at_ns[keep], told.value[keep])})
    moves = historical_moves(history, NAMES, AS_OF_NS, WINDOWS)
    assert np.array_equal(moves.price_rel, plain.price_rel)
    assert "volatility of BTC" not in moves.unmoved
    row = int(np.flatnonzero(moves.start_ns == HOUR_NS * 747)[0])
    expected = told.value[755] / told.value[699] - 1.0
    assert moves.vol_rel[row, :, 0] == pytest.approx([expected * (hour >= 2) for hour in (2, 4, 6)])


def test_nothing_after_the_instant_is_seen():
    as_of_ns = HOUR_NS * 900
    cut = historical_moves(HISTORY.until(as_of_ns), NAMES, as_of_ns, WINDOWS)
    seen = historical_moves(HISTORY, NAMES, as_of_ns, WINDOWS)
    assert np.array_equal(cut.price_rel, seen.price_rel)
    assert seen.start_ns[-1] + 6 * HOUR_NS == as_of_ns
    given = Filter(warm_up_days=5.0)
    cut = filtered_moves(HISTORY.until(as_of_ns), NAMES, as_of_ns, WINDOWS, given)
    seen = filtered_moves(HISTORY, NAMES, as_of_ns, WINDOWS, given)
    assert np.array_equal(cut.price_rel, seen.price_rel)


def test_extremes_add_where_each_underlying_was_lowest_and_highest():
    windows = Windows(horizon_hours=6.0, points=3, least_count=20, extremes=True)
    moves = historical_moves(HISTORY, NAMES, AS_OF_NS, windows)
    assert moves.price_rel.shape[1] == 3 + 4
    for row in (0, 33, moves.count - 1):
        begin = moves.start_ns[row] // HOUR_NS
        within = range(begin, begin + 6)
        for column, name in enumerate(NAMES):
            own = HISTORY.bars[name]
            other = HISTORY.bars[NAMES[1 - column]].close
            lowest = min(within, key=lambda hour, own=own: own.low[hour])
            highest = max(within, key=lambda hour, own=own: own.high[hour])
            for point, hour, price in (
                (3 + column, lowest, own.low[lowest]),
                (5 + column, highest, own.high[highest]),
            ):
                rel = moves.price_rel[row, point]
                assert rel[column] == pytest.approx(price / own.close[begin - 1] - 1.0)
                assert rel[1 - column] == pytest.approx(other[hour] / other[begin - 1] - 1.0)
                assert moves.elapsed_days[row, point] == (hour + 1 - begin) / 24.0


def test_bars_of_unlike_length_are_joined_to_the_longer():
    fine, coarse = bars("BTC"), bars("ETH", hours=50, bar_ns=DAY_NS, vol=0.04)
    history = MarketHistory(bars={"BTC": fine, "ETH": coarse})
    windows = Windows(horizon_hours=48.0, points=2, least_count=20, extremes=True)
    moves = historical_moves(history, NAMES, AS_OF_NS, windows)
    assert moves.count == 48
    day = moves.start_ns[7] // DAY_NS
    start = fine.close[24 * day - 1]
    assert moves.price_rel[7, 1, 0] == pytest.approx(fine.close[24 * day + 47] / start - 1.0)
    lowest = fine.low[24 * day : 24 * day + 48].min()
    assert moves.price_rel[7, 2, 0] == pytest.approx(lowest / start - 1.0)


def test_younger_windows_weigh_more_with_a_half_life():
    windows = Windows(horizon_hours=6.0, least_count=20, half_life_days=10.0)
    moves = historical_moves(HISTORY, NAMES, AS_OF_NS, windows)
    assert moves.weights.sum() == pytest.approx(1.0)
    assert moves.weights[-1] == pytest.approx(2.0 * moves.weights[-1 - 240])


def test_windows_may_begin_less_often_than_bars():
    moves = historical_moves(
        HISTORY, NAMES, AS_OF_NS, Windows(horizon_hours=6.0, every_hours=6.0, least_count=20)
    )
    assert moves.overlap == 1
    assert set(np.diff(moves.start_ns)) == {6 * HOUR_NS}
    assert moves.start_ns[-1] + 6 * HOUR_NS == AS_OF_NS


def naive_vols(close, decay_per_day, floor_share, warm_up):
    """Volatility per √day after each hour, by a loop."""
    decay = decay_per_day ** (1.0 / 24.0)
    squares = [math.log(b / a) ** 2 for a, b in pairwise(close)]
    long_run = math.sqrt(24.0 * sum(squares) / len(squares))
    variance = sum(squares[:warm_up]) / warm_up
    vols = [math.nan]
    for square in squares:
        variance = decay * variance + (1.0 - decay) * square
        vols.append(max(math.sqrt(24.0 * variance), floor_share * long_run))
    return vols


@pytest.mark.parametrize("vol_moves", ["raw", "scaled"])
@pytest.mark.parametrize("floor_share", [0.5, 1.2])
def test_filtered_windows_are_rescaled_by_the_volatilities_of_a_loop(vol_moves, floor_share):
    given = Filter(warm_up_days=10.0, floor_share=floor_share, vol_moves=vol_moves)
    plain = historical_moves(HISTORY, NAMES, AS_OF_NS, WINDOWS)
    moves = filtered_moves(HISTORY, NAMES, AS_OF_NS, WINDOWS, given)
    offset = plain.count - moves.count
    assert moves.start_ns[0] > 10 * DAY_NS
    for column, name in enumerate(NAMES):
        vols = naive_vols(HISTORY.bars[name].close, 0.94, floor_share, 240)
        for row in (0, 50, moves.count - 1):
            scale = vols[-1] / vols[moves.start_ns[row] // HOUR_NS - 1]
            log = np.log1p(plain.price_rel[row + offset, :, column]) * scale
            assert moves.price_rel[row, :, column] == pytest.approx(np.expm1(log), rel=1e-9)
            log = np.log1p(plain.vol_rel[row + offset, :, column])
            expected = np.expm1(log * (scale if vol_moves == "scaled" else 1.0))
            assert moves.vol_rel[row, :, column] == pytest.approx(expected, rel=1e-9)


def test_given_volatilities_take_the_place_of_the_filter():
    flat = {name: TimeSeries(name, np.array([1]), np.array([0.5])) for name in NAMES}
    moves = filtered_moves(
        HISTORY, NAMES, AS_OF_NS, WINDOWS, Filter(warm_up_days=0.0), daily_vols=flat
    )
    plain = historical_moves(HISTORY, NAMES, AS_OF_NS, WINDOWS)
    assert moves.price_rel == pytest.approx(plain.price_rel, rel=1e-12)
    with pytest.raises(PoorHistory, match="volatility of ETH is not known"):
        filtered_moves(HISTORY, NAMES, AS_OF_NS, WINDOWS, Filter(), daily_vols={"BTC": flat["BTC"]})


def test_an_exponential_mean_is_that_of_a_loop_even_where_it_forgets_at_once():
    squares = np.random.default_rng(1).random((3000, 2))
    for decay in (0.999, 0.94, 1e-3):
        variance, expected = np.array([1.0, 2.0]), []
        for row in squares:
            variance = decay * variance + (1.0 - decay) * row
            expected.append(variance)
        assert ewma_variance(squares, decay, np.array([1.0, 2.0])) == pytest.approx(
            np.array(expected), rel=1e-10
        )


@pytest.mark.parametrize(
    ("history", "changes", "message"),
    [
        (MarketHistory(bars={"BTC": bars("BTC")}), {}, "no prices of ETH"),
        (HISTORY, {"least_count": 5000}, "windows of 6 hours"),
        (HISTORY, {"horizon_hours": 2.5}, "do not divide"),
        (HISTORY.until(HOUR_NS * 800), {}, "ended more than 7 days"),
        (HISTORY, {"horizon_hours": 24.0 * 60}, "0 windows"),
    ],
)
def test_a_poor_history_is_refused_by_name(history, changes, message):
    windows = Windows(**{"horizon_hours": 6.0, "points": 3, "least_count": 20} | changes)
    with pytest.raises(PoorHistory, match=message):
        historical_moves(history, NAMES, AS_OF_NS, windows)


def test_a_price_that_never_moved_has_no_volatility():
    hours = np.ones(HOURS)
    end_ns = HOUR_NS * np.arange(1, HOURS + 1)
    still = PriceBars("BTC", HOUR_NS, end_ns, hours, hours, hours, hours)
    with pytest.raises(PoorHistory, match="BTC is not known, or its price never moved"):
        filtered_moves(MarketHistory(bars={"BTC": still}), ("BTC",), AS_OF_NS, WINDOWS, Filter())


def test_impossible_choices_are_refused():
    with pytest.raises(BadParameter):
        Windows(horizon_hours=0.0)
    with pytest.raises(BadParameter):
        Filter(decay_per_day=1.0)
    moves = historical_moves(HISTORY, NAMES, AS_OF_NS, WINDOWS)
    with pytest.raises(BadNumber):
        replace(moves, price_rel=moves.price_rel - 1.0)
    with pytest.raises(ValueError, match="shape"):
        replace(moves, weights=moves.weights[1:])


def test_moves_come_back_read_only_from_another_process():
    moves = historical_moves(HISTORY, NAMES, AS_OF_NS, WINDOWS)
    back = pickle.loads(pickle.dumps(moves))
    assert np.array_equal(back.price_rel, moves.price_rel)
    assert not back.price_rel.flags.writeable
