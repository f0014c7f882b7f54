"""The walk over history: margins by what was known, losses by what came after, kept and resumed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import pytest

from seawall.basics.errors import (
    EmptyPortfolio,
    InputError,
    PoorHistory,
    SeawallError,
    UnwritableFile,
)
from seawall.basics.time import epoch_ns
from seawall.feeds.histories import read_history
from seawall.lab.backtest.books import Composition, Leg, WalkBook
from seawall.lab.backtest.document import backtest_document
from seawall.lab.backtest.losses import bar_paths, path_loss
from seawall.lab.backtest.markets import HistoricalMarkets, SurfaceShape
from seawall.lab.backtest.run import run_walk
from seawall.lab.backtest.walk import FixedModel, Walk, WalkPlan
from seawall.margin.presets import load_preset
from seawall.market.assemble import assemble_snapshot
from seawall.market.history import MarketHistory, PriceBars, TimeSeries
from seawall.market.quotes import FutureQuotes
from seawall.products.instruments import Option
from seawall.products.names import parse_name
from seawall.products.portfolio import Portfolio, portfolio
from seawall.report.build import margin
from tests.naive import walk as naive
from tests.walks import HOUR_NS, START, books, made_up, walk

SHAPE = SurfaceShape()
SMILE = (SHAPE.skew, SHAPE.curvature)


@pytest.fixture(scope="module")
def history() -> MarketHistory:
    return made_up()


def scrambled(history: MarketHistory, after_ns: int) -> MarketHistory:
    """Another future: everything told later than an instant is another number."""

    def other_bars(bars: PriceBars) -> PriceBars:
        factor = np.where(bars.end_ns > after_ns, 1.7, 1.0)
        columns = ("open", "high", "low", "close")
        return replace(bars, **{name: getattr(bars, name) * factor for name in columns})

    def other(series: TimeSeries) -> TimeSeries:
        return replace(series, value=series.value * np.where(series.at_ns > after_ns, 1.3, 1.0))

    return replace(
        history,
        bars={name: other_bars(bars) for name, bars in history.bars.items()},
        vols={name: other(series) for name, series in history.vols.items()},
        funding_per_day={n: other(series) for n, series in history.funding_per_day.items()},
        basis_per_year={n: other(series) for n, series in history.basis_per_year.items()},
    )


# ---- losses and margins


@pytest.mark.parametrize("book", books(), ids=lambda book: book.name)
def test_losses_are_those_of_a_plain_loop_over_bars_and_legs(
    history: MarketHistory, book: WalkBook
) -> None:
    one = replace(walk(history), books=(book,))
    rows = [row for row in one.rows(one.plan.times) if row.model == "prbm"]
    held = book.portfolios(one.told(book, one.plan.times), one.markets)
    assert len(rows) == len(held) == 22
    for row, portfolio_then in list(zip(rows, held, strict=True))[::3]:
        assert portfolio_then is not None
        for place, horizon in enumerate(one.plan.horizons):
            length = round(horizon.total_seconds()) * 10**9
            loss = naive.path_worst_loss(portfolio_then, history, epoch_ns(row.at), length, SMILE)
            assert row.losses[place] == pytest.approx(loss, rel=1e-9, abs=1e-6)
    assert any(row.losses[-1] > 0.0 for row in rows)


def test_margins_of_a_perpetual_are_those_of_the_same_market_read_from_quotes(
    history: MarketHistory,
) -> None:
    one = replace(walk(history), books=books()[:1])
    perpetual = parse_name("BTC_USDC-PERPETUAL")
    for row in one.rows(one.plan.times[::7]):
        bars = history.bars["BTC"]
        price = np.array([bars.close[bars.end_ns.tolist().index(epoch_ns(row.at))]])
        quotes = FutureQuotes(
            source="one perpetual",
            as_of=row.at,
            instruments=(perpetual,),  # type: ignore[arg-type]
            mark=price,
            index=price,
            is_synthetic=np.zeros(1, dtype=np.bool_),
        )
        paid = naive.last_told(history.funding_per_day["BTC"], epoch_ns(row.at))
        market = assemble_snapshot([quotes], {"USDC": 1.0})
        told = replace(market.liquidity, funding_per_day={perpetual.name: paid})
        report = margin(
            portfolio([(perpetual.name, 2)]), replace(market, liquidity=told), row.model
        )
        assert row.initial == float(report.initial)
        assert row.maintenance == float(report.maintenance)
        assert row.gross_notional == pytest.approx(2.0 * float(price[0]))


def test_an_option_book_is_margined_on_a_smile_of_the_stated_shape(history: MarketHistory) -> None:
    one = replace(walk(history), books=books()[1:])
    at = one.plan.times[4]
    [held] = [p for p in books()[1].portfolios(one.plan.times[:5], one.markets)[4:] if p]
    market = one.markets.until(epoch_ns(at)).snapshot(at, (p.instrument for p in held.positions))
    atm = naive.last_told(history.vols["BTC"], epoch_ns(at))
    for position in held.positions:
        option = position.instrument
        if isinstance(option, Option):
            listed, row = market.option_row(option)
            tenor = (option.expiry - at) / timedelta(days=365)
            k = float(np.log(option.strike / listed.forward))
            assert listed.vol[row] == pytest.approx(naive.ssvi_vol(k, atm, tenor, *SMILE))
    by_model = {row.model: row.initial for row in one.rows([at])}
    assert by_model == {
        name: float(margin(held, market, name).initial) for name in ("prbm", "isolated")
    }
    assert any("modelled" in warning for warning in market.warnings)


def test_nothing_after_a_time_changes_its_margins(history: MarketHistory) -> None:
    one = walk(history)
    at = one.plan.times[9]
    other = walk(scrambled(history, epoch_ns(at)))
    times = one.plan.times[:10]
    for true, told in zip(one.rows(times), other.rows(times), strict=True):
        keys = ("at", "book", "model", "initial", "maintenance", "gross_notional")
        assert [getattr(true, key) for key in keys] == [getattr(told, key) for key in keys]
    assert [r.losses for r in one.rows([at])] != [r.losses for r in other.rows([at])]


class Knowing(msgspec.Struct, frozen=True):
    """A model that keeps what it was told, and takes half again after a fall."""

    name: str = "knowing"

    def __call__(self, history: MarketHistory, at: datetime):
        last = max(int(bars.end_ns[-1]) for bars in history.bars.values())
        assert last <= epoch_ns(at)
        assert all(int(each.at_ns[-1]) <= epoch_ns(at) for each in history.vols.values())
        return load_preset("isolated")


def test_a_model_by_history_is_told_nothing_later(history: MarketHistory) -> None:
    one = replace(walk(history), models=(Knowing(),))
    assert {row.model for row in one.rows(one.plan.times[:3])} == {"knowing"}


def test_the_market_of_a_model_holds_the_history_until_then_and_no_more(
    history: MarketHistory,
) -> None:
    at = START + timedelta(days=3)
    market = HistoricalMarkets(history, SHAPE).snapshot(at, [parse_name("BTC_USDC-PERPETUAL")])
    assert market.history.bars["BTC"].end_ns[-1] == epoch_ns(at)
    assert market.index_usd["BTC"] == market.history.bars["BTC"].close[-1]


def test_closing_out_costs_its_share_of_notional_in_every_loss(history: MarketHistory) -> None:
    free, dear = walk(history), walk(history, close_out_rel=0.001)
    times = free.plan.times[:4]
    for one, other in zip(free.rows(times), dear.rows(times), strict=True):
        added = other.close_losses[-1] - one.close_losses[-1]
        assert added == pytest.approx(0.001 * one.gross_notional)


# ---- the market that is not told


def test_a_book_of_what_no_history_tells_is_refused(history: MarketHistory) -> None:
    for held, error, said in (
        ([("SOL_USDC-PERPETUAL", 1)], PoorHistory, "no prices of SOL"),
        ([("ETH_USDC-30JAN26-3000-C", 1)], PoorHistory, "no volatility of ETH"),
        ([("NVDA260130C00150000", 1)], InputError, "cannot be valued along"),
        ([("USDC", 100)], EmptyPortfolio, "money alone"),
        ([("BTC_USDC-1JAN26", 1)], InputError, "has expired"),
    ):
        composition = Composition(positions=portfolio(held).positions)
        with pytest.raises(error, match=said):
            replace(walk(history), books=(WalkBook(name="b", compositions=(composition,)),)).check()


def test_a_walk_outside_its_history_is_refused(history: MarketHistory) -> None:
    with pytest.raises(PoorHistory, match="no time of"):
        walk(
            history, start=datetime(2027, 1, 1, tzinfo=UTC), end=datetime(2027, 2, 1, tzinfo=UTC)
        ).check()
    with pytest.raises(InputError, match="a horizon of"):
        walk(history, horizons=(timedelta(minutes=10),)).check()


def test_a_model_that_cannot_margin_a_book_is_named_before_anything_is_written(
    history: MarketHistory, tmp_path: Path
) -> None:
    isolated = load_preset("isolated")
    ether = msgspec.structs.replace(isolated.classes[0], members=("ETH",))
    nothing = msgspec.structs.replace(isolated, name="nothing", classes=(ether,))
    one = replace(walk(history), models=(FixedModel(load_preset("prbm")), FixedModel(nothing)))
    with pytest.raises(SeawallError, match="nothing, perp, 2026-01-03"):
        run_walk(one, folder=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"every": timedelta()},
        {"horizons": ()},
        {"horizons": (timedelta(hours=4), timedelta(hours=1))},
        {"end": START},
        {"close_out_rel": -0.1},
    ],
)
def test_a_plan_that_is_none_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError):
        walk(made_up(48), **wrong)


def test_bars_after_a_gap_count_in_the_horizon_that_ends_within_it(
    history: MarketHistory,
) -> None:
    bars = history.bars["BTC"]
    at = int(bars.end_ns[60])
    keep = (bars.end_ns <= at) | (bars.end_ns > at + 6 * HOUR_NS)
    columns = ("end_ns", "open", "high", "low", "close")
    holed = replace(
        history, bars={"BTC": replace(bars, **{c: getattr(bars, c)[keep] for c in columns})}
    )
    path = bar_paths(holed, ("BTC",))
    window = path.window(at, 24 * HOUR_NS)
    assert window.has_gap
    long = Portfolio(account="b", positions=portfolio([("BTC_USDC-PERPETUAL", -1)]).positions)
    markets = HistoricalMarkets(replace(holed, funding_per_day={}), SHAPE)
    loss = path_loss(long, markets, START + timedelta(hours=61), window)
    after = float(holed.bars["BTC"].high[61] - holed.bars["BTC"].close[60])
    assert loss.loss_usd(at + HOUR_NS) == pytest.approx(max(0.0, after))
    assert not path.told(np.array([at + 3 * HOUR_NS]), HOUR_NS).any()


# ---- runs


def test_processes_and_interruptions_change_no_row(history: MarketHistory, tmp_path: Path) -> None:
    one = walk(history, every=timedelta(hours=4))
    whole = run_walk(one)
    assert whole.blocks == 2
    assert run_walk(one, jobs=2).rows.equals(whole.rows)
    folder = tmp_path / "out"

    def interrupt(done: int, times: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_walk(one, folder=folder, say=interrupt)
    with pytest.raises(InputError, match="a backtest is here already"):
        run_walk(one, folder=folder)
    with pytest.raises(InputError, match=r"of other inputs \(history\)"):
        run_walk(walk(made_up(seed=4), every=timedelta(hours=4)), folder=folder, resume=True)
    resumed = run_walk(one, folder=folder, resume=True)
    assert (resumed.resumed_blocks, resumed.rows.equals(whole.rows)) == (1, True)
    (folder / "parts" / "00001.parquet").write_bytes(b"cut off")
    again = run_walk(one, folder=folder, resume=True)
    assert (again.resumed_blocks, again.rows.equals(whole.rows)) == (1, True)


def test_a_folder_that_another_backtest_holds_is_refused(
    history: MarketHistory, tmp_path: Path
) -> None:
    one = walk(history, end=START + timedelta(days=3))

    def second(done: int, times: int) -> None:
        with pytest.raises(UnwritableFile, match="another backtest is writing"):
            run_walk(one, folder=tmp_path / "out", resume=True)

    run_walk(one, folder=tmp_path / "out", say=second)


def test_the_document_counts_what_the_rows_say(history: MarketHistory) -> None:
    one = walk(history)
    walked = run_walk(one)
    document = backtest_document(walked, one.plan, coverage=0.95)
    assert [row.model for row in document.models] == ["prbm", "isolated"]
    assert document.modelled
    assert document.overlapping
    for row in document.series:
        own = walked.rows.filter(
            (walked.rows["model"] == row.model) & (walked.rows["book"] == row.book)
        )
        beyond = own[f"loss_{row.horizon}_usd"] - own["initial_usd"]
        assert row.observations == own.height == 22
        assert row.exceedances == int((beyond > 0).sum()) == int(own[f"hit_{row.horizon}"].sum())
        assert row.worst_shortfall == max(0.0, float(beyond.max()))  # type: ignore[arg-type]
        assert row.breach_rate_lower <= row.breach_rate <= row.breach_rate_upper
    for row in document.procyclicality:
        own = walked.rows.filter(
            (walked.rows["model"] == row.model) & (walked.rows["book"] == row.book)
        )
        share = (own["initial_usd"] / own["gross_notional_usd"]).to_list()
        assert row.peak_to_trough == pytest.approx(max(share) / min(share))
        day = max(share[i + 3] / share[i] - 1.0 for i in range(len(share) - 3))
        assert row.rise_1d_rel == pytest.approx(max(0.0, day))
        assert row.rise_30d_rel is None


def test_real_perpetuals_through_march_2020_break_flat_margins_on_the_crash(shared: Path) -> None:
    file = shared / "data" / "prices" / "binance_spot_1h_2017-08_2024-04_BTC_ETH.parquet"
    history = read_history(file)
    long = WalkBook(
        name="long",
        compositions=(Composition(legs=(Leg(kind="perp", underlying="BTC", quantity=1.0),)),),
    )
    short = WalkBook(
        name="short",
        compositions=(Composition(legs=(Leg(kind="perp", underlying="BTC", quantity=-1.0),)),),
    )
    plan = WalkPlan(
        start=datetime(2020, 2, 15, tzinfo=UTC),
        end=datetime(2020, 4, 15, tzinfo=UTC),
        every=timedelta(days=1),
        horizons=(timedelta(hours=24),),
    )
    models = tuple(FixedModel(load_preset(name)) for name in ("prbm", "isolated"))
    rows = run_walk(Walk(history, (long, short), models, plan)).rows
    hits = rows.filter(rows["hit_24h"])
    of_long = {at.date().isoformat() for at in hits.filter(hits["book"] == "long")["at"]}
    assert "2020-03-12" in of_long
    assert len(of_long) <= 4
    share = rows["initial_usd"] / rows["gross_notional_usd"]
    assert 0.05 < float(share.min()) <= float(share.max()) < 0.5  # type: ignore[arg-type]
    # From 7,960 to 4,410 within the hours of 12 and 13 March: about two fifths.
    worst = rows.filter(rows["book"] == "long")
    fall = (worst["loss_24h_usd"] / worst["gross_notional_usd"]).max()
    assert 0.35 < float(fall) < 0.55  # type: ignore[arg-type]
