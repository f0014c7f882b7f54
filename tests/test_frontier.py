"""The margin frontier: nothing later is seen, losses are those of a plain loop, books are many."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from xml.etree import ElementTree as ET

import msgspec
import numpy as np
import pytest

import seawall as sw
from benchmarks.frontier import __main__ as command
from benchmarks.frontier import legs, models, portfolios, simulated, statistics, tuning, walk
from benchmarks.frontier.chains import Record
from benchmarks.frontier.data import COINS, DAY_NS, HOUR_NS, HOURS, Panel, panel_of
from benchmarks.frontier.discussion import DISCUSSION
from benchmarks.frontier.grids import GridModel, grid_margins
from benchmarks.frontier.parameters import parameter_results
from benchmarks.frontier.picture import picture
from benchmarks.frontier.report import page, verdict
from benchmarks.frontier.run import closes_only
from benchmarks.frontier.statistics import Case, Result
from seawall.basics.errors import BadParameter
from seawall.lab.calibration.split import TRAINING_ENDS_NS
from seawall.margin.presets import load_preset
from seawall.margin.requirement import margin_requirement
from seawall.market.assemble import assemble_snapshot
from seawall.market.history import PriceBars
from seawall.market.quotes import Quotes
from seawall.products.names import contract_name
from seawall.risk.book import join
from tests import tables
from tests.naive.black76 import price

DAYS = 330
FIRST_NS = TRAINING_ENDS_NS - 300 * DAY_NS
CALL, PUT = portfolios.call, portfolios.put
BOOKS = (
    portfolios.Book("long BTC", "outright", (portfolios.perpetual("BTC", 1.0),)),
    portfolios.Book(
        "pair", "pair", (portfolios.perpetual("BTC", 0.5), portfolios.perpetual("ETH", -0.5))
    ),
    portfolios.Book(
        "carry", "basis", (portfolios.perpetual("BTC", 0.5), portfolios.future("BTC", 90.0, -0.5))
    ),
    portfolios.Book("put", "naked option", (PUT("BTC", 30.0, 0.9, -1.0),)),
    portfolios.Book(
        "hedged", "delta-hedged", (CALL("ETH", 30.0, 1.0, -1.0),), hedged=True
    ),
)  # fmt: skip


def bars_of(coin: str, seed: int) -> PriceBars:
    rng = np.random.default_rng(seed)
    count = (DAYS + 1) * HOURS
    close = 100.0 * np.exp(np.cumsum(0.008 * rng.standard_t(4, count)))
    begin = np.append(close[:1], close[:-1])
    wide = 1.0 + 0.004 * rng.random(count)
    end = FIRST_NS - DAY_NS + HOUR_NS * np.arange(1, count + 1)
    high, low = np.maximum(begin, close) * wide, np.minimum(begin, close) / wide
    return PriceBars(coin, HOUR_NS, end, begin, high, low, close)


@pytest.fixture(scope="module")
def known() -> models.Known:
    bars = {coin: bars_of(coin, seed) for seed, coin in enumerate(COINS)}
    rng = np.random.default_rng(9)
    days_ns = FIRST_NS + DAY_NS * np.arange(DAYS)
    level = 0.6 * np.exp(np.cumsum(0.03 * rng.standard_normal(DAYS + 1)))
    share = np.arange(1, HOURS + 1) / HOURS
    on_way = 1.0 + (level[1:] / level[:-1] - 1.0)[:, None] * share
    basis = 0.1 + np.cumsum(0.002 * rng.standard_normal((DAYS, len(COINS))), axis=0)
    return models.Known(panel_of(bars, days_ns, (level[:-1], on_way), basis), bars)


def changed_after(known: models.Known, day: int) -> models.Known:
    """The same until a day's start, and prices, volatility and basis of another world after."""
    at = int(known.panel.days_ns[day])
    bars: dict[str, PriceBars] = {}
    for coin, each in known.bars.items():
        factor = np.where(each.end_ns > at, 1.5, 1.0)
        names = ("open", "high", "low", "close")
        bars[coin] = replace(each, **{name: getattr(each, name) * factor for name in names})
    panel = known.panel
    fresh = panel_of(bars, panel.days_ns, (panel.vol, panel.vol_ratio), panel.basis)
    later = (np.arange(panel.days_ns.size) >= day)[:, None]
    vol = np.where(later[:, 0] & (np.arange(later.size) > day), 2.0 * panel.vol, panel.vol)
    ratio = np.where(later, 1.5 * panel.vol_ratio, panel.vol_ratio)
    basis_end = np.where(later, 3.0 * fresh.basis_end, fresh.basis_end)
    return models.Known(replace(fresh, vol=vol, vol_ratio=ratio, basis_end=basis_end), bars)


