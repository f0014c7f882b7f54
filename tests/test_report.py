"""The report: one stable shape, exact sums, and a warning for everything that was assumed."""

from __future__ import annotations

import json
import re
from decimal import Decimal

import pytest

from seawall.basics.errors import BadNumber
from seawall.feeds.synthetic import synthetic_market
from seawall.feeds.synthetic_book import synthetic_portfolio
from seawall.margin.presets import preset_names
from seawall.market.snapshot import MarketSnapshot
from seawall.products.names import parse_name
from seawall.products.portfolio import Portfolio, Position, portfolio
from seawall.report.build import margin
from seawall.report.comparison import compare
from seawall.report.schema import MarginReport, RiskMatrix

REPORT_KEYS = [
    "schema", "account", "model", "currency", "as_of", "initial", "maintenance", "margin_value",
    "equity", "excess_initial", "excess_maintenance", "mm_ratio", "state", "worst_scenario", "rows",
    "collateral_rows", "risk_matrix", "greeks", "warnings", "bounds", "tail",
]  # fmt: skip


@pytest.fixture(scope="module")
def market() -> MarketSnapshot:
    return synthetic_market()


@pytest.fixture(scope="module", params=preset_names())
def report(request: pytest.FixtureRequest, market: MarketSnapshot) -> MarginReport:
    return margin(synthetic_portfolio(), market, request.param)


def test_the_keys_of_the_report_are_stable(report: MarginReport) -> None:
    told = json.loads(report.to_json())
    assert list(told) == REPORT_KEYS
    assert list(told["model"]) == ["name", "as_of", "source"]
    assert all(list(row) == ["path", "initial", "maintenance"] for row in told["rows"])


def test_rows_add_exactly_in_json(report: MarginReport) -> None:
    told = json.loads(report.to_json(), parse_float=Decimal, parse_int=Decimal)
    for level in ("initial", "maintenance"):
        assert sum(row[level] for row in told["rows"]) == told[level]
    value = sum(row["value"] for row in told["collateral_rows"])
    haircut = sum(row["haircut"] for row in told["collateral_rows"])
    assert value == told["equity"]
    assert value - haircut == told["margin_value"]
    assert told["margin_value"] - told["initial"] == told["excess_initial"]
    assert told["margin_value"] - told["maintenance"] == told["excess_maintenance"]


def test_amounts_are_json_numbers_with_cents(report: MarginReport) -> None:
    text = report.to_json().decode()
    assert re.search(
        r'"initial":\d+\.\d\d,"maintenance":\d+\.\d\d,"margin_value":-?\d+\.\d\d', text
    )


def test_the_explanation_ends_in_the_totals(report: MarginReport) -> None:
    lines = report.explain().splitlines()
    total = next(line for line in lines if line.startswith("total"))
    assert total.split()[1:] == [f"{report.initial:,}", f"{report.maintenance:,}"]
    assert f"state: {report.state}" in lines


def test_the_worst_cell_is_the_scanning_risk_of_its_underlying(market: MarketSnapshot) -> None:
    report = margin(synthetic_portfolio(), market)
    rows = {row.path: row.maintenance for row in report.rows}
    for matrix in report.risk_matrices:
        risk = float(rows[f"scanning_risk/{matrix.underlying}"])
        assert risk == pytest.approx(-matrix.worst.pnl, abs=0.01)
    worst = report.worst_scenario
    assert worst is not None
    assert worst.cell.pnl == min(matrix.worst.pnl for matrix in report.risk_matrices)


def test_tails_are_shown_undamped_too(market: MarketSnapshot) -> None:
    matrix = margin(synthetic_portfolio(), market).risk_matrix("BTC")
    assert isinstance(matrix, RiskMatrix)
    assert [cell.price_move_rel for cell in matrix.tails] == [-0.66, -0.33, 0.5, 1, 2, 3, 4, 5]
    for cell in matrix.tails:
        assert cell.pnl == pytest.approx(cell.undamped_pnl * 0.16 / abs(cell.price_move_rel))


def test_greeks_of_the_expiries_add_to_the_total(market: MarketSnapshot) -> None:
    rows = [g for g in margin(synthetic_portfolio(), market).greeks() if g.underlying == "BTC"]
    *buckets, total = rows
    assert total.bucket == "total"
    assert sum(g.delta_coin for g in buckets) == pytest.approx(total.delta_coin, abs=1e-9)
    assert sum(g.vega_usd_per_point for g in buckets) == pytest.approx(total.vega_usd_per_point)
    assert total.delta_usd == pytest.approx(total.delta_coin * market.index_usd["BTC"])


def test_a_ratio_without_margin_value_is_null_and_means_liquidation(market: MarketSnapshot) -> None:
    report = margin(portfolio([("BTC-PERPETUAL", 1), ("USD", -1)]), market)
    assert json.loads(report.to_json())["mm_ratio"] is None
    assert report.state == "liquidation"


