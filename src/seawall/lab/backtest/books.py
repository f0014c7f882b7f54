"""Books that are held along a history: what an account has at each time of a walk.

A leg is told in relative terms: a tenor in days, and a strike as a share of the forward or by its
delta. ``restrike`` strikes it anew at every time, so that its terms never change; ``roll`` holds a
contract until it expires and then strikes the next. A contract that a book names is held until it
expires, and then rolled at the tenor and moneyness that it had in the beginning.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from statistics import NormalDist
from typing import Literal

import msgspec
import numpy as np

from seawall.basics.errors import EmptyPortfolio, InputError
from seawall.basics.time import DAYS_PER_YEAR, epoch_ns, tenor_years
from seawall.lab.backtest.markets import HistoricalMarkets, require_supported, rounded
from seawall.products.contracts import expiry_of, future, option, perpetual
from seawall.products.instruments import Derivative, Expiring, Instrument, Option, is_money
from seawall.products.portfolio import Portfolio, Position

Kind = Literal["perp", "future", "call", "put"]
Rule = Literal["restrike", "roll"]
Unit = Literal["coin", "usd"]

_DIGITS = 12


class Leg(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One leg in relative terms; ``quantity`` + long, in coins, or in USD of notional.

    USD are turned into coins at the index whenever the leg is struck. Options have either
    ``moneyness`` K/F, or ``delta`` (of a put < 0) by the volatility at the money. Raises
    InputError for terms that are none.
    """

    kind: Kind
    underlying: str
    quantity: float
    unit: Unit = "coin"
    settlement: str = "USDC"
    tenor_days: float | None = None
    moneyness: float | None = None
    delta: float | None = None
    rule: Rule = "restrike"

    def __post_init__(self) -> None:
        wrong = _wrong_terms(self)
        if wrong is not None:
            raise InputError(
                f"{wrong[0]} of a {self.kind} on {self.underlying}",
                where="relative book",
                remedy=wrong[1],
            )

    def struck(self, at: datetime, markets: HistoricalMarkets) -> Position:
        """The contract of these terms at an instant, and how much of it. Raises PoorHistory."""
        spot = markets.spot_usd(self.underlying, epoch_ns(at))
        coins = self.quantity if self.unit == "coin" else self.quantity / spot
        return Position(
            instrument=self._contract(at, markets), quantity=Decimal(f"{coins:.{_DIGITS}g}")
        )

    def _contract(self, at: datetime, markets: HistoricalMarkets) -> Derivative:
        if self.kind == "perp" or self.tenor_days is None:
            return perpetual(self.underlying, self.settlement)
        last = at + timedelta(days=self.tenor_days)
        expiry = expiry_of(self.underlying, last.date())
        if expiry <= at:
            expiry = expiry_of(self.underlying, last.date() + timedelta(days=1))
        if self.kind == "future":
            return future(self.underlying, self.settlement, expiry)
        strike = rounded(
            markets.forward(self.underlying, at, expiry) * self._share(at, expiry, markets)
        )
        return option(self.underlying, self.settlement, expiry, strike, self.kind)

    def _share(self, at: datetime, expiry: datetime, markets: HistoricalMarkets) -> float:
        """K / F; of a delta that of Black-76: N(d₁), of a put N(d₁) − 1."""
        if self.moneyness is not None or self.delta is None:
            return self.moneyness or 1.0
        vol = float(markets.atm_vols(self.underlying, np.array([epoch_ns(at)]))[0])
        sd = vol * math.sqrt(tenor_years(at, expiry))
        d1 = NormalDist().inv_cdf(self.delta if self.kind == "call" else 1.0 + self.delta)
        return math.exp(sd * (0.5 * sd - d1))


def _wrong_terms(leg: Leg) -> tuple[str, str] | None:
    """What is wrong with the terms of a leg and what to do, None where nothing is."""
    if not (math.isfinite(leg.quantity) and leg.quantity):
        return f"quantity {leg.quantity}", "Give a finite quantity, + long, that is not 0."
    tenor = leg.tenor_days
    if leg.kind == "perp" and (tenor, leg.moneyness, leg.delta) != (None, None, None):
        return "a tenor or strike", "Leave tenor_days, moneyness and delta out."
    if leg.kind != "perp" and not (tenor is not None and 0.0 < tenor < 20 * DAYS_PER_YEAR):
        return f"tenor_days {tenor}", "Give the days to expiry, above 0."
    if leg.kind in ("perp", "future"):
        told = leg.moneyness is not None or leg.delta is not None
        return ("a strike", "Leave moneyness and delta out.") if told else None
    if (leg.moneyness is None) == (leg.delta is None):
        return "no strike, or two", "Give either moneyness (K/F) or delta."
    low, high = (0.0, 1.0) if leg.kind == "call" else (-1.0, 0.0)
    if leg.delta is not None and not low < leg.delta < high:
        return f"delta {leg.delta}", f"Give one between {low:g} and {high:g}."
    if leg.moneyness is not None and not 0.0 < leg.moneyness < math.inf:
        return f"moneyness {leg.moneyness}", "Give K/F, for example 0.9."
    return None


