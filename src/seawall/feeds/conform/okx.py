"""Cases of OKX's portfolio margin: answers of its position builder, and examples of single rules.

An answer tells positions, marks and what each rule asks of a risk unit, but neither the index nor
the price of the stablecoin. Both are implied: the index by the largest move of MR1, the stablecoin
by the delta of the unit, so that all other figures are held against them. A unit with options,
whose volatilities are not told, cannot be computed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any, cast

import msgspec
import numpy as np
from msgspec.structs import replace

from seawall.feeds.conform.cases import Case
from seawall.feeds.conform.shapes import AS_OF, charge_of, matrix_of, read_as, with_charge
from seawall.margin.charges import AtLeastCharge, BorrowFactorCharge, StablecoinHedgeCharge
from seawall.margin.charges.at_least import ClosingNumbers
from seawall.margin.charges.tiers import Tier
from seawall.margin.classes import class_of
from seawall.margin.model import MarginModel
from seawall.margin.requirement import MarginRequirement, margin_requirement
from seawall.market.snapshot import MarketSnapshot
from seawall.products.instruments import Future, Instrument, Perpetual, Stablecoin
from seawall.products.names import parse_venue_name
from seawall.products.portfolio import Portfolio, Position
from seawall.risk.book import join
from seawall.risk.shocks import VolMove


class _Contract(msgspec.Struct, frozen=True, rename="camel"):
    ct_val: float


class _Held(msgspec.Struct, frozen=True, rename="camel"):
    inst_id: str
    amt: float
    mark_px: float


class _Extreme(msgspec.Struct, frozen=True, rename="camel"):
    pnl: float
    spot_shock: float


class _RiskUnit(
    msgspec.Struct,
    frozen=True,
    rename={
        "risk_unit": "riskUnit",
        "extreme": "mr6FinalResult",
        "moves": "mr1Scenarios_volSame",
    },
):
    risk_unit: str
    delta: float
    imr: float
    mmr: float
    mr1: float
    mr2: float
    mr3: float
    mr4: float
    mr5: float
    mr6: float
    mr7: float
    mr9: float
    extreme: _Extreme
    moves: dict[str, float]
    positions: list[_Held]


class _Account(
    msgspec.Struct,
    frozen=True,
    rename={
        "total_imr": "totalImr",
        "total_mmr": "totalMmr",
        "units_mmr": "derivMmr",
        "borrow_mmr": "borrowMmr",
        "borrow_imr": "borrowImr_USDT",
        "ratio": "marginRatio",
    },
):
    eq: float
    total_imr: float
    total_mmr: float
    units_mmr: float
    borrow_mmr: float
    borrow_imr: float
    ratio: float


class _Answer(msgspec.Struct, frozen=True):
    timestamp_ms: int
    assumed_contract: dict[str, _Contract]
    account_expected: _Account
    risk_units: list[_RiskUnit]


class _Rule(msgspec.Struct, frozen=True):
    name: str
    inputs: dict[str, Any]
    expected: dict[str, Any]


_LevelTier = tuple[float, float | None, float]

_STEPS = {
    "mr3": "vega_across_expiries/",
    "mr4": "expiry_basis/",
    "mr5": "rate_shift/",
    "mr9": "stablecoin_hedge/",
}


def cases(document: Any, model: MarginModel, where: str) -> Iterator[Case] | None:
    """The cases of a document, None where it has neither of the two shapes.

    Raises BadNumber for a case that cannot be read.
    """
    if not isinstance(document, dict):
        return None
    table = cast("dict[str, Any]", document)
    if {"risk_units", "account_expected", "assumed_contract"} <= table.keys():
        return _of_answer(read_as(_Answer, table, where), model)
    if "examples" in table and str(table.get("id", "")).startswith("okx_pm"):
        rules = read_as(list[_Rule], table["examples"], where)
        return (_of_rule(rule, model, where) for rule in rules)
    return None


def _of_answer(answer: _Answer, model: MarginModel) -> Iterator[Case]:
    markets = [_Market.of(unit, answer) for unit in answer.risk_units]
    for unit, market in zip(answer.risk_units, markets, strict=True):
        figures = {f"mr{n}": getattr(unit, f"mr{n}") for n in (1, 2, 3, 4, 5, 6, 7, 9)}
        figures |= {f"mr1 at {move}": pnl for move, pnl in unit.moves.items()}
        figures |= {"pnl of mr6": unit.extreme.pnl, "mmr": unit.mmr, "imr": unit.imr}
        yield Case(
            name=f"risk unit {unit.risk_unit}",
            expected=figures,
            compute=partial(_unit_figures, market, unit, model),
            tolerance_abs=1e-9,
            skipped=market.why_not,
        )
    account = answer.account_expected
    yield Case(
        name="account",
        expected={
            "totalImr": account.total_imr,
            "totalMmr": account.total_mmr,
            "derivMmr": account.units_mmr,
            "borrowMmr": account.borrow_mmr,
            "borrowImr": account.borrow_imr,
        },
        compute=partial(_account_figures, markets, account, model),
        skipped=next((each.why_not for each in markets if each.why_not), None),
    )
    yield Case(
        name="account, marginRatio",
        expected={"marginRatio": account.ratio},
        compute=dict[str, float],
        skipped="what is in its denominator beside maintenance margin is not told",
    )


class _Market(msgspec.Struct, frozen=True):
    """What a risk unit holds, with the market that its figures imply; or why that is not known."""

    as_of: datetime
    held: tuple[tuple[Future, float, float], ...] = ()
    """Contracts with what is held of them in coins and their marks."""
    index_usd: float = 0.0
    stable_usd: float = 0.0
    why_not: str | None = None

    @classmethod
    def of(cls, unit: _RiskUnit, answer: _Answer) -> _Market:
        """The market of a unit."""
        as_of = datetime.fromtimestamp(answer.timestamp_ms / 1e3, tz=UTC)
        held: list[tuple[Future, float, float]] = []
        for each in unit.positions:
            contract = parse_venue_name(each.inst_id, "okx")
            if not isinstance(contract, Future) or contract.is_inverse:
                return cls(as_of, why_not=f"of {each.inst_id} not all that values it is told")
            coins = each.amt * answer.assumed_contract[each.inst_id].ct_val
            held.append((contract, coins, each.mark_px))
        coins = sum(own for _, own, _ in held)
        marked = sum(own * mark for _, own, mark in held)
        if len({contract.settlement for contract, _, _ in held}) != 1 or not coins or not marked:
            return cls(as_of, why_not="positions that imply neither an index nor a stablecoin")
        move = max(unit.moves, key=lambda key: abs(float(key)))
        return cls(
            as_of,
            tuple(held),
            index_usd=unit.moves[move] / (float(move) * coins),
            stable_usd=unit.delta / marked,
        )


def _position(instrument: Instrument, quantity: float) -> Position:
    return Position(instrument=instrument, quantity=Decimal(repr(quantity)))


def _required(
    markets: list[_Market], model: MarginModel, owed: tuple[Position, ...] = ()
) -> MarginRequirement:
    """The requirement of some units together, and of money that is owed."""
    held = [each for market in markets for each in market.held]
    snapshot = MarketSnapshot(
        as_of=markets[0].as_of,
        index_usd={m.held[0][0].underlying: m.index_usd for m in markets},
        stable_usd={contract.settlement: markets[0].stable_usd for contract, _, _ in held},
        forwards={},
        futures={contract.name: mark for contract, _, mark in held},
        slices={},
        option_rows={},
    )
    positions = (*(_position(contract, coins) for contract, coins, _ in held), *owed)
    return margin_requirement(join(Portfolio(account="case", positions=positions), snapshot), model)


def _unit_figures(market: _Market, unit: _RiskUnit, model: MarginModel) -> Mapping[str, float]:
    """What each rule asks of a unit by itself."""
    found = _required([market], model)
    cells = matrix_of(found, model)
    of = cells.scenarios
    tails = np.arange(of.price_rel.size) >= of.price_rel.size - of.tail_count
    same = np.array([of.vol_move(cell) is VolMove.NONE for cell in range(of.price_rel.size)])

    def pnl_at(move: float, among: np.ndarray[Any, Any]) -> float:
        at = np.flatnonzero(among & same & np.isclose(of.price_rel, move, rtol=0.0, atol=1e-9))
        return float(cells.undamped[at[0]]) if at.size else np.nan

    figures = {
        "mr1": max(0.0, -cells.damped[~tails & ~of.base].min(initial=0.0)),
        "mr2": max(0.0, -cells.damped[of.base].min(initial=0.0)),
        "mr6": max(0.0, -cells.damped[tails].min(initial=0.0)),
        "mr7": charge_of(model, AtLeastCharge).closing.cost_usd(found.charged[0]),
        "pnl of mr6": pnl_at(unit.extreme.spot_shock, tails),
        "mmr": found.maintenance,
        "imr": found.initial,
    }
    figures |= {f"mr1 at {move}": pnl_at(float(move), ~tails) for move in unit.moves}
    return figures | {name: _step(found, head) for name, head in _STEPS.items()}


def _step(found: MarginRequirement, head: str) -> float:
    """Maintenance margin of the steps of one rule."""
    return sum(step.maintenance for step in found.steps if step.path.startswith(head))


def _account_figures(
    markets: list[_Market], account: _Account, model: MarginModel
) -> Mapping[str, float]:
    """The whole account, which owes what its losses exceed its balance by."""
    currency = Stablecoin(name=markets[0].held[0][0].settlement)
    owed = _position(currency, min(0.0, account.eq) / markets[0].stable_usd)
    charge_of(model, BorrowFactorCharge)
    whole, units = _required(markets, model, (owed,)), _required(markets, model)
    return {
        "totalImr": whole.initial,
        "totalMmr": whole.maintenance,
        "derivMmr": units.maintenance,
        "borrowMmr": whole.maintenance - units.maintenance,
        "borrowImr": whole.initial - units.initial,
    }


def _of_rule(rule: _Rule, model: MarginModel, where: str) -> Case:
    """An example of one rule, on a book that has just what it tells."""
    inputs, place = rule.inputs, f"{where}, {rule.name}"
    numbers = {k: float(v) for k, v in inputs.items() if isinstance(v, int | float)}
    if {"mr7_raw", "max_mr126_plus_345"} <= numbers.keys():
        tiers = _tiers(inputs.get("tiers"), place)
        compute = partial(_closing_figures, numbers, tiers, model)
    elif "hedged_usd" in numbers:
        tiers = _tiers(inputs.get("tiers_rate"), place)
        compute = partial(_hedge_figures, numbers["hedged_usd"], tiers, model)
    else:
        why = "of an earlier rule, and the price it is computed at is not stated"
        return Case(rule.name, {}, dict[str, float], skipped=why)
    return Case(rule.name, read_as(dict[str, float], rule.expected, place), compute)


def _tiers(table: Any, where: str) -> tuple[Tier, ...]:
    read = read_as(list[_LevelTier], table, where)
    return tuple(Tier(above_usd=above, rate=rate) for above, _, rate in read)


_PRICE_USD = 1e6
_LINEAR = Perpetual(name="BTC_USDT-PERPETUAL", underlying="BTC", settlement="USDT")
_INVERSE = Perpetual(name="BTC-PERPETUAL", underlying="BTC", settlement="BTC")


def _closing_figures(
    numbers: Mapping[str, float], tiers: tuple[Tier, ...], model: MarginModel
) -> Mapping[str, float]:
    """One coin at a round price: its range makes the risk, its rate the cost of closing out."""
    charge, numbers_of = charge_of(model, AtLeastCharge), class_of("BTC", model.classes)
    share = numbers["max_mr126_plus_345"] / _PRICE_USD
    own = ClosingNumbers(
        future_rel=numbers["mr7_raw"] / _PRICE_USD,
        option_rel=0.0,
        option_floor_rel=0.0,
        tiers=tiers,
    )
    closing = replace(charge.closing, classes={numbers_of.name: own})
    narrow = replace(numbers_of, price_range_up_rel=share, price_range_down_rel=share)
    chosen = replace(
        with_charge(model, replace(charge, beside=(), closing=closing)),
        classes=tuple(narrow if each is numbers_of else each for each in model.classes),
    )
    market = _Market(AS_OF, ((_LINEAR, 1.0, _PRICE_USD),), _PRICE_USD, 1.0)
    found = _required([market], chosen)
    return {"mr7_adj": closing.cost_usd(found.charged[0]), "mmr": found.maintenance}


def _hedge_figures(
    hedged_usd: float, tiers: tuple[Tier, ...], model: MarginModel
) -> Mapping[str, float]:
    """A perpetual in a stablecoin against one in dollars, of the size that is hedged."""
    chosen = with_charge(model, StablecoinHedgeCharge(tiers=tiers))
    held = ((_LINEAR, 1.0, hedged_usd), (_INVERSE, -1.0, hedged_usd))
    found = _required([_Market(AS_OF, held, hedged_usd, 1.0)], chosen)
    return {"mr9": _step(found, _STEPS["mr9"])}