@pytest.mark.parametrize(
    ("cash", "state"),
    [
        ("22000", "healthy"),
        ("20000", "warning"),
        ("18500", "reduce-only"),
        ("14000", "liquidation"),
    ],
)
def test_states_follow_the_margin_value(market: MarketSnapshot, cash: str, state: str) -> None:
    # One perpetual of about 92,556 USD needs about 18,519 initially and 14,815 to maintain.
    assert margin(portfolio([("BTC-PERPETUAL", 1), ("USD", cash)]), market).state == state


def test_what_is_assumed_is_said(market: MarketSnapshot) -> None:
    bare = MarketSnapshot(
        as_of=market.as_of,
        index_usd=market.index_usd,
        stable_usd={},
        forwards=market.forwards,
        futures={},
        slices=market.slices,
        option_rows=market.option_rows,
    )
    book = portfolio([("BTC-PERPETUAL", 1), ("BTC-27MAR26", -1), ("USDC", 50_000)])
    warnings = " ".join(margin(book, bare).warnings)
    assert "No price of USDC: taken as 1 USD" in warnings
    assert "No mark of BTC-PERPETUAL: taken at its index" in warnings
    assert "No mark of BTC-27MAR26: taken at the forward" in warnings
    assert "No entry price of BTC-PERPETUAL" in warnings
    needs = "traded volume, half-spread, open interest, confidence in the index, pool utilisation"
    assert f"Defaults of prbm for BTC: {needs}." in warnings
    assert "No funding rate of BTC-PERPETUAL: taken as paying." in warnings


def test_a_comparison_states_what_each_model_ties_up(market: MarketSnapshot) -> None:
    comparison = compare(synthetic_portfolio(), market, ["cross", "prbm"])
    cross, prbm = comparison.rows
    assert cross.saving == 0.0
    assert prbm.saving == pytest.approx(1 - float(prbm.capital_used / cross.capital_used))
    for row, report in zip(comparison.rows, comparison.reports, strict=True):
        assert row.capital_used == report.initial + row.haircuts
        assert comparison.equity - row.capital_used == row.excess_initial


def test_an_entry_price_far_from_the_mark_is_doubted_and_farther_refused(
    market: MarketSnapshot,
) -> None:
    """An entry at 1 USD would claim the whole mark as profit, and profit is collateral."""
    mark = market.futures["BTC-PERPETUAL"]

    def entered(price: float) -> MarginReport:
        position = Position(
            instrument=parse_name("BTC-PERPETUAL"),
            quantity=Decimal(1),
            entry_price=Decimal(f"{price:.4f}"),
            where="book.csv row 2",
        )
        return margin(Portfolio(account="main", positions=(position,)), market)

    for factor in (1.0, 1.9, 1 / 1.9, 2.1, 1 / 2.1, 1 / 9.9):
        warned = any("check it" in warning for warning in entered(mark * factor).warnings)
        assert warned == (not 1 / 2 <= factor <= 2), factor
    for price in (1.0, mark / 10.1, mark * 10.1):
        with pytest.raises(
            BadNumber, match=r"times away from its mark .* \(account main, book.csv row 2\)"
        ):
            entered(price)


@pytest.mark.parametrize("held", [("BTC", "1e9"), ("USDC", "1e14"), ("BTC-PERPETUAL", "-2e8")])
def test_a_position_worth_more_than_any_market_is_refused(
    market: MarketSnapshot, held: tuple[str, str]
) -> None:
    with pytest.raises(BadNumber, match="is worth"):
        margin(portfolio([held]), market)


def test_where_positions_do_not_net_the_worst_scenario_names_one(market: MarketSnapshot) -> None:
    report = margin(synthetic_portfolio(), market, "risk-based-collateral")
    worst = report.worst_scenario
    assert worst is not None
    losses = {
        row.path: row.maintenance for row in report.rows if row.path.startswith("scanning_risk/")
    }
    path = max(losses, key=lambda row: losses[row])
    assert path == f"scanning_risk/{worst.underlying}/{worst.position}"
    assert -worst.cell.pnl == pytest.approx(float(losses[path]), abs=0.01)


def test_decorrelation_follows_from_the_losses_of_both_directions(market: MarketSnapshot) -> None:
    """(1 − ρ)(ΣM − D) with ρ = 0.75 · 0.80, from what the report shows."""
    report = margin(synthetic_portfolio(), market)
    up, down = (
        [getattr(matrix, name) for matrix in report.risk_matrices]
        for name in ("loss_up", "loss_down")
    )
    worst_sum = sum(max(pair) for pair in zip(up, down, strict=True))
    expected = (1 - 0.75 * 0.80) * (worst_sum - max(sum(up), sum(down)))
    row = next(r for r in report.rows if r.path == "decorrelation/crypto-majors")
    assert float(row.initial) == pytest.approx(expected, abs=0.01)