def test_there_are_forty_books_and_more_and_all_are_distinct() -> None:
    books = portfolios.all_books()
    assert len(books) >= 40
    assert len({book.name for book in books}) == len(books)
    assert len({(book.legs, book.hedged, book.size_usd) for book in books}) == len(books)
    families = {book.family for book in books}
    assert {
        "outright",
        "pair",
        "basis",
        "covered call",
        "strangle",
        "straddle",
        "butterfly",
    } < families
    assert {"calendar", "condor", "delta-hedged", "concentrated", "random"} < families
    assert portfolios.all_books() == books, "random books are drawn from one seed"


def test_no_margin_sees_a_later_day(known: models.Known) -> None:
    day = DAYS - 10
    other = changed_after(known, day)
    settings = tuning.TUNED
    here, there = models.all_models(known, settings), models.all_models(other, settings)
    one, two = (legs.tabulate(each.panel, BOOKS).rows(slice(None)) for each in (known, other))
    moved: list[str] = []
    for name in here:
        before, after = here[name](one), there[name](two)
        np.testing.assert_array_equal(before[: day + 1], after[: day + 1], err_msg=name)
        finite = np.isfinite(before)
        assert (before[finite] >= 0.0).all(), name
        if not np.array_equal(before[day + 1 :], after[day + 1 :]):
            moved.append(name)
    assert {"FHS-VaR", "GJR-t", "HS-500", "SPAN-like", "dynamic grid"} <= set(moved)


def test_losses_are_those_of_a_plain_loop(known: models.Known) -> None:
    table = legs.tabulate(known.panel, BOOKS)
    losses = walk.path_losses(table, known.panel, known.daily_vol)
    panel = known.panel
    for day in (20, 211):
        for row, book in enumerate(BOOKS):
            for hours, found in losses.by_horizon.items():
                worst = 0.0
                for hour in range(hours):
                    for point in range(3):
                        gain = 0.0
                        for place, leg in enumerate(table.legs):
                            size = table.quantity[day, row, place]
                            gain += size * plain_gain(leg, panel, day, hour, point)
                        worst = max(worst, -gain)
                expected = worst + losses.cost[day, row]
                assert found[day, row] == pytest.approx(expected, rel=1e-9), (book.name, hours)


def plain_gain(leg: portfolios.Leg, panel: Panel, day: int, hour: int, point: int) -> float:
    """What a leg gains by an hour's close, low or high, in scalars."""
    column = COINS.index(leg.coin)
    x = float(panel.ratio[day, hour, point, column])
    passed = (hour + 1) / 24.0
    if leg.kind == "perpetual":
        return x - 1.0
    if leg.kind == "future":
        begin, end = panel.basis[day, column], panel.basis_end[day, column]
        carried = (begin + (end - begin) * passed) * (leg.tenor_days - passed) / 365.0
        return x * math.exp(carried - begin * leg.tenor_days / 365.0) - 1.0
    atm = panel.vol[day] * (1.25 if leg.coin == "ETH" else 1.0)
    years, left = leg.tenor_days / 365.0, (leg.tenor_days - passed) / 365.0
    call, strike = leg.kind == "call", leg.moneyness
    before = price(1.0, strike, plain_smile(math.log(strike), years, atm), years, call)
    moved = plain_smile(math.log(strike / x), left, atm * panel.vol_ratio[day, hour])
    return price(x, strike, moved, left, call) - before


