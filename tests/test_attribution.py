"""How much of a realised PnL the risk array had told: exact where it must be, else measured."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from seawall.basics.errors import BadNumber, InputError
from seawall.feeds.market import read_market
from seawall.feeds.synthetic import synthetic_market
from seawall.feeds.synthetic_book import synthetic_portfolio
from seawall.margin.presets import load_preset
from seawall.margin.requirement import risk_arrays
from seawall.market.moved import at_time, moved
from seawall.market.snapshot import MarketSnapshot
from seawall.products.portfolio import Portfolio, portfolio
from seawall.risk.attribution import Attribution, attribute
from seawall.risk.book import join
from seawall.risk.moved import carried_portfolio
from tests.strategy_books import butterflies, calendars, chains, covered_calls, straddles

HOUSE = load_preset("prbm")
assert HOUSE.scenarios is not None
GRID = HOUSE.scenarios
FEBRUARY = "deribit_chain_intraday_2026-02-03_2026-02-07_BTC_ETH.parquet"


def attributions(
    held: Portfolio, before: MarketSnapshot, after: MarketSnapshot
) -> list[Attribution]:
    """One attribution for each underlying of the account."""
    arrays = risk_arrays(join(held, before), HOUSE)
    later = {
        part.underlying: part
        for part in join(carried_portfolio(held, before, after), after).underlyings
    }
    elapsed_days = (after.as_of - before.as_of) / timedelta(days=1)
    return [attribute(a, GRID, later[a.book.underlying], elapsed_days) for a in arrays]


# ---- exact


@pytest.mark.parametrize("move", [-0.16, -0.04, 0.0, 0.08, 0.16])
def test_a_move_onto_a_grid_price_is_explained_to_the_last_digit(move):
    before = unmarked(synthetic_market())
    held = synthetic_portfolio()
    for found in attributions(held, before, moved(before, "BTC", move)):
        if found.underlying == "BTC":
            assert found.price_move_rel == pytest.approx(move)
            assert found.explained == found.price
            assert found.unexplained == pytest.approx(0.0, abs=1e-6 * abs(found.price) + 0.01)
        else:
            assert found.realised == pytest.approx(0.0, abs=1e-6)


def test_a_day_gone_by_is_explained_to_the_last_digit():
    before = unmarked(synthetic_market())
    held = portfolio([("BTC-27MAR26-90000-C", -5), ("BTC-27MAR26-100000-P", 3), ("BTC", 1)])
    [found] = attributions(held, before, at_time(before, before.as_of + timedelta(days=1)))
    assert found.time == pytest.approx(found.realised, rel=1e-6)
    assert found.price == found.volatility == 0.0


def test_a_whole_shock_of_volatility_is_explained_to_the_last_digit():
    """Long options at volatility up: 45 % times the law of the tenor, floor 40 %."""
    before = unmarked(synthetic_market())
    held = portfolio([("BTC-27MAR26-90000-C", 5), ("BTC-26JUN26-90000-P", 3)])
    [array] = risk_arrays(join(held, before), HOUSE)
    up = replace_vols(before, lambda vol, days: np.maximum(vol * (1 + 0.45 * law(days)), 0.40))
    [found] = attributions(held, before, up)
    cell = array.scenarios.grid_shape[1] * (array.scenarios.grid_shape[0] // 2)
    assert found.volatility == pytest.approx(
        float(array.book.quantity @ array.unit_pnl_usd[:, cell])
    )
    assert found.unexplained == pytest.approx(0.0, abs=1e-6 * found.realised)
    assert found.parallel == pytest.approx(found.explained)


def test_parts_add_up():
    before = synthetic_market()
    for found in attributions(synthetic_portfolio(), before, moved(before, "ETH", -0.07)):
        total = found.price + found.volatility + found.time + found.unexplained
        assert total == pytest.approx(found.realised)


def test_other_instruments_and_impossible_times_are_refused():
    before = synthetic_market()
    [array] = risk_arrays(join(portfolio([("BTC", 1)]), before), HOUSE)
    [other] = join(portfolio([("BTC-PERPETUAL", 1)]), before).underlyings
    with pytest.raises(InputError, match="different instruments"):
        attribute(array, GRID, other, 0.5)
    for days in (-0.1, 1.1, float("nan")):
        with pytest.raises(BadNumber, match="days lie between"):
            attribute(array, GRID, array.book, days)


def law(days: np.ndarray) -> np.ndarray:
    return (30.0 / np.maximum(days, 1.0)) ** np.where(days <= 30.0, 0.30, 0.13)


def unmarked(market: MarketSnapshot) -> MarketSnapshot:
    """The market without option marks, so that equity and array both are the model's."""
    bare = {
        key: replace(column, mark=np.full(column.vol.size, np.nan))
        for key, column in market.slices.items()
    }
    return replace(market, slices=bare)


