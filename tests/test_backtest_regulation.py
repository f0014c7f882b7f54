"""Rules as rows, and the public disclosure, by hand."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from seawall.basics.errors import BadNumber, PoorHistory
from seawall.lab.backtest.counts import kupiec_region
from seawall.lab.backtest.disclosure import disclosure
from seawall.lab.backtest.regulation import (
    KUPIEC_ACCEPTANCE_99,
    MarginSetUp,
    acceptance,
    rules,
)

SOUND = MarginSetUp(
    otc=False,
    confidence=0.99,
    horizon_days=2.0,
    lookback_months=12.0,
    stress_in_lookback=True,
    offset_share=0.8,
    buffer_share=0.25,
)


def failing(set_up: MarginSetUp) -> list[str]:
    return [row.source for row in rules(set_up) if not row.passed]


def test_each_bound_of_the_rules_passes_at_the_bound() -> None:
    assert failing(SOUND) == ["EMIR art. 28 (b)", "EMIR art. 28 (c)"]
    all_tools = msgspec.structs.replace(SOUND, stress_weight=0.25, floor_years=10.0)
    assert failing(all_tools) == []


@pytest.mark.parametrize(
    ("change", "sources"),
    [
        ({"confidence": 0.989}, ["PFMI 6, item 3", "EMIR art. 24"]),
        ({"otc": True, "horizon_days": 5.0}, ["EMIR art. 24"]),
        ({"otc": True, "confidence": 0.995, "horizon_days": 4.0}, ["EMIR art. 26"]),
        ({"horizon_days": 1.0}, ["EMIR art. 26"]),
        ({"horizon_days": 1.0, "gross_accounts": True}, []),
        ({"lookback_months": 11.9}, ["EMIR art. 25"]),
        ({"stress_in_lookback": False}, ["EMIR art. 25"]),
        ({"offset_share": 0.81}, ["EMIR art. 27"]),
        ({"buffer_share": 0.24}, ["EMIR art. 28", "EMIR art. 28 (a)"]),
        ({"buffer_share": 0.0, "floor_years": 10.0}, ["EMIR art. 28 (a)"]),
    ],
)
def test_each_rule_fails_where_it_is_missed(change: dict[str, float], sources: list[str]) -> None:
    unused = {"EMIR art. 28 (a)", "EMIR art. 28 (b)", "EMIR art. 28 (c)"} - set(sources)
    assert [s for s in failing(msgspec.structs.replace(SOUND, **change)) if s not in unused] == (
        sources
    )


def test_a_row_says_what_is_asked_and_what_is() -> None:
    row = rules(SOUND)[1]
    assert (row.asked, row.found) == ("at least 99 %", "99 %")
    assert row.rule == "confidence, other than OTC derivatives"


@pytest.mark.parametrize(
    ("observations", "inside", "outside"),
    [(255, (0, 6), (7,)), (510, (2, 10), (1, 11)), (1_000, (5, 16), (4, 17))],
)
def test_kupiecs_table_is_the_published_one(
    observations: int, inside: tuple[int, ...], outside: tuple[int, ...]
) -> None:
    assert all(acceptance(count, observations)[0].passed for count in inside)
    assert not any(acceptance(count, observations)[0].passed for count in outside)


def test_kupiecs_table_is_what_the_test_accepts_but_for_no_exceedance_at_all() -> None:
    for observations, (least, most) in KUPIEC_ACCEPTANCE_99.items():
        region = kupiec_region(observations, 0.01)
        assert region is not None
        # Of 255 observations the published table accepts none; the test itself rejects it.
        assert region == (max(least, 1), most)


def test_acceptance_elsewhere_is_the_tests_own() -> None:
    assert acceptance(6, 250)[0].passed
    assert acceptance(20, 255, rate=0.05)[0].asked == "7 to 20 exceedances"
    assert [acceptance(count, 250)[1].passed for count in (4, 5)] == [True, False]


def test_impossible_set_ups_are_refused() -> None:
    with pytest.raises(BadNumber, match="outside 0 to 1"):
        msgspec.structs.replace(SOUND, offset_share=80.0)
    with pytest.raises(BadNumber, match="negative"):
        msgspec.structs.replace(SOUND, horizon_days=-1.0)


def test_disclosure_is_that_by_hand() -> None:
    losses = np.array([[1.0, 12.0], [-5.0, 3.0], [11.0, 10.0]])
    margins = np.array([[10.0, 10.0], [12.0, 9.0], [10.0, 11.0]])
    daily = np.array([[1.0, 4.0], [-5.0, 3.0], [6.0, -1.0]])
    found = disclosure(SOUND, losses, margins, daily)
    assert (found.exceedances_6_5_1, found.observations_6_5_2) == (2, 6)
    assert found.coverage_6_5_3 == pytest.approx(4.0 / 6.0)
    assert (found.peak_uncovered_6_5_4, found.average_uncovered_6_5_5) == (2.0, 1.5)
    assert found.average_variation_margin_6_6_1 == pytest.approx((5.0 + 3.0 + 6.0) / 3.0)
    assert found.peak_variation_margin_6_7_1 == 6.0
    assert found.peak_initial_margin_call_6_8_1 == 2.0


def test_one_account_of_one_day_periods_needs_no_daily_losses() -> None:
    daily = msgspec.structs.replace(SOUND, horizon_days=1.0)
    found = disclosure(daily, np.array([1.0, 2.0]), np.array([3.0, 3.0]))
    assert (found.coverage_6_5_3, found.peak_uncovered_6_5_4) == (1.0, 0.0)


def test_unusable_tables_are_refused() -> None:
    one = np.array([1.0])
    with pytest.raises(BadNumber, match="losses over 2 days alone"):
        disclosure(SOUND, one, one)
    with pytest.raises(BadNumber, match="unlike shapes"):
        disclosure(SOUND, one, np.ones(2), one)
    with pytest.raises(BadNumber, match="negative margin"):
        disclosure(SOUND, one, -one, one)
    with pytest.raises(PoorHistory, match="no observations"):
        disclosure(SOUND, one[:0], one[:0], one[:0])