def plain_smile(k: float, years: float, atm: float) -> float:
    theta = atm * atm * years
    phi = 1.0 / math.sqrt(theta * (1.0 + theta))
    rho = -0.15
    w = theta / 2 * (1 + rho * phi * k + math.sqrt((phi * k + rho) ** 2 + 1 - rho * rho))
    return math.sqrt(w / years)


def test_hedges_take_the_delta_out(known: models.Known) -> None:
    table = legs.tabulate(known.panel, BOOKS)
    place = table.legs.index(portfolios.Leg("perpetual", "ETH"))
    sigma = table.sigma[5, table.legs.index(CALL("ETH", 30.0, 1.0, 1.0)[0])]
    bump = 1e-4
    values = [price(1.0 + s, 1.0, float(sigma), 30 / 365, True) for s in (bump, -bump)]
    delta = (values[0] - values[1]) / (2 * bump)
    assert table.quantity[5, 4, place] == pytest.approx(delta, rel=1e-5)


def test_grid_margins_are_the_products_scanning_risk(quotes: Callable[..., Quotes]) -> None:
    spot, days = tables.INDEX, 30.0
    as_of = tables.EXPIRY - timedelta(days=days)
    frame = tables.chain(as_of=as_of, settlement="USDC", forward=spot)
    held = [("put", 60_000.0, -2.0), ("call", 80_000.0, -1.0), ("call", 70_000.0, 1.0)]
    book = portfolios.Book(
        "b",
        "f",
        tuple((portfolios.Leg(r, "BTC", days, k / spot), q) for r, k, q in held),
    )
    found_legs = portfolios.legs_of([book])
    sigma = np.array([[tables.smile(leg.moneyness * spot) for leg in found_legs]])
    known = np.ones(sigma.shape, dtype=np.bool_)
    days_ns = np.array([0])
    table = legs.table_of(days_ns, found_legs, [book], sigma, np.zeros(sigma.shape), known)
    one = np.ones(1)
    model = GridModel(models.scenarios_of("prbm"), np.full((1, 3), 0.16), 0.0 * one, one, one)
    mine = float(grid_margins(table, model)[0, 0]) * spot
    snapshot = assemble_snapshot([quotes(frame)])
    names = [contract_name("BTC", "USDC", tables.EXPIRY, k, r) for r, k, _ in held]
    account = sw.portfolio(
        [(name, str(q)) for name, (_, _, q) in zip(names, held, strict=True)], account="a"
    )
    theirs = margin_requirement(join(account, snapshot), load_preset("prbm"))
    assert mine == pytest.approx(theirs.scanning_risk, rel=1e-9)


def case_of(ratios: np.ndarray, days_ns: np.ndarray) -> Case:
    margins = np.full(ratios.shape, 0.1)
    names = tuple(f"book {row}" for row in range(ratios.shape[1]))
    return Case(days_ns, names, {24: 0.1 * ratios}, margins, np.ones(ratios.shape))


@pytest.fixture(scope="module")
def drawn() -> Case:
    """Three years, the first two of training; losses of the last are half as large."""
    rng = np.random.default_rng(3)
    days_ns = TRAINING_ENDS_NS + DAY_NS * np.arange(-730, 365)
    ratios = np.abs(rng.standard_t(5, (days_ns.size, 4)))
    ratios[730:] *= 0.5
    ratios[::50, 2] = np.nan
    return case_of(ratios, days_ns)


