"""Positions joined with the market: one row per position, grouped by underlying.

This is where a portfolio meets a snapshot; everything after works on these arrays. Rows are
in a canonical order, so results do not depend on the order in which positions were given.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from seawall.basics.arrays import array_fields, freeze
from seawall.basics.errors import located
from seawall.basics.nearest import nearest_name
from seawall.basics.time import isoformat_utc, tenor_years
from seawall.kernels.revalue import CALL_KIND
from seawall.market.early import EarlyExercise
from seawall.market.liquidity import Liquidity
from seawall.market.snapshot import MarketSnapshot, OptionSlice
from seawall.market.terms import terms_at
from seawall.products.instruments import (
    DatedFuture,
    Expiring,
    Instrument,
    Option,
    Perpetual,
    is_money,
)
from seawall.products.markets import is_signed, level_of
from seawall.products.names import NAMED_ASSETS
from seawall.products.portfolio import NOWHERE, Portfolio, Position
from seawall.risk.assumptions import assumptions
from seawall.risk.sensitivities import UnitTerms, option_values, unit_greeks

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

SPOT, PERPETUAL, FUTURE = range(CALL_KIND)
CALL, PUT = CALL_KIND, CALL_KIND + 1
"""Codes of the ``kind`` column, as the kernel reads them."""

SPOT_BUCKET, PERPETUAL_BUCKET = "spot", "perpetual"


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

    def __post_init__(self) -> None:
        freeze(self, len(self.positions))

    @property
    def is_signed(self) -> bool:
        """Whether prices are of either sign, and options valued by Bachelier's model."""
        return is_signed(self.underlying)

    @property
    def level_usd(self) -> float:
        """What relative moves and shares of the price are of, in USD, > 0: the index, of a signed
        underlying at least its least level.
        """
        return level_of(self.underlying, self.spot_usd)

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
        held = np.zeros(len(self.buckets))
        np.add.at(held, self.bucket, self.quantity * self.delta)
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
        with located(place_of(position, portfolio.account), position.where):
            found += assumptions(position, market)
    for position in sorted(portfolio.positions, key=_canonical):
        instrument = position.instrument
        if is_money(instrument):
            money.append((position, float(position.quantity) * market.asset_usd(instrument)))
        else:
            held.setdefault(instrument.underlying, []).append(position)
    instruments = [position.instrument for position in portfolio.positions]
    used = {name for each in instruments for name in (each.underlying, each.settlement)}
    unused = ", ".join(_unused_price(asset, used) for asset in sorted(market.given - used))
    if unused:
        found.append(f"The price given of {unused} is used by no position.")
    return Book(
        account=portfolio.account,
        as_of=market.as_of,
        underlyings=tuple(join_underlying(u, held[u], market) for u in sorted(held)),
        money=tuple(money),
        liquidity=market.liquidity,
        warnings=tuple(dict.fromkeys(found)),
    )


def _unused_price(asset: str, used: Collection[str]) -> str:
    """An asset whose price serves nobody, with what was meant where no asset has that name."""
    meant = None if asset in NAMED_ASSETS else nearest_name(asset, used)
    return asset if meant is None else f"{asset} (did you mean {meant}?)"


def place_of(position: Position, account: str) -> str:
    """Whose a position is and where it stands, for messages."""
    return f"account {account}" + ("" if position.where == NOWHERE else f", {position.where}")


def _canonical(position: Position) -> tuple[str, float, str]:
    instrument = position.instrument
    expires = isinstance(instrument, Expiring)
    return (
        instrument.underlying,
        instrument.expiry.timestamp() if expires else 0.0,
        instrument.name,
    )


@dataclass(frozen=True, slots=True)
class _Row:
    """One position's terms and quotes, before they become columns."""

    kind: int
    bucket: str
    forward: float
    unit_usd: float
    strike: float = 0.0
    vol: float = 0.0
    atm_vol: float = 0.0
    vol_unit: float = 1.0
    tenor_years: float = 0.0
    discount: float = 1.0
    mark: float = np.nan
    listed: OptionSlice | None = None


_QUOTED = ("forward", "strike", "vol", "vol_unit", "tenor_years", "discount", "unit_usd")


