"""The published vectors of backtests: a series of two models, in the project's signs."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Each model at each level; the names of the columns tell the level in thousandths.
CASES = [(model, rate) for model in ("true", "ewma") for rate in (0.01, 0.025)]


@dataclass(frozen=True, slots=True)
class Case:
    """Losses, value at risk, expected shortfall, volatility, and what is to come out."""

    losses: Floats
    var: Floats
    es: Floats
    scales: Floats
    rate: float
    expected: dict[str, Any]


def vectors(shared: Path) -> dict[str, Any]:
    return json.loads((shared / "vectors/quant/backtests.json").read_text())


def case(shared: Path, model: str, rate: float) -> Case:
    """One model at one level; returns and forecasts of the file are turned into losses."""
    with (shared / "vectors/quant/backtest_series.csv").open() as file:
        rows = list(csv.DictReader(file))
    level = f"{round(rate * 1000):03d}"

    def column(name: str) -> Floats:
        return np.array([float(row[name]) for row in rows])

    [expected] = [
        row
        for row in vectors(shared)["series_results"]
        if (row["model"], row["alpha"]) == (model, rate)
    ]
    return Case(
        losses=-column("r"),
        var=-column(f"q_{model}_{level}"),
        es=-column(f"e_{model}_{level}"),
        scales=column(f"s_{model}"),
        rate=rate,
        expected=expected,
    )