class Composition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a book holds from an instant on: legs, and contracts by their names.

    ``since`` is None of what it holds from the first.
    """

    since: datetime | None = None
    legs: tuple[Leg, ...] = ()
    positions: tuple[Position, ...] = ()


class WalkBook(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A book to walk with, static with one composition, dynamic with several by ascending time.

    Raises EmptyPortfolio without anything held, InputError for times out of order or contracts
    that a history cannot value.
    """

    name: str
    compositions: tuple[Composition, ...]

    def __post_init__(self) -> None:
        if not any(each.legs or each.positions for each in self.compositions):
            raise EmptyPortfolio(
                f"the book {self.name!r} holds nothing",
                where=self.name,
                remedy="Give at least one leg or position.",
            )
        since = [each.since for each in self.compositions]
        told = [at for at in since if at is not None]
        if len(told) < len(since) - (since[0] is None) or told != sorted(set(told)):
            raise InputError(
                "compositions are out of order",
                where=f"book {self.name}",
                remedy="Give each a later timestamp than the one before.",
            )
        for each in self.compositions:
            held = [p.instrument for p in each.positions if not is_money(p.instrument)]
            require_supported(held)

    @property
    def underlyings(self) -> tuple[str, ...]:
        """Every underlying that it ever holds."""
        held = [leg.underlying for each in self.compositions for leg in each.legs]
        held += [
            position.instrument.underlying
            for each in self.compositions
            for position in each.positions
            if not is_money(position.instrument)
        ]
        return tuple(sorted(set(held)))

    @property
    def has_memory(self) -> bool:
        """Whether what it holds at a time depends on the times before: where a contract is kept."""
        return any(
            any(leg.rule == "roll" for leg in each.legs)
            or any(isinstance(p.instrument, Expiring) for p in each.positions)
            for each in self.compositions
        )

    def portfolios(
        self, times: Sequence[datetime], markets: HistoricalMarkets
    ) -> tuple[Portfolio | None, ...]:
        """What is held at each time of a walk, in order; None where nothing is.

        A contract is struck by what was known when it was struck. Raises PoorHistory.
        """
        first = datetime.min.replace(tzinfo=UTC)
        starts = [each.since or first for each in self.compositions]
        held: list[Portfolio | None] = []
        state: list[_Held] = []
        current = -1
        for at in times:
            place = bisect_right(starts, at) - 1
            if place != current:
                begun = self.compositions[place] if place >= 0 else Composition()
                current, state = place, _begun(begun, at, markets)
            state = [each.at(at, markets) for each in state]
            positions = _netted(each.position for each in state)
            held.append(Portfolio(account=self.name, positions=positions) if positions else None)
        return tuple(held)


@dataclass(frozen=True, slots=True)
class _Held:
    """A position and the leg that follows it; a holding that never ends has none."""

    position: Position
    leg: Leg | None

    def at(self, at: datetime, markets: HistoricalMarkets) -> _Held:
        """The same later: struck anew where its rule or its expiry asks for it."""
        instrument = self.position.instrument
        if self.leg is None:
            return self
        if self.leg.rule == "restrike" or (
            isinstance(instrument, Expiring) and instrument.expiry <= at
        ):
            return _Held(self.leg.struck(at, markets), self.leg)
        return self


def _begun(composition: Composition, at: datetime, markets: HistoricalMarkets) -> list[_Held]:
    named = [_Held(p, _leg_of(p.instrument, p, at, markets)) for p in composition.positions]
    return [*named, *(_Held(leg.struck(at, markets), leg) for leg in composition.legs)]


def _leg_of(
    instrument: Instrument, position: Position, at: datetime, markets: HistoricalMarkets
) -> Leg | None:
    """What a contract is in relative terms when it is taken on: by these it is rolled."""
    if not isinstance(instrument, Expiring):
        return None
    days = tenor_years(at, instrument.expiry) * DAYS_PER_YEAR
    if days <= 0.0:
        raise InputError(
            f"{instrument.name} has expired by {at:%Y-%m-%d}, when it is first held",
            where="book to backtest",
            remedy="Begin the walk before its expiry, or tell the book in relative terms.",
        )
    share = None
    if isinstance(instrument, Option):
        forward = markets.forward(instrument.underlying, at, instrument.expiry)
        share = instrument.strike / forward
    return Leg(
        kind=instrument.right if isinstance(instrument, Option) else "future",
        underlying=instrument.underlying,
        settlement=instrument.settlement,
        quantity=float(position.quantity),
        tenor_days=days,
        moneyness=share,
        rule="roll",
    )


def _netted(positions: Iterable[Position]) -> tuple[Position, ...]:
    """Legs in one contract are one position; what nets to nothing is none."""
    held: dict[str, Position] = {}
    for position in positions:
        name = position.instrument.name
        before = held.get(name)
        if before is not None:
            total = before.quantity + position.quantity
            position = msgspec.structs.replace(before, quantity=total)
        held[name] = position
    return tuple(position for position in held.values() if position.quantity)
