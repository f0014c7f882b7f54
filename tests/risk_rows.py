"""Seeded rows for the risk array kernel: every kind, and every edge its formulas have."""

from __future__ import annotations

from typing import Any

import numpy as np

from seawall.kernels.revalue import revalue

SPOT, PERPETUAL, FUTURE, CALL, PUT = range(5)
MOVES = np.array([-0.66, -0.35, -0.2, -0.035, 0.0, 0.0, 0.0, 0.011, 0.12, 0.35, 1.0, 5.0])
EDGES = (
    {"tenor_years": 0.0},
    {"vol": 0.0},
    {"strike": 0.0},
    {"forward": 0.0},
    {"strike": 100.0, "forward": 100.0},
    {"strike": 100.0, "forward": 100.0, "vol": 1e-17},
    {"strike": 100.0, "forward": 100.0, "vol": 1e-9},
    {"strike": 100.0, "forward": 100.0 * (1.0 + 2.0**-52), "vol": 1e-12},
    {"vol": 300.0},
    {"strike": 1e-250},
    {"strike": 1e250},
    {"strike": 1e9, "vol": 40.0},
)


def risk_rows(seed: int, count: int = 120, *, signed: bool = False) -> dict[str, Any]:
    """Arguments of the kernel by name, without ``out``: at most ``count`` rows, three instants.

    Column 0 of the volatilities is unshocked, as the kernel asks; the last instant is settled for a
    part of the rows. With ``signed`` half of the rows have a price of either sign.
    """
    rng = np.random.default_rng(seed)
    is_signed = signed & (rng.random(count) < 0.5)
    forward = np.where(is_signed, rng.normal(0.0, 50.0, count), np.exp(rng.normal(4.6, 0.1, count)))
    vol = np.where(is_signed, rng.uniform(5.0, 90.0, count), np.exp(rng.normal(-0.7, 0.8, count)))
    width = np.where(is_signed, 30.0, 0.0)
    strike = np.where(
        is_signed, rng.normal(0.0, 60.0, count), forward * np.exp(rng.normal(0.0, 0.5, count))
    )
    tenor = np.exp(rng.uniform(np.log(1e-5), np.log(3.0), count))
    columns = {"forward": forward, "strike": strike, "vol": vol, "tenor_years": tenor}
    for row, edge in enumerate(EDGES[:count]):
        for name, value in edge.items():
            columns[name][row] = value
    kind = rng.choice([SPOT, PERPETUAL, FUTURE, CALL, CALL, PUT, PUT], count)
    kind[: len(EDGES)] = rng.choice([CALL, PUT], len(EDGES[:count]))
    is_option = kind >= CALL
    later = np.maximum(tenor - 1.0 / 365.0, 0.0)
    years = np.stack([tenor, later, later], axis=1)
    rate = np.where(is_option, rng.normal(0.02, 0.03, count), 0.0)[:, None]
    settled = np.zeros((count, 3), dtype=np.bool_)
    settled[:, 2] = later == 0.0
    multiples = np.array([1.0, 1.4, 0.7, 1.1, 0.9, 0.0])
    return {
        "kind": kind,
        "inverse": rng.random(count) < 0.5,
        "physical": rng.random(count) < 0.3,
        "forward": forward,
        "level": width,
        "strike": strike,
        "unit_usd": np.exp(rng.normal(0.0, 1.0, count)),
        "coin_usd": np.where(is_option, 0.0, rng.normal(0.0, 10.0, count)),
        "vol": columns["vol"][:, None] * multiples,
        "tenor_years": years,
        "discount": np.exp(-rate * years),
        "settled": settled,
        "price_rel": MOVES,
        "vol_index": np.arange(MOVES.size) % multiples.size,
    }


def options(forward: Any, strike: Any, total_sd: Any, kind: Any, moves: Any) -> dict[str, Any]:
    """Undiscounted options with one year left and one volatility each, in one instant."""
    count = len(forward)
    return {
        "kind": np.broadcast_to(kind, count).astype(np.int64),
        "inverse": np.zeros(count, dtype=np.bool_),
        "physical": np.zeros(count, dtype=np.bool_),
        "forward": np.asarray(forward, dtype=np.float64),
        "level": np.zeros(count),
        "strike": np.asarray(strike, dtype=np.float64),
        "unit_usd": np.ones(count),
        "coin_usd": np.zeros(count),
        "vol": np.asarray(total_sd, dtype=np.float64).reshape(count, 1),
        "tenor_years": np.ones((count, 1)),
        "discount": np.ones((count, 1)),
        "settled": np.zeros((count, 1), dtype=np.bool_),
        "price_rel": np.asarray(moves, dtype=np.float64),
        "vol_index": np.zeros(len(moves), dtype=np.int64),
    }


def revalued(rows: dict[str, Any]) -> np.ndarray:
    """The kernel's answer, of shape [M, I·C]."""
    instants, cells = rows["tenor_years"].shape[1], rows["price_rel"].size
    out = np.full((rows["kind"].size, instants * cells), np.nan)
    revalue(*(np.ascontiguousarray(value) for value in rows.values()), out)
    return out


def taken(rows: dict[str, Any], keep: Any, cells: Any) -> dict[str, Any]:
    """Some of the rows in some of the cells, in the order given."""
    of_cells = {"price_rel", "vol_index"}
    return {name: value[cells if name in of_cells else keep] for name, value in rows.items()}
