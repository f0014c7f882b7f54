"""A small market of ETH options for tests of Derive's portfolio margin: index and forwards 100."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from seawall.margin.requirement import margin_requirement
from seawall.market.liquidity import Liquidity
from seawall.market.snapshot import MarketSnapshot, OptionSlice
from seawall.products.portfolio import portfolio
from seawall.risk.book import join

EXPIRY = datetime(2026, 3, 27, 8, tzinfo=UTC)
STRIKES = (80, 90, 100, 110, 120)
PERPETUAL = "ETH_USDC-PERPETUAL"


def option(strike, right, quantity):
    return f"ETH_USDC-27MAR26-{strike}-{right}", quantity


def market(*, usdc=1.0, left=timedelta(days=30), fixed=None, **told) -> MarketSnapshot:
    """``left`` until the one expiry, of whose forward ``fixed`` is settled already."""
    key = ("ETH", "USDC", EXPIRY)
    listed = [(strike, right) for strike in STRIKES for right in "CP"]
    own = OptionSlice(
        key=key,
        forward=100.0,
        names=tuple(f"ETH_USDC-27MAR26-{strike}-{right}" for strike, right in listed),
        strike=np.array([float(strike) for strike, _ in listed]),
        is_call=np.array([right == "C" for _, right in listed]),
        vol=np.full(len(listed), 0.5),
        mark=np.full(len(listed), np.nan),
        observed_s=np.full(len(listed), np.nan),
        atm_vol=0.5,
        fixed=fixed,
    )
    return MarketSnapshot(
        as_of=EXPIRY - left,
        index_usd={"ETH": 100.0 * usdc},
        stable_usd={"USDC": usdc},
        forwards={key: 100.0},
        futures={PERPETUAL: 100.0},
        slices={key: own},
        option_rows={name: (key, row) for row, name in enumerate(own.names)},
        liquidity=Liquidity(**told),
    )


def required(*held, model, at=None):
    """The requirement of some positions."""
    return margin_requirement(join(portfolio(held), at or market()), model)


def amounts(found, head):
    """Initial and maintenance margin of all steps whose path begins so."""
    own = [step for step in found.steps if step.path.startswith(head)]
    return sum(step.initial for step in own), sum(step.maintenance for step in own)
