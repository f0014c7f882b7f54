"""Recorded chains: what an account must hold if its options were not listed, against the listing.

docs/surface.md states the figures; the bounds here leave them some room.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from seawall.feeds.market import read_market
from seawall.market.snapshot import MarketSnapshot, OptionSlice
from seawall.products.names import contract_name
from seawall.products.portfolio import portfolio
from seawall.report.build import margin
from tests.surfaces import without_expiries, without_options
from tests.test_real_chains import CRASH, FULL, OLD, chain_file, times

BOOKS = ("short put", "short strangle", "call spread", "hedged straddle")
CUSHION_USD = 10_000_000


def option(listed: OptionSlice, strike: float, right: str) -> str:
    return contract_name(*listed.key, strike, right)


def books(listed: OptionSlice) -> Iterator[tuple[str, list[tuple[str, float]]]]:
    """Books of ten coins on an expiry, at strikes with listed ones on both sides."""
    inner = np.unique(listed.strike)[1:-1]
    deviation = listed.atm_vol * 0.15

    def strike(deviations: float) -> float:
        return float(
            inner[np.abs(inner - listed.forward * np.exp(deviations * deviation)).argmin()]
        )

    low, at, high = strike(-1.0), strike(0.0), strike(1.0)
    coin = listed.key[0]
    yield "short put", [(option(listed, low, "put"), -10)]
    yield "short strangle", [(option(listed, low, "put"), -10), (option(listed, high, "call"), -10)]
    yield "call spread", [(option(listed, at, "call"), -10), (option(listed, high, "call"), 10)]
    straddle = [(option(listed, at, "put"), -10), (option(listed, at, "call"), -10)]
    yield "hedged straddle", [*straddle, (f"{coin}-PERPETUAL", 1)]


def errors(market: MarketSnapshot, by: str) -> dict[str, list[float]]:
    """Relative error of initial margin of each book, its options or whole expiry left out."""
    found: dict[str, list[float]] = {}
    keys = sorted(market.slices, key=lambda key: key[2])
    for key in keys:
        own = [k for k in keys if k[:2] == key[:2]]
        if key in (own[0], own[-1]) or np.unique(market.slices[key].strike).size < 8:
            continue
        for name, held in books(market.slices[key]):
            legs = {leg for leg, _ in held if leg.count("-") == 3}
            if len({*legs} & market.option_rows.keys()) < len(legs):
                continue
            account = portfolio([*held, ("USD", CUSHION_USD)])
            both = {leg[:-1] + right for leg in legs for right in "CP"}
            less = (
                without_expiries(market, [key]) if by == "expiry" else without_options(market, both)
            )
            true = float(margin(account, market).initial)
            found.setdefault(name, []).append(
                abs(float(margin(account, less).initial) / true - 1.0)
            )
    return found


@pytest.mark.parametrize("name", [FULL, OLD, CRASH])
@pytest.mark.parametrize(
    ("by", "outright", "spread"), [("strike", 0.01, 0.04), ("expiry", 0.015, 0.04)]
)
def test_a_requirement_without_the_listing_is_near_that_with_it(
    shared: Path, name: str, by: str, outright: float, spread: float
) -> None:
    path = chain_file(shared, name)
    at = times(path)
    found: dict[str, list[float]] = {}
    for time in at[::10] if name == CRASH else at[-1:]:
        for book, missed in errors(read_market(path, at=time), by).items():
            found.setdefault(book, []).extend(missed)
    assert found.keys() == {*BOOKS}
    for book, missed in found.items():
        assert len(missed) >= 5
        assert max(missed) <= (spread if book == "call spread" else outright), book
        assert np.median(missed) <= 0.015
