"""A market maker's book on the synthetic market: option structures, basis trades, delta hedges.

Strikes are chosen on the listed grid by their distance from the forward in standard deviations,
so the book fits whatever market a seed draws.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

import numpy as np

from seawall.basics.time import tenor_years
from seawall.feeds.synthetic import DEFAULT_SEED, listed_expiries, synthetic_market
from seawall.market.snapshot import MarketSnapshot
from seawall.products.names import contract_name, parse_name
from seawall.products.portfolio import Portfolio, Position
from seawall.risk.book import join

ACCOUNT = "synthetic-maker"

Right = Literal["call", "put"]

# Places in the list of expiries: the second day, Fridays, month ends and quarters.
_DAY, _WEEK, _MONTH, _THIRD_WEEK, _NEXT_MONTH, _QUARTER, _HALF, _AUTUMN, _YEAR_END = (
    1, 3, 4, 5, 6, 7, 8, 9, 10,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Leg:
    """An option by expiry, right and distance from the forward in standard deviations."""

    expiry: int
    right: Right
    distance_std: float
    ratio: float


_STRUCTURES: tuple[tuple[_Leg, ...], ...] = (
    # Long gamma into the weekend.
    (_Leg(_DAY, "call", 0.0, 0.6), _Leg(_DAY, "put", 0.0, 0.6)),
    # Iron condor.
    (
        _Leg(_WEEK, "put", -2.0, 2.0),
        _Leg(_WEEK, "put", -1.0, -2.5),
        _Leg(_WEEK, "call", 1.0, -2.5),
        _Leg(_WEEK, "call", 2.0, 2.0),
    ),
    # Calendar: the near straddle sold against fewer of the next one.
    (
        _Leg(_MONTH, "call", 0.0, -3.0),
        _Leg(_MONTH, "put", 0.0, -3.0),
        _Leg(_NEXT_MONTH, "call", 0.0, 0.8),
        _Leg(_NEXT_MONTH, "put", 0.0, 1.6),
    ),
    # Put ratio, net short the wing.
    (_Leg(_THIRD_WEEK, "put", -0.5, 1.0), _Leg(_THIRD_WEEK, "put", -1.5, -1.0)),
    # Call butterfly.
    (
        _Leg(_NEXT_MONTH, "call", 0.6, 2.0),
        _Leg(_NEXT_MONTH, "call", 1.1, -4.0),
        _Leg(_NEXT_MONTH, "call", 1.6, 2.0),
    ),
    # Risk reversal.
    (_Leg(_QUARTER, "put", -0.8, -1.2), _Leg(_QUARTER, "call", 0.8, 1.2)),
    # Call spread and put spread.
    (_Leg(_HALF, "call", 0.2, 1.5), _Leg(_HALF, "call", 1.2, -1.5)),
    (_Leg(_HALF, "put", -0.4, 1.0), _Leg(_HALF, "put", -1.2, -1.0)),
    # Diagonal along the wing.
    (_Leg(_AUTUMN, "call", 1.0, 1.2), _Leg(_YEAR_END, "call", 1.0, -1.1)),
)

# Long the near quarter, short the far one.
_BASIS_TRADE = ((_QUARTER, 1.5), (_HALF, -1.0))


@dataclass(frozen=True, slots=True)
class _Desk:
    """How one coin is traded: size of one unit, smallest lots, and where its delta is hedged."""

    symbol: str
    unit: float
    option_decimals: int
    future_decimals: int
    # Shares of the hedge; the inverse perpetual takes what they leave.
    hedge_shares: Mapping[str, float]


_DESKS = (
    _Desk("BTC", 20.0, 1, 3, {"BTC_USDC-PERPETUAL": 0.35}),
    _Desk("ETH", 500.0, 0, 2, {}),
)

_COLLATERAL = {"USDC": "2000000", "USDT": "750000", "BTC": "15", "ETH": "300"}


def synthetic_portfolio(seed: int = DEFAULT_SEED) -> Portfolio:
    """A delta-hedged book of some fifty legs on the synthetic market of the same seed.

    Options, dated futures, inverse perpetuals and one linear perpetual on BTC and ETH, with
    mixed collateral.
    """
    market = synthetic_market(seed)
    # A stream of its own, so that the book does not repeat the draws behind the market.
    rng = np.random.default_rng([seed, 1])
    holdings: dict[str, Decimal] = {name: Decimal(q) for name, q in _COLLATERAL.items()}
    for desk in _DESKS:
        traded = _options(desk, market, rng) | _basis_trade(desk)
        held = {**holdings, **traded}
        delta = _net_delta(desk.symbol, held, market)
        for name, quantity in _hedge(desk, -delta).items():
            held[name] = held.get(name, Decimal(0)) + quantity
        holdings = held
    positions = tuple(
        _position(name, quantity, market, rng) for name, quantity in holdings.items() if quantity
    )
    return Portfolio(account=ACCOUNT, positions=positions)


def _options(desk: _Desk, market: MarketSnapshot, rng: np.random.Generator) -> dict[str, Decimal]:
    coins: dict[str, float] = defaultdict(float)
    for legs in _STRUCTURES:
        size = desk.unit * rng.uniform(0.8, 1.2)
        for leg in legs:
            coins[_nearest_listed(desk.symbol, leg, market)] += size * leg.ratio
    return {name: _lots(quantity, desk.option_decimals) for name, quantity in coins.items()}


def _nearest_listed(symbol: str, leg: _Leg, market: MarketSnapshot) -> str:
    expiry = listed_expiries()[leg.expiry]
    chain = market.slices[symbol, symbol, expiry]
    deviation = chain.atm_vol * np.sqrt(tenor_years(market.as_of, expiry))
    wanted = chain.forward * np.exp(leg.distance_std * deviation)
    strike = chain.strike[np.argmin(np.abs(chain.strike - wanted))]
    return contract_name(symbol, symbol, expiry, float(strike), leg.right)


def _basis_trade(desk: _Desk) -> dict[str, Decimal]:
    expiries = listed_expiries()
    return {
        contract_name(desk.symbol, desk.symbol, expiries[place]): _lots(
            desk.unit * ratio, desk.future_decimals
        )
        for place, ratio in _BASIS_TRADE
    }


def _net_delta(symbol: str, holdings: Mapping[str, Decimal], market: MarketSnapshot) -> float:
    """Delta in coins of everything held in one coin, collateral included."""
    positions = tuple(
        Position(instrument=parse_name(name), quantity=quantity)
        for name, quantity in holdings.items()
    )
    book = join(Portfolio(account=ACCOUNT, positions=positions), market)
    rows = next(rows for rows in book.underlyings if rows.underlying == symbol)
    return float(rows.quantity @ rows.delta)


def _hedge(desk: _Desk, delta: float) -> dict[str, Decimal]:
    """``delta`` coins over the desk's contracts, the inverse perpetual taking the rest."""
    hedge = {
        name: _lots(delta * share, desk.future_decimals)
        for name, share in desk.hedge_shares.items()
    }
    rest = delta - float(sum(hedge.values()))
    return {**hedge, f"{desk.symbol}-PERPETUAL": _lots(rest, desk.future_decimals)}


def _lots(quantity: float, decimals: int) -> Decimal:
    return Decimal(f"{quantity:.{decimals}f}")


def _position(
    name: str, quantity: Decimal, market: MarketSnapshot, rng: np.random.Generator
) -> Position:
    """The position; a future gets an entry price about one per cent from its mark."""
    mark = market.futures.get(name)
    entry = None if mark is None else Decimal(f"{mark * np.exp(0.01 * rng.standard_normal()):.1f}")
    return Position(
        instrument=parse_name(name),
        quantity=quantity,
        entry_price=entry,
        where="synthetic book",
    )
