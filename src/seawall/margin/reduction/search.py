"""Trades proposed and confirmed: what a programme finds counts as far as the full model agrees.

Under a model whose units net by underlying the programme over scenarios proposes; charges, floors
and whatever else it does not know come back to it as a slope per unit of each contract traded,
until both agree. Under any other model, and where the programme finds nothing, trades are tried,
single ones and pairs. Either way every set of trades that is kept has been margined in full.
Source: docs/reduce.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from seawall.margin.model import MarginModel
from seawall.margin.reduction.candidates import Candidates, TradingCosts, candidates_of
from seawall.margin.reduction.programme import ReductionProgramme, Terms
from seawall.margin.reduction.scenarios import programme_of
from seawall.margin.reduction.tried import moves_worth_trying
from seawall.margin.requirement import margin_requirement
from seawall.market.snapshot import MarketSnapshot
from seawall.products.portfolio import Portfolio
from seawall.risk.book import join
from seawall.risk.trades import Trade, with_trades

Floats = NDArray[np.float64]
Method = Literal["scenario-programme", "what-ifs"]

# Rounds in which the programme is told what the full model asks beyond scenarios.
_ROUNDS = 3
# The share of the requirement from which a programme of scanning risk is worth asking.
_LEAST_SCANNED = 0.25
# Candidates that the programme of whole lots is solved over; the relaxed one chooses them.
_SHORT_LIST = 16
# Of the requirement now: little money to lower it with.
_LITTLE_REL = 0.005
# Moves whose contracts are tried again after the first trade.
_PROMISING = 20


@dataclass(frozen=True, slots=True)
class Limits:
    """What a reduction may cost in USD, how many contracts it may trade, and how many USD of
    initial margin a USD of cost must save at least.
    """

    max_cost: float = math.inf
    max_trades: int = 5
    min_saving_per_cost: float = 1.0


@dataclass(frozen=True, slots=True)
class ProposedTrade:
    """One trade: lots, signed, + bought, its cost in USD, ≥ 0, and its premium, + paid."""

    trade: Trade
    lots: int
    cost_usd: float
    premium_usd: float


@dataclass(frozen=True, slots=True)
class Proposal:
    """Trades whose saving the full model confirms; none where none does.

    ``without`` are listed contracts whose lot nobody tells; ``assumed`` how many of the trades are
    costed by default half-spreads; ``tried`` how many sets of trades were margined in full.
    """

    trades: tuple[ProposedTrade, ...]
    method: Method
    tried: int
    without: tuple[str, ...]
    assumed: int


def propose(
    portfolio: Portfolio,
    market: MarketSnapshot,
    model: MarginModel,
    limits: Limits,
    costs: TradingCosts,
    lots: Mapping[str, Decimal],
) -> Proposal:
    """Trades that lower initial margin most for what they cost, within limits.

    Raises what :func:`seawall.margin.requirement.margin_requirement` and
    :func:`seawall.margin.reduction.candidates.candidates_of` raise.
    """
    book = join(portfolio, market)
    pair = model.pair()
    first = model if pair is None else pair[0]
    candidates = candidates_of(book, market, model, costs, lots)
    search = _Search(portfolio, market, model, limits, candidates)
    whole = margin_requirement(book, first)
    scanned = whole.scanning_risk * first.levels.im_factor
    method: Method = "what-ifs"
    lots_found = search.nothing
    if scanned >= _LEAST_SCANNED * search.before:
        programme = programme_of(whole, book, candidates, first)
        if programme is not None:
            method, lots_found = "scenario-programme", search.by_programme(programme)
    if not lots_found.any():
        method, lots_found = "what-ifs", search.by_what_ifs()
    places = np.flatnonzero(lots_found).tolist()
    premiums = candidates.premium_usd
    return Proposal(
        trades=tuple(
            ProposedTrade(
                trade,
                int(lots_found[place]),
                search.cost(lots_found, [place]),
                float(trade.quantity) * float(premiums[place]),
            )
            for place, trade in zip(places, search.trades(lots_found), strict=True)
        ),
        method=method,
        tried=search.tried,
        without=candidates.without,
        assumed=sum(candidates.instruments[p].name not in market.half_spreads for p in places),
    )


class _Search:
    """Sets of trades in lots [N] of an account's candidates, each margined in full once."""

    def __init__(
        self,
        portfolio: Portfolio,
        market: MarketSnapshot,
        model: MarginModel,
        limits: Limits,
        candidates: Candidates,
    ) -> None:
        self._portfolio, self._market, self._model = portfolio, market, model
        self._limits, self._of = limits, candidates
        self._known: dict[bytes, float] = {}
        self.nothing: Floats = np.zeros(len(candidates.instruments))
        self.before = self.margin(self.nothing)

    # ---- what a set of trades is worth

    def margin(self, lots: Floats) -> float:
        """Initial margin in USD after trades, by the full model."""
        key = lots.tobytes()
        if key not in self._known:
            after = with_trades(self._portfolio, self.trades(lots), self._market)
            book = join(after, self._market)
            self._known[key] = margin_requirement(book, self._model).initial
        return self._known[key]

    @property
    def tried(self) -> int:
        """Sets of trades margined in full."""
        return len(self._known) - 1  # one of them is no trade

    def trades(self, lots: Floats) -> list[Trade]:
        """The trades of some lots, at their marks."""
        return [
            Trade(instrument=self._of.instruments[place], quantity=self._quantity(lots, place))
            for place in np.flatnonzero(lots).tolist()
        ]

    def _quantity(self, lots: Floats, place: int) -> Decimal:
        """Units of the underlying; what is held goes wholly where its last lot does."""
        units = float(lots[place] * self._of.lot[place])
        held = float(self._of.held[place])
        if held and abs(units + held) < 1e-6 * self._of.lot[place]:
            units = -held
        return Decimal(f"{units:.8f}".rstrip("0").rstrip("."))

    def cost(self, lots: Floats, places: Iterable[int] | None = None) -> float:
        """What trades cost in USD, or some of them."""
        each = np.abs(lots) * self._of.lot * self._of.cost_usd
        return float(each.sum() if places is None else each[list(places)].sum())

    def value(self, lots: Floats) -> float:
        """Margin and weighted cost: what is as small as possible within limits."""
        if not self._is_allowed(lots):
            return math.inf
        return self.margin(lots) + self._limits.min_saving_per_cost * self.cost(lots)

    def _is_allowed(self, lots: Floats) -> bool:
        many = np.count_nonzero(lots) > self._limits.max_trades
        return not many and self.cost(lots) <= self._limits.max_cost * (1.0 + 1e-9)

    def _pruned(self, lots: Floats) -> Floats:
        """Trades without those that the full model is better off without, or with half of."""
        best, value = lots, self.value(lots)
        while True:
            better: Floats | None = None
            for place in np.flatnonzero(best).tolist():
                for left in (0.0, np.trunc(best[place] / 2.0)):
                    fewer = best.copy()
                    fewer[place] = left
                    if self.value(fewer) < value:
                        better, value = fewer, self.value(fewer)
            if better is None:
                return best
            best = better

    # ---- by the programme

    def by_programme(self, programme: ReductionProgramme) -> Floats:
        """The best set of trades that the programme finds and the full model confirms."""
        charged = np.zeros(self.nothing.size)
        best, value = self.nothing, self.value(self.nothing)
        for _ in range(_ROUNDS):
            lots = self._solved(programme, charged)
            if not lots.any():
                break
            found = self._pruned(lots)
            if self.value(found) < value:
                best, value = found, self.value(found)
            slopes = self._beyond(programme, lots)
            if not self._raise(charged, lots, slopes):
                break
        return best

    def _solved(self, programme: ReductionProgramme, charged: Floats) -> Floats:
        """Lots by the programme: first any size of every candidate, then lots of those it used."""
        terms = self._terms(charged)
        short: list[int] = []
        # What is best of all, and what is best for little money.
        for budget in (math.inf, _LITTLE_REL * self.before):
            most = min(terms.max_cost, budget)
            traded = programme.solve(replace(terms, max_cost=most, lot=None, max_trades=None))
            worth = np.abs(traded * self._of.delta) + np.abs(traded) * 1e-6
            order = np.argsort(-worth, kind="stable").tolist()
            short += [place for place in order if traded[place]][: _SHORT_LIST // 2]
        chosen = list(dict.fromkeys(short))[:_SHORT_LIST]
        lots = self.nothing.copy()
        if chosen:
            traded = programme.of(chosen).solve(_some(terms, chosen))
            lots[chosen] = np.rint(traded / self._of.lot[chosen])
        return lots

    def _terms(self, charged: Floats) -> Terms:
        limits, of = self._limits, self._of
        weight = max(limits.min_saving_per_cost, 1e-6)
        cost = of.cost_usd + charged / weight
        most = _most_units(of)
        return Terms(
            buy_cost=cost,
            sell_cost=cost,
            lowest=-most,
            highest=most,
            lot=of.lot,
            max_cost=limits.max_cost,
            max_trades=limits.max_trades,
            weight=weight,
            spent=of.cost_usd,
        )

    def _beyond(self, programme: ReductionProgramme, lots: Floats) -> Floats:
        """What the full model asks of each trade beyond scenarios, USD per unit; shape [N]."""
        slopes = np.zeros(lots.size)
        units = lots * self._of.lot
        whole = self.margin(lots) - programme.margin(units)
        for place in np.flatnonzero(lots).tolist():
            rest, left = lots.copy(), units.copy()
            rest[place] = left[place] = 0.0
            without = self.margin(rest) - programme.margin(left)
            slopes[place] = (whole - without) / abs(units[place])
        return slopes

    def _raise(self, charged: Floats, lots: Floats, slopes: Floats) -> bool:
        """Put slopes into what trades are charged; whether that says anything new."""
        places = np.flatnonzero(lots)
        new = np.maximum(slopes[places], 0.0)
        known = charged[places].copy()
        charged[places] = new
        return bool((np.abs(new - known) > 0.05 * (self._of.cost_usd[places] + known)).any())

    # ---- by trial

    def by_what_ifs(self) -> Floats:
        """The best trade or pair, then the best after it, until none saves more than it costs."""
        best: Floats = self.nothing
        promising: set[int] | None = None
        for _ in range(self._limits.max_trades):
            moves = moves_worth_trying(self._of, best)
            if promising is not None:
                moves = [each for each in moves if _where(each, best) <= promising]
            gains = [self._gain(each, best) for each in moves]
            order = sorted(range(len(moves)), key=lambda place, of=gains: -of[place])
            if not order or gains[order[0]] <= 0.0:
                break
            # What is far from the best now is so after it too: not everything is tried again.
            promising = set[int]().union(
                *(_where(moves[place], best) for place in order[:_PROMISING])
            )
            best = moves[order[0]]
        return self._pruned(best)

    def _gain(self, lots: Floats, base: Floats) -> float:
        """What a further trade saves per USD of cost; below 0 where it saves less than it costs."""
        saved = self.value(base) - self.value(lots)
        more = self.cost(lots) - self.cost(base)
        return saved / max(more, 1e-9) if saved > 0.0 else -1.0


def _where(lots: Floats, base: Floats) -> set[int]:
    """The candidates in which two sets of lots differ."""
    return set(np.flatnonzero(lots != base).tolist())


def _most_units(of: Candidates) -> Floats:
    """As much of each contract as the account has units of contracts on its underlying."""
    most: list[Floats] = []
    start = 0
    for part in of.books:
        stop = start + len(part.positions)
        held = float(np.abs(of.held[start:stop]).sum())
        least = of.lot[start:stop]
        most.append(np.maximum(np.floor(held / least + 1e-9), 1.0) * least)
        start = stop
    return np.concatenate(most) if most else np.zeros(0)


def _some(terms: Terms, chosen: Sequence[int]) -> Terms:
    """The terms of some candidates."""
    at = np.asarray(chosen, dtype=np.intp)
    assert terms.lot is not None
    assert terms.spent is not None
    return replace(
        terms,
        buy_cost=terms.buy_cost[at],
        sell_cost=terms.sell_cost[at],
        lowest=terms.lowest[at],
        highest=terms.highest[at],
        lot=terms.lot[at],
        spent=terms.spent[at],
    )
