"""VaR and ES of joint scenarios as margins: against plain loops, and by laws of such measures."""

from __future__ import annotations

from dataclasses import replace as with_fields
from datetime import timedelta
from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from msgspec.structs import replace

import seawall as sw
from seawall.basics.errors import BadParameter, PoorHistory
from seawall.margin.euler import euler_contributions
from seawall.margin.marginal import marginal_contributions
from seawall.margin.model import MarginModel
from seawall.margin.offsets import TailMeasure
from seawall.margin.presets import load_preset
from seawall.margin.requirement import margin_requirement
from seawall.market.history import MarketHistory
from seawall.market.snapshot import MarketSnapshot
from seawall.products.portfolio import Portfolio
from seawall.report.schema import MarginReport
from seawall.risk.book import join
from seawall.risk.joint_scenarios import OfHistory, Past, SimulatedScenarios
from tests.histories import history_until
from tests.naive.parameters import PRBM
from tests.naive.tail_margin import naive_tail
from tests.strategies import accounts
from tests.test_distance import MARKET, book_of
from tests.test_oracle import rounding_usd
from tests.test_properties import merged, settled

OF_HISTORY = ("hs-var", "fhs-var", "fhs-es")
TAIL_MODELS = (*OF_HISTORY, "mc-es")
few = settings(max_examples=12)


def quick(name: str, measure: str | None = None) -> MarginModel:
    """The preset without charges and floors, and with few simulated paths."""
    model = load_preset(name)
    scenarios = model.scenarios
    if isinstance(scenarios, SimulatedScenarios):
        few_paths = replace(scenarios.simulation, count=100, points=2)
        scenarios = replace(scenarios, simulation=few_paths)
    offsets = model.offsets
    if measure is not None:
        assert isinstance(offsets, TailMeasure)
        offsets = replace(offsets, measure=measure, confidence=0.95)
    status = replace(model.status, charges=None, floors=None)
    return replace(
        model, scenarios=scenarios, offsets=offsets, charges=(), floors=(), status=status
    )


def moves_of(portfolio: Portfolio, market: MarketSnapshot, model: MarginModel):
    """The paths of each underlying as plain lists, asked of the scenarios themselves."""
    found = {}
    for array in margin_requirement(join(portfolio, market), model).arrays:
        cells = array.scenarios
        assert cells.vol_rel is not None
        assert cells.paths is not None
        pairs = list(zip(cells.price_rel.tolist(), cells.vol_rel.tolist(), strict=True))
        points = cells.paths.points
        found[array.book.underlying] = [
            pairs[at : at + points] for at in range(0, len(pairs), points)
        ]
    return found


@pytest.mark.parametrize(("name", "measure"), [("mc-es", "es"), ("mc-es", "var"), ("fhs-es", "es")])
@settings(max_examples=8)
@given(account=accounts(max_legs=4))
def test_scanning_risk_is_that_of_plain_loops(account, name: str, measure: str) -> None:
    portfolio, market = account
    model = quick(name, measure)
    found = margin_requirement(join(portfolio, market), model)
    moves = moves_of(portfolio, market, model)
    expected = naive_tail(portfolio, market, moves, PRBM, measure, 0.95)
    slack = 1e-6 + 10.0 * rounding_usd(portfolio, market)
    assert found.scanning_risk == pytest.approx(expected["measure"], rel=1e-9, abs=slack)
    for on in found.charged:
        own = expected["own"][on.book.underlying]
        assert on.worst_loss == pytest.approx(own, rel=1e-9, abs=slack)
    assert found.maintenance == pytest.approx(found.scanning_risk, abs=slack)
    assert found.initial == pytest.approx(1.25 * found.scanning_risk, abs=slack)


