"""Scenarios one by one: a grid written out cell by cell is that grid."""

from __future__ import annotations

import msgspec
import pytest

import seawall as sw
from seawall.basics.errors import BadParameter
from seawall.margin.presets import load_preset
from seawall.risk.scenarios import ListedCell, ListedCells, lay_out
from tests.account_tables import assert_same, told, wide_market
from tests.resident_books import assert_as_alone

MARKET = wide_market(told(wide_market()))
PRBM = load_preset("prbm")
GRID = msgspec.structs.replace(PRBM.scenarios, skew_tilt=None, term_twist=None)
SHOCKS = {
    name: getattr(GRID, name)
    for name in ("vol_up", "vol_down", "vol_up_floor", "tenor_law", "horizon_days")
}
BASE = ListedCell(price_rel=0.0, vol="none")
UP, DOWN = (ListedCell(price_rel=move, vol="up") for move in (0.1, -0.1))


def written_out():
    """The cells of the grid for BTC, last first."""
    cells = lay_out(GRID, 0.16, 0.16)
    listed = [
        ListedCell(price_rel=float(move), vol=cells.vol_move(place).value, damping=float(damping))
        for place, (move, damping) in enumerate(zip(cells.price_rel, cells.damping, strict=True))
    ]
    return ListedCells(cells=tuple(listed[::-1]), **SHOCKS)


def books():
    options = [name for name in MARKET.option_rows if name.startswith("BTC-27MAR26")][::7]
    for place in range(6):
        held = [(name, (-1.0) ** (n + place) * (n + 1)) for n, name in enumerate(options)]
        yield sw.portfolio(
            [*held[place:], ("BTC", place + 1), ("BTC-PERPETUAL", 3.5 - place), ("USDC", 10_000)],
            account=f"account {place}",
        )


def test_a_grid_written_out_cell_by_cell_asks_the_same():
    grid = msgspec.structs.replace(PRBM, scenarios=GRID)
    listed = msgspec.structs.replace(PRBM, scenarios=written_out())
    held = list(books())
    for book in held:
        one, other = (sw.margin(book, MARKET, model) for model in (grid, listed))
        assert one.rows == other.rows
        assert one.worst_scenario.cell.pnl == other.worst_scenario.cell.pnl
        [matrix] = other.risk_matrices
        assert len(matrix.surface_cells) == len(written_out().cells)
        assert matrix.pnl == ()
    assert_same(held, MARKET, listed)
    resident = sw.MarginBook(held, MARKET, listed)
    for book in held:
        assert_as_alone(resident.requirement(book.account), book, MARKET, listed, book.account)


def test_a_preset_lists_cells_in_toml(tmp_path):
    path = tmp_path / "listed.toml"
    path.write_text(
        """
from = "prbm"
name = "listed"
title = "five cells"
as_of = 2026-02-05
source = "a test"
status = { scenarios = "unknown" }

[scenarios]
type = "listed-cells"
vol_up = { kind = "relative", size = 0.45 }
vol_down = { kind = "relative", size = -0.30 }
vol_up_floor = 0.40
tenor_law = { reference_days = 30.0, floor_days = 1.0, short_power = 0.30, long_power = 0.13 }
horizon_days = 0.0
cells = [
    { price_rel = 0.0, vol = "none" },
    { price_rel = 0.1, vol = "up" },
    { price_rel = -0.1, vol = "up" },
    { price_rel = 2.0, vol = "up", damping = 0.05 },
    { price_rel = -0.5, vol = "none", damping = 0.2 },
]
""",
        encoding="utf-8",
    )
    model = sw.read_model(path)
    held = sw.portfolio([("BTC-PERPETUAL", 1, MARKET.index_usd["BTC"])])
    [matrix] = sw.margin(held, MARKET, model).risk_matrices
    assert matrix.loss_down == pytest.approx(0.1 * MARKET.index_usd["BTC"], rel=1e-2)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ((UP, DOWN), "base scenario"),
        ((BASE, UP), "one direction"),
        ((BASE, UP, DOWN, UP), "twice"),
        ((BASE, UP, DOWN, ListedCell(price_rel=-1.0, vol="up")), "zero or below"),
        ((BASE, UP, ListedCell(price_rel=float("nan"), vol="up")), "not finite"),
        ((BASE, UP, DOWN, ListedCell(price_rel=1.0, vol="up", damping=-0.1)), "damping"),
        ((BASE, UP, DOWN, ListedCell(price_rel=1.0, vol="up", damping=float("inf"))), "damping"),
    ],
)
def test_lists_that_cannot_be_meant_are_refused(cells, said):
    with pytest.raises(BadParameter, match=said):
        ListedCells(cells=cells, **SHOCKS)
