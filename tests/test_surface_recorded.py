"""Recorded chains: how far off the surface is about strikes and expiries it is made without.

docs/surface.md states the figures; the bounds here leave them some room.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from seawall.feeds.market import read_market
from seawall.market.surface import VolSurface, vol_surface
from seawall.pricing.svi_fit import FitStatus
from tests.surfaces import expiry_errors, strike_errors

FULL = "deribit_chain_full_2026-01-20_BTC.parquet"
OLD = "deribit_chain_2020-05-21_BTC.parquet"
CRASH = "deribit_chain_intraday_2026-02-03_2026-02-07_BTC_ETH.parquet"


def surfaces(shared: Path, name: str, every: int = 1) -> Iterator[VolSurface]:
    """Of each underlying at every so manieth time of a file."""
    path = shared / "data" / "options" / name
    times = pl.read_parquet(path)["timestamp"].unique().sort().to_list()
    for at in times[::every] if name == CRASH else times[-1:]:
        market = read_market(path, at=at)
        for underlying in sorted({key[0] for key in market.slices}):
            yield vol_surface(market, underlying, underlying)


def joined(parts: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


# Bounds in vol points: median and 95 % between the strikes, and beyond the outermost.
@pytest.mark.parametrize(
    ("name", "between", "beyond"),
    [
        (FULL, (0.10, 1.5), (1.3, 6.0)),
        (OLD, (0.45, 3.5), (1.6, 9.0)),
        (CRASH, (0.12, 1.6), (1.6, 12.0)),
    ],
)
def test_strikes_left_out(
    shared: Path, name: str, between: tuple[float, float], beyond: tuple[float, float]
) -> None:
    errors = joined([strike_errors(s) for s in surfaces(shared, name, every=10)])
    assert errors["between"].size > 100
    assert (np.quantile(errors["between"], [0.5, 0.95]) <= between).all()
    assert (np.quantile(errors["beyond"], [0.5, 0.95]) <= beyond).all()
    # Why a smile follows its strikes: the slice alone is off by more than a straight line.
    assert np.median(errors["between"]) < np.median(errors["linear"])
    assert np.median(errors["linear"]) < np.median(errors["slice"])


@pytest.mark.parametrize(
    ("name", "vol", "within", "forward_bp"),
    [(FULL, (1.1, 6.0), 0.9, 8.0), (OLD, (2.4, 11.0), 0.8, 15.0), (CRASH, (0.9, 11.0), 0.9, 20.0)],
)
def test_expiries_left_out(
    shared: Path, name: str, vol: tuple[float, float], within: float, forward_bp: float
) -> None:
    errors = joined([expiry_errors(s) for s in surfaces(shared, name, every=4)])
    assert errors["vol"].size >= 100
    assert (np.quantile(errors["vol"], [0.5, 0.95]) <= vol).all()
    assert np.mean(errors["within"]) >= within
    assert np.quantile(errors["forward"], 0.95) <= forward_bp


@pytest.mark.parametrize("name", [FULL, OLD, CRASH])
def test_every_recorded_slice_is_fitted_without_butterflies(shared: Path, name: str) -> None:
    fitted = 0
    for surface in surfaces(shared, name, every=4):
        for report in surface.reports():
            assert report.age_s is not None
            assert 0.0 <= report.age_s <= 300.0
            assert report.status is not FitStatus.ARBITRAGE_LEFT
            assert report.butterfly == ()
            if report.status is FitStatus.FITTED:
                assert report.rms_error_vol_points <= report.max_error_vol_points
                fitted += 1
    assert fitted >= 7


def test_listed_options_keep_their_volatility(shared: Path) -> None:
    for surface in surfaces(shared, FULL):
        for smile in surface.smiles:
            vols, forward = surface.vols(smile.expiry, smile.strike)
            assert vols.tolist() == smile.vol.tolist()
            assert forward == smile.forward