@few
@given(account=accounts(max_legs=5))
def test_floors_are_the_least_of_the_whole_account(account) -> None:
    portfolio, market = account
    model = load_preset("hs-var")
    model = replace(model, charges=(), status=replace(model.status, charges=None))
    found = margin_requirement(join(portfolio, market), model)
    moves = moves_of(portfolio, market, model)
    expected = naive_tail(portfolio, market, moves, PRBM, "var", 0.995)
    slack = 1e-6 + 10.0 * rounding_usd(portfolio, market)
    assert found.maintenance == pytest.approx(expected["risk"], rel=1e-9, abs=slack)


@pytest.mark.parametrize("name", TAIL_MODELS)
def test_a_hedged_pair_costs_less_than_its_sides(name: str) -> None:
    model = quick(name)
    pair, long, short = (
        margin_requirement(join(book_of(*legs), MARKET), model).initial
        for legs in (
            [("BTC-PERPETUAL", 1), ("ETH-PERPETUAL", -40)],
            [("BTC-PERPETUAL", 1)],
            [("ETH-PERPETUAL", -40)],
        )
    )
    assert 0.0 < pair < long + short
    assert pair < max(long, short)


@pytest.mark.parametrize("name", ["fhs-es", "mc-es"])
@few
@given(account=accounts(max_legs=3), other=accounts(max_legs=3))
def test_expected_shortfall_is_subadditive(name: str, account, other) -> None:
    """Both books in the first one's market, as far as it lists them."""
    portfolio, market = account
    model = quick(name)
    names = {p.instrument.name for p in portfolio.positions}
    held = tuple(p for p in other[0].positions if p.instrument.name in names)
    if not held:
        held = portfolio.positions[:1]
    one, two = settled(portfolio), settled(msgspec.structs.replace(portfolio, positions=held))
    both = merged(one, two)
    whole, *parts = (
        margin_requirement(join(book, market), model).scanning_risk for book in (both, one, two)
    )
    assert whole <= sum(parts) * (1.0 + 1e-9) + 1e-6 + 10.0 * rounding_usd(both, market)


@pytest.mark.parametrize("name", TAIL_MODELS)
def test_twice_the_book_asks_twice(name: str) -> None:
    model = quick(name)
    legs = [("BTC-PERPETUAL", 1), ("ETH-PERPETUAL", -25), ("BTC-31JAN26-90000-P", -0.5)]
    one = margin_requirement(join(book_of(*legs), MARKET), model)
    two = margin_requirement(join(book_of(*((n, 2 * q) for n, q in legs)), MARKET), model)
    assert two.initial == pytest.approx(2.0 * one.initial, rel=1e-12)


@pytest.mark.parametrize("name", TAIL_MODELS)
def test_rows_add_up_to_the_measure_and_a_hedge_has_less_than_nothing(name: str) -> None:
    model = quick(name)
    book = join(book_of(("BTC-PERPETUAL", 3), ("ETH-PERPETUAL", -10)), MARKET)
    [group] = margin_requirement(book, model).combinations
    rows = [group.loss_of(unit) for unit in group.units]
    assert sum(rows) == group.risk
    assert rows[1] < 0.0 < rows[0]
    legs = euler_contributions(book, model).legs
    assert sum(leg.scanning_risk for leg in legs) == pytest.approx(group.risk, rel=1e-12)
    without = [
        margin_requirement(join(book_of(leg), MARKET), model).initial
        for leg in (("ETH-PERPETUAL", -10), ("BTC-PERPETUAL", 3))
    ]
    whole = margin_requirement(book, model).initial
    for leg, rest in zip(marginal_contributions(book, model), without, strict=True):
        assert leg.initial == pytest.approx(whole - rest, rel=1e-9)


@pytest.mark.parametrize("name", OF_HISTORY)
def test_an_underlying_without_history_is_refused_and_named(name: str) -> None:
    held = book_of(("BTC-PERPETUAL", 1), ("ETH-PERPETUAL", -1))
    without = with_fields(MARKET, history=history_until(["BTC"], MARKET.as_of))
    with pytest.raises(PoorHistory, match="no prices of ETH"):
        sw.margin(held, without, name)
    days = 126 if name == "hs-var" else 156  # 249 half days, a day, and 30 to warm up
    with pytest.raises(PoorHistory, match=rf"no prices of BTC.*at least {days} days"):
        sw.margin(held, with_fields(MARKET, history=MarketHistory()), name)
    short = history_until(["BTC", "ETH"], MARKET.as_of, days=100)
    with pytest.raises(PoorHistory, match="no underlying has a history that is long enough"):
        sw.margin(held, with_fields(MARKET, history=short), name)


