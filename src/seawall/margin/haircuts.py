"""Haircuts: how much less than its market value each holding counts as collateral.

Formulas: docs/collateral.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from seawall.margin.accounts.collateral import (
    CutRates,
    Divided,
    HoldingValues,
    by_account,
    cut_holdings_of_accounts,
    money_of_accounts,
    pegs_of_accounts,
)
from seawall.margin.caps import Capped, Caps
from seawall.margin.classes import UnderlyingClass, class_of
from seawall.margin.collateral import (
    Classes,
    HoldingValue,
    holdings_of,
    in_array,
    kind_path,
    outside_array,
    outside_path,
)
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
    Stablecoin,
    Wrapper,
)
from seawall.products.markets import market_of
from seawall.products.names import parse_name
from seawall.risk.accounts import Accounts, UnderlyingAccounts
from seawall.risk.book import Book, UnderlyingBook

Floats = NDArray[np.float64]


class VolatilityHaircut(Rates, frozen=True, kw_only=True):
    """The numbers of max(floor, z·σ·√horizon + liquidity), of what has no class of its own."""

    floor_rel: float
    daily_vol_rel: float
    liquidity_rel: float


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

    def of_accounts(
        self, accounts: Accounts, parts: Divided, classes: Classes
    ) -> tuple[HoldingValues, ...]:
        """What :meth:`holdings` says, of each of many accounts. Raises the same."""
        money = [position.instrument for position, _ in accounts.instruments.book.money]
        cuts = [self.money_cut(held) for held in money]
        rows = money_of_accounts(
            accounts, [rate for rate, _, _ in cuts], [either for _, either, _ in cuts]
        )
        if money:
            pegs = np.array([peg for _, _, peg in cuts])[accounts.money_place]
            rows += pegs_of_accounts(accounts.money_account, pegs, accounts.money_usd)
        for part in parts.inside:
            rows += cut_holdings_of_accounts(part, self.cut_rates(part.book, classes))
        if not parts.outside:
            return tuple(rows)
        return (*rows, *self._outside_of_accounts(parts.outside, rows, accounts, classes))

    # ---- rates, as shares of a value

    def money_cut(self, held: Instrument) -> tuple[float, bool, float]:
        """Of cash, a stablecoin or a claim on one: the rate, whether negative values are cut too,
        and what its peg cuts off either.
        """
        rate = self._money_rate(held)
        return rate, isinstance(held, Cash), self._peg_rate(held, rate)

    def cut_rates(self, book: UnderlyingBook, classes: Classes) -> CutRates:
        """Of what can be held in the array of an underlying. Raises BadParameter."""
        rate = self._rates(book, class_of(book.underlying, classes))
        assets = (position.instrument for position in book.positions)
        pegs = [self._peg_rate(*each) for each in zip(assets, rate.tolist(), strict=True)]
        return CutRates(rate, np.array(pegs), self._currency_rate(book.underlying))

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
        return [HoldingValue(f"depeg/{held.name}", 0.0, self._peg_rate(held, rate) * abs(value))]

    def _peg_rate(self, held: Instrument, rate: float) -> float:
        """What a wrapper's peg cuts off its value, whatever its sign; 0 of all else."""
        return min(self.depeg_rel, 1.0 - rate) if isinstance(held, Wrapper) else 0.0

    def _underlying(self, book: UnderlyingBook, numbers: UnderlyingClass) -> list[HoldingValue]:
        rate = self._rates(book, numbers)
        pegs: dict[str, list[HoldingValue]] = {}
        for row in np.flatnonzero(book.is_spot).tolist():
            held = book.positions[row].instrument
            pegs[kind_path(held)] = self._depeg(held, float(book.value_usd[row]), float(rate[row]))
        rows = [
            each
            for holding in holdings_of(book, rate)
            for each in (holding, *pegs.get(holding.path, ()))
        ]
        return [*rows, *self._currency(book)]

    def _rates(self, book: UnderlyingBook, numbers: UnderlyingClass) -> Floats:
        """What is cut off a positive value of each row in the array; shape [M]."""
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
        return np.where(book.is_spot, spot, np.where(book.is_option, options, profit))

    def _currency(self, book: UnderlyingBook) -> list[HoldingValue]:
        """The row of the cash in which an underlying is priced: no scenario moves it against USD,
        and it can go against who owes too.
        """
        rate = self._currency_rate(book.underlying)
        if rate == 0.0:
            return []
        cut = rate * abs(float(book.value_usd.sum()))
        return [HoldingValue(f"currency/{book.underlying}", 0.0, cut)]

    def _currency_rate(self, underlying: str) -> float:
        market = market_of(underlying)
        foreign = market is not None and market.currency != CASH
        return self._own_rate(self.foreign_cash) if foreign else 0.0

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
                rows.append(HoldingValue(outside_path(held), value, cut))
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

    def _outside_of_accounts(
        self,
        parts: Sequence[UnderlyingAccounts],
        others: Iterable[HoldingValues],
        accounts: Accounts,
        classes: Classes,
    ) -> list[HoldingValues]:
        """Rows of what is outside the array, and what caps take off them."""
        held: list[tuple[NDArray[np.int64], Floats, Floats, Floats, Floats]] = []
        supplies = accounts.instruments.book.liquidity.supply
        for part in parts:
            assets = [position.instrument for position in part.book.positions]
            rate = np.array(
                [
                    self._outside_rate(asset, classes) if spot else 0.0
                    for asset, spot in zip(assets, part.book.is_spot, strict=True)
                ]
            )
            supply = np.array([supplies.get(asset.name, np.nan) for asset in assets])
            own = np.flatnonzero(part.quantity)
            row, value = part.row[own], part.value_usd[own]
            account, units = part.account_of_position[own], part.quantity[own]
            held.append((account, units, value, rate[row] * value, supply[row]))
        account, units, value, cut, supply = map(np.concatenate, zip(*held, strict=True))
        rest = sum(
            (by_account(row.account, row.value - row.haircut, accounts.count) for row in others),
            np.zeros(accounts.count),
        )
        over, cap = self.caps.cuts_of_accounts(account, rest, units, value, value - cut, supply)
        return [
            HoldingValues(account, value, cut),
            HoldingValues.cuts(account, over),
            HoldingValues.cuts(account, cap),
        ]

    def _outside_rate(self, held: Instrument, classes: Classes) -> float:
        """Of what is outside; a wrapper's peg is in it."""
        if isinstance(held, LpShare | RealWorldAsset):
            return self._asset_rate(held, classes)
        numbers = class_of(held.underlying, classes)
        own = self._rate(self.other_floor_rel, numbers.daily_vol_rel, numbers.spot_haircut_rel)
        return min(1.0, own + self.depeg_rel) if isinstance(held, Wrapper) else own
