"""The ten books of docs/models/prbm.md, "Worked by hand", to the cent.

The numbers of tests/golden_books.py were worked out from the specification alone. Two things are
held to them: the code, and the tables of the document, so that none can drift from the others.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest

from seawall.margin.presets import load_preset
from seawall.market.snapshot import MarketSnapshot, OptionSlice
from seawall.products.names import contract_name, parse_name
from seawall.products.portfolio import Portfolio, Position
from seawall.report.build import margin
from seawall.report.schema import MarginReport, RiskMatrix
from seawall.risk.book import join
from seawall.risk.revaluation import vol_table
from seawall.risk.shocks import VolMove
from tests.golden_books import WORKED
from tests.histories import history_until

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "models" / "prbm.md"
CENT, HALF_CENT = Decimal("0.01"), 0.005000001

AS_OF = datetime(2026, 1, 1, 8, tzinfo=UTC)
INDEX_USD = {"BTC": 100_000.0, "ETH": 4_000.0}
USDC_USD = 0.999
FORWARD_OF_DAYS = {1: 100_000.0, 30: 100_000.0, 60: 101_000.0}
STRIKES = (90_000.0, 100_000.0, 102_000.0, 110_000.0)
VOL = 0.5

Table = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Worked:
    """One book's tables; every cell is text without thousands separators and signs of plus."""

    holdings: Table
    cells: Table
    rows: Table
    collateral: Table
    status: Table


def worked(title: str) -> Worked:
    """The literal numbers of a book."""
    blocks = WORKED[title].strip().split("\n\n")
    return Worked(*(tuple(tuple(row.split()) for row in b.splitlines()) for b in blocks))


@cache
def chapters() -> dict[str, list[Table]]:
    """The tables of the document's section, by heading; the market's under the empty one."""
    section = DOCUMENT.read_text(encoding="utf-8").split("\n## Worked by hand\n")[1]
    parts = re.split(r"\n### \d+\. (.+)\n", section.split("\n## ")[0])
    titled = zip(["", *parts[1::2]], parts[::2], strict=True)
    return {
        title: [_table(t) for t in re.findall(r"(?:^\|.*\n)+", body, re.MULTILINE)]
        for title, body in titled
    }


def _table(text: str) -> Table:
    """The body of a Markdown table, empty cells left out."""
    lines = [line.strip("|").split("|") for line in text.strip().splitlines()[2:]]
    return tuple(tuple(filter(None, map(_plain, line))) for line in lines)


def _plain(cell: str) -> str:
    cell = cell.strip()
    star = "*" if cell.startswith("**") else ""
    return star + cell.strip("*`").replace(",", "").replace("−", "-").removesuffix(" %").lstrip("+")


def market() -> MarketSnapshot:
    """The document's market, built directly: volatilities, no marks."""
    forwards, slices, rows = {}, {}, {}
    for days, forward in FORWARD_OF_DAYS.items():
        key = ("BTC", "BTC", AS_OF + timedelta(days=days))
        listed = [(strike, right) for strike in STRIKES for right in ("call", "put")]
        names = tuple(contract_name(*key, strike, right) for strike, right in listed)
        forwards[key] = forward
        slices[key] = OptionSlice(
            key=key,
            forward=forward,
            names=names,
            strike=np.array([strike for strike, _ in listed]),
            is_call=np.array([right == "call" for _, right in listed]),
            vol=np.full(len(names), VOL),
            mark=np.full(len(names), np.nan),
            observed_s=np.full(len(names), np.nan),
            atm_vol=VOL,
        )
        rows.update({name: (key, row) for row, name in enumerate(names)})
    return MarketSnapshot(
        as_of=AS_OF,
        index_usd=INDEX_USD,
        stable_usd={"USDC": USDC_USD},
        forwards=forwards,
        futures={f"{coin}-PERPETUAL": price for coin, price in INDEX_USD.items()},
        slices=slices,
        option_rows=rows,
        history=history_until(INDEX_USD, AS_OF),
    )


@cache
def report(title: str) -> MarginReport:
    """The book's margin by the code."""
    held = []
    for name, quantity, *entry in worked(title).holdings:
        price = Decimal(entry[0]) if entry else None
        held.append(
            Position(instrument=parse_name(name), quantity=Decimal(quantity), entry_price=price)
        )
    return margin(Portfolio(account=title, positions=tuple(held)), market(), "prbm")


def cells_of(matrix: RiskMatrix) -> dict[tuple[Decimal, str], float]:
    """Net damped PnL by price move in percent and volatility move."""
    cells = {
        (_percent(move), vol): pnl
        for move, row in zip(matrix.price_moves_rel, matrix.pnl, strict=True)
        for vol, pnl in zip(matrix.vol_moves, row, strict=True)
    }
    others = (*matrix.surface_cells, *matrix.tails)
    return cells | {(_percent(c.price_move_rel), c.vol_move): c.pnl for c in others}


def _percent(share: float) -> Decimal:
    return round(Decimal(share) * 100, 6).normalize() + 0


def _money(amounts: list[tuple[str, Decimal, Decimal]]) -> Table:
    return tuple((name, str(a.quantize(CENT)), str(b.quantize(CENT))) for name, a, b in amounts)