def test_options_without_a_history_of_volatility_are_refused() -> None:
    told = history_until(["BTC", "ETH"], MARKET.as_of)
    market = with_fields(MARKET, history=with_fields(told, vols={"ETH": told.vols["ETH"]}))
    assert sw.margin(book_of(("BTC-PERPETUAL", 1)), market, "hs-var").initial > 0
    with pytest.raises(PoorHistory, match="no volatilities of BTC, of which options are held"):
        sw.margin(book_of(("BTC-31JAN26-90000-P", -1)), market, "hs-var")


def test_a_short_history_of_what_nobody_holds_changes_nothing() -> None:
    held = book_of(("BTC-PERPETUAL", 1), ("ETH-PERPETUAL", -1))
    told = history_until(["BTC", "ETH"], MARKET.as_of)
    young = history_until(["SOL"], MARKET.as_of, days=40)
    more = with_fields(told, bars={**told.bars, **young.bars}, vols={**told.vols, **young.vols})
    before, after = (
        sw.margin(held, with_fields(MARKET, history=history), "fhs-es") for history in (told, more)
    )
    assert before == after


@pytest.mark.parametrize("name", TAIL_MODELS)
def test_the_worst_scenario_is_up_where_its_price_rises(name: str) -> None:
    for size in (0.1, -0.1, 3.0, -3.0):
        held = book_of(("BTC-PERPETUAL", size), ("ETH-PERPETUAL", -size / abs(size)))
        worst = sw.margin(held, MARKET, quick(name)).worst_scenario
        assert worst is not None
        assert (worst.direction == "up") == (worst.cell.price_move_rel > 0.0)


def test_nothing_told_after_the_market_is_seen() -> None:
    """A history that goes on beyond the snapshot gives the margin of the part until then."""
    held = book_of(("BTC-PERPETUAL", 1))
    later = history_until(["BTC"], MARKET.as_of + timedelta(days=20), days=330)
    whole = with_fields(MARKET, history=later)
    cut = with_fields(MARKET, history=later.until(Past.of(later, MARKET.as_of).at_ns))
    assert sw.margin(held, whole, "fhs-es").rows == sw.margin(held, cut, "fhs-es").rows


def test_a_seed_draws_the_same_paths_and_another_seed_others() -> None:
    held = book_of(("BTC-PERPETUAL", 1), ("ETH-PERPETUAL", -5))
    model = load_preset("mc-es")
    assert isinstance(model.scenarios, SimulatedScenarios)
    again, other = (
        replace(
            model,
            scenarios=replace(
                model.scenarios, simulation=replace(model.scenarios.simulation, seed=seed)
            ),
        )
        for seed in (20261122, 7)
    )
    first = sw.margin(held, MARKET, model)
    assert sw.margin(held, MARKET, again) == first
    drawn = sw.margin(held, MARKET, other)
    assert drawn.maintenance != first.maintenance
    assert first.tail is not None
    assert drawn.tail is not None
    error = np.hypot(first.tail.standard_error, drawn.tail.standard_error)
    assert abs(first.tail.value - drawn.tail.value) < 4.0 * error


