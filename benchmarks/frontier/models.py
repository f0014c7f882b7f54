"""The margin models by name: each gives every book's margin on every day from what was known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks.frontier import positions
from benchmarks.frontier.data import COINS, Panel
from benchmarks.frontier.grids import GridModel, grid_margins
from benchmarks.frontier.legs import Table
from benchmarks.frontier.simulated import (
    LEAST_DAYS,
    Filter,
    Moves,
    Scenarios,
    Statistic,
    expected_shortfall,
    filtered,
    gjr,
    historical,
    simulated_margins,
    student,
    var,
    worst_so_far,
)
from benchmarks.frontier.volatility import ewma, filled, long_run
from seawall.basics.errors import PoorHistory
from seawall.lab.calibration.ranges import dynamic_ranges
from seawall.lab.calibration.settings import RangeSettings, ShockSettings
from seawall.lab.calibration.shocks import vol_shocks
from seawall.margin.presets import load_preset
from seawall.market.history import PriceBars, TimeSeries
from seawall.risk.scenarios import PriceVolGrid

Floats = NDArray[np.float64]

# What every model asks at least, a share of gross notional: prbm's gross floor.
GROSS_FLOOR_REL = 0.0025
HISTORY_DAYS = 500
# The range of the SPAN-like model in trailing standard deviations of a day, and over how many days.
SPAN_MULTIPLE, SPAN_DAYS, SPAN_CREDIT = 3.0, 60, 0.5
VENUE_RANGES = (0.16, 0.18, 0.24)
EWMA_T_NU = 4.0
STRESSED_WEIGHT = 0.25
CORRELATION_DAYS = 365
SHOCKS = ShockSettings()


class DynamicSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The dynamic grid's choices: ranges, the share of the correlation bound that is credited, and
    the confidence of the shocks of implied volatility.
    """

    ranges: RangeSettings = RangeSettings()
    kappa: float = 0.75
    vol_confidence: float = 0.995


@dataclass(frozen=True)
class Known:
    """A panel with bars, and what several models take from them."""

    panel: Panel
    bars: Mapping[str, PriceBars]

    @cached_property
    def moves(self) -> Moves:
        """Moves of each day."""
        return Moves.of(self.panel)

    @cached_property
    def filter(self) -> Filter:
        """Volatilities known at each day's start."""
        return Filter.of(self.moves)

    @cached_property
    def daily_vol(self) -> Floats:
        """EWMA volatility of each coin, of λ = .94; [D, C]."""
        return ewma(filled(self.panel)[:, 0, :], 0.94)


Margins = Callable[[Table], Floats]


def scenarios_of(preset: str) -> PriceVolGrid:
    """The grid of one of the product's presets."""
    grid = load_preset(preset).scenarios
    if not isinstance(grid, PriceVolGrid):
        raise TypeError(f"{preset} has no grid of prices and volatilities")
    return grid


def fixed_grid(known: Known, preset: str, ranges: tuple[float, ...]) -> Margins:
    """A grid of constant ranges; no credit between coins."""
    days = known.panel.days_ns.size
    width = np.tile(np.array(ranges), (days, 1))
    return _grid(GridModel(scenarios_of(preset), width, np.zeros(days), *_as_in_preset(days)))


def _grid(model: GridModel) -> Margins:
    return lambda table: grid_margins(table, model)


def span_like(known: Known) -> Margins:
    """Sixteen scenarios of SPAN: thirds of a trailing range, volatility up and down, two extremes.

    The extremes are three ranges away at a third of the loss.
    """
    returns = filled(known.panel)[:, 0, :] ** 2
    total = np.concatenate([np.zeros((1, len(COINS))), np.cumsum(returns, axis=0)])
    day = np.arange(known.panel.days_ns.size)
    since = np.maximum(day - SPAN_DAYS, 0)
    mean = (total[day] - total[since]) / np.maximum(day - since, 1)[:, None]
    width = np.clip(SPAN_MULTIPLE * np.sqrt(mean), 0.01, 0.30)
    grid = msgspec.convert(
        {
            "type": "price-vol-grid",
            "price_steps": [-1.0, -2 / 3, -1 / 3, 0.0, 1 / 3, 2 / 3, 1.0],
            "vol_up": {"kind": "relative", "size": 0.25},
            "vol_down": {"kind": "relative", "size": -0.25},
            "vol_up_floor": 0.0,
            "tenor_law": {
                "reference_days": 30.0, "floor_days": 1.0, "short_power": 0.0, "long_power": 0.0,
            },
            "range_tails": [
                {"step": -3.0, "vol": "none", "damping": 0.33},
                {"step": 3.0, "vol": "none", "damping": 0.33},
            ],
            "horizon_days": 1.0,
        },
        PriceVolGrid,
    )  # fmt: skip
    credit = np.full(day.size, SPAN_CREDIT)
    return _grid(GridModel(grid, width, credit, *_as_in_preset(day.size)))


