"""The risk matrix on a terminal: readable without colour, whole at any width."""

from __future__ import annotations

import io
import math
import re
from decimal import Decimal

import msgspec
import pytest
from rich.console import Console

from seawall.cli.heatmap import cell_tables, heat_map
from seawall.cli.tables import show_comparison, show_report
from seawall.cli.terminal import Terminal
from seawall.feeds.synthetic import synthetic_market
from seawall.feeds.synthetic_book import synthetic_portfolio
from seawall.report.build import margin
from seawall.report.comparison import compare
from seawall.report.schema import Cell, MarginReport, RiskMatrix, WorstScenario
from seawall.report.words import worst_sentence


def cell(price: float, vol: str, pnl: float, damping: float = 1.0) -> Cell:
    return Cell(
        price_move_rel=price,
        vol_move=vol,
        instant="now",
        damping=damping,
        pnl=pnl,
        undamped_pnl=pnl / damping,
    )


TAIL = cell(-0.66, "up", -4_000.0, 0.25)
SURFACE = cell(0.0, "skew+", -77.0)
CORNER = cell(0.16, "down", -9_876_543.21)
# A tail that shares both its moves with the grid's last row.
EDGE_TAIL = cell(0.16, "down", -9_900_000.0, 0.5)


def matrix(worst: Cell) -> RiskMatrix:
    return RiskMatrix(
        underlying="BTC",
        direction="up",
        loss_up=9_876_543.21,
        loss_down=4_000.0,
        worst=worst,
        price_moves_rel=(-0.16, 0.0, 0.16),
        vol_moves=("up", "none", "down"),
        pnl=((50.0, 20.0, 1.0), (5.0, 0.0, -5.0), (-10.0, -20.0, -9_876_543.21)),
        surface_cells=(SURFACE, cell(0.0, "skew-", 70.0)),
        tails=(TAIL, EDGE_TAIL, cell(5.0, "up", 30.0, 0.032)),
    )


def drawn(worst: Cell) -> str:
    """The matrix with its tails and surface cells, as it looks in a pipe."""
    console = Console(file=io.StringIO(), width=100, _environ={})
    shown = matrix(worst)
    with console.capture() as captured:
        for table in (heat_map(shown, "USD"), *cell_tables(shown)):
            console.print(table)
    return captured.get()


@pytest.mark.parametrize(
    ("worst", "marked"),
    [
        (CORNER, "-9,876,543*"),
        (TAIL, "-4,000*"),
        (SURFACE, "-77*"),
        (EDGE_TAIL, "-9,900,000*"),
    ],
    ids=["grid", "tail", "surface", "tail at the edge of the grid"],
)
def test_worst_cell_and_no_other_is_marked_without_colour(worst: Cell, marked: str) -> None:
    text = drawn(worst)
    assert re.findall(r"\S*\*", text) == [marked]


def test_tail_at_the_edge_of_the_grid_is_marked_among_the_tails() -> None:
    """Its moves are those of the grid's corner, which is another scenario with another PnL."""
    grid, _, tails = drawn(EDGE_TAIL).partition("BTC tails")
    assert "*" not in grid
    assert re.search(r"\+16% +0\.500 +-9,900,000\* +-19,800,000", tails)
    grid, _, tails = drawn(CORNER).partition("BTC tails")
    assert "-9,876,543*" in grid
    assert "*" not in tails


def test_every_cell_stands_in_its_row_and_column() -> None:
    rows = re.findall(r"^ *([+-][\d.]+%) +(\S+) +(\S+) +(\S+) *$", drawn(CORNER), re.M)
    assert rows[:3] == [
        ("-16.0%", "50", "20", "1"),
        ("+0.0%", "5", "0", "-5"),
        ("+16.0%", "-10", "-20", "-9,876,543*"),
    ]


def test_tails_are_shown_damped_and_undamped() -> None:
    assert re.search(r"-66% +0\.250 +-4,000\* +-16,000", drawn(TAIL))


