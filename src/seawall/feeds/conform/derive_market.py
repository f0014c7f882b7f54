"""What readers of Derive's cases share: its options, a market of one underlying in its cash, books
and the surplus of each, signed and healthy from 0.

Derive counts in its cash, a stablecoin, and takes prices in USD for prices in that; here contracts
are quoted in the stablecoin, so that what comes out in USD is divided by its price. What the
options of a case are on is not told, and not what coins stand for it: it is called ``BASE``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from seawall.feeds.conform.shapes import AS_OF, perpetual
from seawall.margin.classes import UnderlyingClass
from seawall.margin.fold import NetByUnderlying, net
from seawall.margin.model import Levels, MarginModel
from seawall.margin.requirement import MarginRequirement, margin_requirement
from seawall.market.liquidity import Liquidity
from seawall.market.snapshot import MarketSnapshot, OptionSlice
from seawall.products.instruments import Instrument, Option, Stablecoin
from seawall.products.portfolio import Portfolio, Position
from seawall.risk.book import Book, join

Floats = NDArray[np.float64]

CASH = Stablecoin(name="USDC")
BASE = "BASE"
PERPETUAL = perpetual(BASE)


def option(underlying: str, seconds: int, strike: float, is_call: bool) -> Option:
    """An option paid in the cash, so many seconds from the time of every case."""
    right = "call" if is_call else "put"
    return Option(
        name=f"{underlying}_USDC-{seconds}-{strike!r}-{right}",
        underlying=underlying,
        settlement="USDC",
        expiry=AS_OF + timedelta(seconds=seconds),
        strike=strike,
        right=right,
    )


def option_slice(
    options: Mapping[Option, float],
    forward: float,
    *,
    discount: float = 1.0,
    fixed: float | None = None,
    rate_per_year: float | None = None,
) -> OptionSlice:
    """Options of one expiry with their volatilities, which no venue has marked."""
    first = next(iter(options))
    vol = np.array(list(options.values()))
    return OptionSlice(
        key=(first.underlying, first.settlement, first.expiry),
        forward=forward,
        names=tuple(each.name for each in options),
        strike=np.array([each.strike for each in options]),
        is_call=np.array([each.is_call for each in options]),
        vol=vol,
        mark=np.full(vol.size, np.nan),
        observed_s=np.full(vol.size, np.nan),
        atm_vol=float(vol[0]),
        discount=discount,
        fixed=fixed,
        rate_per_year=rate_per_year,
    )


@dataclass(frozen=True, slots=True)
class CaseMarket:
    """Prices of a case as it tells them: index, perpetual, forwards and volatilities count in cash,
    ``assets`` and ``stable`` in USD.
    """

    spot: float
    stable: float
    perpetual: float
    slices: tuple[OptionSlice, ...]
    confidence: Mapping[str, float]
    assets: Mapping[str, float] = field(default_factory=dict[str, float])

    def snapshot(self) -> MarketSnapshot:
        """The market that it is."""
        return MarketSnapshot(
            as_of=AS_OF,
            index_usd={BASE: self.spot * self.stable, **self.assets},
            stable_usd={CASH.name: self.stable},
            forwards={each.key: each.forward for each in self.slices},
            futures={PERPETUAL.name: self.perpetual} if self.perpetual > 0.0 else {},
            slices={each.key: each for each in self.slices},
            option_rows={n: (s.key, row) for s in self.slices for row, n in enumerate(s.names)},
            liquidity=Liquidity(confidence=self.confidence),
        )


def book_of(held: Mapping[Instrument, float], market: CaseMarket) -> Book | None:
    """What is held joined with the market, None where that is nothing."""
    positions = tuple(
        Position(instrument=instrument, quantity=Decimal(repr(quantity)))
        for instrument, quantity in held.items()
        if quantity
    )
    if not positions:
        return None
    return join(Portfolio(account="case", positions=positions), market.snapshot())


def class_named(model: MarginModel, name: str, members: tuple[str, ...]) -> UnderlyingClass:
    """A class of a case; its ranges are those of a class of the model, which no rule here uses."""
    return replace(model.classes[0], name=name, members=members, markets=())


def value_and_surplus(
    book: Book | None, model: MarginModel, im_factor: float, mm_factor: float
) -> Floats:
    """Market value, surplus of initial and of maintenance margin, in USD.

    A case may have a factor of maintenance above that of initial margin, which no model may: each
    level is found under a model that has its own at both.
    """
    if book is None:
        return np.zeros(3)
    held = model.collateral.holdings(book, model.classes)
    value = sum(each.value for each in held)
    margin_value = value - sum(each.haircut for each in held)
    initial, maintenance = (
        margin_requirement(book, replace(model, levels=Levels(im_factor=each, mm_factor=each)))
        for each in (im_factor, mm_factor)
    )
    surplus = margin_value - initial.initial, margin_value - maintenance.maintenance
    return np.array([value, *surplus])


def profits_and_apart(found: MarginRequirement, model: MarginModel) -> tuple[Floats, float]:
    """Net profit of the one underlying in every scenario, damped, and what forwards that move apart
    cost, in USD.
    """
    assert isinstance(model.fold, NetByUnderlying)
    [array] = found.arrays
    profit = net(model.fold.effective(array))[0] * array.scenarios.damping
    return profit, float(model.fold.least_shares(array).sum())
