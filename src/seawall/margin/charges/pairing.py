"""Options, shares and premium of one underlying paired into strategies, as cheaply as is legal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import BadParameter
from seawall.margin.charges.base import ChargeAmount, Charged, NamedCharge
from seawall.margin.charges.strategies import Leg, Rulebook, Strategy, StrategyRates
from seawall.market.needs import Need
from seawall.risk.book import CALL, UnderlyingBook

Floats = NDArray[np.float64]

# Beyond so many lots of one leg a solver's tolerance is more than a lot.
_MOST_LOTS = 1e6
# The dearest strategy in the solver's objective, so that its tolerances are small shares of it.
_COST_SCALE = 1e4
# As near to a whole number an answer is one.
_WHOLE = 1e-6


@dataclass(frozen=True, slots=True)
class Pairing:
    """Strategies with how many units of the underlying are in each, and the sum of their rule
    values in USD.
    """

    strategies: tuple[tuple[Strategy, float], ...]
    value_usd: float


class StrategyPairingCharge(NamedCharge, frozen=True, kw_only=True, tag="strategy-pairing"):
    """The least that legal strategies of an underlying's options and shares require.

    The sum of rule values (:mod:`seawall.margin.charges.strategies`) is minimised over all ways to
    pair whole lots, by an integer programme: each strategy so many times, each leg used up. Initial
    margin and maintenance are each their own minimum. Futures and perpetuals are no legs.

    Rule values are compared with money to which the premiums of short options were added and in
    which long ones have no value; equity holds both at their mark. So the requirement is the rule
    value plus the net mark of the options, long less short, at least 0: of a short option the
    rule's percentage without its premium, of a spread what it can still lose, of a long option its
    value. It is the same shift for all pairings, so it moves no minimum.

    ``lots`` units of the underlying in one contract, by the ending of its name (``.US``: 100
    shares), ``lot_units`` of all others. What is not a whole lot is a strategy by itself; where a
    leg has more than a million lots they may be split. ``indices`` are broad ones, whose
    ``index_naked_rel`` and ``index_naked_floor_rel`` stand for those of ``rates``. Of more than
    ``most_combinations`` pairs of spreads none is looked at, which can only raise the requirement.
    Source: FINRA rule 4210(f)(2), docs/models/reg-t.md.
    """

    needs: ClassVar[frozenset[Need]] = frozenset()
    rates: StrategyRates
    lots: Mapping[str, float]
    lot_units: float
    indices: tuple[str, ...]
    index_naked_rel: float
    index_naked_floor_rel: float
    most_combinations: int

    def __post_init__(self) -> None:
        super().__post_init__()
        wrong = [
            each for each in (*self.lots.values(), self.lot_units) if not 0.0 < each < math.inf
        ]
        if wrong or self.most_combinations < 0:
            raise BadParameter(
                f"a lot of {wrong[0]} units" if wrong else "a negative most_combinations",
                where="StrategyPairingCharge",
                remedy="Give lots that are positive, and a most_combinations of at least 0.",
            )

    def amounts(self, on: Charged) -> tuple[ChargeAmount, ...]:
        """One amount per underlying of which options or shares are held."""
        legs = legs_of(on.book)
        if not legs:
            return ()
        book = on.book
        rules = self.rulebook(book.underlying, book.spot_usd, book.level_usd)
        lot = self.lot_of(book.underlying)
        held = float(book.value_usd[book.is_option].sum())
        initial, maintenance = (
            max(0.0, pairing.value_usd + held) for pairing in self.pairings(legs, rules, lot)
        )
        path = f"strategy_pairing/{book.underlying}"
        return (ChargeAmount(path, initial, maintenance),)

    def rulebook(self, underlying: str, price_usd: float, level_usd: float) -> Rulebook:
        """The rules at a price of an underlying."""
        rates = self.rates
        if underlying in self.indices:
            rates = msgspec.structs.replace(
                rates, naked_rel=self.index_naked_rel, naked_floor_rel=self.index_naked_floor_rel
            )
        return Rulebook(rates, price_usd, level_usd)

    def lot_of(self, underlying: str) -> float:
        """Units of an underlying in one contract."""
        endings = (lot for ending, lot in self.lots.items() if underlying.endswith(ending))
        return next(endings, self.lot_units)

    def pairings(
        self, legs: Sequence[Leg], rules: Rulebook, lot_units: float
    ) -> tuple[Pairing, Pairing]:
        """The cheapest pairing in initial margin, and that in maintenance."""
        strategies = rules.strategies(legs, self.most_combinations)
        size = np.array([abs(leg.quantity) for leg in legs])
        lots = np.floor(size / lot_units * (1.0 + 1e-12) + 1e-9)
        odd = np.maximum(size - lots * lot_units, 0.0)
        odd[odd < 1e-9 * lot_units] = 0.0
        used = np.zeros((len(legs), len(strategies)))
        for column, strategy in enumerate(strategies):
            for place, count in strategy.legs:
                used[place, column] = count
        costs = np.array([(s.initial, s.maintenance) for s in strategies]).T
        initial, maintenance = (
            _pairing(strategies, cost, least_cost(cost, used, lots) * lot_units, odd)
            for cost in costs
        )
        return initial, maintenance


def legs_of(book: UnderlyingBook) -> list[Leg]:
    """Options and what is held outright of an underlying, as legs; a wrapper is the coins that it
    is worth.
    """
    found: list[Leg] = []
    for row, position in enumerate(book.positions):
        name, quantity = position.instrument.name, float(book.quantity[row])
        if book.is_option[row]:
            found.append(
                Leg(
                    name=name,
                    kind="call" if book.kind[row] == CALL else "put",
                    quantity=quantity,
                    price_usd=max(float(book.mark_usd[row]), 0.0),
                    strike_usd=float(book.strike_usd[row]),
                    tenor_years=float(book.tenor_years[row]),
                )
            )
        elif book.is_spot[row]:
            coins = quantity * float(book.unit_coins[row])
            found.append(Leg(name=name, kind="stock", quantity=coins, price_usd=book.spot_usd))
    return found


def least_cost(cost: Floats, used: Floats, lots: Floats) -> Floats:
    """How many of each strategy cost least: min cost·n with used·n = lots, n whole and ≥ 0.

    ``cost`` [N] USD, ``used`` [M, N] units of each leg in one of each, ``lots`` [M] whole; the
    first M strategies are single legs, so there is always an answer. Where a leg has more than a
    million lots n need not be whole.
    """
    alone = np.zeros(cost.size)
    alone[: lots.size] = lots
    if cost.size == lots.size or not lots.any():
        return alone
    # A second to import, and few books need it.
    from scipy.optimize import LinearConstraint, milp  # pyright: ignore[reportUnknownVariableType]

    whole = bool(lots.max() <= _MOST_LOTS)
    scale = 1.0 if whole else float(lots.max())
    unit = float(np.abs(cost).max()) or 1.0
    exact: Any = lots / scale
    # Where lots may be split the cheapest pairing is nearly always of whole ones all the same, and
    # then no pairing of whole lots is cheaper. It takes a fraction of the time.
    rounded = alone
    for integral in (0, 1):
        found: Any = milp(
            cost * (_COST_SCALE / unit),
            integrality=np.full(cost.size, integral),
            constraints=LinearConstraint(used, exact, exact),
            options={"mip_rel_gap": 0.0},
        )
        if found.x is None:  # the solver gave up: every leg by itself is legal, and dearer
            return alone
        answer = np.asarray(found.x, dtype=np.float64) * scale
        if not whole:
            return np.maximum(answer, 0.0)
        rounded = np.rint(answer)
        if np.abs(answer - rounded).max() <= _WHOLE and (used @ rounded == lots).all():
            break
    return rounded


def _pairing(strategies: Sequence[Strategy], cost: Floats, units: Floats, odd: Floats) -> Pairing:
    """The units in each strategy, with what is no whole lot each leg by itself."""
    total = units.copy()
    total[: odd.size] += odd
    taken = np.flatnonzero(total).tolist()
    return Pairing(
        tuple((strategies[column], float(total[column])) for column in taken),
        math.fsum(cost[column] * total[column] for column in taken),
    )