def test_losses_are_red_and_gains_green() -> None:
    """The deeper the loss the redder, the higher the gain the greener; nothing is grey."""
    even = msgspec.structs.replace(
        matrix(TAIL), pnl=((-80.0, -40.0, 0.0), (0.0, 0.0, 0.0), (0.0, 40.0, 80.0))
    )
    console = Console(
        file=io.StringIO(), force_terminal=True, color_system="truecolor", _environ={}
    )
    with console.capture() as captured:
        console.print(heat_map(even, "USD"))
    colour = {
        value: tuple(map(int, rgb.split(";")))
        for rgb, value in re.findall(r"48;2;(\d+;\d+;\d+)m +(-?\d+)", captured.get())
    }
    redness = [colour[value][0] - colour[value][1] for value in ("-80", "-40", "0", "40", "80")]
    assert redness == sorted(redness, reverse=True)
    assert redness[1] > 0 == redness[2] > redness[3]


def test_worst_scenario_in_words() -> None:
    worst = WorstScenario(underlying="BTC", position=None, direction="up", cell=TAIL)
    said = worst_sentence(worst, "USD")
    assert said == "Worst: BTC -66.0%, vol up, now: -4,000 USD, damped from -16,000."
    alone = WorstScenario(underlying="BTC", position="BTC-PERPETUAL", direction="up", cell=TAIL)
    assert worst_sentence(alone, "USD").startswith("Worst: BTC-PERPETUAL -66.0%")


def test_title_tells_the_losses_of_both_directions() -> None:
    active, losses, *_ = drawn(CORNER).splitlines()
    assert active.strip().endswith("active: up")
    assert losses.strip() == "worst loss 9,876,543 up, 4,000 down"


# ---- widths


@pytest.fixture(scope="module")
def report() -> MarginReport:
    return margin(synthetic_portfolio(), synthetic_market(), "prbm")


def printed(report: MarginReport, width: int, capsys: pytest.CaptureFixture[str]) -> str:
    terminal = Terminal()
    terminal.width = width
    show_report(report, terminal)
    return capsys.readouterr().out


def test_report_fits_eighty_columns(
    report: MarginReport, capsys: pytest.CaptureFixture[str]
) -> None:
    text = printed(report, 80, capsys)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 80


def test_comparison_fits_eighty_columns(capsys: pytest.CaptureFixture[str]) -> None:
    names = ("isolated", "cross", "risk-based-collateral", "prbm")
    comparison = compare(synthetic_portfolio(), synthetic_market(), names)
    terminal = Terminal()
    terminal.width = 80
    show_comparison(comparison, terminal)
    text = capsys.readouterr().out
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 80
    for row in comparison.rows:
        assert f"{math.ceil(row.capital_used):,}" in text


@pytest.mark.parametrize("width", [20, 40, 60])
def test_no_number_is_cut_on_a_terminal_that_is_too_narrow(
    report: MarginReport, width: int, capsys: pytest.CaptureFixture[str]
) -> None:
    huge = Decimal("123456789012345.67")
    first, *others = report.rows
    grown = msgspec.structs.replace(
        report,
        initial=huge,
        rows=(msgspec.structs.replace(first, initial=huge), *others),
    )
    text = printed(grown, width, capsys)
    for row in grown.rows:
        assert re.search(rf"{row.path} +{row.initial:,.2f} +{row.maintenance:,.2f}", text)
    for greek in grown.greek_rows:
        assert f"{greek.delta_usd:,.0f}".removeprefix("-0") in text
    for table in grown.risk_matrices:
        for pnls in table.pnl:
            assert re.search(" +".join(f"{round(pnl):,}\\*?" for pnl in pnls), text)


def test_account_without_a_ratio_is_said_in_words(
    report: MarginReport, capsys: pytest.CaptureFixture[str]
) -> None:
    broke = msgspec.structs.replace(report, mm_ratio=None, state="liquidation")
    text = printed(broke, 120, capsys)
    assert "state liquidation, the margin value is not positive" in text