def replace_vols(market: MarketSnapshot, shocked) -> MarketSnapshot:
    slices = {}
    for key, column in market.slices.items():
        days = (key[2] - market.as_of) / timedelta(days=1)
        slices[key] = replace(column, vol=shocked(column.vol, np.array(days)))
    return replace(market, slices=slices)


# ---- measured: February 2026, a fall of a fifth and its rebound


@pytest.fixture(scope="module")
def february(shared: Path) -> list[MarketSnapshot]:
    """The snapshots of five days, five to seven hours apart."""
    path = shared / "data" / "options" / FEBRUARY
    times = pl.read_parquet(path, columns=["timestamp"])["timestamp"].unique().sort()
    return [read_market(path, at=at) for at in times]


def named_books(before: MarketSnapshot, after: MarketSnapshot) -> dict[str, list[Portfolio]]:
    """Named strategies on expiries from a week to a year that are listed at both times."""
    found: dict[str, list[Portfolio]] = {}
    for chain in chains(before, 7.0):
        if chain.days > 365.0:
            continue
        held = {
            "covered call": [*covered_calls(chain)],
            "short straddle": [short for short, _ in straddles(chain)],
            "delta-hedged straddle": [[*short, hedge] for short, hedge in straddles(chain)],
            "calendar": [[(near, -1), (far, 1)] for near, far in calendars(chain)],
            "butterfly": [book for _, book in butterflies(chain)],
        }
        for name, books in held.items():
            found.setdefault(name, []).extend(
                portfolio(book)
                for book in books
                if all(leg in after.option_rows for leg, _ in book if leg in before.option_rows)
            )
    return found


def share_explained(realised: list[float], missed: list[float]) -> float:
    return 1.0 - float(np.square(missed).sum() / np.square(realised).sum())


# Strategy: books, share explained with each option's own volatility, and with one move for all.
MEASURED = {
    "covered call": (843, 0.9988, 0.9988),
    "short straddle": (876, 0.9966, 0.9966),
    "delta-hedged straddle": (876, 0.9948, 0.9948),
    "calendar": (3_698, 0.9522, 0.6209),
    "butterfly": (8_183, 0.9905, 0.6380),
}


def test_the_array_explains_the_fall_of_february(february):
    """Shares of the realised variance, 1 − Σ unexplained² / Σ realised²: docs/validation.md."""
    assert len(february) == 20
    told: dict[str, list[Attribution]] = {}
    for before, after in pairwise(february):
        for name, books in named_books(before, after).items():
            for held in books:
                told.setdefault(name, []).extend(attributions(held, before, after))
    assert told.keys() == MEASURED.keys()
    for name, found in told.items():
        realised = [each.realised for each in found]
        own = share_explained(realised, [each.unexplained for each in found])
        same = share_explained(realised, [each.realised - each.parallel for each in found])
        assert (len(found), own, same) == pytest.approx(MEASURED[name], abs=5e-5), name
