"""Haircuts and offsets are held against what came as margins are."""

from __future__ import annotations

import numpy as np
import pytest

from seawall.basics.errors import BadNumber, BadParameter, PoorHistory
from seawall.lab.backtest.parameters import haircut_coverage, offset_coverage
from seawall.market.history import PriceBars

HOUR = 3_600 * 10**9
HORIZON = 24 * HOUR


def bars(name: str, seed: int, count: int = 24 * 200, vol: float = 0.008) -> PriceBars:
    generator = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(vol * generator.standard_t(4, count)))
    before = np.append(100.0, close[:-1])
    return PriceBars(
        underlying=name,
        bar_ns=HOUR,
        end_ns=(np.arange(count) + 1) * HOUR,
        open=before,
        high=np.maximum(before, close) * 1.002,
        low=np.minimum(before, close) * 0.998,
        close=close,
    )


def days(of: PriceBars) -> np.ndarray:
    return of.end_ns[24::24]


def test_falls_and_losses_of_pairs_are_those_of_plain_loops() -> None:
    first, second = bars("AAA", 1), bars("BBB", 2)
    at = days(first)
    haircut, ranges, rho = 0.06, (0.10, 0.12), 0.4
    falls, losses, covered = [], [], 0
    for time in at.tolist():
        here = first.end_ns.tolist().index(time)
        if here + 24 >= first.end_ns.size:
            continue
        covered += 1
        falls.append(
            max(0.0, *(1.0 - first.low[here + k] / first.close[here] for k in range(1, 25)))
        )
        worst = 0.0
        for k in range(1, 25):
            one = (first.close[here + k] / first.close[here] - 1.0) / ranges[0]
            other = (second.close[here + k] / second.close[here] - 1.0) / ranges[1]
            worst = max(worst, one - other, other - one)
        losses.append(worst)
    cut = haircut_coverage(first, at, np.full(at.size, haircut), horizon_ns=HORIZON)
    assert cut.observations == covered
    assert cut.exceedances == sum(fall > haircut for fall in falls) > 0
    assert cut.worst_shortfall == pytest.approx(max(falls) - haircut, rel=1e-12)
    pair = offset_coverage(
        (first, second),
        at,
        (np.full(at.size, ranges[0]), np.full(at.size, ranges[1])),
        np.full(at.size, rho),
        horizon_ns=HORIZON,
    )
    assert pair.exceedances == sum(loss > 2.0 - rho for loss in losses) > 0
    assert pair.worst_shortfall == pytest.approx(max(losses) - (2.0 - rho), rel=1e-12)


def test_windows_that_overlap_are_told_apart() -> None:
    coin = bars("AAA", 3)
    hourly = coin.end_ns[24:-30]
    found = haircut_coverage(coin, hourly, np.full(hourly.size, 0.05), horizon_ns=HORIZON)
    assert found.horizon_steps == 24
    assert found.effective_observations < found.observations


def test_a_horizon_with_a_gap_is_left_out() -> None:
    whole = bars("AAA", 4)
    keep = np.ones(whole.end_ns.size, dtype=bool)
    keep[1_000] = False
    columns = {n: getattr(whole, n)[keep] for n in ("end_ns", "open", "high", "low", "close")}
    gap = PriceBars(underlying="AAA", bar_ns=HOUR, **columns)
    at = days(whole)
    cut = np.full(at.size, 0.05)
    before = haircut_coverage(whole, at, cut, horizon_ns=HORIZON).observations
    assert haircut_coverage(gap, at, cut, horizon_ns=HORIZON).observations == before - 1


def test_what_cannot_be_held_against_anything_is_refused() -> None:
    coin = bars("AAA", 5, count=20)
    at = coin.end_ns[:3]
    with pytest.raises(PoorHistory, match="whole horizon"):
        haircut_coverage(coin, at, np.full(3, 0.1), horizon_ns=HORIZON)
    longer = bars("AAA", 5, count=100)
    with pytest.raises(BadNumber):
        haircut_coverage(longer, at, np.full(3, np.nan), horizon_ns=HORIZON)
    with pytest.raises(BadParameter, match="price range"):
        offset_coverage(
            (longer, longer), at, (np.zeros(3), np.ones(3)), np.ones(3), horizon_ns=HORIZON
        )
