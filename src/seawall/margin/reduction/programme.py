"""Trades that lower scanning risk most for what they cost: a linear programme, or one of lots.

    minimise  factor · Σ_g [(1 − ρ_g)·ΣM_u + ρ_g·D_g] + weight · Σ cost_i·|t_i|
    M_u ≥ L_u↑, L_u↓;  D_g ≥ ΣL_u↑, ΣL_u↓;  L ≥ least_u ≥ 0;  L ≥ −(now_s + unit_s·t) of every s

A unit has thousands of scenarios and few of them bind. So the programme starts with the worst of
each unit and direction, and takes the worst of those that its answer violates until it violates
none: then its optimum is that of all rows. Solver: HiGHS. Source: docs/reduce.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Rows that an answer violates by less than this share of the loss now are the solver's rounding.
_TOLERANCE_REL = 1e-7
# Rows taken at a time; each round takes one at least, so that rounds end.
_ROWS_A_ROUND = 8
# Where whole lots cannot be searched to the end the best answer so far is kept: the count of nodes
# and not the clock ends it, so that answers repeat.
_NODES = 300
_GAP_REL = 5e-3
# A contract of which more lots may be traded is traded in any size and rounded to lots towards
# nothing: the search of so many whole numbers would end at its count of nodes.
_MOST_WHOLE = 1_000
_LOT_NOISE = 1e-6


@dataclass(frozen=True, slots=True)
class Scenarios:
    """Net PnL ``now`` [S] and PnL of one unit of each candidate ``unit`` [S, N], in USD, + gain.

    Both are damped. Arrays are read-only.
    """

    now: Floats
    unit: Floats

    def __post_init__(self) -> None:
        if self.unit.shape[:1] != self.now.shape:
            raise ValueError(f"{self.unit.shape[0]} rows of units for {self.now.size} scenarios")
        self.now.setflags(write=False)
        self.unit.setflags(write=False)

    def loss(self, traded: Floats) -> float:
        """The largest loss after trades of ``traded`` [N] units, ≥ 0."""
        return max(0.0, -float((self.now + self.unit @ traded).min(initial=0.0)))


@dataclass(frozen=True, slots=True)
class Netted:
    """A unit of risk: its scenarios up and down, and the floor under its losses in USD."""

    up: Scenarios
    down: Scenarios
    least: float = 0.0

    def losses(self, traded: Floats) -> tuple[float, float]:
        """The loss of either direction after trades, floored."""
        return (
            max(self.least, self.up.loss(traded)),
            max(self.least, self.down.loss(traded)),
        )


@dataclass(frozen=True, slots=True)
class Netting:
    """Units whose losses are added up together, and how much of the direction sum counts."""

    units: tuple[Netted, ...]
    rho: float = 0.0

    def risk(self, traded: Floats) -> float:
        """R after trades, in USD."""
        losses = [unit.losses(traded) for unit in self.units]
        direction = max(sum(up for up, _ in losses), sum(down for _, down in losses))
        return self.rho * direction + (1.0 - self.rho) * sum(max(each) for each in losses)


@dataclass(frozen=True, slots=True)
class Terms:
    """What may be traded, of N candidates.

    ``buy_cost`` and ``sell_cost`` [N] USD per unit, ≥ 0; ``lowest`` ≤ 0 ≤ ``highest`` [N] units;
    ``lot`` [N] units of one lot, None where any size trades; ``max_cost`` USD; ``max_trades`` how
    many candidates may be traded; ``weight`` how many USD of margin a USD of cost counts for.
    ``max_cost`` is of ``spent`` [N] USD per unit where that is not what the objective counts.
    """

    buy_cost: Floats
    sell_cost: Floats
    lowest: Floats
    highest: Floats
    lot: Floats | None = None
    max_cost: float = math.inf
    max_trades: int | None = None
    weight: float = 1.0
    spent: Floats | None = None


@dataclass(slots=True)
class _Rows:
    """The scenarios of one unit and direction that are in the programme so far."""

    of: Scenarios
    taken: list[int] = field(default_factory=list[int])

    def take_worst(self, traded: Floats, loss: float, tolerance: float) -> bool:
        """Take the rows that lose most beyond ``loss``; whether there was any."""
        if not self.of.now.size:
            return False
        short = -(self.of.now + self.of.unit @ traded) - loss
        worst = np.argsort(-short, kind="stable")[:_ROWS_A_ROUND].tolist()
        new = [row for row in worst if short[row] > tolerance and row not in self.taken]
        self.taken += new
        return bool(new)


class ReductionProgramme:
    """The programme over some groups of units: ``nettings``, times ``factor``."""

    def __init__(self, nettings: Sequence[Netting], factor: float = 1.0) -> None:
        self._nettings = tuple(nettings)
        self._factor = factor
        self._units = [unit for netting in self._nettings for unit in netting.units]
        # Rows once taken stay: they hold whatever the terms are.
        sides = [scenarios for unit in self._units for scenarios in (unit.up, unit.down)]
        self._rows = [_Rows(scenarios) for scenarios in sides]

    def of(self, chosen: Sequence[int]) -> ReductionProgramme:
        """The same over some candidates."""
        at = np.asarray(chosen, dtype=np.intp)

        def some(each: Scenarios) -> Scenarios:
            return Scenarios(each.now, each.unit[:, at])

        nettings = [
            Netting(
                tuple(Netted(some(u.up), some(u.down), u.least) for u in netting.units),
                netting.rho,
            )
            for netting in self._nettings
        ]
        found = ReductionProgramme(nettings, self._factor)
        for mine, its in zip(self._rows, found._rows, strict=True):
            its.taken = list(mine.taken)
        return found

    def margin(self, traded: Floats) -> float:
        """The requirement after trades [N], by all scenarios, in USD."""
        return self._factor * sum(netting.risk(traded) for netting in self._nettings)

    def solve(self, terms: Terms) -> Floats:
        """Units to trade of each candidate [N], + bought; zeros where nothing is worth its cost."""
        count = terms.buy_cost.size
        nothing = np.zeros(count)
        before = self.margin(nothing)
        if count == 0 or before <= 0.0:
            return nothing
        tolerance = _TOLERANCE_REL * before
        for each in self._rows:
            each.take_worst(nothing, 0.0, tolerance)
        while True:
            traded, losses = self._solved(terms)
            if traded is None:
                return nothing
            violated = [
                each.take_worst(traded, loss, tolerance)
                for each, loss in zip(self._rows, losses, strict=True)
            ]
            if any(violated):
                continue
            if terms.lot is None:
                return traded
            lots = traded / terms.lot
            return np.trunc(lots + np.copysign(_LOT_NOISE, lots)) * terms.lot

    def _columns_of_losses(self, count: int) -> list[int]:
        """The column of the loss of each unit and direction."""
        return [2 * count + 3 * unit + side for unit in range(len(self._units)) for side in (0, 1)]

    def _solved(self, terms: Terms) -> tuple[Floats | None, list[float]]:
        """The answer to the rows taken so far, and the losses that it believes in."""
        # A second to import, and few ask for trades.
        from scipy.optimize import (
            Bounds,
            LinearConstraint,
            milp,  # pyright: ignore[reportUnknownVariableType]
        )

        count, size = terms.buy_cost.size, self._width(terms)
        scale = np.ones(count) if terms.lot is None else terms.lot
        matrix, least = self._constraints(terms, size, scale)
        objective, upper, integral = self._columns(terms, size, scale)
        lower, losses = np.zeros(size), self._columns_of_losses(count)
        lower[losses] = [unit.least for unit in self._units for _ in (0, 1)]
        # The stubs of scipy know single numbers alone.
        ends: Any = (lower, upper)
        sides_of_rows: Any = (least, np.full(least.size, np.inf))
        found: Any = milp(
            objective,
            integrality=integral,
            bounds=Bounds(*ends),
            constraints=LinearConstraint(matrix, *sides_of_rows),
            options={"mip_rel_gap": _GAP_REL, "node_limit": _NODES},
        )
        if found.x is None:
            return None, []
        answer = np.asarray(found.x, dtype=np.float64)
        sides = np.where(
            integral[: 2 * count] > 0.0, np.rint(answer[: 2 * count]), answer[: 2 * count]
        )
        return (sides[:count] - sides[count:]) * scale, answer[losses].tolist()

    def _width(self, terms: Terms) -> int:
        """Columns: bought, sold, of each unit both losses and M, of each group D, and whether a
        candidate is traded.
        """
        count = terms.buy_cost.size
        chosen = count if terms.max_trades is not None else 0
        return 2 * count + 3 * len(self._units) + len(self._nettings) + chosen

    def _columns(self, terms: Terms, size: int, scale: Floats) -> tuple[Floats, Floats, Any]:
        """Objective, upper bounds and which columns are whole."""
        count = scale.size
        objective, upper = np.zeros(size), np.full(size, np.inf)
        integral = np.zeros(size)
        objective[:count] = terms.weight * terms.buy_cost * scale
        objective[count : 2 * count] = terms.weight * terms.sell_cost * scale
        upper[:count] = terms.highest / scale
        upper[count : 2 * count] = -terms.lowest / scale
        if terms.lot is not None:
            upper[: 2 * count] = np.floor(upper[: 2 * count] + 1e-9)
            integral[: 2 * count] = upper[: 2 * count] <= _MOST_WHOLE
        group = 2 * count + 3 * len(self._units)
        place = 0
        for netting in self._nettings:
            objective[group] = self._factor * netting.rho
            group += 1
            for _ in netting.units:
                objective[2 * count + 3 * place + 2] = self._factor * (1.0 - netting.rho)
                place += 1
        if terms.max_trades is not None:
            integral[-count:] = 1.0
            upper[-count:] = 1.0
        return objective, upper, integral

    def _constraints(self, terms: Terms, size: int, scale: Floats) -> tuple[Floats, Floats]:
        """Every constraint as row · columns ≥ least."""
        count = scale.size
        built: list[Floats] = []
        least: list[float] = []

        def add(entries: Sequence[tuple[Any, Any]], bound: float) -> None:
            line = np.zeros(size)
            for at, value in entries:
                line[at] = value
            built.append(line)
            least.append(bound)

        bought, sold = slice(0, count), slice(count, 2 * count)
        for each, loss in zip(self._rows, self._columns_of_losses(count), strict=True):
            for row in each.taken:
                unit = each.of.unit[row] * scale
                add([(bought, unit), (sold, -unit), (loss, 1.0)], -float(each.of.now[row]))
        self._sums(add, count)
        if math.isfinite(terms.max_cost):
            buy, sell = (
                (terms.buy_cost, terms.sell_cost)
                if terms.spent is None
                else (terms.spent, terms.spent)
            )
            spent = np.concatenate([buy * scale, sell * scale])
            add([(slice(0, 2 * count), -spent)], -terms.max_cost)
        if terms.max_trades is not None:
            add([(slice(size - count, size), -1.0)], -float(terms.max_trades))
            for i in range(count):
                most = max(terms.highest[i], -terms.lowest[i]) / scale[i]
                add([(i, -1.0), (count + i, -1.0), (size - count + i, most)], 0.0)
        return np.array(built), np.array(least)

    def _sums(self, add: Any, count: int) -> None:
        """M is at least either loss of a unit, D at least either sum over a group."""
        first, group = 2 * count, 2 * count + 3 * len(self._units)
        for netting in self._nettings:
            last = first + 3 * len(netting.units)
            for side in (0, 1):
                columns = list(range(first + side, last, 3))
                for column in columns:
                    add([(column - side + 2, 1.0), (column, -1.0)], 0.0)
                add([(group, 1.0), (columns, -1.0)], 0.0)
            first, group = last, group + 1
