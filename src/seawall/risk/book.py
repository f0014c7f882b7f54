"""Positions joined with the market: one row per position, grouped by underlying.

This is where a portfolio meets a snapshot; everything after works on these arrays. Rows are
in a canonical order, so results do not depend on the order in which positions were given.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from seawall.basics.arrays import array_fields, freeze
from seawall.basics.errors import InputError
from seawall.basics.nearest import nearest_name
from seawall.market.early import EarlyExercise
from seawall.market.history import MarketHistory
from seawall.market.liquidity import Liquidity
from seawall.market.snapshot import MarketSnapshot, OptionSlice
from seawall.products.instruments import is_money
from seawall.products.markets import is_signed, level_of
from seawall.products.names import NAMED_ASSETS
from seawall.products.portfolio import NOWHERE, Portfolio, Position
from seawall.risk.assumptions import assumptions
from seawall.risk.units import (
    CALL,
    FUTURE,
    NUMBERS,
    PERPETUAL,
    PUT,
    SPOT,
    SPOT_BUCKET,
    unit_quotes,
)

__all__ = [
    "CALL",
    "FUTURE",
    "PERPETUAL",
    "PUT",
    "SPOT",
    "SPOT_BUCKET",
    "Book",
    "UnderlyingBook",
    "join",
    "join_underlying",
    "place_of",
]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class UnderlyingBook:
    """The positions of one underlying; every array has shape [M], one row per position.

    ``inverse`` whether it pays in coin; ``quantity`` coins, + long, of a wrapper its own units;
    ``forward`` (the index for what is held outright) and ``strike`` quote currency per coin (strike
    0 where there is none); ``vol``, ``atm_vol`` decimal (0 where there is none), ``vol_unit`` what
    1 of them is in normal volatility where prices are of either sign (1 elsewhere); ``discount``
    the discount factor of an option's payoff (1 for all else); ``physical`` whether its expiry
    turns it into the underlying; ``unit_usd`` USD per unit of price; ``mark_usd`` USD value of one
    unit held (options, spot; 0 for futures); ``value_usd`` market value of the position (futures:
    unrealised profit); ``bucket`` index into ``buckets``: ``spot`` first, then ``perpetual`` and
    the expiries; ``slice`` index into ``slices``, the listed options of its expiry (−1 where there
    are none), and into ``early``, what values its American options (None where they are European).

    ``level_usd`` is what relative moves and shares of the price are of, in USD, > 0: the index, of
    a signed underlying at least its least level.

    Per unit held: ``delta`` coins, without ``coin_profit``; ``gamma`` coins per USD; ``vega_usd``
    per volatility point; ``theta_usd`` per day; ``coin_profit`` coins of unrealised profit
    (inverse futures with an entry price), which move with the index like coins held.
    """

    underlying: str
    spot_usd: float
    positions: tuple[Position, ...]
    buckets: tuple[str, ...]
    slices: tuple[OptionSlice, ...]
    early: tuple[EarlyExercise | None, ...]
    kind: NDArray[np.int64]
    bucket: NDArray[np.int64]
    slice: NDArray[np.int64]
    inverse: Flags
    physical: Flags
    quantity: Floats
    forward: Floats
    strike: Floats
    vol: Floats
    atm_vol: Floats
    vol_unit: Floats
    tenor_years: Floats
    discount: Floats
    unit_usd: Floats
    mark_usd: Floats
    value_usd: Floats
    delta: Floats
    gamma: Floats
    vega_usd: Floats
    theta_usd: Floats
    coin_profit: Floats
    level_usd: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "level_usd", level_of(self.underlying, self.spot_usd))
        freeze(self, len(self.positions))

    @property
    def is_signed(self) -> bool:
        """Whether prices are of either sign, and options valued by Bachelier's model."""
        return is_signed(self.underlying)

    @property
    def level(self) -> Floats:
        """The level of a signed underlying in quote currency, 0 of all others; shape [M]."""
        return self.level_usd / self.unit_usd if self.is_signed else np.zeros_like(self.unit_usd)

    @property
    def notional_usd(self) -> Floats:
        """What percentages of each position are of; shape [M], ≥ 0."""
        return np.abs(self.quantity) * self.unit_notional_usd

    @property
    def unit_notional_usd(self) -> Floats:
        """What percentages of one unit are of: its price, of a signed underlying the level; shape
        [M], ≥ 0.
        """
        if self.is_signed:
            return np.full(self.quantity.size, self.level_usd)
        return self.forward * self.unit_usd

    @property
    def strike_usd(self) -> Floats:
        """Strikes in USD: those of inverse contracts are, others are in the quote currency; [M]."""
        return self.strike * np.where(self.inverse, 1.0, self.unit_usd)

    @property
    def is_option(self) -> Flags:
        """Rows that are options."""
        return self.kind >= CALL

    @property
    def is_spot(self) -> Flags:
        """Rows held outright, wrappers and debts included."""
        return self.kind == SPOT

    @property
    def has_expiry(self) -> Flags:
        """Rows that expire."""
        return self.kind >= FUTURE

    @property
    def american_rows(self) -> dict[int, EarlyExercise]:
        """Rows that are American options, each with what values it."""
        return _american_rows(self.slice.tolist(), self.early)

    @property
    def net_delta_by_bucket(self) -> Floats:
        """Net delta in coins of each bucket; unrealised coin profit is spot; shape [buckets]."""
        brought = np.bincount(self.bucket, self.quantity * self.delta, len(self.buckets))
        held = np.asarray(brought, dtype=np.float64)
        held[self.buckets.index(SPOT_BUCKET)] += self.earned_coins
        return held

    @property
    def earned_coins(self) -> float:
        """Coins of unrealised profit, of inverse futures with an entry price."""
        return float(self.quantity @ self.coin_profit)

    @property
    def unit_coins(self) -> Floats:
        """Coins that one unit held outright is, of a wrapper as many as it is worth; shape [M]."""
        return np.where(self.is_spot, self.delta, 0.0)

    @property
    def coin_balance(self) -> float:
        """Coins held outright, debts and unrealised coin profit included."""
        return float(self.coins.sum())

    @property
    def coins(self) -> Floats:
        """Coins that each row brings to the coin balance; shape [M]."""
        return self.quantity * (self.unit_coins + self.coin_profit)

    def rows(self, keep: Sequence[int]) -> UnderlyingBook:
        """The same book with only the given rows."""
        index = np.asarray(keep, dtype=np.intp)
        columns = {name: values[index] for name, values in array_fields(self).items()}
        return UnderlyingBook(
            underlying=self.underlying,
            spot_usd=self.spot_usd,
            positions=tuple(self.positions[row] for row in keep),
            buckets=self.buckets,
            slices=self.slices,
            early=self.early,
            **columns,
        )

    def scaled(self, shares: Floats) -> UnderlyingBook:
        """The same book with a share of each row, shape [M], without those of which none is left.

        ``positions`` still tell what the account holds.
        """
        keep = np.flatnonzero(shares)
        kept, left = self.rows(keep.tolist()), shares[keep]
        return replace(kept, quantity=kept.quantity * left, value_usd=kept.value_usd * left)


