"""Histories of tail models: gaps hide nothing, and what others lack takes nothing away."""

from __future__ import annotations

from dataclasses import replace as with_fields

import numpy as np
import pytest

import seawall as sw
from seawall.basics.errors import PoorHistory
from seawall.market.history import MarketHistory, PriceBars, TimeSeries
from tests.histories import history_until
from tests.test_distance import MARKET, book_of

HOURLY = history_until(["BTC", "ETH"], MARKET.as_of, bar_hours=1, days=330)
ONLY_BTC = with_fields(HOURLY, bars={"BTC": HOURLY.bars["BTC"]})


def with_bars(history: MarketHistory, *more: PriceBars) -> MarketHistory:
    return with_fields(history, bars={**history.bars, **{each.underlying: each for each in more}})


def coarse(bars: PriceBars, length: int) -> PriceBars:
    """The closes of every so many bars, as longer ones."""
    close = bars.close[::-length][::-1]
    end_ns = bars.end_ns[::-length][::-1]
    return PriceBars(bars.underlying, length * bars.bar_ns, end_ns, close, close, close, close)


def worse(kind: str) -> PriceBars:
    """Bars of ETH that are worse than those of BTC, and enough by themselves."""
    eth = HOURLY.bars["ETH"]
    few = np.flatnonzero(np.arange(eth.end_ns.size) % 10 != 3)
    return {
        "coarse": coarse(eth, 24),
        "ended": eth.rows(slice(0, -30)),
        "short": eth.rows(slice(24 * 40, None)),
        "gaps": eth.rows(few),
    }[kind]


@pytest.mark.parametrize("kind", ["coarse", "ended", "short", "gaps"])
@pytest.mark.parametrize("name", ["hs-var", "fhs-es"])
def test_a_worse_history_of_another_underlying_takes_nothing_away(name: str, kind: str) -> None:
    """Whoever holds that is refused, and told why."""
    held = book_of(("BTC-PERPETUAL", 1))
    more = with_bars(ONLY_BTC, worse(kind))
    before, after = (
        sw.margin(held, with_fields(MARKET, history=history), name) for history in (ONLY_BTC, more)
    )
    assert before == after
    why = "that end 1.2 days before" if kind == "ended" else "too short, too coarse or too full"
    also = book_of(("BTC-PERPETUAL", 1), ("ETH-PERPETUAL", 1))
    with pytest.raises(PoorHistory, match=f"prices of ETH.* {why}"):
        sw.margin(also, with_fields(MARKET, history=more), name)


def test_a_history_as_good_as_the_others_joins_them() -> None:
    """Also one of which the bars are shorter or an hour is missing."""
    eth = HOURLY.bars["ETH"]
    held = book_of(("BTC-PERPETUAL", 1), ("ETH-PERPETUAL", 1))
    for bars in (eth, eth.rows(slice(0, -1)), eth.rows(slice(50, None))):
        report = sw.margin(held, with_fields(MARKET, history=with_bars(ONLY_BTC, bars)), "hs-var")
        assert report.tail is not None
        assert report.tail.points == 8


def test_a_short_history_of_volatility_leaves_prices_as_they_are() -> None:
    told = HOURLY.vols["BTC"]
    short = TimeSeries(told.name, told.at_ns[-24 * 200 :], told.value[-24 * 200 :])
    history = with_fields(HOURLY, vols={**HOURLY.vols, "BTC": short})
    held = book_of(("BTC-PERPETUAL", 1), ("ETH-PERPETUAL", 3))
    before, after = (
        sw.margin(held, with_fields(MARKET, history=each), "fhs-es") for each in (HOURLY, history)
    )
    assert before.initial == after.initial
    with pytest.raises(PoorHistory, match="no volatilities of BTC that cover its windows"):
        sw.margin(
            book_of(("BTC-31JAN26-90000-P", -1)), with_fields(MARKET, history=history), "fhs-es"
        )


def test_a_gap_does_not_hide_a_crash_and_is_told() -> None:
    """A fall by 30 % of which three hours are missing, with a margin near that of the whole."""
    bars = HOURLY.bars["BTC"]
    fall = np.where(np.arange(bars.end_ns.size) >= 7000, 0.7, 1.0)
    parts = (fall * getattr(bars, part) for part in ("open", "high", "low", "close"))
    crash = PriceBars("BTC", bars.bar_ns, bars.end_ns, *parts)
    keep = np.flatnonzero(np.abs(np.arange(bars.end_ns.size) - 7000) > 1)
    held = book_of(("BTC-PERPETUAL", 1))
    whole, cut = (
        sw.margin(held, with_fields(MARKET, history=with_bars(HOURLY, each)), "fhs-es")
        for each in (crash, crash.rows(keep))
    )
    assert 10 * cut.initial > 9 * whole.initial
    assert any(
        line.startswith("History of BTC: 3 bars missing in 1 gap; the largest move across one is -")
        for line in cut.warnings
    )


def test_what_a_tail_does_not_see_is_a_warning() -> None:
    report = sw.margin(book_of(("BTC-PERPETUAL", 1)), MARKET, "hs-var")
    told = " ".join(report.warnings)
    assert "told at 1 of 8 points" in told
    assert "span 298 of 730 days" in told
    assert "do not resolve a confidence of 99.50%" in told