every_book = pytest.mark.parametrize("title", WORKED)


@every_book
def test_rows_are_those_worked_by_hand(title: str) -> None:
    found = report(title)
    amounts = [(row.path, row.initial, row.maintenance) for row in found.rows]
    total = ("requirement", found.initial, found.maintenance)
    assert _money([*amounts, total]) == worked(title).rows


@every_book
def test_collateral_and_state_are_those_worked_by_hand(title: str) -> None:
    found = report(title)
    amounts = [(row.path, row.value, row.haircut) for row in found.collateral_rows]
    total = ("equity", found.equity, found.equity - found.margin_value)
    assert _money([*amounts, total]) == worked(title).collateral
    assert found.mm_ratio is not None
    status = (found.margin_value, found.excess_initial, found.excess_maintenance)
    ratio = f"{100 * found.mm_ratio:.2f}"
    assert (*(str(s.quantize(CENT)) for s in status), ratio, found.state) == worked(title).status[0]


@every_book
def test_cells_are_those_worked_by_hand(title: str) -> None:
    matrices = {matrix.underlying: matrix for matrix in report(title).risk_matrices}
    for underlying, _, move, vol, instant, pnl in worked(title).cells:
        matrix = matrices[underlying]
        key = (Decimal(move).normalize() + 0, vol)
        assert abs(cells_of(matrix)[key] - float(pnl.strip("*"))) <= HALF_CENT, key
        for tail in matrix.tails:
            if (_percent(tail.price_move_rel), tail.vol_move) == key:
                assert tail.instant == instant, key


@every_book
def test_the_worst_cell_of_each_direction_is_that_worked_by_hand(title: str) -> None:
    found = report(title)
    worst = {(c[0], c[1]): c for c in worked(title).cells if c[-1].startswith("*")}
    assert len(worst) == 2 * len(found.risk_matrices)
    for (underlying, direction), (*_, move, vol, instant, pnl) in worst.items():
        matrix = next(m for m in found.risk_matrices if m.underlying == underlying)
        side = 1 if direction == "up" else -1
        losses = [pnl for (x, _), pnl in cells_of(matrix).items() if side * x >= 0]
        assert abs(min(losses) - float(pnl[1:])) <= HALF_CENT, (underlying, direction)
        if matrix.direction == direction:
            cell = matrix.worst
            named = (_percent(cell.price_move_rel), cell.vol_move, cell.instant)
            assert named == (Decimal(move).normalize() + 0, vol, instant)


@every_book
def test_the_document_shows_the_same_book(title: str) -> None:
    assert Worked(*chapters()[title]) == worked(title)


def test_the_document_shows_these_books_and_no_other() -> None:
    assert list(chapters()) == ["", *WORKED]


def test_the_documents_expiries_are_those_of_the_market() -> None:
    expiries, _ = chapters()[""]
    grid = load_preset("prbm").scenarios
    assert grid is not None
    names = [contract_name("BTC", "BTC", AS_OF + timedelta(days=d)) for d in FORWARD_OF_DAYS]
    assert [row[0] for row in expiries] == names
    for name, days, root, forward, unit, weight, vol, up, down in expiries:
        part = join(_one(f"{name}-100000-C"), market()).underlyings[0]
        moved = vol_table(part, part.vol, grid)[0]
        assert float(days) == pytest.approx(part.tenor_years[0] * 365.0)
        assert float(root) == pytest.approx(part.tenor_years[0] ** 0.5, abs=5e-7)
        assert float(forward) == part.forward[0]
        assert float(unit) == pytest.approx(part.unit_usd[0], abs=5e-7)
        assert float(weight) == pytest.approx(
            grid.tenor_law.weight(np.array([float(days)]))[0], abs=5e-7
        )
        for move, percent in ((VolMove.NONE, vol), (VolMove.UP, up), (VolMove.DOWN, down)):
            assert float(percent) == pytest.approx(100 * moved[list(VolMove).index(move)], abs=5e-5)


def test_the_documents_option_values_are_those_of_the_code() -> None:
    _, options = chapters()[""]
    for name, d1, first, second, delta, value in options:
        part = join(_one(name), market()).underlyings[0]
        sd = VOL * part.tenor_years[0] ** 0.5
        distance = np.log(part.forward[0] / part.strike[0]) / sd + sd / 2.0
        side = 1.0 if name.endswith("C") else -1.0
        assert float(d1) == pytest.approx(distance, abs=5.1e-6), name
        assert float(first) == pytest.approx(NormalDist().cdf(side * distance), abs=5.1e-7), name
        gone = NormalDist().cdf(side * (distance - sd))
        assert float(second) == pytest.approx(gone, abs=5.1e-7), name
        assert float(value) == pytest.approx(part.mark_usd[0], abs=HALF_CENT), name
        assert float(delta) == pytest.approx(part.delta[0], abs=5.1e-7), name


def _one(name: str) -> Portfolio:
    held = Position(instrument=parse_name(name), quantity=Decimal(1))
    return Portfolio(account="one", positions=(held,))