@dataclass(frozen=True, slots=True)
class Book:
    """One account joined with the market: its underlyings, and money beside them."""

    account: str
    as_of: datetime
    underlyings: tuple[UnderlyingBook, ...]
    money: tuple[tuple[Position, float], ...]
    """Positions in cash, stablecoins and claims on these, each with its value in USD."""
    liquidity: Liquidity
    """What the market tells beside prices."""
    warnings: tuple[str, ...]
    """Everything that was assumed for want of a number."""
    array_only: bool = False
    """Whether what is collateral alone has been left out."""
    history: MarketHistory = field(default_factory=MarketHistory)
    """What is known of the past."""


def join(portfolio: Portfolio, market: MarketSnapshot) -> Book:
    """The account's positions with their prices, forwards and volatilities.

    Everything a position needs is looked up here, before any arithmetic, and what had to be
    assumed is recorded. Raises MissingQuote, ExpiredInstrument, BadNumber for a position of an
    impossible worth or entry price; each names the account and where the position stands.
    """
    money: list[tuple[Position, float]] = []
    held: dict[str, list[Position]] = {}
    found = [*market.warnings, *portfolio.warnings]
    for position in portfolio.positions:
        instrument = position.instrument
        try:
            found += assumptions(position, market)
        except InputError as error:
            here = place_of(position, portfolio.account)
            raise error.located(here, position.where) from None
        if is_money(instrument):
            money.append((position, float(position.quantity) * market.asset_usd(instrument)))
        else:
            held.setdefault(instrument.underlying, []).append(position)
    if market.given:
        found += _unused_prices(portfolio, market)
    return Book(
        account=portfolio.account,
        as_of=market.as_of,
        underlyings=tuple(join_underlying(u, held[u], market) for u in sorted(held)),
        money=tuple(sorted(money, key=_order_of_money)),
        liquidity=market.liquidity,
        warnings=tuple(dict.fromkeys(found)),
        history=market.history,
    )