def join_underlying(
    underlying: str, positions: Sequence[Position], market: MarketSnapshot
) -> UnderlyingBook:
    """Positions of one underlying, in canonical order, with their quotes; nothing is doubted here.

    Raises MissingQuote, ExpiredInstrument, BadNumber for a refused underlying.
    """
    spot = market.spot_usd(underlying)
    rows = [_look_up(position, market) for position in positions]
    buckets = tuple(dict.fromkeys([SPOT_BUCKET, *(row.bucket for row in rows)]))
    slices = {row.listed.key: row.listed for row in rows if row.listed is not None}
    place = {key: i for i, key in enumerate(slices)}

    def column(name: str) -> Floats:
        return np.array([getattr(row, name) for row in rows], dtype=np.float64)

    kind = np.array([row.kind for row in rows], dtype=np.int64)
    on_slice = [place[row.listed.key] if row.listed else -1 for row in rows]
    early = tuple(terms_at(s, market.index_usd, market.as_of).early for s in slices.values())
    american = _american_rows(on_slice, early)
    terms = UnitTerms(kind, *map(column, _QUOTED), american=american, signed=is_signed(underlying))
    forward, unit = terms.forward, terms.unit_usd
    quantity = np.array([float(position.quantity) for position in positions])
    option = kind >= CALL
    mark_usd = np.where(kind == SPOT, column("mark"), 0.0)
    # An option is worth the venue's mark, or the model's value where it has none.
    mark = np.where(np.isfinite(column("mark")), column("mark"), option_values(terms))
    mark_usd[option] = (unit * mark)[option]
    value = quantity * mark_usd
    inverse = np.array([p.instrument.is_inverse for p in positions])
    entry = np.array([np.nan if p.entry_price is None else float(p.entry_price) for p in positions])
    entered = np.isin(kind, (PERPETUAL, FUTURE)) & np.isfinite(entry)
    # Linear: q·(F − entry)·c. Inverse: q coins at today's mark are q·F USD contracts, worth
    # q·F·(1/entry − 1/F) coins of profit.
    coined = entered & inverse
    coin_profit = np.where(coined, forward / np.where(coined, entry, 1.0) - 1.0, 0.0)
    profit = np.where(inverse, coin_profit * spot, (forward - entry) * unit)
    value[entered] = (quantity * profit)[entered]
    return UnderlyingBook(
        underlying=underlying,
        spot_usd=spot,
        positions=tuple(positions),
        buckets=buckets,
        slices=tuple(slices.values()),
        early=early,
        kind=kind,
        bucket=np.array([buckets.index(row.bucket) for row in rows], dtype=np.int64),
        slice=np.array(on_slice),
        inverse=inverse,
        physical=np.array([_is_physical(p.instrument) for p in positions]),
        quantity=quantity,
        forward=forward,
        strike=terms.strike,
        vol=terms.vol,
        atm_vol=column("atm_vol"),
        vol_unit=terms.vol_unit,
        tenor_years=terms.tenor_years,
        discount=terms.discount,
        unit_usd=unit,
        mark_usd=mark_usd,
        value_usd=value,
        coin_profit=coin_profit,
        **unit_greeks(terms, spot),
    )


def _american_rows(
    on_slice: Sequence[int], early: Sequence[EarlyExercise | None]
) -> dict[int, EarlyExercise]:
    """Rows that are American options, each with what values it; ``on_slice`` as in the book."""
    found = {row: early[place] for row, place in enumerate(on_slice) if place >= 0}
    return {row: each for row, each in found.items() if each is not None}


def _is_physical(instrument: Instrument) -> bool:
    return isinstance(instrument, Expiring) and instrument.delivery == "physical"


def _look_up(position: Position, market: MarketSnapshot) -> _Row:
    instrument = position.instrument
    if isinstance(instrument, Perpetual):
        forward, unit = market.forward(instrument), market.quote_usd(instrument)
        return _Row(PERPETUAL, PERPETUAL_BUCKET, forward, unit)
    if isinstance(instrument, DatedFuture):
        forward, unit = market.forward(instrument), market.quote_usd(instrument)
        tenor = tenor_years(market.as_of, instrument.expiry)
        bucket = isoformat_utc(instrument.expiry)
        return _Row(FUTURE, bucket, forward, unit, tenor_years=tenor)
    if isinstance(instrument, Option):
        listed, row = market.option_row(instrument)
        return _Row(
            kind=CALL if instrument.is_call else PUT,
            bucket=isoformat_utc(instrument.expiry),
            forward=listed.forward,
            unit_usd=market.quote_usd(instrument),
            strike=instrument.strike,
            vol=float(listed.vol[row]),
            atm_vol=listed.atm_vol,
            vol_unit=1.0 if listed.vol_unit is None else listed.vol_unit,
            tenor_years=tenor_years(market.as_of, instrument.expiry),
            discount=listed.discount,
            mark=float(listed.mark[row]) * (listed.forward if instrument.is_inverse else 1.0),
            listed=listed,
        )
    # A wrapper stands at the index in units of what it is worth, so that it moves one to one.
    index, held = market.spot_usd(instrument.underlying), market.asset_usd(instrument)
    return _Row(SPOT, SPOT_BUCKET, index, held / index, mark=held)
