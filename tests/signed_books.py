"""WTI at any price: a snapshot made of Bachelier's prices, and random accounts on it."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
from hypothesis import strategies as st

from seawall.market.liquidity import Liquidity
from seawall.market.slices import vol_at_forward
from seawall.market.snapshot import MarketSnapshot, OptionSlice
from seawall.products.contracts import expiry_of, future, option
from seawall.products.instruments import Cash, Option
from seawall.products.portfolio import Portfolio, Position
from tests.naive import bachelier

CL = "CL.CME"
AS_OF = datetime(2020, 4, 20, 18, 30, tzinfo=UTC)
LEAST_LEVEL_USD = 20.0
DAYS = ((2020, 4, 21), (2020, 5, 14), (2020, 12, 17))
# What each expiry's forward lies above the index, USD; of the last two no future is listed.
CARRY = (0.0, 1.5, 6.25)
OFFSETS = (-40.0, -25.0, -12.5, -5.0, 0.0, 2.5, 10.0, 30.0)


def expiries():
    return [expiry_of(CL, datetime(*day, tzinfo=UTC).date()) for day in DAYS]


def cl_market(spot, *, marked=True, liquidity=None):
    """The snapshot at an index of ``spot`` USD, with strikes around it.

    Volatilities are decimals of the level; everything lies where it does as seen from the index.
    """
    level = max(abs(spot), LEAST_LEVEL_USD)
    forwards, slices, rows = {}, {}, {}
    for expiry, carry in zip(expiries(), CARRY, strict=True):
        key, forward = (CL, "USD", expiry), spot + carry
        tenor = (expiry - AS_OF).total_seconds() / 31_536_000.0
        options = [
            option(CL, "USD", expiry, spot + offset, right)
            for offset in OFFSETS
            for right in ("call", "put")
        ]
        strike = np.array([o.strike for o in options])
        is_call = np.array([o.is_call for o in options])
        vol = 1.5 / (1.0 + tenor) - 0.004 * (strike - forward) + 0.0002 * (strike - forward) ** 2
        discount = math.exp(-0.03 * tenor)
        mark = np.array(
            [
                discount * bachelier.value(forward, k, v * level, tenor, bool(call)) + 0.01
                for k, v, call in zip(strike, vol, is_call, strict=True)
            ]
        )
        slices[key] = OptionSlice(
            key=key,
            forward=forward,
            names=tuple(o.name for o in options),
            strike=strike,
            is_call=is_call,
            vol=vol,
            mark=mark if marked else np.full(mark.size, np.nan),
            observed_s=np.full(mark.size, AS_OF.timestamp()),
            atm_vol=vol_at_forward(forward, strike, vol, level),
            vol_unit=level,
            discount=discount,
        )
        forwards[key] = forward
        rows |= {o.name: (key, row) for row, o in enumerate(options)}
    return MarketSnapshot(
        as_of=AS_OF,
        index_usd={CL: spot},
        stable_usd={},
        forwards=forwards,
        futures={future(CL, "USD", expiries()[0]).name: spot + 0.125},
        slices=slices,
        option_rows=rows,
        liquidity=liquidity or Liquidity(),
    )


def contract(spot, expiry, offset=None, right="call"):
    """The future of one of the expiries, or an option so far from the index."""
    when = expiries()[expiry]
    if offset is None:
        return future(CL, "USD", when)
    return option(CL, "USD", when, spot + offset, right)


def cl_account(spot, legs, usd=0.0):
    """``legs`` of (expiry, offset or None, right, quantity, entry above the index or None)."""
    positions = []
    for expiry, offset, right, quantity, entry in legs:
        instrument = contract(spot, expiry, offset, right)
        unused = entry is None or isinstance(instrument, Option)
        positions.append(
            Position(
                instrument=instrument,
                quantity=Decimal(repr(quantity)),
                entry_price=None if unused else Decimal(repr(spot + entry)),
            )
        )
    cash = Position(instrument=Cash(name="USD"), quantity=Decimal(repr(usd)))
    return Portfolio(account="wti", positions=(*positions, cash))


_QUANTITIES = st.integers(-400, 400).filter(bool).map(lambda n: n / 4.0)


@st.composite
def cl_legs(draw):
    """Some different contracts, with quantities and entry prices."""
    futures = st.tuples(st.integers(0, 2), st.none(), st.just("call"))
    options = st.tuples(
        st.integers(0, 2), st.sampled_from(OFFSETS), st.sampled_from(["call", "put"])
    )
    contracts = draw(st.lists(futures | options, min_size=1, max_size=7, unique=True))
    entries = st.none() | st.sampled_from([-15.0, -2.5, 0.0, 4.75])
    return [(*each, draw(_QUANTITIES), draw(entries)) for each in contracts]


# Quarters of a dollar, so that strikes around them have names.
spots = st.integers(-260, 260).map(lambda n: n / 4.0)