def dynamic_grid(known: Known, settings: DynamicSettings) -> Margins:
    """The house's grid, its ranges and its credit following the market behind guards."""
    days_ns = known.panel.days_ns
    width = np.empty((days_ns.size, len(COINS)))
    for column, coin in enumerate(COINS):
        width[:, column] = _in_force(known.bars[coin], settings.ranges, days_ns)
    credit = settings.kappa * correlation_bound(filled(known.panel)[:, 0, :])
    grid = scenarios_of("prbm")

    def margins(table: Table) -> Floats:
        options = any(leg.is_option for leg in table.legs)
        scales = (
            _vol_scales(known.panel, grid, settings) if options else _as_in_preset(days_ns.size)
        )
        return grid_margins(table, GridModel(grid, width, credit, *scales))

    return margins


def _vol_scales(
    panel: Panel, grid: PriceVolGrid, settings: DynamicSettings
) -> tuple[Floats, Floats]:
    """What multiplies the grid's rise and fall of volatility so that they are the calibrated ones.

    1 before the index of volatility has moved often enough.
    """
    there = np.isfinite(panel.vol)
    series = TimeSeries("implied volatility of BTC", panel.days_ns[there], panel.vol[there])
    scales = np.ones((2, panel.days_ns.size))
    preset = [abs(float(shock.size)) for [shock] in map(grid.shocks, ("vol_up", "vol_down"))]
    for day in np.flatnonzero(there).tolist():
        try:
            both = vol_shocks(
                series.until(int(panel.days_ns[day])), 1.0, settings.vol_confidence, SHOCKS
            )
        except PoorHistory:
            continue
        scales[:, day] = [each.size / size for each, size in zip(both, preset, strict=True)]
    return scales[0], scales[1]


def _as_in_preset(days: int) -> tuple[Floats, Floats]:
    return np.ones(days), np.ones(days)


def _in_force(bars: PriceBars, settings: RangeSettings, days_ns: NDArray[np.int64]) -> Floats:
    """The range in force at each day's start; where there is none yet, the house's fixed one."""
    at_ns, width = dynamic_ranges(bars, settings)
    place = np.searchsorted(at_ns, days_ns, side="right")
    return np.clip(np.append(VENUE_RANGES[-1], width)[place], 0.01, 0.60)


def correlation_bound(returns: Floats) -> Floats:
    """The lower 95 % bound of BTC's and ETH's correlation over the year before; [D], ≥ 0.

    Fisher's z less 1.645/√(n − 3); 0 before there are ``LEAST_DAYS`` days.
    """
    bound = np.zeros(returns.shape[0])
    for day in range(LEAST_DAYS, returns.shape[0]):
        window = returns[max(0, day - CORRELATION_DAYS) : day, :2]
        rho = np.clip(np.corrcoef(window.T)[0, 1], -0.9999, 0.9999)
        lower = np.tanh(np.arctanh(rho) - 1.645 / np.sqrt(window.shape[0] - 3))
        bound[day] = max(0.0, float(lower))
    return bound


def _filtered_with_stress(known: Known) -> Margins:
    calm = filtered(known.moves, known.filter)
    stressed = filtered(known.moves, known.filter, worst_so_far(known.filter))
    by = known.filter
    close, vol = known.moves.price[:, 0, :], known.moves.vol[:, None]
    usual = Filter(long_run(close), long_run(vol)[:, 0], long_run(known.moves.basis))
    floor = filtered(known.moves, by, usual)

    def margins(table: Table) -> Floats:
        own, worst, least = (simulated_margins(table, s, var) for s in (calm, stressed, floor))
        return np.maximum((1.0 - STRESSED_WEIGHT) * own + STRESSED_WEIGHT * worst, least)

    return margins


def _student(known: Known, sigma: Floats, nu: Floats) -> Margins:
    return _simulated(student(known.moves, sigma, nu), var)


def _gjr(known: Known) -> Margins:
    def margins(table: Table) -> Floats:
        # Hundreds of fits: only for who asks.
        return _student(known, *gjr(known.panel, known.moves))(table)

    return margins


def _simulated(scenarios: Callable[[slice], Scenarios], statistic: Statistic) -> Margins:
    return lambda table: simulated_margins(table, scenarios, statistic)


def all_models(known: Known, settings: DynamicSettings) -> dict[str, Margins]:
    """Every model by name."""
    days = known.panel.days_ns.size
    past = filtered(known.moves, known.filter)
    return {
        "isolated": positions.isolated,
        "cross": positions.cross,
        "strategy": positions.strategy,
        "grid ±10": fixed_grid(known, "prbm", (0.10,) * 3),
        "grid ±20": fixed_grid(known, "prbm", (0.20,) * 3),
        "Deribit-like": fixed_grid(known, "deribit-pm-2026-02", VENUE_RANGES),
        "SPAN-like": span_like(known),
        "HS-500": _simulated(historical(known.moves, HISTORY_DAYS), var),
        "EWMA-t": _student(known, known.filter.price, np.full(days, EWMA_T_NU)),
        "GJR-t": _gjr(known),
        "FHS-VaR": _simulated(past, var),
        "FHS-ES": _simulated(past, expected_shortfall),
        "FHS+APC": _filtered_with_stress(known),
        "dynamic grid": dynamic_grid(known, settings),
    }


def floored(margin: Floats, table: Table) -> Floats:
    """A margin that is at least the gross floor; NaN where the book or the model knows nothing."""
    least = np.maximum(margin, GROSS_FLOOR_REL * table.gross)
    return np.where(table.known & np.isfinite(margin), least, np.nan)