def test_the_multiplier_takes_training_days_and_no_others(drawn: Case) -> None:
    train = drawn.rows(statistics.training(drawn.days_ns, int(drawn.days_ns[0])))
    factor = statistics.multiplier(train, 0.01)
    pooled = np.sort(train.ratios[np.isfinite(train.ratios)])
    assert (pooled > factor).mean() == pytest.approx(0.01, abs=1.0 / pooled.size)
    with pytest.raises(BadParameter, match="kept for testing"):
        statistics.multiplier(drawn, 0.01)
    with pytest.raises(BadParameter, match="kept for testing"):
        tuning.score(tuning.TUNED, drawn, 0.01)


def test_a_result_tells_what_loops_count(drawn: Case) -> None:
    since = int(drawn.days_ns[0])
    found = statistics.result("m", drawn, drawn, 0.01, since)
    test = drawn.rows(statistics.testing(drawn.days_ns))
    hits = days = 0
    beyond: list[float] = []
    for row in test.ratios:
        for ratio in row:
            if not math.isnan(ratio):
                days += 1
                if ratio > found.multiplier:
                    hits += 1
                    beyond.append(0.1 * (ratio - found.multiplier))
    assert found.breach_rate == hits / days
    assert found.breach_interval[0] <= found.breach_rate <= found.breach_interval[1]
    assert found.mean_shortfall_rel == pytest.approx(np.mean(beyond) if beyond else 0.0)
    assert found.mean_margin_rel == pytest.approx(0.1 * found.multiplier)
    assert found.at_equal_coverage < found.mean_margin_rel, "test losses are half as large"
    assert (found.against, *found.against_interval) == pytest.approx((0.0, 0.0, 0.0), abs=1e-12)
    assert verdict(found) == " (ties)"
    assert found.peak_to_trough == 1.0
    assert set(found.rise.values()) == {0.0}
    assert len(found.books) == 4


def test_a_dearer_model_is_told_to_be_dearer(drawn: Case) -> None:
    rng = np.random.default_rng(4)
    noise = np.exp(0.8 * rng.standard_normal(drawn.margins.shape))
    worse = replace(drawn, margins=drawn.margins * noise)
    found = statistics.result("noisy", worse, drawn, 0.01, int(drawn.days_ns[0]))
    assert found.against > 0.0
    assert verdict(found) == " (more)"
    assert found.rise["1"] > 0.0


def test_walk_forward_uses_years_that_are_over(drawn: Case) -> None:
    since = int(drawn.days_ns[0])
    breach, cost = statistics.walk_forward(drawn, 0.01, since)
    louder = drawn.losses[24].copy()
    louder[-1] *= 100.0
    again, same = statistics.walk_forward(replace(drawn, losses={24: louder}), 0.01, since)
    assert cost == same
    assert again >= breach


def test_stressed_days_tell_the_largest_pooled_shortfall() -> None:
    days_ns = np.array([np.datetime64(d, "ns").astype(int) for d in ("2022-06-12", "2022-06-13")])
    found = statistics.stress_shortfalls(case_of(np.array([[2.0, 1.0], [4.0, 0.5]]), days_ns), 1.0)
    assert found == {"2022-06": pytest.approx(0.3 / 2)}


def test_closes_alone_lose_what_the_day_lost(known: models.Known) -> None:
    panel = closes_only(known.panel)
    table = legs.tabulate(panel, BOOKS[:1])
    losses = walk.path_losses(table, panel, known.daily_vol)
    last = known.panel.ratio[:, -1, 0, 0]
    expected = np.maximum(1.0 - last, 0.0)
    np.testing.assert_allclose(
        losses.by_horizon[24][:, 0] - losses.cost[:, 0], expected, atol=1e-12
    )


