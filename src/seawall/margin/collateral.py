"""What an account's holdings are worth as collateral: market value less haircuts.

Every holding stands either in the array, where scenarios move it and only its liquidity is cut, or
outside it, where its volatility is cut too; nothing in both. Formulas: docs/collateral.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from seawall.margin.caps import Capped, Caps
from seawall.margin.classes import UnderlyingClass, class_of
from seawall.margin.parameters import Rates
from seawall.market.liquidity import Liquidity
from seawall.market.needs import Need
from seawall.products.instruments import (
    CASH,
    STABLECOINS,
    Cash,
    Instrument,
    LpShare,
    RealWorldAsset,
    SpotAsset,
    Stablecoin,
    Stock,
    Wrapper,
)
from seawall.products.markets import market_of
from seawall.products.names import parse_name
from seawall.risk.book import Book, UnderlyingBook

Classes = tuple[UnderlyingClass, ...]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class HoldingValue:
    """Market value in USD of one kind of holding and the haircut on it (≥ 0).

    A haircut of its own (``depeg``, ``supply_cap``, ``cap``) has the value 0.
    """

    path: str
    value: float
    haircut: float


class VolatilityHaircut(Rates, frozen=True, kw_only=True):
    """The numbers of max(floor, z·σ·√horizon + liquidity), of what has no class of its own."""

    floor_rel: float
    daily_vol_rel: float
    liquidity_rel: float


def in_array(book: Book, classes: Classes) -> Book:
    """The book with what is in the array alone: all that a requirement is taken on.

    Of a coin that no class names its holdings are scaled to the share that contracts and debts
    hedge (docs/collateral.md), and left out where that is none. A book of which the rest has been
    left out stays as it is, whatever the classes: one model decides. Raises BadParameter when no
    class takes an underlying.
    """
    if book.array_only:
        return book
    parts = tuple(
        part if (shares == 1.0).all() else part.scaled(shares)
        for part in book.underlyings
        for shares in [_shares_in_array(part, classes)]
        if shares.any()
    )
    return replace(book, underlyings=parts, array_only=True)


def outside_array(book: Book, classes: Classes) -> tuple[UnderlyingBook, ...]:
    """What is collateral only, which no scenario moves: all that :func:`in_array` leaves out.

    Raises BadParameter when no class takes an underlying.
    """
    if book.array_only:
        return ()
    return tuple(
        part.scaled(1.0 - shares)
        for part in book.underlyings
        for shares in [_shares_in_array(part, classes)]
        if (shares < 1.0).any()
    )


def _shares_in_array(part: UnderlyingBook, classes: Classes) -> Floats:
    """The share of each row that is in the array, shape [M]; 1 but for what is held outright."""
    shares = np.ones(len(part.positions))
    held = part.is_spot & (part.quantity >= 0.0)
    if not held.any():
        return shares
    outright = (part.positions[row].instrument for row in np.flatnonzero(held).tolist())
    if any(isinstance(asset, LpShare | RealWorldAsset) for asset in outright):
        shares[held] = 0.0
    elif class_of(part.underlying, classes).takes_the_rest:
        shares[held] = _hedged_share(part, held)
    return shares


def _hedged_share(part: UnderlyingBook, held: NDArray[np.bool_]) -> float:
    """φ = min(H, max(0, −Δ)) / H: of H coins held those that the net delta Δ of all else hedges.

    Unrealised coin profit is all else: it is the contract's, as it is in the array.
    """
    deltas = part.quantity * (part.delta + part.coin_profit)
    coins, others = float(deltas[held].sum()), float(deltas[~held].sum())
    return min(coins, max(0.0, -others)) / coins if coins > 0.0 else 0.0


def holdings_of(book: UnderlyingBook, rate: Floats) -> list[HoldingValue]:
    """What an underlying's positions are worth, a row for each asset held outright, one for options
    and one for unrealised profit; positive values are cut by ``rate``, shape [M].
    """
    cut = rate * np.maximum(book.value_usd, 0.0)
    outright = [
        HoldingValue(kind_path(book.positions[row].instrument), *map(float, (value, cut[row])))
        for row, value in enumerate(book.value_usd)
        if book.is_spot[row]
    ]
    future = ~book.is_spot & ~book.is_option
    groups = (("options", book.is_option), ("unrealised", future))
    return outright + [
        HoldingValue(
            f"{path}/{book.underlying}", float(book.value_usd[rows].sum()), float(cut[rows].sum())
        )
        for path, rows in groups
        if rows.any()
    ]


class Haircuts(Rates, frozen=True, kw_only=True, tag="haircuts"):
    """How holdings count as collateral. Only positive values are cut, but for foreign cash and for
    the peg of a wrapper, which can go either way and are cut whatever their sign.

    ``spot`` ``in-array`` when scenarios already shock it (only the class's liquidity haircut is
    taken), ``outside`` when nothing does: then max(price range, z·σ·√horizon + liquidity).
    Unrealised profit is cut like what it is paid in, and what shares and contracts are worth in
    foreign cash like that cash, in a row ``currency`` of its own. ``locked`` names values that back
    nothing but their own position and are cut whole. What no scenario of any model moves is cut by
    max(``other_floor_rel``, z·σ·√horizon + liquidity) and capped, a pool's share by
    ``lp_share_rel`` more than its worst component, a wrapper by ``depeg_rel`` more than what it
    wraps.
    """

    needs: ClassVar[frozenset[Need]] = frozenset({Need.SUPPLY})
    z: float
    horizon_days: float
    stablecoin: VolatilityHaircut
    foreign_cash: VolatilityHaircut
    real_world_asset: VolatilityHaircut
    other_floor_rel: float
    lp_share_rel: float
    depeg_rel: float
    caps: Caps
    spot: Literal["in-array", "outside"]
    locked: tuple[Literal["long-options", "unrealised-profit"], ...] = ()

    def holdings(self, book: Book, classes: Classes) -> tuple[HoldingValue, ...]:
        """Everything the account holds, valued and cut; values add up to equity.

        Raises BadParameter when no class takes an underlying or a pool's component.
        """
        values: list[HoldingValue] = []
        for position, value in book.money:
            held = position.instrument
            values += self._outright(held, value, self._money_rate(held))
        for part in in_array(book, classes).underlyings:
            values += self._underlying(part, class_of(part.underlying, classes))
        outside = outside_array(book, classes)
        return (*values, *self._outside(outside, values, book.liquidity, classes))

    # ---- rates, as shares of a value

    def _rate(self, floor: float, daily_vol: float, liquidity: float) -> float:
        stressed = self.z * daily_vol * math.sqrt(self.horizon_days) + liquidity
        return min(1.0, max(floor, stressed))

    def _own_rate(self, numbers: VolatilityHaircut) -> float:
        return self._rate(numbers.floor_rel, numbers.daily_vol_rel, numbers.liquidity_rel)

    def _money_rate(self, held: Instrument) -> float:
        """Of what a stablecoin, cash or a claim on a stablecoin is; its peg is apart."""
        if isinstance(held, Cash):
            return 0.0 if held.name == CASH else self._own_rate(self.foreign_cash)
        return self._own_rate(self.stablecoin)

    def _coin_rate(self, numbers: UnderlyingClass) -> float:
        """Of a coin that no scenario moves, and whose class has a price range."""
        floor, liquidity = numbers.price_range_down_rel, numbers.spot_haircut_rel
        return self._rate(floor, numbers.daily_vol_rel, liquidity)

    def _asset_rate(self, held: Instrument, classes: Classes) -> float:
        """Of any asset by itself, as a component of a pool or as what no scenario moves."""
        if isinstance(held, Wrapper):
            return self._asset_rate(parse_name(held.wraps), classes) + self.depeg_rel
        if isinstance(held, Cash | Stablecoin):
            return self._money_rate(held)
        if isinstance(held, RealWorldAsset):
            return self._own_rate(self.real_world_asset)
        if isinstance(held, LpShare):
            components = (parse_name(name) for name in held.components)
            worst = max(self._asset_rate(component, classes) for component in components)
            return min(1.0, worst + self.lp_share_rel)
        return self._coin_rate(class_of(held.underlying, classes))

    # ---- rows

    def _outright(self, held: Instrument, value: float, rate: float) -> list[HoldingValue]:
        """The rows of one asset, cash on either side: its rate, and its peg if it has one."""
        exposed = abs(value) if isinstance(held, Cash) else max(value, 0.0)
        row = HoldingValue(kind_path(held), value, rate * exposed)
        return [row, *self._depeg(held, value, rate)]

    def _depeg(self, held: Instrument, value: float, rate: float) -> list[HoldingValue]:
        """The row of a wrapper's peg: with ``rate`` at most the whole value."""
        if not isinstance(held, Wrapper):
            return []
        share = min(self.depeg_rel, 1.0 - rate)
        return [HoldingValue(f"depeg/{held.name}", 0.0, share * abs(value))]

    def _underlying(self, book: UnderlyingBook, numbers: UnderlyingClass) -> list[HoldingValue]:
        shocked = self.spot == "in-array"
        spot = numbers.spot_haircut_rel if shocked else self._coin_rate(numbers)
        # A profit is worth what it will be paid in: coin, a stablecoin or cash.
        in_stablecoin = np.array(
            [position.instrument.settlement in STABLECOINS for position in book.positions]
        )
        stablecoin = self._own_rate(self.stablecoin)
        profit = np.where(book.inverse, spot, np.where(in_stablecoin, stablecoin, 0.0))
        if "unrealised-profit" in self.locked:
            profit = np.ones_like(profit)
        options = float("long-options" in self.locked)
        rate = np.where(book.is_spot, spot, np.where(book.is_option, options, profit))
        pegs: dict[str, list[HoldingValue]] = {}
        for row in np.flatnonzero(book.is_spot).tolist():
            held = book.positions[row].instrument
            pegs[kind_path(held)] = self._depeg(held, float(book.value_usd[row]), spot)
        rows = [
            each
            for holding in holdings_of(book, rate)
            for each in (holding, *pegs.get(holding.path, ()))
        ]
        return [*rows, *self._currency(book)]

    def _currency(self, book: UnderlyingBook) -> list[HoldingValue]:
        """The row of the cash in which an underlying is priced: no scenario moves it against USD,
        and it can go against who owes too.
        """
        market = market_of(book.underlying)
        if market is None or market.currency == CASH:
            return []
        exposed = abs(float(book.value_usd.sum()))
        path = f"currency/{book.underlying}"
        return [HoldingValue(path, 0.0, self._own_rate(self.foreign_cash) * exposed)]

    def _outside(
        self,
        parts: Iterable[UnderlyingBook],
        others: Iterable[HoldingValue],
        told: Liquidity,
        classes: Classes,
    ) -> list[HoldingValue]:
        """Rows of what is outside the array: each asset, and what caps take off it."""
        rows: list[HoldingValue] = []
        capped: list[Capped] = []
        for part in parts:
            for row, position in enumerate(part.positions):
                held, value = position.instrument, float(part.value_usd[row])
                cut = self._outside_rate(held, classes) * value
                units, supply = float(part.quantity[row]), told.supply.get(held.name)
                rows.append(HoldingValue(_outside_path(held), value, cut))
                capped.append(Capped(held.name, units, value, value - cut, supply))
        rest = sum(holding.value - holding.haircut for holding in others)
        cuts = self.caps.cuts(rest, capped)
        caps = [
            HoldingValue(f"{path}/{asset.name}", 0.0, cut)
            for asset, both in zip(capped, cuts, strict=True)
            for path, cut in zip(("supply_cap", "cap"), both, strict=True)
            if cut > 0.0
        ]
        return rows + caps

    def _outside_rate(self, held: Instrument, classes: Classes) -> float:
        """Of what is outside; a wrapper's peg is in it."""
        if isinstance(held, LpShare | RealWorldAsset):
            return self._asset_rate(held, classes)
        numbers = class_of(held.underlying, classes)
        own = self._rate(self.other_floor_rel, numbers.daily_vol_rel, numbers.spot_haircut_rel)
        return min(1.0, own + self.depeg_rel) if isinstance(held, Wrapper) else own


_HEADS: Mapping[type, str] = MappingProxyType(
    {
        Cash: "cash",
        Stablecoin: "stablecoin",
        SpotAsset: "spot",
        Wrapper: "wrapper",
        LpShare: "lp_share",
        RealWorldAsset: "rwa",
        Stock: "stock",
    }
)


def kind_path(held: Instrument) -> str:
    """The path of the row of what is held outright."""
    return f"{_HEADS[type(held)]}/{held.name}"


def _outside_path(held: Instrument) -> str:
    """The path of the row of what is outside: its own, of which a part may be in the array too."""
    divided = isinstance(held, SpotAsset | Stock | Wrapper)
    return f"outside/{held.name}" if divided else kind_path(held)