def _order_of_money(held: tuple[Position, float]) -> tuple[str, str]:
    instrument = held[0].instrument
    return instrument.underlying, instrument.name


def _unused_prices(portfolio: Portfolio, market: MarketSnapshot) -> list[str]:
    """What is said of prices that were given and that no position needs."""
    instruments = [position.instrument for position in portfolio.positions]
    used = {name for each in instruments for name in (each.underlying, each.settlement)}
    unused = ", ".join(_unused_price(asset, used) for asset in sorted(market.given - used))
    return [f"The price given of {unused} is used by no position."] if unused else []


def _unused_price(asset: str, used: Collection[str]) -> str:
    """An asset whose price serves nobody, with what was meant where no asset has that name."""
    meant = None if asset in NAMED_ASSETS else nearest_name(asset, used)
    return asset if meant is None else f"{asset} (did you mean {meant}?)"


def place_of(position: Position, account: str) -> str:
    """Whose a position is and where it stands, for messages."""
    return f"account {account}" + ("" if position.where == NOWHERE else f", {position.where}")


def join_underlying(
    underlying: str, positions: Sequence[Position], market: MarketSnapshot
) -> UnderlyingBook:
    """Positions of one underlying with their quotes; nothing is doubted here.

    Raises MissingQuote, ExpiredInstrument, BadNumber for a refused underlying.
    """
    spot = market.spot_usd(underlying)
    quotes = unit_quotes(underlying, [position.instrument for position in positions], market)
    order = sorted(range(len(quotes)), key=lambda row: quotes[row].order)
    positions, quotes = [positions[row] for row in order], [quotes[row] for row in order]
    buckets = tuple(dict.fromkeys([SPOT_BUCKET, *(quote.bucket for quote in quotes)]))
    on_bucket = {bucket: place for place, bucket in enumerate(buckets)}
    # All rows of a slice have the same early exercise, whichever tells it.
    slices = {quote.listed.key: quote for quote in quotes if quote.listed is not None}
    on_slice = {key: place for place, key in enumerate(slices)}
    unit = dict(zip(NUMBERS, np.array([quote.numbers for quote in quotes]).T.copy(), strict=True))
    kind = np.array([quote.kind for quote in quotes], dtype=np.int64)
    inverse = np.array([quote.inverse for quote in quotes])
    quantity = np.array([float(position.quantity) for position in positions])
    value = quantity * unit["mark_usd"]
    coin_profit = np.zeros(kind.size)
    entry = [position.entry_price for position in positions]
    if any(price is not None for price in entry):
        price = np.array([np.nan if price is None else float(price) for price in entry])
        entered = np.isin(kind, (PERPETUAL, FUTURE)) & np.isfinite(price)
        # Linear: q·(F − entry)·c. Inverse: q coins at today's mark are q·F USD contracts, worth
        # q·F·(1/entry − 1/F) coins of profit.
        coined = entered & inverse
        coin_profit = np.where(coined, unit["forward"] / np.where(coined, price, 1.0) - 1.0, 0.0)
        linear = (unit["forward"] - price) * unit["unit_usd"]
        profit = np.where(inverse, coin_profit * spot, linear)
        value[entered] = (quantity * profit)[entered]
    return UnderlyingBook(
        underlying=underlying,
        spot_usd=spot,
        positions=tuple(positions),
        buckets=buckets,
        slices=tuple(quote.listed for quote in slices.values() if quote.listed is not None),
        early=tuple(quote.early for quote in slices.values()),
        kind=kind,
        bucket=np.array([on_bucket[quote.bucket] for quote in quotes], dtype=np.int64),
        slice=np.array([on_slice[q.listed.key] if q.listed else -1 for q in quotes]),
        inverse=inverse,
        physical=np.array([quote.physical for quote in quotes]),
        quantity=quantity,
        value_usd=value,
        coin_profit=coin_profit,
        **unit,
    )


def _american_rows(
    on_slice: Sequence[int], early: Sequence[EarlyExercise | None]
) -> dict[int, EarlyExercise]:
    """Rows that are American options, each with what values it; ``on_slice`` as in the book."""
    found = {row: early[place] for row, place in enumerate(on_slice) if place >= 0}
    return {row: each for row, each in found.items() if each is not None}
