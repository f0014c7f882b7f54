"""The strategies that a strategy-based rule recognises, each with its value.

Source of the rules: FINRA rule 4210(f)(2) and Regulation T as brokers publish them
(docs/models/reg-t.md). A *rule value* is the rule's own number for one unit: it is compared with
money alone, to which premiums taken in have been added, and in it neither a long nor a short option
has a value; shares count at their market value.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

from seawall.margin.parameters import Rates

Kind = Literal["call", "put", "stock"]


@dataclass(frozen=True, slots=True)
class Leg:
    """A position that strategies are made of, in USD per unit of the underlying.

    ``quantity`` units, + long; ``price_usd`` what an option is worth, ≥ 0, the index for shares;
    ``strike_usd`` and ``tenor_years`` 0 of shares.
    """

    name: str
    kind: Kind
    quantity: float
    price_usd: float
    strike_usd: float = 0.0
    tenor_years: float = 0.0

    @property
    def is_long(self) -> bool:
        """Whether it is held long."""
        return self.quantity > 0.0

    def payoff_usd(self, price_usd: float) -> float:
        """What one unit held long pays at a price of the underlying."""
        if self.kind == "stock":
            return price_usd
        above = price_usd - self.strike_usd
        return max(above if self.kind == "call" else -above, 0.0)

    def out_of_money_usd(self, price_usd: float) -> float:
        """How far out of the money an option is, ≥ 0."""
        above = price_usd - self.strike_usd
        return max(-above if self.kind == "call" else above, 0.0)


@dataclass(frozen=True, slots=True)
class Strategy:
    """Legs that are margined together, by place and how many units of each one unit takes, with the
    rule value of one unit in USD: below 0 where the rule lends.
    """

    name: str
    legs: tuple[tuple[int, int], ...]
    initial: float
    maintenance: float


class StrategyRates(Rates, frozen=True, kw_only=True):
    """The percentages of the rules, as shares.

    ``naked_rel`` of the underlying's price, less what is out of the money, at least
    ``naked_floor_rel`` of it (puts: of the strike). Shares: ``stock_initial_rel``,
    ``long_stock_maintenance_rel`` and ``short_stock_maintenance_rel`` of their price. Of protected
    shares ``protected_rel`` of the strike, of a collar at most ``collar_call_rel`` of the call's.
    A long option of more than ``long_term_years`` is lent ``long_term_loan_rel`` of its value.
    """

    naked_rel: float
    naked_floor_rel: float
    stock_initial_rel: float
    long_stock_maintenance_rel: float
    short_stock_maintenance_rel: float
    protected_rel: float
    collar_call_rel: float
    long_term_years: float
    long_term_loan_rel: float


@dataclass(frozen=True, slots=True)
class Rulebook:
    """Rule values of all strategies of one underlying: ``price_usd`` its index, ``level_usd`` what
    shares of the price are of (another number of a signed underlying alone).
    """

    rates: StrategyRates
    price_usd: float
    level_usd: float

    # ---- values of one unit

    def single(self, place: int, leg: Leg) -> Strategy:
        """A leg by itself."""
        rates, level = self.rates, self.level_usd
        if leg.kind == "stock":
            initial = rates.stock_initial_rel * level
            kept = (
                rates.long_stock_maintenance_rel
                if leg.is_long
                else rates.short_stock_maintenance_rel
            )
            side = "long" if leg.is_long else "short"
            return Strategy(f"{side} stock", ((place, 1),), initial, kept * level)
        if leg.is_long:
            old = leg.tenor_years > rates.long_term_years
            lent = -rates.long_term_loan_rel * leg.price_usd if old else 0.0
            return Strategy(f"long {leg.kind}", ((place, 1),), lent, lent)
        value = self.naked_usd(leg)
        return Strategy(f"short {leg.kind}", ((place, 1),), value, value)

    def naked_usd(self, leg: Leg) -> float:
        """A short option by itself: P + max(20 % S − OTM, 10 % of S, of a put of K)."""
        rates, level = self.rates, self.level_usd
        least = level if leg.kind == "call" else abs(leg.strike_usd)
        beyond = rates.naked_rel * level - leg.out_of_money_usd(self.price_usd)
        return leg.price_usd + max(beyond, rates.naked_floor_rel * least)

    def covered(self, short: Leg, is_long: bool) -> tuple[float, float]:
        """Shares that cover a short option: their own requirement and what is in the money.

        In maintenance long shares count at no more than the call's strike.
        """
        rates, own = self.rates, short.payoff_usd(self.price_usd)
        initial = rates.stock_initial_rel * self.level_usd + own
        if not is_long:
            return initial, initial
        counted = min(self.level_usd, max(short.strike_usd, 0.0))
        return initial, rates.long_stock_maintenance_rel * counted + own

    def protected(self, long: Leg, is_long: bool) -> tuple[float, float]:
        """Shares that a long option protects: initial their own, maintenance min(10 % K + OTM,
        their own).
        """
        rates = self.rates
        own = rates.long_stock_maintenance_rel if is_long else rates.short_stock_maintenance_rel
        kept = min(self._protection(long), own * self.level_usd)
        return rates.stock_initial_rel * self.level_usd, kept

    def _protection(self, long: Leg) -> float:
        return self.rates.protected_rel * abs(long.strike_usd) + long.out_of_money_usd(
            self.price_usd
        )

    def conversion(self, short: Leg) -> tuple[float, float]:
        """Shares between both options of one strike: initial their own, maintenance 10 % K, either
        with what the short option is in the money.
        """
        own = short.payoff_usd(self.price_usd)
        initial = self.rates.stock_initial_rel * self.level_usd + own
        return initial, self.rates.protected_rel * abs(short.strike_usd) + own

    def collar(self, put: Leg, call: Leg) -> tuple[float, float]:
        """Long shares, long put, short call of a higher strike: initial their own, maintenance
        min(10 % Kp + OTMp, 25 % Kc), either with what the call is in the money.
        """
        own = call.payoff_usd(self.price_usd)
        initial = self.rates.stock_initial_rel * self.level_usd + own
        most = self.rates.collar_call_rel * abs(call.strike_usd)
        return initial, min(self._protection(put), most) + own

    # ---- what is legal

    def strategies(self, legs: Sequence[Leg], most: int) -> list[Strategy]:
        """Every legal strategy of these legs, each leg by itself first.

        Where those of two spreads would be more than ``most`` they are left out: what is left are
        fewer ways to pair, which never lowers a requirement.
        """
        found = [self.single(place, leg) for place, leg in enumerate(legs)]
        spreads = list(_spreads(legs))
        found += [_even(name, ((a, 1), (b, 1)), loss) for name, a, b, loss in spreads]
        found += self._straddles(legs)
        found += self._with_stock(legs)
        return found + _combinations(legs, spreads, most)

    def _straddles(self, legs: Sequence[Leg]) -> Iterator[Strategy]:
        """A short call and a short put of one expiry: the greater side and the other's premium."""
        for c, p in product(_of(legs, "call", False), _of(legs, "put", False)):
            if legs[c].tenor_years != legs[p].tenor_years:
                continue
            call, put = self.naked_usd(legs[c]), self.naked_usd(legs[p])
            value = call + legs[p].price_usd if call >= put else put + legs[c].price_usd
            same = legs[c].strike_usd == legs[p].strike_usd
            name = "short straddle" if same else "short strangle"
            yield _even(name, ((c, 1), (p, 1)), value)

    def _with_stock(self, legs: Sequence[Leg]) -> Iterator[Strategy]:
        """Covered and protected shares, conversions and collars."""
        for s in (place for place, leg in enumerate(legs) if leg.kind == "stock"):
            is_long = legs[s].is_long
            up, down = ("call", "put") if is_long else ("put", "call")
            shorts, longs = _of(legs, up, False), _of(legs, down, True)
            for o in shorts:
                both = self.covered(legs[o], is_long)
                yield Strategy(f"covered {up}", ((s, 1), (o, 1)), *both)
            for o in longs:
                both = self.protected(legs[o], is_long)
                yield Strategy(f"protective {down}", ((s, 1), (o, 1)), *both)
            for long, short in product(longs, shorts):
                yield from self._three(legs, s, long, short)

    def _three(self, legs: Sequence[Leg], s: int, long: int, short: int) -> Iterator[Strategy]:
        """Shares, the long option that protects them and a short one of the same expiry."""
        held, sold, places = legs[long], legs[short], ((s, 1), (long, 1), (short, 1))
        if held.tenor_years != sold.tenor_years:
            return
        if held.strike_usd == sold.strike_usd:
            name = "conversion" if legs[s].is_long else "reverse conversion"
            yield Strategy(name, places, *self.conversion(sold))
        elif legs[s].is_long and held.strike_usd < sold.strike_usd:
            yield Strategy("collar", places, *self.collar(held, sold))


