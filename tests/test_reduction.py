"""``seawall reduce``: what is proposed is confirmed by the full model, in whole lots and limits."""

from __future__ import annotations

import runpy
from decimal import Decimal

import pytest

import seawall as sw
from seawall.basics.errors import BadParameter
from seawall.cli.reduce import show_reduction
from seawall.cli.terminal import Terminal
from seawall.report.what_if import parse_trade
from seawall.risk.trades import with_trades
from tests.conftest import ROOT
from tests.documents import market, spread


@pytest.mark.parametrize("model", ["prbm", "cross", "reg-t"])
def test_the_saving_is_that_of_a_full_revaluation(model: str) -> None:
    found = sw.reduce_margin(spread(), market(), model, max_trades=2)
    assert 0 < len(found.trades) <= 2
    trades = [parse_trade((t.instrument, t.quantity)) for t in found.trades]
    after = sw.margin(with_trades(spread(), trades, market()), market(), model)
    before = sw.margin(spread(), market(), model)
    assert (found.before.initial, found.after.initial) == (before.initial, after.initial)
    assert found.saving == before.initial - after.initial > found.cost > 0
    assert found.saving_per_cost == pytest.approx(float(found.saving / found.cost))


def test_options_are_traded_in_whole_contracts_and_within_the_cost() -> None:
    free = sw.reduce_margin(spread(), market(), "cross")
    options = [t for t in free.trades if t.instrument.endswith(("-C", "-P"))]
    assert options
    assert all(t.quantity == t.lots for t in options)
    some = sw.reduce_margin(spread(), market(), "cross", max_cost=float(free.cost) / 2)
    assert some.trades
    assert some.cost <= free.cost / 2 + Decimal("0.05")
    assert not sw.reduce_margin(spread(), market(), "cross", max_cost=0).trades


def short_straddle(expiry: str) -> sw.Portfolio:
    rows = [("USD", 1_000_000), (f"BTC-{expiry}-95000-C", -3), (f"BTC-{expiry}-95000-P", -3)]
    return sw.portfolio(rows)


@pytest.mark.parametrize(("model", "most"), [("span", 5_200), ("reg-t", 21_000)])
def test_a_short_straddle_is_covered_on_both_sides_at_once(model: str, most: int) -> None:
    """Buying 96000 calls and 92000 puts asks 5,196 under span and 20,598 under reg-t."""
    found = sw.reduce_margin(short_straddle("27MAR26"), market(), model)
    assert found.after.initial <= most < found.before.initial
    assert {trade.instrument[-1] for trade in found.trades} >= {"C", "P"}


def test_expiry_and_premium_stand_beside_the_saving() -> None:
    found = sw.reduce_margin(short_straddle("27MAR26"), market(), "reg-t")
    for trade in found.trades:
        usd = trade.quantity * trade.price * Decimal(str(market().index_usd["BTC"]))
        assert float(trade.premium) == pytest.approx(float(usd), abs=0.011)
        assert trade.expiry is not None
        assert f"{trade.expiry:%d%b%y}".upper().lstrip("0") in trade.instrument
    assert found.premium == sum(trade.premium for trade in found.trades)
    assert not [told for told in found.warnings if "expires within" in told]


def test_a_saving_that_ends_within_a_week_is_told() -> None:
    found = sw.reduce_margin(short_straddle("23JAN26"), market(), "reg-t")
    warned = [told for told in found.warnings if "expires within 7 days" in told]
    ending = [trade for trade in found.trades if trade.expiry and trade.expiry.day == 23]
    assert ending
    assert len(warned) == len(ending)


def test_where_nothing_is_found_the_count_of_what_was_tried_is_told(capsys) -> None:
    found = sw.reduce_margin(spread(), market(), "reg-t", min_saving_per_cost=1e6)
    assert found.tried > 0
    show_reduction(found, Terminal())
    assert f"none of the {found.tried} trades tried lowers" in capsys.readouterr().out


def test_nothing_is_proposed_where_nothing_saves_what_it_costs() -> None:
    found = sw.reduce_margin(spread(), market(), "cross", min_saving_per_cost=1e6)
    assert (found.trades, found.saving, found.cost) == ((), 0, 0)
    assert found.saving_per_cost is None
    assert found.after == found.before


@pytest.mark.parametrize(
    "limits",
    [{"max_cost": -1}, {"max_trades": 0}, {"min_saving_per_cost": -1}, {"lots": {"BTC": 0}}],
)
def test_limits_that_are_none_are_refused(limits) -> None:
    with pytest.raises(BadParameter):
        sw.reduce_margin(spread(), market(), "cross", **limits)


def test_what_if_shows_each_trade_with_and_without_under_every_model() -> None:
    trades = ["BTC-PERPETUAL:-0.5", "ETH-PERPETUAL:-4"]
    told = sw.what_if(spread(), trades, market(), "prbm", models=["cross", "reg-t"])
    rows = {(row.instrument, row.model): row for row in told.legs_by_model}
    assert len(rows) == 6
    for trade, other in (trades, trades[::-1]):
        for model in ("prbm", "cross", "reg-t"):
            row = rows[trade.partition(":")[0], model]
            alone = sw.what_if(spread(), other, market(), model).after
            assert (row.initial_without, row.maintenance_without) == (
                alone.initial,
                alone.maintenance,
            )
            assert row.initial == row.initial_with - row.initial_without


def test_ten_strategies_are_written_under_every_model(tmp_path) -> None:
    script = runpy.run_path(str(ROOT / "examples" / "compare_strategies.py"))
    script["main"](["--out", str(tmp_path)])
    page = (tmp_path / "comparison.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1:-1] for line in page.splitlines() if line.startswith("| ")]
    assert len(rows) == 1 + 10
    assert [each.strip() for each in rows[0][1:]] == list(script["OF_COINS"])
    assert all("%" in cell or "refused" in cell for row in rows[1:] for cell in row[1:])
    assert (tmp_path / "comparison.svg").read_text(encoding="utf-8").startswith("<svg")


def test_ten_strategies_are_written_on_the_recorded_chain(shared) -> None:
    script = runpy.run_path(str(ROOT / "examples" / "compare_strategies.py"))
    underlying, file, at, _ = script["CHAINS"][0]
    chain = sw.read_market(shared / "data" / "options" / file, at=at)
    found = script["results"](chain, underlying, ["cross", "reg-t"])
    assert len(found) == 20
    by = {(each.strategy, each.model): each.initial_rel for each in found}
    assert by["iron condor", "reg-t"] < by["iron condor", "cross"]