def test_simulated_moves_have_the_volatility_and_correlation_that_they_are_drawn_from() -> None:
    model = load_preset("mc-es")
    assert isinstance(model.scenarios, SimulatedScenarios)
    plain = replace(
        model.scenarios.simulation,
        count=20_000,
        points=1,
        degrees_of_freedom=30.0,
        jumps=replace(model.scenarios.simulation.jumps, per_year=0.0),
    )
    model = replace(model, scenarios=replace(model.scenarios, simulation=plain))
    book = join(book_of(("BTC-PERPETUAL", 1), ("ETH-PERPETUAL", -5)), MARKET)
    logs = [np.log1p(array.scenarios.price_rel) for array in margin_requirement(book, model).arrays]
    for log, daily_vol in zip(logs, (0.045, 0.055), strict=True):
        assert log.std() == pytest.approx(daily_vol, rel=0.02)
        assert abs(log.mean()) < 4.0 * daily_vol / np.sqrt(plain.count)
    assert np.corrcoef(*logs)[0, 1] == pytest.approx(0.9 * 0.9, abs=0.01)


@pytest.mark.parametrize("name", [*TAIL_MODELS, "hybrid"])
def test_a_report_goes_through_json_and_back(name: str) -> None:
    report = sw.margin(sw.synthetic_portfolio(), sw.synthetic_market(), name)
    again = msgspec.json.decode(report.to_json(), type=MarginReport)
    assert again == report
    assert sum(row.initial for row in report.rows) == report.initial
    assert report.tail is not None
    assert (report.risk_matrices == ()) == (name != "hybrid")
    worst = [path.loss for path in report.tail.worst_paths]
    assert all(a >= b for a, b in pairwise(worst))
    for path in report.tail.worst_paths:
        assert -sum(move.pnl for move in path.moves) == pytest.approx(path.loss, rel=1e-9)
    assert report.tail.lower <= report.tail.value <= report.tail.upper
    assert (report.tail.since is None) == (name in ("mc-es", "hybrid"))
    assert report.tail.lines()[0] in report.explain()


def test_a_hybrid_tells_the_tail_of_its_second_model() -> None:
    book = book_of(("BTC-PERPETUAL", 1), ("ETH-PERPETUAL", -3))
    for name in TAIL_MODELS:
        alone = sw.margin(book, MARKET, name)
        assert sw.margin(book, MARKET, f"hybrid:{name}").tail == alone.tail is not None
    assert sw.margin(book, MARKET, "hybrid:cross").tail is None


def test_worst_paths_are_found_in_the_history() -> None:
    """The price did move from the start of the path as the report says."""
    report = sw.margin(book_of(("BTC-PERPETUAL", 1)), MARKET, "hs-var")
    assert report.tail is not None
    bars = MARKET.history.bars["BTC"]
    for path in report.tail.worst_paths:
        assert path.start is not None
        at = int(np.searchsorted(bars.end_ns, int(path.start.timestamp()) * 10**9))
        moved = bars.close[at + 1] / bars.close[at] - 1.0
        assert path.moves[0].price_move_rel == pytest.approx(moved)


def test_a_tail_measure_needs_joint_scenarios_and_they_need_it() -> None:
    es, house = load_preset("mc-es"), load_preset("prbm")
    with pytest.raises(BadParameter, match="joint scenarios without a tail-measure"):
        replace(es, offsets=None, status=replace(es.status, offsets=None))
    with pytest.raises(BadParameter, match="joint scenarios without a tail-measure"):
        replace(house, offsets=es.offsets)
    with pytest.raises(BadParameter, match=r"a confidence of 1\.5"):
        TailMeasure(measure="es", confidence=1.5)


def test_scenarios_are_laid_out_once_an_hour() -> None:
    model = load_preset("hs-var")
    assert isinstance(model.scenarios, OfHistory)
    held = book_of(("BTC-PERPETUAL", 1))
    first, later = (
        margin_requirement(join(held, with_fields(MARKET, as_of=at)), model).arrays[0]
        for at in (MARKET.as_of, MARKET.as_of + timedelta(minutes=59))
    )
    assert Past.of(MARKET.history, MARKET.as_of) == Past.of(
        MARKET.history, MARKET.as_of + timedelta(minutes=59)
    )
    assert (first.scenarios.price_rel == later.scenarios.price_rel).all()