Spread = tuple[str, int, int, float]
"""Name, place of the long and of the short leg, and what it can lose in USD per unit."""


def _even(name: str, legs: tuple[tuple[int, int], ...], value: float) -> Strategy:
    """A strategy of which maintenance is initial margin."""
    return Strategy(name, legs, value, value)


def _of(legs: Sequence[Leg], kind: str, is_long: bool) -> list[int]:
    """Places of the legs of one kind and side."""
    return [i for i, leg in enumerate(legs) if leg.kind == kind and leg.is_long == is_long]


def _spreads(legs: Sequence[Leg]) -> Iterator[Spread]:
    """A short option and a long one of its right that does not expire before it: what the strikes
    lose. A long option that expires first covers nothing.
    """
    for kind in ("call", "put"):
        for a, b in product(_of(legs, kind, True), _of(legs, kind, False)):
            long, short = legs[a], legs[b]
            if long.tenor_years < short.tenor_years:
                continue
            apart = long.strike_usd - short.strike_usd
            loss = max(apart if kind == "call" else -apart, 0.0)
            same = long.tenor_years == short.tenor_years
            yield f"{kind} spread" if same else f"{kind} calendar spread", a, b, loss


def _combinations(legs: Sequence[Leg], spreads: Sequence[Spread], most: int) -> list[Strategy]:
    """Two spreads of one expiry that cannot both lose: butterflies, condors and boxes, iron or not,
    of equal wings or not. The value is the most that the whole loses at any price, which is that of
    the wider wing.

    The payoff of such a combination is flat beyond its strikes, so the worst price is a strike.
    """
    expiries: dict[float, list[Spread]] = {}
    for spread in spreads:
        if legs[spread[1]].tenor_years == legs[spread[2]].tenor_years:
            expiries.setdefault(legs[spread[1]].tenor_years, []).append(spread)
    if sum(len(each) * (len(each) - 1) // 2 for each in expiries.values()) > most:
        return []
    found: dict[tuple[tuple[int, int], ...], Strategy] = {}
    for each in expiries.values():
        for i, (_, a, b, loss) in enumerate(each):
            for _, c, d, other in each[i + 1 :]:
                places = (a, b, c, d)
                strikes = {legs[place].strike_usd for place in places}
                worst = max(0.0, *(-_pays(legs, places, strike) for strike in strikes))
                if worst < loss + other:
                    counted = tuple((p, places.count(p)) for p in sorted(set(places)))
                    found[counted] = _even(_shape(legs, places), counted, worst)
    return list(found.values())


def _pays(legs: Sequence[Leg], places: Sequence[int], price_usd: float) -> float:
    """What legs pay together at a price, one unit of each as it is held."""
    signed = ((1.0 if legs[p].is_long else -1.0, legs[p]) for p in places)
    return sum(sign * leg.payoff_usd(price_usd) for sign, leg in signed)


def _shape(legs: Sequence[Leg], places: Sequence[int]) -> str:
    """What two spreads together are called."""
    strikes = len({legs[place].strike_usd for place in places})
    if len({legs[place].kind for place in places}) == 1:
        return "butterfly" if strikes == 3 else "condor"
    return {2: "box", 3: "iron butterfly"}.get(strikes, "iron condor")