def test_strategies_cost_the_most_they_can_lose() -> None:
    condor = portfolios.Book(
        "condor",
        "condor",
        (
            PUT("BTC", 30.0, 0.85, -1.0),
            CALL("BTC", 30.0, 1.15, -1.0),
            PUT("BTC", 30.0, 0.8, 1.0),
            CALL("BTC", 30.0, 1.2, 1.0),
        ),
    )
    covered = portfolios.Book(
        "covered", "covered call", (portfolios.perpetual("BTC", 1.0), CALL("BTC", 30.0, 1.1, -1.0))
    )
    found = portfolios.legs_of([condor, covered])
    shape = (1, len(found))
    table = legs.table_of(
        np.array([0]), found, [condor, covered], np.full(shape, 0.6), np.zeros(shape),
        np.ones(shape, dtype=np.bool_),
    )  # fmt: skip
    credit = sum(
        q * price(1.0, leg.moneyness, 0.6, 30 / 365, leg.kind == "call") for leg, q in condor.legs
    )
    margins = models.positions.strategy(table)
    assert margins[0, 0] == pytest.approx(0.05 + credit), "one wing less the credit"
    assert margins[0, 1] == pytest.approx(0.15), "the perpetual alone"
    assert margins[0, 0] < models.positions.isolated(table)[0, 0]


def test_filtered_scenarios_scale_with_todays_volatility(known: models.Known) -> None:
    rows = slice(300, 301)
    by = known.filter
    twice = simulated.Filter(2.0 * by.price, by.vol, by.basis)
    one = simulated.filtered(known.moves, by)(rows)
    two = simulated.filtered(known.moves, by, twice)(rows)
    np.testing.assert_allclose(two.price, 2.0 * one.price)
    np.testing.assert_array_equal(two.vol, one.vol)


def test_a_recorded_smile_gives_back_its_own_points() -> None:
    k = np.array([-0.2, 0.0, 0.2])
    near, far = np.array([0.6, 0.5, 0.55]), np.array([0.55, 0.5, 0.52])
    record = Record(0, 1.0, ((0.1, k, near**2 * 0.1), (0.3, k, far**2 * 0.3)))
    assert record.vol(-0.2, 0.1) == pytest.approx(0.6)
    assert record.vol(0.2, 0.3) == pytest.approx(0.52)
    between = math.sqrt((0.5**2 * 0.1 + 0.5**2 * 0.3) / 2 / 0.2)
    assert record.vol(0.0, 0.2) == pytest.approx(between)
    assert record.vol(0.0, 0.02) == pytest.approx(0.5)
    assert record.vol(0.0, 1.0) == pytest.approx(0.5)


def test_the_picture_is_well_formed(drawn: Case) -> None:
    found: Result = statistics.result("a & b", drawn, drawn, 0.01, int(drawn.days_ns[0]))
    drawing = ET.fromstring(picture([("six books & more", [found])]))
    assert drawing.tag.endswith("svg")


def test_parameters_are_held_against_both_parts_and_see_nothing_later(known: models.Known) -> None:
    whole = parameter_results(known.bars, tuning.TUNED)
    assert {each.part for each in whole} == {"training", "test"}
    assert {each.parameter for each in whole} == {
        *(f"haircut {coin}, {how}" for coin in COINS for how in ("fixed", "calibrated")),
        *(f"ρ of BTC and ETH, {how}" for how in ("fixed", "calibrated")),
    }
    # Later days of another world leave the training part, whose last windows end with it.
    changed = changed_after(known, int(np.searchsorted(known.panel.days_ns, TRAINING_ENDS_NS)))
    after = parameter_results(changed.bars, tuning.TUNED)
    for one, other in zip(whole, after, strict=True):
        assert one.part != "training" or one == other
    assert whole != after


def test_a_target_at_equal_coverage_is_judged_only_where_coverage_is_equal() -> None:
    found = msgspec.json.decode((command.DOCS / command.FIGURES).read_bytes(), type=command.Found)
    text = page(found.parts, found.chains, found.parameters, DISCUSSION)
    assert text == (command.DOCS / "frontier.md").read_text(encoding="utf-8")
    pooled, own = (line for line in text.splitlines() if "50 % below strategy" in line)
    assert "not at equal coverage" in pooled
    assert pooled.endswith("| – |")
    assert "at equal coverage" in own
    assert own.endswith(("| yes |", "| **no** |"))
